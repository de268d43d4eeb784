"""How calls are signed in: Basic, bearer, key header, HMAC, OAuth 2 client credentials."""

from __future__ import annotations

import base64
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, Protocol, cast
from urllib.parse import quote_plus, urlsplit

from hub.connect.answers import ErrorTable, failure, raise_for_status
from hub.connect.encoding import encode_body, with_query
from hub.connect.signatures import keyed_hash
from hub.errors import ConfigError
from hub.expressions import compile_template
from hub.jsontypes import json_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hub.connect.api import Connection, HttpClient, HttpResponse
    from hub.connect.encoding import Pairs
    from hub.connect.signatures import Algorithm, Encoding
    from hub.jsontypes import Json, JsonObject

EXPIRY_MARGIN = timedelta(seconds=60)
"""A token is renewed this long before it ends, so that it does not end on the way."""

DEFAULT_LIFETIME = timedelta(minutes=10)
"""For token answers without ``expires_in`` (RFC 6749, 5.1 only recommends it)."""


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and when to renew it (UTC)."""

    value: str = field(repr=False)
    renew_at: datetime


class TokenCache:
    """Tokens by key, each fetched by one thread while the others wait for it. In memory only."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: str, now: datetime, fetch: Callable[[], Token]) -> str:
        """The token of ``key``, fetched when there is none or it is about to end. Raises what ``fetch`` raises."""
        token = self._tokens.get(key)
        if token is None or token.renew_at <= now:
            with self._lock:
                key_lock = self._locks.setdefault(key, threading.Lock())
            with key_lock:
                token = self._tokens.get(key)
                if token is None or token.renew_at <= now:
                    token = self._tokens[key] = fetch()
        return token.value

    def drop(self, key: str, value: str) -> None:
        """Forget a token that was refused. One that another thread has renewed meanwhile stays."""
        with self._lock:
            token = self._tokens.get(key)
            if token is not None and token.value == value:
                del self._tokens[key]


TOKENS = TokenCache()
"""The process's tokens; keys hold the connection's name and a digest of its credentials."""


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A request before it is signed in: the bytes that will be sent."""

    method: str
    url: str
    body: bytes
    now: datetime


class Auth(Protocol):
    """One way to sign in."""

    def headers(self, request: Unsigned) -> Mapping[str, str]:
        """The headers that sign this request in. May fetch a token; raises like an action."""

    def renew(self) -> bool:
        """Forget what was refused with 401; whether another try can differ."""


class _Static:
    """Ways that have nothing to renew."""

    def renew(self) -> bool:
        """Another try would be refused again."""
        return False


class NoAuth(_Static):
    """No credentials."""

    def headers(self, request: Unsigned) -> Mapping[str, str]:
        """No headers."""
        del request
        return {}


@dataclass(frozen=True, slots=True)
class HeaderAuth(_Static):
    """A fixed header: an API key, or a bearer token."""

    name: str
    value: str = field(repr=False)

    def headers(self, request: Unsigned) -> Mapping[str, str]:
        """The header with the key."""
        del request
        return {self.name: self.value}


def basic(user: str, password: str) -> HeaderAuth:
    """HTTP Basic (RFC 7617), UTF-8."""
    return HeaderAuth("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())


def bearer(token: str) -> HeaderAuth:
    """A bearer token (RFC 6750)."""
    return HeaderAuth("Authorization", f"Bearer {token}")


@dataclass(frozen=True, slots=True)
class HmacAuth(_Static):
    """A keyed hash over parts of the request.

    ``signed`` may hold {method} {path} {query} {url} {host} {body} {timestamp}.
    """

    secret: str = field(repr=False)
    header: str = "X-Signature"
    prefix: str = ""
    signed: str = "{body}"
    algorithm: Algorithm = "sha256"
    encoding: Encoding = "hex"
    timestamp_header: str | None = None

    def headers(self, request: Unsigned) -> Mapping[str, str]:
        """The signature's header, and the timestamp's where the scheme has one."""
        stamp = str(int(request.now.timestamp()))
        target = urlsplit(request.url)
        values = {
            "method": request.method.encode(),
            "path": target.path.encode(),
            "query": target.query.encode(),
            "url": request.url.encode(),
            "host": target.netloc.encode(),
            "timestamp": stamp.encode(),
            "body": request.body,
        }
        message = b""
        for literal, name in _placeholders(self.signed):
            message += literal.encode() + (values[name] if name else b"")
        signature = keyed_hash(self.secret.encode(), message, self.algorithm, self.encoding)
        stamped = {self.timestamp_header: stamp} if self.timestamp_header else {}
        return {self.header: self.prefix + signature, **stamped}


@dataclass(slots=True)
class ClientCredentials:
    """OAuth 2 client credentials (RFC 6749, 4.4), the token shared by all calls of the connection."""

    connection: str
    http: HttpClient
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str = ""
    audience: str = ""
    client_auth: Literal["basic", "body"] = "basic"
    cache: TokenCache = field(default_factory=lambda: TOKENS)
    _used: str = field(default="", init=False, repr=False)

    @property
    def key(self) -> str:
        """Names the token: changed credentials never meet an old token."""
        parts = [self.token_url, self.client_id, self.client_secret, self.scope, self.audience]
        return f"{self.connection}:{json_digest(parts)}"

    def headers(self, request: Unsigned) -> Mapping[str, str]:
        """The bearer header with a valid token."""
        self._used = self.cache.get(self.key, request.now, lambda: self._fetch(request.now))
        return {"Authorization": f"Bearer {self._used}"}

    def renew(self) -> bool:
        """Drop the refused token; the next try fetches another."""
        self.cache.drop(self.key, self._used)
        return True

    def _fetch(self, now: datetime) -> Token:
        form = {"grant_type": "client_credentials"}
        form |= {name: value for name, value in (("scope", self.scope), ("audience", self.audience)) if value}
        headers: dict[str, str] = {"Accept": "application/json"}
        if self.client_auth == "body":
            form |= {"client_id": self.client_id, "client_secret": self.client_secret}
        else:
            # RFC 6749, 2.3.1: both are form-encoded before they are joined.
            signed_in = basic(quote_plus(self.client_id), quote_plus(self.client_secret))
            headers |= {signed_in.name: signed_in.value}
        response = self.http.request("POST", self.token_url, form=form, headers=headers, repeatable=True)
        raise_for_status(response, TOKEN_ERRORS, now=now)
        return read_token(response.json(), now)


TOKEN_ERRORS = ErrorTable(
    code=("answer.error",),
    message="answer.error_description",
    table={
        "invalid_client": "unauthorised",
        "invalid_grant": "unauthorised",
        "unauthorized_client": "forbidden",
        "invalid_scope": "forbidden",
    },
)
"""What a token endpoint refuses (RFC 6749, 5.2)."""


def read_token(answer: Json, now: datetime) -> Token:
    """The token of a token endpoint's answer (RFC 6749, 5.1). Raises ``TransientError`` (``bad_answer``)."""
    value = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(value, str) or not value:
        raise failure("bad_answer", "The token endpoint gave no access_token.")
    seconds = cast("JsonObject", answer).get("expires_in")
    known = isinstance(seconds, (int, float, str)) and str(seconds).replace(".", "", 1).isdigit()
    lifetime = timedelta(seconds=float(cast("float", seconds))) if known else DEFAULT_LIFETIME
    return Token(value, now + max(lifetime - EXPIRY_MARGIN, lifetime / 2))


