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


# Statements are made once: a claim comes with every batch of news, and making them costs more than running them.
_IDS: sa.BindParameter[object] = sa.bindparam("ids", expanding=True)
_NOW = sa.bindparam("moment", type_=runs.c.due_at.type)
_READY = sa.and_(runs.c.status.in_(("ready", "waiting")), runs.c.due_at <= _NOW, runs.c.blocked.is_(sa.false()))
_DESERTED = sa.and_(runs.c.status == "running", sa.or_(runs.c.lease_until < _NOW, runs.c.lease_until.is_(None)))
_SOME = sa.select(runs.c.id).limit(sa.bindparam("most"))
_NAMED = (_SOME.where(runs.c.id.in_(_IDS), sa.or_(_READY, _DESERTED)),)
_ANY = (_SOME.where(_READY).order_by(runs.c.due_at), _SOME.where(_DESERTED).order_by(runs.c.due_at))
_LOCKING = {query: query.with_for_update(skip_locked=True) for query in (*_NAMED, *_ANY)}
_TAKE = (
    sa.update(runs)
    .where(runs.c.id.in_(_IDS))
    .values(
        status="running",
        lease_owner=sa.bindparam("owner"),
        lease_until=sa.bindparam("until"),
        fence=runs.c.fence + 1,
        due_at=None,
        started=sa.func.coalesce(runs.c.started, _NOW),
    )
)
_TAKEN = (
    sa.select(
        *(runs.c[name] for name in ("id", "recipe", "n", "key", "fence", "created_at", "started", "replay")),
        *(events.c[name].label(f"event_{name}") for name in ("id", "type", "time", "source", "data", "raw")),
    )
    .join(events, events.c.id == runs.c.event_id)
    .where(runs.c.id.in_(_IDS))
    .order_by(runs.c.arrival)
)
_STEPS = sa.select(steps).where(steps.c.run_id.in_(_IDS)).order_by(steps.c.run_id, steps.c.seq)
_SIGNALS = (
    sa.select(signals.c.run_id, signals.c.path, events)
    .join(events, events.c.id == signals.c.event_id)
    .where(signals.c.run_id.in_(_IDS))
    .order_by(signals.c.event_id)
)


def _claim(tx: Transaction, request: ClaimRequest) -> tuple[ClaimedRun, ...]:
    taken = _claimable(tx, request)
    if not taken:
        return ()
    values = {"ids": taken, "owner": request.owner, "until": request.lease_until, "moment": request.now}
    tx.connection.execute(_TAKE, values)
    return _load(tx, taken)


def _claimable(tx: Transaction, request: ClaimRequest) -> list[str]:
    found: list[str] = []
    named = {} if request.ids is None else {"ids": request.ids}
    for query in _ANY if request.ids is None else _NAMED:
        most = request.limit - len(found)
        if most > 0:
            values = {"moment": request.now, "most": most, **named}
            found += tx.connection.scalars(query if tx.is_sqlite else _LOCKING[query], values)
    return found


def _load(tx: Transaction, ids: Sequence[str]) -> tuple[ClaimedRun, ...]:
    rows = tx.connection.execute(_TAKEN, {"ids": ids}).all()
    steps_of: dict[str, list[StepRow]] = {}
    for run, step in _steps(tx, [row.id for row in rows if row.fence > 1]):
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
    """The steps of runs that were claimed before; others have none."""
    for row in tx.connection.execute(_STEPS, {"ids": ids}) if ids else ():
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
    for row in tx.connection.execute(_SIGNALS, {"ids": ids}):
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
