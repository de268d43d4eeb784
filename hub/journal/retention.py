"""What is kept how long: raw bodies, ended runs, events, mails. In small batches, so that nobody waits for a deletion.

The audit trail is kept for good. An event stays as long as a run of it does, and with it the memory of its delivery.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import sqlalchemy as sa

from hub.ids import first_id
from hub.journal.tables import event_matches, events, outbox, questions, refusals, runs, signals, state, steps, waits
from hub.journal.tables_office import calls
from hub.journal.writes import write_fact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from hub.journal.database import Database
    from hub.journal.writer import Operation, Transaction, Writer

BATCH = 500
_RAW_DONE = "retention.raw_bodies"
_PAGES_AT_ONCE = 2_000
_INCREMENTAL = 2
REMEMBERED = timedelta(days=400)
"""How long the API knows for which request a key was used, and what calls were made under it; nobody gets another
request's object by it."""

Key: TypeAlias = "tuple[Any, ...]"
Batch: TypeAlias = "tuple[tuple[Key, ...], datetime]"
"""Keys of rows that were found old, and the moment before which they must (still) be. The id is a key's last part."""

_MATCH_KEY = (event_matches.c.event_type, event_matches.c.match_hash, event_matches.c.event_id)


@dataclass(frozen=True, slots=True)
class Periods:
    """How long things are kept: bodies as received, ended runs (mails and refusals with them), and events."""

    raw_bodies: timedelta
    runs: timedelta
    events: timedelta


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many of each were deleted; ``freed`` bytes the database's file gave back (SQLite)."""

    raw_bodies: int
    runs: int
    events: int
    mails: int
    refusals: int
    freed: int = 0


def tidy(database: Database, writer: Writer, periods: Periods, now: datetime, *, batch: int = BATCH) -> Deleted:
    """Delete what is older than its period, at most ``batch`` rows a transaction, then give disk space back.

    Raises ``UnavailableError`` when the database is gone; what was deleted until then stays deleted.
    """
    old_runs, old_events = now - periods.runs, now - periods.events
    sweep = _Sweep(database, writer, batch)
    raw_bodies = sweep.raw_bodies(now - periods.raw_bodies)
    gone_runs = sweep.rows(_ended_runs(old_runs), delete_runs, old_runs)
    gone_events = sweep.rows(_old_events(old_events), delete_events, old_events)
    sweep.rows(_orphans(old_events), delete_matches, old_events)
    mails = sweep.rows(_old_mails(old_runs), delete_mails, old_runs)
    old_calls = now - max(periods.runs, REMEMBERED)
    sweep.rows(_old_calls(old_calls), delete_calls, old_calls)
    gone_refusals = writer.write(delete_refusals, old_runs)
    return Deleted(raw_bodies, gone_runs, gone_events, mails, gone_refusals, compact(database))


class _Sweep:
    """Finds old rows outside the writer, which only has to delete them."""

    def __init__(self, database: Database, writer: Writer, batch: int) -> None:
        self._database = database
        self._writer = writer
        self._batch = batch

    def rows(self, query: sa.Select[Any], operation: Operation[Batch, int], before: datetime, after: Key = ()) -> int:
        """Delete what ``query`` finds (its columns are the key, in order), from ``after`` on; give how many."""
        return sum(self._writer.write(operation, (keys, before)) for keys in self._batches(query, after))

    def raw_bodies(self, before: datetime) -> int:
        """Raw bodies of events before this moment; remembers how far it came, so that nothing is looked at twice."""
        with self._database.read() as connection:
            done = connection.scalar(sa.select(state.c.value).where(state.c.name == _RAW_DONE))
        return self.rows(_raw_bodies(before), delete_raw_bodies, before, (str(done or ""),))

    def _batches(self, query: sa.Select[Any], after: Key) -> Iterator[tuple[Key, ...]]:
        columns = list(query.selected_columns)
        ordered = query.order_by(*columns).limit(self._batch)
        types = [column.type for column in columns]
        while True:
            following = ordered.where(sa.tuple_(*columns) > sa.tuple_(*after, types=types)) if after else ordered
            with self._database.read() as connection:
                found = tuple(tuple(row) for row in connection.execute(following))
            if not found:
                return
            yield found
            after = found[-1]


# what is old; ids and arrivals begin with their time, so each look-up reads no further than it has to


def _raw_bodies(before: datetime) -> sa.Select[Any]:
    old = (events.c.id < first_id("evt", before), events.c.created_at < before, events.c.raw.is_not(None))
    return sa.select(events.c.id).where(*old)


def _old_events(before: datetime) -> sa.Select[Any]:
    old = (events.c.id < first_id("evt", before), events.c.created_at < before, _unused())
    return sa.select(events.c.id).where(*old)


def _unused() -> sa.ColumnElement[bool]:
    """No run of the event is left, and no run has yet to judge it."""
    run = sa.exists().where(runs.c.event_id == events.c.id)
    return sa.and_(~run, events.c.id.not_in(sa.select(signals.c.event_id)))


