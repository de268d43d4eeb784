"""How commands speak: a table or text for people, JSON for machines; 0 well, 1 found something, 2 misuse."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn, TypeVar

import click
from rich.console import Console
from rich.table import Table

from hub.errors import ConfigError, HubError

if TYPE_CHECKING:
    from pathlib import Path

    from hub.jsontypes import Json

FOUND_SOMETHING = 1
MISUSE = 2

_Command = TypeVar("_Command", bound=Callable[..., object])


class Sentences(click.Group):
    """The outermost command: what goes wrong is said in a sentence, on standard error, with exit code 2."""

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
