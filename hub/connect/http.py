"""The one way out: pooled connections, guard, limits, circuit breaker, pace, redaction and a hook for traces."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, cast
from urllib.parse import urljoin

import orjson
import requests
import urllib3.exceptions
from requests.structures import CaseInsensitiveDict

from hub import __version__
from hub.connect.answers import failure
from hub.connect.breaker import CircuitBreaker, Pace, State
from hub.connect.encoding import encode_body, with_query
from hub.connect.guard import Guard, Target
from hub.connect.redaction import Redactor
from hub.connect.sockets import GuardedAdapter, time_limits
from hub.errors import ActionError, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hub.connect.api import Connection
    from hub.connect.encoding import Pairs
    from hub.connect.manifest import Manifest
    from hub.jsontypes import Json

_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
# What may travel on when a redirect leads to another host: everything else could be a credential.
_HARMLESS_HEADERS = frozenset({"accept", "accept-language", "accept-encoding", "content-type", "user-agent"})
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Limits of outgoing calls. Times in seconds, sizes in bytes.

    ``allowed`` lists inner hosts and networks that calls may go to (:class:`hub.connect.guard.Guard`).
    """

    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    total_timeout: float = 60.0
    largest_answer: int = 8 * 1024 * 1024
    breaker_failures: int = 5
    breaker_pause: float = 30.0
    allowed: tuple[str, ...] = ()
    ca_bundle: str | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as the trace and the metrics see it: without secrets. ``status`` is None when no answer came."""

    connection: str
    method: str
    url: str
    status: int | None
    error: str | None
    seconds: float
    sent: int
    received: int


Observe: TypeAlias = "Callable[[Exchange], None]"
OnAnswer: TypeAlias = "Callable[[str, int | None], None]"


@dataclass(frozen=True, slots=True)
class Answered:
    """A complete answer (:class:`hub.connect.api.HttpResponse`)."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The body as text, undecodable bytes replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Json:
        """The body as JSON. Raises ``TransientError`` (``bad_answer``) when it is not JSON."""
        try:
            return cast("Json", orjson.loads(self.body))
        except orjson.JSONDecodeError as error:
            kind = self.headers.get("Content-Type", "no content type")
            raise failure("bad_answer", f"It is not JSON ({kind}).", details=self.text[:500]) from error


class Channel:
    """What all calls of one connection share: its kept-alive sockets, its circuit breaker, its pace."""

    def __init__(self, adapter: GuardedAdapter, breaker: CircuitBreaker, pace: Pace | None) -> None:
        self.adapter = adapter
        self.breaker = breaker
        self.pace = pace


