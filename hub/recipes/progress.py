"""The state of a run while it is walked: its record so far, the news that came in, what blocks it, this turn's results."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

from hub.recipes.record import RunStatus, StepRecord, StepState, Turn

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from hub.jsontypes import Json, JsonObject
    from hub.recipes.record import CallRequest, News, QuestionRequest, RunFacts, WaitRequest

Walk: TypeAlias = "Generator[None, None, None]"
BlockKind = Literal["call", "retry", "time", "event", "person"]

_SEEN_STATUS = {
    StepState.SUCCEEDED: "succeeded",
    StepState.TIMED_OUT: "timed_out",
    StepState.FAILED_PERMANENT: "failed",
    StepState.SKIPPED: "skipped",
}


class StepFailed(Exception):  # noqa: N818 (a turn of the walk, not an error of the program)
    """A step failed and nothing so far handled it. ``paths``: the failed steps (several in a parallel loop)."""

    def __init__(self, error: JsonObject | None, paths: tuple[str, ...]) -> None:
        super().__init__(paths)
        self.error: JsonObject = error or {}
        self.paths = paths


class RunStopped(Exception):  # noqa: N818 (a turn of the walk, not an error of the program)
    """A ``stop`` step ended the run."""

    def __init__(self, status: RunStatus, error: JsonObject | None) -> None:
        super().__init__(status)
        self.status = status
        self.error = error


class ItemAbandoned(Exception):  # noqa: N818 (a turn of the walk, not an error of the program)
    """Another item of a parallel loop ended the run; this item begins nothing new."""


class LoopGate:
    """Whether a loop, and every loop around it, may still begin steps.

    ``closing``: the run ends here, nothing new begins. ``no_more``: no further items, those under way go on.
    """

    __slots__ = ("_outer", "closing", "no_more")

    def __init__(self, outer: LoopGate | None) -> None:
        self._outer = outer
        self.closing = False
        self.no_more = False

    @property
    def admits(self) -> bool:
        """Whether another item may begin."""
        return not self.no_more and not self.closed

    @property
    def closed(self) -> bool:
        """True once this loop or one around it is closing."""
        return self.closing or (self._outer is not None and self._outer.closed)


@dataclass(frozen=True, slots=True)
class Scope:
    """What expressions see at one place of a recipe. ``suffix`` holds the indices of the loops around it."""

    variables: dict[str, Json]
    steps: dict[str, Json]
    suffix: str = ""
    gate: LoopGate | None = None

    def for_item(self, item: Json, index: int, gate: LoopGate) -> Scope:
        """The scope of one item of a loop: results of its own steps do not leak into the next item."""
        steps = dict(self.steps)
        variables = self.variables | {"item": item, "index": index, "steps": steps}
        return Scope(variables, steps, f"{self.suffix}[{index}]", gate)

    def at(self, moment: datetime) -> dict[str, Json]:
        """The variables with ``now`` fixed at ``moment``."""
        return self.variables | {"now": rfc3339(moment)}

    def bind(self, step_id: str, record: StepRecord) -> None:
        """Let later steps see this step's outcome."""
        self.steps[step_id] = {
            "output": record.output,
            "status": _SEEN_STATUS[record.state],
            "error": record.error,
        }

    def check_open(self) -> None:
        """Raise :class:`ItemAbandoned` when nothing new may begin here."""
        if self.gate is not None and self.gate.closed:
            raise ItemAbandoned


