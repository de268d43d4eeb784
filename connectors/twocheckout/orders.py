"""Orders, which are 2Checkout's payments: read, searched, placed on an earlier order's means of payment.

Which statuses there are: 2Checkout's page "Order flow in 2Checkout API". Where amounts stand: its order object.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from connectors.twocheckout.api import amount_text, flag, is_test, member, money_of, segment
from connectors.twocheckout.carried import packed, page_of, unpacked
from connectors.twocheckout.errors import declined
from hub.connect.answers import failure
from hub.connect.mapping import without_nulls
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.twocheckout.api import Answer, TwoCheckout
    from hub.connect.api import Call, Connection
    from hub.jsontypes import Json, JsonObject

LOOKS_BACK = timedelta(days=180)
"""How old an order may be that is searched by its external reference; without a date 2Checkout searches seven days."""

STATUS: Mapping[str, str] = {
    "PENDING": "pending",
    "PURCHASE_PENDING": "pending",
    "PENDING_APPROVAL": "pending",
    "AUTHRECEIVED": "authorized",
    "PAYMENT_AUTHORIZED": "authorized",
    "PAYMENT_RECEIVED": "authorized",
    "COMPLETE": "succeeded",
    "REFUND": "refunded",
    "REVERSED": "voided",
    "CANCELED": "expired",
    "INVALID": "failed",
}
_FINISHED = ("COMPLETE", "REFUND", "AUTHRECEIVED", "PENDING")
"""Which of several orders under one reference is the payment: the one that came farthest."""
_CHARGEABLE = frozenset({"authorized", "succeeded"})


def read(api: TwoCheckout, call: Call, reference: str) -> Answer | None:
    """The order of a payment: by its number, else by the reference that the hub gave; None where nobody ordered yet.

    Raises ``PermanentError``: ``not_found``, ``wrong_mode`` for a test order on a live connection and the other way round.
    """
    if page_of(reference) is None:
        order = api.get(f"/orders/{segment(reference)}/")
        check_mode(order, call.connection)
        return order
    found = search(api, call, reference)
    return api.get(f"/orders/{segment(best(found)['RefNo'])}/") if found else None


def search(api: TwoCheckout, call: Call, reference: str) -> list[Answer]:
    """The orders under an external reference, of the connection's mode. Their gross amounts are not to be trusted."""
    query = {
        "ExternalRefNo": reference,
        "StartDate": f"{call.now - LOOKS_BACK:%Y-%m-%d}",
        "IncludeTestOrders": "ONLY" if is_test(call.connection) else "NO",
        "Limit": "50",
    }
    items = api.get("/orders/", query).get("Items") or []
    # Whatever the search found by: nothing but the very reference counts.
    return [one for one in items if member(one, "ExternalReference") == reference and one.get("RefNo")]


def best(found: list[Answer]) -> Answer:
    """The order that came farthest; of equals the latest."""

    def rank(order: Answer) -> tuple[int, str]:
        status = str(order.get("Status"))
        return (-_FINISHED.index(status) if status in _FINISHED else -len(_FINISHED), str(order.get("OrderDate")))

    return max(found, key=rank)


def check_mode(order: Answer, connection: Connection) -> None:
    """Refuse a test order on a live connection: nobody paid for it. And the other way round."""
    is_test_order = flag(order.get("TestOrder")) is True
    if is_test_order is is_test(connection):
        return
    kind, other = ("a test order", "live") if is_test_order else ("a real order", "test")
    raise failure("wrong_mode", f"The order {order.get('RefNo')} is {kind}, the connection is for {other} orders.")


def place(api: TwoCheckout, call: Call, item: JsonObject | Answer, previous: Answer, currency: str) -> Answer:
    """Order an item on the means of payment of an earlier order (*1-click purchase*). Raises like an action.

    2Checkout wants the very e-mail address of the earlier order, and takes the rest of the payer's details from there.
    """
    given = call.input
    email = member(previous, "BillingDetails", "Email")
    country = member(previous, "BillingDetails", "CountryCode")
    order = {
        "Currency": currency,
        "Country": str(country).upper() if country else None,
        "Language": previous.get("Language"),
        "ExternalReference": call.reference,
        "Source": "connector-hub",
        "BillingDetails": {"Email": email},
        "Items": [{**item, "ExternalReference": packed(given) or None}],
        "PaymentDetails": {
            # On a test connection the earlier order is a test order too (check_mode): no real card is behind it.
            "Type": "PREVIOUS_ORDER",
            "Currency": currency,
            "CustomerIP": member(previous, "PaymentDetails", "CustomerIP"),
            "PaymentMethod": {"RefNo": previous.get("RefNo")},
        },
    }
    placed = api.change("POST", "/orders/", _without_none(order))
    if not isinstance(placed, dict):
        raise failure("bad_answer", "2Checkout placed no order and gave no error.")
    refused = declined(placed.get("Errors"))
    if refused is not None and STATUS.get(str(placed.get("Status"))) not in _CHARGEABLE:
        raise refused
    if not placed.get("RefNo"):
        raise failure("bad_answer", "2Checkout gave no order number.", details=without_nulls(placed.get("Errors")))
    return placed


