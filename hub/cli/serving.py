"""``hub run`` and ``hub web``.

Two processes: the first one only watches, the second holds everything and is started again should it ever die. So the first
one loads next to nothing: the modules of the hub are imported where they serve.
"""

from __future__ import annotations

import errno
import gc
import logging
import multiprocessing
import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Final

import click

from hub.cli.output import MISUSE, workspace_option
from hub.config import load_settings
from hub.errors import ConfigError, HubError

if TYPE_CHECKING:
    from pathlib import Path

    from hub.config import Settings
    from hub.engine.hub import Hub
    from hub.serve import Switch

_HELD_ON_TO: Final = 10
"""Seconds for which a port is waited for: a process that was killed in the middle of a write lets go of it only then."""
_PAUSE: Final = 0.2


@click.command("run")
@workspace_option
@click.option("--host", help="The address to listen on; 127.0.0.1 when left out.")
@click.option("--port", type=int, help="The port to listen on; 8080 when left out.")
def run_command(workspace: Path | None, host: str | None, port: int | None) -> None:
    """Run everything in one process: pages, webhooks and engine.

    Example: hub run --port 8080
    """
    _serve(load_settings(workspace=workspace, host=host, port=port), "run")


@click.command("web")
@workspace_option
@click.option("--host", help="The address to listen on; 127.0.0.1 when left out.")
@click.option("--port", type=int, help="The port to listen on; 8080 when left out.")
def web_command(workspace: Path | None, host: str | None, port: int | None) -> None:
    """Take webhooks and serve pages; `hub worker` on any machine advances the runs. Needs PostgreSQL.

    Example: HUB_DATABASE_URL=postgresql://hub@db/hub hub web --port 8080
    """
    _serve(load_settings(workspace=workspace, host=host, port=port), "web")


def _serve(settings: Settings, role: str) -> None:
    """Serve until the process is told to stop."""
    from granian import Granian  # noqa: PLC0415 (only to serve)
    from granian.constants import Interfaces  # noqa: PLC0415

    _look_for_another(settings)
    reasons, given_up = multiprocessing.Pipe(duplex=False)

    def load(*_arguments: object, **_options: object) -> Switch:
        from hub.cli.running import configure_logs  # noqa: PLC0415 (in the second process)
        from hub.engine.hub import Role  # noqa: PLC0415
        from hub.serve import start  # noqa: PLC0415

        configure_logs(settings.log_level, settings)
        try:
            return start(settings, Role(role), _announce)
        except (HubError, OSError) as error:
            given_up.send(error)
            os.kill(os.getppid(), signal.SIGTERM)  # or the first process would start this one again and again
            raise SystemExit(MISUSE) from error

    logging.getLogger("granian").setLevel(logging.WARNING)
    server = Granian(
        "hub",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.RSGI,
        workers=1,
        websockets=False,
        respawn_failed_workers=True,
        log_enabled=False,
        workers_kill_timeout=20,
    )
    gc.collect()
    gc.freeze()  # what both processes share stays shared
    try:
        server.serve(target_loader=load, wrap_loader=False)
    finally:
        if reasons.poll():
            raise reasons.recv()


def _look_for_another(settings: Settings) -> None:
    """Raises ``ConfigError`` when the port is taken: two hubs on one port would share its requests without a word.

    One that was killed may hold it a moment longer, so that is waited for.
    """
    end, said = time.monotonic() + _HELD_ON_TO, False
    while (error := _refused(settings)) is not None:
        if error.errno != errno.EADDRINUSE:
            remedy = "Give an address of this machine as --host, and a port that this user may open as --port."
            raise ConfigError(_no_port(settings, error), remedy=remedy) from error
        if time.monotonic() >= end:
            remedy = "Stop the other program, or give another port: hub run --port 9000."
            raise ConfigError(_no_port(settings, error), remedy=remedy) from error
        if not said:
            click.echo(f"Port {settings.port} is taken; waiting {_HELD_ON_TO} seconds for it.", err=True)
            said = True
        time.sleep(_PAUSE)


def _refused(settings: Settings) -> OSError | None:
    """Why the hub cannot listen at its port; None when it can."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what a hub that has ended left in TIME_WAIT
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            return error
    return None


def _no_port(settings: Settings, error: OSError) -> str:
    return f"The hub cannot listen at {settings.host}, port {settings.port}: {error.strerror or error}."


def _announce(hub: Hub) -> None:
    """What a person at the terminal wants to know first."""
    from hub.web.setup import setup_link  # noqa: PLC0415 (in the second process)

    click.echo(f"\n  Connector Hub is ready at {hub.settings.address}")
    link = setup_link(hub)
    if link is not None:
        click.echo(f"  Make the first admin (this link works once): {link}")
    if hub.settings.sandbox_on:
        click.echo(f"  The sandbox gateway, to try everything without an account: {hub.settings.address}/sandbox/")
    click.echo("  Stop it with Ctrl-C; nothing is lost.\n")
    sys.stdout.flush()


COMMANDS = (run_command, web_command)
