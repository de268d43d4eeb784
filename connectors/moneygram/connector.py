"""MoneyGram: what ``connector.yaml`` cannot say alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from connectors.moneygram import enriching, payouts, quotes, webhooks
from connectors.moneygram.api import MoneyGram, SignIn
from hub.connect.answers import failure
from hub.connect.api import ActionCode, ConnectorCode
from hub.connect.auth import TokenCache, Unsigned

if TYPE_CHECKING:
    from connectors.moneygram.api import Value
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject


def request(call: Call) -> Json:
    """Any call of the API (``request``). MoneyGram takes no keys, so what changes something is not repeated by itself."""
    given = call.input
    path = str(given["path"])
    if ".." in unquote(path).split("/") or "?" in path or "#" in path:
        raise failure(
            "bad_input", f"{path!r} is not a plain path below MoneyGram's address; parameters go under query."
        )
    method = str(given.get("method", "GET"))
    moneygram = MoneyGram(call)
    query = {name: str(value) for name, value in cast("JsonObject", given.get("query") or {}).items()}
    response = moneygram.send(
        method,
        path,
        query=query,
        body=None if method in {"GET", "DELETE"} else cast("Value", given.get("body") or {}),
        headers=cast("dict[str, str]", given.get("headers") or {}),
        repeatable=method == "GET",
    )
    moneygram.judge(response)
    headers = {name.lower(): value for name, value in response.headers.items()}
    return {"status": response.status, "headers": headers, "body": response.json() if response.body else None}


def test(call: Call) -> str:
    """Fetch a fresh token: the cheapest call that proves the client."""
    base = MoneyGram(call).base
    SignIn(call, base, TokenCache()).headers(Unsigned("GET", base, b"", call.now))
    mode = "live: real money" if call.connection.settings.get("mode") == "live" else "sandbox: no real money"
    return f"MoneyGram accepts the client ({mode}) for the partner {call.connection.settings['agent_partner_id']}."


connector = ConnectorCode(
    actions={
        "payout.create": ActionCode(payouts.create),
        "payout.get": ActionCode(payouts.get),
        "payout.recall": ActionCode(payouts.recall, payouts.find_recalled),
        "quote.create": ActionCode(quotes.create),
        "corridor.services": ActionCode(quotes.services),
        "corridor.fields": ActionCode(quotes.fields),
        "request": ActionCode(request),
    },
    verify=webhooks.receive,
    test=test,
    enrich=enriching.enrich,
)
