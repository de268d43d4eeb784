"""Payments: begun on 2Checkout's page or form, or charged to an earlier order's means; read, proved on return, refunded."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, cast

from connectors.twocheckout import checkout
from connectors.twocheckout.api import Answer, TwoCheckout, amount_text, member, money_of, segment
from connectors.twocheckout.carried import page_of
from connectors.twocheckout.orders import catalogue_item, dynamic_item, output, place, previous, read, search, total
from connectors.twocheckout.signing import passback_hash, return_hash, same
from hub.connect.answers import failure
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call, Connection
    from hub.jsontypes import Json, JsonObject

_REASONS: Mapping[str, str] = {"duplicate": "Duplicate purchase", "fraudulent": "Fraud"}
"""The hub's reasons -> reasons that 2Checkout knows. Everything else goes under the connection's own."""
REASON = "Other"


def create(call: Call) -> Json:
    """Start a payment (``payment.create``): a signed page, a signed form, or a charge of an earlier order's means."""
    api, given = TwoCheckout(call), call.input
    if given.get("capture") == "manual":
        message = "2Checkout takes the money by itself; how late (7 days at most) is a setting of the whole account."
        raise failure("bad_input", message)
    if given.get("methods"):
        raise failure("bad_input", "2Checkout's page offers what the account allows; leave methods out.")
    if given.get("method"):
        return _charge_again(api, call)
    if given.get("presentation") == "embedded":
        return {**checkout.dynamic_cart(api, call), "status": "created", "amount": given["amount"]}
    return checkout.dynamic_link(api, call)


def find_created(call: Call) -> Json | None:
    """Whether this step's order is there: by the reference that it carries."""
    api = TwoCheckout(call)
    order = read(api, call, call.reference)
    return output(order) if order is not None else None


def embed(call: Call) -> Json:
    """What a page needs for 2Checkout's form, its amount signed (``form.embed``)."""
    if call.input.get("capture") == "manual":
        raise failure("bad_input", "2Checkout takes the money by itself; leave capture out.")
    made = checkout.dynamic_cart(TwoCheckout(call), call)
    return {**made, "gateway": {"name": "twocheckout", "checkout": made["payment"]}}


def get(call: Call) -> Json:
    """The payment as 2Checkout has it now (``payment.get``). A page that nobody paid on is a payment that was created."""
    payment = str(call.input["payment"])
    order = read(TwoCheckout(call), call, payment)
    return output(order) if order is not None else _nobody_paid(payment)


def complete(call: Call) -> Json:
    """The payer came back (``payment.complete``): find out on the server what became of the payment.

    What the browser brought is a hint at most. Its order must carry this payment's reference, else it is refused
    (``bad_return``); where it brought none, the reference is searched by.
    """
    api, given = TwoCheckout(call), call.input
    payment = str(given["payment"])
    number = returned_order(cast("Mapping[str, str]", given.get("parameters") or {}), call.connection)
    if number is None or page_of(payment) is None:
        return get(call)
    if number not in {str(one["RefNo"]) for one in search(api, call, payment)}:
        # Orders are not always found at once; the order itself says whose it is.
        found = api.get(f"/orders/{segment(number)}/")
        if found.get("ExternalReference") != payment:
            raise failure("bad_return", f"The order {number} does not belong to this payment.")
    order = read(api, call, number)
    return output(order) if order is not None else _nobody_paid(payment)


def returned_order(parameters: Mapping[str, str], connection: Connection) -> str | None:
    """The order that the browser names, when nothing about it is false; None when it names none, or a signature is wrong.

    A wrong signature only means that the payment is looked up by its own reference: returns by PayPal are signed otherwise.
    """
    words = connection.secret_versions("buy_link_secret_word")
    if "key" in parameters and "order_number" in parameters:
        parts = [str(parameters.get(name, "")) for name in ("sid", "order_number", "total")]
        proved = any(same(parameters["key"], passback_hash(word, *parts)) for word in words)
        return parts[1] if proved else None
    number = next((value for name, value in parameters.items() if name.lower() == "refno" and value.isalnum()), None)
    if number is not None and "signature" in parameters:
        proved = any(same(parameters["signature"], return_hash(word, parameters)) for word in words)
        return number if proved else None
    return number


def refund(call: Call) -> Json:
    """Give all or a part back (``payment.refund``). 2Checkout registers it; its notification tells when it is done."""
    api, given = TwoCheckout(call), call.input
    order = read(api, call, str(given["payment"]))
    status = str(order.get("Status")) if order is not None else "not paid"
    if order is None or status != "COMPLETE":
        code = "already_refunded" if status == "REFUND" else "wrong_state"
        raise failure(code, f"2Checkout refunds complete orders; this one is {status}.")
    currency = str(order.get("Currency") or "").upper()
    whole = Money.from_json(money_of(total(order), currency))
    money = Money.from_json(given["amount"]) if "amount" in given else whole
    if money.currency != whole.currency:
        raise failure("bad_input", f"The order was paid in {whole.currency}, not in {money.currency}.")
    if whole < money:
        raise failure("amount_exceeds_rest", f"{money} is more than the order's {whole}.")
    number = str(order["RefNo"])
    partial = money != whole
    body = {
        "amount": Decimal(amount_text(money)),
        "comment": str(given.get("reason") or "Refund"),
        "reason": _reason(given, call.connection),
        "items": _lines(order, money) if partial else [],
    }
    if api.change("POST", f"/orders/{segment(number)}/refund/", body, repeatable=False) is not True:
        raise failure("invalid_request", "2Checkout did not register the refund and did not say why.")
    return {
        "refund": f"{number}:total" if not partial else f"{number}:{call.reference}",
        "payment": number,
        "status": "pending",
        "amount": money.to_json(),
        "gateway": {"name": "twocheckout", "id": number, "status": "registered"},
    }


def _charge_again(api: TwoCheckout, call: Call) -> JsonObject:
    given = call.input
    earlier = previous(api, call, str(given["method"]))
    money = Money.from_json(given["amount"])
    product = cast("JsonObject", given.get("options") or {}).get("product")
    item = (
        catalogue_item(given["amount"], str(product))
        if product
        else dynamic_item(given["amount"], checkout.product_name(given))
    )
    return output(place(api, call, item, earlier, money.currency))


def _nobody_paid(payment: str) -> JsonObject:
    if page_of(payment) is None:
        raise failure("not_found", f"2Checkout has no order {payment}.")
    return {"payment": payment, "status": "created", "gateway": {"name": "twocheckout", "checkout": payment}}


def _reason(given: JsonObject, connection: Connection) -> str:
    """A reason that 2Checkout knows: its own names, or one that the account defined."""
    own = connection.settings.get("refund_reason") or REASON
    return _REASONS.get(str(given.get("reason")), str(own))


def _lines(order: Answer, money: Money) -> list[Answer]:
    """The refund spread over the order's lines, the first ones first, none above its own amount."""
    left, lines = money, []
    for line in order.get("Items") or []:
        price = money_of(
            member(line, "Price", "GrossDiscountedPrice") or member(line, "Price", "GrossPrice"), money.currency
        )
        if price is None or not left.minor:
            continue
        part = min(Money.from_json(price), left, key=lambda one: one.minor)
        lines.append(
            {
                "LineItemReference": line.get("LineItemReference"),
                "Quantity": line.get("Quantity", 1),
                "Amount": Decimal(amount_text(part)),
            }
        )
        left -= part
    return lines
