"""Puts a process together: pages, webhooks and the sandbox behind one server, with the engine beside them."""

from __future__ import annotations

import gc
import logging
import multiprocessing.util
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias, cast

import structlog
from granian import Granian
from granian.constants import Interfaces

from hub.connect.api import ServerContext
from hub.engine.first_start import SANDBOX_PURPOSE, prepare
from hub.engine.hub import Hub, Role
from hub.errors import SignatureError, UnavailableError
from hub.ingest.pollers import Pollers
from hub.ingest.reception import Desk
from hub.ingest.webhooks import create_webhook_app
from hub.web.app import create_app

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from hub.config import Settings
    from hub.connect.api import Connection, Fetch
    from hub.journal.entries import Recorded

log = structlog.get_logger(__name__)

Clock: TypeAlias = Callable[[], datetime]


class Switch:
    """Sends a request to the application under its path: ``/hooks``, ``/sandbox``, everything else to the pages.

    Webhooks go to an application of their own, so that a page's sessions and templates cost them nothing.
    """

    def __init__(self, pages: WSGIApplication, mounts: dict[str, WSGIApplication]) -> None:
        self._pages = pages
        self._mounts = mounts

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

    def accepted(self, connection: str, recorded: Sequence[Recorded], now: datetime) -> None:
        new = sum(not one.duplicate for one in recorded)
        self._hub.metrics.events_accepted.labels(connection).inc(new)
        self._hub.metrics.events_repeated.labels(connection).inc(len(recorded) - new)
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

    def fetch_for(connection: Connection) -> Fetch:
        connector = hub.registry.get(connection.connector)

        def fetch(url: str) -> bytes:
            response = hub.outbound.client(connection, connector.manifest).request("GET", url)
            if response.status != 200:  # noqa: PLR2004 (OK)
                message = f"{url} answered {response.status} when the sender's certificate was fetched."
                raise SignatureError(message, code="not_fetched", remedy="Try again later.")
            return response.body

        return fetch

    desk = Desk(hub.registry, hub.accounts, hub.recorder, _Counters(hub), fetch_for, hub.accounts.call, hub.now)
    webhooks = create_webhook_app(desk, settings.address, settings.webhook_body_bytes, settings.webhook_header_bytes)
    mounts: dict[str, WSGIApplication] = {"/hooks": webhooks}
    if settings.sandbox_on:
        server = hub.registry.get("sandbox").code.server
        if server is not None:
            mounts["/sandbox"] = cast("WSGIApplication", server(sandbox_context(hub)))
    return Switch(create_app(hub), mounts)


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


def serve(settings: Settings, role: Role, announce: Callable[[Hub], None]) -> None:
    """Serve until the process is told to stop. ``announce`` is called in the serving process, once it is ready.

    The server's first process only watches; the second holds everything, and is started again should it ever die.
    """

    def load(*_arguments: object, **_options: object) -> Switch:
        hub = Hub.open(settings, role)
        prepare(hub)
        application = build(hub)
        hub.start()
        pollers = Pollers(hub)
        pollers.start()
        multiprocessing.util.Finalize(None, hub.close, exitpriority=100)
        multiprocessing.util.Finalize(None, pollers.stop, exitpriority=110)
        announce(hub)
        return application

    logging.getLogger("granian").setLevel(logging.WARNING)
    server = Granian(
        "hub",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=settings.server_threads,
        respawn_failed_workers=True,
        log_enabled=False,
        workers_kill_timeout=20,
    )
    gc.collect()
    gc.freeze()  # what both processes share stays shared
    server.serve(target_loader=load, wrap_loader=False)