def rfc3339(moment: datetime) -> str:
    """``2026-11-23T09:00:00Z``: the form of every time that expressions see."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Progress:
    """Everything that changes while a run is walked."""

    def __init__(self, facts: RunFacts, records: Iterable[StepRecord]) -> None:
        self.facts = facts
        self.now = facts.started
        self.resumes = 0
        self._latest: dict[str, StepRecord] = {}
        self._resumed: dict[str, int] = {}
        self._news: dict[str, list[News]] = {}
        self._blocked: dict[str, tuple[BlockKind, datetime | None]] = {}
        for record in records:
            self._remember(record)
        self._unheard = {path for path, record in self._latest.items() if record.state is StepState.STARTED}
        self._start_turn()

    # one turn

    def begin_turn(self, now: datetime, news: Iterable[News]) -> None:
        """Start a turn at ``now``: forget the last one's results, take the news in."""
        self.now = now
        self._start_turn()
        self._news.clear()
        for one in news:
            self._news.setdefault(one.path, []).append(one)  # type: ignore[union-attr]  # Resume never gets here

    def _start_turn(self) -> None:
        self._written: dict[tuple[str, int], StepRecord] = {}
        self.calls: list[CallRequest] = []
        self.waits: list[WaitRequest] = []
        self.questions: list[QuestionRequest] = []
        self.ended_waits: list[str] = []

    def turn(self, status: RunStatus | None, error: JsonObject | None) -> Turn:
        """This turn's results. ``status`` None: the run has not ended, say how it stands."""
        due, idle = None, False
        if status is None:
            kinds = {kind for kind, _ in self._blocked.values()}
            status, idle = _standing(kinds), not kinds & {"call", "retry"}
            due = min((moment for _, moment in self._blocked.values() if moment is not None), default=None)
        return Turn(
            records=tuple(self._written.values()),
            calls=tuple(self.calls),
            waits=tuple(self.waits),
            questions=tuple(self.questions),
            ended_waits=tuple(self.ended_waits),
            status=status,
            due_at=due,
            error=error,
            idle=idle,
        )

    def block(
        self, path: str, scope: Scope, kind: BlockKind, due: datetime | None = None
    ) -> Generator[None, None, list[News]]:
        """Hold the walk until there is news for ``path`` or ``due`` is reached; give the news (none when it is time).

        Raises :class:`ItemAbandoned` when the loop around it is closing, but for a call under way: its outcome is kept.
        """
        while True:
            news = self._news.pop(path, [])
            if news or (due is not None and self.now >= due):
                self._blocked.pop(path, None)
                return news
            if kind != "call" and scope.gate is not None and scope.gate.closed:
                self._blocked.pop(path, None)
                raise ItemAbandoned
            self._blocked[path] = (kind, due)
            yield

    def restart(self) -> None:
        """Forget what blocked the walk, which begins again from the top."""
        self._blocked.clear()

    # the record

    def _remember(self, record: StepRecord) -> None:
        known = self._latest.get(record.path)
        if known is None or record.attempt >= known.attempt:
            self._latest[record.path] = record
        if record.kind == "resume":
            self.resumes += 1
            output = record.output
            assert isinstance(output, dict)
            self._resumed.update(output["failed"])

    def write(self, record: StepRecord) -> StepRecord:
        """Add or change one attempt of one step. Records stand in the order of their last change: any prefix is a past."""
        self._remember(record)
        self._written.pop((record.path, record.attempt), None)
        self._written[record.path, record.attempt] = record
        return record

    def begin(  # noqa: PLR0913 (the parts of a record)
        self,
        path: str,
        kind: str,
        after: StepRecord | None = None,
        *,
        state: StepState = StepState.STARTED,
        input: Json = None,  # noqa: A002 (the field's name)
        output: Json = None,
        key: str | None = None,
        due_at: datetime | None = None,
    ) -> StepRecord:
        """Record that a step begins; ``after`` is the attempt before, if there was one."""
        attempt = 1 if after is None else after.attempt + 1
        return self.write(
            StepRecord(path, attempt, state, kind, self.now, input=input, output=output, key=key, due_at=due_at)
        )

    def end(
        self, record: StepRecord, state: StepState, output: Json = None, error: JsonObject | None = None
    ) -> StepRecord:
        """Record how an attempt ended."""
        return self.write(replace(record, state=state, output=output, error=error, ended=self.now, due_at=None))

    def latest(self, path: str) -> StepRecord | None:
        """The latest attempt of a step, unless that failed and a person let the run go on since: then it is to be tried
        again, and is given as failed transiently and due now.
        """
        record = self._latest.get(path)
        if (
            record is not None
            and record.state in {StepState.FAILED_PERMANENT, StepState.TIMED_OUT}
            and record.attempt <= self.resumed_after(path)
        ):
            return replace(record, state=StepState.FAILED_TRANSIENT, due_at=None)
        return record

    def resumed_after(self, path: str) -> int:
        """The attempt after which a person let this step be tried again; 0 when nobody did."""
        return self._resumed.get(path, 0)

    def take_unheard(self, path: str) -> bool:
        """True once for a call that was found started without result when the run was rebuilt."""
        if path in self._unheard:
            self._unheard.discard(path)
            return True
        return False

    def expect_call(self, path: str) -> None:
        """The outcome of a call is awaited."""
        self._blocked[path] = ("call", None)

    def record_resume(self, by: str, failed_paths: tuple[str, ...]) -> None:
        """Record that a person let the run go on from its failed steps."""
        failed = {path: self._latest[path].attempt for path in failed_paths if path in self._latest}
        path = f"resume[{self.resumes + 1}]"
        record = StepRecord(path, 1, StepState.SUCCEEDED, "resume", self.now, output={"by": by, "failed": failed})
        self.write(replace(record, ended=self.now))


def _standing(kinds: set[BlockKind]) -> RunStatus:
    if "call" in kinds:
        return RunStatus.RUNNING
    return RunStatus.UNCERTAIN if kinds == {"person"} else RunStatus.WAITING
