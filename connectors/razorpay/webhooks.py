"""Razorpay's webhooks: proved over the raw bytes, filled in from the API; and the same facts by polling.

Scheme: header ``X-Razorpay-Signature``, the hex HMAC-SHA256 of the body under the webhook's own secret;
``X-Razorpay-Event-Id`` is the same on every retry. Nothing says when it was signed: the id alone tells repeats.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from connectors.razorpay.api import PAGE, Razorpay, object_of, segment
from connectors.razorpay.carried import metadata_of
from connectors.razorpay.standing import order_notes
from hub.connect.api import Delivery, Polled, RawEvent
from hub.connect.signatures import Scheme, verify
from hub.connect.webhooks import json_body
from hub.errors import DeliveryError, PermanentError, SignatureError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call, Connection, Fetch, WebhookRequest
    from hub.jsontypes import Json, JsonObject

SCHEME = Scheme(header="X-Razorpay-Signature")
EVENT_ID = "x-razorpay-event-id"

OVERLAP = 3600
"""Seconds that a poll looks back before the last one."""
SWEEP_EVERY = 86400
SWEEP_BACK = 6 * 86400
"""Once a day the last six days are read again: banks decide late (netbanking and UPI are asked for up to five days), and
listings go by when a payment was begun."""
PAGES_A_POLL = 20

_TOLD: Mapping[str, Mapping[str, str]] = {
    "payment": {"authorized": "payment.authorized", "captured": "payment.captured", "failed": "payment.failed"},
    "refund": {"processed": "refund.processed", "failed": "refund.failed"},
}


def receive(request: WebhookRequest, connection: Connection, now: datetime, fetch: Fetch) -> Delivery:
    """Prove a delivery. Raises ``SignatureError`` (also ``wrong_account``) or ``DeliveryError``."""
    del fetch
    secrets = (*connection.secret_versions("webhook_secret"), *connection.secret_versions("payout_webhook_secret"))
    verify(SCHEME, request, secrets, now)
    body = json_body(request)
    if (
        not isinstance(body, dict)
        or not isinstance(body.get("event"), str)
        or not isinstance(body.get("payload"), dict)
    ):
        message = "The delivery is signed by Razorpay but is no event: event or payload is missing."
        raise DeliveryError(message, code="bad_shape", remedy="Compare it with the event in Razorpay's dashboard.")
    event_id = request.headers.get(EVENT_ID, "").strip()
    if not event_id or "," in event_id:
        message = "The delivery has no event id, or several, to tell repeats by."
        raise DeliveryError(
            message, code="bad_shape", remedy="A proxy in front of the hub changes X-Razorpay-Event-Id."
        )
    _check_account(body, connection)
    return Delivery((RawEvent(event_id, str(body["event"]), body, _time(body.get("created_at"))),))


def enrich(raw: RawEvent, call: Call) -> RawEvent:
    """Fill in what a delivery leaves out: the whole payment of a refund or dispute, and the order with the hub's notes.

    References are read from the order, which only the server writes; a payment's notes may come from the payer's browser.
    """
    body = cast("JsonObject", raw.payload)
    payload = dict(object_of(body.get("payload")))
    entities = {name: dict(object_of(object_of(member).get("entity"))) for name, member in payload.items()}
    if not _carries_own_notes(entities):
        _add_payment(entities, call)
        _add_order(entities, call)
    for entity in entities.values():
        if "notes" in entity:
            entity["notes"] = metadata_of(entity["notes"])
    filled: JsonObject = {name: {"entity": entity} for name, entity in entities.items()}
    return RawEvent(raw.id, raw.type, {**body, "payload": filled}, raw.time)


def poll(call: Call, cursor: Json) -> Polled:
    """Payments and refunds since the last poll, as the webhooks would have told them. The first one only sets the marks."""
    now = int(call.now.timestamp())
    if not isinstance(cursor, dict):
        return Polled((), {"since": now, "swept": now})
    since, swept = int(str(cursor["since"])), int(str(cursor["swept"]))
    left = cast("dict[str, list[int]]", cursor.get("left") or {})
    following: dict[str, Json] = {"since": cursor.get("until", now), "swept": cursor.get("swept_until", swept)}
    if not left:
        is_sweep = now - swept >= SWEEP_EVERY
        start = min(now - SWEEP_BACK, since - OVERLAP) if is_sweep else since - OVERLAP
        left = {"payment": [start, now], "refund": [start, now]}
        following = {"since": now, "swept": now if is_sweep else swept}
    found: list[RawEvent] = []
    unread: dict[str, Json] = {}
    for name, (start, end) in left.items():
        things = list(Razorpay(call).listed(f"/v1/{name}s", {"from": str(start), "to": str(end)}, PAGES_A_POLL))
        found += [one for one in (_polled(thing, name) for thing in things) if one is not None]
        if len(things) == PAGES_A_POLL * PAGE:
            unread[name] = [start, things[-1]["created_at"]]
    found.sort(key=lambda one: one.time or call.now)
    if unread:
        # A listing gives the newest first: the next poll goes on with what is older, and moves the marks at the end.
        marks = {"until": following["since"], "swept_until": following["swept"]}
        return Polled(tuple(found), {"since": since, "swept": swept, "left": unread, **marks})
    return Polled(tuple(found), following)


def _polled(entity: JsonObject, name: str) -> RawEvent | None:
    """What a webhook would have said of a payment or refund; None while nothing was decided."""
    kind = _TOLD[name].get(str(entity.get("status")))
    if kind is None and name == "payment" and entity.get("status") == "refunded" and entity.get("captured"):
        kind = "payment.captured"  # it succeeded before it was given back
    if kind is None:
        return None
    created = entity.get("created_at")
    body: JsonObject = {
        "entity": "event",
        "event": kind,
        "contains": [name],
        "payload": {name: {"entity": entity}},
        "created_at": created,
    }
    return RawEvent(f"{kind}:{entity['id']}", kind, body, _time(created))


def _carries_own_notes(entities: dict[str, dict[str, Json]]) -> bool:
    """Events of transfers, payouts, subscriptions and settlements: what they are about was made with notes by the server."""
    return not entities.keys() & {"payment", "refund", "dispute"} or "subscription" in entities


def _add_payment(entities: dict[str, dict[str, Json]], call: Call) -> None:
    known = entities.get("payment", {})
    owner = entities.get("refund") or entities.get("dispute") or {}
    reference = known.get("id") or owner.get("payment_id")
    if reference and "amount" not in known:
        entities["payment"] = dict(Razorpay(call).get(f"/v1/payments/{segment(reference)}"))


def _add_order(entities: dict[str, dict[str, Json]], call: Call) -> None:
    reference, razorpay = entities.get("payment", {}).get("order_id"), Razorpay(call)
    if not reference:
        return
    try:
        order = entities.get("order") or razorpay.get(f"/v1/orders/{segment(reference)}")
        entities["order"] = {**order, "notes": order_notes(razorpay, order)}
    except PermanentError as error:
        if error.code != "not_found":  # without its order a payment is told all the same, without references
            raise
        entities["order"] = {"id": reference, "notes": {}}


def _check_account(event: JsonObject, connection: Connection) -> None:
    """A connection that acts for one account of a partner takes only that account's events."""
    account = connection.settings.get("account")
    if not account or event.get("account_id") == account:
        return
    message = f"The event is of the account {event.get('account_id') or 'that it does not name'}, not of {account}."
    remedy = "Give each account a connection of its own, with its own webhook address and secret."
    raise SignatureError(message, code="wrong_account", remedy=remedy)


def _time(seconds: Json) -> datetime | None:
    is_time = isinstance(seconds, int) and not isinstance(seconds, bool)
    return datetime.fromtimestamp(cast("int", seconds), tz=UTC) if is_time else None
