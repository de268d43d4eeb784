"""Asks gateways that tell nothing of payouts how one goes on, ever more rarely, until it is decided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from hub.payments.looking import FIRST_LOOK
from hub.payments.outcomes import payout_tale

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.journal.book import Book
    from hub.office import Office, Timer

WATCH: Final = "payout.watch"
_LONGEST: Final = timedelta(hours=6)
_GIVEN_UP: Final = timedelta(days=60)
_MOST_CHARACTERS: Final = 120


def watch_payout(book: Book, connection: str, payout: str) -> None:
    """Ask about a payout that is on its way, for the first time after half a minute.

    The timer's subject holds all that is needed; a reference that is too long for it is left to ``payout.get``.
    """
    subject = f"{connection} {int(book.now.timestamp())} {payout}"
    if len(subject) <= _MOST_CHARACTERS:
        book.wake_at(WATCH, subject, book.now + FIRST_LOOK)


def look(office: Office, subject: str) -> None:
    """The timer: what ``payout.get`` says in the end is told by that call; until then it is asked again."""
    connection, begun, payout = subject.split(" ", 2)
    age = office.now - datetime.fromtimestamp(int(begun), tz=UTC)
    output = office.call(connection, "payout.get", {"payout": payout}, "look")
    if payout_tale({}, output) is None and age < _GIVEN_UP:
        again = office.now + min(max(age, FIRST_LOOK), _LONGEST)
        office.change(lambda book: book.wake_at(WATCH, subject, again))


TIMERS: Final[Mapping[str, Timer]] = {WATCH: look}
