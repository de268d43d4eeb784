"""Payments: on the gateway's page, in a page of ours, or on stored details; then their life.

Sources: the gateway's REST reference, version 100, operations Pay, Authorize, Capture, Void, Refund, Retrieve Order and
Retrieve Transaction; its guides "Credential on File" and "Tokenization".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from connectors.mastercard.api import Gateway, amount_text, money_of, object_of
from connectors.mastercard.carried import order_words, payer
from connectors.mastercard.errors import declined
from connectors.mastercard.fields import is_by_fields, mint, pay
from connectors.mastercard.orders import (
    UNDECIDED,
    payment_output,
    status_of,
    succeeded,
    total,
    transaction_of,
)
from connectors.mastercard.sessions import PAYMENT_LINK, WEBSITE, checkout_client, initiate, page_address
from hub.connect.answers import failure
from hub.errors import PermanentError
from hub.money import Money

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.errors import ActionError
    from hub.jsontypes import Json, JsonObject

FIRST = "1"
"""The transaction id of a payment on stored details: the only one that such an order begins with."""

_LONGEST_REFERENCE = 40
_OURS = re.compile(r"hub-[0-9a-f]{20}(-fa?s?\.[0-9a-z]{1,8}[A-Z]{3})?")
_OF_THE_CARD = frozenset({"invalid_card", "invalid_request", "method_unavailable", "not_found"})
"""Refusals of a token that speak of the card or its order; all others speak of the connection."""


def create(call: Call) -> Json:
    """Start a payment (``payment.create``)."""
    given = call.input
    if given.get("method"):
        return _charge_stored(call)
    if given.get("presentation") == "embedded":
        payment, client = embedded(call)
        return {
            "payment": payment,
            "status": "created",
            "amount": given["amount"],
            "client": client,
            "gateway": _name(payment),
        }
    limited = {"expiryDateTime": given["expires_at"]} if given.get("expires_at") else None
    answer = initiate(call, PAYMENT_LINK if limited else WEBSITE, link=limited)
    link = object_of(answer.get("paymentLink"))
    return {
        "payment": call.reference,
        "status": "created",
        "amount": given["amount"],
        "checkout_url": link.get("url") if limited else page_address(call, answer),
        "expires_at": given.get("expires_at"),
        "metadata": given.get("metadata"),
        "gateway": _name(call.reference),
    }


def find_created(call: Call) -> Json:
    """Whether this step's charge of stored details was made; None for payments that only a payer makes."""
    if not call.input.get("method"):
        return None
    entry = Gateway(call).transaction(call.reference, FIRST)
    return None if entry is None else _charged(call, entry)


def embed(call: Call) -> Json:
    """What a page needs to show the gateway's form (``form.embed``)."""
    payment, client = embedded(call)
    return {
        "payment": payment,
        "client": client,
        "script_url": client["script_url"],
        "origins": client["origins"],
        "gateway": _name(payment),
    }


def embedded(call: Call) -> tuple[str, JsonObject]:
    """A payment in a page of ours: its reference, and what the page's script needs. ``options.ui`` chooses the form."""
    options = cast("JsonObject", call.input.get("options") or {})
    if (options.get("ui") or call.connection.settings.get("embedded_ui")) == "fields":
        return mint(call)
    return call.reference, checkout_client(call, initiate(call, WEBSITE))


def get(call: Call) -> Json:
    """The payment as the gateway has it now (``payment.get``).

    The gateway makes an order when somebody tries to pay: one of ours that it does not know yet is ``created``.
    """
    payment = str(call.input["payment"])
    order = Gateway(call).order(payment)
    if order is None and _OURS.fullmatch(payment) is None:
        raise _unknown(payment)
    return payment_output(payment, order)


def complete(call: Call) -> Json:
    """After the payer's return (``payment.complete``): pay with a session that was filled in, then re-read the order.

    What the browser brings is never believed: the order's own state decides. A repeat finds the payment made.
    """
    payment = str(call.input["payment"])
    if is_by_fields(payment):
        pay(call, payment, Gateway(call).order(payment))
    return get(call)


