"""Stripe: what ``connector.yaml`` cannot say alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from connectors.stripe import enriching, links, listings, payments, plans, refunds, settlement, subscriptions, webhooks
from connectors.stripe.api import Stripe
from connectors.stripe.endpoints import StripeEndpoints
from hub.connect.answers import failure
from hub.connect.api import ActionCode, ConnectorCode

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject


def request(call: Call) -> Json:
    """Any call of the API (``request``): forms for version 1, JSON for version 2."""
    given = call.input
    path = str(given["path"])
    if ".." in unquote(path).split("/") or "?" in path or "#" in path:
        raise failure("bad_input", f"{path!r} is not a plain path below Stripe's address; parameters go under query.")
    method, body = str(given.get("method", "GET")), given.get("body")
    stripe = Stripe(call)
    is_json = path.startswith("/v2/")
    response = stripe.send(
        method,
        path,
        query=given.get("query"),
        form=None if is_json or method in {"GET", "DELETE"} else body or {},
        json=body if is_json else None,
        headers=cast("dict[str, str]", given.get("headers") or {}),
    )
    stripe.judge(response)
    headers = {name.lower(): value for name, value in response.headers.items()}
    return {"status": response.status, "headers": headers, "body": response.json() if response.body else None}


def test(call: Call) -> str:
    """Ask for the balance: the cheapest call that needs the key."""
    stripe = Stripe(call)
    balance: JsonObject = stripe.get("/v1/balance")
    mode = "live mode: real money" if balance.get("livemode") else "test mode: no real money"
    return f"Stripe accepts the key ({mode}), API version {stripe.version}."


connector = ConnectorCode(
    actions={
        "payment.create": ActionCode(payments.create),
        "payment.get": ActionCode(refunds.get),
        "payment.capture": ActionCode(payments.capture),
        "payment.void": ActionCode(payments.void),
        "payment.refund": ActionCode(refunds.refund),
        "link.create": ActionCode(links.create),
        "link.cancel": ActionCode(links.cancel),
        "plan.create": ActionCode(plans.create),
        "plan.update": ActionCode(plans.update),
        "plan.cancel": ActionCode(plans.cancel),
        "subscription.create": ActionCode(subscriptions.create),
        "subscription.update": ActionCode(subscriptions.update),
        "subscription.pause": ActionCode(subscriptions.pause),
        "subscription.resume": ActionCode(subscriptions.resume),
        "subscription.cancel": ActionCode(subscriptions.cancel),
        "transfer.create": ActionCode(settlement.transfer),
        "transfer.reverse": ActionCode(settlement.reverse),
        "payout.create": ActionCode(settlement.pay_out),
        "payout.get": ActionCode(settlement.get_payout),
        "payment.list": ActionCode(listings.payments),
        "transfer.list": ActionCode(listings.transfers),
        "payout.list": ActionCode(listings.payouts),
        "dispute.list": ActionCode(listings.disputes),
        "dispute.answer": ActionCode(settlement.answer_dispute),
        "form.embed": ActionCode(payments.embed),
        "request": ActionCode(request),
    },
    verify=webhooks.receive,
    poll=webhooks.poll,
    enrich=enriching.enrich,
    test=test,
    endpoints=StripeEndpoints(),
)
