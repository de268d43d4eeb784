"""Tells what an admin should know before somebody complains: a connection keeps failing, work piles up, a hold will lapse.

Every process looks every half minute, as each knows only its own calls. What it sees is told at most once an hour, whoever
sees it, and is kept in the connection's health for the pages. Each hold that is about to lapse is told once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
import structlog

from hub.connect.answers import error_codes
from hub.connect.breaker import State
from hub.connect.holding import COLLECTED
from hub.errors import HubError
from hub.journal.entries import Happening
from hub.journal.tables import events
from hub.payments.lapsing import lapsing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.engine.hub import Hub
    from hub.journal.rows import ConnectionRow
    from hub.jsontypes import JsonObject

log = structlog.get_logger(__name__)

LOOK_EVERY: Final = timedelta(seconds=30)
MOST_WAITING: Final = 1000
"""Runs that are due and not taken up; more of them are told."""
LONGEST_WAIT: Final = timedelta(minutes=5)
"""Or one of them that waits for so long."""
_RECENT: Final = timedelta(minutes=3)


def look(hub: Hub) -> None:
    """Look once. Never raises: where the journal cannot be written, the next look says the same."""
    now = hub.now()
    try:
        happenings = [*_failing(hub, now), *_growing(hub, now), *_lapsing(hub, now)]
        if happenings:
            hub.recorder.record_all(happenings, now)
    except HubError as error:
        log.warning("alerts_postponed", reason=str(error))


def is_failing(row: ConnectionRow, now: datetime) -> bool:
    """Whether a connection was seen to fail at the last looks."""
    seen = row.health.get("failing_at")
    return row.enabled and isinstance(seen, str) and now - datetime.fromisoformat(seen) < _RECENT


def _failing(hub: Hub, now: datetime) -> Iterator[Happening]:
    for row in hub.store.connections():
        found = _failure(hub, row) if row.enabled else None
        if found is None:
            continue
        failures, error = found
        since = str(row.health["failing_since"]) if is_failing(row, now) else now.isoformat()
        facts: JsonObject = {
            "failing_at": now.isoformat(),
            "failing_since": since,
            "failing_message": error["message"],
        }
        hub.store.note_health(row.name, facts)
        data: JsonObject = {"connection": row.name, "since": since, "failures": failures, "error": error}
        yield Happening("hub.connection_failing", "hub", f"connection_failing:{row.name}:{_hour(now)}", data, now)


def _failure(hub: Hub, row: ConnectionRow) -> tuple[int, JsonObject] | None:
    """How often a connection failed in a row and with what; None when it works as far as this process knows."""
    state, failures = hub.outbound.circuit(row.name)
    if state is not State.CLOSED:
        return failures, {"code": "circuit_open", "message": error_codes()["circuit_open"].sentence}
    times = row.health.get("poll_failures")
    if isinstance(times, int) and times > 1:
        return times, {"code": "poll_failed", "message": str(row.health.get("poll_message") or "It cannot be asked.")}
    return None


def _growing(hub: Hub, now: datetime) -> Iterator[Happening]:
    waiting, longest = hub.queries.backlog(now)
    if longest is None or (waiting <= MOST_WAITING and longest <= LONGEST_WAIT):
        return
    data: JsonObject = {"waiting": waiting, "limit": MOST_WAITING, "oldest_at": (now - longest).isoformat()}
    yield Happening("hub.queue_growing", "hub", f"queue_growing:{_hour(now)}", data, now)


def _lapsing(hub: Hub, now: datetime) -> Iterator[Happening]:
    """Held money that is about to lapse, or soon cannot be given back, which is not told yet."""
    with hub.database.read() as connection:
        found = {f"hold_lapsing:{one.hold}:{one.lapses_at.isoformat()}": one for one in lapsing(connection, now)}
        same = (events.c.source == "hub", events.c.source_id.in_(sorted(found)))
        told = set(connection.scalars(sa.select(events.c.source_id).where(*same))) if found else set()
    for source_id, one in found.items():
        if source_id in told or one.lapses_at <= now:
            continue
        what = f"{one.amount} for {one.about}" if one.about else str(one.amount)
        until, said = f"{one.lapses_at:%Y-%m-%d at %H:%M} UTC", one.lapses_at.isoformat().replace("+00:00", "Z")
        if one.mode == COLLECTED:
            event, words, field = "hub.hold_refund_closing", "can be given back there until", "refundable_until"
            after = f"afterwards {one.connection} gives nothing back to the payer"
        else:
            event, words, field = "hub.hold_lapsing", "is only authorised, and lapses on", "lapses_at"
            after = "afterwards it is lost"
        message = f"{what} at {one.connection} {words} {until}. {one.remedy} before; {after}."
        data: JsonObject = {
            "hold": one.hold,
            "connection": one.connection,
            "payment": one.payment,
            "amount": one.amount.to_json(),
            field: said,
            "message": message,
            "url": f"{hub.settings.address}/escrow/{one.hold}",
            **({"about": one.about} if one.about else {}),
        }
        yield Happening(event, "hub", source_id, data, now)


def _hour(now: datetime) -> str:
    return f"{now:%Y-%m-%dT%H}"
