"""What is wrong with a file, where, and how to mend it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LISTED_NAMES = 12

MOST_FINDINGS = 200
"""How many findings about one file are collected: nobody reads more, and a broken file shall not cost minutes."""


class Severity(StrEnum):
    """An error keeps a file from being saved or enabled; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a text: lines and columns from 1, counted in characters; the end is just past the last one."""

    line: int
    column: int
    end_line: int
    end_column: int


START = Span(1, 1, 1, 1)
"""The place of what concerns a whole file."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. ``fix``, where there is one, is the text to put in the place of what stands there.

    ``code`` is stable between releases; ``message`` says what is wrong, ``remedy`` what would be right.
    """

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    severity: Severity
    code: str
    message: str
    remedy: str = ""
    fix: str | None = None

    @classmethod
    def at(  # noqa: PLR0913 (the parts of a finding)
        cls,
        file: str,
        span: Span,
        code: str,
        message: str,
        remedy: str = "",
        *,
        severity: Severity = Severity.ERROR,
        fix: str | None = None,
    ) -> Finding:
        """A finding at a place, an error unless it is said otherwise."""
        place = (span.line, span.column, span.end_line, span.end_column)
        return cls(file, *place, severity, code, message, remedy, fix)

    @property
    def is_error(self) -> bool:
        """Whether it keeps the file from being used."""
        return self.severity is Severity.ERROR

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.file else f"line {self.line}, column {self.column}"
        return f"{place}: {self.severity}: {self.message} {self.remedy}".rstrip()


class FindingsError(RecipeError):
    """A file that cannot be used. ``findings`` holds everything that is wrong with it, warnings too."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        errors = [one for one in findings if one.is_error]
        first = errors[0]
        place = f"{first.file}:{first.line}" if first.file else f"Line {first.line}"
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(f"{place}: {first.message}{more}", remedy=first.remedy)
        self.findings = tuple(findings)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """The findings as they stand in their files, each once."""
    return sorted(dict.fromkeys(findings), key=lambda one: (one.file, one.line, one.column, one.code, one.message))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant; None when none is like it."""
    names = sorted(known)
    found = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if not found:
        by_lower = {one.lower(): one for one in names}
        lowered = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
        return by_lower[lowered[0]] if lowered else None
    return found[0]


def did_you_mean(name: str, known: Iterable[str], nothing: str = "") -> str:
    """A remedy: the nearest known name, else the known names as far as a sentence holds them, else ``nothing``."""
    names = sorted(known)
    near = nearest(name, names)
    if near is not None:
        return f"Did you mean {near!r}?"
    if not names:
        return nothing
    more = ", …" if len(names) > _LISTED_NAMES else ""
    return f"There is: {', '.join(names[:_LISTED_NAMES])}{more}."


def suggested(remedy: str) -> str | None:
    """The name that a remedy of :func:`did_you_mean` offers; None when it offers none."""
    parts = remedy.split("'")
    return parts[1] if remedy.startswith("Did you mean") and len(parts) > 1 else None
