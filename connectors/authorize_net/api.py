"""Authorize.Net's two interfaces for one call: the JSON API behind one address, and the REST API of webhooks.

The JSON API is XML in disguise: members must stand in the order of the schema (``AnetApiSchema.xsd``), the credentials come
first, answers begin with a byte order mark, and errors come with HTTP 200. Sources: that schema in AuthorizeNet/sdk-php, the
samples of stymiee/authnetjson.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, cast

from connectors.authorize_net.errors import failure_of, failure_of_rest
from hub.connect.amounts import from_gateway_decimal, to_gateway_decimal
from hub.connect.answers import ErrorTable, failure
from hub.connect.answers import failure_of as failure_of_status
from hub.connect.auth import Unsigned, basic
from hub.connect.manifest import load_manifest
from hub.connect.mapping import without_nulls
from hub.errors import MoneyError
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call, Connection, HttpResponse
    from hub.connect.manifest import Currencies
    from hub.jsontypes import Json, JsonObject

_HOSTS: Mapping[str, Mapping[str, str]] = {
    "test": {
        "api_base": "https://apitest.authorize.net",
        "form_base": "https://test.authorize.net",
        "script_base": "https://jstest.authorize.net",
    },
    "live": {
        "api_base": "https://api.authorize.net",
        "form_base": "https://accept.authorize.net",
        "script_base": "https://js.authorize.net",
    },
}
ENDPOINT = "/xml/v1/request.api"
REST = "/rest/v1"
_ZONED = re.compile(r"(Z|[+-][0-9]{2}:[0-9]{2})$")
_READS = ("get", "ARBGet", "authenticateTest")


class AuthorizeNet:
    """The API for one call."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.connection = call.connection
        self.base = address(call.connection, "api_base")

    def ask(self, root: str, members: JsonObject | None = None, *, repeatable: bool | None = None) -> JsonObject:
        """One operation by the name of its root; nulls are left out. Raises like an action.

        ``repeatable`` says that a second identical request does no harm (default: reading does none). Where it does, a lost
        or unreadable answer is uncertain, for Authorize.Net takes no idempotency key.
        """
        harmless = root.startswith(_READS) if repeatable is None else repeatable
        answer, _ = self.exchange(root, members or {}, repeatable=harmless)
        problem = failure_of(answer, repeatable=harmless)
        if problem is not None:
            raise problem
        return answer

    def exchange(self, root: str, members: JsonObject, *, repeatable: bool) -> tuple[JsonObject, HttpResponse]:
        """One operation, its answer read and not yet judged, and the HTTP response."""
        signed_in = {
            "name": self.connection.settings["api_login_id"],
            "transactionKey": self.connection.secret("transaction_key"),
        }
        body = {"merchantAuthentication": signed_in, "refId": self._call.key[:20], **members}
        response = self._call.http.request(
            "POST",
            f"{self.base}{ENDPOINT}",
            headers={"Content-Type": "application/json", "Accept": "application/json"},
            body=json.dumps({root: without_nulls(body)}, ensure_ascii=False, separators=(",", ":")).encode(),
            repeatable=repeatable,
        )
        if response.status >= 400:  # noqa: PLR2004
            if response.status >= 500 and not repeatable:  # noqa: PLR2004
                raise failure("uncertain", f"Authorize.Net answered {response.status}.", details=response.text[:500])
            raise failure_of_status(response, ErrorTable(), now=self._call.now, repeatable=repeatable)
        return _object(response, repeatable=repeatable), response

    def rest(self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Json = None) -> Json:
        """One call of the webhooks' REST API; null where the answer has no body. Raises like an action."""
        response = self.send_rest(method, path, query=query, body=body)
        if not response.body.strip():
            return None
        try:
            return read_json(response.body)
        except ValueError as error:
            raise _unreadable(response, repeatable=True) from error

    def send_rest(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Json = None
    ) -> HttpResponse:
        """The judged answer of one call of the webhooks' REST API. Raises like an action."""
        url = f"{self.base}{path}"
        auth = basic(str(self.connection.settings["api_login_id"]), self.connection.secret("transaction_key"))
        response = self._call.http.request(
            method,
            url,
            params=query,
            headers={"Accept": "application/json", **auth.headers(Unsigned(method, url, b"", self._call.now))},
            json=body,
            repeatable=method != "POST",
        )
        if response.status >= 400:  # noqa: PLR2004
            raise failure_of_rest(response, self._call.now, repeatable=method != "POST")
        return response


