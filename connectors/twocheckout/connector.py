"""2Checkout: what ``connector.yaml`` cannot say alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from connectors.twocheckout import events, listings, notifications, payments, plans, subscriptions
from connectors.twocheckout.api import REST, TwoCheckout, is_test
from connectors.twocheckout.errors import failure_of
from hub.connect.answers import failure
from hub.connect.api import ActionCode, ConnectorCode

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject


def request(call: Call) -> Json:
    """Any call of the API below ``/rest/6.0`` (``request``). There are no keys: a lost POST is not repeated."""
    given = call.input
    path, method = str(given["path"]), str(given.get("method", "GET"))
    if ".." in unquote(path).split("/") or "?" in path or "#" in path:
        message = f"{path!r} is not a plain path below 2Checkout's address; parameters go under query."
        raise failure("bad_input", message)
    repeatable = method in {"GET", "PUT", "DELETE"}
    query = {name: str(value) for name, value in cast("JsonObject", given.get("query") or {}).items()}
    response = TwoCheckout(call).send(
        method,
        f"{REST}{path}",
        query=query or None,
        body=given.get("body"),
        headers=cast("dict[str, str]", given.get("headers") or {}),
        repeatable=repeatable,
    )
    if response.status >= 400:  # noqa: PLR2004
        raise failure_of(response, call.now, repeatable=repeatable)
    headers = {name.lower(): value for name, value in response.headers.items()}
    return {"status": response.status, "headers": headers, "body": response.json() if response.body else None}


def test(call: Call) -> str:
    """Ask for one order: the cheapest call that needs the secret key."""
    TwoCheckout(call).get("/orders/", {"Limit": "1"})
    kind = "test orders: no real money" if is_test(call.connection) else "live orders: real money"
    return f"2Checkout accepts merchant code and secret key ({kind})."


connector = ConnectorCode(
    actions={
        "payment.create": ActionCode(payments.create, payments.find_created),
        "payment.get": ActionCode(payments.get),
        "payment.list": ActionCode(listings.payments),
        "payment.complete": ActionCode(payments.complete),
        "payment.refund": ActionCode(payments.refund),
        "form.embed": ActionCode(payments.embed),
        "plan.create": ActionCode(plans.create, plans.find_created),
        "plan.update": ActionCode(plans.update),
        "plan.cancel": ActionCode(plans.cancel),
        "subscription.create": ActionCode(subscriptions.create, subscriptions.find_created),
        "subscription.update": ActionCode(subscriptions.update),
        "subscription.pause": ActionCode(subscriptions.pause),
        "subscription.resume": ActionCode(subscriptions.resume),
        "subscription.cancel": ActionCode(subscriptions.cancel),
        "request": ActionCode(request),
    },
    verify=notifications.receive,
    poll=events.poll,
    test=test,
    enrich=events.enrich,
)
