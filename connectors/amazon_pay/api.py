"""Amazon Pay's API, version 2: JSON both ways, each request signed, each POST under the step's idempotency key."""

from __future__ import annotations

import functools
import hashlib
import json
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import quote

from connectors.amazon_pay.errors import ERRORS
from connectors.amazon_pay.signing import V2, canonical_query, setting, signed_headers
from hub.connect.amounts import from_gateway_decimal, to_gateway_decimal
from hub.connect.answers import failure, raise_for_status
from hub.connect.manifest import load_manifest
from hub.connect.mapping import moment, without_nulls
from hub.errors import MoneyError, PermanentError
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.connect.api import Call, Connection, HttpResponse
    from hub.connect.manifest import Currencies
    from hub.jsontypes import Json, JsonObject

HOSTS: Final[Mapping[str, str]] = {
    "na": "https://pay-api.amazon.com",
    "eu": "https://pay-api.amazon.eu",
    "jp": "https://pay-api.amazon.jp",
}
"""The API's address by region (official Node.js SDK, constants)."""

CURRENCIES: Final[Mapping[str, frozenset[str]]] = {
    "na": frozenset({"USD"}),
    "eu": frozenset({"EUR", "GBP", "AUD", "CHF", "DKK", "HKD", "JPY", "NOK", "NZD", "SEK", "USD", "ZAR"}),
    "jp": frozenset({"JPY"}),
}
"""What a region's accounts take; in Europe other currencies than the ledger's are Amazon's multi-currency feature."""

MOST: Final[Mapping[str, int]] = {"USD": 15_000_000, "EUR": 15_000_000, "GBP": 15_000_000, "JPY": 10_000_000}
"""The largest charge in minor units (Amazon Pay's page "Charge")."""

KEY_LENGTH: Final = 32
"""Characters of an idempotency key; Amazon keeps a key for ever (Amazon Pay's page "Idempotency")."""


