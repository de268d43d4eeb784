"""Subscriptions: the payer agrees on Razorpay's page or in its form; Razorpay keeps the clock and charges the mandate."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from connectors.razorpay.api import Razorpay, object_of, segment, time_of, unix, words
from connectors.razorpay.carried import carried
from connectors.razorpay.orders import checkout_client
from connectors.razorpay.payments import proved_payment
from connectors.razorpay.plans import CYCLES, TRIAL
from hub.connect.answers import failure
from hub.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

_STATUS: Mapping[str, str] = {
    "created": "pending",
    "authenticated": "trialing",
    "active": "active",
    "pending": "past_due",
    "halted": "past_due",
    "paused": "paused",
    "cancelled": "cancelled",
    "completed": "ended",
    "expired": "ended",
}
_CHANGEABLE = frozenset({"authenticated", "active", "pending", "halted"})
_CLOCKS = timedelta(minutes=5)
"""By how much Razorpay's clock may be behind ours."""
_TEN_YEARS: Mapping[str, int] = {"daily": 3650, "weekly": 520, "monthly": 120, "quarterly": 40, "yearly": 10}
"""Charges in ten years by a plan's period. Razorpay wants a number; mandates of cards and UPI last so long and no longer."""


def create(call: Call) -> Json:
    """Start a subscription (``subscription.create``). It begins when the payer has agreed."""
    given = call.input
    if given.get("method"):
        message = "Razorpay's subscriptions take the payer's consent on its page; a stored means cannot begin one."
        raise failure("method_unavailable", message)
    razorpay = Razorpay(call)
    plan = razorpay.get(f"/v1/plans/{segment(given['plan'])}")
    options = object_of(given.get("options"))
    body = {
        "plan_id": given["plan"],
        "total_count": options.get("cycles") or _cycles(plan),
        "quantity": given.get("quantity", 1),
        "start_at": _start(call, plan),
        "expire_by": unix(options.get("agree_until")),
        "customer_notify": options.get("notify") is True,
        "notes": carried(call),
    }
    return _begun(call, razorpay.post("/v1/subscriptions", body))


def find_created(call: Call) -> Json | None:
    """The subscription that an earlier attempt of this step began."""
    query = {"plan_id": str(call.input["plan"])}
    found = Razorpay(call).made_by_this_step("/v1/subscriptions", query)
    return None if found is None else _begun(call, found)


def update(call: Call) -> Json:
    """Move it to another plan or quantity (``subscription.update``), now or at the next charge."""
    razorpay, given = Razorpay(call), call.input
    if given.get("method") or given.get("metadata"):
        message = "Razorpay changes plan and quantity of a subscription; the payer changes the means on its page."
        raise failure("bad_input", message)
    change = {
        "plan_id": given.get("plan"),
        "quantity": given.get("quantity"),
        "schedule_change_at": "now" if given.get("prorate") == "now" else "cycle_end",
        "customer_notify": False,
    }
    return _output(razorpay.patch(_path(call), change))


def pause(call: Call) -> Json:
    """Charge nothing until it is resumed (``subscription.pause``)."""
    if call.input.get("until"):
        message = "Razorpay pauses until it is told to go on: leave until out, and call subscription.resume then."
        raise failure("bad_input", message)
    return _switched(call, "pause", {"pause_at": "now"}, "paused")


def resume(call: Call) -> Json:
    """Charges go on (``subscription.resume``)."""
    return _switched(call, "resume", {"resume_at": "now"}, "active")


def cancel(call: Call) -> Json:
    """End it now or at the end of the paid period (``subscription.cancel``). It cannot be taken back."""
    at_end = call.input.get("at", "period_end") == "period_end"
    output = _switched(call, "cancel", {"cancel_at_cycle_end": at_end}, "cancelled")
    if at_end and output["status"] in {"active", "trialing", "past_due"}:
        period = cast("JsonObject", output["period"])
        return {**output, "status": "cancelling", "cancel_at": period.get("end")}
    return output


