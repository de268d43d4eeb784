"""What a person who got a question by mail sees: opening the link shows it, only pressing a button answers it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from flask import render_template, request

from hub.engine.hub import ANSWER_PURPOSE
from hub.errors import ConflictError, NotFoundError
from hub.secrets import LinkError
from hub.web.access import Pages, Role
from hub.web.sessions import the_hub
from hub.web.speech import moment
from hub.web.visitors import leads_nowhere

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

pages = Pages("answers", __name__)

_LINK_LASTS = timedelta(days=400)

pages.errorhandler(LinkError)(leads_nowhere)
pages.errorhandler(NotFoundError)(leads_nowhere)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. ``chosen`` is the answer of this link, ``given`` the one that was taken, if any."""

    id: str
    text: str
    answers: tuple[str, ...]
    chosen: str
    given: str | None
    due_at: datetime | None
    expired: bool


@pages.page("/answer/<token>", Role.PUBLIC, limit="60 per minute")
def show(token: str) -> ResponseReturnValue:
    """The question with its buttons, the one of this link first. Mail scanners open links, so this changes nothing."""
    return _page(token, question_of(token))


@pages.page("/answer/<token>", Role.PUBLIC, method="POST", limit="20 per minute", again=show)
def answer(token: str) -> ResponseReturnValue:
    """Take the answer; the first one counts."""
    question = question_of(token)
    try:
        taken = the_hub().runs.answer(question.id, request.form.get("answer", ""), "the link in the mail")
    except ConflictError as error:
        return _page(token, question, error), 409
    return _page(token, question_of(token), thanks=taken)


def question_of(token: str) -> Question:
    """What a signed link asks. Raises ``LinkError`` or ``NotFoundError``."""
    hub = the_hub()
    identity, chosen = cast("list[str]", hub.keyring.unsign(ANSWER_PURPOSE, token, _LINK_LASTS, now=hub.now()))
    row = hub.store.question(identity)
    if row is None:
        message = "This question does not exist any more."
        raise NotFoundError(message, remedy="Ask who sent it to you.")
    due = cast("datetime | None", row["due_at"])
    return Question(
        id=identity,
        text=cast("str", row["question"]),
        answers=tuple(cast("list[str]", row["answers"])),
        chosen=chosen,
        given=cast("str | None", row["answer"]),
        due_at=due,
        expired=due is not None and due <= hub.now(),
    )


def _page(token: str, question: Question, error: ConflictError | None = None, *, thanks: bool = False) -> str:
    until = moment(question.due_at) if question.due_at is not None else ""
    state = _state(question, thanks=thanks)
    return render_template("answer.html", state=state, question=question, link=token, error=error, until=until)


def _state(question: Question, *, thanks: bool) -> str:
    if question.given is not None:
        return "thanks" if thanks else "answered"
    return "expired" if question.expired else "open"
