"""Puts a process together: pages, webhooks and the sandbox behind one server, with the engine beside them."""

from __future__ import annotations

import gc
import multiprocessing.util
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias, cast

import structlog

from hub.connect.api import ServerContext
from hub.engine.first_start import SANDBOX_PURPOSE, prepare
from hub.engine.hub import Hub, Role
from hub.errors import UnavailableError
from hub.ingest.certificates import Certificates
from hub.ingest.pollers import Pollers
from hub.ingest.reception import Desk
from hub.ingest.webhooks import PREFIX, WebhookEndpoint
from hub.web.app import create_app
from hub.web.bridge import serve_in_thread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from granian.rsgi import HTTPProtocol, Scope  # type: ignore[attr-defined]  # granian names no exports

    from hub.config import Settings
    from hub.journal.entries import Recorded

log = structlog.get_logger(__name__)

Clock: TypeAlias = Callable[[], datetime]


class Switch:
    """Sends a request to the application under its path: ``/hooks``, ``/sandbox``, everything else to the pages.

    As a WSGI application it serves under any server. Under the hub's own it is served by ``threads`` threads, but for
    webhooks, which the event loop takes in itself. ``certificates`` are those of the webhooks' senders.
    """

    def __init__(
        self,
        pages: WSGIApplication,
        webhooks: WebhookEndpoint,
        mounts: Mapping[str, WSGIApplication],
        certificates: Certificates,
        threads: int = 64,
    ) -> None:
        self._pages = pages
        self._webhooks = webhooks
        self.certificates = certificates
        self._mounts: dict[str, WSGIApplication] = {"/hooks": webhooks, **mounts}
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="http")

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Serve one request in the event loop."""
        if scope.path.startswith(PREFIX):
            await self._webhooks.serve(scope, protocol, self._threads)
        else:
            await serve_in_thread(self, scope, protocol, self._threads)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        path: str = environ.get("PATH_INFO", "")
        first = "/" + path[1:].partition("/")[0]
        mounted = self._mounts.get(first)
        if mounted is None:
            return self._pages(environ, start_response)
        if first != "/hooks":
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + first
            environ["PATH_INFO"] = path[len(first) :]
        return mounted(environ, start_response)


class _Counters:
    """Implements :class:`hub.ingest.reception.Counters`: health of connections, refusals, metrics."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._noted: dict[str, datetime] = {}

    def accepted(self, connection: str, recorded: Sequence[Recorded], now: datetime, seconds: float) -> None:
        metrics, repeated = self._hub.metrics, sum(one.duplicate for one in recorded)
        metrics.receive_seconds.observe(seconds)
        if repeated:
            metrics.events_repeated.labels(connection).inc(repeated)
        if repeated < len(recorded):
            metrics.events_accepted.labels(connection).inc(len(recorded) - repeated)
        last = self._noted.get(connection)
        if last is None or (now - last).total_seconds() > 1:
            self._noted[connection] = now
            self._hub.store.note_health_later(connection, {"last_delivery_at": now.isoformat(), "silent_since": None})

    def refused(self, connection: str, reason: str, message: str, now: datetime) -> None:
        self._hub.metrics.refusals.labels(connection, reason).inc()
        log.warning("delivery_refused", connection=connection, reason=reason)
        try:
            self._hub.store.count_refusal(connection, reason, message, now)
        except UnavailableError as error:
            log.warning("refusal_not_counted", reason=str(error))


def build(hub: Hub) -> Switch:
    """Everything that one web process serves."""
    settings = hub.settings
    hub.writer.on_commit, hub.outbound.on_answer = hub.metrics.written, hub.metrics.answered

    certificates = Certificates(lambda one: hub.outbound.client(one, hub.registry.get(one.connector).manifest), hub.now)
    desk = Desk(hub.registry, hub.accounts, hub.recorder, _Counters(hub), certificates, hub.accounts.call, hub.now)
    webhooks = WebhookEndpoint(desk, settings.address, settings.webhook_body_bytes, settings.webhook_header_bytes)
    mounts: dict[str, WSGIApplication] = {}
    if settings.sandbox_on:
        server = hub.registry.get("sandbox").code.server
        if server is not None:
            mounts["/sandbox"] = cast("WSGIApplication", server(sandbox_context(hub)))
    return Switch(create_app(hub), webhooks, mounts, certificates, settings.server_threads)


def sandbox_context(hub: Hub) -> ServerContext:
    """What the sandbox's server gets: a database of its own beside the hub's, never the hub's tables."""
    settings = hub.settings
    database = hub.database.url
    if hub.database.is_sqlite:
        database = f"sqlite:///{settings.workspace.resolve() / 'sandbox.db'}"
    return ServerContext(
        database_url=database,
        public_url=f"{settings.address}/sandbox",
        secret=hub.keyring.derived(SANDBOX_PURPOSE),
        webhook_url=f"{settings.address}/hooks/sandbox",
    )


def start(settings: Settings, role: Role, announce: Callable[[Hub], None]) -> Switch:
    """Open the hub, start its engine, and give what the server calls. All of it is stopped when the process ends.

    ``announce`` is called once it is ready.
    """
    hub = Hub.open(settings, role)
    prepare(hub)
    application = build(hub)
    hub.start()
    pollers = Pollers(hub)
    pollers.start()
    multiprocessing.util.Finalize(None, hub.close, exitpriority=100)
    multiprocessing.util.Finalize(None, pollers.stop, exitpriority=110)
    gc.collect()
    gc.freeze()  # what is loaded now stays, and is not looked through again and again
    announce(hub)
    return application
