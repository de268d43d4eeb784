"""What a transaction says of the payer, the means and the time. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from connectors.visa.api import object_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.jsontypes import Json, JsonObject

_BRANDS: Mapping[str, str] = {
    "001": "visa", "002": "mastercard", "003": "amex", "004": "discover", "005": "diners", "007": "jcb",
    "024": "maestro", "042": "maestro", "036": "cartes_bancaires", "054": "elo", "062": "unionpay",
}  # fmt: skip
"""Card types of the API (field ``paymentInformation.card.type``)."""


def method_of(transaction: JsonObject) -> Json:
    """The payer's means, without its number."""
    information = object_of(transaction.get("paymentInformation"))
    card = object_of(information.get("card") or information.get("tokenizedCard"))
    if card:
        found_card = {"kind": "card", "brand": _BRANDS.get(str(card.get("type"))), "last4": card.get("suffix")}
        return {name: value for name, value in found_card.items() if value}
    kind = object_of(information.get("paymentType"))
    named = str(kind.get("name") or kind.get("type") or "").lower()
    if "bank" in information or named in {"check", "echeck"}:
        return {"kind": "bank"}
    return {"kind": named} if named else None


def stored_method(transaction: JsonObject) -> Json:
    """The TMS customer token under which later payments may charge the payer."""
    for part in ("tokenInformation", "paymentInformation"):
        customer = object_of(object_of(transaction.get(part)).get("customer"))
        token = customer.get("id") or customer.get("customerId")
        if token:
            return token
    return None


def customer_of(transaction: JsonObject) -> Json:
    """The payer as the transaction names them; null when it names nobody."""
    bill = object_of(object_of(transaction.get("orderInformation")).get("billTo"))
    name = " ".join(str(bill[part]) for part in ("firstName", "lastName") if bill.get(part))
    address = {
        "line1": bill.get("address1"),
        "line2": bill.get("address2"),
        "city": bill.get("locality"),
        "state": bill.get("administrativeArea"),
        "postal_code": bill.get("postalCode"),
        "country": bill.get("country"),
    }
    payer: dict[str, Json] = {
        "id": stored_method(transaction),
        "email": bill.get("email"),
        "name": name or None,
        "phone": bill.get("phoneNumber"),
        "address": {part: value for part, value in address.items() if value} or None,
    }
    return {part: value for part, value in payer.items() if value} or None


def time_of(text: str) -> datetime | None:
    """A time as Visa writes it (UTC, with or without the letter)."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def stamp(moment: datetime, back: timedelta = timedelta()) -> str:
    """A moment as searches take it: ``2026-11-23T09:00:00Z``."""
    return (moment - back).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
