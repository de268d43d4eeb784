"""Subscriptions: the payer agrees on PayPal's page or with its button; PayPal keeps the clock."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from connectors.paypal.api import PayPal, link_of, object_of, segment, text_of, time_of, words
from connectors.paypal.carried import written
from connectors.paypal.orders import ORIGINS, SCRIPT, context
from hub.connect.answers import failure
from hub.connect.auth import field_value
from hub.connect.mapping import moment
from hub.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

LONGEST_REASON = 128
_PAID_UNTIL = re.compile(r"paid until ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z)")
_STATUS: Mapping[str, str] = {
    "APPROVAL_PENDING": "pending",
    "APPROVED": "pending",
    "ACTIVE": "active",
    "SUSPENDED": "paused",
    "CANCELLED": "cancelled",
    "EXPIRED": "ended",
}


def create(call: Call) -> Json:
    """Start a subscription (``subscription.create``): it runs once the payer has agreed."""
    given = call.input
    if given.get("method"):
        raise failure(
            "method_unavailable",
            "PayPal starts no subscription on a stored means. Leave method out, so that the payer agrees at PayPal; or let "
            "the hub charge the stored means with payment.create.",
        )
    embedded = given.get("presentation") == "embedded"
    customer = object_of(given.get("customer"))
    subscription = {
        "plan_id": given["plan"],
        "quantity": str(given.get("quantity", 1)),
        "start_time": _start(call),
        "custom_id": written(given),
        "subscriber": {"email_address": customer.get("email")},
        "application_context": {**context(call, given), "user_action": "SUBSCRIBE_NOW"},
    }
    made = PayPal(call).post("/v1/billing/subscriptions", subscription)
    output = _output(made)
    if embedded:
        return {**output, "checkout_url": None, "client": _client(call, made)}
    return output


def update(call: Call) -> Json:
    """Move it to another plan or quantity (``subscription.update``); the payer has to agree anew, at ``checkout_url``."""
    paypal, given = PayPal(call), call.input
    if given.get("method"):
        raise failure("bad_input", "Only the payer can change what a subscription is paid with, in the PayPal account.")
    if given.get("prorate") == "now":
        raise failure("bad_input", "PayPal settles no difference: a new plan or price holds from the next charge on.")
    path = f"/v1/billing/subscriptions/{segment(given['subscription'])}"
    if "metadata" in given:
        paypal.patch(path, {"custom_id": written({"metadata": given["metadata"]}) or ""})
    revised: JsonObject = {}
    if "plan" in given or "quantity" in given:
        body = {
            "plan_id": given.get("plan"),
            "quantity": str(given["quantity"]) if "quantity" in given else None,
            "application_context": context(call, given) if call.connection.settings.get("return_url") else None,
        }
        revised = paypal.post(f"{path}/revise", body)
    return {**_output(paypal.get(path)), "checkout_url": link_of(revised, "approve")}


def pause(call: Call) -> Json:
    """Charge nothing until it is resumed (``subscription.pause``)."""
    if call.input.get("until"):
        raise failure(
            "bad_input", "PayPal knows no end of a pause. Leave until out, and resume it when the time comes."
        )
    return _turned(call, "suspend", "SUSPENDED", _reason(call.input, "Paused"))


def resume(call: Call) -> Json:
    """Charges go on (``subscription.resume``)."""
    return _turned(call, "activate", "ACTIVE", "Resumed")


def cancel(call: Call) -> Json:
    """End it (``subscription.cancel``). PayPal ends it for good at once; what is paid stays paid.

    ``at: period_end`` therefore ends it at PayPal now as well, so that nothing more is charged, and says in ``cancel_at``
    until when the payer has paid. PayPal keeps that time in its note, from which the webhook gives it too.
    """
    paypal, given = PayPal(call), call.input
    reason = _reason(given, "Cancelled")
    if given.get("at", "period_end") == "now":
        return _turned(call, "cancel", "CANCELLED", reason)
    before = paypal.get(f"/v1/billing/subscriptions/{segment(given['subscription'])}")
    paid_until = moment(object_of(before.get("billing_info")).get("next_billing_time"))
    if before.get("status") in {"CANCELLED", "EXPIRED"} or paid_until is None or paid_until <= call.now:
        return _turned(call, "cancel", "CANCELLED", reason)
    noted = f" (paid until {text_of(paid_until)})"
    return _turned(call, "cancel", "CANCELLED", reason[: LONGEST_REASON - len(noted)] + noted)


def cancelled_at(subscription: JsonObject) -> Json:
    """Until when a cancelled subscription is paid, as :func:`cancel` noted it; else when it was cancelled."""
    found = _PAID_UNTIL.search(str(subscription.get("status_change_note") or ""))
    return found[1] if found else time_of(subscription.get("status_update_time"))


def period_of(subscription: JsonObject) -> JsonObject:
    """The period that is paid: from the last payment to the next."""
    billing = object_of(subscription.get("billing_info"))
    start = time_of(object_of(billing.get("last_payment")).get("time"))
    period = {"start": start, "end": time_of(billing.get("next_billing_time"))}
    return {name: value for name, value in period.items() if value}


def _turned(call: Call, what: str, wanted: str, reason: str) -> JsonObject:
    """Change its state, unless it is in it already: these calls take no key, so a repeat looks first."""
    paypal = PayPal(call)
    path = f"/v1/billing/subscriptions/{segment(call.input['subscription'])}"
    try:
        paypal.post(f"{path}/{what}", {"reason": reason})
    except PermanentError as error:
        found = paypal.get(path) if error.code == "wrong_state" else {}
        if found.get("status") != wanted:
            raise
        return _output(found)
    return _output(paypal.get(path))


def _reason(given: JsonObject, default: str) -> str:
    return str(given.get("reason") or default)[:LONGEST_REASON]


def _start(call: Call) -> Json:
    if call.input.get("start_at"):
        return call.input["start_at"]
    days = call.input.get("trial_days")
    return text_of(call.now + timedelta(days=days)) if isinstance(days, int) and days > 0 else None


def _client(call: Call, subscription: JsonObject) -> JsonObject:
    parameters = {
        "client-id": field_value(call.connection, "client_id"),
        "vault": "true",
        "intent": "subscription",
        "components": "buttons",
    }
    return {
        "kind": "paypal.subscription",
        "subscription": subscription.get("id"),
        "script_url": f"{SCRIPT}?{urlencode(parameters)}",
        "origins": list(ORIGINS),
    }


def _output(subscription: JsonObject) -> JsonObject:
    status = _STATUS.get(str(subscription.get("status")), "active")
    ends = cancelled_at(subscription) if status == "cancelled" else None
    if ends and _PAID_UNTIL.search(str(subscription.get("status_change_note") or "")):
        status = "cancelling"
    return {
        "subscription": subscription.get("id"),
        "status": status,
        "plan": subscription.get("plan_id"),
        "checkout_url": link_of(subscription, "approve") if status == "pending" else None,
        "period": period_of(subscription),
        "cancel_at": ends,
        "gateway": words(subscription),
    }
