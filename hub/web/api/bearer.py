"""Who asks by the API: a bearer token with the scope that the endpoint names, and not too often."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final, cast

from flask import current_app, g, request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from hub.engine.tokens import Token, TokenError, Tokens
from hub.web.api.problems import ForbiddenError, TooManyError
from hub.web.sessions import the_hub

if TYPE_CHECKING:
    from limits import RateLimitItem

PER_TOKEN: Final = RateLimitItemPerMinute(600)
"""How many requests one token may make in a minute, at each process of the hub."""

WRONG: Final = RateLimitItemPerMinute(30)
"""How many requests without a right token one address may make in a minute."""

_EXTENSION: Final = "hub_api_limits"


def require_scope(scope: str) -> None:
    """Let a request pass whose token is right, has the scope and does not ask too often.

    Raises ``TokenError``, ``ForbiddenError`` or ``TooManyError``.
    """
    address = request.remote_addr or ""
    if not _limiter().test(WRONG, "wrong", address):
        raise _too_many("Too many requests without a right token came from this address.", WRONG, "wrong", address)
    try:
        found = _token()
    except TokenError:
        _limiter().hit(WRONG, "wrong", address)
        raise
    if not _limiter().hit(PER_TOKEN, "token", found.id):
        raise _too_many(f"The token {found.title!r} asks too often.", PER_TOKEN, "token", found.id)
    if scope not in found.scopes:
        message = f"The token {found.title!r} may not do this: it lacks the scope {scope}."
        raise ForbiddenError(message, remedy="Ask an admin for a token that has it (Settings, API tokens).")
    g.api_token = found


def caller() -> Token:
    """The token of the request; only where a scope was required."""
    return cast("Token", g.api_token)


def _token() -> Token:
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secret.strip():
        remedy = "Send the header `Authorization: Bearer hub_…` with a token of Settings, API tokens."
        raise TokenError("The request has no token.", code="no_token", remedy=remedy)
    return Tokens(the_hub()).of_secret(secret.strip())


def _too_many(message: str, item: RateLimitItem, *names: str) -> TooManyError:
    reset = _limiter().get_window_stats(item, *names).reset_time
    return TooManyError(message, max(1, math.ceil(reset - time.time())))


def _limiter() -> MovingWindowRateLimiter:
    found = current_app.extensions.get(_EXTENSION)
    if found is None:
        found = current_app.extensions.setdefault(_EXTENSION, MovingWindowRateLimiter(MemoryStorage()))
    return cast("MovingWindowRateLimiter", found)
