"""Runs a recipe's ``tests`` and says how what came of them differs from what was expected."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from hub.errors import DeliveryError, ExpressionError
from hub.recipes.findings import Finding, did_you_mean
from hub.recipes.model import AskStep, CallStep, LoopStep, WaitStep
from hub.recipes.rehearsal import MOST_TURNS, NOT_STARTED, Play, PlayedStep, PlayError, play, step_of
from hub.recipes.step_checks import all_steps
from hub.vocabulary import VOCABULARY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hub.jsontypes import Json, JsonObject
    from hub.recipes.context import CheckContext
    from hub.recipes.document import Document, Path
    from hub.recipes.model import Recipe, RecipeTest, Step
    from hub.vocabulary import Vocabulary

__all__ = ["Play", "PlayedStep", "Problem", "TestOutcome", "play", "run_tests", "test_findings"]

_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """One way in which a test fails, as a sentence; ``path`` leads to the part of the test that it is about."""

    message: str
    path: Path = ()
    at_key: bool = False

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """The outcome of one entry of ``tests``."""

    __test__ = False

    name: str
    passed: bool
    problems: tuple[Problem, ...]


def run_tests(recipe: Recipe, context: CheckContext | None = None) -> list[TestOutcome]:
    """Run the recipe's ``tests``, in their order. ``context`` lets pure actions be done and own event types be known."""
    outcomes, turns = [], 0
    for test in recipe.tests:
        if turns > MOST_TURNS:
            late = Problem("the tests before it took too long, so it was not run. Loop over fewer items in them.")
            outcomes.append(TestOutcome(test.name, False, (late,)))
        else:
            outcome, taken = _run(recipe, test, context)
            outcomes.append(outcome)
            turns += taken
    return outcomes


def test_findings(document: Document, recipe: Recipe, context: CheckContext | None) -> list[Finding]:
    """The tests that fail, as findings at the part that is not met."""
    found = []
    for number, outcome in enumerate(run_tests(recipe, context)):
        for problem in outcome.problems:
            message = f"The test {outcome.name!r} fails: {problem}"
            path = ("tests", number, *problem.path)
            found.append(document.finding(path, "test", message, at_key=problem.at_key))
    return found


test_findings.__test__ = False  # type: ignore[attr-defined]  # pytest collects by name


def _run(recipe: Recipe, test: RecipeTest, context: CheckContext | None) -> tuple[TestOutcome, int]:
    """The outcome, and how many turns the run took."""
    turns = 0
    problems = list(_unsound(recipe, test, context))
    if not problems:
        try:
            played = play(recipe, test.event, test.given, then=test.then, inputs=test.inputs, context=context)
        except (PlayError, ExpressionError) as error:
            problems, turns = [Problem(str(error), ("then",))], MOST_TURNS + 1 if error.code == "too_long" else 0
        else:
            problems, turns = list(_differences(recipe, test, played)), played.turns
    return TestOutcome(test.name, not problems, tuple(problems)), turns


# whether the test itself makes sense


def _unsound(recipe: Recipe, test: RecipeTest, context: CheckContext | None) -> Iterator[Problem]:
    vocabulary = context.vocabulary if context is not None else VOCABULARY
    steps = {step.id: step for step in all_steps(recipe)}
    yield from _bad_event(test.event, ("event",), vocabulary)
    for number, part in enumerate(test.then):
        if "event" in part:
            yield from _bad_event(cast("JsonObject", part["event"]), ("then", number, "event"), vocabulary)
    for name in test.inputs:
        if name not in recipe.inputs:
            yield Problem(
                f"the recipe has no input {name!r}. {did_you_mean(name, recipe.inputs)}", ("inputs", name), at_key=True
            )
    for name in test.given:
        step = steps.get(step_of(name))
        if step is None:
            yield Problem(f"the recipe has no step {name!r}. {did_you_mean(name, steps)}", ("given", name), at_key=True)
        elif not _can_be_given(step):
            yield Problem(f"nothing can be given for {name!r}: it calls nothing.", ("given", name), at_key=True)
    expect = test.expect
    calls = cast("list[JsonObject]", expect.get("calls", []))
    named: list[tuple[Path, str]] = [
        (("calls", number, "step"), str(call["step"])) for number, call in enumerate(calls)
    ]
    named += [(("outputs", name), name) for name in cast("JsonObject", expect.get("outputs", {}))]
    not_called = cast("list[str]", expect.get("not_called", []))
    named += [(("not_called", number), name) for number, name in enumerate(not_called)]
    for path, name in named:
        if step_of(name) not in steps:
            yield Problem(
                f"the recipe has no step {name!r}. {did_you_mean(name, steps)}",
                ("expect", *path),
                at_key=path[0] == "outputs",
            )


def _bad_event(event: JsonObject, path: Path, vocabulary: Vocabulary) -> Iterator[Problem]:
    kind, data = event.get("type"), event.get("data")
    if isinstance(kind, str) and isinstance(data, dict):
        try:
            vocabulary.validate_data(kind, data)
        except DeliveryError as error:
            yield Problem(f"{error.message} {error.remedy}".strip(), (*path, "data"))


def _can_be_given(step: Step) -> bool:
    inner = step.body[0] if isinstance(step, LoopStep) and step.single else step
    return isinstance(inner, CallStep | WaitStep | AskStep)


