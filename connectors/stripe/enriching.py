"""What an event only points at. Of a charge or a refund the balance transaction, which says what Stripe keeps and credits.

Stripe takes the money in the background, and tells by ``charge.updated`` when the transaction is there (its page
*Asynchronous capture*). Of an authorised payment it is the charge, which says until when it can be taken (API reference,
*The Charge object*, ``payment_method_details.card.capture_before``). What is read is put beside the event as its member
``hub``, from which the map takes it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from connectors.stripe.api import Stripe, id_of, object_of
from connectors.stripe.payments import charge_of, credited, lapses_at
from connectors.stripe.refunds import told
from hub.connect.mapping import without_nulls
from hub.errors import PermanentError

if TYPE_CHECKING:
    from hub.connect.api import Call, RawEvent
    from hub.jsontypes import JsonObject


def enrich(raw: RawEvent, call: Call) -> RawEvent:
    """Put beside the event what it points at; nothing where Stripe does not show it to this key.

    Raises ``TransientError`` when Stripe cannot be asked now.
    """
    event = cast("JsonObject", raw.payload)
    thing = object_of(object_of(event.get("data")).get("object"))
    if raw.type == "charge.updated":
        known = _of_charge(thing, call)
    elif raw.type == "payment_intent.amount_capturable_updated":
        known = _of_authorisation(thing, call)
    else:
        known = told(Stripe(call), thing, failed=raw.type == "refund.failed")
    return replace(raw, payload={**event, "hub": without_nulls(known) or {}})


def _of_authorisation(intent: JsonObject, call: Call) -> JsonObject:
    if intent.get("status") != "requires_capture" or not intent.get("latest_charge"):
        return {}
    try:
        return {"lapses_at": lapses_at(charge_of(Stripe(call), id_of(intent["latest_charge"])))}
    except PermanentError:
        return {}


def _of_charge(charge: JsonObject, call: Call) -> JsonObject:
    if not charge.get("balance_transaction"):
        return {}
    try:
        return credited(charge_of(Stripe(call), charge.get("id")))
    except PermanentError:
        return {}
