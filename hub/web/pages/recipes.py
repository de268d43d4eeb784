"""Recipes: the list, the gallery, versions, inputs, switching, starting by hand."""

from __future__ import annotations

import difflib
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, url_for

from hub.errors import DeliveryError, HubError, RecipeError
from hub.journal.queries import RunFilter
from hub.recipes.compiler import compile_recipe
from hub.recipes.findings import FindingsError
from hub.recipes.model import EventTrigger
from hub.vocabulary import VOCABULARY
from hub.web.access import Pages, Role
from hub.web.entries import too_long, typed_in
from hub.web.fields import kind_of, read_field, shown_text
from hub.web.formatting import pretty
from hub.web.pages.events import LONGEST_TYPE, read_object, sample_data
from hub.web.sessions import actor, the_hub
from hub.web.starters import STARTERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue

    from hub.journal.rows import RecipeRow
    from hub.jsontypes import Json
    from hub.recipes.model import Recipe

pages = Pages("recipes", __name__)

_LOOKED_BACK = timedelta(days=30)


def compiled(row: RecipeRow) -> Recipe | None:
    """The recipe of a row; None when its text is wrong (a connector that it needs is gone, say)."""
    try:
        return the_hub().library.get(row.name, row.n).recipe
    except HubError:
        return None


def trigger_words(recipe: Recipe | None) -> str:
    """What starts it, in a few words."""
    if recipe is None:
        return "cannot be read"
    trigger = recipe.trigger
    if isinstance(trigger, EventTrigger):
        return ", ".join(trigger.patterns) + (f" from {', '.join(trigger.connections)}" if trigger.connections else "")
    return f"schedule {trigger.cron} ({trigger.timezone})"


@pages.page("/recipes", Role.VIEWER)
def index() -> ResponseReturnValue:
    """All recipes with their last run and how they fared."""
    hub = the_hub()
    wanted = request.args.get("text", "").strip().lower()
    outcomes = hub.queries.recipe_outcomes(hub.now() - _LOOKED_BACK)
    shown = []
    for row in hub.store.recipes():
        recipe = compiled(row)
        title = recipe.title if recipe is not None else row.name
        if wanted and wanted not in f"{row.name} {title} {trigger_words(recipe)}".lower():
            continue
        counts = Counter(outcomes.get(row.name, {}))
        ended = counts["succeeded"] + counts["failed"]
        last = hub.queries.runs(RunFilter(recipe=row.name), limit=1).items
        rate = round(100 * counts["succeeded"] / ended) if ended else None
        shown.append((row, title, trigger_words(recipe), last[0] if last else None, rate, sum(counts.values())))
    return render_template("recipes.html", shown=shown, text=wanted)


@pages.page("/gallery", Role.VIEWER)
def gallery() -> ResponseReturnValue:
    """Stories to install and starters to write from."""
    desk = the_hub().recipes
    installed = desk.installed_stories()
    return render_template("gallery.html", stories=desk.gallery(), starters=STARTERS, installed=installed)


@pages.page("/gallery/<name>", Role.VIEWER)
def story(name: str) -> ResponseReturnValue:
    """What a story is and how to try it: its README."""
    desk = the_hub().recipes
    from hub.web.readme import readme_markup  # noqa: PLC0415 (Markdown is loaded with the first story)

    text = readme_markup(desk.readme(name))
    installed = name in desk.installed_stories()
    changed, title = desk.changed_here(name), dict(desk.gallery())[name]
    return render_template("story.html", name=name, title=title, text=text, installed=installed, changed=changed)


@pages.page("/gallery/<name>", Role.EDITOR, method="POST")
def install(name: str) -> ResponseReturnValue:
    """Install a story, and show how to try it. What somebody changed stays, unless they say that it shall not."""
    desk = the_hub().recipes
    names = desk.install(name, actor(), overwrite=request.form.get("overwrite") == "on")
    if names:
        flash(f"Installed and switched on: {', '.join(names)}.", "success")
    if kept := desk.changed_here(name):
        flash(f"Left as they are, because somebody changed them: {', '.join(kept)}.", "info")
    return redirect(url_for("recipes.story", name=name), 303)


@pages.page("/recipes/<name>/switch", Role.EDITOR, method="POST")
def switch(name: str) -> ResponseReturnValue:
    """On or off for new events."""
    enabled = request.form.get("enabled") == "on"
    try:
        the_hub().recipes.enable(name, actor(), enabled=enabled)
        flash(f"{name} is {'on: events start it from now' if enabled else 'off: events do not start it'}.", "success")
    except FindingsError as error:
        flash(f"{name} stays off, as its text has errors. {error}", "danger")
        return redirect(url_for("editor.edit", name=name), 303)
    at_recipe = request.form.get("back") == "recipe"
    return redirect(url_for("editor.edit", name=name) if at_recipe else url_for("recipes.index"), 303)


@pages.page("/recipes/<name>/delete", Role.EDITOR, method="POST")
def delete(name: str) -> ResponseReturnValue:
    """Take it away; versions and runs stay."""
    the_hub().recipes.delete(name, actor())
    flash(
        f"{name} is deleted. Its runs stay readable, and saving a recipe of this name brings its versions back.",
        "success",
    )
    return redirect(url_for("recipes.index"), 303)


