"""PayPal's REST API: JSON, an OAuth token that all calls share, the step's key on every POST; errors in one place."""

from __future__ import annotations

import base64
import functools
import json
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import quote, urlsplit

from connectors.paypal.errors import ERRORS
from hub.connect.amounts import from_gateway_decimal, to_gateway_decimal
from hub.connect.answers import failure, failure_of
from hub.connect.auth import ClientCredentials, field_value, send
from hub.connect.manifest import load_manifest
from hub.connect.mapping import moment, without_nulls
from hub.errors import MoneyError, PermanentError
from hub.money import Money, exact_decimal, exponent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call, HttpResponse
    from hub.connect.manifest import Currencies
    from hub.jsontypes import Json, JsonObject

HOSTS: Mapping[str, str] = {"test": "https://api-m.sandbox.paypal.com", "live": "https://api-m.paypal.com"}
"""Where each mode's API is (servers of PayPal's OpenAPI descriptions)."""


class PayPal:
    """The API for one call. Every POST carries the step's idempotency key as PayPal-Request-Id."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._settings = call.connection.settings
        self.base = str(self._settings.get("api_base") or HOSTS[mode_of(self._settings)]).rstrip("/")
        self._auth = ClientCredentials(
            connection=call.connection.name,
            http=call.http,
            token_url=f"{self.base}/v1/oauth2/token",
            client_id=field_value(call.connection, "client_id"),
            client_secret=call.connection.secret("client_secret"),
        )

    def get(self, path: str, query: Mapping[str, str] | None = None) -> JsonObject:
        """GET. Raises like an action."""
        return self._object(self.send("GET", path, query=query))

    def find(self, path: str) -> JsonObject | None:
        """GET, or None where PayPal knows no such thing. Raises like an action."""
        try:
            return self.get(path)
        except PermanentError as error:
            if error.code != "not_found":
                raise
            return None

    def post(self, path: str, body: Json, *, part: str = "", key: str = "") -> JsonObject:
        """POST JSON; nulls are left out, an answer without a body is empty. Raises like an action.

        ``part`` tells the calls of one step apart, for keys of their own. ``key`` stands in for the step's key.
        """
        return self._object(self.send("POST", path, json=without_nulls(body), part=part, key=key))

    def patch(self, path: str, changes: Mapping[str, Json]) -> None:
        """Replace values by JSON Patch (RFC 6902); doing it twice is doing it once. Raises like an action."""
        operations: Json = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in changes.items()]
        self._object(self.send("PATCH", path, json=operations))

    def send(  # noqa: PLR0913 (the parts of a request)
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        json: Json = None,
        part: str = "",
        key: str = "",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpResponse:
        """One request, whatever the answer's status. A repeat is harmless: it carries the key, or changes nothing anew."""
        own = {"Accept": "application/json", **self._partner_headers()}
        if method == "POST":
            step_key = key or self._call.key
            own |= {"Prefer": "return=representation", "PayPal-Request-Id": f"{step_key}-{part}" if part else step_key}
        return send(
            self._call.http,
            self._auth,
            method,
            f"{self.base}{path}",
            now=self._call.now,
            params=query,
            headers={**(headers or {}), **own},
            json=json,
            body=body,
            repeatable=True,
        )

    def judge(self, response: HttpResponse) -> None:
        """Raise what an error answer means; return for 2xx."""
        if response.status >= 400:  # noqa: PLR2004
            raise failure_of(response, ERRORS, now=self._call.now)
        if response.status >= 300:  # noqa: PLR2004
            raise failure("bad_answer", f"PayPal's address answered {response.status}; check the connection's address.")

    def _object(self, response: HttpResponse) -> JsonObject:
        self.judge(response)
        if not response.body:
            return {}
        answer = response.json()
        if not isinstance(answer, dict):
            raise failure("bad_answer", "PayPal answered with something else than an object.")
        return answer

    def _partner_headers(self) -> dict[str, str]:
        """For platforms: whose account the call is about (an unsigned JWT, as PayPal wants it), and who integrated."""
        seller, partner = self._settings.get("seller"), self._settings.get("partner_id")
        headers = {"PayPal-Partner-Attribution-Id": str(partner)} if partner else {}
        if seller:
            claims = {"iss": field_value(self._call.connection, "client_id"), "payer_id": seller}
            headers["PayPal-Auth-Assertion"] = f"{_base64url({'alg': 'none'})}.{_base64url(claims)}."
        return headers


