"""What the recipe editor knows: schema, connections with their actions, events with their fields, functions."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, cast

from hub.expressions import FUNCTIONS
from hub.recipes.schema import recipe_schema
from hub.vocabulary import VOCABULARY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.connect.manifest import ActionSpec
    from hub.engine.hub import Hub
    from hub.jsontypes import Json, JsonObject

_DEEPEST = 4


def editor_language(hub: Hub) -> JsonObject:
    """Everything for completion and hovers, as JSON."""
    connections = hub.accounts.names()
    manifests = {name: hub.registry.get(name).manifest for name in sorted(set(connections.values()))}
    shipped = hub.registry.get("mail").manifest.folder / "templates"
    templates = {file.stem for file in shipped.glob("*.md")} | set(hub.store.files("template"))
    return {
        "schema": recipe_schema(),
        "connections": connections,
        "connectors": {
            name: {
                "title": manifest.title,
                "actions": {action: _action(spec) for action, spec in sorted(manifest.all_offered().items())},
            }
            for name, manifest in manifests.items()
        },
        "events": _events(),
        "functions": _functions(),
        "templates": sorted(templates),
    }


def _action(spec: ActionSpec) -> JsonObject:
    properties = cast("JsonObject", spec.input.get("properties") or {})
    required = cast("list[str]", spec.input.get("required") or [])
    return {
        "title": spec.title,
        "description": spec.description,
        "input": {
            name: {
                "title": _text(field, "title"),
                "description": _text(field, "description"),
                "required": name in required,
                "values": _values(field),
            }
            for name, field in properties.items()
        },
        "output": [path for path, _ in _paths(spec.output, "", 1)],
    }


def _text(field: Json, key: str) -> str:
    return str(field.get(key) or "") if isinstance(field, dict) else ""


def _values(field: Json) -> Json:
    return field.get("enum") or [] if isinstance(field, dict) else []


@functools.cache
def _events() -> JsonObject:
    """For each type what it means and its fields: path → description."""
    return {
        kind: {"title": VOCABULARY.describe(kind), "fields": dict(_paths(VOCABULARY.data_schema(kind), "", 1))}
        for kind in VOCABULARY.event_types()
    }


def _paths(schema: Json, before: str, depth: int) -> Iterator[tuple[str, str]]:
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return
    for name, field in cast("JsonObject", schema.get("properties") or {}).items():
        yield f"{before}{name}", _text(field, "description") or _text(field, "title")
        yield from _paths(field, f"{before}{name}.", depth + 1)
        if isinstance(field, dict) and isinstance(field.get("items"), dict):
            yield from _paths(field["items"], f"{before}{name}[].", depth + 1)


@functools.cache
def _functions() -> JsonObject:
    return {
        name: {"signature": one.signature, "doc": one.doc, "example": one.example.expression}
        for name, one in FUNCTIONS.items()
    }
