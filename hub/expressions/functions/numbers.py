"""Functions on numbers: exact decimals inside, whole numbers stay whole numbers."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

from hub.expressions.limits import MAX_NUMBER
from hub.expressions.signatures import ArgumentError, Example, Function, function

if TYPE_CHECKING:
    from hub.jsontypes import Json

_CONTEXT: Final = Context(prec=100, rounding=ROUND_HALF_UP)
_QUOTIENT: Final = Context(prec=28, rounding=ROUND_HALF_UP)
_MOST_DECIMALS: Final = 20


def decimal_of(value: Json, index: int) -> Decimal:
    """The number at argument ``index`` as written: 0.1 is one tenth. Refuses what is too large to be meant."""
    if not isinstance(value, int | float) or not -MAX_NUMBER < value < MAX_NUMBER:
        raise ArgumentError(index, "must be a number of at most 40 digits")
    return Decimal(value) if isinstance(value, int) else Decimal(repr(value))


def _plain(number: Decimal) -> int | float:
    if not -MAX_NUMBER < number < MAX_NUMBER:
        raise ArgumentError(None, "the result has more than 40 digits")
    return int(number) if number == number.to_integral_value() else float(number)


def plus(*numbers: Json) -> int | float:
    """The sum of numbers."""
    total = Decimal(0)
    for index, number in enumerate(numbers):
        total = _CONTEXT.add(total, decimal_of(number, index))
    return _plain(total)


def minus(number: Json, *less: Json) -> int | float:
    """The first number less the others."""
    total = decimal_of(number, 0)
    for index, other in enumerate(less, start=1):
        total = _CONTEXT.subtract(total, decimal_of(other, index))
    return _plain(total)


def times(*numbers: Json) -> int | float:
    """The product of numbers."""
    product = Decimal(1)
    for index, number in enumerate(numbers):
        product = decimal_of(_plain(_CONTEXT.multiply(product, decimal_of(number, index))), index)
    return _plain(product)


def divide(number: Json, divisor: Json) -> int | float:
    """The first number divided by the second."""
    below = decimal_of(divisor, 1)
    if not below:
        raise ArgumentError(1, "must not be zero", "Check for zero first: divisor != `0` && divide(…, divisor).")
    return _plain(_QUOTIENT.divide(decimal_of(number, 0), below))


def round_number(number: Json, decimals: int = 0) -> int | float:
    """The number with so many decimals, halves away from zero."""
    if not 0 <= decimals <= _MOST_DECIMALS:
        raise ArgumentError(1, f"must be 0 to {_MOST_DECIMALS}")
    try:
        return _plain(_CONTEXT.quantize(decimal_of(number, 0), Decimal(1).scaleb(-decimals)))
    except InvalidOperation:
        raise ArgumentError(0, "must be a number of at most 40 digits") from None


NUMBERS: Final[tuple[Function, ...]] = (
    function(
        "plus(numbers...: number) -> number",
        "The sum of numbers, exactly.",
        Example("plus(`0.1`, `0.2`)", 0.3),
        plus,
        group="numbers",
    ),
    function(
        "minus(number: number, less...: number) -> number",
        "The first number less the others, exactly.",
        Example("minus(`10`, `3`, `2.5`)", 4.5),
        minus,
        group="numbers",
    ),
    function(
        "times(numbers...: number) -> number",
        "The product of numbers, exactly.",
        Example("times(`3`, `1.1`)", 3.3),
        times,
        group="numbers",
    ),
    function(
        "divide(number: number, divisor: number) -> number",
        "The first number divided by the second, to 28 digits; whole when it comes out whole.",
        Example("divide(`10`, `4`)", 2.5),
        divide,
        group="numbers",
    ),
    function(
        "round(number: number, decimals?: integer) -> number",
        "The number rounded to so many decimals (none when left out), halves away from zero.",
        Example("round(`2.345`, `2`)", 2.35),
        round_number,
        group="numbers",
    ),
)
"""The functions of the group."""
