"""Authorisations that will soon lapse: the timer that tells it in time, and those that still wait for a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from hub.connect.holding import AUTHORIZATION
from hub.journal.owners import names_of
from hub.journal.tables import events
from hub.journal.tables_escrow import holds
from hub.payments import dividing
from hub.payments.holds import OPEN, WARNING, Hold

if TYPE_CHECKING:
    from datetime import datetime

    from hub.journal.book import Book
    from hub.money import Money
    from hub.office import Office

TIMER: Final = "holds.lapse"
MOVED: Final = timedelta(hours=1)
"""A timer that finds a hold's money on the move looks again so much later."""
_TOLD: Final = "escrow.lapsing"
_MOST: Final = 500
"""Of so many that were told last it is looked which still wait."""


@dataclass(frozen=True, slots=True)
class Lapsing:
    """Held money that is only authorised. ``about``: the job or order, as people call it; empty where the hub knows none.

    ``lapses_at`` (UTC) may be past, while the gateway did not say yet that it let go. ``frozen``: nothing may be taken.
    """

    hold: str
    connection: str
    payment: str
    amount: Money
    lapses_at: datetime
    about: str
    frozen: bool

    @property
    def remedy(self) -> str:
        """What a person can do about it."""
        return "Settle it or give it back" if self.frozen else "Take it now, release it or give it back"


def warn(office: Office, hold_id: str) -> None:
    """An authorisation will soon lapse: tell it, while it still can be taken."""

    def work(book: Book) -> None:
        row = book.get(holds, hold_id)
        known = Hold.from_json(row.terms)
        if known.state in OPEN and known.mode == AUTHORIZATION and known.lapses_at is not None:
            data = {**dividing.event_data(row, known), "amount": known.rest.to_json()}
            book.tell(_TOLD, f"{_TOLD}:{row.id}:{known.lapses_at.isoformat()}", data)
        elif known.state == "releasing":
            book.wake_at(TIMER, hold_id, book.now + MOVED)

    office.change(work)


def lapsing(connection: sa.Connection, now: datetime) -> list[Lapsing]:
    """Those that were told and are neither taken nor over, the soonest first."""
    told = (
        sa.select(events.c.data)
        .where(events.c.type == _TOLD, events.c.source == "hub")
        .order_by(events.c.id.desc())
        .limit(_MOST)
    )
    named = {data["hold"] for data in connection.scalars(told)}
    waits = (holds.c.id.in_(sorted(named)), holds.c.state.in_(sorted(OPEN)), holds.c.mode == AUTHORIZATION)
    rows = connection.execute(sa.select(holds).where(*waits)).all() if named else []
    names = names_of(connection, [row.owner for row in rows])
    found = []
    for row in rows:
        known, about = Hold.from_json(row.terms), names.get(row.owner)
        if known.lapses_at is not None and known.lapses_at - now <= WARNING:  # else it was prolonged since
            words, frozen = "" if about is None else about.words, known.state == "frozen"
            found.append(Lapsing(row.id, row.connection, row.payment, known.rest, known.lapses_at, words, frozen))
    return sorted(found, key=lambda one: (one.lapses_at, one.hold))
