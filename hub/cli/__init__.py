"""The command ``hub``: every command has an example in its help, ``--format json``, and exit codes 0, 1 and 2."""

from __future__ import annotations

import click

from hub import __version__
from hub.cli import accounts, backup, bench, files, recipes, running, webhook, work
from hub.cli.output import Sentences


@click.group(cls=Sentences, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="hub")
def hub_command() -> None:
    """Connector Hub: payment events in, recipes run, nothing lost.

    Example: hub run --workspace ./hub-data --port 8080
    """


for group in (running, recipes, files, work, accounts, webhook, backup, bench):
    for command in group.COMMANDS:
        hub_command.add_command(command)


def main() -> None:
    """The entry point of the program."""
    hub_command()
