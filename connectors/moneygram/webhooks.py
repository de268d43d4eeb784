"""MoneyGram's webhooks, proved over the raw bytes.

Scheme: the header ``Signature: t=<unix seconds>, s=<base64>``, RSA PKCS #1, version 1.5, with SHA-256 over
``t.host.body``, at most 65 minutes old (developer.moneygram.com, "Security"; two recorded deliveries in the tests). The
host is the one that was registered with MoneyGram, without a port: it comes from the connection, never from the request,
so that a delivery to another host cannot be replayed here.
"""

from __future__ import annotations

import base64
import binascii
import functools
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from connectors.moneygram.enriching import PREFIX
from connectors.moneygram.standing import state_of
from hub.connect.api import Delivery, RawEvent
from hub.connect.mapping import moment
from hub.connect.webhooks import json_body
from hub.errors import DeliveryError, SignatureError

if TYPE_CHECKING:
    from hub.connect.api import Connection, Fetch, WebhookRequest
    from hub.jsontypes import Json

OLDEST: Final = timedelta(minutes=65)
EARLIEST: Final = timedelta(minutes=5)
STATUS_EVENT: Final = "TRANSACTION_STATUS_EVENT"
_BETWEEN_KEYS: Final = re.compile(r"-----[A-Z ]+-----|\n\s*\n|[,;]")


def receive(request: WebhookRequest, connection: Connection, now: datetime, fetch: Fetch) -> Delivery:
    """Prove a delivery. Raises ``SignatureError`` or ``DeliveryError``."""
    del fetch
    stamp, signature = _parts(request.headers.get("signature", ""))
    keys = public_keys(str(connection.settings.get("public_key") or ""))
    if not keys:
        message = f"The connection {connection.name!r} has no public key of MoneyGram's."
        raise SignatureError(message, code="no_secret", remedy="Copy it from MoneyGram's page Security.")
    signed = f"{stamp}.{host_of(request, connection)}.".encode() + request.body
    if not any(_matches(key, signature, signed) for key in keys):
        message = "The signature does not match the body, the registered host and the public key."
        remedy = (
            "Compare the host in the connection with the one that MoneyGram has, without https:// and port, and the key "
            "with that of the same mode. Or something on the way changes the body."
        )
        raise SignatureError(message, code="bad_signature", remedy=remedy)
    _check_time(stamp, now)
    return Delivery((_raw_event(json_body(request), connection),), hint=True)


def host_of(request: WebhookRequest, connection: Connection) -> str:
    """The host that was registered with MoneyGram; without one in the connection, the hub's public one."""
    return str(connection.settings.get("webhook_host") or urlsplit(request.url).hostname or "")


@functools.lru_cache(maxsize=32)
def public_keys(text: str) -> tuple[RSAPublicKey, ...]:
    """The keys in a text: base64 as on MoneyGram's page, or PEM; several one after the other, while they roll.

    Raises ``SignatureError`` (``bad_secret``) when one cannot be read.
    """
    parts = ("".join(part.split()) for part in _BETWEEN_KEYS.split(text))
    return tuple(_key(part) for part in parts if part)


def _key(written: str) -> RSAPublicKey:
    remedy = "Copy the key again from MoneyGram's page Security: MIIB… to …AQAB; two keys with a comma between them."
    try:
        key = load_der_public_key(base64.b64decode(written, validate=True))
    except (binascii.Error, ValueError) as error:
        raise SignatureError("MoneyGram's public key cannot be read.", code="bad_secret", remedy=remedy) from error
    if not isinstance(key, RSAPublicKey):
        raise SignatureError("MoneyGram's public key is not an RSA key.", code="bad_secret", remedy=remedy)
    return key


def _parts(header: str) -> tuple[str, bytes]:
    """Time and signature of the header; each must stand there once. Values keep their further equals signs."""
    found: dict[str, list[str]] = {"t": [], "s": []}
    for part in header.split(","):
        name, _, value = part.partition("=")
        found.setdefault(name.strip(), []).append(value.strip())
    if len(found["s"]) != 1 or not found["s"][0]:
        raise _refused("no_signature", "The header Signature has no signature (s=…), or several.")
    stamp = found["t"][0] if len(found["t"]) == 1 else ""
    if not (stamp.isascii() and stamp.isdigit()):
        raise _refused("no_timestamp", "The header Signature has no time (t=…), or several.")
    try:
        return stamp, base64.b64decode(found["s"][0], validate=True)
    except binascii.Error as error:
        raise _refused("bad_signature", "The signature is not written in base64.") from error


def _matches(key: RSAPublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _check_time(stamp: str, now: datetime) -> None:
    try:
        time = datetime.fromtimestamp(int(stamp), tz=UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise _refused("no_timestamp", "The time in the header Signature is none.") from error
    if now - time > OLDEST:
        raise _refused("stale", f"The delivery was signed at {time:%Y-%m-%d %H:%M} UTC, more than 65 minutes ago.")
    if time - now > EARLIEST:
        raise _refused("future", f"The delivery was signed at {time:%Y-%m-%d %H:%M} UTC, which is still to come.")


def _raw_event(body: Json, connection: Connection) -> RawEvent:
    event = body if isinstance(body, dict) else {}
    identity, kind, payload = event.get("eventId"), event.get("subscriptionType"), event.get("eventPayload")
    if not isinstance(identity, str) or not isinstance(kind, str) or not isinstance(payload, dict):
        message = (
            "The delivery is signed by MoneyGram but is no event: eventId, subscriptionType or eventPayload is missing."
        )
        raise DeliveryError(message, code="bad_shape", remedy="Compare it with MoneyGram's description.")
    partner = payload.get("agentPartnerId")
    if partner is not None and str(partner) != str(connection.settings.get("agent_partner_id")):
        message = f"The delivery is for the partner {partner}, not for the connection's."
        raise SignatureError(message, code="wrong_account", remedy="Give each partner id a connection of its own.")
    if kind == STATUS_EVENT:
        if not payload.get("transactionId") or not payload.get("transactionStatus"):
            message = "The delivery does not say which transaction it is about, or how that stands."
            raise DeliveryError(message, code="bad_shape", remedy="Compare it with MoneyGram's description.")
        kind = f"{PREFIX}{state_of(str(payload['transactionStatus']))}"
    try:
        time = moment(event.get("eventDate"))
    except ValueError:
        time = None
    return RawEvent(identity, kind, event, time)


def _refused(code: str, message: str) -> SignatureError:
    remedy = "Only MoneyGram may post here. If it was MoneyGram, look whether something on the way changes headers."
    return SignatureError(message, code=code, remedy=remedy)
