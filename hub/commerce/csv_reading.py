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

    Reading it raises ``csv.Error`` where it is not CSV; ``line`` says how far it was read, from 1.
    """

    def __init__(self, text: str) -> None:
        text = text.removeprefix("\ufeff")
        delimiter = max(_DELIMITERS, key=text.partition("\n")[0].count)
        self._rows = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)

    @property
    def line(self) -> int:
        """The line of the file that was read last."""
        return self._rows.line_num

    def header(self) -> list[str]:
        """The names of the columns; none for an empty file."""
        return [name.strip() for name in next(self._rows, [])]

    def lines(self) -> Iterator[list[str]]:
        """The cells of each line that has any."""
        return (cells for cells in self._rows if any(cell.strip() for cell in cells))
