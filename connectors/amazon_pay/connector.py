"""Amazon Pay: what ``connector.yaml`` cannot say alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast
from urllib.parse import unquote

from connectors.amazon_pay import disputes, enriching, payments, webhooks
from connectors.amazon_pay.api import AmazonPay, environment
from hub.connect.answers import failure
from hub.connect.api import ActionCode, ConnectorCode
from hub.errors import PermanentError

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

NOWHERE: Final = "S00-0000000-0000000-C000000"
"""A charge that does not exist: asking for it proves the key and changes nothing."""


def request(call: Call) -> Json:
    """Any call of the API (``request``), below ``/v2``."""
    given = call.input
    path = str(given["path"])
    if not path.startswith("/v2/") or ".." in unquote(path).split("/") or "?" in path or "#" in path:
        raise failure("bad_input", f"{path!r} is not a plain path below /v2/; parameters go under query.")
    method, body = str(given.get("method", "GET")), given.get("body")
    query = [(name, str(value)) for name, value in cast("JsonObject", given.get("query") or {}).items()]
    amazon = AmazonPay(call)
    response = amazon.send(
        method,
        path.removeprefix("/v2/"),
        query=query,
        body=None if method == "GET" else body,
        headers=cast("dict[str, str]", given.get("headers") or {}),
    )
    amazon.judge(response)
    headers = {name.lower(): value for name, value in response.headers.items()}
    return {"status": response.status, "headers": headers, "body": response.json() if response.body else None}


def test(call: Call) -> str:
    """Ask for a charge that does not exist: whoever is told so has a key that Amazon accepts."""
    amazon = AmazonPay(call)
    try:
        amazon.find(f"charges/{NOWHERE}")
    except PermanentError as error:
        if error.code != "invalid_request":
            raise
    mode = "live: real money" if environment(call.connection) == "live" else "sandbox: no real money"
    return f"Amazon Pay accepts the key ({mode}) in the region {amazon.region}."


connector = ConnectorCode(
    actions={
        "payment.create": ActionCode(payments.create),
        "payment.get": ActionCode(payments.get),
        "payment.complete": ActionCode(payments.complete),
        "payment.capture": ActionCode(payments.capture),
        "payment.void": ActionCode(payments.void),
        "payment.refund": ActionCode(payments.refund),
        "dispute.answer": ActionCode(disputes.answer),
        "form.embed": ActionCode(payments.embed),
        "request": ActionCode(request),
    },
    verify=webhooks.receive,
    test=test,
    enrich=enriching.enrich,
)
