"""``hub worker``, ``hub doctor``, ``hub user``, ``hub secrets``."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

import click

from hub import observe
from hub.cli.output import FOUND_SOMETHING, format_option, show, table, workspace_option
from hub.config import load_settings
from hub.connect.redaction import Redactor
from hub.engine.doctor import Ailment
from hub.engine.hub import Hub, Role
from hub.engine.outgoing import Outgoing
from hub.errors import ConfigError, HubError
from hub.secrets import VARIABLE, add_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hub.config import Settings


@contextmanager
def opened(workspace: Path | None) -> Iterator[Hub]:
    """The installation, for one command. Quiet: only warnings are logged, to standard error."""
    settings = load_settings(workspace=workspace)
    configure_logs("warning", settings)
    hub = Hub.open(settings, Role.TOOL)
    try:
        yield hub
    finally:
        hub.close()


def configure_logs(level: str, settings: Settings) -> None:
    """Log from ``level`` on, as the settings say."""
    layout: Literal["text", "json"] = "json" if settings.log_format == "json" else "text"
    observe.configure_logging(level, layout, Redactor)


@click.command("worker")
@workspace_option
def worker_command(workspace: Path | None) -> None:
    """Advance runs, on any number of machines beside `hub web`. Needs PostgreSQL.

    Example: HUB_DATABASE_URL=postgresql://hub@db/hub hub worker
    """
    settings = load_settings(workspace=workspace)
    configure_logs(settings.log_level, settings)
    hub = Hub.open(settings, Role.WORKER)
    hub.writer.on_commit, hub.outbound.on_answer = hub.metrics.written, hub.metrics.answered
    hub.start()
    click.echo(f"A worker of {hub.database.dialect} is ready. Stop it with Ctrl-C.")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
    hub.close()


@click.command("doctor")
@workspace_option
@format_option()
@click.pass_context
def doctor_command(context: click.Context, workspace: Path | None, output_format: str) -> None:
    """Say what is wrong with this installation, and how to mend it. Exit code 1 when something is.

    Example: hub doctor
    """
    found = [_pages(), *_installation(workspace)]
    if output_format == "json":
        show([asdict(one) for one in found], "json", str)
    else:
        rows = [(one.level, one.title, one.message, one.remedy) for one in found]
        table(("", "What", "Found", "What to do"), rows, "Nothing was looked at.")
    if any(one.level == "error" for one in found):
        context.exit(FOUND_SOMETHING)


def _installation(workspace: Path | None) -> Sequence[Ailment]:
    """What the hub itself finds; when it does not even open, why."""
    try:
        with opened(workspace) as hub:
            return hub.doctor()
    except HubError as error:
        return (Ailment("error", "Installation", error.message, error.remedy),)


def _pages() -> Ailment:
    from hub.web.assets import Assets  # noqa: PLC0415 (only where pages matter)

    try:
        Assets.load()
    except HubError as error:
        return Ailment("error", "Pages", error.message, error.remedy)
    return Ailment("ok", "Pages", "Their scripts and styles are built.")


@click.group("user")
def user_group() -> None:
    """People who may log in."""


@user_group.command("add")
@click.argument("email")
@click.option("--name", default="", help="The person's name.")
@click.option("--role", type=click.Choice(["viewer", "editor", "admin"]), default="viewer", show_default=True)
@click.option("--password", prompt=True, hide_input=True, confirmation_prompt=True, help="Asked for when left out.")
@workspace_option
def user_add(email: str, name: str, role: str, password: str, workspace: Path | None) -> None:
    """Add a person.

    Example: hub user add ada@example.com --role admin
    """
    from hub.web.passwords import hash_password  # noqa: PLC0415 (Argon2 only where it is used)

    with opened(workspace) as hub:
        hub.store.create_user(email, name or email, role, hash_password(password, email), hub.now())
        hub.store.note("cli", "user.create", email, hub.now(), {"role": role})
    click.echo(f"{email} can log in as {role}.")


@click.group("secrets")
def secrets_group() -> None:
    """Keys that protect stored secrets."""


@secrets_group.command("rotate")
@workspace_option
def secrets_rotate(workspace: Path | None) -> None:
    """Make a new key and encrypt every stored secret under it. Restart the hub's processes afterwards.

    Where the keys stand in HUB_SECRET_KEYS, put the new one first there and restart; then this encrypts under it.

    Example: hub secrets rotate
    """
    named = [key for key in os.environ.get(VARIABLE, "").split(",") if key.strip()]
    if len(named) == 1:
        message = f"The only key stands in {VARIABLE}, which a command cannot change."
        remedy = "Put a new one (openssl rand -base64 32) before it, with a comma, for every process, and restart them."
        raise ConfigError(message, remedy=remedy)
    if not named:
        add_key(load_settings(workspace=workspace).workspace)
    with opened(workspace) as hub:
        count = hub.accounts.rotate_keys() + Outgoing(hub).rotate_keys()
        hub.store.note("cli", "secrets.rotate", "keys", hub.now(), {"secrets": count})
    click.echo(f"{count} secrets are encrypted under the new key.")


COMMANDS = (worker_command, doctor_command, user_group, secrets_group)