class AmazonPay:
    """The API for one call. POST carries a key; GET, PATCH and DELETE do the same when they are sent twice."""

    def __init__(self, call: Call) -> None:
        self._call = call
        connection = call.connection
        settings = connection.settings
        self.region = setting(settings, "region", "na")
        self.public_key_id = str(settings["public_key_id"])
        self._algorithm = setting(settings, "algorithm", V2)
        base = setting(settings, "api_base", HOSTS[self.region]).rstrip("/")
        self.base = f"{base}{environment_path(connection)}"

    def get(self, path: str) -> JsonObject:
        """GET. Raises like an action."""
        return self._object(self.send("GET", path))

    def find(self, path: str) -> JsonObject | None:
        """GET; None for what Amazon does not know. Raises like an action."""
        try:
            return self.get(path)
        except PermanentError as error:
            if error.code == "not_found":
                return None
            raise

    def post(self, path: str, body: JsonObject, *, key: str = "") -> JsonObject:
        """POST under the step's key, or under ``key`` where several steps mean one thing. Raises like an action."""
        return self._object(self.send("POST", path, body=body, key=key))

    def delete(self, path: str, body: JsonObject) -> JsonObject:
        """DELETE, which takes a body here. Raises like an action."""
        return self._object(self.send("DELETE", path, body=body))

    def send(  # noqa: PLR0913 (the parts of a request)
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: Json = None,
        key: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> HttpResponse:
        """One request below ``/v2``, whatever the answer's status."""
        content = b"" if body is None else compact(without_nulls(body)).encode()
        url = f"{self.base}/v2/{path}"
        if query:
            url = f"{url}?{canonical_query(query)}"
        extra = dict(headers or {})
        if method == "POST":
            extra["x-amz-pay-idempotency-key"] = idempotency_key(key or self._call.key)
        signed = signed_headers(
            method,
            url,
            content,
            public_key_id=self.public_key_id,
            pem=self._call.connection.secret("private_key"),
            algorithm=self._algorithm,
            region=self.region,
            now=self._call.now,
            extra=extra,
        )
        return self._call.http.request(method, url, headers=signed, body=content or None, repeatable=True)

    def judge(self, response: HttpResponse) -> None:
        """Raise what an error answer means; return for 2xx."""
        raise_for_status(response, ERRORS, now=self._call.now)
        if response.status >= 300:  # noqa: PLR2004
            raise failure("bad_answer", f"Amazon's address answered {response.status}; check the connection's address.")

    def _object(self, response: HttpResponse) -> JsonObject:
        self.judge(response)
        answer = response.json()
        if not isinstance(answer, dict):
            raise failure("bad_answer", "Amazon Pay answered with something else than an object.")
        return answer


def environment(connection: Connection) -> str:
    """``live`` or ``test``: the key's prefix says it, for old keys without one the connection does."""
    prefix = str(connection.settings.get("public_key_id") or "").partition("-")[0]
    return {"SANDBOX": "test", "LIVE": "live"}.get(prefix) or setting(connection.settings, "mode", "test")


def environment_path(connection: Connection) -> str:
    """What stands before ``/v2``: nothing for keys that name their environment, else its name."""
    if str(connection.settings["public_key_id"]).startswith(("SANDBOX-", "LIVE-")):
        return ""
    return "/live" if environment(connection) == "live" else "/sandbox"


def idempotency_key(key: str) -> str:
    """A key in Amazon's form: at most 32 letters, digits, ``-`` and ``_``."""
    return hashlib.sha256(key.encode()).hexdigest()[:KEY_LENGTH]


def compact(value: Json) -> str:
    """JSON without blanks: the very text that is signed and sent."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def segment(reference: Json) -> str:
    """An id as one segment of a path: nothing in it can lead elsewhere."""
    return quote(str(reference), safe="")


@functools.cache
def currencies() -> Currencies:
    """The manifest's currencies."""
    return load_manifest(Path(__file__).parent).currencies


def price(amount: Json, region: str) -> JsonObject:
    """``{amount, currencyCode}`` as Amazon takes it. Raises ``PermanentError``."""
    money = Money.from_json(amount)
    if money.currency not in CURRENCIES[region]:
        taken = ", ".join(sorted(CURRENCIES[region]))
        raise failure("currency_unsupported", f"An account of the region {region} takes {taken}, not {money.currency}.")
    if money.minor > MOST.get(money.currency, money.minor):
        raise failure("limit_exceeded", f"Amazon Pay takes at most {Money(MOST[money.currency], money.currency)}.")
    try:
        return {"amount": to_gateway_decimal(money, currencies()), "currencyCode": money.currency}
    except MoneyError as error:
        raise failure("bad_input", str(error)) from error


def money_of(given: Json) -> Json:
    """Money as JSON of Amazon's ``{amount, currencyCode}``; null where it is missing."""
    value = object_of(given)
    amount, currency = value.get("amount"), value.get("currencyCode")
    if not isinstance(amount, str) or not isinstance(currency, str):
        return None
    return cast("Json", from_gateway_decimal(amount, currency, currencies()).to_json())


def minor_of(given: Json) -> int:
    """The minor units of Amazon's amount; 0 where it is missing."""
    money = object_of(money_of(given))
    return cast("int", money.get("minor", 0))


def time_of(stamp: Json) -> Json:
    """RFC 3339 text of Amazon's time (``20190714T155300Z``); null for null."""
    time = moment(stamp)
    return None if time is None else time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def object_of(value: Json) -> JsonObject:
    """An object; empty for anything else."""
    return value if isinstance(value, dict) else {}


def words(thing: JsonObject, identity: Json) -> JsonObject:
    """The ``gateway`` member of an output: what Amazon itself calls it."""
    details = object_of(thing.get("statusDetails"))
    reason = details.get("reasonCode") or next(iter(_reasons(details)), None)
    own: JsonObject = {
        "name": "amazon_pay",
        "id": identity,
        "status": details.get("state"),
        "code": reason,
        "message": details.get("reasonDescription"),
    }
    return {name: value for name, value in own.items() if value is not None}


def _reasons(details: JsonObject) -> list[Json]:
    """The codes under ``reasons``, where a thing can have several (charge permissions)."""
    listed = details.get("reasons")
    return [object_of(one).get("reasonCode") for one in listed] if isinstance(listed, list) else []
