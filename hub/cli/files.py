"""``hub export``, ``hub apply``, ``hub diff``: recipes, templates, connections, forms and catalogue as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hub.cli.output import FOUND_SOMETHING, MISUSE, workspace_option
from hub.cli.running import opened

if TYPE_CHECKING:
    from hub.recipes.files import Plan

_DIRECTORY = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command("export")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@workspace_option
def export_command(directory: Path, workspace: Path | None) -> None:
    """Write recipes, templates, connections (without secrets), forms and catalogue as files.

    Example: hub export ./shop
    """
    with opened(workspace) as hub:
        paths = hub.files.export(directory)
    click.echo(f"{len(paths)} files are in {directory}.")


@click.command("apply")
@click.argument("directory", type=_DIRECTORY)
@click.option("--yes", is_flag=True, help="Do not ask.")
@workspace_option
@click.pass_context
def apply_command(context: click.Context, directory: Path, workspace: Path | None, *, yes: bool) -> None:
    """Show what the files would change, ask, and change it: all of it or, when anything is wrong, nothing.

    Of each folder that is there (recipes, forms …) what has no file is removed; `hub export` writes all that there is.

    Example: hub apply ./shop --yes
    """
    with opened(workspace) as hub:
        plan = hub.files.plan(directory)
        _show(plan)
        if plan.is_refused:
            click.echo("Nothing was changed: mend the errors first.", err=True)
            context.exit(MISUSE)
        if plan.changes and (yes or click.confirm("Apply this?", err=True)):
            hub.files.apply(plan, "cli")
            click.echo("Applied. Secrets of new connections are entered by hand.")


@click.command("diff")
@click.argument("directory", type=_DIRECTORY)
@workspace_option
@click.pass_context
def diff_command(context: click.Context, directory: Path, workspace: Path | None) -> None:
    """Show what applying the files would change. Exit code 1 when something would, 2 when they are wrong.

    Example: hub diff ./shop
    """
    with opened(workspace) as hub:
        plan = hub.files.plan(directory)
    _show(plan)
    if plan.is_refused:
        context.exit(MISUSE)
    if plan.changes:
        context.exit(FOUND_SOMETHING)


def _show(plan: Plan) -> None:
    for change in plan.changes:
        click.echo(change.diff, nl=False)
    for finding in plan.findings:
        click.echo(str(finding), err=True)
    counts = f"{len(plan.add)} to add, {len(plan.change)} to change, {len(plan.remove)} to remove."
    click.echo(counts if plan.changes else "Nothing differs.")


COMMANDS = (export_command, apply_command, diff_command)
