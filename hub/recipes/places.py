"""From a character of a YAML value to the character of the file that it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from hub.recipes.findings import Span
from hub.recipes.yaml_errors import double_quoted, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

_INDICATORS = frozenset("!&*-?|>%@`'\"#,[]{}:")
_HEX_ESCAPES = {"x": 2, "u": 4, "U": 8}


class Style(StrEnum):
    """How a text is written in YAML."""

    PLAIN = "plain"
    SINGLE = "single"
    DOUBLE = "double"
    LITERAL = "literal"
    FOLDED = "folded"


@dataclass(frozen=True, slots=True)
class Place:
    """A text and where it stands: ``span`` is all of it, quotes included, in a file of these ``lines``."""

    text: str
    span: Span
    style: Style
    lines: Sequence[str]

    def span_of(self, offset: int, length: int) -> Span | None:
        """The span of ``length`` characters from ``offset`` (from 0); None where folded lines leave no exact place."""
        if self.style is Style.LITERAL:
            return self._in_block(offset, length)
        if self.style is Style.FOLDED or self.span.line != self.span.end_line:
            return None
        columns = self._columns()
        if offset < 0 or offset + length >= len(columns):
            return None
        return Span(self.span.line, columns[offset], self.span.line, columns[offset + length])

    def replaced(self, offset: int, length: int, fix: str | None) -> tuple[Span, str | None]:
        """Where ``length`` characters from ``offset`` stand, and how ``fix`` has to be written in their place.

        Where the plain text with the fix in it would need quotes, it is the whole value that is replaced.
        """
        span = self.span_of(offset, length)
        if span is None:
            return self.span, None
        if fix is None or self.style in {Style.LITERAL, Style.FOLDED}:
            return span, fix
        if self.style is Style.SINGLE:
            return span, fix.replace("'", "''")
        if self.style is Style.DOUBLE:
            return span, double_quoted(fix)
        whole = self.text[:offset] + fix + self.text[offset + length :]
        if _needs_quotes(whole, self.text):
            return self.span, quoted(whole)
        return span, fix

    def _columns(self) -> tuple[int, ...]:
        """The column of each character of the text, then the column after the last; none where they cannot be told."""
        columns = _columns(self.lines[self.span.line - 1], self.span.column, self.span.end_column, self.style)
        return columns if len(columns) == len(self.text) + 1 else ()

    def _in_block(self, offset: int, length: int) -> Span | None:
        """In ``|`` blocks a line of the text is a line of the file, behind the block's indentation."""
        before = self.text[:offset].split("\n")
        first = self.lines[self.span.line : self.span.end_line]
        indents = [len(line) - len(line.lstrip(" ")) for line in first if line.strip()]
        if not indents:
            return None
        line, column = self.span.line + len(before), indents[0] + len(before[-1]) + 1
        if line > len(self.lines) or "\n" in self.text[offset : offset + length]:
            return None
        return Span(line, column, line, column + length)


@lru_cache(maxsize=16)
def _columns(line: str, start: int, end: int, style: Style) -> tuple[int, ...]:
    """The columns of a value's characters between these columns of a line. Kept, as a text may have many findings."""
    if style is Style.PLAIN:
        return tuple(range(start, end + 1))
    columns = []
    position = start
    while position < end - 2:
        columns.append(position + 1)
        position += _escape_length(line, position) if style is Style.DOUBLE else 1
        if style is Style.SINGLE and line[position - 1] == "'":
            position += 1
    return (*columns, position + 1)


def _needs_quotes(text: str, before: str) -> bool:
    """Whether a text that replaces the plain text ``before`` cannot be plain too."""
    brackets = set("{}[],")
    return text[:1] in _INDICATORS or ": " in text or " #" in text or bool(set(text) & brackets - set(before))


def _escape_length(line: str, position: int) -> int:
    if line[position] != "\\":
        return 1
    return 2 + _HEX_ESCAPES.get(line[position + 1 : position + 2], 0)
