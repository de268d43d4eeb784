"""The sandbox as a whole: its transactions, its clock and its webhooks' thread."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from connectors.sandbox.server.calendar import UNITS, step
from connectors.sandbox.server.database import Database, milliseconds
from connectors.sandbox.server.delivery import Dispatcher
from connectors.sandbox.server.due import run_due
from connectors.sandbox.server.keys import keys_of
from connectors.sandbox.server.refusals import FieldError, Refusal
from connectors.sandbox.server.store import Site, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from hub.connect.api import ServerContext

FURTHEST: Final = timedelta(days=400)
"""How far one call may set the clock forward."""

_OFFSET: Final = "clock.offset_ms"


def real_now() -> datetime:
    """The real time, UTC."""
    return datetime.now(UTC)


def whole_milliseconds(moment: datetime) -> datetime:
    """The moment without what the database does not keep."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class Sandbox:
    """One sandbox on one database; several processes may each have one on the same PostgreSQL.

    ``clock`` gives the real time, UTC. The sandbox's own time is that plus an offset, which the test clock sets.
    """

    def __init__(self, context: ServerContext, clock: Callable[[], datetime] = real_now) -> None:
        keys = keys_of(context.secret)
        self.site = Site(
            base_url=context.public_url.rstrip("/"),
            webhook_url=context.webhook_url,
            api_key=keys.api_key,
            crm_token=keys.crm_token,
            webhook_secret=keys.webhook_secret,
        )
        self.clock = clock
        self.database = Database(context.database_url)
        self.dispatcher = Dispatcher(self.database, self.site, clock, self.catch_up)

    def store(self, connection: Connection) -> Store:
        """The sandbox's things in a transaction that is already open."""
        return Store(connection, self.site)

    @contextmanager
    def write(self) -> Iterator[tuple[Store, datetime]]:
        """One transaction in which everything due has already happened, and the sandbox's time in it."""
        with self.database.write() as connection:
            store = self.store(connection)
            now = self._now(store)
            run_due(store, now)
            yield store, now
        if store.announced:
            self.dispatcher.wake()

    @contextmanager
    def read(self) -> Iterator[tuple[Store, datetime]]:
        """One consistent view, and the sandbox's time. What fell due is done first."""
        self.catch_up()
        with self.database.read() as connection:
            store = self.store(connection)
            yield store, self._now(store)

    def catch_up(self) -> datetime | None:
        """Do everything that is due; gives the real time at which the next thing falls due."""
        with self.database.read() as connection:
            store = self.store(connection)
            now, first = self._now(store), store.next_due()
        if first is not None and first[0] <= now:
            with self.write() as (store, now):
                first = store.next_due()
        return None if first is None else self.clock() + (first[0] - now)

    def advance(self, to: datetime) -> int:
        """Set the clock forward: all that falls due meanwhile happens in order. Gives how many things that were.

        Raises ``Refusal`` for a time that is past, or further away than :data:`FURTHEST`.
        """
        with self.database.write() as connection:
            store = self.store(connection)
            now = self._now(store)
            if not now <= to <= now + FURTHEST:
                message = f"The clock goes forward only, at most {FURTHEST.days} days at once."
                raise Refusal(400, "invalid_request", message, (FieldError("now", message),))
            done = run_due(store, to)
            store.set(_OFFSET, milliseconds(to) - milliseconds(self.clock()))
        if store.announced:
            self.dispatcher.wake()
        return done

    def advance_by(self, unit: str, count: int) -> int:
        """Set the clock forward by calendar units (day, week, month, year). Raises ``Refusal``."""
        if unit not in UNITS:
            message = f"One of {', '.join(UNITS)}."
            raise Refusal(400, "invalid_request", message, (FieldError("unit", message),))
        with self.read() as (_, now):
            target = step(now, unit, count)
        return self.advance(target)

    def deliver_due(self, now: datetime) -> int:
        """Send every webhook that is due at the real time ``now``; gives how many attempts were made."""
        return self.dispatcher.deliver_due(now)

    def start(self) -> None:
        """Begin to send webhooks and to keep the calendar, in a thread of its own."""
        self.dispatcher.start()

    def close(self) -> None:
        """Stop the thread, after what it is sending just now, and let the database go."""
        self.dispatcher.stop()
        self.database.close()

    def _now(self, store: Store) -> datetime:
        offset = store.setting(_OFFSET)
        return whole_milliseconds(self.clock()) + timedelta(milliseconds=offset if isinstance(offset, int) else 0)
