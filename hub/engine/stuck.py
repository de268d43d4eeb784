"""Work of the hub's own that does not go on by itself: tried again and again, or waiting for a person's word on a call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hub.errors import ConflictError
from hub.journal.tables_office import calls, timers

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from hub.engine.hub import Hub
    from hub.journal.book import Book
    from hub.jsontypes import JsonObject

_SOON = 3
"""So many tries are no news: a gateway is down for a minute."""

_MOST = 100


@dataclass(frozen=True, slots=True)
class Stuck:
    """A timer that failed so often, or that waits for a person (``due_at`` None).

    ``call`` is the outside call of which nobody knows whether it happened: ``connection/action``; empty when there is none.
    """

    kind: str
    subject: str
    tries: int
    due_at: datetime | None
    since: datetime
    message: str
    remedy: str
    call: str

    @property
    def title(self) -> str:
        """The kind of work in words."""
        return self.kind.replace(".", ": ").replace("_", " ")

    @property
    def in_doubt(self) -> bool:
        """Whether it waits for a person."""
        return self.due_at is None


def stuck_work(hub: Hub) -> list[Stuck]:
    """What is stuck, what waits for a person first, then the oldest first."""
    tried = sa.and_(timers.c.tries >= _SOON, timers.c.error.is_not(None))
    query = sa.select(timers).where(sa.or_(timers.c.due_at.is_(None), tried))
    ordered = query.order_by(timers.c.due_at.is_not(None), timers.c.created_at).limit(_MOST)
    with hub.database.read() as connection:
        rows = connection.execute(ordered).all()
        keys = [key for row in rows if (key := (row.error or {}).get("call"))]
        doubted = sa.select(calls.c.key, calls.c.connection, calls.c.action).where(calls.c.key.in_(keys))
        named = {row.key: f"{row.connection}/{row.action}" for row in connection.execute(doubted)}
    return [_read(row, named) for row in rows]


def _read(row: sa.Row[Any], named: dict[str, str]) -> Stuck:
    error = row.error or {}
    message, remedy = str(error.get("message", "")), str(error.get("remedy", ""))
    call = named.get(str(error.get("call")), "")
    return Stuck(row.kind, row.subject, row.tries, row.due_at, row.created_at, message, remedy, call)


def try_again(hub: Hub, kind: str, subject: str) -> None:
    """Do it now. Of a call in doubt this says: it did not happen. Raises ``ConflictError`` when nothing is stuck there."""
    hub.recorder.change(lambda book: _wake(book, kind, subject), hub.now(), (None, None))


def it_happened(hub: Hub, kind: str, subject: str, output: JsonObject) -> None:
    """The call in doubt happened and gave ``output``; the work goes on from there.

    Raises ``ConflictError`` when nothing there is in doubt.
    """

    def work(book: Book) -> None:
        row = _wake(book, kind, subject)
        key = (row.error or {}).get("call")
        doubted = sa.update(calls).where(calls.c.key == key, calls.c.state == "uncertain")
        done = doubted.values(state="done", output=output, error=None, updated_at=book.now)
        if key is None or book.connection.execute(done).rowcount != 1:
            raise _gone()

    hub.recorder.change(work, hub.now(), (None, None))


def _wake(book: Book, kind: str, subject: str) -> sa.Row[Any]:
    place = (timers.c.kind == kind, timers.c.subject == subject, timers.c.error.is_not(None))
    row = book.connection.execute(sa.select(timers).where(*place)).one_or_none()
    if row is None:
        raise _gone()
    book.connection.execute(sa.update(timers).where(*place).values(due_at=book.now, updated_at=book.now))
    return row


def _gone() -> ConflictError:
    return ConflictError("This is not stuck any more.", remedy="Load the page again.")
