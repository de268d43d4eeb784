"""JSON Schemas read as shapes: which types a value can have, which members, which items. What is not said is possible."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hub.jsontypes import Json, JsonSchema

KINDS: Final = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
"""JSON Schema's types. A number may be whole, so who accepts numbers accepts integers."""

_MOST_ALTERNATIVES: Final = 200
_MOST_REFERENCES: Final = 50


@dataclass(frozen=True, slots=True)
class Shape:
    """A schema with the document that its ``$ref`` point into (the nearest one around it with ``$defs``).

    ``label`` is how the expression says it (``event.data.lines[]``), for messages; empty for a computed value.
    """

    schema: JsonSchema
    root: JsonSchema = field(default_factory=dict)
    label: str = ""

    def inner(self, schema: Json, label: str = "") -> Shape:
        """A schema that stands inside of this one. ``true`` means anything, ``false`` nothing that is known."""
        if not isinstance(schema, dict):
            return Shape({}, self.root, label)
        return Shape(schema, schema if "$defs" in schema else self.root, label)

    def labelled(self, label: str) -> Shape:
        """The same shape under another name."""
        return Shape(self.schema, self.root, label)

    def standalone(self) -> JsonSchema:
        """The schema with the definitions that it may refer to."""
        definitions = self.root.get("$defs")
        if definitions is None or "$defs" in self.schema or self.schema.keys() <= {"type", "const", "enum"}:
            return self.schema
        return {**self.schema, "$defs": definitions}


ANYTHING: Final = Shape({})
"""A value of which nothing is known."""


class Presence(Enum):
    """Whether a member can be there."""

    KNOWN = auto()
    POSSIBLE = auto()
    UNLISTED = auto()
    """The object lists its members, this is not one of them, but others are allowed."""
    IMPOSSIBLE = auto()
    NO_OBJECT = auto()


def of_value(value: Json) -> Shape:
    """The shape of exactly this value."""
    if isinstance(value, dict):
        properties = {name: of_value(member).schema for name, member in value.items()}
        return Shape(_closed(properties))
    if isinstance(value, list):
        return Shape({"type": "array", "items": union([of_value(item) for item in value]).schema})
    return Shape({"type": _kind_of(value), "const": value})


def object_of(members: dict[str, Shape]) -> Shape:
    """An object with exactly these members."""
    return Shape(_closed({name: member.standalone() for name, member in members.items()}))


def list_of(item: Shape) -> Shape:
    """A list of such items."""
    return Shape({"type": "array", "items": item.standalone()}, {}, item.label)


def union(shapes: Sequence[Shape]) -> Shape:
    """A value that has one of these shapes; anything when there are none."""
    different: list[JsonSchema] = []
    for shape in shapes:
        schema = shape.standalone()
        if not schema:
            return ANYTHING
        if schema not in different:
            different.append(schema)
    if len(different) == 1:
        return shapes[0]
    return Shape({"anyOf": different}) if different else ANYTHING


def alternatives(shape: Shape) -> list[Shape]:
    """The shape without ``$ref``, ``anyOf``, ``oneOf`` and ``allOf``: one of these holds."""
    found: list[Shape] = []
    waiting = [shape]
    steps = 0
    while waiting and steps < _MOST_ALTERNATIVES:
        steps += 1
        current = waiting.pop()
        schema = current.schema
        if "$ref" in schema:
            waiting.append(_resolved(current))
        elif "anyOf" in schema or "oneOf" in schema:
            choices = cast("list[Json]", schema.get("anyOf") or schema.get("oneOf"))
            beside = {name: value for name, value in schema.items() if name not in {"anyOf", "oneOf"}}
            both: list[dict[str, Json]] = [{"allOf": [beside, choice]} for choice in reversed(choices)]
            waiting.extend(Shape(schema, current.root, current.label) for schema in both)
        elif "allOf" in schema:
            waiting.append(_merged(current))
        else:
            found.append(current)
    return found if not waiting else [ANYTHING.labelled(shape.label)]


def kinds(shape: Shape) -> frozenset[str]:
    """The types that the value can have; all when nothing is said."""
    possible: frozenset[str] = frozenset()
    for alternative in alternatives(shape):
        possible |= _kinds(alternative.schema)
    return possible


def member(shape: Shape, name: str) -> tuple[Presence, Shape]:
    """The member of that name, and whether it can be there. Null alternatives do not count: a path leads to null."""
    label = f"{shape.label}.{name}" if shape.label else name
    presences: dict[Presence, list[Shape]] = {}
    for alternative in alternatives(shape):
        presence, found = _member(alternative, name, label)
        presences.setdefault(presence, []).append(found)
    for presence in Presence:
        if presence in presences:
            return presence, union(presences[presence]).labelled(label)
    return Presence.POSSIBLE, ANYTHING.labelled(label)


