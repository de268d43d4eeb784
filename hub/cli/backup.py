"""``hub backup`` and ``hub restore``: database and keys in one file, taken while the hub runs."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click
from sqlalchemy import URL, make_url

from hub.cli.output import workspace_option
from hub.config import load_settings
from hub.errors import ConfigError, NotFoundError
from hub.secrets import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.config import Settings

_DATABASES = ("hub.db", "sandbox.db")
_KEYS = "secret.keys"
_DUMP = "hub.dump"


@click.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@workspace_option
def backup_command(file: Path, workspace: Path | None) -> None:
    """Write the database and the keys into one file, also while the hub runs. It holds secrets: keep it safe.

    Example: hub backup hub-2026-01-31.tar
    """
    settings = load_settings(workspace=workspace)
    with tempfile.TemporaryDirectory(dir=file.resolve().parent, prefix=".backup-") as scratch:
        folder = Path(scratch)
        if _is_sqlite(settings):
            _copy_databases(settings, folder)
        else:
            _postgres("pg_dump", settings, "--format=custom", "--no-owner", f"--file={folder / _DUMP}")
        if (settings.workspace / _KEYS).is_file() and not os.environ.get(VARIABLE):
            shutil.copyfile(settings.workspace / _KEYS, folder / _KEYS)
        made = _packed(folder)
        made.replace(file)
    click.echo(f"The backup is {file}. {_about_keys()}")


@click.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace what the workspace holds.")
@workspace_option
def restore_command(file: Path, workspace: Path | None, *, force: bool) -> None:
    """Bring a backup back, into an empty workspace. Stop the hub first.

    With HUB_DATABASE_URL=postgresql://… a backup of SQLite moves into that empty database, with everything in it.

    Example: hub restore hub-2026-01-31.tar --workspace ./hub-data
    """
    settings = load_settings(workspace=workspace)
    settings.workspace.mkdir(parents=True, exist_ok=True)
    with _stopped(settings), tempfile.TemporaryDirectory(dir=settings.workspace, prefix=".restore-") as scratch:
        folder = Path(scratch)
        names = _unpacked(file, folder)
        wanted = _DATABASES[0] if _is_sqlite(settings) or _DUMP not in names else _DUMP
        if wanted not in names:
            message = f"{file} has no {wanted}: it was taken of the other kind of database."
            raise ConfigError(message, remedy="Set HUB_DATABASE_URL as it was when the backup was taken.")
        there = [name for name in (*_DATABASES, _KEYS) if (settings.workspace / name).exists()]
        if there and not force:
            message = f"The workspace {settings.workspace} is not empty: it has {', '.join(there)}."
            raise ConfigError(message, remedy="Restore into another --workspace, or say --force to replace it.")
        if wanted == _DATABASES[0] and not _is_sqlite(settings):
            _move(folder / wanted, settings, replace=force)
            names.remove(wanted)
        if wanted == _DUMP:
            options = ("--clean", "--if-exists") if force else ()
            transaction = ("--no-owner", "--exit-on-error", "--single-transaction")
            _postgres("pg_restore", settings, *transaction, *options, str(folder / _DUMP))
        _put_in_place(settings, folder, names)
        other_keys = os.environ.get(VARIABLE) and _KEYS in names
    if other_keys:
        click.echo(f"{VARIABLE} is set, so {_KEYS} is not read: put its keys, with commas, behind those in {VARIABLE}.")
    click.echo(f"{file} is restored. Start the hub; `hub doctor` says how it is.")


def _about_keys() -> str:
    if os.environ.get(VARIABLE):
        return (
            f"It does not hold the keys of your secrets, which stand in {VARIABLE}: keep a copy of them, apart from it."
        )
    return "It holds the keys of your secrets: keep it where only you can read it."


def _is_sqlite(settings: Settings) -> bool:
    return settings.database.startswith("sqlite:")


def _place(settings: Settings, name: str) -> Path:
    """Where a file of a backup stands; the hub's database may stand outside the workspace."""
    if name == _DATABASES[0]:
        return Path(settings.database.removeprefix("sqlite:///"))
    return settings.workspace / name


