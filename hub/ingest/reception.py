"""What happens to a delivery: verify, read, record durably, and only then answer."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

import structlog

from hub.connect.api import Answer, CanonicalEvent
from hub.engine.caller import Connections
from hub.errors import (
    ActionError,
    ConfigError,
    DeliveryError,
    HubError,
    NotFoundError,
    SignatureError,
    UnavailableError,
)
from hub.journal.entries import Happening
from hub.jsontypes import canonical_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from hub.connect.api import Call, Connection, RawEvent, WebhookRequest
    from hub.connect.connector import LoadedConnector, Reception
    from hub.connect.registry import Registry
    from hub.engine.recorder import Recorder
    from hub.ingest.certificates import Certificates
    from hub.journal.entries import Recorded
    from hub.jsontypes import JsonObject

log = structlog.get_logger(__name__)

_HEADERS_KEPT = ("content-type", "user-agent", "webhook-id", "webhook-timestamp", "x-request-id")


class KnownConnections(Connections, Protocol):
    """The configured accounts, some of them in memory."""

    def known(self, name: str) -> Connection | None:
        """The connection, if it can be given without a look into the database."""


class Counters(Protocol):
    """Where the endpoint reports what it did."""

    def accepted(self, connection: str, recorded: Sequence[Recorded], now: datetime, seconds: float) -> None:
        """A delivery was recorded, ``seconds`` after it came in."""

    def refused(self, connection: str, reason: str, message: str, now: datetime) -> None:
        """A delivery was refused; its body is not kept."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A delivery that is proved and translated, and not yet recorded. ``begun``: its arrival, by the performance counter."""

    connection: str
    happenings: list[Happening]
    answer: Answer
    now: datetime
    begun: float


class _NoFetch:
    """Stands where the gateway could be asked: gives what is known already, and remembers what is not."""

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates
        self.wanted = False

    def __call__(self, url: str) -> bytes:
        known = self._certificates.known(url)
        if known is not None:
            return known
        self.wanted = True
        raise UnavailableError(f"{url} must be fetched first.", remedy="")


@dataclass(frozen=True, slots=True)
class Desk:
    """Takes deliveries in for every connection. Thread-safe.

    :meth:`receive` does all of it and waits where it must. For who may not wait there is :meth:`prepare`, which does what
    can be done at once, and :meth:`conclude` for when the recorder has made it durable.
    """

    registry: Registry
    connections: KnownConnections
    recorder: Recorder
    counters: Counters
    certificates: Certificates
    calls: Callable[[Connection, LoadedConnector], Call]
    now: Callable[[], datetime]

    def receive(self, name: str, request: WebhookRequest) -> Answer:
        """Take one delivery for the connection ``name`` and give the answer that its gateway wants.

        The answer is 2xx only when every event is durable. 401: the sender could not be proved. 400: it cannot be read.
        404: no such connection. 503: the journal cannot write now, a certificate cannot be fetched, or the connection is not
        set up completely; nothing was kept, the gateway shall repeat.
        """
        begun, now = time.perf_counter(), self.now()
        try:
            connection = self.connections.get(name)
            connector = self.registry.get(connection.connector)
        except (NotFoundError, ConfigError):
            return _no_connection()
        except UnavailableError as error:
            return _not_now(name, error)
        try:
            reception = connector.receive(request, connection, now, self.certificates.fetch_for(connection))
            reception = self._enriched(reception, connector, connection)
            happenings = happenings_of(connection, connector, reception, request)
            recorded = self.recorder.record_all(happenings, now)
        except SignatureError as error:
            self.counters.refused(name, error.code, str(error), now)
            return refusal(401, error.code, error.message)
        except DeliveryError as error:
            self.counters.refused(name, error.code, str(error), now)
            return refusal(400, error.code, error.message)
        except NotFoundError as error:
            self.counters.refused(name, error.code, str(error), now)
            return _no_connection()
        except ConfigError as error:
            # Nothing is wrong with the delivery: it is taken when somebody has completed the connection.
            self.counters.refused(name, error.code, str(error), now)
            return refusal(503, error.code, "This webhook is not set up completely. Please send the event again.")
        except (UnavailableError, ActionError) as error:
            return _not_now(name, error)
        return self.conclude(Prepared(name, happenings, reception.answer, now, begun), recorded)

    def prepare(self, name: str, request: WebhookRequest) -> Prepared | None:
        """Prove and translate a delivery without waiting for anything; None when :meth:`receive` has to take it.

        That is so when something must be asked first, and also when the delivery is to be refused, which is counted.
        """
        connection = self.connections.known(name)
        if connection is None:
            return None
        begun, now, fetch = time.perf_counter(), self.now(), _NoFetch(self.certificates)
        try:
            connector = self.registry.get(connection.connector)
            reception = connector.receive(request, connection, now, fetch)
            if reception.pending or fetch.wanted:
                return None
            happenings = happenings_of(connection, connector, reception, request)
        except HubError as error:
            log.debug("delivery_not_at_once", connection=name, reason=error.code)
            return None
        return Prepared(name, happenings, reception.answer, now, begun)

    def conclude(self, prepared: Prepared, recorded: Sequence[Recorded]) -> Answer:
        """The answer to a delivery that is durable now."""
        self.counters.accepted(prepared.connection, recorded, prepared.now, time.perf_counter() - prepared.begun)
        return prepared.answer

    def _enriched(self, reception: Reception, connector: LoadedConnector, connection: Connection) -> Reception:
        """What the scheme cannot prove is re-read from the gateway before it is recorded. Raises like an action."""
        if not reception.pending:
            return reception
        call = self.calls(connection, connector)
        return replace(reception, raw=tuple(connector.enrich(raw, call) for raw in reception.raw))

    def greet(self, name: str) -> Answer:
        """Answer a GET or HEAD, by which some gateways ask whether anybody takes webhooks here before they send any."""
        return self._unknown(name) or Answer()

    def refuse(self, name: str, status: int, reason: str, message: str) -> Answer:
        """Refuse a delivery before it is read (too large, wrong method), and count it."""
        unknown = self._unknown(name)
        if unknown is None:
            self.counters.refused(name, reason, message, self.now())
        return unknown or refusal(status, reason, message)

    def _unknown(self, name: str) -> Answer | None:
        """What is said at an address that takes no webhooks; None when it takes them."""
        try:
            connector = self.registry.get(self.connections.get(name).connector)
        except (NotFoundError, ConfigError):
            return _no_connection()
        except UnavailableError as error:
            return _not_now(name, error)
        return None if connector.manifest.webhook is not None else _no_connection()


