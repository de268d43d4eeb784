"""The hub's own actions: ``log`` is pure, ``emit`` records an event through the hub."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hub.connect.answers import failure
from hub.connect.api import ActionCode, CanonicalEvent, ConnectorCode
from hub.connect.mapping import check_event

if TYPE_CHECKING:
    from hub.connect.api import Call, Emit
    from hub.jsontypes import Json, JsonObject


def log(call: Call) -> Json:
    """Give the line back: the step's output is where it is kept. Pure; idempotent by nature."""
    return {"level": "info", **call.input}


def emit(call: Call) -> Json:
    """Record an event whose ``source_id`` is the step's reference, so that a repeat finds the first.

    Raises ``PermanentError`` (``bad_input``) for a reserved type or data that the type's schema refuses.
    """
    event_type = cast("str", call.input["type"])
    data = cast("JsonObject", call.input.get("data") or {})
    problem = check_event(event_type, data)
    if problem:
        raise failure("bad_input", problem)
    record = cast("Emit", call.service("emit"))
    event = record(CanonicalEvent(event_type, call.reference, data, call.now))
    return {"event": event, "type": event_type}


connector = ConnectorCode(actions={"log": ActionCode(log), "emit": ActionCode(emit)})
