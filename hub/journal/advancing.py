"""Writing what one advance of a run gives: all or nothing, and only by the run's owner."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from hub.ids import first_id
from hub.journal.entries import (
    Recorded,
    RunUpdate,
    StaleEpochError,
    StepRow,
    Updated,
)
from hub.journal.inserting import insert_ignoring
from hub.journal.recording import current_epoch, let_next_go, lock_recording, record_events
from hub.journal.tables import event_matches, events, questions, runs, signals, steps, waits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hub.journal.entries import NewWait
    from hub.journal.writer import Transaction

_LONGEST_CALL: Final = timedelta(hours=1)
"""How much older the id of what is told of a call may be than its record."""


def update_runs(tx: Transaction, items: Sequence[RunUpdate]) -> Sequence[Updated | StaleEpochError]:
    """Write each run's turn, unless another process took the run over, or an event won against the turn's time-out."""
    lock_recording(
        tx,
        [event for item in items for event in item.events],
        awaited={kind for item in items for wait in item.waits for kind in wait.types},
        keys={(item.recipe, item.key) for item in items if item.key is not None and _frees_key(item)},
    )
    epoch = current_epoch(tx) if any(item.events for item in items) else 0
    owned = _owned(tx, items)
    late = _beaten_by_events(tx, [item for item in items if item.run_id in owned])
    winners = [
        item
        for item in items
        if item.run_id in owned and item.run_id not in late and all(event.epoch == epoch for event in item.events)
    ]
    _give_back(tx, [item for item in items if item.run_id in late])
    if winners:
        _write_turns(tx, winners, owned)
    recorded = _record_emitted(tx, winners)
    signalled = _signalled(tx, winners)
    outcomes: list[Updated | StaleEpochError] = []
    for item in items:
        if item.run_id not in owned or item.run_id in late:
            outcomes.append(Updated(superseded=True, signalled=item.run_id in late))
        elif any(event.epoch != epoch for event in item.events):
            outcomes.append(StaleEpochError())
        else:
            freed = item.key is not None and _frees_key(item)
            following = let_next_go(tx, item.recipe, item.key or "", item.limit) if freed else []
            outcomes.append(
                Updated(
                    signalled=item.run_id in signalled,
                    runnable=tuple(following),
                    recorded=recorded.get(item.run_id, ()),
                )
            )
    return outcomes


def _owned(tx: Transaction, items: Sequence[RunUpdate]) -> dict[str, str]:
    """The runs whose fence is still the item's, with the id of the event that started each."""
    query = sa.select(runs.c.id, runs.c.fence, runs.c.event_id).where(runs.c.id.in_([item.run_id for item in items]))
    if not tx.is_sqlite:
        query = query.order_by(runs.c.id).with_for_update()
    fences = {row.id: (row.fence, row.event_id) for row in tx.connection.execute(query)}
    return {
        item.run_id: fences[item.run_id][1]
        for item in items
        if item.run_id in fences and fences[item.run_id][0] == item.fence
    }


def _beaten_by_events(tx: Transaction, items: Iterable[RunUpdate]) -> set[str]:
    """Runs whose turn claims that a wait timed out, although an event came for it before this transaction."""
    claims = [
        (item.run_id, step.path)
        for item in items
        for step in item.steps
        if step.state == "timed_out" and not any(path == step.path for path, _ in item.consumed)
    ]
    if not claims:
        return set()
    chosen = sa.tuple_(signals.c.run_id, signals.c.path).in_(claims)
    return set(tx.connection.scalars(sa.select(signals.c.run_id).where(chosen)))


def _give_back(tx: Transaction, items: Sequence[RunUpdate]) -> None:
    """Let the run be claimed afresh, at once."""
    for item in items:
        change = sa.update(runs).where(runs.c.id == item.run_id)
        tx.connection.execute(change.values(status="waiting", due_at=item.now, lease_owner=None, lease_until=None))
        tx.runnable.append((item.run_id, None))


