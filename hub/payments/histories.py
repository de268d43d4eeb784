"""Keeps what was told of plans, subscriptions, transfers, payouts and holds, and shows people what of it cannot be.

Written in the transaction that records the events. An event is recorded once, so that a repeated delivery is no news; a late
one changes nothing but what follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from hub.errors import NotFoundError
from hub.journal.tables_escrow import payouts
from hub.journal.tables_histories import histories
from hub.payments.legal_steps import MACHINES, History, heard, noted, oddities

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hub.journal.book import Book
    from hub.journal.entries import NewEvent
    from hub.jsontypes import JsonObject

    Row = sa.Row[Any]

HOLD: Final = "hold"
_BY_HAND: Final = "hub"
_MOVED: Final = frozenset({"transfer", "payout"})


@dataclass(frozen=True, slots=True)
class Thing:
    """What news are of: ``family`` as in :data:`hub.payments.legal_steps.MACHINES`, and its reference."""

    family: str
    connection: str
    name: str

    @property
    def id(self) -> str:
        """The id of its row."""
        return f"{self.family}:{self.connection}/{self.name}"[:400]


def project(book: Book, events: Sequence[NewEvent]) -> None:
    """Fold new events into the histories of their things, in one order, so that two writers never wait for each other."""
    told: dict[str, tuple[Thing, list[NewEvent]]] = {}
    for item in events:
        family, _, what = item.type.partition(".")
        if item.source != _BY_HAND and what in MACHINES.get(family, ()) and isinstance(item.data.get(family), str):
            thing = _thing(book, family, item)
            told.setdefault(thing.id, (thing, []))[1].append(item)
    for identity in sorted(told):
        thing, items = told[identity]
        _keep(book, thing, items)


def _thing(book: Book, family: str, item: NewEvent) -> Thing:
    """The hub's own payouts and transfers have the hub's number, whether the gateway knows it or not."""
    reference = str(item.data[family])[:255]
    if family in _MOVED:
        metadata = cast("JsonObject", item.data.get("metadata") or {})
        named = sa.or_(payouts.c.id == str(metadata.get("hub_payout") or ""), payouts.c.reference == reference)
        query = sa.select(payouts.c.id).where(payouts.c.connection == item.source, named)
        reference = book.connection.scalar(query.limit(1)) or reference
    return Thing(family, item.source, reference)


def _keep(book: Book, thing: Thing, items: Sequence[NewEvent]) -> None:
    row, history = _known(book, thing)
    for item in items:
        reference = Thing(thing.family, thing.connection, str(item.data[thing.family])[:255])
        if reference != thing:  # told before its number was known here
            history = history.merged(_taken(book, reference))
        history = heard(history, item.type, item.source_id, item.time, item.data)
    _write(book, thing, row, history)


def note(book: Book, thing: Thing, facts: Mapping[str, bool]) -> None:
    """Keep what the hub knows by itself of a thing: each word that is so, and none that is not.

    Nothing is written where nothing changes.
    """
    known = book.find(histories, thing.id)
    if known is None and not any(facts.values()):
        return
    before = History.from_json(known.facts) if known is not None else History()
    history = before
    for word, is_so in facts.items():
        history = noted(history, word, is_so=is_so)
    if history != before:
        _write(book, thing, _known(book, thing)[0], history)


def _known(book: Book, thing: Thing) -> tuple[Row, History]:
    row = book.find(histories, thing.id)
    if row is None:
        place = {"id": thing.id, "family": thing.family, "connection": thing.connection, "thing": thing.name}
        book.insert(histories, {**place, "facts": {}, "oddities": [], "seen": [], "open": False})
        row = book.get(histories, thing.id)
    return row, History.from_json(row.facts)


def _taken(book: Book, thing: Thing) -> History:
    """The history of another name of a thing, which is kept under the first from now on."""
    row = book.find(histories, thing.id)
    if row is None:
        return History()
    book.connection.execute(sa.delete(histories).where(histories.c.id == thing.id))
    return History.from_json(row.facts)


def _write(book: Book, thing: Thing, row: Row, history: History) -> None:
    odd = oddities(thing.family, history)
    values = {"facts": history.to_json(), "oddities": odd, "open": any(one not in row.seen for one in odd)}
    same = histories.c.id == thing.id
    book.connection.execute(sa.update(histories).where(same).values(**values, updated_at=book.now))


# what people see


def oddities_of(connection: sa.Connection, things: Iterable[Thing]) -> Mapping[str, Sequence[str]]:
    """What of these things cannot be, in words, by the id of the thing; without those of which all may well be."""
    wanted = sorted({thing.id for thing in things})
    query = sa.select(histories.c.id, histories.c.oddities).where(histories.c.id.in_(wanted))
    return {row.id: row.oddities for row in connection.execute(query) if row.oddities} if wanted else {}


def unseen(connection: sa.Connection, most: int) -> Sequence[Row]:
    """The things of which something cannot be that nobody has looked into, the newest first."""
    query = sa.select(histories).where(histories.c.open).order_by(histories.c.updated_at.desc(), histories.c.id)
    return connection.execute(query.limit(most)).all()


def look_into(book: Book, identity: str) -> Row:
    """A person has looked into what is odd of a thing; it waits for nobody until something else is told.

    Raises ``NotFoundError``.
    """
    row = book.find(histories, identity)
    if row is None:
        message = f"Nothing odd was told of {identity!r}."
        raise NotFoundError(message, remedy="Load the page again.")
    same = histories.c.id == identity
    book.connection.execute(sa.update(histories).where(same).values(seen=row.oddities, open=False, updated_at=book.now))
    return row
