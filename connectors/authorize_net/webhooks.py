"""Webhooks: proved over the raw bytes, then completed by what the API says of their transaction or subscription.

A delivery names an id, a response code and an amount. All else, the references above all, is read from the API. Source of
the signature: two public vectors (stymiee/authnetjson), which match HMAC-SHA512 with the signature key as text.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from connectors.authorize_net.api import AuthorizeNet, currency_of, listed, object_of, read_json, time_of
from connectors.authorize_net.carried import TAKEN_BACK, carried_by, described_by, kind_of
from connectors.authorize_net.plans import Plan, quantity_of
from connectors.authorize_net.transactions import Transaction, details
from hub.connect.answers import failure
from hub.connect.api import Delivery, RawEvent
from hub.connect.mapping import moment, without_nulls
from hub.connect.signatures import Scheme, verify
from hub.errors import DeliveryError, PermanentError, SignatureError

if TYPE_CHECKING:
    from datetime import datetime

    from hub.connect.api import Call, Connection, Fetch, WebhookRequest
    from hub.jsontypes import Json, JsonObject

SCHEME: Final = Scheme(header="X-ANET-Signature", algorithm="sha512", encoding="hex", prefix="sha512=")
PAYMENT: Final = "net.authorize.payment."
SUBSCRIPTION: Final = "net.authorize.customer.subscription."
POLLED: Final = "transaction."
_ATTEMPTS = frozenset(f"{PAYMENT}{name}.created" for name in ("authcapture", "authorization", "capture"))
_REFUSED = frozenset({"2", "3"})


def receive(request: WebhookRequest, connection: Connection, now: datetime, fetch: Fetch) -> Delivery:
    """Prove a delivery and give its event. Raises ``SignatureError`` or ``DeliveryError``.

    The scheme has no time, so nothing is stale; repeats are told by their ``notificationId``.
    """
    del fetch
    if "," in request.headers.get(SCHEME.header.lower(), ""):
        message = f"The {SCHEME.header} header came twice."
        raise SignatureError(message, code="no_signature", remedy="It did not come from Authorize.Net.")
    secrets = [key.strip() for key in connection.secret_versions("signature_key")]
    verify(SCHEME, _one_case(request), secrets, now)
    return Delivery((raw_event(request.body),))


def raw_event(body: bytes) -> RawEvent:
    """The event of a delivery's body. Raises ``DeliveryError``."""
    try:
        value = read_json(body)
    except ValueError as error:
        remedy = "Compare it with Authorize.Net's description."
        raise DeliveryError("The body is not JSON.", code="not_json", remedy=remedy) from error
    event = object_of(value)
    own_id, event_type = event.get("notificationId"), event.get("eventType")
    if not (isinstance(own_id, str) and own_id and isinstance(event_type, str) and event_type):
        message = "The delivery has no notificationId or no eventType."
        raise DeliveryError(message, code="bad_shape", remedy="Compare it with Authorize.Net's description.")
    try:
        time = moment(time_of(event.get("eventDate")))
    except (ValueError, OverflowError) as error:
        message = "The delivery's eventDate is no time."
        raise DeliveryError(message, code="bad_shape", remedy="Compare it with Authorize.Net's description.") from error
    return RawEvent(own_id, event_type, event, time)


def enrich(raw: RawEvent, call: Call) -> RawEvent:
    """Read what the event is about; it stands under ``hub`` then. Raises like an action."""
    event = object_of(raw.payload)
    payload = object_of(event.get("payload"))
    if raw.type.startswith((PAYMENT, POLLED)):
        told = _transaction(raw, payload, call)
    elif raw.type.startswith(SUBSCRIPTION):
        told = _subscription(str(payload.get("id") or ""), payload, call)
    else:
        return raw
    return replace(raw, payload={**event, "hub": without_nulls(told) or {}})


