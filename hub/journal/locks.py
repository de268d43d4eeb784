"""Locks between processes on PostgreSQL, where several write at once. On SQLite the one writer needs none.

They close two races: an event recorded while a wait for it is registered, and a run born while its key becomes free.
All end with the transaction and are taken in sorted order, so that no two transactions wait for each other.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hub.journal.writer import Transaction

_EXCLUSIVE = sa.text("SELECT pg_advisory_xact_lock(:key)")
_SHARED = sa.text("SELECT pg_advisory_xact_lock_shared(:key)")


def share_types(tx: Transaction, event_types: Iterable[str]) -> None:
    """Recorders of these types may go on side by side; whoever registers a wait for one of them comes before or after."""
    _take(tx, _SHARED, (f"type:{name}" for name in event_types))


def lock_types(tx: Transaction, event_types: Iterable[str]) -> None:
    """Nobody records events of these types until this transaction ends."""
    _take(tx, _EXCLUSIVE, (f"type:{name}" for name in event_types))


def lock_keys(tx: Transaction, keys: Iterable[tuple[str, str | None]]) -> None:
    """Nobody starts or ends runs of these (recipe, concurrency key) until this transaction ends."""
    _take(tx, _EXCLUSIVE, (f"key:{recipe}:{key}" for recipe, key in keys))


def _take(tx: Transaction, statement: sa.TextClause, names: Iterable[str]) -> None:
    if tx.is_sqlite:
        return
    for key in sorted({_number(name) for name in names}):
        tx.connection.execute(statement, {"key": key})


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
