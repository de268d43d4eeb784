"""Single payments: a payment request is begun, read, proved after the payer's return, closed; a payment is refunded."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, cast

from connectors.instamojo.api import (
    Instamojo,
    asked,
    money_of,
    object_of,
    rupees,
    seconds_until,
    segment,
    time_of,
    words,
)
from connectors.instamojo.carried import carrying, is_of_step
from connectors.instamojo.standing import (
    furthest,
    get_payment,
    get_request,
    is_payment,
    of_payment,
    of_request,
    paid,
    read,
    refund_payment,
    refund_status,
    request_id,
    status_of,
)
from hub.connect.answers import failure
from hub.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

SCRIPT = "https://js.instamojo.com/v1/checkout.js"
"""Instamojo's own script: it shows the payment request's page over the page."""
ORIGINS = ["https://js.instamojo.com", "https://*.instamojo.com"]

LONGEST_PURPOSE = 30
LONGEST_OPEN = timedelta(seconds=600)
"""A payment request with an end stays open for ten minutes at the most (Instamojo's page "Create a payment request")."""
FOUND_WITHIN = 5
"""Pages of the listing, newest first, that a repeat looks through for what its first attempt made."""

_REFUND_TYPES: Mapping[str, str] = {"duplicate": "RFD", "requested_by_customer": "QFL"}


def create(call: Call) -> Json:
    """Start a payment (``payment.create``): a payment request and its page."""
    _check(call.input)
    return _begun(call, make_request(call))


def find_created(call: Call) -> Json | None:
    """The payment that an earlier attempt of this step began."""
    request = find_request(call)
    return None if request is None else _begun(call, request)


def embed(call: Call) -> Json:
    """What a page needs to show Instamojo's form (``form.embed``)."""
    _check(call.input)
    return _embedded(make_request(call))


def find_embedded(call: Call) -> Json | None:
    """The form that an earlier attempt of this step prepared."""
    request = find_request(call)
    return None if request is None else _embedded(request)


def get(call: Call) -> Json:
    """The payment as Instamojo has it now (``payment.get``): ``MOJO…`` or the payment request's id."""
    return read(Instamojo(call), str(call.input["payment"]), call.now)


def complete(call: Call) -> Json:
    """Read the payment after the payer's return (``payment.complete``). A repeat reads again.

    What the browser brings back (``payment_id``, ``payment_status``, ``payment_request_id``) is not signed: it only says
    where to look, and the payment found there must belong to the request that the hub made.
    """
    instamojo, reference = Instamojo(call), str(call.input["payment"])
    named = cast("Mapping[str, str]", call.input.get("parameters") or {}).get("payment_id", "")
    if not named or named == reference:
        return read(instamojo, reference, call.now)
    # An attempt before this one may have failed: then the payment is known by that attempt, on the same request.
    request = request_id(get_payment(instamojo, reference)) if is_payment(reference) else reference
    try:
        payment = get_payment(instamojo, named)
    except PermanentError as error:
        if error.code != "not_found":
            raise
        raise failure("bad_return", "It names a payment that Instamojo does not know.") from error
    if not request or request_id(payment) != request:
        raise failure("bad_return", "It names the payment of another payment request.")
    return of_payment(instamojo, payment, get_request(instamojo, request))


def void(call: Call) -> Json:
    """Close a payment request that nobody has paid (``payment.void``). Closing it twice is closing it once."""
    instamojo, reference = Instamojo(call), str(call.input["payment"])
    if is_payment(reference):
        raise failure("wrong_state", "Instamojo authorises nothing: a payment is paid or not. Refund it instead.")
    request = close(instamojo, reference)
    return {**of_request(request, call.now), "status": "voided", "checkout_url": None}


def close(instamojo: Instamojo, reference: str) -> JsonObject:
    """Disable a payment request. Raises ``wrong_state`` when somebody has paid on it."""
    request = get_request(instamojo, reference)
    found = None if request.get("allow_repeated_payments") else furthest(instamojo, request)
    if found is not None and status_of(found) == "Credit":
        raise failure("wrong_state", f"The payment request {reference} is paid.")
    instamojo.post(f"/v2/payment_requests/{segment(reference)}/disable/", {})
    return request


def refund(call: Call) -> Json:
    """Ask for a payment to be given back (``payment.refund``). People at Instamojo review each refund; one per payment."""
    instamojo, given = Instamojo(call), call.input
    payment = paid(instamojo, str(given["payment"]))
    options = object_of(given.get("options"))
    reason = str(given.get("reason") or "")
    form: JsonObject = {
        "type": options.get("type") or _REFUND_TYPES.get(reason, "PTH"),
        "body": f"{reason or 'Refund'} ({call.reference})",
        "refund_amount": rupees(given["amount"]) if "amount" in given else None,
        "transaction_id": call.reference,
    }
    made = instamojo.post(f"/v2/payments/{segment(payment['id'])}/refund/", form)
    return _refund_output(object_of(made.get("refund")) or made, payment)


def find_refund(call: Call) -> Json | None:
    """The refund that an earlier attempt of this step asked for."""
    instamojo = Instamojo(call)
    payment = paid(instamojo, str(call.input["payment"]))
    for one in instamojo.listed("/v2/refunds/", "refunds"):
        is_ours = one.get("transaction_id") == call.reference or str(one.get("body")).endswith(f"({call.reference})")
        if refund_payment(one) == payment.get("id") and is_ours:
            return _refund_output(one, payment)
    return None


def release(call: Call) -> Json:
    """Let a held payment go (``hold.release``): what was distributed before is paid out, and cannot be changed any more."""
    instamojo = Instamojo(call)
    payment = paid(instamojo, str(call.input["hold"]))
    try:
        instamojo.post(f"/v2/payments/{segment(payment['id'])}/fulfil/", {})
    except PermanentError as error:
        if error.code != "wrong_state":  # it was let go before, which is what was asked
            raise
    amount = money_of(payment.get("amount"), payment.get("currency"))
    return {"hold": payment.get("id"), "status": "released", "amount": amount, "gateway": words(payment)}


def make_request(call: Call, **own: str) -> JsonObject:
    """Make a payment request. ``own`` is carried besides the step's references."""
    given, customer = call.input, object_of(call.input.get("customer"))
    options = object_of(given.get("options"))
    form: JsonObject = {
        "amount": asked(given["amount"]),
        "purpose": str(given.get("description") or given.get("order") or "Payment")[:LONGEST_PURPOSE].strip(),
        "buyer_name": customer.get("name"),
        "email": customer.get("email"),
        "phone": customer.get("phone"),
        "redirect_url": given.get("return_url") or call.connection.settings.get("return_url"),
        "webhook": carrying(call, **own),
        "send_email": options.get("email") is True,
        "send_sms": options.get("sms") is True,
        "allow_repeated_payments": given.get("reusable") is True,
        "expires_at": _end(call),
        "mark_fulfilled": False if options.get("hold") else None,
    }
    made = Instamojo(call).post("/v2/payment_requests/", form)
    return object_of(made.get("payment_request")) or made


def find_request(call: Call) -> JsonObject | None:
    """The payment request that an earlier attempt of this step made."""
    requests = Instamojo(call).listed("/v2/payment_requests/", "payment_requests", pages=FOUND_WITHIN)
    return next((one for one in requests if is_of_step(one, call)), None)


def _check(given: JsonObject) -> None:
    """Refuse what Instamojo cannot do, before anything is sent."""
    if given.get("method") or given.get("save_method"):
        message = "Instamojo stores no means of payment: the payer pays on its page each time."
        raise failure("method_unavailable", message)
    if given.get("capture") == "manual":
        message = (
            "Instamojo authorises nothing. Collect the payment and pass it on later; marketplaces may use options.hold."
        )
        raise failure("bad_input", message)
    if given.get("methods"):
        raise failure("bad_input", "At Instamojo the payer chooses the means of payment; leave methods out.")


def _end(call: Call) -> Json:
    left = seconds_until(call.input.get("expires_at"), call.now)
    if left is None:
        return None
    if not timedelta() < left <= LONGEST_OPEN:
        message = (
            "At Instamojo a payment request with an end stays open for ten minutes at the most. Leave expires_at out "
        )
        raise failure("bad_input", f"{message}and close it with link.cancel or payment.void when its time has come.")
    return call.input["expires_at"]


def _begun(call: Call, request: JsonObject) -> JsonObject:
    output = of_request(request, call.now)
    if call.input.get("presentation") == "embedded":
        return {**output, "checkout_url": None, "client": _client(request)}
    return output


def _embedded(request: JsonObject) -> JsonObject:
    return {
        "payment": request.get("id"),
        "client": _client(request),
        "script_url": SCRIPT,
        "origins": list(ORIGINS),
        "gateway": words(request, str(request.get("status") or "")),
    }


def _client(request: JsonObject) -> JsonObject:
    return {
        "kind": "instamojo.checkout",
        "url": request.get("longurl"),
        "script_url": SCRIPT,
        "origins": list(ORIGINS),
    }


def _refund_output(refund_: JsonObject, payment: JsonObject) -> JsonObject:
    currency = payment.get("currency")
    amount = money_of(refund_.get("refund_amount") or payment.get("amount"), currency)
    status = refund_status(refund_)
    return {
        "refund": refund_.get("id"),
        "payment": payment.get("id"),
        "status": status,
        "amount": amount,
        "total_refunded": amount if status == "issued" else None,
        "gateway": words(refund_, str(refund_.get("status") or ""), created_at=time_of(refund_.get("created_at"))),
    }
