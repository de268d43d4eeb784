"""Stripe's webhooks: proved over the raw bytes, of the right mode and account; and the same events by polling.

Scheme: header ``Stripe-Signature`` with one ``t`` and any number of ``v1`` (two while a secret rolls), HMAC-SHA256 over
``t.body``; the key is the secret's text with its prefix. Stripe's libraries bound only the past; we bound both sides.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from connectors.stripe.api import Stripe
from hub.connect.api import Delivery, Polled, RawEvent
from hub.connect.signatures import Pairs, Scheme, verify
from hub.connect.webhooks import json_body
from hub.errors import DeliveryError, SignatureError

if TYPE_CHECKING:
    from hub.connect.api import Call, Connection, Fetch, WebhookRequest
    from hub.jsontypes import Json, JsonObject

SCHEME = Scheme(
    header="Stripe-Signature",
    signed="{timestamp}.{body}",
    pairs=Pairs(signature="v1", timestamp="t"),
    tolerance=300,
)

OVERLAP = 600
"""Seconds that a poll looks back before the last one: Stripe does not list events strictly in the order of their time."""

PAGES_A_POLL = 20


def receive(request: WebhookRequest, connection: Connection, now: datetime, fetch: Fetch) -> Delivery:
    """Prove a delivery. Raises ``SignatureError`` (also ``wrong_mode``, ``wrong_account``) or ``DeliveryError``."""
    del fetch
    verify(SCHEME, request, connection.secret_versions("webhook_secret"), now)
    body = json_body(request)
    if not isinstance(body, dict) or not isinstance(body.get("type"), str) or not isinstance(body.get("id"), str):
        message = "The delivery is signed by Stripe but is no event: id or type is missing."
        raise DeliveryError(message, code="bad_shape", remedy="Compare it with the event in Stripe's dashboard.")
    if str(body.get("object", "event")) != "event":
        message = f"The delivery is a thin event ({body.get('object')}), which only names what happened."
        remedy = "At Stripe, make the destination anew with the payload style Snapshot."
        raise DeliveryError(message, code="thin_event", remedy=remedy)
    _check_mode(body, connection)
    _check_account(body, connection)
    return Delivery((raw_event(body),))


def raw_event(event: JsonObject) -> RawEvent:
    """An event object of Stripe's, from a webhook or a listing."""
    created = event.get("created")
    time = datetime.fromtimestamp(created, tz=UTC) if isinstance(created, (int, float)) else None
    return RawEvent(str(event["id"]), str(event["type"]), event, time)


def poll(call: Call, cursor: Json) -> Polled:
    """Events since the last poll; the first one only sets the mark.

    Stripe lists the newest first. When there are more than :data:`PAGES_A_POLL` pages, the cursor keeps the place and the
    next poll goes on there before it looks for newer ones.
    """
    now = int(call.now.timestamp())
    if not isinstance(cursor, dict):
        return Polled((), {"since": now - OVERLAP})
    since, after = cursor["since"], cursor.get("after")
    next_since = cursor.get("next_since") or now - OVERLAP
    found: list[RawEvent] = []
    for _ in range(PAGES_A_POLL):
        query = {"limit": 100, "created": {"gte": since}, "starting_after": after}
        page = Stripe(call).get("/v1/events", query)
        events = cast("list[JsonObject]", page.get("data") or [])
        found += [raw_event(event) for event in events]
        if not page.get("has_more") or not events:
            return Polled(tuple(reversed(found)), {"since": next_since})
        after = events[-1]["id"]
    return Polled(tuple(reversed(found)), {"since": since, "after": after, "next_since": next_since})


def _check_mode(event: JsonObject, connection: Connection) -> None:
    """An event of the other mode was not meant for this connection, whoever signed it."""
    mode = mode_of(connection)
    given = event.get("livemode")
    if mode is None or not isinstance(given, bool) or given is (mode == "live"):
        return
    message = f"The event is of the {'live' if given else 'test'} mode, the connection's key of the {mode} mode."
    remedy = "Give each mode a connection of its own, with its own key, webhook address and webhook secret."
    raise SignatureError(message, code="wrong_mode", remedy=remedy)


def _check_account(event: JsonObject, connection: Connection) -> None:
    """A connection that acts for one connected account takes only that account's events."""
    account = connection.settings.get("account")
    if not account or event.get("account") == account:
        return
    message = f"The event is of the account {event.get('account') or 'of the platform itself'}, not of {account}."
    remedy = "At Stripe, let the webhook listen to connected accounts, and give each a connection of its own."
    raise SignatureError(message, code="wrong_account", remedy=remedy)


def mode_of(connection: Connection) -> str | None:
    """``live`` or ``test`` as the secret key's prefix says; None without a key or with one of another form."""
    keys = connection.secret_versions("secret_key")
    parts = keys[0].split("_") if keys else []
    return parts[1] if len(parts) > 2 and parts[1] in {"live", "test"} else None  # noqa: PLR2004
