"""HubSpot's webhooks, signature version 3: proved over method, address, raw body and time; a list of events each.

``base64(HMAC-SHA256(client secret, METHOD + URI + body + timestamp))`` with the timestamp in milliseconds. The URI is the
address as HubSpot called it. HubSpot's documentation has percent-encodings decoded first; its library signs the address as
it is. Both are the same address, so either signature proves the sender.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

from hub.connect.api import Delivery, RawEvent
from hub.connect.signatures import Scheme, verify
from hub.connect.webhooks import json_body
from hub.errors import DeliveryError, SignatureError

if TYPE_CHECKING:
    from hub.connect.api import Connection, Fetch, WebhookRequest
    from hub.jsontypes import JsonObject

SCHEME = Scheme(
    header="X-HubSpot-Signature-v3",
    encoding="base64",
    signed="{method}{url}{body}{timestamp}",
    timestamp_header="X-HubSpot-Request-Timestamp",
    timestamp_unit="ms",
    tolerance=300,
)

_IDENTITY = ("subscriptionId", "objectId", "propertyName", "occurredAt", "eventId")
"""What tells events apart together; HubSpot does not promise that ``eventId`` alone does."""


def receive(request: WebhookRequest, connection: Connection, now: datetime, fetch: Fetch) -> Delivery:
    """Prove a delivery. Raises ``SignatureError`` or ``DeliveryError``."""
    del fetch
    secrets = connection.secret_versions("client_secret")
    decoded = replace(request, url=unquote(request.url))
    try:
        verify(SCHEME, request, secrets, now)
    except SignatureError as error:
        if error.code != "bad_signature" or decoded.url == request.url:
            raise
        verify(SCHEME, decoded, secrets, now)
    body = json_body(request)
    entries = body if isinstance(body, list) else [body]
    events = tuple(_raw_event(entry) for entry in entries if isinstance(entry, dict))
    if len(events) != len(entries):
        message = "The delivery is signed by HubSpot but is no list of events."
        raise DeliveryError(message, code="bad_shape", remedy="Compare it with HubSpot's description of its webhooks.")
    _check_portal(events, connection)
    return Delivery(events)


def _raw_event(entry: JsonObject) -> RawEvent:
    kind = entry.get("subscriptionType")
    if not isinstance(kind, str) or not kind:
        message = "An event of the delivery does not say what happened: subscriptionType is missing."
        raise DeliveryError(message, code="bad_shape", remedy="Compare it with HubSpot's description of its webhooks.")
    occurred = entry.get("occurredAt")
    time = datetime.fromtimestamp(occurred / 1000, tz=UTC) if isinstance(occurred, (int, float)) else None
    identity = "|".join("" if entry.get(name) is None else str(entry[name]) for name in _IDENTITY)
    return RawEvent(identity, kind, entry, time)


def _check_portal(events: tuple[RawEvent, ...], connection: Connection) -> None:
    """An app may be installed in several accounts; a connection that names its account takes only that one's events."""
    portal = connection.settings.get("portal_id")
    for event in events:
        given = event.payload.get("portalId") if isinstance(event.payload, dict) else None
        if portal and str(given) != str(portal):
            message = f"The event is of the HubSpot account {given}, not of {portal}."
            remedy = "Give each account a connection of its own, or correct the account's number in this one."
            raise SignatureError(message, code="wrong_account", remedy=remedy)
