"""Contacts, companies and deals: upserts on a unique property, so that a repeat never makes a second record."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from connectors.hubspot.api import HubSpot, properties_of, words
from hub.connect.answers import failure
from hub.errors import PermanentError
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

DEAL_REFERENCE = "hub_reference"
COMPANY_DOMAIN = "hub_domain"
"""Unique properties of our own: HubSpot's deals have none, and its companies' domain is not unique."""

_EXISTING = re.compile(r"Existing ID:\s*(\d+)")
_UNKNOWN_PROPERTY = "PROPERTY_DOESNT_EXIST"
_PLURALS: Mapping[str, str] = {
    "contact": "contacts",
    "company": "companies",
    "deal": "deals",
    "ticket": "tickets",
    "note": "notes",
}


def upsert_contact(call: Call) -> Json:
    """Create or update one contact by its e-mail, or by another unique property (``contact.upsert``)."""
    hubspot, given = HubSpot(call), call.input
    email = str(given["email"]).strip().lower()
    properties = {**properties_of(given.get("properties")), "email": email}
    id_property = str(given.get("id_property") or "email")
    identity = properties.get(id_property)
    if not identity:
        raise failure("bad_input", f"properties.{id_property} is empty, but contacts are to be told apart by it.")
    try:
        record = _upsert(hubspot, call, "contacts", id_property, str(identity), properties)
    except PermanentError as error:
        # The e-mail is a further address of another contact: HubSpot names it, and takes no upsert.
        existing = _EXISTING.search(error.message) if error.code == "duplicate" else None
        if existing is None:
            raise
        path = hubspot.objects("contacts", f"/{existing[1]}")
        without_email = {name: value for name, value in properties.items() if name != "email"}
        record = {**hubspot.send("PATCH", path, {"properties": without_email}), "new": False}
    return {
        "id": record["id"],
        "created": bool(record.get("new")),
        "email": email,
        "properties": record.get("properties") or {},
    }


def upsert_company(call: Call) -> Json:
    """Create or update one company by its domain (``company.upsert``).

    Ours are found by the unique property ``hub_domain``. One that somebody else made is looked for by its domain first and
    taken over; the search lags by seconds, and decides nothing about our own.
    """
    hubspot, given = HubSpot(call), call.input
    domain = str(given["domain"]).strip().lower().removeprefix("www.")
    properties = {**properties_of(given.get("properties")), "domain": domain, COMPANY_DOMAIN: domain}
    _with_property(hubspot, "companies", COMPANY_DOMAIN, lambda: _adopt(hubspot, domain))
    record = _upsert(hubspot, call, "companies", COMPANY_DOMAIN, domain, properties)
    return {"id": record["id"], "created": bool(record.get("new"))}


def upsert_deal(call: Call) -> Json:
    """Create or update one deal by the hub's reference (``deal.upsert``), with its contact where one is given."""
    hubspot, given = HubSpot(call), call.input
    reference = str(given["reference"])
    properties: dict[str, Json] = {
        **properties_of(given.get("properties")),
        "dealname": given["name"],
        DEAL_REFERENCE: reference,
    }
    properties |= {
        own: str(given[name]) for name, own in (("stage", "dealstage"), ("pipeline", "pipeline")) if given.get(name)
    }
    if given.get("amount"):
        money = Money.from_json(given["amount"])
        properties["amount"] = str(money.to_decimal())
        if call.connection.settings.get("send_currency", True):
            properties["deal_currency_code"] = money.currency
    record = _with_property(
        hubspot,
        "deals",
        DEAL_REFERENCE,
        lambda: _upsert(hubspot, call, "deals", DEAL_REFERENCE, reference, properties),
    )
    if given.get("contact_id"):
        link(hubspot, ("deals", str(record["id"])), ("contacts", str(given["contact_id"])))
    return {"id": record["id"], "created": bool(record.get("new"))}


def associate(call: Call) -> Json:
    """Link two records with HubSpot's default label (``associate``). Doing it twice is doing it once."""
    ends = [cast("JsonObject", call.input[end]) for end in ("from", "to")]
    first, second = ((_plural(str(end["type"])), str(end["id"])) for end in ends)
    link(HubSpot(call), first, second)
    return {}


def link(hubspot: HubSpot, first: tuple[str, str], second: tuple[str, str]) -> None:
    """Link two records, each given as type and id."""
    (kind, one), (other_kind, other) = first, second
    path = f"{segment(kind)}/{segment(one)}/associations/default/{segment(other_kind)}/{segment(other)}"
    hubspot.send("PUT", f"/crm/v4/objects/{path}")


