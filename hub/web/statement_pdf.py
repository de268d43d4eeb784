"""A provider's statement on paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.pdf import Align, Paper

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hub.money import Money
    from hub.payments.statements import Statement
    from hub.web.visitors import Brand


def statement_pdf(  # noqa: PLR0913 (what stands on it)
    brand: Brand, name: str, days: tuple[str, str], found: Sequence[Statement], locale: str, now: datetime
) -> bytes:
    """The statement as PDF. ``name``: whose it is; ``days``: the first and the last one, as they shall stand there."""
    paper = Paper(f"Statement {name}", now)
    paper.add_page()
    if brand.name:
        paper.write_line(brand.name, bold=True)
        paper.ln(4)
    paper.write_line("Statement", size=18, bold=True)
    paper.write_line(name, size=12)
    paper.write_line(f"{days[0]} to {days[1]}", grey=True)
    for one in found:
        _table(paper, one, locale)
    if not found:
        paper.ln(6)
        paper.write_line("Nothing was earned or paid out in this time.")
    return paper.finished()


def _table(paper: Paper, one: Statement, locale: str) -> None:
    widths = (28.0, paper.inner_width - 28 - 64, 32.0)

    def row(time: str, what: str, money: Money | None, balance: Money, *, bold: bool = False) -> None:
        amounts = (money.format(locale) if money is not None else "", balance.format(locale))
        cells: list[tuple[str, float, Align]] = [(time, widths[0], "L"), (what, widths[1], "L")]
        cells += [(text, widths[2], "R") for text in amounts]
        paper.write_row(cells, bold=bold, rule=True)

    paper.ln(6)
    paper.write_line(one.currency, size=12, bold=True)
    row("", "Owed before", None, one.opening)
    for line in one.movements:
        row(f"{line.time:%Y-%m-%d}", f"{line.what}\n{line.about}", line.money, line.balance)
    row("", "Owed now", None, one.closing, bold=True)
