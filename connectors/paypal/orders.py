"""Beginning a payment: an order that the payer approves at PayPal or with its buttons, or a charge of a stored means."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast
from urllib.parse import urlencode

from connectors.paypal.api import PayPal, amount_of, object_of, segment, words
from connectors.paypal.carried import written_for_order
from connectors.paypal.standing import order_output, parts_of, raise_if_declined
from hub.connect.answers import failure
from hub.connect.auth import field_value
from hub.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

SCRIPT = "https://www.paypal.com/sdk/js"
"""PayPal's own script (JavaScript SDK, version 5), started with the mode's client id; not to be served as a copy."""
ORIGINS = ["https://*.paypal.com", "https://*.paypalobjects.com", "https://*.venmo.com"]

KEY_LASTS = timedelta(hours=6) - timedelta(minutes=10)
"""How long PayPal knows an order's PayPal-Request-Id (orders v2), less the time that a call may take."""

LONGEST_DESCRIPTION = 127
_LOCAL = frozenset({"bancontact", "blik", "eps", "ideal", "mybank", "p24", "trustly"})
"""Local means that an order names by itself; they want the payer's name and country."""
_WALLETS = frozenset({"card", "paypal", "wallet"})


def create(call: Call) -> Json:
    """Start a payment (``payment.create``)."""
    given = call.input
    if given.get("method"):
        return _charge_stored(call)
    if given.get("presentation") == "embedded":
        order = _new_order(call, given, _embedded_source(call, given))
        return {**order_output(order, call.now), "checkout_url": None, "client": client(call, given, order)}
    return order_output(_new_order(call, given, _hosted_source(call, given)), call.now)


def embed(call: Call) -> Json:
    """What a page needs to show PayPal's buttons (``form.embed``). The order is made here, so its amount is fixed."""
    order = _new_order(call, call.input, _embedded_source(call, call.input))
    shown = client(call, call.input, order)
    return {
        "payment": order.get("id"),
        "client": shown,
        "script_url": shown["script_url"],
        "origins": list(ORIGINS),
        "gateway": words(order),
    }


def client(call: Call, given: JsonObject, order: JsonObject) -> JsonObject:
    """What the page's script is started with. The client id is public."""
    manual = given.get("capture") == "manual"
    parameters = {
        "client-id": field_value(call.connection, "client_id"),
        "currency": str(object_of(given["amount"])["currency"]),
        "intent": "authorize" if manual else "capture",
        "components": "buttons",
    }
    seller = call.connection.settings.get("seller")
    if seller:
        parameters["merchant-id"] = str(seller)
    return {
        "kind": "paypal.buttons",
        "order": order.get("id"),
        "script_url": f"{SCRIPT}?{urlencode(parameters)}",
        "origins": list(ORIGINS),
    }


def context(call: Call, given: JsonObject) -> JsonObject:
    """Where the payer goes afterwards, and how PayPal's page looks. Raises ``bad_input`` without a return address."""
    settings, options = call.connection.settings, object_of(given.get("options"))
    return_url = given.get("return_url") or settings.get("return_url")
    if not return_url:
        raise failure(
            "bad_input", "PayPal needs return_url: give it in the step, or in the connection for all of them."
        )
    return {
        "brand_name": settings.get("brand_name"),
        "shipping_preference": "GET_FROM_FILE" if options.get("ask_address") else "NO_SHIPPING",
        "return_url": return_url,
        "cancel_url": given.get("cancel_url") or return_url,
    }


def _new_order(call: Call, given: JsonObject, source: JsonObject) -> JsonObject:
    """Make an order. A repeat under the same key is the same order; nothing is charged before the payer approves."""
    return PayPal(call).post("/v2/checkout/orders", _order(given, source))


def _order(given: JsonObject, source: JsonObject, invoice_id: str | None = None) -> JsonObject:
    options = object_of(given.get("options"))
    fee = options.get("platform_fee")
    delayed = options.get("disbursement") == "delayed"
    payee = str(options.get("payee") or "")
    instruction: JsonObject = {
        "platform_fees": [{"amount": amount_of(fee)}] if fee else None,
        "disbursement_mode": "DELAYED" if delayed else None,
    }
    unit: JsonObject = {
        **written_for_order(given),
        "amount": amount_of(given["amount"]),
        "description": str(given.get("description") or "")[:LONGEST_DESCRIPTION] or None,
        "invoice_id": options.get("invoice_id") or invoice_id,
        "soft_descriptor": options.get("soft_descriptor"),
        "payee": {"email_address" if "@" in payee else "merchant_id": payee} if payee else None,
        "payment_instruction": instruction if fee or delayed else None,
    }
    intent = "AUTHORIZE" if given.get("capture") == "manual" else "CAPTURE"
    return {"intent": intent, "purchase_units": [unit], **source}


