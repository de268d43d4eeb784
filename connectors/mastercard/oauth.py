"""Signs calls of Mastercard's API platform in: OAuth 1.0a with RSA-SHA256 and a hash of the body. Pure.

Source: Mastercard's own signer for Python (oauth1-signer-python 1.9.1), whose vectors are tests here. It differs from RFC
5849 in two points, and the servers with it: parameters are percent-encoded before they are sorted only when the query holds
a percent sign already, and the OAuth parameters are encoded once, not twice.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import secrets
import string
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

from hub.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

NONCE_LENGTH = 16
_NONCE_CHARACTERS = string.digits + string.ascii_letters
_DEFAULT_PORTS = {"http": 80, "https": 443}


def new_nonce() -> str:
    """A value that no other call has: 16 random letters and digits."""
    return "".join(secrets.choice(_NONCE_CHARACTERS) for _ in range(NONCE_LENGTH))


@dataclass(frozen=True, slots=True)
class Signer:
    """A consumer key and the private key that signs for it."""

    consumer_key: str
    key: RSAPrivateKey = field(repr=False)

    def authorization(self, method: str, url: str, body: bytes, now: datetime, nonce: str) -> str:
        """The ``Authorization`` header of a request; ``body`` is exactly what will be sent, empty where there is none."""
        parameters = {
            "oauth_consumer_key": self.consumer_key,
            "oauth_nonce": nonce,
            "oauth_timestamp": str(int(now.timestamp())),
            "oauth_signature_method": "RSA-SHA256",
            "oauth_version": "1.0",
            "oauth_body_hash": body_hash(body),
        }
        signature = self.sign(base_string(method, url, parameters))
        pairs = {**parameters, "oauth_signature": percent_encoded(signature)}
        return "OAuth " + ",".join(f'{name}="{value}"' for name, value in pairs.items())

    def sign(self, text: str) -> str:
        """RSASSA-PKCS1-v1_5 with SHA-256 over a text, in base64."""
        return base64.b64encode(self.key.sign(text.encode(), PKCS1v15(), hashes.SHA256())).decode()


def body_hash(body: bytes) -> str:
    """SHA-256 of a body in base64; an empty body is hashed too."""
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def base_string(method: str, url: str, parameters: Mapping[str, str]) -> str:
    """What is signed: method, address and all parameters, each percent-encoded."""
    parts = (normalised_url(url), normalised_parameters(url, parameters))
    return "&".join((method.upper(), *map(percent_encoded, parts)))


def normalised_url(url: str) -> str:
    """The address without query and fragment, its scheme and host in lower case, without the scheme's own port."""
    parts = urlsplit(url)
    host = parts.netloc.lower().removesuffix(f":{_DEFAULT_PORTS.get(parts.scheme, '')}")
    return f"{parts.scheme}://{host}{parts.path or '/'}"


def normalised_parameters(url: str, parameters: Mapping[str, str]) -> str:
    """The query's parameters and ``parameters``, sorted by byte value."""
    query = urlsplit(url).query
    is_encoded = query != unquote(query)

    def written(text: str) -> str:
        return percent_encoded(text) if is_encoded else text.replace(" ", "+")

    pairs = [(written(name), written(value)) for name, value in parse_qsl(query, keep_blank_values=True)]
    return "&".join(sorted(f"{name}={value}" for name, value in [*pairs, *parameters.items()]))


def percent_encoded(text: str) -> str:
    """RFC 3986: all but letters, digits and ``-._~`` as percent and two hex digits per byte of UTF-8."""
    return quote(text, safe="")


@functools.lru_cache(maxsize=32)
def read_key(text: str, password: str | None) -> RSAPrivateKey:
    """The private key of a PEM text, or of a PKCS#12 file in base64. Raises :class:`ConfigError` that shows none of it."""
    secret = password.encode() if password else None
    key: object
    try:
        if "-----BEGIN" in text:
            key = load_pem_private_key(text.encode(), secret)
        else:
            key, _, _ = pkcs12.load_key_and_certificates(base64.b64decode(text), secret)
    except (ValueError, TypeError, binascii.Error) as error:
        message = "The signing key cannot be read: it is neither PEM nor PKCS#12 in base64, or its password is wrong."
        raise ConfigError(message, remedy="Enter the key file and its password again.") from error
    if not isinstance(key, RSAPrivateKey):
        message = "The signing key is not an RSA key."
        raise ConfigError(message, remedy="Use the key that Mastercard Developers made with the consumer key.")
    return key
