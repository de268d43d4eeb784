"""How Salesforce is signed in to, server to server: OAuth client credentials, or a JWT that we sign. Tokens are kept.

Neither way gives a refresh token: when Salesforce says ``INVALID_SESSION_ID``, a new token is fetched once and the call is
made once more; then the error stands. Sources: Salesforce's help on the OAuth flows for external client apps.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import orjson
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from hub.connect.answers import failure, raise_for_status
from hub.connect.auth import TOKEN_ERRORS, TOKENS, Token, basic
from hub.errors import ConfigError
from hub.jsontypes import json_digest

if TYPE_CHECKING:
    from datetime import datetime

    from hub.connect.api import Call, Connection
    from hub.jsontypes import JsonObject

LIFETIME = timedelta(hours=1)
"""How long a token is used before another is fetched: the reply names no end; the shortest common session is two hours."""

ASSERTION_LIFETIME = timedelta(minutes=3)
"""The longest that Salesforce takes."""

PRODUCTION = "https://login.salesforce.com"
SANDBOX = "https://test.salesforce.com"

_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_SALESFORCE_HOSTS = (".salesforce.com", ".force.com", ".salesforce.mil", ".cloudforce.com")


@dataclass(frozen=True, slots=True)
class Session:
    """Where to call and with which token."""

    instance_url: str
    token: str = field(repr=False)
    cached: str = field(repr=False)


def session(call: Call) -> Session:
    """The connection's session, fetched when there is none. Raises like an action."""
    cached = TOKENS.get(_key(call.connection), call.now, lambda: _fetch(call))
    instance_url, _, token = cached.partition(" ")
    return Session(instance_url, token, cached)


def forget(call: Call, used: Session) -> None:
    """Forget a session that was refused; one that another thread has fetched meanwhile stays."""
    TOKENS.drop(_key(call.connection), used.cached)


def assertion(connection: Connection, now: datetime) -> str:
    """The signed JWT of the bearer flow (RFC 7523), RS256. Raises ``ConfigError`` when the key cannot be read."""
    claims = {
        "iss": str(connection.settings.get("client_id")),
        "sub": str(connection.settings.get("username")),
        "aud": _audience(connection),
        "exp": int((now + ASSERTION_LIFETIME).timestamp()),
    }
    signed = b".".join(_base64url(orjson.dumps(part)) for part in ({"alg": "RS256", "typ": "JWT"}, claims))
    try:
        key = load_pem_private_key(connection.secret("private_key").encode(), password=None)
    except (ValueError, TypeError) as error:
        message = f"The private key of the connection {connection.name!r} cannot be read."
        raise ConfigError(
            message, remedy="Paste the whole PEM text, unencrypted, with its BEGIN and END lines."
        ) from error
    if not isinstance(key, rsa.RSAPrivateKey):
        message = f"The private key of the connection {connection.name!r} is not an RSA key."
        raise ConfigError(
            message, remedy="Make an RSA key of 2048 bits or more, and upload its certificate at Salesforce."
        )
    signature = key.sign(signed, padding.PKCS1v15(), SHA256())
    return (signed + b"." + _base64url(signature)).decode()


def my_domain(connection: Connection) -> str:
    """The org's own address, without a slash at its end."""
    return str(connection.settings.get("my_domain") or "").rstrip("/")


def _key(connection: Connection) -> str:
    secrets = [list(connection.secret_versions(name)[:1]) for name in ("client_secret", "private_key")]
    return f"{connection.name}:{json_digest([dict(connection.settings), secrets])}"


def _fetch(call: Call) -> Token:
    connection = call.connection
    headers = {"Accept": "application/json"}
    if connection.settings.get("flow") == "jwt":
        host = str(connection.settings.get("login_url") or _audience(connection)).rstrip("/")
        form = {"grant_type": _JWT_BEARER, "assertion": assertion(connection, call.now)}
    else:
        # Only the org's own address takes client credentials; login and test refuse them.
        host = my_domain(connection)
        form = {"grant_type": "client_credentials"}
        signed_in = basic(str(connection.settings.get("client_id")), connection.secret("client_secret"))
        headers[signed_in.name] = signed_in.value
    url = f"{host}/services/oauth2/token"
    response = call.http.request("POST", url, form=form, headers=headers, repeatable=True)
    raise_for_status(response, TOKEN_ERRORS, now=call.now)
    answer = response.json()
    reply = cast("JsonObject", answer) if isinstance(answer, dict) else {}
    token, instance_url = reply.get("access_token"), reply.get("instance_url")
    if not isinstance(token, str) or not isinstance(instance_url, str):
        raise failure("bad_answer", "Salesforce's token reply has no access_token or no instance_url.")
    _check_host(connection, instance_url)
    return Token(f"{instance_url.rstrip('/')} {token}", call.now + LIFETIME)


def _check_host(connection: Connection, instance_url: str) -> None:
    """The token goes to Salesforce or to the configured address, wherever the reply points."""
    there, here = urlsplit(instance_url), urlsplit(my_domain(connection))
    if (there.scheme, there.netloc) == (here.scheme, here.netloc):
        return
    if there.scheme == "https" and (there.hostname or "").endswith(_SALESFORCE_HOSTS):
        return
    raise failure("blocked_address", f"Salesforce's token reply points to {there.netloc}, which is not Salesforce.")


def _audience(connection: Connection) -> str:
    return SANDBOX if connection.settings.get("sandbox") else PRODUCTION


def _base64url(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
