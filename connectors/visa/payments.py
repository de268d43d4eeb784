"""Single payments: on Visa's page, in a form of ours, or on a stored means; then capture, release, refund.

Visa takes no idempotency key. Each call that moves money carries ``clientReferenceInformation.transactionId``, new for each
attempt; before a repeat the hub looks by its merchant reference, and what the attempt before may have done is voided by its
``transactionId`` (Visa's timeout void and timeout reversal) before a new one goes out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from connectors.visa import forms, links
from connectors.visa.api import Visa, amount_details, money_json, object_of, segment, words
from connectors.visa.carried import FORM, PAGE, carried, kind_of, passed_on, to_fields
from connectors.visa.details import method_of, stored_method
from connectors.visa.errors import declined, reason_of
from connectors.visa.jose import JoseError, claims_of
from connectors.visa.transactions import (
    Life,
    Transaction,
    by_code,
    found,
    is_try,
    life_of,
    not_listed,
    payment_of,
    whole,
    wrong_state,
)
from hub.connect.answers import failure
from hub.errors import PermanentError
from hub.money import Money

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

_REVERSED_ALREADY = frozenset({"AUTH_ALREADY_REVERSED", "TRANSACTION_ALREADY_REVERSED_OR_SETTLED"})
_HELD = frozenset({"AUTHORIZED_PENDING_REVIEW", "PENDING_REVIEW", "PENDING", "PARTIAL_AUTHORIZED"})


def create(call: Call) -> Json:
    """Start a payment (``payment.create``)."""
    given = call.input
    if given.get("method"):
        return _charge_stored(call)
    return links.page(call) if _on_visas_page(call) else forms.start(call)


def find_created(call: Call) -> Json:
    """Whether this step's payment is there already: its page, or the transaction with its reference."""
    given = call.input
    if not given.get("method"):
        return links.find_page(call) if _on_visas_page(call) else None
    visa = Visa(call)
    sent = Life(call.reference, tuple(whole(visa, one) for one in by_code(visa, call.reference)))
    standing = [one for one in sent.transactions if is_try(one) and not sent.is_undone(one)]
    if not standing:
        return None
    newest = standing[-1]
    if not newest.services and newest.reason:
        raise declined(newest.data)
    life = life_of(visa, newest.id)
    return None if life.status == "voided" else life.output(call.connection)


def get(call: Call) -> Json:
    """The payment as Visa lists it now (``payment.get``)."""
    visa, payment = Visa(call), _known_as(Visa(call), str(call.input["payment"]))
    life = life_of(visa, payment)
    if life.first is None:
        return _unpaid(call, visa, payment)
    if kind_of(payment) == PAGE and life.status != "failed":
        links.close(visa, payment)
    return life.output(call.connection)


def complete(call: Call) -> Json:
    """Finish after the payer's return (``payment.complete``): re-read the payment.

    The form hands over Visa's word on what it did; it is a hint for where to look. What counts is the transaction that Visa
    lists, and that it has this payment's reference. Idempotent: a repeat reads the state.
    """
    visa, payment = Visa(call), str(call.input["payment"])
    parameters = cast("JsonObject", call.input.get("parameters") or {})
    hinted = _hint(str(parameters.get("completion") or ""))
    if hinted:
        transaction = found(visa, hinted)
        if transaction is not None and payment not in {payment_of(transaction.data), transaction.id}:
            raise failure("bad_return", f"The transaction {hinted} belongs to another payment than {payment}.")
        if transaction is None and life_of(visa, payment).first is None:
            # Visa's searches lag behind its answers: the payer is not asked to pay once more.
            return {**Life(payment, ()).output(call.connection), "status": "pending"}
    return get(call)


