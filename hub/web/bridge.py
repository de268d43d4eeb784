"""Carries requests from the server's event loop to a WSGI application in threads, and its answers back."""

from __future__ import annotations

import asyncio
import io
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment
    from granian.rsgi import HTTPProtocol, Scope  # type: ignore[attr-defined]  # granian names no exports

MOST_BYTES = 4 * 1024 * 1024
"""More of a body is not read. Applications that take less refuse by the announced length, in their own words."""


async def serve_in_thread(
    application: WSGIApplication, scope: Scope, protocol: HTTPProtocol, threads: Executor
) -> None:
    """Answer one RSGI request by a WSGI application. The answer is sent whole."""
    body = bytearray()
    length = 0
    async for chunk in protocol:
        length += len(chunk)
        if length > MOST_BYTES:
            break
        body += chunk
    environ = environment(scope, bytes(body), length)
    loop = asyncio.get_running_loop()
    status, headers, content = await loop.run_in_executor(threads, _answer, application, environ)
    protocol.response_bytes(status, headers, content)


def environment(scope: Scope, body: bytes, length: int) -> WSGIEnvironment:
    """The request as PEP 3333 describes it. ``length`` is more than ``body`` holds when that was too large to be read."""
    host, _, port = scope.server.rpartition(":")
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if scope.authority:
        environ["HTTP_HOST"] = scope.authority
    for name, value in scope.headers.items():
        key = name.upper().replace("-", "_")
        key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
        known = environ.get(key)
        # RFC 9113, 8.2.3: HTTP/2 may split cookies; RFC 9110, 5.3: other headers are lists with commas.
        environ[key] = value if known is None else f"{known}{'; ' if name == 'cookie' else ','}{value}"
    environ.pop("HTTP_CONTENT_LENGTH", None)
    if length:
        environ["CONTENT_LENGTH"] = str(length)
    return environ


def _answer(application: WSGIApplication, environ: WSGIEnvironment) -> tuple[int, list[tuple[str, str]], bytes]:
    """In a thread."""
    begun: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _error: object = None) -> object:
        begun.append((status, headers))
        return None

    parts = application(environ, start_response)  # type: ignore[arg-type]  # write() is of no use to Flask
    try:
        content = b"".join(parts)
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
    status, headers = begun[-1]
    return int(status.partition(" ")[0]), [(name.lower(), value) for name, value in headers], content
