"""When the time of held money runs out, and the timer that is set for it whenever a hold is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.connect.holding import AUTHORIZATION
from hub.payments.holds import OPEN, RETURN_WARNING, WARNING, Hold

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from hub.journal.book import Book

TIMER: Final = "holds.lapse"


def ends_at(known: Hold) -> datetime | None:
    """When its authorisation lapses, or until when collected money can be given back (UTC); None where no end is known."""
    return known.lapses_at if known.mode == AUTHORIZATION else known.refundable_until


def before(known: Hold) -> timedelta:
    """So long before that it is told."""
    return WARNING if known.mode == AUTHORIZATION else RETURN_WARNING


def is_in_time(known: Hold, now: datetime) -> bool:
    """Whether it is worth telling: what was collected can still be given back, or an authorisation was not let go of."""
    end = ends_at(known)
    return known.state in OPEN and end is not None and (known.mode == AUTHORIZATION or end > now)


def watch(book: Book, hold_id: str, known: Hold) -> None:
    """Set the timer of a hold that is as ``known``; what it tells it tells once for each end."""
    end = ends_at(known)
    if end is not None and is_in_time(known, book.now):
        book.wake_at(TIMER, hold_id, end - before(known))
