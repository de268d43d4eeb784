"""Beginning a payment: an order that fixes the amount on the server, then Razorpay's page, its form, or a stored mandate.

An order takes one payment only (Razorpay's page "Orders"); attempts on it may fail before. So what a step began is found
again by the order's ``receipt``, and a second order of a lost answer is never shown to anybody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from connectors.razorpay.api import Razorpay, amount_of, list_of, money_of, object_of, segment, units_of, unix, words
from connectors.razorpay.carried import carried, metadata_of
from connectors.razorpay.standing import AUTHORIZATION, of_order, read
from hub.connect.answers import failure
from hub.errors import ConfigError

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

SCRIPT = "https://checkout.razorpay.com/v1/checkout.js"
"""Razorpay's own script; it opens a window of its own on the page."""
ORIGINS = ["https://checkout.razorpay.com", "https://api.razorpay.com", "https://*.razorpay.com"]
HOSTED = "/v1/checkout/embedded"
"""Where a browser posts the order to see Razorpay's own page (Razorpay's page "Hosted Checkout")."""

LATE_MINUTES = 7200
"""Five days: as long as Razorpay asks a bank that has not decided, and the most that it takes for this."""

CAPTURE_NOTE = "hub_capture"
"""Marks orders whose payments stay authorised on purpose."""


def create(call: Call) -> Json:
    """Start a payment (``payment.create``)."""
    if call.input.get("method"):
        return _charge(call)
    return _begun(call, _mint(call))


def find_created(call: Call) -> Json | None:
    """What an earlier attempt of this step began: its order, by the receipt."""
    razorpay = Razorpay(call)
    order = _found(razorpay, call)
    if order is None:
        return None
    if not call.input.get("method"):
        return _begun(call, order)
    return _charged(of_order(razorpay, order)) if _is_tried(razorpay, order) else None


def embed(call: Call) -> Json:
    """What a page needs to show Razorpay's form (``form.embed``): an order, and the public key."""
    return _embedded(call, _mint(call))


def find_embedded(call: Call) -> Json | None:
    """The order that an earlier attempt of this step minted."""
    order = _found(Razorpay(call), call)
    return None if order is None else _embedded(call, order)


def checkout_client(call: Call, **of_what: Json) -> JsonObject:
    """What the page's script is started with: the public key, whose payment it is, and how the form is filled in."""
    given = call.input
    customer = object_of(given.get("customer"))
    prefill = {"name": customer.get("name"), "email": customer.get("email"), "contact": customer.get("phone")}
    client: JsonObject = {
        "kind": "razorpay.checkout",
        "key": _public_key(call),
        "name": call.connection.settings.get("business_name"),
        "description": given.get("description"),
        "prefill": {name: value for name, value in prefill.items() if value},
        "script_url": SCRIPT,
        "origins": list(ORIGINS),
        **of_what,
    }
    return {name: value for name, value in client.items() if value not in (None, {})}


def _begun(call: Call, order: JsonObject) -> JsonObject:
    output: JsonObject = {
        "payment": order.get("id"),
        "status": "created",
        "amount": money_of(order.get("amount"), order.get("currency")),
        "metadata": metadata_of(order.get("notes")),
        "gateway": words(order),
    }
    if call.input.get("presentation") == "embedded":
        return {**output, "client": checkout_client(call, order_id=order.get("id"), **_mandate_of(order))}
    return {**output, "client": _hosted(call, order)}


def _embedded(call: Call, order: JsonObject) -> JsonObject:
    return {
        "payment": order.get("id"),
        "client": checkout_client(call, order_id=order.get("id"), **_mandate_of(order)),
        "script_url": SCRIPT,
        "origins": list(ORIGINS),
        "gateway": words(order),
    }


def _hosted(call: Call, order: JsonObject) -> JsonObject:
    """The form that the payer's browser posts. It names the order, never an amount."""
    given, customer = call.input, object_of(call.input.get("customer"))
    fields = {
        "key_id": _public_key(call),
        "order_id": order.get("id"),
        "name": call.connection.settings.get("business_name"),
        "description": given.get("description"),
        "prefill[name]": customer.get("name"),
        "prefill[email]": customer.get("email"),
        "prefill[contact]": customer.get("phone"),
        "callback_url": _return_address(call),
        "cancel_url": given.get("cancel_url") or _return_address(call),
        **_mandate_of(order),
    }
    kept = {name: str(value) for name, value in fields.items() if value}
    return {"kind": "form_post", "action": f"{Razorpay(call).base}{HOSTED}", "fields": cast("JsonObject", kept)}


def _mint(call: Call) -> JsonObject:
    razorpay, given = Razorpay(call), call.input
    manual = given.get("capture") == "manual"
    if given.get("expires_at"):
        message = "Razorpay's orders stay open; only payment links expire. Leave expires_at out or use link.create."
        raise failure("bad_input", message)
    body: dict[str, Json] = {
        **amount_of(given["amount"]),
        "receipt": call.reference,
        "notes": carried(call, **({CAPTURE_NOTE: "manual"} if manual else {})),
        "payment": _capture(manual=manual),
        "method": _method(given),
    }
    if given.get("save_method"):
        body |= {"customer_id": _customer(razorpay, given), "token": _mandate(given)}
    return razorpay.post("/v1/orders", body)


