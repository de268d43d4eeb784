"""The amount that a visitor chose or wrote on a form, as the server takes it: from the form, never from the page. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hub.errors import MoneyError
from hub.money import Money, exponent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.commerce.forms import Offer, Pay, Price

OTHER: Final = "other"
"""What is chosen among the amounts to write one's own."""

_COMMA_DECIMALS: Final = re.compile(r"([0-9]{1,20}),([0-9]{1,2})")


@dataclass(frozen=True, slots=True)
class Said:
    """Something to say at a field: the phrase ``form.<name>`` with its values; an amount among them is ``Money``."""

    name: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be paid: the offer, the amount. ``problems`` by the name of the input; empty when all is right."""

    offer: Offer | None
    amount: Money | None
    problems: Mapping[str, Said]


def amount_input(offer: Offer, currency: str) -> str:
    """The name of the inputs that choose an amount of the offer in the currency."""
    return f"amount-{offer.name}-{currency}"


def other_input(offer: Offer, currency: str) -> str:
    """The name of the input in which an amount is written."""
    return f"other-{offer.name}-{currency}"


def chosen_currency(pay: Pay, offer: Offer, entered: Mapping[str, str]) -> str | None:
    """The currency that was chosen, the only one where there is no choice; None when the offer has not that one."""
    if len(pay.currencies) == 1:
        return pay.currencies[0]
    asked = entered.get("currency", "")
    return asked if asked in offer.prices else None


def asked_amount(pay: Pay, entered: Mapping[str, str]) -> Asked:
    """What the visitor wants to pay, of what the form offers."""
    offer = pay.offers[0] if len(pay.offers) == 1 else pay.offer(entered.get("offer", ""))
    if offer is None:
        return Asked(None, None, {"offer": Said("choose")})
    currency = chosen_currency(pay, offer, entered)
    if currency is None:
        return Asked(offer, None, {"currency": Said("choose_currency", {"known": ", ".join(offer.prices)})})
    price = offer.prices[currency]
    if price.fixed is not None:
        return Asked(offer, price.fixed, {})
    group, written = amount_input(offer, currency), entered.get(other_input(offer, currency), "").strip()
    chosen = entered.get(group, "")
    if chosen and chosen != OTHER:
        return _chosen(offer, price, chosen, written)
    if not price.is_free or not (written or chosen):
        return Asked(offer, None, {group: Said("choose_amount")})
    taken = written_amount(price, written)
    if isinstance(taken, Said):
        return Asked(offer, None, {other_input(offer, currency): taken})
    return Asked(offer, taken, {})


def _chosen(offer: Offer, price: Price, chosen: str, written: str) -> Asked:
    amount = next((one for one in price.choices if one.to_decimal_text() == chosen), None)
    if amount is None:
        return Asked(offer, None, {amount_input(offer, price.currency): Said("choose_amount")})
    if written and price.is_free:
        # Without scripts both can be there, and which was meant only the visitor knows.
        return Asked(offer, None, {other_input(offer, price.currency): Said("two_amounts", {"amount": amount})})
    return Asked(offer, amount, {})


def written_amount(price: Price, text: str) -> Money | Said:
    """The amount that was written, exactly; or what is wrong with it, to be said at the field."""
    assert price.least is not None
    assert price.most is not None
    try:
        amount = typed_money(text, price.currency)
    except MoneyError as error:
        return _unreadable(error, text, price.currency)
    if amount.minor == 0:
        return Said("amount_zero")
    if amount < price.least:
        return Said("amount_least", {"amount": price.least})
    if amount > price.most:
        return Said("amount_most", {"amount": price.most})
    return amount


def typed_money(text: str, currency: str) -> Money:
    """An amount as people write it, ``10.50`` or ``10,50``. Raises ``MoneyError``."""
    comma = _COMMA_DECIMALS.fullmatch(text)
    if comma is not None and exponent(currency) == 2:  # noqa: PLR2004 ("10,50" means one thing where there are cents)
        text = f"{comma[1]}.{comma[2]}"
    return Money.parse(text, currency)


def _unreadable(error: MoneyError, text: str, currency: str) -> Said:
    decimals = exponent(currency)
    example = f"{12345 / 10**decimals:.{decimals}f}"
    if not text:
        return Said("amount_missing")
    if text.startswith("-") or error.code == "negative":
        return Said("amount_negative")
    if error.code == "too_many_decimals":
        if decimals == 0:
            return Said("amount_no_decimals", {"currency": currency})
        return Said("amount_decimals", {"currency": currency, "decimals": decimals, "example": example})
    if error.code == "too_large":
        return Said("amount_too_large")
    if any(one.isdigit() and not one.isascii() for one in text):
        return Said("amount_digits")
    return Said("amount_not_one", {"example": example})
