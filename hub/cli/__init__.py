"""The command ``hub``: every command has an example in its help, ``--format json``, and exit codes 0, 1 and 2."""

from __future__ import annotations

import click

from hub import __version__
from hub.cli.output import Sentences

_COMMANDS = {
    "serving": ("run", "web"),
    "running": ("worker", "doctor", "user", "secrets"),
    "recipes": ("check", "test", "schema", "gallery"),
    "files": ("export", "apply", "diff"),
    "work": ("events", "runs"),
    "accounts": ("connection", "gateways", "connector"),
    "tokens": ("token",),
    "webhook": ("webhook",),
    "backup": ("backup", "restore"),
    "bench": ("bench",),
}
_MODULES = {name: f"{__name__}.{module}" for module, names in _COMMANDS.items() for name in names}


@click.group(
    cls=Sentences, modules=_MODULES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="hub")
def hub_command() -> None:
    """Connector Hub: payment events in, recipes run, nothing lost.

    Example: hub run --workspace ./hub-data --port 8080
    """


def main() -> None:
    """The entry point of the program."""
    hub_command()
