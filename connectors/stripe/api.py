"""Stripe's API, version 1: forms with bracket nesting in, JSON out; keys, version, account and errors in one place."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from connectors.stripe.errors import failure_of
from hub.connect.amounts import from_gateway, to_gateway
from hub.connect.answers import failure
from hub.connect.manifest import load_manifest
from hub.connect.mapping import without_nulls
from hub.connect.rest import form_pairs
from hub.errors import MoneyError
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hub.connect.api import Call, HttpResponse
    from hub.connect.manifest import Currencies
    from hub.jsontypes import Json, JsonObject

VERSION = "2026-06-24.dahlia"
"""The API version that this connector was written against; a connection may pin another one."""

BASE = "https://api.stripe.com"
PAGE = 100
"""The most that one page of a listing holds."""


class Stripe:
    """The API for one call. Every POST carries the step's idempotency key, so a repeat is harmless."""

    def __init__(self, call: Call, *, account: str | None = None) -> None:
        settings = call.connection.settings
        self._call = call
        self.base = str(settings.get("api_base") or BASE).rstrip("/")
        self.version = str(settings.get("api_version") or VERSION)
        self._account = account or cast("str | None", settings.get("account"))

    def get(self, path: str, query: Json = None) -> JsonObject:
        """GET. Raises like an action."""
        return self._object(self.send("GET", path, query=query))

    def post(self, path: str, form: Json, *, part: str = "", amount_parameter: str | None = None) -> JsonObject:
        """POST a form; nulls are left out. Raises like an action.

        ``part`` tells the calls of one step apart, for keys of their own. ``amount_parameter``: see
        :func:`connectors.stripe.errors.code_of`.
        """
        return self._object(self.send("POST", path, form=form, part=part), amount_parameter)

    def delete(self, path: str, query: Json = None) -> JsonObject:
        """DELETE. Raises like an action."""
        return self._object(self.send("DELETE", path, query=query))

    def listed(self, path: str, query: JsonObject) -> Iterator[JsonObject]:
        """All objects of a listing, page by page. Raises like an action."""
        after: Json = None
        while True:
            page = self.get(path, {**query, "limit": PAGE, "starting_after": after})
            objects = cast("list[JsonObject]", page.get("data") or [])
            yield from objects
            if not page.get("has_more") or not objects:
                return
            after = objects[-1]["id"]

    def send(  # noqa: PLR0913 (the parts of a request)
        self,
        method: str,
        path: str,
        *,
        query: Json = None,
        form: Json = None,
        json: Json = None,
        part: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> HttpResponse:
        """One request, whatever the answer's status."""
        own = {"Authorization": f"Bearer {self._call.connection.secret('secret_key')}", "Stripe-Version": self.version}
        if self._account:
            own["Stripe-Account"] = self._account
        if method == "POST":
            own["Idempotency-Key"] = f"{self._call.key}-{part}" if part else self._call.key
        return self._call.http.request(
            method,
            f"{self.base}{path}",
            params=form_pairs(without_nulls(query)) if query else None,
            headers={**(headers or {}), **own},
            form=form_pairs(without_nulls(form)) if form is not None else None,
            json=json,
            repeatable=True,
        )

    def judge(self, response: HttpResponse, amount_parameter: str | None = None) -> None:
        """Raise what an error answer means; return for 2xx."""
        if response.status >= 400:  # noqa: PLR2004
            raise failure_of(response, self._call.now, amount_parameter)
        if response.status >= 300:  # noqa: PLR2004
            raise failure("bad_answer", f"Stripe's address answered {response.status}; check the connection's address.")

    def _object(self, response: HttpResponse, amount_parameter: str | None = None) -> JsonObject:
        self.judge(response, amount_parameter)
        answer = response.json()
        if not isinstance(answer, dict):
            raise failure("bad_answer", "Stripe answered with something else than an object.")
        return answer


def segment(reference: Json) -> str:
    """An id as one segment of a path: nothing in it can lead elsewhere."""
    return quote(str(reference), safe="")


@functools.cache
def currencies() -> Currencies:
    """Where Stripe's amounts differ from ISO 4217, as the manifest says."""
    return load_manifest(Path(__file__).parent).currencies


def amount_form(amount: Json) -> dict[str, Json]:
    """``amount`` and ``currency`` as Stripe takes them. Raises ``PermanentError`` (``bad_input``)."""
    money = Money.from_json(amount)
    try:
        return {"amount": to_gateway(money, currencies()), "currency": money.currency.lower()}
    except MoneyError as error:
        raise failure("bad_input", str(error)) from error


def money_of(units: Json, currency: Json) -> Json:
    """Money as JSON of Stripe's amount and currency; null where either is missing."""
    if not isinstance(units, int) or not isinstance(currency, str):
        return None
    return cast("Json", from_gateway(units, currency, currencies()).to_json())


def time_of(seconds: Json) -> Json:
    """RFC 3339 text of unix seconds; null for null."""
    if not isinstance(seconds, (int, float)):
        return None
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat().replace("+00:00", "Z")


def unix(time: Json) -> int | None:
    """Unix seconds of RFC 3339 text; None for null."""
    return int(datetime.fromisoformat(time).timestamp()) if isinstance(time, str) else None


def words(thing: JsonObject, **more: Json) -> JsonObject:
    """The ``gateway`` member of an output: what Stripe itself calls it."""
    own = {"name": "stripe", "id": thing.get("id"), "status": thing.get("status"), **more}
    return {name: value for name, value in own.items() if value is not None}


def id_of(value: Json) -> str | None:
    """The id of something that may be expanded to the whole object."""
    if isinstance(value, dict):
        return cast("str | None", value.get("id"))
    return value if isinstance(value, str) else None


def object_of(value: Json) -> JsonObject:
    """An expanded member; empty when it was not expanded or is null."""
    return value if isinstance(value, dict) else {}
