"""One database, SQLite or PostgreSQL: connections for reading, one for writing, its migrations, its faults in our words."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from hub.errors import ConfigError, UnavailableError
from hub.journal.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.pool import ConnectionPoolEntry

REVISION = "0011"
"""The newest migration; a test compares it with the scripts."""

_BUSY_SECONDS = 30
_WAL_KEPT = 64 * 1024 * 1024
_STATEMENT_TIMEOUT = "60s"

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_CONTENTION_STATES = frozenset({"40001", "40P01"})  # serialization failure, deadlock detected
_UNAVAILABLE_STATES = ("08", "25006", "53", "57", "58")  # connection, read-only, resources, operator, system
# https://www.sqlite.org/rescode.html
_SQLITE_ERROR = 1  # the statement itself is wrong
_SQLITE_BROKEN = frozenset({11, 26})  # corrupt, not a database

_ROWS = re.compile(r"IN \((VALUES \(\?(?:, \?)*\)(?:, \(\?(?:, \?)*\))*)\)")
"""``(a, b) IN (VALUES …)``: for several rows SQLite reads the whole table; for those of a query it takes an index."""


class Database:
    """Opened with :meth:`open`. Safe between threads; only the :class:`~hub.journal.writer.Writer` uses :meth:`begin`."""

    def __init__(self, url: str, readers: Engine, writers: Engine) -> None:
        self.url = url
        self.engine = readers
        self._writers = writers
        self.dialect = readers.dialect.name

    @classmethod
    def open(cls, url: str) -> Database:
        """Connect lazily to ``sqlite:///FILE`` or ``postgresql://…``. Raises ``ConfigError`` for another address."""
        if url.startswith("sqlite:///"):
            return cls(url, _sqlite(url, "BEGIN"), _sqlite(url, "BEGIN IMMEDIATE"))
        if url.startswith(("postgresql://", "postgresql+psycopg://")):
            psycopg = "postgresql+psycopg://" + url.partition("://")[2]
            return cls(psycopg, _postgresql(psycopg, 10), _postgresql(psycopg, 1))
        scheme = url.partition(":")[0]
        message = f"The database address begins with {scheme!r}."
        raise ConfigError(message, remedy="Give sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME.")

    @property
    def is_sqlite(self) -> bool:
        """Whether it is the embedded database."""
        return self.dialect == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for queries. Raises ``UnavailableError`` when the database cannot be reached."""
        try:
            with self.engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            if not is_unavailable(error):
                raise
            raise unavailable(error) from error

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction for writing; on SQLite it takes the write lock at once."""
        with self._writers.begin() as connection:
            yield connection

    def migrate(self) -> None:
        """Bring the tables to this version; newer ones serve this version too, so that machines are updated one by one.

        Safe when several processes start together. Raises ``UnavailableError``.
        """
        try:
            with self._writers.connect() as connection:
                if (self._revision(connection) or "") >= REVISION:
                    return
                if not self.is_sqlite:
                    connection.exec_driver_sql("SELECT pg_advisory_lock(1752519216)")
                if self._revision(connection) is None:
                    _create(connection)
                else:
                    _upgrade(connection)
                connection.commit()
                if not self.is_sqlite:
                    connection.exec_driver_sql("SELECT pg_advisory_unlock(1752519216)")
                    connection.commit()
        except DBAPIError as error:
            if not is_unavailable(error):
                raise
            raise unavailable(error) from error

    @staticmethod
    def _revision(connection: Connection) -> str | None:
        """Which migration the tables stand at; None for an empty database."""
        known = sa.inspect(connection).has_table("alembic_version")
        found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version")) if known else None
        connection.rollback()
        return found

    def healthy(self) -> bool:
        """Whether a trivial query is answered."""
        try:
            with self.read() as connection:
                return bool(connection.scalar(sa.text("SELECT 1")) == 1)
        except UnavailableError:
            return False

    def close(self) -> None:
        """Close all connections; on SQLite the last one folds the write-ahead log into the file."""
        self.engine.dispose()
        self._writers.dispose()


def _create(connection: Connection) -> None:
    """All tables of an empty database at once, as the migrations would make them; a test holds both together."""
    key = sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc")
    stands = sa.Table("alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), nullable=False), key)
    metadata.create_all(connection)
    stands.create(connection)
    connection.execute(sa.insert(stands).values(version_num=REVISION))


def _upgrade(connection: Connection) -> None:
    """Run the migrations that are missing. Alembic is loaded only then: it takes longer than the whole start."""
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def is_contention(error: DBAPIError) -> bool:
    """Whether a transaction lost against another process's, and would have its turn if it were tried again."""
    return getattr(error.orig, "sqlstate", None) in _CONTENTION_STATES


def is_unavailable(error: BaseException) -> bool:
    """Whether an error says that the database is gone, full, busy or read-only, and not that a statement is wrong."""
    if isinstance(error, PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    code = getattr(error.orig, "sqlite_errorcode", None)
    if error.connection_invalidated or (isinstance(state, str) and state.startswith(_UNAVAILABLE_STATES)):
        return True
    if isinstance(code, int):
        primary = code & 0xFF
        return primary in _SQLITE_BROKEN or (isinstance(error, OperationalError) and primary != _SQLITE_ERROR)
    return isinstance(error, (OperationalError, InterfaceError))


def unavailable(error: BaseException) -> UnavailableError:
    """A driver's error in our words, without addresses or passwords."""
    reason = str(getattr(error, "orig", None) or error).strip().splitlines()
    said = reason[0][:200] if reason else type(error).__name__
    remedy = (
        "Nothing was kept. Check that the database runs and that its disk has room; the hub goes on by itself then."
    )
    return UnavailableError(f"The database cannot be used now: {said}.", remedy=remedy)


def _sqlite(url: str, begin: str) -> Engine:
    engine = sa.create_engine(url, connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False})

    @sa.event.listens_for(engine, "do_connect")
    def keep_private(_dialect: Any, _entry: Any, arguments: list[Any], _options: Any) -> None:
        # What SQLite makes beside the file has its permissions.
        with suppress(OSError):  # it is there already, or connecting says what is wrong
            Path(arguments[0]).touch(0o600, exist_ok=False)

    @sa.event.listens_for(engine, "connect")
    def configure(dbapi_connection: Any, _entry: ConnectionPoolEntry) -> None:
        dbapi_connection.isolation_level = None
        for pragma in (
            "auto_vacuum=INCREMENTAL",  # before the first write, which the next line is
            "journal_mode=WAL",
            "synchronous=FULL",
            f"journal_size_limit={_WAL_KEPT}",
            "temp_store=MEMORY",
            "cache_size=-16000",
        ):
            dbapi_connection.execute(f"PRAGMA {pragma}").close()

    @sa.event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    @sa.event.listens_for(engine, "before_cursor_execute", retval=True)
    def by_index(
        _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: Any
    ) -> tuple[str, Any]:
        return (
            _ROWS.sub(r"IN (SELECT * FROM (\1))", statement) if "IN (VALUES" in statement else statement
        ), parameters

    return engine


def _postgresql(url: str, size: int) -> Engine:
    # A server may be told to answer before a commit is durable; for what is recorded here it must not.
    options = f"-c statement_timeout={_STATEMENT_TIMEOUT} -c timezone=UTC -c synchronous_commit=on"
    return sa.create_engine(
        url,
        pool_size=size,
        max_overflow=10,
        pool_pre_ping=True,
        connect_args={"options": options, "connect_timeout": 10},
    )