def dynamic_item(amount: Json, description: str) -> Answer:
    """An item that stands in no catalogue: name and price are given with the order."""
    return {
        "Code": None,
        "Name": description,
        "Quantity": 1,
        "IsDynamic": True,
        "Tangible": False,
        "PurchaseType": "PRODUCT",
        "Price": {"Amount": Decimal(amount_text(Money.from_json(amount))), "Type": "CUSTOM"},
    }


def catalogue_item(amount: Json, code: str) -> Answer:
    """A product of the catalogue at a price of its own, for accounts that may not sell anything else."""
    return {
        "Code": code,
        "Quantity": 1,
        "Price": {"Amount": Decimal(amount_text(Money.from_json(amount))), "Type": "CUSTOM"},
    }


def previous(api: TwoCheckout, call: Call, method: str) -> Answer:
    """The earlier order whose means of payment is charged. Raises ``PermanentError`` when it cannot serve."""
    order = read(api, call, method)
    if order is None or STATUS.get(str(order.get("Status"))) not in _CHARGEABLE:
        raise failure("method_unavailable", f"The order {method} is not one that was paid.")
    return order


def output(order: Answer) -> JsonObject:
    """An order as a payment."""
    currency = order.get("Currency") or member(order, "PaymentDetails", "Currency")
    amount = money_of(total(order), currency)
    status, reason = standing(order)
    said = declined(order.get("Errors")) if status in {"pending", "failed"} else None
    if said is not None:
        status, reason = "failed", said.code
    page = page_of(order.get("ExternalReference"))
    carried = unpacked(order.get("ExternalReference"), member(order, "Items", 0, "ExternalReference"))
    authorize = member(order, "PaymentDetails", "PaymentMethod", "Authorize3DS")
    return {
        "payment": order.get("RefNo"),
        "status": status,
        "amount": amount,
        "captured": amount if status in {"succeeded", "refunded"} else None,
        "refunded": amount if status == "refunded" else None,
        "method": _method(order),
        "stored_method": order.get("RefNo") if status in _CHARGEABLE else None,
        "customer": _customer(order),
        "metadata": carried.get("metadata"),
        "reason": reason,
        "checkout_url": authorisation_url(authorize) if status == "pending" else None,
        "gateway": {
            name: str(value)
            for name, value in (
                ("name", "twocheckout"),
                ("id", order.get("RefNo")),
                ("status", order.get("Status")),
                ("code", said.gateway_code if said else None),
                ("checkout", page),
                ("sale", order.get("OrderNo")),
            )
            if value
        },
    }


def standing(order: Answer) -> tuple[str, str | None]:
    """Status and reason of an order. 2Checkout's review against fraud has the last word while nothing is complete."""
    status = STATUS.get(str(order.get("Status")), "pending")
    if order.get("ApproveStatus") in {"FRAUD", "INVALIDDATA"} and status in {"pending", "authorized", "expired"}:
        return "failed", "fraud_review"
    if order.get("ChargebackResolution") in {"OPEN", "LOST", "ACCEPTED"} and status == "succeeded":
        return "disputed", None
    return status, None


def total(order: Answer) -> object:
    """What the payer pays, after discounts and with taxes."""
    discounted = order.get("GrossDiscountedPrice")
    return discounted if discounted is not None else order.get("GrossPrice")


def authorisation_url(authorize: object) -> str | None:
    """Where the bank asks the payer to confirm (3-D Secure): an address and the parameters that belong to it."""
    href, parameters = member(authorize, "Href"), member(authorize, "Params") or {}
    if not isinstance(href, str) or not href.startswith("https://"):
        return None
    query = "&".join(f"{segment(name)}={segment(value)}" for name, value in cast("Answer", parameters).items())
    return f"{href}{'&' if '?' in href else '?'}{query}" if query else href


def _method(order: Answer) -> JsonObject | None:
    details = member(order, "PaymentDetails", "PaymentMethod") or {}
    kind = str(member(order, "PaymentDetails", "Type") or "")
    if not kind:
        return None
    last4 = member(details, "LastDigits")
    brand = member(details, "CardType") or (None if last4 else kind.lower())
    known = {
        "kind": "card" if last4 or kind in {"CC", "EES_TOKEN_PAYMENT"} else "other",
        "brand": brand,
        "last4": last4,
    }
    return {name: str(value) for name, value in known.items() if value}


def _customer(order: Answer) -> JsonObject:
    billing = order.get("BillingDetails") or {}
    names = [str(billing[part]) for part in ("FirstName", "LastName") if billing.get(part)]
    known = {"email": billing.get("Email"), "name": " ".join(names), "phone": billing.get("Phone")}
    reference = member(order, "CustomerDetails", "CustomerReference") or order.get("AvangateCustomerReference")
    return {name: str(value) for name, value in {"id": reference, **known}.items() if value}


def _without_none(value: object) -> object:
    """Nulls left out; ``Code`` stays, which a dynamic item must send as null."""
    if isinstance(value, dict):
        return {key: _without_none(one) for key, one in value.items() if one is not None or key == "Code"}
    if isinstance(value, list):
        return [_without_none(one) for one in value]
    return value
