"""Held money whose time runs out: an authorisation lapses, or the gateway can give what it collected back no more.

The timer that tells it in time, and those that still wait for a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from hub.connect.holding import AUTHORIZATION, COLLECTED
from hub.journal.owners import names_of
from hub.journal.tables import events
from hub.journal.tables_escrow import holds
from hub.payments import dividing
from hub.payments.ends import TIMER, before, ends_at, is_in_time
from hub.payments.holds import OPEN, Hold

if TYPE_CHECKING:
    from datetime import datetime

    from hub.journal.book import Book
    from hub.money import Money
    from hub.office import Office

MOVED: Final = timedelta(hours=1)
"""A timer that finds a hold's money on the move looks again so much later."""
_TOLD: Final = {AUTHORIZATION: "escrow.lapsing", COLLECTED: "escrow.refund_closing"}
_MOST: Final = 500
"""Of so many that were told last it is looked which still wait."""


@dataclass(frozen=True, slots=True)
class Lapsing:
    """Held money whose time runs out. ``about``: the job or order, as people call it; empty where the hub knows none.

    ``mode``: authorised only, and lapses, or collected, and can be given back no more. ``lapses_at`` (UTC): when; of an
    authorisation it may be past, while the gateway did not say yet that it let go. ``frozen``: nothing may be taken.
    """

    hold: str
    connection: str
    payment: str
    amount: Money
    lapses_at: datetime
    about: str
    frozen: bool
    mode: str = AUTHORIZATION

    @property
    def remedy(self) -> str:
        """What a person can do about it."""
        if self.mode == COLLECTED:
            return "Settle it or give it back" if self.frozen else "Release it or give it back"
        return "Settle it or give it back" if self.frozen else "Take it now, release it or give it back"


def warn(office: Office, hold_id: str) -> None:
    """An authorisation will soon lapse, or collected money soon cannot be given back: tell it in time."""

    def work(book: Book) -> None:
        row = book.get(holds, hold_id)
        known = Hold.from_json(row.terms)
        end, kind = ends_at(known), _TOLD[known.mode]
        if end is not None and is_in_time(known, book.now):
            until = {"refundable_until": end.isoformat().replace("+00:00", "Z")} if known.mode == COLLECTED else {}
            data = {**dividing.event_data(row, known), "amount": known.rest.to_json(), **until}
            book.tell(kind, f"{kind}:{row.id}:{end.isoformat()}", data)
        elif known.state == "releasing":
            book.wake_at(TIMER, hold_id, book.now + MOVED)

    office.change(work)


def lapsing(connection: sa.Connection, now: datetime) -> list[Lapsing]:
    """Those that were told and are neither taken nor over, the soonest first."""
    told = (
        sa.select(events.c.data)
        .where(events.c.type.in_(sorted(_TOLD.values())), events.c.source == "hub")
        .order_by(events.c.id.desc())
        .limit(_MOST)
    )
    named = {data["hold"] for data in connection.scalars(told)}
    waits = (holds.c.id.in_(sorted(named)), holds.c.state.in_(sorted(OPEN)))
    rows = connection.execute(sa.select(holds).where(*waits)).all() if named else []
    names = names_of(connection, [row.owner for row in rows])
    found = []
    for row in rows:
        known, about = Hold.from_json(row.terms), names.get(row.owner)
        end = ends_at(known)
        if end is None or end - now > before(known):
            continue  # it was prolonged since, or collected
        if is_in_time(known, now):
            words, frozen = "" if about is None else about.words, known.state == "frozen"
            found.append(Lapsing(row.id, row.connection, row.payment, known.rest, end, words, frozen, known.mode))
    return sorted(found, key=lambda one: (one.lapses_at, one.hold))
