"""Single payments: on Stripe's page (Checkout), in a page of ours (PaymentIntent) or on a stored means; then their life."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from connectors.stripe.api import Stripe, amount_form, id_of, money_of, object_of, segment, time_of, unix, words
from connectors.stripe.carried import FLOW_CHECKOUT, FLOW_INTENT, carried
from connectors.stripe.errors import code_of
from hub.connect.answers import failure
from hub.errors import ConfigError, MoneyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

SCRIPT = "https://js.stripe.com/v3/"
"""Stripe's own script; Stripe forbids serving a copy."""
ORIGINS = ["https://js.stripe.com", "https://api.stripe.com", "https://hooks.stripe.com"]
_EMBEDDED_PAGE_SINCE = "2026"
"""Versions before 2026 call Checkout's embedded form ``embedded``, later ones ``embedded_page``."""

_EXPANDED = "latest_charge.balance_transaction"
REFUND_REASONS = frozenset({"duplicate", "fraudulent", "requested_by_customer"})
_CANCELLATION_REASONS = REFUND_REASONS | {"abandoned"}
_BANK_DEBITS: Mapping[str, str] = {"EUR": "sepa_debit", "USD": "us_bank_account", "GBP": "bacs_debit"}

_INTENT_STATUS: Mapping[str, str] = {
    "requires_payment_method": "created",
    "requires_confirmation": "created",
    "requires_action": "pending",
    "processing": "pending",
    "requires_capture": "authorized",
    "succeeded": "succeeded",
    "canceled": "voided",
}


def create(call: Call) -> Json:
    """Start a payment (``payment.create``)."""
    given = call.input
    if given.get("method"):
        return _charge_stored(call)
    if given.get("presentation") == "embedded":
        intent = _new_intent(call, given)
        return {**_intent_output(intent), "client": client(call, "stripe.payment_element", intent.get("client_secret"))}
    return session_output(checkout(call, given))


def embed(call: Call) -> Json:
    """What a page needs to show Stripe's fields (``form.embed``): a PaymentIntent, or a Checkout Session to embed."""
    options = cast("JsonObject", call.input.get("options") or {})
    if options.get("ui") == "checkout":
        session = checkout(call, call.input, embedded=True)
        made, kind = session, "stripe.embedded_checkout"
        payment = id_of(session.get("payment_intent")) or id_of(session.get("id"))
    else:
        made, kind = _new_intent(call, call.input), "stripe.payment_element"
        payment = id_of(made.get("id"))
    return {
        "payment": payment,
        "client": client(call, kind, made.get("client_secret")),
        "script_url": SCRIPT,
        "origins": list(ORIGINS),
        "gateway": words(made),
    }


def read(stripe: Stripe, payment: str) -> JsonObject:
    """The payment as Stripe has it now: PaymentIntent, Checkout Session or Charge."""
    if payment.startswith("cs_"):
        query = {"expand": [f"payment_intent.{_EXPANDED}"]}
        return session_output(stripe.get(f"/v1/checkout/sessions/{segment(payment)}", query))
    if payment.startswith(("ch_", "py_")):
        return _charge_output(charge_of(stripe, payment))
    return _intent_output(stripe.get(f"/v1/payment_intents/{segment(payment)}", {"expand": [_EXPANDED]}))


def capture(call: Call) -> Json:
    """Take all or a part of an authorised amount (``payment.capture``)."""
    stripe, given = Stripe(call), call.input
    form: dict[str, Json] = {"metadata": given.get("metadata"), "expand": ["latest_charge"]}
    if "amount" in given:
        form["amount_to_capture"] = amount_form(given["amount"])["amount"]
    if given.get("final") is False:
        form["final_capture"] = False
    path = f"/v1/payment_intents/{segment(intent_id(stripe, given['payment']))}/capture"
    return _intent_output(stripe.post(path, form, amount_parameter="amount_to_capture"))