def _copy_databases(settings: Settings, folder: Path) -> None:
    """Each as it is at one moment, whoever writes meanwhile. Raises ``NotFoundError`` when there is none."""
    if not _place(settings, _DATABASES[0]).is_file():
        message = f"The workspace {settings.workspace} has no database."
        raise NotFoundError(message, remedy="Say which installation: --workspace DIR.")
    for name in _DATABASES:
        place = _place(settings, name)
        if place.is_file():
            with (
                contextlib.closing(sqlite3.connect(f"{place.resolve().as_uri()}?mode=ro", uri=True)) as source,
                contextlib.closing(sqlite3.connect(folder / name)) as copy,
            ):
                source.backup(copy)


def _move(file: Path, settings: Settings, *, replace: bool) -> None:
    """Put what an SQLite database holds into the one of the settings."""
    from hub.journal.database import Database  # noqa: PLC0415 (SQLAlchemy's tables only where rows are copied)
    from hub.journal.moving import move  # noqa: PLC0415

    source, target = Database.open(f"sqlite:///{file}"), Database.open(settings.database)
    with contextlib.closing(source), contextlib.closing(target):
        move(source, target, replace=replace)


def _postgres(program: str, settings: Settings, *options: str) -> None:
    """Run one of PostgreSQL's programs. Raises ``ConfigError`` that says how to get it, or what it said."""
    found = shutil.which(program)
    if found is None:
        message = f"{program} is not on this machine."
        raise ConfigError(message, remedy="Install PostgreSQL's client: apt-get install postgresql-client.")
    address = make_url(settings.database).set(drivername="postgresql")
    environment = {**os.environ, **({"PGPASSWORD": str(address.password)} if address.password else {})}
    parts = (address.username, None, address.host, address.port, address.database, address.query)
    bare = URL.create("postgresql", *parts)  # a password in the arguments could be read by everybody on the machine
    done = subprocess.run(  # noqa: S603 (a program of PostgreSQL's, with our own options)
        [found, *options, f"--dbname={bare}"], capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        message = f"{program} failed: {said[0] if said else f'exit code {done.returncode}'}."
        raise ConfigError(
            message, remedy="Its version must be at least the server's; a restore needs an empty database."
        )


def _packed(folder: Path) -> Path:
    """One tar file, readable by its owner alone."""
    made = folder / "backup.tar"
    names = [name for name in (*_DATABASES, _DUMP, _KEYS) if (folder / name).is_file()]
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        with tarfile.open(fileobj=target, mode="w") as archive:
            for name in names:
                archive.add(folder / name, arcname=name)
        target.flush()
        os.fsync(target.fileno())
    return made


def _unpacked(file: Path, folder: Path) -> list[str]:
    """The files of a backup. Raises ``ConfigError`` when it is none."""
    names = []
    try:
        with tarfile.open(file) as archive:
            for name in (*_DATABASES, _DUMP, _KEYS):
                if name in archive.getnames():
                    archive.extract(name, folder, filter="data")
                    names.append(name)
    except tarfile.TarError as error:
        raise ConfigError(f"{file} is not a backup of the hub.", remedy="Give a file of `hub backup`.") from error
    return names


def _put_in_place(settings: Settings, folder: Path, names: list[str]) -> None:
    for name in names:
        if name == _DUMP:
            continue
        place = _place(settings, name)
        for left in ("-wal", "-shm"):
            place.with_name(place.name + left).unlink(missing_ok=True)
        (folder / name).chmod(0o600)
        shutil.move(folder / name, place)


@contextlib.contextmanager
def _stopped(settings: Settings) -> Iterator[None]:
    """No hub runs on the workspace, and none starts meanwhile. Raises ``ConfigError``."""
    with (settings.workspace / "hub.lock").open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            message = f"A hub runs on the workspace {settings.workspace}."
            raise ConfigError(message, remedy="Stop it first.") from error
        yield


COMMANDS = (backup_command, restore_command)
