"""Stripe's lists of payments, transfers, payouts and disputes, for whoever compares: 100 a page, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from connectors.stripe.api import PAGE, Stripe, id_of, money_of, object_of, time_of, unix
from connectors.stripe.settlement import DISPUTE_STATUS, PAYOUT_STATUS

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

BANK_RETURNS = frozenset({"insufficient_funds", "incorrect_account_details", "bank_cannot_process"})
"""Reasons of a debit that the payer's bank took back: a return of the payment (see the event map), not a dispute."""


def payments(call: Call) -> Json:
    """One page of ``GET /v1/charges`` (``payment.list``): each is dated by when it was charged. Failed ones are left out."""
    return _page(call, "charges", _payment)


def transfers(call: Call) -> Json:
    """One page of ``GET /v1/transfers`` (``transfer.list``)."""
    return _page(call, "transfers", _transfer)


def payouts(call: Call) -> Json:
    """One page of ``GET /v1/payouts`` (``payout.list``): the own account's, not those of connected accounts."""
    return _page(call, "payouts", _payout)


def disputes(call: Call) -> Json:
    """One page of ``GET /v1/disputes`` (``dispute.list``)."""
    return _page(call, "disputes", _dispute)


def _page(call: Call, kind: str, shown: Callable[[JsonObject], JsonObject | None]) -> Json:
    given = call.input
    created: JsonObject = {"gte": unix(given["since"]), "lt": unix(given["until"])}
    query: JsonObject = {"created": created, "limit": PAGE, "starting_after": given.get("after")}
    answer = Stripe(call).get(f"/v1/{kind}", query)
    found = cast("list[JsonObject]", answer.get("data") or [])
    items: list[Json] = [one for one in map(shown, found) if one is not None]
    return {"items": items, "next": found[-1]["id"] if found and answer.get("has_more") else None}


def _payment(made: JsonObject) -> JsonObject | None:
    if made.get("status") == "failed":
        return None
    currency, status = made.get("currency"), "pending"
    if made.get("status") == "succeeded":
        status = "succeeded" if made.get("captured") else "authorized"
        if made.get("amount_refunded"):
            status = "refunded" if made.get("refunded") else "partially_refunded"
    return {
        "payment": id_of(made.get("payment_intent")) or made.get("id"),
        "status": status,
        "amount": money_of(made.get("amount"), currency),
        "captured": money_of(made.get("amount_captured"), currency),
        "refunded": money_of(made.get("amount_refunded"), currency),
        "created_at": time_of(made.get("created")),
    }


def _transfer(made: JsonObject) -> JsonObject:
    return {
        "transfer": made.get("id"),
        "status": "reversed" if made.get("reversed") else "sent",
        "amount": money_of(made.get("amount"), made.get("currency")),
        "reversed": money_of(made.get("amount_reversed"), made.get("currency")),
        "provider": id_of(made.get("destination")),
        "payment": object_of(made.get("metadata")).get("payment") or id_of(made.get("source_transaction")),
        "metadata": object_of(made.get("metadata")),
        "created_at": time_of(made.get("created")),
    }


def _payout(made: JsonObject) -> JsonObject:
    return {
        "payout": made.get("id"),
        "status": PAYOUT_STATUS.get(str(made.get("status")), "queued"),
        "amount": money_of(made.get("amount"), made.get("currency")),
        "provider": object_of(made.get("metadata")).get("provider") or "platform",
        "metadata": object_of(made.get("metadata")),
        "created_at": time_of(made.get("created")),
    }


def _dispute(made: JsonObject) -> JsonObject | None:
    if made.get("reason") in BANK_RETURNS:
        return None
    return {
        "dispute": made.get("id"),
        "status": DISPUTE_STATUS.get(str(made.get("status")), "opened"),
        "amount": money_of(made.get("amount"), made.get("currency")),
        "payment": id_of(made.get("payment_intent")) or id_of(made.get("charge")),
        "created_at": time_of(made.get("created")),
    }
