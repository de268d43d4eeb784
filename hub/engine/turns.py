"""A run under way in this process: the interpreter's words on one side, the journal's on the other."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from hub.engine.library import match_hash
from hub.journal.entries import NewQuestion, NewWait, RunUpdate, StepRow
from hub.recipes.interpreter import Execution
from hub.recipes.record import Decision, EventArrived, Resume, RunFacts, RunStatus, StepRecord, StepState, Turn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.engine.library import Installed
    from hub.journal.entries import ClaimedRun, Happening, NewEvent
    from hub.jsontypes import JsonObject
    from hub.recipes.record import News

DECISION_EVENT = "hub.run_decided"
"""The event that carries a person's word to a run: data {run, path, choice, output, by}; ``resume`` for a failed run."""

_LONG_WAIT = timedelta(hours=1)


class RunUnderWay:
    """One claimed run: its execution, the news it has not taken yet, and whether a turn is being written."""

    def __init__(self, claimed: ClaimedRun, installed: Installed) -> None:
        self.claimed = claimed
        self.writing = False
        self.pending_calls = 0
        self.news: list[News] = []
        self.emitted: list[Happening] = []
        self._consumed: list[tuple[str, str]] = []
        self._installed = installed
        self._order: dict[tuple[str, int], int] = {(row.path, row.attempt): row.seq for row in claimed.steps}
        self._next = max(self._order.values(), default=0) + 1
        facts = RunFacts(
            id=claimed.id,
            recipe=claimed.recipe,
            version=claimed.n,
            event=claimed.event,
            started=claimed.started or claimed.created,
            inputs=installed.inputs,
        )
        self.execution = Execution(installed.recipe, facts, [record_of(row) for row in claimed.steps])
        self.take_signals(claimed.signals)

    @property
    def id(self) -> str:
        """The run's id."""
        return self.claimed.id

    def take_signals(self, signals: Sequence[tuple[str, JsonObject]]) -> None:
        """Events that matched a wait, and decisions of people, become news; they are consumed with the next turn."""
        for path, event in signals:
            entry = (path, str(event["id"]))
            if entry not in self._consumed:
                self._consumed.append(entry)
                self.news.append(_news_of(path, event))

    def advance(self, now: datetime) -> Turn:
        """Let the interpreter take the news that came in."""
        news, self.news = self.news, []
        return self.execution.advance(now, news)

    def update(self, turn: Turn, now: datetime, events: tuple[NewEvent, ...]) -> RunUpdate:
        """What the journal has to write for this turn."""
        concurrency = self._installed.recipe.concurrency
        consumed, self._consumed = self._consumed, []
        return RunUpdate(
            run_id=self.id,
            fence=self.claimed.fence,
            status=turn.status.value,
            now=now,
            due_at=turn.due_at,
            cursor=turn.records[-1].path if turn.records else None,
            error=turn.error,
            ended=now if turn.status.ended else None,
            keep_lease=turn.status is RunStatus.RUNNING,
            steps=tuple(self._row(record) for record in turn.records),
            waits=tuple(
                NewWait(
                    wait.path,
                    wait.types,
                    match_hash(wait.match),
                    wait.filtered,
                    self.claimed.created,
                    bool(self.claimed.replay),
                    wait.due_at,
                )
                for wait in turn.waits
            ),
            questions=tuple(
                NewQuestion(one.question_id, one.path, one.whom, one.question, one.answers, one.due_at)
                for one in turn.questions
            ),
            ended_waits=turn.ended_waits,
            consumed=tuple(consumed),
            recipe=self.claimed.recipe,
            key=self.claimed.key,
            limit=concurrency.limit if concurrency else 1,
            release_key=self._releases_key(turn, now),
            events=events,
        )

    def _releases_key(self, turn: Turn, now: datetime) -> bool:
        """A run that waits (not: retries) for longer than an hour does not hold up the next ones of its key."""
        concurrency = self._installed.recipe.concurrency
        if concurrency is None or concurrency.while_waiting == "block" or not turn.idle:
            return False
        return turn.status is RunStatus.WAITING and (turn.due_at is None or turn.due_at - now > _LONG_WAIT)

    def _row(self, record: StepRecord) -> StepRow:
        place = (record.path, record.attempt)
        if place not in self._order:
            self._order[place] = self._next
            self._next += 1
        return StepRow(
            path=record.path,
            attempt=record.attempt,
            seq=self._order[place],
            kind=record.kind,
            state=record.state.value,
            input=record.input,
            output=record.output,
            error=record.error,
            key=record.key,
            started=record.started,
            ended=record.ended,
            due_at=record.due_at,
        )


def record_of(row: StepRow) -> StepRecord:
    """The interpreter's form of a stored attempt."""
    return StepRecord(
        path=row.path,
        attempt=row.attempt,
        state=StepState(row.state),
        kind=row.kind,
        started=row.started,
        input=row.input,
        output=row.output,
        error=row.error,
        key=row.key,
        ended=row.ended,
        due_at=row.due_at,
    )


def merged(first: Turn, second: Turn) -> Turn:
    """Two turns that become durable together, because nothing had to be durable between them (inline calls)."""
    records = {(record.path, record.attempt): record for record in (*first.records, *second.records)}
    return replace(
        second,
        records=tuple(records.values()),
        calls=first.calls + second.calls,
        waits=first.waits + second.waits,
        questions=first.questions + second.questions,
        ended_waits=first.ended_waits + second.ended_waits,
    )


def without_calls(turn: Turn) -> Turn:
    """The turn as far as it goes without making its calls: for a process that is about to stop.

    Any prefix of the record leads to the same end, so whoever takes the run over begins these calls afresh.
    """
    begun = {(call.path, call.attempt) for call in turn.calls}
    records = tuple(record for record in turn.records if (record.path, record.attempt) not in begun)
    return replace(turn, records=records, calls=(), status=RunStatus.READY, due_at=None)


def _news_of(path: str, event: JsonObject) -> News:
    if event["type"] != DECISION_EVENT:
        return EventArrived(path, event)
    data = cast("JsonObject", event["data"])
    by = str(data.get("by") or "")
    if data["choice"] == "resume":
        return Resume(by)
    return Decision(path, data["choice"], data.get("output"), by)  # type: ignore[arg-type]  # written by decide()
