"""CSV files as people's spreadsheets write them. Pure."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_DELIMITERS: Final = ",;\t"
_KEPT_FROM_RUNNING: Final = re.compile("''*[=+\\-@\t\r]")
"""What the hub's own tables have before a text that a spreadsheet would run; see :func:`hub.web.csv_files.cell`."""
_SEPARATOR: Final = re.compile("sep=([,;\t])", re.IGNORECASE)


class Sheet:
    """A CSV file whose first line names the columns; comma, semicolon or tab divide, as in that line.

    A text that the hub's own tables keep from being run as a formula, by an apostrophe in front, is read as what it was.
    Empty lines, and empty columns behind the last that has a name, do not count; nor does Excel's ``sep=;`` before it all.
    Reading it raises ``csv.Error`` where it is not CSV. ``line`` is where what was read last begins, from 1: a cell in
    quotes may go on over several lines.
    """

    def __init__(self, text: str) -> None:
        text = text.removeprefix("\ufeff")
        first = text.lstrip("\r\n").partition("\n")[0].strip("\r")
        said = _SEPARATOR.fullmatch(first)
        delimiter = said[1] if said else max(_DELIMITERS, key=first.count)
        self._rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        self._is_said = said is not None
        self._width = 0
        self.line = 1

    def header(self) -> list[str]:
        """The names of the columns; none for an empty file."""
        rows = self.lines()
        if self._is_said:
            next(rows, None)
        names = [name.strip() for name in next(rows, [])]
        while names and not names[-1]:
            names.pop()
        self._width = len(names)
        return names

    def lines(self) -> Iterator[list[str]]:
        """The cells of each line that has any."""
        while True:
            self.line = self._rows.line_num + 1
            cells = next(self._rows, None)
            if cells is None:
                return
            if any(cell.strip() for cell in cells):
                while len(cells) > self._width > 0 and not cells[-1].strip():
                    cells.pop()
                yield [one[1:] if _KEPT_FROM_RUNNING.match(one) else one for one in cells]
