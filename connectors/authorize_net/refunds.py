"""Refunds (``payment.refund``): a void before the settlement, which gives the whole back; a refund of its own afterwards."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from connectors.authorize_net.api import AuthorizeNet, currency_of, decimal, money_json, object_of, words
from connectors.authorize_net.carried import REFUND, carried_by, line_items, step_reference
from connectors.authorize_net.errors import DUPLICATE, HELD
from connectors.authorize_net.sending import (
    by_step,
    found_after_all,
    payment_of,
    sent,
    settings,
    transaction_of,
    void_transaction,
    wrong_state,
)
from connectors.authorize_net.transactions import UNSETTLED, order_of
from hub.connect.answers import failure
from hub.errors import PermanentError
from hub.money import Money

if TYPE_CHECKING:
    from connectors.authorize_net.transactions import Transaction
    from hub.connect.api import Call
    from hub.errors import ActionError
    from hub.jsontypes import Json, JsonObject

REFUND_DAYS = 180


def refund(call: Call) -> Json:
    """Give all or a part back (``payment.refund``): by a refund once it is settled, before that whole, by a void."""
    api, given = AuthorizeNet(call), call.input
    paid = payment_of(api, transaction_of(api, call))
    taken = cast("Money", paid.taken)
    amount = Money.from_json(given["amount"]) if "amount" in given else taken
    decimal(amount.to_json(), call.connection)
    if amount > taken:
        raise failure("amount_exceeds_rest", f"{taken} was taken.")
    if paid.raw_status == "voided" and (paid.takes or call.attempt > 1):
        return _voided(paid, taken)
    if paid.raw_status == "authorizedPendingCapture":
        raise wrong_state(paid, "nothing was taken yet; let it go with payment.void.")
    if paid.raw_status in UNSETTLED:
        if amount != taken:
            raise wrong_state(paid, "before it is settled, within a day, only the whole amount can be given back.")
        void_transaction(api, paid)
        return _voided(paid, taken)
    if paid.raw_status not in {"settledSuccessfully", "chargebackReversal"}:
        raise wrong_state(paid, "only a payment that was taken can be given back.")
    return _refunded(call, api, paid, amount)


def find_refunded(call: Call) -> Json:
    """The refund that this step made; None when there is none (a void is seen in the payment itself)."""
    made = by_step(AuthorizeNet(call), call, step_reference(REFUND, call), "wrong_state")
    if made is None:
        return None
    amount = money_json(made.data.get("authAmount"), call.connection)
    return _refund_output(made.id, made.original, amount, made.raw_status)


def _refunded(call: Call, api: AuthorizeNet, paid: Transaction, amount: Money) -> Json:
    """A refund of a settled payment. It names the payment's means by their last digits, and takes its references along."""
    given = call.input
    known = carried_by(paid.data)
    metadata = {**object_of(known.get("metadata")), **object_of(given.get("metadata"))}
    members: JsonObject = {
        "transactionType": "refundTransaction",
        "amount": decimal(amount.to_json(), call.connection),
        "currencyCode": currency_of(call.connection),
        "payment": _masked_means(paid),
        "refTransId": paid.id,
        "order": order_of(step_reference(REFUND, call), {"description": given.get("reason")}),
        "lineItems": line_items({**known, "metadata": metadata}),
        "customer": {"email": paid.customer.get("email")},
        "transactionSettings": settings(),
    }
    try:
        made = sent(api, members)
    except PermanentError as error:
        if error.gateway_code in DUPLICATE:
            return found_after_all(find_refunded(call), error)
        raise _late(call, paid, error) from error
    status = "underReview" if str(made.get("responseCode")) == HELD else "refundPendingSettlement"
    return _refund_output(str(made["transId"]), paid.id, cast("Json", amount.to_json()), status)


def _late(call: Call, paid: Transaction, error: PermanentError) -> ActionError:
    """Error 54 says only that no credit can be issued; after 180 days that is the reason."""
    sent_at = paid.submitted
    if error.gateway_code != "54" or not isinstance(sent_at, str):
        return error
    if call.now - datetime.fromisoformat(sent_at) <= timedelta(days=REFUND_DAYS):
        return error
    return failure("window_closed", f"It was paid more than {REFUND_DAYS} days ago.", gateway_code="54")


def _masked_means(paid: Transaction) -> JsonObject:
    payment = object_of(paid.data.get("payment"))
    if paid.is_bank:
        return {"bankAccount": payment["bankAccount"]}
    number = str(object_of(payment.get("creditCard")).get("cardNumber") or "")[-4:]
    return {"creditCard": {"cardNumber": number, "expirationDate": "XXXX"}}


def _voided(paid: Transaction, taken: Money) -> Json:
    return _refund_output(paid.id, paid.id, cast("Json", taken.to_json()), "voided")


def _refund_output(refund_id: str, payment: str, amount: Json, raw_status: str) -> Json:
    status = "pending" if raw_status in {"FDSPendingReview", "underReview"} else "issued"
    return {
        "refund": refund_id,
        "payment": payment,
        "status": status,
        "amount": amount,
        "gateway": words(refund_id, status=raw_status),
    }
