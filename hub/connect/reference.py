"""The reference page of connectors: ``python -m hub.connect.reference > docs/reference/connectors.md``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, cast

from hub.connect.answers import error_codes
from hub.connect.manifest import CAPABILITIES, Idempotency, Kind, Support, gateway_actions
from hub.connect.registry import Registry
from hub.connect.schemas import resolve_shapes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hub.connect.manifest import ActionSpec, Manifest
    from hub.jsontypes import Json, JsonObject, JsonSchema

_INTRODUCTION: Final = """# Connectors

This page is made from the connectors' manifests. A recipe calls `connection/action`; fields in **bold** must be given.
[How to write a connector](../connectors.md) is a page of its own.

What a repeat of an action does stands with each one:

- **safe by key**: the outside system takes the step's idempotency key and does the action once;
- **safe by nature**: doing it twice is doing it once;
- **looked up**: before it repeats, the hub looks whether it happened;
- **uncertain**: where an answer is lost, the run waits for a person who says whether it happened.
"""

_REPEATS: Final = {
    Idempotency.KEY: "safe by key",
    Idempotency.NATURE: "safe by nature",
    Idempotency.LOOKUP: "looked up",
    Idempotency.NO: "uncertain",
}
_SUPPORT: Final = {Support.NATIVE: "native", Support.HUB: "by the hub", Support.NONE: "–"}
_WORDS: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "object": "object",
    "boolean": "true or false",
    "array": "list",
    "null": "null",
}


def markdown(registry: Registry | None = None) -> str:
    """The whole page, for the connectors that come with the hub."""
    manifests = (registry or Registry.load()).manifests()
    gateways = [manifest for manifest in manifests if manifest.kind is Kind.GATEWAY]
    lines = [_INTRODUCTION]
    if gateways:
        lines += _capabilities(gateways)
    lines += _shared_actions()
    for manifest in manifests:
        lines += _connector(manifest)
    lines += _errors()
    return "\n".join(lines).rstrip() + "\n"


def _capabilities(gateways: list[Manifest]) -> list[str]:
    lines = ["## What each gateway can do", ""]
    lines += _table(
        ["", *(gateway.title for gateway in gateways)],
        [
            [title, *(_SUPPORT[gateway.capabilities[key].status] for gateway in gateways)]
            for key, title in CAPABILITIES.items()
            if all(key in gateway.capabilities for gateway in gateways)
        ],
    )
    return [*lines, ""]


def _shared_actions() -> list[str]:
    lines = ["## Actions of every gateway", "", "Each gateway below says which of these it has.", ""]
    for name, action in gateway_actions().items():
        lines += [f"### {name}", "", f"{action['description']}", ""]
        lines += _fields("Input", resolve_shapes(cast("JsonSchema", action["input"])))
        lines += _fields("Output", resolve_shapes(cast("JsonSchema", action["output"])))
    return lines


def _connector(manifest: Manifest) -> list[str]:
    lines = [f"## {manifest.title}", "", f"`{manifest.name}`: {manifest.summary}", ""]
    if manifest.builtin:
        lines += [f"There is one connection, `{manifest.name}`, from the start.", ""]
    if manifest.fields:
        rows = [
            [
                f"**`{field.name}`**" if field.required else f"`{field.name}`",
                "secret" if field.secret else _type(field.schema),
                _sentence(field.title, field.description, field.default),
            ]
            for field in manifest.fields
        ]
        lines += ["Connection:", "", *_table(["field", "type", "meaning"], rows), ""]
    if manifest.kind is Kind.GATEWAY:
        lines += _reasons(manifest)
    shared = [spec for spec in manifest.actions.values() if spec.shared]
    if shared:
        rows = [[f"`{spec.name}`", _REPEATS[spec.idempotent]] for spec in shared]
        rows += [[f"`{spec.name}` (by the hub)", _REPEATS[spec.idempotent]] for spec in manifest.all_offered().values()
                 if spec.by_hub]  # fmt: skip
        lines += ["Actions of every gateway:", "", *_table(["action", "a repeat is"], rows), ""]
    for spec in manifest.actions.values():
        if not spec.shared:
            lines += _own_action(manifest, spec)
    return [*lines, *_events(manifest)]


def _reasons(manifest: Manifest) -> list[str]:
    cells = [cell for cell in manifest.capabilities.values() if cell.reason]
    if not cells:
        return []
    rows = [[CAPABILITIES[cell.key], _SUPPORT[cell.status], cell.reason] for cell in cells]
    return ["Capabilities with a note:", "", *_table(["", "", "note"], rows), ""]


def _own_action(manifest: Manifest, spec: ActionSpec) -> list[str]:
    lines = [f"### {manifest.name}/{spec.name}", "", f"{spec.description} A repeat is {_REPEATS[spec.idempotent]}.", ""]
    return [*lines, *_fields("Input", spec.input), *_fields("Output", spec.output)]


def _events(manifest: Manifest) -> list[str]:
    if not manifest.events:
        return []
    rows = [[", ".join(f"`{raw}`" for raw in rule.raw), f"`{rule.type}`"] for rule in manifest.events]
    return ["Events:", "", *_table(["it sends", "the hub records"], rows), ""]


def _errors() -> list[str]:
    rows = [
        [f"`{row.code}`", row.sentence, row.remedy, "yes" if row.transient else "no"] for row in error_codes().values()
    ]
    lines = [
        "## Error codes",
        "",
        "Every action that fails ends with one of these, whatever the outside system says.",
        "",
    ]
    return [*lines, *_table(["code", "what happened", "what to do", "tried again"], rows)]


def _fields(title: str, schema: JsonSchema) -> list[str]:
    properties = cast("Mapping[str, JsonSchema]", schema.get("properties") or {})
    if not properties:
        return []
    required = cast("list[str]", schema.get("required") or [])
    rows = [
        [
            f"**`{name}`**" if name in required else f"`{name}`",
            _type(field),
            _sentence("", str(_member(field, "description")), _member(field, "default") or None),
        ]
        for name, field in properties.items()
    ]
    return [f"{title}:", "", *_table(["field", "type", "meaning"], rows), ""]


def _member(field: Json, name: str) -> Json:
    return cast("JsonObject", field).get(name, "") if isinstance(field, dict) else ""


def _sentence(title: str, description: str, default: Json) -> str:
    parts = [f"{title}." if title else "", description]
    if default not in {None, ""}:
        parts.append(f"Default: `{str(default).lower() if isinstance(default, bool) else default}`.")
    return " ".join(part for part in parts if part)


def _type(schema: Json) -> str:
    """The type in a word or two; a shape by its name."""
    if not isinstance(schema, dict):
        return "anything"
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return f"[{name}](events.md#{name.lower()})"
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in cast("list[Json]", schema["enum"]))
    if "const" in schema:
        return f"always `{str(schema['const']).lower()}`"
    if "anyOf" in schema:
        return " or ".join(_type(choice) for choice in cast("list[Json]", schema["anyOf"]))
    kinds = schema.get("type")
    if kinds == "array" and "items" in schema:
        return f"list of {_type(schema['items'])}"
    if isinstance(kinds, list):
        return " or ".join(_WORDS[str(kind)] for kind in kinds)
    return _WORDS[str(kinds)] if kinds else "anything"


def _table(heads: list[str], rows: Iterable[list[str]]) -> list[str]:
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    return [*lines, *(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)]


if __name__ == "__main__":
    sys.stdout.write(markdown())
