"""Work of the hub's own that does not go on by itself: tried again and again, or waiting for a person's word on a call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from hub.errors import ConflictError
from hub.journal.tables_office import calls, timers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    from hub.engine.hub import Hub
    from hub.journal.book import Book
    from hub.jsontypes import JsonObject

TITLES: Final[Mapping[str, str]] = {
    "access.expire": "An access that ends",
    "access.invite": "The mail with a customer’s link",
    "api.forget": "Old answers of the API to be forgotten",
    "catalogue.release": "Stock that goes back",
    "holds.lapse": "Held money that soon lapses",
    "holds.release": "Held money to be released",
    "holds.give_back": "Held money to be given back",
    "holds.divide": "Held money to be divided",
    "holds.give_back_beside": "A second payment for held money to be given back",
    "invoices.overdue": "An invoice that is overdue",
    "jobs.answer": "A job that nobody answered in time",
    "jobs.give_back": "A job’s payment to be given back",
    "jobs.confirm": "A job to be confirmed by itself",
    "jobs.offers": "A job that got no offers",
    "links.batch": "Payment links of a table",
    "links.expire": "A payment link whose time is over",
    "links.mail": "The mail with a payment link",
    "links.remind": "The reminder of a payment link",
    "orders.expire": "An order that nobody paid in time",
    "orders.give_back": "An order’s payment to be given back",
    "outgoing.send": "Messages to a webhook",
    "outgoing.forget": "Old messages to a webhook to be forgotten",
    "payout.watch": "A payout that the gateway is asked about",
    "payouts.send": "A payout to be sent",
    "payouts.look": "A payout that the gateway is asked about",
    "ledger.reconcile": "A day to be compared with the gateways",
    "ledger.reconcile_lists": "A gateway’s list to be compared",
    "providers.mail_account": "The mail to a provider whose account was changed",
    "refunds.go_on": "A refund",
    "splits.reserve": "A reserve that ends",
    "subscriptions.returned": "A payment that the bank took back",
    "transfers.take_back": "A vendor’s part to be taken back",
}
"""What each timer does, for who reads that it does not go on."""

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
        """The kind of work in words; of a version that knew others, its own name."""
        return TITLES.get(self.kind, self.kind)

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
