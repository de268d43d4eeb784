"""Paying out to a PayPal account, an e-mail address or a phone number. One payout is one batch of one item."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from connectors.paypal.api import PayPal, amount_of, list_of, money_of, object_of, segment, words
from connectors.paypal.carried import read, written
from hub.connect.answers import error_codes, failure
from hub.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

LONGEST_ITEM_ID = 63
LONGEST_SUBJECT = 255

_BATCH: Mapping[str, str] = {"PENDING": "queued", "PROCESSING": "sent", "DENIED": "failed", "CANCELED": "failed"}
_ITEM: Mapping[str, str] = {
    "SUCCESS": "paid",
    "PENDING": "sent",
    "UNCLAIMED": "sent",
    "ONHOLD": "sent",
    "FAILED": "failed",
    "BLOCKED": "failed",
    "DENIED": "failed",
    "RETURNED": "reversed",
    "REFUNDED": "reversed",
    "REVERSED": "reversed",
}
_BATCH_ID = re.compile(r"/payouts/([A-Za-z0-9-]+)$")


def create(call: Call) -> Json:
    """Send money (``payout.create``). The step's key is the batch's id, so that PayPal never takes it twice."""
    paypal, given = PayPal(call), call.input
    options = object_of(given.get("options"))
    kind, receiver = receiver_of(given)
    carried = {
        "provider": given["provider"] if given["provider"] != receiver else None,
        "metadata": given.get("metadata"),
    }
    subject = options.get("subject") or given.get("description") or "You have a payment"
    item: JsonObject = {
        "recipient_type": kind,
        "receiver": receiver,
        "amount": amount_of(given["amount"], "currency"),
        "note": given.get("description"),
        "sender_item_id": written(carried, LONGEST_ITEM_ID) or call.reference,
        "purpose": str(options["purpose"]).upper() if options.get("purpose") else None,
    }
    header = {"sender_batch_id": call.key, "email_subject": str(subject)[:LONGEST_SUBJECT]}
    try:
        made = paypal.post("/v1/payments/payouts", {"sender_batch_header": header, "items": [item]})
    except PermanentError as error:
        known = _known_batch(error)
        if known is None:
            raise
        return _found(paypal, known)
    batch = object_of(made.get("batch_header"))
    return {
        "payout": batch.get("payout_batch_id"),
        "status": _BATCH.get(str(batch.get("batch_status")), "queued"),
        "amount": given["amount"],
        "provider": given["provider"],
        "gateway": words(batch, id=batch.get("payout_batch_id"), status=batch.get("batch_status")),
    }


def get(call: Call) -> Json:
    """The payout as PayPal has it now (``payout.get``), by its batch's id or its item's."""
    return _found(PayPal(call), str(call.input["payout"]))


def receiver_of(given: JsonObject) -> tuple[str, str]:
    """How PayPal finds the receiver, and by what. Raises ``PermanentError`` (``invalid_recipient``)."""
    to = object_of(given.get("to"))
    for name, kind in (("email", "EMAIL"), ("phone", "PHONE"), ("paypal_id", "PAYPAL_ID")):
        if to.get(name):
            return kind, str(to[name])
    provider = str(given["provider"])
    if to:
        raise failure("invalid_recipient", "Name the receiver under to as email, phone or paypal_id.")
    if "@" in provider:
        return "EMAIL", provider
    if re.fullmatch(r"[2-9A-HJ-NP-Z]{13}", provider):
        return "PAYPAL_ID", provider
    if re.fullmatch(r"\+?[0-9]{7,15}", provider):
        return "PHONE", provider
    raise failure(
        "invalid_recipient",
        f"{provider!r} is no e-mail address, phone number or PayPal account. Give it under to as email, phone or paypal_id.",
    )


def _found(paypal: PayPal, reference: str) -> JsonObject:
    batch = paypal.find(f"/v1/payments/payouts/{segment(reference)}")
    if batch is not None:
        header = object_of(batch.get("batch_header"))
        items = list_of(batch.get("items"))
        return _output(items[0] if items else {}, header)
    return _output(paypal.get(f"/v1/payments/payouts-item/{segment(reference)}"), {})


def _output(item: JsonObject, header: JsonObject) -> JsonObject:
    details, own = object_of(item.get("payout_item")), str(item.get("transaction_status") or "")
    status = _ITEM.get(own) or _BATCH.get(str(header.get("batch_status")), "queued")
    error = object_of(item.get("errors"))
    reason = str(error.get("name") or "").lower()
    return {
        "payout": header.get("payout_batch_id") or item.get("payout_batch_id"),
        "status": status,
        "amount": money_of(details.get("amount")) or money_of(header.get("amount")),
        "fee": money_of(item.get("payout_item_fee")),
        "provider": provider_of(details),
        "reason": (reason if reason in error_codes() else reason or own.lower())
        if status in {"failed", "reversed"}
        else None,
        "gateway": words(
            item,
            id=item.get("payout_item_id") or header.get("payout_batch_id"),
            status=own or header.get("batch_status"),
            code=error.get("name"),
            message=error.get("message"),
        ),
    }


def provider_of(item: JsonObject) -> Json:
    """Whom a payout went to: the provider that the hub named, else the receiver."""
    return read(item.get("sender_item_id")).get("provider") or item.get("receiver")


def _known_batch(error: PermanentError) -> str | None:
    """The batch that PayPal already has under this id, as its refusal links to it."""
    for detail in list_of(object_of(error.details).get("details")):  # type: ignore[arg-type]
        if "sender_batch_id" not in str(detail.get("field")).lower():
            continue
        for link in [*list_of(detail.get("link")), *list_of(detail.get("links"))]:
            found = _BATCH_ID.search(str(link.get("href")))
            if found:
                return found[1]
    return None
