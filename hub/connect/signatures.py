"""Signature schemes as data: how a webhook proves its sender. Pure: bytes and time in, nothing or a reason out.

A scheme says which header carries the signature, over what text it was made and how it is written. Refusals are
:class:`SignatureError` with a code to count (``no_signature``, ``bad_signature``, ``stale``, ``future``,
``no_timestamp``, ``no_secret``) and a sentence that tells an admin where to look.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, cast
from urllib.parse import urlsplit

from hub.errors import ConfigError, SignatureError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.connect.api import WebhookRequest
    from hub.jsontypes import JsonObject

Algorithm = Literal["sha1", "sha256", "sha384", "sha512", "sha3_256", "md5"]
KeyForm = Literal["text", "base64", "hex"]
Encoding = Literal["hex", "base64"]

STANDARD_TOLERANCE = 300
"""Seconds either way; the Standard Webhooks specification leaves it to the receiver, its libraries use five minutes."""

_PLACEHOLDER = re.compile(r"\{(body|timestamp|id|method|url|host|path|query)\}")


@dataclass(frozen=True, slots=True)
class Pairs:
    """A header of the form ``t=1,v1=ab,v1=cd``: the names of its parts, and what stands between and within them."""

    signature: str
    timestamp: str | None = None
    separator: str = ","
    equals: str = "="


@dataclass(frozen=True, slots=True)
class Scheme:
    """A keyed hash over a text that is built from the request.

    ``tolerance`` is in seconds and bounds both sides; it needs a timestamp (``timestamp_header`` or a pair).
    """

    header: str
    algorithm: Algorithm = "sha256"
    encoding: Encoding = "hex"
    prefix: str = ""
    signed: str = "{body}"
    key: KeyForm = "text"
    pairs: Pairs | None = None
    timestamp_header: str | None = None
    timestamp_unit: Literal["s", "ms"] = "s"
    id_header: str | None = None
    tolerance: int | None = None

    @classmethod
    def from_manifest(cls, entry: JsonObject) -> Scheme:
        """The scheme of a manifest's ``webhook`` entry (``hmac`` or ``standard-webhooks``)."""
        if entry["scheme"] == "standard-webhooks":
            return STANDARD_WEBHOOKS
        pairs = cast("Mapping[str, str] | None", entry.get("pairs"))
        timestamp = cast("Mapping[str, str]", entry.get("timestamp") or {})
        if "header" not in entry:
            message = "The webhook scheme hmac needs the header that carries the signature."
            raise ConfigError(message, code="manifest", remedy="Add webhook.header to connector.yaml.")
        return cls(
            header=cast("str", entry["header"]),
            algorithm=cast("Algorithm", entry.get("algorithm", "sha256")),
            encoding=cast("Encoding", entry.get("encoding", "hex")),
            prefix=cast("str", entry.get("prefix", "")),
            signed=cast("str", entry.get("signed", "{body}")),
            key=cast("KeyForm", entry.get("key", "text")),
            pairs=Pairs(**pairs) if pairs else None,
            timestamp_header=timestamp.get("header"),
            timestamp_unit=cast("Literal['s', 'ms']", timestamp.get("unit", "s")),
            id_header=cast("str | None", entry.get("id_header")),
            tolerance=cast("int | None", entry.get("tolerance")),
        )


STANDARD_WEBHOOKS = Scheme(
    header="webhook-signature",
    encoding="base64",
    signed="{id}.{timestamp}.{body}",
    key="base64",
    pairs=Pairs(signature="v1", separator=" ", equals=","),
    timestamp_header="webhook-timestamp",
    id_header="webhook-id",
    tolerance=STANDARD_TOLERANCE,
)
"""Standard Webhooks, symmetric form: ``v1,<base64>`` entries separated by blanks, the secret ``whsec_<base64>``."""


def key_bytes(secret: str, form: KeyForm) -> bytes:
    """The key that a secret stands for. Raises :class:`ConfigError` when it is not in the form (``base64``, ``hex``)."""
    try:
        if form == "base64":
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        return bytes.fromhex(secret) if form == "hex" else secret.encode()
    except (binascii.Error, ValueError) as error:
        message = f"The webhook secret is not {form} text."
        raise ConfigError(message, code="bad_secret", remedy="Copy it again from the provider, whole.") from error


def keyed_hash(key: bytes, message: bytes, algorithm: Algorithm, encoding: Encoding) -> str:
    """HMAC (RFC 2104) of a message, as lower-case hex or as base64."""
    digest = hmac.digest(key, message, algorithm)
    return digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()