@pages.page("/recipes/<name>/versions", Role.VIEWER)
def versions(name: str) -> ResponseReturnValue:
    """All versions, and the difference between two of them."""
    hub = the_hub()
    row = hub.store.recipe(name)
    found = hub.store.recipe_versions(name)
    numbers = [version.n for version in found]
    new = request.args.get("new", type=int) or row.n
    older = [n for n in numbers if n < new]
    old = request.args.get("old", type=int) or (older[0] if older else new)
    texts = {n: hub.store.recipe_version(name, n).text for n in (old, new)}
    lines = list(
        difflib.unified_diff(
            texts[old].splitlines(),
            texts[new].splitlines(),
            f"version {old}",
            f"version {new}",
            lineterm="",
            n=4,
        )
    )
    return render_template(
        "recipe_versions.html",
        row=row,
        recipe=compiled(row),
        versions=found,
        old=old,
        new=new,
        lines=lines[2:],
        tab="versions",
    )


@pages.page("/recipes/<name>/versions/<int:n>/restore", Role.EDITOR, method="POST")
def restore(name: str, n: int) -> ResponseReturnValue:
    """Make an older version the current one again, as a new version."""
    hub = the_hub()
    try:
        number = hub.recipes.save(name, hub.store.recipe_version(name, n).text, actor(), f"Back to version {n}")
    except FindingsError as error:
        flash(f"Version {n} cannot be used any more: {error}", "danger")
        return redirect(url_for("recipes.versions", name=name, new=n), 303)
    flash(f"Version {n} is back as version {number}.", "success")
    return redirect(url_for("recipes.versions", name=name), 303)


@pages.page("/recipes/<name>/inputs", Role.VIEWER)
def inputs(name: str) -> ResponseReturnValue:
    """The installation's values for the recipe's inputs."""
    return _inputs_form(name)


@pages.page("/recipes/<name>/inputs", Role.EDITOR, method="POST")
def do_inputs(name: str) -> ResponseReturnValue:
    """Keep them; what is left empty is the recipe's default."""
    hub = the_hub()
    recipe = compile_recipe(hub.store.recipe(name).text, f"{name}.yaml")
    values: dict[str, Json] = {}
    typed, wrong = typed_in(recipe.inputs, _inputs_of_lines(recipe)), dict[str, str]()
    for key, entry in recipe.inputs.items():
        value = read_field(entry.schema, typed[key], key, wrong)
        if value is not None:
            values[key] = value
    if wrong:
        return _inputs_form(name, typed, wrong), 422
    hub.recipes.set_inputs(name, values, actor())
    flash("Saved. Runs that start from now use these values.", "success")
    return redirect(url_for("recipes.inputs", name=name), 303)


def _inputs_form(name: str, typed: Mapping[str, str] | None = None, wrong: Mapping[str, str] | None = None) -> str:
    row = the_hub().store.recipe(name)
    recipe = compiled(row)
    known = recipe.inputs if recipe is not None else {}
    set_here = {key: shown_text(known[key].schema, value) for key, value in row.inputs.items() if key in known}
    usual = {key: shown_text(one.schema, one.default) for key, one in known.items() if one.default not in (None, "")}
    return render_template(
        "recipe_inputs.html", row=row, recipe=recipe, typed=typed or set_here, wrong=wrong or {}, tab="inputs",
        usual=usual, of_lines=_inputs_of_lines(recipe),
    )  # fmt: skip


def _inputs_of_lines(recipe: Recipe | None) -> set[str]:
    """The inputs that are entered in a field of several lines: lists, and what is written as JSON."""
    known = recipe.inputs if recipe is not None else {}
    return {key for key, one in known.items() if kind_of(one.schema) in {"lines", "json"}}


@pages.page("/recipes/<name>/start", Role.EDITOR)
def start(name: str) -> ResponseReturnValue:
    """The form for starting it by hand."""
    kind, data = first_event(compiled(the_hub().store.recipe(name)))
    return _start_form(name, {"type": kind, "data": data}, {})


@pages.page("/recipes/<name>/start", Role.EDITOR, method="POST")
def do_start(name: str) -> ResponseReturnValue:
    """Start it with an event of one's own, for real."""
    typed = typed_in(("type", "data"), ("data",))
    wrong = too_long(typed, {"type": LONGEST_TYPE})
    data = read_object(typed["data"], wrong, "data")
    if data is None or wrong:
        return _start_form(name, typed, wrong), 422
    try:
        run = the_hub().recipes.start(name, {"type": typed["type"], "data": data}, actor())
    except (DeliveryError, RecipeError) as error:
        return _start_form(name, typed, {"data": str(error)}), 422
    flash("Started by hand. This is the run.", "success")
    return redirect(url_for("runs.show", run_id=run), 303)


def first_event(recipe: Recipe | None) -> tuple[str, str]:
    """Type and data (as text) of an event that the recipe's trigger takes."""
    if recipe is None or not isinstance(recipe.trigger, EventTrigger):
        return "schedule.tick", pretty(sample_data("schedule.tick"))
    pattern = recipe.trigger.patterns[0]
    kind = next(iter(VOCABULARY.expand(pattern)), pattern)
    for test in recipe.tests:
        if test.event.get("type") == kind:
            return kind, pretty(test.event.get("data"))
    return kind, pretty(sample_data(kind))


def _start_form(name: str, typed: Mapping[str, str], wrong: Mapping[str, str]) -> str:
    row = the_hub().store.recipe(name)
    return render_template("recipe_start.html", row=row, recipe=compiled(row), typed=typed, wrong=wrong, tab="start")
