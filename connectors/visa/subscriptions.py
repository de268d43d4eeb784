"""Subscriptions of Recurring Billing (``/rbs/v1/subscriptions``) on a stored means (a TMS customer token).

Sources: the SDK's models and samples of subscriptions, 0.0.80; Visa's guide "Recurring Billing" for states and retries.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from connectors.visa import plans, tokens
from connectors.visa.api import Visa, decimal, object_of, objects_of, segment, words
from connectors.visa.details import time_of
from hub.connect.answers import failure
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

PATH = "/rbs/v1/subscriptions"
_STATUS: Mapping[str, str] = {
    "CREATED": "pending",
    "PENDING": "pending",
    "ACTIVE": "active",
    "DELINQUENT": "past_due",
    "SUSPENDED": "paused",
    "CANCELLED": "cancelled",
    "COMPLETED": "ended",
    "FAILED": "ended",
}


def create(call: Call) -> Json:
    """Start a subscription on a stored means (``subscription.create``)."""
    visa, given = Visa(call), call.input
    customer = object_of(given.get("customer"))
    token = str(given.get("method") or customer.get("id") or "").partition("/")[0]
    if not token:
        message = "Visa starts subscriptions on a stored means: let the payer pay with save_method first and give its"
        raise failure("method_unavailable", f"{message} stored_method as method.")
    plan = visa.get(f"{plans.PATH}/{segment(given['plan'])}")
    quantity = cast("int", given.get("quantity", 1))
    start = _start(call, plan)
    body: JsonObject = {
        "clientReferenceInformation": {"code": given.get("order") or call.reference},
        "processingInformation": {
            "commerceIndicator": "recurring",
            "authorizationOptions": {"initiator": {"type": "merchant"}},
        },
        "subscriptionInformation": {
            "code": call.reference,
            "planId": given["plan"],
            "name": str(object_of(plan.get("planInformation")).get("name") or "Subscription"),
            "startDate": start,
        },
        "paymentInformation": {"customer": {"id": token}},
        "orderInformation": {"amountDetails": _times(plan, quantity)} if quantity > 1 else None,
    }
    made = visa.write("POST", PATH, body)
    status = str(object_of(made.get("subscriptionInformation")).get("status") or "PENDING")
    return {
        "subscription": made.get("id"),
        "status": _STATUS.get(status, "pending"),
        "plan": given["plan"],
        "period": {"start": f"{start}T00:00:00Z"},
        "gateway": words(made, status=status),
    }


def find_created(call: Call) -> Json:
    """The subscription that this step made, by its code; None when there is none."""
    answer = Visa(call).get(PATH, {"code": call.reference, "limit": "1"})
    listed = objects_of(answer.get("subscriptions"))
    found = [one for one in listed if object_of(one.get("subscriptionInformation")).get("code") == call.reference]
    return output(found[0]) if found else None


def update(call: Call) -> Json:
    """Move it to another plan or quantity from its next charge on, or to another card (``subscription.update``).

    A subscription keeps its customer token: the card changes within it, for all that is charged by that token.
    """
    visa, given = Visa(call), call.input
    if given.get("prorate") == "now":
        raise failure("invalid_request", "Visa settles no difference at once; changes count from the next charge on.")
    path = f"{PATH}/{segment(given['subscription'])}"
    before = visa.get(path)
    if given.get("method"):
        customer = object_of(object_of(before.get("paymentInformation")).get("customer")).get("id")
        if not customer:
            raise failure("bad_answer", "Visa names no customer token of this subscription.")
        tokens.replace_card(visa, str(customer), str(given["method"]).partition("/")[0])
    plan_id = given.get("plan") or object_of(before.get("subscriptionInformation")).get("planId")
    body: dict[str, Json] = {}
    if "plan" in given:
        body["subscriptionInformation"] = {"planId": plan_id}
    if "quantity" in given:
        plan = visa.get(f"{plans.PATH}/{segment(plan_id)}")
        details = _times(plan, cast("int", given["quantity"]))
        body["orderInformation"] = {"amountDetails": {"billingAmount": details["billingAmount"]}}
    if body:
        visa.write("PATCH", path, body, repeatable=True)
    return output(visa.get(path))


def pause(call: Call) -> Json:
    """Charge nothing until it is resumed (``subscription.pause``)."""
    if call.input.get("until"):
        raise failure("invalid_request", "Visa keeps no end of a pause: leave until out and resume it by a schedule.")
    return _moved(call, "suspend", "SUSPENDED")


def resume(call: Call) -> Json:
    """Charges go on, without those that were missed (``subscription.resume``)."""
    return _moved(call, "activate?processMissedPayments=false", "ACTIVE")


def cancel(call: Call) -> Json:
    """End it now, or with the charge that was the last (``subscription.cancel``).

    Visa's own cancellation is at once and final; the end of the period is set by letting no further charge come.
    """
    visa = Visa(call)
    path = f"{PATH}/{segment(call.input['subscription'])}"
    before = visa.get(path)
    status = _status(before)
    if status in {"cancelled", "ended"}:
        return output(before)
    cycles = object_of(object_of(before.get("planInformation")).get("billingCycles"))
    current = str(cycles.get("current") or "0")
    if call.input.get("at", "period_end") == "now" or not current.isdigit() or int(current) < 1:
        return _moved(call, "cancel", "CANCELLED")
    if str(cycles.get("total") or "") != current:
        visa.write("PATCH", path, {"planInformation": {"billingCycles": {"total": current}}}, repeatable=True)
    return {**output(visa.get(path)), "status": "cancelling"}


def output(subscription: JsonObject) -> JsonObject:
    """A subscription as actions give it."""
    information = object_of(subscription.get("subscriptionInformation"))
    start = str(information.get("startDate") or "")
    moment = time_of(start)
    return {
        "subscription": subscription.get("id"),
        "status": _status(subscription),
        "plan": information.get("planId"),
        "period": {"start": moment.isoformat().replace("+00:00", "Z")} if moment else None,
        "gateway": words(subscription, status=information.get("status")),
    }


def _moved(call: Call, step: str, wanted: str) -> Json:
    visa = Visa(call)
    path = f"{PATH}/{segment(call.input['subscription'])}"
    before = visa.get(path)
    if object_of(before.get("subscriptionInformation")).get("status") == wanted:
        return output(before)
    visa.write("POST", f"{path}/{step}", repeatable=True)
    return output(visa.get(path))


def _status(subscription: JsonObject) -> str:
    information = object_of(subscription.get("subscriptionInformation"))
    return _STATUS.get(str(information.get("status")), "pending")


def _times(plan: JsonObject, quantity: int) -> dict[str, Json]:
    price = plans.price_of(plan)
    if price is None:
        raise failure("bad_answer", "Visa's plan has no price.")
    money = Money.from_json(price)
    return {
        "currency": money.currency,
        "billingAmount": decimal(Money(money.minor * quantity, money.currency).to_json()),
    }


def _start(call: Call, plan: JsonObject) -> str:
    """The day of the first charge: the step's word, else after the free days of step or plan."""
    start = call.input.get("start_at")
    if isinstance(start, str):
        return datetime.fromisoformat(start).date().isoformat()
    days = call.input.get("trial_days")
    free = cast("int", days) if days is not None else plans.trial_of(plan)
    return (call.now + timedelta(days=free)).date().isoformat()
