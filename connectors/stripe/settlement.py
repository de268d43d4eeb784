"""Where the money goes and what is contested: transfers, payouts, disputes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from connectors.stripe.api import Stripe, amount_form, id_of, money_of, object_of, segment, time_of, words
from connectors.stripe.carried import passed_on
from connectors.stripe.payments import intent_id
from hub.connect.answers import failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

_WHOLE_PAYOUTS: Mapping[str, int] = {"HUF": 100, "TWD": 100}
"""Currencies that Stripe charges with two decimals and pays out without (Stripe's page "Supported currencies")."""

PAYOUT_STATUS: Mapping[str, str] = {
    "pending": "queued",
    "in_transit": "sent",
    "paid": "paid",
    "failed": "failed",
    "canceled": "failed",
}
DISPUTE_STATUS: Mapping[str, str] = {
    "needs_response": "opened",
    "warning_needs_response": "opened",
    "under_review": "answered",
    "warning_under_review": "answered",
    "won": "won",
    "warning_closed": "won",
    "lost": "lost",
}


def transfer(call: Call) -> Json:
    """Move a share to a connected account (``transfer.create``), out of the payment it comes from where one is given."""
    stripe, given = Stripe(call), call.input
    payment = given.get("payment")
    source: JsonObject = {}
    if payment:
        source = _paid(stripe, str(payment))
    known = passed_on(object_of(source.get("metadata")))
    form = {
        **amount_form(given["amount"]),
        "destination": given["provider"],
        "source_transaction": source.get("charge"),
        "description": given.get("description"),
        "metadata": {**known, "payment": source.get("payment"), **object_of(given.get("metadata"))},
    }
    made = stripe.post("/v1/transfers", form)
    return {
        "transfer": made.get("id"),
        "status": "reversed" if made.get("reversed") else "sent",
        "amount": money_of(made.get("amount"), made.get("currency")),
        "provider": id_of(made.get("destination")),
        "payment": source.get("payment"),
        "gateway": words(made),
    }


def reverse(call: Call) -> Json:
    """Take all or a part of a transfer back (``transfer.reverse``)."""
    stripe, given = Stripe(call), call.input
    form: dict[str, Json] = {
        "description": given.get("reason"),
        "metadata": given.get("metadata"),
        "expand": ["transfer"],
    }
    if "amount" in given:
        form["amount"] = amount_form(given["amount"])["amount"]
    path = f"/v1/transfers/{segment(given['transfer'])}/reversals"
    made = stripe.post(path, form, amount_parameter="amount")
    whole = object_of(made.get("transfer")).get("reversed") is True
    return {
        "transfer": given["transfer"],
        "reversal": made.get("id"),
        "status": "reversed" if whole else "sent",
        "amount": money_of(made.get("amount"), made.get("currency")),
        "gateway": words(made),
    }


def pay_out(call: Call) -> Json:
    """Send a connected account's balance to its bank (``payout.create``). Its reference names the account as well."""
    given = call.input
    provider = str(given["provider"])
    if not provider.startswith("acct_"):
        raise failure("invalid_recipient", f"Stripe pays out to connected accounts (acct_…), not to {provider!r}.")
    form = amount_form(given["amount"])
    currency = str(form["currency"]).upper()
    if cast("int", form["amount"]) % _WHOLE_PAYOUTS.get(currency, 1):
        raise failure("bad_input", f"Stripe pays {currency} out in whole units only.")
    options = cast("JsonObject", given.get("options") or {})
    form |= {
        "description": given.get("description"),
        "metadata": {**object_of(given.get("metadata")), "provider": provider},
        "method": options.get("method"),
        "destination": object_of(given.get("to")).get("bank_account"),
    }
    made = Stripe(call, account=provider).post("/v1/payouts", form)
    return _payout_output(made, provider)


def get_payout(call: Call) -> Json:
    """The payout as Stripe has it now (``payout.get``): ``acct_…/po_…``, or ``po_…`` of the own account."""
    provider, _, reference = str(call.input["payout"]).rpartition("/")
    stripe = Stripe(call, account=provider or None)
    return _payout_output(stripe.get(f"/v1/payouts/{segment(reference)}"), provider)


def answer_dispute(call: Call) -> Json:
    """Send evidence, save a draft of it, or accept the loss (``dispute.answer``)."""
    stripe, given = Stripe(call), call.input
    path = f"/v1/disputes/{segment(given['dispute'])}"
    if given.get("accept"):
        made = stripe.post(f"{path}/close", {})
        status = "accepted"
    else:
        submit = given.get("submit", True)
        made = stripe.post(path, {"evidence": given.get("evidence"), "submit": submit})
        status = DISPUTE_STATUS.get(str(made.get("status")), "opened")
    return {
        "dispute": made.get("id"),
        "status": status,
        "due_at": time_of(object_of(made.get("evidence_details")).get("due_by")),
        "gateway": words(made),
    }


def _paid(stripe: Stripe, payment: str) -> JsonObject:
    """The charge that a transfer may draw on, before its money has settled."""
    if payment.startswith(("ch_", "py_")):
        charge = stripe.get(f"/v1/charges/{segment(payment)}")
        payment = id_of(charge.get("payment_intent")) or payment
        return {"payment": payment, "charge": charge["id"], "metadata": charge.get("metadata")}
    intent = stripe.get(f"/v1/payment_intents/{segment(intent_id(stripe, payment))}")
    charge_id = id_of(intent.get("latest_charge"))
    if charge_id is None:
        raise failure("wrong_state", f"The payment {payment} is not paid ({intent.get('status')}).")
    return {"payment": intent["id"], "charge": charge_id, "metadata": intent.get("metadata")}


def _payout_output(payout: JsonObject, provider: str) -> JsonObject:
    reference = f"{provider}/{payout.get('id')}" if provider else payout.get("id")
    return {
        "payout": reference,
        "status": PAYOUT_STATUS.get(str(payout.get("status")), "queued"),
        "amount": money_of(payout.get("amount"), payout.get("currency")),
        "provider": provider or None,
        "expected_at": time_of(payout.get("arrival_date")),
        "reason": payout.get("failure_code"),
        "gateway": words(payout, code=payout.get("failure_code"), message=payout.get("failure_message")),
    }
