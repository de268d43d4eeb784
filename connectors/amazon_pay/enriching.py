"""What a notification only points at and the API tells: the thing's state, amount, payment and references.

The raw event gets the state into its type (``CHARGE.Captured``) and two members: ``object``, the thing as Amazon has it,
and ``hub``, what the map needs beside it. A thing that this account does not know gives ``CHARGE.NotFound``, and no event.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from connectors.amazon_pay.api import AmazonPay, object_of, segment, time_of
from connectors.amazon_pay.button import is_prepared
from connectors.amazon_pay.carried import REFERENCES
from connectors.amazon_pay.disputes import outcome_of
from connectors.amazon_pay.errors import reason_of
from connectors.amazon_pay.standing import carried_by, customer_of, permission_of, state_of, status_of
from hub.connect.mapping import moment, without_nulls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call, RawEvent
    from hub.jsontypes import JsonObject

PATHS: Final[Mapping[str, str]] = {
    "CHARGE": "charges",
    "REFUND": "refunds",
    "CHARGEBACK": "disputes",
    "CHARGE_PERMISSION": "chargePermissions",
}
FIRST_CHARGE: Final = timedelta(days=1)
"""A charge within a day of its permission is the first one; later ones renew."""


def enrich(raw: RawEvent, call: Call) -> RawEvent:
    """Re-read the thing that a notification is about. Raises like an action."""
    path = PATHS.get(raw.type)
    if path is None:
        return raw
    notification = object_of(raw.payload)
    amazon = AmazonPay(call)
    thing = amazon.find(f"{path}/{segment(notification.get('ObjectId'))}")
    if thing is None:
        return replace(raw, type=f"{raw.type}.NotFound")
    known = _known(raw.type, thing, amazon)
    changed = moment(object_of(thing.get("statusDetails")).get("lastUpdatedTimestamp"))
    payload: JsonObject = {"notification": notification, "object": thing, "hub": without_nulls(known) or {}}
    return replace(raw, type=f"{raw.type}.{state_of(thing)}", payload=payload, time=changed or raw.time)


def _known(kind: str, thing: JsonObject, amazon: AmazonPay) -> JsonObject:
    if kind == "CHARGE_PERMISSION":
        return _about({}, thing)
    if kind == "CHARGE":
        return _about(thing, permission_of(amazon, thing))
    charge = (amazon.find(f"charges/{segment(thing['chargeId'])}") or {}) if thing.get("chargeId") else {}
    known = _about(charge, permission_of(amazon, charge))
    if kind == "CHARGEBACK":
        return {**known, "outcome": outcome_of(thing), "due_at": time_of(thing.get("merchantResponseDeadline"))}
    return known


def _about(charge: JsonObject, permission: JsonObject) -> JsonObject:
    carried = carried_by(charge, permission)
    metadata = object_of(carried.get("metadata"))
    details = object_of(charge.get("statusDetails"))
    reference = charge.get("chargePermissionId") or permission.get("chargePermissionId")
    return {
        **{name: carried.get(name) for name in REFERENCES},
        "ours": carried.get("hub"),
        "metadata": carried.get("metadata"),
        "customer": customer_of(charge, permission),
        "permission": permission.get("chargePermissionType"),
        "subscription": metadata.get("hub_subscription") or reference,
        "expired": True if status_of(charge) == "expired" else None,
        "lapses_at": time_of(charge.get("expirationTimestamp")),
        "reason": reason_of(details["reasonCode"]) if details.get("reasonCode") else None,
        "first": _is_first(charge, permission) or None,
        "checkout": _checkout_of(charge, permission),
    }


def _checkout_of(charge: JsonObject, permission: JsonObject) -> str | None:
    """The hub's reference of a payment until it had a charge, by which the visit to pay is known."""
    reference = str(object_of(permission.get("merchantMetadata")).get("merchantReferenceId") or "")
    return reference if is_prepared(reference) and _is_first(charge, permission) else None


def _is_first(charge: JsonObject, permission: JsonObject) -> bool:
    begun, made = moment(permission.get("creationTimestamp")), moment(charge.get("creationTimestamp"))
    return begun is not None and made is not None and made - begun < FIRST_CHARGE
