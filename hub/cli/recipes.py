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
from hub.engine.context import Installation, check_context
from hub.recipes.checker import check_recipe
from hub.recipes.compiler import compile_recipe
from hub.recipes.report import report
from hub.recipes.schema import recipe_schema
from hub.recipes.testing import run_tests
from hub.vocabulary import all_schemas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hub.jsontypes import Json, JsonObject
    from hub.recipes.findings import Finding
    from hub.recipes.report import Format

_FORMATS = ("text", "json", "github", "sarif")


def _recipe_files(paths: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        found += sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
    return [file for file in found if file.parent.name not in {"connections", "forms", "catalogue"}]


@click.command("check")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--workspace", type=click.Path(path_type=Path), help="Check against this installation's connections.")
@click.option("--format", "output_format", type=click.Choice(_FORMATS), default="text", show_default=True)
@click.pass_context
def check_command(context: click.Context, paths: tuple[Path, ...], workspace: Path | None, output_format: str) -> None:
    """Check recipes before anything runs. Exit code 1 when there are errors.

    Without --workspace every connection name that a connector has is taken to exist.

    Example: hub check recipes/
    """
    findings: list[Finding] = []
    texts = {str(file): read_text(file) for file in _recipe_files(paths)}
    if workspace is not None:
        with opened(workspace) as hub:
            for file, text in texts.items():
                findings += check_recipe(text, file, hub.recipes.context(Path(file).stem))
    else:
        registry = Registry.load()
        templates = frozenset(one.stem for path in paths for one in _template_files(path))
        names = {name: name for name in registry.names()} | {"crm": "sandbox_crm"}
        around = check_context(Installation(registry, names, templates, {}))
        for file, text in texts.items():
            findings += check_recipe(text, file, around)
    click.echo(report(findings, cast("Format", output_format), texts), nl=False)
    if any(finding.is_error for finding in findings):
        context.exit(FOUND_SOMETHING)


def _template_files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(path.rglob("templates/*.md"))
    return sorted((path.parent.parent / "templates").glob("*.md"))


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
@workspace_option
def gallery_install(name: str, workspace: Path | None) -> None:
    """Install a story's recipes and templates.

    Example: hub gallery install crm-sync
    """
    with opened(workspace) as hub:
        names = hub.recipes.install(name, "cli")
    click.echo(f"Installed: {', '.join(names)}. How to try it: /gallery/{name} at your hub's address.")


COMMANDS = (check_command, test_command, schema_command, gallery_group)
