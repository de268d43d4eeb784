"""The one set of names for what happens: every event type with its JSON Schema (draft 2020-12) and samples. Pure.

The module's functions speak of the hub's own types; own types with a schema come in by
:meth:`Vocabulary.with_types`. An own name without a schema is fine too: its data is any object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.vocabulary.composition import VERSION, EventType, shapes
from hub.vocabulary.vocabulary import Vocabulary

if TYPE_CHECKING:
    from hub.jsontypes import JsonObject, JsonSchema

__all__ = [
    "VERSION",
    "VOCABULARY",
    "EventType",
    "Vocabulary",
    "all_schemas",
    "data_schema",
    "describe",
    "event_types",
    "expand",
    "nearest",
    "samples",
    "schema_of",
    "shapes",
    "validate_data",
]

VOCABULARY: Final = Vocabulary()
"""The hub's own types and nothing else."""


def event_types() -> list[str]:
    """The names of all the hub's own event types, in the order of the reference."""
    return VOCABULARY.event_types()


def schema_of(type_name: str) -> JsonSchema:
    """The JSON Schema of a whole event of the type. Raises ``NotFoundError`` with the nearest name."""
    return VOCABULARY.schema_of(type_name)


def data_schema(type_name: str) -> JsonSchema:
    """The JSON Schema of the event's ``data``. Raises ``NotFoundError`` with the nearest name."""
    return VOCABULARY.data_schema(type_name)


def samples(type_name: str) -> list[JsonObject]:
    """Whole events of the type that satisfy its schema, at least one; none for an own type."""
    return VOCABULARY.samples(type_name)


def validate_data(type_name: str, data: JsonObject) -> None:
    """Raise ``DeliveryError`` (``bad_data``, or ``unknown_type``) that names the path, unless ``data`` is right."""
    VOCABULARY.validate_data(type_name, data)


def expand(pattern: str) -> list[str]:
    """The types that ``payment.*``, ``*`` or a plain name stand for; empty when there are none."""
    return VOCABULARY.expand(pattern)


def nearest(type_name: str) -> str | None:
    """The known type whose name is most like this one; None when none is like it."""
    return VOCABULARY.nearest(type_name)


def describe(type_name: str) -> str:
    """What happened, as a sentence without its full stop; the name itself for an own type without a title."""
    return VOCABULARY.describe(type_name)


def all_schemas() -> JsonSchema:
    """One JSON Schema document that every event of the hub's own types satisfies, each type under ``$defs``."""
    return VOCABULARY.all_schemas()
