"""Plays a recipe on an event without touching anything: behind its ``tests`` and behind "Try" on its page.

The interpreter is the one that runs recipes; only the outside world is played. A call gives what is given for it; a pure
action is done; any other call gives ``{}``. No network, no clock: time passes as the script says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, cast

from hub.errors import ActionError, ExpressionError, NotFoundError, RecipeError
from hub.expressions import compile_expression, is_true
from hub.expressions.durations import parse_duration
from hub.recipes.interpreter import Execution
from hub.recipes.model import AskStep, EventTrigger, LoopStep
from hub.recipes.progress import rfc3339
from hub.recipes.record import CallFailed, CallSucceeded, EventArrived, RunFacts, RunStatus, StepRecord
from hub.recipes.step_checks import all_steps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.jsontypes import Json, JsonObject
    from hub.recipes.context import CheckContext
    from hub.recipes.model import Recipe, Step
    from hub.recipes.record import CallRequest, News, Turn, WaitRequest

START: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)
"""The moment at which a play begins, a Monday, unless the event says its time."""

NOT_STARTED: Final = "not_started"
"""The status of a play whose event the recipe's trigger does not take."""

MOST_TURNS: Final = 12_000
"""How many turns a play may take; a turn is a step or an item begun."""

_NO_RECORDS: Final = frozenset({"item", "resume"})


@dataclass(frozen=True, slots=True)
class PlayedStep:
    """One step as it went: the last attempt. ``target`` is ``connection/action`` for a call, else empty.

    ``path`` is the step's id with the indices of the loops around it; ``given`` says that its output was given.
    """

    path: str
    step: str
    kind: str
    state: str
    title: str
    target: str
    input: Json
    output: Json
    error: JsonObject | None
    given: bool = True


@dataclass(frozen=True, slots=True)
class Play:
    """What a recipe did with an event. ``starts`` is False when its trigger does not take it, for ``reason``.

    ``unused``: the events of the script that no step waited for, by their number from 0. ``turns``: how long it took.
    """

    starts: bool
    reason: str
    status: str
    error: JsonObject | None
    steps: tuple[PlayedStep, ...]
    unused: tuple[int, ...] = ()
    turns: int = 0


def play(  # noqa: PLR0913 (what a play needs)
    recipe: Recipe,
    event: JsonObject,
    given: Mapping[str, Json],
    *,
    then: Sequence[JsonObject] | None = None,
    inputs: JsonObject | None = None,
    now: datetime | None = None,
    context: CheckContext | None = None,
) -> Play:
    """Let the recipe run on ``event`` (``{type, data}`` and what else is known of it).

    ``given``: step id (or ``pay[1]``) to the output of its call, or ``{error: text or {code, message, kind}}``; of a wait
    the event that comes, of a question the answer. ``then``: what happens while it waits, as in ``tests``; the play ends
    when the script does. Without a script every wait is passed over: sleeps end at once, waits time out. A recipe whose
    trigger does not take the event is played all the same. Raises :class:`PlayError` for a script that cannot be followed.
    """
    whole = whole_event(recipe, event, now or START)
    moment = now or _moment(whole)
    values: JsonObject = {**{name: one.default for name, one in recipe.inputs.items()}, **(inputs or {})}
    starts, reason = takes(recipe, whole, values)
    facts = RunFacts("run_try", recipe.name, 0, whole, moment, values)
    stage = _Stage(recipe, Execution(recipe, facts), given, moment, context)
    stage.open()
    if then is None:
        stage.pass_over_waits()
    else:
        for number, part in enumerate(then):
            stage.follow(number, part)
    return Play(starts, reason, stage.turn.status.value, stage.turn.error, stage.played(), stage.unused, stage.turns)


def takes(recipe: Recipe, event: JsonObject, inputs: JsonObject) -> tuple[bool, str]:
    """Whether the recipe's trigger takes the event; if not, why."""
    trigger, kind = recipe.trigger, str(event["type"])
    if isinstance(trigger, EventTrigger):
        if not any(pattern in {kind, "*"} or _in_family(kind, pattern) for pattern in trigger.patterns):
            return False, f"it starts with {', '.join(trigger.patterns)}, and this is {kind or 'no event'}."
        if trigger.connections and event["connection"] not in trigger.connections:
            return (
                False,
                f"it takes events of {', '.join(trigger.connections)}, and this came by {event['connection']}.",
            )
    elif kind != "schedule.tick":
        return False, f"a schedule starts it, and this is {kind}."
    if trigger.where is None:
        return True, ""
    try:
        wanted = is_true(trigger.where.evaluate({"event": event, "inputs": inputs}))
    except ExpressionError as error:
        return False, f"its where cannot be judged: {error.message}"
    return wanted, "" if wanted else f"its where is not true: {trigger.where.text}."