def _frees_key(item: RunUpdate) -> bool:
    return item.ended is not None or item.release_key


_CHANGE = (
    sa.update(runs)
    .where(runs.c.id == sa.bindparam("run"))
    .values(
        status=sa.bindparam("new_status"),
        due_at=sa.bindparam("new_due_at"),
        cursor=sa.func.coalesce(sa.bindparam("new_cursor"), runs.c.cursor),
        error=sa.bindparam("new_error"),
        ended=sa.bindparam("new_ended"),
        lease_owner=sa.case((sa.bindparam("keep"), runs.c.lease_owner), else_=None),
        lease_until=sa.case((sa.bindparam("keep"), runs.c.lease_until), else_=None),
        holds_key=sa.case((sa.bindparam("release"), sa.false()), else_=runs.c.holds_key),
    )
)


def _write_turns(tx: Transaction, items: Sequence[RunUpdate], owned: dict[str, str]) -> None:
    tx.connection.execute(
        _CHANGE,
        [
            {
                "run": item.run_id,
                "new_status": item.status,
                "new_due_at": item.due_at,
                "new_cursor": item.cursor,
                "new_error": item.error,
                "new_ended": item.ended,
                "keep": item.keep_lease,
                "release": item.release_key,
            }
            for item in items
        ],
    )
    rows = [_step_row(item.run_id, step) for item in items for step in item.steps]
    if rows:
        tx.connection.execute(_upsert_steps(tx.is_sqlite), rows)
    consumed = [(item.run_id, *signal) for item in items for signal in item.consumed]
    if consumed:
        key = sa.tuple_(signals.c.run_id, signals.c.path, signals.c.event_id)
        tx.connection.execute(sa.delete(signals).where(key.in_(consumed)))
    ended_waits = [(item.run_id, path) for item in items for path in item.ended_waits]
    if ended_waits:
        tx.connection.execute(sa.delete(waits).where(sa.tuple_(waits.c.run_id, waits.c.path).in_(ended_waits)))
        tx.connection.execute(sa.delete(signals).where(sa.tuple_(signals.c.run_id, signals.c.path).in_(ended_waits)))
    ended = [item.run_id for item in items if item.ended is not None]
    if ended:
        tx.connection.execute(sa.delete(waits).where(waits.c.run_id.in_(ended)))
        tx.connection.execute(sa.delete(signals).where(signals.c.run_id.in_(ended)))
    _keep_waits(tx, items, owned)
    _keep_questions(tx, items)
    tx.runnable.extend(
        (item.run_id, item.due_at) for item in items if item.ended is None and item.due_at and not item.keep_lease
    )


@cache
def _upsert_steps(is_sqlite: bool) -> sqlite.Insert | postgresql.Insert:  # noqa: FBT001
    insert = sqlite.insert(steps) if is_sqlite else postgresql.insert(steps)
    new = insert.excluded
    return insert.on_conflict_do_update(
        index_elements=["run_id", "path", "attempt"],
        set_={
            "state": new.state,
            "input": new.input,
            "output": new.output,
            "error": new.error,
            "ended": new.ended,
            "due_at": new.due_at,
        },
    )


def _step_row(run: str, step: StepRow) -> dict[str, object]:
    return {
        "run_id": run,
        "path": step.path,
        "attempt": step.attempt,
        "seq": step.seq,
        "kind": step.kind,
        "state": step.state,
        "input": step.input,
        "output": step.output,
        "error": step.error,
        "key": step.key,
        "started": step.started,
        "ended": step.ended,
        "due_at": step.due_at,
    }


