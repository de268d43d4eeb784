"""The seam between the hub and a connector's code.

A connector is a folder: ``connector.yaml`` says what it is, ``connector.py`` (only where YAML cannot say it) holds one
module-level value ``connector = ConnectorCode(...)``. Everything a connector may use from the hub stands here or in the
pure modules (:mod:`hub.money`, :mod:`hub.expressions`, :mod:`hub.vocabulary`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from hub.errors import ConfigError

if TYPE_CHECKING:
    from datetime import datetime

    from hub.jsontypes import Json, JsonObject


@dataclass(frozen=True, slots=True)
class Connection:
    """One configured account of a connector, with its secrets readable: made for one call, never stored or logged.

    ``secrets`` holds every value that is still valid, newest first, so that webhooks verify while a secret rotates.
    """

    name: str
    connector: str
    settings: JsonObject
    secrets: Mapping[str, tuple[str, ...]] = field(repr=False)

    def secret(self, name: str) -> str:
        """The newest value of a secret field. Raises :class:`ConfigError` when it was never set."""
        values = self.secrets.get(name) or ()
        if not values:
            message = f"The connection {self.name!r} has no {name!r}."
            raise ConfigError(message, remedy=f"Open Connections, {self.name}, and fill in {name!r}.")
        return values[0]

    def secret_versions(self, name: str) -> tuple[str, ...]:
        """All values of a secret field that are valid now, newest first; empty when it was never set."""
        return tuple(self.secrets.get(name) or ())


class HttpResponse(Protocol):
    """What came back. The body is complete and within the size limit."""

    @property
    def status(self) -> int:
        """HTTP status code."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Response headers; look-ups ignore case."""

    @property
    def body(self) -> bytes:
        """The raw body."""

    @property
    def text(self) -> str:
        """The body as text, undecodable bytes replaced."""

    def json(self) -> Json:
        """The body as JSON. Raises ``TransientError`` (code ``bad_answer``) when it is not JSON."""


class HttpClient(Protocol):
    """The one way out. Bound to a connection and a step: guard, time limits, circuit breaker, redaction and trace are on.

    It never retries by itself: retries are steps' attempts, recorded in the journal.
    """

    def request(  # noqa: PLR0913 (the parts of an HTTP request)
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Json = None,
        form: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        body: bytes | None = None,
        repeatable: bool | None = None,
        follow_redirects: bool = False,
    ) -> HttpResponse:
        """Send one request and give the answer whatever its status.

        ``repeatable`` says that a second identical request does no harm (default: by method, GET HEAD PUT DELETE).
        Raises ``TransientError`` when nothing can have happened (connect error, open circuit) or when it is repeatable;
        ``UncertainError`` when the answer was lost after sending and it is not; ``PermanentError`` for a refused address.
        """


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt of one action.

    ``key`` is the idempotency key: the same for all attempts of this step and after a crash (40 hex digits).
    ``reference`` is short and human-readable and as stable as the key (run and step), for systems where we look before
    we repeat. ``now`` is UTC. ``event`` is the event that started the run, where there is one.
    """

    connection: Connection
    input: JsonObject
    key: str
    reference: str
    now: datetime
    http: HttpClient
    attempt: int = 1
    event: JsonObject | None = None
    previous: Json = None
    """The ``details`` of the error that ended the attempt before: what an action that does several things had done."""
    services: Mapping[str, object] = field(default_factory=dict)
    """What the hub lends to connectors: :class:`Outbox`, :class:`Templates`, :class:`Papers`, :class:`Emit`,
    :class:`Connections` by the names that the manifest's ``services`` lists."""

    def with_input(self, value: JsonObject) -> Call:
        """The same call with another input."""
        return replace(self, input=value)

    def service(self, name: str) -> object:
        """What the hub lends under this name. Raises :class:`ConfigError` when it lends nothing of the kind."""
        if name not in self.services:
            message = f"The hub does not lend {name!r} here."
            raise ConfigError(message, code="no_service", remedy="Run this action inside a recipe.")
        return self.services[name]


class Outbox(Protocol):
    """``services["outbox"]``: keeps mails that no SMTP server takes, for the admin to read."""

    def put(self, key: str, message: bytes, *, recipient: str, subject: str) -> None:
        """Keep one message (RFC 5322 bytes). Idempotent: a key that is there already changes nothing."""


class Templates(Protocol):
    """``services["templates"]``: the workspace's ``templates/*.md``."""

    def get(self, name: str) -> str | None:
        """The text of a template, or None when the workspace has none of that name."""


@dataclass(frozen=True, slots=True)
class PaperFile:
    """A paper of the hub's as a file: its name in ASCII, and its bytes."""

    name: str
    content: bytes = field(repr=False)
    media_type: str = "application/pdf"


class Papers(Protocol):
    """``services["papers"]``: papers of the hub's own, for a connector that sends them on."""

    def make(self, asked: JsonObject) -> PaperFile:
        """The paper that ``asked`` names: ``{invoice}``, ``{receipt}``, or ``{statement, month, language, timezone}``.

        Made anew each time; the same bytes as long as nothing of what stands on it changed. Raises ``NotFoundError`` for a
        thing that is not there, ``PermanentError`` for one of which there is no paper.
        """


class Connections(Protocol):
    """``services["connections"]``: the other connections, for a connector that does its work by one of them."""

    def connector(self, connection: str) -> str:
        """The name of a connection's connector. Raises :class:`ConfigError` when there is no such connection."""

    def settings(self, connection: str) -> JsonObject:
        """A connection's settings, never its secrets."""

    def run(self, connection: str, action: str, given: JsonObject, part: str) -> JsonObject:
        """Do an action of another connection as a part of this one, once under this call's key. Raises like an action."""


