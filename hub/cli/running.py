"""``hub run``, ``hub web``, ``hub worker``, ``hub doctor``, ``hub user``, ``hub secrets``."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import click

from hub import observe
from hub.cli.output import FOUND_SOMETHING, format_option, show, table
from hub.config import load_settings
from hub.connect.redaction import Redactor
from hub.engine.doctor import Ailment
from hub.engine.hub import Hub, Role
from hub.errors import ConfigError, HubError
from hub.secrets import VARIABLE, add_key

if TYPE_CHECKING:
    from hub.config import Settings

_Command = TypeVar("_Command", bound=Callable[..., object])


def workspace_option(command: _Command) -> _Command:
    """``--workspace``: which installation."""
    return click.option(
        "--workspace", type=click.Path(path_type=Path), help="The installation's folder; ./hub-data when left out."
    )(command)


@contextmanager
def opened(workspace: Path | None) -> Iterator[Hub]:
    """The installation, for one command. Quiet: only warnings are logged, to standard error."""
    settings = load_settings(workspace=workspace)
    _log("warning", settings)
    hub = Hub.open(settings, Role.TOOL)
    try:
        yield hub
    finally:
        hub.close()


def _log(level: str, settings: Settings) -> None:
    layout: Literal["text", "json"] = "json" if settings.log_format == "json" else "text"
    observe.configure_logging(level, layout, Redactor)


@click.command("run")
@workspace_option
@click.option("--host", help="The address to listen on; 127.0.0.1 when left out.")
@click.option("--port", type=int, help="The port to listen on; 8080 when left out.")
def run_command(workspace: Path | None, host: str | None, port: int | None) -> None:
    """Run everything in one process: pages, webhooks and engine.

    Example: hub run --port 8080
    """
    _serve(load_settings(workspace=workspace, host=host, port=port), Role.RUN)


@click.command("web")
@workspace_option
@click.option("--host", help="The address to listen on; 127.0.0.1 when left out.")
@click.option("--port", type=int, help="The port to listen on; 8080 when left out.")
def web_command(workspace: Path | None, host: str | None, port: int | None) -> None:
    """Take webhooks and serve pages; `hub worker` on any machine advances the runs. Needs PostgreSQL.

    Example: HUB_DATABASE_URL=postgresql://hub@db/hub hub web --port 8080
    """
    _serve(load_settings(workspace=workspace, host=host, port=port), Role.WEB)


@click.command("worker")
@workspace_option
def worker_command(workspace: Path | None) -> None:
    """Advance runs, on any number of machines beside `hub web`. Needs PostgreSQL.

    Example: HUB_DATABASE_URL=postgresql://hub@db/hub hub worker
    """
    settings = load_settings(workspace=workspace)
    _log(settings.log_level, settings)
    hub = Hub.open(settings, Role.WORKER)
    hub.start()
    click.echo(f"A worker of {hub.database.dialect} is ready. Stop it with Ctrl-C.")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
    hub.close()


def _serve(settings: Settings, role: Role) -> None:
    from hub.serve import serve  # noqa: PLC0415 (the server's libraries only where they serve)

    _log(settings.log_level, settings)
    if role is Role.WEB or settings.database_url:
        Hub.open(settings, Role.TOOL).close()  # said here, in a sentence, rather than by a process that ends
    serve(settings, role, _announce)


def _announce(hub: Hub) -> None:
    """What a person at the terminal wants to know first."""
    from hub.web.setup import setup_link  # noqa: PLC0415 (only where pages are served)

    click.echo(f"\n  Connector Hub is ready at {hub.settings.address}")
    link = setup_link(hub)
    if link is not None:
        click.echo(f"  Make the first admin (this link works once): {link}")
    if hub.settings.sandbox_on:
        click.echo(f"  The sandbox gateway, to try everything without an account: {hub.settings.address}/sandbox/")
    click.echo("  Stop it with Ctrl-C; nothing is lost.\n")
    sys.stdout.flush()


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

    Example: hub secrets rotate
    """
    if os.environ.get(VARIABLE):
        message = f"The keys stand in {VARIABLE}, which a command cannot change."
        remedy = (
            "Put a new key before the others there, for every process, and restart them; the old ones go on reading."
        )
        raise ConfigError(message, remedy=remedy)
    settings = load_settings(workspace=workspace)
    add_key(settings.workspace)
    with opened(workspace) as hub:
        count = hub.accounts.rotate_keys()
        hub.store.note("cli", "secrets.rotate", "keys", hub.now(), {"secrets": count})
    click.echo(f"{count} secrets are encrypted under the new key.")


COMMANDS = (run_command, web_command, worker_command, doctor_command, user_group, secrets_group)
