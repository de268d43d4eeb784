"""Labels for goods: sheets of QR codes as PDF, A4 in three columns of eight (70 mm × 37 mm), as shops sell them.

A code holds the barcode where the item has one, else the SKU: what the scan page and a hand scanner look up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hub.pdf import Paper

COLUMNS, ROWS = 3, 8
MOST_LABELS: Final = 2_400
_WIDTH, _HEIGHT = 70.0, 37.125
_CODE: Final = 26.0
_INSET: Final = 4.0
_LONGEST: Final = 54


@dataclass(frozen=True, slots=True)
class Label:
    """One label: what the code holds, and what people read beside it. ``price`` as it shall stand there."""

    code: str
    title: str
    price: str = ""


def label_sheets(labels: Sequence[Label], now: datetime, *, skip: int = 0) -> bytes:
    """The sheets as a PDF. ``skip``: so many labels of the first sheet are used up already."""
    from hub.pdf import Paper  # noqa: PLC0415 (fonts and pictures are loaded where a paper is made)

    paper = Paper("Labels", now, numbered=False)
    paper.set_auto_page_break(False)
    paper.set_margins(0, 0, 0)
    for number, label in enumerate(labels, start=skip):
        place = number % (COLUMNS * ROWS)
        if place == 0 or number == skip:
            paper.add_page()
        _draw(paper, label, place % COLUMNS * _WIDTH, place // COLUMNS * _HEIGHT)
    return paper.finished()


def _draw(paper: Paper, label: Label, left: float, top: float) -> None:
    paper.draw_code(label.code, left + _INSET, top + (_HEIGHT - _CODE) / 2, _CODE)
    text, width = left + _INSET + _CODE + 1, _WIDTH - _CODE - 2 * _INSET
    title = label.title if len(label.title) <= _LONGEST else f"{label.title[: _LONGEST - 1]}…"
    for line, size, down, height in (
        (title, 8.0, 5.0, 16.5),
        (label.price, 11.0, 22.0, 6.0),
        (label.code, 7.0, 28.5, 7.5),
    ):
        if line:
            paper.set_xy(text, top + down)
            paper.write_within(line, size=size, width=width, height=height)