def happenings_of(
    connection: Connection, connector: LoadedConnector, reception: Reception, request: WebhookRequest
) -> list[Happening]:
    """The canonical events of a delivery; a raw event that maps to none is kept under ``<connector>.<its own type>``.

    Raises ``DeliveryError`` when an event cannot be mapped.
    """
    headers = {name: value for name in _HEADERS_KEPT if (value := request.headers.get(name)) is not None}
    scheme = str((connector.manifest.webhook or {}).get("scheme", ""))
    verification: JsonObject = {"result": "hint" if reception.hint else "verified", "scheme": scheme}
    single = len(reception.raw) == 1
    found: list[Happening] = []
    for raw in reception.raw:
        body = request.body if single else canonical_json(raw.payload)
        events = reception.events if single and not reception.pending else connector.map(raw, connection)
        mapped = [(one.type, one.source_id, one.data, one.time) for one in events]
        if not mapped:
            kept = informational(connector, raw)
            mapped = [(kept.type, kept.source_id, kept.data, kept.time)]
        found += [
            Happening(kind, connection.name, source_id, data, time, body, headers, verification)
            for kind, source_id, data, time in mapped
        ]
    return found


def _own_type(connector: str, raw_type: str) -> str:
    return f"{connector}.{re.sub(r'[^a-z0-9_.-]+', '_', raw_type.lower())}"[:120]


def informational(connector: LoadedConnector, raw: RawEvent) -> CanonicalEvent:
    """How a raw event without a canonical meaning is kept: under ``<connector>.<its own type>``."""
    data: JsonObject = {"gateway": {"id": raw.id, "status": raw.type}}
    return CanonicalEvent(_own_type(connector.manifest.name, raw.type), raw.id, data, raw.time)


def _no_connection() -> Answer:
    return refusal(404, "unknown_connection", "There is no connection of this name that takes webhooks.")


def _not_now(connection: str, error: UnavailableError | ActionError) -> Answer:
    log.warning("delivery_not_recorded", connection=connection, reason=str(error))
    return refusal(503, error.code, "The event could not be stored just now. Please send it again.")


def refusal(status: int, reason: str, message: str) -> Answer:
    """An answer that says why in one line of JSON; never a stack trace, never what was sent."""
    body = canonical_json({"error": reason, "message": message})
    headers = {"Retry-After": "30"} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return Answer(status, body, "application/json", headers)