def void(call: Call) -> Json:
    """Let an authorisation go, or end what nobody paid yet (``payment.void``)."""
    stripe, payment = Stripe(call), str(call.input["payment"])
    if payment.startswith("cs_"):
        session = stripe.get(f"/v1/checkout/sessions/{segment(payment)}")
        if session.get("status") != "complete":
            return session_output(expire(stripe, payment, session))
        payment = _intent_of(session)
    reason = call.input.get("reason")
    form = {"cancellation_reason": reason if reason in _CANCELLATION_REASONS else None}
    return _intent_output(stripe.post(f"/v1/payment_intents/{segment(payment)}/cancel", form))


def intent_id(stripe: Stripe, payment: Json) -> str:
    """The PaymentIntent of a payment; a Checkout Session is asked for its own. Raises ``wrong_state`` while nobody paid."""
    reference = str(payment)
    if reference.startswith("cs_"):
        return _intent_of(stripe.get(f"/v1/checkout/sessions/{segment(reference)}"))
    return reference


def checkout(call: Call, given: JsonObject, *, embedded: bool = False) -> JsonObject:
    """Make a Checkout Session for a single payment."""
    stripe = Stripe(call)
    manual = given.get("capture") == "manual"
    metadata = carried(given, flow=FLOW_INTENT if manual else FLOW_CHECKOUT)
    price = amount_form(given["amount"])
    return_url = return_address(call, given)
    save = given.get("save_method") is True
    form: dict[str, Json] = {
        "mode": "payment",
        "line_items": [line_item(price, given)],
        "client_reference_id": given.get("order") or given.get("invoice") or call.reference,
        "metadata": metadata,
        "payment_intent_data": {
            "metadata": metadata,
            "description": given.get("description"),
            "capture_method": "manual" if manual else None,
            "setup_future_usage": "off_session" if save else None,
        },
        "payment_method_types": _method_types(given),
        "expires_at": unix(given.get("expires_at")),
        **payer(given, create_customer=save),
    }
    if embedded:
        name = "embedded_page" if stripe.version >= _EMBEDDED_PAGE_SINCE else "embedded"
        form |= {"ui_mode": name, "return_url": return_url}
    else:
        form |= {"success_url": return_url, "cancel_url": given.get("cancel_url")}
    return stripe.post("/v1/checkout/sessions", form)


def expire(stripe: Stripe, reference: str, session: JsonObject) -> JsonObject:
    """Close an open session; one that is expired already is left as it is."""
    if session.get("status") == "expired":
        return session
    return stripe.post(f"/v1/checkout/sessions/{segment(reference)}/expire", {})


def line_item(price: JsonObject, given: JsonObject) -> JsonObject:
    """The one line of a session whose amount is fixed here."""
    product = {"name": given.get("description") or given.get("order") or "Payment"}
    return {
        "price_data": {"currency": price["currency"], "unit_amount": price["amount"], "product_data": product},
        "quantity": 1,
    }


def payer(given: JsonObject, *, create_customer: bool = False) -> dict[str, Json]:
    """Who pays: a customer that Stripe knows (``cus_…``), else the e-mail that the page is filled in with."""
    customer = cast("JsonObject", given.get("customer") or {})
    known = customer_id(customer)
    if known:
        return {"customer": known}
    return {"customer_email": customer.get("email"), "customer_creation": "always" if create_customer else None}


def customer_id(customer: JsonObject) -> str | None:
    """The customer's id when it is one of Stripe's."""
    reference = customer.get("id")
    return reference if isinstance(reference, str) and reference.startswith("cus_") else None


def new_customer(stripe: Stripe, given: JsonObject) -> str:
    """The customer's id at Stripe, made when there is none yet. The step's key keeps it from being made twice."""
    customer = cast("JsonObject", given.get("customer") or {})
    known = customer_id(customer)
    if known:
        return known
    form = {name: customer.get(name) for name in ("email", "name", "phone", "address")}
    return str(stripe.post("/v1/customers", form, part="customer")["id"])


