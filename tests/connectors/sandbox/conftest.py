"""The sandbox behind a real HTTP server on this machine, a clock that the test moves, and somebody who takes webhooks."""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import WSGIRequestHandler, make_server

from connectors.sandbox.connector import default_crm_settings, default_settings
from connectors.sandbox.server.application import create_application
from connectors.sandbox.server.sandbox import real_now
from hub.connect.api import Call, Connection, ServerContext
from hub.connect.http import HttpSettings, Outbound
from hub.connect.registry import Registry

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SECRET = "made-up"


class Clock:
    """The real time, as the test has it."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **delta: float) -> datetime:
        self.now += timedelta(**delta)
        return self.now


@dataclass
class Hook:
    """Takes webhooks. ``answers`` are given one after the other, then 200."""

    url: str = ""
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    @property
    def types(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.received]

    def wait_for(self, count: int) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.received) >= count, timeout=20)


@pytest.fixture
def hook():
    taker = Hook()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with taker.arrived:
                taker.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
                status = taker.answers.pop(0) if taker.answers else 200
                taker.arrived.notify_all()
            self.send_response(status)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"taken")

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    taker.url = f"http://127.0.0.1:{server.server_address[1]}/hooks/sandbox"
    yield taker
    server.shutdown()
    server.server_close()
    thread.join()


class Served:
    """A sandbox, the server before it, and a shop that calls its API."""

    def __init__(self, context: ServerContext, server: Any, clock: Clock, application: Any) -> None:
        self.context = context
        self.server = server
        self.clock = clock
        self.application = application
        self.sandbox = application.extensions["sandbox"]
        self.url = context.public_url
        self.shop = requests.Session()
        self.shop.trust_env = False
        self.shop.headers["Authorization"] = f"Bearer {self.sandbox.site.api_key}"

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        return self.shop.request(method, f"{self.url}/v1{path}", json=body, headers=headers, timeout=30)

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        response = self.call("POST", path, body)
        assert response.status_code < 300, response.text
        return response.json()

    def get(self, path: str) -> dict[str, Any]:
        response = self.call("GET", path)
        assert response.status_code == 200, response.text
        return response.json()

    def refused(self, path: str, **body: Any) -> tuple[int, str]:
        response = self.call("POST", path, body)
        return response.status_code, response.json()["error"]["code"]

    def payment(self, amount: int = 10000, currency: str = "USD", **more: Any) -> dict[str, Any]:
        return self.post("/payments", amount=amount, currency=currency, **more)

    def paid(self, amount: int = 10000, currency: str = "USD", choice: str = "pay", **more: Any) -> dict[str, Any]:
        return self.post(f"/test/payments/{self.payment(amount, currency, **more)['id']}/choose", choice=choice)

    def subscribed(self, choice: str = "pay", **plan: Any) -> dict[str, Any]:
        values = {"name": "Membership", "amount": 1500, "currency": "EUR", "interval": "month", **plan}
        made = self.post("/plans", **values)
        begun = self.post("/subscriptions", plan=made["id"], customer={"email": "ada@example.com"})
        return self.post(f"/test/subscriptions/{begun['id']}/choose", choice=choice)

    def forward(self, unit: str = "month", count: int = 1) -> int:
        return self.post("/test/clock", unit=unit, count=count)["done"]

    def events(self, *prefixes: str) -> list[str]:
        found, after = [], ""
        while True:
            page = self.get(f"/events?limit=100{after and '&after=' + after}")
            found += [event["type"] for event in page["data"]]
            if not page["has_more"]:
                return [kind for kind in found if kind.startswith(prefixes)] if prefixes else found
            after = page["next"]

    def books_balance(self) -> bool:
        totals: dict[str, int] = {}
        for amounts in self.get("/balance")["accounts"].values():
            for currency, minor in amounts.items():
                totals[currency] = totals.get(currency, 0) + minor
        return not any(totals.values())


class _Quiet(WSGIRequestHandler):
    def log(self, *args):
        pass


@contextlib.contextmanager
def _serving(database_url: str, webhook_url: str, *, background: bool = False):
    clock = Clock()
    dispatcher = DispatcherMiddleware(NotFound())
    server = make_server("127.0.0.1", 0, dispatcher, threaded=True, request_handler=_Quiet)
    server.daemon_threads = True
    context = ServerContext(database_url, f"http://127.0.0.1:{server.port}/sandbox", SECRET, webhook_url)
    time = real_now if background else clock
    application = create_application(context, clock=time, background=background)
    dispatcher.mounts["/sandbox"] = application
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    served = Served(context, server, clock, application)
    try:
        yield served
    finally:
        served.shop.close()
        server.shutdown()
        server.server_close()
        thread.join()
        served.sandbox.close()


@pytest.fixture
def serving():
    """Makes further sandboxes: ``with serving(database_url, webhook_url) as served``."""
    return _serving


@pytest.fixture
def served(tmp_path, hook):
    with _serving(f"sqlite:///{tmp_path}/sandbox.db", hook.url) as one:
        yield one


class Desk:
    """What the hub's engine does with a connection: one attempt of an action, with the key of its step."""

    def __init__(self, name: str, connection: Connection, outbound: Outbound) -> None:
        self.connector = Registry.load().get(name)
        self.connection = connection
        self.outbound = outbound

    def call(self, given: dict[str, Any] | None = None, key: str = "step-1") -> Call:
        http = self.outbound.client(self.connection, self.connector.manifest)
        return Call(self.connection, given or {}, key.encode().hex().ljust(40, "0")[:40], f"run:{key}", START, http)

    def run(self, action: str, given: dict[str, Any], key: str = "step-1") -> Any:
        return self.connector.run(action, self.call(given, key))


@pytest.fixture
def outbound():
    outbound = Outbound(HttpSettings(allowed=("127.0.0.1",)))
    yield outbound
    outbound.close()


def _desk(connector, name, made, outbound):
    settings, secrets = made
    versions = {field: (value,) for field, value in secrets.items()}
    return Desk(connector, Connection(name, connector, settings, versions), outbound)


@pytest.fixture
def desk(served, outbound):
    """The connection ``sandbox`` as the hub makes it at its first start."""
    made = default_settings(served.context.secret, served.context.public_url.removesuffix("/sandbox"))
    return _desk("sandbox", "sandbox", made, outbound)


@pytest.fixture
def crm(served, outbound):
    """The connection ``crm`` as the hub makes it at its first start."""
    made = default_crm_settings(served.context.secret, served.context.public_url.removesuffix("/sandbox"))
    return _desk("sandbox_crm", "crm", made, outbound)
