"""Where the money goes: Route transfers with their holds, and payouts by RazorpayX."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from connectors.razorpay.api import STEP, Razorpay, list_of, money_of, object_of, rupees, segment, time_of, unix, words
from connectors.razorpay.carried import carried, passed_on
from connectors.razorpay.standing import notes_of, paid
from hub.connect.answers import failure
from hub.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

PAYOUT_STATUS: Mapping[str, str] = {
    "pending": "queued",
    "queued": "queued",
    "scheduled": "queued",
    "on_hold": "queued",
    "processing": "sent",
    "processed": "paid",
    "reversed": "reversed",
    "cancelled": "failed",
    "rejected": "failed",
    "failed": "failed",
}
TRANSFER_STATUS: Mapping[str, str] = {
    "created": "queued",
    "pending": "queued",
    "processed": "sent",
    "partially_reversed": "sent",
    "reversed": "reversed",
    "failed": "failed",
}
_LONGEST_NARRATION = 30
_LONGEST_KEY = 36
"""``X-Payout-Idempotency`` takes 4 to 36 characters; 36 hex digits of the step's key are as good as 40."""


def transfer(call: Call) -> Json:
    """Move a share to a linked account (``transfer.create``), held back where ``options`` say so."""
    razorpay, given = Razorpay(call), call.input
    _check_account(given)
    options = object_of(given.get("options"))
    held = options.get("on_hold") is True or bool(options.get("on_hold_until"))
    part: dict[str, Json] = {
        "account": given["provider"],
        **rupees(given["amount"], "Transfers"),
        "on_hold": held or None,
        "on_hold_until": unix(options.get("on_hold_until")),
    }
    if not given.get("payment"):
        # Direct transfers draw on the balance; Razorpay has to switch them on.
        made = razorpay.post("/v1/transfers", {**part, "notes": carried(call)})
        return _transfer_output(made, None)
    payment = paid(razorpay, str(given["payment"]))
    part["notes"] = {**passed_on(object_of(notes_of(razorpay, payment))), **carried(call)}
    listing = razorpay.post(f"/v1/payments/{segment(payment['id'])}/transfers", {"transfers": [part]})
    items = list_of(listing.get("items"))
    if not items:
        raise failure("bad_answer", "Razorpay gave no transfer back.")
    return _transfer_output(items[0], payment.get("id"))


def find_transfer(call: Call) -> Json | None:
    """The transfer that an earlier attempt of this step made."""
    razorpay, given = Razorpay(call), call.input
    if not given.get("payment"):
        found = razorpay.made_by_this_step("/v1/transfers")
        return None if found is None else _transfer_output(found, None)
    payment = paid(razorpay, str(given["payment"]))
    items = list_of(razorpay.get(f"/v1/payments/{segment(payment['id'])}/transfers").get("items"))
    mine = next((one for one in items if object_of(one.get("notes")).get(STEP) == call.reference), None)
    return None if mine is None else _transfer_output(mine, payment.get("id"))


def reverse(call: Call) -> Json:
    """Take all or a part of a transfer back (``transfer.reverse``)."""
    given = call.input
    body: dict[str, Json] = {"notes": carried(call, reason=given.get("reason"))}
    if "amount" in given:
        body["amount"] = rupees(given["amount"], "Reversals")["amount"]
    razorpay, path = Razorpay(call), f"/v1/transfers/{segment(given['transfer'])}"
    made = razorpay.post(f"{path}/reversals", body)
    return _reversal_output(razorpay, path, made)


def find_reversal(call: Call) -> Json | None:
    """The reversal that an earlier attempt of this step made."""
    razorpay, path = Razorpay(call), f"/v1/transfers/{segment(call.input['transfer'])}"
    items = list_of(razorpay.get(f"{path}/reversals").get("items"))
    mine = next((one for one in items if object_of(one.get("notes")).get(STEP) == call.reference), None)
    return None if mine is None else _reversal_output(razorpay, path, mine)


def release(call: Call) -> Json:
    """Let a held transfer settle (``hold.release``): on the next settlement day."""
    return _hold_output(Razorpay(call).patch(f"/v1/transfers/{segment(call.input['hold'])}", {"on_hold": 0}))


def hold(call: Call) -> Json:
    """Hold a transfer that was not settled yet, until a moment or until it is released (``hold.extend``)."""
    body = {"on_hold": 1, "on_hold_until": unix(call.input.get("until"))}
    return _hold_output(Razorpay(call).patch(f"/v1/transfers/{segment(call.input['hold'])}", body))


