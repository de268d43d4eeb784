"""Webhooks: a queue in the database, sent by one thread and a few workers, repeated until they are taken.

Several go out at once, but those of one payment to one endpoint in order: the next waits until the one before is
taken or given up. Signed after Standard Webhooks (standardwebhooks.com, specification 1.0).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import orjson
import requests
import structlog
import urllib3
from sqlalchemy import ColumnElement, case, exists, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from connectors.sandbox.server import database as tables
from connectors.sandbox.server.database import from_milliseconds, milliseconds
from connectors.sandbox.server.records import Endpoint
from connectors.sandbox.server.store import DEFAULT_ENDPOINT, Site, Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.sandbox.server.database import Database

AT_ONCE: Final = 8
FIRST_PAUSE: Final = timedelta(seconds=1)
LONGEST_PAUSE: Final = timedelta(hours=1)
GIVE_UP_AFTER: Final = timedelta(days=3)
TIME_LIMIT: Final = (3.05, 15.0)
"""Seconds to connect and to answer."""
ANSWER_KEPT: Final = 4096
LEASE: Final = timedelta(seconds=60)
_LONGEST_SLEEP: Final = 30.0
_SHORTEST_SLEEP: Final = 0.02
_GONE: Final = 410

log = structlog.get_logger("sandbox.delivery")


@dataclass(frozen=True, slots=True)
class Target:
    """Where an endpoint is and what signs for it."""

    url: str
    secret: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery that a worker has taken."""

    id: str
    event: str
    endpoint: str
    attempts: int
    first: datetime | None
    body: bytes
    target: Target | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt went; ``status`` None when nothing answered."""

    headers: dict[str, str]
    status: int | None
    answer: str
    took_ms: int


def sign(secret: str, identifier: str, timestamp: int, body: bytes) -> str:
    """The ``webhook-signature`` header: HMAC-SHA256 over id, Unix seconds and body; ``secret`` is ``whsec_`` base64."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{identifier}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def pause_after(attempts: int) -> timedelta:
    """How long to wait after the n-th failed attempt: 1, 2, 4 … seconds, at most an hour."""
    return min(FIRST_PAUSE * (1 << min(attempts - 1, 20)), LONGEST_PAUSE)


def _held_up() -> ColumnElement[bool]:
    """Whether an earlier delivery of the same lane is still pending."""
    table, earlier = tables.deliveries, tables.deliveries.alias("earlier")
    return exists().where(earlier.c.lane == table.c.lane, earlier.c.state == "pending", earlier.c.seq < table.c.seq)


