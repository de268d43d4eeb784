"""VISA: what ``connector.yaml`` cannot say alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from connectors.visa import events, forms, links, listings, payments, payouts, plans, subscriptions, webhooks
from connectors.visa.api import Visa
from connectors.visa.endpoints import VisaEndpoints
from connectors.visa.transactions import search
from hub.connect.answers import failure
from hub.connect.api import ActionCode, ConnectorCode

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json


def request(call: Call) -> Json:
    """Any call of the API (``request``), signed in and encrypted like all others."""
    given = call.input
    path, method = str(given["path"]), str(given.get("method", "GET"))
    if ".." in unquote(path).split("/") or "?" in path or "#" in path:
        raise failure("bad_input", f"{path!r} is not a plain path below Visa's address; parameters go under query.")
    query = {name: str(value) for name, value in cast("dict[str, Json]", given.get("query") or {}).items()}
    extra = cast("dict[str, str]", given.get("headers") or {})
    repeatable = method not in {"POST", "PATCH"}
    visa = Visa(call)
    answer = visa.send(method, path, query=query, body=given.get("body"), extra=extra, repeatable=repeatable)
    visa.judged(answer, repeatable=repeatable)
    headers = {name.lower(): value for name, value in answer.headers.items()}
    kind = headers.get("content-type", "")
    body = answer.json() if "json" in kind or not answer.body else answer.body.decode("utf-8", "replace")
    return {"status": answer.status, "headers": headers, "body": body}


def test(call: Call) -> str:
    """Search for one transaction: the cheapest call that needs the key, and what look-ups rely on."""
    visa = Visa(call)
    search(visa, "submitTimeUtc:[NOW/HOUR-1HOURS TO NOW/HOUR+1HOURS]", most=1)
    settings = call.connection.settings
    mode = "live: real money" if settings.get("mode") == "live" else "test: no real money"
    return f"Visa accepts the keys of {settings['merchant_id']} at {visa.base} ({mode})."


connector = ConnectorCode(
    actions={
        "payment.create": ActionCode(payments.create, payments.find_created),
        "payment.get": ActionCode(payments.get),
        "payment.list": ActionCode(listings.payments),
        "payment.complete": ActionCode(payments.complete),
        "payment.capture": ActionCode(payments.capture, payments.find_captured),
        "payment.void": ActionCode(payments.void),
        "payment.refund": ActionCode(payments.refund, payments.find_refunded),
        "link.create": ActionCode(links.create, links.find_created),
        "link.cancel": ActionCode(links.cancel),
        "plan.create": ActionCode(plans.create, plans.find_created),
        "plan.update": ActionCode(plans.update),
        "plan.cancel": ActionCode(plans.cancel),
        "subscription.create": ActionCode(subscriptions.create, subscriptions.find_created),
        "subscription.update": ActionCode(subscriptions.update),
        "subscription.pause": ActionCode(subscriptions.pause),
        "subscription.resume": ActionCode(subscriptions.resume),
        "subscription.cancel": ActionCode(subscriptions.cancel),
        "payout.create": ActionCode(payouts.create),
        "payout.get": ActionCode(payouts.get),
        "form.embed": ActionCode(forms.embed),
        "request": ActionCode(request),
    },
    verify=webhooks.receive,
    poll=events.poll,
    test=test,
    enrich=events.enrich,
    endpoints=VisaEndpoints(),
)
