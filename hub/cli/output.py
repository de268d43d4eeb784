"""How commands speak: a table or text for people, JSON for machines; 0 well, 1 found something, 2 misuse."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from hub.errors import ConfigError, HubError

if TYPE_CHECKING:
    from hub.jsontypes import Json

FOUND_SOMETHING = 1
MISUSE = 2

_Command = TypeVar("_Command", bound=Callable[..., object])


class Sentences(click.Group):
    """The outermost command: what goes wrong is said in a sentence, on standard error, with exit code 2.

    ``modules`` says for each command where it is; only the module of the command that is asked for is loaded.
    """

    def __init__(self, *arguments: Any, modules: Mapping[str, str], **options: Any) -> None:  # noqa: ANN401 (click's own)
        super().__init__(*arguments, **options)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, sorted."""
        del ctx
        return sorted(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, its module loaded."""
        del ctx
        if cmd_name not in self._modules:
            return None
        commands: Sequence[click.Command] = importlib.import_module(self._modules[cmd_name]).COMMANDS
        return next(command for command in commands if command.name == cmd_name)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except HubError as error:
            fail(ctx, error)
        except BrokenPipeError:
            raise  # the reader of the output has gone; click ends quietly
        except OSError as error:
            remedy = "Check the path, and that you may read and write there."
            fail(ctx, ConfigError(f"{error.filename or 'A file'}: {error.strerror or error}.", remedy=remedy))


def workspace_option(command: _Command) -> _Command:
    """``--workspace``: which installation."""
    return click.option(
        "--workspace", type=click.Path(path_type=Path), help="The installation's folder; ./hub-data when left out."
    )(command)


def format_option(default: str = "table") -> Callable[[_Command], _Command]:
    """``--format``: how the result is written."""
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(["table", "json"]),
        default=default,
        show_default=True,
        help="For people or for machines.",
    )


def show(value: Json, output_format: str, text: Callable[[Json], str]) -> None:
    """Write ``value`` as JSON, or as ``text`` makes of it for people."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False) if output_format == "json" else text(value))


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """Write a table for people, or ``empty`` when there is nothing to list."""
    if not rows:
        click.echo(empty)
        return
    from rich.console import Console  # noqa: PLC0415 (a server never prints a table)
    from rich.table import Table  # noqa: PLC0415

    made = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        made.add_row(*("" if cell is None else str(cell) for cell in row))
    width = None if sys.stdout.isatty() else 200
    Console(width=width, highlight=False, markup=False).print(made)


def fail(context: click.Context, error: Exception) -> NoReturn:
    """Say what is wrong and how to mend it, on standard error, and end with 2."""
    click.echo(f"hub: {error}", err=True)
    if isinstance(error, HubError) and not error.remedy:
        click.echo("hub: see `hub doctor` for the state of this installation.", err=True)
    context.exit(MISUSE)
    raise AssertionError  # exit() never returns


def read_text(file: Path) -> str:
    """A file's text. Raises ``ConfigError`` when it is not UTF-8, ``OSError`` when it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        message = f"{file} is not UTF-8."
        raise ConfigError(message, remedy="Save it as UTF-8 in your editor.") from error
