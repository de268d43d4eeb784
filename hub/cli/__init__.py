"""The command ``hub``: every command has an example in its help, ``--format json``, and exit codes 0, 1 and 2."""

from __future__ import annotations

import sys

import click

from hub import __version__
from hub.cli import accounts, bench, recipes, running, webhook, work
from hub.cli.output import MISUSE
from hub.errors import HubError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="hub")
def hub_command() -> None:
    """Connector Hub: payment events in, recipes run, nothing lost.

    Example: hub run --workspace ./hub-data --port 8080
    """


for group in (running, recipes, work, accounts, webhook, bench):
    for command in group.COMMANDS:
        hub_command.add_command(command)


def main() -> None:
    """The entry point: errors of ours are said in a sentence, on standard error, with exit code 2."""
    try:
        hub_command(standalone_mode=True)
    except HubError as error:
        click.echo(f"hub: {error}", err=True)
        sys.exit(MISUSE)
