"""Ways in which the sandbox can be told to fail, so that recipes can be tried against a bad day."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, cast

import orjson
from flask import Response, request

from connectors.sandbox.server.refusals import FieldError, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.sandbox.server.store import Store

MODES: Final = {
    "slow": "Answers rightly, but only after some seconds",
    "down": "Answers 503 Service Unavailable",
    "throttle": "Answers 429 Too Many Requests with Retry-After",
    "reset": "Cuts the connection before doing anything",
    "lost": "Does what is asked, then cuts the connection",
    "html": "Answers with an HTML page instead of JSON",
    "lying": "Answers 200 with an error inside, and does nothing",
    "refuse": "Answers 400 to requests that hold a certain text, for ever",
}
"""What can be switched on, and what it does."""

SCOPES: Final = {"gateway": "Payment API", "crm": "CRM"}
LONGEST_DELAY: Final = 60
HEADER: Final = "Sandbox-Fail"
_HTML: Final = "<!doctype html><title>Maintenance</title><h1>We will be back soon</h1>"


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """What is switched on for one API. ``remaining`` requests are left, None: until it is switched off.

    ``seconds`` is the delay of slow and the Retry-After of throttle; ``match`` the text that ``refuse`` looks for.
    """

    mode: str
    remaining: int | None = None
    seconds: int = 2
    match: str = ""


class ConnectionCutError(ConnectionError):
    """Raised in the middle of an answer, so that the server drops the connection."""


def switched_on(store: Store, scope: str) -> Misbehaviour | None:
    """What is switched on for an API."""
    value = store.setting(f"misbehaviour.{scope}")
    return Misbehaviour(**cast("dict[str, object]", value)) if value else None  # type: ignore[arg-type]


def switch(store: Store, scope: str, misbehaviour: Misbehaviour | None) -> None:
    """Switch on, or off with None. Raises ``Refusal``."""
    if scope not in SCOPES:
        raise Refusal(400, "invalid_request", "Unknown scope.", (FieldError("scope", f"One of {', '.join(SCOPES)}."),))
    if misbehaviour is not None and misbehaviour.mode not in MODES:
        raise Refusal(400, "invalid_request", "Unknown mode.", (FieldError("mode", f"One of {', '.join(MODES)}."),))
    store.set(f"misbehaviour.{scope}", asdict(misbehaviour) if misbehaviour else None)


def take_one(store: Store, scope: str) -> Misbehaviour | None:
    """What this request gets; counts it. A ``refuse`` is counted only for the requests that it meets."""
    found = switched_on(store, scope)
    if found is None or (found.mode == "refuse" and found.match not in request.get_data(as_text=True)):
        return None
    if found.remaining is not None:
        left = found.remaining - 1
        rest = Misbehaviour(found.mode, left, found.seconds, found.match) if left > 0 else None
        switch(store, scope, rest)
    return found


def from_header() -> Misbehaviour | None:
    """What the request itself asks for: ``Sandbox-Fail: down``. Raises ``Refusal`` for an unknown word."""
    mode = request.headers.get(HEADER)
    if not mode:
        return None
    if mode not in MODES or mode == "refuse":
        raise Refusal(400, "invalid_request", "Unknown mode.", (FieldError(HEADER, f"One of {', '.join(MODES)}."),))
    return Misbehaviour(mode)


def answer_for(misbehaviour: Misbehaviour) -> Response | None:
    """The bad answer; None when the request is to be served all the same (slow, lost)."""
    match misbehaviour.mode:
        case "slow":
            time.sleep(min(misbehaviour.seconds, LONGEST_DELAY))
            return None
        case "down":
            raise Refusal(503, "gateway_down", "The sandbox was told to be down.")
        case "throttle":
            refusal = Refusal(429, "rate_limited", "The sandbox was told to throttle.")
            response = Response(status=429, content_type="application/json")
            response.headers["Retry-After"] = str(misbehaviour.seconds)
            response.set_data(orjson.dumps(refusal.to_json()))
            return response
        case "reset":
            return cut()
        case "html":
            return Response(_HTML, status=200, content_type="text/html; charset=utf-8")
        case "lying":
            refusal = Refusal(200, "internal_error", "Something went wrong, but the status says that it did not.")
            return Response(orjson.dumps(refusal.to_json()), status=200, content_type="application/json")
        case "refuse":
            raise Refusal(400, "invalid_request", f"The value {misbehaviour.match!r} is not accepted here.")
        case _:
            return None


def cut() -> Response:
    """An answer that breaks off: the connection is dropped in its middle."""
    return Response(_broken(), status=200, content_type="application/json", headers={"Content-Length": "1000"})


def _broken() -> Iterator[bytes]:
    yield b'{"id": "'
    message = "the sandbox was told to cut the connection"
    raise ConnectionCutError(message)
