"""The sandbox gateway's connector: what YAML cannot say. Like any gateway's, it talks to its API over HTTP only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from hub.connect.answers import ErrorTable, failure, failure_of, raise_for_status
from hub.connect.api import ActionCode, ConnectorCode, Polled, RawEvent
from hub.connect.mapping import moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call, HttpResponse, ServerContext
    from hub.jsontypes import Json, JsonObject

PAGE: Final = "100"
MOST_PAGES: Final = 50
"""Pages of one poll; the next poll goes on from there."""


def _server(context: ServerContext) -> object:
    """The sandbox itself: a Flask application below ``/sandbox``."""
    from connectors.sandbox.server.application import create_application  # noqa: PLC0415 (only a hub that serves it)

    return create_application(context)


def default_settings(secret: str, public_url: str) -> tuple[JsonObject, Mapping[str, str]]:
    """Settings and secrets of the connection ``sandbox`` that the hub makes at its first start.

    ``secret`` is the one of the :class:`ServerContext`, ``public_url`` the hub's own public address.
    """
    from connectors.sandbox.server.keys import keys_of  # noqa: PLC0415

    keys = keys_of(secret)
    settings = {"api_base": f"{public_url.rstrip('/')}/sandbox/v1"}
    return settings, {"api_key": keys.api_key, "webhook_secret": keys.webhook_secret}


def default_crm_settings(secret: str, public_url: str) -> tuple[JsonObject, Mapping[str, str]]:
    """The same for the connection ``crm`` of the connector ``sandbox_crm``."""
    from connectors.sandbox.server.keys import keys_of  # noqa: PLC0415

    settings = {"api_base": f"{public_url.rstrip('/')}/sandbox/crm/v1"}
    return settings, {"token": keys_of(secret).crm_token}


def _send(
    call: Call, method: str, path: str, params: Mapping[str, str] | None = None, json: Json = None
) -> HttpResponse:
    base = str(call.connection.settings["api_base"]).rstrip("/")
    headers = {"Authorization": f"Bearer {call.connection.secret('api_key')}"}
    if method != "GET":
        headers["Idempotency-Key"] = call.key
    return call.http.request(method, f"{base}{path}", params=params, headers=headers, json=json, repeatable=True)


def _answer(call: Call, response: HttpResponse) -> JsonObject:
    """The answer's object. Raises what the answer means, also for an error behind a 200."""
    table = ErrorTable(code=("answer.error.code",), message="answer.error.message")
    raise_for_status(response, table, now=call.now)
    answer = response.json()
    if not isinstance(answer, dict):
        raise failure("bad_answer", "It is not an object.")
    if answer.get("error"):
        failed = ErrorTable(table.code, table.message, {"internal_error": "gateway_down"})
        raise failure_of(response, failed, now=call.now)
    return answer


def _request(call: Call) -> Json:
    """Any call of the API with the connection's key."""
    method = str(call.input.get("method") or "GET")
    query = cast("JsonObject", call.input.get("query") or {})
    response = _send(
        call,
        method,
        str(call.input["path"]),
        {name: str(value) for name, value in query.items()},
        call.input.get("body"),
    )
    return {"status": response.status, "headers": dict(response.headers), "body": _answer(call, response)}


def _test(call: Call) -> str:
    """Ask the sandbox who we are."""
    answer = _answer(call, _send(call, "GET", "/ping"))
    return f"Connected to the sandbox. Its clock says {answer['now']}."


def _poll(call: Call, cursor: Json) -> Polled:
    """All events since the last one seen; the first time those that are still listed."""
    events: list[RawEvent] = []
    after = str(cursor) if cursor else ""
    for _ in range(MOST_PAGES):
        params = {"limit": PAGE, **({"after": after} if after else {})}
        answer = _answer(call, _send(call, "GET", "/events", params))
        page = cast("list[JsonObject]", answer["data"])
        for entry in page:
            after = str(entry["id"])
            events.append(RawEvent(after, str(entry["type"]), entry, moment(entry["created"])))
        if not answer["has_more"]:
            break
    return Polled(tuple(events), after or None)


connector = ConnectorCode(
    actions={"request": ActionCode(_request)}, poll=_poll, test=_test, server=_server, defaults=default_settings
)