def member_names(shape: Shape) -> list[str]:
    """The names of all members that are known."""
    names: dict[str, None] = {}
    for alternative in alternatives(shape):
        names.update(dict.fromkeys(cast("Iterable[str]", alternative.schema.get("properties", {}))))
    return list(names)


def members(shape: Shape) -> Shape:
    """What any member can be."""
    found: list[Shape] = []
    for alternative in alternatives(shape):
        if "object" in _kinds(alternative.schema):
            properties = cast("dict[str, Json]", alternative.schema.get("properties", {}))
            found.extend(alternative.inner(schema) for schema in properties.values())
            additional = alternative.schema.get("additionalProperties", True)
            if additional is not False:
                found.append(alternative.inner(additional))
    return union(found).labelled(f"{shape.label}.*" if shape.label else "")


def items(shape: Shape, index: int | None = None) -> Shape:
    """What an item of the list can be (the one at ``index``, where positions differ)."""
    found: list[Shape] = []
    for alternative in alternatives(shape):
        if "array" in _kinds(alternative.schema):
            first = cast("list[Json]", alternative.schema.get("prefixItems", []))
            if index is not None and 0 <= index < len(first):
                found.append(alternative.inner(first[index]))
                continue
            rest = alternative.schema.get("items", True)
            found.extend(alternative.inner(schema) for schema in first)
            if rest is not False:
                found.append(alternative.inner(rest))
    label = f"{shape.label}[{'' if index is None else index}]" if shape.label else ""
    return union(found).labelled(label)


def possible_values(shape: Shape) -> list[Json] | None:
    """All values that it can have, when they are listed (``const``, ``enum``); None when they are not."""
    found: list[Json] = []
    for alternative in alternatives(shape):
        if "const" in alternative.schema:
            found.append(alternative.schema["const"])
        elif "enum" in alternative.schema:
            found.extend(cast("list[Json]", alternative.schema["enum"]))
        else:
            return None
    return found


def _kinds(schema: JsonSchema) -> frozenset[str]:
    said = schema.get("type")
    if isinstance(said, str):
        return frozenset({said})
    if isinstance(said, list):
        return frozenset(cast("list[str]", said))
    if "const" in schema:
        return frozenset({_kind_of(schema["const"])})
    if "enum" in schema:
        return frozenset(_kind_of(value) for value in cast("list[Json]", schema["enum"]))
    if schema.keys() & {"properties", "additionalProperties", "required"}:
        return frozenset({"object"})
    if schema.keys() & {"items", "prefixItems"}:
        return frozenset({"array"})
    return KINDS


def _kind_of(value: Json) -> str:
    words = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return words.get(type(value), "object")


def _member(shape: Shape, name: str, label: str) -> tuple[Presence, Shape]:
    schema = shape.schema
    if "object" not in _kinds(schema):
        return Presence.NO_OBJECT, ANYTHING
    properties = cast("dict[str, Json]", schema.get("properties", {}))
    if name in properties:
        return Presence.KNOWN, shape.inner(properties[name], label)
    additional = schema.get("additionalProperties", True)
    if isinstance(additional, dict):
        return Presence.POSSIBLE, shape.inner(additional, label)
    if "patternProperties" in schema:
        return Presence.POSSIBLE, ANYTHING
    if additional is False:
        return Presence.IMPOSSIBLE, ANYTHING
    return (Presence.UNLISTED if properties else Presence.POSSIBLE), ANYTHING


def _resolved(shape: Shape) -> Shape:
    """What a ``$ref`` into ``$defs`` stands for; anything when it leads elsewhere or round in circles."""
    current = shape
    for _ in range(_MOST_REFERENCES):
        reference = current.schema.get("$ref")
        if not isinstance(reference, str):
            return current
        target: Json = current.root
        for part in reference.removeprefix("#").strip("/").split("/"):
            if part:
                target = target.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(target, dict) else None
        if not reference.startswith("#") or not isinstance(target, dict):
            return ANYTHING.labelled(shape.label)
        current = current.inner(target, shape.label)
    return ANYTHING.labelled(shape.label)


def _merged(shape: Shape) -> Shape:
    """The parts of ``allOf`` as one schema, as far as members go; what stands later wins."""
    merged: dict[str, Json] = {name: value for name, value in shape.schema.items() if name != "allOf"}
    for part in cast("list[Json]", shape.schema["allOf"]):
        if isinstance(part, dict):
            schema = _resolved(shape.inner(part)).schema
            properties = {
                **cast("dict[str, Json]", merged.get("properties", {})),
                **cast("dict[str, Json]", schema.get("properties", {})),
            }
            merged = {**merged, **schema}
            if properties:
                merged["properties"] = properties
    return Shape(merged, shape.root, shape.label)


def _closed(properties: dict[str, JsonSchema]) -> JsonSchema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": cast("dict[str, Json]", properties),
    }