def capture(call: Call) -> Json:
    """Take all or a part of an authorised amount (``payment.capture``)."""
    visa, given = Visa(call), call.input
    life = _listed(visa, str(given["payment"]))
    first = cast("Transaction", life.first)
    if life.status not in {"authorized", "succeeded"} or first.authorised is None:
        raise wrong_state(life.payment, life, "only an authorised amount can be taken.")
    captured = life.captured or Money.zero(first.authorised.currency)
    rest = first.authorised - captured
    if rest.minor <= 0:
        raise wrong_state(life.payment, life, "its whole amount is taken already.")
    amount = Money.from_json(given["amount"]) if "amount" in given else rest
    _undo_attempts(call, visa, life.payment)
    values = {**passed_on(first.values(call.connection)), **carried(given)}
    body: dict[str, Json] = {
        "clientReferenceInformation": reference(call, life.payment),
        "orderInformation": {"amountDetails": amount_details(amount.to_json())},
        "merchantDefinedInformation": to_fields(values, call.connection, step=call.reference),
    }
    if given.get("final") is False or captured.minor:
        is_final = given.get("final") is not False
        body["processingInformation"] = {"captureOptions": {"isFinal": "true" if is_final else "false"}}
    made = _sent(visa, f"/pts/v2/payments/{segment(first.id)}/captures", body)
    return {
        **life.output(call.connection),
        "status": "succeeded",
        "captured": (captured + amount).to_json(),
        "gateway": words(made),
    }


def find_captured(call: Call) -> Json:
    """Whether this step's capture is listed already."""
    visa = Visa(call)
    life = life_of(visa, _known_as(visa, str(call.input["payment"])))
    done = [one for one in life.captures if one.values(call.connection).get("step") == call.reference]
    return life.output(call.connection, gateway=words(done[0].data)) if done else None


def void(call: Call) -> Json:
    """Let an authorisation or a sale that is not settled go, or close a page that nobody paid (``payment.void``).

    Idempotent by nature: what is let go already is only read.
    """
    visa, payment = Visa(call), _known_as(Visa(call), str(call.input["payment"]))
    life = life_of(visa, payment)
    if life.first is None:
        if kind_of(payment) == PAGE:
            links.close(visa, payment)
            return {**Life(payment, ()).output(call.connection), "status": "voided"}
        raise not_listed(payment)
    if life.status in {"voided", "failed"}:
        return life.output(call.connection)
    if life.refunded and life.refunded.minor:
        raise wrong_state(payment, life, "give the rest back with a refund.")
    reason = str(call.input.get("reason") or "released")[:100]
    for taken in life.captures:
        resource = "payments" if taken.id == life.first.id else "captures"
        body: JsonObject = {"clientReferenceInformation": {"code": payment, "comments": taken.id}}
        _undo(call, visa, f"/pts/v2/{resource}/{segment(taken.id)}/voids", body)
    if life.first.does({"ics_auth"}):
        _reverse(visa, life, reason)
    return {**life.output(call.connection), "status": "voided", "captured": None}


def refund(call: Call) -> Json:
    """Give all or a part back (``payment.refund``): of the sale, or of the latest captures that have something left."""
    visa, given = Visa(call), call.input
    life = _listed(visa, str(given["payment"]))
    captured, refunded = life.captured, life.refunded
    if captured is None or not captured.minor:
        raise wrong_state(life.payment, life, "nothing was taken. Let it go with payment.void.")
    rest = captured - (refunded or Money.zero(captured.currency))
    if rest.minor <= 0:
        raise failure("already_refunded", f"The payment {life.payment}.")
    amount = Money.from_json(given["amount"]) if "amount" in given else rest
    if amount.currency != rest.currency or amount.minor > rest.minor:
        raise failure("amount_exceeds_rest", f"{rest} is left of the payment {life.payment}.")
    taken = _capture_to_refund(call, life, amount)
    first = cast("Transaction", life.first)
    _undo_attempts(call, visa, life.payment)
    values = {**passed_on(first.values(call.connection)), **carried(given), "of": taken.id}
    body = {
        "clientReferenceInformation": reference(call, life.payment),
        "orderInformation": {"amountDetails": amount_details(amount.to_json())},
        "merchantDefinedInformation": to_fields(values, call.connection, step=call.reference),
    }
    resource = "payments" if taken.id == first.id else "captures"
    made = _sent(visa, f"/pts/v2/{resource}/{segment(taken.id)}/refunds", body)
    already = refunded or Money.zero(captured.currency)
    return _refund_output(made, life.payment, amount, already + amount)


