"""Single payments and their life: begun on a page, in a form or on a stored means; then captured or let go."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, cast

from connectors.authorize_net import pages
from connectors.authorize_net.api import AuthorizeNet, currency_of, decimal, money_of, object_of, words
from connectors.authorize_net.carried import FORM, PAGE, STORED, end_of, kind_of, line_items, step_reference, unsealed
from connectors.authorize_net.errors import DUPLICATE, HELD, NONCE_USED
from connectors.authorize_net.sending import (
    by_step,
    found_after_all,
    on_page,
    payment_of,
    sent,
    settings,
    transaction_of,
    void_transaction,
    wrong_state,
)
from connectors.authorize_net.transactions import made_of, order_of, stored_method
from hub.connect.answers import failure
from hub.errors import PermanentError
from hub.money import Money

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

_ON_PAGE = timedelta(hours=1)
"""How long after its token's end a payer may still be on the page."""


def create(call: Call) -> Json:
    """Start a payment (``payment.create``)."""
    given = call.input
    if given.get("method"):
        return _charge_stored(call)
    return pages.form(call) if given.get("presentation") == "embedded" else pages.page(call)


def find_created(call: Call) -> Json:
    """The charge of a stored means that this step made; None for pages and forms, which charge nothing by themselves."""
    if not call.input.get("method"):
        return None
    made = by_step(AuthorizeNet(call), call, step_reference(STORED, call), "card_declined")
    return None if made is None else made.output()


def get(call: Call) -> Json:
    """The payment as Authorize.Net has it now (``payment.get``)."""
    api, reference = AuthorizeNet(call), str(call.input["payment"])
    if kind_of(reference):
        found = on_page(api, call, reference)
        return _unpaid(call, reference) if found is None else found.output()
    return payment_of(api, reference).output()


def complete(call: Call) -> Json:
    """Finish after the payer's return (``payment.complete``): charge what a form's terms say, else re-read the payment.

    Idempotent: a payment that is there already is only read. A page's return proves nothing, so while nothing is listed yet
    the payment is pending.
    """
    reference = str(call.input["payment"])
    parameters = object_of(call.input.get("parameters"))
    if kind_of(reference) == FORM and parameters.get("value"):
        return _charge_form(call, reference, parameters)
    output = object_of(get(call))
    if kind_of(reference) == PAGE and output["status"] == "created":
        return {**output, "status": "pending"}
    return output


def capture(call: Call) -> Json:
    """Take all or a part of an authorised amount (``payment.capture``); the rest lapses. Idempotent by nature."""
    api, given = AuthorizeNet(call), call.input
    held = payment_of(api, transaction_of(api, call))
    authorised = cast("Money", money_of(held.data.get("authAmount"), call.connection))
    amount = Money.from_json(given["amount"]) if "amount" in given else authorised
    wanted = decimal(amount.to_json(), call.connection)
    if held.raw_status in {"capturedPendingSettlement", "settledSuccessfully"}:
        if money_of(held.data.get("settleAmount"), call.connection) == amount:
            return held.output()
        raise wrong_state(held, "only one capture is possible, and it was made.")
    if held.status == "expired":
        raise failure("window_closed", f"The authorisation {held.id} has expired.")
    if held.raw_status != "authorizedPendingCapture":
        raise wrong_state(held, "only an authorised amount can be taken.")
    if amount > authorised:
        raise failure("amount_exceeds_rest", f"{authorised} is authorised.")
    members: JsonObject = {
        "transactionType": "priorAuthCaptureTransaction",
        "amount": wanted,
        "refTransId": held.id,
    }
    made = sent(api, members, repeatable=True)
    taken = {**held.output(), "status": "pending" if made.get("responseCode") == HELD else "succeeded"}
    return {**taken, "captured": cast("Json", amount.to_json()), "lapses_at": None}


def void(call: Call) -> Json:
    """Let an authorisation go, or a sale that is not settled yet (``payment.void``). Idempotent by nature."""
    api, reference = AuthorizeNet(call), str(call.input["payment"])
    if kind_of(reference):
        found = on_page(api, call, reference)
        if found is None:
            return _closed(call, reference)
        reference = found.id
    held = payment_of(api, reference)
    if held.status in {"voided", "expired", "failed"}:
        return held.output()
    if held.raw_status == "settledSuccessfully":
        raise wrong_state(held, "it is settled; give it back with payment.refund.")
    void_transaction(api, held)
    return {**held.output(), "status": "voided", "captured": None, "lapses_at": None}


# Charges.


