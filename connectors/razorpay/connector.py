"""Razorpay: what ``connector.yaml`` cannot say alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from connectors.razorpay import links, listings, orders, payments, plans, settlement, subscriptions, webhooks
from connectors.razorpay.api import Razorpay
from connectors.razorpay.endpoints import RazorpayEndpoints
from hub.connect.answers import failure
from hub.connect.api import ActionCode, ConnectorCode

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject


def request(call: Call) -> Json:
    """Any call of the API (``request``). Razorpay takes no general key: a lost POST is not repeated."""
    given = call.input
    path = str(given["path"])
    if ".." in unquote(path).split("/") or "?" in path or "#" in path:
        message = f"{path!r} is not a plain path below Razorpay's address; parameters go under query."
        raise failure("bad_input", message)
    method, razorpay = str(given.get("method", "GET")), Razorpay(call)
    repeatable = method in {"GET", "PUT", "DELETE"}
    query = {name: str(value) for name, value in cast("JsonObject", given.get("query") or {}).items()}
    response = razorpay.send(
        method,
        path,
        query=query,
        json=None if method in {"GET", "DELETE"} else given.get("body", {}),
        headers=cast("dict[str, str]", given.get("headers") or {}),
        repeatable=repeatable,
    )
    razorpay.judge(response, repeatable=repeatable)
    headers = {name.lower(): value for name, value in response.headers.items()}
    return {"status": response.status, "headers": headers, "body": response.json() if response.body else None}


def test(call: Call) -> str:
    """Ask for one payment: the cheapest call that needs the key."""
    Razorpay(call).get("/v1/payments", {"count": "1"})
    is_live = str(call.connection.settings.get("key_id")).startswith("rzp_live_")
    return f"Razorpay accepts the key ({'live mode: real money' if is_live else 'test mode: no real money'})."


connector = ConnectorCode(
    actions={
        "payment.create": ActionCode(orders.create, orders.find_created),
        "payment.get": ActionCode(payments.get),
        "payment.complete": ActionCode(payments.complete),
        "payment.capture": ActionCode(payments.capture, payments.find_captured),
        "payment.refund": ActionCode(payments.refund),
        "link.create": ActionCode(links.create, links.find_created),
        "link.cancel": ActionCode(links.cancel),
        "plan.create": ActionCode(plans.create, plans.find_created),
        "plan.update": ActionCode(plans.update, plans.find_updated),
        "subscription.create": ActionCode(subscriptions.create, subscriptions.find_created),
        "subscription.update": ActionCode(subscriptions.update),
        "subscription.pause": ActionCode(subscriptions.pause),
        "subscription.resume": ActionCode(subscriptions.resume),
        "subscription.cancel": ActionCode(subscriptions.cancel),
        "transfer.create": ActionCode(settlement.transfer, settlement.find_transfer),
        "transfer.reverse": ActionCode(settlement.reverse, settlement.find_reversal),
        "subscription.card_form": ActionCode(subscriptions.card_form),
        "subscription.card_given": ActionCode(subscriptions.card_given),
        "hold.release": ActionCode(settlement.release),
        "hold.extend": ActionCode(settlement.hold),
        "payout.create": ActionCode(settlement.pay_out),
        "payout.get": ActionCode(settlement.get_payout),
        "payment.list": ActionCode(listings.payments),
        "transfer.list": ActionCode(listings.transfers),
        "payout.list": ActionCode(listings.payouts),
        "dispute.list": ActionCode(listings.disputes),
        "dispute.answer": ActionCode(payments.answer_dispute),
        "form.embed": ActionCode(orders.embed, orders.find_embedded),
        "request": ActionCode(request),
    },
    verify=webhooks.receive,
    enrich=webhooks.enrich,
    poll=webhooks.poll,
    test=test,
    endpoints=RazorpayEndpoints(),
)
