"""Recipes on the command line: checked, tested, their schemas, the gallery."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from hub.cli.output import FOUND_SOMETHING, format_option, read_text, show, table, workspace_option
from hub.cli.running import opened
from hub.connect.manifest import manifest_schema
from hub.connect.registry import Registry
from hub.engine.catalogue_desk import check_catalogue
from hub.engine.context import Installation, check_context
from hub.engine.file_desk import ConnectorForms
from hub.engine.form_desk import FormDesk, check_form
from hub.recipes.checker import check_recipe
from hub.recipes.compiler import compile_recipe
from hub.recipes.connection_files import read_connection
from hub.recipes.report import report
from hub.recipes.schema import recipe_schema
from hub.recipes.testing import run_tests
from hub.vocabulary import all_schemas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hub.connect.manifest import Manifest
    from hub.jsontypes import Json, JsonObject
    from hub.recipes.context import CheckContext
    from hub.recipes.findings import Finding
    from hub.recipes.report import Format

_BESIDE = frozenset({"connections", "forms", "catalogue"})
"""The folders whose files are no recipes."""
_FORMATS = ("text", "json", "github", "sarif")


def _files(paths: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        found += sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
    return found


def _recipe_files(paths: Iterable[Path]) -> list[Path]:
    return [file for file in _files(paths) if file.parent.name not in _BESIDE]


def _beside(path: Path, folder: str, pattern: str) -> list[Path]:
    """The files of a kind that belong to what is checked: in the folder itself, and in the one beside it."""
    here = path if path.is_dir() else path.parent
    within = here.rglob(f"{folder}/{pattern}") if path.is_dir() else ()
    return sorted({*within, *(here.parent / folder).glob(pattern)})


@click.command("check")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--workspace", type=click.Path(path_type=Path), help="Check against this installation's connections.")
@click.option("--format", "output_format", type=click.Choice(_FORMATS), default="text", show_default=True)
@click.pass_context
def check_command(context: click.Context, paths: tuple[Path, ...], workspace: Path | None, output_format: str) -> None:
    """Check recipes, forms and catalogues before anything runs. Exit code 1 when there are errors.

    Without --workspace there are the connections whose files stand in the folder, and one for each connector, named like it.

    Example: hub check recipes/
    """
    texts = {file: read_text(file) for file in _files(paths) if file.parent.name != "connections"}
    findings: list[Finding] = []
    if workspace is not None:
        with opened(workspace) as hub:
            gateways = FormDesk(hub).gateways()
            for file, text in texts.items():
                findings += _findings(file, text, hub.recipes.context(file.stem), gateways)
    else:
        registry = Registry.load()
        templates = frozenset(one.stem for path in paths for one in _beside(path, "templates", "*.md"))
        names = {name: name for name in registry.names()} | {"crm": "sandbox_crm"} | _connections(paths, registry)
        around = check_context(Installation(registry, names, templates, {}))
        gateways = {name: registry.get(connector).manifest for name, connector in names.items()}
        for file, text in texts.items():
            findings += _findings(file, text, around, gateways)
    click.echo(
        report(findings, cast("Format", output_format), {str(file): text for file, text in texts.items()}), nl=False
    )
    if any(finding.is_error for finding in findings):
        context.exit(FOUND_SOMETHING)


def _findings(file: Path, text: str, around: CheckContext, gateways: Mapping[str, Manifest]) -> list[Finding]:
    """What is wrong with a file, by the folder in which it stands."""
    if file.parent.name == "forms":
        return check_form(text, str(file), gateways, file.stem)
    if file.parent.name == "catalogue":
        return check_catalogue(text, str(file))
    return check_recipe(text, str(file), around)


def _connections(paths: Iterable[Path], registry: Registry) -> dict[str, str]:
    """The connections that files name, each with its connector; one that cannot be read is told by ``hub apply``."""
    found: dict[str, str] = {}
    for file in (one for path in paths for one in _beside(path, "connections", "*.yaml")):
        connection, _ = read_connection(read_text(file), str(file), ConnectorForms(registry))
        if connection is not None and connection.connector in registry.names():
            found[connection.name] = connection.connector
    return found


@click.command("test")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@format_option()
@click.pass_context
def test_command(context: click.Context, paths: tuple[Path, ...], output_format: str) -> None:
    """Run the tests that recipes bring. Nothing is sent anywhere. Exit code 1 when one fails.

    Example: hub test recipes/crm-sync
    """
    results: list[Json] = []
    for file in _recipe_files(paths):
        results += [
            {"file": str(file), **cast("JsonObject", asdict(one))}
            for one in run_tests(compile_recipe(read_text(file), str(file)))
        ]
    rows = [cast("JsonObject", one) for one in results]
    if output_format == "json":
        show(results, "json", str)
    else:
        for one in rows:
            click.echo(f"{'passed' if one['passed'] else 'FAILED'}  {one['file']}  {one['name']}")
            for problem in cast("tuple[str, ...]", one["problems"]):
                click.echo(f"        {problem}")
        if not rows:
            click.echo("These recipes bring no tests.")
    if not all(one["passed"] for one in rows):
        context.exit(FOUND_SOMETHING)


@click.command("schema")
@click.argument("what", type=click.Choice(["recipe", "events", "connector"]))
def schema_command(what: str) -> None:
    """Print a JSON Schema: of recipes, of events, or of a connector's manifest.

    Example: hub schema recipe > recipe.schema.json
    """
    schemas: dict[str, Callable[[], object]] = {
        "recipe": recipe_schema,
        "events": all_schemas,
        "connector": manifest_schema,
    }
    show(cast("Json", schemas[what]()), "json", str)


@click.group("gallery")
def gallery_group() -> None:
    """Stories ready to install."""


@gallery_group.command("list")
@workspace_option
@format_option()
def gallery_list(workspace: Path | None, output_format: str) -> None:
    """The stories.

    Example: hub gallery list
    """
    with opened(workspace) as hub:
        stories = hub.recipes.gallery()
    if output_format == "json":
        show([{"name": name, "title": title} for name, title in stories], "json", str)
    else:
        table(("name", "story"), stories, "The gallery is empty.")


@gallery_group.command("install")
@click.argument("name")
@click.option("--overwrite", is_flag=True, help="Also the recipes that somebody changed; their text stays a version.")
@workspace_option
def gallery_install(name: str, workspace: Path | None, *, overwrite: bool) -> None:
    """Install a story's recipes and templates. Again, it leaves the recipes that somebody changed as they are.

    Example: hub gallery install crm-sync
    """
    with opened(workspace) as hub:
        names = hub.recipes.install(name, "cli", overwrite=overwrite)
        kept = hub.recipes.changed_here(name)
    if kept:
        click.echo(
            f"Left as they are, because somebody changed them: {', '.join(kept)}. --overwrite takes the gallery's."
        )
    click.echo(f"Installed: {', '.join(names) or 'nothing'}. How to try it: /gallery/{name} at your hub's address.")


COMMANDS = (check_command, test_command, schema_command, gallery_group)
