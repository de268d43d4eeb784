"""A circuit breaker and a pace-maker per connection. Time is passed in (monotonic seconds); both are thread-safe."""

from __future__ import annotations

import threading
from enum import StrEnum


class State(StrEnum):
    """``CLOSED``: calls go through. ``OPEN``: none do. ``HALF_OPEN``: one probe is on its way."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CircuitBreaker:
    """Opens after so many failures in a row, lets one probe through after a pause, closes when it succeeds.

    A probe that never reports (its thread died) is given up after another pause.
    """

    def __init__(self, failures: int = 5, pause: float = 30.0) -> None:
        self._limit = failures
        self._pause = pause
        self._failures = 0
        self._until = 0.0
        self._state = State.CLOSED
        self._lock = threading.Lock()

    @property
    def state(self) -> State:
        """The present state, for the connection's page."""
        return self._state

    @property
    def failures(self) -> int:
        """How many calls failed in a row."""
        return self._failures

    def wait(self, now: float) -> float:
        """0 when a call may go out now (the caller must report its outcome), else the seconds to wait."""
        if self._state is State.CLOSED:
            return 0.0
        with self._lock:
            if now < self._until:
                return self._until - now
            self._state = State.HALF_OPEN
            self._until = now + self._pause
            return 0.0

    def succeeded(self) -> None:
        """The system answered: close."""
        if self._failures or self._state is not State.CLOSED:
            with self._lock:
                self._failures = 0
                self._state = State.CLOSED

    def failed(self, now: float) -> None:
        """The system did not answer, or answered that it is down."""
        with self._lock:
            self._failures += 1
            if self._state is State.HALF_OPEN or self._failures >= self._limit:
                self._state = State.OPEN
                self._until = now + self._pause


class Pace:
    """A token bucket: ``per_second`` calls on average, ``burst`` at once."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._rate = per_second
        self._burst = float(burst)
        self._tokens = float(burst)
        self._filled_at: float | None = None
        self._promised_until = 0.0
        self._lock = threading.Lock()

    def wait(self, now: float) -> float:
        """0 when a call may go out now, else the seconds after which to ask again.

        Those who are turned away get different times, so that they do not come back all at once.
        """
        with self._lock:
            if self._filled_at is not None:
                self._tokens = min(self._burst, self._tokens + max(now - self._filled_at, 0.0) * self._rate)
            self._filled_at = now
            if self._tokens >= 1 - 1e-9:
                self._tokens -= 1
                return 0.0
            first = now + (1 - self._tokens) / self._rate
            self._promised_until = max(self._promised_until + 1 / self._rate, first)
            return self._promised_until - now
