"""Payment links for a whole table of recipients: read first, made when a person says so, in slices that survive a crash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from hub.commerce import links
from hub.commerce.link_reading import PAGE
from hub.errors import PermanentError
from hub.ids import derived_id
from hub.journal.book import found
from hub.journal.tables_links import link_batches, payment_links

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.commerce.link_csv import Recipients
    from hub.journal.book import Book
    from hub.office import Office, Timer

_MAKE: Final = "links.batch"
_SLICE: Final = 50
_LONGEST_NAME: Final = 200


def check_in(office: Office, name: str, recipients: Recipients) -> str:
    """Keep a table that was read, for a person to look at; nothing is made yet. Gives its id."""
    identity = office.identity("lbt")
    row = {
        "id": identity,
        "name": name[:_LONGEST_NAME],
        "state": "checked",
        "lines": [list(one) for one in recipients.lines],
        "wrong": [list(one) for one in recipients.wrong],
    }
    office.change(lambda book: book.insert(link_batches, row))
    return identity


def start(office: Office, identity: str) -> None:
    """Make the links of a table that was looked at; again changes nothing. Raises ``PermanentError`` (``wrong_state``)."""

    def work(book: Book) -> None:
        row = book.get(link_batches, identity)
        if row.state == "discarded":
            message = "This table was discarded."
            raise PermanentError(message, code="wrong_state", remedy="Read it in again.")
        if row.state == "checked":
            book.change(link_batches, row, state="running")
            book.wake_at(_MAKE, identity, book.now)

    office.change(work)


def discard(office: Office, identity: str) -> None:
    """Throw a table away of which nothing was made. Raises ``PermanentError`` (``wrong_state``)."""

    def work(book: Book) -> None:
        row = book.get(link_batches, identity)
        if row.state in {"running", "done"}:
            message = "Its links are made already."
            raise PermanentError(message, code="wrong_state", remedy="Cancel those that should not be paid.")
        book.change(link_batches, row, state="discarded", lines=[], wrong=[])

    office.change(work)


def make_links(office: Office, identity: str) -> None:
    """The timer: make the links that are not there yet, slice by slice, each with how far it got in one transaction."""
    while office.change(lambda book: _slice(office, book, identity)):
        pass


TIMERS: Final[Mapping[str, Timer]] = {_MAKE: make_links}


def find_batch(connection: sa.Connection, identity: str) -> sa.Row[Any]:
    """A table of recipients by its id. Raises ``NotFoundError``."""
    row = connection.execute(sa.select(link_batches).where(link_batches.c.id == identity)).first()
    return found(link_batches, identity, row)


def asked_already(connection: sa.Connection, lines: Sequence[tuple[int, Mapping[str, Any]]]) -> list[int]:
    """The lines of a table that ask the same of the same mail address as a link that still waits to be paid."""
    table = payment_links.c
    open_ones = sa.and_(table.state == "active", table.reusable.is_(sa.false()))
    query = sa.select(table.recipient, table.minor, table.currency, table.purpose).where(open_ones)
    asked = {
        (str(row.recipient["email"]).lower(), row.minor, row.currency, row.purpose)
        for row in connection.execute(query)
        if row.recipient.get("email")
    }
    return [line for line, given in lines if _asks(given) in asked]


def _asks(given: Mapping[str, Any]) -> tuple[str, int, str, str]:
    amount, email = given["amount"], str((given.get("recipient") or {}).get("email") or "").lower()
    return email, amount["minor"], amount["currency"], given["purpose"]


def progress(connection: sa.Connection, identity: str) -> dict[str, int]:
    """How many of its links are there, and of these mailed, not to be mailed, opened and paid."""
    mail, table = payment_links.c.mail, payment_links.c
    columns = {
        "made": sa.func.count(),
        "mailed": sa.func.count(sa.case((mail == "sent", 1))),
        "failed": sa.func.count(sa.case((mail == "failed", 1))),
        "opened": sa.func.count(table.opened_at),
        "paid": sa.func.count(sa.case((table.payments > 0, 1))),
    }
    query = sa.select(*(column.label(name) for name, column in columns.items())).where(table.batch == identity)
    return dict(connection.execute(query).one()._mapping)  # noqa: SLF001 (SQLAlchemy's public name for it)


def _slice(office: Office, book: Book, identity: str) -> bool:
    """Make the next links; True while there are more."""
    row = book.get(link_batches, identity)
    if row.state != "running":
        return False
    for line, given in row.lines[row.made : row.made + _SLICE]:
        link = derived_id("plk", identity, str(line))
        links.make(book, link, given, office.address(PAGE, link), batch=identity)
    made = min(row.made + _SLICE, len(row.lines))
    is_done = made == len(row.lines)
    book.change(link_batches, row, made=made, **({"state": "done", "lines": []} if is_done else {}))
    return not is_done
