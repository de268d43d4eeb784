"""How a payment stands, read from an order, a capture or an authorisation of PayPal's. Pure.

The payment is the order, from its making to its refunds: captures and authorisations belong to it. Only what never had an
order (a subscription's charge, an invoice's payment) goes by its transaction's id.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, cast

from connectors.paypal.api import converted, link_of, linked_id, list_of, money_of, object_of, time_of, total_of, words
from connectors.paypal.carried import read
from connectors.paypal.errors import decline_code
from connectors.paypal.refunds import with_known_rate
from hub.connect.answers import failure
from hub.connect.mapping import moment, without_nulls
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.jsontypes import Json, JsonObject

LONGEST_ORDER = timedelta(hours=72)
"""PayPal keeps an order that nobody approved for hours, at most three days; afterwards nobody can pay on it."""
GUARANTEED = timedelta(days=3)
"""The honour period: how long PayPal vouches for an authorised amount (its page "Authorize and capture")."""

COMPLETE: JsonObject = {"kind": "complete"}
"""What is next for an approved order: the hub has to finish it with ``payment.complete``."""

_UNPAID = frozenset({"CREATED", "SAVED", "PAYER_ACTION_REQUIRED"})
_TAKEN = frozenset({"COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"})
_REFUSED = frozenset({"DECLINED", "DENIED", "FAILED"})
_KINDS: Mapping[str, str] = {"card": "card", "paypal": "wallet", "venmo": "wallet", "apple_pay": "wallet",
                             "google_pay": "wallet", "bank": "bank"}  # fmt: skip


def unit_of(order: JsonObject) -> JsonObject:
    """The one purchase unit of an order."""
    return next(iter(list_of(order.get("purchase_units"))), {})


def parts_of(order: JsonObject, kind: str) -> list[JsonObject]:
    """An order's ``captures``, ``authorizations`` or ``refunds``."""
    return list_of(object_of(unit_of(order).get("payments")).get(kind))


def carried_by(order: JsonObject) -> JsonObject:
    """The references and metadata that an order carries."""
    unit = unit_of(order)
    return read(unit.get("custom_id"), unit.get("reference_id"))


def order_output(order: JsonObject, now: datetime) -> JsonObject:
    """An order as a payment."""
    captures, authorizations = parts_of(order, "captures"), parts_of(order, "authorizations")
    given_back = [money_of(one.get("amount")) for one in parts_of(order, "refunds") if _counts(one)]
    status, telling = _status(order, captures, authorizations, now)
    if status == "succeeded" and given_back:
        status = "refunded" if total_of(given_back) == takings(captures)["captured"] else "partially_refunded"
    held = next((one for one in reversed(authorizations) if one.get("status") in {"CREATED", "PARTIALLY_CAPTURED"}), {})
    return {
        **_part_output(telling),
        "payment": order.get("id"),
        "status": status,
        "amount": money_of(unit_of(order).get("amount")) or money_of(telling.get("amount")),
        "refunded": total_of(given_back),
        **takings(captures),
        "refunds": with_known_rate(parts_of(order, "refunds")) or None,
        "method": method_of(order),
        "stored_method": _stored(order),
        "customer": customer_of(order),
        "metadata": carried_by(order).get("metadata"),
        "checkout_url": link_of(order, "payer-action", "approve") if status == "created" else None,
        "lapses_at": time_of(held.get("expiration_time")),
        "next": COMPLETE if order.get("status") == "APPROVED" and status == "pending" else None,
        "gateway": {
            **words(order, code=_code(telling), transaction=telling.get("id")),
            **({"guaranteed_until": _guaranteed(held)} if held.get("create_time") else {}),
        },
    }


def transaction_output(transaction: JsonObject) -> JsonObject:
    """A capture or authorisation without an order (a subscription's charge) as a payment."""
    own, status = str(transaction.get("status")), "pending"
    if own in _TAKEN:
        status = {"PARTIALLY_REFUNDED": "partially_refunded", "REFUNDED": "refunded"}.get(own, "succeeded")
    elif own in _REFUSED:
        status = "failed"
    elif own in {"CREATED", "PARTIALLY_CAPTURED"}:
        status = "authorized"
    elif own == "VOIDED":
        status = "voided"
    return {
        **_part_output(transaction),
        "payment": transaction.get("id"),
        "status": status,
        "amount": money_of(transaction.get("amount")),
        **takings([transaction]),
        "metadata": read(transaction.get("custom_id")).get("metadata"),
        "gateway": words(transaction, code=_code(transaction), transaction=transaction.get("id")),
    }


def method_of(order: JsonObject) -> Json:
    """What was paid with; null while nobody chose."""
    source = object_of(order.get("payment_source"))
    name = next(iter(source), None)
    if name is None:
        return None
    details = object_of(source[name])
    brand = details.get("brand") if name == "card" else name
    return without_nulls(
        {
            "kind": _KINDS.get(name, "bank"),
            "brand": str(brand).lower() if brand else None,
            "last4": details.get("last_digits"),
            "country": object_of(details.get("bin_details")).get("bin_country_code") or details.get("country_code"),
        }
    )


