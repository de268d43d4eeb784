"""Authorize.Net's payments for whoever compares (``payment.list``): what no batch holds yet, then each settled batch.

There is no list by date: a transaction is in no batch until it is settled. Sources: ``getUnsettledTransactionListRequest``,
``getSettledBatchListRequest`` (31 days at once), ``getTransactionListRequest`` (1000 a page).
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from connectors.authorize_net.api import AuthorizeNet, money_json, money_of, time_of
from connectors.authorize_net.transactions import (
    AUTHORIZATION_DAYS,
    PAGE_SIZE,
    batches,
    page_of_batch,
    page_of_unsettled,
    status_of,
    submitted_at,
)
from hub.connect.answers import failure

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

UNSETTLED: Final = "unsettled"
_PAGE: Final = re.compile(r"(unsettled|[0-9]{1,20})/([1-9][0-9]{0,5})")
_SPAN: Final = timedelta(days=30)


def payments(call: Call) -> Json:
    """One page (``payment.list``): the payments that were sent within the time. What took no money is left out.

    ``after`` names a batch, or what is in none, and a page of it. What is settled meanwhile is listed twice at the worst.
    Raises like an action.
    """
    api = AuthorizeNet(call)
    since, until = (datetime.fromisoformat(str(call.input[name])) for name in ("since", "until"))
    place, page = _place(call.input.get("after"))
    found = page_of_unsettled(api, page) if place == UNSETTLED else page_of_batch(api, place, page)
    is_last = len(found) < PAGE_SIZE or submitted_at(found[-1]) < since
    following = _batch_after(api, call, place, since, until) if is_last else place
    items: list[Json] = [
        shown for one in found if since <= submitted_at(one) < until and (shown := _payment(api, one)) is not None
    ]
    return {"items": items, "next": following and f"{following}/{1 if is_last else page + 1}"}


def _place(after: Json) -> tuple[str, int]:
    read = _PAGE.fullmatch(str(after or f"{UNSETTLED}/1"))
    if read is None:
        raise failure("bad_input", f"{after!r} is no page of Authorize.Net's: give `next` of the page before.")
    return read[1], int(read[2])


def _batch_after(api: AuthorizeNet, call: Call, place: str, since: datetime, until: datetime) -> str | None:
    """The next batch that may hold payments of the time, by the time of settlement."""
    end = min(call.now, until + timedelta(days=AUTHORIZATION_DAYS))
    known: list[str] = []
    while since < end:
        last = min(since + _SPAN, end)
        settled = sorted(
            (str(one.get("settlementTimeUTC")), str(one.get("batchId"))) for one in batches(api, since, last)
        )
        known += [batch for _, batch in settled if batch not in known]
        since = last
    if place == UNSETTLED:
        return known[0] if known else None
    if place not in known:
        raise failure("bad_input", f"The batch {place} was not settled in this time.")
    return next(iter(known[known.index(place) + 1 :]), None)


def _payment(api: AuthorizeNet, summary: JsonObject) -> JsonObject | None:
    amount = money_of(summary.get("settleAmount"), api.connection)
    if str(summary.get("transactionStatus")).startswith("refund") or amount is None or not amount.minor:
        return None
    return {
        "payment": str(summary.get("transId")),
        "status": status_of(summary),
        "amount": money_json(summary.get("settleAmount"), api.connection),
        "created_at": time_of(summary.get("submitTimeUTC")),
    }
