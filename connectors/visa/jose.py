"""The little of JOSE that Visa speaks: signed tokens (JWS: HS256, RS256) and encrypted bodies (JWE: RSA-OAEP-256, A256GCM).

Compact serialisation only (RFC 7515, RFC 7516). Pure but for the random key and nonce of an encryption.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
from typing import TYPE_CHECKING, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

    from hub.jsontypes import Json, JsonObject

_OAEP = padding.OAEP(mgf=padding.MGF1(algorithm=hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
_KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_JWE_PARTS = 5
_JWS_PARTS = 3


class JoseError(ValueError):
    """A token that cannot be read, or that was not made for this key."""


def encoded(data: bytes) -> str:
    """Base64url without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """The bytes of base64url without padding. Raises :class:`JoseError`."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise JoseError("A part of the token is not base64url.") from error


def signed(header: JsonObject, claims: JsonObject, key: bytes | RSAPrivateKey) -> str:
    """A signed token: HS256 for a key of bytes, RS256 for a private key. JSON is compact, its names are sorted."""
    text = f"{encoded(_compact(header))}.{encoded(_compact(claims))}"
    if isinstance(key, bytes):
        signature = hmac.digest(key, text.encode(), hashlib.sha256)
    else:
        signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{encoded(signature)}"


def claims_of(token: str) -> JsonObject:
    """The claims of a signed token, unproved: only for tokens that came from Visa itself, or as a hint.

    Raises :class:`JoseError`.
    """
    parts = token.split(".")
    if len(parts) != _JWS_PARTS:
        raise JoseError("It is not a signed token.")
    return _object(decoded(parts[1]))


def encrypted(header: JsonObject, plaintext: bytes, key: RSAPublicKey) -> str:
    """An encrypted body for the holder of the private key. ``header`` gets ``alg`` and ``enc``."""
    content_key, nonce = os.urandom(_KEY_BYTES), os.urandom(_NONCE_BYTES)
    protected = encoded(_compact({**header, "alg": "RSA-OAEP-256", "enc": "A256GCM"}))
    sealed = AESGCM(content_key).encrypt(nonce, plaintext, protected.encode())
    parts = (key.encrypt(content_key, _OAEP), nonce, sealed[:-_TAG_BYTES], sealed[-_TAG_BYTES:])
    return ".".join([protected, *(encoded(part) for part in parts)])


def is_encrypted(text: object) -> bool:
    """Whether a text has the form of an encrypted body: five parts, the first a header."""
    return isinstance(text, str) and text.count(".") == _JWE_PARTS - 1 and text.startswith("eyJ")


def decrypted(token: str, keys: tuple[RSAPrivateKey, ...]) -> bytes:
    """The body that was encrypted for one of the keys. Raises :class:`JoseError`, which says nothing of the content."""
    parts = token.split(".")
    if len(parts) != _JWE_PARTS:
        raise JoseError("It is not an encrypted body.")
    header = _object(decoded(parts[0]))
    if header.get("alg") != "RSA-OAEP-256" or header.get("enc") != "A256GCM":
        raise JoseError(f"It is encrypted with {header.get('alg')} and {header.get('enc')}.")
    wrapped, nonce, ciphertext, tag = (decoded(part) for part in parts[1:])
    for key in keys:
        try:
            content_key = key.decrypt(wrapped, _OAEP)
            return AESGCM(content_key).decrypt(nonce, ciphertext + tag, parts[0].encode())
        except (ValueError, InvalidTag):
            continue
    raise JoseError("It was not encrypted for any private key of the connection.")


def read_json(data: bytes | str) -> Json:
    """JSON whose fractions stay exact: a number with a point becomes text. Raises ``ValueError``."""
    return cast("Json", json.loads(data, parse_float=str, parse_constant=_no_constant))


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is no number of JSON.")


def _compact(value: Mapping[str, Json]) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _object(data: bytes) -> JsonObject:
    try:
        value = read_json(data)
    except ValueError as error:
        raise JoseError("A part of the token is not JSON.") from error
    if not isinstance(value, dict):
        raise JoseError("A part of the token is not an object.")
    return value
