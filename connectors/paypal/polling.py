"""What webhooks did not bring: deliveries that were lost for good, and subscriptions' payments that PayPal never told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from connectors.paypal.api import PayPal, link_of, list_of, object_of, text_of
from connectors.paypal.webhooks import raw_event
from hub.connect.api import Polled, RawEvent
from hub.connect.mapping import moment
from hub.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

OVERLAP = timedelta(minutes=30)
"""How far a poll looks back before the last one: PayPal does not list events in the order of their time."""
EVENTS_KEPT = timedelta(days=29)
"""PayPal lists the events of 30 days."""
PAGES_A_POLL = 20
PAGE = 100

SWEEP_EVERY = timedelta(hours=12)
SWEEP_OVERLAP = timedelta(hours=24)
"""A payment stands in PayPal's activities up to three hours late; a day leaves room for more."""
SWEEP_LONGEST = timedelta(days=30)
"""One search spans 31 days at most."""
_SUBSCRIPTION_PAYMENT = "T0002"


def poll(call: Call, cursor: Json) -> Polled:
    """News since the last poll; the first one only sets the marks.

    The cursor holds ``events`` and ``payments``: until when each was looked at; ``page``: where a flood of events goes on.
    """
    if not isinstance(cursor, dict):
        return Polled((), {"events": text_of(call.now), "payments": text_of(call.now)})
    paypal = PayPal(call)
    found, marks = _events(call, paypal, cursor)
    swept = datetime.fromisoformat(str(cursor["payments"]))
    if call.now - swept >= SWEEP_EVERY:
        found += _payments(call, paypal, swept)
        marks = {**marks, "payments": text_of(call.now)}
    return Polled(tuple(found), {**marks, "payments": marks.get("payments", cursor["payments"])})


def _events(call: Call, paypal: PayPal, cursor: JsonObject) -> tuple[list[RawEvent], JsonObject]:
    page = object_of(cursor.get("page"))
    query = {str(name): str(value) for name, value in page.items()}
    until = str(cursor.get("until") or text_of(call.now))
    if not query:
        since = max(datetime.fromisoformat(str(cursor["events"])) - OVERLAP, call.now - EVENTS_KEPT)
        query = {"page_size": str(PAGE), "start_time": text_of(since), "end_time": until}
    found: list[RawEvent] = []
    for _ in range(PAGES_A_POLL):
        answer = paypal.get("/v1/notifications/webhooks-events", query)
        found += [raw_event(one) for one in list_of(answer.get("events")) if one.get("resource")]
        following = next_query(answer)
        if following is None or following == query:
            return found, {"events": until}
        query = following
    return found, {"events": cursor["events"], "until": until, "page": dict(query)}


def _payments(call: Call, paypal: PayPal, swept: datetime) -> list[RawEvent]:
    """Subscriptions' payments among the account's activities, in the form of PayPal's own events."""
    since = max(swept - SWEEP_OVERLAP, call.now - SWEEP_LONGEST)
    query = {
        "start_date": text_of(since),
        "end_date": text_of(call.now),
        "transaction_type": _SUBSCRIPTION_PAYMENT,
        "fields": "transaction_info",
        "page_size": "500",
    }
    try:
        return [_as_sale(one) for one in _transactions(paypal, query) if one.get("transaction_status") == "S"]
    except PermanentError as error:
        if error.code in {"forbidden", "not_enabled"}:
            return []  # the app may not search activities: README.md, Set-up
        raise


def _transactions(paypal: PayPal, query: Mapping[str, str]) -> Iterator[JsonObject]:
    for page in range(1, PAGES_A_POLL + 1):
        answer = paypal.get("/v1/reporting/transactions", {**query, "page": str(page)})
        for one in list_of(answer.get("transaction_details")):
            yield object_of(one.get("transaction_info"))
        pages = answer.get("total_pages")
        if not isinstance(pages, int) or page >= pages:
            return


def _as_sale(transaction: JsonObject) -> RawEvent:
    amount, time = object_of(transaction.get("transaction_amount")), transaction.get("transaction_initiation_date")
    is_subscription = transaction.get("paypal_reference_id_type") == "SUB"
    sale = {
        "id": transaction.get("transaction_id"),
        "state": "completed",
        "amount": {"total": amount.get("value"), "currency": amount.get("currency_code")},
        "billing_agreement_id": _subscription_id(transaction) if is_subscription else None,
        "custom": transaction.get("custom_field"),
        "create_time": time,
    }
    event: JsonObject = {
        "id": f"transaction-{transaction.get('transaction_id')}",
        "event_type": "PAYMENT.SALE.COMPLETED",
        "create_time": time,
        "resource_type": "sale",
        "resource": {name: value for name, value in sale.items() if value is not None},
    }
    return RawEvent(str(event["id"]), str(event["event_type"]), event, moment(time))


def _subscription_id(transaction: JsonObject) -> str:
    """``I-…``, though the description of this API takes letters and digits only."""
    text = str(transaction.get("paypal_reference_id") or "")
    return f"I-{text[1:]}" if text.startswith("I") and "-" not in text else text


def next_query(answer: JsonObject) -> dict[str, str] | None:
    """The query of the next page. Only that is taken of the link, whose host is another one than the API's."""
    following = link_of(answer, "next")
    return dict(parse_qsl(urlsplit(following).query)) if following else None