def told_of(transaction: Transaction, raw_type: str, payload: JsonObject) -> JsonObject:
    """What a transaction and its event tell in the words of the event map."""
    data, connection = transaction.data, transaction.connection
    code = str(payload.get("responseCode", data.get("responseCode")) or "")
    amount = payload.get("authAmount", data.get("authAmount"))
    settled = str(data.get("settleAmount") or "")
    on_page = kind_of(transaction.invoice)
    # A webhook's word stays what it was; what was found is as the transaction stands.
    refused = raw_type in _ATTEMPTS and code in _REFUSED and on_page
    told = transaction.invoice if refused else transaction.original
    returned = listed(data.get("returnedItems"), "returnedItem")
    return {
        "payment": transaction.reference if raw_type.startswith(POLLED) else told,
        "transaction": transaction.id,
        "checkout": transaction.invoice if on_page else None,
        "code": code,
        "amount": amount,
        "taken": settled if settled.strip("0.") else amount,
        "currency": currency_of(connection),
        "bank": transaction.is_bank,
        "refund": transaction.is_refund,
        "takes": transaction.takes or str(payload.get("merchantReferenceId") or "").startswith(TAKEN_BACK),
        "status": transaction.raw_status,
        "reason": transaction.reason or None,
        "returned": returned[0].get("code") if returned else None,
        "own_code": data.get("responseReasonCode"),
        "message": data.get("responseReasonDescription"),
        "method": transaction.method or None,
        "customer": transaction.customer or None,
        "lapses_at": transaction.lapses_at,
        "submitted_at": transaction.submitted,
        **carried_by(data),
    }


def _transaction(raw: RawEvent, payload: JsonObject, call: Call) -> JsonObject:
    api = AuthorizeNet(call)
    try:
        found = details(api, str(payload.get("id") or ""))
    except PermanentError as error:
        if error.code != "not_found":
            raise
        if str(payload.get("responseCode")) not in {"1", "2", "3", "4"}:
            return {}  # a ping, whose ids are made up
        message = "Authorize.Net does not list the transaction yet of which it told."
        raise failure("transient", message, gateway_code=error.gateway_code) from error
    told = told_of(found, raw.type, payload)
    part = object_of(found.data.get("subscription"))
    if not part.get("id"):
        return told
    about = _subscription(str(part["id"]), {}, call)
    number = int(str(part.get("payNum") or 0))
    return {**told, "subscription": str(part["id"]), "number": number, "plan": about.get("plan")}


def _subscription(reference: str, payload: JsonObject, call: Call) -> JsonObject:
    """What a subscription tells in the words of the event map; what the delivery says where it cannot be found."""
    profile = object_of(payload.get("profile"))
    told: dict[str, Json] = {
        "subscription": reference,
        "status": payload.get("status"),
        "amount": payload.get("amount"),
        "currency": currency_of(call.connection),
        "customer": {"id": str(profile["customerProfileId"])} if profile.get("customerProfileId") else None,
    }
    members: JsonObject = {"subscriptionId": reference, "includeTransactions": True}
    try:
        answer = AuthorizeNet(call).ask("ARBGetSubscriptionRequest", members)
    except PermanentError as error:
        if error.code != "not_found":
            raise
        return told
    found = object_of(answer.get("subscription"))
    plan = Plan.of(found, call.connection)
    attempts = listed(found.get("arbTransactions"), "arbTransaction")
    last = attempts[-1] if attempts else {}
    return {
        **told,
        "plan": plan.reference if plan else None,
        "amount": found.get("amount") or told["amount"],
        "quantity": quantity_of(found),
        "customer": _payer(object_of(found.get("profile"))) or told["customer"],
        "attempt": int(str(last.get("attemptNum") or 1)),
        "attempted": ":".join(str(last[part]) for part in ("payNum", "attemptNum") if last.get(part)) or None,
        "message": last.get("response"),
        **described_by(object_of(found.get("order")))[0],
    }


def _payer(profile: JsonObject) -> JsonObject:
    """Who pays, as a subscription's profile names them."""
    bill_to = object_of(object_of(profile.get("paymentProfile")).get("billTo"))
    name = " ".join(str(bill_to[part]) for part in ("firstName", "lastName") if bill_to.get(part))
    known: dict[str, Json] = {"id": profile.get("customerProfileId"), "email": profile.get("email"), "name": name}
    return {part: str(value) for part, value in known.items() if value}


def _one_case(request: WebhookRequest) -> WebhookRequest:
    """The request with its signature in lower case, prefix and hex digits alike."""
    name = SCHEME.header.lower()
    value = request.headers.get(name)
    return request if value is None else replace(request, headers={**request.headers, name: value.lower()})
