"""Claims of runs with a fencing token, the leases behind them, and everything that a claimer needs to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import sqlalchemy as sa

from hub.journal.entries import ClaimedRun, ClaimRequest, LeaseRequest, StepRow
from hub.journal.tables import events, runs, signals, steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from hub.journal.writer import Transaction
    from hub.jsontypes import Json, JsonObject

_RAW_PARSED_UP_TO = 256 * 1024


def claim_runs(tx: Transaction, requests: Sequence[ClaimRequest]) -> Sequence[tuple[ClaimedRun, ...]]:
    """Take the leases of runs that can go on. Their fence is raised, so that who held them before writes nothing more."""
    return [_claim(tx, request) for request in requests]


def _claim(tx: Transaction, request: ClaimRequest) -> tuple[ClaimedRun, ...]:
    taken = _claimable(tx, request)
    if not taken:
        return ()
    tx.connection.execute(
        sa.update(runs)
        .where(runs.c.id.in_(taken))
        .values(
            status="running",
            lease_owner=request.owner,
            lease_until=request.lease_until,
            fence=runs.c.fence + 1,
            due_at=None,
            started=sa.func.coalesce(runs.c.started, sa.literal(request.now, runs.c.started.type)),
        )
    )
    return _load(tx, taken)


def _claimable(tx: Transaction, request: ClaimRequest) -> list[str]:
    ready = sa.and_(
        runs.c.status.in_(("ready", "waiting")), runs.c.due_at <= request.now, runs.c.blocked.is_(sa.false())
    )
    deserted = sa.and_(
        runs.c.status == "running", sa.or_(runs.c.lease_until < request.now, runs.c.lease_until.is_(None))
    )
    found: list[str] = []
    for condition in (ready, deserted):
        query = sa.select(runs.c.id).where(condition).limit(request.limit - len(found))
        query = query.where(runs.c.id.in_(request.ids)) if request.ids is not None else query.order_by(runs.c.due_at)
        if not tx.is_sqlite:
            query = query.with_for_update(skip_locked=True)
        if len(found) < request.limit:
            found += tx.connection.scalars(query)
    return found


def _load(tx: Transaction, ids: Sequence[str]) -> tuple[ClaimedRun, ...]:
    columns = (
        *(runs.c[name] for name in ("id", "recipe", "n", "key", "fence", "created_at", "started", "replay")),
        *(events.c[name].label(f"event_{name}") for name in ("id", "type", "time", "source", "data", "raw")),
    )
    query = sa.select(*columns).join(events, events.c.id == runs.c.event_id).where(runs.c.id.in_(ids))
    rows = tx.connection.execute(query.order_by(runs.c.arrival)).all()
    steps_of: dict[str, list[StepRow]] = {}
    for run, step in _steps(tx, ids):
        steps_of.setdefault(run, []).append(step)
    signals_of: dict[str, list[tuple[str, JsonObject]]] = {}
    for run, path, event in _signals(tx, ids):
        signals_of.setdefault(run, []).append((path, event))
    return tuple(
        ClaimedRun(
            id=row.id,
            recipe=row.recipe,
            n=row.n,
            key=row.key,
            fence=row.fence,
            event=event_value(
                row.event_id, row.event_type, row.event_time, row.event_source, row.event_data, row.event_raw
            ),
            created=row.created_at,
            started=row.started,
            steps=tuple(steps_of.get(row.id, ())),
            signals=tuple(signals_of.get(row.id, ())),
            replay=row.replay,
        )
        for row in rows
    )


def _steps(tx: Transaction, ids: Sequence[str]) -> Iterable[tuple[str, StepRow]]:
    query = sa.select(steps).where(steps.c.run_id.in_(ids)).order_by(steps.c.run_id, steps.c.seq)
    for row in tx.connection.execute(query):
        yield row.run_id, step_value(row)


def step_value(row: sa.Row[tuple[object, ...]]) -> StepRow:
    """A row of the table ``steps`` as a value."""
    return StepRow(
        row.path,
        row.attempt,
        row.seq,
        row.kind,
        row.state,
        row.input,
        row.output,
        row.error,
        row.key,
        row.started,
        row.ended,
        row.due_at,
    )


def _signals(tx: Transaction, ids: Sequence[str]) -> Iterable[tuple[str, str, JsonObject]]:
    query = (
        sa.select(signals.c.run_id, signals.c.path, events)
        .join(events, events.c.id == signals.c.event_id)
        .where(signals.c.run_id.in_(ids))
        .order_by(signals.c.event_id)
    )
    for row in tx.connection.execute(query):
        yield row.run_id, row.path, event_value(row.id, row.type, row.time, row.source, row.data, row.raw)


def event_value(  # noqa: PLR0913 (the parts of an event)
    identity: str, kind: str, time: datetime, source: str, data: JsonObject, raw: bytes | None
) -> JsonObject:
    """The canonical event as expressions see it; ``raw`` is the gateway's own JSON, or null."""
    stamp = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"id": identity, "type": kind, "time": stamp, "connection": source, "data": data, "raw": _parsed(raw)}


def _parsed(raw: bytes | None) -> Json:
    if raw is None or len(raw) > _RAW_PARSED_UP_TO:
        return None
    try:
        return orjson.loads(raw)  # type: ignore[no-any-return]
    except orjson.JSONDecodeError:
        return None


def read_signals(tx: Transaction, ids: Sequence[str]) -> Sequence[tuple[tuple[str, JsonObject], ...]]:
    """The events that wait to be judged, per run, as (path, event)."""
    found: dict[str, list[tuple[str, JsonObject]]] = {}
    for run, path, event in _signals(tx, ids):
        found.setdefault(run, []).append((path, event))
    return [tuple(found.get(run, ())) for run in ids]


def renew_leases(tx: Transaction, requests: Sequence[LeaseRequest]) -> Sequence[int]:
    """Hold on to everything that an owner has; give the number of runs."""
    return [_change_held(tx, one.owner, {"lease_until": one.moment}) for one in requests]


def release_leases(tx: Transaction, requests: Sequence[LeaseRequest]) -> Sequence[int]:
    """Give everything back that an owner has: anybody may go on with it at once."""
    free: dict[str, object] = {"status": "ready", "lease_owner": None, "lease_until": None}
    return [_change_held(tx, one.owner, {**free, "due_at": one.moment}) for one in requests]


def _change_held(tx: Transaction, owner: str, values: dict[str, object]) -> int:
    held = (runs.c.status == "running", runs.c.lease_owner == owner)
    if not tx.is_sqlite:
        # Rows are locked in the order of their ids everywhere; an update alone takes them as they lie.
        tx.connection.execute(sa.select(runs.c.id).where(*held).order_by(runs.c.id).with_for_update()).all()
    return tx.connection.execute(sa.update(runs).where(*held).values(values)).rowcount


def expire_leases(tx: Transaction, moments: Sequence[datetime]) -> Sequence[int]:
    """For the only process on a database, at its start: nobody else can hold a lease, so all running runs are free."""
    change = sa.update(runs).where(runs.c.status == "running")
    return [
        tx.connection.execute(change.values(status="ready", due_at=moment, lease_owner=None, lease_until=None)).rowcount
        for moment in moments
    ]