def address(connection: Connection, name: str) -> str:
    """One of the addresses: the connection's own, else that of its mode."""
    mode = str(connection.settings.get("mode") or "test")
    return str(connection.settings.get(name) or _HOSTS[mode][name]).rstrip("/")


def read_json(data: bytes) -> Json:
    """JSON after a byte order mark, numbers with a point as text so that they stay exact. Raises ``ValueError``."""
    return cast("Json", json.loads(data.decode("utf-8-sig"), parse_float=str, parse_constant=_no_constant))


def _no_constant(name: str) -> Json:
    message = f"{name} is no number of JSON."
    raise ValueError(message)


def _object(response: HttpResponse, *, repeatable: bool) -> JsonObject:
    try:
        value = read_json(response.body)
    except ValueError as error:
        raise _unreadable(response, repeatable=repeatable) from error
    if not isinstance(value, dict) or "messages" not in value:
        raise _unreadable(response, repeatable=repeatable)
    return value


def _unreadable(response: HttpResponse, *, repeatable: bool) -> Exception:
    code = "bad_answer" if repeatable else "uncertain"
    return failure(code, "Authorize.Net's address answered with something else.", details=response.text[:500])


# Reading answers.


def object_of(value: Json) -> JsonObject:
    """A member that is an object; an empty one where it is missing."""
    return value if isinstance(value, dict) else {}


def listed(value: Json, inner: str = "") -> list[JsonObject]:
    """The objects of a list. XML made JSON writes one as ``[…]``, as ``{inner: […]}`` or as a single ``{inner: {…}}``."""
    if isinstance(value, dict):
        value = value.get(inner) if inner and inner in value else [value]
        value = [value] if isinstance(value, dict) else value
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def words(identity: Json, **more: Json) -> JsonObject:
    """The ``gateway`` member of an output: what Authorize.Net itself calls it."""
    own = {"name": "authorize_net", "id": identity, **more}
    return {name: str(value) for name, value in own.items() if value not in (None, "")}


# Amounts: decimals in major units, in the one currency of the account.


@functools.cache
def currencies() -> Currencies:
    """The currencies as the manifest has them."""
    return load_manifest(Path(__file__).parent).currencies


def currency_of(connection: Connection) -> str:
    """The one currency of the account."""
    return str(connection.settings.get("currency") or "USD")


def decimal(amount: Json, connection: Connection) -> str:
    """An amount as decimal text. Raises ``PermanentError`` (``currency_unsupported``, ``amount_too_small``)."""
    money = Money.from_json(amount)
    if money.currency != currency_of(connection):
        message = f"The account of this connection is in {currency_of(connection)}, not in {money.currency}."
        raise failure("currency_unsupported", message)
    if money.minor <= 0:
        raise failure("amount_too_small", f"{money} cannot be paid.")
    try:
        return to_gateway_decimal(money, currencies())
    except MoneyError as error:
        raise failure("bad_input", str(error)) from error


def money_of(value: Json, connection: Connection) -> Money | None:
    """Money of an amount as Authorize.Net writes it (up to four decimals); None where it is missing."""
    if value is None or value == "" or isinstance(value, (bool, dict, list)):
        return None
    return from_gateway_decimal(str(value), currency_of(connection), currencies())


def money_json(value: Json, connection: Connection) -> Json:
    """Money as JSON; null where the amount is missing."""
    money = money_of(value, connection)
    return None if money is None else cast("Json", money.to_json())


def time_of(value: Json) -> Json:
    """A time of Authorize.Net's (UTC where it names no zone) as RFC 3339 text; null where it is missing."""
    if not isinstance(value, str) or not value:
        return None
    return value if _ZONED.search(value) else f"{value}Z"
