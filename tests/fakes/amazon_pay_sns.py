"""Amazon SNS as it publishes to an https endpoint: the envelope, signed in version 1 or 2, and its certificate."""

from __future__ import annotations

import base64
import functools
import json
import uuid
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from tests.fakes.gateway import Webhook

TOPIC = "arn:aws:sns:us-east-1:123456789012:amazon-pay-made-up"
HOST = "sns.us-east-1.amazonaws.com"
STAMP = "2026-11-23T09:00:00.000Z"


@functools.cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """One key for each name and process: making them takes time."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@functools.cache
def certificate_of(name: str, subject: str = "sns.amazonaws.com") -> bytes:
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(rsa_key(name).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2090, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(subject)]), critical=False)
    )
    return builder.sign(rsa_key(name), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@functools.cache
def certificate_url(name: str) -> str:
    return f"https://{HOST}/SimpleNotificationService-{uuid.uuid4().hex}.pem"


def published(message: str, *, key: str = "sns", version: str = "2", **changes: Any) -> dict[str, Any]:
    """A signed envelope; ``changes`` are made before it is signed (Type, Subject, Token, SubscribeURL …)."""
    envelope = {
        "Type": "Notification",
        "MessageId": str(uuid.uuid4()),
        "TopicArn": TOPIC,
        "Message": message,
        "Timestamp": STAMP,
        **changes,
    }
    if envelope["Type"] == "Notification":
        names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    else:
        names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    text = "".join(f"{name}\n{envelope[name]}\n" for name in names if name in envelope)
    digest = hashes.SHA1() if version == "1" else hashes.SHA256()
    signature = rsa_key(key).sign(text.encode(), padding.PKCS1v15(), digest)
    return {
        **envelope,
        "SignatureVersion": version,
        "Signature": base64.b64encode(signature).decode(),
        "SigningCertURL": certificate_url(key),
        "UnsubscribeURL": f"https://{HOST}/?Action=Unsubscribe",
    }


def delivery(envelope: dict[str, Any], key: str = "sns") -> Webhook:
    body = json.dumps(envelope, indent=2).encode()
    headers = {
        "content-type": "text/plain; charset=UTF-8",
        "x-amz-sns-message-type": envelope["Type"],
        "x-amz-sns-message-id": envelope["MessageId"],
        "x-amz-sns-topic-arn": envelope["TopicArn"],
    }
    return Webhook(body, headers, fetches={certificate_url(key): certificate_of(key)})


def handshake() -> dict[str, Any]:
    token = "2336412f37fb687f5d51e6e2made0up0" * 2
    address = f"https://{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token={token}"
    words = f"You have chosen to subscribe to the topic {TOPIC}."
    return published(words, Type="SubscriptionConfirmation", Token=token, SubscribeURL=address)
