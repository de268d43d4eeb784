"""What an event leaves out and the API tells: which order a transaction belongs to, who paid, what the references were.

It is put beside the event as its member ``hub``, from which the map takes it. What PayPal does not know any more is left
out; when PayPal cannot be asked now, the delivery is refused and PayPal sends it again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from connectors.paypal.api import PayPal, linked_id, list_of, object_of, segment, time_of
from connectors.paypal.carried import read
from connectors.paypal.disputes import OUTCOMES
from connectors.paypal.payouts import provider_of
from connectors.paypal.refunds import taken_for
from connectors.paypal.standing import carried_by, customer_of, has_lapsed, method_of, order_of, parts_of, takings
from connectors.paypal.subscriptions import cancelled_at, period_of
from connectors.paypal.webhooks import proved
from hub.connect.mapping import moment, without_nulls
from hub.errors import DeliveryError, PermanentError
from hub.money import Money

if TYPE_CHECKING:
    from hub.connect.api import Call, RawEvent
    from hub.jsontypes import Json, JsonObject

_REFUNDED = "PAYMENT.CAPTURE.REFUNDED"
FIRST_PAYMENT = timedelta(days=1)
"""A subscription's payment within a day of its start is its first; later ones renew it."""


def enrich(raw: RawEvent, call: Call) -> RawEvent:
    """Prove the event where that is still to be done, and put beside it what the map needs.

    Raises ``SignatureError`` or ``DeliveryError``, or like an action.
    """
    raw = proved(raw, call)
    event = cast("JsonObject", raw.payload)
    try:
        known = _known(raw.type, object_of(event.get("resource")), PayPal(call))
    except ValueError as error:
        message = f"The event {raw.type!r} ({raw.id}) holds a time that cannot be read: {error}."
        raise DeliveryError(message, code="bad_shape", remedy="Report this.") from error
    return replace(raw, payload={**event, "hub": without_nulls(known) or {}})


def _known(kind: str, resource: JsonObject, paypal: PayPal) -> JsonObject:
    if kind.startswith("CHECKOUT.ORDER."):
        return _of_order(resource)
    if kind.startswith("CHECKOUT.PAYMENT-APPROVAL."):
        reference = resource.get("order_id") or resource.get("id")
        return _of_order(_find(paypal, "checkout/orders", reference) or {**resource, "id": reference})
    if kind.startswith(("PAYMENT.CAPTURE.", "PAYMENT.AUTHORIZATION.", "PAYMENT.REFUND.")):
        return _of_transaction(kind, resource, paypal)
    if kind.startswith("PAYMENT.SALE."):
        return _of_sale(kind, resource, paypal)
    if kind.startswith("BILLING.SUBSCRIPTION."):
        return _of_subscription(resource)
    if kind.startswith("CUSTOMER.DISPUTE."):
        return _of_dispute(resource, paypal)
    if kind.startswith("PAYMENT.PAYOUTS"):
        return _of_payout(resource, paypal)
    if kind.startswith("PAYMENT.REFERENCED-PAYOUT-ITEM."):
        return _of_capture(paypal, resource.get("reference_id"))
    if kind.startswith("INVOICING.INVOICE."):
        paid = list_of(object_of(object_of(resource.get("invoice")).get("payments")).get("transactions"))
        return _of_capture(paypal, paid[-1].get("payment_id")) if paid else {}
    return {}


def _of_order(order: JsonObject) -> JsonObject:
    unit = next(iter(list_of(order.get("purchase_units"))), {})
    return {
        "payment": order.get("id"),
        "amount": unit.get("amount"),
        "method": method_of(order),
        "customer": customer_of(order),
        **carried_by(order),
    }


def _of_transaction(kind: str, resource: JsonObject, paypal: PayPal) -> JsonObject:
    """A capture, an authorisation, or a refund of a capture."""
    order = order_of(resource)
    if order is None:
        taken = linked_id(resource, "captures")
        capture = _of_capture(paypal, taken or resource.get("id"))
        own = read(resource.get("custom_id")).get("metadata") if taken else None
        metadata = {**object_of(capture.get("metadata")), **object_of(own)}
        known = {**capture, **_sums(kind, resource, [resource]), "metadata": metadata or None}
        return {**known, **_reversal(kind, paypal, taken or resource.get("id"))}
    found = _find(paypal, "checkout/orders", order)
    return {
        **(_of_order(found) if found else read(resource.get("custom_id"))),
        **_sums(kind, resource, (parts_of(found, "captures") if found else None) or [resource]),
        "payment": order,
        "lapsed": has_lapsed(resource) or None,
        **_reversal(kind, paypal, resource.get("id")),
    }


