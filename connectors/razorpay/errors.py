"""What Razorpay's error answers mean in the hub's table. Pure.

``error.code`` only says whose fault it is (``BAD_REQUEST_ERROR``, ``GATEWAY_ERROR``, ``SERVER_ERROR``), ``error.reason`` why
a payment failed, and for everything else there are words alone (Razorpay's pages "Errors" and "Error reasons"). So a reason
is looked up first, then what is typical of the words, then the status.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hub.connect.answers import EXCERPT, default_code, failure, json_or_none, retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hub.connect.api import HttpResponse
    from hub.errors import ActionError
    from hub.jsontypes import Json, JsonObject

REASONS: Mapping[str, str] = {
    "amount_exceeds_maximum_amount": "limit_exceeded",
    "amount_greater_than_maximum_amount": "limit_exceeded",
    "amount_less_than_minimum_amount": "amount_too_small",
    "authentication_failed": "authentication_required",
    "bank_account_invalid": "method_unavailable",
    "bank_account_validation_failed": "method_unavailable",
    "card_declined": "card_declined",
    "card_expired": "expired_card",
    "card_lost_or_stolen": "card_declined",
    "card_not_enrolled": "method_unavailable",
    "card_not_supported": "method_unavailable",
    "card_number_invalid": "invalid_card",
    "debit_instrument_blocked": "card_declined",
    "debit_instrument_inactive": "card_declined",
    "incorrect_card_details": "invalid_card",
    "incorrect_card_expiry_date": "invalid_card",
    "incorrect_cvv": "invalid_card",
    "incorrect_otp": "authentication_required",
    "incorrect_pin": "invalid_card",
    "insufficient_funds": "insufficient_funds",
    "international_transaction_not_allowed": "method_unavailable",
    "invalid_otp": "authentication_required",
    "invalid_vpa": "method_unavailable",
    "mandate_not_active": "method_unavailable",
    "payment_cancelled": "card_declined",
    "payment_collect_request_expired": "card_declined",
    "payment_declined": "card_declined",
    "payment_failed": "card_declined",
    "payment_method_not_enabled_for_merchant": "not_enabled",
    "payment_risk_check_failed": "fraud_review",
    "payment_timed_out": "card_declined",
    "recurring_payment_not_enabled": "not_enabled",
    "token_expired": "expired_card",
    "transaction_daily_limit_exceeded": "limit_exceeded",
    "transaction_limit_exceeded": "limit_exceeded",
    "upi_transaction_limit_exceeded": "limit_exceeded",
}
"""Why a payment failed (``error.reason`` of an answer, ``error_reason`` of a payment)."""

# What is typical of Razorpay's words where there is no reason, most special first; compared in lower case.
_WORDS: Sequence[tuple[str, str]] = (
    ("same idempotency key", "key_reused"),
    ("fully refunded already", "already_refunded"),
    ("already been fully refunded", "already_refunded"),
    ("refund amount is greater", "amount_exceeds_rest"),
    ("greater than the refund payment amount", "amount_exceeds_rest"),
    ("reversal amount exceeds", "amount_exceeds_rest"),
    ("sum of amount requested for transfer is greater", "amount_exceeds_rest"),
    ("amount requested for transfer is greater", "amount_exceeds_rest"),
    ("capture amount must be equal", "amount_exceeds_rest"),
    ("enough balance", "balance_too_low"),
    ("insufficient balance", "balance_too_low"),
    ("sufficient balance", "balance_too_low"),
    ("does not exist", "not_found"),
    ("not a valid id", "not_found"),
    ("reference_id already exists", "duplicate"),
    ("given reference_id", "duplicate"),
    ("less than the minimum", "amount_too_small"),
    ("less than minimum", "amount_too_small"),
    ("amount must be atleast", "amount_too_small"),
    ("amount must be at least", "amount_too_small"),
    ("amount exceeds", "limit_exceeded"),
    ("currency is not supported", "currency_unsupported"),
    ("currency not supported", "currency_unsupported"),
    ("not supported for international", "currency_unsupported"),
    ("already been captured", "wrong_state"),
    ("status should be", "wrong_state"),
    ("not cancellable", "wrong_state"),
    ("cannot be accepted", "wrong_state"),
    ("cannot be cancelled", "wrong_state"),
    ("cannot be captured", "wrong_state"),
    ("cannot be made", "wrong_state"),
    ("cannot be modified", "wrong_state"),
    ("cannot be paused", "wrong_state"),
    ("cannot be resumed", "wrong_state"),
    ("cannot be updated", "wrong_state"),
    ("already been cancelled", "wrong_state"),
    ("is not in active state", "wrong_state"),
    ("is not in paused state", "wrong_state"),
    ("feature not enabled", "not_enabled"),
    ("not enabled", "not_enabled"),
    ("account is not activated", "account_restricted"),
    ("fund account is not active", "invalid_recipient"),
    ("ifsc", "invalid_recipient"),
    ("ip address", "forbidden"),
    ("ip is not whitelisted", "forbidden"),
    ("access to the resource", "forbidden"),
    ("too many requests", "rate_limited"),
)


def decline_of(reason: Json) -> str:
    """The hub's code for why a payment failed; ``card_declined`` where Razorpay says nothing that is known."""
    return REASONS.get(str(reason), "card_declined")


def code_of(error: JsonObject, status: int) -> str:
    """The hub's code for the ``error`` member of an answer."""
    reason = str(error.get("reason") or "")
    if reason in REASONS:
        return REASONS[reason]
    if status == 409:  # noqa: PLR2004
        return "conflict"
    words = str(error.get("description") or "").lower()
    if status in {400, 422}:
        for part, code in _WORDS:
            if part in words:
                return code
    if status < 500 and error.get("code") == "GATEWAY_ERROR":  # noqa: PLR2004
        return "card_declined"
    return "invalid_request" if status == 422 else default_code(status)  # noqa: PLR2004


def failure_of(response: HttpResponse, now: datetime, *, repeatable: bool) -> ActionError:
    """The error that an answer of 400 and above means. Razorpay's own reason or code and words are kept.

    ``repeatable=False``: a 5xx may hide that it happened, and nothing tells a repeat from new work; so it is uncertain.
    """
    answer = json_or_none(response)
    error = cast("JsonObject", answer.get("error") or {}) if isinstance(answer, dict) else {}
    if not isinstance(error, dict):
        error = {"description": str(error)}
    code = code_of(error, response.status)
    own = next((str(error[name]) for name in ("reason", "code") if error.get(name) not in {None, "", "NA"}), None)
    words = str(error.get("description") or "")
    field = f" Field: {error['field']}." if error.get("field") else ""
    message = f"Razorpay answered {response.status}{f' ({own})' if own else ''}{': ' + words if words else '.'}{field}"
    details: object = answer if error else response.text[:EXCERPT]
    if response.status >= 500 and not repeatable:  # noqa: PLR2004
        return failure("uncertain", message, gateway_code=own, details=details)
    return failure(code, message, gateway_code=own, details=details, retry_after=retry_after(response.headers, now))
