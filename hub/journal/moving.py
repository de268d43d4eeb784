"""Everything that one database holds, put into another, of whichever kind: how an installation outgrows SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from hub.errors import ConflictError
from hub.journal.schema import metadata

if TYPE_CHECKING:
    from hub.journal.database import Database

_AT_ONCE = 1_000
"""Rows; a body may have a megabyte, and both databases hold as many of them as this in memory."""


def move(source: Database, target: Database, *, replace: bool = False) -> int:
    """Copy all rows in one transaction and give their number; both databases are brought to this version first.

    Raises ``ConflictError`` when the target holds something, unless ``replace`` says to delete that.
    """
    source.migrate()
    target.migrate()
    with source.read() as reading, target.begin() as writing:
        for table in reversed(metadata.sorted_tables):
            if replace:
                writing.execute(sa.delete(table))
            elif writing.scalar(sa.select(sa.literal(1)).select_from(table).limit(1)) is not None:
                message = f"The database is not empty: its table {table.name} has rows."
                raise ConflictError(message, remedy="Give an empty database, or say --force to replace what is there.")
        return sum(_copy(table, reading, writing) for table in metadata.sorted_tables)


def _copy(table: sa.Table, reading: sa.Connection, writing: sa.Connection) -> int:
    count = 0
    found = reading.execution_options(yield_per=_AT_ONCE).execute(sa.select(table)).mappings()
    for rows in found.partitions():
        writing.execute(sa.insert(table), [dict(row) for row in rows])
        count += len(rows)
    return count