def verify(scheme: Scheme, request: WebhookRequest, secrets: Sequence[str], now: datetime) -> datetime | None:
    """Return when the sender signed (None where the scheme does not say), or raise :class:`SignatureError`.

    Any of ``secrets`` may match, so that deliveries pass while a secret rotates; comparison takes constant time.
    """
    if not secrets:
        message = "The connection has no webhook secret."
        raise SignatureError(message, code="no_secret", remedy="Copy it from the provider into the connection.")
    signatures, stamp = _signatures(scheme, request)
    moment = _signed_at(scheme, stamp) if stamp is not None or scheme.tolerance is not None else None
    expected = [keyed_hash(key_bytes(secret, scheme.key), signed_bytes(scheme, request, stamp or ""),
                           scheme.algorithm, scheme.encoding) for secret in secrets]  # fmt: skip
    # compare_digest takes ASCII only as text; as bytes it takes whatever a forger sends.
    given = [_comparable(signature, scheme.encoding).encode() for signature in signatures]
    # The list is whole before it is judged: how many comparisons were made tells nothing.
    if not any(
        [  # noqa: C419
            hmac.compare_digest(one.encode(), other) for one in expected for other in given
        ]
    ):
        message = f"The signature in {scheme.header} does not match the body."
        remedy = (
            "It was signed with another secret (check that the connection has the secret of this very webhook address and "
            "of the same mode, test or live), or something on the way changed the body."
        )
        raise SignatureError(message, code="bad_signature", remedy=remedy)
    if moment is not None and scheme.tolerance is not None:
        _check_freshness(moment, scheme.tolerance, now)
    return moment


def signed_bytes(scheme: Scheme, request: WebhookRequest, stamp: str) -> bytes:
    """The text that the scheme signs, with the raw body in its place."""
    target = urlsplit(request.url)
    values = {
        "body": request.body,
        "timestamp": stamp.encode(),
        "id": _header(request, scheme.id_header or "").encode(),
        "method": request.method.upper().encode(),
        "url": request.url.encode(),
        "host": target.netloc.encode(),
        "path": target.path.encode(),
        "query": request.query.encode(),
    }
    parts = _PLACEHOLDER.split(scheme.signed)
    return b"".join(values[part] if index % 2 else part.encode() for index, part in enumerate(parts))


def sign_standard_webhook(secret: str, message_id: str, now: datetime, body: bytes) -> dict[str, str]:
    """The three headers of a Standard Webhook; receivers dedupe by ``message_id``."""
    stamp = str(int(now.timestamp()))
    signed = f"{message_id}.{stamp}.".encode() + body
    signature = keyed_hash(key_bytes(secret, "base64"), signed, "sha256", "base64")
    return {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": f"v1,{signature}"}


def _header(request: WebhookRequest, name: str) -> str:
    return request.headers.get(name.lower(), "")


def _comparable(signature: str, encoding: Encoding) -> str:
    return signature.lower() if encoding == "hex" else signature


def _signatures(scheme: Scheme, request: WebhookRequest) -> tuple[list[str], str | None]:
    """The signatures that the request carries, and its timestamp as text."""
    value = _header(request, scheme.header).strip()
    stamp = _header(request, scheme.timestamp_header).strip() or None if scheme.timestamp_header else None
    if not value:
        message = f"The delivery has no {scheme.header} header."
        remedy = "It did not come from the provider, or a proxy in front of the hub takes the header away."
        raise SignatureError(message, code="no_signature", remedy=remedy)
    if scheme.pairs is None:
        if not value.startswith(scheme.prefix):
            raise _unreadable(scheme)
        return [value.removeprefix(scheme.prefix)], stamp
    pairs = [part.strip().partition(scheme.pairs.equals) for part in value.split(scheme.pairs.separator)]
    signatures = [text for name, _, text in pairs if name == scheme.pairs.signature and text]
    if scheme.pairs.timestamp:
        stamps = [text for name, _, text in pairs if name == scheme.pairs.timestamp]
        stamp = stamps[0] if len(stamps) == 1 else None
    if not signatures:
        raise _unreadable(scheme)
    return signatures, stamp


def _unreadable(scheme: Scheme) -> SignatureError:
    message = f"The {scheme.header} header is not of the form that this scheme uses."
    remedy = "The sender uses another scheme or version; compare the connection's settings with the provider's."
    return SignatureError(message, code="no_signature", remedy=remedy)


def _signed_at(scheme: Scheme, stamp: str | None) -> datetime:
    if stamp is None or not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 14):  # noqa: PLR2004
        message = "The delivery does not say when it was signed."
        remedy = "It did not come from the provider, or a proxy in front of the hub takes the header away."
        raise SignatureError(message, code="no_timestamp", remedy=remedy)
    seconds = int(stamp) / (1000 if scheme.timestamp_unit == "ms" else 1)
    try:
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (OverflowError, ValueError, OSError) as error:
        message = "The time at which the delivery was signed is no time."
        raise SignatureError(message, code="no_timestamp", remedy="It did not come from the provider.") from error


def _check_freshness(moment: datetime, tolerance: int, now: datetime) -> None:
    age = (now - moment).total_seconds()
    if abs(age) <= tolerance:
        return
    code = "stale" if age > 0 else "future"
    side = "ago" if age > 0 else "in the future"
    message = f"The delivery was signed {abs(age):.0f} s {side}, more than the {tolerance} s allowed."
    remedy = (
        "If new deliveries are refused too, set the hub's clock (NTP). An old delivery sent again by hand is refused on "
        "purpose; let the provider send it anew."
    )
    raise SignatureError(message, code=code, remedy=remedy)