class Dispatcher:
    """Sends the queue. ``catch_up`` does what is due in the sandbox and says when to come again."""

    def __init__(
        self,
        database: Database,
        site: Site,
        clock: Callable[[], datetime],
        catch_up: Callable[[], datetime | None],
    ) -> None:
        self._database = database
        self._site = site
        self._clock = clock
        self._catch_up = catch_up
        self._changed = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="sandbox-webhook")
        self._session = threading.local()
        self._counting = threading.Lock()
        self._busy = 0

    def start(self) -> None:
        """Begin. What an earlier process left in the queue goes first."""
        self._thread = threading.Thread(target=self._run, name="sandbox-webhooks", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There is something new to send."""
        self._changed.set()

    def stop(self) -> None:
        """End after the attempts that are under way."""
        self._stopping = True
        self._changed.set()
        if self._thread is not None:
            self._thread.join()
        self._pool.shutdown()

    def deliver_due(self, now: datetime) -> int:
        """Send all that is due at ``now``, and what that lets through; gives the number of attempts."""
        made = 0
        while parcels := self._take(now, AT_ONCE):
            made += sum(self._pool.map(lambda parcel: self._deliver(parcel, now), parcels))
        return made

    def _run(self) -> None:
        while not self._stopping:
            self._changed.clear()
            try:
                next_due = self._catch_up()
                self._send_off()
                pause = self._pause(next_due)
            except SQLAlchemyError:
                log.exception("the sandbox's database failed; trying again")
                pause = 1.0
            self._changed.wait(pause)

    def _send_off(self) -> None:
        """Give what is due to the workers that are free; each wakes the thread when it is done."""
        for parcel in self._take(self._clock(), AT_ONCE - self._busy):
            with self._counting:
                self._busy += 1
            self._pool.submit(self._work, parcel)

    def _work(self, parcel: Parcel) -> None:
        try:
            self._deliver(parcel, self._clock())
        except SQLAlchemyError:
            log.exception("the result of a webhook could not be kept; it is sent again", delivery=parcel.id)
        finally:
            with self._counting:
                self._busy -= 1
            self._changed.set()

    def _pause(self, next_due: datetime | None) -> float:
        """Seconds until something is to be done."""
        table = tables.deliveries
        ready = case((table.c.lease_ms > table.c.next_ms, table.c.lease_ms), else_=table.c.next_ms)
        query = select(func.min(ready)).where(table.c.state == "pending", ~_held_up())
        with self._database.read() as connection:
            first = connection.execute(query).scalar()
        moments = [] if first is None else [from_milliseconds(int(first))]
        moments += [next_due] if next_due else []
        if not moments or self._busy == AT_ONCE:
            return _LONGEST_SLEEP
        return min(max((min(moments) - self._clock()).total_seconds(), _SHORTEST_SLEEP), _LONGEST_SLEEP)

    def _take(self, now: datetime, most: int) -> list[Parcel]:
        """Take deliveries that are due, the first of each lane, so that no other worker or process sends them too."""
        table = tables.deliveries
        now_ms = milliseconds(now)
        due = select(table).where(
            table.c.state == "pending", table.c.next_ms <= now_ms, table.c.lease_ms <= now_ms, ~_held_up()
        )
        with self._database.read() as connection:
            if connection.execute(due.limit(1)).first() is None:
                return []
        with self._database.write() as connection:
            rows = connection.execute(due.order_by(table.c.seq).limit(most)).all()
            lease = milliseconds(now + LEASE)
            ids = [row.id for row in rows]
            connection.execute(update(table).where(table.c.id.in_(ids)).values(lease_ms=lease))
            store = Store(connection, self._site)
            return [
                Parcel(
                    id=row.id,
                    event=row.event,
                    endpoint=row.endpoint,
                    attempts=row.attempts,
                    first=from_milliseconds(row.first_ms) if row.first_ms else None,
                    body=orjson.dumps(store.event(row.event).body),
                    target=self._target(store, row.endpoint),
                )
                for row in rows
            ]

    def _target(self, store: Store, endpoint: str) -> Target | None:
        if endpoint == DEFAULT_ENDPOINT:
            return Target(self._site.webhook_url, self._site.webhook_secret) if self._site.webhook_url else None
        found = store.find(Endpoint, endpoint)
        return Target(found.url, found.secret) if found is not None and found.enabled else None

    def _deliver(self, parcel: Parcel, now: datetime) -> int:
        if parcel.target is None:
            self._finish(parcel, now, {"state": "given_up"}, None)
            return 0
        attempt = self._send(parcel, parcel.target, now)
        attempts = parcel.attempts + 1
        first = parcel.first or now
        pause = pause_after(attempts)
        values: dict[str, object] = {"attempts": attempts, "first_ms": milliseconds(first), "lease_ms": 0}
        if attempt.status is not None and 200 <= attempt.status < 300:  # noqa: PLR2004 (the range of success)
            values["state"] = "delivered"
        elif attempt.status == _GONE or now + pause > first + GIVE_UP_AFTER:
            values["state"] = "given_up"
        else:
            values["next_ms"] = milliseconds(now + pause)
        self._finish(parcel, now, values, attempt)
        return 1

    def _finish(self, parcel: Parcel, now: datetime, values: dict[str, object], attempt: Attempt | None) -> None:
        with self._database.write() as connection:
            connection.execute(update(tables.deliveries).where(tables.deliveries.c.id == parcel.id).values(values))
            if attempt is None:
                return
            connection.execute(
                insert(tables.attempts).values(
                    delivery=parcel.id,
                    at_ms=milliseconds(now),
                    request=orjson.dumps(attempt.headers).decode(),
                    status=attempt.status,
                    answer=attempt.answer,
                    took_ms=attempt.took_ms,
                )
            )
            if attempt.status == _GONE:
                store = Store(connection, self._site)
                endpoint = store.find(Endpoint, parcel.endpoint)
                if endpoint is not None:
                    store.save(endpoint.but(enabled=False))

    def _send(self, parcel: Parcel, target: Target, now: datetime) -> Attempt:
        timestamp = int(now.timestamp())
        headers = {
            "content-type": "application/json",
            "user-agent": "Sandbox-Gateway/1",
            "webhook-id": parcel.event,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(target.secret, parcel.event, timestamp, parcel.body),
        }
        began = time.monotonic()
        try:
            with self._http().post(
                target.url, data=parcel.body, headers=headers, timeout=TIME_LIMIT, allow_redirects=False, stream=True
            ) as response:
                answer = response.raw.read(ANSWER_KEPT, decode_content=True) or b""
                status, text = response.status_code, answer.decode("utf-8", "replace")
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            status, text = None, f"{type(error).__name__}: {error}"
        took = int((time.monotonic() - began) * 1000)
        return Attempt({"url": target.url, **headers}, status, text.replace("\x00", "\ufffd")[:ANSWER_KEPT], took)

    def _http(self) -> requests.Session:
        """One session per worker, so that connections are kept."""
        session: requests.Session | None = getattr(self._session, "value", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            self._session.value = session
        return session
