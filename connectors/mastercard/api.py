"""The Mastercard Gateway's REST API: one version, one merchant; JSON both ways, amounts in major units.

Sources: the gateway's REST reference, version 100: address ``/api/rest/version/{v}/merchant/{id}``, HTTP Basic with the user
``merchant.<id>``; requests write amounts as text, answers as JSON numbers, which are read here as text so that no float is
ever made of them.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from connectors.mastercard.errors import failure_of
from hub.connect.amounts import from_gateway_decimal, to_gateway_decimal
from hub.connect.answers import failure
from hub.connect.auth import basic
from hub.connect.manifest import load_manifest
from hub.connect.mapping import without_nulls
from hub.errors import MoneyError, PermanentError
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call, HttpResponse
    from hub.connect.manifest import Currencies
    from hub.jsontypes import Json, JsonObject

BASE = "https://test-gateway.mastercard.com"
VERSION = 100
"""The API version that this connector was written against; a connection may pin another one."""


class Gateway:
    """The API for one call. Money moves by PUT alone: the address names order and transaction, so a repeat is harmless."""

    def __init__(self, call: Call) -> None:
        settings = call.connection.settings
        self._call = call
        self.base = str(settings.get("api_base") or BASE).rstrip("/")
        self.version = int(str(settings.get("api_version") or VERSION))
        self.merchant = str(settings["merchant_id"])

    def order(self, order: str) -> JsonObject | None:
        """An order with its transactions; None when the gateway knows none (nobody has paid yet). Raises like an action."""
        return self._known("GET", f"/order/{segment(order)}")

    def transaction(self, order: str, transaction: str) -> JsonObject | None:
        """One transaction of an order; None when the gateway knows none. Raises like an action."""
        return self._known("GET", _transaction_path(order, transaction))

    def put_transaction(self, order: str, transaction: str, body: JsonObject) -> JsonObject:
        """Do a transaction. The same address again gives what became of it, and moves nothing twice.

        Raises like an action.
        """
        return self.answer("PUT", _transaction_path(order, transaction), body)

    def delete(self, path: str) -> JsonObject | None:
        """Delete something; None when it is not there (any more). Raises like an action."""
        return self._known("DELETE", path)

    def answer(self, method: str, path: str, body: Json = None) -> JsonObject:
        """One request and its answer's object; nulls are left out of the body. Raises like an action."""
        return self._judged(self.send(method, path, body=without_nulls(body)))

    def send(  # noqa: PLR0913 (the parts of a request)
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> HttpResponse:
        """One request below the merchant's address, whatever the answer's status.

        The connector's own are all repeatable: PUT and DELETE name what they do, its POSTs (sessions, tokens) move no money.
        """
        signed_in = basic(f"merchant.{self.merchant}", self._call.connection.secret("api_password"))
        return self._call.http.request(
            method,
            f"{self.base}/api/rest/version/{self.version}/merchant/{segment(self.merchant)}{path}",
            params=query,
            headers={**(headers or {}), signed_in.name: signed_in.value},
            json=body,
            repeatable=repeatable,
        )

    def judge(self, response: HttpResponse) -> None:
        """Raise what an error answer means; return for 2xx."""
        if response.status >= 400:  # noqa: PLR2004
            raise failure_of(response, self._call.now)
        if response.status >= 300:  # noqa: PLR2004
            raise failure("bad_answer", f"The address answered {response.status}; check the connection's API address.")

    def _known(self, method: str, path: str) -> JsonObject | None:
        try:
            return self.answer(method, path)
        except PermanentError as error:
            # Without a cause it is not the gateway that speaks, but a proxy or another server at a wrong address.
            if error.code == "not_found" and error.gateway_code:
                return None
            raise

    def _judged(self, response: HttpResponse) -> JsonObject:
        self.judge(response)
        if not response.body:
            return {}
        answer = read_json(response.body)
        if not isinstance(answer, dict):
            raise failure("bad_answer", "The Mastercard Gateway answered with something else than an object.")
        if answer.get("result") == "ERROR":
            raise failure_of(response, self._call.now)
        return answer


def read_json(body: bytes) -> Json:
    """JSON whose decimal numbers stay text: ``19.99`` becomes ``"19.99"``. Raises ``TransientError`` (``bad_answer``)."""
    try:
        return cast("Json", json.loads(body, parse_float=str))
    except ValueError as error:
        text = body[:500].decode("utf-8", "replace")
        raise failure("bad_answer", "It is not JSON.", details=text) from error


def segment(reference: Json) -> str:
    """An id as one segment of a path: nothing in it can lead elsewhere."""
    return quote(str(reference), safe="")


@functools.cache
def currencies() -> Currencies:
    """Where the gateway's amounts differ from ISO 4217, as the manifest says."""
    return load_manifest(Path(__file__).parent).currencies


def amount_text(amount: Json) -> dict[str, Json]:
    """``amount`` and ``currency`` as the gateway takes them. Raises ``PermanentError`` (``bad_input``)."""
    money = Money.from_json(amount)
    try:
        return {"amount": to_gateway_decimal(money, currencies()), "currency": money.currency}
    except MoneyError as error:
        raise failure("bad_input", str(error)) from error


def money_of(amount: Json, currency: Json) -> Money | None:
    """Money of an amount in major units; None where it or its currency is missing."""
    if not isinstance(amount, (int, str)) or isinstance(amount, bool) or not isinstance(currency, str):
        return None
    return from_gateway_decimal(amount, currency, currencies())


def object_of(value: Json) -> JsonObject:
    """A member that is an object; empty when it is missing."""
    return value if isinstance(value, dict) else {}


def _transaction_path(order: str, transaction: str) -> str:
    return f"/order/{segment(order)}/transaction/{segment(transaction)}"
