"""What Authorize.Net's refusals and declines mean in the hub's table. Pure.

Source: Authorize.Net's own list of response codes (``responseCodes.json``), read in bradberger/goauthorize. ``E…`` are codes
of requests, numbers are response reason codes of transactions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hub.connect.answers import ErrorTable, failure
from hub.connect.answers import failure_of as failure_of_status

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.connect.api import HttpResponse
    from hub.errors import ActionError
    from hub.jsontypes import Json, JsonObject

APPROVED, DECLINED, ERROR, HELD = "1", "2", "3", "4"
"""``responseCode`` of a transaction."""
DUPLICATE = frozenset({"11", "318"})
NONCE_USED = frozenset({"E00114", "E00115", "E00116", "E00117"})
"""A one-time token of the form that is expired, used or not of this account."""

_REQUESTS: Mapping[str, str] = {
    "E00001": "gateway_down",
    "E00005": "unauthorised",
    "E00006": "unauthorised",
    "E00007": "unauthorised",
    "E00008": "unauthorised",
    "E00009": "account_restricted",
    "E00010": "forbidden",
    "E00011": "forbidden",
    "E00012": "duplicate",
    "E00018": "expired_card",
    "E00020": "not_enabled",
    "E00021": "not_enabled",
    "E00025": "not_enabled",
    "E00027": "card_declined",
    "E00035": "not_found",
    "E00036": "wrong_state",
    "E00037": "wrong_state",
    "E00038": "wrong_state",
    "E00039": "duplicate",
    "E00040": "not_found",
    "E00044": "not_enabled",
    "E00049": "gateway_down",
    "E00053": "gateway_down",
    "E00059": "forbidden",
    "E00062": "gateway_down",
    "E00063": "gateway_down",
    "E00064": "forbidden",
    "E00104": "gateway_down",
    **dict.fromkeys(NONCE_USED, "bad_return"),
}
_HAPPENED_PERHAPS = frozenset({"E00001", "E00049", "E00062", "E00063"})

_REASONS: Mapping[str, str] = {
    **dict.fromkeys(("6", "7", "9", "10", "37", "78", "101", "312", "315", "316"), "invalid_card"),
    **dict.fromkeys(("27", "44", "45", "65", "127"), "invalid_card"),
    **dict.fromkeys(("8", "317"), "expired_card"),
    **dict.fromkeys(("11", "318"), "duplicate"),
    "13": "unauthorised",
    **dict.fromkeys(("15", "16", "308", "319"), "not_found"),
    **dict.fromkeys(("17", "18", "28", "56", "90", "154", "246", "247", "289"), "method_unavailable"),
    **dict.fromkeys(("19", "20", "21", "22", "23", "25", "26", "52"), "gateway_down"),
    **dict.fromkeys(("57", "58", "59", "60", "61", "62", "63"), "gateway_down"),
    **dict.fromkeys(("120", "121", "122", "152", "180", "181", "192", "261", "901"), "gateway_down"),
    **dict.fromkeys(("24", "29", "30", "31", "34", "35", "38", "43", "114", "115", "130"), "account_restricted"),
    **dict.fromkeys(("67", "124"), "not_enabled"),
    "39": "currency_unsupported",
    "49": "limit_exceeded",
    **dict.fromkeys(("47", "51", "55"), "amount_exceeds_rest"),
    **dict.fromkeys(("48", "50", "54", "64", "175", "260", "310", "311", "327"), "wrong_state"),
    "123": "forbidden",
    **dict.fromkeys(("193", "250", "251", "252", "253", "254"), "fraud_review"),
    **dict.fromkeys(("104", "105", "106", "107", "108", "109", "110"), "fraud_review"),
    **dict.fromkeys(("2", "3", "4", "41", "66", "128", "141", "145", "165", "185", "191"), "card_declined"),
    **dict.fromkeys((str(code) for code in range(200, 225)), "card_declined"),
}  # fmt: skip
"""Response reason code -> code of the hub. What is not listed is a decline with responseCode 2, else a bad request."""

_REST_REASONS = ErrorTable(
    code=("answer.reason",),
    message="answer.message",
    table={
        "INCORRECT_CREDENTIALS": "unauthorised",
        "AUTHORIZATION_FAILED": "forbidden",
        "RESOURCE_NOT_FOUND": "not_found",
    },
)


def reason_code(response_code: str, reason: str) -> str:
    """The hub's code for a transaction that was refused."""
    return _REASONS.get(reason) or ("card_declined" if response_code == DECLINED else "invalid_request")


def message_of(answer: JsonObject) -> tuple[str, str, str]:
    """``resultCode``, code and text of an answer's first message."""
    messages = cast("JsonObject", answer.get("messages") or {})
    given = messages.get("message")
    first = given[0] if isinstance(given, list) and given else given
    entry = first if isinstance(first, dict) else {}
    return str(messages.get("resultCode") or ""), str(entry.get("code") or ""), str(entry.get("text") or "")


def refusal_of(response: JsonObject) -> tuple[str, str]:
    """Code and text of a transaction's first error, as ``transactionResponse`` holds them; empty where there is none."""
    errors = response.get("errors")
    if isinstance(errors, dict):
        errors = errors.get("error") or [errors]
    entries = errors if isinstance(errors, list) else [errors]
    entry = entries[0] if entries and isinstance(entries[0], dict) else {}
    return str(entry.get("errorCode") or ""), str(entry.get("errorText") or "")


def refused(response_code: str, reason: str, text: str, details: Json = None) -> ActionError:
    """The error for a transaction that was declined or refused, Authorize.Net's own code kept."""
    return failure(
        reason_code(response_code, reason), f"{text} ({reason})".strip(), gateway_code=reason, details=details
    )


def failure_of(answer: JsonObject, *, repeatable: bool) -> ActionError | None:
    """The error that an answer with HTTP 200 means; None when it is none.

    A transaction that was refused is judged by its own ``errors``. Where it is not known whether something happened and a
    repeat would do harm, the error is uncertain.
    """
    result, code, text = message_of(answer)
    transaction = cast("JsonObject", answer.get("transactionResponse") or {})
    if str(transaction.get("responseCode") or "") in {APPROVED, HELD}:
        return None
    reason, words = refusal_of(transaction)
    response_code = str(transaction.get("responseCode") or "")
    if reason and (response_code in {DECLINED, ERROR} or result != "Ok"):
        return refused(response_code or ERROR, reason, words, transaction)
    if response_code == DECLINED:
        return refused(DECLINED, DECLINED, text, transaction)
    if result == "Ok":
        return None
    if code in _HAPPENED_PERHAPS and not repeatable:
        return failure("uncertain", f"{text} ({code})", gateway_code=code, details=answer)
    return failure(_REQUESTS.get(code, "invalid_request"), f"{text} ({code})", gateway_code=code, details=answer)


def failure_of_rest(response: HttpResponse, now: datetime, *, repeatable: bool) -> ActionError:
    """The error that an answer of the webhooks' REST API means (``{status, reason, message, correlationId}``)."""
    return failure_of_status(response, _REST_REASONS, now=now, repeatable=repeatable)