def send(  # noqa: PLR0913 (the parts of an HTTP request)
    http: HttpClient,
    auth: Auth,
    method: str,
    url: str,
    *,
    now: datetime,
    params: Pairs | None = None,
    headers: Mapping[str, str] | None = None,
    json: Json = None,
    form: Pairs | None = None,
    body: bytes | None = None,
    repeatable: bool | None = None,
    follow_redirects: bool = False,
) -> HttpResponse:
    """Sign a request in and send it; once more after a 401 when the credentials can be renewed.

    A 401 means that nothing was done, so the second try is safe. Raises like :meth:`HttpClient.request`.
    """
    url = with_query(url, params)
    content, content_type = encode_body(json=json, form=form, body=body)
    typed = {"Content-Type": content_type} if content_type else {}

    def attempt() -> HttpResponse:
        signed_in = auth.headers(Unsigned(method, url, content or b"", now))
        return http.request(
            method,
            url,
            headers={**typed, **(headers or {}), **signed_in},
            body=content,
            repeatable=repeatable,
            follow_redirects=follow_redirects,
        )

    response = attempt()
    if response.status == 401 and auth.renew():  # noqa: PLR2004
        response = attempt()
    return response


def auth_of(entry: JsonObject, connection: Connection, http: HttpClient) -> Auth:
    """The way that a manifest's ``api.auth`` describes, with the connection's fields that it names.

    Raises :class:`ConfigError` when such a field was never filled in.
    """

    def value(name: str) -> str:
        return field_value(connection, cast("str", entry[name]))

    def text(name: str, default: str = "") -> str:
        return cast("str", entry.get(name, default))

    match entry["type"]:
        case "basic":
            return basic(value("user"), value("password") if "password" in entry else "")
        case "bearer":
            return bearer(value("token"))
        case "header":
            return HeaderAuth(text("header"), text("prefix") + value("token"))
        case "hmac":
            return HmacAuth(
                secret=value("secret"),
                header=text("header", "X-Signature"),
                prefix=text("prefix"),
                signed=text("signed", "{body}"),
                algorithm=cast("Algorithm", text("algorithm", "sha256")),
                encoding=cast("Encoding", text("encoding", "hex")),
                timestamp_header=text("timestamp_header") or None,
            )
        case "oauth2":
            url = compile_template(entry["token_url"]).render({"connection": connection.settings})
            return ClientCredentials(
                connection=connection.name,
                http=http,
                token_url=str(url),
                client_id=value("client_id"),
                client_secret=value("client_secret"),
                scope=text("scope"),
                audience=text("audience"),
                client_auth=cast("Literal['basic', 'body']", text("client_auth", "basic")),
            )
    return NoAuth()


def field_value(connection: Connection, name: str) -> str:
    """A field of the connection, secret or not. Raises :class:`ConfigError` when it is empty."""
    setting = connection.settings.get(name)
    if setting is not None and not isinstance(setting, (str, int)):
        message = f"The field {name!r} of the connection {connection.name!r} is not a text."
        raise ConfigError(message, remedy=f"Open Connections, {connection.name}.")
    return str(setting) if setting is not None else connection.secret(name)


def _placeholders(signed: str) -> list[tuple[str, str | None]]:
    """``"{timestamp}.{body}"`` as ``[("", "timestamp"), (".", "body")]``."""
    parts: list[tuple[str, str | None]] = []
    for piece in signed.split("{"):
        name, brace, rest = piece.partition("}")
        parts += [("", name), (rest, None)] if brace else [(piece, None)]
    return parts
