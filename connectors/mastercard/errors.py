"""What refusals of the Mastercard Gateway mean in the hub's table. Pure.

Sources: the gateway's REST reference, version 100 (``response.gatewayCode``, ``error.cause``, ``error.field``); its pages
"API Error Handling" and "Transaction Errors" (after SERVER_BUSY or SERVER_FAILED an identical request may be sent again).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, cast

from hub.connect.answers import EXCERPT, default_code, error_codes, failure, retry_after
from hub.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.connect.api import HttpResponse
    from hub.errors import ActionError
    from hub.jsontypes import Json, JsonObject

# response.gatewayCode of a transaction with the result FAILURE -> code of the hub.
DECLINES: Mapping[str, str] = {
    "ABORTED": "permanent",
    "ACQUIRER_SYSTEM_ERROR": "gateway_down",
    "AUTHENTICATION_FAILED": "authentication_required",
    "AUTHENTICATION_IN_PROGRESS": "authentication_required",
    "BLOCKED": "fraud_review",
    "CANCELLED": "permanent",
    "DECLINED": "card_declined",
    "DECLINED_AVS": "invalid_card",
    "DECLINED_AVS_CSC": "invalid_card",
    "DECLINED_CSC": "invalid_card",
    "DECLINED_DO_NOT_CONTACT": "card_declined",
    "DECLINED_INVALID_PIN": "invalid_card",
    "DECLINED_PAYMENT_PLAN": "method_unavailable",
    "DECLINED_PIN_REQUIRED": "authentication_required",
    "DUPLICATE_BATCH": "duplicate",
    "EXCEEDED_RETRY_LIMIT": "limit_exceeded",
    "EXPIRED_CARD": "expired_card",
    "INSUFFICIENT_FUNDS": "insufficient_funds",
    "INVALID_CSC": "invalid_card",
    "LOCK_FAILURE": "conflict",
    "NOT_ENROLLED_3D_SECURE": "authentication_required",
    "NOT_SUPPORTED": "method_unavailable",
    "REFERRED": "card_declined",
    "SYSTEM_ERROR": "gateway_down",
    "TIMED_OUT": "gateway_down",
    "UNSPECIFIED_FAILURE": "card_declined",
}

_CAUSES: Mapping[str, str] = {
    "REQUEST_REJECTED": "forbidden",
    "SERVER_BUSY": "rate_limited",
    "SERVER_FAILED": "gateway_down",
}

_FIELDS: Mapping[str, str] = {
    "order.currency": "currency_unsupported",
    "transaction.currency": "currency_unsupported",
    "sourceOfFunds.token": "method_unavailable",
}

# The gateway has no code for these; they are told by its words alone.
_NOT_FOUND = re.compile(r"(?i)(unable to find|not found|does not exist|no such|could not be found)")
_KNOWN_ALREADY = re.compile(r"(?i)(already exists|already been (used|processed)|duplicate)")

_AGAIN = "It can be tried again, as new work: each attempt at the gateway needs a transaction of its own."


def decline_code(gateway_code: str) -> str:
    """The hub's code for a failed transaction's ``response.gatewayCode``."""
    return DECLINES.get(gateway_code, "card_declined")


def declined(entry: JsonObject) -> ActionError:
    """The error that a transaction with the result FAILURE means, whatever HTTP status brought it.

    Never transient: a repeat under the same transaction id only gives the same result once more.
    """
    response = cast("JsonObject", entry.get("response") or {})
    own = str(response.get("gatewayCode") or "UNSPECIFIED_FAILURE")
    row = error_codes()[decline_code(own)]
    words = str(response.get("acquirerMessage") or "")
    message = f"{row.sentence} The Mastercard Gateway says {own}{': ' + words if words else ''}."
    details: JsonObject = {name: entry.get(name) for name in ("result", "response")}
    remedy = _AGAIN if row.transient else row.remedy
    return PermanentError(message, code=row.code, remedy=remedy, gateway_code=own, details=details)


def code_of(error: JsonObject, status: int) -> str:
    """The hub's code for the ``error`` member of an answer."""
    cause, words = str(error.get("cause") or ""), str(error.get("explanation") or "")
    if status in {401, 403, 429}:
        return default_code(status)
    if cause in _CAUSES:
        return _CAUSES[cause]
    if cause != "INVALID_REQUEST":
        return default_code(status) if status >= 400 else "invalid_request"  # noqa: PLR2004
    if _NOT_FOUND.search(words):
        return "not_found"
    if _KNOWN_ALREADY.search(words):
        return "duplicate"
    field = str(error.get("field") or "")
    if field.startswith("sourceOfFunds.provided"):
        return "invalid_card"
    return _FIELDS.get(field, "invalid_request")


def failure_of(response: HttpResponse, now: datetime) -> ActionError:
    """The error that an answer means which is no 2xx, or whose result is ERROR. The gateway's words are kept."""
    answer = _json_or_none(response)
    error = cast("JsonObject", answer.get("error") or {}) if isinstance(answer, dict) else {}
    code = code_of(error, response.status)
    own = "/".join(str(error[name]) for name in ("cause", "field") if error.get(name)) or None
    words = str(error.get("explanation") or "")
    named = f" ({own})" if own else ""
    message = f"The Mastercard Gateway answered {response.status}{named}{': ' + words if words else '.'}"
    details: object = answer if error else response.text[:EXCERPT]
    return failure(code, message, gateway_code=own, details=details, retry_after=retry_after(response.headers, now))


def _json_or_none(response: HttpResponse) -> Json:
    try:
        return cast("Json", json.loads(response.body))
    except ValueError:
        return None
