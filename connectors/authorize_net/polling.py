"""What no webhook tells: settlements of eChecks, returns, chargebacks, failed settlements; and what deliveries lost.

One poll reads the transactions that came in since the last one, then the batches that were settled since. A return or a
chargeback may stand in an old batch, so four times a day the batches of the last two months are looked over by their
statistics, and those with returns or chargebacks are read. Sources: ``getSettledBatchListRequest``, ``batchStatisticType``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from connectors.authorize_net.api import AuthorizeNet, listed, time_of
from connectors.authorize_net.transactions import batches, in_batch, moment, submitted_at, unsettled
from connectors.authorize_net.webhooks import POLLED
from hub.connect.api import Polled, RawEvent

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

OVERLAP = timedelta(minutes=30)
"""A transaction may be listed a while after it was sent."""
SETTLEMENT_OVERLAP = timedelta(hours=3)
LATE_EVERY = timedelta(hours=6)
LATE_DAYS = 60
"""Banks may return an eCheck that the payer did not allow for 60 days."""
MOST_DAYS = 30
"""Authorize.Net lists the batches of at most 31 days at once."""
_LATE = frozenset({"returnedItem", "chargeback", "chargebackReversal", "settlementError"})
_LATE_COUNTS = (
    *("returnedItemCount", "chargebackCount", "chargeChargeBackCount", "refundChargeBackCount"),
    *("chargeReturnedItemsCount", "refundReturnedItemsCount"),
)


def poll(call: Call, cursor: Json) -> Polled:
    """News since the last poll; the first one only sets the mark."""
    now = call.now.astimezone(UTC)
    if not isinstance(cursor, dict):
        return Polled((), {"since": now.isoformat(), "late": now.isoformat()})
    api = AuthorizeNet(call)
    since, late = datetime.fromisoformat(str(cursor["since"])), datetime.fromisoformat(str(cursor["late"]))
    found = [_event(one) for one in unsettled(api, since - OVERLAP)]
    settled = max(since - SETTLEMENT_OVERLAP, now - timedelta(days=MOST_DAYS))
    for batch in batches(api, settled, now):
        found += [_event(one, batch) for one in in_batch(api, batch) if _is_news(one, since - OVERLAP)]
    if now - late >= LATE_EVERY:
        found += _late(api, now)
        late = now
    return Polled(tuple(reversed(found)), {"since": now.isoformat(), "late": late.isoformat()})


def _is_news(summary: JsonObject, since: datetime) -> bool:
    """Whether a settled transaction was not told before: it is new, it came late, or it is an eCheck that succeeded now."""
    late = summary.get("transactionStatus") in _LATE or summary.get("hasReturnedItems") is True
    return late or summary.get("accountType") == "eCheck" or submitted_at(summary) >= since


def _late(api: AuthorizeNet, now: datetime) -> list[RawEvent]:
    """Returns and chargebacks of the last two months."""
    found: list[RawEvent] = []
    for days in range(0, LATE_DAYS, MOST_DAYS):
        last = now - timedelta(days=days)
        for batch in batches(api, last - timedelta(days=MOST_DAYS), last):
            if _has_late(batch):
                found += [_event(one, batch) for one in in_batch(api, batch) if _is_late(one)]
    return found


def _has_late(batch: JsonObject) -> bool:
    statistics = listed(batch.get("statistics"), "statistic")
    return any(str(one.get(count) or "0") != "0" for one in statistics for count in _LATE_COUNTS)


def _is_late(summary: JsonObject) -> bool:
    return summary.get("transactionStatus") in _LATE or summary.get("hasReturnedItems") is True


def _event(summary: JsonObject, batch: JsonObject | None = None) -> RawEvent:
    """A summary as a raw event: its type is the transaction's state, so the same state gives the same event."""
    returned = summary.get("hasReturnedItems") is True
    status = "returnedItem" if returned else str(summary.get("transactionStatus"))
    transaction = str(summary.get("transId"))
    time = moment((batch or {}).get("settlementTimeUTC")) if batch else submitted_at(summary)
    event: JsonObject = {
        "notificationId": f"{transaction}:{status}",
        "eventType": f"{POLLED}{status}",
        "eventDate": time_of(time.strftime("%Y-%m-%dT%H:%M:%S")),
        "payload": {"id": transaction, "entityName": "transaction", "summary": summary},
    }
    return RawEvent(f"{transaction}:{status}", f"{POLLED}{status}", event, time)
