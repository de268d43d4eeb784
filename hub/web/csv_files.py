"""Tables as CSV files, safe to open in a spreadsheet."""

from __future__ import annotations

import codecs
import csv
import io
import re
from typing import TYPE_CHECKING

from flask import Response, stream_with_context

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from werkzeug.datastructures import FileStorage

_FORMULA = re.compile("'*[=+\\-@\t\r]")
"""A cell that begins so is run as a formula by spreadsheets (OWASP, CSV injection), or was kept from it."""


def csv_file(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """An answer that a browser keeps as the file ``name``: UTF-8 with its mark, lines written as they come."""
    answer = Response(stream_with_context(_lines(header, rows)), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def uploaded_text(upload: FileStorage | None, most: int, wrong: dict[str, str]) -> str:
    """The text of the CSV file that was sent as ``table``: UTF-8, UTF-16 or Windows-1252, as spreadsheets write it.

    Empty, and in ``wrong`` what to say at the field, for none, for more than ``most`` bytes, and for what is no text.
    """
    content: bytes = upload.read(most + 1) if upload is not None else b""
    text = _decoded(content)
    if not content.strip():
        wrong["table"] = f"Choose a CSV file of at most {most / 1_000_000:g} MB with at least one line below the first."
    elif len(content) > most:
        wrong["table"] = (
            f"This file is too large: at most {most / 1_000_000:g} MB are read at once. Divide it into several."
        )
    elif text is None or "\0" in text:
        wrong["table"] = "This is no text. Save it in your spreadsheet as “CSV UTF-8”, and read that file in."
    else:
        return text
    return ""


def _decoded(content: bytes) -> str | None:
    """The text of a file; None when it is in none of the encodings in which spreadsheets save tables."""
    is_wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if is_wide else ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def cell(value: object) -> str:
    """A value as a cell; nothing for None. Text that a spreadsheet would run gets an apostrophe in front.

    :class:`hub.commerce.csv_reading.Sheet` reads it back as it was.
    """
    if value is None:
        return ""
    text = str(value)
    is_number = isinstance(value, (int, float)) or text.removeprefix("-").replace(".", "", 1).isdigit()
    return f"'{text}" if _FORMULA.match(text) and not is_number else text


def _lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    yield "\ufeff"
    writer.writerow(header)
    for row in rows:
        writer.writerow([cell(value) for value in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()
