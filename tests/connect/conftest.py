"""A connection, a call, and a web server on this machine whose answers a test decides."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from hub.connect.api import Call, Connection, HttpClient
from hub.connect.http import HttpSettings, Outbound

if TYPE_CHECKING:
    from hub.jsontypes import Json, JsonObject

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Received:
    """A request as the server saw it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


Handler = Callable[[Received, BaseHTTPRequestHandler], None]


@dataclass
class LocalServer:
    """Answers on 127.0.0.1. ``handler`` decides; ``received`` keeps every request."""

    url: str
    port: int
    received: list[Received] = field(default_factory=list)
    handler: Handler = field(default=lambda _, out: LocalServer.answer(out, 200, b"{}"))

    @staticmethod
    def answer(out: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
        out.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            out.send_header(name.replace("_", "-"), value)
        out.send_header("Content-Length", str(len(body)))
        out.end_headers()
        out.wfile.write(body)


@pytest.fixture
def server() -> Iterator[LocalServer]:
    class Out(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            received = Received(self.command, self.path, headers, body, self.client_address[1])
            local.received.append(received)
            try:
                local.handler(received, self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep quiet."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Out)
    httpd.daemon_threads = True
    port = httpd.server_address[1]
    local = LocalServer(f"http://127.0.0.1:{port}", port)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield local
    httpd.shutdown()
    httpd.server_close()
    thread.join()


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    outbound = Outbound(HttpSettings(allowed=("127.0.0.1",), read_timeout=5.0))
    yield outbound
    outbound.close()


@pytest.fixture
def make_connection() -> Callable[..., Connection]:
    def make(settings: JsonObject | None = None, name: str = "acme", **secrets: str) -> Connection:
        return Connection(name, "acme", settings or {}, {key: (value,) for key, value in secrets.items()})

    return make


@pytest.fixture
def make_call(outbound: Outbound) -> Callable[..., Call]:
    def make(connection: Connection, given: Json = None, http: HttpClient | None = None, **more: object) -> Call:
        return Call(
            connection=connection,
            input=given or {},
            key="4f" * 20,
            reference="run_1:step",
            now=NOW,
            http=http or outbound.client(connection),
            **more,
        )

    return make
