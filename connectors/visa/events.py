"""Events that Visa's deliveries leave half told are re-read (``enrich``); what no delivery tells is asked for (``poll``).

Transaction search lists what happened with its merchant reference, chargebacks stand in a report, and links whose time is
over are closed here. A poll looks back beyond the last one, because Visa lists transactions minutes late.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from connectors.visa import links, plans, subscriptions
from connectors.visa.api import Visa, money_json, object_of, objects_of, segment
from connectors.visa.carried import FORM, LINK, OPEN_LINK, PAGE, is_transaction, kind_of, passed_on
from connectors.visa.details import stamp, time_of
from connectors.visa.payouts import SERVICE
from connectors.visa.transactions import (
    PAGE_SIZE,
    Life,
    Transaction,
    begins_payment,
    by_code,
    found,
    gives_back,
    life_of,
    payment_of,
    search,
    told_of,
    undoes,
    whole,
)
from connectors.visa.webhooks import UPDATED
from hub.connect.answers import error_codes
from hub.connect.api import Polled, RawEvent
from hub.errors import TransientError

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

OVERLAP = timedelta(hours=1)
"""A poll looks back so far before the last one."""

LONGEST = timedelta(hours=24)
"""The most that one poll covers; after a longer pause the next ones go on."""

MOST = 10 * PAGE_SIZE


def enrich(raw: RawEvent, call: Call) -> RawEvent:
    """Re-read what the event is about. Where Visa does not list it yet, a delivery that tells enough by itself is taken.

    Raises ``TransientError`` when it does not: Visa then delivers again.
    """
    payload = cast("JsonObject", raw.payload)
    if object_of(payload.get("hub")).get("read") is True:
        return raw
    data = object_of(object_of(payload.get("payload")).get("data"))
    told: JsonObject | None
    if raw.type.startswith("rbs."):
        told = _subscription(call, data)
    elif raw.type.startswith("payByLink."):
        told = _link_payment(call, data)
    elif raw.type.startswith(("payments.", "risk.")):
        told = _transaction(call, raw.type, data)
    else:
        return raw
    if told is None:
        return raw
    return replace(raw, payload={**payload, "hub": {**object_of(payload.get("hub")), **told, "read": True}})


def poll(call: Call, cursor: Json) -> Polled:
    """What happened since the last poll; the first one only sets the mark."""
    if not isinstance(cursor, dict) or not isinstance(cursor.get("since"), str):
        return Polled((), {"since": stamp(call.now)})
    since = datetime.fromisoformat(str(cursor["since"]))
    until = min(call.now, since + LONGEST)
    visa = Visa(call)
    query = f"submitTimeUtc:[{stamp(since, OVERLAP)} TO {stamp(until)}]"
    listed = search(visa, query, most=MOST)
    raw = [event for one in listed for event in _told(call, visa, one)]
    raw += _chargebacks(call, visa, since - OVERLAP, until)
    raw += [_expired(call, visa, link) for link in links.overdue(visa, call.now)]
    if len(listed) >= MOST:
        until = time_of(listed[-1].submitted) or until
    return Polled(tuple(raw), {"since": stamp(until)})


def _transaction(call: Call, raw_type: str, data: JsonObject) -> JsonObject | None:
    visa = Visa(call)
    wanted = data.get("reconciliationId") if raw_type == UPDATED else data.get("id")
    reference = str(wanted or data.get("id") or "")
    transaction = found(visa, reference) if is_transaction(reference) else None
    if transaction is not None:
        return _read(call, transaction)
    details = object_of(object_of(data.get("orderInformation")).get("amountDetails"))
    if not _tells_amount(data, details):
        raise _not_yet(reference)
    return None


def _read(call: Call, transaction: Transaction) -> JsonObject:
    """What the re-read transaction says, and what it did."""
    visa, told = Visa(call), told_of(transaction.data, call.connection)
    payment = str(told["payment"])
    if undoes(transaction):
        told |= _undone(call, life_of(visa, payment), transaction)
    return {
        **told,
        **_of_page(visa, transaction),
        "captured": transaction.does({"ics_bill", "ics_ecp_debit", "ics_ap_sale", "ics_ap_capture"}),
        "status": transaction.delayed or None,
    }


def _undone(call: Call, life: Life, undoing: Transaction) -> JsonObject:
    """What a void or reversal undid: the whole payment, a part of it, or a refund. It names no amount; the payment does."""
    first, target = life.first, life.undone_by(undoing)
    if target is not None and gives_back(target):
        of_refund = {name: value for name, value in told_of(target.data, call.connection).items() if value}
        return {**of_refund, "undid": "refund", "refund": target.id}
    of_payment = told_of(first.data, call.connection) if first else {}
    known = {name: value for name, value in of_payment.items() if value and name != "payment"}
    return {**known, "undid": "part" if life.captures else "payment"}


def _link_payment(call: Call, data: JsonObject) -> JsonObject:
    """Who paid on a link, found by its number, which is the payment's merchant reference. A link for one is closed."""
    visa = Visa(call)
    purchase = object_of(data.get("purchaseInformation"))
    given = str(data.get("purchaseNumber") or purchase.get("purchaseNumber") or data.get("id"))
    if is_transaction(given):
        transaction = found(visa, given)
        listed = [] if transaction is None else [transaction]
    else:
        listed = [one for one in by_code(visa, given) if begins_payment(one)]
    if not listed:
        raise _not_yet(given)
    return _read(call, listed[-1])


