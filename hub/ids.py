"""Identifiers: time-ordered for what happens, derived for what must not happen twice."""

from __future__ import annotations

import hashlib
import secrets
import threading
from datetime import UTC, datetime
from typing import TypeGuard

_TAIL_BITS = 62
_STEP_BITS = 32


class _Tails:
    """The 74 random bits behind an id's millisecond: within one millisecond each is larger than the one before.

    RFC 9562, 6.2, method 2: so ids of one process sort in the order in which they were made.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._milliseconds = -1
        self._tail = 0

    def next(self, milliseconds: int) -> int:
        with self._lock:
            if milliseconds == self._milliseconds:
                self._tail += 1 + secrets.randbits(_STEP_BITS)
            else:
                # The first bit stays free, so that no millisecond can hold more ids than there is room for.
                self._milliseconds, self._tail = milliseconds, secrets.randbits(12 + _TAIL_BITS - 1)
            return self._tail


_tails = _Tails()


def new_id(prefix: str, now: datetime) -> str:
    """A UUIDv7 (RFC 9562) of the moment ``now`` behind a prefix that says the kind: ``evt_0193…``.

    Ids that one process makes for the same millisecond sort in the order in which they were made.
    """
    milliseconds = int(now.timestamp() * 1000)
    tail = _tails.next(milliseconds)
    high, low = tail >> _TAIL_BITS, tail & ((1 << _TAIL_BITS) - 1)
    value = milliseconds << 80 | 0x7 << 76 | high << 64 | 0x2 << 62 | low
    return f"{prefix}_{value:032x}"


def first_id(prefix: str, moment: datetime) -> str:
    """The smallest id that :func:`new_id` could give at ``moment``; for "everything since"."""
    milliseconds = int(moment.timestamp() * 1000)
    return f"{prefix}_{milliseconds << 80 | 0x7 << 76 | 0x2 << 62:032x}"


def id_time(identifier: str) -> datetime:
    """When an id made by :func:`new_id` was made, UTC, to the millisecond."""
    _, _, digits = identifier.rpartition("_")
    return datetime.fromtimestamp((int(digits, 16) >> 80) / 1000, tz=UTC)


def derived_id(prefix: str, *parts: str) -> str:
    """The same parts always give the same id; different parts never do (SHA-256, 128 bits kept)."""
    digest = hashlib.sha256("\x00".join(parts).encode()).hexdigest()
    return f"{prefix}_{digest[:32]}"


def run_id(event_id: str, recipe: str, replay: str = "") -> str:
    """The run of ``recipe`` for this event. A replay (its own id) is new work, a repeated delivery is not."""
    return derived_id("run", event_id, recipe, replay)


def step_key(run: str, path: str) -> str:
    """The idempotency key of one step of one run: equal for all its attempts and after a take-over.

    40 hex digits; connectors cut or re-shape it to what the outside system takes.
    """
    return hashlib.sha256(f"{run}\x00{path}".encode()).hexdigest()[:40]


def is_order(value: object) -> TypeGuard[str]:
    """Whether it can be the id of one of the hub's own orders; the numbers of somebody's own shop are looked up nowhere."""
    return isinstance(value, str) and value.startswith("ord_")
