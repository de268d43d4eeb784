"""A recipe once it is parsed and compiled: immutable, with every expression ready to evaluate."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.expressions import Expression, Template
    from hub.jsontypes import Json, JsonObject, JsonSchema


@dataclass(frozen=True, slots=True)
class Retry:
    """How a step is tried again after a transient error: waits of ``first``, then times ``factor``, at most ``longest``.

    The default is 6 attempts over about an hour.
    """

    attempts: int = 6
    first: timedelta = timedelta(seconds=10)
    factor: float = 4.0
    longest: timedelta = timedelta(hours=6)


class OnError(StrEnum):
    """What a permanent failure of a step does to its run."""

    STOP = "stop"
    CONTINUE = "continue"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCommon:
    """What every step has. ``id`` is unique in the recipe (given, or made from the step's position)."""

    id: str
    title: str = ""
    condition: Expression | None = None
    retry: Retry = field(default_factory=Retry)
    timeout: timedelta | None = None
    on_error: OnError | tuple[Step, ...] = OnError.STOP


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStep(StepCommon):
    """``call: connection/action``. ``connection`` renders to a connection's name, ``arguments`` to the input object."""

    connection: Template
    action: str
    arguments: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class SetStep(StepCommon):
    """``set:`` computed values."""

    values: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class SleepStep(StepCommon):
    """``wait: {for: 3d}`` (a duration, or a template that renders to one) or ``wait: {until: EXPR}`` (RFC 3339 text)."""

    duration: Template | None = None
    until: Expression | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitStep(StepCommon):
    """``wait: {event: …}``. ``match`` maps a path into the event (``data.job``) to the value it must have.

    ``on_timeout`` is ``"fail"``, ``"continue"`` or steps.
    """

    types: tuple[str, ...]
    match: Mapping[str, Template]
    where: Expression | None = None
    wait_timeout: timedelta | None = None
    on_timeout: Literal["fail", "continue"] | tuple[Step, ...] = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskStep(StepCommon):
    """``ask:`` a person by signed link; the answer is the output."""

    whom: Template
    question: Template
    answers: tuple[str, ...]
    wait_timeout: timedelta | None = None
    on_timeout: Literal["fail", "continue"] | tuple[Step, ...] = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchStep(StepCommon):
    """``if:`` with ``then:`` and ``else:``. The test stands in ``test``; ``condition`` stays None."""

    test: Expression
    then: tuple[Step, ...]
    otherwise: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchStep(StepCommon):
    """``switch: EXPR`` with ``cases: {value: steps}`` and ``default: steps``. Values compare as JSON, keys as text."""

    value: Expression
    cases: tuple[tuple[Json, tuple[Step, ...]], ...]
    default: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopStep(StepCommon):
    """``for_each: EXPR`` over one step (``single``: the body's only step has the loop's own id) or ``steps:``.

    The body sees ``item`` and ``index``. ``on_error`` of the loop applies to each item.
    """

    items: Expression
    body: tuple[Step, ...]
    single: bool
    parallel: int = 1
    stop_when: Expression | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopStep(StepCommon):
    """``stop: {status, reason}`` ends the run: ``succeeded``, ``failed`` or ``cancelled``."""

    status: Literal["succeeded", "failed", "cancelled"]
    reason: Template


Step: TypeAlias = CallStep | SetStep | SleepStep | WaitStep | AskStep | BranchStep | SwitchStep | LoopStep | StopStep


@dataclass(frozen=True, slots=True)
class EventTrigger:
    """``on: {event, from, where}``. ``patterns`` as written (``payment.*`` too); ``connections`` empty means any."""

    patterns: tuple[str, ...]
    connections: tuple[str, ...] = ()
    where: Expression | None = None


@dataclass(frozen=True, slots=True)
class ScheduleTrigger:
    """``on: {schedule: {cron, timezone, misfire}}``: five-field cron in an IANA zone."""

    cron: str
    timezone: str = "UTC"
    misfire: Literal["once", "all", "none"] = "once"
    where: Expression | None = None


@dataclass(frozen=True, slots=True)
class Concurrency:
    """``concurrency: {key, max, while_waiting}``: at most ``limit`` unfinished runs per key, in order of arrival."""

    key: Template
    limit: int = 1
    while_waiting: Literal["block", "release"] = "release"


@dataclass(frozen=True, slots=True)
class RecipeInput:
    """One entry of ``inputs:``: its JSON Schema and default."""

    schema: JsonSchema
    default: Json = None


@dataclass(frozen=True, slots=True)
class RecipeTest:
    """One entry of ``tests:``, as data (the test runner reads it)."""

    name: str
    event: JsonObject
    given: JsonObject
    then: tuple[JsonObject, ...]
    expect: JsonObject
    inputs: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A compiled recipe. ``digest`` is the hex SHA-256 of its text."""

    name: str
    title: str
    description: str
    enabled: bool
    inputs: Mapping[str, RecipeInput]
    trigger: EventTrigger | ScheduleTrigger
    concurrency: Concurrency | None
    steps: tuple[Step, ...]
    on_failure: tuple[Step, ...]
    tests: tuple[RecipeTest, ...]
    language: int
    digest: str
    text: str = field(repr=False)
