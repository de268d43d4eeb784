"""MoneyGram's API: JSON both ways, signed in by OAuth 2 client credentials; amounts are JSON numbers and never floats."""

from __future__ import annotations

import functools
import hashlib
import json
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, cast
from urllib.parse import quote, urlencode

from hub.connect.amounts import from_gateway_decimal, to_gateway_decimal
from hub.connect.answers import ErrorTable, failure, raise_for_status
from hub.connect.auth import TOKENS, TokenCache, Unsigned, basic, read_token, send
from hub.connect.manifest import load_manifest
from hub.errors import MoneyError, PermanentError
from hub.jsontypes import json_digest
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call, HttpResponse
    from hub.connect.auth import Token
    from hub.connect.manifest import Currencies
    from hub.jsontypes import Json

HOSTS: Final[Mapping[str, str]] = {"test": "https://sandboxapi.moneygram.com", "live": "https://api.moneygram.com"}
"""The API's address by mode (developer.moneygram.com, "API overview")."""

Value: TypeAlias = "dict[str, Value] | list[Value] | str | int | Decimal | bool | None"
"""JSON whose broken numbers are decimals."""
Thing: TypeAlias = "dict[str, Value]"

ERRORS: Final = ErrorTable(
    code=("answer.errors[0].code", "answer.error.code"),
    message="answer.errors[0].message || answer.error.message",
    table={"697": "not_found"},
)
"""``{"errors": [{"category", "code", "message"}]}``; 697 is "Invalid Transaction ID" in recorded answers."""


@dataclass(slots=True)
class SignIn:
    """The token, shared by all calls of the connection. MoneyGram asks for it by GET, with the client's Basic header."""

    call: Call
    base: str
    cache: TokenCache = field(default_factory=lambda: TOKENS)
    _used: str = field(default="", init=False, repr=False)

    def headers(self, request: Unsigned) -> Mapping[str, str]:
        """The bearer header with a valid token. Raises like an action."""
        self._used = self.cache.get(self._key, request.now, self._fetch)
        return {"Authorization": f"Bearer {self._used}"}

    def renew(self) -> bool:
        """Forget a token that was refused; the next try fetches another."""
        self.cache.drop(self._key, self._used)
        return True

    @property
    def _key(self) -> str:
        connection = self.call.connection
        parts = [self.base, connection.secret("client_id"), connection.secret("client_secret")]
        return f"{connection.name}:{json_digest(cast('Json', parts))}"

    def _fetch(self) -> Token:
        connection = self.call.connection
        signed_in = basic(connection.secret("client_id"), connection.secret("client_secret"))
        method = str(connection.settings.get("token_method") or "GET")
        path = str(connection.settings.get("token_path") or "/oauth/accesstoken")
        response = self.call.http.request(
            method,
            f"{self.base}{path}?grant_type=client_credentials",
            headers={"Accept": "application/json", signed_in.name: signed_in.value},
            repeatable=True,
        )
        if response.status == 400:  # noqa: PLR2004 (recorded: G905 "Bad_Request" for a client that it does not know)
            raise failure("unauthorised", "MoneyGram's token address refused the client id and secret.")
        raise_for_status(response, ERRORS, now=self.call.now)
        return read_token(response.json(), self.call.now)


