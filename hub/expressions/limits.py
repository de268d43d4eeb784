"""How much an expression may be, do and give. Every bound has its clear error, so no recipe can exhaust the hub."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_EXPRESSION_BYTES: Final = 4096
"""The longest expression, in UTF-8 bytes."""
MAX_NESTING: Final = 64
"""How deep an expression's syntax tree, and the JSON it gives, may be."""
MAX_STEPS: Final = 1_000_000
"""How many parts of an expression one evaluation may visit; about a second of work."""
MAX_CREATED: Final = 16 * 1024 * 1024
"""How much one evaluation may create on its way, in the measure of :func:`size`."""
MAX_OUTPUT: Final = 1024 * 1024
"""How much one expression, or one rendered template, may give."""
MAX_NUMBER: Final = 10**40
"""Numbers at and beyond this, either side of zero, are refused by the number functions."""

_EACH: Final = 4


class LimitError(ValueError):
    """A value that is too large, too deep, or not JSON. The text says which; the caller adds the expression."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


def size(value: object, limit: int) -> int:  # noqa: C901 (one branch for each JSON type)
    """Roughly how many bytes ``value`` takes as JSON, in time proportional to ``limit`` at most.

    Raises :class:`LimitError` beyond ``limit``, beyond ``MAX_NESTING`` levels, and for what JSON cannot hold.
    """
    total = 0
    level: Iterable[object] = (value,)
    for _ in range(MAX_NESTING + 1):
        inner: list[object] = []
        for item in level:
            kind = type(item)
            total += _EACH
            if kind is str:
                total += len(item)  # type: ignore[arg-type]  # kind narrows by identity, which mypy does not follow
            elif kind is dict:
                members: dict[str, object] = item  # type: ignore[assignment]  # as above
                total += sum(map(len, members)) + _EACH * len(members)
                if total <= limit:
                    inner.extend(members.values())
            elif kind is list:
                elements: list[object] = item  # type: ignore[assignment]  # as above
                total += _EACH * len(elements)
                if total <= limit:
                    inner.extend(elements)
            elif kind is float:
                if not math.isfinite(item):  # type: ignore[arg-type]  # as above
                    message = "a number is too large or is not a number"
                    raise LimitError(message)
            elif kind is not int and kind is not bool and item is not None:
                message = "a reference (&…) stands where a value is needed"
                raise LimitError(message, "Only functions such as map and sort_by take &…; leave the & out.")
            if total > limit:
                message = f"the result is larger than {limit // 1024} KiB"
                raise LimitError(message, "Give it less data.")
        if not inner:
            return total
        level = inner
    message = f"the result is nested more than {MAX_NESTING} levels deep"
    raise LimitError(message)