def return_address(call: Call, given: JsonObject) -> str:
    """Where the payer goes afterwards. Raises ``bad_input`` when neither the step nor the connection says it."""
    address = given.get("return_url") or call.connection.settings.get("return_url")
    if not address:
        raise failure(
            "bad_input", "Stripe needs return_url: give it in the step, or in the connection for all of them."
        )
    return str(address)


def client(call: Call, kind: str, secret: Json) -> JsonObject:
    """What the page's script is started with. Raises :class:`ConfigError` without a publishable key."""
    key = call.connection.settings.get("publishable_key")
    if not key:
        message = f"The connection {call.connection.name!r} has no publishable key, which pages of ours need."
        raise ConfigError(message, remedy=f"Open Connections, {call.connection.name}, and fill in the publishable key.")
    account = call.connection.settings.get("account")
    return {"kind": kind, "publishable_key": key, "client_secret": secret, "script_url": SCRIPT, "account": account}


def session_output(session: JsonObject) -> JsonObject:
    """A Checkout Session as a payment. Until the payer has paid, the session's id stands for the payment."""
    intent = object_of(session.get("payment_intent"))
    if intent:
        return {**_intent_output(intent), "gateway": words(intent, checkout=session.get("id"))}
    status = {"expired": "expired", "complete": "pending"}.get(str(session.get("status")), "created")
    if status == "pending" and session.get("payment_status") in {"paid", "no_payment_required"}:
        status = "succeeded"
    return {
        "payment": id_of(session.get("payment_intent")) or session.get("id"),
        "status": status,
        "amount": money_of(session.get("amount_total"), session.get("currency")),
        "checkout_url": session.get("url"),
        "expires_at": time_of(session.get("expires_at")),
        "metadata": session.get("metadata"),
        "gateway": words(session, checkout=session.get("id")),
    }


def _charge_stored(call: Call) -> Json:
    stripe, given = Stripe(call), call.input
    metadata = carried(given, flow=FLOW_INTENT)
    form: dict[str, Json] = {
        **amount_form(given["amount"]),
        "payment_method": given["method"],
        "customer": customer_id(cast("JsonObject", given.get("customer") or {})),
        "confirm": True,
        "off_session": True,
        "description": given.get("description"),
        "capture_method": "manual" if given.get("capture") == "manual" else None,
        "metadata": metadata,
    }
    return _intent_output(stripe.post("/v1/payment_intents", form))


def _new_intent(call: Call, given: JsonObject) -> JsonObject:
    stripe = Stripe(call)
    save = given.get("save_method") is True
    methods = _method_types(given)
    form: dict[str, Json] = {
        **amount_form(given["amount"]),
        "automatic_payment_methods": None if methods else {"enabled": True},
        "payment_method_types": methods,
        "customer": new_customer(stripe, given) if save else customer_id(object_of(given.get("customer"))),
        "setup_future_usage": "off_session" if save else None,
        "description": given.get("description"),
        "capture_method": "manual" if given.get("capture") == "manual" else None,
        "metadata": carried(given, flow=FLOW_INTENT),
    }
    return stripe.post("/v1/payment_intents", form)


def _method_types(given: JsonObject) -> Json:
    """Stripe's names of the allowed means: ``card``, ``bank`` (the currency's debit), or Stripe's own names."""
    methods = cast("list[str] | None", given.get("methods"))
    if not methods:
        return None
    currency = str(cast("JsonObject", given["amount"])["currency"])
    if "bank" in methods and currency not in _BANK_DEBITS:
        raise failure("currency_unsupported", f"Stripe debits banks in {', '.join(_BANK_DEBITS)}, not in {currency}.")
    return [_BANK_DEBITS[currency] if method == "bank" else method for method in methods]


def _intent_of(session: JsonObject) -> str:
    intent = id_of(session.get("payment_intent"))
    if intent is None:
        raise failure("wrong_state", f"Nobody has paid on the session {session.get('id')} ({session.get('status')}).")
    return intent


