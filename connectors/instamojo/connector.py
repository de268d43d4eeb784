"""Instamojo: what ``connector.yaml`` cannot say alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from connectors.instamojo import links, listings, payments, polling, webhooks
from connectors.instamojo.api import Instamojo
from hub.connect.answers import failure
from hub.connect.api import ActionCode, ConnectorCode

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject


def request(call: Call) -> Json:
    """Any call of the API (``request``), its body as a form. Instamojo takes no key: a lost POST is not repeated."""
    given = call.input
    path = str(given["path"])
    if ".." in unquote(path).split("/") or "?" in path or "#" in path:
        message = f"{path!r} is not a plain path below Instamojo's address; parameters go under query."
        raise failure("bad_input", message)
    method, instamojo = str(given.get("method", "GET")), Instamojo(call)
    body = given.get("body")
    if body is not None and not isinstance(body, dict):
        raise failure("bad_input", "Instamojo takes forms: give body as an object of names and values.")
    repeatable = method in {"GET", "PUT", "DELETE"}
    response = instamojo.send(
        method,
        path if path.endswith("/") else f"{path}/",
        query={name: str(value) for name, value in cast("JsonObject", given.get("query") or {}).items()},
        form=None if method in {"GET", "DELETE"} else body or {},
        headers=cast("dict[str, str]", given.get("headers") or {}),
        repeatable=repeatable,
    )
    instamojo.judge(response, repeatable=repeatable)
    headers = {name.lower(): value for name, value in response.headers.items()}
    return {"status": response.status, "headers": headers, "body": response.json() if response.body else None}


def test(call: Call) -> str:
    """Ask for one payment request: the cheapest call that needs the credentials."""
    Instamojo(call).get("/v2/payment_requests/", {"page": "1", "limit": "1"})
    is_live = call.connection.settings.get("mode") == "live"
    return f"Instamojo accepts the credentials ({'live: real money' if is_live else 'test: no real money'})."


connector = ConnectorCode(
    actions={
        "payment.create": ActionCode(payments.create, payments.find_created),
        "payment.get": ActionCode(payments.get),
        "payment.list": ActionCode(listings.payments),
        "payment.complete": ActionCode(payments.complete),
        "payment.void": ActionCode(payments.void),
        "payment.refund": ActionCode(payments.refund, payments.find_refund),
        "link.create": ActionCode(links.create, links.find_created),
        "link.cancel": ActionCode(links.cancel),
        "hold.release": ActionCode(payments.release),
        "form.embed": ActionCode(payments.embed, payments.find_embedded),
        "request": ActionCode(request),
    },
    verify=webhooks.receive,
    enrich=webhooks.enrich,
    poll=polling.poll,
    test=test,
)