def _sums(kind: str, resource: JsonObject, captures: list[JsonObject]) -> JsonObject:
    """As PayPal writes amounts: what complete captures took, what is kept of it and credited, or taken for a refund."""
    if kind == _REFUNDED:
        return _as_paypal_writes(taken_for(resource))
    return _as_paypal_writes(takings(captures)) if kind == "PAYMENT.CAPTURE.COMPLETED" else {}


def _as_paypal_writes(amounts: JsonObject) -> JsonObject:
    known = {name: Money.from_json(money) for name, money in amounts.items() if money}
    return {name: {"value": one.to_decimal_text(), "currency_code": one.currency} for name, one in known.items()}


def _of_capture(paypal: PayPal, reference: Json) -> JsonObject:
    """What is known of the payment that a capture is of; of a sale, only its own id."""
    capture = _find(paypal, "payments/captures", reference)
    if capture is None:
        return {"payment": reference}
    order = order_of(capture)
    found = _find(paypal, "checkout/orders", order) if order else None
    return {**read(capture.get("custom_id")), **(_of_order(found) if found else {}), "payment": order or reference}


def _of_sale(kind: str, resource: JsonObject, paypal: PayPal) -> JsonObject:
    """A subscription's payment, or what became of one."""
    sale = resource.get("sale_id") or resource.get("id")
    known: JsonObject = {"payment": sale, **read(resource.get("custom")), **_reversal(kind, paypal, sale)}
    subscription = _find_subscription(paypal, resource.get("billing_agreement_id"))
    if subscription is None:
        return known
    begun, paid = moment(subscription.get("start_time")), moment(resource.get("create_time"))
    is_first = begun is not None and paid is not None and paid - begun < FIRST_PAYMENT
    return {**known, **_of_subscription(subscription), "payment": sale, "first": is_first or None}


def _of_subscription(subscription: JsonObject) -> JsonObject:
    return {
        **read(subscription.get("custom_id")),
        "plan": subscription.get("plan_id"),
        "subscription": subscription.get("id"),
        "customer": customer_of(subscription),
        "period": period_of(subscription),
        "cancel_at": cancelled_at(subscription) if subscription.get("status") == "CANCELLED" else None,
    }


def _of_dispute(dispute: JsonObject, paypal: PayPal) -> JsonObject:
    transaction = next(iter(list_of(dispute.get("disputed_transactions"))), {})
    buyer = object_of(transaction.get("buyer"))
    known = _of_capture(paypal, transaction.get("seller_transaction_id"))
    return {"customer": {"name": buyer.get("name"), "id": buyer.get("payer_id")}, **known, **_judged(dispute)}


def _judged(dispute: JsonObject) -> JsonObject:
    code = str(object_of(dispute.get("dispute_outcome")).get("outcome_code") or "")
    return {
        "dispute": dispute.get("dispute_id"),
        "outcome": OUTCOMES.get(code, "won") if dispute.get("status") == "RESOLVED" else None,
        "due_at": time_of(dispute.get("seller_response_due_date")),
    }


def _of_payout(resource: JsonObject, paypal: PayPal) -> JsonObject:
    """Whom a payout is for. A batch's event names nobody: the batch is asked for its one item."""
    item = object_of(resource.get("payout_item"))
    if not item:
        reference = object_of(resource.get("batch_header")).get("payout_batch_id")
        batch = _find(paypal, "payments/payouts", reference, version="v1") or {}
        item = object_of(next(iter(list_of(batch.get("items"))), {}).get("payout_item"))
    return {**read(item.get("sender_item_id")), "provider": provider_of(item)}


def _reversal(kind: str, paypal: PayPal, transaction: Json) -> JsonObject:
    """The dispute on whose account PayPal took a payment back; without one, it is the bank that did."""
    if not kind.endswith(".REVERSED"):
        return {}
    try:
        listed = paypal.get("/v1/customer/disputes", {"disputed_transaction_id": str(transaction)})
    except PermanentError:
        return {}
    dispute = next(iter(list_of(listed.get("items"))), None)
    if dispute is None:
        return {}
    whole = _find(paypal, "customer/disputes", dispute.get("dispute_id"), version="v1")
    return _judged(whole or dispute)


def _find(paypal: PayPal, collection: str, reference: Json, version: str = "v2") -> JsonObject | None:
    """A thing by its id; None for one that PayPal does not know, does not show this account, or that has no id."""
    if not reference:
        return None
    try:
        return paypal.find(f"/{version}/{collection}/{segment(reference)}")
    except PermanentError as error:
        if error.code == "forbidden":
            return None
        raise


def _find_subscription(paypal: PayPal, reference: Json) -> JsonObject | None:
    return _find(paypal, "billing/subscriptions", reference, version="v1")