def _of_page(visa: Visa, transaction: Transaction) -> JsonObject:
    """What the page or link says on which a transaction was paid; a link for one is closed.

    A page's first payment is known by the page's number; a second one by its own, so that it can be given back.
    """
    number = transaction.code
    if not kind_of(number) or kind_of(number) == FORM or not begins_payment(transaction):
        return {}
    if links.is_for_one(number):
        links.close(visa, number)
    carried = passed_on(links.references(visa, number))
    if kind_of(number) != PAGE:
        return {**carried, "link": number, "payment": transaction.id}
    good = [one for one in by_code(visa, number) if begins_payment(one)] or [transaction]
    return {**carried, "payment": number if good[0].id == transaction.id else transaction.id}


def _subscription(call: Call, data: JsonObject) -> JsonObject:
    """The plan, price and payer of a subscription that was charged."""
    visa = Visa(call)
    information = object_of(data.get("subscriptionInformation"))
    named = data.get("subscriptionId") or information.get("subscriptionId") or information.get("id") or data.get("id")
    reference = str(named)
    subscription = visa.get(f"{subscriptions.PATH}/{segment(reference)}")
    details = object_of(object_of(subscription.get("orderInformation")).get("amountDetails"))
    own = object_of(subscription.get("subscriptionInformation"))
    code = str(object_of(subscription.get("clientReferenceInformation")).get("code") or "")
    amount = money_json(details.get("billingAmount"), details.get("currency"))
    if amount is None and own.get("planId"):
        amount = plans.price_of(visa.get(f"{plans.PATH}/{segment(own['planId'])}"))
    token = object_of(object_of(subscription.get("paymentInformation")).get("customer")).get("id")
    bill = object_of(object_of(subscription.get("orderInformation")).get("billTo"))
    name = " ".join(str(bill[part]) for part in ("firstName", "lastName") if bill.get(part))
    payer = {"id": token, "name": name or None}
    return {
        "subscription": reference,
        "plan": own.get("planId"),
        "price": amount,
        "customer": {part: value for part, value in payer.items() if value},
        "order": code if code and not code.startswith("hub-") else None,
    }


def _told(call: Call, visa: Visa, transaction: Transaction) -> list[RawEvent]:
    """A listed transaction as the events that a delivery would have told."""
    types = _types(transaction)
    if not types:
        return []
    data = dict(whole(visa, transaction).data)
    if payment_of(data) == transaction.id and not begins_payment(transaction) and SERVICE not in transaction.wanted:
        # A follow-on that somebody else made: only its long form names the payment that it belongs to.
        data = dict((found(visa, transaction.id) or transaction).data)
    told: JsonObject = {**_read(call, Transaction(data)), "read": True}
    payload: JsonObject = {"eventType": types[0], "payload": {"data": data}, "hub": told}
    time = time_of(transaction.submitted)
    return [RawEvent(f"{transaction.id}:{kind}", kind, {**payload, "eventType": kind}, time) for kind in types]