def capture(call: Call) -> Json:
    """Take all or a part of an authorised amount (``payment.capture``)."""
    order = _order(call)
    authorised, taken = total(order, "totalAuthorizedAmount"), total(order, "totalCapturedAmount")
    if authorised is None or order.get("status") not in {"AUTHORIZED", "PARTIALLY_CAPTURED"}:
        raise failure("wrong_state", f"The order is {order.get('status')}: only an authorised amount can be taken.")
    rest = authorised.minor - (taken.minor if taken else 0)
    amount = _part_of(call, Money(rest, authorised.currency))
    return _followed(call, _done(call, {"apiOperation": "CAPTURE", "transaction": amount_text(amount)}))


def void(call: Call) -> Json:
    """Let an authorisation go (``payment.void``). One that is let go already is left as it is."""
    payment = str(call.input["payment"])
    order = _order(call)
    status = status_of(order)
    if status == "voided":
        return payment_output(payment, order)
    held = succeeded(order, "AUTHORIZATION")
    if status != "authorized" or not held:
        hint = " Give the money back with payment.refund." if status == "succeeded" else ""
        raise failure("wrong_state", f"The order is {order.get('status')}: only an authorisation can be let go.{hint}")
    target: JsonObject = {"targetTransactionId": transaction_of(held[-1]).get("id")}
    return _followed(call, _done(call, {"apiOperation": "VOID", "transaction": target}))


def find_followed(call: Call) -> Json:
    """Whether this step's capture or void was made: the payment, or None."""
    entry = _own_entry(call)
    return None if entry is None else _followed(call, entry)


def refund(call: Call) -> Json:
    """Give all or a part back (``payment.refund``)."""
    order = _order(call)
    taken, given_back = total(order, "totalCapturedAmount"), total(order, "totalRefundedAmount")
    if taken is None or not taken.minor:
        raise failure("wrong_state", f"The order is {order.get('status')}: nothing was taken that could be given back.")
    rest = taken.minor - (given_back.minor if given_back else 0)
    if rest <= 0:
        raise failure("already_refunded")
    reason = call.input.get("reason")
    transaction = amount_text(_part_of(call, Money(rest, taken.currency)))
    transaction["reference"] = str(reason)[:_LONGEST_REFERENCE] if reason else None
    return _refunded(call, _done(call, {"apiOperation": "REFUND", "transaction": transaction}))


def find_refunded(call: Call) -> Json:
    """Whether this step's refund was made: its output, or None."""
    entry = _own_entry(call)
    return None if entry is None else _refunded(call, entry)


def _charge_stored(call: Call) -> Json:
    gateway, given = Gateway(call), call.input
    token, agreed = _stored(gateway, str(given["method"]))
    stored: JsonObject = {"card": {"storedOnFile": "STORED"}}
    body: JsonObject = {
        "apiOperation": "AUTHORIZE" if given.get("capture") == "manual" else "PAY",
        "order": {**amount_text(given["amount"]), **order_words(given)},
        "sourceOfFunds": {"type": "CARD", "token": token, "provided": stored},
        # Under an agreement the payer is not there; without one it is the payer who pays with a stored card.
        "transaction": {"source": "MERCHANT" if agreed else "INTERNET"},
        "agreement": {"id": agreed} if agreed else None,
        **payer(given),
    }
    try:
        entry = gateway.put_transaction(call.reference, FIRST, body)
    except PermanentError as error:
        # A repeat may have made another token of the same card: then it is this very charge that stands there.
        known = gateway.transaction(call.reference, FIRST) if error.code == "duplicate" else None
        if known is None or transaction_of(known).get("source") != "MERCHANT" or not _is_this(call, known):
            raise
        entry = known
    return _charged(call, entry)


def _is_this(call: Call, entry: JsonObject) -> bool:
    """Whether a transaction is of the amount that this step charges."""
    transaction = transaction_of(entry)
    amount = money_of(transaction.get("amount"), transaction.get("currency"))
    return amount is not None and amount == Money.from_json(call.input["amount"])


