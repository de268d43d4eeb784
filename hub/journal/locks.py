"""Locks between processes on PostgreSQL, where several write at once. On SQLite the one writer needs none.

They close three races: an event recorded while a wait for it is registered, a run born while its key becomes free, and an
event matched while the recipes change. All end with the transaction. An operation takes all of its own in one statement, in
sorted order and before it locks any row, so that two operations never wait for each other; where several operations share
a transaction they still can, and the writer writes the one that PostgreSQL picks out again.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hub.journal.writer import Transaction

_EPOCH = "epoch"
_LOCK = sa.text(
    "SELECT CASE WHEN wanted.alone THEN pg_advisory_xact_lock(wanted.key)"
    " ELSE pg_advisory_xact_lock_shared(wanted.key) END"
    " FROM unnest(:keys, :alone) AS wanted(key, alone)"
).bindparams(sa.bindparam("keys", type_=ARRAY(sa.BigInteger)), sa.bindparam("alone", type_=ARRAY(sa.Boolean)))


def take_locks(
    tx: Transaction,
    *,
    recorded: Iterable[str] = (),
    awaited: Iterable[str] = (),
    keys: Iterable[tuple[str, str]] = (),
    epoch: bool = False,
) -> None:
    """Take what an operation needs until the transaction ends.

    ``recorded``: types of which events are recorded, side by side with other recorders. ``awaited``: types for which waits
    are registered, while nobody records them. ``keys``: (recipe, concurrency key) of which runs are born or end, by nobody
    else. ``epoch``: the recipes do not change meanwhile.
    """
    if tx.is_sqlite:
        return
    wanted = {_number(f"type:{name}"): False for name in recorded}
    if epoch:
        wanted[_number(_EPOCH)] = False
    wanted |= {_number(f"type:{name}"): True for name in awaited}
    wanted |= {_number(f"key:{recipe}:{key}"): True for recipe, key in keys}
    _take(tx, wanted)


def lock_epoch(tx: Transaction) -> None:
    """The recipes change: nobody records events of theirs until this transaction ends."""
    if not tx.is_sqlite:
        _take(tx, {_number(_EPOCH): True})


def _take(tx: Transaction, wanted: dict[int, bool]) -> None:
    if wanted:
        numbers = sorted(wanted)
        tx.connection.execute(_LOCK, {"keys": numbers, "alone": [wanted[number] for number in numbers]})


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
