"""Recording events: once each, with the runs they start and the waits they end, in one transaction."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from hub.errors import ConflictError
from hub.ids import new_id
from hub.journal.book import Book
from hub.journal.entries import Change, Changed, NewEvent, NewRun, RecipesChangedError, Recorded, StaleEpochError
from hub.journal.inserting import insert_ignoring
from hub.journal.locks import take_locks
from hub.journal.tables import event_matches, events, runs, signals, state, waits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from hub.journal.writer import Transaction

EPOCH = "recipe_epoch"
_EPOCH = sa.select(state.c.value).where(state.c.name == EPOCH)

_SUBJECT_LENGTH = 200


def current_epoch(tx: Transaction) -> int:
    """The version of the set of enabled recipes."""
    value = tx.connection.scalar(_EPOCH)
    return value if isinstance(value, int) else 0


def record_events(tx: Transaction, items: Sequence[NewEvent]) -> Sequence[Recorded | StaleEpochError]:
    """Record each event once per (source, source id); start its runs and wake the waits that it matches."""
    lock_recording(tx, items)
    epoch = current_epoch(tx)
    fresh = [item for item in items if item.epoch == epoch]
    done = iter(_record(tx, fresh) if fresh else ())
    return [next(done) if item.epoch == epoch else StaleEpochError() for item in items]


def lock_recording(
    tx: Transaction, items: Sequence[NewEvent], awaited: Iterable[str] = (), keys: Iterable[tuple[str, str]] = ()
) -> None:
    """Take the locks under which these events are recorded, together with others that the same operation needs."""
    born = {(run.recipe, run.key) for item in items for run in item.runs if run.key is not None}
    recorded = {event_type for item in items for event_type, _ in item.match_keys}
    take_locks(tx, recorded=recorded, awaited=awaited, keys=born.union(keys), epoch=bool(items))


def record_now(tx: Transaction, item: NewEvent) -> None:
    """Record one event as part of a larger change. Raises :class:`RecipesChangedError`."""
    if isinstance(record_events(tx, [item])[0], StaleEpochError):
        raise RecipesChangedError


def _record(tx: Transaction, items: Sequence[NewEvent]) -> list[Recorded]:
    firsts: dict[tuple[str, str], NewEvent] = {}
    for item in items:
        firsts.setdefault((item.source, item.source_id), item)
    insert = insert_ignoring(tx, events).returning(events.c.id)
    # In one order everywhere: two processes that get the same deliveries must not wait for each other.
    ordered = [_event_row(firsts[place]) for place in sorted(firsts)]
    inserted = set(tx.connection.scalars(insert, ordered))
    new = [item for item in firsts.values() if item.id in inserted]
    known = _known_ids(tx, [item for item in items if item.id not in inserted])
    runnable = _start_runs(tx, new)
    woken = wake_waits(tx, new)
    follow_ups = _follow_up(tx, new)
    tx.runnable.extend((run, None) for found in (*runnable.values(), *woken.values()) for run in found)
    for outcome in follow_ups:  # the runs that they start are woken with those of the event that they follow
        runnable.setdefault(new[0].id, []).extend((*outcome.runnable, *outcome.woken))
    return [
        Recorded(item.id, False, tuple(runnable.get(item.id, ())), tuple(woken.get(item.id, ())))
        if item.id in inserted
        else Recorded(known[item.source, item.source_id], True)
        for item in items
    ]


def _follow_up(tx: Transaction, new: Sequence[NewEvent]) -> list[Recorded]:
    """Write what follows from new events, and record the events that follow."""
    if tx.follow is None or not new:
        return []
    book = Book(tx, max(item.received for item in new))
    tx.follow.project(book, new)
    return _record_told(tx, book)


def _record_told(tx: Transaction, book: Book) -> list[Recorded]:
    if not book.told:
        return []
    if tx.follow is None:
        message = "This process cannot match what it tells against recipes."
        raise ConflictError(message, remedy="Open the hub with Hub.open.")
    take_locks(tx, epoch=True)
    epoch = current_epoch(tx)
    entries = [tx.follow.entry(one, book.now, epoch) for one in book.told]
    lock_recording(tx, entries)
    return _record(tx, entries)


def change_books(tx: Transaction, items: Sequence[Change]) -> list[Changed]:
    """Make changes, each with the events that tell of it. One that raises is undone wholly."""
    done = []
    for item in items:
        book = Book(tx, item.now, item.caused_by)
        result = item.work(book)
        done.append(Changed(result, tuple(_record_told(tx, book))))
    return done


def _event_row(item: NewEvent) -> dict[str, object]:
    return {
        "id": item.id,
        "type": item.type,
        "source": item.source,
        "source_id": item.source_id,
        "time": item.time,
        "subject": _text(item.subject, _SUBJECT_LENGTH),
        "search": _text(item.search),
        "data": item.data,
        "raw": item.raw,
        "headers": item.headers,
        "verification": item.verification,
        "caused_by_run": item.caused_by_run,
        "caused_by_step": item.caused_by_step,
        "created_at": item.received,
    }


def _text(value: str | None, length: int | None = None) -> str | None:
    """What looks an event up, as PostgreSQL can keep it; the event's data stays exactly as it was sent."""
    return None if value is None else value.replace("\x00", "")[:length]


