"""What refusals of Mastercard Send mean in the hub's table. Pure.

Sources: Mastercard's documentation of Send Disbursements: "Error Codes" (``Errors.Error[].ReasonCode``), "HTTP Response
Codes", "Network Response Codes", "Retrying a Declined Transaction".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from hub.connect.answers import EXCERPT, default_code, error_codes, failure, retry_after
from hub.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.connect.api import HttpResponse
    from hub.errors import ActionError
    from hub.jsontypes import Json, JsonObject

# network_status_code (ISO 8583 response code) of a declined disbursement -> code of the hub.
_NETWORK: Mapping[str, str] = {
    "13": "limit_exceeded",
    "14": "invalid_recipient",
    "51": "limit_exceeded",
    "54": "expired_card",
    "57": "method_unavailable",
    "58": "method_unavailable",
    "61": "limit_exceeded",
    "62": "method_unavailable",
    "65": "limit_exceeded",
    "91": "gateway_down",
    "96": "gateway_down",
}

_REASONS: Mapping[str, str] = {
    "AUTHENTICATION_FAILED": "unauthorised",
    "DECLINE": "invalid_recipient",
    "DUPLICATE_REFERENCE": "duplicate",
    "INVALID_INPUT_FORMAT": "invalid_request",
    "INVALID_INPUT_LENGTH": "invalid_request",
    "INVALID_INPUT_VALUE": "invalid_request",
    "LIMIT_EXCEEDED": "limit_exceeded",
    "MISSING_REQUIRED_INPUT": "invalid_request",
    "RESOURCE_UNKNOWN": "not_found",
    "SYSTEM_ERROR": "gateway_down",
}

_ACCOUNT = "recipient_account_uri"
_AGAIN = "It can be sent again later, as new work: each payout has a reference of its own."


def declined(made: JsonObject) -> ActionError:
    """The error that a disbursement with the status DECLINED means. Never transient: the reference is used up."""
    history = _object(_object(made.get("transaction_history")).get("data")).get("transaction")
    last = _object(history[-1]) if isinstance(history, list) and history else made
    own = str(last.get("network_status_code") or made.get("network_status_code") or "")
    row = error_codes()[_NETWORK.get(own, "invalid_recipient")]
    words = str(last.get("network_status_description") or made.get("network_status_description") or "")
    message = (
        f"{row.sentence} Mastercard Send says DECLINED{f' ({own})' if own else ''}{': ' + words if words else ''}."
    )
    details: JsonObject = {"id": made.get("id"), "status": made.get("status"), "network_status_code": own or None}
    remedy = _AGAIN if row.transient else row.remedy
    return PermanentError(message, code=row.code, remedy=remedy, gateway_code=own or "DECLINED", details=details)


def failure_of(response: HttpResponse, now: datetime) -> ActionError:
    """The error that an answer means which is no 2xx. ``Recoverable`` is taken at its word."""
    error = _first_error(response)
    reason, source = str(error.get("ReasonCode") or ""), str(error.get("Source") or "")
    code = _REASONS.get(reason) or (default_code(response.status) if response.status != 402 else "invalid_recipient")  # noqa: PLR2004
    if code == "invalid_request" and source == _ACCOUNT:
        code = "invalid_recipient"
    if response.status in {401, 403, 429}:
        code = default_code(response.status)
    words = str(error.get("Description") or "")
    named = "/".join(one for one in (reason, source) if one)
    message = (
        f"Mastercard Send answered {response.status}{f' ({named})' if named else ''}{': ' + words if words else '.'}"
    )
    details: object = error or response.text[:EXCERPT]
    pause = retry_after(response.headers, now)
    row = error_codes()[code]
    if str(error.get("Recoverable")).lower() == "true" and not row.transient:
        return TransientError(
            f"{row.sentence} {message}", code=code, gateway_code=reason or None, details=details, retry_after=pause
        )
    return failure(code, message, gateway_code=reason or None, details=details, retry_after=pause)


def _first_error(response: HttpResponse) -> JsonObject:
    try:
        answer = json.loads(response.body)
    except ValueError:
        return {}
    listed = _object(_object(cast("Json", answer)).get("Errors")).get("Error")
    if isinstance(listed, list):
        return _object(listed[0]) if listed else {}
    return _object(listed)


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}
