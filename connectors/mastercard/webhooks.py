"""Notifications: a shared secret in clear proves little and the body nothing, so each is a hint; the order is re-read.

Sources: the gateway's guide "Webhook Notifications" (header ``X-Notification-Secret``, only with https; it advises to
re-read by Retrieve Transaction) and Mastercard's Java sample (headers ``X-Notification-Id`` and ``X-Notification-Attempt``),
whose comparison ignores case and lets a missing secret pass: ours does neither.
"""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import TYPE_CHECKING, cast

from connectors.mastercard.api import Gateway, object_of, read_json
from connectors.mastercard.carried import metadata_of
from connectors.mastercard.orders import entry_of, is_time, transaction_of
from hub.connect.answers import failure
from hub.connect.api import Delivery, RawEvent
from hub.errors import DeliveryError, SignatureError, TransientError

if TYPE_CHECKING:
    from hub.connect.api import Call, Connection, Fetch, WebhookRequest
    from hub.jsontypes import Json, JsonObject

PROOF_HEADER = "x-notification-secret"
ID_HEADER = "x-notification-id"


def receive(request: WebhookRequest, connection: Connection, now: datetime, fetch: Fetch) -> Delivery:
    """Take a notification as a hint. Raises ``SignatureError`` (also ``wrong_account``) or ``DeliveryError``."""
    del fetch, now
    _check_secret(request, connection)
    body = _notification(request)
    merchant = connection.settings.get("merchant_id")
    if merchant and body.get("merchant") not in {None, merchant}:
        message = f"The notification is of the merchant {body.get('merchant')}, not of {merchant}."
        remedy = "Give each merchant profile, test and live, a connection and a notification address of its own."
        raise SignatureError(message, code="wrong_account", remedy=remedy)
    raw = raw_event(body, request.headers.get(ID_HEADER))
    return Delivery((raw,), hint=True)


def enrich(raw: RawEvent, call: Call) -> RawEvent:
    """The same transaction as the gateway itself tells it now: nothing of the notification but its two ids is used.

    Raises ``not_found`` for an order or transaction that the gateway does not know; the sender then tries again.
    """
    hint = object_of(raw.payload)
    order_id = str(object_of(hint.get("order")).get("id"))
    transaction = str(object_of(hint.get("transaction")).get("id"))
    order = Gateway(call).order(order_id)
    entry = entry_of(order, transaction) if order is not None else None
    if order is None or entry is None:
        raise failure(
            "not_found", f"The Mastercard Gateway knows no transaction {transaction!r} of the order {order_id!r}."
        )
    whole: JsonObject = {**{name: value for name, value in order.items() if name != "transaction"}, "id": order_id}
    source = entry.get("sourceOfFunds") or order.get("sourceOfFunds")
    return raw_event({**entry, "sourceOfFunds": source, "order": whole})


def raw_event(body: JsonObject, identity: str | None = None) -> RawEvent:
    """A transaction's answer as an event: its type is ``<transaction.type>.<result>``."""
    order, transaction = object_of(body.get("order")), transaction_of(body)
    kind = f"{transaction.get('type')}.{body.get('result')}"
    moment = next((body[name] for name in ("timeOfLastUpdate", "timeOfRecord") if is_time(body.get(name))), None)
    own = f"{order.get('id')}/{transaction.get('id')}:{kind}"
    time = datetime.fromisoformat(str(moment)) if moment else None
    return RawEvent(identity or own, kind, _tidy(body, order), time)


def _tidy(body: JsonObject, order: JsonObject) -> JsonObject:
    """The body with its metadata under its own names, and without an expiry that is no time."""
    tidy: dict[str, Json] = {**body, "order": {**order, "custom": metadata_of(order)}}
    response = object_of(body.get("authorizationResponse"))
    if not is_time(response.get("autoExpiry")):
        tidy["authorizationResponse"] = {name: value for name, value in response.items() if name != "autoExpiry"}
    return tidy


def _check_secret(request: WebhookRequest, connection: Connection) -> None:
    secrets = connection.secret_versions("webhook_secret")
    if not secrets:
        message = "The connection has no notification secret."
        remedy = "Copy it from Merchant Administration, Admin, Webhook Notifications, into the connection."
        raise SignatureError(message, code="no_secret", remedy=remedy)
    given = request.headers.get(PROOF_HEADER, "").strip()
    if not given or "," in given:
        message = "The notification carries its secret " + ("more than once." if given else "not at all.")
        remedy = "It did not come from the gateway, a proxy takes the header away, or the address is not https."
        raise SignatureError(message, code="no_signature", remedy=remedy)
    # The list is whole before it is judged: how many comparisons were made tells nothing.
    if not any([hmac.compare_digest(secret.encode(), given.encode()) for secret in secrets]):  # noqa: C419
        message = "The notification's secret is not the connection's."
        remedy = "Compare it with Merchant Administration, Admin, Webhook Notifications; test and live have their own."
        raise SignatureError(message, code="bad_signature", remedy=remedy)


def _notification(request: WebhookRequest) -> JsonObject:
    try:
        body = read_json(request.body)
    except TransientError as error:
        message = "The notification is not JSON."
        remedy = "In Merchant Administration, set the notifications' format to REST (JSON), not NVP."
        raise DeliveryError(message, code="not_json", remedy=remedy) from error
    read = body if isinstance(body, dict) else {}
    order, transaction = object_of(read.get("order")), transaction_of(read)
    told = (order.get("id"), transaction.get("id"), transaction.get("type"), read.get("result"))
    if not all(isinstance(one, str) and one for one in told):
        message = "The notification names no order, transaction or result."
        raise DeliveryError(message, code="bad_shape", remedy="Compare it with the order in Merchant Administration.")
    return cast("JsonObject", read)
