"""Spans of time as recipes write them: ``10s``, ``5m``, ``2h``, ``3d``, ``1w``, or several in a row: ``1h30m``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub.errors import ExpressionError

if TYPE_CHECKING:
    from hub.jsontypes import Json

_UNITS: Final = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PART: Final = re.compile(r"([0-9]{1,9})([wdhms])")
_DURATION: Final = re.compile(r"([0-9]{1,9}w)?([0-9]{1,9}d)?([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?")
_SHOWN: Final = 40

LONGEST: Final = timedelta(days=3653)
"""The longest duration that can be written: ten years."""


def parse_duration(text: Json) -> timedelta:
    """The span that ``text`` says: ``72h``, ``3d``, ``1h30m`` (largest unit first, each at most once).

    Raises ``ExpressionError`` (code ``duration``) for anything else and for more than ten years.
    """
    if not isinstance(text, str) or not text or not _DURATION.fullmatch(text):
        shown = repr(text)
        message = f"{shown if len(shown) <= _SHOWN else shown[:_SHOWN] + '…'} is not a duration."
        raise ExpressionError(message, code="duration", remedy="Write 10s, 5m, 2h, 3d or 1w, or 1h30m.")
    seconds = sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if seconds > LONGEST.total_seconds():
        message = f"{text} is longer than ten years."
        raise ExpressionError(message, code="duration", remedy="Write a shorter duration.")
    return timedelta(seconds=seconds)


def format_duration(span: timedelta) -> str:
    """``span`` in whole seconds as :func:`parse_duration` reads it: ``3d``, ``1h30m``, ``0s``. Weeks become days."""
    seconds = int(abs(span).total_seconds())
    text = ""
    for unit in "dhms":
        count, seconds = divmod(seconds, _UNITS[unit])
        text += f"{count}{unit}" if count else ""
    return ("-" if span < timedelta(0) and text else "") + (text or "0s")
