"""Payments: begun by the button or on a stored permission, completed when the payer is back; then their life."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from connectors.amazon_pay.api import AmazonPay, minor_of, money_of, object_of, price, segment, words
from connectors.amazon_pay.button import end_of, is_over, is_prepared, prepare
from connectors.amazon_pay.carried import merchant_metadata, read
from connectors.amazon_pay.errors import reason_of
from connectors.amazon_pay.standing import payment_output, permission_of, state_of
from hub.connect.answers import failure
from hub.errors import ActionError, PermanentError
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

RETURNED_SESSION: Final = "amazonCheckoutSessionId"
"""The parameter with which Amazon sends the payer back."""

_REFUND_STATUS: Final[Mapping[str, str]] = {"Refunded": "issued", "Completed": "issued", "Declined": "failed"}
_SESSION_STATUS: Final[Mapping[str, str]] = {"BuyerCanceled": "voided", "Declined": "failed", "Expired": "expired"}
_LONGEST_REASON: Final = 255


def create(call: Call) -> Json:
    """Start a payment (``payment.create``): charge a stored permission, or sign what the button needs."""
    if call.input.get("method"):
        return _charge_stored(call)
    return {**prepare(call), "status": "created"}


def embed(call: Call) -> Json:
    """What a page needs to show Amazon's button (``form.embed``)."""
    made = prepare(call)
    shown = object_of(made["client"])
    return {
        "payment": made["payment"],
        "client": shown,
        "script_url": shown["script_url"],
        "origins": shown["origins"],
        "gateway": made["gateway"],
    }


def get(call: Call) -> Json:
    """The payment as it is now (``payment.get``): a charge, a checkout session, or one from which nobody came back."""
    reference = str(call.input["payment"])
    if is_prepared(reference):
        return _waiting(reference, call)
    amazon = AmazonPay(call)
    if _is_session(reference):
        return _of_session(amazon, amazon.get(f"checkoutSessions/{segment(reference)}"), reference)
    return _of_charge(amazon, amazon.get(f"charges/{segment(reference)}"))


def complete(call: Call) -> Json:
    """Finish what the payer did at Amazon (``payment.complete``).

    The session that the browser names must carry this payment's reference. It is completed under one key for each payment:
    a payer who paid in two windows is charged once, and the other session is cancelled by Amazon within a day.
    """
    reference = str(call.input["payment"])
    session_id = object_of(call.input.get("parameters")).get(RETURNED_SESSION)
    if not is_prepared(reference) or not session_id:
        return get(call)
    amazon = AmazonPay(call)
    session = amazon.find(f"checkoutSessions/{segment(session_id)}")
    if session is None:
        raise failure("bad_return", "Amazon does not know the checkout session that the browser named.")
    if object_of(session.get("merchantMetadata")).get("merchantReferenceId") != reference:
        raise failure("bad_return", "The checkout session that the browser named is of another payment.")
    if state_of(session) != "Open":
        return _of_session(amazon, session, reference)
    if is_over(reference, call.now):
        # Not completed, it ends at Amazon within a day, and what was authorised is let go.
        return _waiting(reference, call)
    return _completed(amazon, session, reference)


def capture(call: Call) -> Json:
    """Take all or a part of an authorised charge (``payment.capture``); the rest is let go."""
    given = call.input
    if given.get("final") is False:
        raise failure("bad_input", "Amazon Pay captures a charge once. Charge the rest anew on the stored permission.")
    amazon, path = AmazonPay(call), _charge_path(call)
    amount = given.get("amount") or money_of(amazon.get(path).get("chargeAmount"))
    taken = amazon.post(f"{path}/capture", {"captureAmount": price(amount, amazon.region)})
    return _of_charge(amazon, taken)


def void(call: Call) -> Json:
    """Let an authorised charge go (``payment.void``)."""
    amazon, path = AmazonPay(call), _charge_path(call)
    reason = str(call.input.get("reason") or "Cancelled by the merchant")
    try:
        return _of_charge(amazon, amazon.delete(f"{path}/cancel", {"cancellationReason": reason[:_LONGEST_REASON]}))
    except PermanentError as error:
        if error.code != "wrong_state":
            raise
        charge = amazon.get(path)
        if state_of(charge) != "Canceled":
            raise
        return _of_charge(amazon, charge)


def refund(call: Call) -> Json:
    """Give all or a part back (``payment.refund``). Amazon decides later: the refund is ``pending`` at first."""
    amazon, path = AmazonPay(call), _charge_path(call)
    amount = call.input.get("amount") or object_of(call.previous).get("refund_amount") or _rest(call, amazon.get(path))
    charge_id = path.removeprefix("charges/")
    body: JsonObject = {"chargeId": charge_id, "refundAmount": price(amount, amazon.region)}
    try:
        made = amazon.post("refunds", body)
    except PermanentError as error:
        if error.code == "wrong_state" and _rest_of(amazon.get(path)) <= 0:
            raise failure("already_refunded", gateway_code=error.gateway_code, details=error.details) from error
        raise
    except ActionError as error:
        if "amount" not in call.input:
            # The key holds for this body only: a repeat must ask for the same amount, whatever is left by then.
            error.details = {"refund_amount": amount}
        raise
    charge = amazon.get(path)
    return {
        "refund": made.get("refundId"),
        "payment": charge_id,
        "status": _REFUND_STATUS.get(state_of(made), "pending"),
        "amount": money_of(made.get("refundAmount")) or amount,
        "total_refunded": money_of(charge.get("refundedAmount")),
        "gateway": words(made, made.get("refundId")),
    }


