"""Records: upserted by an external id, read, and queried."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from connectors.salesforce.api import Salesforce, segment
from connectors.salesforce.soql import fill
from hub.connect.answers import failure, json_or_none

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

EXTERNAL_ID = "Hub_Id__c"
"""The external id field that the set-up has an admin make; a connection may name another."""

_MORE_THAN_ONE = 300


def upsert(call: Call) -> Json:
    """Create or update the record with this external id (``record.upsert``). Doing it twice is doing it once."""
    salesforce, given = Salesforce(call), call.input
    field = str(given.get("external_id_field") or call.connection.settings.get("external_id_field") or EXTERNAL_ID)
    external_id = given["external_id"]
    fields = dict(cast("JsonObject", given["fields"]))
    # Salesforce refuses a body that repeats what stands in the address.
    repeated = fields.pop(field, external_id)
    if repeated != external_id or "Id" in fields:
        raise failure("bad_input", f"fields must not hold Id or another {field}: the record is named by external_id.")
    path = f"{salesforce.root}/sobjects/{segment(given['object'])}/{segment(field)}/{segment(external_id)}"
    headers = {"Sforce-Duplicate-Rule-Header": "allowSave=true"} if given.get("allow_duplicates") else None
    query = {"updateOnly": "true"} if given.get("update_only") else None
    response = salesforce.send("PATCH", path, query=query, json=fields, headers=headers, repeatable=True)
    if response.status == _MORE_THAN_ONE:
        message = (
            f"More than one {given['object']} has {field} {external_id!r}; nothing was written. Merge them, and make the "
            "field unique."
        )
        raise failure("duplicate", message, details=json_or_none(response))
    salesforce.judge(response)
    if not response.body.strip():
        # Older versions say 204 and nothing more when they updated.
        found = cast("JsonObject", salesforce.judged("GET", path, query={"fields": "Id"}))
        return {"id": found.get("Id"), "created": False}
    answer = cast("JsonObject", response.json())
    return {"id": answer.get("id"), "created": bool(answer.get("created"))}


def get(call: Call) -> Json:
    """Read a record by its id or external id (``record.get``)."""
    salesforce, given = Salesforce(call), call.input
    path = f"{salesforce.root}/sobjects/{segment(given['object'])}"
    if given.get("id"):
        path += f"/{segment(given['id'])}"
    else:
        field = given.get("external_id_field") or call.connection.settings.get("external_id_field") or EXTERNAL_ID
        path += f"/{segment(field)}/{segment(given['external_id'])}"
    names = cast("list[str] | None", given.get("fields"))
    answer = salesforce.judged("GET", path, query={"fields": ",".join(names)} if names else None)
    record = _plain(cast("JsonObject", answer or {}))
    return {"id": record.get("Id") or given.get("id"), "fields": record}


def query(call: Call) -> Json:
    """Ask by SOQL with quoted parameters (``query``), page by page up to the limit."""
    salesforce, given = Salesforce(call), call.input
    times = cast("JsonObject", given.get("times") or {})
    soql = fill(str(given["soql"]), cast("JsonObject", given.get("parameters") or {}), times)
    limit = cast("int", given.get("limit", 1000))
    answer = cast("JsonObject", salesforce.judged("GET", f"{salesforce.root}/query", query={"q": soql}))
    records = cast("list[JsonObject]", list(cast("list[Json]", answer.get("records") or [])))
    while not answer.get("done", True) and len(records) < limit:
        answer = cast("JsonObject", salesforce.judged("GET", str(answer["nextRecordsUrl"])))
        records += cast("list[JsonObject]", answer.get("records") or [])
    return {"records": [_plain(record) for record in records[:limit]], "total": answer.get("totalSize", len(records))}


def _plain(record: JsonObject) -> JsonObject:
    """A record without ``attributes``, which only say its type and address."""
    return {name: value for name, value in record.items() if name != "attributes"}