def contact_id(hubspot: HubSpot, given: JsonObject) -> str:
    """The contact's id: as given, or looked up by e-mail. Raises ``not_found``."""
    if given.get("contact_id"):
        return str(given["contact_id"])
    email = segment(str(given["email"]).strip().lower())
    return str(hubspot.get(hubspot.objects("contacts", f"/{email}"), {"idProperty": "email"})["id"])


def segment(text: str) -> str:
    """A text as one segment of a path."""
    return quote(text, safe="")


def _plural(kind: str) -> str:
    return _PLURALS.get(kind.lower(), kind)


def _upsert(  # noqa: PLR0913 (what an upsert is made of)
    hubspot: HubSpot, call: Call, kind: str, id_property: str, identity: str, properties: Mapping[str, Json]
) -> JsonObject:
    """One record by a batch of one: the only call that creates or updates in one step."""
    entry: JsonObject = {
        "idProperty": id_property,
        "id": identity,
        "properties": dict(properties),
        "objectWriteTraceId": call.key,
    }
    try:
        answer = hubspot.send("POST", hubspot.objects(kind, "/batch/upsert"), {"inputs": [entry]})
    except PermanentError as error:
        if error.code != "duplicate" or _EXISTING.search(error.message):
            raise
        # Somebody made the same record at the same moment; the next attempt updates it.
        raise failure("conflict", error.message, gateway_code=error.gateway_code, details=error.details) from error
    results = cast("list[JsonObject]", answer.get("results") or [])
    if results:
        return results[0]
    # 207: the batch as a whole went through, our one record did not.
    errors = cast("list[JsonObject]", answer.get("errors") or [{}])
    category = str(errors[0].get("category") or "")
    code = {"CONFLICT": "duplicate", "OBJECT_NOT_FOUND": "not_found"}.get(category, "invalid_request")
    raise failure(
        code, f"HubSpot refused the record ({category}){words(errors[0])}", gateway_code=category, details=answer
    )


def _with_property(hubspot: HubSpot, kind: str, name: str, act: Callable[[], JsonObject]) -> JsonObject:
    """Do it; when our unique property is missing in this account, make it and do it again."""
    try:
        return act()
    except PermanentError as error:
        if not (_UNKNOWN_PROPERTY in str(error.details) and name in str(error.details)):
            raise
    _make_property(hubspot, kind, name)
    return act()


def _make_property(hubspot: HubSpot, kind: str, name: str) -> None:
    label, group = {
        DEAL_REFERENCE: ("Hub reference", "dealinformation"),
        COMPANY_DOMAIN: ("Hub domain", "companyinformation"),
    }[name]
    entry: JsonObject = {
        "name": name,
        "label": label,
        "description": "Set by Connector Hub, which finds its own records by it.",
        "groupName": group,
        "type": "string",
        "fieldType": "text",
        "hasUniqueValue": True,
    }
    try:
        hubspot.send("POST", f"/crm/v3/properties/{kind}", entry)
    except PermanentError as error:
        if error.code == "duplicate":
            return
        if error.code != "forbidden":
            raise
        message = (
            f"The account has no property {name!r} for {kind}, and the app may not make it. Give the app the scope "
            f"crm.schemas.{kind}.write, or make the property by hand: single-line text, internal name {name}, unique values."
        )
        raise failure("forbidden", message, gateway_code=error.gateway_code, details=error.details) from error


def _adopt(hubspot: HubSpot, domain: str) -> JsonObject:
    """Mark a company that somebody else made as the one of this domain, unless one is marked already."""
    read: JsonObject = {
        "idProperty": COMPANY_DOMAIN,
        "inputs": [{"id": domain}],
        "properties": ["domain"],
        "propertiesWithHistory": [],
    }
    answer = hubspot.send("POST", hubspot.objects("companies", "/batch/read"), read)
    ours = cast("list[JsonObject]", answer.get("results") or [])
    if ours:
        return ours[0]
    search: JsonObject = {
        "filterGroups": [{"filters": [{"propertyName": "domain", "operator": "EQ", "value": domain}]}],
        "properties": ["domain"],
        "sorts": ["createdate"],
        "after": "0",
        "limit": 1,
    }
    found = cast(
        "list[JsonObject]", hubspot.send("POST", hubspot.objects("companies", "/search"), search).get("results") or []
    )
    if not found:
        return {}
    path = hubspot.objects("companies", f"/{found[0]['id']}")
    return hubspot.send("PATCH", path, {"properties": {COMPANY_DOMAIN: domain}})