def _known_ids(tx: Transaction, repeated: Sequence[NewEvent]) -> dict[tuple[str, str], str]:
    """The ids under which repeated deliveries were recorded; each repeat is counted."""
    if not repeated:
        return {}
    counts = Counter((item.source, item.source_id) for item in repeated)
    repeats = sa.update(events).where(
        events.c.source == sa.bindparam("of_source"), events.c.source_id == sa.bindparam("of_id")
    )
    tx.connection.execute(
        repeats.values(duplicates=events.c.duplicates + sa.bindparam("times")),
        [
            {"of_source": source, "of_id": identity, "times": counts[source, identity]}
            for source, identity in sorted(counts)
        ],
    )
    chosen = sa.tuple_(events.c.source, events.c.source_id).in_(list(counts))
    rows = tx.connection.execute(sa.select(events.c.source, events.c.source_id, events.c.id).where(chosen))
    return {(row.source, row.source_id): row.id for row in rows}


def _start_runs(tx: Transaction, items: Sequence[NewEvent]) -> dict[str, list[str]]:
    """Insert the runs of new events; give by event id those that may go at once."""
    runnable: dict[str, list[str]] = {}
    rows: list[dict[str, object]] = []
    held: dict[tuple[str, str], int] = {}
    for item in items:
        for run in item.runs:
            blocked = run.key is not None and not _takes_place(tx, held, run.recipe, run.key, run.limit)
            rows.append(_run_row(run, item.id, item.received, blocked=blocked))
            if not blocked:
                runnable.setdefault(item.id, []).append(run.id)
    if rows:
        tx.connection.execute(insert_ignoring(tx, runs), rows)
    return runnable


def _takes_place(tx: Transaction, held: dict[tuple[str, str], int], recipe: str, key: str, limit: int) -> bool:
    """Whether one more run of this key may go; it then counts."""
    place = (recipe, key)
    if place not in held:
        held[place] = _held(tx, recipe, key)
    if held[place] >= limit:
        return False
    held[place] += 1
    return True


def _held(tx: Transaction, recipe: str, key: str) -> int:
    query = sa.select(sa.func.count()).select_from(runs).where(*_unfinished(recipe, key), runs.c.holds_key)
    return tx.connection.scalar(query) or 0


