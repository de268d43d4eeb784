"""A payment's life after it was begun: finished, looked up, captured, let go, given back."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connectors.paypal.api import PayPal, amount_of, money_of, object_of, segment, words
from connectors.paypal.carried import written_for_refund
from connectors.paypal.errors import ALREADY_DONE
from connectors.paypal.refunds import STATUS, taken_for
from connectors.paypal.standing import order_of, order_output, parts_of, raise_if_declined, transaction_output
from hub.connect.answers import failure
from hub.errors import PermanentError

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

LONGEST_NOTE = 255
_IDENTITY = re.compile(r"[A-Z0-9]{1,36}")
_OPEN = frozenset({"CREATED", "PARTIALLY_CAPTURED", "PENDING"})


@dataclass(frozen=True, slots=True)
class Found:
    """What a reference leads to: the order, and the one capture or authorisation that was named, if any.

    ``kind`` says which of the two ``transaction`` is. What never had an order stands in it alone.
    """

    order: JsonObject | None = None
    transaction: JsonObject = field(default_factory=dict)
    kind: str = ""

    @property
    def reference(self) -> Json:
        """By what id the payment goes."""
        return self.order.get("id") if self.order is not None else self.transaction.get("id")

    def output(self, call: Call) -> JsonObject:
        """The payment as PayPal has it."""
        return transaction_output(self.transaction) if self.order is None else order_output(self.order, call.now)

    def parts(self, kind: str) -> list[JsonObject]:
        """The ``captures`` or ``authorizations`` that are meant: the one that was named, else all of the order's."""
        return [self.transaction] if self.kind == kind else parts_of(self.order or {}, kind)


def look_up(paypal: PayPal, reference: Json) -> Found:
    """Find a payment by its order's id, a capture's, an authorisation's or a sale's. Raises ``not_found``."""
    if not _IDENTITY.fullmatch(str(reference)):
        raise failure("not_found", f"{reference} is no id of an order, capture or authorisation of PayPal's.")
    order = paypal.find(f"/v2/checkout/orders/{segment(reference)}")
    if order is not None:
        return Found(order)
    for kind in ("captures", "authorizations"):
        transaction = paypal.find(f"/v2/payments/{kind}/{segment(reference)}")
        if transaction is not None:
            belongs_to = order_of(transaction)
            order = paypal.find(f"/v2/checkout/orders/{segment(belongs_to)}") if belongs_to else None
            return Found(order, transaction, kind)
    raise failure("not_found", f"PayPal knows no order, capture or authorisation {reference}.")


def get(call: Call) -> Json:
    """The payment as PayPal has it now (``payment.get``)."""
    return look_up(PayPal(call), call.input["payment"]).output(call)


def complete(call: Call) -> Json:
    """Finish an approved order (``payment.complete``): take or authorise the money. A repeat only reads.

    What the browser brought back proves nothing and is not needed; it must only not name another order.
    """
    paypal, payment = PayPal(call), call.input["payment"]
    found = look_up(paypal, payment)
    order, token = found.order, object_of(call.input.get("parameters")).get("token")
    if order is None:
        return found.output(call)
    if token and token != order.get("id"):
        raise failure("bad_return", f"The browser came back from the order {token}, not from {order.get('id')}.")
    if order.get("status") != "APPROVED":
        return found.output(call)
    what = "authorize" if order.get("intent") == "AUTHORIZE" else "capture"
    # One key for all who may come to finish it (the browser, a webhook, a look), and a new one when the payer approves anew.
    key = f"complete-{order.get('id')}-{order.get('update_time') or order.get('create_time') or ''}"
    path = f"/v2/checkout/orders/{segment(order.get('id'))}"
    try:
        done = paypal.post(f"{path}/{what}", {}, key=key)
    except PermanentError as error:
        if error.gateway_code not in ALREADY_DONE:
            raise
        done = paypal.get(path)
    return order_output(done, call.now)


def capture(call: Call) -> Json:
    """Take all or a part of an authorised amount (``payment.capture``).

    A repeat goes to the same authorisation under the same key, whatever became of it meanwhile: PayPal then tells again what
    it did, or why it does not.
    """
    paypal, given = PayPal(call), call.input
    options = object_of(given.get("options"))
    found = look_up(paypal, given["payment"])
    authorizations = found.parts("authorizations")
    if not authorizations:
        raise failure("wrong_state", f"Nothing was authorised for the payment {found.reference}.")
    authorization = authorizations[0] if options.get("reauthorize") else _open_or_last(authorizations)
    if options.get("reauthorize"):
        path = f"/v2/payments/authorizations/{segment(authorization.get('id'))}/reauthorize"
        authorization = paypal.post(path, {"amount": authorization.get("amount")}, part="reauthorize")
    body = {
        "amount": amount_of(given["amount"]) if "amount" in given else None,
        "final_capture": given.get("final", True),
        "invoice_id": options.get("invoice_id"),
        "note_to_payer": options.get("note"),
    }
    made = paypal.post(f"/v2/payments/authorizations/{segment(authorization.get('id'))}/capture", body)
    raise_if_declined(made)
    return look_up(paypal, given["payment"]).output(call)


