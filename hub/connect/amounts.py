"""Amounts as a gateway writes them, and back: ISO 4217 with the exceptions that the gateway's manifest names."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from hub.errors import MoneyError
from hub.money import Money, exponent

if TYPE_CHECKING:
    from hub.connect.manifest import Currencies
    from hub.jsontypes import Json

_UNITS = frozenset({"units", "currency"})
_DECIMAL = frozenset({"decimal", "currency"})


def to_gateway(amount: Money, currencies: Currencies) -> int:
    """The amount in the gateway's smallest units.

    Raises :class:`MoneyError` when the gateway does not take the currency, or cannot express the amount exactly.
    """
    decimals = _decimals(amount.currency, currencies)
    step = 10 ** (exponent(amount.currency) - decimals) if decimals < exponent(amount.currency) else 1
    if amount.minor % step:
        message = f"{amount} has more decimals than the gateway takes for {amount.currency} ({decimals})."
        raise MoneyError(message, code="too_many_decimals", remedy="Round the amount first.")
    units = amount.minor * 10 ** max(decimals - exponent(amount.currency), 0) // step
    multiple = currencies.multiples.get(amount.currency, 1)
    if units % multiple:
        message = f"The gateway takes {amount.currency} only in steps that {amount} does not fit."
        raise MoneyError(message, code="too_many_decimals", remedy="Round the amount first.")
    return int(units)


def from_gateway(units: int, currency: str, currencies: Currencies) -> Money:
    """Money of an amount in the gateway's smallest units; ``currency`` in any case."""
    code = currency.upper()
    return _exact(Decimal(units).scaleb(-_decimals(code, currencies, check=False)), code)


def to_gateway_decimal(amount: Money, currencies: Currencies) -> str:
    """The amount in major units with exactly the decimals that the gateway wants: ``"10.50"``, ``"1050"`` for JPY."""
    units = to_gateway(amount, currencies)
    return f"{Decimal(units).scaleb(-_decimals(amount.currency, currencies)):f}"


def from_gateway_decimal(text: str | int, currency: str, currencies: Currencies) -> Money:
    """Money of an amount in major units as the gateway writes it (``"10.5"``, ``"10.50"``); never from a float."""
    _decimals(currency.upper(), currencies, check=False)
    try:
        value = Decimal(text)
    except (InvalidOperation, TypeError, ValueError) as error:
        message = f"The gateway's amount {text!r} is not a decimal number."
        raise MoneyError(message, code="not_a_number", remedy="Look at the recorded answer.") from error
    return _exact(value, currency.upper())


def read_amounts(value: Json, currencies: Currencies) -> Json:
    """A copy in which ``{units, currency}`` and ``{decimal, currency}`` have become Money as JSON.

    So a manifest writes ``amount: {units: "${ raw.amount }", currency: "${ raw.currency }"}`` and the gateway's own
    exponents are used. An amount that the gateway left out (null) becomes null.
    """
    if isinstance(value, dict):
        keys = value.keys()
        if keys in (_UNITS, _DECIMAL):
            return _read(value, currencies)
        return {key: read_amounts(member, currencies) for key, member in value.items()}
    if isinstance(value, list):
        return [read_amounts(member, currencies) for member in value]
    return value


def _read(value: dict[str, Json], currencies: Currencies) -> Json:
    number, currency = value.get("units", value.get("decimal")), value["currency"]
    if number is None or currency is None:
        return None
    if not isinstance(currency, str) or isinstance(number, (bool, float)) or not isinstance(number, (int, str)):
        message = f"{number!r} {currency!r} is not an amount."
        raise MoneyError(message, code="not_a_number", remedy="Give decimals as text and units as whole numbers.")
    if "decimal" in value:
        return from_gateway_decimal(number, currency, currencies).to_json()
    if isinstance(number, str) and not number.lstrip("-").isdecimal():
        message = f"{number!r} is not a whole number of units."
        raise MoneyError(message, code="not_a_number", remedy="Look at the recorded answer.")
    return from_gateway(int(number), currency, currencies).to_json()


def _decimals(currency: str, currencies: Currencies, *, check: bool = True) -> int:
    if check and currencies.supported and currency not in currencies.supported:
        message = f"The gateway does not take {currency}."
        remedy = f"It takes {', '.join(currencies.supported)}."
        raise MoneyError(message, code="currency_unsupported", remedy=remedy)
    return currencies.exponents.get(currency, exponent(currency))


def _exact(value: Decimal, currency: str) -> Money:
    minor = value.scaleb(exponent(currency))
    if not minor.is_finite() or minor != minor.to_integral_value():
        message = f"{value} {currency} has more decimals than {currency} has."
        raise MoneyError(message, code="too_many_decimals", remedy="Look at the gateway's exponents in its manifest.")
    return Money(int(minor), currency)