def _unfinished(recipe: str, key: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (runs.c.recipe == recipe, runs.c.key == key, runs.c.key.is_not(None), runs.c.ended.is_(None))


def _run_row(run: NewRun, event_id: str, now: datetime, *, blocked: bool) -> dict[str, object]:
    return {
        "id": run.id,
        "recipe": run.recipe,
        "n": run.n,
        "event_id": event_id,
        "replay": run.replay,
        "status": "ready",
        "key": run.key,
        "blocked": blocked,
        "holds_key": not blocked,
        "arrival": new_id("arr", now),
        "due_at": now,
        "created_at": now,
    }


def start_runs(tx: Transaction, items: Sequence[tuple[NewRun, str, datetime]]) -> Sequence[bool]:
    """Start runs for events that are recorded already (a replay, a start by hand); True where the run is new."""
    take_locks(tx, keys={(run.recipe, run.key) for run, _, _ in items if run.key is not None})
    outcomes = []
    for run, event_id, now in items:
        blocked = run.key is not None and _held(tx, run.recipe, run.key) >= run.limit
        row = _run_row(run, event_id, now, blocked=blocked)
        new = tx.connection.execute(insert_ignoring(tx, runs).returning(runs.c.id), row).first() is not None
        if new and not blocked:
            tx.runnable.append((run.id, None))
        outcomes.append(new)
    return outcomes


def let_next_go(tx: Transaction, recipe: str, key: str, limit: int) -> list[str]:
    """A place of this key became free: let the runs that arrived next take it. The caller holds the key's lock."""
    free = limit - _held(tx, recipe, key)
    if free <= 0:
        return []
    query = sa.select(runs.c.id).where(*_unfinished(recipe, key), runs.c.blocked).order_by(runs.c.arrival).limit(free)
    following = list(tx.connection.scalars(query))
    if following:
        change = sa.update(runs).where(runs.c.id.in_(following)).values(blocked=False, holds_key=True)
        tx.connection.execute(change)
        tx.runnable.extend((run, None) for run in following)
    return following


def wake_waits(tx: Transaction, items: Iterable[NewEvent]) -> dict[str, list[str]]:
    """Give each waiting run its signal; give by event id the runs woken.

    An unfiltered wait's row is deleted: who deletes it wins against the time-out.
    """
    keyed = [(item, key) for item in items for key in item.match_keys]
    if not keyed:
        return {}
    tx.connection.execute(
        insert_ignoring(tx, event_matches),
        [{"event_type": key[0], "match_hash": key[1], "event_id": item.id} for item, key in keyed],
    )
    by_key: dict[tuple[str, str], list[NewEvent]] = {}
    for item, key in keyed:
        by_key.setdefault(key, []).append(item)
    found = _waiting(tx, list(by_key))
    woken: dict[str, list[str]] = {}
    rows: list[dict[str, object]] = []
    for wait in found:
        for item in by_key[wait.event_type, wait.match_hash]:
            rows.append({"run_id": wait.run_id, "path": wait.path, "event_id": item.id, "created_at": item.received})
            woken.setdefault(item.id, []).append(wait.run_id)
    if rows:
        tx.connection.execute(insert_ignoring(tx, signals), rows)
        # One statement for each, not one with all: a thousand runs may wait for the same event.
        ended = sorted({(wait.run_id, wait.path) for wait in found if not wait.filtered})
        if ended:
            of_wait = (waits.c.run_id == sa.bindparam("run"), waits.c.path == sa.bindparam("at"))
            tx.connection.execute(sa.delete(waits).where(*of_wait), [{"run": run, "at": path} for run, path in ended])
        moments = {str(row["run_id"]): row["created_at"] for row in rows}
        tx.connection.execute(
            sa.update(runs)
            .where(runs.c.id == sa.bindparam("run"), runs.c.ended.is_(None))
            .values(due_at=sa.bindparam("moment")),
            [{"run": run, "moment": moment} for run, moment in sorted(moments.items())],
        )
    return woken


def _waiting(tx: Transaction, keys: Sequence[tuple[str, str]]) -> Sequence[sa.Row[Any]]:
    """The waits for these (event type, match hash). Their runs are locked, so that none of them times out meanwhile."""
    chosen = sa.tuple_(waits.c.event_type, waits.c.match_hash).in_(keys)
    found = tx.connection.execute(sa.select(waits).where(chosen)).all()
    if not found or tx.is_sqlite:
        return found
    owners = sa.select(runs.c.id).where(runs.c.id.in_(sa.select(waits.c.run_id).where(chosen)))
    tx.connection.execute(owners.order_by(runs.c.id).with_for_update()).all()
    return tx.connection.execute(sa.select(waits).where(chosen)).all()
