"""JSON Schemas of connectors: shared shapes filled in, compiled once, errors that name the place."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import jsonschema_rs

from hub.vocabulary import shapes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.jsontypes import Json, JsonSchema

_LOCAL = "#/$defs/"


def _references(value: Json) -> Iterator[dict[str, Json]]:
    """Every object in ``value`` that holds a ``$ref``."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value
        for member in value.values():
            yield from _references(member)
    elif isinstance(value, list):
        for member in value:
            yield from _references(member)


def resolve_shapes(schema: JsonSchema) -> JsonSchema:
    """A copy in which ``{$ref: Money}`` works: the named shapes of the vocabulary stand under ``$defs``. Read-only.

    Raises ``KeyError`` with the name when the vocabulary has no such shape.
    """
    known = shapes()
    resolved = cast("dict[str, Json]", copy.deepcopy(schema))
    definitions = dict(cast("dict[str, Json]", resolved.get("$defs", {})))
    for holder in list(_references(resolved)):
        name = cast("str", holder["$ref"]).removeprefix(_LOCAL)
        if not name.startswith(("#", "http")):
            holder["$ref"] = _LOCAL + name
            if name not in definitions:
                definitions[name] = known[name]  # complete in itself, and the same for all
    if definitions:
        resolved["$defs"] = definitions
    return resolved


@dataclass(frozen=True, slots=True)
class Problem:
    """One way in which a value breaks its schema. ``path`` is dotted (``amount.minor``), empty for the value itself.

    ``rule`` is the schema's keyword that is broken, ``limit`` its number where it has one (``maxLength``, ``maximum``),
    ``missing`` the property that is not there and should be.
    """

    path: str
    message: str
    rule: str = ""
    limit: int | float | None = None
    missing: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class CompiledSchema:
    """A schema ready to judge values; safe to share between threads."""

    def __init__(self, schema: JsonSchema) -> None:
        self.schema = schema
        self._validator = jsonschema_rs.validator_for(dict(schema), validate_formats=True)

    def accepts(self, value: Json) -> bool:
        """Whether the value satisfies the schema."""
        return self._validator.is_valid(value)

    def problems(self, value: Json) -> list[Problem]:
        """Everything wrong with the value, in the order of the schema; empty when it is right."""
        return [
            Problem(
                ".".join(str(part) for part in error.instance_path),
                error.message,
                str(error.schema_path[-1]),
                getattr(error.kind, "limit", None),
                getattr(error.kind, "property", ""),
            )
            for error in self._validator.iter_errors(value)
        ]

    def without_nulls(self, value: Json) -> Json:
        """The value with those members left out that are null where the schema wants something else.

        A recipe that passes ``${ event.data.customer.name }`` on must not fail because there is no name.
        """
        if self.accepts(value):
            return value
        value = copy.deepcopy(value)
        for path in [error.instance_path for error in self._validator.iter_errors(value)]:
            holder = value
            for part in path[:-1]:
                holder = cast("dict[str | int, Json]", holder)[part]
            if path and isinstance(holder, dict) and holder.get(cast("str", path[-1]), ...) is None:
                del holder[path[-1]]
        return value
