"""What Amazon Pay's refusals and states mean in the hub's codes.

Refusals are ``{"reasonCode", "message"}`` (Amazon Pay's page "Manage errors"); a charge that was declined has its reason in
``statusDetails.reasonCode``, also in an answer 200 or 201.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.connect.answers import ErrorTable

if TYPE_CHECKING:
    from collections.abc import Mapping

DECLINES: Final[Mapping[str, str]] = {
    "AmazonRejected": "fraud_review",
    "HardDeclined": "card_declined",
    "MFANotCompleted": "authentication_required",
    "PaymentMethodNotAllowed": "method_unavailable",
    # Amazon keeps the answer under its key, so the same step cannot do better: the next attempt needs another key.
    "ProcessingFailure": "card_declined",
    "SoftDeclined": "card_declined",
    "TransactionTimedOut": "card_declined",
}
"""Reasons of declined charges, as codes of the error table."""

_CODES: Final[Mapping[str, str]] = {
    **DECLINES,
    "AmountMismatch": "invalid_request",
    "ChargePermissionNotModifiable": "wrong_state",
    "CurrencyMismatch": "currency_unsupported",
    "DuplicateIdempotencyKey": "key_reused",
    "InternalServerError": "gateway_down",
    "InvalidAccountStatus": "account_restricted",
    "InvalidAuthentication": "unauthorised",
    "InvalidChargePermissionStatus": "wrong_state",
    "InvalidChargeStatus": "wrong_state",
    "InvalidCheckoutSessionStatus": "wrong_state",
    "InvalidDisputeStatus": "wrong_state",
    "InvalidRefundStatus": "wrong_state",
    "InvalidRequestSignature": "unauthorised",
    "InvalidSignature": "unauthorised",
    "PeriodicAmountExceeded": "limit_exceeded",
    "ResourceNotFound": "not_found",
    "ServiceUnavailable": "gateway_down",
    "TooManyRequests": "rate_limited",
    "TransactionAmountExceeded": "amount_exceeds_rest",
    "TransactionCountExceeded": "limit_exceeded",
    "UnauthorizedAccess": "forbidden",
}

ERRORS: Final = ErrorTable(code=("answer.reasonCode",), message="answer.message", table=_CODES)
"""The table of all refusals."""


def reason_of(code: object) -> str:
    """The hub's code for the reason of a declined charge."""
    return DECLINES.get(str(code), "card_declined")
