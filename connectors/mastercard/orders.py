"""Orders and their transactions, read: what an order says of a payment. Pure.

Sources: the gateway's REST reference, version 100 (``order.status``, ``transaction.type``, ``result``); its page "Orders".
An answer to Retrieve Order holds the order's members at the top and its transactions, each with ``transaction``, ``result``
and ``response``, under ``transaction``; an answer about one transaction holds the order under ``order``.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast

from connectors.mastercard.api import money_of, object_of
from connectors.mastercard.carried import customer_of, metadata_of
from connectors.mastercard.errors import decline_code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.jsontypes import Json, JsonObject
    from hub.money import Money

PAYING = frozenset({"PAYMENT", "AUTHORIZATION"})
"""Types of the transactions that begin a payment."""
UNDECIDED = frozenset({"PENDING", "UNKNOWN"})

_STATUS: Mapping[str, str] = {
    "AUTHENTICATED": "created",
    "AUTHENTICATION_INITIATED": "created",
    "AUTHENTICATION_NOT_NEEDED": "created",
    "AUTHENTICATION_UNSUCCESSFUL": "failed",
    "AUTHORIZED": "authorized",
    "CANCELLED": "voided",
    "CAPTURED": "succeeded",
    "CHARGEBACK_PROCESSED": "disputed",
    "DISPUTED": "disputed",
    "EXCESSIVELY_REFUNDED": "refunded",
    "EXPIRED": "expired",
    "FAILED": "failed",
    "INITIATED": "created",
    "PARTIALLY_CAPTURED": "succeeded",
    "PARTIALLY_REFUNDED": "partially_refunded",
    "PENDING": "pending",
    "REFUNDED": "refunded",
    # A refund that waits for somebody's approval; the payment itself stands.
    "REFUND_REQUESTED": "succeeded",
    "VERIFIED": "created",
}

_KINDS: Mapping[str, str] = {
    "CARD": "card",
    "SCHEME_TOKEN": "card",
    "ACH": "bank",
    "SEPA": "bank",
    "DIRECT_DEBIT_CANADA": "bank",
    "BANK_TRANSFER": "bank",
    "OPEN_BANKING_BANK_TRANSFER": "bank",
}


def entries(order: JsonObject) -> list[JsonObject]:
    """The transactions of an order, in its order."""
    return [object_of(one) for one in cast("list[Json]", order.get("transaction") or [])]


def transaction_of(entry: JsonObject) -> JsonObject:
    """The ``transaction`` member of an entry."""
    return object_of(entry.get("transaction"))


def entry_of(order: JsonObject, transaction: str) -> JsonObject | None:
    """The entry of one transaction; None when the order has none of this id."""
    return next((one for one in entries(order) if transaction_of(one).get("id") == transaction), None)


def succeeded(order: JsonObject, *types: str) -> list[JsonObject]:
    """The transactions of these types that succeeded."""
    return [
        one for one in entries(order) if one.get("result") == "SUCCESS" and transaction_of(one).get("type") in types
    ]


def is_begun(order: JsonObject) -> bool:
    """Whether money was taken or held, or may yet be: no other payment may be tried on the order then."""
    return any(
        transaction_of(one).get("type") in PAYING and one.get("result") in {"SUCCESS", *UNDECIDED}
        for one in entries(order)
    )


def total(order: JsonObject, name: str) -> Money | None:
    """One of the order's totals: ``totalAuthorizedAmount``, ``totalCapturedAmount``, ``totalRefundedAmount``."""
    return money_of(order.get(name), order.get("currency"))


def status_of(order: JsonObject) -> str:
    """The payment's status in the hub's words."""
    waits = any(transaction_of(one).get("type") in PAYING and one.get("result") in UNDECIDED for one in entries(order))
    if waits and not succeeded(order, *PAYING):
        return "pending"
    if order.get("status") == "CANCELLED" and succeeded(order, "PAYMENT", "CAPTURE"):
        # What was taken and voided before it was settled is given back: no authorisation was let go.
        return "refunded"
    return _STATUS.get(str(order.get("status")), "created")


def payment_output(payment: str, order: JsonObject | None) -> JsonObject:
    """An order as a payment. None: the gateway makes the order when somebody tries to pay, so nobody has yet."""
    if order is None:
        return {"payment": payment, "status": "created", "gateway": {"name": "mastercard", "id": payment}}
    status = status_of(order)
    last = _last_failure(order) if status == "failed" else {}
    response = object_of(last.get("response"))
    refunded = total(order, "totalRefundedAmount")
    captured = total(order, "totalCapturedAmount")
    amount = money_of(order.get("amount"), order.get("currency"))
    own = str(response.get("gatewayCode") or "")
    return {
        "payment": payment,
        "status": status,
        # It is zero where no money was taken.
        "amount": amount.to_json() if amount and amount.minor else None,
        "captured": captured.to_json() if captured and captured.minor else None,
        "refunded": refunded.to_json() if refunded and refunded.minor else None,
        "method": method_of(order),
        "stored_method": stored_method(order),
        "customer": customer_of(order) or None,
        "metadata": metadata_of(order) or None,
        "reason": (decline_code(own) if own else "authentication_required") if status == "failed" else None,
        "lapses_at": lapses_at(order) if status == "authorized" else None,
        "gateway": words(order, code=own or None, message=response.get("acquirerMessage")),
    }


def method_of(order: JsonObject) -> JsonObject | None:
    """What was paid with. The brand decides, whatever the number looks like: Maestro says MAESTRO here."""
    source = object_of(order.get("sourceOfFunds"))
    card = object_of(object_of(source.get("provided")).get("card"))
    kind = str(source.get("type") or "")
    number = str(card.get("number") or "")
    method: dict[str, Json] = {
        "kind": _KINDS.get(kind, kind.lower() or None),
        "brand": str(card["brand"]).lower() if card.get("brand") else None,
        "last4": number[-4:] if number[-4:].isdigit() else None,
    }
    return {name: value for name, value in method.items() if value} or None


def stored_method(order: JsonObject) -> str | None:
    """The reference by which later payments charge the same means: token and agreement, or the order they were agreed in.

    Null unless the payer agreed: without an agreement nothing may be charged later.
    """
    agreement = object_of(order.get("agreement")).get("id")
    if not agreement or not succeeded(order, *PAYING):
        return None
    token = object_of(order.get("sourceOfFunds")).get("token")
    return f"{token}/{agreement}" if token else str(order.get("id") or agreement)


def lapses_at(order: JsonObject) -> str | None:
    """When the authorisation ends, as the acquirer said; null where it said nothing that is a time."""
    for entry in succeeded(order, "AUTHORIZATION"):
        text = object_of(entry.get("authorizationResponse")).get("autoExpiry")
        if is_time(text):
            return str(text)
    return None


def is_time(text: Json) -> bool:
    """Whether a text is a moment with its offset."""
    if not isinstance(text, str):
        return False
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def words(order: JsonObject, **more: Json) -> JsonObject:
    """The ``gateway`` member of an output: what the gateway itself calls it, and how the payer was authenticated."""
    own: dict[str, Json] = {
        "name": "mastercard",
        "id": order.get("id"),
        "status": order.get("status"),
        "authentication": order.get("authenticationStatus"),
        **more,
    }
    return {name: value for name, value in own.items() if value is not None}


def _last_failure(order: JsonObject) -> JsonObject:
    failed = [
        one for one in entries(order) if transaction_of(one).get("type") in PAYING and one.get("result") == "FAILURE"
    ]
    return failed[-1] if failed else {}
