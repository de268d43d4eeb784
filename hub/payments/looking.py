"""When to ask a gateway how an unfinished payment goes on, beside what its webhooks tell. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

FIRST_LOOK = timedelta(seconds=30)
"""After what time without news the gateway is asked."""
_LONGEST = timedelta(hours=6)
_DAYS = 60


def next_look(begun: datetime, now: datetime, looks: int) -> datetime | None:
    """When to look again after ``looks`` looks: half a minute, then twice as long each time up to six hours.

    None after 60 days: bank debits and vouchers are decided by then, and whatever comes later comes by webhook.
    """
    if now - begun > timedelta(days=_DAYS):
        return None
    wait: timedelta = FIRST_LOOK * 2 ** min(looks, 10)
    return now + min(wait, _LONGEST)
