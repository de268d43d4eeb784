"""Razorpay's API: JSON both ways, Basic sign-in, amounts in the smallest units; errors and listings in one place.

Only refunds and payouts take a key for repeats. For everything else the hub looks first: by the order's ``receipt``, the
link's ``reference_id``, or :data:`STEP` in the notes.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from connectors.razorpay.errors import failure_of
from hub.connect.amounts import from_gateway, to_gateway
from hub.connect.answers import failure
from hub.connect.auth import basic
from hub.connect.manifest import load_manifest
from hub.connect.mapping import without_nulls
from hub.errors import MoneyError
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hub.connect.api import Call, HttpResponse
    from hub.connect.manifest import Currencies
    from hub.jsontypes import Json, JsonObject

BASE = "https://api.razorpay.com"
PAGE = 100
"""The most that one page of a listing holds (parameter ``count``)."""
MOST_PAGES = 20
"""So many pages a search by notes reads: listings give the newest first, and what is looked for was made a moment ago."""
STEP = "hub_step"
"""The note that carries the call's reference, where Razorpay has no field to search by."""


class Razorpay:
    """The API for one call. ``payouts=True`` signs in with RazorpayX's own key where the connection has one."""

    def __init__(self, call: Call, *, payouts: bool = False) -> None:
        self._call = call
        settings = call.connection.settings
        self.base = str(settings.get("api_base") or BASE).rstrip("/")
        self._account = settings.get("account")
        key_id, key_secret = str(settings.get("key_id") or ""), call.connection.secret("key_secret")
        if payouts and settings.get("payout_key_id"):
            key_id, key_secret = str(settings["payout_key_id"]), call.connection.secret("payout_key_secret")
        self._auth = basic(key_id, key_secret)

    def get(self, path: str, query: Mapping[str, str] | None = None) -> JsonObject:
        """GET. Raises like an action."""
        return self._object(self.send("GET", path, query=query), repeatable=True)

    def post(
        self, path: str, body: Json, *, headers: Mapping[str, str] | None = None, repeatable: bool = True
    ) -> JsonObject:
        """POST JSON; nulls are left out. Raises like an action.

        ``repeatable``: a repeat carries the same key, or is preceded by a look at what the first one did.
        """
        made = without_nulls(body) or {}
        return self._object(
            self.send("POST", path, json=made, headers=headers, repeatable=repeatable), repeatable=repeatable
        )

    def patch(self, path: str, body: Json) -> JsonObject:
        """PATCH JSON: doing it twice is doing it once. Raises like an action."""
        return self._object(self.send("PATCH", path, json=without_nulls(body) or {}, repeatable=True), repeatable=True)

    def listed(
        self, path: str, query: Mapping[str, str] | None = None, pages: int = MOST_PAGES
    ) -> Iterator[JsonObject]:
        """The things of a listing, newest first, page by page up to ``pages``. Raises like an action."""
        for page in range(pages):
            place = {"count": str(PAGE), "skip": str(page * PAGE)}
            answer = self.get(path, {**(query or {}), **place})
            # Payment links are listed under a name of their own; every other listing says `items`.
            found = list_of(answer.get("items") or answer.get("payment_links"))
            yield from found
            if len(found) < PAGE:
                return

    def made_by_this_step(self, path: str, query: Mapping[str, str] | None = None) -> JsonObject | None:
        """What an earlier attempt of this step made: the thing whose notes carry the call's reference."""
        things = self.listed(path, query)
        return next((one for one in things if object_of(one.get("notes")).get(STEP) == self._call.reference), None)

    def send(  # noqa: PLR0913 (the parts of a request)
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        json: Json = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
    ) -> HttpResponse:
        """One request, whatever the answer's status."""
        own = {self._auth.name: self._auth.value, "Accept": "application/json"}
        if self._account:
            own["X-Razorpay-Account"] = str(self._account)
        return self._call.http.request(
            method,
            f"{self.base}{path}",
            params=query,
            headers={**(headers or {}), **own},
            json=json,
            repeatable=repeatable,
        )

    def judge(self, response: HttpResponse, *, repeatable: bool) -> None:
        """Raise what an error answer means; return for 2xx."""
        if response.status >= 400:  # noqa: PLR2004
            raise failure_of(response, self._call.now, repeatable=repeatable)
        if response.status >= 300:  # noqa: PLR2004
            message = f"Razorpay's address answered {response.status}; check the connection's address."
            raise failure("bad_answer", message)

    def _object(self, response: HttpResponse, *, repeatable: bool) -> JsonObject:
        self.judge(response, repeatable=repeatable)
        answer = response.json() if response.body else {}
        if not isinstance(answer, dict):
            raise failure("bad_answer", "Razorpay answered with something else than an object.")
        return answer


def segment(reference: Json) -> str:
    """An id as one segment of a path: nothing in it can lead elsewhere."""
    return quote(str(reference), safe="")


@functools.cache
def currencies() -> Currencies:
    """Where Razorpay's amounts differ from ISO 4217, as the manifest says."""
    return load_manifest(Path(__file__).parent).currencies


def units_of(amount: Json) -> int:
    """An amount in Razorpay's smallest units. Raises ``PermanentError`` (``bad_input``)."""
    try:
        return to_gateway(Money.from_json(amount), currencies())
    except MoneyError as error:
        raise failure("bad_input", str(error)) from error


def amount_of(amount: Json) -> dict[str, Json]:
    """``amount`` and ``currency`` as Razorpay takes them. Raises ``PermanentError`` (``bad_input``)."""
    return {"amount": units_of(amount), "currency": Money.from_json(amount).currency}


def rupees(amount: Json, what: str) -> dict[str, Json]:
    """As :func:`amount_of`, for what Razorpay does in rupees only. Raises ``currency_unsupported``."""
    if Money.from_json(amount).currency != "INR":
        raise failure("currency_unsupported", f"{what} are made in INR only.")
    return amount_of(amount)


def money_of(units: Json, currency: Json) -> Json:
    """Money as JSON of Razorpay's amount and currency; null where either is missing."""
    if isinstance(units, bool) or not isinstance(units, int) or not isinstance(currency, str):
        return None
    return cast("Json", from_gateway(units, currency, currencies()).to_json())


def time_of(seconds: Json) -> Json:
    """RFC 3339 text of unix seconds; null for null and for 0, by which Razorpay means never."""
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not seconds:
        return None
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat().replace("+00:00", "Z")


def unix(time: Json) -> int | None:
    """Unix seconds of RFC 3339 text; None for null."""
    return int(datetime.fromisoformat(time).timestamp()) if isinstance(time, str) else None


def words(thing: JsonObject, **more: Json) -> JsonObject:
    """The ``gateway`` member of an output: what Razorpay itself calls it."""
    own = {"name": "razorpay", "id": thing.get("id"), "status": thing.get("status"), **more}
    return {name: value for name, value in own.items() if value is not None}


def object_of(value: Json) -> JsonObject:
    """A member that is an object; empty when it is none (empty notes are written as ``[]``)."""
    return value if isinstance(value, dict) else {}


def list_of(value: Json) -> list[JsonObject]:
    """The objects of a member that is a list; none when it is none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