def pay_out(call: Call) -> Json:
    """Pay a provider's bank account or UPI address by RazorpayX (``payout.create``)."""
    given = call.input
    account = call.connection.settings.get("payout_account")
    if not account:
        message = f"The connection {call.connection.name!r} names no RazorpayX account to pay out from."
        remedy = f"Open Connections, {call.connection.name}, and fill in the RazorpayX account number."
        raise ConfigError(message, remedy=remedy)
    options = object_of(given.get("options"))
    to = _destination(given)
    body: dict[str, Json] = {
        "account_number": account,
        **rupees(given["amount"], "Payouts"),
        **to,
        "mode": options.get("mode") or ("UPI" if _is_upi(to) else "IMPS"),
        "purpose": options.get("purpose") or "payout",
        "queue_if_low_balance": options.get("queue_if_low_balance") is True,
        "reference_id": call.reference,
        "narration": _narration(given.get("description")),
        "notes": {**carried(call), "provider": str(given["provider"])},
    }
    headers = {"X-Payout-Idempotency": call.key[:_LONGEST_KEY]}
    made = Razorpay(call, payouts=True).post("/v1/payouts", body, headers=headers)
    return _payout_output(made)


def get_payout(call: Call) -> Json:
    """The payout as RazorpayX has it now (``payout.get``)."""
    return _payout_output(Razorpay(call, payouts=True).get(f"/v1/payouts/{segment(call.input['payout'])}"))


def _check_account(given: JsonObject) -> None:
    if not str(given["provider"]).startswith("acc_"):
        message = f"Razorpay passes shares on to linked accounts (acc_…), not to {given['provider']!r}."
        raise failure("bad_input", message)


def _destination(given: JsonObject) -> dict[str, Json]:
    """Where a payout goes: a fund account that RazorpayX knows, or a bank account or UPI address with its owner."""
    to, provider = object_of(given.get("to")), str(given["provider"])
    known = to.get("fund_account") or (provider if provider.startswith("fa_") else None)
    if known:
        return {"fund_account_id": known}
    owner = {
        "name": to.get("name"),
        "email": to.get("email"),
        "contact": to.get("phone"),
        "type": "vendor",
        "reference_id": provider[:40],
    }
    if to.get("vpa") and to.get("name"):
        return {"fund_account": {"account_type": "vpa", "vpa": {"address": to["vpa"]}, "contact": owner}}
    if to.get("account_number") and to.get("ifsc") and to.get("name"):
        bank = {"name": to["name"], "ifsc": to["ifsc"], "account_number": to["account_number"]}
        return {"fund_account": {"account_type": "bank_account", "bank_account": bank, "contact": owner}}
    message = "RazorpayX needs a fund account (fa_…), or under to: name with account_number and ifsc, or name with vpa."
    raise failure("invalid_recipient", message)


def _is_upi(destination: JsonObject) -> bool:
    return object_of(destination.get("fund_account")).get("account_type") == "vpa"


def _narration(description: Json) -> str | None:
    """What stands on the receiver's statement: letters, digits and blanks, 30 of them."""
    text = re.sub(r"[^A-Za-z0-9 ]+", " ", str(description or ""))
    return " ".join(text.split())[:_LONGEST_NARRATION] or None


def _transfer_output(made: JsonObject, payment: Json) -> JsonObject:
    source = made.get("source")
    is_payment = isinstance(source, str) and source.startswith("pay_")
    status = "reversed" if made.get("amount_reversed") == made.get("amount") else None
    return {
        "transfer": made.get("id"),
        "status": status or TRANSFER_STATUS.get(str(made.get("status")), "queued"),
        "amount": money_of(made.get("amount"), made.get("currency")),
        "provider": made.get("recipient"),
        "payment": payment or (source if is_payment else None),
        "gateway": words(made, settlement=made.get("settlement_status"), on_hold=made.get("on_hold")),
    }


def _reversal_output(razorpay: Razorpay, path: str, reversal: JsonObject) -> JsonObject:
    whole = razorpay.get(path)
    is_whole = whole.get("amount_reversed") == whole.get("amount")
    return {
        "transfer": whole.get("id"),
        "reversal": reversal.get("id"),
        "status": "reversed" if is_whole else "sent",
        "amount": money_of(reversal.get("amount"), reversal.get("currency")),
        "gateway": words(reversal),
    }


def _hold_output(made: JsonObject) -> JsonObject:
    return {
        "hold": made.get("id"),
        "status": "held" if made.get("on_hold") else "released",
        "amount": money_of(made.get("amount"), made.get("currency")),
        "until": time_of(made.get("on_hold_until")),
        "gateway": words(made, settlement=made.get("settlement_status")),
    }


def _payout_output(payout: JsonObject) -> JsonObject:
    details = object_of(payout.get("status_details"))
    fees = payout.get("fees")
    return {
        "payout": payout.get("id"),
        "status": PAYOUT_STATUS.get(str(payout.get("status")), "queued"),
        "amount": money_of(payout.get("amount"), payout.get("currency")),
        "fee": money_of(fees, payout.get("currency")) if fees else None,
        "provider": object_of(payout.get("notes")).get("provider") or payout.get("fund_account_id"),
        "reason": details.get("reason") or payout.get("failure_reason"),
        "gateway": words(payout, message=details.get("description"), utr=payout.get("utr")),
    }
