"""How a payment stands at Razorpay, read from a payment (``pay_…``) or from the order that it pays (``order_…``).

Events and outputs name the payment. Before somebody has tried to pay there is only the order; every action takes either.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, cast

from connectors.razorpay.api import Razorpay, list_of, money_of, object_of, segment, time_of, words
from connectors.razorpay.carried import metadata_of
from connectors.razorpay.errors import decline_of
from hub.connect.answers import failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.jsontypes import Json, JsonObject

AUTHORIZATION = timedelta(days=3)
"""After which an authorised payment is refunded by itself; the hub's orders say so. Razorpay's pages say 3 or 5 days."""

OUR_RECEIPTS = "hub-"
"""How references of the hub begin: receipts of orders and the ``reference_id`` of links."""

_STATUS: Mapping[str, str] = {
    "created": "pending",
    "pending": "pending",
    "authorized": "authorized",
    "captured": "succeeded",
    "refunded": "refunded",
    "failed": "failed",
}
# Of several attempts on one order, the one that got furthest is the payment.
_FURTHEST = ("captured", "refunded", "authorized", "pending", "created", "failed")


def read(razorpay: Razorpay, payment: str) -> JsonObject:
    """The payment as an output. Raises like an action."""
    if payment.startswith("order_"):
        return of_order(razorpay, razorpay.get(f"/v1/orders/{segment(payment)}"))
    found = razorpay.get(f"/v1/payments/{segment(payment)}")
    return of_payment(found, notes_of(razorpay, found))


def of_order(razorpay: Razorpay, order: JsonObject) -> JsonObject:
    """The payment of an order; the order itself while nobody has tried to pay."""
    payment = furthest(razorpay, str(order["id"]))
    if payment is not None:
        return of_payment(payment, order_notes(razorpay, order))
    return {
        "payment": order.get("id"),
        "status": "created",
        "amount": money_of(order.get("amount"), order.get("currency")),
        "metadata": metadata_of(order.get("notes")),
        "gateway": words(order),
    }


def furthest(razorpay: Razorpay, order: str) -> JsonObject | None:
    """The payment of an order that got furthest, the newest of several; None when nobody has tried."""
    tried = list_of(razorpay.get(f"/v1/orders/{segment(order)}/payments").get("items"))
    rank = {status: place for place, status in enumerate(_FURTHEST)}

    def place(payment: JsonObject) -> tuple[int, int]:
        return rank.get(str(payment.get("status")), len(rank)), -int(cast("int", payment.get("created_at") or 0))

    return min(tried, key=place, default=None)


def paid(razorpay: Razorpay, payment: str) -> JsonObject:
    """The payment that a reference stands for. Raises ``wrong_state`` while nobody has paid on the order."""
    if not payment.startswith("order_"):
        return razorpay.get(f"/v1/payments/{segment(payment)}")
    found = furthest(razorpay, payment)
    if found is None:
        raise failure("wrong_state", f"Nobody has paid on the order {payment}.")
    return found


def notes_of(razorpay: Razorpay, payment: JsonObject) -> Json:
    """The notes that the server put on what was paid; a payment without an order has only its own."""
    if not payment.get("order_id"):
        return payment.get("notes")
    return order_notes(razorpay, razorpay.get(f"/v1/orders/{segment(payment['order_id'])}"))


def order_notes(razorpay: Razorpay, order: JsonObject) -> Json:
    """The notes of an order. Razorpay makes a link's order by itself: its receipt leads to the link and the link's notes."""
    notes, receipt = order.get("notes"), str(order.get("receipt") or "")
    if notes or not receipt.startswith(OUR_RECEIPTS):
        return notes
    listing = razorpay.get("/v1/payment_links", {"reference_id": receipt})
    links = list_of(listing.get("payment_links") or listing.get("items"))
    return next((one.get("notes") for one in links if one.get("reference_id") == receipt), notes)


def of_payment(payment: JsonObject, notes: Json) -> JsonObject:
    """A payment as an output. ``notes`` are those of its order."""
    currency = payment.get("currency")
    status = _STATUS.get(str(payment.get("status")), "pending")
    if status == "succeeded" and payment.get("amount_refunded"):
        status = "partially_refunded"
    if status == "refunded" and payment.get("captured") is False:
        status = "voided"
    carried = object_of(notes)
    customer = {
        "id": payment.get("customer_id"),
        "email": carried.get("hub_email") or payment.get("email"),
        "name": carried.get("hub_name"),
        "phone": payment.get("contact"),
    }
    failed = status == "failed"
    took = status in {"succeeded", "partially_refunded", "refunded"}
    return {
        "payment": payment.get("id"),
        "status": status,
        "amount": money_of(payment.get("amount"), currency),
        "captured": money_of(payment.get("amount"), currency) if took else None,
        "refunded": money_of(payment.get("amount_refunded"), currency) if payment.get("amount_refunded") else None,
        **_credited(payment),
        "method": _method(payment),
        "stored_method": _stored(payment),
        "customer": {name: value for name, value in customer.items() if value},
        "metadata": metadata_of(notes),
        "reason": decline_of(payment.get("error_reason")) if failed else None,
        "lapses_at": _lapses_at(payment) if status == "authorized" else None,
        "gateway": words(
            payment,
            checkout=payment.get("order_id"),
            code=payment.get("error_reason") or payment.get("error_code"),
            message=payment.get("error_description"),
        ),
    }


def _credited(payment: JsonObject) -> JsonObject:
    """What Razorpay keeps and credits. What was paid in another currency is converted first (page *Currency Conversion*)."""
    base, settled = payment.get("base_currency") or "INR", converted(payment)
    knows = payment.get("fee") and (payment.get("currency") == base or settled)
    return {"fee": money_of(payment.get("fee"), base) if knows else None, "settled": settled}


def converted(thing: JsonObject) -> Json:
    """What a payment in another currency was converted to, or a refund of one was taken as; null where it is not told."""
    base = thing.get("base_currency") or "INR"
    return (
        money_of(thing.get("base_amount"), base) if thing.get("base_amount") and thing.get("currency") != base else None
    )


def _method(payment: JsonObject) -> JsonObject:
    card = object_of(payment.get("card"))
    kind = {"netbanking": "bank", "emandate": "bank"}.get(str(payment.get("method")), payment.get("method"))
    brand = card.get("network") or payment.get("wallet") or payment.get("bank")
    method = {"kind": kind, "brand": brand.lower() if isinstance(brand, str) else None, "last4": card.get("last4")}
    return {name: value for name, value in method.items() if value}


def _stored(payment: JsonObject) -> str | None:
    """The mandate that later payments may charge: Razorpay wants to hear both, the customer and the token."""
    customer, token = payment.get("customer_id"), payment.get("token_id")
    return f"{customer}/{token}" if customer and token else None


def _lapses_at(payment: JsonObject) -> Json:
    created = payment.get("created_at")
    return time_of(created + int(AUTHORIZATION.total_seconds())) if isinstance(created, int) else None
