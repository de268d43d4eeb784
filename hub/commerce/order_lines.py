"""The lines of an order, reckoned from the catalogue: prices never come from a browser. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, cast

from hub.errors import MoneyError, PermanentError
from hub.money import Money, exact_decimal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

    from hub.jsontypes import JsonObject

MOST_LINES: Final = 200
MOST_QUANTITY: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """So many of one thing. ``price`` is that of one, tax included; ``tax_rate`` per cent; ``item`` the SKU."""

    title: str
    quantity: int
    price: Money
    item: str | None = None
    vendor: str | None = None
    tax_rate: str = "0"

    @classmethod
    def of_row(cls, row: sa.Row[Any], currency: str) -> Line:
        """A line as the table ``order_lines`` keeps it."""
        return cls(row.title, row.quantity, Money(row.price, currency), row.item, row.vendor, row.tax_rate)

    @property
    def total(self) -> Money:
        """Quantity times price. Raises ``MoneyError`` when that is more than any amount may be."""
        return self.price * self.quantity

    @property
    def tax(self) -> Money:
        """The tax that the total holds, rounded to the minor unit: 19.00 of 119.00 at 19 per cent."""
        rate = Decimal(self.tax_rate)
        return self.total.allocate((Decimal(100), rate))[1] if rate else Money(0, self.price.currency)

    def to_json(self) -> JsonObject:
        """As events and actions carry it."""
        return {
            **({"item": self.item} if self.item else {}),
            "title": self.title,
            **({"vendor": self.vendor} if self.vendor else {}),
            "quantity": self.quantity,
            "price": self.price.to_json(),
            "tax": self.tax.to_json(),
            "total": self.total.to_json(),
        }


def wanted(lines: Sequence[Line]) -> list[tuple[str, int]]:
    """What the lines take from the stock: SKU and quantity."""
    return [(line.item, line.quantity) for line in lines if line.item]


def priced(given: Sequence[JsonObject], items: Mapping[str, sa.Row[Any]], currency: str) -> list[Line]:
    """The lines of an order in ``currency``; ``items`` are the rows of the catalogue that they name, by SKU.

    Raises ``PermanentError`` (``bad_input``, ``not_found``, ``currency_unsupported``) that names the line, from 1.
    """
    return [_line(f"Line {number}", one, items, currency) for number, one in enumerate(given, 1)]


def total_of(lines: Sequence[Line], currency: str) -> Money:
    """What all lines cost. Raises ``PermanentError`` (``bad_input``) when that is more than any amount may be."""
    try:
        return Money.total((line.total for line in lines), currency)
    except MoneyError as error:
        raise _wrong("The order", error.message, error.remedy) from error


def currency_of(given: JsonObject, items: Mapping[str, sa.Row[Any]]) -> str:
    """The order's currency: as given, else that of a line's own price, else the one in which all its items have a price."""
    if given.get("currency"):
        return str(given["currency"])
    lines = cast("Sequence[JsonObject]", given["lines"])
    own = {str(cast("JsonObject", line["price"])["currency"]) for line in lines if line.get("price")}
    choices = [own] if own else []
    choices += [set(items[str(line["item"])].prices) for line in lines if line.get("item") in items]
    common = set.intersection(*choices) if choices else set()
    if len(common) == 1 and len(own) <= 1:
        return common.pop()
    raise _wrong("The order", "It is not clear in which currency it is.", "Give the currency.")


def _line(place: str, given: JsonObject, items: Mapping[str, sa.Row[Any]], currency: str) -> Line:
    quantity = cast("int", given.get("quantity", 1))
    if given.get("item"):
        return _of_catalogue(place, str(given["item"]), quantity, given, items, currency)
    if not given.get("title") or not given.get("price"):
        message = "Something that is not in the catalogue needs a title and a price."
        raise _wrong(place, message, "Give both, or name an item of the catalogue.")
    price = _price(place, cast("JsonObject", given["price"]))
    if price.currency != currency:
        message = f"Its price is in {price.currency}, the order in {currency}."
        raise _wrong(place, message, "An order has one currency.")
    vendor = str(given["vendor"]) if given.get("vendor") else None
    return Line(str(given["title"]), quantity, price, None, vendor, _rate(place, given))


def _of_catalogue(  # noqa: PLR0913 (what makes a line)
    place: str, sku: str, quantity: int, given: JsonObject, items: Mapping[str, sa.Row[Any]], currency: str
) -> Line:
    own = [name for name in ("price", "tax_rate", "vendor") if given.get(name) is not None]
    if own:
        message = f"{sku} is in the catalogue, which says its {own[0].replace('_', ' ')}."
        raise _wrong(place, message, f"Leave {own[0]} out, or give a title instead of the item.")
    row = items.get(sku)
    if row is None:
        message = f"{place}: the catalogue has no item {sku!r}."
        raise PermanentError(message, code="not_found", remedy="Check the SKU on the page Catalogue.")
    minor = row.prices.get(currency)
    if minor is None:
        message = f"{place}: {row.title} ({sku}) has no price in {currency}."
        remedy = f"It has prices in {', '.join(sorted(row.prices))}."
        raise PermanentError(message, code="currency_unsupported", remedy=remedy)
    return Line(str(given.get("title") or row.title), quantity, Money(minor, currency), sku, row.vendor, row.tax_rate)


def _price(place: str, value: JsonObject) -> Money:
    try:
        price = Money.from_json(value)
    except MoneyError as error:
        raise _wrong(place, error.message, error.remedy) from error
    if price.minor < 0:
        raise _wrong(place, "A price is not below zero.", "Leave the minus out.")
    return price


def _rate(place: str, given: JsonObject) -> str:
    rate = str(given.get("tax_rate") or "0")
    try:
        fits = 0 <= exact_decimal(rate) <= 100  # noqa: PLR2004 (per cent)
    except MoneyError as error:
        raise _wrong(place, f"The tax rate: {error.message}", error.remedy) from error
    if not fits:
        raise _wrong(place, f"A tax rate of {rate} per cent cannot be.", "Give 0 to 100.")
    return rate


def _wrong(place: str, message: str, remedy: str) -> PermanentError:
    return PermanentError(f"{place}: {message}", code="bad_input", remedy=remedy)
