"""Refunds, and what Stripe takes for them: of a payment that it converted, at the rate of the refund's own day.

That stands in the refund's balance transaction, in the currency of the balance (Stripe's page *Conversions on disputes and
refunds*; API reference, *The Refund object*, *The Balance Transaction object*).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from connectors.stripe.api import Stripe, amount_form, money_of, object_of, segment, words
from connectors.stripe.carried import passed_on
from connectors.stripe.payments import REFUND_REASONS, intent_id, read
from hub.errors import MoneyError, PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

_STATUS: Mapping[str, str] = {"succeeded": "issued", "failed": "failed", "canceled": "failed"}
_TAKEN = "balance_transaction"
_GIVEN_BACK = "failure_balance_transaction"
_NOTHING: JsonObject = {"fee": None, "settled": None}


def refund(call: Call) -> Json:
    """Give all or a part back (``payment.refund``). The payment's references go along into the refund's events."""
    stripe, given = Stripe(call), call.input
    payment = str(given["payment"])
    options = cast("JsonObject", given.get("options") or {})
    if payment.startswith(("ch_", "py_")):
        source = stripe.get(f"/v1/charges/{segment(payment)}")
        form: dict[str, Json] = {"charge": payment}
    else:
        payment = intent_id(stripe, payment)
        source = stripe.get(f"/v1/payment_intents/{segment(payment)}")
        form = {"payment_intent": payment}
    reason = given.get("reason")
    own_words = {"reason": reason} if reason and reason not in REFUND_REASONS else {}
    form |= {
        "reason": reason if reason in REFUND_REASONS else None,
        "metadata": {**passed_on(object_of(source.get("metadata"))), **own_words, **object_of(given.get("metadata"))},
        "reverse_transfer": options.get("reverse_transfer"),
        "refund_application_fee": options.get("refund_application_fee"),
        "expand": ["charge"],
    }
    if "amount" in given:
        form["amount"] = amount_form(given["amount"])["amount"]
    made = stripe.post("/v1/refunds", form, amount_parameter="amount")
    charge = object_of(made.get("charge"))
    return {
        "refund": made.get("id"),
        "payment": payment,
        "status": _status(made),
        "amount": money_of(made.get("amount"), made.get("currency")),
        "total_refunded": money_of(charge.get("amount_refunded"), made.get("currency")),
        **_taken_by_now(stripe, made),
        "gateway": words(made, code=made.get("failure_reason")),
    }


def get(call: Call) -> Json:
    """The payment as Stripe has it now (``payment.get``), with what Stripe took for its refunds."""
    stripe = Stripe(call)
    output = read(stripe, str(call.input["payment"]))
    back = object_of(output.get("refunded")).get("minor")
    return {**output, "refunds": _listed(stripe, str(output["payment"]))} if back else output


def told(stripe: Stripe, refund: JsonObject, *, failed: bool = False) -> JsonObject:
    """What Stripe took for a refund of which an event tells, or gave back as it failed; empty where it cannot be known.

    Raises ``TransientError`` when Stripe cannot be asked now.
    """
    name = _GIVEN_BACK if failed or _status(refund) == "failed" else _TAKEN
    if not refund.get(name):
        return {}
    try:
        whole = stripe.get(f"/v1/refunds/{segment(refund.get('id'))}", {"expand": [name]})
    except PermanentError:
        return {}
    return _of(whole, name)


def _status(refund: JsonObject) -> str:
    return _STATUS.get(str(refund.get("status")), "pending")


def _taken_by_now(stripe: Stripe, made: JsonObject) -> JsonObject:
    """It is asked for by itself, so that a repeat of the refund is word for word the same under its key.

    The refund is made: that nobody says what it took is no failure, and an event or the next look tells it.
    """
    try:
        return told(stripe, made)
    except TransientError:
        return {}


def _listed(stripe: Stripe, payment: str) -> Json:
    """The refunds of a payment of which it is known what was taken or kept."""
    of = "charge" if payment.startswith(("ch_", "py_")) else "payment_intent"
    try:
        refunds = list(stripe.listed("/v1/refunds", {of: payment, "expand": [f"data.{_TAKEN}"]}))
    except PermanentError:
        return []  # this key may not see them
    known = [(one, _of(one, _TAKEN)) for one in refunds]
    return [
        {
            "refund": one.get("id"),
            "status": _status(one),
            "amount": money_of(one.get("amount"), one.get("currency")),
            **taken,
        }
        for one, taken in known
        if any(taken.values())
    ]


def _of(refund: JsonObject, name: str) -> JsonObject:
    """What a balance transaction says: the amount where it was converted, and the fee where there is one or it was.

    The amount of a refund is below zero, that of the adjustment after it failed above.
    """
    transaction = object_of(refund.get(name))
    amount, currency = transaction.get("amount"), transaction.get("currency")
    if not isinstance(amount, int):
        return _NOTHING
    try:
        fee, settled = money_of(transaction.get("fee"), currency), money_of(abs(amount), currency)
    except MoneyError:
        return _NOTHING
    is_other = currency != refund.get("currency")
    return {"fee": fee if is_other or transaction.get("fee") else None, "settled": settled if is_other else None}
