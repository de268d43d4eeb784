"""2Checkout's orders of a time for whoever compares (``payment.list``).

Source: ``GET /orders/`` of 2Checkout's REST reference 6.0 (StartDate, EndDate, IncludeTestOrders, Page, Limit).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from connectors.twocheckout.api import TwoCheckout, flag, is_test, money_of, segment, time_of, zone
from connectors.twocheckout.events import PAGE, net_and_tax
from connectors.twocheckout.orders import standing, total
from hub.connect.answers import failure, page_number

if TYPE_CHECKING:
    from connectors.twocheckout.api import Answer
    from hub.connect.api import Call, Connection
    from hub.jsontypes import Json, JsonObject

_DAY = timedelta(days=1)
"""Days are the account's, and nobody says whether the last is listed as a whole: it is asked for a day more at both ends."""


def payments(call: Call) -> Json:
    """One page of the search (``payment.list``), of the connection's mode. What went back in part it does not say.

    Raises like an action.
    """
    api, given = TwoCheckout(call), call.input
    since, until = (datetime.fromisoformat(str(given[name])) for name in ("since", "until"))
    page = page_number(given.get("after"), 1, "2Checkout")
    local = zone(call.connection)
    query = {
        "StartDate": f"{since.astimezone(local) - _DAY:%Y-%m-%d}",
        "EndDate": f"{until.astimezone(local) + _DAY:%Y-%m-%d}",
        "IncludeTestOrders": "ONLY" if is_test(call.connection) else "NO",
        "Page": str(page),
        "Limit": str(PAGE),
    }
    found = [one for one in api.get("/orders/", query).get("Items") or [] if isinstance(one, dict)]
    # The total that the answer gives is the account's, not the search's: a page that is not full is the last.
    following = str(page + 1) if len(found) == PAGE else None
    # An order that is not finished has no number yet, and nobody paid.
    orders = [
        one for one in found if one.get("RefNo") and (flag(one.get("TestOrder")) is True) is is_test(call.connection)
    ]
    made = [_made(one, call.connection) for one in orders]
    items: list[Json] = [
        _payment(api, one, time) for one, time in zip(orders, made, strict=True) if since <= time < until
    ]
    return {"items": items, "next": following}


def _made(order: Answer, connection: Connection) -> datetime:
    made = time_of(order.get("OrderDate"), connection)
    if not isinstance(made, str):
        raise failure("bad_answer", f"The listed order {order.get('RefNo')} does not say when it was made.")
    return datetime.fromisoformat(made)


def _payment(api: TwoCheckout, order: Answer, made: datetime) -> JsonObject:
    gross = net_and_tax(order)
    if gross is None:
        order = api.get(f"/orders/{segment(order['RefNo'])}/")
    status, _ = standing(order)
    amount = money_of(total(order) if gross is None else gross, order.get("Currency"))
    return {
        "payment": str(order["RefNo"]),
        "status": status,
        "amount": amount,
        "refunded": amount if status == "refunded" else None,
        "created_at": made.isoformat().replace("+00:00", "Z"),
    }
