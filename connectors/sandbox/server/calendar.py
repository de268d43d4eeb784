"""Steps of the calendar for plans: pure, always counted from the first day, so that the 31st does not drift."""

from __future__ import annotations

import calendar
from datetime import datetime, timedelta
from typing import Final

UNITS: Final = ("day", "week", "month", "year")
"""The units of a plan's interval."""


def step(anchor: datetime, unit: str, count: int) -> datetime:
    """The moment ``count`` units after ``anchor``; a day that the month lacks becomes its last day.

    Periods are counted from the anchor, never from the period before: a plan begun on 31 January is charged on
    28 or 29 February and then on 31 March.
    """
    if unit in ("day", "week"):
        return anchor + timedelta(days=count * (7 if unit == "week" else 1))
    months = anchor.month - 1 + count * (12 if unit == "year" else 1)
    year, month = anchor.year + months // 12, months % 12 + 1
    day = min(anchor.day, calendar.monthrange(year, month)[1])
    return anchor.replace(year=year, month=month, day=day)
