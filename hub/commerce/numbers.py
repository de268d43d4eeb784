"""The numbers that people call an order or a job by."""

from __future__ import annotations

from typing import Final

_MOST_DIGITS: Final = 18
"""What 64 bits always hold."""


def as_number(text: str) -> int | None:
    """The number that was written; None where it is none that the database could keep."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
