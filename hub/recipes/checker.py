"""Everything that can be said of a recipe before it runs, with the place and the remedy."""

from __future__ import annotations

import json
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, cast

import jsonschema_rs

from hub.errors import RecipeError
from hub.recipes.call_checks import CallChecks
from hub.recipes.compiler import compile_text
from hub.recipes.context import CheckContext
from hub.recipes.emissions import emissions, feeding_circle
from hub.recipes.expression_checks import NOT_IN_FAILURE, ExpressionChecks
from hub.recipes.findings import (
    MOST_FINDINGS,
    Finding,
    FindingsError,
    Severity,
    Span,
    did_you_mean,
    in_order,
    nearest,
    suggested,
)
from hub.recipes.model import EventTrigger
from hub.recipes.schedule_checks import cron_problem, zone_problem
from hub.recipes.scopes import Surroundings, event_schema, inputs_schema
from hub.recipes.secret_checks import secret_findings
from hub.recipes.step_checks import StepChecks, ids_of
from hub.recipes.structure import shown
from hub.recipes.testing import test_findings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.recipes.compiler import Compiled
    from hub.recipes.document import Document, Path
    from hub.recipes.model import Recipe, ScheduleTrigger

__all__ = ["CheckContext", "check_recipe"]

SCHEDULE_TICK = "schedule.tick"
_ALMOST = 0.85
_UNREAD = frozenset({"expression", "cut_by_comment", "wrapped_expression"})


def check_recipe(text: str, file: str, context: CheckContext) -> list[Finding]:
    """All findings about a recipe, in the order of its lines, its tests' failures among them. Never raises for any text."""
    try:
        compiled = compile_text(text, file, context.limits)
    except FindingsError as error:
        return list(error.findings)
    findings = [*compiled.findings, *secret_findings(compiled.document)]
    if compiled.draft is not None:
        findings += _apart(_Check(compiled, compiled.draft, context).findings(), compiled.findings)
    recipe = compiled.recipe
    if recipe is not None and context.run_tests and not any(one.is_error for one in findings):
        findings += test_findings(compiled.document, recipe, context)
    return _bounded(in_order(findings))


def _bounded(findings: list[Finding]) -> list[Finding]:
    """The first findings, and that there are more."""
    if len(findings) <= MOST_FINDINGS:
        return findings
    last = findings[MOST_FINDINGS - 1]
    place = Span(last.line, last.column, last.end_line, last.end_column)
    message = f"More than {MOST_FINDINGS} things are wrong; the others are not shown."
    return [*findings[:MOST_FINDINGS], Finding.at(last.file, place, "more", message, "Mend these first.")]


def _apart(findings: list[Finding], told: Sequence[Finding]) -> list[Finding]:
    """Without those about a value whose expression could not be read: that is said already."""
    unread = [(one.line, one.column) for one in told if one.code in _UNREAD]
    return [
        one
        for one in findings
        if not any((one.line, one.column) <= place < (one.end_line, one.end_column) for place in unread)
    ]


class _Check:
    """What compiling alone cannot see of one recipe."""

    def __init__(self, compiled: Compiled, recipe: Recipe, context: CheckContext) -> None:
        self._compiled = compiled
        self._document: Document = compiled.document
        self._recipe = recipe
        self._context = context
        self._findings: list[Finding] = []

    def findings(self) -> list[Finding]:
        recipe, vocabulary = self._recipe, self._context.vocabulary
        trigger = recipe.trigger
        types = trigger.patterns if isinstance(trigger, EventTrigger) else (SCHEDULE_TICK,)
        surroundings = Surroundings(event_schema(types, vocabulary), inputs_schema(recipe))
        expressions = ExpressionChecks(self._document, self._findings)
        self._inputs()
        self._trigger()
        before = Surroundings(surroundings.event, surroundings.inputs, reads_steps=False)
        if trigger.where is not None:
            expressions.expression(trigger.where, ("on", "where"), before)
        if recipe.concurrency is not None:
            expressions.template(recipe.concurrency.key, ("concurrency", "key"), before)
        steps = StepChecks(
            self._document,
            self._compiled.step_paths,
            self._context,
            expressions,
            CallChecks(self._document, recipe, self._context, self._findings),
            self._event_types,
            self._findings,
        )
        failure_ids = [one for step in recipe.on_failure for one in ids_of(step)]
        after = steps.steps(recipe.steps, surroundings.hiding(failure_ids, NOT_IN_FAILURE))
        inside = Surroundings(after.event, after.inputs, after.steps, after.hidden, failed=True)
        steps.steps(recipe.on_failure, inside)
        self._circles()
        return self._findings

    def _say(  # noqa: PLR0913 (the parts of a finding)
        self,
        path: Path,
        code: str,
        message: str,
        remedy: str = "",
        *,
        severity: Severity = Severity.ERROR,
        fix: str | None = None,
    ) -> None:
        self._findings.append(self._document.finding(path, code, message, remedy, severity=severity, fix=fix))

    def _inputs(self) -> None:
        for name, one in self._recipe.inputs.items():
            path: Path = ("inputs", name)
            try:
                validator = jsonschema_rs.validator_for(json.dumps(one.schema), validate_formats=True, offline=True)
            except ValueError as error:
                reason = str(error).splitlines()[0]
                self._say(path, "bad_schema", f"The input {name!r} is not described by a JSON Schema: {reason}.")
                continue
            written = cast("dict[str, object]", self._document.value)["inputs"]
            if "default" not in cast("dict[str, dict[str, object]]", written)[name]:
                message = f"The input {name!r} has no default; it is null until somebody sets it."
                self._say(path, "no_default", message, "Add default: …", severity=Severity.WARNING)
            elif not validator.is_valid(one.default):
                message = f"The default of {name!r}, {shown(one.default)}, does not fit the input's own description."
                self._say((*path, "default"), "bad_default", message, "Give a default of that type.")

    def _trigger(self) -> None:
        trigger = self._recipe.trigger
        if not isinstance(trigger, EventTrigger):
            self._schedule(trigger)
            return
        self._event_types(trigger.patterns, ("on", "event"))
        known = {*self._context.connections, "hub"}
        for number, name in enumerate(trigger.connections):
            if name not in known:
                path = self._item(("on", "from"), number)
                remedy = did_you_mean(name, known)
                self._say(
                    path, "unknown_connection", f"There is no connection {name!r}.", remedy, fix=nearest(name, known)
                )

    def _item(self, path: Path, number: int) -> Path:
        """The place of one of several: the value itself when there is only one, not in a list."""
        return (*path, number) if self._document.node((*path, number)) is not None else path

    def _event_types(self, patterns: Sequence[str], path: Path) -> None:
        """Each type must be the hub's or a possible own one; one that is nearly the hub's is doubted."""
        vocabulary = self._context.vocabulary
        known = vocabulary.event_types()
        for number, pattern in enumerate(patterns):
            place = self._item(path, number)
            if "*" in pattern:
                family = pattern.partition(".")[0]
                families = {name.partition(".")[0] for name in known}
                near = nearest(family, families)
                if pattern != "*" and family not in families and _almost_equal(family, near):
                    message = f"No event of the hub fits {pattern!r}; only events of your own would."
                    self._say(place, "unknown_event", message, f"Did you mean '{near}.*'?", severity=Severity.WARNING)
            elif not vocabulary.expand(pattern):
                near = vocabulary.nearest(pattern)
                remedy = f"Did you mean {near!r}?" if near else "See the reference of events."
                self._say(place, "unknown_event", f"There is no event {pattern!r}.", remedy, fix=near)
            elif pattern not in known and self._is_doubtful(pattern):
                near = vocabulary.nearest(pattern)
                message = f"{pattern!r} is none of the hub's events; only one of your own could have that name."
                remedy = f"Did you mean {near!r}?"
                self._say(place, "unknown_event", message, remedy, severity=Severity.WARNING, fix=near)

    def _is_doubtful(self, name: str) -> bool:
        """Whether an own event's name is almost one of the hub's, and no recipe emits it."""
        if not _almost_equal(name, self._context.vocabulary.nearest(name)):
            return False
        recipes = [self._recipe, *self._context.recipes.values()]
        return not any(one.type == name for recipe in recipes for one in emissions(recipe))

    def _schedule(self, trigger: ScheduleTrigger) -> None:
        place: Path = ("on", "schedule")
        problem = cron_problem(trigger.cron)
        if problem is not None:
            self._say((*place, "cron"), "schedule", *problem)
        zone = zone_problem(trigger.timezone)
        if zone is not None:
            self._say((*place, "timezone"), "time_zone", *zone, fix=suggested(zone[1]))
        if problem is None and zone is None and self._context.schedules is not None:
            try:
                self._context.schedules(trigger.cron, trigger.timezone)
            except RecipeError as error:
                self._say((*place, "cron"), "schedule", error.message, error.remedy)

    def _circles(self) -> None:
        for emission in emissions(self._recipe):
            circle = feeding_circle(self._recipe, emission, self._context.recipes)
            if circle is None:
                continue
            names, certain = circle
            way = " → ".join(names)
            path = (*self._compiled.step_paths[emission.step], "with", "type")
            if certain:
                message = f"This event starts the recipe again, without end: {way}."
                self._say(path, "circle", message, "Emit another event, or stop the circle with a where or an if.")
            else:
                message = f"This event may start the recipe again: {way}."
                remedy = "Make sure that a where or an if on the way ends the circle."
                self._say(path, "circle", message, remedy, severity=Severity.WARNING)


def _almost_equal(first: str, second: str | None) -> bool:
    return second is not None and SequenceMatcher(None, first, second).ratio() >= _ALMOST
