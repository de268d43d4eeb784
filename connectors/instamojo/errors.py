"""What Instamojo's error answers mean in the hub's table. Pure.

There are no codes: a refusal names fields with sentences (``{"amount": ["…"]}``), at times under ``message`` beside
``success: false``, or says ``detail`` (Instamojo's SDKs show all of them). So its words are read where the status is 400.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.connect.answers import EXCERPT, default_code, failure, json_or_none, retry_after

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from hub.connect.api import HttpResponse
    from hub.errors import ActionError
    from hub.jsontypes import Json

# What is typical of its words, most special first; compared in lower case.
_WORDS: Sequence[tuple[str, str]] = (
    ("already been refunded", "already_refunded"),
    ("already refunded", "already_refunded"),
    ("refund already", "already_refunded"),
    ("more than the payment", "amount_exceeds_rest"),
    ("greater than the payment", "amount_exceeds_rest"),
    ("cannot be greater than", "amount_exceeds_rest"),
    ("greater than or equal to 9", "amount_too_small"),
    ("less than ₹9", "amount_too_small"),
    ("less than rs", "amount_too_small"),
    ("less than or equal to 200000", "limit_exceeded"),
    ("more than ₹2", "limit_exceeded"),
    ("transaction_id already", "duplicate"),
    ("already exists", "duplicate"),
    ("not successful", "wrong_state"),
    ("already fulfilled", "wrong_state"),
    ("not found", "not_found"),
    ("does not exist", "not_found"),
    ("insufficient balance", "balance_too_low"),
    ("not enough balance", "balance_too_low"),
    ("not allowed", "forbidden"),
)

FAILURES: Mapping[str, str] = {
    "AUTHENTICATION_FAILED": "authentication_required",
    "AUTHORIZATION_FAILED": "card_declined",
    "BANK_DECLINED": "card_declined",
    "CARD_EXPIRED": "expired_card",
    "INSUFFICIENT_FUNDS": "insufficient_funds",
    "INVALID_CARD": "invalid_card",
    "LIMIT_EXCEEDED": "limit_exceeded",
    "RISK": "fraud_review",
}
"""``failure.reason`` of a payment; Instamojo publishes no list, so anything else is a plain decline."""


def decline_of(reason: Json) -> str:
    """The hub's code for why a payment failed; ``card_declined`` where Instamojo says nothing that is known."""
    return FAILURES.get(str(reason).upper().replace(" ", "_"), "card_declined")


def sentences(answer: Json, field: str = "") -> Iterator[tuple[str, str]]:
    """The fields and sentences of an error answer, however it nests them."""
    if isinstance(answer, dict):
        for name, value in answer.items():
            own = field if name in {"message", "detail", "errors", "non_field_errors", "error"} else name
            yield from sentences(value, own) if name != "success" else ()
    elif isinstance(answer, list):
        for value in answer:
            yield from sentences(value, field)
    elif answer is not None:
        yield field, str(answer)


def code_of(words: str, status: int) -> str:
    """The hub's code for an answer's words and status."""
    if status < 300 or status in {400, 409, 422}:  # noqa: PLR2004
        found = next((code for part, code in _WORDS if part in words.lower()), None)
        if found is not None:
            return found
    return "invalid_request" if status < 300 else default_code(status)  # noqa: PLR2004


def failure_of(response: HttpResponse, now: datetime, *, repeatable: bool) -> ActionError:
    """The error that an answer means, also a 200 that says ``success: false``. Instamojo's own words are kept.

    ``repeatable=False``: a 5xx may hide that it happened, and nothing tells a repeat from new work; so it is uncertain.
    """
    answer = json_or_none(response)
    said = list(sentences(answer))
    words = " ".join(f"{field}: {text}" if field else text for field, text in said)
    field = next((name for name, _ in said if name), None)
    message = f"Instamojo answered {response.status}{f': {words}' if words else '.'}"
    details: object = answer if said and len(response.body) <= EXCERPT else response.text[:EXCERPT]
    if response.status >= 500 and not repeatable:  # noqa: PLR2004
        return failure("uncertain", message, gateway_code=field, details=details)
    code = code_of(words, response.status)
    return failure(code, message, gateway_code=field, details=details, retry_after=retry_after(response.headers, now))