def customer_of(thing: JsonObject) -> Json:
    """Who pays: an order's payer, or a subscription's subscriber."""
    payer = object_of(thing.get("payer")) or object_of(thing.get("subscriber"))
    name = object_of(payer.get("name"))
    full = name.get("full_name") or " ".join(str(name[part]) for part in ("given_name", "surname") if name.get(part))
    phone = object_of(object_of(payer.get("phone")).get("phone_number"))
    address = object_of(payer.get("address"))
    customer = {
        "id": payer.get("payer_id"),
        "email": payer.get("email_address"),
        "name": full or None,
        "phone": phone.get("national_number"),
        "address": {
            "line1": address.get("address_line_1"),
            "line2": address.get("address_line_2"),
            "city": address.get("admin_area_2"),
            "state": address.get("admin_area_1"),
            "postal_code": address.get("postal_code"),
            "country": address.get("country_code"),
        },
    }
    return without_nulls(cast("Json", customer))


def order_of(transaction: JsonObject) -> str | None:
    """The order that a capture or authorisation belongs to. Older ones name it only in a link."""
    related = object_of(object_of(transaction.get("supplementary_data")).get("related_ids"))
    return str(related["order_id"]) if related.get("order_id") else linked_id(transaction, "orders")


def raise_if_declined(transaction: JsonObject) -> None:
    """Raise what a refused capture or authorisation means, which PayPal gives with HTTP 201; return for all others."""
    if transaction.get("status") not in _REFUSED:
        return
    own = object_of(transaction.get("processor_response")).get("response_code")
    code = decline_code(str(own) if own else None)
    raise failure(code, gateway_code=str(own or transaction.get("status")), details=transaction)


def has_lapsed(authorization: JsonObject) -> bool:
    """Whether a voided authorisation ended by itself: PayPal voids it at its expiry."""
    ends, changed = authorization.get("expiration_time"), authorization.get("update_time")
    end, change = (moment(one) if isinstance(one, str) else None for one in (ends, changed))
    return end is not None and change is not None and change >= end


def _status(
    order: JsonObject, captures: list[JsonObject], authorizations: list[JsonObject], now: datetime
) -> tuple[str, JsonObject]:
    """The payment's status, and the capture or authorisation that tells it."""
    if any(one.get("status") == "PARTIALLY_CAPTURED" for one in authorizations):
        return "authorized", captures[-1] if captures else authorizations[-1]
    for wanted, status in ((_TAKEN, "succeeded"), ({"PENDING"}, "pending"), (_REFUSED, "failed")):
        found = next((one for one in reversed(captures) if one.get("status") in wanted), None)
        if found is not None:
            return status, found
    if authorizations:
        return _authorization_status(authorizations[-1]), authorizations[-1]
    own = str(order.get("status"))
    if own in _UNPAID:
        made = moment(order.get("create_time"))
        return ("expired" if made is not None and now - made > LONGEST_ORDER else "created"), {}
    return ("voided" if own == "VOIDED" else "pending"), {}


def _authorization_status(authorization: JsonObject) -> str:
    own = str(authorization.get("status"))
    if own == "VOIDED":
        return "expired" if has_lapsed(authorization) else "voided"
    return "failed" if own in _REFUSED else "pending" if own == "PENDING" else "authorized"


def _part_output(transaction: JsonObject) -> JsonObject:
    if transaction.get("status") not in _REFUSED:
        return {}
    response = object_of(transaction.get("processor_response")).get("response_code")
    return {"reason": decline_code(str(response) if response else None)}


def _code(transaction: JsonObject) -> Json:
    response = object_of(transaction.get("processor_response")).get("response_code")
    return response or object_of(transaction.get("status_details")).get("reason")


def takings(captures: list[JsonObject]) -> JsonObject:
    """What captures took in all, what PayPal keeps of it, and what it credits where that is in another currency."""
    taken = [one for one in captures if one.get("status") in _TAKEN]
    known = [_credited(one) for one in taken]
    return {
        "captured": total_of([money_of(one.get("amount")) for one in taken]),
        "fee": total_of([fee for fee, _ in known]),
        "settled": total_of([settled for _, settled in known]),
    }


def _credited(capture: JsonObject) -> tuple[Json, Json]:
    """What PayPal keeps of a capture, and what it credits in another currency, its fee not yet taken off.

    ``paypal_fee`` is in the payment's currency, ``receivable_amount`` in the account's and net of the fee. So that both
    are of one currency the fee is converted at PayPal's own rate, where ``paypal_fee_in_receivable_currency`` does not say
    it (Payments API v2, *seller_receivable_breakdown*).
    """
    breakdown = object_of(capture.get("seller_receivable_breakdown"))
    fee, receivable = money_of(breakdown.get("paypal_fee")), object_of(money_of(breakdown.get("receivable_amount")))
    if not receivable:
        return fee, None
    credited = Money.from_json(receivable)
    kept = money_of(breakdown.get("paypal_fee_in_receivable_currency")) or _converted(fee, breakdown, credited.currency)
    if kept is None:
        return fee, None
    return kept, cast("Json", (credited + Money.from_json(kept)).to_json())


def _converted(fee: Json, breakdown: JsonObject, currency: str) -> Json:
    """A fee at the rate of its capture; null where none is told."""
    rate = object_of(breakdown.get("exchange_rate"))
    if fee is None or rate.get("target_currency") != currency:
        return None
    return converted(Money.from_json(fee), str(rate.get("value")), currency)


def _counts(refund: JsonObject) -> bool:
    return refund.get("status") in {"COMPLETED", "PENDING"}


def _stored(order: JsonObject) -> Json:
    source = object_of(order.get("payment_source"))
    for details in source.values():
        vault = object_of(object_of(object_of(details).get("attributes")).get("vault"))
        if vault.get("id"):
            return vault["id"]
    return None


def _guaranteed(authorization: JsonObject) -> Json:
    made = moment(authorization.get("create_time"))
    return time_of((made + GUARANTEED).isoformat()) if made else None
