"""Mastercard: what ``connector.yaml`` cannot say alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from connectors.mastercard import links, listings, payments, payouts, webhooks
from connectors.mastercard.api import Gateway, read_json
from hub.connect.answers import failure
from hub.connect.api import ActionCode, ConnectorCode

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json


def request(call: Call) -> Json:
    """Any call below the merchant's address (``request``), signed in. Decimal numbers of the answer are texts."""
    given = call.input
    path = str(given["path"])
    if ".." in unquote(path).split("/") or "?" in path or "#" in path:
        raise failure("bad_input", f"{path!r} is not a plain path below the merchant; parameters go under query.")
    gateway = Gateway(call)
    query = {name: str(value) for name, value in cast("dict[str, Json]", given.get("query") or {}).items()}
    method = str(given.get("method", "GET"))
    response = gateway.send(
        method,
        path,
        query=query or None,
        body=given.get("body"),
        headers=cast("dict[str, str]", given.get("headers") or {}),
        repeatable=method not in {"POST", "PATCH"},
    )
    gateway.judge(response)
    headers = {name.lower(): value for name, value in response.headers.items()}
    return {"status": response.status, "headers": headers, "body": read_json(response.body) if response.body else None}


def test(call: Call) -> str:
    """Ask for the payment options: the cheapest call that needs the password."""
    gateway = Gateway(call)
    gateway.answer("GET", "/paymentOptionsInquiry")
    is_test = gateway.merchant.upper().startswith("TEST") or "mtf." in gateway.base or "//test-" in gateway.base
    mode = "a test profile: no real money" if is_test else "a live profile: real money"
    return f"The Mastercard Gateway accepts the password of {gateway.merchant} ({mode}), API version {gateway.version}."


connector = ConnectorCode(
    actions={
        "payment.create": ActionCode(payments.create, payments.find_created),
        "payment.get": ActionCode(payments.get),
        "payment.list": ActionCode(listings.payments),
        "payment.complete": ActionCode(payments.complete),
        "payment.capture": ActionCode(payments.capture, payments.find_followed),
        "payment.void": ActionCode(payments.void, payments.find_followed),
        "payment.refund": ActionCode(payments.refund, payments.find_refunded),
        "link.create": ActionCode(links.create),
        "link.cancel": ActionCode(links.cancel),
        "payout.create": ActionCode(payouts.create, payouts.find_created),
        "payout.get": ActionCode(payouts.get),
        "form.embed": ActionCode(payments.embed),
        "request": ActionCode(request),
    },
    verify=webhooks.receive,
    enrich=webhooks.enrich,
    test=test,
)
