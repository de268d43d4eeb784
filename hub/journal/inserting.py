"""Inserts that leave what is there as it is, on both databases."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    import sqlalchemy as sa

    from hub.journal.writer import Transaction


@cache
def _ignoring(table: sa.Table, is_sqlite: bool) -> sqlite.Insert | postgresql.Insert:  # noqa: FBT001
    return (sqlite.insert(table) if is_sqlite else postgresql.insert(table)).on_conflict_do_nothing()


def insert_ignoring(tx: Transaction, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An insert into ``table`` that leaves a row which is there already as it is."""
    return _ignoring(table, tx.is_sqlite)
