"""CSV files as people's spreadsheets write them. Pure."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_DELIMITERS: Final = ",;\t"


class Sheet:
    """A CSV file whose first line names the columns; comma, semicolon or tab divide, as in that line.

    Reading it raises ``csv.Error`` where it is not CSV. ``line`` is where what was read last begins, from 1: a cell in
    quotes may go on over several lines.
    """

    def __init__(self, text: str) -> None:
        text = text.removeprefix("\ufeff")
        delimiter = max(_DELIMITERS, key=text.partition("\n")[0].count)
        self._rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        self.line = 1

    def header(self) -> list[str]:
        """The names of the columns; none for an empty file."""
        return [name.strip() for name in next(self._rows, [])]

    def lines(self) -> Iterator[list[str]]:
        """The cells of each line that has any."""
        while True:
            self.line = self._rows.line_num + 1
            cells = next(self._rows, None)
            if cells is None:
                return
            if any(cell.strip() for cell in cells):
                yield cells
