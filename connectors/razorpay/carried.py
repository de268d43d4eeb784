"""What travels through Razorpay and comes back in its events: references of the hub, in the notes. Pure.

``order``, ``invoice``, ``link`` and ``job`` travel under their own names; ``hub_email`` and ``hub_name`` are the payer as
the recipe knew them. They stand in the notes of the order, link, subscription, refund, transfer or payout that the server
made; notes of a payment may come from the payer's browser and are never taken for references.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from connectors.razorpay.api import STEP
from hub.connect.answers import failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

REFERENCES = ("order", "invoice", "link", "job")
PAYER = ("hub_email", "hub_name")
MOST_NOTES = 15
LONGEST_NOTE = 256
"""Notes hold 15 pairs of 256 characters each (Razorpay's page "Orders", parameter ``notes``)."""


def carried(call: Call, **own: Json) -> dict[str, Json]:
    """The notes of an input, and what the hub adds. Raises ``PermanentError`` (``bad_input``) for what does not fit."""
    given = call.input
    notes: dict[str, Json] = dict(cast("Mapping[str, Json]", given.get("metadata") or {}))
    notes |= {name: given[name] for name in REFERENCES if given.get(name)}
    customer = cast("JsonObject", given.get("customer") or {})
    added = {"hub_email": customer.get("email"), "hub_name": customer.get("name"), STEP: call.reference, **own}
    notes |= {name: str(value) for name, value in added.items() if value is not None}
    too_long = next(
        (name for name, value in notes.items() if len(name) > LONGEST_NOTE or len(str(value)) > LONGEST_NOTE), None
    )
    if too_long is not None:
        raise failure("bad_input", f"Razorpay takes notes of up to {LONGEST_NOTE} characters; {too_long!r} is longer.")
    if len(notes) > MOST_NOTES:
        raise failure("bad_input", f"Razorpay takes {MOST_NOTES} notes, these are {len(notes)} with the hub's own.")
    return notes


def passed_on(notes: JsonObject) -> dict[str, Json]:
    """What of a payment's notes a refund or transfer of it takes along, so that its events name order and payer."""
    return {name: str(notes[name]) for name in (*REFERENCES, *PAYER) if notes.get(name)}


def metadata_of(notes: Json) -> dict[str, Json]:
    """Notes as metadata: texts by name (others may have put numbers there; empty notes are ``[]``)."""
    if not isinstance(notes, dict):
        return {}
    return {name: str(value) for name, value in notes.items() if isinstance(value, (str, int, float))}
