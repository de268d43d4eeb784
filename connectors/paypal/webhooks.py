"""PayPal's webhooks, proved over the raw bytes.

Scheme: RSA-SHA256 (PKCS #1, version 1.5) over ``transmission id|transmission time|webhook id|CRC-32 of the body``, the last
in decimal, with the certificate at PAYPAL-CERT-URL (PayPal's SDKs; vectors in the tests). The webhook's id comes from the
connection, never from the request, and the certificate only from PayPal's own hosts, live or sandbox as the connection.

Where the connection says so, PayPal itself is asked instead (``verify-webhook-signature``): then the delivery is only noted
here, and :func:`proved` asks before anything of it is believed.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from connectors.paypal.api import PayPal, mode_of
from hub.connect.api import Delivery, RawEvent, WebhookRequest
from hub.connect.mapping import moment
from hub.connect.webhooks import json_body
from hub.errors import DeliveryError, SignatureError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call, Connection, Fetch
    from hub.jsontypes import JsonObject

OLDEST = timedelta(days=5)
"""PayPal repeats a delivery for three days with the time of its first try."""
EARLIEST = timedelta(minutes=5)

CERTIFICATE_HOSTS: Mapping[str, frozenset[str]] = {
    "live": frozenset({"api.paypal.com", "api-m.paypal.com"}),
    "test": frozenset({"api.sandbox.paypal.com", "api-m.sandbox.paypal.com"}),
}
_CERTIFICATE_PATH = re.compile(r"/v1/notifications/certs/[A-Za-z0-9-]+")
SIMULATOR = "WEBHOOK_ID"
"""PayPal's simulator signs with this word for an id, and with the live certificate, for anybody's address."""

UNPROVED = "unproved"
"""The type of a raw event that PayPal is still to be asked about; no rule of the map knows it."""

_HEADERS = ("transmission-id", "transmission-time", "transmission-sig", "cert-url", "auth-algo")
_ALGORITHM = "SHA256withRSA"


def receive(request: WebhookRequest, connection: Connection, now: datetime, fetch: Fetch) -> Delivery:
    """Prove a delivery. Raises ``SignatureError`` or ``DeliveryError``."""
    headers = _scheme_headers(request)
    identities = webhook_ids(connection)
    _check_time(headers["transmission-time"], now)
    if connection.settings.get("webhook_verification") == "api":
        return Delivery((_noted(headers, request.body),), hint=True)
    certificate = _certificate(headers["cert-url"], connection, now, fetch)
    signature = _signature(headers["transmission-sig"])
    checksum = zlib.crc32(request.body)
    for identity in identities:
        signed = f"{headers['transmission-id']}|{headers['transmission-time']}|{identity}|{checksum}"
        if _matches(certificate, signature, signed.encode()):
            return Delivery((raw_event(_event(request.body)),))
    message = "The signature does not match the body and the connection's webhook id."
    remedy = (
        "Compare the webhook id in the connection with the one at PayPal (of the same mode, and of the webhook with this "
        "very address). Or something on the way changed the body."
    )
    raise SignatureError(message, code="bad_signature", remedy=remedy)


def proved(raw: RawEvent, call: Call) -> RawEvent:
    """The event itself; PayPal is asked where that is still to be done. Raises ``SignatureError``, or like an action.

    The body goes into the question as the text that it is: written anew, it would not be the one that was signed.
    """
    if raw.type != UNPROVED:
        return raw
    noted = cast("Mapping[str, str]", raw.payload)
    body = noted["body"]
    for identity in webhook_ids(call.connection):
        question = {
            "auth_algo": noted["auth-algo"],
            "cert_url": noted["cert-url"],
            "transmission_id": noted["transmission-id"],
            "transmission_sig": noted["transmission-sig"],
            "transmission_time": noted["transmission-time"],
            "webhook_id": identity,
        }
        asked = f'{json.dumps(question)[:-1]}, "webhook_event": {body}}}'
        paypal = PayPal(call)
        response = paypal.send(
            "POST",
            "/v1/notifications/verify-webhook-signature",
            body=asked.encode(),
            headers={"Content-Type": "application/json"},
        )
        paypal.judge(response)
        answer = response.json()
        if isinstance(answer, dict) and answer.get("verification_status") == "SUCCESS":
            return raw_event(_event(body.encode()))
    message = "PayPal says that this delivery is not from PayPal."
    remedy = "Compare the webhook id in the connection with the one at PayPal."
    raise SignatureError(message, code="bad_signature", remedy=remedy)


def raw_event(event: JsonObject) -> RawEvent:
    """An event of PayPal's, from a webhook or a listing. Raises ``DeliveryError``."""
    try:
        time = moment(event.get("create_time"))
    except ValueError as error:
        raise DeliveryError(
            f"The event's time cannot be read: {error}.", code="bad_shape", remedy="Report this."
        ) from error
    return RawEvent(str(event["id"]), str(event["event_type"]), event, time)


