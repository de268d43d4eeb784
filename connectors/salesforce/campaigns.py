"""Campaign members and notes: Salesforce takes no key for them, so they are told apart by what they are."""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING, cast

from connectors.salesforce.api import ERRORS, Salesforce, segment
from connectors.salesforce.soql import fill
from hub.connect.answers import failure
from hub.errors import PermanentError

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

LONGEST_TITLE = 255


def add_member(call: Call) -> Json:
    """Put a contact or lead on a campaign (``campaign.add``). Salesforce keeps one membership per person and campaign."""
    salesforce, given = Salesforce(call), call.input
    who, person = ("ContactId", given["contact_id"]) if given.get("contact_id") else ("LeadId", given["lead_id"])
    fields: dict[str, Json] = {"CampaignId": given["campaign_id"], who: person}
    if given.get("status"):
        fields["Status"] = given["status"]
    path = f"{salesforce.root}/sobjects/CampaignMember"
    try:
        made = cast("JsonObject", salesforce.judged("POST", path, json=fields, repeatable=True))
    except PermanentError as error:
        if error.code != "duplicate":
            raise
        member = _member(salesforce, who, given["campaign_id"], person)
        if member is None:
            raise
        if given.get("status"):
            salesforce.judged("PATCH", f"{path}/{segment(member)}", json={"Status": given["status"]}, repeatable=True)
        return {"id": member, "created": False}
    return {"id": made["id"], "created": True}


def add_note(call: Call) -> Json:
    """Put a note on a record (``note.add``): note and link are made in one transaction."""
    salesforce, given = Salesforce(call), call.input
    if given.get("reference"):
        # With a reference of its own the same note may come from another run.
        found = find_note(call)
        if found is not None:
            return found
    content = base64.b64encode(html.escape(str(given["body"])).replace("\n", "<br>").encode()).decode()
    title = _title(call)
    parts: list[Json] = [
        {
            "method": "POST",
            "url": f"{salesforce.root}/sobjects/ContentNote",
            "referenceId": "note",
            "body": {"Title": title, "Content": content},
        },
        {
            "method": "POST",
            "url": f"{salesforce.root}/sobjects/ContentDocumentLink",
            "referenceId": "link",
            "body": {"ContentDocumentId": "@{note.id}", "LinkedEntityId": given["record_id"], "ShareType": "V"},
        },
    ]
    asked: JsonObject = {"allOrNone": True, "compositeRequest": parts}
    answer = salesforce.judged("POST", f"{salesforce.root}/composite", json=asked, repeatable=False)
    results = cast("list[JsonObject]", cast("JsonObject", answer)["compositeResponse"])
    for result in results:
        _check(result)
    return {"id": cast("JsonObject", results[0]["body"])["id"]}


def find_note(call: Call) -> Json | None:
    """The note of this step, when it is on the record already: its title ends with the reference."""
    salesforce = Salesforce(call)
    soql = (
        "SELECT ContentDocumentId FROM ContentDocumentLink "
        "WHERE LinkedEntityId = :record AND ContentDocument.Title = :title LIMIT 1"
    )
    asked = fill(soql, {"record": call.input["record_id"], "title": _title(call)})
    answer = cast("JsonObject", salesforce.judged("GET", f"{salesforce.root}/query", query={"q": asked}))
    records = cast("list[JsonObject]", answer.get("records") or [])
    return {"id": records[0]["ContentDocumentId"]} if records else None


def _member(salesforce: Salesforce, who: str, campaign: Json, person: Json) -> str | None:
    soql = f"SELECT Id FROM CampaignMember WHERE CampaignId = :campaign AND {who} = :person LIMIT 1"  # noqa: S608 (who is ours)
    asked = fill(soql, {"campaign": campaign, "person": person})
    answer = cast("JsonObject", salesforce.judged("GET", f"{salesforce.root}/query", query={"q": asked}))
    records = cast("list[JsonObject]", answer.get("records") or [])
    return str(records[0]["Id"]) if records else None


def _title(call: Call) -> str:
    reference = f" [{call.input.get('reference') or call.reference}]"
    return str(call.input["title"])[: LONGEST_TITLE - len(reference)] + reference


def _check(result: JsonObject) -> None:
    """A composite call answers 200 whatever became of its parts."""
    status = cast("int", result.get("httpStatusCode") or 0)
    own_code = ERRORS.own_code(result.get("body")) if status >= 400 else None  # noqa: PLR2004
    if status < 400 or own_code == "PROCESSING_HALTED":  # noqa: PLR2004
        return
    code = ERRORS.table.get(own_code or "", "invalid_request")
    message = f"Salesforce refused the note ({own_code}): {ERRORS.own_message(result.get('body'))}"
    raise failure(code, message, gateway_code=own_code, details=result)
