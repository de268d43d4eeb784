"""What a recipe means: from the record of a run to what happens next. Pure: no clock, no I/O.

:class:`Execution` walks the recipe from the top. A step whose outcome is recorded is not done again: its recorded output is
taken. A step without record is begun, and its ``started`` record and call are given out. So the record *is* the run: an
Execution rebuilt from any prefix of the record goes on to the same end as one that was never interrupted.

The walk is a generator that yields whenever nothing can go on without news. One level of the recipe's nesting is one
level of ``yield from``; a parallel loop holds one generator per item under way.

What a writer of recipes may rely on:

* ``now`` in a step's expressions is the moment when that step first started.
* A step in a loop sees the results of its own iteration under ``steps``; after the loop only the loop's output is seen.
* ``where`` of a wait sees the candidate event as ``steps.<id of the wait>.output``.
* The output of ``if`` and ``switch`` is ``{branch}``; of ``for_each`` a list of ``{status, output, error}``; of ``wait``
  for an event the event, of ``ask`` the answer's text. The output of an item with several steps is ``{step id: output}``.
* A step that did not run (its branch was not taken) is null under ``steps``; one skipped by its ``if`` has status
  ``skipped``.
* When an item of a parallel loop fails and stops the run, calls already under way are still recorded; nothing new
  begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.errors import ExpressionError
from hub.expressions import is_true
from hub.recipes.calls import Target, attempt_call
from hub.recipes.model import (
    AskStep,
    BranchStep,
    CallStep,
    LoopStep,
    OnError,
    SetStep,
    SleepStep,
    Step,
    StopStep,
    SwitchStep,
    WaitStep,
)
from hub.recipes.progress import (
    ItemAbandoned,
    LoopGate,
    Progress,
    RunStopped,
    Scope,
    StepFailed,
    rfc3339,
)
from hub.recipes.record import Resume, RunStatus, StepRecord, StepState
from hub.recipes.waiting import ask_person, sleep, wait_for_event

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from datetime import datetime

    from hub.jsontypes import Json, JsonObject
    from hub.recipes.model import Recipe
    from hub.recipes.progress import Walk
    from hub.recipes.record import News, RunFacts, Turn

MOST_ITEMS = 10_000
"""What one loop may go through."""

_CONTAINERS = (BranchStep, SwitchStep, LoopStep)
_KINDS: dict[type, str] = {
    CallStep: "call",
    SetStep: "set",
    SleepStep: "wait",
    WaitStep: "wait",
    AskStep: "ask",
    BranchStep: "if",
    SwitchStep: "switch",
    LoopStep: "for_each",
    StopStep: "stop",
}


class Execution:
    """One run under way. Feed it news with :meth:`advance`; it says what to record, to call and to wait for."""

    def __init__(self, recipe: Recipe, facts: RunFacts, records: Sequence[StepRecord] = ()) -> None:
        self.recipe = recipe
        self.facts = facts
        self._progress = Progress(facts, records)
        self._status: RunStatus | None = None
        self._error: JsonObject | None = None
        self._failed_paths: tuple[str, ...] = ()
        self._walk = self._run()

    def advance(self, now: datetime, news: Sequence[News] = ()) -> Turn:
        """Take the news in and go as far as possible. The result must be durable before its calls are made.

        News for steps that do not wait for it are ignored, so that a repeat does no harm. :class:`Resume` only has an
        effect on a run that failed.
        """
        resume = next((one for one in news if isinstance(one, Resume)), None)
        self._progress.begin_turn(now, [one for one in news if not isinstance(one, Resume)])
        self._go()
        if resume is not None and self._status is RunStatus.FAILED:
            self._progress.record_resume(resume.by, self._failed_paths)
            self._progress.restart()
            self._status, self._error, self._failed_paths = None, None, ()
            self._walk = self._run()
            self._go()
        return self._progress.turn(self._status, self._error)

    def _go(self) -> None:
        if self._status is None:
            next(self._walk, None)

    # the walk

    def _run(self) -> Walk:
        facts = self.facts
        steps: dict[str, Json] = {}
        run: dict[str, Json] = {
            "id": facts.id,
            "recipe": facts.recipe,
            "version": facts.version,
            "started": rfc3339(facts.started),
            "error": None,
        }
        variables: dict[str, Json] = {"event": facts.event, "inputs": facts.inputs, "run": run, "steps": steps}
        status, error = RunStatus.SUCCEEDED, None
        failed: tuple[str, ...] = ()
        try:
            yield from self._sequence(self.recipe.steps, Scope(variables, steps))
        except RunStopped as stop:
            status, error = stop.status, stop.error
        except StepFailed as failure:
            status, error, failed = RunStatus.FAILED, failure.error, failure.paths
        if status is RunStatus.FAILED and self.recipe.on_failure:
            run["error"] = error
            resumes = self._progress.resumes
            yield from self._on_failure(Scope(variables, steps, f"~{resumes + 1}" if resumes else ""))
        self._status, self._error, self._failed_paths = status, error, failed

    def _on_failure(self, scope: Scope) -> Walk:
        try:
            yield from self._sequence(self.recipe.on_failure, scope)
        except (StepFailed, RunStopped):
            return  # what failed here is recorded at its step; the run's own failure stays the reason

    def _sequence(self, steps: Sequence[Step], scope: Scope) -> Walk:
        for step in steps:
            yield from self._step(step, scope)

    def _step(self, step: Step, scope: Scope) -> Walk:
        path = step.id + scope.suffix
        try:
            record = self._progress.latest(path)
            if record is None:
                scope.check_open()
            if record is None and not self._wanted(step, scope, path):
                return
            if record is not None and record.state is StepState.SKIPPED:
                scope.bind(step.id, record)
                return
            if record is not None and record.state is StepState.FAILED_PERMANENT and not isinstance(step, _CONTAINERS):
                raise StepFailed(record.error, (path,))  # noqa: TRY301 (it is handled like a fresh failure)
            yield from self._perform(step, scope, path)
        except ExpressionError as wrong:
            yield from self._handle(step, scope, path, self._refuse(step, path, wrong))
        except StepFailed as failure:
            yield from self._handle(step, scope, path, failure)

    def _wanted(self, step: Step, scope: Scope, path: str) -> bool:
        if step.condition is None or is_true(step.condition.evaluate(scope.at(self._progress.now))):
            return True
        begun = self._progress.begin(path, _KINDS[type(step)])
        scope.bind(step.id, self._progress.end(begun, StepState.SKIPPED))
        return False

    def _perform(self, step: Step, scope: Scope, path: str) -> Walk:
        match step:
            case CallStep():
                target = Target(lambda now: _call_target(step, scope, now), step.retry, step.timeout)
                scope.bind(step.id, (yield from attempt_call(self._progress, path, target, scope)))
            case SetStep():
                self._set(step, scope, path)
            case SleepStep():
                yield from sleep(self._progress, step, scope, path)
            case WaitStep():
                record = yield from wait_for_event(self._progress, step, scope, path)
                yield from self._after_wait(step, scope, record)
            case AskStep():
                record = yield from ask_person(self._progress, step, scope, path)
                yield from self._after_wait(step, scope, record)
            case BranchStep() | SwitchStep():
                yield from self._branch(step, scope, path)
            case LoopStep():
                yield from self._loop(step, scope, path)
            case StopStep():
                self._stop(step, scope, path)

    def _refuse(self, step: Step, path: str, wrong: ExpressionError) -> StepFailed:
        error: JsonObject = {"code": wrong.code, "message": wrong.message, "remedy": wrong.remedy, "step": path}
        record = self._progress.latest(path)
        if record is None or record.state is StepState.FAILED_TRANSIENT:
            record = self._progress.begin(path, _KINDS[type(step)], record)
        self._progress.end(record, StepState.FAILED_PERMANENT, record.output, error)
        return StepFailed(error, (path,))

    def _handle(self, step: Step, scope: Scope, path: str, failure: StepFailed) -> Walk:
        """What ``on_error`` says. A loop's ``on_error`` has been applied to its items already."""
        if step.on_error is OnError.STOP:
            raise failure
        record = self._progress.latest(path)
        if isinstance(step, _CONTAINERS) and record is not None and record.state is StepState.STARTED:
            self._progress.end(record, StepState.FAILED_PERMANENT, record.output, failure.error)
        scope.steps[step.id] = {"output": None, "status": "failed", "error": failure.error}
        if isinstance(step.on_error, tuple):
            yield from self._sequence(step.on_error, scope)

    # the forms of steps

    def _set(self, step: SetStep, scope: Scope, path: str) -> None:
        record = self._progress.latest(path)
        if record is None or record.state is not StepState.SUCCEEDED:
            output = step.values.render(scope.at(self._progress.now))
            begun = self._progress.begin(path, "set", record)
            record = self._progress.end(begun, StepState.SUCCEEDED, output)
        scope.bind(step.id, record)

    def _stop(self, step: StopStep, scope: Scope, path: str) -> None:
        record = self._progress.latest(path)
        if record is None or record.state is not StepState.SUCCEEDED:
            reason = step.reason.render(scope.at(self._progress.now))
            output: JsonObject = {"status": step.status, "reason": "" if reason is None else str(reason)}
            begun = self._progress.begin(path, "stop", record)
            record = self._progress.end(begun, StepState.SUCCEEDED, output)
        assert isinstance(record.output, dict)
        status, reason = RunStatus(str(record.output["status"])), str(record.output["reason"])
        error: JsonObject | None = None
        if status is not RunStatus.SUCCEEDED:
            error = {"code": "stopped", "message": reason or "The recipe stopped the run.", "remedy": "", "step": path}
        raise RunStopped(status, error)

    def _after_wait(self, step: WaitStep | AskStep, scope: Scope, record: StepRecord) -> Walk:
        scope.bind(step.id, record)
        if record.state is not StepState.TIMED_OUT or step.on_timeout == "continue":
            return
        if step.on_timeout == "fail":
            error: JsonObject = {
                "code": "wait_timed_out",
                "message": f"Nothing came in time at the step {record.path}.",
                "remedy": "Let the run go on from this step to wait once more, or give the step an on_timeout.",
                "step": record.path,
            }
            raise StepFailed(error, (record.path,))
        yield from self._sequence(step.on_timeout, scope)

    def _branch(self, step: BranchStep | SwitchStep, scope: Scope, path: str) -> Walk:
        record = self._progress.latest(path)
        if record is None or record.state is StepState.FAILED_TRANSIENT:
            branch = _choose(step, scope.at(self._progress.now))
            record = self._progress.begin(path, _KINDS[type(step)], record, output={"branch": branch})
        if not isinstance(record.output, dict):
            raise StepFailed(record.error, (path,))
        yield from self._sequence(_steps_of(step, str(record.output["branch"])), scope)
        if record.state is StepState.STARTED:
            record = self._progress.end(record, StepState.SUCCEEDED, record.output)
        scope.bind(step.id, record)

    def _loop(self, step: LoopStep, scope: Scope, path: str) -> Walk:
        record = self._progress.latest(path)
        if record is not None and record.state is StepState.SUCCEEDED:
            scope.bind(step.id, record)
            return
        if record is None or record.state is StepState.FAILED_TRANSIENT:
            items = step.items.evaluate(scope.at(self._progress.now))
            if not isinstance(items, list):
                message = f"`for_each: {step.items.text}` gave {str(items)[:60]!r}, which is not a list."
                raise ExpressionError(message, remedy="It must give a list, for example steps.ID.output.items.")
            if len(items) > MOST_ITEMS:
                message = f"`for_each: {step.items.text}` gave {len(items):,} items; a loop may have {MOST_ITEMS:,}."
                raise ExpressionError(message, remedy="Go through fewer at a time, or let several recipes share them.")
            record = self._progress.begin(path, "for_each", record, input=items)
        if not isinstance(record.input, list):
            raise StepFailed(record.error, (path,))
        results = yield from self._items(step, scope, record.input)
        scope.bind(step.id, self._progress.end(record, StepState.SUCCEEDED, results))

    def _items(self, step: LoopStep, scope: Scope, items: list[Json]) -> Generator[None, None, list[Json]]:
        gate = LoopGate(scope.gate)
        results: dict[int, JsonObject] = {}
        under_way: dict[int, Walk] = {}
        ended: StepFailed | RunStopped | None = None
        begun = 0
        while True:
            if begun < len(items) and len(under_way) < step.parallel and self._may_begin(step, scope, gate, begun):
                under_way[begun] = self._item(step, scope.for_item(items[begun], begun, gate), begun, results)
                going = [begun]
                begun += 1
            else:
                if not under_way:
                    break
                yield
                going = list(under_way)
            for index in going:
                ended = _first(ended, _go_on(under_way, index))
            if ended is not None and not gate.closing:
                gate.closing = True
                for index in list(under_way):
                    ended = _first(ended, _go_on(under_way, index))
        if ended is not None:
            raise ended
        return [results[index] for index in sorted(results)]

    def _may_begin(self, step: LoopStep, scope: Scope, gate: LoopGate, index: int) -> bool:
        """A new item while the loop admits it; an item already recorded always, so that what it left open is known."""
        return gate.admits or self._progress.latest(f"{step.id}{scope.suffix}[{index}]") is not None

    def _item(self, step: LoopStep, scope: Scope, index: int, results: dict[int, JsonObject]) -> Walk:
        path = step.id + scope.suffix
        try:
            outcome = yield from (self._single(step, scope) if step.single else self._several(step, scope, path))
        except StepFailed as failure:
            if step.on_error is OnError.STOP:
                raise
            outcome = {"status": "failed", "output": None, "error": failure.error}
            if isinstance(step.on_error, tuple):
                yield from self._sequence(step.on_error, scope)
        results[index] = outcome
        if step.stop_when is not None and scope.gate is not None:
            scope.steps[step.id] = outcome
            if is_true(step.stop_when.evaluate(scope.at(self._progress.now))):
                scope.gate.no_more = True

    def _single(self, step: LoopStep, scope: Scope) -> Generator[None, None, JsonObject]:
        yield from self._step(step.body[0], scope)
        outcome = scope.steps[step.id]
        assert isinstance(outcome, dict)
        return outcome

    def _several(self, step: LoopStep, scope: Scope, path: str) -> Generator[None, None, JsonObject]:
        record = self._progress.latest(path) or self._progress.begin(path, "item")
        try:
            yield from self._sequence(step.body, scope)
        except StepFailed as failure:
            if step.on_error is not OnError.STOP and record.state is StepState.STARTED:
                self._progress.end(record, StepState.FAILED_PERMANENT, error=failure.error)
            raise
        if record.state is StepState.STARTED:
            output = {child.id: _output(scope.steps.get(child.id)) for child in step.body}
            record = self._progress.end(record, StepState.SUCCEEDED, output)
        return {"status": "succeeded", "output": record.output, "error": None}


