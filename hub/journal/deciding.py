"""What people do to runs: cancel, let go on, decide, start again. Each in one transaction, with the engine's rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hub.errors import ConflictError, NotFoundError
from hub.journal.inserting import insert_ignoring
from hub.journal.locks import take_locks
from hub.journal.recording import let_next_go, record_now
from hub.journal.tables import runs, signals, waits

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hub.journal.entries import NewEvent
    from hub.journal.writer import Transaction


@dataclass(frozen=True, slots=True)
class Cancellation:
    """End a run by hand. ``limit`` is the one of its recipe's concurrency."""

    run_id: str
    now: datetime
    by: str
    limit: int = 1


@dataclass(frozen=True, slots=True)
class WordToRun:
    """A person's word: an event (data {run, path, choice, …}) that the run gets as a signal at ``path``.

    ``from_status``: the run must stand there. ``n``: go on with this version of the recipe.
    """

    run_id: str
    path: str
    event: NewEvent
    from_status: str
    n: int | None = None


def cancel_runs(tx: Transaction, items: Sequence[Cancellation]) -> Sequence[bool]:
    """End runs; False for one that had ended. The fence is raised, so that whoever advances it writes nothing more.

    Raises ``NotFoundError``.
    """
    chosen = sa.select(runs.c.id, runs.c.recipe, runs.c.key).where(runs.c.id.in_([item.run_id for item in items]))
    places = {row.id: (row.recipe, row.key) for row in tx.connection.execute(chosen)}
    take_locks(tx, keys={(recipe, key) for recipe, key in places.values() if key is not None})
    return [_cancel(tx, item, places.get(item.run_id)) for item in items]


def _cancel(tx: Transaction, item: Cancellation, place: tuple[str, str | None] | None) -> bool:
    if place is None:
        message = f"There is no run {item.run_id!r}."
        raise NotFoundError(message, remedy="The page Runs lists them.")
    error = {"code": "cancelled", "message": f"{item.by} cancelled the run.", "remedy": ""}
    values = {
        "status": "cancelled",
        "ended": item.now,
        "error": error,
        "fence": runs.c.fence + 1,
        "lease_owner": None,
        "lease_until": None,
        "due_at": None,
        "blocked": False,
    }
    under_way = (runs.c.id == item.run_id, runs.c.ended.is_(None))
    if tx.connection.execute(sa.update(runs).where(*under_way).values(values)).rowcount != 1:
        return False
    tx.connection.execute(sa.delete(waits).where(waits.c.run_id == item.run_id))
    tx.connection.execute(sa.delete(signals).where(signals.c.run_id == item.run_id))
    recipe, key = place
    if key is not None:
        let_next_go(tx, recipe, key, item.limit)
    return True


def tell_runs(tx: Transaction, items: Sequence[WordToRun]) -> Sequence[None]:
    """Give each run its word, and let it go on."""
    for item in items:
        _tell(tx, item)
    return [None] * len(items)


def _tell(tx: Transaction, item: WordToRun) -> None:
    now = item.event.received
    values: dict[str, object] = {"status": "ready", "due_at": now, "ended": None, "error": None, "blocked": False}
    if item.n is not None:
        values["n"] = item.n
    standing = (runs.c.id == item.run_id) & (runs.c.status == item.from_status)
    if tx.connection.execute(sa.update(runs).where(standing).values(values)).rowcount != 1:
        message = f"The run {item.run_id!r} is not {item.from_status} (any more)."
        raise ConflictError(message, remedy="Look at its page: somebody else may have acted on it.")
    record_now(tx, item.event)
    signal = {"run_id": item.run_id, "path": item.path, "event_id": item.event.id, "created_at": now}
    tx.connection.execute(insert_ignoring(tx, signals), signal)
    tx.runnable.append((item.run_id, None))
