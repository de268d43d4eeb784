"""A small web server for fakes: on loopback, at a port that the system picks, and misbehaving when told to.

A fake is a subclass that answers :meth:`FakeServer.handle`. It shares nothing with the connector that it faces, checks every
request, and writes down what is wrong with one in ``complaints``, which a test's fixture holds to be empty.
"""

from __future__ import annotations

import json
import socket
import threading
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LONGEST_HOLD = 30.0


@dataclass(frozen=True)
class Received:
    """A request as it came. ``path`` is as on the wire, percent-encoded; header names are lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def segments(self) -> list[str]:
        return [unquote(part) for part in self.path.strip("/").split("/")]

    @property
    def params(self) -> list[tuple[str, str]]:
        return parse_qsl(self.query, keep_blank_values=True)

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answered:
    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        if self.body is None:
            return Response(status=self.status, headers=dict(self.headers))
        text = self.body if isinstance(self.body, (str, bytes)) else json.dumps(self.body)
        kind = {name.lower() for name in self.headers}
        given = {} if "content-type" in kind else {"Content-Type": "application/json"}
        return Response(text, status=self.status, headers={**given, **self.headers})


@dataclass(frozen=True)
class Mood:
    """How the next request is treated. ``works``: it is done before that happens (the answer is lost, or comes late)."""

    answer: Answered | None = None
    works: bool = False
    hold: bool = False


DOWN = Mood(Answered(503, "upstream connect error", {"Content-Type": "text/plain"}))
MAINTENANCE = Mood(Answered(200, "<html><body>We will be back soon.</body></html>", {"Content-Type": "text/html"}))
RESET = Mood()
LOST = Mood(works=True)
HANGING = Mood(works=True, hold=True)


class ComplaintError(Exception):
    """A request that the real system would not take. ``answer`` is what the fake says to it."""

    def __init__(self, message: str, answer: Answered) -> None:
        super().__init__(message)
        self.answer = answer


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *args: object, **kwargs: object) -> None:
        """Keep quiet."""


class FakeServer(ABC):
    """Start it with ``with fake.running():``; ``url`` is its address then."""

    url = ""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.complaints: list[str] = []
        self.moods: list[Mood] = []
        self._released = threading.Event()
        self._lock = threading.RLock()

    @abstractmethod
    def handle(self, request: Received) -> Answered:
        """Answer a request, or raise :class:`ComplaintError`."""

    def has_moods(self, request: Received) -> bool:
        """Whether a mood may come over such a request: one that others send meanwhile takes it from none."""
        return True

    def treat(self, *moods: Mood) -> None:
        """Treat the next requests so, one after the other."""
        self.moods += moods

    def refuse(self, status: int, body: Any, **headers: str) -> None:
        """Answer the next request with this and do nothing."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.moods.append(Mood(Answered(status, body, named)))

    def count(self, method: str, path_end: str) -> int:
        return sum(1 for one in self.received if one.method == method and one.path.endswith(path_end))

    @contextmanager
    def running(self) -> Iterator[Self]:
        server = make_server("127.0.0.1", 0, self._application, threaded=True, request_handler=_Quiet)
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._released.set()
            server.shutdown()
            thread.join()
            server.server_close()

    def _application(self, environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        target = urlsplit(environ["REQUEST_URI"])
        headers = {name.lower(): value for name, value in request.headers.items()}
        received = Received(request.method, target.path, target.query, headers, request.get_data())
        with self._lock:
            self.received.append(received)
            mood = self.moods.pop(0) if self.moods and self.has_moods(received) else None
            answered = self._answer(received) if mood is None or mood.works else mood.answer
        if mood is not None and mood.hold:
            self._released.wait(LONGEST_HOLD)
        if answered is None or (mood is not None and mood.works):
            _drop(environ["werkzeug.socket"])
        return answered.response()(environ, start_response)

    def _answer(self, received: Received) -> Answered:
        try:
            return self.handle(received)
        except ComplaintError as complaint:
            self.complaints.append(f"{received.method} {received.path}: {complaint}")
            return complaint.answer
        except Exception as fault:
            self.complaints.append(f"{received.method} {received.path}: the fake itself failed: {fault!r}")
            raise


def _drop(connection: socket.socket) -> None:
    """End the connection without an answer. (Closing alone waits for the files that the server made of the socket.)"""
    connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError
