"""A backup is whole although the hub writes, and comes back."""

from __future__ import annotations

import contextlib
import stat
import tarfile
import threading
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from hub.cli import backup
from hub.config import Settings
from hub.engine.hub import Hub, Role
from hub.errors import ConfigError, ConflictError
from hub.journal.queries import EventFilter
from hub.journal.schema import metadata
from hub.secrets import new_key
from scripts.test_programs import find_postgresql

if TYPE_CHECKING:
    from pathlib import Path

    from hub.jsontypes import JsonObject
    from tests.postgres import PostgresServer


def do(*arguments: str) -> str:
    """Run a command; raises what it raises."""
    command = {one.name: one for one in backup.COMMANDS}[arguments[0]]
    result = CliRunner().invoke(command, arguments[1:])
    if result.exception is not None:
        raise result.exception
    return result.output


def send(hub: Hub, number: int) -> str:
    data: JsonObject = {"payment": f"p{number}", "amount": {"minor": 100, "currency": "EUR"}}
    return hub.runs.record("payment.succeeded", data, "test")[0]


def events_of(workspace: Path, url: str = "") -> set[str]:
    hub = Hub.open(Settings(workspace=workspace, database_url=url, sandbox="off"), Role.TOOL)
    try:
        return {one.id for one in hub.queries.events(EventFilter()).items}
    finally:
        hub.close()


def test_a_backup_under_writes_is_whole(tmp_path: Path) -> None:
    source, target, file = tmp_path / "one", tmp_path / "two", tmp_path / "hub.tar"
    hub = Hub.open(Settings(workspace=source, sandbox="off"), Role.RUN)
    before = {send(hub, number) for number in range(5)}
    stop, began = threading.Event(), threading.Event()

    def write() -> None:
        number = 100
        while not stop.is_set():
            send(hub, number)
            number += 1
            began.set()

    writer = threading.Thread(target=write)
    writer.start()
    with contextlib.ExitStack() as ending:
        ending.callback(hub.close)
        ending.callback(writer.join)
        ending.callback(stop.set)
        assert began.wait(10)
        do("backup", str(file), "--workspace", str(source))

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    do("restore", str(file), "--workspace", str(target))
    assert before <= events_of(target) <= events_of(source) | before
    assert (target / "secret.keys").read_bytes() == (source / "secret.keys").read_bytes()


def test_a_restore_refuses_a_workspace_in_use_or_not_empty(tmp_path: Path) -> None:
    source, file = tmp_path / "one", tmp_path / "hub.tar"
    hub = Hub.open(Settings(workspace=source, sandbox="off"), Role.RUN)
    kept = send(hub, 1)
    do("backup", str(file), "--workspace", str(source))
    with pytest.raises(ConfigError, match="runs on the workspace"):
        do("restore", str(file), "--workspace", str(source), "--force")
    send(hub, 2)
    hub.close()

    with pytest.raises(ConfigError, match="not empty"):
        do("restore", str(file), "--workspace", str(source))
    do("restore", str(file), "--workspace", str(source), "--force")
    assert events_of(source) == {kept}


def test_a_backup_of_postgresql_comes_back_in_another_database(
    tmp_path: Path, postgres_server: PostgresServer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = find_postgresql()
    assert programs is not None
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("HUB_DATABASE_URL", postgres_url)
    file = tmp_path / "hub.tar"
    hub = Hub.open(Settings(workspace=tmp_path / "one", database_url=postgres_url, sandbox="off"), Role.TOOL)
    kept = {send(hub, number) for number in range(3)}
    do("backup", str(file), "--workspace", str(tmp_path / "one"))
    send(hub, 9)
    hub.close()

    with contextlib.contextmanager(postgres_server.new_database)() as other:
        monkeypatch.setenv("HUB_DATABASE_URL", other)
        do("restore", str(file), "--workspace", str(tmp_path / "two"))
        assert events_of(tmp_path / "two", other) == kept
        with pytest.raises(ConfigError, match="not empty"):
            do("restore", str(file), "--workspace", str(tmp_path / "two"))
        do("restore", str(file), "--workspace", str(tmp_path / "two"), "--force")
        assert events_of(tmp_path / "two", other) == kept


def test_a_backup_of_sqlite_moves_into_postgresql_whole(
    tmp_path: Path, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, file = tmp_path / "one", tmp_path / "hub.tar"
    hub = Hub.open(Settings(workspace=source, sandbox="off"), Role.TOOL)
    kept = {send(hub, number) for number in range(3)}
    hub.store.create_user("ada@example.com", "Ada", "admin", "hash", hub.now())
    hub.store.put_fact("colours", {"big": "x" * 100_000, "none": None}, hub.now())
    rows = rows_of(hub)
    hub.close()
    do("backup", str(file), "--workspace", str(source))

    with contextlib.contextmanager(postgres_server.new_database)() as url:
        monkeypatch.setenv("HUB_DATABASE_URL", url)
        said = do("restore", str(file), "--workspace", str(tmp_path / "two"))
        assert "HUB_SECRET_KEYS" not in said
        moved = Hub.open(Settings(workspace=tmp_path / "two", database_url=url, sandbox="off"), Role.TOOL)
        assert rows_of(moved) == rows
        send(moved, 9)
        moved.close()
        assert sorted(one.name for one in (tmp_path / "two").iterdir()) == ["hub.lock", "secret.keys"]

        with pytest.raises(ConflictError, match="not empty"):
            do("restore", str(file), "--workspace", str(tmp_path / "three"))
        monkeypatch.setenv("HUB_SECRET_KEYS", new_key())
        said = do("restore", str(file), "--workspace", str(tmp_path / "three"), "--force")
        assert "secret.keys is not read" in said
        assert events_of(tmp_path / "three", url) == kept


def rows_of(hub: Hub) -> dict[str, list[tuple[object, ...]]]:
    """All that the database holds."""
    with hub.database.read() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(sa.select(table))), key=repr)
            for table in metadata.sorted_tables
        }


def test_a_backup_says_where_the_keys_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Hub.open(Settings(workspace=tmp_path / "one", sandbox="off"), Role.TOOL).close()
    assert "It holds the keys" in do("backup", str(tmp_path / "a.tar"), "--workspace", str(tmp_path / "one"))
    monkeypatch.setenv("HUB_SECRET_KEYS", new_key())
    said = do("backup", str(tmp_path / "b.tar"), "--workspace", str(tmp_path / "one"))
    assert "does not hold the keys" in said
    with tarfile.open(tmp_path / "b.tar") as archive:
        assert archive.getnames() == ["hub.db"]


def test_what_is_no_backup_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "hub.tar"
    file.write_bytes(b"nothing of the kind")
    with pytest.raises(ConfigError, match="not a backup"):
        do("restore", str(file), "--workspace", str(tmp_path / "ws"))


def test_without_postgresqls_programs_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_DATABASE_URL", "postgresql://hub@127.0.0.1/hub")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="pg_dump is not on this machine") as refused:
        do("backup", str(tmp_path / "hub.tar"), "--workspace", str(tmp_path / "ws"))
    assert "postgresql-client" in refused.value.remedy
