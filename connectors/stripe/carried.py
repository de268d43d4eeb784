"""What travels through Stripe and comes back in its events: references of the hub, in Stripe's metadata. Pure.

``order``, ``invoice``, ``link`` and ``job`` travel under their own names. ``hub_flow`` says which of Stripe's events will
tell that the payment succeeded; ``hub_email`` and ``hub_name`` are the payer as the recipe knew them, since Stripe's own
objects often name no payer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hub.connect.answers import failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.jsontypes import Json, JsonObject

REFERENCES = ("order", "invoice", "link", "job", "payment")
PAYER = ("hub_email", "hub_name")
FLOW_CHECKOUT = "checkout"
"""Paid on Stripe's page with automatic capture: ``checkout.session.completed`` tells that it succeeded."""
FLOW_INTENT = "intent"
"""Everything else: ``payment_intent.succeeded`` tells it."""

MOST_KEYS = 50
LONGEST_KEY = 40
LONGEST_VALUE = 500


def carried(given: JsonObject, *, flow: str | None = None) -> dict[str, Json]:
    """The metadata of an input. Raises ``PermanentError`` (``bad_input``) for what Stripe would refuse or cut."""
    metadata: dict[str, Json] = dict(cast("Mapping[str, Json]", given.get("metadata") or {}))
    metadata |= {name: given[name] for name in REFERENCES if name != "payment" and given.get(name)}
    customer = cast("JsonObject", given.get("customer") or {})
    payer = {"hub_email": customer.get("email"), "hub_name": customer.get("name"), "hub_flow": flow}
    metadata |= {name: value for name, value in payer.items() if value}
    for name, value in metadata.items():
        if len(name) > LONGEST_KEY or "[" in name or "]" in name or len(str(value)) > LONGEST_VALUE:
            rule = f"names of up to {LONGEST_KEY} characters without brackets, values of up to {LONGEST_VALUE}"
            raise failure("bad_input", f"Stripe does not take the metadata {name!r}: {rule}.")
    if len(metadata) > MOST_KEYS:
        raise failure("bad_input", f"Stripe takes {MOST_KEYS} metadata entries, these are {len(metadata)}.")
    return metadata


def passed_on(metadata: JsonObject) -> dict[str, Json]:
    """What of a payment's metadata a refund or transfer of it takes along, so that its events name order and payer."""
    return {name: metadata[name] for name in (*REFERENCES, *PAYER) if metadata.get(name)}
