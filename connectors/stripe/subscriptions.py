"""Subscriptions: started on Stripe's page, in a page of ours or on a stored means; Stripe keeps the clock."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, cast

from connectors.stripe.api import Stripe, amount_form, id_of, object_of, segment, time_of, unix, words
from connectors.stripe.carried import carried
from connectors.stripe.payments import client, customer_id, new_customer, payer, return_address
from connectors.stripe.plans import TRIAL
from hub.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

_STATUS: Mapping[str, str] = {
    "incomplete": "pending",
    "incomplete_expired": "ended",
    "trialing": "trialing",
    "active": "active",
    "past_due": "past_due",
    "unpaid": "past_due",
    "canceled": "cancelled",
    "paused": "paused",
}
_PRORATION: Mapping[str, str] = {"none": "none", "now": "always_invoice", "next_period": "create_prorations"}
_CONFIRMATION = "latest_invoice.confirmation_secret"


def create(call: Call) -> Json:
    """Start a subscription (``subscription.create``)."""
    stripe, given = Stripe(call), call.input
    metadata = {**carried(given), "hub_plan": given["plan"]}
    trial = {**_trial(stripe, given), **_discounts(stripe, given)}
    if given.get("method"):
        return _output(_start(stripe, given, metadata, trial))
    if given.get("presentation") == "embedded":
        made = _start(stripe, given, metadata, trial)
        confirmation = object_of(object_of(made.get("latest_invoice")).get("confirmation_secret"))
        return {**_output(made), "client": client(call, "stripe.payment_element", confirmation.get("client_secret"))}
    item = {"price": given["plan"], "quantity": given.get("quantity", 1)}
    form = {
        "mode": "subscription",
        "line_items": [item],
        "success_url": return_address(call, given),
        "cancel_url": given.get("cancel_url"),
        "client_reference_id": given.get("order") or call.reference,
        "metadata": metadata,
        "subscription_data": {"metadata": metadata, **{name: trial[name] for name in trial if name != "discounts"}},
        "discounts": trial.get("discounts"),
        **payer(given),
    }
    session = stripe.post("/v1/checkout/sessions", form)
    return {
        "subscription": id_of(session.get("subscription")) or session.get("id"),
        "status": "pending",
        "plan": given["plan"],
        "checkout_url": session.get("url"),
        "gateway": words(session),
    }


def update(call: Call) -> Json:
    """Move it to another plan, quantity or means (``subscription.update``). What is overdue is paid by it at once."""
    stripe, given = Stripe(call), call.input
    reference = _reference(stripe, given["subscription"])
    form: dict[str, Json] = {"default_payment_method": given.get("method"), "metadata": given.get("metadata")}
    if "plan" in given or "quantity" in given:
        item = _first_item(stripe.get(f"/v1/subscriptions/{segment(reference)}"))
        form["items"] = [{"id": item.get("id"), "price": given.get("plan"), "quantity": given.get("quantity")}]
        form["proration_behavior"] = _PRORATION[str(given.get("prorate", "next_period"))]
    path = f"/v1/subscriptions/{segment(reference)}"
    changed = stripe.post(path, form)
    if given.get("method") and _STATUS.get(str(changed.get("status"))) == "past_due":
        _pay_overdue(stripe, changed)
        changed = stripe.get(path)
    return _output(changed)


def pause(call: Call) -> Json:
    """Charge nothing until it is resumed (``subscription.pause``)."""
    stripe, given = Stripe(call), call.input
    options = cast("JsonObject", given.get("options") or {})
    collection = {"behavior": options.get("behavior", "void"), "resumes_at": unix(given.get("until"))}
    reference = _reference(stripe, given["subscription"])
    return _output(stripe.post(f"/v1/subscriptions/{segment(reference)}", {"pause_collection": collection}))


def resume(call: Call) -> Json:
    """Charges go on (``subscription.resume``). One that Stripe itself paused has an address of its own for it."""
    stripe = Stripe(call)
    reference = _reference(stripe, call.input["subscription"])
    path = f"/v1/subscriptions/{segment(reference)}"
    if stripe.get(path).get("status") == "paused":
        return _output(stripe.post(f"{path}/resume", {"billing_cycle_anchor": "now"}, part="resume"))
    return _output(stripe.post(path, {"pause_collection": ""}))


def cancel(call: Call) -> Json:
    """End it now or at the end of the paid period (``subscription.cancel``)."""
    stripe, given = Stripe(call), call.input
    path = f"/v1/subscriptions/{segment(_reference(stripe, given['subscription']))}"
    details = {"comment": given["reason"]} if given.get("reason") else None
    if given.get("at", "period_end") == "period_end":
        return _output(stripe.post(path, {"cancel_at_period_end": True, "cancellation_details": details}))
    try:
        return _output(stripe.delete(path, {"cancellation_details": details}))
    except PermanentError as error:
        # A DELETE takes no key: when its answer was lost, the repeat finds nothing left to cancel.
        found = stripe.get(path) if error.code == "not_found" else {}
        if found.get("status") != "canceled":
            raise
        return _output(found)


def _start(stripe: Stripe, given: JsonObject, metadata: JsonObject, trial: JsonObject) -> JsonObject:
    stored = given.get("method")
    form = {
        "customer": customer_id(object_of(given.get("customer"))) or new_customer(stripe, given),
        "items": [{"price": given["plan"], "quantity": given.get("quantity", 1)}],
        "default_payment_method": stored,
        "off_session": True if stored else None,
        "payment_behavior": "error_if_incomplete" if stored else "default_incomplete",
        "payment_settings": None if stored else {"save_default_payment_method": "on_subscription"},
        "metadata": metadata,
        "expand": None if stored else [_CONFIRMATION],
        **trial,
    }
    return stripe.post("/v1/subscriptions", form)


def _pay_overdue(stripe: Stripe, subscription: JsonObject) -> None:
    """Try the open invoice at once. What Stripe refuses here it goes on trying by itself, and tells by webhook.

    Source: "Pay an invoice" of the API reference; it uses the subscription's ``default_payment_method``.
    """
    invoice = id_of(subscription.get("latest_invoice"))
    if invoice is None:
        return
    # The means is changed whether or not the bank agrees to this charge, so a refusal is no failure of the action.
    with contextlib.suppress(PermanentError):
        stripe.post(f"/v1/invoices/{segment(invoice)}/pay", {"off_session": True}, part="overdue")


def _trial(stripe: Stripe, given: JsonObject) -> dict[str, Json]:
    """When the first charge is: the step's word, else the plan's."""
    if given.get("start_at"):
        return {"trial_end": unix(given["start_at"])}
    days = given.get("trial_days")
    if days is None:
        price = stripe.get(f"/v1/prices/{segment(given['plan'])}")
        days = object_of(price.get("metadata")).get(TRIAL)
    return {"trial_period_days": days} if days else {}


def _discounts(stripe: Stripe, given: JsonObject) -> dict[str, Json]:
    """A coupon made for this subscription. Stripe counts its months, not its charges."""
    discount = object_of(given.get("discount"))
    if not discount:
        return {}
    amount = object_of(discount.get("amount"))
    form: dict[str, Json] = {"percent_off": discount.get("percent"), **_duration(stripe, given, discount.get("cycles"))}
    if amount:
        priced = amount_form(amount)
        form |= {"amount_off": priced["amount"], "currency": priced["currency"]}
    coupon = stripe.post("/v1/coupons", form, part="coupon")
    return {"discounts": [{"coupon": coupon.get("id")}]}


def _duration(stripe: Stripe, given: JsonObject, cycles: Json) -> dict[str, Json]:
    if cycles is None:
        return {"duration": "forever"}
    if cycles == 1:
        return {"duration": "once"}
    recurring = object_of(stripe.get(f"/v1/prices/{segment(given['plan'])}").get("recurring"))
    months = {"month": 1, "year": 12}.get(str(recurring.get("interval")))
    if months is None:
        message = "Stripe counts the months of a discount, and this plan is charged by days or weeks."
        raise PermanentError(message, code="invalid_request", remedy="Give one charge (cycles: 1) or all of them less.")
    count = cast("int", recurring.get("interval_count") or 1)
    return {"duration": "repeating", "duration_in_months": months * count * cast("int", cycles)}


def _reference(stripe: Stripe, reference: Json) -> str:
    """The subscription's id; a Checkout Session is asked for the one that it started."""
    text = str(reference)
    if not text.startswith("cs_"):
        return text
    session = stripe.get(f"/v1/checkout/sessions/{segment(text)}")
    return id_of(session.get("subscription")) or text


def _first_item(subscription: JsonObject) -> JsonObject:
    items = cast("list[JsonObject]", object_of(subscription.get("items")).get("data") or [{}])
    return items[0]


def _output(subscription: JsonObject) -> JsonObject:
    item = _first_item(subscription)
    status = _STATUS.get(str(subscription.get("status")), "active")
    if status in {"active", "trialing"} and subscription.get("pause_collection"):
        status = "paused"
    elif status in {"active", "trialing"} and subscription.get("cancel_at_period_end"):
        status = "cancelling"
    # Since 2025-03-31.basil the period stands on the item, before on the subscription.
    start = item.get("current_period_start") or subscription.get("current_period_start")
    end = item.get("current_period_end") or subscription.get("current_period_end")
    period = {"start": time_of(start), "end": time_of(end)}
    return {
        "subscription": subscription.get("id"),
        "status": status,
        "plan": id_of(item.get("price")) or id_of(item.get("plan")),
        "period": {name: value for name, value in period.items() if value},
        "cancel_at": time_of(subscription.get("cancel_at")),
        "gateway": words(subscription),
    }
