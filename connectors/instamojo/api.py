"""Instamojo's API, version 2: forms in, JSON out, an OAuth token that all calls share; errors and listings in one place.

Every path ends with a slash (Instamojo's SDKs; without it Instamojo redirects and drops the body).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import quote, urlsplit

from connectors.instamojo.errors import failure_of
from hub.connect.amounts import from_gateway_decimal, to_gateway_decimal
from hub.connect.answers import failure, raise_for_status
from hub.connect.auth import TOKEN_ERRORS, TOKENS, ClientCredentials, TokenCache, field_value, read_token, send
from hub.connect.manifest import load_manifest
from hub.connect.mapping import moment
from hub.errors import MoneyError
from hub.jsontypes import json_digest
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hub.connect.api import Call, Connection, HttpClient, HttpResponse
    from hub.connect.auth import Auth, Token, Unsigned
    from hub.connect.manifest import Currencies
    from hub.jsontypes import Json, JsonObject

HOSTS: Mapping[str, str] = {"test": "https://test.instamojo.com", "live": "https://api.instamojo.com"}
"""Where each mode's API and token endpoint are (Instamojo's PHP SDK)."""
PAGE = 50
LEAST = Money(900, "INR")
MOST = Money(20_000_000, "INR")
"""Smallest and largest amount of a payment request (Instamojo's page "Create a payment request")."""


class Instamojo:
    """The API for one call. A POST is repeated only where a look precedes it, or where a repeat changes nothing."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.base = base_of(call.connection.settings)
        self._auth = _auth_of(call.connection, call.http, self.base)

    def get(self, path: str, query: Mapping[str, str] | None = None) -> JsonObject:
        """GET. Raises like an action."""
        return self._object(self.send("GET", path, query=query), repeatable=True)

    def post(self, path: str, form: JsonObject, *, repeatable: bool = True) -> JsonObject:
        """POST a form; nulls are left out. Raises like an action."""
        return self._object(self.send("POST", path, form=form, repeatable=repeatable), repeatable=repeatable)

    def listed(
        self, path: str, name: str, query: Mapping[str, str] | None = None, pages: int = 20
    ) -> Iterator[JsonObject]:
        """The things of a listing, page by page up to ``pages``. Raises like an action."""
        for page in range(1, pages + 1):
            found, has_more = self.page(path, name, page, query)
            yield from found
            if not has_more:
                return

    def page(
        self, path: str, name: str, number: int, query: Mapping[str, str] | None = None
    ) -> tuple[list[JsonObject], bool]:
        """One page of a listing, the first is 1, and whether there is another. Raises like an action."""
        answer = self.get(path, {**(query or {}), "page": str(number), "limit": str(PAGE)})
        found = list_of(answer.get(name) or answer.get("results"))
        return found, bool(found) and bool(answer.get("next", len(found) == PAGE))

    def send(  # noqa: PLR0913 (the parts of a request)
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        form: JsonObject | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
    ) -> HttpResponse:
        """One request, whatever the answer's status."""
        return send(
            self._call.http,
            self._auth,
            method,
            f"{self.base}{path}",
            now=self._call.now,
            params=query,
            headers={**(headers or {}), "Accept": "application/json"},
            form=None if form is None else [(name, _text(value)) for name, value in form.items() if value is not None],
            repeatable=repeatable,
        )

    def judge(self, response: HttpResponse, *, repeatable: bool) -> None:
        """Raise what an error answer means; return for 2xx."""
        if response.status >= 400:  # noqa: PLR2004
            raise failure_of(response, self._call.now, repeatable=repeatable)
        if response.status >= 300:  # noqa: PLR2004
            message = f"Instamojo's address answered {response.status}; check the connection's address."
            raise failure("bad_answer", message)

    def _object(self, response: HttpResponse, *, repeatable: bool) -> JsonObject:
        self.judge(response, repeatable=repeatable)
        answer = response.json() if response.body else {}
        if not isinstance(answer, dict):
            raise failure("bad_answer", "Instamojo answered with something else than an object.")
        if answer.get("success") is False:
            raise failure_of(response, self._call.now, repeatable=repeatable)
        return answer


@dataclass(slots=True)
class UserToken:
    """OAuth 2 password grant (RFC 6749, 4.3), by which a marketplace acts for one of its merchants."""

    connection: str
    http: HttpClient
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    username: str
    password: str = field(repr=False)
    cache: TokenCache = field(default_factory=lambda: TOKENS)
    _used: str = field(default="", init=False, repr=False)

    @property
    def key(self) -> str:
        """Names the token: changed credentials never meet an old token."""
        parts = [self.token_url, self.client_id, self.client_secret, self.username, self.password]
        return f"{self.connection}:{json_digest(parts)}"

    def headers(self, request: Unsigned) -> Mapping[str, str]:
        """The bearer header with a valid token."""
        self._used = self.cache.get(self.key, request.now, lambda: self._fetch(request.now))
        return {"Authorization": f"Bearer {self._used}"}

    def renew(self) -> bool:
        """Drop the refused token; the next try fetches another."""
        self.cache.drop(self.key, self._used)
        return True

    def _fetch(self, now: datetime) -> Token:
        form = {
            "grant_type": "password",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "username": self.username,
            "password": self.password,
        }
        headers = {"Accept": "application/json"}
        response = self.http.request("POST", self.token_url, form=form, headers=headers, repeatable=True)
        raise_for_status(response, TOKEN_ERRORS, now=now)
        return read_token(response.json(), now)


def _auth_of(connection: Connection, http: HttpClient, base: str) -> Auth:
    token_url = f"{base}/oauth2/token/"
    client_id, secret = field_value(connection, "client_id"), connection.secret("client_secret")
    username = connection.settings.get("username")
    if username:
        password = connection.secret("password")
        return UserToken(connection.name, http, token_url, client_id, secret, str(username), password)
    return ClientCredentials(connection.name, http, token_url, client_id, secret, client_auth="body")


def base_of(settings: JsonObject) -> str:
    """Where the API of the connection's mode is."""
    mode = "live" if settings.get("mode") == "live" else "test"
    return str(settings.get("api_base") or HOSTS[mode]).rstrip("/")


def segment(reference: Json) -> str:
    """An id as one segment of a path: nothing in it can lead elsewhere."""
    return quote(str(reference), safe="")


def last_segment(address: Json) -> str:
    """The id at the end of one of the API's links (``…/v2/payments/MOJO…/``), or the id itself; empty for null."""
    return urlsplit(str(address or "")).path.rstrip("/").rsplit("/", 1)[-1]


@functools.cache
def currencies() -> Currencies:
    """What Instamojo takes, as the manifest says."""
    return load_manifest(Path(__file__).parent).currencies


def rupees(amount: Json) -> str:
    """An amount as Instamojo takes it: rupees with two decimals. Raises ``PermanentError``."""
    money = Money.from_json(amount)
    try:
        text = to_gateway_decimal(money, currencies())
    except MoneyError as error:
        code = "currency_unsupported" if error.code == "currency_unsupported" else "bad_input"
        raise failure(code, str(error)) from error
    return text


def asked(amount: Json) -> str:
    """As :func:`rupees`, within what a payment request may ask for. Raises ``PermanentError``."""
    text, money = rupees(amount), Money.from_json(amount)
    if money < LEAST:
        raise failure("amount_too_small", f"Instamojo takes {LEAST} at the least.")
    if money > MOST:
        raise failure("limit_exceeded", f"Instamojo takes {MOST} at the most.")
    return text


def exact(number: Json) -> str | None:
    """An amount of an answer as exact text; some answers hold JSON numbers. Null for null."""
    if number is None or isinstance(number, bool):
        return None
    return number if isinstance(number, str) else f"{Decimal(str(number)):f}"


def money_of(number: Json, currency: Json = "INR") -> Json:
    """Money as JSON of an amount of an answer; null where it is missing."""
    text = exact(number)
    if text is None:
        return None
    return cast("Json", from_gateway_decimal(text, str(currency or "INR"), currencies()).to_json())


def moment_of(text: Json) -> datetime | None:
    """A time of an answer; None where it is missing or no time."""
    try:
        return moment(text) if isinstance(text, str) and text else None
    except ValueError:
        return None


def time_of(text: Json) -> Json:
    """RFC 3339 text in UTC; null for null."""
    found = moment_of(text)
    return found.astimezone(UTC).isoformat().replace("+00:00", "Z") if found else None


def seconds_until(text: Json, now: datetime) -> timedelta | None:
    """How far off a time is; None for null."""
    found = moment_of(text)
    return found - now if found else None


def words(thing: JsonObject, status: str | None = None, **more: Json) -> JsonObject:
    """The ``gateway`` member of an output: what Instamojo itself calls it."""
    own = {"name": "instamojo", "id": thing.get("id"), "status": status, **more}
    return {name: value for name, value in own.items() if value is not None}


def object_of(value: Json) -> JsonObject:
    """A member that is an object; empty when it is none."""
    return value if isinstance(value, dict) else {}


def list_of(value: Json) -> list[JsonObject]:
    """The objects of a member that is a list; none when it is none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: Json) -> str:
    return {True: "True", False: "False"}[value] if isinstance(value, bool) else str(value)
