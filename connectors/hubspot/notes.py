"""Notes: HubSpot takes no key for them, so each carries its reference, and is looked for before it is made again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from connectors.hubspot.api import HubSpot
from connectors.hubspot.records import segment

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

NOTE_TO_CONTACT = 202
NOTE_TO_DEAL = 214
"""HubSpot's own association types from a note."""

_BATCH = 100


def add(call: Call) -> Json:
    """Put a note on a contact, a deal, or both (``note.add``)."""
    given = call.input
    if given.get("reference"):
        # With a reference of its own the same note may come from another run.
        found = find(call)
        if found is not None:
            return found
    hubspot = HubSpot(call)
    event_time = (call.event or {}).get("time")
    associations: list[Json] = [
        {
            "to": {"id": str(given[name])},
            "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": kind}],
        }
        for name, kind in (("contact_id", NOTE_TO_CONTACT), ("deal_id", NOTE_TO_DEAL))
        if given.get(name)
    ]
    properties: JsonObject = {
        "hs_timestamp": str(event_time or call.now.isoformat()),
        "hs_note_body": f"{given['body']}\n{_mark(call)}",
    }
    entry: JsonObject = {"properties": properties, "associations": associations}
    return {"id": hubspot.send("POST", hubspot.objects("notes"), entry, repeatable=False)["id"]}


def find(call: Call) -> Json | None:
    """The note of this step, when it is there: read from the record it was put on, not searched for (that lags)."""
    hubspot, given = HubSpot(call), call.input
    kind, reference = ("contacts", given.get("contact_id")) if given.get("contact_id") else ("deals", given["deal_id"])
    after: Json = None
    while True:
        path = f"/crm/v4/objects/{kind}/{segment(str(reference))}/associations/notes"
        page = hubspot.get(path, {"limit": _BATCH, **({"after": after} if after else {})})
        ids = [str(cast("JsonObject", one)["toObjectId"]) for one in cast("list[Json]", page.get("results") or [])]
        found = _marked(hubspot, ids, _mark(call))
        if found is not None:
            return {"id": found}
        after = _next(page)
        if not after:
            return None


def _marked(hubspot: HubSpot, ids: list[str], mark: str) -> str | None:
    if not ids:
        return None
    read: JsonObject = {
        "inputs": [{"id": one} for one in ids],
        "properties": ["hs_note_body"],
        "propertiesWithHistory": [],
    }
    answer = hubspot.send("POST", hubspot.objects("notes", "/batch/read"), read)
    for note in cast("list[JsonObject]", answer.get("results") or []):
        body = str(cast("JsonObject", note.get("properties") or {}).get("hs_note_body") or "")
        if mark in body:
            return str(note["id"])
    return None


def _next(page: JsonObject) -> Json:
    paging = cast("JsonObject", page.get("paging") or {})
    return cast("JsonObject", paging.get("next") or {}).get("after")


def _mark(call: Call) -> str:
    """The last line of a note: readable for people, and the same for all attempts of this step."""
    reference = re.sub(r"[<>&\[\]\s]+", " ", str(call.input.get("reference") or call.reference)).strip()
    return f"[Ref: {reference}]"
