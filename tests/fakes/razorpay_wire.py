"""What Razorpay's API takes and how it words its refusals, as its pages have it."""

from __future__ import annotations

import re
from typing import Any

from tests.fakes.server import Answered, ComplaintError

NOW = 1795424400
"""2026-11-23T09:00:00Z."""

AMOUNT = {"amount", "currency"}
FIELDS = {
    "orders": {*AMOUNT, "receipt", "notes", "payment", "method", "customer_id", "token", "transfers", "partial_payment"},
    "recurring": {
        *AMOUNT, "email", "contact", "order_id", "customer_id", "token", "recurring", "description", "notes",
    },
    "customers": {"name", "email", "contact", "fail_existing", "gstin", "notes"},
    "capture": AMOUNT,
    "refund": {"amount", "speed", "receipt", "notes", "reverse_all"},
    "payment_links": {
        *AMOUNT, "description", "reference_id", "customer", "notify", "reminder_enable", "accept_partial", "expire_by",
        "callback_url", "callback_method", "notes", "first_min_partial_amount", "upi_link", "options",
    },
    "plans": {"period", "interval", "item", "notes"},
    "subscriptions": {
        "plan_id", "total_count", "quantity", "start_at", "expire_by", "customer_notify", "addons", "offer_id", "notes",
    },
    "subscription_change": {
        "plan_id", "quantity", "remaining_count", "start_at", "offer_id", "schedule_change_at", "customer_notify",
    },
    "transfer": {*AMOUNT, "account", "notes", "linked_account_notes", "on_hold", "on_hold_until"},
    "reversals": {"amount", "notes"},
    "hold": {"on_hold", "on_hold_until"},
    "payouts": {
        *AMOUNT, "account_number", "fund_account_id", "fund_account", "mode", "purpose", "queue_if_low_balance",
        "reference_id", "narration", "notes",
    },
    "contest": {"amount", "summary", "shipping_proof", "billing_proof", "action", "others"},
    "webhooks": {"url", "secret", "events", "active", "alert_email"},
}  # fmt: skip


def error(status: int, description: str, code: str = "BAD_REQUEST_ERROR", **more: Any) -> Answered:
    whole = {"code": code, "description": description, "source": "NA", "step": "NA", "reason": "NA", "metadata": {}}
    return Answered(status, {"error": {**whole, **more}})


def wrong(description: str, **more: Any) -> ComplaintError:
    return ComplaintError(description, error(400, description, **more))


def known(body: Any, kind: str) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise wrong("The request body is not an object.")
    unknown = sorted(set(body) - FIELDS[kind])
    if unknown:
        raise wrong(f"{unknown[0]} is/are not required and should not be sent", field=unknown[0])
    if "notes" in body:
        check_notes(body["notes"])
    return body


def needs(body: dict[str, Any], *names: str) -> None:
    for name in names:
        if body.get(name) in (None, ""):
            raise wrong(f"The {name.replace('_', ' ')} field is required.", field=name)


def check_notes(notes: Any) -> None:
    if not isinstance(notes, dict) or len(notes) > 15:
        raise wrong("The notes may not have more than 15 items.", field="notes")
    if any(not isinstance(value, str) or len(value) > 256 for value in notes.values()):
        raise wrong("Notes value cannot be greater than 256.", field="notes")


def check_amount(body: dict[str, Any], least: int = 100) -> Answered | None:
    needs(body, "amount", "currency")
    if isinstance(body["amount"], bool) or not isinstance(body["amount"], int):
        raise wrong("The amount must be an integer.", field="amount")
    if not re.fullmatch(r"[A-Z]{3}", body["currency"]):
        raise wrong("The currency is not an ISO code.", field="currency")
    if body["currency"] in {"KWD", "BHD", "OMR"} and body["amount"] % 10:
        raise wrong("The last digit of the amount must be 0.", field="amount")
    if body["amount"] < least:
        words = f"Order amount less than minimum amount allowed ({least})"
        return error(400, words, field="amount", reason="input_validation_failed")
    return None
