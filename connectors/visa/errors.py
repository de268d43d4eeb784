"""What Visa's refusals and declines mean in the hub's table. Pure.

Sources: the SDK's models of payments, refunds, captures, reversals, voids and payouts (``errorInformation.reason`` of a 201,
``reason`` of a 400 and 502), 0.0.80.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from connectors.visa.jose import read_json
from hub.connect.answers import EXCERPT, default_code, failure, retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.connect.api import HttpResponse
    from hub.errors import ActionError
    from hub.jsontypes import JsonObject

REASONS: Mapping[str, str] = {
    # The payer's means, with HTTP 201. Lost and stolen cards stay plain declines: nobody tells the payer more.
    "AVS_FAILED": "invalid_card",
    "ALLOWABLE_PIN_RETRIES_EXCEEDED": "card_declined",
    "CONSUMER_AUTHENTICATION_FAILED": "authentication_required",
    "CONSUMER_AUTHENTICATION_REQUIRED": "authentication_required",
    "PENDING_AUTHENTICATION": "authentication_required",
    "AUTHORIZED_RISK_DECLINED": "fraud_review",
    "INVALID_REQUEST": "invalid_request",
    "CVN_NOT_MATCH": "invalid_card",
    "CV_FAILED": "invalid_card",
    "INVALID_CVN": "invalid_card",
    "INVALID_ACCOUNT": "invalid_card",
    "EXPIRED_CARD": "expired_card",
    "EXCEEDS_CREDIT_LIMIT": "limit_exceeded",
    "INSUFFICIENT_FUND": "insufficient_funds",
    "UNAUTHORIZED_CARD": "method_unavailable",
    "ACH_VERIFICATION_FAILED": "invalid_card",
    "DECISION_PROFILE_REJECT": "fraud_review",
    "DECISION_PROFILE_REVIEW": "fraud_review",
    "SCORE_EXCEEDS_THRESHOLD": "fraud_review",
    "BLACKLISTED_CUSTOMER": "fraud_review",
    "CUSTOMER_WATCHLIST_MATCH": "fraud_review",
    "ADDRESS_COUNTRY_WATCHLIST_MATCH": "fraud_review",
    "EMAIL_COUNTRY_WATCHLIST_MATCH": "fraud_review",
    "IP_COUNTRY_WATCHLIST_MATCH": "fraud_review",
    # The request and the state, with HTTP 400.
    "MISSING_FIELD": "invalid_request",
    "INVALID_DATA": "invalid_request",
    "DUPLICATE_REQUEST": "duplicate",
    "INVALID_CARD": "invalid_card",
    "CARD_TYPE_NOT_ACCEPTED": "method_unavailable",
    "INVALID_MERCHANT_CONFIGURATION": "not_enabled",
    "INVALID_AMOUNT": "invalid_request",
    "INVALID_CARD_TYPE": "method_unavailable",
    "INVALID_PAYMENT_ID": "not_found",
    "PROCESSOR_UNAVAILABLE": "gateway_down",
    "AUTH_ALREADY_REVERSED": "wrong_state",
    "TRANSACTION_ALREADY_SETTLED": "wrong_state",
    "TRANSACTION_ALREADY_REVERSED_OR_SETTLED": "wrong_state",
    "MISSING_AUTH": "wrong_state",
    "NOT_VOIDABLE": "wrong_state",
    "CAPTURE_ALREADY_VOIDED": "wrong_state",
    "EXCEEDS_AUTH_AMOUNT": "amount_exceeds_rest",
    "AUTH_AMOUNT_EXCEEDED": "amount_exceeds_rest",
    "REFUND_AMOUNT_EXCEEDED": "amount_exceeds_rest",
    "RESOURCE_NOT_FOUND": "not_found",
    "NOT_FOUND": "not_found",
}
"""Visa's reason -> code of the hub. What is not listed is a decline with 201, and goes by the status otherwise."""

_LOST = frozenset({"SYSTEM_ERROR", "SERVER_TIMEOUT", "SERVICE_TIMEOUT", "SERVER_ERROR"})
_SERVER_FAULT = 500


def reason_of(answer: JsonObject) -> str:
    """Visa's own code for why, wherever the answer holds it; an empty text when it says none."""
    nested = answer.get("errorInformation")
    inner = nested if isinstance(nested, dict) else answer
    listed = answer.get("errors")
    if isinstance(listed, list) and listed and isinstance(listed[0], dict):
        return str(listed[0].get("type") or "").upper()
    return str(inner.get("reason") or "")


def decline_code(reason: str) -> str:
    """The hub's code for a decline that came with HTTP 201 or in an event."""
    return REASONS.get(reason, "card_declined")


def declined(answer: JsonObject) -> ActionError:
    """The error that a 201 with a decline inside means. Visa's own reason and words are kept."""
    reason = reason_of(answer)
    words = message_of(answer)
    status = str(answer.get("status"))
    return failure(
        decline_code(reason or status),
        f"Visa answered {status}{f' ({reason})' if reason else ''}{f': {words}' if words else '.'}",
        gateway_code=reason or status,
        details=answer,
    )


def message_of(answer: JsonObject) -> str:
    """Visa's own words, with the fields that it names."""
    nested = answer.get("errorInformation")
    inner = cast("JsonObject", nested) if isinstance(nested, dict) else answer
    listed = answer.get("errors")
    if isinstance(listed, list) and listed and isinstance(listed[0], dict):
        return str(listed[0].get("message") or "")
    words = str(inner.get("message") or "")
    response = answer.get("response")
    if not words and isinstance(response, dict):
        words = str(response.get("rmsg") or "")
    fields = inner.get("details")
    named = [str(one.get("field")) for one in fields if isinstance(one, dict)] if isinstance(fields, list) else []
    return f"{words} ({', '.join(named)})" if named else words


def failure_of(response: HttpResponse, body: bytes, now: datetime, *, repeatable: bool) -> ActionError:
    """The error that an answer of 400 and above means; ``body`` is decrypted.

    A 5xx after a call that moves money (``repeatable=False``) may hide that it was done: uncertain.
    """
    try:
        answer = read_json(body)
    except ValueError:
        answer = None
    given: JsonObject = answer if isinstance(answer, dict) else {}
    reason, words = reason_of(given), message_of(given)
    own = reason or str(given.get("status") or "") or None
    support = response.headers.get("v-c-correlation-id")
    message = (
        f"Visa answered {response.status}{f' ({own})' if own else ''}{f': {words}' if words else '.'}"
        f"{f' Its support finds it under {support}.' if support else ''}"
    )
    details: object = given or body[:EXCERPT].decode("utf-8", "replace")
    if response.status >= _SERVER_FAULT and not repeatable:
        return failure("uncertain", message, gateway_code=own, details=details)
    code = REASONS.get(reason) or ("gateway_down" if reason in _LOST else default_code(response.status))
    return failure(code, message, gateway_code=own, details=details, retry_after=retry_after(response.headers, now))
