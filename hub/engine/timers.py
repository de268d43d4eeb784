"""Timers of the hub's own work: claimed by moving their time, repeated until they succeed, parked when nobody can know."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog

from hub.engine.office import HubOffice
from hub.engine.own_actions import TIMERS
from hub.errors import HubError, UncertainError
from hub.journal.tables_api import api_requests
from hub.journal.tables_office import timers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

    from hub.engine.hub import Hub
    from hub.journal.book import Book
    from hub.jsontypes import JsonObject

log = structlog.get_logger(__name__)

_CLAIM = timedelta(minutes=2)
_FIRST_PAUSE = timedelta(seconds=10)
_LONGEST_PAUSE = timedelta(hours=6)
_MOST_DOUBLINGS = 12


def claim_timers(hub: Hub, now: datetime, limit: int) -> Sequence[sa.Row[Any]]:
    """The timers whose time has come, for this process; should it die, they are due again two minutes later."""
    due = sa.select(timers).where(timers.c.due_at <= now).order_by(timers.c.due_at).limit(limit)
    with hub.database.read() as connection:
        found = connection.execute(due).all()
    return [claimed for row in found if (claimed := _claimed(hub, row, now)) is not None]


def _claimed(hub: Hub, row: sa.Row[Any], now: datetime) -> sa.Row[Any] | None:
    def work(book: Book) -> sa.Row[Any] | None:
        same = (*_place(row), timers.c.due_at == row.due_at)
        update = sa.update(timers).where(*same).values(due_at=now + _CLAIM, tries=row.tries + 1, updated_at=now)
        return book.connection.execute(update.returning(timers)).first()

    return hub.recorder.change(work, now, (None, None))


def expire_claims(hub: Hub) -> None:
    """For the only process on a database, at its start: nobody works on what a dead one had claimed, so it is due now.

    Timers that pause after a failure are tried at once as well. Requests of the API that were being answered are free.
    """
    now = hub.now()
    begun = (timers.c.set_for <= now, timers.c.due_at > now, timers.c.due_at <= now + _CLAIM)

    def work(book: Book) -> None:
        book.connection.execute(sa.update(timers).where(*begun).values(due_at=now))
        book.connection.execute(sa.update(api_requests).where(api_requests.c.until > now).values(until=None))

    hub.recorder.change(work, now, (None, None))


def run_timer(hub: Hub, row: sa.Row[Any]) -> None:
    """Do what a claimed timer is for. It is gone then, unless its work set it anew.

    Work that fails is due again, ever later; work of which nobody knows whether it happened waits for a person.
    """
    moment = hub.now()
    key = hashlib.sha256(f"timer {row.kind} {row.subject} {row.set_for.isoformat()}".encode()).hexdigest()[:40]
    try:
        TIMERS[row.kind](HubOffice(hub, key, moment), row.subject)
    except UncertainError as error:
        _change(hub, row, moment, due_at=None, error={**_words(error), "call": error.doubt})
        log.warning("timer_uncertain", kind=row.kind, subject=row.subject, reason=str(error))
    except Exception as error:
        pause = min(_FIRST_PAUSE * 2 ** min(row.tries, _MOST_DOUBLINGS), _LONGEST_PAUSE)
        _change(hub, row, moment, due_at=moment + pause, error=_words(error))
        raise
    else:
        gone = sa.delete(timers).where(*_place(row), timers.c.due_at == row.due_at)
        hub.recorder.change(lambda book: book.connection.execute(gone).rowcount, moment, (None, None))


def _change(hub: Hub, row: sa.Row[Any], now: datetime, **values: object) -> None:
    same = (*_place(row), timers.c.due_at == row.due_at)
    update = sa.update(timers).where(*same).values(updated_at=now, **values)
    hub.recorder.change(lambda book: book.connection.execute(update).rowcount, now, (None, None))


def _place(row: sa.Row[Any]) -> tuple[sa.ColumnElement[bool], ...]:
    return timers.c.kind == row.kind, timers.c.subject == row.subject


def _words(error: Exception) -> JsonObject:
    if isinstance(error, HubError):
        return {"code": error.code, "message": error.message, "remedy": error.remedy}
    return {"code": "fault", "message": type(error).__name__, "remedy": "The log of the hub has the details."}
