"""Salesforce: what ``connector.yaml`` cannot say alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from connectors.salesforce import campaigns, records
from connectors.salesforce.api import Salesforce
from hub.connect.answers import failure
from hub.connect.api import ActionCode, ConnectorCode

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject


def request(call: Call) -> Json:
    """Any call of the API (``request``). Salesforce takes no key, so a lost answer to POST or PATCH is uncertain."""
    given = call.input
    path = str(given["path"])
    if ".." in unquote(path).split("/") or "?" in path or "#" in path:
        raise failure("bad_input", f"{path!r} is not a plain path below the org's address; parameters go under query.")
    salesforce = Salesforce(call)
    response = salesforce.send(
        str(given.get("method", "GET")),
        path,
        query=given.get("query"),
        json=given.get("body"),
        headers=cast("dict[str, str]", given.get("headers") or {}),
    )
    salesforce.judge(response)
    headers = {name.lower(): value for name, value in response.headers.items()}
    return {"status": response.status, "headers": headers, "body": response.json() if response.body.strip() else None}


def test(call: Call) -> str:
    """Ask for the limits: it needs a session and says how many calls are left today."""
    salesforce = Salesforce(call)
    answer = salesforce.judged("GET", f"{salesforce.root}/limits")
    calls = cast("JsonObject", answer).get("DailyApiRequests") if isinstance(answer, dict) else None
    left = f", {calls['Remaining']} of {calls['Max']} calls left in 24 hours" if isinstance(calls, dict) else ""
    return f"Salesforce accepts the sign-in{left}."


connector = ConnectorCode(
    actions={
        "record.upsert": ActionCode(records.upsert),
        "record.get": ActionCode(records.get),
        "query": ActionCode(records.query),
        "campaign.add": ActionCode(campaigns.add_member),
        "note.add": ActionCode(campaigns.add_note, campaigns.find_note),
        "request": ActionCode(request),
    },
    test=test,
)
