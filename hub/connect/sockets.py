"""Connections that go only to judged addresses and never outlive a deadline; the plumbing below :mod:`hub.connect.http`."""

from __future__ import annotations

import functools
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, ClassVar

import certifi
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from hub.connect.guard import Guard

from contextlib import contextmanager

POOL_SIZE = 32
"""Kept-alive connections per host and connection; more may be open for a moment."""


class _Limits(threading.local):
    """The time limits of the request that this thread is making. A socket serves one thread at a time."""

    until: float | None = None
    read: float = 30.0


_limits = _Limits()


@contextmanager
def _within(until: float, read: float) -> Iterator[None]:
    _limits.until, _limits.read = until, read
    try:
        yield
    finally:
        _limits.until = None


def time_limits(until: float, read: float) -> AbstractContextManager[None]:
    """Every read in this thread ends by ``until`` (``time.monotonic()``) and waits at most ``read`` seconds."""
    return _within(until, read)


def _patience() -> float | None:
    if _limits.until is None:
        return _limits.read
    left = _limits.until - time.monotonic()
    if left <= 0:
        message = "the answer took longer than the whole request may"
        raise TimeoutError(message)
    return min(left, _limits.read)


class _Socket(socket.socket):
    def recv_into(self, buffer: bytearray, nbytes: int = 0, flags: int = 0) -> int:  # type: ignore[override]
        self.settimeout(_patience())
        return super().recv_into(buffer, nbytes, flags)


class _TLSSocket(ssl.SSLSocket):
    def recv_into(self, buffer: bytearray, nbytes: int | None = None, flags: int = 0) -> int:  # type: ignore[override]
        self.settimeout(_patience())
        return super().recv_into(buffer, nbytes, flags)


def _connect(connection: HTTPConnection, guard: Guard) -> socket.socket:
    """A socket to one of the host's judged addresses. Refusals of the guard pass through as they are."""
    problem: OSError | None = None
    port = connection.port or connection.default_port
    timeout = connection.timeout if isinstance(connection.timeout, (int, float)) else None
    for address in guard.addresses(connection.host, port):
        candidate = _Socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        try:
            candidate.settimeout(timeout)
            candidate.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            candidate.connect((address, port))
        except OSError as error:
            candidate.close()
            problem = error
        else:
            return candidate
    if isinstance(problem, TimeoutError):
        raise ConnectTimeoutError(connection, f"{connection.host} did not accept the connection in time")
    raise NewConnectionError(connection, str(problem))


@functools.cache
def _tls(ca_bundle: str | None) -> ssl.SSLContext:
    """What verifies a peer. To read the authorities takes longer than a call: all connections share it."""
    context = ssl.create_default_context(cafile=certifi.where())
    if ca_bundle is not None:
        context.load_verify_locations(cafile=ca_bundle)
    context.sslsocket_class = _TLSSocket
    return context


class GuardedAdapter(HTTPAdapter):
    """An adapter of requests whose connections the guard judges. TLS always verifies, against ``ca_bundle`` too."""

    def __init__(self, guard: Guard, ca_bundle: str | None = None) -> None:
        self._guard = guard
        self._tls = _tls(ca_bundle)
        super().__init__(pool_connections=16, pool_maxsize=POOL_SIZE, max_retries=0)

    def init_poolmanager(self, *args: object, **kwargs: object) -> None:
        """Make the pool with connection classes bound to this adapter's guard."""
        super().init_poolmanager(*args, **kwargs, ssl_context=self._tls)  # type: ignore[arg-type]
        guard = self._guard

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return _connect(self, guard)

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return _connect(self, guard)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls: ClassVar[type[HTTPConnection]] = Plain  # type: ignore[misc]

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls: ClassVar[type[HTTPSConnection]] = Secure  # type: ignore[misc]

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}

    def cert_verify(self, conn: object, url: str, verify: object, cert: object) -> None:
        """Keep verification on; the context already holds the authorities, loaded once."""
        del url, verify, cert
        conn.cert_reqs = "CERT_REQUIRED"  # type: ignore[attr-defined]
