"""How a payment stands at Instamojo, read from the payment (``MOJO…``) or from the payment request that it pays (32 hex).

Events and outputs name the payment. Before somebody has tried to pay there is only the request; every action takes either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.instamojo.api import (
    Instamojo,
    last_segment,
    moment_of,
    money_of,
    object_of,
    segment,
    time_of,
    words,
)
from connectors.instamojo.carried import carried_by, metadata_of
from connectors.instamojo.errors import decline_of
from hub.connect.answers import failure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hub.jsontypes import JsonObject

_INSTRUMENTS: Mapping[str, str] = {
    "card": "card",
    "emi": "card",
    "netbanking": "bank",
    "upi": "upi",
    "wallet": "wallet",
}
STATUS: Mapping[str, str] = {"Credit": "succeeded", "Failed": "failed", "Pending": "pending"}
"""What Instamojo calls a payment's state (:func:`status_of`), in the hub's words."""

_FURTHEST = ("Credit", "Pending", "Failed")


def is_payment(reference: str) -> bool:
    """Whether a reference is a payment's; a payment request's is 32 hex digits."""
    return reference.startswith("MOJO")


def status_of(payment: JsonObject) -> str:
    """``Credit``, ``Failed`` or ``Pending``: version 2 says true, false and null, its webhooks and version 1.1 use words."""
    status = payment.get("status")
    if status is None:
        return "Pending"
    return "Credit" if status is True or str(status).lower() in {"credit", "true", "successful"} else "Failed"


def request_id(payment: JsonObject) -> str:
    """The payment request of a payment; empty where it was paid otherwise."""
    return last_segment(payment.get("payment_request"))


def get_payment(instamojo: Instamojo, reference: str) -> JsonObject:
    """One payment. Raises like an action."""
    answer = instamojo.get(f"/v2/payments/{segment(reference)}/")
    return object_of(answer.get("payment")) or answer


def get_request(instamojo: Instamojo, reference: str) -> JsonObject:
    """One payment request. Raises like an action."""
    answer = instamojo.get(f"/v2/payment_requests/{segment(reference)}/")
    return object_of(answer.get("payment_request")) or answer


def payment_ids(request: JsonObject) -> list[str]:
    """The payments on a request: links, or whole payments, as the answer has it."""
    listed = request.get("payments")
    if not isinstance(listed, list):
        return []
    return [str(one.get("id")) if isinstance(one, dict) else last_segment(one) for one in listed]


def furthest(instamojo: Instamojo, request: JsonObject) -> JsonObject | None:
    """The payment on a request that got furthest, the latest of several; None when nobody has tried."""
    tried = [get_payment(instamojo, one) for one in payment_ids(request)]
    return min(reversed(tried), key=lambda one: _FURTHEST.index(status_of(one)), default=None)


def read(instamojo: Instamojo, reference: str, now: datetime) -> JsonObject:
    """The payment as an output. Raises like an action."""
    if is_payment(reference):
        payment = get_payment(instamojo, reference)
        request = get_request(instamojo, request_id(payment)) if request_id(payment) else {}
        return of_payment(instamojo, payment, request)
    request = get_request(instamojo, reference)
    found = furthest(instamojo, request)
    return of_request(request, now) if found is None else of_payment(instamojo, found, request)


def paid(instamojo: Instamojo, reference: str) -> JsonObject:
    """The payment that a reference stands for. Raises ``wrong_state`` while nobody has paid on the request."""
    found = (
        get_payment(instamojo, reference)
        if is_payment(reference)
        else furthest(instamojo, get_request(instamojo, reference))
    )
    if found is None or status_of(found) != "Credit":
        raise failure("wrong_state", f"Nobody has paid on {reference} yet.")
    return found


def has_expired(request: JsonObject, now: datetime) -> bool:
    """Whether the time to pay is over."""
    end = moment_of(request.get("expires_at"))
    return end is not None and end <= now


def of_request(request: JsonObject, now: datetime) -> JsonObject:
    """A payment request on which nobody has tried to pay."""
    return {
        "payment": request.get("id"),
        "status": "expired" if has_expired(request, now) else "created",
        "amount": money_of(request.get("amount")),
        "metadata": metadata_of(carried_by(request)),
        "checkout_url": request.get("longurl"),
        "expires_at": time_of(request.get("expires_at")),
        "gateway": words(request, str(request.get("status") or "")),
    }


def of_payment(instamojo: Instamojo, payment: JsonObject, request: JsonObject) -> JsonObject:
    """A payment as an output; what was given back is asked for, since a payment itself does not say it."""
    status = STATUS[status_of(payment)]
    currency, why = payment.get("currency"), object_of(payment.get("failure"))
    amount = money_of(payment.get("amount"), currency)
    back = [one for one in refunds_of(instamojo, payment) if is_issued(one)] if payment.get("cases") else []
    refunded = money_of(back[0].get("refund_amount"), currency) if back else None
    if refunded is not None:
        status = "refunded" if refunded == amount else "partially_refunded"
    customer = {"email": payment.get("email"), "name": payment.get("name"), "phone": payment.get("phone")}
    return {
        "payment": payment.get("id"),
        "status": status,
        "amount": amount,
        "captured": amount if status in {"succeeded", "refunded", "partially_refunded"} else None,
        "refunded": refunded,
        "fee": money_of(payment.get("fees"), currency),
        "method": {"kind": method_kind(payment)} if method_kind(payment) else None,
        "customer": {name: value for name, value in customer.items() if value},
        "metadata": metadata_of(carried_by(request)),
        "reason": decline_of(why.get("reason")) if status == "failed" else None,
        "gateway": words(
            payment,
            status_of(payment),
            checkout=request.get("id"),
            code=why.get("reason"),
            message=why.get("message"),
        ),
    }


def method_kind(payment: JsonObject) -> str | None:
    """How it was paid: ``card``, ``bank``, ``upi``, ``wallet``."""
    instrument = str(payment.get("instrument_type") or "").lower()
    return _INSTRUMENTS.get(instrument, instrument) or None


def refunds_of(instamojo: Instamojo, payment: JsonObject) -> Sequence[JsonObject]:
    """The refunds of a payment, found in the listing of all. Raises like an action."""
    wanted = payment.get("id")
    return [one for one in instamojo.listed("/v2/refunds/", "refunds") if refund_payment(one) == wanted]


def refund_payment(refund: JsonObject) -> str:
    """The payment that a refund gives back."""
    return str(refund.get("payment_id") or last_segment(refund.get("payment")))


def is_issued(refund: JsonObject) -> bool:
    """Whether a person at Instamojo has let a refund go out."""
    return str(refund.get("status")) in {"Refunded", "Processed"}


def refund_status(refund: JsonObject) -> str:
    """``issued``, ``failed`` or ``pending``: every refund is reviewed by hand."""
    if is_issued(refund):
        return "issued"
    return "failed" if str(refund.get("status")) == "Rejected" else "pending"
