"""Events and runs on the command line."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from hub.cli.output import format_option, read_text, show, table, workspace_option
from hub.cli.running import opened
from hub.errors import ConfigError
from hub.journal.queries import EventFilter, RunFilter, as_json
from hub.recipes.record import RunStatus

if TYPE_CHECKING:
    from hub.jsontypes import JsonObject


@click.group("events")
def events_group() -> None:
    """What happened."""


@events_group.command("list")
@click.option("--type", "event_type", default="", help="A type, or payment.* for all of a family.")
@click.option("--source", default="", help="A connection's name.")
@click.option("--text", default="", help="An id, mail address or name.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 500), help="How many.")
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
@format_option()
def events_send(event_type: str, data: str, workspace: Path | None, output_format: str) -> None:
    """Record an event of the hub's own; recipes that wait for it start.

    Example: hub events send course.finished --data '{"course": "c1"}'
    """
    value = _event_data(data)
    with opened(workspace) as hub:
        identity, started = hub.runs.record(event_type, value, "cli")
    said = f"{identity} is recorded; {_recipes_start(len(started))}."
    show({"event": identity, "runs": list(started)}, output_format, lambda _: said)


def _event_data(data: str) -> JsonObject:
    text = read_text(Path(data[1:])) if data.startswith("@") else data
    remedy = """Give an object, such as --data '{"course": "c1"}', or a file of one: --data @event.json"""
    try:
        value = json.loads(text)
    except ValueError as error:
        message = f"The event's data is not JSON: {error}."
        raise ConfigError(message, remedy=remedy) from error
    if not isinstance(value, dict):
        message = "The event's data is no JSON object."
        raise ConfigError(message, remedy=remedy)
    return cast("JsonObject", value)


def _recipes_start(count: int) -> str:
    return "one recipe starts" if count == 1 else f"{count} recipes start"


@events_group.command("replay")
@click.argument("event_id")
@click.option("--recipe", help="Only this recipe.")
@workspace_option
@format_option()
def events_replay(event_id: str, recipe: str | None, workspace: Path | None, output_format: str) -> None:
    """Start the recipes of a recorded event anew.

    Example: hub events replay evt_0193… --recipe crm-sync
    """
    with opened(workspace) as hub:
        started = hub.runs.replay(event_id, recipe, "cli")
    said = "\n".join(f"{one} is started." for one in started) or "No recipe waits for this event."
    show({"runs": list(started)}, output_format, lambda _: said)


@click.group("runs")
def runs_group() -> None:
    """What recipes did."""


@runs_group.command("list")
@click.option("--recipe", default="", help="Only this recipe.")
@click.option("--status", type=click.Choice([one.value for one in RunStatus]), help="Only runs in this state.")
@click.option("--text", default="", help="An id, mail address or name.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 500), help="How many.")
@workspace_option
@format_option()
def runs_list(  # noqa: PLR0913 (one parameter per option)
    recipe: str, status: str | None, text: str, limit: int, workspace: Path | None, output_format: str
) -> None:
    """The newest runs.

    Example: hub runs list --status failed
    """
    with opened(workspace) as hub:
        page = hub.queries.runs(RunFilter(recipe, status or "", "", text), limit=limit)
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


COMMANDS = (events_group, runs_group)
