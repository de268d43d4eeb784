"""When a failed attempt is tried again."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.recipes.model import Retry

_JITTER = 0.2


def retry_delay(retry: Retry, attempt: int, key: str, retry_after: float | None = None) -> timedelta:
    """How long to wait after failed attempt number ``attempt`` (1 is the first).

    Exponential, cut at ``retry.longest``, spread by ±20 % so that steps that failed together do not come back together.
    The spread is derived from the step's key, so that it is the same in every replay. ``retry_after`` (seconds), the
    outside system's own wish, is the least.
    """
    seconds = min(retry.first.total_seconds() * retry.factor ** (attempt - 1), retry.longest.total_seconds())
    fraction = hashlib.sha256(f"{key}:{attempt}".encode()).digest()[0] / 255
    seconds *= 1 + _JITTER * (2 * fraction - 1)
    return timedelta(seconds=max(seconds, retry_after or 0.0))
