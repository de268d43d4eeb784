"""The keyed hashes of 2Checkout, all over values that are written behind their length in bytes. Pure.

Three secrets sign three kinds of things: the *secret key* API calls and notifications, the *Buy Link Secret Word* carts and
what the payer's browser brings back, the *INS secret word* the notifications of old.

Sources: ``AuthApi``, ``IpnSignature``, ``JwtGenerator`` of 2checkout-php-sdk 1.1.1; 2Checkout's pages "IPN read receipt
response", "LCN read receipt response" and "Signature validation for return URL via ConvertPlus"; the tests of
2checkout-python.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from hub.connect.signatures import Algorithm

SHA3, SHA2, MD5 = "sha3-256", "sha256", "md5"
"""The algorithms as 2Checkout writes them, the strongest first."""

_DIGESTS: Mapping[str, Algorithm] = {SHA3: "sha3_256", SHA2: "sha256", MD5: "md5"}

TOKEN_SECONDS = 1800
"""How long a merchant token holds; the official SDK takes half an hour."""


def length_prefixed(values: Iterable[bytes]) -> bytes:
    """Each value behind its length in bytes: ``12`` + ``250111206876``; an empty one is ``0``, ``0`` is ``10``."""
    return b"".join(str(len(value)).encode() + value for value in values)


def keyed_hash(key: str, message: bytes, algorithm: str) -> str:
    """HMAC as lower-case hex. ``algorithm`` is one of :data:`SHA3`, :data:`SHA2`, :data:`MD5`."""
    return hmac.digest(key.encode(), message, _DIGESTS[algorithm]).hex()


def request_date(now: datetime) -> str:
    """The time of a request as its signature wants it: ``2026-01-02 03:04:05``, UTC."""
    return f"{now:%Y-%m-%d %H:%M:%S}"


def request_hash(code: str, key: str, date: str) -> str:
    """What signs a request in: SHA3-256 over merchant code and date."""
    return keyed_hash(key, length_prefixed([code.encode(), date.encode()]), SHA3)


def request_header(code: str, key: str, now: datetime) -> str:
    """The value of ``X-Avangate-Authentication`` for a request made at ``now`` (UTC)."""
    date = request_date(now)
    return f'code="{code}" date="{date}" hash="{request_hash(code, key, date)}" algo="{SHA3}"'


def receipt(key: str, algorithm: str, values: Iterable[bytes], now: datetime) -> str:
    """The read receipt that a notification's answer must hold, else it counts as not delivered.

    ``values`` are those of the notification that the receipt is made over; the answer's own date follows them.
    """
    date = f"{now:%Y%m%d%H%M%S}"
    digest = keyed_hash(key, length_prefixed([*values, date.encode()]), algorithm)
    if algorithm == MD5:
        return f"<EPAYMENT>{date}|{digest}</EPAYMENT>"
    return f'<sig algo="{algorithm}" date="{date}">{digest}</sig>'


def return_hash(word: str, parameters: Mapping[str, str]) -> str:
    """What signs the parameters of a buy link's return: all but ``signature``, sorted by name, SHA2-256."""
    values = [parameters[name].encode() for name in sorted(parameters) if name != "signature"]
    return keyed_hash(word, length_prefixed(values), SHA2)


def passback_hash(word: str, sid: str, order_number: str, total: str) -> str:
    """What signs the return of the checkout of old (``key``): an MD5 that begins with the secret."""
    return _md5(word + sid + order_number + total)


def ins_hash(word: str, sale: str, vendor: str, invoice: str) -> str:
    """What an INS message carries as ``md5_hash``: an MD5 that ends with the secret."""
    return _md5(sale + vendor + invoice + word)


def same(given: str, expected: str) -> bool:
    """Whether two hashes are the same in any case, compared in constant time."""
    return hmac.compare_digest(given.strip().lower().encode(), expected.lower().encode())


def merchant_token(code: str, word: str, now: datetime) -> str:
    """The token (JWT, RFC 7519, HS512) by which the signature service knows the merchant."""
    issued = int(now.timestamp())
    return signed_token({"sub": code, "iat": issued, "exp": issued + TOKEN_SECONDS}, word)


def signed_token(claims: Mapping[str, str | int], word: str, header: Mapping[str, str] | None = None) -> str:
    """A compact JWS (RFC 7515) of the claims with HS512."""
    parts = [_segment(_compact(part)) for part in (header or {"alg": "HS512", "typ": "JWT"}, claims)]
    signature = hmac.digest(word.encode(), ".".join(parts).encode(), "sha512")
    return ".".join([*parts, _segment(signature)])


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()


def _compact(value: Mapping[str, str | int] | Mapping[str, str]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _segment(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