# what came of it


def _differences(recipe: Recipe, test: RecipeTest, played: Play) -> Iterator[Problem]:
    expect = test.expect
    status = str(expect.get("status", "succeeded"))
    found = played.status if played.starts else NOT_STARTED
    at_status: Path = ("expect", "status") if "status" in expect else ("expect",)
    if found == NOT_STARTED and status != NOT_STARTED:
        yield Problem(f"the recipe does not start with this event: {played.reason}", ("event",))
        return
    if found != status:
        yield Problem(f"the run is {found}, not {status}.{_why(recipe, played)}", at_status)
    if found == NOT_STARTED:
        return
    yield from _reason(expect.get("reason"), played)
    yield from _calls(cast("list[JsonObject]", expect.get("calls", [])), played)
    yield from _not_called(cast("list[str]", expect.get("not_called", [])), played)
    outputs = {step.path: step.output for step in played.steps}
    for name, wanted in cast("JsonObject", expect.get("outputs", {})).items():
        if name not in outputs:
            message = f"the step {name!r} was not reached."
            yield Problem(message, ("expect", "outputs", name), at_key=True)
        else:
            yield from _unequal(wanted, outputs[name], f"the output of {name!r}", ("expect", "outputs", name))


def _why(recipe: Recipe, played: Play) -> str:
    """What the error was, what the run waits for, and which calls had to make do with an empty output."""
    said = ""
    if played.error is not None:
        step = played.error.get("step")
        said = f" The step {step!r}: {played.error.get('message')}" if step else f" {played.error.get('message')}"
    elif played.status == "waiting":
        waiting = [step.path for step in played.steps if step.state in {"waiting", "failed_transient"}]
        said = f" It waits at {', '.join(waiting)}: say under then what happens." if waiting else ""
    if played.unused:
        said += f" No step waited for the event of then, part {played.unused[0] + 1}."
    text = recipe.text
    needed = sorted({step.step for step in played.steps if not step.given and f"steps.{step.step}.output" in text})
    if needed:
        said += f" Nothing is given for {', '.join(needed)}, so that its output was {{}}."
    return said


def _reason(wanted: Json, played: Play) -> Iterator[Problem]:
    if wanted is None:
        return
    stops = [step.output for step in played.steps if step.kind == "stop" and isinstance(step.output, dict)]
    found = str(stops[-1]["reason"]) if stops else str((played.error or {}).get("message", ""))
    if str(wanted) not in found:
        yield Problem(f"the reason is {_shown(found)}, not {_shown(wanted)}.", ("expect", "reason"))


def _calls(expected: Iterable[JsonObject], played: Play) -> Iterator[Problem]:
    """Each expected call against the one at its place among the calls of the steps that are named."""
    wanted = list(expected)
    names = {str(call["step"]) for call in wanted}
    made = [step for step in played.steps if step.target and (step.step in names or step.path in names)]
    for number, call in enumerate(wanted):
        path: Path = ("expect", "calls", number)
        if number >= len(made):
            yield Problem(f"call {number + 1}, of {call['step']!r}, was not made. {_made(played)}", path)
            return
        step = made[number]
        if call["step"] not in {step.step, step.path}:
            message = f"call {number + 1} was made by {step.path!r}, not by {call['step']!r}. {_made(played)}"
            yield Problem(message, (*path, "step"))
            return
        if "call" in call and call["call"] != step.target:
            message = f"call {number + 1}, of {step.path!r}, went to {step.target}, not to {call['call']}."
            yield Problem(message, (*path, "call"))
        about = f"call {number + 1} ({step.path})"
        yield from _unequal(call.get("with", {}), step.input or {}, about, (*path, "with"))
    for extra in made[len(wanted) :]:
        message = f"{extra.path!r} called {extra.target} once more than expected, with {_shown(extra.input)}."
        yield Problem(message, ("expect", "calls"))


def _made(played: Play) -> str:
    """Which calls there were."""
    calls = [step.path for step in played.steps if step.target]
    return f"The calls were: {', '.join(calls)}." if calls else "There was no call at all."


def _not_called(names: Iterable[str], played: Play) -> Iterator[Problem]:
    for number, name in enumerate(names):
        made = next((step for step in played.steps if step.target and name in {step.step, step.path}), None)
        if made is not None:
            message = f"{name!r} must not call anything, but called {made.target} with {_shown(made.input)}."
            yield Problem(message, ("expect", "not_called", number))


def _unequal(wanted: Json, found: Json, about: str, path: Path, place: str = "") -> Iterator[Problem]:
    """Where ``found`` lacks what is ``wanted``; members of objects beyond that do not matter."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name, member in wanted.items():
            inner = f"{place}.{name}" if place else name
            if name not in found:
                yield Problem(f"{about} has no `{inner}`; {_shown(member)} is expected.", (*path, name))
            else:
                yield from _unequal(member, found[name], about, (*path, name), inner)
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for number, (left, right) in enumerate(zip(wanted, found, strict=True)):
            yield from _unequal(left, right, about, (*path, number), f"{place}[{number}]")
    elif wanted != found or isinstance(wanted, bool) is not isinstance(found, bool):
        what = f"`{place}` of {about}" if place else about
        yield Problem(f"{what} is {_shown(found)}, but {_shown(wanted)} is expected.", path)


def _shown(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
