"""Threads that call connectors. A slow outside system takes its own few threads, never everybody's."""

from __future__ import annotations

import threading
from collections import deque
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

Job: TypeAlias = "Callable[[], None]"


class ActionPool:
    """At most ``threads`` jobs at once in all, and at most ``per_connection`` for each connection, in order of arrival.

    Jobs must not raise. Threads are started when they are needed and end with :meth:`close`.
    """

    def __init__(self, threads: int, per_connection: int) -> None:
        self._limit = threads
        self._per_connection = per_connection
        self._ready: SimpleQueue[tuple[str, Job] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._running: dict[str, int] = {}
        self._queued: dict[str, deque[Job]] = {}
        self._threads: list[threading.Thread] = []
        self._idle = 0

    def submit(self, connection: str, job: Job) -> None:
        """Run ``job`` as soon as a thread and the connection's share allow."""
        with self._lock:
            running = self._running.get(connection, 0)
            if running >= self._per_connection:
                self._queued.setdefault(connection, deque()).append(job)
                return
            self._running[connection] = running + 1
            if self._idle <= 0 and len(self._threads) < self._limit:
                thread = threading.Thread(target=self._work, name=f"action-{len(self._threads) + 1}", daemon=True)
                self._threads.append(thread)
                thread.start()
            else:
                self._idle -= 1
        self._ready.put((connection, job))

    def queued(self) -> int:
        """How many jobs wait for their connection's share."""
        with self._lock:
            return sum(len(jobs) for jobs in self._queued.values())

    def close(self, timeout: float) -> None:
        """End the threads when their present jobs are done; wait at most ``timeout`` seconds for each."""
        with self._lock:
            threads, self._threads = self._threads, []
            self._queued.clear()
        for _ in threads:
            self._ready.put(None)
        for thread in threads:
            thread.join(timeout)

    def _work(self) -> None:
        while (entry := self._ready.get()) is not None:
            connection, job = entry
            following: Job | None = job
            while following is not None:
                following()
                following = self._next(connection)

    def _next(self, connection: str) -> Job | None:
        """The next job of the same connection, or None: this thread is idle then."""
        with self._lock:
            queued = self._queued.get(connection)
            if queued:
                return queued.popleft()
            self._queued.pop(connection, None)
            left = self._running[connection] - 1
            if left:
                self._running[connection] = left
            else:
                del self._running[connection]
            self._idle += 1
            return None
