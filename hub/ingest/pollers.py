"""Asks gateways for news at the interval of their manifest: what webhooks missed is found, what they brought is known.

Polls run in one process: the one that takes webhooks. Two of them (several ``hub web``) do no harm, for every event is
recorded once by its source and source id, and the cursor moves only after its events are durable.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from hub.errors import DeliveryError, HubError, TransientError
from hub.expressions.durations import parse_duration
from hub.ingest.reception import informational
from hub.journal.entries import Happening
from hub.jsontypes import canonical_json
from hub.recipes.backoff import retry_delay
from hub.recipes.model import Retry

if TYPE_CHECKING:
    from hub.connect.api import Connection, RawEvent
    from hub.connect.connector import LoadedConnector
    from hub.engine.hub import Hub
    from hub.jsontypes import JsonObject

log = structlog.get_logger(__name__)

_LOOK_EVERY = 5
_POLLS_AT_ONCE = 4
_FIRST_WITHIN = timedelta(minutes=1)
_BACK_OFF = Retry(first=timedelta(minutes=1), factor=2.0, longest=timedelta(hours=1))
_VERIFICATION: JsonObject = {"result": "polled", "scheme": "poll"}


@dataclass(slots=True)
class _Turn:
    """When a connection is polled next, and how often it failed in a row."""

    due: datetime
    failures: int = 0
    under_way: bool = False


class Pollers:
    """Polls every enabled connection whose connector can be polled, one poll of a connection at a time."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._turns: dict[str, _Turn] = {}
        self._lock = threading.Lock()
        self._scheduler: BackgroundScheduler | None = None

    def start(self) -> None:
        """Begin; polls run in threads of their own."""
        self._scheduler = BackgroundScheduler(timezone="UTC", executors={"default": ThreadPoolExecutor(_POLLS_AT_ONCE)})
        self._scheduler.add_job(self._look, "interval", seconds=_LOOK_EVERY, coalesce=True)
        self._scheduler.start()

    def stop(self) -> None:
        """Begin no more polls. One under way ends by itself; what it could not record is found again."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)

    def due(self, now: datetime) -> list[str]:
        """The connections whose turn it is. One seen for the first time gets its turn within a minute."""
        intervals = self._intervals()
        with self._lock:
            for name in self._turns.keys() - intervals.keys():
                if not self._turns[name].under_way:
                    del self._turns[name]
            for name, every in intervals.items():
                if name not in self._turns:
                    self._turns[name] = _Turn(now + min(_FIRST_WITHIN, every) * _share(name))
            return sorted(name for name, turn in self._turns.items() if turn.due <= now and not turn.under_way)

    def poll(self, name: str) -> int:
        """Poll one connection now, unless it is being polled; give how many new events were recorded.

        Whatever goes wrong is noted in the connection's health and tried again, with back-off.
        """
        with self._lock:
            turn = self._turns.setdefault(name, _Turn(self._hub.now()))
            if turn.under_way:
                return 0
            turn.under_way = True
        try:
            new = self._poll(name)
        except HubError as error:
            self._failed(name, turn, str(error), error)
            return 0
        except Exception as error:  # a connector's code may raise anything; the others go on
            log.exception("poll_broken", connection=name)
            self._failed(name, turn, f"The connector broke: {type(error).__name__}.", error)
            return 0
        else:
            now = self._hub.now()
            turn.failures, turn.due = 0, now + _spread(name, self._intervals().get(name, _BACK_OFF.longest), now)
            self._note(name, {"polled_at": now.isoformat(), "poll_ok": True, "poll_message": "", "poll_failures": 0})
            return new
        finally:
            with self._lock:
                turn.under_way = False

    def _look(self) -> None:
        """Fire what is due, each as a job of its own."""
        if self._scheduler is None:
            return
        try:
            for name in self.due(self._hub.now()):
                self._scheduler.add_job(self.poll, args=[name], id=name, replace_existing=True, misfire_grace_time=None)
        except HubError as error:
            log.warning("polls_postponed", reason=str(error))

    def _poll(self, name: str) -> int:
        hub = self._hub
        row = hub.store.connection(name)
        if row is None or not row.enabled:
            return 0
        connection = hub.accounts.get(name)
        connector = hub.registry.get(connection.connector)
        polled = connector.poll(hub.accounts.call(connection, connector), row.poll_cursor)
        found = [one for raw in polled.events for one in self._happenings(connection, connector, raw)]
        recorded = hub.recorder.record_all(found, hub.now()) if found else []
        if polled.cursor != row.poll_cursor:
            hub.store.set_poll_cursor(name, polled.cursor)
        new = sum(not one.duplicate for one in recorded)
        hub.metrics.events_accepted.labels(name).inc(new)
        if new:
            log.info("poll_found", connection=name, events=new)
        return new

    def _happenings(self, connection: Connection, connector: LoadedConnector, raw: RawEvent) -> list[Happening]:
        """The events of a raw event, as a webhook of it would have given them. One that cannot be read stops no other."""
        raw = connector.enrich(raw, self._hub.accounts.call(connection, connector))
        try:
            mapped = connector.map(raw, connection) or (informational(connector, raw),)
        except DeliveryError as error:
            log.warning("polled_event_unreadable", connection=connection.name, event_id=raw.id, reason=str(error))
            self._hub.store.count_refusal(connection.name, error.code, str(error), self._hub.now())
            return []
        body = canonical_json(raw.payload)
        return [
            Happening(one.type, connection.name, one.source_id, one.data, one.time, body, verification=_VERIFICATION)
            for one in mapped
        ]

    def _failed(self, name: str, turn: _Turn, message: str, error: Exception) -> None:
        now = self._hub.now()
        turn.failures += 1
        wished = error.retry_after if isinstance(error, TransientError) else None
        turn.due = now + retry_delay(_BACK_OFF, turn.failures, name, wished)
        log.warning("poll_failed", connection=name, reason=message, again_at=turn.due.isoformat())
        facts: JsonObject = {"poll_ok": False, "poll_message": message, "poll_failures": turn.failures}
        self._note(name, {"polled_at": now.isoformat(), **facts})

    def _note(self, name: str, facts: JsonObject) -> None:
        """In the connection's health; where the journal cannot write now, the next poll says it."""
        self._hub.store.note_health_later(name, facts)

    def _intervals(self) -> dict[str, timedelta]:
        """The enabled connections that can be polled, with their connector's interval."""
        hub, found = self._hub, {}
        for row in hub.store.connections():
            if row.enabled and row.connector in hub.registry.names():
                connector = hub.registry.get(row.connector)
                if connector.manifest.polling is not None and connector.code.poll is not None:
                    found[row.name] = parse_duration(connector.manifest.polling.every)
        return found


def _share(text: str) -> float:
    """A number from 0 to 1, always the same for the same text."""
    return hashlib.sha256(text.encode()).digest()[0] / 255


def _spread(name: str, every: timedelta, now: datetime) -> timedelta:
    """The interval ±10 %, so that connections that began together do not stay together."""
    return every * (0.9 + 0.2 * _share(f"{name}:{now.astimezone(UTC):%Y%m%d%H%M}"))
