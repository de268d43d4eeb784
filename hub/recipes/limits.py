"""How large a recipe may be. The defaults can be configured; each limit has its clear error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """``file_bytes``: of a file, in UTF-8. ``steps``: of a recipe, those in branches and loops counted. ``nesting``: of
    steps inside of steps. ``aliases``: how many a file may use. ``depth``: of lists and keys. ``loop_items``: of one
    ``for_each``.
    """

    file_bytes: int = 256 * 1024
    steps: int = 200
    nesting: int = 8
    aliases: int = 100
    depth: int = 64
    loop_items: int = 10_000

    @property
    def values(self) -> int:
        """How many values a file may hold, what its aliases repeat counted in full."""
        return self.file_bytes // 2

    @property
    def characters(self) -> int:
        """How many characters a file may come to, what its aliases repeat counted in full."""
        return self.file_bytes * 4


LIMITS: Final = Limits()
"""The limits where nothing else is configured."""
