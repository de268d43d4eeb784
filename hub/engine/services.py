"""What the hub lends to a call of a built-in connector, and what it adds to the mail of a question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hub.engine.papers import HubPapers
from hub.ids import new_id
from hub.journal.entries import Happening

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from hub.connect.api import CanonicalEvent, Connection, Outbox, Templates
    from hub.jsontypes import Json, JsonObject
    from hub.office import Office
    from hub.recipes.record import CallRequest


class OfficeOf(Protocol):
    """Makes the office of one piece of work; see :mod:`hub.engine.gateway_calls`."""

    def __call__(self, key: str, now: datetime, caused_by: tuple[str | None, str | None], /) -> Office:
        """An office whose calls are made once under ``key``."""


@dataclass(frozen=True, slots=True)
class OtherConnections:
    """Implements :class:`hub.connect.api.Connections` on an office."""

    office: Office
    connection_of: Callable[[str], Connection]

    def connector(self, connection: str) -> str:
        """The name of a connection's connector."""
        return self.connection_of(connection).connector

    def settings(self, connection: str) -> JsonObject:
        """A connection's settings, without its secrets."""
        return self.connection_of(connection).settings

    def run(self, connection: str, action: str, given: JsonObject, part: str) -> JsonObject:
        """Do it once, like a step of its own."""
        return self.office.call(connection, action, given, part)


class AnswerLinks(Protocol):
    """Makes the signed addresses by which a person answers a question."""

    def __call__(self, question: str, answer: str, /) -> str:
        """The address that gives this answer; single-purpose, it cannot be guessed."""


@dataclass(frozen=True, slots=True)
class Services:
    """Lends templates, the outbox, papers, emitting and other connections to calls."""

    outbox: Outbox
    templates: Templates
    answer_links: AnswerLinks
    now: Callable[[], datetime]
    office_of: OfficeOf
    connection_of: Callable[[str], Connection]

    def lend(
        self, caused_by: tuple[str | None, str | None], emitted: list[Happening], key: str
    ) -> Mapping[str, object]:
        """The services of one call; events that it emits are added to ``emitted`` and recorded with its result.

        ``key`` is the call's idempotency key; what it does by other connections is done once under it.
        """
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

        office = self.office_of(key, self.now(), caused_by)
        others = OtherConnections(office, self.connection_of)
        return {
            "outbox": self.outbox,
            "templates": self.templates,
            "papers": HubPapers(office),
            "emit": emit,
            "connections": others,
        }

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
