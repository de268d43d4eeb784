"""The payments that PayPal told the app of, for whoever compares (``payment.list``).

Read from the list of the app's own events, which PayPal keeps for 30 days whether or not anybody took their deliveries. The
search of activities (``/v1/reporting/transactions``) would need a permission of its own, runs hours late, has whatever else
happens on the account and goes by captures, not by orders.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode

from connectors.paypal.api import PayPal, list_of, money_of, object_of, text_of, time_of
from connectors.paypal.polling import EVENTS_KEPT, PAGE, next_query
from connectors.paypal.standing import order_of
from hub.connect.answers import failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

TOLD: Final = ("PAYMENT.CAPTURE.COMPLETED", "PAYMENT.SALE.COMPLETED")
"""The events of money that was taken: of orders, and of subscriptions. They are listed one after the other."""

_GIVEN_BACK: Final[Mapping[str, str]] = {"PARTIALLY_REFUNDED": "partially_refunded", "REFUNDED": "refunded"}


def payments(call: Call) -> Json:
    """One page of ``GET /v1/notifications/webhooks-events`` (``payment.list``): each payment as it was when it was told.

    ``after`` is the query of the page. Raises like an action.
    """
    query = _query(call)
    kind = query["event_type"]
    answer = PayPal(call).get("/v1/notifications/webhooks-events", query)
    told = [one for one in list_of(answer.get("events")) if one.get("event_type") == kind and one.get("resource")]
    following = {**(next_query(answer) or query), "event_type": kind}
    if following == query:
        following = _first(call, TOLD[TOLD.index(kind) + 1]) if kind != TOLD[-1] else {}
    return {"items": [_payment(one) for one in told], "next": urlencode(following) or None}


def _query(call: Call) -> dict[str, str]:
    after = call.input.get("after")
    query = dict(parse_qsl(str(after))) if after else _first(call, TOLD[0])
    if query.get("event_type") not in TOLD:
        raise failure("bad_input", f"{after!r} is no page of PayPal's: give `next` of the page before.")
    return query


def _first(call: Call, kind: str) -> dict[str, str]:
    since, until = (datetime.fromisoformat(str(call.input[name])) for name in ("since", "until"))
    between = {"start_time": text_of(max(since, call.now - EVENTS_KEPT)), "end_time": text_of(until)}
    return {"page_size": str(PAGE), **between, "event_type": kind}


def _payment(event: JsonObject) -> JsonObject:
    """The order of a capture, as the event map has it; what never had an order goes by its own id."""
    taken = object_of(event.get("resource"))
    return {
        "payment": order_of(taken) or taken.get("id"),
        "status": _GIVEN_BACK.get(str(taken.get("status") or taken.get("state")).upper(), "succeeded"),
        "amount": money_of(taken.get("amount")),
        "created_at": time_of(taken.get("create_time") or event.get("create_time")),
    }