def whole_event(recipe: Recipe, event: JsonObject, now: datetime) -> JsonObject:
    """The event with what it leaves out: id, time, connection, type of a scheduled recipe's tick."""
    trigger = recipe.trigger
    frame: dict[str, Json] = {"id": "evt_test", "type": "", "time": rfc3339(now), "connection": "sandbox", "data": {}}
    if isinstance(trigger, EventTrigger):
        frame["connection"] = trigger.connections[0] if trigger.connections else "sandbox"
    else:
        data: JsonObject = {"schedule": recipe.name, "due_at": rfc3339(now)}
        frame |= {"type": "schedule.tick", "connection": "hub", "data": data}
    return {**frame, "raw": None, **event}


def step_of(path: str) -> str:
    """The id of the step with this path: without the indices of loops."""
    return path.partition("[")[0]


class _Stage:
    """Plays the outside world for one run."""

    def __init__(
        self,
        recipe: Recipe,
        execution: Execution,
        given: Mapping[str, Json],
        now: datetime,
        context: CheckContext | None,
    ) -> None:
        self._steps = {step.id: _at_heart(step) for step in all_steps(recipe)}
        self._execution = execution
        self._given = given
        self._now = now
        self._context = context
        self._records: dict[tuple[str, int], StepRecord] = {}
        self._waits: dict[str, WaitRequest] = {}
        self._past: list[tuple[int, JsonObject]] = []
        self._used: set[int] = set()
        self.turns = 0
        self.not_given: set[str] = set()

    def open(self) -> None:
        """Let the run begin and go on as far as it does by itself."""
        self._advance(())
        self._settle()

    def pass_over_waits(self) -> None:
        """Let the time go on as long as the run waits for it."""
        while not self._ended() and self.turn.due_at is not None:
            self._now = max(self._now, self.turn.due_at)
            self._advance(())
            self._settle()

    def follow(self, number: int, part: JsonObject) -> None:
        """Do the script's next part."""
        if "after" in part:
            self._pass_time(self._now + parse_duration(str(part["after"])))
        elif "answer" in part:
            self._answer(str(part["answer"]), part.get("step"))
        else:
            frame: JsonObject = {"id": f"evt_then_{number + 1}", "time": rfc3339(self._now), "connection": "sandbox"}
            event: JsonObject = {**frame, "data": {}, "raw": None, **cast("JsonObject", part["event"])}
            self._past.append((number, event))
            self._deliver(number, event)
        self._settle()

    def played(self) -> tuple[PlayedStep, ...]:
        """Every step that ran, in the order in which they began."""
        last: dict[str, StepRecord] = {}
        for record in self._records.values():
            if record.kind not in _NO_RECORDS:
                last[record.path] = record
        return tuple(self._played(record) for record in last.values())

    @property
    def unused(self) -> tuple[int, ...]:
        """The script's events that no wait was offered."""
        return tuple(number for number, _ in self._past if number not in self._used)

    # turns

    def _ended(self) -> bool:
        return self.turn.status.ended or self.turn.status is RunStatus.UNCERTAIN

    def _advance(self, news: Sequence[News]) -> None:
        self.turns += 1
        if self.turns > MOST_TURNS:
            message = f"The run takes more than {MOST_TURNS:,} turns."
            raise PlayError(message, code="too_long", remedy="Loop over fewer items here.")
        self.turn: Turn = self._execution.advance(self._now, news)
        for record in self.turn.records:
            self._records[record.path, record.attempt] = record
        for wait in self.turn.waits:
            self._waits[wait.path] = wait
        for path in self.turn.ended_waits:
            self._waits.pop(path, None)

    def _settle(self) -> None:
        """Answer calls, hand over what came already, and let retries come due, until the run ends or truly waits."""
        while not self._ended():
            news: list[News] = [self._outcome(call) for call in self.turn.calls]
            news += self._earlier()
            if not news:
                if self.turn.idle or self.turn.due_at is None:
                    return
                self._now = max(self._now, self.turn.due_at)
            self._advance(news)

    def _pass_time(self, until: datetime) -> None:
        while not self._ended() and self.turn.due_at is not None and self.turn.due_at <= until:
            self._now = max(self._now, self.turn.due_at)
            self._advance(())
            self._settle()
        self._now = max(self._now, until)

    # events and answers

    def _earlier(self) -> list[News]:
        """For waits that have just begun: the event given for them, or one that came before."""
        found: list[News] = []
        for wait in self.turn.waits:
            given = self._given.get(wait.path, self._given.get(step_of(wait.path)))
            step = self._steps.get(step_of(wait.path))
            if isinstance(step, AskStep) and isinstance(given, str):
                found.append(EventArrived(wait.path, self._answer_event(wait, given)))
            elif isinstance(given, dict) and "data" in given:
                frame: JsonObject = {"id": "evt_given", "type": wait.types[0], "time": rfc3339(self._now)}
                found.append(EventArrived(wait.path, {**frame, "connection": "sandbox", "raw": None, **given}))
            else:
                for number, event in self._past:
                    if _awaits(wait, event):
                        self._used.add(number)
                        found.append(EventArrived(wait.path, event))
        return found

    def _deliver(self, number: int, event: JsonObject) -> None:
        paths = [wait.path for wait in self._waits.values() if _awaits(wait, event)]
        if paths:
            self._used.add(number)
            self._advance([EventArrived(path, event) for path in paths])

    def _answer(self, answer: str, step: Json) -> None:
        asked = [
            wait
            for wait in self._waits.values()
            if isinstance(self._steps.get(step_of(wait.path)), AskStep)
            and step in {None, wait.path, step_of(wait.path)}
        ]
        if len(asked) != 1:
            reason = "no question is open then" if not asked else "several questions are open then; name the step"
            message = f"The answer {answer!r} cannot be given: {reason}."
            raise PlayError(message)
        question = cast("AskStep", self._steps[step_of(asked[0].path)])
        if answer not in question.answers:
            message = f"The answer {answer!r} is none of those of {question.id!r}: {', '.join(question.answers)}."
            raise PlayError(message)
        self._advance([EventArrived(asked[0].path, self._answer_event(asked[0], answer))])

    def _answer_event(self, wait: WaitRequest, answer: str) -> JsonObject:
        data: JsonObject = {"question": wait.match.get("data.question"), "answer": answer}
        frame: JsonObject = {"id": f"evt_answer_{wait.path}", "type": "answer.given", "time": rfc3339(self._now)}
        return {**frame, "connection": "hub", "data": data, "raw": None}

    # calls

    def _outcome(self, call: CallRequest) -> News:
        if call.question_id is not None:
            return CallSucceeded(call.path, call.attempt, {})
        for name in (call.path, step_of(call.path)):
            if name in self._given:
                return _as_given(call, self._given[name])
        try:
            output = self._computed(call)
        except ActionError as error:
            failure: JsonObject = {"code": error.code, "message": error.message, "remedy": error.remedy}
            return CallFailed(call.path, call.attempt, "permanent", failure)
        if output is None:
            self.not_given.add(call.path)
        return CallSucceeded(call.path, call.attempt, {} if output is None else output)

    def _computed(self, call: CallRequest) -> Json:
        """What a pure action gives; None for any other."""
        context = self._context
        if context is None or context.perform is None:
            return None
        connector = context.connections.get(call.connection, call.connection)
        try:
            if not context.actions.action(connector, call.action).inline:
                return None
        except NotFoundError:
            return None
        return context.perform(connector, call.action, call.input)

    def _played(self, record: StepRecord) -> PlayedStep:
        step = self._steps.get(step_of(record.path))
        target, sent = "", record.input
        if record.kind == "call" and isinstance(sent, dict):
            target, sent = str(sent["call"]), sent["with"]
        return PlayedStep(
            path=record.path,
            step=step_of(record.path),
            kind=record.kind,
            state=record.state.value,
            title=step.title if step is not None else "",
            target=target,
            input=sent,
            output=record.output,
            error=record.error,
            given=record.path not in self.not_given,
        )


