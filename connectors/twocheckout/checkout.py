"""What payers pay on: ConvertPlus, 2Checkout's page behind a signed buy link, and InLine, its form over a page of ours.

Prices travel through the payer's browser, so 2Checkout signs them: the signature service gets all parameters (server to
server, known by a merchant token) and gives the signature that belongs to them. 2Checkout checks it before it takes money.

Sources: ``BuyLinkSignatureGenerator`` and the example ``generateBuyLinkSignature`` of 2checkout-php-sdk 1.1.1 for links; the
pages "ConvertPlus Buy-Links signature for dynamic products", "How to use 2Checkout Signature Generation API Endpoint" and
"InLine Checkout with signature generation".
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast
from urllib.parse import urlencode, urlsplit

from connectors.twocheckout.api import amount_text, is_test
from connectors.twocheckout.carried import packed, with_reference
from hub.connect.answers import failure
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.twocheckout.api import TwoCheckout
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

INLINE = "twocheckout.inline"
"""The kind of ``client`` that ``form.js`` knows."""

_BILLING: Mapping[str, str] = {
    "line1": "address",
    "line2": "address2",
    "city": "city",
    "state": "state",
    "postal_code": "zip",
    "country": "country",
}
"""A customer's address -> parameters of a link and members of a cart's billing data."""


def dynamic_link(api: TwoCheckout, call: Call) -> JsonObject:
    """The address of 2Checkout's page for an amount, as a payment that nobody has paid yet. Raises like an action."""
    given = call.input
    money = Money.from_json(given["amount"])
    parameters: dict[str, Json] = {
        "dynamic": 1,
        "prod": product_name(given),
        "price": amount_text(money),
        "qty": 1,
        "type": "PRODUCT",
        "tangible": 0,
        "currency": money.currency,
    }
    return {
        "payment": call.reference,
        "status": "created",
        "amount": given["amount"],
        "checkout_url": _signed(api, call, parameters),
        "expires_at": given.get("expires_at"),
        "gateway": {"name": "twocheckout", "checkout": call.reference},
    }


def plan_link(api: TwoCheckout, call: Call) -> str:
    """The address of 2Checkout's page for a product of the catalogue, which cannot be exchanged there (``lock``)."""
    given = call.input
    return _signed(api, call, {"prod": given["plan"], "qty": given.get("quantity", 1), "lock": 1})


def dynamic_cart(api: TwoCheckout, call: Call) -> JsonObject:
    """What InLine needs for an amount: ``payment`` and ``client``. Raises like an action."""
    given = call.input
    money = Money.from_json(given["amount"])
    product: JsonObject = {
        "type": "PRODUCT",
        "name": product_name(given),
        "price": amount_text(money),
        "quantity": 1,
        "tangible": False,
    }
    reference = with_reference(call.reference, packed(given))
    return {"payment": reference, **_cart(api, call, reference, product, {"dynamic": True, "currency": money.currency})}


def plan_cart(api: TwoCheckout, call: Call) -> JsonObject:
    """What InLine needs for a product of the catalogue: ``payment`` and ``client``. Raises like an action."""
    given = call.input
    product: JsonObject = {"code": given["plan"], "quantity": given.get("quantity", 1)}
    reference = with_reference(call.reference, packed(given))
    return {"payment": reference, **_cart(api, call, reference, product, {"lock": 1})}


def product_name(given: JsonObject) -> str:
    """What the payer reads. 2Checkout separates several products by semicolons, so there is none within a name."""
    name = given.get("description") or given.get("order") or given.get("invoice") or "Payment"
    return str(name).replace(";", ",").strip() or "Payment"


def return_address(call: Call) -> str | None:
    """Where the payer goes afterwards: the step's address, else the connection's."""
    address = call.input.get("return_url") or call.connection.settings.get("return_url")
    return str(address) if address else None


def _signed(api: TwoCheckout, call: Call, parameters: dict[str, Json]) -> str:
    given, settings = call.input, call.connection.settings
    back, expires_at = return_address(call), given.get("expires_at")
    whole: dict[str, Json] = {
        "merchant": api.code,
        **parameters,
        "return-url": back,
        "return-type": "redirect" if back else None,
        "expiration": int(datetime.fromisoformat(str(expires_at)).timestamp()) if expires_at else None,
        "order-ext-ref": call.reference,
        "item-ext-ref": packed(given) or None,
        "language": settings.get("language"),
        "test": 1 if is_test(call.connection) else None,
        **_payer(given),
    }
    kept = {name: value for name, value in whole.items() if value is not None}
    signature = api.signature(kept)
    query = urlencode([(name, str(value)) for name, value in kept.items()] + [("signature", signature)])
    return f"{api.checkout}/checkout/buy?{query}"


def _cart(api: TwoCheckout, call: Call, reference: str, product: JsonObject, terms: JsonObject) -> JsonObject:
    tests, back = is_test(call.connection), return_address(call)
    if back is None:
        raise failure("bad_input", "2Checkout's form needs return_url: give it in the step, or in the connection.")
    return_method: JsonObject = {"type": "redirect", "url": back}
    payload: JsonObject = {
        "merchant": api.code,
        **terms,
        "reference": {"external": {"order": reference}},
        "products": [product],
        "return-method": return_method,
        "test": tests,
    }
    client: JsonObject = {
        "kind": INLINE,
        "merchant": api.code,
        "host": api.checkout,
        "mode": "DYNAMIC" if terms.get("dynamic") else "DEFAULT",
        "currency": terms.get("currency"),
        "locked": True,
        "language": call.connection.settings.get("language"),
        "reference": reference,
        "products": [product],
        "return_method": return_method,
        "billing": _payer(call.input),
        "test": tests,
        "signature": api.signature(payload),
    }
    script = f"{api.checkout}/checkout/client/twoCoInlineCart.js"
    parts = urlsplit(api.checkout)
    return {
        "client": {**client, "script_url": script},
        "script_url": script,
        "origins": [f"{parts.scheme}://{parts.netloc}"],
    }


def _payer(given: JsonObject) -> dict[str, Json]:
    """What is known of the payer, so that the page is filled in. Not signed: the payer may correct it."""
    customer = cast("JsonObject", given.get("customer") or {})
    address = cast("JsonObject", customer.get("address") or {})
    known: dict[str, Json] = {name: customer.get(name) for name in ("name", "email", "phone")}
    known |= {theirs: address.get(ours) for ours, theirs in _BILLING.items()}
    return {name: value for name, value in known.items() if value}
