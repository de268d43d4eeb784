"""What goes wrong in the API, as problem details (RFC 9457): a code for programs, words for people, the fields."""

from __future__ import annotations

import math
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import orjson
import structlog
from flask import Response, request

from hub.engine.tokens import TokenError
from hub.errors import (
    ActionError,
    ConfigError,
    ConflictError,
    HubError,
    NotFoundError,
    PermanentError,
    TransientError,
    UnavailableError,
    UncertainError,
)
from hub.ids import new_id
from hub.web.sessions import the_hub

if TYPE_CHECKING:
    from collections.abc import Sequence

    from werkzeug.exceptions import HTTPException

    from hub.connect.schemas import Problem
    from hub.jsontypes import Json, JsonObject

log = structlog.get_logger(__name__)

_CONFLICTS: Final = frozenset({"wrong_state", "already_refunded", "conflict", "duplicate", "out_of_stock", "stale"})
_UNEXPECTED: Final = re.compile(r"'([^']+)'.* (?:was|were) unexpected")
_PAUSE: Final = 5
_SHOWN: Final = 300


class ForbiddenError(HubError):
    """The token is right and may not do this."""

    default_code = "forbidden"


class TooManyError(HubError):
    """More was asked than may be asked in this time. ``seconds``: when to ask again."""

    default_code = "rate_limited"

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message, remedy=f"Ask again in {seconds} seconds, and less often.")
        self.seconds = seconds


def status_of(error: HubError) -> int:
    """The HTTP status of an error."""
    kinds: tuple[tuple[type[HubError], int], ...] = (
        (TokenError, 401),
        (ForbiddenError, 403),
        (TooManyError, 429),
        (NotFoundError, 404),
        (ConflictError, 409),
        (UncertainError, 409),
        (UnavailableError, 503),
        (TransientError, 503),
    )
    for kind, status in kinds:
        if isinstance(error, kind):
            return status
    if isinstance(error, PermanentError) and error.code == "not_found":
        return 404
    if isinstance(error, PermanentError) and error.code in _CONFLICTS:
        return 409
    if isinstance(error, ConfigError) and error.code == "manifest":
        return 500
    return 422


def problem_of(error: HubError) -> Response:
    """The answer to an error of the hub's."""
    status = status_of(error)
    details = error.details if isinstance(error, ActionError) else None
    fields = details.get("errors") if isinstance(details, dict) else None
    more: dict[str, Json] = {"errors": fields} if isinstance(fields, list) else {}
    if isinstance(error, ActionError) and error.gateway_code:
        more["gateway_code"] = error.gateway_code
    answer = problem(status, error.code, error.message, error.remedy, **more)
    if isinstance(error, TokenError):
        answer.headers["WWW-Authenticate"] = 'Bearer realm="Connector Hub"'
    if isinstance(error, TooManyError):
        answer.headers["Retry-After"] = str(error.seconds)
    elif status == HTTPStatus.SERVICE_UNAVAILABLE or error.code == "in_progress":
        wanted = error.retry_after if isinstance(error, TransientError) else None
        answer.headers["Retry-After"] = str(math.ceil(wanted or _PAUSE))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("api_failed", path=request.path, code=error.code, reason=error.message)
    return answer


def problem_of_http(error: HTTPException) -> Response:
    """The answer to what the web server's library refuses."""
    status = error.code or 500
    words = {
        404: ("not_found", "There is nothing at this address.", "The description at /api/v1/docs lists all addresses."),
        405: (
            "wrong_method",
            "This address is not called by this method.",
            "The description at /api/v1/docs says how.",
        ),
        413: ("too_large", "More was sent than the API takes: 256 KiB.", "Send less at once."),
        415: ("not_json", "The body is not JSON.", "Send JSON with `Content-Type: application/json`."),
    }
    code, detail, remedy = words.get(
        status, ("bad_request", "The request could not be read.", "Look at how it is sent.")
    )
    return problem(status, code, detail, remedy)


def problem_of_anything(error: Exception) -> Response:
    """The answer to a fault of the hub's own; the log says more under its number."""
    number = new_id("err", the_hub().now())
    log.error("api_broke", path=request.path, number=number, exc_info=error)
    detail = f"Something broke in the hub. Its log says more under {number}."
    return problem(500, "fault", detail, "Send it again with the same Idempotency-Key; nothing is done twice.")


def problem(status: int, code: str, detail: str, remedy: str, **more: Json) -> Response:
    """Problem details as an answer."""
    title = HTTPStatus(status).phrase
    body: JsonObject = {
        "type": f"{the_hub().settings.address}/api/v1/docs#{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "remedy": remedy,
        **more,
    }
    return Response(orjson.dumps(body), status, mimetype="application/problem+json")


def wrong_fields(problems: Sequence[Problem]) -> PermanentError:
    """What a schema finds wrong with a request, each with its field."""
    errors = [{"field": _field(one), "message": one.message[:_SHOWN]} for one in problems]
    first = errors[0]
    message = f"{first['field'] or 'The body'}: {first['message']}"
    details = {"errors": errors}
    return PermanentError(message, code="bad_input", remedy="Correct the fields under errors.", details=details)


def _field(found: Problem) -> str:
    """The dotted name of a field, also of one that is missing or not known."""
    unexpected = _UNEXPECTED.search(found.message)
    named = found.missing or (unexpected[1] if unexpected else "")
    return ".".join(part for part in (found.path, named) if part)
