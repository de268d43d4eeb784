"""Razorpay's lists of payments, transfers, payouts and disputes, for whoever compares: 100 a page, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.razorpay.api import PAGE, Razorpay, list_of, money_of, object_of, time_of, unix
from connectors.razorpay.payments import DISPUTE_STATUS
from connectors.razorpay.settlement import PAYOUT_STATUS, TRANSFER_STATUS
from connectors.razorpay.standing import of_payment
from hub.connect.answers import page_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject


def payments(call: Call) -> Json:
    """One page of ``GET /v1/payments`` (``payment.list``)."""
    return _page(call, Razorpay(call), "payments", _payment)


def transfers(call: Call) -> Json:
    """One page of ``GET /v1/transfers`` (``transfer.list``)."""
    return _page(call, Razorpay(call), "transfers", _transfer)


def payouts(call: Call) -> Json:
    """One page of RazorpayX's ``GET /v1/payouts`` (``payout.list``); empty for a connection that pays nobody out."""
    account = call.connection.settings.get("payout_account")
    if not account:
        return {"items": []}
    return _page(call, Razorpay(call, payouts=True), "payouts", _payout, {"account_number": str(account)})


def disputes(call: Call) -> Json:
    """One page of ``GET /v1/disputes`` (``dispute.list``)."""
    return _page(call, Razorpay(call), "disputes", _dispute)


def _page(
    call: Call,
    razorpay: Razorpay,
    kind: str,
    shown: Callable[[JsonObject], JsonObject],
    more: Mapping[str, str] | None = None,
) -> Json:
    given, skip = call.input, page_number(call.input.get("after"), 0, "Razorpay")
    # `to` is a second that is still listed.
    between = {"from": str(unix(given["since"])), "to": str((unix(given["until"]) or 1) - 1)}
    found = list_of(
        razorpay.get(f"/v1/{kind}", {**between, **(more or {}), "count": str(PAGE), "skip": str(skip)})["items"]
    )
    return {"items": [shown(one) for one in found], "next": str(skip + PAGE) if len(found) == PAGE else None}


def _payment(made: JsonObject) -> JsonObject:
    shown = of_payment(made, made.get("notes"))
    kept = {name: shown[name] for name in ("payment", "status", "amount", "captured", "refunded")}
    return {**kept, "created_at": time_of(made.get("created_at"))}


def _transfer(made: JsonObject) -> JsonObject:
    source = made.get("source")
    is_whole = made.get("amount_reversed") == made.get("amount")
    return {
        "transfer": made.get("id"),
        "status": "reversed" if is_whole else TRANSFER_STATUS.get(str(made.get("status")), "queued"),
        "amount": money_of(made.get("amount"), made.get("currency")),
        "reversed": money_of(made.get("amount_reversed"), made.get("currency")),
        "provider": made.get("recipient"),
        "payment": source if isinstance(source, str) and source.startswith("pay_") else None,
        "metadata": object_of(made.get("notes")),
        "created_at": time_of(made.get("created_at")),
    }


def _payout(made: JsonObject) -> JsonObject:
    return {
        "payout": made.get("id"),
        "status": PAYOUT_STATUS.get(str(made.get("status")), "queued"),
        "amount": money_of(made.get("amount"), made.get("currency")),
        "provider": object_of(made.get("notes")).get("provider") or made.get("fund_account_id"),
        "metadata": object_of(made.get("notes")),
        "created_at": time_of(made.get("created_at")),
    }


def _dispute(made: JsonObject) -> JsonObject:
    return {
        "dispute": made.get("id"),
        "status": DISPUTE_STATUS.get(str(made.get("status")), "opened"),
        "amount": money_of(made.get("amount"), made.get("currency")),
        "payment": made.get("payment_id"),
        "created_at": time_of(made.get("created_at")),
    }