def card_form(call: Call) -> Json:
    """What Checkout needs to change the card of a subscription on our page (``subscription.card_form``).

    Razorpay's documentation, *Subscriptions*, *Payment Retries*, "Change the Card via your Checkout". Only mandates of cards
    can change, not those of UPI and banks (*Subscriptions*, *FAQs*).
    """
    found = Razorpay(call).get(_path(call))
    status, means = str(found.get("status")), found.get("payment_method")
    if status not in _CHANGEABLE:
        raise failure("wrong_state", f"The card of a subscription that is {status} cannot be changed.")
    if means not in {None, "card"}:
        raise failure("method_unavailable", f"It is paid by {means}: Razorpay changes cards only.")
    client = checkout_client(call, subscription_id=found.get("id"), subscription_card_change=1)
    return {"subscription": found.get("id"), "client": client}


def card_given(call: Call) -> Json:
    """Prove that a payer changed the card (``subscription.card_given``): by Checkout's signature, over a payment made since.

    Razorpay signs ``payment|subscription`` as after a mandate; the payment is the one that the card was proved with, or the
    one that was overdue (*Payment Retries*). An older proof of the same subscription says nothing of another card.
    """
    given = call.input
    payment = proved_payment(call, str(given["subscription"]), cast("Mapping[str, str]", given["parameters"]))
    found = Razorpay(call).get(f"/v1/payments/{segment(payment)}")
    made_at, since = cast("int", found.get("created_at") or 0), datetime.fromisoformat(str(given["since"]))
    if made_at < (since - _CLOCKS).timestamp():
        raise failure("bad_return", "It is the proof of an earlier payment, and not of another card.")
    if found.get("status") == "failed":
        raise failure("bad_return", "The payment that proves the card failed.")
    return {"subscription": given["subscription"], "payment": payment}


def _switched(call: Call, what: str, body: JsonObject, wanted: str) -> JsonObject:
    """Switch a subscription; one that is as wanted already (a repeat) is left as it is."""
    razorpay = Razorpay(call)
    try:
        return _output(razorpay.post(f"{_path(call)}/{what}", body))
    except PermanentError as error:
        found = razorpay.get(_path(call)) if error.code == "wrong_state" else {}
        if _STATUS.get(str(found.get("status"))) != wanted and not _ends_anyway(found, what):
            raise
        return _output(found)


def _ends_anyway(subscription: JsonObject, what: str) -> bool:
    """Whether a cancellation finds the subscription set to end with its period."""
    return what == "cancel" and bool(subscription.get("cancel_at_cycle_end"))


def _path(call: Call) -> str:
    return f"/v1/subscriptions/{segment(call.input['subscription'])}"


def _cycles(plan: JsonObject) -> int:
    """How many charges: the plan's own number, else ten years' worth."""
    own = object_of(plan.get("notes")).get(CYCLES)
    if own:
        return int(str(own))
    interval = plan.get("interval")
    return max(1, _TEN_YEARS.get(str(plan.get("period")), 120) // (interval if isinstance(interval, int) else 1))


def _start(call: Call, plan: JsonObject) -> int | None:
    """When the first charge is: the step's word, else the trial of the step or the plan; None for at once."""
    if call.input.get("start_at"):
        return unix(call.input["start_at"])
    days = call.input.get("trial_days", object_of(plan.get("notes")).get(TRIAL))
    return int((call.now + timedelta(days=int(str(days)))).timestamp()) if days else None


def _begun(call: Call, subscription: JsonObject) -> JsonObject:
    output = _output(subscription)
    if call.input.get("presentation") == "embedded":
        return {**output, "client": checkout_client(call, subscription_id=subscription.get("id"))}
    return {**output, "checkout_url": subscription.get("short_url")}


def _output(subscription: JsonObject) -> JsonObject:
    period = {
        "start": time_of(subscription.get("current_start")),
        "end": time_of(subscription.get("current_end")),
    }
    return {
        "subscription": subscription.get("id"),
        "status": _STATUS.get(str(subscription.get("status")), "active"),
        "plan": subscription.get("plan_id"),
        "period": {name: value for name, value in period.items() if value},
        "cancel_at": time_of(subscription.get("ended_at")),
        "gateway": words(subscription),
    }