def _capture(*, manual: bool) -> JsonObject:
    """How long an authorised payment waits (minutes; Razorpay's page "Configure payment capture settings").

    What a bank authorises days later is captured as well; what waits for ``payment.capture`` lapses when we say it does.
    """
    waits = int(AUTHORIZATION.total_seconds()) // 60
    options = {"manual_expiry_period": waits} if manual else {"automatic_expiry_period": LATE_MINUTES}
    capture = "manual" if manual else "automatic"
    return {"capture": capture, "capture_options": cast("JsonObject", {**options, "refund_speed": "normal"})}


def _mandate(given: JsonObject) -> JsonObject:
    """What the payer allows for later (Razorpay's page "Recurring payments", parameter ``token``)."""
    options = object_of(object_of(given.get("options")).get("mandate"))
    return {
        "max_amount": units_of(options.get("max_amount") or given["amount"]),
        "frequency": options.get("frequency") or "as_presented",
        "expire_at": unix(options.get("until")),
    }


def _mandate_of(order: JsonObject) -> dict[str, Json]:
    """What the checkout of an order needs besides, when the payer shall allow later payments."""
    return {"customer_id": order["customer_id"], "recurring": "1"} if order.get("customer_id") else {}


def _customer(razorpay: Razorpay, given: JsonObject) -> str:
    """The customer's id at Razorpay: the one given, else that of name, e-mail and phone, made when there is none yet."""
    customer = object_of(given.get("customer"))
    known = str(customer.get("id") or "")
    if known.startswith("cust_"):
        return known
    if not (customer.get("email") and customer.get("phone")):
        message = "To keep a means of payment, Razorpay needs the payer's email and phone."
        raise failure("bad_input", message)
    # fail_existing 0 gives the customer that is there already: doing it twice is doing it once.
    form = {
        "name": customer.get("name"),
        "email": customer["email"],
        "contact": customer["phone"],
        "fail_existing": "0",
    }
    return str(razorpay.post("/v1/customers", form)["id"])


def _charge(call: Call) -> JsonObject:
    """Charge a mandate (``cust_…/token_…``) without the payer: an order, then a payment on it.

    A repeat goes on with the order that is there. Since an order takes one payment only, nothing is charged twice.
    """
    razorpay, given = Razorpay(call), call.input
    customer_id, _, token = str(given["method"]).partition("/")
    if not (customer_id.startswith("cust_") and token):
        message = f"A stored means of payment at Razorpay is named cust_…/token_…, not {given['method']!r}."
        raise failure("bad_input", message)
    order = _found(razorpay, call) or _mint(call.with_input({**given, "save_method": False}))
    if _is_tried(razorpay, order):
        return _charged(of_order(razorpay, order))
    customer = object_of(given.get("customer"))
    if not (customer.get("email") and customer.get("phone")):
        known = razorpay.get(f"/v1/customers/{segment(customer_id)}")
        customer = {**customer, "email": known.get("email"), "phone": known.get("contact")}
    body = {
        **amount_of(given["amount"]),
        "email": customer.get("email"),
        "contact": customer.get("phone"),
        "order_id": order["id"],
        "customer_id": customer_id,
        "token": token,
        "recurring": "1",
        "description": given.get("description"),
        "notes": order.get("notes"),
    }
    made = razorpay.post("/v1/payments/create/recurring", body)
    return _charged(read(razorpay, str(made["razorpay_payment_id"])))


def _charged(payment: JsonObject) -> JsonObject:
    """A charge of a mandate as an output. A refused one is an error, be it told at once or found later."""
    if payment["status"] != "failed":
        return payment
    own = object_of(payment.get("gateway"))
    code = own.get("code")
    message = f"Razorpay says: {own['message']}" if own.get("message") else ""
    raise failure(str(payment["reason"]), message, gateway_code=str(code) if code else None, details=payment)


def _found(razorpay: Razorpay, call: Call) -> JsonObject | None:
    """The order with this step's receipt. Receipts are not unique at Razorpay; the oldest counts."""
    listing = razorpay.get("/v1/orders", {"receipt": call.reference, "count": "10"})
    orders = [one for one in list_of(listing.get("items")) if one.get("receipt") == call.reference]
    return min(orders, key=lambda one: (one.get("created_at") or 0, str(one["id"])), default=None)


def _is_tried(razorpay: Razorpay, order: JsonObject) -> bool:
    """Whether a payment was tried on an order."""
    if order.get("status") != "created" or order.get("attempts"):
        return True
    return bool(razorpay.get(f"/v1/orders/{segment(order['id'])}/payments").get("items"))


def _method(given: JsonObject) -> Json:
    """Razorpay's name of the one means that is allowed; its orders take one or leave the choice to the payer."""
    methods = cast("list[str] | None", given.get("methods"))
    if not methods:
        return None
    if len(methods) > 1:
        message = "Razorpay's orders allow one means of payment or all of them; give one under methods, or none."
        raise failure("bad_input", message)
    return {"bank": "netbanking"}.get(methods[0], methods[0])


def _return_address(call: Call) -> str:
    address = call.input.get("return_url") or call.connection.settings.get("return_url")
    if not address:
        message = "Razorpay's page needs return_url: give it in the step, or in the connection for all of them."
        raise failure("bad_input", message)
    return str(address)


def _public_key(call: Call) -> str:
    key = call.connection.settings.get("key_id")
    if not key:
        message = f"The connection {call.connection.name!r} has no key id."
        raise ConfigError(message, remedy=f"Open Connections, {call.connection.name}, and fill in the key id.")
    return str(key)