def _hosted_source(call: Call, given: JsonObject) -> JsonObject:
    methods = [str(one) for one in cast("list[Json]", given.get("methods") or [])]
    unknown = [one for one in methods if one not in _WALLETS | _LOCAL]
    if unknown or (len(methods) > 1 and _LOCAL.intersection(methods)):
        known = ", ".join(sorted(_WALLETS | _LOCAL))
        raise failure(
            "method_unavailable", f"PayPal's page offers {known}; local means one at a time, not {', '.join(methods)}."
        )
    if methods and methods[0] in _LOCAL:
        return {"payment_source": {methods[0]: _local_means(call, given, methods[0])}}
    guest = methods == ["card"]
    shown = {
        **context(call, given),
        "user_action": "PAY_NOW",
        "landing_page": "GUEST_CHECKOUT" if guest else object_of(given.get("options")).get("landing_page"),
    }
    wallet: JsonObject = {"experience_context": shown, **_vaulting(given)}
    email = object_of(given.get("customer")).get("email")
    return {"payment_source": {"paypal": {**wallet, "email_address": email}}}


def _local_means(call: Call, given: JsonObject, method: str) -> JsonObject:
    customer = object_of(given.get("customer"))
    country = object_of(customer.get("address")).get("country")
    if not customer.get("name") or not country or (method == "p24" and not customer.get("email")):
        what = "name, e-mail and country" if method == "p24" else "name and country"
        raise failure("bad_input", f"For {method} PayPal needs the customer's {what}.")
    shown = {name: value for name, value in context(call, given).items() if name != "shipping_preference"}
    return {
        "name": customer["name"],
        "country_code": country,
        "email": customer.get("email") if method in {"p24", "blik"} else None,
        "experience_context": shown,
    }


def _embedded_source(call: Call, given: JsonObject) -> JsonObject:
    """Which means it will be is chosen with PayPal's buttons; only keeping one fixes it to the wallet."""
    if given.get("save_method"):
        shown = {**context(call, given), "user_action": "PAY_NOW"}
        return {"payment_source": {"paypal": {"experience_context": shown, **_vaulting(given)}}}
    options = object_of(given.get("options"))
    shown = {
        "brand_name": call.connection.settings.get("brand_name"),
        "shipping_preference": "GET_FROM_FILE" if options.get("ask_address") else "NO_SHIPPING",
        "user_action": "PAY_NOW",
    }
    return {"application_context": shown}


def _vaulting(given: JsonObject) -> JsonObject:
    if not given.get("save_method"):
        return {}
    return {"attributes": {"vault": {"store_in_vault": "ON_SUCCESS", "usage_type": "MERCHANT"}}}


def _charge_stored(call: Call) -> Json:
    """Charge a stored means at once, without the payer. Raises what the payer's bank says."""
    paypal, given = PayPal(call), call.input
    token = paypal.get(f"/v3/vault/payment-tokens/{segment(given['method'])}")
    kind = next(iter(object_of(token.get("payment_source"))), "paypal")
    details: dict[str, Json] = {"vault_id": token.get("id") or given["method"]}
    if kind == "card":
        details["stored_credential"] = {
            "payment_initiator": "MERCHANT",
            "payment_type": "UNSCHEDULED",
            "usage": "SUBSEQUENT",
        }
    body = _order(given, {"payment_source": {kind: details}}, invoice_id=call.reference)
    order = once(call, lambda: paypal.post("/v2/checkout/orders", body))
    if order.get("status") == "PAYER_ACTION_REQUIRED":
        raise failure("authentication_required", "PayPal wants the payer to confirm it.", details=order)
    if order.get("status") in {"CREATED", "APPROVED"}:
        what = "authorize" if given.get("capture") == "manual" else "capture"
        path = f"/v2/checkout/orders/{segment(order.get('id'))}/{what}"
        order = once(call, lambda: paypal.post(path, {}, part=what))
    for transaction in (*parts_of(order, "captures"), *parts_of(order, "authorizations")):
        raise_if_declined(transaction)
    return order_output(order, call.now)


def once(call: Call, do: Callable[[], JsonObject]) -> JsonObject:
    """Do what charges at once, and never twice: PayPal knows an order's key for six hours only.

    When the first try is remembered of (in ``call.previous``) is kept with each error; a repeat after the key's life is left
    to a person. Raises like an action.
    """
    previous = call.previous if isinstance(call.previous, dict) else {}
    first = str(previous.get("first_tried_at") or call.now.isoformat())
    if call.now - datetime.fromisoformat(first) > KEY_LASTS:
        raise failure(
            "uncertain",
            f"It was first tried at {first}; PayPal would take a repeat for a new payment after six hours. "
            f"Look for the invoice id {call.reference} in PayPal's activities.",
        )
    try:
        return do()
    except TransientError as error:
        error.details = {"first_tried_at": first, "answer": error.details}
        raise
