"""What Stripe's error answers mean in the hub's table. Pure.

Sources: the error classes and retry rule of stripe-python 16.1.0; Stripe's pages "Error codes" and "Decline codes".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hub.connect.answers import EXCERPT, default_code, error_codes, failure, json_or_none, retry_after
from hub.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.connect.api import HttpResponse
    from hub.errors import ActionError
    from hub.jsontypes import JsonObject

# decline_code of a card_declined error -> code of the hub. Lost, stolen and fraudulent cards stay plain declines:
# Stripe asks merchants not to tell the payer more.
_DECLINES: Mapping[str, str] = {
    "authentication_required": "authentication_required",
    "card_not_supported": "method_unavailable",
    "card_velocity_exceeded": "limit_exceeded",
    "currency_not_supported": "currency_unsupported",
    "expired_card": "expired_card",
    "incorrect_cvc": "invalid_card",
    "incorrect_number": "invalid_card",
    "incorrect_zip": "invalid_card",
    "insufficient_funds": "insufficient_funds",
    "invalid_account": "invalid_card",
    "invalid_amount": "limit_exceeded",
    "invalid_cvc": "invalid_card",
    "invalid_expiry_month": "invalid_card",
    "invalid_expiry_year": "invalid_card",
    "invalid_number": "invalid_card",
    "transaction_not_allowed": "method_unavailable",
    "withdrawal_count_limit_exceeded": "limit_exceeded",
}

_CODES: Mapping[str, str] = {
    "account_closed": "account_restricted",
    "account_country_invalid_address": "account_restricted",
    "account_invalid": "forbidden",
    "amount_too_large": "limit_exceeded",
    "amount_too_small": "amount_too_small",
    "api_key_expired": "unauthorised",
    "authentication_required": "authentication_required",
    "balance_insufficient": "balance_too_low",
    "bank_account_unusable": "invalid_recipient",
    "capture_charge_authorization_expired": "window_closed",
    "capture_unauthorized_payment": "wrong_state",
    "charge_already_captured": "wrong_state",
    "charge_already_refunded": "already_refunded",
    "charge_disputed": "wrong_state",
    "charge_exceeds_source_limit": "limit_exceeded",
    "charge_expired_for_capture": "window_closed",
    "charge_invalid_parameter": "invalid_request",
    "charge_not_refundable": "wrong_state",
    "expired_card": "expired_card",
    "idempotency_key_in_use": "conflict",
    "incorrect_cvc": "invalid_card",
    "incorrect_number": "invalid_card",
    "incorrect_zip": "invalid_card",
    "instant_payouts_limit_exceeded": "limit_exceeded",
    "instant_payouts_unsupported": "not_enabled",
    "insufficient_funds": "balance_too_low",
    "invalid_charge_amount": "limit_exceeded",
    "invalid_cvc": "invalid_card",
    "invalid_expiry_month": "invalid_card",
    "invalid_expiry_year": "invalid_card",
    "invalid_number": "invalid_card",
    "livemode_mismatch": "wrong_mode",
    "lock_timeout": "conflict",
    "no_account": "not_found",
    "payment_intent_authentication_failure": "authentication_required",
    "payment_intent_incompatible_payment_method": "method_unavailable",
    "payment_intent_payment_attempt_failed": "card_declined",
    "payment_intent_unexpected_state": "wrong_state",
    "payment_method_currency_mismatch": "currency_unsupported",
    "payment_method_unactivated": "not_enabled",
    "payment_method_unsupported_type": "method_unavailable",
    "payouts_not_allowed": "not_enabled",
    "platform_api_key_expired": "unauthorised",
    "processing_error": "card_declined",
    "rate_limit": "rate_limited",
    "refund_disputed_payment": "wrong_state",
    "resource_already_exists": "duplicate",
    "resource_missing": "not_found",
    "secret_key_required": "forbidden",
    "setup_intent_authentication_failure": "authentication_required",
    "testmode_charges_only": "account_restricted",
    "transfers_not_allowed": "not_enabled",
}

_TYPES: Mapping[str, str] = {
    "api_error": "gateway_down",
    "card_error": "card_declined",
    "idempotency_error": "key_reused",
}

_OTHER_MODE = "similar object exists in"
"""How Stripe words a test key that met a live object, and the other way round; it has no code of its own for it."""


def code_of(error: JsonObject, status: int, amount_parameter: str | None = None) -> str:
    """The hub's code for the ``error`` member of an answer.

    ``amount_parameter`` names the parameter whose refusal means "more than what is left": Stripe gives no code then.
    """
    own = str(error.get("code") or "")
    if own == "resource_missing" and _OTHER_MODE in str(error.get("message")):
        return "wrong_mode"
    if own == "card_declined":
        return _DECLINES.get(str(error.get("decline_code")), "card_declined")
    if own in _CODES:
        return _CODES[own]
    if error.get("type") in _TYPES:
        return _TYPES[str(error["type"])]
    if amount_parameter is not None and error.get("param") == amount_parameter:
        return "amount_exceeds_rest"
    return "conflict" if status == 409 else default_code(status)  # noqa: PLR2004


def failure_of(response: HttpResponse, now: datetime, amount_parameter: str | None = None) -> ActionError:
    """The error that an answer of 400 and above means. Stripe's own code and words are kept.

    ``Stripe-Should-Retry`` wins over the status. A 5xx that Stripe replays for our key will be replayed for a day: nobody
    can say whether it happened.
    """
    answer = json_or_none(response)
    error = cast("JsonObject", answer.get("error") or {}) if isinstance(answer, dict) else {}
    code = code_of(error, response.status, amount_parameter)
    own = error.get("decline_code") or error.get("code") or error.get("type")
    gateway_code = str(own) if own else None
    words = str(error.get("message") or "")
    named = f" ({gateway_code})" if gateway_code else ""
    message = f"Stripe answered {response.status}{named}{': ' + words if words else '.'}"
    details: object = answer if error else response.text[:EXCERPT]
    advice = response.headers.get("Stripe-Should-Retry", "").lower()
    replayed = response.headers.get("Idempotent-Replayed", "").lower() == "true"
    if response.status >= 500 and (replayed or advice == "false"):  # noqa: PLR2004
        return failure("uncertain", message, gateway_code=gateway_code, details=details)
    row = error_codes()[code]
    pause = retry_after(response.headers, now)
    if advice == "true" and not row.transient:
        return TransientError(
            f"{row.sentence} {message}", code=code, gateway_code=gateway_code, details=details, retry_after=pause
        )
    if advice == "false" and row.transient:
        return PermanentError(
            f"{row.sentence} {message}", code=code, remedy=row.remedy, gateway_code=gateway_code, details=details
        )
    return failure(code, message, gateway_code=gateway_code, details=details, retry_after=pause)