class PlayError(RecipeError):
    """A play that cannot go on: what its script says cannot happen then, or it takes too long (``too_long``)."""

    default_code = "play"


def _at_heart(step: Step) -> Step:
    """The step itself; of a loop over one step, that step, which has the same id."""
    return step.body[0] if isinstance(step, LoopStep) and step.single else step


def _as_given(call: CallRequest, value: Json) -> News:
    if not isinstance(value, dict) or set(value) != {"error"}:
        return CallSucceeded(call.path, call.attempt, value)
    said = value["error"]
    error: dict[str, Json] = {"code": "given", "message": str(said), "remedy": ""}
    if isinstance(said, dict):
        error |= {"message": "The error that is given here.", **said}
    kind = error.pop("kind", "permanent")
    return CallFailed(call.path, call.attempt, cast('Literal["transient", "permanent", "uncertain"]', kind), error)


def _awaits(wait: WaitRequest, event: JsonObject) -> bool:
    kind = str(event["type"])
    fits = any(pattern == kind or _in_family(kind, pattern) for pattern in wait.types)
    return fits and all(compile_expression(path).evaluate(event) == value for path, value in wait.match.items())


def _in_family(kind: str, pattern: str) -> bool:
    return pattern.endswith(".*") and kind.startswith(pattern[:-1])


def _moment(event: JsonObject) -> datetime:
    try:
        moment = datetime.fromisoformat(str(event["time"]))
    except ValueError:
        return START
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