def _orphans(before: datetime) -> sa.Select[Any]:
    """What finds events that are gone."""
    gone = ~sa.exists().where(events.c.id == event_matches.c.event_id)
    return sa.select(*_MATCH_KEY).where(event_matches.c.event_id < first_id("evt", before), gone)


def _ended_runs(before: datetime) -> sa.Select[Any]:
    old = (runs.c.arrival < first_id("arr", before), runs.c.ended < before)
    return sa.select(runs.c.arrival, runs.c.id).where(*old)


def _old_mails(before: datetime) -> sa.Select[Any]:
    return sa.select(outbox.c.created_at, outbox.c.key).where(outbox.c.created_at < before)


def _old_calls(before: datetime) -> sa.Select[Any]:
    """Calls that ended; one that is in doubt is kept until somebody decides."""
    ended = calls.c.state.in_(("done", "failed"))
    return sa.select(calls.c.created_at, calls.c.key).where(calls.c.created_at < before, ended)


# operations of the writer; each looks again, for something may have happened since its rows were found


def delete_raw_bodies(tx: Transaction, items: Sequence[Batch]) -> list[int]:
    """Forget the bodies of these events as they were received; give how many."""
    counts = []
    for keys, before in items:
        ids = _ids(keys)
        old = (events.c.id.in_(ids), events.c.created_at < before, events.c.raw.is_not(None))
        counts.append(tx.connection.execute(sa.update(events).where(*old).values(raw=None)).rowcount)
        write_fact(tx, _RAW_DONE, max(ids), before)
    return counts


def delete_runs(tx: Transaction, items: Sequence[Batch]) -> list[int]:
    """Delete these runs with all that hangs on them, unless one was taken up again; give how many."""
    counts = []
    for keys, before in items:
        ids = _ids(keys)
        chosen = sa.select(runs.c.id).where(runs.c.id.in_(ids), runs.c.ended < before).with_for_update()
        ended = list(tx.connection.scalars(chosen))
        for table in (steps, waits, signals, questions):
            tx.connection.execute(sa.delete(table).where(table.c.run_id.in_(ended)))
        tx.connection.execute(sa.delete(runs).where(runs.c.id.in_(ended)))
        counts.append(len(ended))
    return counts


def delete_events(tx: Transaction, items: Sequence[Batch]) -> list[int]:
    """Delete these events and what finds them, unless a run was started of one meanwhile; give how many."""
    counts = []
    for keys, before in items:
        ids = _ids(keys)
        old = (events.c.id.in_(ids), events.c.created_at < before, _unused())
        chosen = list(tx.connection.scalars(sa.select(events.c.id).where(*old).with_for_update()))
        tx.connection.execute(sa.delete(events).where(events.c.id.in_(chosen)))
        counts.append(len(chosen))
    return counts


def delete_matches(tx: Transaction, items: Sequence[Batch]) -> list[int]:
    """Delete these entries by which waits find events; give how many."""
    return [
        tx.connection.execute(sa.delete(event_matches).where(sa.tuple_(*_MATCH_KEY).in_(keys))).rowcount
        for keys, _ in items
    ]


def delete_mails(tx: Transaction, items: Sequence[Batch]) -> list[int]:
    """Delete these mails of the outbox; give how many."""
    return [
        tx.connection.execute(
            sa.delete(outbox).where(outbox.c.key.in_(_ids(keys)), outbox.c.created_at < before)
        ).rowcount
        for keys, before in items
    ]


def delete_calls(tx: Transaction, items: Sequence[Batch]) -> list[int]:
    """Forget what calls within actions gave, so long after that nothing repeats them; give how many."""
    return [
        tx.connection.execute(sa.delete(calls).where(calls.c.key.in_(_ids(keys)), calls.c.updated_at < before)).rowcount
        for keys, before in items
    ]


def _ids(keys: Sequence[Key]) -> list[str]:
    return [key[-1] for key in keys]


def delete_refusals(tx: Transaction, items: Sequence[datetime]) -> list[int]:
    """Delete the counts of refused deliveries before these moments; give how many."""
    return [tx.connection.execute(sa.delete(refusals).where(refusals.c.hour < before)).rowcount for before in items]


def compact(database: Database) -> int:
    """Give the file's free pages back to the disk and empty the WAL; give the bytes freed. PostgreSQL does so by itself.

    Raises ``UnavailableError`` through the pool's connection when the file is gone.
    """
    if not database.is_sqlite:
        return 0
    with contextlib.closing(database.engine.raw_connection()) as connection:
        cursor = connection.cursor()

        def pragma(text: str) -> int:
            row = cursor.execute(f"PRAGMA {text}").fetchall()
            return int(row[0][0]) if row else 0

        pages = pragma("page_count")
        if pragma("auto_vacuum") != _INCREMENTAL:
            cursor.execute("VACUUM")  # turns on, once, what every connection asks for
        while (free := pragma("freelist_count")) > 0:
            pragma(f"incremental_vacuum({_PAGES_AT_ONCE})")
            if pragma("freelist_count") >= free:
                break
        freed = (pages - pragma("page_count")) * pragma("page_size")
        pragma("wal_checkpoint(TRUNCATE)")
        return max(0, freed)
