"""How Visa's deliveries prove themselves and are opened: ``v-c-signature`` over time and raw body, JWE within.

Sources: an official-style Salesforce cartridge (signature over ``t + "." + raw body``, key decoded from base64); Visa's
webhook guide 26.1.01 and 26.3.01 (payment events come encrypted, RSA-OAEP and A256GCM). The signature is over the body as it
came, so it is proved before anything is opened.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from connectors.visa.api import encryption_keys, object_of
from connectors.visa.jose import JoseError, decrypted, is_encrypted, read_json
from connectors.visa.transactions import told_of
from hub.connect.api import Delivery, RawEvent
from hub.connect.mapping import moment
from hub.connect.signatures import Pairs, Scheme, verify
from hub.errors import DeliveryError, SignatureError
from hub.jsontypes import canonical_json

if TYPE_CHECKING:
    from datetime import datetime

    from hub.connect.api import Connection, Fetch, WebhookRequest
    from hub.jsontypes import Json, JsonObject

HEADER = "v-c-signature"
UPDATED = "payments.payments.updated"
TOLERANCE = 3600
"""Seconds. Visa's sample uses 60 minutes, its plugins 5; a page calls ``t`` the key's own time, so it is a setting."""

_PARTS = frozenset({"t", "keyId", "sig"})
_WRAPPERS = ("encData", "encryptedRequest", "encryptedResponse")


def receive(request: WebhookRequest, connection: Connection, now: datetime, fetch: Fetch) -> Delivery:
    """Prove a delivery, open it, give its events. Raises ``SignatureError`` or ``DeliveryError``."""
    del fetch
    if not request.body.strip() and HEADER not in request.headers:
        # Visa's health check: it carries nothing, and only wants to hear 200.
        return Delivery(())
    key_id = _key_id(request)
    secrets = _keys(connection, key_id)
    tolerance = int(str(connection.settings.get("webhook_tolerance") or TOLERANCE))
    scheme = Scheme(
        header=HEADER,
        encoding="base64",
        signed="{timestamp}.{body}",
        key="base64",
        pairs=Pairs(signature="sig", timestamp="t", separator=";"),
        timestamp_unit="ms",
        tolerance=tolerance,
    )
    verify(scheme, request, secrets, now)
    body = opened(request.body, connection)
    _check_organization(body, connection)
    return Delivery(tuple(raw_events(body, connection)))


def opened(body: bytes, connection: Connection) -> JsonObject:
    """The delivery's object, decrypted where it, a member of it, or its payload is encrypted.

    Raises ``DeliveryError`` (``not_json``, ``bad_shape``, ``cannot_decrypt``); none of them holds any of the content.
    """
    text = body.decode("utf-8", "replace").strip()
    whole = _decrypted(text.strip('"'), connection) if is_encrypted(text.strip('"')) else _json(body)
    if not isinstance(whole, dict):
        raise DeliveryError(
            "The delivery is no object.", code="bad_shape", remedy="Compare it with Visa's description."
        )
    for name in _WRAPPERS:
        if is_encrypted(whole.get(name)):
            inner = _decrypted(str(whole[name]), connection)
            rest = {key: value for key, value in whole.items() if key != name}
            if isinstance(inner, dict) and "eventType" in inner:
                return {**rest, **inner}
            return {**rest, "payload": inner}
    payload = whole.get("payload")
    if is_encrypted(payload):
        return {**whole, "payload": _decrypted(str(payload), connection)}
    inner_payload = object_of(payload)
    for name in _WRAPPERS:
        if is_encrypted(inner_payload.get(name)):
            return {**whole, "payload": _decrypted(str(inner_payload[name]), connection)}
    return whole


def raw_events(body: JsonObject, connection: Connection) -> list[RawEvent]:
    """The events of a delivery: one for each entry of its payload, which may be a list or an object."""
    event_type = body.get("eventType")
    if not isinstance(event_type, str) or not event_type:
        if "testPayload" in object_of(body.get("payloads")) or "payload" not in body:
            return []
        message = "The delivery does not say what happened: its eventType is missing."
        raise DeliveryError(message, code="bad_shape", remedy="Compare it with Visa's description.")
    payload = body.get("payload")
    entries = payload if isinstance(payload, list) else [payload if payload is not None else {}]
    time = _time(body)
    events = []
    for number, entry in enumerate(entries):
        given = object_of(entry)
        data = object_of(given.get("data")) if "data" in given else given
        # News of other means than cards name the payment as the request that they answer.
        meant = (
            {**data, "id": data["reconciliationId"]} if event_type == UPDATED and data.get("reconciliationId") else data
        )
        told: JsonObject = {**body, "payload": {"data": data}, "hub": told_of(meant, connection)}
        known = event_id(body) if number == 0 else f"{event_id(body)}:{number}"
        events.append(RawEvent(known, event_type, told, time))
    return events


def event_id(body: JsonObject) -> str:
    """The id by which repeats are told: Visa gives none, and ``transactionTraceId`` changes with each repeat."""
    told = [body.get(name) for name in ("webhookId", "eventType", "eventDate", "payload")]
    return hashlib.sha256(canonical_json(told)).hexdigest()


def _key_id(request: WebhookRequest) -> str:
    """The key that the delivery names. Raises ``no_signature`` for a header that is missing, doubled or of another form."""
    value = request.headers.get(HEADER, "").strip()
    if not value:
        message = f"The delivery has no {HEADER} header."
        remedy = "It did not come from Visa, or a proxy in front of the hub takes the header away."
        raise SignatureError(message, code="no_signature", remedy=remedy)
    parts = [part.strip().partition("=") for part in value.split(";") if part.strip()]
    names = [name for name, _, text in parts if text]
    if len(names) != len(set(names)) or set(names) != _PARTS or "," in value:
        message = f"The {HEADER} header is not of the form t=…;keyId=…;sig=…, each once."
        raise SignatureError(message, code="no_signature", remedy="It did not come from Visa, or came doubled.")
    return next(text for name, _, text in parts if name == "keyId")


def _keys(connection: Connection, key_id: str) -> list[str]:
    """The keys that may have signed: each is kept as ``keyId:key`` or alone. A key under another id is not tried."""
    kept = [text.strip() for text in connection.secret_versions("webhook_key")]
    named = [(*text.partition(":")[::2], ":" in text) for text in kept]
    fitting = [key if has_id else name for name, key, has_id in named if not has_id or name == key_id]
    if kept and not fitting:
        message = f"The delivery was signed with the key {key_id}, which the connection does not have."
        remedy = "A new key replaces the old one at Visa at once: enter the new one, as keyId:key."
        raise SignatureError(message, code="unknown_key", remedy=remedy)
    return fitting


def _check_organization(body: JsonObject, connection: Connection) -> None:
    given = body.get("organizationId")
    own = {connection.settings.get("organization_id"), connection.settings.get("merchant_id")}
    if not given or given in own or own == {None}:
        return
    message = f"The event is of the organisation {given}, not of the connection's."
    remedy = "Give each organisation a connection of its own, or enter this one in the connection."
    raise SignatureError(message, code="wrong_account", remedy=remedy)


def _time(body: JsonObject) -> datetime | None:
    try:
        return moment(body.get("eventDate"))
    except (ValueError, OverflowError, OSError) as error:
        message = "The delivery's eventDate is no time."
        raise DeliveryError(message, code="bad_shape", remedy="Compare it with Visa's description.") from error


def _json(body: bytes) -> Json:
    try:
        return read_json(body)
    except ValueError as error:
        message = "The body is not JSON."
        raise DeliveryError(message, code="not_json", remedy="Compare it with Visa's description.") from error


def _decrypted(token: str, connection: Connection) -> Json:
    try:
        return _json(decrypted(token, encryption_keys(connection)))
    except JoseError as error:
        message = f"The encrypted delivery cannot be opened. {error}"
        remedy = (
            "Enter the private key whose certificate Visa has for this organisation; keep the old one while it changes."
        )
        raise DeliveryError(message, code="cannot_decrypt", remedy=remedy) from error