class Emit(Protocol):
    """``services["emit"]``: records events of the hub's own."""

    def __call__(self, event: CanonicalEvent) -> str:
        """Record an event and give its id. Idempotent by ``source_id``: the second time gives the first one's id."""


Run = Callable[[Call], "Json"]
"""Does the action, gives its output. Raises TransientError, PermanentError or UncertainError (:mod:`hub.errors`)."""

Find = Callable[[Call], "Json | None"]
"""Looks whether this very step already happened (by ``call.reference``); gives its output, or None when it did not."""


@dataclass(frozen=True, slots=True)
class ActionCode:
    """The code of one action; ``find`` only where the manifest says ``idempotent: lookup``.

    ``repeatable`` only where it says ``idempotent: no``: whether a connection is set up so that doing it twice does no harm.
    """

    run: Run
    find: Find | None = None
    repeatable: Callable[[Connection], bool] | None = None


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A delivery as it came: nothing decoded, nothing re-written.

    ``url`` is the full public address as the sender called it (from configuration, not from a proxied request), ``query``
    the raw query string, header look-ups ignore case (keys are lower case).
    """

    method: str
    url: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway demands to hear after the events are durable."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RawEvent:
    """One event as the gateway worded it. ``id`` is the gateway's dedupe id, ``type`` its own name for what happened."""

    id: str
    type: str
    payload: Json
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """An authentic delivery: zero or more raw events and the answer.

    ``hint`` marks schemes that prove nothing (a shared secret in clear, a browser's return): such events are re-read from
    the API before money moves.
    """

    events: tuple[RawEvent, ...]
    answer: Answer = field(default_factory=Answer)
    hint: bool = False


Fetch = Callable[[str], bytes]
"""Gets a certificate or key whose address the scheme names. The connector pins the host before it asks."""


class Verify(Protocol):
    """Proves the sender over the raw bytes, then parses.

    Raises ``SignatureError`` (code = the reason to count: ``no_signature``, ``bad_signature``, ``stale``, ``future``,
    ``wrong_account``, …) or ``DeliveryError`` (``not_json``, ``bad_shape`` …).
    """

    def __call__(self, request: WebhookRequest, connection: Connection, now: datetime, fetch: Fetch) -> Delivery:
        """Give the delivery, or raise."""


@dataclass(frozen=True, slots=True)
class CanonicalEvent:
    """An event in the hub's words. ``source_id`` is unique per connection; the same delivery gives the same one."""

    type: str
    source_id: str
    data: JsonObject
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Polled:
    """What a poll found, and where to go on next time (``cursor`` is the connector's own, stored by the hub)."""

    events: tuple[RawEvent, ...]
    cursor: Json


Poll = Callable[[Call, "Json"], Polled]
"""Asks the gateway for news since ``cursor`` (None the first time). Events seen twice are recorded once by their id."""

Test = Callable[[Call], str]
"""Makes the cheapest authenticated call and gives a sentence for the admin. Raises like an action."""

Enrich = Callable[["RawEvent", Call], "RawEvent"]
"""Re-reads what the raw event leaves out or cannot prove, before it is mapped."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A webhook as the gateway has it registered.

    ``secrets`` and ``settings`` are what the connection must keep of a webhook that was just made: the signing secret, the
    webhook's id where the scheme signs it. ``events`` are the gateway's own types; empty where it sends all.
    """

    id: str
    url: str
    enabled: bool = True
    events: tuple[str, ...] = ()
    settings: JsonObject = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


class Endpoints(Protocol):
    """Registers webhooks at the gateway for the admin, where its API can. Each raises like an action."""

    def list(self, call: Call) -> tuple[Endpoint, ...]:
        """The webhooks that the account has."""

    def create(self, call: Call, url: str) -> Endpoint:
        """Register ``url`` for all raw types that the manifest's event map names."""

    def enable(self, call: Call, endpoint: str) -> Endpoint:
        """Switch a webhook on again that the gateway switched off after failures."""

    def delete(self, call: Call, endpoint: str) -> None:
        """Take a webhook away; one that is not there any more is no error."""


Defaults = Callable[[str, str], "tuple[JsonObject, Mapping[str, str]]"]
"""Settings and secrets of the connection that a fresh workspace gets, from the server's secret and the hub's public address
(without the mount point)."""


class Server(Protocol):
    """A connector that brings pages and tables of its own (the sandbox gateway). Mounted at ``/<connector name>``."""

    def __call__(self, context: ServerContext) -> object:
        """Give a WSGI application (a Flask app) that serves below the mount point."""


@dataclass(frozen=True, slots=True)
class ServerContext:
    """What a connector's server gets. Its database is its own: a file or schema that the hub's code never reads."""

    database_url: str
    public_url: str
    secret: str = field(repr=False)
    webhook_url: str = ""
    """Where its webhooks go, when no endpoint was registered with it."""


@dataclass(frozen=True, slots=True)
class ConnectorCode:
    """Everything a ``connector.py`` offers; module-level ``connector = ConnectorCode(...)``."""

    actions: Mapping[str, ActionCode] = field(default_factory=dict)
    verify: Verify | None = None
    poll: Poll | None = None
    test: Test | None = None
    enrich: Enrich | None = None
    endpoints: Endpoints | None = None
    server: Server | None = None
    defaults: Defaults | None = None