def _charge_stored(call: Call) -> Json:
    """Charge a stored means without the payer."""
    api, given = AuthorizeNet(call), call.input
    customer, _, payment = str(given["method"]).partition("/")
    if not (customer.isdigit() and payment.isdigit()):
        message = f"{given['method']!r} is no stored means of Authorize.Net's: customer profile/payment profile."
        raise failure("method_unavailable", message)
    members: JsonObject = {
        "transactionType": pages.transaction_type(given),
        "amount": decimal(given["amount"], call.connection),
        "currencyCode": currency_of(call.connection),
        "profile": {"customerProfileId": customer, "paymentProfile": {"paymentProfileId": payment}},
        "order": order_of(step_reference(STORED, call), given),
        "lineItems": line_items(given),
        "transactionSettings": settings(),
        "processingOptions": {"isSubsequentAuth": True},
    }
    try:
        made = sent(api, members)
    except PermanentError as error:
        if error.gateway_code not in DUPLICATE:
            raise
        return found_after_all(find_created(call), error)
    return made_of(made, members, call).output()


def _charge_form(call: Call, reference: str, parameters: JsonObject) -> Json:
    """Charge the one-time token that a form brought, by the terms that the server had sealed for it."""
    terms = unsealed(str(parameters.get("terms") or ""), call.connection)
    if terms.get("payment") != reference:
        raise failure("bad_return", "The form's terms are of another payment.")
    api = AuthorizeNet(call)
    found = on_page(api, call, reference)
    if found is not None and found.status != "failed":
        return found.output()
    if call.now > end_of(reference):
        raise failure("bad_return", "The form was open for too long: load the page again.")
    save = terms.get("save_method") is True
    members: JsonObject = {
        "transactionType": pages.transaction_type(terms),
        "amount": decimal(terms["amount"], call.connection),
        "currencyCode": currency_of(call.connection),
        "payment": {
            "opaqueData": {
                "dataDescriptor": str(parameters.get("descriptor") or "COMMON.ACCEPT.INAPP.PAYMENT"),
                "dataValue": str(parameters["value"]),
            }
        },
        "profile": {"createProfile": True} if save else None,
        **pages.order_and_payer(terms, reference),
        "transactionSettings": settings(),
        "processingOptions": {"isFirstSubsequentAuth": True} if save else None,
    }
    try:
        made, kept = _answered(api, members)
    except PermanentError as error:
        return _after_refusal(api, call, terms, error)
    output = made_of(made, members, call).output()
    return {**output, "stored_method": kept}


def _after_refusal(api: AuthorizeNet, call: Call, terms: JsonObject, error: PermanentError) -> Json:
    """A form's charge was refused. As a repeat: what is there already is the payment. By the bank: the payer may try again,
    so it is told and not raised. Raises all else.
    """
    reference = str(terms["payment"])
    if error.gateway_code in DUPLICATE | NONCE_USED:
        again = on_page(api, call, reference)
        if again is not None and again.status != "failed":
            return again.output()
        if error.gateway_code in DUPLICATE:
            return found_after_all(None, error)
    if not isinstance(error.details, dict) or "responseCode" not in error.details:
        raise error
    return {
        "payment": reference,
        "status": "failed",
        "amount": terms["amount"],
        "reason": error.code,
        "gateway": words(error.details.get("transId"), code=error.gateway_code, message=error.message),
    }


def _answered(api: AuthorizeNet, members: JsonObject) -> tuple[JsonObject, str | None]:
    """A charge's ``transactionResponse``, and the stored means that was kept with it."""
    answer = api.ask("createTransactionRequest", {"transactionRequest": members}, repeatable=False)
    kept = object_of(answer.get("profileResponse"))
    payments = kept.get("customerPaymentProfileIdList")
    first = payments[0] if isinstance(payments, list) and payments else None
    profile: JsonObject = {"customerProfileId": kept.get("customerProfileId"), "customerPaymentProfileId": first}
    return object_of(answer.get("transactionResponse")), stored_method(profile)


# Pages and forms that nobody paid.


def _unpaid(call: Call, reference: str) -> JsonObject:
    end = end_of(reference)
    slack = _ON_PAGE if kind_of(reference) == PAGE else timedelta(0)
    status = "expired" if call.now > end + slack else "created"
    return {
        "payment": reference,
        "status": status,
        "expires_at": end.isoformat().replace("+00:00", "Z"),
        "gateway": words(reference),
    }


def _closed(call: Call, reference: str) -> Json:
    """A page or form that nobody paid cannot be closed at Authorize.Net; it ends by itself."""
    output = _unpaid(call, reference)
    if output["status"] == "expired":
        return output
    message = (
        f"Nobody has paid {reference}, and its page cannot be closed. It ends by itself at {output['expires_at']}."
    )
    raise failure("wrong_state", message)