def _types(transaction: Transaction) -> list[str]:
    done, wanted = transaction.services, transaction.wanted
    if SERVICE in wanted:
        return ["transactions.payouts.accept" if SERVICE in done else "transactions.payouts.reject"]
    if transaction.is_held:
        return ["payments.payments.review"]
    types = []
    if begins_payment(transaction):
        is_link = kind_of(transaction.code) in {PAGE, LINK, OPEN_LINK}
        delayed = bool(done & {"ics_ecp_debit", "ics_ap_sale"})
        types.append("transactions.payments.delayed" if delayed else "payments.payments.accept")
        types += ["payByLink.merchant.payment"] if is_link and not delayed else []
    elif wanted & {"ics_auth", "ics_ecp_debit", "ics_ap_sale"}:
        types.append("payments.payments.reject")
    elif wanted & {"ics_bill", "ics_ap_capture"}:
        types.append(
            "payments.captures.accept" if done & {"ics_bill", "ics_ap_capture"} else "payments.captures.reject"
        )
    if wanted & {"ics_credit", "ics_ecp_credit", "ics_ap_refund"}:
        is_done = done & {"ics_credit", "ics_ecp_credit", "ics_ap_refund"}
        types.append("payments.refunds.accept" if is_done else "payments.refunds.reject")
    if undoes(transaction):
        types.append("payments.reversals.accept" if "ics_auth_reversal" in done else "payments.voids.accept")
    return types


def _chargebacks(call: Call, visa: Visa, since: datetime, until: datetime) -> list[RawEvent]:
    """Disputes: only a report tells them. An account without reports has none to give."""
    organization = str(call.connection.settings.get("organization_id") or call.connection.settings["merchant_id"])
    query = {"startTime": stamp(since), "endTime": stamp(until), "organizationId": organization}
    answer = visa.send("GET", "/reporting/v3/chargeback-details", query=query)
    if answer.status in {403, 404}:
        return []
    events = []
    for row in objects_of(visa.judged(answer).object().get("chargebackDetails")):
        code = str(row.get("merchantReferenceNumber") or "")
        payment = payment_of({"id": row.get("requestId"), "clientReferenceInformation": {"code": code}})
        dispute = str(row.get("trackingNumber") or row.get("transactionReferenceNumber") or row.get("requestId"))
        payload: JsonObject = {"payload": {"data": row}, "hub": {"payment": payment, "dispute": dispute, "read": True}}
        known = f"chargeback:{dispute}:{row.get('action')}"
        events.append(RawEvent(known, "reporting.chargeback", payload, time_of(str(row.get("time")))))
    return events


def _expired(call: Call, visa: Visa, link: JsonObject) -> RawEvent:
    """Close a link whose time is over, and tell it."""
    number = str(object_of(link.get("purchaseInformation")).get("purchaseNumber") or link.get("id"))
    links.close(visa, number)
    details = object_of(object_of(link.get("orderInformation")).get("amountDetails"))
    told: JsonObject = {
        **passed_on(links.references(visa, number)),
        "payment": number if kind_of(number) == PAGE else None,
        "link": number if kind_of(number) != PAGE else None,
        "total": details.get("totalAmount"),
        "currency": details.get("currency"),
        "read": True,
    }
    kind = "links.page.expired" if kind_of(number) == PAGE else "links.link.expired"
    return RawEvent(f"expired:{number}", kind, {"payload": {"data": link}, "hub": told}, call.now)


def _tells_amount(data: JsonObject, details: JsonObject) -> bool:
    """Whether a delivery says by itself how much money of which payment it is about."""
    for member, name in (("refundAmountDetails", "refundAmount"), ("reversalAmountDetails", "reversedAmount")):
        inner = object_of(data.get(member))
        if inner.get(name) and inner.get("currency"):
            return True
    return bool(details.get("totalAmount") and details.get("currency"))


def _not_yet(reference: str) -> TransientError:
    row = error_codes()["not_found"]
    message = f"{row.sentence} Visa told of {reference or 'a transaction'} and does not list it yet."
    return TransientError(message, code="not_found", remedy="Nothing; Visa tells it again.")
