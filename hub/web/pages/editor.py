"""The recipe's page: its text with the checker's findings, trying it without side effects, its tests, saving."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from flask import Response, flash, redirect, render_template, request, url_for

from hub.errors import DeliveryError, HubError
from hub.journal.queries import EventFilter
from hub.jsontypes import canonical_json
from hub.recipes.compiler import compile_text
from hub.recipes.findings import Finding, FindingsError
from hub.recipes.model import EventTrigger
from hub.web.access import Pages, Role
from hub.web.entries import too_long, typed_in
from hub.web.language import editor_language
from hub.web.pages.events import LONGEST_TYPE, parse_object, read_object
from hub.web.pages.recipes import compiled, first_event
from hub.web.sessions import actor, the_hub
from hub.web.starters import starter_named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flask.typing import ResponseReturnValue

    from hub.journal.queries import EventSummary
    from hub.jsontypes import Json, JsonObject
    from hub.recipes.model import Recipe
    from hub.recipes.testing import Play, TestOutcome

pages = Pages("editor", __name__)

_PAST_EVENTS = 10
_LONGEST = {"message": 500, "type": LONGEST_TYPE}


@dataclass(slots=True)
class Outcome:
    """What the last press of a button gave. ``done`` names it: check, try, test or save."""

    done: str = ""
    findings: Sequence[Finding] = ()
    play: Play | None = None
    tests: Sequence[TestOutcome] = ()
    problem: HubError | None = None
    wrong: dict[str, str] = field(default_factory=dict)
    entered: dict[str, str] = field(default_factory=dict)


@pages.page("/new-recipe", Role.EDITOR)
def new() -> ResponseReturnValue:
    """A recipe from a starter, or a copy of another."""
    copied = request.args.get("copy", "")
    text = the_hub().store.recipe(copied).text if copied else starter_named(request.args.get("starter", "")).text
    return _page("", text, Outcome())


@pages.page("/new-recipe", Role.EDITOR, method="POST")
def create() -> ResponseReturnValue:
    """What the new recipe's page asks for."""
    return _act("")


@pages.page("/recipes/<name>", Role.VIEWER)
def edit(name: str) -> ResponseReturnValue:
    """A recipe."""
    row = the_hub().store.recipe(name)
    text = the_hub().store.recipe_version(name, n).text if (n := request.args.get("version", type=int)) else row.text
    return _page(name, text, Outcome())


@pages.page("/recipes/<name>", Role.EDITOR, method="POST")
def act(name: str) -> ResponseReturnValue:
    """What the recipe's page asks for."""
    return _act(name)


@pages.page("/recipe-check", Role.EDITOR, method="POST")
def check() -> ResponseReturnValue:
    """The findings of a text, for the editor: ``{text, name}`` in, ``{findings}`` out."""
    asked = parse_object(request.get_data(as_text=True))
    findings = the_hub().recipes.check(str(asked.get("text") or ""), str(asked.get("name") or ""))
    return _json({"findings": [_finding(one) for one in findings]})


@pages.page("/recipe-language", Role.VIEWER)
def language() -> ResponseReturnValue:
    """What the editor completes and explains."""
    return _json(editor_language(the_hub()))


def _json(value: JsonObject) -> Response:
    return Response(canonical_json(value), mimetype="application/json")


def _finding(one: Finding) -> JsonObject:
    return {
        "line": one.line,
        "column": one.column,
        "end_line": one.end_line,
        "end_column": one.end_column,
        "severity": one.severity.value,
        "message": one.message,
        "remedy": one.remedy,
        "fix": one.fix,
    }


def _act(name: str) -> ResponseReturnValue:
    """Check, try, test or save what was sent, and show the page with the outcome."""
    hub = the_hub()
    text = request.form.get("text", "").replace("\r\n", "\n")
    outcome = Outcome(request.form.get("do", "check"), entered=request.form.to_dict())
    status = 200
    outcome.wrong |= too_long(outcome.entered, _LONGEST)
    try:
        event, given = _tried(outcome) if outcome.done == "try" else ({}, {})
        if outcome.wrong:
            return _page(name, text, outcome), 422
        if outcome.done == "save":
            return _save(name, text)
        if outcome.done == "try":
            outcome.play = hub.recipes.trial(text, name, event, given)
        elif outcome.done == "test":
            outcome.tests = hub.recipes.test(text, name)
        else:
            outcome.findings = hub.recipes.check(text, name)
    except FindingsError as error:
        outcome.findings, status = error.findings, 422
    except HubError as error:
        outcome.problem, status = error, 422
    return _page(name, text, outcome), status


def _save(name: str, text: str) -> ResponseReturnValue:
    hub = the_hub()
    if not name:
        name = _own_name(text)
        if any(row.name == name for row in hub.store.recipes()):
            message = f"There is a recipe {name!r} already."
            raise DeliveryError(message, remedy="Give this one another name in the line `recipe:`.")
    number = hub.recipes.save(name, text, actor(), typed_in(("message",))["message"])
    flash(f"Saved as version {number}.", "success")
    return redirect(url_for("editor.edit", name=name), 303)


def _own_name(text: str) -> str:
    found = compile_text(text, "recipe.yaml")
    if found.recipe is None:
        raise FindingsError(found.findings)
    return found.recipe.name


def _tried(outcome: Outcome) -> tuple[JsonObject, Mapping[str, Json]]:
    """What a recipe is tried with: the event, and step id → output; what is wrong with what was typed is noted."""
    entered, wrong = outcome.entered, outcome.wrong
    text = entered.get("given", "").strip()
    given = (read_object(text, wrong, "given") if text else None) or {}
    if entered.get("event"):
        return _recorded(entered["event"]), given
    data = read_object(entered.get("data", ""), wrong, "data") or {}
    source = entered.get("connection", "").strip() or "hub"
    return {"type": entered.get("type", "").strip(), "connection": source, "data": data}, given


def _recorded(chosen: str) -> JsonObject:
    """A recorded event, to try a recipe with. Raises ``NotFoundError``."""
    detail = the_hub().queries.event(chosen)
    time = detail.summary.time.isoformat().replace("+00:00", "Z")
    return {
        "id": chosen, "type": detail.summary.type, "time": time, "connection": detail.summary.source, "data": detail.data
    }  # fmt: skip


def _page(name: str, text: str, outcome: Outcome) -> str:
    hub = the_hub()
    row = hub.store.recipe(name) if name else None
    recipe = compiled(row) if row is not None else _readable(text)
    kind, data = first_event(recipe)
    return render_template(
        "recipe_editor.html",
        row=row,
        recipe=recipe,
        text=text,
        outcome=outcome,
        changed=row is None or text != row.text,
        past=_past_events(recipe),
        kind=outcome.entered.get("type", kind),
        data=outcome.entered.get("data", data),
        tab="edit",
    )


def _readable(text: str) -> Recipe | None:
    try:
        return compile_text(text, "recipe.yaml").recipe
    except FindingsError:
        return None


def _past_events(recipe: Recipe | None) -> list[EventSummary]:
    """Recorded events that the trigger names, newest first."""
    if recipe is None or not isinstance(recipe.trigger, EventTrigger):
        return []
    queries = the_hub().queries
    found: list[EventSummary] = []
    for pattern in recipe.trigger.patterns:
        chosen = EventFilter(type="" if pattern == "*" else pattern)
        found += cast("tuple[EventSummary, ...]", queries.events(chosen, limit=_PAST_EVENTS).items)
    return sorted(found, key=lambda event: event.id, reverse=True)[:_PAST_EVENTS]
