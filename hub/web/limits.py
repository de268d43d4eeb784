"""At most so many requests from one address: who asks too often is told for how long to wait, and keeps what they typed."""

from __future__ import annotations

import math
import time
from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import g, make_response
from flask_limiter import Limiter, RateLimitExceeded
from flask_limiter.util import get_remote_address

from hub.web.access import access_rules

if TYPE_CHECKING:
    from flask import Flask
    from flask.typing import ResponseReturnValue

    from hub.web.access import Rule, View

_LEAST_WAIT = 2
"""Seconds. A clock that is a little behind is not turned away twice, and "seconds" is always the right word."""


def limit_requests(app: Flask) -> None:
    """Hold every page to the limit that it was declared with."""
    limiter = Limiter(get_remote_address, app=app)
    for endpoint, rule in access_rules(app).items():
        if rule.limit:
            view = app.view_functions[endpoint]
            app.view_functions[endpoint] = _limited(limiter, rule, view)  # type: ignore[type-var]  # Flask's own views


def _limited(limiter: Limiter, rule: Rule, view: View) -> View:
    counted = limiter.limit(rule.limit)(view)

    @wraps(view)
    def answer(**given: str) -> ResponseReturnValue:
        try:
            return counted(**given)
        except RateLimitExceeded:
            breached = limiter.current_limit
            reset = breached.reset_at if breached is not None else 0
            g.wait = max(_LEAST_WAIT, math.ceil(reset - time.time()))
            if rule.again is None:
                raise
        response = make_response(rule.again(**given))
        if response.status_code == HTTPStatus.OK:
            response.status_code = HTTPStatus.TOO_MANY_REQUESTS
            response.headers["Retry-After"] = str(g.wait)
        return response

    return answer  # type: ignore[return-value]  # it takes and gives what the view does


def seconds_to_wait() -> int:
    """For how long who asked too often is to wait; 0 for who did not."""
    found: int = g.get("wait", 0)
    return found
