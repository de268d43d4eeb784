"""A set of event types as one value: the hub's own, and own types that an installation has registered."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache, cached_property
from typing import TYPE_CHECKING, Final, cast

import jsonschema_rs

from hub.errors import ConfigError, DeliveryError, NotFoundError
from hub.vocabulary.composition import DIALECT, VERSION, EventType, event_schema, hub_types

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.jsontypes import JsonObject, JsonSchema

_OWN_NAME: Final = re.compile(r"[a-z][a-z0-9_-]*(?:\.[a-z0-9][a-z0-9_-]*)+")
_LONGEST_NAME: Final = 120
_ANY_DATA: Final[JsonSchema] = {"type": "object"}


@dataclass(frozen=True)
class Vocabulary:
    """The hub's own types and ``own`` ones (name to the JSON Schema of its data). Immutable, shared between threads."""

    own: Mapping[str, JsonSchema] = field(default_factory=dict)

    def with_types(self, schemas: Mapping[str, JsonSchema]) -> Vocabulary:
        """A vocabulary that knows these own types as well, or knows them anew.

        Raises ``ConfigError`` for a name that is not an own one and for what is not a JSON Schema.
        """
        for name, schema in schemas.items():
            self._check_own_name(name)
            try:
                _compiled(schema)
            except ValueError as error:
                reason = str(error).splitlines()[0]
                message = f"The schema of {name} is not a JSON Schema: {reason}"
                raise ConfigError(message, code="bad_schema", remedy="Write it after draft 2020-12.") from error
        return Vocabulary({**self.own, **schemas})

    def event_types(self) -> list[str]:
        """The names of all types: the hub's in the order of the reference, then the own ones."""
        return list(self._types)

    def schema_of(self, type_name: str) -> JsonSchema:
        """The JSON Schema of a whole event; open ``data`` for an own name that has no schema.

        Raises ``NotFoundError`` for a name that is neither the hub's nor a possible own one.
        """
        schema = self._event_schemas.get(type_name)
        return schema if schema is not None else event_schema(self._type(type_name))

    def data_schema(self, type_name: str) -> JsonSchema:
        """The JSON Schema of the event's ``data``; any object for an own name that has no schema."""
        return self._type(type_name).data

    def samples(self, type_name: str) -> list[JsonObject]:
        """Whole events of the type that satisfy its schema, at least one; none for an own type."""
        return list(self._type(type_name).samples)

    def describe(self, type_name: str) -> str:
        """What happened, as a sentence without its full stop; the name itself for an own type without a title."""
        return self._type(type_name).title

    def validate_data(self, type_name: str, data: JsonObject) -> None:
        """Raise ``DeliveryError`` (``bad_data``, ``unknown_type``) unless ``data`` is right; quick, it never copies.

        The message names the path of the first thing that is wrong, and never holds the value there.
        """
        validator = self._validators.get(type_name) or self._validator_of_own(type_name)
        if validator.is_valid(data):
            return
        problem = next(iter(validator.iter_errors(data)))
        path = "data" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem.instance_path)
        message = f"The event {type_name} does not fit its schema at {path}: {problem.message}."
        remedy = "The reference of events lists the fields of each type."
        raise DeliveryError(message, code="bad_data", remedy=remedy)

    def expand(self, pattern: str) -> list[str]:
        """The types that ``payment.*``, ``*`` or a plain name stand for; a possible own name stands for itself.

        Empty when there are none, as for a name in a family of the hub's that is not one of its types.
        """
        if pattern == "*":
            return self.event_types()
        if pattern.endswith(".*"):
            return [name for name in self._types if name.startswith(pattern[:-1])]
        return [pattern] if pattern in self._types or self._is_own_name(pattern) else []

    def nearest(self, type_name: str) -> str | None:
        """The known type whose name is most like this one; None when none is like it."""
        close = get_close_matches(type_name.lower(), self._types, n=1)
        return close[0] if close else None

    def all_schemas(self) -> JsonSchema:
        """One JSON Schema document that every event of these types satisfies, each type under ``$defs``."""
        return {
            "$schema": DIALECT,
            "title": "Events of the hub",
            "description": f"Version {VERSION} of the vocabulary.",
            "anyOf": [{"$ref": f"#/$defs/{name}"} for name in self._types],
            "$defs": {name: self.schema_of(name) for name in self._types},
        }

    @cached_property
    def _types(self) -> dict[str, EventType]:
        own = {name: EventType(name, str(schema.get("title", name)), schema) for name, schema in self.own.items()}
        return {**hub_types(), **own}

    @cached_property
    def _event_schemas(self) -> dict[str, JsonSchema]:
        return {name: event_schema(event_type) for name, event_type in self._types.items()}

    @cached_property
    def _validators(self) -> dict[str, jsonschema_rs.Validator]:
        return {name: _compiled(event_type.data) for name, event_type in self._types.items()}

    def _validator_of_own(self, name: str) -> jsonschema_rs.Validator:
        try:
            self._type(name)
        except NotFoundError as error:
            raise DeliveryError(error.message, code="unknown_type", remedy=error.remedy) from None
        return _any_object()

    def _type(self, name: str) -> EventType:
        known = self._types.get(name)
        if known is not None:
            return known
        if self._is_own_name(name):
            return EventType(name, name, _ANY_DATA)
        nearest = self.nearest(name)
        message = f"There is no event type {name[:_LONGEST_NAME]!r}."
        remedy = f"Is {nearest} meant?" if nearest else "Own names have a dot and small letters, such as acme.shipped."
        raise NotFoundError(message, code="unknown_type", remedy=remedy)

    @staticmethod
    def _is_own_name(name: str) -> bool:
        own = _OWN_NAME.fullmatch(name) is not None and len(name) <= _LONGEST_NAME
        return own and name.partition(".")[0] not in _hub_families()

    def _check_own_name(self, name: str) -> None:
        if not self._is_own_name(name):
            message = f"{name[:_LONGEST_NAME]!r} cannot be the name of an own event type."
            remedy = "Take small letters and a dot, and none of the hub's families, such as acme.shipped."
            raise ConfigError(message, code="bad_name", remedy=remedy)


@cache
def _hub_families() -> frozenset[str]:
    return frozenset(name.partition(".")[0] for name in hub_types())


@cache
def _any_object() -> jsonschema_rs.Validator:
    return _compiled(_ANY_DATA)


def _compiled(schema: JsonSchema) -> jsonschema_rs.Validator:
    """A validator that fetches nothing, matches patterns in linear time and keeps values out of its messages."""
    return jsonschema_rs.validator_for(
        cast("dict[str, object]", schema),
        validate_formats=True,
        mask="the value",
        offline=True,
        pattern_options=jsonschema_rs.RegexOptions(),
    )