class MoneyGram:
    """The API for one call."""

    def __init__(self, call: Call) -> None:
        settings = call.connection.settings
        self._call = call
        base = settings.get("api_base") or HOSTS[str(settings.get("mode") or "test")]
        self.base = str(base).rstrip("/")
        self.sign_in = SignIn(call, self.base)
        self.common: Thing = {
            "targetAudience": str(settings.get("target_audience") or "AGENT_FACING"),
            "agentPartnerId": str(settings["agent_partner_id"]),
            "userLanguage": str(settings.get("language") or "en-US"),
        }

    def get(self, path: str, query: Mapping[str, str | None] | None = None) -> Value:
        """GET, with the fields that every call has. Raises like an action."""
        asked = {**{name: str(value) for name, value in self.common.items()}, **(query or {})}
        response = self.send("GET", path, query={name: value for name, value in asked.items() if value is not None})
        return self.read(response)

    def put(self, path: str, body: Thing, *, part: str) -> Thing:
        """PUT. MoneyGram knows it again by its id in ``path``. Raises like an action."""
        return thing_of(self.read(self.send("PUT", path, body={**self.common, **body}, part=part)))

    def post(self, path: str, body: Thing, *, part: str) -> Thing:
        """POST; only where a second one does no harm. Raises like an action."""
        return thing_of(self.read(self.send("POST", path, body={**self.common, **body}, part=part, repeatable=True)))

    def send(  # noqa: PLR0913 (the parts of a request)
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Value = None,
        part: str = "",
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
    ) -> HttpResponse:
        """One request, whatever the answer's status.

        ``part`` tells the calls of one step apart: a change that is sent again has the same request id. A question has
        a new one each time, so that no answer to an earlier one is given again.
        """
        content = None if body is None else write_json(without_nulls(body)).encode()
        told = f"{self._call.key}:{part}:{method} {path}".encode() + (content or b"")
        own = {"X-MG-ClientRequestId": str(uuid.uuid4()) if method == "GET" else request_id(told)}
        own["Accept"] = "application/json"
        if content is not None:
            own["Content-Type"] = "application/json"
        url = f"{self.base}{path}" + (f"?{urlencode(query)}" if query else "")
        return send(
            self._call.http,
            self.sign_in,
            method,
            url,
            now=self._call.now,
            headers={**(headers or {}), **own},
            body=content,
            repeatable=repeatable,
        )

    def read(self, response: HttpResponse) -> Value:
        """The answer's JSON. Raises what an error answer means."""
        self.judge(response)
        try:
            return cast("Value", json.loads(response.body, parse_float=Decimal))
        except ValueError as error:
            raise failure("bad_answer", "MoneyGram answered with something else than JSON.") from error

    def judge(self, response: HttpResponse) -> None:
        """Raise what an error answer means; return for 2xx."""
        raise_for_status(response, ERRORS, now=self._call.now)
        if response.status >= 300:  # noqa: PLR2004
            raise failure("bad_answer", f"MoneyGram's address answered {response.status}; check the connection's.")

    def find(self, path: str) -> Thing | None:
        """GET of one thing; None for what MoneyGram does not know."""
        try:
            return thing_of(self.get(path))
        except PermanentError as error:
            if error.code == "not_found":
                return None
            raise


def write_json(value: Value) -> str:
    """JSON without blanks, a decimal as a number with exactly its digits."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{write_json(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(write_json(member) for member in value) + "]"
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def without_nulls(value: Value) -> Value:
    """The value without members that are null; what a step leaves out is not sent."""
    if isinstance(value, dict):
        return {name: without_nulls(member) for name, member in value.items() if member is not None}
    return [without_nulls(member) for member in value] if isinstance(value, list) else value


def request_id(told: bytes) -> str:
    """A UUID that is the same for the same request of the same step."""
    return str(uuid.UUID(bytes=hashlib.sha256(told).digest()[:16], version=4))


def segment(reference: object) -> str:
    """An id as one segment of a path: nothing in it can lead elsewhere."""
    return quote(str(reference), safe="")


@functools.cache
def currencies() -> Currencies:
    """The manifest's currencies: all, as ISO 4217 has them."""
    return load_manifest(Path(__file__).parent).currencies


def price(amount: Json) -> Thing:
    """``{currencyCode, value}`` as MoneyGram takes it. Raises ``PermanentError``."""
    money = Money.from_json(amount)
    if money.minor <= 0:
        raise failure("amount_too_small", f"{money} cannot be paid out.")
    try:
        return {"currencyCode": money.currency, "value": Decimal(to_gateway_decimal(money, currencies()))}
    except MoneyError as error:
        raise failure("bad_input", str(error)) from error


def money_of(given: Value) -> Json:
    """Money as JSON of MoneyGram's ``{value, currencyCode}``; null where it is missing or finer than the currency."""
    value = thing_of(given)
    number, currency = value.get("value"), value.get("currencyCode")
    if isinstance(number, bool) or not isinstance(number, (int, str, Decimal)) or not isinstance(currency, str):
        return None
    try:
        return cast("Json", from_gateway_decimal(str(number), currency, currencies()).to_json())
    except MoneyError:
        return None


def thing_of(value: Value) -> Thing:
    """An object; empty for anything else."""
    return value if isinstance(value, dict) else {}


def things_of(value: Value) -> list[Thing]:
    """The objects of a list; empty for anything else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text_of(value: Value) -> str | None:
    """A text that is not empty, else None; numbers become texts."""
    if isinstance(value, bool) or value is None or isinstance(value, (dict, list)):
        return None
    return str(value) or None


def plain(value: Value) -> Json:
    """The value as plain JSON, decimals as texts."""
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [plain(member) for member in value]
    return str(value) if isinstance(value, Decimal) else value


def time_of(date: Value) -> Json:
    """RFC 3339 text of a date or of a time without a zone, which is UTC (recorded deliveries); null for null."""
    text = text_of(date)
    if text is None:
        return None
    return f"{text}T00:00:00Z" if "T" not in text else f"{text.rstrip('Z')}Z"
