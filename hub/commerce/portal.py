"""The member's portal: who comes to it, by which address, and how an address is asked for.

Whoever has an address may see and change what a customer has, so it goes to the customer's mail alone and lasts
:data:`LASTS`. Who asks for one hears the same answer whether they are a customer or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from hub.ids import derived_id
from hub.journal.tables_access import accesses, portal_requests
from hub.journal.tables_billing import told_subscriptions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hub.journal.book import Book
    from hub.office import Office

PAGE: Final = "m"
"""The kind of the portal's addresses."""

INVITE: Final = "access.invite"
"""The timer that mails an address to who asked for it, if they are a customer; its subject is the request."""

LASTS: Final = timedelta(days=30)
"""How long an address of the portal opens it."""

_KEPT: Final = timedelta(days=1)
_SLOT_MINUTES: Final = 15
_OVER: Final = frozenset({"cancelled", "ended"})


@dataclass(frozen=True, slots=True)
class Member:
    """Who an address was made for, and whether it still opens their portal."""

    email: str
    is_fresh: bool


def portal_address(office: Office, email: str) -> str:
    """Where a customer sees what they have; the same all day."""
    return office.address(PAGE, f"{office.now:%Y-%m-%d} {email}")


def member_of(identity: str, now: datetime) -> Member:
    """Whose portal an address of :func:`portal_address` opens."""
    made, _, email = identity.partition(" ")
    return Member(email, now.date() - date.fromisoformat(made) <= LASTS)


def ask(office: Office, email: str, subject: str, text: str) -> None:
    """Note that somebody wants an address for ``email``, with the mail that brings it; at most one each quarter hour."""
    email = email.strip().lower()
    slot = office.now.replace(minute=office.now.minute // _SLOT_MINUTES * _SLOT_MINUTES, second=0, microsecond=0)
    identity = derived_id("prq", email, slot.isoformat())

    def work(book: Book) -> None:
        book.connection.execute(sa.delete(portal_requests).where(portal_requests.c.created_at < book.now - _KEPT))
        row = {"id": identity, "email": email, "subject": subject, "text": text}
        if book.insert(portal_requests, row):
            book.wake_at(INVITE, identity, book.now)

    office.change(work)


def invite(office: Office, identity: str) -> None:
    """The timer: mail the address, if it is a customer's. Raises like an action."""
    with office.read() as connection:
        row = connection.execute(sa.select(portal_requests).where(portal_requests.c.id == identity)).first()
        known = row is not None and is_customer(connection, row.email)
    if row is not None and known:
        office.call("mail", "send", {"to": row.email, "subject": row.subject, "text": row.text}, "mail")


def is_customer(connection: sa.Connection, email: str) -> bool:
    """Whether anything was ever given to, or charged from, somebody with this address."""
    looks = (
        sa.select(accesses.c.id).where(accesses.c.email == email),
        sa.select(told_subscriptions.c.subscription).where(told_subscriptions.c.customer == email),
    )
    return any(connection.execute(query.limit(1)).first() is not None for query in looks)


def subscriptions_of(connection: sa.Connection, email: str) -> Sequence[sa.Row[Any]]:
    """A customer's subscriptions, whoever keeps them: those that run first, then the newest."""
    query = sa.select(told_subscriptions).where(told_subscriptions.c.customer == email)
    rows = connection.execute(query.order_by(told_subscriptions.c.created_at.desc())).all()
    return sorted(rows, key=lambda row: row.state in _OVER)
