"""PayPal: what ``connector.yaml`` cannot say alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from connectors.paypal import disputes, listings, orders, payments, payouts, plans, polling, subscriptions, webhooks
from connectors.paypal.api import PayPal, mode_of
from connectors.paypal.endpoints import Webhooks
from connectors.paypal.enriching import enrich
from hub.connect.answers import failure
from hub.connect.api import ActionCode, ConnectorCode

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject


def request(call: Call) -> Json:
    """Any call of the API (``request``), JSON in and out. A POST carries the step's key."""
    given = call.input
    path = str(given["path"])
    if ".." in unquote(path).split("/") or "?" in path or "#" in path:
        raise failure("bad_input", f"{path!r} is not a plain path below PayPal's address; parameters go under query.")
    paypal = PayPal(call)
    query = cast("JsonObject", given.get("query") or {})
    response = paypal.send(
        str(given.get("method", "GET")),
        path,
        query={name: str(value) for name, value in query.items()},
        json=given.get("body"),
        headers=cast("dict[str, str]", given.get("headers") or {}),
    )
    paypal.judge(response)
    headers = {name.lower(): value for name, value in response.headers.items()}
    return {"status": response.status, "headers": headers, "body": response.json() if response.body else None}


def test(call: Call) -> str:
    """List the app's webhooks: it needs the credentials only, and shows whether ours is among them."""
    known = {one.id for one in Webhooks().list(call)}
    mode = "live: real money" if mode_of(call.connection.settings) == "live" else "sandbox: no real money"
    wanted = str(call.connection.settings.get("webhook_id") or "").replace(",", " ").split()
    missing = [one for one in wanted if one not in known]
    if missing:
        told = f" It knows no webhook {', '.join(missing)}: register it anew, or correct the webhook id."
    elif wanted:
        told = " The webhook is registered."
    else:
        told = " No webhook is registered yet."
    return f"PayPal accepts the credentials ({mode}).{told}"


connector = ConnectorCode(
    actions={
        "payment.create": ActionCode(orders.create),
        "payment.get": ActionCode(payments.get),
        "payment.list": ActionCode(listings.payments),
        "payment.complete": ActionCode(payments.complete),
        "payment.capture": ActionCode(payments.capture),
        "payment.void": ActionCode(payments.void),
        "payment.refund": ActionCode(payments.refund),
        "disbursement.release": ActionCode(payments.release),
        "plan.create": ActionCode(plans.create),
        "plan.update": ActionCode(plans.update),
        "plan.cancel": ActionCode(plans.cancel),
        "subscription.create": ActionCode(subscriptions.create),
        "subscription.update": ActionCode(subscriptions.update),
        "subscription.pause": ActionCode(subscriptions.pause),
        "subscription.resume": ActionCode(subscriptions.resume),
        "subscription.cancel": ActionCode(subscriptions.cancel),
        "payout.create": ActionCode(payouts.create),
        "payout.get": ActionCode(payouts.get),
        "dispute.list": ActionCode(disputes.listed),
        "dispute.answer": ActionCode(disputes.answer, disputes.find_answer),
        "form.embed": ActionCode(orders.embed),
        "request": ActionCode(request),
    },
    verify=webhooks.receive,
    enrich=enrich,
    poll=polling.poll,
    test=test,
    endpoints=Webhooks(),
)
