"""Instamojo's webhooks: proved by the MAC, then read again from the API, since they tell little and may be sent again.

Scheme: the form field ``mac`` is the hex HMAC-SHA1, under the account's private salt, of all other fields' values, ordered
by their names without regard to case and joined by ``|``. Fields may be added at any time, so all that came are signed over.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, cast

from connectors.instamojo.api import Instamojo, exact, moment_of, object_of
from connectors.instamojo.carried import carried_by, metadata_of
from connectors.instamojo.standing import get_payment, get_request, is_payment, request_id, status_of
from hub.connect.api import Delivery, RawEvent
from hub.connect.webhooks import form_body
from hub.errors import DeliveryError, PermanentError, SignatureError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.connect.api import Call, Connection, Fetch, WebhookRequest
    from hub.jsontypes import Json, JsonObject

_AMOUNTS = ("amount", "fees", "refund_amount", "total_amount", "paid_amount")


def receive(request: WebhookRequest, connection: Connection, now: datetime, fetch: Fetch) -> Delivery:
    """Prove a delivery. Raises ``SignatureError`` or ``DeliveryError``. It says where to look, so it is a hint."""
    del now, fetch
    given = form_body(request)
    twice = next((name for name, value in given.items() if isinstance(value, list)), None)
    if twice is not None:
        message = f"The field {twice!r} came more than once, so nobody can say what was signed."
        raise DeliveryError(message, code="bad_shape", remedy="It did not come from Instamojo.")
    fields = cast("dict[str, str]", given)
    check_mac(fields, connection.secret_versions("salt"))
    payment, status = fields.get("payment_id", ""), fields.get("status", "")
    if not is_payment(payment) or not status:
        message = "The delivery is signed by Instamojo but names no payment or no status."
        raise DeliveryError(message, code="bad_shape", remedy="Compare it with Instamojo's description.")
    delivered: JsonObject = {name: value for name, value in fields.items() if name != "mac"}
    return Delivery((RawEvent(f"{payment}|{status}", status, {"delivery": delivered}),), hint=True)


def check_mac(fields: Mapping[str, str], salts: tuple[str, ...]) -> None:
    """Raise :class:`SignatureError` unless ``mac`` was made over all other fields with one of the salts."""
    given = fields.get("mac", "")
    if not given:
        message = "The delivery has no mac."
        remedy = "It did not come from Instamojo, or something on the way took the field away."
        raise SignatureError(message, code="no_signature", remedy=remedy)
    usable = [salt for salt in salts if salt]
    if not usable:
        message = "The connection has no private salt."
        remedy = "Copy it from Instamojo's page for developers into the connection."
        raise SignatureError(message, code="no_secret", remedy=remedy)
    expected = [mac_of(fields, salt).encode() for salt in usable]
    if not any([hmac.compare_digest(one, given.encode()) for one in expected]):  # noqa: C419 (all are compared)
        message = "The mac does not match the fields."
        remedy = "It was made with another salt (each mode has its own), or something on the way changed a field."
        raise SignatureError(message, code="bad_signature", remedy=remedy)


def mac_of(fields: Mapping[str, str], salt: str) -> str:
    """The MAC of a form's fields, ``mac`` itself left out. Empty values count."""
    names = sorted((name for name in fields if name != "mac"), key=lambda name: (name.lower(), name))
    text = "|".join(fields[name] for name in names)
    return hmac.new(salt.encode(), text.encode(), hashlib.sha1).hexdigest()


def enrich(raw: RawEvent, call: Call) -> RawEvent:
    """Read the payment that a delivery names; its state counts, not what the delivery says of it.

    What polling found is whole already.
    """
    body = object_of(raw.payload)
    if "delivery" not in body:
        return raw
    instamojo, delivered = Instamojo(call), object_of(body["delivery"])
    payment = get_payment(instamojo, str(delivered["payment_id"]))
    return told(payment, request_of(instamojo, payment), delivered)


def request_of(instamojo: Instamojo, payment: JsonObject) -> JsonObject:
    """The payment request of a payment; empty where there is none any more."""
    if not request_id(payment):
        return {}
    try:
        return get_request(instamojo, request_id(payment))
    except PermanentError as error:
        if error.code != "not_found":
            raise
        return {}


def told(payment: JsonObject, request: JsonObject, delivered: JsonObject | None = None) -> RawEvent:
    """A payment as an event: its own state is the type, so that a delivery and a poll tell the same."""
    kind = status_of(payment)
    body: dict[str, Json] = {"payment": with_exact_amounts(payment), **about(request)}
    if delivered is not None:
        body["delivered"] = delivered
    return RawEvent(f"{payment['id']}|{kind}", kind, body, moment_of(payment.get("created_at")))


def about(request: JsonObject) -> dict[str, Json]:
    """A payment request and what it carries, for an event."""
    if not request:
        return {}
    return {"payment_request": with_exact_amounts(request), "carried": metadata_of(carried_by(request))}


def with_exact_amounts(thing: JsonObject) -> JsonObject:
    """The same with its amounts as text: some answers hold JSON numbers."""
    return {name: exact(value) if name in _AMOUNTS else value for name, value in thing.items()}
