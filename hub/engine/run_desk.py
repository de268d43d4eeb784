"""What people do to runs and events: let go on, start again, cancel, decide, answer, replay, send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from hub.engine.library import NO_RECIPE, birth
from hub.engine.recorder import event_entry
from hub.engine.turns import DECISION_EVENT
from hub.errors import ConflictError, NotFoundError
from hub.ids import new_id
from hub.journal.claiming import event_value
from hub.journal.deciding import Cancellation, WordToRun, cancel_runs, tell_runs
from hub.journal.entries import Happening
from hub.journal.operations import start_runs
from hub.vocabulary import validate_data

if TYPE_CHECKING:
    from datetime import datetime

    from hub.engine.hub import Hub
    from hub.journal.queries import RunDetail
    from hub.jsontypes import Json, JsonObject


def check_uncertain(run: RunDetail, path: str) -> None:
    """Raises ``ConflictError`` when no step at this path waits for a person's word."""
    if not any(step.path == path and step.state == "uncertain" for step in run.steps):
        message = "Nothing is to be decided here: the step does not wait for a person’s word."
        raise ConflictError(message, remedy="Load the page of the run again.")


class RunDesk:
    """Acts on runs and events for a person; everything is in the audit trail."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def record(self, event_type: str, data: JsonObject, actor: str) -> tuple[str, tuple[str, ...]]:
        """Record an event as the hub's own (sent by hand or by a program); give its id and the runs it started.

        Raises ``DeliveryError`` when the data does not fit the type's schema.
        """
        hub = self._hub
        validate_data(event_type, data)
        now = hub.now()
        identity = new_id("evt", now)
        happening = Happening(event_type, "hub", f"sent:{identity}", data, now, id=identity)
        recorded = hub.recorder.record(happening, now)
        self._note(actor, "event.send", recorded.event_id, {"type": event_type})
        return recorded.event_id, recorded.runnable

    def replay(self, event_id: str, recipe: str | None, actor: str) -> tuple[str, ...]:
        """Start the recipes of a recorded event anew (only ``recipe``, when named): new work with keys of its own."""
        hub = self._hub
        detail = hub.queries.event(event_id)
        summary = detail.summary
        event = event_value(event_id, summary.type, summary.time, summary.source, detail.data, detail.raw)
        now = hub.now()
        runs = hub.library.reload().runs_for(event, new_id("rpl", now), recipe)
        if not runs:
            message = "No enabled recipe starts with this event."
            raise ConflictError(message, remedy="Enable one whose `on` matches it, or start a recipe by hand.")
        for run in runs:
            hub.writer.write(start_runs, (run, event_id, now))
        started = tuple(run.id for run in runs)
        self._note(actor, "event.replay", event_id, {"runs": list(started)})
        hub.wake(started)
        return started

    def retry(self, run_id: str, actor: str, *, newest: bool = False) -> None:
        """Let a failed run go on from its failed step, with the same version or the newest one."""
        run = self._hub.queries.run(run_id).summary
        n = self._hub.store.recipe(run.recipe).n if newest else None
        self._tell(run_id, "", "failed", {"choice": "resume", "by": actor}, n)
        self._note(actor, "run.retry", run_id, {"newest": newest})

    def decide(
        self,
        run_id: str,
        path: str,
        choice: Literal["happened", "not_happened", "try_again"],
        output: Json,
        actor: str,
    ) -> None:
        """A person's word on an uncertain step. Raises ``ConflictError`` when it, or the run, is uncertain no more."""
        check_uncertain(self._hub.queries.run(run_id), path)
        self._tell(run_id, path, "uncertain", {"choice": choice, "output": output, "by": actor}, None)
        self._note(actor, "run.decide", run_id, {"step": path, "choice": choice})

    def cancel(self, run_id: str, actor: str) -> None:
        """End a run. Raises ``ConflictError`` when it has ended."""
        hub = self._hub
        run = hub.queries.run(run_id).summary
        concurrency = hub.library.get(run.recipe, run.n).recipe.concurrency
        limit = concurrency.limit if concurrency is not None else 1
        if not hub.writer.write(cancel_runs, Cancellation(run_id, hub.now(), actor, limit)):
            message = "The run has ended already."
            raise ConflictError(message, remedy="Look at its page for how it ended.")
        self._note(actor, "run.cancel", run_id, {})

    def rerun(self, run_id: str, actor: str) -> str:
        """Run the recipe's newest version for the same event again, as new work; give the new run's id."""
        hub = self._hub
        run = hub.queries.run(run_id).summary
        detail = hub.queries.event(run.event_id)
        summary = detail.summary
        event = event_value(summary.id, summary.type, summary.time, summary.source, detail.data, detail.raw)
        now = hub.now()
        new = birth(hub.library.get(run.recipe, hub.store.recipe(run.recipe).n), event, new_id("rpl", now))
        hub.writer.write(start_runs, (new, run.event_id, now))
        self._note(actor, "run.rerun", run_id, {"run": new.id})
        hub.wake([new.id])
        return new.id

    def answer(self, question_id: str, answer: str, by: str = "") -> bool:
        """Answer a question; False when it was answered before. Raises ``NotFoundError``, ``ConflictError`` (too late)."""
        hub = self._hub
        row = hub.store.question(question_id)
        if row is None:
            message = "This question does not exist any more."
            raise NotFoundError(message, remedy="Ask who sent it to you.")
        answers = [str(one) for one in cast("list[str]", row["answers"])]
        if answer not in answers:
            message = f"{answer!r} is not one of the answers."
            raise ConflictError(message, remedy=f"Choose one of {', '.join(answers)}.")
        now = hub.now()
        due = cast("datetime | None", row["due_at"])
        if due is not None and due <= now:
            message = "The time to answer is over."
            raise ConflictError(message, remedy="Ask who sent you the question whether it can be asked again.")
        if not hub.store.answer_question(question_id, answer, now):
            return False
        data: JsonObject = {"question": question_id, "answer": answer, "by": by}
        hub.recorder.record(Happening("answer.given", "hub", f"answer:{question_id}", data, now), now)
        return True

    def _tell(self, run_id: str, path: str, from_status: str, data: JsonObject, n: int | None) -> None:
        hub = self._hub
        now = hub.now()
        identity = new_id("evt", now)
        happening = Happening(DECISION_EVENT, "hub", identity, {"run": run_id, "path": path, **data}, now, id=identity)
        entry = event_entry(happening, hub.library.reload(), now, only=NO_RECIPE)
        hub.writer.write(tell_runs, WordToRun(run_id, path, entry, from_status, n))
        hub.wake([run_id])

    def _note(self, actor: str, action: str, target: str, detail: JsonObject) -> None:
        self._hub.store.note(actor, action, target, self._hub.now(), detail)
