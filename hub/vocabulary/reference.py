"""The reference page of events: ``python -m hub.vocabulary.reference > docs/reference/events.md``."""

from __future__ import annotations

import json
import sys
from itertools import groupby
from typing import TYPE_CHECKING, Final, cast

from hub.vocabulary.composition import VERSION, EventType, hub_types, shapes

if TYPE_CHECKING:
    from hub.jsontypes import JsonSchema

_INTRODUCTION: Final = f"""# Events

Version {VERSION} of the vocabulary. This page is made from the schemas that the hub checks events by;
`hub schema events` prints them as JSON Schema.

Every event is an object with `id`, `type`, `time` (RFC 3339, UTC), `connection`, `data` and, where a gateway sent it,
`raw`, the gateway's own words. A recipe reads them as `event.type`, `event.data.payment` and so on. Fields in **bold**
are always there, the others where they are known. Events of your own have a name with a dot that is in none of the
families below, such as `acme.shipped`, and any data.
"""


def markdown() -> str:
    """The whole page."""
    lines = [_INTRODUCTION, "## Shapes", ""]
    for name, schema in shapes().items():
        lines += [f"### {name}", "", *_sentence(schema), *_table(schema), ""]
    for family, types in groupby(hub_types().values(), key=lambda event_type: event_type.name.partition(".")[0]):
        lines += _family(family, list(types))
    return "\n".join(lines).rstrip() + "\n"


def _family(name: str, types: list[EventType]) -> list[str]:
    """A family of types: one table when they all have the same fields, else one for each."""
    shared = all(event_type.data["properties"] == types[0].data["properties"] for event_type in types)
    lines = [f"## {name}", ""]
    if shared:
        lines += [*_table(types[0].data), ""]
    for event_type in types:
        lines += [f"### {event_type.name}", "", f"{event_type.title}.", ""]
        if not shared:
            lines += [*_table(event_type.data), ""]
        data = json.dumps(event_type.samples[0]["data"], ensure_ascii=False)
        lines += ["```json", data, "```", ""]
    return lines


def _sentence(schema: JsonSchema) -> list[str]:
    description = schema.get("description")
    return [str(description), ""] if description else []


def _table(schema: JsonSchema) -> list[str]:
    properties = cast("dict[str, JsonSchema]", schema.get("properties", {}))
    if not properties:
        return [f"{_type(schema, named=False).capitalize()}."]
    required = cast("list[str]", schema.get("required", []))
    rows = ["| field | type | meaning |", "| --- | --- | --- |"]
    for name, field in properties.items():
        shown = f"**`{name}`**" if name in required else f"`{name}`"
        meaning = str(field.get("description", "")).replace("|", "\\|")
        rows.append(f"| {shown} | {_type(field)} | {meaning} |")
    return rows


def _type(schema: JsonSchema, *, named: bool = True) -> str:
    """The type in a word or two: the shape's name, ``list of Line``, ``one of won, lost``."""
    if named:
        for name, shape in shapes().items():
            if {**schema, "description": None} == {**shape, "description": None}:
                return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in cast("list[str]", schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_type(cast('JsonSchema', schema['items']))}"
    words = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "object": "object",
        "boolean": "true or false",
    }
    return words[str(schema["type"])]


if __name__ == "__main__":
    sys.stdout.write(markdown())
