"""The tax of an invoice: reckoned once for each rate, on the sum of its lines, and divided among them. Pure.

Rounding: a rate's tax is rounded once, to the minor unit. Where prices hold the tax it is divided out of the sum, largest
remainder first; where they do not it is added to the sum, halves away from zero. The taxes of the lines are shares of that
one amount, largest remainder first, so that they always add up to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from hub.errors import MoneyError, PermanentError
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.commerce.order_lines import Line
    from hub.jsontypes import JsonObject


@dataclass(frozen=True, slots=True)
class RateTax:
    """What one rate (per cent, as plain text) makes: the sum of its lines without tax, and the tax."""

    rate: str
    net: Money
    tax: Money


@dataclass(frozen=True, slots=True)
class Reckoned:
    """An invoice in figures. ``lines`` as events carry them, each with its ``tax_rate``; ``total`` holds the tax."""

    lines: tuple[JsonObject, ...]
    taxes: tuple[RateTax, ...]
    net: Money
    tax: Money
    total: Money


def reckon(lines: Sequence[Line], currency: str, *, included: bool) -> Reckoned:
    """Reckon the lines; ``included``: their prices hold the tax already.

    Raises ``PermanentError`` (``bad_input``) when it comes to more than any amount may be.
    """
    try:
        return _reckon(lines, currency, included=included)
    except MoneyError as error:
        raise PermanentError(f"The invoice: {error.message}", code="bad_input", remedy=error.remedy) from error


def plain_rate(rate: str) -> str:
    """A rate as people write it: ``19`` for ``19.00``."""
    return f"{Decimal(rate).normalize():f}"


def _reckon(lines: Sequence[Line], currency: str, *, included: bool) -> Reckoned:
    by_rate: dict[str, list[int]] = {}
    for position, line in enumerate(lines):
        by_rate.setdefault(plain_rate(line.tax_rate), []).append(position)
    shares: dict[int, Money] = {}
    taxes = []
    for rate in sorted(by_rate, key=Decimal):
        totals = [lines[position].total for position in by_rate[rate]]
        found = _of_rate(rate, Money.total(totals, currency), included=included)
        taxes.append(found)
        shares |= dict(zip(by_rate[rate], _divided(found.tax, totals), strict=True))
    net, tax = (Money.total(parts, currency) for parts in ((one.net for one in taxes), (one.tax for one in taxes)))
    written = tuple(_written(line, shares[position]) for position, line in enumerate(lines))
    return Reckoned(written, tuple(taxes), net, tax, net + tax)


def _of_rate(rate: str, whole: Money, *, included: bool) -> RateTax:
    if not Decimal(rate):
        return RateTax(rate, whole, Money.zero(whole.currency))
    if included:
        return RateTax(rate, *whole.allocate((Decimal(100), Decimal(rate))))
    return RateTax(rate, whole, whole.percent(rate))


def _divided(tax: Money, totals: Sequence[Money]) -> Sequence[Money]:
    if not tax.minor:
        return [tax] * len(totals)
    return tax.allocate([one.minor for one in totals])


def _written(line: Line, tax: Money) -> JsonObject:
    return {**line.to_json(), "tax": tax.to_json(), "tax_rate": plain_rate(line.tax_rate)}
