"""Instamojo's payments for whoever compares (``payment.list``): the account's own list, the newest first.

Source: ``getPayments`` of Instamojo's PHP SDK (``/v2/payments/`` with ``limit`` and ``page``, no filter by time).
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from connectors.instamojo.api import Instamojo, moment_of, money_of, time_of
from connectors.instamojo.standing import STATUS, status_of
from hub.connect.answers import failure, page_number

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject


def payments(call: Call) -> Json:
    """One page of ``GET /v2/payments/`` (``payment.list``). What went back of a payment only ``payment.get`` says.

    Pages that are older as a whole are not read. Raises like an action; ``bad_answer`` where the oldest come first: then
    nobody could say where to stop.
    """
    since, until = (datetime.fromisoformat(str(call.input[name])) for name in ("since", "until"))
    page = page_number(call.input.get("after"), 1, "Instamojo")
    found, has_more = Instamojo(call).page("/v2/payments/", "payments", page)
    made = [_made(one) for one in found]
    if made and made[0] < made[-1]:
        raise failure("bad_answer", "Instamojo's list of payments does not begin with the newest.")
    items: list[Json] = [_payment(one) for one, time in zip(found, made, strict=True) if since <= time < until]
    return {"items": items, "next": str(page + 1) if has_more and made[-1] >= since else None}


def _made(payment: JsonObject) -> datetime:
    made = moment_of(payment.get("created_at"))
    if made is None:
        raise failure("bad_answer", f"The listed payment {payment.get('id')} does not say when it was made.")
    return made


def _payment(payment: JsonObject) -> JsonObject:
    return {
        "payment": payment.get("id"),
        "status": STATUS[status_of(payment)],
        "amount": money_of(payment.get("amount"), payment.get("currency")),
        "created_at": time_of(payment.get("created_at")),
    }
