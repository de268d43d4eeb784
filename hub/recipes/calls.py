"""How a call to a connector goes: attempts, retries, unknown outcomes, a person's decision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from hub.ids import step_key
from hub.recipes.backoff import retry_delay
from hub.recipes.progress import Progress, Scope, StepFailed
from hub.recipes.record import CallFailed, CallRequest, CallSucceeded, Decision, StepRecord, StepState

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from datetime import datetime, timedelta

    from hub.jsontypes import Json, JsonObject
    from hub.recipes.model import Retry
    from hub.recipes.record import News

Render: TypeAlias = "Callable[[datetime], JsonObject]"


@dataclass(frozen=True, slots=True)
class Target:
    """What is called. ``render`` gives ``{call: connection/action, with: input}`` with ``now`` fixed at the step's start;
    it may raise ExpressionError.
    """

    render: Render
    retry: Retry
    timeout: timedelta | None
    question_id: str | None = None


def attempt_call(progress: Progress, path: str, target: Target, scope: Scope) -> Generator[None, None, StepRecord]:
    """Attempts until the outcome is known; give the succeeded record. Raises :class:`StepFailed`."""
    record = progress.latest(path)
    while True:
        if record is None:
            record = _start(progress, path, target, None)
        elif record.state is StepState.FAILED_TRANSIENT:
            if record.due_at is not None:
                yield from progress.block(path, scope, "retry", record.due_at)
                scope.check_open()
            record = _start(progress, path, target, record)
        elif record.state is StepState.STARTED:
            if progress.take_unheard(path):
                _request(progress, record, target, recovered=True)
            news = yield from progress.block(path, scope, "call")
            record = _heard(progress, record, target.retry, news)
        elif record.state is StepState.UNCERTAIN:
            news = yield from progress.block(path, scope, "person")
            record = _decided(progress, record, news)
        elif record.state is StepState.SUCCEEDED:
            return record
        else:
            raise StepFailed(record.error, (path,))


def _start(progress: Progress, path: str, target: Target, failed: StepRecord | None) -> StepRecord:
    fresh = failed is None or failed.input is None or failed.attempt <= progress.resumed_after(path)
    sent = target.render(failed.started if failed else progress.now) if fresh else failed.input  # type: ignore[union-attr]
    record = progress.begin(path, "call", failed, input=sent, key=step_key(progress.facts.id, path))
    _request(progress, record, target, previous=(failed.error or {}).get("details") if failed else None)
    return record


def _request(
    progress: Progress, record: StepRecord, target: Target, *, recovered: bool = False, previous: Json = None
) -> None:
    sent = record.input
    assert isinstance(sent, dict)
    connection, _, action = str(sent["call"]).partition("/")
    progress.expect_call(record.path)
    progress.calls.append(
        CallRequest(
            path=record.path,
            attempt=record.attempt,
            connection=connection,
            action=action,
            input=sent["with"] or {},
            key=record.key or step_key(progress.facts.id, record.path),
            timeout=target.timeout.total_seconds() if target.timeout else None,
            recovered=recovered,
            question_id=target.question_id,
            previous=previous,
        )
    )


def _heard(progress: Progress, record: StepRecord, retry: Retry, news: list[News]) -> StepRecord:
    for one in news:
        if isinstance(one, CallSucceeded) and one.attempt == record.attempt:
            return progress.end(record, StepState.SUCCEEDED, one.output)
        if isinstance(one, CallFailed) and one.attempt == record.attempt:
            return _failed(progress, record, retry, one)
    return record


def _failed(progress: Progress, record: StepRecord, retry: Retry, failure: CallFailed) -> StepRecord:
    error: dict[str, object] = {**failure.error, "step": record.path}
    if failure.kind == "uncertain":
        return progress.end(record, StepState.UNCERTAIN, error=error)  # type: ignore[arg-type]
    if failure.kind == "permanent":
        return progress.end(record, StepState.FAILED_PERMANENT, error=error)  # type: ignore[arg-type]
    tried = record.attempt - progress.resumed_after(record.path)
    if tried >= retry.attempts:
        error["given_up_after"] = tried
        return progress.end(record, StepState.FAILED_PERMANENT, error=error)  # type: ignore[arg-type]
    due = progress.now + retry_delay(retry, tried, record.key or "", failure.retry_after)
    failed = progress.end(record, StepState.FAILED_TRANSIENT, error=error)  # type: ignore[arg-type]
    return progress.write(replace(failed, due_at=due))


def _decided(progress: Progress, record: StepRecord, news: list[News]) -> StepRecord:
    for one in news:
        if not isinstance(one, Decision):
            continue
        if one.choice == "happened":
            return progress.end(record, StepState.SUCCEEDED, one.output)
        if one.choice == "try_again":
            return progress.end(record, StepState.FAILED_TRANSIENT, error=record.error)
        error: JsonObject = {
            "code": "did_not_happen",
            "message": f"{one.by or 'A person'} decided that this step did not happen.",
            "remedy": "Let the run go on from this step if it should be tried again.",
            "step": record.path,
        }
        return progress.end(record, StepState.FAILED_PERMANENT, error=error)
    return record
