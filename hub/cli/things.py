"""Recipes, events, runs, connections, files, schemas and the gallery on the command line."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from hub.cli.output import FOUND_SOMETHING, fail, format_option, show, table
from hub.cli.running import opened, workspace_option
from hub.connect.manifest import CAPABILITIES, Kind, manifest_schema
from hub.connect.registry import Registry
from hub.engine.context import Installation, check_context
from hub.errors import ConfigError
from hub.journal.queries import EventFilter, RunFilter, as_json
from hub.recipes.checker import check_recipe
from hub.recipes.compiler import compile_recipe
from hub.recipes.schema import recipe_schema
from hub.recipes.testing import run_tests
from hub.vocabulary import all_schemas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hub.jsontypes import Json, JsonObject
    from hub.recipes.findings import Finding


def _recipe_files(paths: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        found += sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
    return [file for file in found if file.parent.name not in {"connections", "forms", "catalogue"}]


@click.command("check")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--workspace", type=click.Path(path_type=Path), help="Check against this installation's connections.")
@click.option("--format", "output_format", type=click.Choice(["text", "json", "github"]), default="text")
@click.pass_context
def check_command(context: click.Context, paths: tuple[Path, ...], workspace: Path | None, output_format: str) -> None:
    """Check recipes before anything runs. Exit code 1 when there are errors.

    Without --workspace every connection name that a connector has is taken to exist.

    Example: hub check recipes/
    """
    findings: list[Finding] = []
    if workspace is not None:
        with opened(workspace) as hub:
            for file in _recipe_files(paths):
                findings += check_recipe(_read(file), str(file), hub.recipes.context(file.stem))
    else:
        registry = Registry.load()
        templates = frozenset(one.stem for path in paths for one in _template_files(path))
        names = {name: name for name in registry.names()} | {"crm": "sandbox_crm"}
        around = check_context(Installation(registry, names, templates, {}))
        for file in _recipe_files(paths):
            findings += check_recipe(_read(file), str(file), around)
    _write_findings(findings, output_format)
    if any(finding.is_error for finding in findings):
        context.exit(FOUND_SOMETHING)


def _template_files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(path.rglob("templates/*.md"))
    return sorted((path.parent.parent / "templates").glob("*.md"))


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        message = f"{file} is not UTF-8."
        raise ConfigError(message, remedy="Save it as UTF-8 in your editor.") from error


def _write_findings(findings: list[Finding], output_format: str) -> None:
    if output_format == "json":
        show(cast("Json", [asdict(one) for one in findings]), "json", str)
    elif output_format == "github":
        for one in findings:
            place = f"file={one.file},line={one.line},col={one.column},endLine={one.end_line}"
            click.echo(f"::{one.severity} {place}::{one.message} {one.remedy}".rstrip())
    else:
        for one in findings:
            click.echo(str(one))
        if not findings:
            click.echo("Nothing is wrong.")


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
            for one in run_tests(compile_recipe(_read(file), str(file)))
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


# -- events and runs ----------------------------------------------------------------------------------------------------


@click.group("events")
def events_group() -> None:
    """What happened."""


@events_group.command("list")
@click.option("--type", "event_type", default="", help="A type, or payment.* for all of a family.")
@click.option("--source", default="", help="A connection's name.")
@click.option("--text", default="", help="An id, mail address or name.")
@click.option("--limit", default=20, show_default=True)
@workspace_option
@format_option()
def events_list(  # noqa: PLR0913 (one parameter per option)
    event_type: str, source: str, text: str, limit: int, workspace: Path | None, output_format: str
) -> None:
    """The newest events.

    Example: hub events list --type payment.succeeded
    """
    with opened(workspace) as hub:
        page = hub.queries.events(EventFilter(event_type, source, "", text), limit=limit)
    if output_format == "json":
        show(as_json([asdict(one) for one in page.items]), "json", str)
    else:
        rows = [
            (one.id, one.created_at.isoformat(" ", "seconds"), one.type, one.source, one.subject) for one in page.items
        ]
        table(("id", "recorded", "type", "from", "about"), rows, "No event fits.")


@events_group.command("show")
@click.argument("event_id")
@workspace_option
def events_show(event_id: str, workspace: Path | None) -> None:
    """One event, whole, as JSON.

    Example: hub events show evt_0193…
    """
    with opened(workspace) as hub:
        show(as_json(asdict(hub.queries.event(event_id))), "json", str)


@events_group.command("send")
@click.argument("event_type")
@click.option("--data", default="{}", help="The event's data as JSON, or @FILE.")
@workspace_option
def events_send(event_type: str, data: str, workspace: Path | None) -> None:
    """Record an event of the hub's own; recipes that wait for it start.

    Example: hub events send course.finished --data '{"course": "c1"}'
    """
    text = Path(data[1:]).read_text(encoding="utf-8") if data.startswith("@") else data
    with opened(workspace) as hub:
        identity, started = hub.runs.record(event_type, cast("JsonObject", json.loads(text)), "cli")
    click.echo(f"{identity} is recorded; {len(started)} recipes start.")


@events_group.command("replay")
@click.argument("event_id")
@click.option("--recipe", help="Only this recipe.")
@workspace_option
def events_replay(event_id: str, recipe: str | None, workspace: Path | None) -> None:
    """Start the recipes of a recorded event anew.

    Example: hub events replay evt_0193… --recipe crm-sync-paid
    """
    with opened(workspace) as hub:
        started = hub.runs.replay(event_id, recipe, "cli")
    click.echo("\n".join(started))


@click.group("runs")
def runs_group() -> None:
    """What recipes did."""


@runs_group.command("list")
@click.option("--recipe", default="", help="Only this recipe.")
@click.option("--status", default="", help="ready, running, waiting, succeeded, failed, cancelled or uncertain.")
@click.option("--text", default="", help="An id, mail address or name.")
@click.option("--limit", default=20, show_default=True)
@workspace_option
@format_option()
def runs_list(recipe: str, status: str, text: str, limit: int, workspace: Path | None, output_format: str) -> None:  # noqa: PLR0913
    """The newest runs.

    Example: hub runs list --status failed
    """
    with opened(workspace) as hub:
        page = hub.queries.runs(RunFilter(recipe, status, "", text), limit=limit)
    if output_format == "json":
        show(as_json([asdict(one) for one in page.items]), "json", str)
    else:
        rows = [
            (one.id, one.created_at.isoformat(" ", "seconds"), one.recipe, one.status, one.cursor) for one in page.items
        ]
        table(("id", "began", "recipe", "status", "last step"), rows, "No run fits.")


@runs_group.command("show")
@click.argument("run_id")
@workspace_option
def runs_show(run_id: str, workspace: Path | None) -> None:
    """One run with every step's input, output and error, as JSON.

    Example: hub runs show run_5f2c…
    """
    with opened(workspace) as hub:
        show(as_json(asdict(hub.queries.run(run_id))), "json", str)


@runs_group.command("retry")
@click.argument("run_id")
@click.option("--newest", is_flag=True, help="Go on with the recipe's newest version.")
@workspace_option
def runs_retry(run_id: str, workspace: Path | None, *, newest: bool) -> None:
    """Let a failed run go on from the step that failed.

    Example: hub runs retry run_5f2c… --newest
    """
    with opened(workspace) as hub:
        hub.runs.retry(run_id, "cli", newest=newest)
    click.echo(f"{run_id} goes on.")


@runs_group.command("cancel")
@click.argument("run_id")
@workspace_option
def runs_cancel(run_id: str, workspace: Path | None) -> None:
    """End a run.

    Example: hub runs cancel run_5f2c…
    """
    with opened(workspace) as hub:
        hub.runs.cancel(run_id, "cli")
    click.echo(f"{run_id} is cancelled.")


# -- connections, gateways, connectors ------------------------------------------------------------------------------------


@click.group("connection")
def connection_group() -> None:
    """Accounts at outside systems."""


@connection_group.command("add")
@click.argument("name")
@click.argument("connector")
@click.option(
    "--fields",
    "fields_file",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="A YAML file of its fields.",
)
@workspace_option
def connection_add(name: str, connector: str, fields_file: Path, workspace: Path | None) -> None:
    """Add a connection from a YAML file of its fields, secrets among them; delete the file afterwards.

    Example: hub connection add stripe-main stripe --fields stripe.yaml
    """
    import yaml  # noqa: PLC0415 (only here)

    fields = yaml.safe_load(_read(fields_file)) or {}
    with opened(workspace) as hub:
        hub.accounts.create(name, connector, fields, "cli")
        address = f"{hub.settings.address}/hooks/{name}"
    click.echo(f"{name} is added. Its webhook address is {address}")


@connection_group.command("list")
@workspace_option
@format_option()
def connection_list(workspace: Path | None, output_format: str) -> None:
    """All connections.

    Example: hub connection list
    """
    with opened(workspace) as hub:
        rows = [(row.name, row.connector, row.enabled, row.health) for row in hub.store.connections()]
    if output_format == "json":
        keys = ("name", "connector", "enabled", "health")
        show(as_json([dict(zip(keys, row, strict=True)) for row in rows]), "json", str)
    else:
        shown = [
            (name, connector, "on" if enabled else "off", health.get("test_message"))
            for name, connector, enabled, health in rows
        ]
        table(("name", "connector", "", "last test"), shown, "There are no connections yet.")


@connection_group.command("test")
@click.argument("name")
@workspace_option
@click.pass_context
def connection_test(context: click.Context, name: str, workspace: Path | None) -> None:
    """Make the connector's cheapest call. Exit code 1 when it fails.

    Example: hub connection test stripe-main
    """
    with opened(workspace) as hub:
        tested = hub.accounts.test(name)
    click.echo(tested.message)
    if not tested.ok:
        context.exit(FOUND_SOMETHING)


@click.command("gateways")
@format_option()
def gateways_command(output_format: str) -> None:
    """What each gateway can do: by itself (native), by the hub, or not (with the reason).

    Example: hub gateways --format json
    """
    manifests = [one for one in Registry.load().manifests() if one.kind is Kind.GATEWAY]
    if output_format == "json":
        cells: list[Json] = [
            {
                "connector": one.name,
                "capabilities": {
                    key: {"status": cell.status.value, "reason": cell.reason} for key, cell in one.capabilities.items()
                },
            }
            for one in manifests
        ]
        show(cells, "json", str)
        return
    rows = [(title, *(one.capabilities[key].status.value for one in manifests)) for key, title in CAPABILITIES.items()]
    table(("", *(one.title for one in manifests)), rows, "There is no gateway.")


@click.group("connector")
def connector_group() -> None:
    """Connectors of your own."""


@connector_group.command("check")
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.pass_context
def connector_check(context: click.Context, folders: tuple[Path, ...]) -> None:
    """Hold connectors to the rules. Exit code 1 when one breaks them.

    Example: hub connector check connectors/stripe
    """
    from hub.connect.conformance import check_connector  # noqa: PLC0415 (only here)

    findings = [(folder, finding) for folder in folders for finding in check_connector(folder)]
    for folder, finding in findings:
        click.echo(f"{folder.name}: {finding}")
    if findings:
        context.exit(FOUND_SOMETHING)
    click.echo("Every rule is kept.")


@connector_group.command("new")
@click.argument("name")
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), default="http", show_default=True)
@workspace_option
@click.pass_context
def connector_new(context: click.Context, name: str, kind: str, workspace: Path | None) -> None:
    """Begin a connector in the workspace's folder `connectors`.

    Example: hub connector new acme_pay --kind gateway
    """
    from hub.config import load_settings  # noqa: PLC0415 (only here)
    from hub.connect.skeleton import new_connector  # noqa: PLC0415 (only here)

    folder = load_settings(workspace=workspace).workspace / "connectors" / name
    if folder.exists():
        fail(context, ConfigError(f"{folder} exists already.", remedy="Choose another name."))
    for path, text in new_connector(name, Kind(kind)).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    click.echo(f"{folder} is made. Check it with: hub connector check {folder}")


# -- files, schemas, gallery ----------------------------------------------------------------------------------------------


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
    click.echo(f"Installed: {', '.join(names)}")


COMMANDS = (
    check_command,
    test_command,
    events_group,
    runs_group,
    connection_group,
    gateways_command,
    connector_group,
    schema_command,
    gallery_group,
)
