"""A payment's life after it was begun: looking it up, the payer's return, capture, refund."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, cast

from connectors.razorpay.api import STEP, Razorpay, money_of, object_of, segment, time_of, units_of, words
from connectors.razorpay.carried import passed_on
from connectors.razorpay.standing import converted, notes_of, of_payment, paid, read
from hub.connect.answers import failure
from hub.errors import PermanentError
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

DISPUTE_STATUS: Mapping[str, str] = {
    "open": "opened",
    "under_review": "answered",
    "won": "won",
    "lost": "lost",
    "closed": "won",
}
"""``closed``: it ended without a loss (a retrieval request that was answered); the event map says the same."""
_REFUND_STATUS: Mapping[str, str] = {"processed": "issued", "failed": "failed"}


def get(call: Call) -> Json:
    """The payment as Razorpay has it now (``payment.get``): ``pay_…`` or ``order_…``."""
    return read(Razorpay(call), str(call.input["payment"]))


def complete(call: Call) -> Json:
    """Prove what the browser brought back, then read the payment (``payment.complete``). A repeat only reads.

    Razorpay signs what it gives to the browser with the key secret (Razorpay's page "Payment verification"; the order of the
    parts as its SDKs have it). Without a signature nothing is claimed: the payer gave up, or the attempt failed.
    """
    payment = str(call.input["payment"])
    parameters = cast("Mapping[str, str]", call.input.get("parameters") or {})
    if parameters.get("razorpay_signature"):
        _prove(call, parameters)
        payment = _own(call, payment, parameters)
    return read(Razorpay(call), payment)


def proved_payment(call: Call, subject: str, parameters: Mapping[str, str]) -> str:
    """The payment that Razorpay signed as one of ``subject``. Raises ``bad_return`` without such a signature."""
    if not parameters.get("razorpay_signature") or signed_subject(parameters) != subject:
        raise failure("bad_return", "It is no proof of this subscription.")
    _prove(call, parameters)
    return parameters.get("razorpay_payment_id", "")


def signed_text(parameters: Mapping[str, str]) -> str:
    """The text that Razorpay signs: of an order, a subscription (the other way round) or a payment link."""
    payment, subject = parameters.get("razorpay_payment_id", ""), signed_subject(parameters)
    if parameters.get("razorpay_payment_link_id"):
        names = ("payment_link_reference_id", "payment_link_status")
        return "|".join([subject, *(parameters.get(f"razorpay_{name}", "") for name in names), payment])
    return f"{payment}|{subject}" if parameters.get("razorpay_subscription_id") else f"{subject}|{payment}"


def signed_subject(parameters: Mapping[str, str]) -> str:
    """What was paid, as the signature covers it. Whatever else the browser adds is covered by nothing."""
    names = ("payment_link_id", "subscription_id", "order_id")
    return next((parameters[f"razorpay_{name}"] for name in names if parameters.get(f"razorpay_{name}")), "")


def _prove(call: Call, parameters: Mapping[str, str]) -> None:
    text = signed_text(parameters).encode()
    given = parameters["razorpay_signature"].lower().encode()
    secrets = call.connection.secret_versions("key_secret")
    expected = [hmac.new(secret.encode(), text, hashlib.sha256).hexdigest().encode() for secret in secrets]
    if not any([hmac.compare_digest(one, given) for one in expected]):  # noqa: C419 (all are compared)
        raise failure("bad_return", "Its signature was not made with this connection's key secret.")


def _own(call: Call, payment: str, parameters: Mapping[str, str]) -> str:
    """The payment that the proof is about. Raises ``bad_return`` when it is a true proof of another payment."""
    proved, subject = parameters.get("razorpay_payment_id", ""), signed_subject(parameters)
    if proved and payment in {proved, subject}:
        return proved
    # An attempt before this one may have failed: then the payment is known by that attempt, on the same order.
    earlier = Razorpay(call).get(f"/v1/payments/{segment(payment)}") if payment.startswith("pay_") else {}
    if not proved or not subject or earlier.get("order_id") != subject:
        raise failure("bad_return", "It is the proof of another payment.")
    return proved


def capture(call: Call) -> Json:
    """Take an authorised amount (``payment.capture``): all of it, for Razorpay takes no part."""
    razorpay, given = Razorpay(call), call.input
    payment = paid(razorpay, str(given["payment"]))
    authorised = Money.from_json(cast("JsonObject", money_of(payment.get("amount"), payment.get("currency"))))
    wanted = Money.from_json(given["amount"]) if "amount" in given else authorised
    if wanted != authorised:
        code = "amount_exceeds_rest" if wanted.currency == authorised.currency and wanted > authorised else "bad_input"
        message = f"Razorpay captures the whole authorised amount, {authorised}, and no part of it."
        raise failure(code, message)
    body = {"amount": payment["amount"], "currency": payment["currency"]}
    made = razorpay.post(f"/v1/payments/{segment(payment['id'])}/capture", body)
    return of_payment(made, notes_of(razorpay, made))


def find_captured(call: Call) -> Json | None:
    """Whether an earlier attempt of this step took the amount."""
    razorpay = Razorpay(call)
    payment = paid(razorpay, str(call.input["payment"]))
    return of_payment(payment, notes_of(razorpay, payment)) if payment.get("captured") else None


def refund(call: Call) -> Json:
    """Give all or a part back (``payment.refund``). The key travels as ``X-Refund-Idempotency``."""
    razorpay, given = Razorpay(call), call.input
    payment = paid(razorpay, str(given["payment"]))
    options = object_of(given.get("options"))
    own = {STEP: call.reference, **({"reason": str(given["reason"])[:256]} if given.get("reason") else {})}
    body: dict[str, Json] = {
        "speed": options.get("speed"),
        "receipt": call.reference,
        "reverse_all": 1 if options.get("reverse_transfers") else None,
        "notes": {**passed_on(object_of(notes_of(razorpay, payment))), **own, **object_of(given.get("metadata"))},
    }
    if "amount" in given:
        if Money.from_json(given["amount"]).currency != payment.get("currency"):
            raise failure("bad_input", f"The payment is in {payment.get('currency')}.")
        body["amount"] = units_of(given["amount"])
    path = f"/v1/payments/{segment(payment['id'])}/refund"
    made = razorpay.post(path, body, headers={"X-Refund-Idempotency": call.key})
    after = razorpay.get(f"/v1/payments/{segment(payment['id'])}")
    return {
        "refund": made.get("id"),
        "payment": payment.get("id"),
        "status": _REFUND_STATUS.get(str(made.get("status")), "pending"),
        "amount": money_of(made.get("amount"), made.get("currency")),
        "total_refunded": money_of(after.get("amount_refunded"), made.get("currency")),
        "settled": converted(made),
        "gateway": words(made),
    }


def answer_dispute(call: Call) -> Json:
    """Contest a dispute, save a draft of it, or accept the loss (``dispute.answer``)."""
    razorpay, given = Razorpay(call), call.input
    path = f"/v1/disputes/{segment(given['dispute'])}"
    if given.get("accept"):
        try:
            made = razorpay.post(f"{path}/accept", {})
        except PermanentError as error:
            # A repeat finds the dispute lost, as accepting it makes it.
            made = razorpay.get(path) if error.code == "wrong_state" else {}
            if made.get("status") != "lost":
                raise
        return _dispute_output(made, "accepted")
    evidence = cast("Mapping[str, str]", given.get("evidence") or {})
    body: dict[str, Json] = {name: _documents(name, text) for name, text in evidence.items()}
    body["action"] = "submit" if given.get("submit", True) else "draft"
    made = razorpay.patch(f"{path}/contest", body)
    return _dispute_output(made, DISPUTE_STATUS.get(str(made.get("status")), "opened"))


def _documents(name: str, text: str) -> Json:
    """Evidence is a list of uploaded documents (``doc_…``, separated by commas); only the summary is words."""
    if name == "summary":
        return text
    found = [one.strip() for one in text.split(",") if one.strip()]
    wrong = next((one for one in found if not one.startswith("doc_")), None)
    if wrong is not None or not found:
        message = f"The evidence {name!r} must name documents uploaded to Razorpay (doc_…); words go under summary."
        raise failure("bad_input", message)
    return cast("Json", found)


def _dispute_output(dispute: JsonObject, status: str) -> JsonObject:
    return {
        "dispute": dispute.get("id"),
        "status": status,
        "due_at": time_of(dispute.get("respond_by")),
        "gateway": words(dispute),
    }
