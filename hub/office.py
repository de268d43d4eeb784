"""What the hub's own money and work is done with: one seam for recipes' steps, pages, the API and timers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    import sqlalchemy as sa

    from hub.connect.manifest import Manifest
    from hub.journal.book import Book
    from hub.journal.entries import NewEvent
    from hub.jsontypes import Json, JsonObject

T = TypeVar("T")


class Office(Protocol):
    """One piece of the hub's own work. ``key`` is the same for every attempt of it; ``now`` is UTC."""

    @property
    def key(self) -> str:
        """The idempotency key: of the step, the request, the timer's subject. 40 hex digits."""

    @property
    def now(self) -> datetime:
        """When this attempt began."""

    def identity(self, prefix: str, part: str = "") -> str:
        """An id that is the same for every attempt of this work."""

    def about(self, subject: str) -> Office:
        """The same office for the work on one thing, whoever does it: its ids and calls are the same for all of them."""

    def change(self, work: Callable[[Book], T]) -> T:
        """Change rows and tell events in one transaction, durable when this returns; gives what ``work`` gave.

        ``work`` may be run again, and reaches nothing outside. Raises what it raises: nothing is written then.
        """

    def read(self) -> AbstractContextManager[sa.Connection]:
        """A connection for queries. Raises ``UnavailableError`` when the database is gone."""

    def call(self, connection: str, action: str, given: JsonObject, part: str) -> JsonObject:
        """Do an action of any connection as a part of this work, once: a repeat gives what the first time gave.

        Raises like an action: ``TransientError`` (do it again), ``PermanentError``, ``UncertainError`` (a person must say
        whether it happened). ``part`` tells the calls of one work apart.
        """

    def manifest(self, connection: str) -> Manifest:
        """What the connection's connector is and can do. Raises ``ConfigError`` for a connection that is not there."""

    def doer(self, connection: str) -> str:
        """The connection that does the work of this one, and tells what becomes of it: mostly itself."""

    def connections(self) -> Sequence[str]:
        """The names of the connections that are switched on, built-in ones left out."""

    def address(self, kind: str, identity: str) -> str:
        """The signed public address of a thing: ``i`` an invoice, ``o`` an order, ``j`` a job for its provider."""

    def fact(self, name: str) -> Json:
        """A setting of the installation (``brand``, ``dunning`` …), None when it was never set."""


Action: TypeAlias = "Callable[[Office, JsonObject], JsonObject]"
"""Does one action of a built-in connector; the input fits its schema. Raises like an action."""

Timer: TypeAlias = "Callable[[Office, str], None]"
"""Does what is due for a subject. Repeated until it returns, so it must be safe to repeat."""

Projection: TypeAlias = "Callable[[Book, Sequence[NewEvent]], None]"
"""Writes what follows from new events, and tells what happened thereby, in the transaction that records them."""
