"""What an event of a charge or a refund only points at: the balance transaction, which says what Stripe keeps and credits.

Stripe takes the money in the background, and tells by ``charge.updated`` when the transaction is there (its page
*Asynchronous capture*). What is read is put beside the event as its member ``hub``, from which the map takes it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from connectors.stripe.api import Stripe, object_of
from connectors.stripe.payments import charge_of, credited
from connectors.stripe.refunds import told
from hub.connect.mapping import without_nulls
from hub.errors import PermanentError

if TYPE_CHECKING:
    from hub.connect.api import Call, RawEvent
    from hub.jsontypes import JsonObject


def enrich(raw: RawEvent, call: Call) -> RawEvent:
    """Put beside the event what its balance transaction says; nothing where Stripe does not show it to this key.

    Raises ``TransientError`` when Stripe cannot be asked now.
    """
    event = cast("JsonObject", raw.payload)
    thing = object_of(object_of(event.get("data")).get("object"))
    if raw.type == "charge.updated":
        known = _of_charge(thing, call)
    else:
        known = told(Stripe(call), thing, failed=raw.type == "refund.failed")
    return replace(raw, payload={**event, "hub": without_nulls(known) or {}})


def _of_charge(charge: JsonObject, call: Call) -> JsonObject:
    if not charge.get("balance_transaction"):
        return {}
    try:
        return credited(charge_of(Stripe(call), charge.get("id")))
    except PermanentError:
        return {}