def find_refunded(call: Call) -> Json:
    """Whether this step's refund is listed already."""
    visa = Visa(call)
    payment = _known_as(visa, str(call.input["payment"]))
    life = life_of(visa, payment)
    done = [one for one in life.credits if one.values(call.connection).get("step") == call.reference]
    if not done or done[0].amount is None:
        return None
    return _refund_output(done[0].data, payment, done[0].amount, life.refunded)


def reference(call: Call, code: str) -> JsonObject:
    """The merchant reference of a call that moves money, and the attempt's own id, by which it can be taken back."""
    return {"code": code, "transactionId": _attempt_id(call, call.attempt)}


def _on_visas_page(call: Call) -> bool:
    """Whether the payer pays on a page of Visa's (Pay by Link). What it cannot do, the form in the hub's page does."""
    given = call.input
    wanted = call.connection.settings.get("hosted_page") == "pay_by_link" and given.get("presentation") != "embedded"
    return wanted and given.get("capture") != "manual" and given.get("save_method") is not True


def _charge_stored(call: Call) -> Json:
    visa, given = Visa(call), call.input
    options = object_of(given.get("options"))
    is_recurring = options.get("recurring") or object_of(given.get("metadata")).get("hub_subscription")
    manual = given.get("capture") == "manual"
    customer, _, instrument = str(given["method"]).partition("/")
    values = to_fields(carried(given), call.connection)
    amount = amount_details(given["amount"])
    _undo_attempts(call, visa, call.reference, authorisation=amount if manual else None)
    initiator: dict[str, Json] = {"type": "merchant", "storedCredentialUsed": True}
    if options.get("previous_transaction"):
        initiator["merchantInitiatedTransaction"] = {"previousTransactionId": options["previous_transaction"]}
    body = {
        "clientReferenceInformation": reference(call, call.reference),
        "processingInformation": {
            "capture": not manual,
            "commerceIndicator": "recurring" if is_recurring else "internet",
            "authorizationOptions": {"initiator": initiator},
        },
        "paymentInformation": {
            "customer": {"id": customer},
            "paymentInstrument": {"id": instrument} if instrument else None,
        },
        "orderInformation": {"amountDetails": amount, "billTo": forms.bill_to(given)},
        "merchantDefinedInformation": values,
    }
    made = _sent(visa, "/pts/v2/payments", body)
    details = object_of(object_of(made.get("orderInformation")).get("amountDetails"))
    authorised = money_json(details.get("authorizedAmount"), details.get("currency")) or given["amount"]
    status = "pending" if made.get("status") in _HELD else "authorized" if manual else "succeeded"
    return {
        "payment": made.get("id"),
        "status": status,
        "amount": authorised,
        "captured": authorised if status == "succeeded" else None,
        "method": method_of(made),
        "stored_method": stored_method(made) or customer,
        "customer": given.get("customer"),
        "metadata": given.get("metadata"),
        "gateway": words(made, code=reason_of(made) or None),
    }


def _undo_attempts(call: Call, visa: Visa, code: str, *, authorisation: JsonObject | None = None) -> None:
    """Take back what earlier attempts of this step may have done without Visa listing it.

    Visa's timeout void (timeout reversal for an authorisation) names the attempt's ``transactionId``; where there is nothing
    to take back it refuses, and that is good.
    """
    for attempt in range(1, call.attempt):
        information: JsonObject = {"code": code, "transactionId": _attempt_id(call, attempt)}
        body: dict[str, Json] = {"clientReferenceInformation": information}
        path = "/pts/v2/voids"
        if authorisation is not None:
            path = "/pts/v2/reversals"
            body["reversalInformation"] = {"amountDetails": authorisation, "reason": "timeout"}
        answer = visa.send("POST", path, body=body, repeatable=True)
        if answer.status not in {400, 404}:
            visa.judged(answer)


def _sent(visa: Visa, path: str, body: JsonObject) -> JsonObject:
    """Send what moves money, once. The attempt's id came before: it was done, and Visa does not list it yet."""
    try:
        made = visa.write("POST", path, body)
    except PermanentError as error:
        if error.gateway_code != "DUPLICATE_REQUEST":
            raise
        message = "Visa has had this very attempt before, and does not list it yet."
        raise failure("uncertain", message, gateway_code=error.gateway_code) from error
    _judge(made)
    return made


