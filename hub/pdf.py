"""Paper: PDFs in any script, with fonts that travel in the package. Numbers are millimetres and points.

Latin, Greek, Cyrillic, Arabic and Hebrew come from DejaVu Sans; Devanagari, Chinese, Japanese, Korean and emoji from Noto
fonts, which are loaded where a text needs them. Letters are joined and ordered as their script wants it (HarfBuzz). What no
font has is a box or nothing, never an error.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, cast

import segno
from fpdf import FPDF
from fpdf.enums import MethodReturnValue, XPos, YPos

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

FONTS: Final = Path(__file__).parent / "web" / "static" / "dist" / "fonts"
MARGIN: Final = 18.0
_SANS: Final = "sans"
_OTHERS: Final = {
    "devanagari.ttf": re.compile("[\u0900-\u097f\u1cd0-\u1cff\ua8e0-\ua8ff]"),
    "han.otf": re.compile("[\u2e80-\u312f\u31a0-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]"),
    "hangul.otf": re.compile("[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff]"),
    "emoji.ttf": re.compile("[\u2190-\u2bff\U0001f000-\U0001faff]"),
}
"""The fonts besides DejaVu's, and what is written with them."""
_LINE: Final = 1.35
_SMALLEST: Final = 4.0
_GREY: Final = (90, 98, 110)
_JOINED: Final = (("\u0590", "\u11ff"), ("\ufb1d", "\ufeff"))
"""The scripts whose letters are joined or written from the right: Hebrew, Arabic, those of India and South-East Asia."""
_SLACK: Final = 0.1
"""Millimetres by which a text that was measured to fit is narrower than its room, as figures are rounded."""
_POINT: Final = 0.3528
"""Millimetres."""

Align = Literal["L", "R", "C"]


