"""What is recorded of a run, and what the interpreter says next: values between recipe, journal and engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.jsontypes import Json, JsonObject


class RunStatus(StrEnum):
    """The states of a run: ready → running → (waiting ⇄ running) → succeeded, failed or cancelled.

    ``uncertain`` waits for a person's decision, ``failed`` goes on when a person says so.
    """

    READY = "ready"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNCERTAIN = "uncertain"

    @property
    def ended(self) -> bool:
        """Whether nothing happens any more unless a person asks for it."""
        return self in _ENDED


_ENDED = frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED})


class StepState(StrEnum):
    """The states of one attempt of one step."""

    STARTED = "started"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    TIMED_OUT = "timed_out"
    FAILED_TRANSIENT = "failed_transient"
    FAILED_PERMANENT = "failed_permanent"
    UNCERTAIN = "uncertain"
    SKIPPED = "skipped"

    @property
    def final(self) -> bool:
        """Whether this attempt's outcome is known and the step needs no further one by itself."""
        return self in _FINAL


_FINAL = frozenset({StepState.SUCCEEDED, StepState.TIMED_OUT, StepState.FAILED_PERMANENT, StepState.SKIPPED})


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One attempt of one step, as recorded. ``path`` is the step's id with the indices of the loops around it
    (``pay[3]``). ``error`` is ``{code, message, remedy, …}``. ``due_at``: when a retry or a wait's time-out is due.
    """

    path: str
    attempt: int
    state: StepState
    kind: str
    started: datetime
    input: Json = None
    output: Json = None
    error: JsonObject | None = None
    key: str | None = None
    ended: datetime | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CallRequest:
    """An action to call once its ``started`` record is durable.

    ``recovered`` marks an attempt found ``started`` without result: what may be done depends on the action.
    ``question_id``: the call mails a question, and the engine adds its signed links.
    """

    path: str
    attempt: int
    connection: str
    action: str
    input: JsonObject
    key: str
    timeout: float | None
    recovered: bool = False
    question_id: str | None = None
    previous: Json = None
    """The details of the last attempt's error: what an action needs to know of what it did already."""


@dataclass(frozen=True, slots=True)
class WaitRequest:
    """A durable wait for an event of one of ``types`` whose fields at the paths of ``match`` have these values.

    ``filtered``: the wait has a ``where`` too, so a matching event is a candidate that the interpreter judges.
    """

    path: str
    types: tuple[str, ...]
    match: Mapping[str, Json]
    filtered: bool
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class QuestionRequest:
    """A question to a person: a signed link is mailed to ``whom``; ``answer.given`` with ``question`` ends the wait."""

    path: str
    question_id: str
    whom: str
    question: str
    answers: tuple[str, ...]
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class CallSucceeded:
    """The action's output, already validated and within the limit."""

    path: str
    attempt: int
    output: Json


@dataclass(frozen=True, slots=True)
class CallFailed:
    """The action's error. ``retry_after`` in seconds; ``kind`` decides what follows."""

    path: str
    attempt: int
    kind: Literal["transient", "permanent", "uncertain"]
    error: JsonObject
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class EventArrived:
    """An event that matches the wait at ``path``."""

    path: str
    event: JsonObject


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's word on an uncertain step: it happened (with this output), it did not, or try again."""

    path: str
    choice: Literal["happened", "not_happened", "try_again"]
    output: Json = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class Resume:
    """A person lets a failed run go on from the step (or steps) that failed."""

    by: str = ""


News: TypeAlias = CallSucceeded | CallFailed | EventArrived | Decision | Resume


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the interpreter knows of a run beside recipe and records. ``inputs`` are the recipe's, defaults filled in."""

    id: str
    recipe: str
    version: int
    event: JsonObject
    started: datetime
    inputs: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one advance gives: records to write, then calls to make, waits to keep, and where the run stands.

    ``records`` must be durable, in one transaction with ``status`` and ``due_at``, before any call is made.
    ``due_at``: when to advance again even if no news comes (the earliest retry, sleep or time-out). ``idle``: the run
    waits for news or a time, and not for a retry.
    """

    records: tuple[StepRecord, ...]
    calls: tuple[CallRequest, ...]
    waits: tuple[WaitRequest, ...]
    questions: tuple[QuestionRequest, ...]
    ended_waits: tuple[str, ...]
    status: RunStatus
    due_at: datetime | None = None
    error: JsonObject | None = None
    idle: bool = False