def _call_target(step: CallStep, scope: Scope, now: datetime) -> JsonObject:
    sees = scope.at(now)
    connection = step.connection.render(sees)
    if not isinstance(connection, str) or not connection:
        message = f"The step {step.id!r} calls a connection whose name is {connection!r}."
        raise ExpressionError(message, remedy="The part before the / must give the name of a connection.")
    return {"call": f"{connection}/{step.action}", "with": step.arguments.render(sees)}


def _choose(step: BranchStep | SwitchStep, sees: JsonObject) -> str:
    if isinstance(step, BranchStep):
        return "then" if is_true(step.test.evaluate(sees)) else "else"
    value = step.value.evaluate(sees)
    for number, (case, _) in enumerate(step.cases, start=1):
        if case == value and isinstance(case, bool) is isinstance(value, bool):
            return f"case {number}"
    return "default"


def _steps_of(step: BranchStep | SwitchStep, branch: str) -> tuple[Step, ...]:
    if isinstance(step, BranchStep):
        return step.then if branch == "then" else step.otherwise
    return step.default if branch == "default" else step.cases[int(branch.removeprefix("case ")) - 1][1]


def _go_on(under_way: dict[int, Walk], index: int) -> StepFailed | RunStopped | None:
    """Let one item go on, and drop it when it is through. Give what ended the run there, if anything did."""
    try:
        next(under_way[index])
    except (StopIteration, ItemAbandoned):
        del under_way[index]
    except (StepFailed, RunStopped) as ended:
        del under_way[index]
        return ended
    return None


def _first(
    known: StepFailed | RunStopped | None, new: StepFailed | RunStopped | None
) -> StepFailed | RunStopped | None:
    """The first thing that ended the run; the failed steps of all items are kept, so that all are tried again."""
    if isinstance(known, StepFailed) and isinstance(new, StepFailed):
        return StepFailed(known.error, known.paths + new.paths)
    return known or new


def _output(seen: Json) -> Json:
    return seen.get("output") if isinstance(seen, dict) else None