class Outbound:
    """Makes the clients. One per process; keeps a channel per connection.

    ``on_answer`` may be set: it hears of each request, by which connection, and the status of the answer if one came.
    """

    def __init__(
        self,
        settings: HttpSettings | None = None,
        *,
        guard: Guard | None = None,
        observe: Observe | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings or HttpSettings()
        self.guard = guard or Guard(self.settings.allowed)
        self.on_answer: OnAnswer = lambda _connection, _status: None
        self._observe = observe
        self._monotonic = monotonic
        self._channels: dict[str, Channel] = {}
        self._lock = threading.Lock()

    def client(
        self,
        connection: Connection,
        manifest: Manifest | None = None,
        *,
        timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Client:
        """The client of one call. ``timeout`` (seconds) is the step's; ``headers`` go with every request (traces)."""
        return Client(
            connection.name,
            self._channel(connection.name, manifest),
            self.settings,
            self.guard,
            Redactor.of(connection),
            timeout=min(timeout or self.settings.total_timeout, self.settings.total_timeout),
            headers=headers or {},
            observe=self._observe,
            on_answer=self.on_answer,
            monotonic=self._monotonic,
        )

    def circuit(self, connection: str) -> tuple[State, int]:
        """The state of a connection's circuit, and how many of its calls failed in a row."""
        channel = self._channels.get(connection)
        return (channel.breaker.state, channel.breaker.failures) if channel else (State.CLOSED, 0)

    def forget(self, connection: str) -> None:
        """Close a connection's sockets and forget its failures: after its settings were changed or it was removed."""
        with self._lock:
            channel = self._channels.pop(connection, None)
        if channel is not None:
            channel.adapter.close()

    def close(self) -> None:
        """Close all sockets."""
        for name in list(self._channels):
            self.forget(name)

    def _channel(self, name: str, manifest: Manifest | None) -> Channel:
        channel = self._channels.get(name)
        if channel is None:
            with self._lock:
                channel = self._channels.get(name) or Channel(
                    GuardedAdapter(self.guard, self.settings.ca_bundle),
                    CircuitBreaker(self.settings.breaker_failures, self.settings.breaker_pause),
                    _pace(manifest),
                )
                self._channels[name] = channel
        return channel


def _pace(manifest: Manifest | None) -> Pace | None:
    rate = cast("Mapping[str, float] | None", manifest.api.get("rate")) if manifest else None
    if not rate:
        return None
    per_second = float(rate["per_second"])
    return Pace(per_second, int(rate.get("burst", max(1, per_second))))


@dataclass(frozen=True, slots=True)
class _Sending:
    """One hop: everything that goes on the wire."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    repeatable: bool


class Client:
    """:class:`hub.connect.api.HttpClient` for one call. Never retries: attempts are the journal's."""

    def __init__(  # noqa: PLR0913 (what Outbound binds it to)
        self,
        name: str,
        channel: Channel,
        settings: HttpSettings,
        guard: Guard,
        redactor: Redactor,
        *,
        timeout: float,
        headers: Mapping[str, str],
        observe: Observe | None,
        on_answer: OnAnswer,
        monotonic: Callable[[], float],
    ) -> None:
        self._name = name
        self._channel = channel
        self._settings = settings
        self._guard = guard
        self.redactor = redactor
        self._timeout = timeout
        self._headers = headers
        self._observe = observe
        self._on_answer = on_answer
        self._monotonic = monotonic

    def request(  # noqa: PLR0913 (the parts of an HTTP request)
        self,
        method: str,
        url: str,
        *,
        params: Pairs | None = None,
        headers: Mapping[str, str] | None = None,
        json: Json = None,
        form: Pairs | None = None,
        body: bytes | None = None,
        repeatable: bool | None = None,
        follow_redirects: bool = False,
    ) -> Answered:
        """See :meth:`hub.connect.api.HttpClient.request`."""
        method = method.upper()
        content, content_type = encode_body(json=json, form=form, body=body)
        all_headers = {"User-Agent": f"ConnectorHub/{__version__}", **self._headers}
        if content_type:
            all_headers["Content-Type"] = content_type
        sending = _Sending(
            method=method,
            url=with_query(url, params),
            headers=CaseInsensitiveDict({**CaseInsensitiveDict(all_headers), **(headers or {})}),
            body=content,
            repeatable=method in _REPEATABLE if repeatable is None else repeatable,
        )
        target = self._guard.target(sending.url)
        self._wait_our_turn()
        until = time.monotonic() + self._timeout
        answer = self._exchange(sending, until)
        for _ in range(_MOST_REDIRECTS):
            location = answer.headers.get("Location")
            if not follow_redirects or answer.status not in _REDIRECTS or not location:
                return answer
            sending, target = self._redirected(sending, target, answer.status, location)
            answer = self._exchange(sending, until)
        return answer

    def _wait_our_turn(self) -> None:
        now = self._monotonic()
        # The breaker comes last: who gets its probe must send it.
        wait = self._channel.pace.wait(now) if self._channel.pace is not None else 0.0
        if wait:
            raise failure("throttled", retry_after=wait)
        wait = self._channel.breaker.wait(now)
        if wait:
            raise failure("circuit_open", f"Connection {self._name!r}.", retry_after=wait)

    def _redirected(self, sending: _Sending, target: Target, status: int, location: str) -> tuple[_Sending, Target]:
        url = urljoin(sending.url, location)
        new_target = self._guard.target(url)
        if target.scheme == "https" and new_target.scheme == "http":
            raise failure("blocked_address", f"{target.host} redirects from https to http.")
        headers = dict(sending.headers)
        if new_target != target:
            headers = {name: value for name, value in headers.items() if name.lower() in _HARMLESS_HEADERS}
        method, body = sending.method, sending.body
        # RFC 9110, 15.4: only 307 and 308 keep method and body; for 301 and 302 clients turn POST into GET.
        if status == 303 or (status in {301, 302} and method == "POST"):  # noqa: PLR2004
            method, body = "HEAD" if method == "HEAD" else "GET", None
            headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
        return _Sending(method, url, headers, body, sending.repeatable), new_target

    def _exchange(self, sending: _Sending, until: float) -> Answered:
        started = time.monotonic()
        answer: Answered | None = None
        error: str | None = None
        try:
            answer = self._send(sending, until)
        except ActionError as problem:
            error = problem.code
            # A refused address or a full answer says nothing about the system's health.
            if isinstance(problem, TransientError) or error == "uncertain":
                self._channel.breaker.failed(self._monotonic())
            raise
        else:
            if answer.status >= 500:  # noqa: PLR2004
                self._channel.breaker.failed(self._monotonic())
            else:
                self._channel.breaker.succeeded()
            return answer
        finally:
            self._on_answer(self._name, answer.status if answer else None)
            if self._observe is not None:
                self._observe(
                    Exchange(
                        connection=self._name,
                        method=sending.method,
                        url=self.redactor.url(sending.url),
                        status=answer.status if answer else None,
                        error=error,
                        seconds=time.monotonic() - started,
                        sent=len(sending.body or b""),
                        received=len(answer.body) if answer else 0,
                    )
                )

    def _send(self, sending: _Sending, until: float) -> Answered:
        settings = self._settings
        host = self._guard.target(sending.url).host
        left = until - time.monotonic()
        if left <= 0:
            raise failure("timeout", f"{host} took longer than {self._timeout:g} s.")
        try:
            prepared = requests.Request(sending.method, sending.url, dict(sending.headers), data=sending.body).prepare()
        except (requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL, UnicodeError) as error:
            raise failure("bad_input", self.redactor.text(str(error))) from error
        timeout = (min(settings.connect_timeout, left), min(settings.read_timeout, left))
        try:
            with time_limits(until, timeout[1]):
                response = self._channel.adapter.send(prepared, stream=True, timeout=timeout, verify=True)
                try:
                    return self._read(response, host, repeatable=sending.repeatable)
                finally:
                    response.close()
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._lost(error, host, repeatable=sending.repeatable) from error

    def _read(self, response: requests.Response, host: str, *, repeatable: bool) -> Answered:
        chunks: list[bytes] = []
        size = 0
        for chunk in response.raw.stream(_CHUNK, decode_content=True):
            size += len(chunk)
            if size > self._settings.largest_answer:
                message = f"{host} sent more than {self._settings.largest_answer} bytes."
                raise failure("too_large" if repeatable else "uncertain", message)
            chunks.append(chunk)
        return Answered(response.status_code, CaseInsensitiveDict(response.headers), b"".join(chunks))

    def _lost(self, error: Exception, host: str, *, repeatable: bool) -> ActionError:
        """What a lost connection means: nothing happened, or it can be repeated, or nobody knows."""
        if _nothing_was_sent(error):
            return failure("unreachable", f"{host}: {_reason(error)}.")
        if not repeatable:
            return failure("uncertain", f"The connection to {host} was lost after the request was sent.")
        if isinstance(error, (TimeoutError, requests.Timeout)) or "timed out" in str(error):
            return failure("timeout", f"{host}.")
        return failure("unreachable", f"The connection to {host} was lost: {_reason(error)}.")


def _causes(error: BaseException) -> Iterable[BaseException]:
    """An error and everything wrapped in it."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop()
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            waiting += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]


def _nothing_was_sent(error: Exception) -> bool:
    before_sending = (
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
        requests.exceptions.ConnectTimeout,
    )
    return any(isinstance(cause, before_sending) or _is_certificate_error(cause) for cause in _causes(error))


def _is_certificate_error(cause: BaseException) -> bool:
    return type(cause).__name__ == "SSLCertVerificationError"


def _reason(error: Exception) -> str:
    for cause in _causes(error):
        if _is_certificate_error(cause):
            return f"its certificate was not accepted ({getattr(cause, 'verify_message', '')})"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
    return type(error).__name__