def mode_of(settings: JsonObject) -> str:
    """``test`` (PayPal's sandbox) or ``live``."""
    return "live" if settings.get("mode") == "live" else "test"


def segment(reference: Json) -> str:
    """An id as one segment of a path: nothing in it can lead elsewhere."""
    return quote(str(reference), safe="")


@functools.cache
def currencies() -> Currencies:
    """Where PayPal's amounts differ from ISO 4217, as the manifest says."""
    return load_manifest(Path(__file__).parent).currencies


def amount_of(money: Json, name: str = "currency_code") -> JsonObject:
    """Money as PayPal takes it; payouts call the currency ``currency``. Raises ``PermanentError``."""
    amount = Money.from_json(money)
    try:
        return {name: amount.currency, "value": to_gateway_decimal(amount, currencies())}
    except MoneyError as error:
        code = "currency_unsupported" if error.code == "currency_unsupported" else "bad_input"
        raise failure(code, str(error)) from error


def money_of(amount: Json) -> Json:
    """Money as JSON of one of PayPal's amounts, in any of its forms; null where there is none or it cannot be exact."""
    if not isinstance(amount, dict):
        return None
    value = amount.get("value", amount.get("total"))
    currency = amount.get("currency_code", amount.get("currency"))
    if not isinstance(value, str) or not isinstance(currency, str):
        return None
    try:
        return cast("Json", from_gateway_decimal(value, currency, currencies()).to_json())
    except MoneyError:
        return None


def converted(money: Money, rate: str, currency: str) -> Json:
    """Money as JSON in another currency at one of PayPal's rates, rounded half up; null where the rate is no number."""
    try:
        factor = exact_decimal(rate)
    except MoneyError:
        return None
    decimals = currencies().exponents.get(currency, exponent(currency))
    value = (money.to_decimal() * factor).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return cast("Json", from_gateway_decimal(f"{value:f}", currency, currencies()).to_json())


def total_of(amounts: list[Json]) -> Json:
    """The sum of amounts (as JSON) of one currency; null for none."""
    money = [Money.from_json(amount) for amount in amounts if amount is not None]
    return cast("Json", Money(sum(one.minor for one in money), money[0].currency).to_json()) if money else None


def time_of(text: Json) -> Json:
    """RFC 3339 text in UTC; null for null. PayPal's times carry an offset now and then."""
    read = moment(text) if isinstance(text, str) else None
    return read.isoformat().replace("+00:00", "Z") if read else None


def text_of(now: datetime) -> str:
    """A moment as PayPal reads it: whole seconds, UTC."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def object_of(value: Json) -> JsonObject:
    """A member that is an object; empty when it is none."""
    return value if isinstance(value, dict) else {}


def list_of(value: Json) -> list[JsonObject]:
    """The objects of a member that is a list; none when it is none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def link_of(thing: JsonObject, *relations: str) -> str | None:
    """The address of the first of these relations among a thing's links."""
    links = {str(link.get("rel")): link.get("href") for link in list_of(thing.get("links"))}
    found = next((links[one] for one in relations if links.get(one)), None)
    return str(found) if found else None


def linked_id(thing: JsonObject, collection: str) -> str | None:
    """The id of the thing that this one belongs to, when its link ``up`` leads into ``collection`` (``orders`` …)."""
    for link in list_of(thing.get("links")):
        parts = urlsplit(str(link.get("href"))).path.rstrip("/").split("/")
        if link.get("rel") == "up" and collection in parts[:-1]:
            return parts[-1]
    return None


def words(thing: JsonObject, **more: Json) -> JsonObject:
    """The ``gateway`` member of an output: what PayPal itself calls it."""
    own = {"name": "paypal", "id": thing.get("id"), "status": thing.get("status"), **more}
    return {name: value for name, value in own.items() if value is not None}


def _base64url(claims: JsonObject) -> str:
    text = json.dumps(claims, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
