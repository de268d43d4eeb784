"""The event map: a gateway's raw events become events in the hub's words. Pure.

Rules stand in ``connector.yaml``. Several may fire for one raw event; one that fires and then fails (an expression, an
amount, data that the vocabulary refuses) is a :class:`DeliveryError`, never silent.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from hub.connect.amounts import read_amounts
from hub.connect.api import CanonicalEvent
from hub.errors import DeliveryError, HubError
from hub.expressions import compile_expression, compile_template, is_true
from hub.vocabulary import event_types, validate_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.connect.api import Connection, RawEvent
    from hub.connect.manifest import Currencies, EventRule, Manifest
    from hub.expressions import Expression, Template
    from hub.jsontypes import Json, JsonObject


def without_nulls(value: Json) -> Json:
    """The value without null members and without the objects that this leaves empty; null when nothing is left.

    A template that names a field which the gateway left out must give no field, not a null.
    """
    if isinstance(value, dict):
        kept = {key: without_nulls(member) for key, member in value.items()}
        kept = {key: member for key, member in kept.items() if member is not None}
        return kept if kept or not value else None
    if isinstance(value, list):
        return [without_nulls(member) for member in value if member is not None]
    return value


def moment(value: Json) -> datetime | None:
    """The time that a gateway wrote: unix seconds (or milliseconds, past the year 5000) or RFC 3339 text, as UTC.

    None for None. Raises ``ValueError`` for anything else.
    """
    if value is None:
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, tz=UTC)  # noqa: PLR2004
    if isinstance(value, str):
        if re.fullmatch(r"[0-9]{9,13}", value):
            return moment(int(value))
        parsed = datetime.fromisoformat(value)
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    message = f"{value!r} is not a time"
    raise ValueError(message)


_WILDCARD = re.compile(r"[*?\[]")  # what fnmatch does not take as it is written


@dataclass(frozen=True, slots=True)
class _Rule:
    patterns: tuple[re.Pattern[str], ...]
    when: Expression | None
    type: Template
    data: Template
    time: Expression | None
    id: Expression | None
    place: str

    @classmethod
    def compiled(cls, rule: EventRule, place: str) -> _Rule:
        return cls(
            patterns=tuple(re.compile(fnmatch.translate(pattern)) for pattern in rule.raw),
            when=compile_expression(rule.when) if rule.when else None,
            type=compile_template(rule.type),
            data=compile_template(rule.data),
            time=compile_expression(rule.time) if rule.time else None,
            id=compile_expression(rule.id) if rule.id else None,
            place=place,
        )

    def speaks_of(self, raw_type: str) -> bool:
        return any(pattern.match(raw_type) for pattern in self.patterns)

    def fires(self, scope: JsonObject) -> bool:
        return self.when is None or is_true(self.when.evaluate(scope))


class EventMap:
    """The compiled rules of one connector; safe to share between threads."""

    def __init__(self, rules: Sequence[EventRule], currencies: Currencies, informational: Sequence[str] = ()) -> None:
        self._rules = [
            _Rule.compiled(rule, f"events[{number}] ({', '.join(rule.raw)})") for number, rule in enumerate(rules)
        ]
        # A gateway may have a hundred types and as many rules: which speak of a type is looked up, not tried.
        named = {raw for rule in rules for raw in rule.raw if not _WILDCARD.search(raw)}
        self._rules_of = {raw_type: self._speaking_of(raw_type) for raw_type in named}
        self._canonical = frozenset(event_types())
        self._currencies = currencies
        self._informational = [re.compile(fnmatch.translate(pattern)) for pattern in informational]

    @classmethod
    def of(cls, manifest: Manifest) -> EventMap:
        """The map of a manifest. Raises ``ExpressionError`` when a rule does not compile."""
        return cls(manifest.events, manifest.currencies, manifest.informational)

    def knows(self, raw_type: str) -> bool:
        """Whether the manifest speaks of this raw type at all, be it as informational."""
        return bool(self._numbered(raw_type)) or any(pattern.match(raw_type) for pattern in self._informational)

    def map(self, raw: RawEvent, connection: Connection) -> tuple[CanonicalEvent, ...]:
        """The canonical events of one raw event, none when no rule fires.

        The first has the raw event's id as ``source_id``, further ones have ``:<type>`` added. Raises
        :class:`DeliveryError` (``mapping``) that names the rule.
        """
        rules = self._numbered(raw.type)
        if not rules:
            return ()
        scope = _scope(raw, connection)
        events: list[CanonicalEvent] = []
        for _, rule in rules:
            try:
                if rule.fires(scope):
                    events.append(self._event(rule, raw, scope, first=not events))
            except (HubError, ValueError, TypeError, OverflowError) as error:
                message = f"The event {raw.type!r} ({raw.id}) could not be mapped by {rule.place}: {error}"
                remedy = "The provider sends what the connector does not expect; update the connector or report this."
                raise DeliveryError(message, code="mapping", remedy=remedy) from error
        return tuple(events)

    def firing(self, raw: RawEvent, connection: Connection) -> set[int]:
        """The numbers of the rules that fire for a raw event; the checker wants a sample for each."""
        scope = _scope(raw, connection)
        return {number for number, rule in self._numbered(raw.type) if rule.fires(scope)}

    def _numbered(self, raw_type: str) -> tuple[tuple[int, _Rule], ...]:
        """The rules that speak of a raw type, each with its number, in their order."""
        known = self._rules_of.get(raw_type)
        return known if known is not None else self._speaking_of(raw_type)

    def _speaking_of(self, raw_type: str) -> tuple[tuple[int, _Rule], ...]:
        return tuple((number, rule) for number, rule in enumerate(self._rules) if rule.speaks_of(raw_type))

    def _event(self, rule: _Rule, raw: RawEvent, scope: JsonObject, *, first: bool) -> CanonicalEvent:
        event_type = str(rule.type.render(scope))
        data = without_nulls(read_amounts(rule.data.render(scope), self._currencies)) or {}
        if event_type in self._canonical:
            validate_data(event_type, cast("JsonObject", data))
        own_id = rule.id.evaluate(scope) if rule.id else None
        source_id = str(own_id) if own_id is not None else raw.id if first else f"{raw.id}:{event_type}"
        time = moment(rule.time.evaluate(scope)) if rule.time else None
        return CanonicalEvent(event_type, source_id, cast("JsonObject", data), time or raw.time)


def _scope(raw: RawEvent, connection: Connection) -> JsonObject:
    return {
        "raw": raw.payload,
        "id": raw.id,
        "type": raw.type,
        "time": raw.time.isoformat() if raw.time else None,
        "connection": connection.settings,
    }


OWN_TYPE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+")
RESERVED = ("hub.", "schedule.", "answer.")


def check_event(event_type: str, data: JsonObject) -> str:
    """Why an event that comes from outside the hub cannot be taken, or an empty text when it can.

    Own types are lower case with a dot; ``hub.*``, ``schedule.*`` and ``answer.*`` are the hub's; data of a canonical
    type must satisfy its schema.
    """
    if not OWN_TYPE.fullmatch(event_type):
        return f"{event_type!r} is not an event's type: write it in lower case with a dot, such as course.finished."
    if event_type.startswith(RESERVED):
        return f"Events of the type {event_type!r} come from the hub alone."
    if event_type in event_types():
        try:
            validate_data(event_type, data)
        except HubError as error:
            return error.message
    return ""
