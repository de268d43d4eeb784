"""Amazon Pay's notifications (IPN), which are messages of Amazon SNS: proved over their signed members, then only a hint.

Scheme: RSA PKCS #1, version 1.5, over the envelope's members, a line for each name and each value, SHA-1 in signature
version 1 and SHA-256 in version 2, with the certificate at SigningCertURL (AWS documentation "Verifying the signatures of
Amazon SNS messages"; vectors in the tests). Every customer of AWS signs with that certificate, so the topic is pinned too,
and with it the region's host. The message itself holds neither state nor amount:
:mod:`connectors.amazon_pay.enriching` reads them.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlencode, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from hub.connect.api import Delivery, RawEvent
from hub.errors import DeliveryError, SignatureError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.hashes import HashAlgorithm

    from hub.connect.api import Connection, Fetch, WebhookRequest
    from hub.jsontypes import Json, JsonObject

OLDEST: Final = timedelta(days=15)
"""Amazon repeats a notification hourly for up to 14 days, with the time of its first try."""
EARLIEST: Final = timedelta(minutes=5)

NOTIFICATION, SUBSCRIPTION, UNSUBSCRIPTION = "Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"
_HANDSHAKE: Final = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED: Final[Mapping[str, tuple[str, ...]]] = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    SUBSCRIPTION: _HANDSHAKE,
    UNSUBSCRIPTION: _HANDSHAKE,
}
_HASHES: Final[Mapping[str, HashAlgorithm]] = {"1": SHA1(), "2": SHA256()}  # noqa: S303 (SNS's signature version 1)
_TOPIC: Final = re.compile(r"arn:aws(-cn)?:sns:(?P<region>[a-z0-9-]{3,30}):\d{12}:[A-Za-z0-9_.-]{1,256}")
_CERTIFICATE_PATH: Final = re.compile(r"/SimpleNotificationService-[0-9a-f]{8,64}\.pem")
_SUBJECT: Final = "sns.amazonaws.com"
_KINDS: Final = frozenset({"CHARGE", "CHARGE_PERMISSION", "REFUND", "CHARGEBACK"})


def receive(request: WebhookRequest, connection: Connection, now: datetime, fetch: Fetch) -> Delivery:
    """Prove a delivery. Raises ``SignatureError``, ``DeliveryError`` or ``UnavailableError`` (ask again later)."""
    envelope = _envelope(request)
    host = _check_topic(envelope["TopicArn"], connection)
    _check_time(envelope["Timestamp"], now)
    certificate = _certificate(envelope.get("SigningCertURL", ""), host, now, fetch)
    _check_signature(certificate, envelope)
    if envelope["Type"] == SUBSCRIPTION:
        _confirm(envelope, host, fetch)
    if envelope["Type"] != NOTIFICATION:
        kept: JsonObject = {"TopicArn": envelope["TopicArn"], "Message": envelope["Message"]}
        return Delivery((RawEvent(envelope["MessageId"], envelope["Type"], kept, _time(envelope["Timestamp"])),))
    return Delivery((_raw_event(envelope, connection),), hint=True)


def string_to_sign(envelope: Mapping[str, str]) -> bytes:
    """The text that Amazon SNS signs for an envelope."""
    members = [name for name in _SIGNED[envelope["Type"]] if name != "Subject" or "Subject" in envelope]
    return "".join(f"{name}\n{envelope[name]}\n" for name in members).encode()


def _envelope(request: WebhookRequest) -> dict[str, str]:
    """The envelope's members, all texts. A name that comes twice is refused: readers would differ in which one they take."""
    kind = request.headers.get("x-amz-sns-message-type")
    try:
        pairs = json.loads(request.body, object_pairs_hook=list)
        members = dict(pairs)
    except (ValueError, TypeError) as error:
        message = "The body is not the JSON of an Amazon SNS message."
        raise DeliveryError(message, code="not_json", remedy="Enter this address as the IPN endpoint only.") from error
    if len(members) != len(pairs):
        raise _refused("doubled_member", "A member of the message comes twice.")
    envelope = {name: value for name, value in members.items() if isinstance(value, str)}
    if not envelope.get("Signature"):
        raise _refused("no_signature", "The message has no Signature.")
    if envelope.get("Type") not in _SIGNED or (kind is not None and kind != envelope["Type"]):
        raise DeliveryError("It is no message of Amazon SNS that is known.", code="bad_shape", remedy="Report this.")
    missing = [name for name in _SIGNED[envelope["Type"]] if name != "Subject" and name not in envelope]
    if missing:
        raise DeliveryError(f"The message has no {missing[0]}.", code="bad_shape", remedy="Report this.")
    return envelope