def void(call: Call) -> Json:
    """Let an authorisation go (``payment.void``). Doing it twice is doing it once."""
    paypal = PayPal(call)
    found = look_up(paypal, call.input["payment"])
    output = found.output(call)
    authorizations = found.parts("authorizations")
    if output["status"] in {"voided", "expired"}:
        return output
    if not authorizations:
        raise failure(
            "wrong_state",
            "PayPal ends an order that nobody has paid by itself and lets nobody do it before; do not finish it.",
        )
    try:
        paypal.post(f"/v2/payments/authorizations/{segment(_open_or_last(authorizations).get('id'))}/void", None)
    except PermanentError as error:
        if error.gateway_code != "PREVIOUSLY_VOIDED":
            raise
    return look_up(paypal, call.input["payment"]).output(call)


def refund(call: Call) -> Json:
    """Give all or a part back (``payment.refund``)."""
    paypal, given = PayPal(call), call.input
    found = look_up(paypal, given["payment"])
    taken = _capture_to_refund(found, given.get("amount"))
    reason = str(given.get("reason") or "")[:LONGEST_NOTE]
    body = {
        "amount": amount_of(given["amount"]) if "amount" in given else None,
        "note_to_payer": reason or None,
        "custom_id": written_for_refund({"metadata": given.get("metadata")}),
        "invoice_id": object_of(given.get("options")).get("invoice_id"),
    }
    try:
        made = paypal.post(f"/v2/payments/captures/{segment(taken.get('id'))}/refund", body)
    except PermanentError as error:
        if error.code in {"amount_exceeds_rest", "already_refunded"} and len(found.parts("captures")) > 1:
            raise failure(error.code, _each(found), gateway_code=error.gateway_code, details=error.details) from error
        raise
    details = object_of(made.get("status_details"))
    return {
        "refund": made.get("id"),
        "payment": found.reference,
        "status": STATUS.get(str(made.get("status")), "failed"),
        "amount": money_of(made.get("amount")),
        "total_refunded": money_of(object_of(made.get("seller_payable_breakdown")).get("total_refunded_amount")),
        **taken_for(made),
        "gateway": words(made, code=details.get("reason"), transaction=taken.get("id")),
    }


def release(call: Call) -> Json:
    """Pay a seller what was collected with delayed disbursement (``disbursement.release``)."""
    paypal = PayPal(call)
    found = look_up(paypal, call.input["payment"])
    captures = [one for one in found.parts("captures") if one.get("status") == "COMPLETED"]
    if len(captures) != 1:
        raise failure("wrong_state", f"The payment {found.reference} has {len(captures)} completed captures, not one.")
    body: JsonObject = {"reference_id": captures[0].get("id"), "reference_type": "TRANSACTION_ID"}
    made = paypal.post("/v1/payments/referenced-payouts-items", body)
    state = object_of(made.get("processing_state"))
    return {
        "release": made.get("item_id"),
        "payment": found.reference,
        "status": {"SUCCESS": "sent", "FAILED": "failed"}.get(str(state.get("status")), "queued"),
        "amount": money_of(made.get("payout_amount")),
        "gateway": words(made, id=made.get("item_id"), status=state.get("status"), code=state.get("reason")),
    }


def _open_or_last(authorizations: list[JsonObject]) -> JsonObject:
    """The authorisation that can still be taken or let go; where there is none, the last."""
    return next((one for one in reversed(authorizations) if one.get("status") in _OPEN), authorizations[-1])


def _capture_to_refund(found: Found, amount: Json) -> JsonObject:
    """The capture that a refund is made of. Where there are several, the first that was large enough.

    What was refunded already plays no part, so that a repeat goes to the same capture, where PayPal knows its key.
    """
    captures = [one for one in found.parts("captures") if one.get("status") not in {"DECLINED", "FAILED"}]
    if not captures:
        raise failure("wrong_state", f"Nothing was taken for the payment {found.reference} yet.")
    if len(captures) == 1:
        return captures[0]
    wanted = object_of(amount).get("minor")
    fitting = next((one for one in captures if isinstance(wanted, int) and _minor(one) >= wanted), None)
    if fitting is None:
        raise failure("bad_input" if amount is None else "amount_exceeds_rest", _each(found))
    return fitting


def _each(found: Found) -> str:
    captures = ", ".join(str(one.get("id")) for one in found.parts("captures"))
    return f"The payment was taken in several parts. Refund each by its own id, given as payment: {captures}."


def _minor(taken: JsonObject) -> int:
    minor = object_of(money_of(taken.get("amount"))).get("minor")
    return minor if isinstance(minor, int) else 0