def _keep_waits(tx: Transaction, items: Sequence[RunUpdate], owned: dict[str, str]) -> None:
    """Write the waits, and look for events that came since the run's own: they count, also while it had not yet begun."""
    rows: list[dict[str, object]] = []
    found: list[dict[str, object]] = []
    won: list[tuple[str, str]] = []
    for item in items:
        for wait in item.waits:
            rows += [
                {
                    "run_id": item.run_id,
                    "path": wait.path,
                    "event_type": kind,
                    "match_hash": wait.match_hash,
                    "filtered": wait.filtered,
                    "due_at": wait.due_at,
                    "created_at": item.now,
                }
                for kind in wait.types
            ]
            earlier = _earlier_events(tx, wait, owned[item.run_id])
            found += [
                {"run_id": item.run_id, "path": wait.path, "event_id": event, "created_at": item.now}
                for event in earlier
            ]
            if earlier and not wait.filtered:
                won.append((item.run_id, wait.path))
    if rows:
        tx.connection.execute(insert_ignoring(tx, waits), rows)
    if found:
        tx.connection.execute(insert_ignoring(tx, signals), found)
    if won:
        tx.connection.execute(sa.delete(waits).where(sa.tuple_(waits.c.run_id, waits.c.path).in_(won)))


def _earlier_events(tx: Transaction, wait: NewWait, trigger: str) -> list[str]:
    """What matches and came after the event ``trigger``, or after the replay of it was asked for.

    What is told of a call has its id from the call's beginning, and is recorded at its end: it came after what it follows in
    either.
    """
    came, own = events.c.created_at, sa.select(events.c.created_at).where(events.c.id == trigger).scalar_subquery()
    later = sa.or_(came > own, events.c.id > trigger)
    query = (
        sa.select(event_matches.c.event_id)
        .join(events, events.c.id == event_matches.c.event_id)
        .where(
            event_matches.c.event_type.in_(wait.types),
            event_matches.c.match_hash == wait.match_hash,
            event_matches.c.event_id >= first_id("evt", wait.since - _LONGEST_CALL),
            came >= wait.since if wait.is_replay else later,
        )
    )
    return list(tx.connection.scalars(query.order_by(came, event_matches.c.event_id)))


def _keep_questions(tx: Transaction, items: Sequence[RunUpdate]) -> None:
    rows = [
        {
            "id": one.id,
            "run_id": item.run_id,
            "path": one.path,
            "whom": one.whom,
            "question": one.question,
            "answers": list(one.answers),
            "due_at": one.due_at,
            "created_at": item.now,
        }
        for item in items
        for one in item.questions
    ]
    if rows:
        tx.connection.execute(insert_ignoring(tx, questions), rows)


def _record_emitted(tx: Transaction, items: Sequence[RunUpdate]) -> dict[str, tuple[Recorded, ...]]:
    """Events that runs emit, in the same transaction; their epochs were compared before."""
    emitted = [(item.run_id, event) for item in items for event in item.events]
    if not emitted:
        return {}
    recorded: dict[str, tuple[Recorded, ...]] = {}
    for (run, _), outcome in zip(emitted, record_events(tx, [event for _, event in emitted]), strict=True):
        assert isinstance(outcome, Recorded)
        recorded[run] = (*recorded.get(run, ()), outcome)
    return recorded


def _signalled(tx: Transaction, items: Sequence[RunUpdate]) -> set[str]:
    """The runs for which an event waits to be judged; they are due now."""
    open_runs = [item for item in items if item.ended is None and (item.waits or not item.keep_lease or item.consumed)]
    if not open_runs:
        return set()
    query = sa.select(signals.c.run_id).where(signals.c.run_id.in_([item.run_id for item in open_runs])).distinct()
    found = set(tx.connection.scalars(query))
    idle = [
        {"run": item.run_id, "moment": item.now} for item in open_runs if item.run_id in found and not item.keep_lease
    ]
    if idle:
        change = sa.update(runs).where(runs.c.id == sa.bindparam("run")).values(due_at=sa.bindparam("moment"))
        tx.connection.execute(change, idle)
        tx.runnable.extend((str(one["run"]), None) for one in idle)
    return found
