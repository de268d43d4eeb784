"""The calendar of plans: periods counted from an anchor, so that nothing drifts. Pure."""

from __future__ import annotations

import calendar
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from hub.jsontypes import JsonObject

_MONTHS = {"month": 1, "year": 12}
_DAYS = {"day": 1, "week": 7}


def period_start(anchor: datetime, interval: JsonObject, number: int) -> datetime:
    """When period ``number`` (0 is the first) begins: so many whole intervals after ``anchor``.

    ``interval`` is ``{unit: day | week | month | year, count}``. A plan begun on the 31st falls on the last day of shorter
    months and on the 31st again after them, because each period is counted from the anchor and not from the one before.
    """
    months, days = length(interval)
    return _months_later(anchor, months * number) + timedelta(days=days * number)


def length(interval: JsonObject) -> tuple[int, int]:
    """How many months and how many days an interval has: the same for two that are one, however they are written."""
    unit, count = str(interval["unit"]), cast("int", interval.get("count") or 1)
    return _MONTHS.get(unit, 0) * count, _DAYS.get(unit, 0) * count


def period(anchor: datetime, interval: JsonObject, number: int) -> tuple[datetime, datetime]:
    """Start and end of period ``number``; the end is the start of the next one."""
    return period_start(anchor, interval, number), period_start(anchor, interval, number + 1)


def remaining_share(amount: int, start: datetime, end: datetime, now: datetime) -> int:
    """The part of ``amount`` (minor units) for what is left of the period at ``now``, rounded half to even."""
    whole = end - start
    left = min(max(end - now, timedelta()), whole)
    numerator, denominator = amount * _microseconds(left), _microseconds(whole)
    quotient, remainder = divmod(numerator, denominator)
    doubled = 2 * remainder
    return quotient + (doubled > denominator or (doubled == denominator and quotient % 2 == 1))


def _months_later(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    last_day = calendar.monthrange(year, month + 1)[1]
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last_day))


def _microseconds(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