def _stored(gateway: Gateway, method: str) -> tuple[str, str | None]:
    """Token and agreement of a stored means: ``<token>/<agreement>``, a token alone, or the payment that agreed to it."""
    if _OURS.fullmatch(method) is None:
        token, _, agreed = method.partition("/")
        return token, agreed or None
    try:
        made = gateway.answer("POST", "/token", {"referenceOrderId": method})
    except PermanentError as error:
        if error.code not in _OF_THE_CARD:
            raise
        message = f"No token could be made of the card of {method}. {error.message}"
        raise failure("method_unavailable", message, gateway_code=error.gateway_code, details=error.details) from error
    return str(made.get("token")), method


def _charged(call: Call, entry: JsonObject) -> JsonObject:
    _raise_if_failed(entry)
    beside = {name: entry.get(name) for name in ("sourceOfFunds", "customer", "agreement")}
    order: JsonObject = {**beside, **object_of(entry.get("order")), "transaction": [entry]}
    output = payment_output(call.reference, order)
    return {**output, "metadata": output["metadata"] or call.input.get("metadata")}


def _followed(call: Call, entry: JsonObject) -> JsonObject:
    """The payment after a capture or void, re-read."""
    _raise_if_failed(entry)
    payment = str(call.input["payment"])
    return payment_output(payment, Gateway(call).order(payment))


def _refunded(call: Call, entry: JsonObject) -> JsonObject:
    _raise_if_failed(entry)
    payment = str(call.input["payment"])
    transaction, order = transaction_of(entry), object_of(entry.get("order"))
    amount = money_of(transaction.get("amount"), transaction.get("currency"))
    whole = total(order, "totalRefundedAmount")
    waits = entry.get("result") in UNDECIDED or transaction.get("type") == "REFUND_REQUEST"
    code = object_of(entry.get("response")).get("gatewayCode")
    return {
        "refund": f"{payment}/{transaction.get('id')}",
        "payment": payment,
        "status": "pending" if waits else "issued",
        "amount": amount.to_json() if amount else None,
        "total_refunded": whole.to_json() if whole else None,
        "gateway": {**_name(str(transaction.get("id"))), "status": str(entry.get("result")), "code": code},
    }


def _order(call: Call) -> JsonObject:
    payment = str(call.input["payment"])
    order = Gateway(call).order(payment)
    if order is not None:
        return order
    if _OURS.fullmatch(payment):
        raise failure("wrong_state", f"Nobody has tried to pay {payment} yet; its page closes by itself.")
    raise _unknown(payment)


def _unknown(payment: str) -> ActionError:
    return failure("not_found", f"The Mastercard Gateway has no order {payment!r} of this merchant.")


def _done(call: Call, body: JsonObject) -> JsonObject:
    """Do a transaction under this step's own id."""
    return Gateway(call).put_transaction(str(call.input["payment"]), call.reference, body)


def _own_entry(call: Call) -> JsonObject | None:
    """The transaction of this very step, whose id is the step's reference."""
    return Gateway(call).transaction(str(call.input["payment"]), call.reference)


def _part_of(call: Call, left: Money) -> Json:
    """The amount that was asked for, or all that is left. Raises ``amount_exceeds_rest`` and ``bad_input``."""
    if "amount" not in call.input:
        return cast("Json", left.to_json())
    wanted = Money.from_json(call.input["amount"])
    if wanted.currency != left.currency:
        raise failure("bad_input", f"The payment is in {left.currency}, the amount in {wanted.currency}.")
    if wanted.minor > left.minor:
        raise failure("amount_exceeds_rest", f"{left} are left, {wanted} were asked for.")
    return cast("Json", wanted.to_json())


def _raise_if_failed(entry: JsonObject) -> None:
    if entry.get("result") == "FAILURE":
        raise declined(entry)


def _name(identity: str) -> JsonObject:
    return {"name": "mastercard", "id": identity}
