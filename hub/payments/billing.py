"""Plans and subscriptions as their events tell them: the newest word counts, in whatever order the words come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Final, cast

import sqlalchemy as sa

from hub.journal.tables_billing import told_plans, told_subscriptions, value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from hub.journal.book import Book
    from hub.journal.entries import NewEvent
    from hub.jsontypes import Json, JsonObject

_BY_HAND = "hub"
_PLAN_KEPT = ("name", "price", "interval", "metadata")
_SUBSCRIPTION_KEPT = (
    "plan",
    "customer",
    "period",
    "amount",
    "quantity",
    "cancel_at",
    "trial_ends_at",
    "next_attempt_at",
    "reason",
    "metadata",
)

PLAN_EVENTS: Final = ("created", "updated", "cancelled")
SUBSCRIPTION_STATES: Final[Mapping[str, str]] = {
    "updated": "",
    "started": "active",
    "renewed": "active",
    "resumed": "active",
    "payment_failed": "past_due",
    "paused": "paused",
    "cancelled": "cancelled",
    "ended": "ended",
}
"""The state that each event leads to; an empty one leaves it. Of two events of one time the later one here counts."""
_MAY_END: Final = frozenset({"cancelled", "updated", "renewed", "payment_failed"})
"""What leaves one that says it is to end (``cancel_at``) so."""


def project(book: Book, events: Sequence[NewEvent]) -> None:
    """Keep what events tell of plans and subscriptions."""
    for event in events:
        family, _, what = event.type.partition(".")
        if event.source == _BY_HAND:
            continue
        if family == "plan" and what in PLAN_EVENTS:
            _plan(book, event, what)
        elif family == "subscription" and what in SUBSCRIPTION_STATES:
            _subscription(book, event, what)


@dataclass(frozen=True, slots=True)
class _Said:
    """What one event says: ``fields`` by name, ``columns`` makes the row's searchable columns of the merged ones."""

    time: datetime
    stamp: str
    fields: JsonObject
    columns: Callable[[JsonObject], dict[str, Json]]


def _plan(book: Book, event: NewEvent, what: str) -> None:
    place = {"connection": event.source, "plan": str(event.data["plan"])[:255]}
    said = {name: event.data[name] for name in _PLAN_KEPT if event.data.get(name) is not None}
    if what == "cancelled":
        said["state"] = "retired"  # the only state that is ever told, so it stays
    stamp = _stamp(event, PLAN_EVENTS.index(what))
    _keep(
        book,
        told_plans,
        place,
        _Said(event.time, stamp, said, lambda data: {"state": value(data, "state") or "active"}),
    )


def _subscription(book: Book, event: NewEvent, what: str) -> None:
    place = {"connection": event.source, "subscription": str(event.data["subscription"])[:255]}
    said = {name: event.data[name] for name in _SUBSCRIPTION_KEPT if event.data.get(name) is not None}
    if event.recalled:  # what was known before is no newer word, however late it is repeated
        del said["metadata"]
    if state := _state(event, what):
        said["state"] = state
    stamp = _stamp(event, list(SUBSCRIPTION_STATES).index(what))
    _keep(book, told_subscriptions, place, _Said(event.time, stamp, said, _subscription_columns))


def _subscription_columns(data: JsonObject) -> dict[str, Json]:
    customer = value(data, "customer")
    who = (customer.get("email") or customer.get("name")) if isinstance(customer, dict) else None
    return {
        "plan": str(value(data, "plan"))[:255],
        "state": value(data, "state") or "active",
        "customer": str(who).lower()[:320] if who else None,
    }


def _state(event: NewEvent, what: str) -> str:
    if what in _MAY_END and str(event.data.get("cancel_at") or "") > event.time.isoformat():
        return "cancelling"
    return SUBSCRIPTION_STATES[what]


def _stamp(event: NewEvent, rank: int) -> str:
    return f"{event.time.astimezone(UTC).isoformat(timespec='milliseconds')}#{rank}"


def _keep(book: Book, table: sa.Table, place: Mapping[str, str], said: _Said) -> None:
    """Merge what an event says into the row of its thing; an older word never replaces a newer one."""
    query = sa.select(table).where(*_at(table, place))
    known = book.connection.execute(query if book.tx.is_sqlite else query.with_for_update()).one_or_none()
    fields: dict[str, Json] = dict(known.data) if known else {}
    for name, one in said.fields.items():
        pair = cast("list[Json] | None", fields.get(name))
        if pair is None or (said.stamp, repr(one)) > (str(pair[0]), repr(pair[1])):
            fields[name] = [said.stamp, one]
    row = {**said.columns(fields), "data": fields, "told": max(said.time, known.told) if known else said.time}
    if not book.insert(table, {**place, **row}):
        book.connection.execute(sa.update(table).where(*_at(table, place)).values({**row, "updated_at": book.now}))


def _at(table: sa.Table, place: Mapping[str, str]) -> list[sa.ColumnElement[bool]]:
    return [table.c[name] == one for name, one in place.items()]
