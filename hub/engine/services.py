"""What the hub lends to a call of a built-in connector, and what it adds to the mail of a question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hub.ids import new_id
from hub.journal.entries import Happening

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from hub.connect.api import CanonicalEvent, Outbox, Templates
    from hub.jsontypes import Json, JsonObject
    from hub.recipes.record import CallRequest


class AnswerLinks(Protocol):
    """Makes the signed addresses by which a person answers a question."""

    def __call__(self, question: str, answer: str, /) -> str:
        """The address that gives this answer; single-purpose, it cannot be guessed."""


@dataclass(frozen=True, slots=True)
class Services:
    """Lends templates, the outbox and emitting to calls."""

    outbox: Outbox
    templates: Templates
    answer_links: AnswerLinks
    now: Callable[[], datetime]

    def lend(self, caused_by: tuple[str | None, str | None], emitted: list[Happening]) -> Mapping[str, object]:
        """The services of one call; events that it emits are added to ``emitted`` and recorded with its result."""
        run, step = caused_by

        def emit(event: CanonicalEvent) -> str:
            now = self.now()
            happening = Happening(
                type=event.type,
                source="hub",
                source_id=event.source_id,
                data=event.data,
                time=event.time or now,
                caused_by_run=run,
                caused_by_step=step,
                id=new_id("evt", now),
            )
            emitted.append(happening)
            return happening.id or ""

        return {"outbox": self.outbox, "templates": self.templates, "emit": emit}

    def input_for(self, request: CallRequest) -> JsonObject:
        """The input as the action gets it: a question's mail gets its signed links, which are never recorded."""
        if request.question_id is None:
            return request.input
        data = request.input["data"]
        assert isinstance(data, dict)
        answers = data["answers"]
        assert isinstance(answers, list)
        links: list[Json] = [
            {"label": str(answer), "url": self.answer_links(request.question_id, str(answer))} for answer in answers
        ]
        return {**request.input, "data": {**data, "answers": links}}
