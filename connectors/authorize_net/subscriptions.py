"""Subscriptions (ARB, Automated Recurring Billing) on a stored means: Authorize.Net keeps the schedule and charges."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from connectors.authorize_net.api import AuthorizeNet, decimal, object_of, words
from connectors.authorize_net.carried import SUBSCRIPTION, described_by, description_of, step_reference
from connectors.authorize_net.plans import Plan, quantity_of, running
from hub.connect.answers import failure
from hub.errors import PermanentError
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

_STATUS: Mapping[str, str] = {
    "active": "active",
    "suspended": "past_due",
    "expired": "ended",
    "canceled": "cancelled",
    "terminated": "cancelled",
}


def create(call: Call) -> Json:
    """Start a subscription on a stored means (``subscription.create``)."""
    given, connection = call.input, call.connection
    if not given.get("method"):
        message = (
            "Authorize.Net starts subscriptions on a stored means: let the payer pay with save_method first and give"
        )
        raise failure("method_unavailable", f"{message} its stored_method as method.")
    plan = Plan.parse(str(given["plan"]))
    quantity = cast("int", given.get("quantity") or 1)
    trial = cast("int", given["trial_days"]) if "trial_days" in given else plan.trial_days
    price = Money(plan.price.minor * quantity, plan.price.currency)
    marks = {"quantity": str(quantity)} if quantity > 1 else {}
    marks |= {"trial": str(plan.trial_days)} if plan.trial_days else {}
    subscription: JsonObject = {
        "name": plan.name,
        "paymentSchedule": {
            "interval": {"length": str(plan.length), "unit": plan.unit},
            "startDate": _start(call, trial),
            "totalOccurrences": str(plan.cycles),
        },
        "amount": decimal(price.to_json(), connection),
        "order": {
            "invoiceNumber": step_reference(SUBSCRIPTION, call),
            "description": description_of(given, **marks) or None,
        },
        "profile": _profile(str(given["method"])),
    }
    try:
        made = AuthorizeNet(call).ask("ARBCreateSubscriptionRequest", {"subscription": subscription}, repeatable=False)
    except PermanentError as error:
        found = find_created(call) if error.gateway_code == "E00012" else None
        if found is None:
            raise
        return found
    return _output(call, str(made.get("subscriptionId")), {**subscription, "status": "active"})


def find_created(call: Call) -> Json:
    """The subscription that this step made, by its invoice number; None when there is none."""
    api, invoice = AuthorizeNet(call), step_reference(SUBSCRIPTION, call)
    for short in running(api):
        if short.get("invoice") == invoice:
            return _read(call, api, str(short.get("id")))
    return None


def update(call: Call) -> Json:
    """Move it to another plan of the same interval, quantity or means, from its next charge on (``subscription.update``)."""
    api, given = AuthorizeNet(call), call.input
    if given.get("prorate") == "now":
        raise failure(
            "invalid_request", "Authorize.Net settles no difference at once; changes count from the next charge on."
        )
    reference = str(given["subscription"])
    before = _subscription(api, reference)
    old = Plan.of(before, call.connection)
    if old is None:
        raise failure("wrong_state", "The subscription does not say its terms.")
    plan = Plan.parse(str(given["plan"])) if "plan" in given else old
    if (plan.length, plan.unit) != (old.length, old.unit):
        message = "Authorize.Net never changes an interval: cancel this subscription and start one on the other plan."
        raise failure("invalid_request", message)
    quantity = cast("int", given.get("quantity") or quantity_of(before))
    price = Money(plan.price.minor * quantity, plan.price.currency)
    marks = {"quantity": str(quantity)} if quantity > 1 else {}
    marks |= {"trial": str(plan.trial_days)} if plan.trial_days else {}
    changes: JsonObject = {
        "name": plan.name,
        "paymentSchedule": {"totalOccurrences": str(plan.cycles)} if plan.cycles != old.cycles else None,
        "amount": decimal(price.to_json(), call.connection),
        "order": {
            "invoiceNumber": object_of(before.get("order")).get("invoiceNumber"),
            "description": _described(before, given, marks),
        },
        "profile": _profile(str(given["method"])) if given.get("method") else None,
    }
    api.ask("ARBUpdateSubscriptionRequest", {"subscriptionId": reference, "subscription": changes}, repeatable=True)
    return _read(call, api, reference)


def cancel(call: Call) -> Json:
    """End it (``subscription.cancel``): now, or with what is paid, which for ARB is the same: no further charge is made.

    Idempotent by nature: a subscription that has ended is only read.
    """
    api, reference = AuthorizeNet(call), str(call.input["subscription"])
    before = _subscription(api, reference)
    if before.get("status") in {"active", "suspended"}:
        api.ask("ARBCancelSubscriptionRequest", {"subscriptionId": reference}, repeatable=True)
        before = {**before, "status": "canceled"}
    return _output(call, reference, before)


def _read(call: Call, api: AuthorizeNet, reference: str) -> Json:
    return _output(call, reference, _subscription(api, reference))


def _subscription(api: AuthorizeNet, reference: str) -> JsonObject:
    if not (reference.isascii() and reference.isdigit()):
        raise failure("not_found", f"{reference!r} is no subscription of Authorize.Net's.")
    return object_of(api.ask("ARBGetSubscriptionRequest", {"subscriptionId": reference}).get("subscription"))


def _output(call: Call, reference: str, subscription: JsonObject) -> JsonObject:
    plan = Plan.of(subscription, call.connection)
    start = str(object_of(subscription.get("paymentSchedule")).get("startDate") or "")[:10]
    raw = str(subscription.get("status") or "active")
    status = _STATUS.get(raw, "active")
    if status == "active" and start > call.now.date().isoformat():
        status = "trialing" if plan and plan.trial_days else "pending"
    return {
        "subscription": reference,
        "status": status,
        "plan": plan.reference if plan else None,
        "period": {"start": f"{start}T00:00:00Z"} if start else None,
        "gateway": words(reference, status=raw),
    }


def _described(before: JsonObject, given: JsonObject, marks: Mapping[str, str]) -> str | None:
    """The description with the marks of today; references stay, metadata is joined."""
    known, _ = described_by(object_of(before.get("order")))
    text = str(object_of(before.get("order")).get("description") or "").partition("[hub ")[0].strip()
    metadata = {**object_of(known.get("metadata")), **object_of(given.get("metadata"))}
    return description_of({**known, "metadata": metadata, "description": text}, **marks) or None


def _start(call: Call, trial_days: int) -> str:
    """The day of the first charge, never one that has passed."""
    wished = call.input.get("start_at")
    first = datetime.fromisoformat(wished) if isinstance(wished, str) else call.now
    return (max(first, call.now) + timedelta(days=trial_days)).date().isoformat()


def _profile(method: str) -> JsonObject:
    customer, _, payment = method.partition("/")
    if not (customer.isdigit() and payment.isdigit()):
        message = f"{method!r} is no stored means of Authorize.Net's: customer profile/payment profile."
        raise failure("method_unavailable", message)
    return {"customerProfileId": customer, "customerPaymentProfileId": payment}
