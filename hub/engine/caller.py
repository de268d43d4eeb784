"""Carries a call out: finds the connection, runs the action within its time, and puts the outcome into the hub's words."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

import structlog

from hub.connect.api import Call
from hub.engine.gateway_calls import Attempt, reference_of
from hub.errors import ActionError, ConfigError, HubError, PermanentError, TransientError, UncertainError
from hub.jsontypes import canonical_json
from hub.recipes.record import CallFailed, CallSucceeded

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hub.connect.api import Connection, HttpClient
    from hub.connect.connector import LoadedConnector
    from hub.connect.registry import Registry
    from hub.engine.gateway_calls import GatewayCalls
    from hub.engine.services import Services
    from hub.journal.entries import Happening
    from hub.jsontypes import Json, JsonObject
    from hub.recipes.record import CallRequest

log = structlog.get_logger(__name__)

OnCalled: TypeAlias = "Callable[[str, str, str, float], None]"
"""Hears of every call: connection, action, how it ended, seconds."""


class Connections(Protocol):
    """The configured accounts, readable."""

    def get(self, name: str) -> Connection:
        """The connection with its secrets decrypted. Raises ``ConfigError`` naming the nearest one."""


class HttpClients(Protocol):
    """Makes the HTTP client of one call."""

    def __call__(self, connection: Connection, connector: LoadedConnector, timeout: float) -> HttpClient:
        """A client bound to the connection, with ``timeout`` seconds for everything that the call sends."""


@dataclass(slots=True)
class Outcome:
    """What came of a call: the news for its run, and the events it emits with its result."""

    news: CallSucceeded | CallFailed
    emitted: list[Happening] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CallContext:
    """Which run a call belongs to."""

    run_id: str
    event: JsonObject


class Caller:
    """Runs actions. Thread-safe; one for a process."""

    def __init__(  # noqa: PLR0913 (its collaborators)
        self,
        registry: Registry,
        connections: Connections,
        http: HttpClients,
        services: Services,
        gateways: GatewayCalls,
        now: Callable[[], datetime],
        *,
        default_timeout: float,
        output_limit: int,
        on_called: OnCalled | None = None,
    ) -> None:
        self._registry = registry
        self._connections = connections
        self._http = http
        self._services = services
        self._gateways = gateways
        self._now = now
        self._default_timeout = default_timeout
        self._output_limit = output_limit
        self._on_called = on_called or (lambda _connection, _action, _result, _seconds: None)

    def is_inline(self, request: CallRequest) -> bool:
        """Whether the action is pure, so that it may run at once and be recorded with the next commit."""
        try:
            connection = self._connections.get(request.connection)
            return self._registry.action(connection.connector, request.action).inline
        except HubError:
            return False

    def call(self, request: CallRequest, context: CallContext) -> Outcome:
        """Do it. Never raises: every failure becomes news for the run, in words for people."""
        begun = time.perf_counter()
        outcome = self._called(request, context)
        result = outcome.news.kind if isinstance(outcome.news, CallFailed) else "succeeded"
        self._on_called(request.connection, request.action, result, time.perf_counter() - begun)
        return outcome

    def _called(self, request: CallRequest, context: CallContext) -> Outcome:
        emitted: list[Happening] = []
        try:
            output = self._attempt(request, context, emitted)
            self._check_size(output)
        except ActionError as error:
            return Outcome(self._failed(request, error))
        except HubError as error:
            return Outcome(CallFailed(request.path, request.attempt, "permanent", error_object(error)))
        except Exception as error:
            log.exception("connector_fault", run_id=context.run_id, step=request.path, action=request.action)
            fault = PermanentError(
                f"The connector's own code failed ({type(error).__name__}).",
                code="connector_fault",
                remedy="This is a fault in the connector. The log of the hub has the details; report it with them.",
            )
            return Outcome(CallFailed(request.path, request.attempt, "permanent", error_object(fault)))
        return Outcome(CallSucceeded(request.path, request.attempt, output), emitted)

    def _attempt(self, request: CallRequest, context: CallContext, emitted: list[Happening]) -> Json:
        connection = self._connections.get(request.connection)
        connector = self._registry.get(connection.connector)
        spec = self._registry.action(connection.connector, request.action)
        timeout = request.timeout or self._default_timeout
        call = Call(
            connection=connection,
            input=self._services.input_for(request),
            key=request.key,
            reference=reference_of(request.key),
            now=self._now(),
            http=self._http(connection, connector, timeout),
            attempt=request.attempt,
            event=context.event,
            previous=request.previous,
            services=self._services.lend((context.run_id, request.path), emitted, request.key),
        )
        attempt = Attempt(
            call,
            connector,
            emitted,
            repeated=request.recovered or request.attempt > 1,
            recovered=request.recovered,
            cause=(context.run_id, request.path),
        )
        self._gateways.refuse_unapproved(spec, attempt)
        return self._gateways.run(spec, attempt)

    def _failed(self, request: CallRequest, error: ActionError) -> CallFailed:
        found = error_object(error)
        if isinstance(error, TransientError):
            return CallFailed(request.path, request.attempt, "transient", found, error.retry_after)
        if isinstance(error, UncertainError) and not self._may_repeat(request):
            return CallFailed(request.path, request.attempt, "uncertain", found)
        if isinstance(error, UncertainError):
            return CallFailed(request.path, request.attempt, "transient", found)
        return CallFailed(request.path, request.attempt, "permanent", found)

    def _may_repeat(self, request: CallRequest) -> bool:
        connection = self._connections.get(request.connection)
        spec = self._registry.action(connection.connector, request.action)
        return self._registry.get(connection.connector).may_repeat(spec, connection)

    def _check_size(self, output: Json) -> None:
        size = len(canonical_json(output))
        if size > self._output_limit:
            message = f"The step's output has {size:,} bytes; at most {self._output_limit:,} are kept."
            raise PermanentError(message, code="output_too_large", remedy="Ask the outside system for less at a time.")


def error_object(error: HubError) -> JsonObject:
    """An error as it is recorded and shown."""
    found: dict[str, Json] = {"code": error.code, "message": error.message, "remedy": error.remedy}
    if isinstance(error, ActionError):
        if error.gateway_code:
            found["gateway_code"] = error.gateway_code
        if error.details is not None:
            found["details"] = error.details  # type: ignore[assignment]  # connectors give JSON
    if isinstance(error, ConfigError):
        found["code"] = "config"
    return found
