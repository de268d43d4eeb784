"""What 2Checkout's refusals mean in the hub's table. Pure.

Refusals come as ``{"error_code", "message"}`` with a 4xx status; a payment that did not work comes with 2xx and ``Errors``.
The codes are many and not all documented, so that most are told by a part of them, then by the words.

Sources: 2Checkout's pages "API 6.0 Error Codes", "Place orders via API using a 2Pay.js token" and "Refunding an order".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from hub.connect.answers import default_code, failure, json_or_none, retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hub.connect.api import HttpResponse
    from hub.errors import ActionError, PermanentError
    from hub.jsontypes import Json

_CLIENT_ERROR, _SERVER_ERROR = 400, 500

# Over "CODE words", in their order.
_REFUSALS: Sequence[tuple[str, str]] = (
    (r"_NOT_FOUND|NOT_EXIST|does not exist|not found", "not_found"),
    (r"ALREADY_EXISTS|NOT_UNIQUE|DUPLICATE|already (exists|used|in use)", "duplicate"),
    (r"EES_TOKEN", "invalid_card"),
    (r"CURRENCY", "currency_unsupported"),
    (r"(ALREADY|fully)[ _]REFUNDED", "already_refunded"),
    (r"REFUND.*(AMOUNT|TOTAL)|amount.*(higher|greater|exceed)", "amount_exceeds_rest"),
    (r"REFUND.*(DATE|PERIOD|OLD|EXPIRED)|older than", "window_closed"),
    (r"(ORDER|SUBSCRIPTION)\w*_STATUS|status of the (order|subscription)", "wrong_state"),
    (r"FORBIDDEN|NOT_ALLOWED|permission", "forbidden"),
    (r"AUTHENTICATION|INVALID_HASH|invalid hash|SESSION_(INVALID|EXPIRED)", "unauthorised"),
)
_DECLINES: Sequence[tuple[str, str]] = (
    (r"insufficient|INSUFFICIENT_FUNDS", "insufficient_funds"),
    (r"expired", "expired_card"),
    (r"fraud|risk", "fraud_review"),
    (r"3D|authenticat", "authentication_required"),
    (r"limit", "limit_exceeded"),
    (r"cvv|cvc|CCID|card number|CARD_NUMBER|invalid card|INVALID_CARD", "invalid_card"),
    (r"not (supported|available)|PAYMENT_METHOD", "method_unavailable"),
)


def failure_of(response: HttpResponse, now: datetime, *, repeatable: bool = True) -> ActionError:
    """The error that an answer of 400 or more means."""
    answer = json_or_none(response)
    own, words = _own(answer)
    pause = retry_after(response.headers, now)
    said = f"2Checkout answered {response.status}{f' ({own})' if own else ''}{f': {words}' if words else ''}."
    details = answer if answer is not None else response.text[:2000]
    if response.status >= _SERVER_ERROR and not repeatable:
        return failure("uncertain", said, gateway_code=own, details=details)
    code = default_code(response.status)
    if code in {"invalid_request", "wrong_state", "not_found"}:
        code = _told_by(_REFUSALS, f"{own or ''} {words}") or code
    return failure(code, said, gateway_code=own, details=details, retry_after=pause)


def declined(errors: Json) -> PermanentError | None:
    """The error of an order that was taken and whose payment did not work; None when all went well."""
    if not errors:
        return None
    code, words = _first(errors)
    meaning = _told_by(_DECLINES, f"{code or ''} {words}") or "card_declined"
    refused = failure(meaning, f"2Checkout says: {words or code}.", gateway_code=code, details=errors)
    return cast("PermanentError", refused)


def _told_by(table: Sequence[tuple[str, str]], text: str) -> str | None:
    return next((code for pattern, code in table if re.search(pattern, text, re.IGNORECASE)), None)


def _own(answer: Json) -> tuple[str | None, str]:
    if not isinstance(answer, dict):
        return None, ""
    code = answer.get("error_code") or answer.get("code")
    return (str(code) if code else None), str(answer.get("message") or "")


def _first(errors: Json) -> tuple[str | None, str]:
    """Code and words of the first error: ``Errors`` is an object by code, or a list of words."""
    if isinstance(errors, dict):
        code, words = next(iter(cast("Mapping[str, Json]", errors).items()))
        return code, str(words)
    if isinstance(errors, list):
        return None, str(errors[0])
    return None, str(errors)
