"""How a payment stands: Amazon's charge, with the charge permission that it was made under. Pure but for :func:`known`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connectors.amazon_pay.api import AmazonPay, minor_of, money_of, object_of, segment, time_of, words
from connectors.amazon_pay.carried import read
from connectors.amazon_pay.errors import reason_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.jsontypes import JsonObject

STATUS: Final[Mapping[str, str]] = {
    "AuthorizationInitiated": "pending",
    "Pending": "pending",
    "Authorized": "authorized",
    "CaptureInitiated": "pending",
    "Captured": "succeeded",
    "Completed": "succeeded",
    "Declined": "failed",
    "Canceled": "voided",
}
"""A charge's states; Amazon's pages and its samples differ in Captured and Completed, so both are read."""

STORED: Final = frozenset({"Recurring", "PaymentMethodOnFile"})
"""Charge permissions under which later charges may be made without the buyer."""


def state_of(thing: JsonObject) -> str:
    """Amazon's own word for a thing's state."""
    return str(object_of(thing.get("statusDetails")).get("state") or "")


def status_of(charge: JsonObject) -> str:
    """A charge's state in the hub's words."""
    status = STATUS.get(state_of(charge), "pending")
    if status == "voided" and object_of(charge.get("statusDetails")).get("reasonCode") == "ExpiredUnused":
        return "expired"
    refunded = minor_of(charge.get("refundedAmount"))
    if status == "succeeded" and refunded:
        return "refunded" if refunded >= minor_of(charge.get("captureAmount")) else "partially_refunded"
    return status


def permission_of(amazon: AmazonPay, charge: JsonObject) -> JsonObject:
    """The charge permission of a charge; empty when Amazon does not know it any more. Raises like an action."""
    reference = charge.get("chargePermissionId")
    return (amazon.find(f"chargePermissions/{segment(reference)}") or {}) if reference else {}


def customer_of(charge: JsonObject, permission: JsonObject) -> JsonObject:
    """Who paid: as Amazon says it (in the first 30 days), else as the recipe knew it."""
    buyer = object_of(permission.get("buyer"))
    known = carried_by(charge, permission)
    found: JsonObject = {
        "id": buyer.get("buyerId"),
        "email": buyer.get("email") or known.get("email"),
        "name": buyer.get("name") or known.get("name"),
        "phone": buyer.get("phoneNumber"),
    }
    return {name: value for name, value in found.items() if value}


def carried_by(charge: JsonObject, permission: JsonObject) -> JsonObject:
    """What the hub wrote into the charge, else into its permission."""
    return read(charge.get("merchantMetadata")) or read(permission.get("merchantMetadata"))


def payment_output(charge: JsonObject, permission: JsonObject, **more: str) -> JsonObject:
    """A charge as a payment."""
    status = status_of(charge)
    is_stored = permission.get("chargePermissionType") in STORED
    return {
        "payment": charge.get("chargeId"),
        "status": status,
        "amount": money_of(charge.get("chargeAmount")),
        "captured": money_of(charge.get("captureAmount")) if minor_of(charge.get("captureAmount")) else None,
        "refunded": money_of(charge.get("refundedAmount")) if minor_of(charge.get("refundedAmount")) else None,
        "method": {"kind": "wallet", "brand": "amazon_pay"},
        "stored_method": charge.get("chargePermissionId") if is_stored else None,
        "customer": customer_of(charge, permission) or None,
        "metadata": carried_by(charge, permission).get("metadata"),
        "reason": reason_of(object_of(charge.get("statusDetails")).get("reasonCode")) if status == "failed" else None,
        "lapses_at": time_of(charge.get("expirationTimestamp")) if status == "authorized" else None,
        "gateway": {**words(charge, charge.get("chargeId")), **more},
    }
