"""How calls are signed in: a token per request (JWT, by shared secret or certificate), or the HTTP signature of old.

Sources: the Python SDK 0.0.80 (authenticationsdk: jwt/Token.py, http signature, MLEUtility.py); Visa's page on the end of
HTTP signatures (release note of 2026-04-10), which asks every merchant to move to tokens.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import hmac
import uuid
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12
from cryptography.x509.oid import NameOID

from connectors.visa.jose import signed
from hub.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.connect.api import Connection
    from hub.jsontypes import Json

TOKEN_SECONDS = 120
"""How long a request's token is valid (SDK 0.0.80)."""

WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A request as it will be sent: the bytes of the body are those that are hashed. ``jti`` names the token."""

    method: str
    url: str
    body: bytes
    now: datetime
    jti: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def host(self) -> str:
        """Host, with its port where it is not the usual one."""
        return urlsplit(self.url).netloc

    @property
    def target(self) -> str:
        """Path and query; both are signed."""
        parts = urlsplit(self.url)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path


def digest(body: bytes) -> str:
    """SHA-256 of the body in base64."""
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def headers(request: Unsigned, connection: Connection, response_key: str | None = None) -> Mapping[str, str]:
    """The headers that sign a request in. ``response_key`` asks for an encrypted answer (tokens only).

    Raises :class:`ConfigError` where a key is missing or cannot be read.
    """
    settings = connection.settings
    if settings.get("sign_in") == "http_signature":
        return _http_signature(request, connection)
    merchant = str(settings["merchant_id"])
    claims: dict[str, Json] = {
        "iat": int(request.now.timestamp()),
        "exp": int(request.now.timestamp()) + TOKEN_SECONDS,
        "iss": str(settings.get("portfolio_id") or merchant),
        "jti": request.jti,
        "request-method": request.method,
        "request-host": request.host,
        "request-resource-path": request.target,
        "v-c-jwt-version": "2",
        "v-c-merchant-id": merchant,
    }
    if request.method in WITH_BODY:
        claims |= {"digest": digest(request.body), "digestAlgorithm": "SHA-256"}
    if response_key:
        claims["v-c-response-mle-kid"] = response_key
    if settings.get("sign_in") == "jwt_certificate":
        key, key_id = _private_key(connection)
        return _bearer(signed({"alg": "RS256", "kid": key_id, "typ": "JWT"}, claims, key))
    secret = shared_secret(connection.secret("shared_secret"))
    return _bearer(signed({"alg": "HS256", "kid": _key_id(connection), "typ": "JWT"}, claims, secret))


def shared_secret(text: str) -> bytes:
    """The key that a shared secret stands for: its base64, decoded. Raises :class:`ConfigError`."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        message = "The shared secret is not base64 text."
        raise ConfigError(message, remedy="Copy it again from the Business Center, whole.") from error


def private_key(text: str, password: str | None) -> tuple[RSAPrivateKey, x509.Certificate | None]:
    """The RSA key of a PEM text or of a P12 file in base64, with the certificate where the text has one.

    Raises :class:`ConfigError`, which names nothing of the key.
    """
    secret = password.encode() if password else None
    certificate: x509.Certificate | None = None
    try:
        if "-----BEGIN" in text:
            key: object = load_pem_private_key(text.encode(), secret)
            if "BEGIN CERTIFICATE" in text:
                certificate = x509.load_pem_x509_certificate(text[text.index("-----BEGIN CERTIFICATE") :].encode())
        else:
            key, certificate, _ = pkcs12.load_key_and_certificates(base64.b64decode(text), secret)
    except (ValueError, TypeError, binascii.Error) as error:
        message = (
            "The private key cannot be read: it is neither PEM nor a P12 file in base64, or its password is wrong."
        )
        raise ConfigError(message, remedy="Enter the key file's text and its password again.") from error
    if not isinstance(key, RSAPrivateKey):
        message = "The private key is not an RSA key."
        raise ConfigError(message, remedy="Make an RSA key (2048 bits or more) in the Business Center.")
    return key, certificate


def certificate_number(certificate: x509.Certificate) -> str:
    """What Visa calls a certificate's serial number: the subject's SERIALNUMBER, else the certificate's own."""
    named = certificate.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
    return str(named[0].value) if named else str(certificate.serial_number)


def _private_key(connection: Connection) -> tuple[RSAPrivateKey, str]:
    passwords = connection.secret_versions("key_password")
    key, certificate = _read_once(connection.secret("private_key"), passwords[0] if passwords else None)
    given = connection.settings.get("key_id")
    if given:
        return key, str(given)
    if certificate is None:
        return key, _key_id(connection)
    return key, certificate_number(certificate)


@functools.lru_cache(maxsize=32)
def _read_once(text: str, password: str | None) -> tuple[RSAPrivateKey, x509.Certificate | None]:
    return private_key(text, password)


def _key_id(connection: Connection) -> str:
    value = connection.settings.get("key_id")
    if not value:
        message = f"The connection {connection.name!r} has no key id."
        raise ConfigError(message, remedy=f"Open Connections, {connection.name}, and fill in the key id.")
    return str(value)


def _bearer(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _http_signature(request: Unsigned, connection: Connection) -> Mapping[str, str]:
    merchant = str(connection.settings["merchant_id"])
    lines = {
        "host": request.host,
        "date": format_datetime(request.now, usegmt=True),
        "request-target": f"{request.method.lower()} {request.target}",
    }
    if request.method in WITH_BODY:
        lines["digest"] = f"SHA-256={digest(request.body)}"
    lines["v-c-merchant-id"] = merchant
    text = "\n".join(f"{name}: {value}" for name, value in lines.items())
    key = shared_secret(connection.secret("shared_secret"))
    signature = base64.b64encode(hmac.digest(key, text.encode(), hashlib.sha256)).decode()
    parts = {
        "keyid": _key_id(connection),
        "algorithm": "HmacSHA256",
        "headers": " ".join(lines),
        "signature": signature,
    }
    sent = {"v-c-merchant-id": merchant, "Date": lines["date"]}
    if "digest" in lines:
        sent["Digest"] = lines["digest"]
    return {**sent, "Signature": ", ".join(f'{name}="{value}"' for name, value in parts.items())}