def _rest(call: Call, charge: JsonObject) -> Json:
    """What is left to give back. When nothing is, an earlier attempt of this step may have given it."""
    rest = _rest_of(charge)
    if rest > 0:
        return cast("Json", Money(rest, str(object_of(charge.get("captureAmount"))["currencyCode"])).to_json())
    if minor_of(charge.get("captureAmount")) == 0:
        raise failure("wrong_state", f"Nothing was taken of the payment ({state_of(charge)}).")
    raise failure("already_refunded" if call.attempt == 1 else "uncertain", "Nothing is left of the payment.")


def _rest_of(charge: JsonObject) -> int:
    return minor_of(charge.get("captureAmount")) - minor_of(charge.get("refundedAmount"))


def _charge_stored(call: Call) -> JsonObject:
    """Charge a permission that the payer gave (``method``). A decline is an error, also one in an answer 201."""
    given, settings, amazon = call.input, call.connection.settings, AmazonPay(call)
    method = str(given["method"])
    body: JsonObject = {
        "chargePermissionId": method,
        "chargeAmount": price(given["amount"], amazon.region),
        "captureNow": given.get("capture") != "manual",
        "canHandlePendingAuthorization": settings.get("pending_authorization") is True,
        "merchantMetadata": merchant_metadata(given, call.reference, settings.get("store_name")),
    }
    charge = amazon.post("charges", body)
    if state_of(charge) == "Declined":
        details = object_of(charge.get("statusDetails"))
        own = str(details.get("reasonCode") or "Declined")
        message = f"Amazon declined the charge ({own}). {details.get('reasonDescription') or ''}".strip()
        raise failure(reason_of(own), message, gateway_code=own, details=charge)
    return _of_charge(amazon, charge)


def _completed(amazon: AmazonPay, session: JsonObject, reference: str) -> JsonObject:
    amount = object_of(session.get("paymentDetails")).get("chargeAmount")
    path = f"checkoutSessions/{segment(session.get('checkoutSessionId'))}"
    try:
        done = amazon.post(f"{path}/complete", {"chargeAmount": amount}, key=f"complete:{reference}")
    except PermanentError as error:
        if error.code == "key_reused":
            message = "This payment was completed from another window; what was paid here is let go within a day."
            raise failure("wrong_state", message, gateway_code=error.gateway_code) from error
        now = amazon.get(path)
        if state_of(now) == "Open":
            raise
        return _of_session(amazon, now, reference)
    return _of_session(amazon, done, reference)


def _of_session(amazon: AmazonPay, session: JsonObject, reference: str) -> JsonObject:
    """A checkout session as a payment: its charge once there is one."""
    if session.get("chargeId"):
        charge = amazon.get(f"charges/{segment(session['chargeId'])}")
        return _of_charge(amazon, charge, checkout=str(session.get("checkoutSessionId")))
    details = object_of(session.get("statusDetails"))
    status = "created"
    if details.get("state") == "Canceled":
        status = _SESSION_STATUS.get(str(details.get("reasonCode")), "failed")
    return {
        "payment": reference,
        "status": status,
        "amount": money_of(object_of(session.get("paymentDetails")).get("chargeAmount")),
        "metadata": read(session.get("merchantMetadata")).get("metadata"),
        "reason": reason_of(details.get("reasonCode")) if status == "failed" else None,
        "gateway": {**words(session, session.get("checkoutSessionId")), "checkout": session.get("checkoutSessionId")},
    }


def _of_charge(amazon: AmazonPay, charge: JsonObject, **more: str) -> JsonObject:
    return payment_output(charge, permission_of(amazon, charge), **more)


def _waiting(reference: str, call: Call) -> JsonObject:
    """A payment from which nobody came back: Amazon cannot be asked for it, but it has an end."""
    end = end_of(reference).isoformat().replace("+00:00", "Z")
    status = "expired" if is_over(reference, call.now) else "created"
    gateway: JsonObject = {"name": "amazon_pay", "id": reference}
    return {"payment": reference, "status": status, "expires_at": end, "gateway": gateway}


def _charge_path(call: Call) -> str:
    """The charge of a payment as a path. Raises ``wrong_state`` while nobody has paid."""
    reference = str(call.input["payment"])
    if is_prepared(reference):
        message = (
            f"{reference} only stands for a payment until the payer is back, and ends by itself at "
            f"{end_of(reference):%Y-%m-%d %H:%M} UTC. Use the payment that its events name (S01-…-C…)."
        )
        raise failure("wrong_state", message)
    if _is_session(reference):
        session = AmazonPay(call).get(f"checkoutSessions/{segment(reference)}")
        if not session.get("chargeId"):
            raise failure("wrong_state", f"Nobody has paid on the session {reference} ({state_of(session)}).")
        reference = str(session["chargeId"])
    return f"charges/{segment(reference)}"


def _is_session(reference: str) -> bool:
    """Checkout sessions have UUIDs; charges have ids such as ``S01-0000000-0000000-C000000``."""
    return len(reference) == 36 and reference.count("-") == 4  # noqa: PLR2004 (a UUID's form)
