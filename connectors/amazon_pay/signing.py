"""Amazon Pay's signatures: of requests, and of the payload that a button carries. Pure.

Both are RSASSA-PSS with SHA-256 over two lines, the algorithm and the hex SHA-256 of the text; ``AMZN-PAY-RSASSA-PSS``
takes a salt of 20 bytes, ``-V2`` one of 32. For requests the text is the canonical request (Amazon Pay's official Node.js
SDK 2.3.4).
"""

from __future__ import annotations

import base64
import functools
import hashlib
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import quote, urlsplit

from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from hub.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

V2: Final = "AMZN-PAY-RSASSA-PSS-V2"
SALTS: Final[Mapping[str, int]] = {"AMZN-PAY-RSASSA-PSS": 20, V2: 32}
"""Bytes of salt by algorithm; with another salt Amazon answers InvalidSignature."""


@functools.lru_cache(maxsize=32)
def private_key(pem: str) -> RSAPrivateKey:
    """The key of a PEM text, also one whose line breaks were escaped on the way. Raises :class:`ConfigError`."""
    remedy = "Copy the whole private key (PEM, RSA) into the connection, from its BEGIN line to its END line."
    try:
        key = load_pem_private_key(pem.replace("\\n", "\n").strip().encode(), password=None)
    except (ValueError, TypeError) as error:
        raise ConfigError("The private key cannot be read.", code="bad_secret", remedy=remedy) from error
    if not isinstance(key, RSAPrivateKey):
        raise ConfigError("The private key is not an RSA key.", code="bad_secret", remedy=remedy)
    return key


def canonical_query(pairs: Sequence[tuple[str, str]]) -> str:
    """The query as it is signed and sent: sorted, percent-encoded (RFC 3986)."""
    encoded = sorted((quote(name, safe=""), quote(value, safe="")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def canonical_request(method: str, url: str, headers: Mapping[str, str], body: bytes) -> str:
    """The text that a request's signature is made over. ``headers`` are those that are signed, in any case and order."""
    target = urlsplit(url)
    lowered = sorted((name.lower(), " ".join(value.split())) for name, value in headers.items())
    lines = "".join(f"{name}:{value}\n" for name, value in lowered)
    names = ";".join(name for name, _ in lowered)
    digest = hashlib.sha256(body).hexdigest()
    return f"{method}\n{target.path or '/'}\n{target.query}\n{lines}\n{names}\n{digest}"


def string_to_sign(algorithm: str, text: str) -> str:
    """What the key signs for a canonical request or a button's payload."""
    return f"{algorithm}\n{hashlib.sha256(text.encode()).hexdigest()}"


def signature(pem: str, algorithm: str, text: str) -> str:
    """The signature in base64. It differs each time: PSS draws its salt at random. Raises :class:`ConfigError`."""
    padding = PSS(MGF1(SHA256()), SALTS[algorithm])
    signed = private_key(pem).sign(string_to_sign(algorithm, text).encode(), padding, SHA256())
    return base64.b64encode(signed).decode()


def signed_headers(  # noqa: PLR0913 (the parts of a request)
    method: str,
    url: str,
    body: bytes,
    *,
    public_key_id: str,
    pem: str,
    algorithm: str,
    region: str,
    now: datetime,
    extra: Mapping[str, str],
) -> dict[str, str]:
    """All headers of a request, signed; ``extra`` (the idempotency key) is signed as well."""
    headers = {
        "accept": "application/json",
        "content-type": "application/json",
        "x-amz-pay-date": now.strftime("%Y%m%dT%H%M%SZ"),
        "x-amz-pay-host": urlsplit(url).netloc,
        "x-amz-pay-region": region,
        **{name.lower(): value for name, value in extra.items()},
    }
    made = signature(pem, algorithm, canonical_request(method, url, headers, body))
    names = ";".join(sorted(headers))
    value = f"{algorithm} PublicKeyId={public_key_id}, SignedHeaders={names}, Signature={made}"
    return {**headers, "authorization": value}


def setting(settings: Mapping[str, object], name: str, default: str) -> str:
    """A text of the connection's settings."""
    return cast("str", settings.get(name) or default)
