"""The words of an expression with their offsets, whether or not it parses: for messages, slips and template ends."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# JMESPath grammar (jmespath.org/specification.html#grammar): a backslash inside any quotes keeps the next character.
_TOKEN: Final = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<text>'(?:\\.|[^'\\])*')
    | (?P<quoted>"(?:\\.|[^"\\])*")
    | (?P<literal>`(?:\\.|[^`\\])*`)
    | (?P<unclosed>['"`])
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<number>-?[0-9]+(?:\.[0-9]+)?)
    | (?P<symbol>\[\?|\[\]|==|!=|<=|>=|&&|\|\||.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word. ``kind``: text ('…'), quoted ("…"), literal (`…`), name, number, symbol, or unclosed (a lone quote)."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """The offset after its last character."""
        return self.start + len(self.text)


def tokens(text: str, start: int = 0) -> Iterator[Token]:
    """The words of ``text`` from ``start`` on, spaces left out."""
    for match in _TOKEN.finditer(text, start):
        kind = match.lastgroup
        if kind is not None and kind != "space":
            yield Token(kind, match[0], match.start())