def _intent_output(intent: JsonObject) -> JsonObject:
    charge = object_of(intent.get("latest_charge"))
    status = _INTENT_STATUS.get(str(intent.get("status")), "pending")
    error = object_of(intent.get("last_payment_error"))
    if status == "created" and error:
        status = "failed"
    if intent.get("cancellation_reason") == "automatic":
        status = "expired"
    seen = _charge_output(charge) if charge else {}
    if status == "succeeded" and seen:
        status = str(seen["status"])
    customer = {"id": id_of(intent.get("customer")), "email": intent.get("receipt_email")}
    return {
        **{
            name: seen[name]
            for name in ("captured", "refunded", "fee", "settled", "method", "lapses_at")
            if name in seen
        },
        "payment": intent.get("id"),
        "status": status,
        "amount": money_of(intent.get("amount"), intent.get("currency")),
        "stored_method": id_of(intent.get("payment_method")) if intent.get("setup_future_usage") else None,
        "customer": {**object_of(seen.get("customer")), **{key: value for key, value in customer.items() if value}},
        "metadata": intent.get("metadata"),
        "reason": code_of(error, 402) if status == "failed" else None,
        "gateway": words(intent, code=error.get("decline_code") or error.get("code"), message=error.get("message")),
    }


def _charge_output(charge: JsonObject) -> JsonObject:
    currency = charge.get("currency")
    payer_details = object_of(charge.get("billing_details"))
    details = object_of(charge.get("payment_method_details"))
    card = object_of(details.get("card"))
    captured = charge.get("amount_captured")
    method = {
        "kind": "card" if card else details.get("type"),
        "brand": card.get("brand"),
        "last4": card.get("last4"),
        "country": card.get("country"),
    }
    customer = {
        "id": id_of(charge.get("customer")),
        **{key: payer_details.get(key) for key in ("email", "name", "phone")},
    }
    return {
        "payment": id_of(charge.get("payment_intent")) or charge.get("id"),
        "status": _charge_status(charge),
        "amount": money_of(charge.get("amount"), currency),
        "captured": money_of(captured, currency),
        "refunded": money_of(charge.get("amount_refunded"), currency),
        **credited(charge),
        "method": {key: value for key, value in method.items() if value},
        "customer": {key: value for key, value in customer.items() if value},
        "metadata": charge.get("metadata"),
        "lapses_at": lapses_at(charge),
        "gateway": words(charge, code=charge.get("failure_code"), message=charge.get("failure_message")),
    }


def lapses_at(charge: JsonObject) -> Json:
    """Until when an authorised amount can be taken; None once it was taken, or where nothing says it."""
    card = object_of(object_of(charge.get("payment_method_details")).get("card"))
    return None if charge.get("captured") else time_of(card.get("capture_before"))


def charge_of(stripe: Stripe, reference: Json) -> JsonObject:
    """A charge with its balance transaction, where it has one by now."""
    return stripe.get(f"/v1/charges/{segment(reference)}", {"expand": ["balance_transaction"]})


def credited(charge: JsonObject) -> JsonObject:
    """What Stripe keeps of a charge and credits for it, as its balance transaction says: in the currency of the balance.

    Null: it is not known yet, is in the charge's own currency (``settled``), or is a fraction that no currency has.
    """
    transaction = object_of(charge.get("balance_transaction"))
    currency = transaction.get("currency")
    try:
        fee, amount = (money_of(transaction.get(name), currency) for name in ("fee", "amount"))
    except MoneyError:
        return {"fee": None, "settled": None}
    return {"fee": fee, "settled": amount if currency != charge.get("currency") else None}


def _charge_status(charge: JsonObject) -> str:
    if charge.get("status") in {"pending", "failed"}:
        return str(charge["status"])
    if charge.get("disputed"):
        return "disputed"
    if charge.get("refunded"):
        return "refunded" if charge.get("captured") else "voided"
    if charge.get("amount_refunded"):
        return "partially_refunded"
    return "authorized" if charge.get("captured") is False else "succeeded"
