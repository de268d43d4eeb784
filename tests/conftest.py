"""What all tests share: databases, a browser, and the rule that nothing is skipped."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import uuid
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A skipped test is a failed one: whatever it needs must be there."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped: {report.longrepr}"
    return report


def _postgres_programs() -> Path:
    candidates = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    found = shutil.which("initdb")
    if found:
        candidates.insert(0, Path(found).resolve().parent)
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    message = "PostgreSQL's server programs are missing. Install them: apt-get install postgresql"
    raise RuntimeError(message)


class PostgresServer:
    """A private server in a folder of its own, on a unix socket."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = _postgres_programs()
        self.data = folder / "data"
        self._user = None
        if os.getuid() == 0:
            name = next(user for user in ("postgres", "nobody") if _exists(user))
            self._user = pwd.getpwnam(name)
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)

    def _run(self, *arguments: str) -> None:
        options = {}
        if self._user is not None:
            options = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        done = subprocess.run(arguments, capture_output=True, text=True, check=False, cwd=self.folder, **options)
        if done.returncode:
            raise RuntimeError(f"{arguments[0]} failed: {done.stdout}{done.stderr}")

    def start(self) -> None:
        self._run(str(self.programs / "initdb"), "-D", str(self.data), "-U", "hub", "-A", "trust", "-E", "UTF8", "--locale=C")
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c max_connections=200"
        with open(self.folder / "log", "w") as log:
            if self._user is not None:
                os.chown(log.fileno(), self._user.pw_uid, self._user.pw_gid)
        self._run(str(self.programs / "pg_ctl"), "-D", str(self.data), "-w", "-t", "60", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        self._run(str(self.programs / "pg_ctl"), "-D", str(self.data), "-m", mode, "-w", "stop")

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://hub@/{database}?host={self.folder}"


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


@pytest.fixture(scope="session")
def postgres_server():
    """A PostgreSQL server of this test process."""
    folder = Path("/tmp") / f"hub-pg-{uuid.uuid4().hex[:8]}"
    folder.mkdir(mode=0o755)
    server = PostgresServer(folder)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server):
    """A fresh database."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield postgres_server.url(name)
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    """Both databases, one after the other."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/hub.db"
    return request.getfixturevalue("postgres_url")


@pytest.fixture(scope="session")
def chromium_path():
    """The browser's program."""
    named = os.environ.get("HUB_TEST_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not found:
        raise RuntimeError("There is no Chromium. Install it: apt-get install chromium, or set HUB_TEST_CHROMIUM.")
    return found
