"""Steps that wait: for a time, for an event, for a person's answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hub.errors import ExpressionError
from hub.expressions import is_true
from hub.expressions.durations import parse_duration
from hub.ids import derived_id
from hub.recipes.calls import Target, attempt_call
from hub.recipes.progress import Progress, Scope, rfc3339
from hub.recipes.record import EventArrived, QuestionRequest, StepRecord, StepState, WaitRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from hub.jsontypes import Json, JsonObject
    from hub.recipes.model import AskStep, SleepStep, WaitStep
    from hub.recipes.progress import Walk


def sleep(progress: Progress, step: SleepStep, scope: Scope, path: str) -> Walk:
    """``wait: {for}`` and ``wait: {until}``; the output is ``{until}``."""
    record = progress.latest(path)
    if record is None or record.state is StepState.FAILED_TRANSIENT:
        due = _wake_time(step, scope, progress.now)
        until: JsonObject = {"until": rfc3339(due)}
        record = progress.begin(path, "wait", record, state=StepState.WAITING, input=until, due_at=due)
    if record.state is StepState.WAITING:
        due = record.due_at or progress.now
        while progress.now < due:
            yield from progress.block(path, scope, "time", due)
        record = progress.end(record, StepState.SUCCEEDED, record.input)
    scope.bind(step.id, record)


def _wake_time(step: SleepStep, scope: Scope, now: datetime) -> datetime:
    sees = scope.at(now)
    if step.duration is not None:
        return now + parse_duration(str(step.duration.render(sees)))
    assert step.until is not None
    value = step.until.evaluate(sees)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as wrong:
        message = f"`until: {step.until.text}` gave {str(value)[:60]!r}, which is not a time."
        raise ExpressionError(message, remedy="It must give a time like 2026-11-23T09:00:00Z.") from wrong
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def wait_for_event(progress: Progress, step: WaitStep, scope: Scope, path: str) -> Generator[None, None, StepRecord]:
    """``wait: {event}``; give the final record: succeeded with the event, or timed out."""
    record = progress.latest(path)
    if record is None or record.state is StepState.FAILED_TRANSIENT:
        sees = scope.at(progress.now)
        match = {field: template.render(sees) for field, template in step.match.items()}
        due = progress.now + step.wait_timeout if step.wait_timeout is not None else None
        filtered = step.where is not None
        progress.waits.append(WaitRequest(path, step.types, match, filtered, due))
        sought: JsonObject = {"event": list(step.types), "match": match}
        record = progress.begin(path, "wait", record, state=StepState.WAITING, input=sought, due_at=due)

    def wanted(event: JsonObject) -> bool:
        if step.where is None:
            return True
        sees = scope.at(progress.now)
        sees["steps"] = {**scope.steps, step.id: {"output": event, "status": "waiting", "error": None}}
        return is_true(step.where.evaluate(sees))

    return (yield from _await(progress, scope, record, wanted, lambda event: event))


def _await(
    progress: Progress,
    scope: Scope,
    record: StepRecord,
    wanted: Callable[[JsonObject], bool],
    output: Callable[[JsonObject], Json],
) -> Generator[None, None, StepRecord]:
    while record.state is StepState.WAITING:
        for one in (yield from progress.block(record.path, scope, "event", record.due_at)):
            if isinstance(one, EventArrived) and wanted(one.event):
                record = progress.end(record, StepState.SUCCEEDED, output(one.event))
                progress.ended_waits.append(record.path)
                return record
        if record.due_at is not None and progress.now >= record.due_at:
            record = progress.end(record, StepState.TIMED_OUT)
            progress.ended_waits.append(record.path)
    return record


def ask_person(progress: Progress, step: AskStep, scope: Scope, path: str) -> Generator[None, None, StepRecord]:
    """``ask``: mail the question (a call of its own at ``<path>.mail``), then wait for the answer.

    Give the final record: succeeded with the answer's text, or timed out.
    """
    record = progress.latest(path)
    if record is None or record.state is StepState.FAILED_TRANSIENT:
        attempt = record.attempt + 1 if record else 1
        question_id = derived_id("que", progress.facts.id, path, str(attempt))
        due = progress.now + step.wait_timeout if step.wait_timeout is not None else None
        mail_path = f"{path}.mail" if attempt == 1 else f"{path}.mail~{attempt}"

        def mail(now: datetime) -> JsonObject:
            sees = scope.at(now)
            whom, question = str(step.whom.render(sees)), str(step.question.render(sees))
            progress.questions.append(QuestionRequest(path, question_id, whom, question, step.answers, due))
            data: JsonObject = {"question": question, "answers": list(step.answers)}
            return {"call": "mail/send", "with": {"to": whom, "template": "question", "data": data}}

        yield from attempt_call(progress, mail_path, Target(mail, step.retry, step.timeout, question_id), scope)
        match: JsonObject = {"data.question": question_id}
        progress.waits.append(WaitRequest(path, ("answer.given",), match, False, due))
        sought: JsonObject = {"event": ["answer.given"], "match": match}
        record = progress.begin(path, "ask", record, state=StepState.WAITING, input=sought, due_at=due)
    return (yield from _await(progress, scope, record, lambda _event: True, _answer))


def _answer(event: JsonObject) -> Json:
    data = event["data"]
    assert isinstance(data, dict)
    answer: Json = data["answer"]
    return answer
