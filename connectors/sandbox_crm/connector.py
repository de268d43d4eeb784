"""The sandbox CRM's connector: what YAML cannot say.

The upserts are code because a null among the properties means something here: it empties one. A template in YAML leaves
nulls out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast
from urllib.parse import quote

from connectors.sandbox.connector import default_crm_settings
from hub.connect.answers import ErrorTable, failure_of, raise_for_status
from hub.connect.api import ActionCode, ConnectorCode
from hub.money import Money

if TYPE_CHECKING:
    from hub.connect.api import Call, HttpResponse
    from hub.jsontypes import Json, JsonObject

DEFAULT_FIELD: Final = "Hub_Id__c"
"""The field that tells records apart where a step names none, as at Salesforce."""

_ERRORS = ErrorTable(
    code=("answer.error.code",),
    message="answer.error.message",
    table={"internal_error": "gateway_down", "key_reused": "key_reused"},
)


def _send(call: Call, method: str, path: str, query: JsonObject, body: Json) -> HttpResponse:
    base = str(call.connection.settings["api_base"]).rstrip("/")
    headers = {"Authorization": f"Bearer {call.connection.secret('token')}"}
    if method != "GET":
        headers["Idempotency-Key"] = call.key
    params = {name: str(value) for name, value in query.items()}
    response = call.http.request(method, f"{base}{path}", params=params, headers=headers, json=body, repeatable=True)
    raise_for_status(response, _ERRORS, now=call.now)
    answer = response.json()
    if isinstance(answer, dict) and answer.get("error"):
        raise failure_of(response, _ERRORS, now=call.now)
    return response


def _upsert(call: Call, path: str, body: JsonObject) -> JsonObject:
    """Send one upsert; what the step left out is not sent, nulls within ``properties`` or ``fields`` are."""
    given = {name: value for name, value in body.items() if value is not None}
    return cast("JsonObject", _send(call, "POST", path, {}, given).json())


def _upsert_contact(call: Call) -> Json:
    """The contact of an e-mail address, or of another property."""
    answer = _upsert(call, "/contacts/upsert", call.input)
    return {name: answer[name] for name in ("id", "created", "email", "properties")}


def _upsert_company(call: Call) -> Json:
    """The company of a domain."""
    return _id_and_created(_upsert(call, "/companies/upsert", call.input))


def _upsert_deal(call: Call) -> Json:
    """The deal of a reference; its amount goes out as decimal text beside the currency."""
    body = dict(call.input)
    if body.get("amount") is not None:
        amount = Money.from_json(body["amount"])
        body |= {"amount": amount.to_decimal_text(), "currency": amount.currency}
    return _id_and_created(_upsert(call, "/deals/upsert", body))


def _upsert_record(call: Call) -> Json:
    """A record of any object, by one of its fields."""
    kind = quote(str(call.input["object"]), safe="")
    body: JsonObject = {
        "external_id_field": call.input.get("external_id_field") or DEFAULT_FIELD,
        "external_id": str(call.input["external_id"]),
        "fields": call.input.get("fields"),
    }
    return _id_and_created(_upsert(call, f"/records/{kind}/upsert", body))


def _id_and_created(answer: JsonObject) -> Json:
    return {"id": answer["id"], "created": answer["created"]}


def _request(call: Call) -> Json:
    """Any call of the API with the connection's token."""
    given = call.input
    query = cast("JsonObject", given.get("query") or {})
    response = _send(call, str(given.get("method") or "GET"), str(given["path"]), query, given.get("body"))
    return {"status": response.status, "body": response.json()}


def _test(call: Call) -> str:
    """Ask the CRM how much it holds."""
    answer = cast("JsonObject", _send(call, "GET", "/ping", {}, None).json())
    return f"Connected to the sandbox CRM. It holds {answer['records']} records."


connector = ConnectorCode(
    actions={
        "contact.upsert": ActionCode(_upsert_contact),
        "company.upsert": ActionCode(_upsert_company),
        "deal.upsert": ActionCode(_upsert_deal),
        "record.upsert": ActionCode(_upsert_record),
        "request": ActionCode(_request),
    },
    test=_test,
    defaults=default_crm_settings,
)