def _attempt_id(call: Call, attempt: int) -> str:
    return f"{call.key[:24]}{attempt:02}"


def _judge(made: JsonObject) -> None:
    """Raise what a 201 with a refusal inside means."""
    status = str(made.get("status"))
    if status in {"DECLINED", "AUTHORIZED_RISK_DECLINED", "INVALID_REQUEST", "FAILED", "PENDING_AUTHENTICATION"}:
        raise declined(made)
    if status == "SERVER_ERROR":
        raise failure("uncertain", "Visa answered SERVER_ERROR.", gateway_code=status, details=made)


def _listed(visa: Visa, reference_given: str) -> Life:
    payment = _known_as(visa, reference_given)
    life = life_of(visa, payment)
    if life.first is None:
        raise not_listed(payment)
    return life


def _known_as(visa: Visa, given: str) -> str:
    """The payment's own reference: a capture's or refund's id is asked for the payment that it belongs to."""
    if kind_of(given):
        return given
    transaction = found(visa, given)
    return given if transaction is None else payment_of(transaction.data)


def _unpaid(call: Call, visa: Visa, payment: str) -> Json:
    """A payment without a transaction: a page or form that waits, or one that Visa does not list (yet)."""
    if kind_of(payment) == PAGE:
        return links.page_output(visa, payment)
    if kind_of(payment) == FORM:
        return Life(payment, ()).output(call.connection)
    raise not_listed(payment)


def _hint(completion: str) -> str:
    """The transaction that the form's completion names; an empty text when it names none."""
    try:
        claims = claims_of(completion)
    except JoseError:
        return ""
    inner = object_of(claims.get("details"))
    return str(claims.get("id") or inner.get("id") or "")


def _undo(call: Call, visa: Visa, path: str, body: JsonObject) -> None:
    """Void a sale or capture. A repeat that is refused may only be too early: the void is done and not listed yet."""
    try:
        _judge(visa.write("POST", path, body, repeatable=True))
    except PermanentError as error:
        if call.attempt > 1 and error.code == "wrong_state":
            raise not_listed(str(object_of(body["clientReferenceInformation"])["code"])) from error
        raise


def _reverse(visa: Visa, life: Life, reason: str) -> None:
    first = cast("Transaction", life.first)
    body: JsonObject = {
        "clientReferenceInformation": {"code": life.payment},
        "reversalInformation": {
            "amountDetails": amount_details(cast("Money", first.authorised).to_json()),
            "reason": reason,
        },
    }
    try:
        _judge(visa.write("POST", f"/pts/v2/payments/{segment(first.id)}/reversals", body, repeatable=True))
    except PermanentError as error:
        # Some processors let the authorisation of a sale go with its void, and refuse to do it again.
        if not life.captures and error.gateway_code not in _REVERSED_ALREADY:
            raise


def _capture_to_refund(call: Call, life: Life, amount: Money) -> Transaction:
    """The sale, or the capture with enough left; Visa refunds one capture at a time."""
    given_back: dict[str, int] = {}
    for credit in life.credits:
        of = str(credit.values(call.connection).get("of") or life.captures[0].id)
        given_back[of] = given_back.get(of, 0) + (credit.amount.minor if credit.amount else 0)
    for taken in reversed(life.captures):
        if taken.amount is not None and taken.amount.minor - given_back.get(taken.id, 0) >= amount.minor:
            return taken
    message = f"No single capture of {life.payment} has {amount} left. Give back each capture's part by itself."
    raise failure("amount_exceeds_rest", message)


def _refund_output(made: JsonObject, payment: str, amount: Money, total: Money | None) -> JsonObject:
    return {
        "refund": made.get("id"),
        "payment": payment,
        "status": "pending" if made.get("status") == "PENDING" else "issued",
        "amount": amount.to_json(),
        "total_refunded": None if total is None else total.to_json(),
        "gateway": words(made),
    }