class Paper(FPDF):
    """A document of A4 pages. ``title`` is shown by readers; ``made_at`` stands in the file, so that its bytes repeat.

    Where there are several pages, each says at its foot which it is of how many, unless they are not ``numbered``.
    """

    def __init__(self, title: str, made_at: datetime, *, numbered: bool = True) -> None:
        super().__init__(format="A4", unit="mm")
        self._numbered, self._is_whole = numbered, False
        self._head: Sequence[tuple[str, float, Align]] = ()
        self.set_margins(MARGIN, MARGIN, MARGIN)
        self.set_auto_page_break(True, MARGIN)
        self.set_title(title)
        self.set_creation_date(made_at)
        self.add_font(_SANS, fname=FONTS / "sans.ttf")
        self.add_font(_SANS, style="B", fname=FONTS / "sans-bold.ttf")
        self._others: list[str] = []
        self.set_font(_SANS, size=10)

    def write_line(  # noqa: PLR0913 (each is one property of the text)
        self,
        text: str,
        *,
        size: float = 10,
        bold: bool = False,
        align: Align = "L",
        width: float = 0,
        grey: bool = False,
    ) -> None:
        """Text from where the pen stands, over as many lines as it needs; the pen goes below it, to the left margin."""
        self._shape(text)
        self._take_pen(size, bold=bold)
        self.set_text_color(*(_GREY if grey else (0, 0, 0)))
        self.multi_cell(width, size * _POINT * _LINE, text, align=align, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def write_within(self, text: str, *, size: float, width: float, height: float) -> None:
        """Text from where the pen stands, written smaller where it would not fit into the room otherwise."""
        self._shape(text)
        self._take_pen(size, bold=False)
        while size > _SMALLEST and self._lines_of(text, width, 1) * size * _POINT * _LINE > height:
            size -= 0.5
            self._take_pen(size, bold=False)
        self.write_line(text, size=size, width=width)

    def write_business(self, brand: Mapping[str, object], tax_id: str = "") -> None:
        """Whose paper it is, at the top of a page: the fact ``brand``. ``tax_id``: the words for its tax number."""
        colour = str(brand.get("colour") or "")
        if colour:
            self.set_fill_color(*(int(colour[place : place + 2], 16) for place in (1, 3, 5)))
            self.rect(0, 0, self.w, 4, style="F")
        if brand.get("name"):
            self.write_line(str(brand["name"]), size=13, bold=True)
        for line in (*str(brand.get("address") or "").splitlines(), str(brand.get("email") or ""), tax_id):
            if line:
                self.write_line(line, grey=True)
        self.ln(6)

    def begin_table(self, head: Sequence[tuple[str, float, Align]]) -> None:
        """The head of a table. It stands again on top of each page that the rows go on to, until :meth:`end_table`."""
        self.write_row(head, bold=True, rule=True)
        self._head = head

    def end_table(self) -> None:
        """What follows are no more rows of the table."""
        self._head = ()

    def write_row(self, cells: Sequence[tuple[str, float, Align]], *, bold: bool = False, rule: bool = False) -> None:
        """A row of a table: text, width in millimetres and alignment of each cell; ``rule`` draws a line below it.

        An amount, at the right, is never cut in two: a long one is written smaller.
        """
        self._take_pen(9, bold=bold)
        self.set_text_color(0, 0, 0)
        height = 9 * _POINT * _LINE
        lines = max([1, *(self._lines(text, width, height) for text, width, align in cells if align != "R")])
        if self.will_page_break(lines * height + 3):
            self._go_on()
        top, left = self.get_y() + 1, self.l_margin
        for text, width, align in cells:
            self.set_xy(left, top)
            for paragraph in text.split("\n"):
                self._shape(paragraph)
                self._take_pen(9, bold=bold)
                if align == "R":
                    self._take_pen(9 * self._fit(paragraph, width), bold=bold)
                self.multi_cell(width, height, paragraph, align=align, new_x=XPos.LEFT, new_y=YPos.NEXT)
            left += width
        bottom = top + lines * height + 1
        if rule:
            self.set_draw_color(200, 205, 212)
            self.line(self.l_margin, bottom, left, bottom)
        self.set_xy(self.l_margin, bottom)

    def keep_together(self, rows: int, *, above: float = 0) -> None:
        """Go on to a new page unless ``above`` millimetres and so many rows of one line have room on this one."""
        if self.will_page_break(above + rows * (9 * _POINT * _LINE + 2) + 1):
            self._go_on()

    def _go_on(self) -> None:
        self.add_page()
        if self._head:
            head, self._head = self._head, ()
            self.begin_table(head)

    def footer(self) -> None:
        """Which page of how many it is: called by fpdf at the end of each."""
        if self._numbered and (self.page > 1 or not self._is_whole):
            self.set_y(-MARGIN * 0.6)
            self._take_pen(8, bold=False)
            self.set_text_color(*_GREY)
            self.cell(0, 4, f"{self.page} / {{nb}}", align="R")

    def _fit(self, text: str, width: float) -> float:
        """By how much a text must shrink to fit on one line of this width; 1 where it fits."""
        room = width - 2 * self.c_margin - _SLACK
        return min(1.0, room / max(self.get_string_width(text), room))

    def _take_pen(self, size: float, *, bold: bool) -> None:
        """Choose the font, and have it written into the page before the next text.

        fpdf believes that the page is still at this font after a text that began in a fallback font; it is not, and the next
        text would be other letters altogether.
        """
        self.set_font(_SANS, "B" if bold else "", size)
        self.current_font_is_set_on_page = False

    def _shape(self, text: str) -> None:
        """Join letters where a script wants it. Others are written as they are, so that they can be copied as they are."""
        for file, letters in _OTHERS.items():
            if file not in self._others and letters.search(text):
                self.add_font(file, fname=FONTS / file)
                self._others.append(file)
                self.set_fallback_fonts(self._others, exact_match=False)
        self.set_text_shaping(any(first <= letter <= last for letter in text for first, last in _JOINED))

    def _lines(self, text: str, width: float, height: float) -> int:
        """How many lines a text takes, each of its paragraphs set by itself: one may be written from the right."""
        return sum(self._lines_of(paragraph, width, height) for paragraph in text.split("\n"))

    def _lines_of(self, paragraph: str, width: float, height: float) -> int:
        self._shape(paragraph)
        found = self.multi_cell(width, height, paragraph, dry_run=True, output=MethodReturnValue.LINES)
        return max(len(cast("list[str]", found)), 1)

    def draw_code(self, content: str, left: float, top: float, side: float) -> None:
        """A QR code of this side; its error correction survives a crease (level M)."""
        picture = io.BytesIO()
        segno.make(content, error="m", micro=False).save(picture, kind="png", scale=8, border=2)
        picture.seek(0)
        self.image(picture, left, top, side, side)

    @property
    def inner_width(self) -> float:
        """Between the margins."""
        return float(self.w - self.l_margin - self.r_margin)

    def finished(self) -> bytes:
        """The file."""
        self._is_whole = True
        return bytes(self.output())


def customer_lines(customer: Mapping[str, object]) -> list[str]:
    """Whom a paper is for, line by line: a Customer's name, address and mail address, as far as they are known."""
    address = customer.get("address")
    parts = [customer.get("name"), *(address.values() if isinstance(address, dict) else ()), customer.get("email")]
    return [part for part in parts if isinstance(part, str) and part]
