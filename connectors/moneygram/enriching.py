"""What a delivery leaves out: MoneyGram tells no amount and nobody's name, so the transaction is looked up.

The raw event gets the state that the look-up tells, whatever the delivery said: deliveries come in any order, and an older
one must not undo a newer one. ``hub`` holds what the map needs. A transaction that this account does not know gives
``TRANSACTION.NOT_FOUND``, and no event.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from connectors.moneygram.api import MoneyGram, text_of, thing_of
from connectors.moneygram.standing import amount_of, look_up, state_of, sub_status
from hub.connect.mapping import without_nulls

if TYPE_CHECKING:
    from connectors.moneygram.api import Thing
    from hub.connect.api import Call, RawEvent
    from hub.jsontypes import JsonObject

PREFIX = "TRANSACTION."


def enrich(raw: RawEvent, call: Call) -> RawEvent:
    """Look up the transaction that a delivery is about. Raises like an action."""
    if not raw.type.startswith(PREFIX):
        return raw
    told = cast("JsonObject", raw.payload)
    reference = str(cast("JsonObject", told["eventPayload"])["transactionId"])
    found = look_up(MoneyGram(call), reference)
    if found is None:
        return replace(raw, type=f"{PREFIX}NOT_FOUND")
    state = state_of(found.get("transactionStatus"))
    known: JsonObject = {
        "payout": reference,
        "provider": provider_of(found),
        "amount": amount_of(found, call.connection),
        "reference_number": text_of(found.get("referenceNumber")),
        "status": state,
        "reason": sub_status(found) or state.lower(),
        "message": sub_status(found),
    }
    return replace(raw, type=f"{PREFIX}{state}", payload={**told, "hub": without_nulls(known)})


def provider_of(found: Thing) -> str:
    """Whom the payout is for: the hub's own word where MoneyGram gives it back, else the recipient's name."""
    own = (text_of(found.get("partnerTransactionId")) or "").partition("_")[2]
    beneficiary = thing_of(found.get("beneficiary"))
    person = thing_of(beneficiary.get("consumer"))
    name = thing_of(person.get("name")) or person
    called = " ".join(text for part in ("firstName", "lastName") if (text := text_of(name.get(part))))
    business = thing_of(beneficiary.get("business"))
    return own or called or text_of(business.get("businessName")) or "unknown"
