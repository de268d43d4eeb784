"""2Checkout's API for one call: REST 6.0, the two JSON-RPC methods that REST lacks, and the signature service.

Amounts are JSON numbers in major units. They are read as :class:`~decimal.Decimal` and written digit by digit, so that no
amount is ever a float.
"""

from __future__ import annotations

import functools
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.twocheckout.errors import failure_of
from connectors.twocheckout.signing import SHA3, merchant_token, request_date, request_hash, request_header
from hub.connect.amounts import from_gateway_decimal, to_gateway_decimal
from hub.connect.answers import failure
from hub.connect.manifest import load_manifest
from hub.errors import ConfigError, MoneyError
from hub.money import Money, exponent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call, Connection, HttpResponse
    from hub.connect.manifest import Currencies
    from hub.jsontypes import Json

API = "https://api.2checkout.com"
CHECKOUT = "https://secure.2checkout.com"
REST = "/rest/6.0"
ZONE = "Europe/Bucharest"
"""2Checkout writes times without an offset, in the account's time zone; its servers stand in Romania."""

_NOISE = Decimal("0.000001")

Answer = dict[str, Any]
"""An object of 2Checkout's: JSON whose numbers with a point are decimals."""


class TwoCheckout:
    """The API for one call. Signs every request anew: 2Checkout's clock tolerates minutes."""

    def __init__(self, call: Call) -> None:
        settings = call.connection.settings
        self._call = call
        self.code = str(settings["merchant_code"])
        self.base = str(settings.get("api_base") or API).rstrip("/")
        self.checkout = str(settings.get("checkout_base") or CHECKOUT).rstrip("/")

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        """GET an object. Raises like an action."""
        return _object(self.judged("GET", path, query=query))

    def change(self, method: str, path: str, body: object = None, *, repeatable: bool = True) -> object:
        """POST, PUT or DELETE; gives the answer, an object or plain true. Raises like an action.

        ``repeatable=False`` for what must not be done twice and cannot be looked up.
        """
        return _parsed(self.judged(method, path, body=body, repeatable=repeatable))

    def judged(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        repeatable: bool = True,
    ) -> HttpResponse:
        """The answer of a request that went well. Raises like an action."""
        response = self.send(method, f"{REST}{path}", query=query, body=body, repeatable=repeatable)
        return self._judge(response, repeatable=repeatable)

    def send(  # noqa: PLR0913 (the parts of an HTTP request)
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> HttpResponse:
        """One signed request below the API's address, whatever the answer's status."""
        key = self._call.connection.secret("secret_key")
        own = {
            "X-Avangate-Authentication": request_header(self.code, key, self._call.now),
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        content = json_text(body).encode() if body is not None else None
        return self._call.http.request(
            method,
            f"{self.base}{path}",
            params=query,
            headers={**(headers or {}), **own},
            body=content,
            repeatable=repeatable,
        )

    def remote(self, method: str, *parameters: str) -> object:
        """Call a JSON-RPC method with a session of its own. Raises like an action."""
        date = request_date(self._call.now)
        key = self._call.connection.secret("secret_key")
        session = self._remote(1, "login", self.code, date, request_hash(self.code, key, date), SHA3)
        return self._remote(2, method, str(session), *parameters)

    def signature(self, payload: object) -> str:
        """Have a cart's or link's parameters signed, by the merchant's token. Raises like an action."""
        word = self._call.connection.secret("buy_link_secret_word")
        response = self._call.http.request(
            "POST",
            f"{self.checkout}/checkout/api/encrypt/generate/signature",
            headers={
                "merchant-token": merchant_token(self.code, word, self._call.now),
                "Accept": "application/json",
                "Content-Type": "application/json",
            },
            body=json_text(payload).encode(),
            repeatable=True,
        )
        found = _object(self._judge(response)).get("signature")
        if not isinstance(found, str) or not found:
            raise failure("bad_answer", "2Checkout's signature service gave no signature.")
        return found

    def _remote(self, number: int, method: str, *parameters: str) -> object:
        body = {"jsonrpc": "2.0", "method": method, "params": list(parameters), "id": number}
        response = self._call.http.request(
            "POST",
            f"{self.base}/rpc/6.0/",
            headers={"Accept": "application/json", "Content-Type": "application/json"},
            body=json_text(body).encode(),
            repeatable=True,
        )
        answer = _object(self._judge(response))
        error = answer.get("error")
        if error:
            words = error.get("message") if isinstance(error, dict) else error
            own = str(error.get("code")) if isinstance(error, dict) else None
            code = "unauthorised" if method == "login" else "invalid_request"
            raise failure(code, f"2Checkout says: {words}.", gateway_code=own)
        return answer.get("result")

    def _judge(self, response: HttpResponse, *, repeatable: bool = True) -> HttpResponse:
        if response.status >= 400:  # noqa: PLR2004
            raise failure_of(response, self._call.now, repeatable=repeatable)
        if response.status >= 300:  # noqa: PLR2004
            message = f"2Checkout's address answered {response.status}; check the connection's address."
            raise failure("bad_answer", message)
        return response


def segment(reference: Json) -> str:
    """A reference as one segment of a path: nothing in it can lead elsewhere."""
    return quote(str(reference), safe="")


def is_test(connection: Connection) -> bool:
    """Whether the connection is one for test orders; 2Checkout has no other host for them."""
    return connection.settings.get("mode") == "test"


def flag(value: object) -> bool | None:
    """A yes or no in any of 2Checkout's spellings; None for anything else."""
    return {"1": True, "TRUE": True, "YES": True, "0": False, "FALSE": False, "NO": False}.get(str(value).upper())


def json_text(value: object) -> str:
    """JSON text in which a :class:`~decimal.Decimal` is a number with its own digits."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(str(name))}:{json_text(member)}" for name, member in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(json_text(member) for member in value) + "]"
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


@functools.cache
def currencies() -> Currencies:
    """Where 2Checkout's amounts differ from ISO 4217, as the manifest says."""
    return load_manifest(Path(__file__).parent).currencies


def amount_text(money: Money) -> str:
    """The amount in major units as 2Checkout takes it. Raises ``PermanentError`` (``bad_input``)."""
    try:
        return to_gateway_decimal(money, currencies())
    except MoneyError as error:
        raise failure("bad_input", str(error)) from error


def money_of(value: object, currency: object) -> Json:
    """Money as JSON of an amount of an answer, without its sign (refunds are negative); null where it is missing."""
    if not isinstance(value, (int, str, Decimal)) or isinstance(value, bool) or not isinstance(currency, str):
        return None
    code = currency.upper()
    try:
        number = abs(Decimal(value))
        whole = round(number, exponent(code))
        # 2Checkout computes with floats: 19.990000000000002 is 19.99.
        if abs(number - whole) < _NOISE:
            number = whole
        return cast("Json", from_gateway_decimal(f"{number:f}", code, currencies()).to_json())
    except (ArithmeticError, MoneyError) as error:
        raise failure("bad_answer", f"{value} {currency} is not an amount.") from error


def time_of(text: object, connection: Connection) -> Json:
    """RFC 3339 text of a time as 2Checkout writes it, in the account's zone; null for no time and for *never*."""
    if not isinstance(text, str) or not text or text.startswith(("9999", "0000")):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone(connection))
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def zone(connection: Connection) -> ZoneInfo:
    """The account's time zone. Raises :class:`ConfigError` for one that does not exist."""
    name = str(connection.settings.get("timezone") or ZONE)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        message = f"There is no time zone {name!r}."
        raise ConfigError(message, remedy=f"Open Connections, {connection.name}, and correct the time zone.") from error


def member(thing: object, *path: str | int) -> Any:  # noqa: ANN401 (whatever stands there)
    """What stands at a path of an answer; None where the path ends early."""
    for step in path:
        if isinstance(step, int):
            thing = thing[step] if isinstance(thing, list) and len(thing) > step else None
        else:
            thing = thing.get(step) if isinstance(thing, dict) else None
    return thing


def _object(response: HttpResponse) -> Answer:
    answer = _parsed(response)
    if not isinstance(answer, dict):
        raise failure(
            "bad_answer", "2Checkout answered with something else than an object.", details=response.text[:500]
        )
    return answer


def _parsed(response: HttpResponse) -> object:
    if not response.body.strip():
        return None
    try:
        return cast("object", json.loads(response.body, parse_float=Decimal))
    except ValueError as error:
        kind = response.headers.get("Content-Type", "no content type")
        raise failure("bad_answer", f"It is not JSON ({kind}).", details=response.text[:500]) from error
