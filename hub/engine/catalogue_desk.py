"""The catalogue's files on their way into the database: checked where they are planned, stored together with their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.commerce.catalogue import read_catalogue
from hub.commerce.catalogue_items import KIND, store_catalogue
from hub.journal.book import Book
from hub.journal.writes import write_file
from hub.recipes.findings import Finding, Span

if TYPE_CHECKING:
    from datetime import datetime

    from hub.journal.writer import Transaction


def check_catalogue(text: str, path: str) -> list[Finding]:
    """What is wrong with a catalogue file by itself."""
    return [
        Finding.at(path, Span(one.line, 1, one.line, 1), "catalogue", one.message, "Correct the item.")
        for one in read_catalogue(text).wrong
    ]


def keep_catalogue(tx: Transaction, name: str, text: str | None, author: str, now: datetime) -> None:
    """Store a catalogue file, None when it is gone, and bring the items in line with it. Raises ``ConfigError``."""
    write_file(tx, KIND, name, text, author, now)
    store_catalogue(Book(tx, now), name, text)
