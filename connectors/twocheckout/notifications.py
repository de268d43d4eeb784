"""2Checkout's notifications, proved over the raw bytes and answered with the read receipt that it wants.

Three kinds come to one address. *IPN* tells of orders, *LCN* of subscriptions: both are signed with the secret key over
every value in the order in which it came. *INS*, the kind of old, proves little (an MD5 over three numbers) and is only a
hint: the order is read from the API before anything is believed.

Bytes are signed, so bytes are compared: a value that is no UTF-8 has the length that it has. The reference (``IpnSignature``
of 2checkout-php-sdk 1.1.1) walks PHP's ``$_POST``, which puts all elements of ``X[]`` where the first one stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from connectors.twocheckout.events import in_its_mode, license_event, order_event
from connectors.twocheckout.signing import MD5, SHA2, SHA3, ins_hash, keyed_hash, length_prefixed, receipt, same
from hub.connect.api import Answer, Delivery, RawEvent
from hub.errors import DeliveryError, SignatureError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.connect.api import Connection, Fetch, WebhookRequest
    from hub.jsontypes import Json

Fields = dict[str, "bytes | list[bytes]"]
"""A form as PHP reads it: names in the order of their first appearance, ``X[]`` as a list."""

SIGNATURES: Mapping[str, str] = {"SIGNATURE_SHA3_256": SHA3, "SIGNATURE_SHA2_256": SHA2, "HASH": MD5}
"""Fields that hold a signature, the strongest first; none of them is signed."""
MOST_FIELDS = 5000
_FALLBACK = "cp1252"
"""What bytes are read as that are neither UTF-8 nor say what they are."""


@dataclass(frozen=True, slots=True)
class Proof:
    """By which secret and algorithm a notification was signed; its receipt is made with the same."""

    key: str
    algorithm: str


def receive(request: WebhookRequest, connection: Connection, now: datetime, fetch: Fetch) -> Delivery:
    """Prove a delivery. Raises ``SignatureError`` (also ``wrong_account``) or ``DeliveryError``."""
    del fetch
    fields = form_fields(request.body)
    if "md5_hash" in fields:
        return _ins(fields, request, connection)
    proof = proved(fields, connection)
    texts = as_texts(fields, request.headers.get("content-type", ""))
    _check_account(texts.get("VENDOR_CODE"), connection)
    if "LICENSE_CODE" in fields:
        signed = [_first(fields, name) for name in ("LICENSE_CODE", "EXPIRATION_DATE")]
        event = license_event(texts, connection)
    elif fields.get("REFNO"):
        signed = [_first(fields, name) for name in ("IPN_PID", "IPN_PNAME", "IPN_DATE")]
        event = order_event(texts, connection)
    else:
        message = "The delivery is signed by 2Checkout, but names neither an order nor a subscription."
        remedy = "Tick REFNO among the IPN's parameters, LICENSE_CODE among the LCN's, in the Control Panel."
        raise DeliveryError(message, code="bad_shape", remedy=remedy)
    answer = Answer(body=receipt(proof.key, proof.algorithm, signed, now).encode())
    return Delivery((in_its_mode(event, connection),), answer)


def proved(fields: Fields, connection: Connection) -> Proof:
    """Who signed a notification and how. Raises ``SignatureError``.

    The strongest signature that it carries decides; a weaker one beside it counts nothing.
    """
    secrets = connection.secret_versions("secret_key")
    if not secrets:
        message = "The connection has no secret key."
        raise SignatureError(message, code="no_secret", remedy="Copy it from 2Checkout into the connection.")
    name = next((name for name in SIGNATURES if fields.get(name)), None)
    if name is None:
        message = "The delivery carries no signature."
        remedy = "It did not come from 2Checkout, or no hashing algorithm is ticked in the settings of IPN and LCN."
        raise SignatureError(message, code="no_signature", remedy=remedy)
    algorithm = SIGNATURES[name]
    if algorithm == MD5 and connection.settings.get("accept_md5") is not True:
        message = "The delivery is signed by MD5 alone."
        remedy = "Tick SHA3 or SHA2 in the settings of IPN and LCN, or allow MD5 in the connection."
        raise SignatureError(message, code="weak_signature", remedy=remedy)
    given = _first(fields, name).decode("ascii", "replace")
    texts = _signed_texts(fields)
    matching = [secret for secret in secrets for text in texts if same(given, keyed_hash(secret, text, algorithm))]
    if not matching:
        message = f"The signature in {name} does not match the delivery."
        remedy = (
            "Check that the connection has the account's secret key (not the buy link secret word), and that nothing on the "
            "way changes the body."
        )
        raise SignatureError(message, code="bad_signature", remedy=remedy)
    return Proof(matching[0], algorithm)


def form_fields(body: bytes) -> Fields:
    """The body as PHP reads it. Raises ``DeliveryError`` (``not_a_form``, ``doubled`` for a plain name that comes twice)."""
    parts = body.split(b"&")
    if b"=" not in body or len(parts) > MOST_FIELDS:
        raise DeliveryError(
            "The body is not a form.", code="not_a_form", remedy="2Checkout sends forms; look who sent it."
        )
    fields: Fields = {}
    for part in filter(None, parts):
        raw_name, _, raw_value = part.partition(b"=")
        name = _decoded(raw_name).decode("utf-8", "replace")
        value, (plain, bracket, _) = _decoded(raw_value), name.partition("[")
        known = fields.get(plain)
        if bracket and (known is None or isinstance(known, list)):
            fields[plain] = [*(known or []), value]
        elif known is None:
            fields[plain] = value
        else:
            message = f"The delivery has {plain!r} twice."
            raise DeliveryError(message, code="doubled", remedy="2Checkout sends each name once; look who sent it.")
    return fields


def as_texts(fields: Fields, content_type: str) -> dict[str, Json]:
    """The fields as texts: UTF-8, else the charset that the delivery names, else Windows-1252."""
    declared = re.search(r"charset=\"?([\w-]+)", content_type, re.IGNORECASE)
    for charset in ("utf-8", declared[1] if declared else _FALLBACK):
        try:
            return _texts(fields, charset, "strict")
        except (UnicodeDecodeError, LookupError):
            continue
    return _texts(fields, _FALLBACK, "replace")


def _ins(fields: Fields, request: WebhookRequest, connection: Connection) -> Delivery:
    """A message of the kind of old. It names an order; what became of that is read from the API."""
    words = connection.secret_versions("ins_secret_word")
    if not words:
        message = "The connection has no INS secret word."
        remedy = "Use IPN instead of INS; or copy the secret word of the INS settings into the connection."
        raise SignatureError(message, code="no_secret", remedy=remedy)
    texts = as_texts(fields, request.headers.get("content-type", ""))
    sale, vendor, invoice, given = (
        str(texts.get(name) or "") for name in ("sale_id", "vendor_id", "invoice_id", "md5_hash")
    )
    if not any([same(given, ins_hash(word, sale, vendor, invoice)) for word in words]):  # noqa: C419
        message = "The INS message's md5_hash does not match."
        remedy = "Check the INS secret word; it is neither the secret key nor the buy link secret word."
        raise SignatureError(message, code="bad_signature", remedy=remedy)
    _check_account(vendor, connection)
    kind = str(texts.get("message_type") or "")
    if not kind or not sale:
        message = "The INS message does not say what happened to which sale."
        raise DeliveryError(
            message, code="bad_shape", remedy="Compare it with the messages in 2Checkout's INS settings."
        )
    number = str(texts.get("message_id") or f"{sale}|{invoice}|{kind}")
    return Delivery((RawEvent(f"ins:{number}", f"ins.{kind}", texts),), hint=True)


def _check_account(vendor: Json, connection: Connection) -> None:
    code = str(connection.settings.get("merchant_code") or "")
    if not vendor or vendor == code:
        return
    message = f"The delivery is of the account {vendor}, not of {code}."
    remedy = "Give each account a connection of its own, with its own webhook address."
    raise SignatureError(message, code="wrong_account", remedy=remedy)


def _signed_texts(fields: Fields) -> list[bytes]:
    """What may have been signed. Old senders, and the reference, take backslashes out of the values first."""
    values = [
        value
        for name, held in fields.items()
        if name not in SIGNATURES
        for value in (held if isinstance(held, list) else [held])
    ]
    plain = length_prefixed(values)
    if not any(b"\\" in value for value in values):
        return [plain]
    return [plain, length_prefixed(re.sub(rb"\\(.?)", rb"\1", value, flags=re.DOTALL) for value in values)]


def _decoded(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" "))


def _texts(fields: Fields, charset: str, errors: str) -> dict[str, Json]:
    return {
        name: [one.decode(charset, errors) for one in value]
        if isinstance(value, list)
        else value.decode(charset, errors)
        for name, value in fields.items()
    }


def _first(fields: Fields, name: str) -> bytes:
    value = fields.get(name, b"")
    return (value[0] if value else b"") if isinstance(value, list) else value