def webhook_ids(connection: Connection) -> tuple[str, ...]:
    """The ids under which PayPal knows the connection's webhook: two while one is replaced. Raises ``SignatureError``."""
    given = str(connection.settings.get("webhook_id") or "").replace(",", " ").split()
    is_test = mode_of(connection.settings) == "test"
    identities = [one for one in given if one != SIMULATOR]
    if is_test and connection.settings.get("accept_simulator"):
        identities.append(SIMULATOR)
    if not identities:
        message = "The connection has no webhook id, which PayPal's signature is made over."
        remedy = "Let the hub register the webhook, or copy the webhook's id from PayPal into the connection."
        raise SignatureError(message, code="no_secret", remedy=remedy)
    return tuple(identities)


def _scheme_headers(request: WebhookRequest) -> dict[str, str]:
    """The five headers, each exactly once: a header that came twice is joined by a comma, which none of them may hold."""
    found = {name: request.headers.get(f"paypal-{name}", "").strip() for name in _HEADERS}
    for name, value in found.items():
        if not value or "," in value or "|" in value:
            message = f"The delivery has no header PAYPAL-{name.upper()}, or more than one."
            remedy = "It did not come from PayPal, or a proxy in front of the hub takes the header away."
            raise SignatureError(message, code="no_signature", remedy=remedy)
    if found["auth-algo"] != _ALGORITHM:
        message = f"The delivery is signed with {found['auth-algo']!r}, not with {_ALGORITHM}."
        raise SignatureError(message, code="no_signature", remedy="Report this: PayPal may have changed its scheme.")
    return found


def _check_time(text: str, now: datetime) -> None:
    try:
        signed_at = moment(text) if re.match(r"[0-9]{4}-", text) else None
    except ValueError:
        signed_at = None
    if signed_at is None:
        message = "The delivery does not say when it was signed."
        raise SignatureError(message, code="no_timestamp", remedy="It did not come from PayPal.")
    if now - signed_at > OLDEST:
        message = f"The delivery was signed {(now - signed_at).days} days ago; PayPal repeats for three."
        raise SignatureError(message, code="stale", remedy="Resend it at PayPal: it is signed anew then.")
    if signed_at - now > EARLIEST:
        message = "The delivery was signed in the future."
        raise SignatureError(message, code="future", remedy="Set the hub's clock (NTP).")


def _certificate(address: str, connection: Connection, now: datetime, fetch: Fetch) -> x509.Certificate:
    """The certificate that signed, fetched only from a pinned host. Raises ``SignatureError`` (``bad_certificate``)."""
    mode = mode_of(connection.settings)
    hosts = CERTIFICATE_HOSTS[mode]
    if mode == "test" and connection.settings.get("accept_simulator"):
        hosts |= CERTIFICATE_HOSTS["live"]
    parts = urlsplit(address)
    # netloc and not hostname: neither a port nor a user's name may stand before or after the host.
    if parts.scheme != "https" or parts.netloc not in hosts or not _CERTIFICATE_PATH.fullmatch(parts.path):
        raise _bad_certificate(f"Its address is not one of PayPal's ({', '.join(sorted(hosts))}).")
    if parts.query or parts.fragment:
        raise _bad_certificate("Its address has a query.")
    try:
        certificate = x509.load_pem_x509_certificate(fetch(address))
    except ValueError as error:
        raise _bad_certificate("It cannot be read.") from error
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    name = str(names[0].value) if len(names) == 1 else ""
    if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.paypal\.com", name):
        raise _bad_certificate(f"It is made out to {name or 'nobody'!r}, not to paypal.com.")
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise _bad_certificate(f"It is valid until {certificate.not_valid_after_utc:%Y-%m-%d} only.")
    return certificate


def _bad_certificate(why: str) -> SignatureError:
    message = f"The certificate of the delivery is not to be trusted. {why}"
    remedy = "It did not come from PayPal, or of the other mode: give live and sandbox a connection each."
    return SignatureError(message, code="bad_certificate", remedy=remedy)


def _signature(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        message = "The header PAYPAL-TRANSMISSION-SIG is not base64."
        raise SignatureError(message, code="bad_signature", remedy="It did not come from PayPal.") from error


def _matches(certificate: x509.Certificate, signature: bytes, signed: bytes) -> bool:
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        raise _bad_certificate("It holds no RSA key.")
    try:
        key.verify(signature, signed, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _noted(headers: dict[str, str], body: bytes) -> RawEvent:
    """A delivery that PayPal is to be asked about: nothing of it is read yet, but that it is one JSON object."""
    event = _event(body)
    return replace(raw_event(event), type=UNPROVED, payload={**headers, "body": body.decode()})


def _event(body: bytes) -> JsonObject:
    event = json_body(WebhookRequest("POST", "", "", {"content-type": "application/json"}, body))
    needed = ("id", "event_type")
    if not isinstance(event, dict) or not all(isinstance(event.get(name), str) and event[name] for name in needed):
        message = "The delivery is no event of PayPal's: id or event_type is missing."
        raise DeliveryError(message, code="bad_shape", remedy="Compare it with the event in PayPal's dashboard.")
    if not isinstance(event.get("resource"), dict):
        message = "The event holds no resource."
        raise DeliveryError(message, code="bad_shape", remedy="Compare it with the event in PayPal's dashboard.")
    return event
