"""From the package's YAML files to event types: shapes filled in, families' fields shared, samples completed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final, cast

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.jsontypes import Json, JsonObject, JsonSchema

VERSION: Final = 1
"""The vocabulary's version: fields and types are only added within it."""

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FILES: Final = ("payments", "subscriptions", "settlement", "commerce", "work", "hub")
_SAMPLE_TIME: Final = "2026-11-23T09:00:00Z"


@dataclass(frozen=True, slots=True)
class EventType:
    """A type of event. ``data`` is the JSON Schema of its data, ``samples`` are whole events."""

    name: str
    title: str
    data: JsonSchema
    samples: tuple[JsonObject, ...] = ()
    version: int = VERSION


@cache
def shapes() -> dict[str, JsonSchema]:
    """The shapes that events and actions share (Money, Customer, Line, …), complete in themselves. Read-only."""
    written = _load("shapes.yaml")
    return {name: _filled(schema, written) for name, schema in written.items()}


@cache
def hub_types() -> dict[str, EventType]:
    """The hub's own event types by name, in the order of the reference. Read-only."""
    common = _load("events/common.yaml")
    types: dict[str, EventType] = {}
    for name in _FILES:
        for family in _load(f"events/{name}.yaml").values():
            for event_type in _family(family, common):
                types[event_type.name] = event_type
    return types


def event_schema(event_type: EventType) -> JsonSchema:
    """The JSON Schema of a whole event: the envelope around ``data``."""
    text: JsonSchema = {"type": "string", "minLength": 1, "maxLength": 255}
    return {
        "title": event_type.title,
        "type": "object",
        "additionalProperties": False,
        "required": ["id", "type", "time", "connection", "data"],
        "properties": {
            "id": {**text, "description": "The hub's id of the event."},
            "type": {"const": event_type.name},
            "time": {**shapes()["Time"], "description": "When it happened."},
            "connection": {**text, "description": "The connection it came by; hub for the hub's own."},
            "data": event_type.data,
            "raw": {"description": "What the gateway sent, in its own words."},
        },
    }


def sample_event(name: str, data: JsonObject) -> JsonObject:
    """A whole event around ``data``, always the same one."""
    connection = "hub" if name.startswith(("hub.", "schedule.", "answer.")) else "sandbox"
    return {
        "id": f"evt_{name.replace('.', '_')}",
        "type": name,
        "time": _SAMPLE_TIME,
        "connection": connection,
        "data": data,
    }


def _family(family: JsonObject, common: JsonObject) -> list[EventType]:
    fields = {**(common if family["common"] else {}), **cast("JsonObject", family["fields"])}
    required = cast("list[str]", family.get("required", []))
    ordered = {name: fields[name] for name in sorted(fields, key=lambda name: name not in required)}
    schema: JsonSchema = {
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": {name: _filled(cast("JsonSchema", field), shapes()) for name, field in ordered.items()},
    }
    types = []
    for name, said in cast("dict[str, dict[str, Json]]", family["events"]).items():
        data = {**cast("JsonObject", family["sample"]), **cast("JsonObject", said.get("sample", {}))}
        title = str(said["title"])
        types.append(EventType(name, title, {"title": title, **schema}, (sample_event(name, data),)))
    return types


def _filled(schema: JsonSchema, known: Mapping[str, JsonSchema]) -> JsonSchema:
    """The schema with every ``{$ref: Name}`` replaced by that shape; what stands beside it wins."""
    return cast("JsonSchema", _with_shapes(cast("Json", schema), known))


def _with_shapes(value: Json, known: Mapping[str, JsonSchema]) -> Json:
    if isinstance(value, dict):
        members = {name: _with_shapes(member, known) for name, member in value.items() if name != "$ref"}
        if "$ref" in value:
            shape = cast("dict[str, Json]", _with_shapes(cast("Json", known[str(value["$ref"])]), known))
            return {**shape, **members}
        return members
    if isinstance(value, list):
        return [_with_shapes(member, known) for member in value]
    return value


def _load(path: str) -> dict[str, JsonObject]:
    text = files("hub.vocabulary").joinpath(path).read_text(encoding="utf-8")
    # The loader is a safe one; the C version of it is three times as quick where libyaml is there.
    return cast("dict[str, JsonObject]", yaml.load(text, Loader=_LOADER))  # noqa: S506 (a safe loader)
