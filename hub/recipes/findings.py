"""What is wrong with a file, where, and how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hub.errors import RecipeError


class Severity(StrEnum):
    """An error keeps a recipe from being enabled; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a text: lines and columns from 1; the end is just past the last character."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. ``fix``, where there is one, is the text that should stand in its place."""

    file: str
    span: Span
    severity: Severity
    code: str
    message: str
    remedy: str = ""
    fix: str | None = None

    def __str__(self) -> str:
        said = f"{self.file}:{self.span.line}:{self.span.column}: {self.severity}: {self.message}"
        return f"{said} {self.remedy}".rstrip()


class FindingsError(RecipeError):
    """A recipe that cannot be compiled. ``findings`` holds everything that is wrong."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        errors = [one for one in findings if one.severity is Severity.ERROR]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(f"{errors[0].file}:{errors[0].span.line}: {errors[0].message}{more}", remedy=errors[0].remedy)
        self.findings = tuple(findings)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant."""
    found = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """A remedy that names the nearest known name, or lists them when they are few."""
    names = sorted(known)
    near = nearest(name, names)
    if near is not None:
        return f"Did you mean {near!r}?"
    if otherwise or not names:
        return otherwise
    return f"Possible here: {', '.join(names[:20])}."
