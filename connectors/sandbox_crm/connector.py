"""The sandbox CRM's connector: the free call and the test; everything else stands in connector.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hub.connect.answers import ErrorTable, failure_of, raise_for_status
from hub.connect.api import ActionCode, ConnectorCode

if TYPE_CHECKING:
    from hub.connect.api import Call, HttpResponse
    from hub.jsontypes import Json, JsonObject

_ERRORS = ErrorTable(
    code=("answer.error.code",), message="answer.error.message", table={"internal_error": "gateway_down"}
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


connector = ConnectorCode(actions={"request": ActionCode(_request)}, test=_test)
