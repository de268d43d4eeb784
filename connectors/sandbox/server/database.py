"""The sandbox's own database: a SQLite file or, on PostgreSQL, the schema ``sandbox``. The hub never reads it."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    make_url,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

SCHEMA: Final = "sandbox"
_LOCK: Final = 0x5A4D_B0C5
_READ_ONLY: Final = "sandbox_read_only"
_SEQUENCE: Final = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

records = Table(
    "records",
    metadata,
    Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("parent", Text, nullable=False),
    Column("key", Text),
    Column("due_ms", BigInteger),
    Column("body", Text, nullable=False),
    UniqueConstraint("kind", "id"),
    UniqueConstraint("kind", "key"),
    Index("records_parent", "kind", "parent", "seq"),
    Index("records_due", "due_ms", "seq"),
    sqlite_autoincrement=True,
)
"""Every thing of :mod:`connectors.sandbox.server.records`, its body as JSON."""

settings = Table(
    "settings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("body", Text, nullable=False),
)
"""Single values: the clock's offset, the misbehaviour that is switched on."""

entries = Table(
    "entries",
    metadata,
    Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("posting", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("minor", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index("entries_account", "account", "currency"),
    sqlite_autoincrement=True,
)
"""Double entry: the lines of one posting sum to zero."""

events = Table(
    "events",
    metadata,
    Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Index("events_subject", "subject", "seq"),
    sqlite_autoincrement=True,
)
"""What happened, in order: what webhooks carry and polling lists."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("event", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("next_ms", BigInteger, nullable=False),
    Column("lease_ms", BigInteger, nullable=False),
    Index("deliveries_lane", "lane", "state", "seq"),
    Index("deliveries_next", "state", "next_ms"),
    Index("deliveries_event", "event"),
    sqlite_autoincrement=True,
)
"""The queue of webhooks: pending, delivered or given_up. Its times are real ones, the test clock does not touch them."""

attempts = Table(
    "attempts",
    metadata,
    Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("delivery", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("request", Text, nullable=False),
    Column("status", Integer),
    Column("answer", Text, nullable=False),
    Column("took_ms", Integer, nullable=False),
    Index("attempts_delivery", "delivery", "seq"),
    sqlite_autoincrement=True,
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("key", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index("idempotency_at", "at_ms"),
)

crm_requests = Table(
    "crm_requests",
    metadata,
    Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("method", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("answer", Text, nullable=False),
    sqlite_autoincrement=True,
)
"""The sandbox CRM's log of everything that was sent to change it, the refused included."""


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970 UTC."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def from_milliseconds(value: int) -> datetime:
    """The UTC moment of :func:`milliseconds`."""
    return _EPOCH + timedelta(milliseconds=value)


class Database:
    """Transactions on the sandbox's database.

    Writers go one after the other, in all processes: the sandbox keeps things simple enough to be surely right, and
    events get their numbers in the order in which they became visible.
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self._sqlite = parsed.get_backend_name() == "sqlite"
        if self._sqlite:
            self._engine = create_engine(parsed, connect_args={"timeout": 30, "isolation_level": None})
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        else:
            if parsed.drivername == "postgresql":
                parsed = parsed.set(drivername="postgresql+psycopg")
            engine = create_engine(parsed, pool_pre_ping=True)
            self._engine = engine.execution_options(schema_translate_map={None: SCHEMA})
        self._create()

    @property
    def engine(self) -> Engine:
        """The engine, for looking at the tables in tests."""
        return self._engine

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that no other writer overlaps; committed at the end, rolled back on an exception."""
        with self._engine.begin() as connection:
            self._lock(connection)
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view."""
        with self._engine.connect().execution_options(**{_READ_ONLY: True}) as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Let all connections go."""
        self._engine.dispose()

    def _lock(self, connection: Connection) -> None:
        if not self._sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})

    def _create(self) -> None:
        with self._engine.begin() as connection:
            self._lock(connection)
            if not self._sqlite:
                connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            metadata.create_all(connection)


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Writers take the lock at once: a transaction that turned writer half-way could only fail."""
    read_only = connection.get_execution_options().get(_READ_ONLY)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
