"""The webhook endpoint: ``/hooks/<connection>``, with nothing between the server and the desk.

In the server's event loop (:meth:`WebhookEndpoint.serve`, RSGI) a delivery is proved and translated at once, and its
answer goes out when the writer's batch is on disk; no thread waits for it. What has to wait for anything else (a database,
a gateway) is taken in by a thread. As a WSGI application the endpoint serves under any other server.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import lru_cache, partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog

from hub.connect.api import Answer, WebhookRequest

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from granian.rsgi import HTTPProtocol, Scope  # type: ignore[attr-defined]  # granian names no exports

    from hub.ingest.reception import Desk, Prepared
    from hub.journal.entries import Recorded

log = structlog.get_logger(__name__)

PREFIX = "/hooks/"

_AT_ONCE = 64 * 1024
"""Bytes: a larger body is read by a thread, so that it holds up nobody."""

_CONTENT = {"CONTENT_TYPE": "content-type", "CONTENT_LENGTH": "content-length"}


class WebhookEndpoint:
    """Takes webhooks in. ``public_url``: the address as gateways call it, which some of them sign.

    ``max_body`` and ``max_headers`` in bytes. Whatever goes wrong is answered and logged; nothing is raised to the server.
    """

    def __init__(self, desk: Desk, public_url: str, max_body: int, max_headers: int) -> None:
        self._desk = desk
        self._base = public_url.rstrip("/")
        self._max_body = max_body
        self._max_headers = max_headers
        self._durable = _Durable()

    # in the event loop

    async def serve(self, scope: Scope, protocol: HTTPProtocol, threads: Executor) -> None:
        """Answer one RSGI request. ``threads`` take over what has to wait."""
        answer = await self._answer(scope, protocol, threads)
        headers = [("content-type", answer.content_type), ("content-length", str(len(answer.body)))]
        headers += [(name.lower(), value) for name, value in answer.headers.items()]
        protocol.response_bytes(answer.status, headers, b"" if scope.method == "HEAD" else answer.body)

    async def _answer(self, scope: Scope, protocol: HTTPProtocol, threads: Executor) -> Answer:
        path = scope.path
        connection = _connection(path)
        if connection is None:
            return _nothing_here()
        in_thread = partial(asyncio.get_running_loop().run_in_executor, threads)
        try:
            headers = joined_headers(scope)
            refuse = self._refusal(connection, scope.method, headers)
            if refuse is not None:
                return await in_thread(refuse)
            body = await _read(protocol, headers, self._max_body)
            if body is None:
                return await in_thread(self._too_large(connection))
            request = self._request(path, scope.query_string, headers, body)
            prepared = self._desk.prepare(connection, request) if len(body) <= _AT_ONCE else None
            recorded = await self._durable.record(self._desk, prepared) if prepared is not None else None
            if prepared is None or recorded is None:
                return await in_thread(self._desk.receive, connection, request)
            return self._desk.conclude(prepared, recorded)
        except Exception:  # the server would close the connection without a word
            log.exception("delivery_broken", connection=connection)
            return _broken()

    # in a thread

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        """Answer one WSGI request."""
        path: str = environ.get("PATH_INFO", "")
        connection = _connection(path)
        try:
            answer = self._take(connection, path, environ) if connection is not None else _nothing_here()
        except Exception:
            log.exception("delivery_broken", connection=connection)
            answer = _broken()
        headers = [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body)))]
        start_response(_status(answer.status), [*headers, *answer.headers.items()])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    def _take(self, connection: str, path: str, environ: WSGIEnvironment) -> Answer:
        headers = {_name(key): value for key, value in environ.items() if key.startswith("HTTP_")}
        headers |= {name: value for key, name in _CONTENT.items() if (value := environ.get(key))}
        refuse = self._refusal(connection, environ["REQUEST_METHOD"], headers)
        if refuse is not None:
            return refuse()
        length = _announced(headers)
        body: bytes = environ["wsgi.input"].read(self._max_body + 1 if length is None else length)
        if len(body) > self._max_body:
            return self._too_large(connection)()
        return self._desk.receive(connection, self._request(path, environ.get("QUERY_STRING", ""), headers, body))

    # in both

    def _refusal(self, connection: str, method: str, headers: dict[str, str]) -> Callable[[], Answer] | None:
        """What answers a request whose body is not even read; it waits for the database."""
        refuse = partial(self._desk.refuse, connection)
        if method in {"GET", "HEAD"}:
            return partial(self._desk.greet, connection)
        if method != "POST":
            return partial(refuse, 405, "wrong_method", "Webhooks are sent with POST.")
        if sum(map(len, headers)) + sum(map(len, headers.values())) > self._max_headers:
            return partial(refuse, 431, "headers_too_large", f"At most {self._max_headers} bytes of headers.")
        return self._too_large(connection) if (_announced(headers) or 0) > self._max_body else None

    def _too_large(self, connection: str) -> Callable[[], Answer]:
        return partial(self._desk.refuse, connection, 413, "too_large", f"At most {self._max_body} bytes are taken.")

    def _request(self, path: str, query: str, headers: dict[str, str], body: bytes) -> WebhookRequest:
        return WebhookRequest("POST", f"{self._base}{path}{'?' if query else ''}{query}", query, headers, body)


class _Durable:
    """Brings what the writer made durable back into the event loop: one call for all of a batch, not one for each."""

    def __init__(self) -> None:
        self._heard: deque[tuple[asyncio.Future[list[Recorded] | None], list[Recorded] | None]] = deque()
        self._called = False

    async def record(self, desk: Desk, prepared: Prepared) -> list[Recorded] | None:
        """The outcomes once they are durable; None when something was not recorded, and the desk shall say why."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Recorded] | None] = loop.create_future()

        def heard(outcome: list[Recorded] | None) -> None:
            self._heard.append((future, outcome))
            if not self._called:
                self._called = True
                loop.call_soon_threadsafe(self._tell)

        desk.recorder.record_soon(prepared.happenings, prepared.now, heard)
        return await future

    def _tell(self) -> None:
        self._called = False
        while self._heard:
            future, outcome = self._heard.popleft()
            if not future.done():
                future.set_result(outcome)


def joined_headers(scope: Scope) -> dict[str, str]:
    """The request's headers, names in small letters; what comes several times stands with commas between."""
    headers: dict[str, str] = {}
    for name, value in scope.headers.items():
        known = headers.get(name)
        headers[name] = value if known is None else f"{known}, {value}"
    return headers


async def _read(protocol: HTTPProtocol, headers: dict[str, str], most: int) -> bytes | None:
    """The whole body, or None when it is larger than ``most`` bytes; no more of it is read then."""
    if _announced(headers) is not None:
        return await protocol()
    body = bytearray()
    async for chunk in protocol:
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)


def _announced(headers: dict[str, str]) -> int | None:
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else None


def _connection(path: str) -> str | None:
    name = path.removeprefix(PREFIX)
    return name if name and name != path and "/" not in name else None


@lru_cache(maxsize=512)
def _name(key: str) -> str:
    return key[5:].replace("_", "-").lower()


def _status(code: int) -> str:
    try:
        return f"{code} {HTTPStatus(code).phrase}"
    except ValueError:  # a gateway may want a number that has no name
        return f"{code} Answer"


def _nothing_here() -> Answer:
    return Answer(404, b"There is nothing at this address.\n")


def _broken() -> Answer:
    return Answer(500, b"The hub failed; its log says why.\n")
