"""Walks a recipe's steps with the scope that each of them sees, and judges every part of every form."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from hub.expressions import compile_expression
from hub.expressions.inference import infer
from hub.expressions.shapes import Shape, items, kinds
from hub.recipes.expression_checks import IN_LOOP, ITSELF, LATER, OTHER_BRANCH
from hub.recipes.findings import Finding, Severity
from hub.recipes.input_checks import type_problem
from hub.recipes.model import (
    AskStep,
    BranchStep,
    CallStep,
    LoopStep,
    SetStep,
    SleepStep,
    StopStep,
    SwitchStep,
    WaitStep,
)
from hub.recipes.scopes import ANYTHING, BRANCH, MOMENT, bounded, closed, event_schema, outcome_schema
from hub.recipes.steps import switch_cases
from hub.recipes.yaml_errors import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from hub.expressions import Template
    from hub.jsontypes import Json, JsonSchema
    from hub.recipes.call_checks import CallChecks
    from hub.recipes.context import CheckContext
    from hub.recipes.document import Document, Path
    from hub.recipes.expression_checks import ExpressionChecks
    from hub.recipes.model import Recipe, Step
    from hub.recipes.scopes import Surroundings

_NUMBERS = frozenset({"number", "integer"})
_OF_AN_EVENT = re.compile(r"data(?:\.\w+)+")


class StepChecks:
    """Checks the steps of one recipe; what is wrong is added to ``findings``."""

    def __init__(  # noqa: PLR0913 (what a walk needs)
        self,
        document: Document,
        step_paths: Mapping[str, Path],
        context: CheckContext,
        expressions: ExpressionChecks,
        calls: CallChecks,
        event_types: Callable[[Sequence[str], Path], None],
        findings: list[Finding],
    ) -> None:
        self._document = document
        self._paths = step_paths
        self._vocabulary = context.vocabulary
        self._most_items = context.limits.loop_items
        self._expressions = expressions
        self._calls = calls
        self._event_types = event_types
        self._findings = findings

    def steps(self, steps: Sequence[Step], surroundings: Surroundings) -> Surroundings:
        """Judge steps one after the other; give the scope after them."""
        surroundings = surroundings.hiding((one for step in steps for one in ids_of(step)), LATER)
        ended_by: Step | None = None
        for step in steps:
            if ended_by is not None:
                line = self._document.value_span(self._paths[ended_by.id]).line
                message = "This step is never reached."
                remedy = f"The step in line {line} always ends the run before; give it an if, or delete what follows."
                self._say(self._paths[step.id], "unreachable", message, remedy, severity=Severity.WARNING)
                break
            surroundings = self._step(step, surroundings)
            ended_by = step if _always_ends(step) else None
        return surroundings

    def _say(
        self, path: Path, code: str, message: str, remedy: str = "", *, severity: Severity = Severity.ERROR
    ) -> None:
        self._findings.append(self._document.finding(path, code, message, remedy, severity=severity))

    def _step(self, step: Step, surroundings: Surroundings) -> Surroundings:
        path = self._paths[step.id]
        surroundings = surroundings.hiding([step.id], ITSELF)
        if step.condition is not None:
            self._expressions.expression(step.condition, (*path, "if"), surroundings)
        output, after = self._form(step, path, surroundings)
        after = after.with_step(step.id, outcome_schema(step, bounded(output)))
        return self._aside(step.on_error, after)

    def _aside(self, steps: object, surroundings: Surroundings) -> Surroundings:
        """Steps of ``on_error`` or ``on_timeout``, where there are some; what they give may be read afterwards."""
        if isinstance(steps, tuple):
            return self.steps(cast("tuple[Step, ...]", steps), surroundings)
        return surroundings

    def _form(self, step: Step, path: Path, surroundings: Surroundings) -> tuple[JsonSchema, Surroundings]:
        """What the step gives, and the scope after it without itself."""
        match step:
            case CallStep():
                return self._call(step, path, surroundings), surroundings
            case SetStep():
                return self._expressions.template(step.values, (*path, "set"), surroundings), surroundings
            case SleepStep():
                return self._sleep(step, path, surroundings), surroundings
            case WaitStep():
                return self._wait(step, path, surroundings)
            case AskStep():
                return self._ask(step, path, surroundings)
            case BranchStep():
                self._expressions.expression(step.test, (*path, "if"), surroundings)
                return BRANCH, self._branches([step.then, step.otherwise], surroundings)
            case SwitchStep():
                self._switch(step, path, surroundings)
                return BRANCH, self._branches([*(steps for _, steps in step.cases), step.default], surroundings)
            case LoopStep():
                return self._loop(step, path, surroundings)
            case StopStep():
                self._expressions.template(step.reason, (*path, "stop", "reason"), surroundings)
                return ANYTHING, surroundings

    def _call(self, step: CallStep, path: Path, surroundings: Surroundings) -> JsonSchema:
        self._expressions.template(step.connection, (*path, "call"), surroundings)
        given = self._expressions.template(step.arguments, (*path, "with"), surroundings)
        rendered = dict(_computed(step.arguments, given))
        if isinstance(step.arguments.value, str) and (problem := type_problem(given, frozenset({"object"}))):
            self._say(
                (*path, "with"), "wrong_type", f"`with` must be keys with values; the expression gives {problem}."
            )
        return self._calls.call(step, path, rendered)

    def _sleep(self, step: SleepStep, path: Path, surroundings: Surroundings) -> JsonSchema:
        given, key = ANYTHING, "for"
        if step.until is not None:
            given, key = self._expressions.expression(step.until, (*path, "wait", "until"), surroundings), "until"
        elif step.duration is not None:
            given = self._expressions.template(step.duration, (*path, "wait", "for"), surroundings)
        problem = type_problem(given, frozenset({"string"}))
        if problem is not None:
            wanted = "a moment like 2026-11-23T09:00:00Z" if key == "until" else "a duration like 3d"
            self._say((*path, "wait", key), "wrong_type", f"`{key}` must give {wanted}; this gives {problem}.")
        return MOMENT

    def _wait(self, step: WaitStep, path: Path, surroundings: Surroundings) -> tuple[JsonSchema, Surroundings]:
        place = (*path, "wait")
        self._event_types(step.types, (*place, "event"))
        event = event_schema(step.types, self._vocabulary)
        for field, template in step.match.items():
            self._match(field, template, event, (*place, "match", field), surroundings)
        if step.where is not None:
            inside = surroundings.with_step(step.id, outcome_schema(step, event))
            self._expressions.expression(step.where, (*place, "where"), inside)
        if not step.match and step.where is None:
            message = "This wait takes the next event of its type, whoever's it is."
            remedy = 'Say which one is meant: match: {data.job: "${ event.data.job }"}.'
            self._say(place, "no_match", message, remedy, severity=Severity.WARNING)
        after = surroundings.with_step(step.id, outcome_schema(step, event))
        return event, self._aside(step.on_timeout, after)

    def _match(self, field: str, template: Template, event: JsonSchema, path: Path, surroundings: Surroundings) -> None:
        inference = infer(compile_expression(field), event)
        for found in inference.findings:
            severity = Severity.ERROR if found.severity == "error" else Severity.WARNING
            finding = self._document.finding(path, found.code, found.message, at_key=True, severity=severity)
            self._findings.append(finding)
        if isinstance(template.value, str) and _OF_AN_EVENT.fullmatch(template.value):
            fix = f"${{ event.{template.value} }}"
            message = f"This is the plain text {template.value!r}, not what the first event has there."
            finding = self._document.finding_within(
                path, 0, len(template.value), "plain_text", message, f"Write {fix}", severity=Severity.WARNING, fix=fix
            )
            self._findings.append(finding)
        given = self._expressions.template(template, path, surroundings)
        wanted = kinds(Shape(inference.schema, inference.schema))
        problem = type_problem(given, wanted)
        if problem is not None:
            message = f"This never matches: {field} is {' or '.join(sorted(wanted))}, and this gives {problem}."
            self._say(path, "never_equal", message, severity=Severity.WARNING)

    def _ask(self, step: AskStep, path: Path, surroundings: Surroundings) -> tuple[JsonSchema, Surroundings]:
        for key, template in (("whom", step.whom), ("question", step.question)):
            given = self._expressions.template(template, (*path, "ask", key), surroundings)
            problem = type_problem(given, frozenset({"string"}))
            if problem is not None:
                self._say((*path, "ask", key), "wrong_type", f"`{key}` must be text; this gives {problem}.")
        answer: JsonSchema = {"enum": list(step.answers)}
        after = surroundings.with_step(step.id, outcome_schema(step, answer))
        return answer, self._aside(step.on_timeout, after)

    def _branches(self, branches: Sequence[Sequence[Step]], surroundings: Surroundings) -> Surroundings:
        """Each branch sees what came before; after them the steps of all can be read (null where not taken)."""
        seen = dict(surroundings.steps)
        for branch in branches:
            others = [one for other in branches if other is not branch for step in other for one in ids_of(step)]
            seen |= self.steps(branch, surroundings.hiding(others, OTHER_BRANCH)).steps
        return replace(surroundings, steps=seen)

    def _switch(self, step: SwitchStep, path: Path, surroundings: Surroundings) -> None:
        given = self._expressions.expression(step.value, (*path, "switch"), surroundings)
        for name, case in switch_cases(self._document, path):
            wanted = _kinds_of(case)
            if wanted & kinds(Shape(given, given)):
                continue
            is_text = kinds(Shape(given, given)) - {"null"} == {"string"}
            message = f"This case never fits: switch gives {type_problem(given, wanted) or 'something else'}."
            fix = quoted(name) if is_text else None
            remedy = f"Put it in quotes: {fix}." if fix else "Write the case as a value of that type."
            finding = self._document.finding(
                (*path, "cases", name), "never_equal", message, remedy, at_key=True, severity=Severity.WARNING, fix=fix
            )
            self._findings.append(finding)

    def _loop(self, step: LoopStep, path: Path, surroundings: Surroundings) -> tuple[JsonSchema, Surroundings]:
        given = self._expressions.expression(step.items, (*path, "for_each"), surroundings)
        self._list(given, (*path, "for_each"))
        inside = surroundings.with_item(bounded(items(Shape(given, given)).standalone()))
        if step.single:
            output, after = self._form(step.body[0], path, inside)
        else:
            after = self.steps(step.body, inside)
            members = {one.id: _output(after.steps.get(one.id, ANYTHING)) for one in step.body}
            output = closed(cast("dict[str, Json]", members))
        outcome = outcome_schema(step, output)
        if step.stop_when is not None:
            self._expressions.expression(step.stop_when, (*path, "stop_when"), after.with_step(step.id, outcome))
        done = surroundings.hiding((one for inner in step.body for one in ids_of(inner)), IN_LOOP)
        return {"type": "array", "items": outcome}, done

    def _list(self, given: JsonSchema, path: Path) -> None:
        problem = type_problem(given, frozenset({"array"}))
        if problem is not None:
            message = f"`for_each` goes through a list; this gives {problem}."
            self._say(path, "wrong_type", message, "For one value only, leave for_each out.")
        least = given.get("minItems", 0)
        if isinstance(least, int) and least > self._most_items:
            message = f"`for_each` goes through {self._most_items:,} items at most; this list has {least:,}."
            self._say(path, "too_many_items", message, "Divide the list, for example by an event for each part.")


def ids_of(step: Step) -> Iterator[str]:
    """The ids of a step and of all steps inside of it."""
    yield step.id
    for inner in inner_steps(step):
        for one in inner:
            yield from ids_of(one)


def all_steps(recipe: Recipe) -> Iterator[Step]:
    """Every step of a recipe, those inside of others too; of a loop over one step, the loop."""
    waiting: list[Step] = [*recipe.steps, *recipe.on_failure]
    while waiting:
        step = waiting.pop(0)
        yield step
        waiting += [one for inner in inner_steps(step) for one in inner if one.id != step.id]


def inner_steps(step: Step) -> Iterator[Sequence[Step]]:
    """The lists of steps that stand inside of a step."""
    if isinstance(step, BranchStep):
        yield from (step.then, step.otherwise)
    elif isinstance(step, SwitchStep):
        yield from (*(steps for _, steps in step.cases), step.default)
    elif isinstance(step, LoopStep):
        yield step.body
    elif isinstance(step, WaitStep | AskStep) and isinstance(step.on_timeout, tuple):
        yield step.on_timeout
    if isinstance(step.on_error, tuple):
        yield step.on_error


def _computed(template: Template, schema: JsonSchema) -> Iterator[tuple[Path, JsonSchema]]:
    """The schemas of a template's expressions by their place, read from the schema of the whole."""
    for path, _, _ in template.expressions:
        part: Json = cast("Json", schema)
        for name in path:
            holder = cast("dict[str, Json]", part)
            if isinstance(name, int):
                first = cast("list[Json]", holder.get("prefixItems", []))
                part = first[name] if name < len(first) else {}
            else:
                part = cast("dict[str, Json]", holder.get("properties", {})).get(name, {})
        yield path, cast("JsonSchema", part)


def _always_ends(step: Step) -> bool:
    if step.condition is not None:
        return False
    if isinstance(step, StopStep):
        return True
    if isinstance(step, BranchStep):
        return _any_ends(step.then) and _any_ends(step.otherwise)
    if isinstance(step, SwitchStep):
        return all(_any_ends(steps) for _, steps in step.cases) and _any_ends(step.default)
    return False


def _any_ends(steps: Sequence[Step]) -> bool:
    return any(_always_ends(step) for step in steps)


def _kinds_of(case: Json) -> frozenset[str]:
    if case is None:
        return frozenset({"null"})
    if isinstance(case, bool):
        return frozenset({"boolean"})
    return _NUMBERS if isinstance(case, int | float) else frozenset({"string"})


def _output(outcome: JsonSchema) -> JsonSchema:
    return cast("JsonSchema", cast("dict[str, Json]", outcome.get("properties", {})).get("output", {}))
