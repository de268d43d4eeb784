"""Membership of static lists, by the list's id or name."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from connectors.hubspot.api import HubSpot
from connectors.hubspot.records import contact_id, segment
from hub.connect.answers import failure

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

CONTACTS = "0-1"
"""HubSpot's object type id of contacts."""


def add(call: Call) -> Json:
    """Put a contact on a list (``list.add``). Doing it twice is doing it once."""
    return _change(call, "add")


def remove(call: Call) -> Json:
    """Take a contact off a list (``list.remove``). Doing it twice is doing it once."""
    return _change(call, "remove")


def contains(call: Call) -> Json:
    """Whether a contact is on a list (``list.contains``). Changes nothing.

    Lists, "Get lists a record is a member of": the answer is paged and names each list by its id.
    """
    hubspot = HubSpot(call)
    list_id = _list_id(hubspot, str(call.input["list"]))
    path = f"/crm/v3/lists/records/{CONTACTS}/{contact_id(hubspot, call.input)}/memberships"
    following: Json = None
    while True:
        answer = hubspot.get(path, {"after": following} if following else None)
        if any(str(one["listId"]) == list_id for one in cast("list[JsonObject]", answer.get("results") or [])):
            return {"member": True}
        paging = cast("JsonObject", answer.get("paging") or {})
        following = cast("JsonObject", paging.get("next") or {}).get("after")
        if not following:
            return {"member": False}


def _change(call: Call, what: str) -> Json:
    hubspot = HubSpot(call)
    list_id = _list_id(hubspot, str(call.input["list"]))
    contact = contact_id(hubspot, call.input)
    answer = hubspot.send("PUT", f"/crm/v3/lists/{list_id}/memberships/{what}", [contact])
    missing = [str(one) for one in cast("list[Json]", answer.get("recordIdsMissing") or [])]
    if contact in missing:
        raise failure("not_found", f"HubSpot knows no contact {contact}.", details=answer)
    return {}


def _list_id(hubspot: HubSpot, name: str) -> str:
    if name.isascii() and name.isdigit():
        return name
    found = hubspot.get(f"/crm/v3/lists/object-type-id/{CONTACTS}/name/{segment(name)}")
    entry = cast("JsonObject", found.get("list") or {})
    if not entry.get("listId"):
        raise failure("not_found", f"HubSpot has no list of contacts named {name!r}.", details=found)
    return str(entry["listId"])
