"""HubSpot: what ``connector.yaml`` cannot say alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from connectors.hubspot import lists, notes, records, webhooks
from connectors.hubspot.api import HubSpot
from hub.connect.answers import failure
from hub.connect.api import ActionCode, ConnectorCode

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json


def request(call: Call) -> Json:
    """Any call of the API (``request``). HubSpot takes no key, so a lost answer to POST or PATCH is uncertain."""
    given = call.input
    path = str(given["path"])
    if ".." in unquote(path).split("/") or "?" in path or "#" in path:
        raise failure("bad_input", f"{path!r} is not a plain path below HubSpot's address; parameters go under query.")
    method = str(given.get("method", "GET"))
    response = HubSpot(call).judged(
        method,
        path,
        query=given.get("query"),
        json=given.get("body"),
        headers=cast("dict[str, str]", given.get("headers") or {}),
    )
    headers = {name.lower(): value for name, value in response.headers.items()}
    return {"status": response.status, "headers": headers, "body": response.json() if response.body.strip() else None}


def test(call: Call) -> str:
    """Read one contact: the cheapest call that shows whether the token may see contacts."""
    hubspot = HubSpot(call)
    hubspot.get(hubspot.objects("contacts"), {"limit": 1})
    return f"HubSpot accepts the token and shows contacts (API {hubspot.version})."


connector = ConnectorCode(
    actions={
        "contact.upsert": ActionCode(records.upsert_contact),
        "company.upsert": ActionCode(records.upsert_company),
        "deal.upsert": ActionCode(records.upsert_deal),
        "associate": ActionCode(records.associate),
        "note.add": ActionCode(notes.add, notes.find),
        "list.add": ActionCode(lists.add),
        "list.remove": ActionCode(lists.remove),
        "list.contains": ActionCode(lists.contains),
        "request": ActionCode(request),
    },
    verify=webhooks.receive,
    test=test,
)
