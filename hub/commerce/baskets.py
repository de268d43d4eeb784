"""What was scanned for an order, before it is one: each line with what is wrong with it, and nothing typed lost. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hub.commerce.order_lines import MOST_LINES, MOST_QUANTITY
from hub.errors import MoneyError
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

    from hub.jsontypes import Json

MOST_CODE: Final = 60
_MOST_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class Scanned:
    """A line as it came in: the code that was read or typed, and how many, as it was typed."""

    code: str
    quantity: str = "1"


@dataclass(frozen=True, slots=True)
class Position:
    """A line as it stands. ``price`` is that of one; ``wrong`` says what is wrong and how to mend it, else it is empty.

    ``is_short``: all that is wrong is that less is left.
    """

    code: str
    quantity: str
    title: str = ""
    price: Money | None = None
    total: Money | None = None
    wrong: str = ""
    is_short: bool = False

    @property
    def is_known(self) -> bool:
        """Whether the catalogue has the code."""
        return bool(self.title)


@dataclass(frozen=True, slots=True)
class Basket:
    """All lines. ``currencies``: those in which everything has a price; ``total`` holds the lines that are right."""

    positions: tuple[Position, ...]
    currency: str
    currencies: tuple[str, ...]
    total: Money | None

    @property
    def is_ready(self) -> bool:
        """Whether it may be ordered as it stands. Of stock the order itself is the judge: it may hold it already."""
        return bool(self.positions) and not any(one.wrong and not one.is_short for one in self.positions)

    def ordered(self) -> list[Json]:
        """The lines of ``orders/create``."""
        return [{"item": one.code, "quantity": int(one.quantity)} for one in self.positions]


def added(lines: Sequence[Scanned], code: str, items: Mapping[str, sa.Row[Any]]) -> list[Scanned]:
    """The lines with one more of a code: a code that is there already counts one more, be it by barcode or SKU."""
    if not code:
        return list(lines)
    sku = _sku(code, items)
    found = [*lines]
    for place, line in enumerate(lines):
        if _sku(line.code, items) == sku:
            more = int(line.quantity) + 1 if _is_whole(line.quantity) else 1
            found[place] = Scanned(line.code, str(more))
            return found
    return [*found, Scanned(code[:MOST_CODE])]


def judged(lines: Sequence[Scanned], items: Mapping[str, sa.Row[Any]], currency: str) -> Basket:
    """The lines with prices and what is wrong with each. ``items``: the catalogue's rows by the codes of the lines.

    ``currency`` is the one that was chosen; where it is none of those possible, the first that is.
    """
    known = [items[line.code] for line in lines if line.code in items]
    common = sorted(set.intersection(*(set(row.prices) for row in known))) if known else []
    possible = common or sorted({name for row in known for name in row.prices})
    chosen = currency if currency in possible else next(iter(possible), "")
    positions = tuple(_position(number, line, items.get(line.code), chosen) for number, line in enumerate(lines))
    return Basket(positions, chosen, tuple(possible), _total(positions, chosen))


def _position(number: int, line: Scanned, row: sa.Row[Any] | None, currency: str) -> Position:
    if row is None:
        wrong = "The catalogue has no such code. Correct it, or take the line away."
        return Position(line.code, line.quantity, wrong=wrong)
    minor = row.prices.get(currency)
    price = Money(minor, currency) if minor is not None else None
    wrong = _wrong(number, line, row, currency)
    if wrong or price is None:
        return Position(row.id, line.quantity, row.title, price, wrong=wrong)
    if row.stock is not None and row.stock < int(line.quantity):
        left = "None is" if row.stock == 0 else f"Only {row.stock} {'is' if row.stock == 1 else 'are'}"
        wrong = f"{left} left. Write fewer, or take the line away."
        return Position(row.id, line.quantity, row.title, price, wrong=wrong, is_short=True)
    try:
        total = price * int(line.quantity)
    except MoneyError as error:
        return Position(row.id, line.quantity, row.title, price, wrong=str(error))
    return Position(row.id, line.quantity, row.title, price, total)


def _wrong(number: int, line: Scanned, row: sa.Row[Any], currency: str) -> str:
    """What is wrong with a line whose code is known, but for what is left; empty when nothing is."""
    if number >= MOST_LINES:
        return f"An order has at most {MOST_LINES} lines. Place this one, and scan the rest into another."
    if not _is_whole(line.quantity):
        return "Write a whole number, such as 12."
    quantity = int(line.quantity)
    if quantity == 0:
        return "Zero of it: write at least 1, or take the line away."
    if quantity > MOST_QUANTITY:
        return f"At most {MOST_QUANTITY:,} of one thing."
    if row.prices.get(currency) is None:
        return f"It has no price in {currency}, only in {', '.join(sorted(row.prices))}."
    return ""


def _total(positions: Sequence[Position], currency: str) -> Money | None:
    """What the lines that are right cost; None when there is none, or it is more than any amount may be."""
    totals = [one.total for one in positions if one.total is not None]
    try:
        return Money.total(totals, currency) if totals else None
    except MoneyError:
        return None


def _sku(code: str, items: Mapping[str, sa.Row[Any]]) -> str:
    return str(items[code].id) if code in items else code


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
