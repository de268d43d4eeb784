"""Functions on money: ``{minor, currency}`` in, ``{minor, currency}`` out, never a float."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from hub.errors import MoneyError
from hub.expressions.functions.numbers import decimal_of
from hub.expressions.signatures import ArgumentError, Example, Function, function, is_money
from hub.money import Money, exact_decimal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from hub.jsontypes import Json, JsonObject

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
_AMOUNT: Final[dict[str, Json]] = {"minor": 10000, "currency": "USD"}
_SCOPE: Final[dict[str, Json]] = {"event": {"data": {"amount": _AMOUNT, "fee": {"minor": 320, "currency": "USD"}}}}


def _refusing(call: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Money's own refusals, said about the function's arguments."""

    @wraps(call)
    def refused(*arguments: _Parameters.args, **named: _Parameters.kwargs) -> _Result:
        try:
            return call(*arguments, **named)
        except MoneyError as error:
            reason = f"{call.__name__.strip('_')}(): {error.message}".rstrip(".")
            raise ArgumentError(None, reason, error.remedy) from None

    return refused


@_refusing
def money(text: str, currency: str) -> JsonObject:
    """The amount that a decimal text in major units says."""
    return Money.parse(text, currency, signed=True).to_json()


@_refusing
def add(*amounts: Json) -> JsonObject:
    """The sum of amounts and lists of amounts."""
    flat = [Money.from_json(amount) for given in amounts for amount in (given if isinstance(given, list) else [given])]
    if not flat:
        raise ArgumentError(0, "must hold at least one amount", "Say what nothing is: default it to {minor: `0`, …}.")
    return Money.total(flat, flat[0].currency).to_json()


@_refusing
def sub(amount: Json, *others: Json) -> JsonObject:
    """The first amount less the others."""
    left = Money.from_json(amount)
    for other in others:
        left -= Money.from_json(other)
    return left.to_json()


@_refusing
def percent(amount: Json, rate: Json) -> JsonObject:
    """A percentage of an amount, halves of a minor unit away from zero."""
    return Money.from_json(amount).percent(_rate(rate)).to_json()


@_refusing
def share(amount: Json, weights: Sequence[Json]) -> list[JsonObject]:
    """An amount divided by weights so that the parts add up."""
    return [part.to_json() for part in Money.from_json(amount).allocate(_weights(weights))]


@_refusing
def format_money(amount: Json, locale: str) -> str:
    """An amount as a reader of the locale writes it."""
    return Money.from_json(amount).format(locale)


@_refusing
def to_decimal(amount: Json) -> str:
    """An amount in major units as text."""
    return Money.from_json(amount).to_decimal_text()


def _rate(rate: Json) -> Decimal:
    if isinstance(rate, str):
        try:
            return exact_decimal(rate)
        except MoneyError as error:
            raise ArgumentError(1, "must be a plain number such as '12.5'", error.remedy) from None
    return decimal_of(rate, 1)


def _weights(weights: Sequence[Json]) -> list[int | Decimal]:
    amounts = [Money.from_json(weight) for weight in weights if is_money(weight)]
    if not amounts:
        return [decimal_of(weight, 1) for weight in weights]
    Money.total(amounts, amounts[0].currency)
    return [amount.minor for amount in amounts]


MONEY: Final[tuple[Function, ...]] = (
    function(
        "money(amount: text, currency: text) -> money",
        "The amount that a decimal text in major units says, exactly.",
        Example("money('10.50', 'USD')", {"minor": 1050, "currency": "USD"}),
        money,
        group="money",
    ),
    function(
        "add(amounts...: money | list of money) -> money",
        "The sum of amounts of one currency; a list counts with all that it holds.",
        Example("add(event.data.amount, event.data.fee)", {"minor": 10320, "currency": "USD"}, _SCOPE),
        add,
        group="money",
    ),
    function(
        "sub(amount: money, less...: money) -> money",
        "The first amount less the others, which may go below zero.",
        Example("sub(event.data.amount, event.data.fee)", {"minor": 9680, "currency": "USD"}, _SCOPE),
        sub,
        group="money",
    ),
    function(
        "percent(amount: money, rate: number | text) -> money",
        "So many per cent of an amount, rounded to the minor unit, halves away from zero.",
        Example("percent(event.data.amount, `12.5`)", {"minor": 1250, "currency": "USD"}, _SCOPE),
        percent,
        group="money",
    ),
    function(
        "share(amount: money, weights: list of number | list of money) -> list of money",
        "Divides an amount by weights, by largest remainder, so that the parts add up to it exactly.",
        Example(
            "share(event.data.amount, `[1, 1, 1]`)",
            [{"minor": minor, "currency": "USD"} for minor in (3334, 3333, 3333)],
            _SCOPE,
        ),
        share,
        group="money",
    ),
    function(
        "format_money(amount: money, locale: text) -> text",
        "An amount as a reader of the locale writes it.",
        Example("format_money(event.data.amount, 'en')", "$100.00", _SCOPE),
        format_money,
        group="money",
    ),
    function(
        "to_decimal(amount: money) -> text",
        "An amount in major units as plain text, with all decimals of its currency.",
        Example("to_decimal(event.data.fee)", "3.20", _SCOPE),
        to_decimal,
        group="money",
    ),
)
"""The functions of the group."""
