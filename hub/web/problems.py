"""Pages for what goes wrong: what happened, what was kept, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from flask import current_app, make_response, render_template, request
from flask_wtf.csrf import CSRFError  # type: ignore[import-untyped]
from werkzeug.exceptions import HTTPException

from hub.errors import ConfigError, ConflictError, HubError, NotFoundError, UnavailableError
from hub.ids import new_id
from hub.web.access import Role, access_rules
from hub.web.api.problems import problem_of_http
from hub.web.limits import seconds_to_wait
from hub.web.sessions import the_hub
from hub.web.speech import say
from hub.web.visitors import dead_page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Flask
    from flask.typing import ResponseReturnValue

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """What a page of this kind says."""

    status: int
    title: str
    happened: str
    kept: str
    remedy: str


_KNOWN: Mapping[int, Problem] = {
    problem.status: problem
    for problem in (
        Problem(400, "The request could not be read", "Something in it was missing or broken.", "Nothing was changed.",
                "Go back, look at what you entered, and try again."),
        Problem(403, "You may not do this", "Your role does not allow it.", "Nothing was changed.",
                "Ask an admin to do it, or to give you the role."),
        Problem(404, "There is no such page", "The address is wrong, or what it showed was deleted.", "Nothing was changed.",
                "Start again from the home page, or use the search of Runs and Events."),
        Problem(405, "This address works differently", "It was called in a way that it does not answer.",
                "Nothing was changed.", "Go back and use the buttons of the page."),
        Problem(409, "Somebody was faster", "It was changed meanwhile.", "Their change was kept, yours was not.",
                "Open the page again, look at what is there now, and repeat your change."),
        Problem(413, "That is too large", "More was sent than the hub takes.", "Nothing was changed.",
                "Send less; recipes may have 256 KiB, test events 1 MiB."),
        Problem(429, "Too many tries", "This was asked for too often in a short time.", "Nothing was changed.",
                "Wait a minute, then try again."),
        Problem(500, "Something broke in the hub", "This is a fault of the hub, not yours.",
                "Events that were accepted and runs that were recorded are safe.",
                "Try again. If it happens again, report it with the number below; the hub's log says more under it."),
        Problem(503, "The hub cannot do this just now", "The database cannot be reached or its disk is full.",
                "What was stored before is safe; what you just sent was not kept.",
                "Wait a moment and try again. Webhooks sent meanwhile are repeated by their gateways."),
    )
}  # fmt: skip

_OWN_WORDS = frozenset({403})
_FOR_VISITORS: Mapping[int, str] = {404: "paying.dead", 429: "problem.too_often"}
_OF_THE_TEAM = frozenset({"account", "probes"})
"""Pages that everybody may open and that are for those who run the hub."""


def _is_for_visitors() -> bool:
    rule = access_rules(current_app).get(request.endpoint or "")
    return rule is not None and rule.role is Role.PUBLIC and request.blueprint not in {None, *_OF_THE_TEAM}


def _status_of(error: HubError) -> int:
    if isinstance(error, NotFoundError):
        return 404
    if isinstance(error, ConflictError):
        return 409
    if isinstance(error, UnavailableError):
        return 503
    return 500 if isinstance(error, ConfigError) and error.code == "manifest" else 400


def show_problem(status: int, happened: str = "", remedy: str = "", number: str = "") -> ResponseReturnValue:
    """The page for a status; ``happened`` and ``remedy`` go before what it says in general.

    Customers and providers read it in their language, and nothing of what only an admin can mend.
    """
    if _is_for_visitors() and status != 503:  # noqa: PLR2004 (without a database there is no brand to show)
        said = _FOR_VISITORS.get(status) or ("problem.not_read" if status < 500 else "problem.broke")  # noqa: PLR2004
        title, why = say(said), say(f"{said}_why")
        return dead_page(status, title, why, number)
    problem = _KNOWN.get(status) or _KNOWN[400 if status < 500 else 500]  # noqa: PLR2004 (HTTP's classes)
    shown = Problem(status, problem.title, happened or problem.happened, problem.kept, remedy or problem.remedy)
    template = "problem_fragment.html" if request.headers.get("HX-Request") else "problem.html"
    return render_template(template, problem=shown, number=number), status


def answer_problems(app: Flask) -> None:
    """Answer every error of the application by such a page."""

    def of_hub(error: HubError) -> ResponseReturnValue:
        status = _status_of(error)
        if status >= 500:  # noqa: PLR2004 (HTTP's classes)
            log.warning("page_failed", path=request.path, reason=str(error))
        return show_problem(status, error.message, error.remedy)

    def of_http(error: HTTPException) -> ResponseReturnValue:
        if error.code is None or error.code < 400:  # noqa: PLR2004 (a redirect is no problem)
            return error
        if request.path.startswith("/api/"):  # an address of the API that is none
            return problem_of_http(error)
        wait = seconds_to_wait()
        remedy = f"Wait {wait} seconds, then try again." if wait else ""
        answer = make_response(
            show_problem(error.code, str(error.description) if error.code in _OWN_WORDS else "", remedy)
        )
        if wait:
            answer.headers["Retry-After"] = str(wait)
        return answer

    def of_csrf(error: CSRFError) -> ResponseReturnValue:
        remedy = "Go back, load the page again, and repeat what you did. Your browser must accept the hub's cookie."
        return show_problem(400, f"The form was too old or came from another site ({error.description}).", remedy)

    def of_anything(error: Exception) -> ResponseReturnValue:
        number = new_id("err", the_hub().now())
        log.error("page_broke", path=request.path, number=number, exc_info=error)
        return show_problem(500, number=number)

    app.register_error_handler(HubError, of_hub)
    app.register_error_handler(CSRFError, of_csrf)
    app.register_error_handler(HTTPException, of_http)
    app.register_error_handler(Exception, of_anything)