def _check_topic(topic: str, connection: Connection) -> str:
    """The host of the topic's region, when the connection names the topic."""
    known = str(connection.settings.get("topic_arn") or "").replace(",", " ").split()
    match = _TOPIC.fullmatch(topic)
    if match is None or topic not in known:
        message = f"The message is of the topic {topic[:300]}, which the connection does not name."
        remedy = (
            "Anybody can send messages of topics of their own. If this one is Amazon Pay's (you just sent a test from "
            "Seller Central), enter it in the connection as the topic of the notifications."
        )
        raise SignatureError(message, code="wrong_topic", remedy=remedy)
    return f"sns.{match['region']}.amazonaws.com{'.cn' if match[1] else ''}"


def _check_time(stamp: str, now: datetime) -> None:
    time = _time(stamp)
    if now - time > OLDEST:
        raise _refused("stale", f"The message is of {stamp}: older than Amazon repeats it.")
    if time - now > EARLIEST:
        raise _refused("future", f"The message is of {stamp}, which is still to come.")


def _time(stamp: str) -> datetime:
    try:
        time = datetime.fromisoformat(stamp)
    except ValueError as error:
        raise _refused("no_timestamp", f"{stamp[:60]!r} is no time.") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _certificate(url: str, host: str, now: datetime, fetch: Fetch) -> x509.Certificate:
    """The certificate of Amazon SNS; fetched only from the topic's own region, and only under the name it has there."""
    target = urlsplit(url)
    if (target.scheme, target.netloc) != ("https", host) or not _CERTIFICATE_PATH.fullmatch(target.path):
        raise _refused("bad_certificate_url", f"{url[:200]!r} is not where Amazon keeps the certificate of this topic.")
    if target.query or target.fragment:
        raise _refused("bad_certificate_url", "The certificate's address has more than a path.")
    certificate = _read_certificate(_fetched(fetch, url))
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise _refused("bad_certificate", "The certificate is not valid now.")
    return certificate


def _read_certificate(content: bytes) -> x509.Certificate:
    try:
        certificate = x509.load_pem_x509_certificate(content)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound) as error:
        raise _refused("bad_certificate", "What Amazon's address gave is no certificate of Amazon SNS.") from error
    if _SUBJECT not in names.get_values_for_type(x509.DNSName):
        raise _refused("bad_certificate", f"The certificate is not that of {_SUBJECT}.")
    return certificate


def _check_signature(certificate: x509.Certificate, envelope: Mapping[str, str]) -> None:
    hash_of = _HASHES.get(envelope.get("SignatureVersion", ""))
    key = certificate.public_key()
    if hash_of is None or not isinstance(key, RSAPublicKey):
        raise _refused("bad_signature", "The version of the signature is not known.")
    try:
        signature = base64.b64decode(envelope["Signature"], validate=True)
        key.verify(signature, string_to_sign(envelope), PKCS1v15(), hash_of)
    except (binascii.Error, ValueError, InvalidSignature) as error:
        raise _refused("bad_signature", "The signature does not match the message.") from error


def _confirm(envelope: Mapping[str, str], host: str, fetch: Fetch) -> None:
    """Answer the handshake: Amazon SNS sends nothing more before. The address is made here, never taken from the message."""
    query = {"Action": "ConfirmSubscription", "TopicArn": envelope["TopicArn"], "Token": envelope["Token"]}
    _fetched(fetch, f"https://{host}/?{urlencode(query)}")


def _fetched(fetch: Fetch, url: str) -> bytes:
    """What the address gives. A refusal there is no fault of the sender's: it is asked to send again later."""
    try:
        return fetch(url)
    except SignatureError as error:
        raise UnavailableError(error.message, code="not_fetched", remedy="Amazon sends it again.") from error


def _raw_event(envelope: Mapping[str, str], connection: Connection) -> RawEvent:
    """The notification within. Its names are written with capitals, in older documentation without: both are taken."""
    try:
        inner = json.loads(envelope["Message"])
    except ValueError:
        inner = None
    if not isinstance(inner, dict):
        message = "The message of Amazon SNS holds no notification of Amazon Pay."
        raise DeliveryError(message, code="bad_shape", remedy="Look at what else is published to this topic.")
    notification = {name[:1].upper() + name[1:]: value for name, value in cast("dict[str, Json]", inner).items()}
    if "MerchantID" not in notification and "MerchantId" in notification:
        notification["MerchantID"] = notification.pop("MerchantId")
    kind, thing = notification.get("ObjectType"), notification.get("ObjectId")
    if not isinstance(kind, str) or not isinstance(thing, str) or not thing:
        message = "The notification does not say what it is about."
        raise DeliveryError(message, code="bad_shape", remedy="Report this with the notification.")
    merchant = notification.get("MerchantID")
    if merchant != connection.settings.get("merchant_id"):
        message = f"The notification is for the merchant {merchant}, not for the connection's."
        raise SignatureError(message, code="wrong_account", remedy="Give each account a connection of its own.")
    known = kind.upper() if kind.upper() in _KINDS else kind
    return RawEvent(envelope["MessageId"], known, notification, _time(envelope["Timestamp"]))


def _refused(code: str, message: str) -> SignatureError:
    remedy = "Only Amazon may post here. If it was Amazon, look whether something on the way changes the message."
    return SignatureError(message, code=code, remedy=remedy)
