"""The page of all commands, made from the commands themselves."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import click

from hub.cli import hub_command

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = """# Commands

Written by `make docs` from the commands themselves; `hub COMMAND --help` says the same.

Every command ends with 0 when all is well, 1 when it found something wrong, and 2 when it could not do what was asked.
Errors go to standard error and say what to do. Without `--workspace` (or `HUB_WORKSPACE`) the installation is the folder
`hub-data` below the current one. In the repository the program is `.venv/bin/hub` after `make run`.
"""


def markdown() -> str:
    """The page ``docs/commands.md``."""
    sections = [_section(path, command) for path, command in commands()]
    return "\n".join([_HEAD, *sections])


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its full name such as ``hub events list``, in the order of the alphabet."""
    yield from _below("hub", hub_command)


def _below(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in sorted(command.list_commands(context)):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from _below(f"{path} {name}", inner)


def _section(path: str, command: click.Command) -> str:
    words, _, example = inspect.cleandoc(command.help or "").partition("Example:")
    arguments = [one.make_metavar(click.Context(command)) for one in command.params if isinstance(one, click.Argument)]
    options = [_option(one) for one in command.params if isinstance(one, click.Option) and not one.hidden]
    parts = [f"## `{' '.join([path, *arguments])}`", words.strip()]
    if options:
        parts.append("\n".join(["| option | what it says |", "| --- | --- |", *options]))
    parts.append(f"Example: `{' '.join(example.split())}`")
    return "\n\n".join(parts) + "\n"


def _option(option: click.Option) -> str:
    choices = f" {' or '.join(option.type.choices)}" if isinstance(option.type, click.Choice) else ""
    said = [option.help or "", f"One of:{choices}." if choices else ""]
    if option.show_default and option.default not in (None, ""):
        said.append(f"Default: {option.default}.")
    if option.required:
        said.append("Must be given.")
    names = ", ".join(f"`{name}`" for name in option.opts)
    return f"| {names} | {' '.join(part for part in said if part).replace('|', '&#124;')} |"
