"""A provider's statement on paper, in the language of its reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from babel.dates import format_date

from hub.phrases import phrase

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime, tzinfo

    from hub.money import Money
    from hub.payments.statements import Statement
    from hub.pdf import Align, Paper

_KINDS: Final = frozenset({"split", "taken", "dispute", "transfer", "payout", "payout_back"})
_TITLE: Final = 12.0
"""Millimetres that the name of a currency takes, with the room above it."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads it: language of the words, locale of the amounts, zone of the days."""

    language: str
    locale: str
    zone: tzinfo


def line_words(language: str, kind: str) -> str:
    """What a statement's line is, in the reader's language."""
    return phrase(language, f"provider.line_{kind if kind in _KINDS else 'other'}")


def statement_pdf(  # noqa: PLR0913 (what stands on it)
    business: str, name: str, days: tuple[date, date], found: Sequence[Statement], reader: Reader, made_at: datetime
) -> bytes:
    """The statement as PDF. ``business`` owes, and may be empty; ``name``: whose it is; ``days``: the first and the last."""
    from hub.pdf import Paper  # noqa: PLC0415 (fonts and pictures are loaded where a paper is made)

    said = _Words(reader)
    paper = Paper(f"{said('statement_title')} {name}", made_at)
    paper.add_page()
    if business:
        paper.write_line(business, bold=True)
        paper.ln(4)
    paper.write_line(said("statement_title"), size=18, bold=True)
    paper.write_line(name, size=12)
    first, last = (format_date(day, "long", reader.language) for day in days)
    paper.write_line(f"{first} – {last}", grey=True)
    for one in found:
        _table(paper, one, said)
    if not found:
        paper.ln(6)
        paper.write_line(said("statement_nothing"))
    return paper.finished()


@dataclass(frozen=True, slots=True)
class _Words:
    reader: Reader

    def __call__(self, name: str) -> str:
        return phrase(self.reader.language, f"provider.{name}")

    def amount(self, money: Money) -> str:
        return money.format(self.reader.locale)

    def day(self, moment: datetime) -> str:
        return format_date(moment.astimezone(self.reader.zone).date(), "medium", self.reader.language)


def _table(paper: Paper, one: Statement, said: _Words) -> None:
    widths = (28.0, paper.inner_width - 28 - 64, 32.0)

    def row(time: str, what: str, money: Money | None, balance: Money, *, bold: bool = False) -> None:
        amounts = (said.amount(money) if money is not None else "", said.amount(balance))
        cells: list[tuple[str, float, Align]] = [(time, widths[0], "L"), (what, widths[1], "L")]
        cells += [(text, widths[2], "R") for text in amounts]
        paper.write_row(cells, bold=bold, rule=True)

    paper.keep_together(3, above=_TITLE)
    paper.ln(6)
    paper.write_line(one.currency, size=12, bold=True)
    row("", said("opening"), None, one.opening)
    for line in one.movements:
        words = line_words(said.reader.language, line.kind)
        row(said.day(line.time), f"{words}\n{line.about}", line.money, line.balance)
    row("", said("closing"), None, one.closing, bold=True)
