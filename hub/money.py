"""Amounts of money: whole minor units of an ISO 4217 currency, added, compared and divided without losing a unit.

Nothing here is ever a float. Whatever cannot be an exact amount is refused with :class:`hub.errors.MoneyError`.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache, total_ordering
from typing import TYPE_CHECKING, Final, Self

from babel import Locale, UnknownLocaleError

from hub.errors import MoneyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from babel.numbers import NumberPattern

    from hub.jsontypes import Json

# ISO 4217, list one (SIX Financial Information, maintenance agency): the active codes that have a minor unit, funds
# included; metals, test and "no currency" codes have none and are left out.
_ACTIVE: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW "
    "CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR "
    "ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV "
    "MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD "
    "SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
# ISO 4217, list three: withdrawn since 2021. Refunds and reports of older payments still name them.
_WITHDRAWN: Final = {2: "ANG BGN CUC HRK SLL ZWL"}

EXPONENTS: Final[dict[str, int]] = {
    code: decimals for table in (_ACTIVE, _WITHDRAWN) for decimals, codes in table.items() for code in codes.split()
}
"""Decimals of each currency's minor unit: ``{"USD": 2, "JPY": 0, "KWD": 3, …}``."""

LARGEST_MINOR: Final = 10**18 - 1
"""The largest amount in minor units, either side of zero: it fits a signed 64-bit column with room to spare."""

_PLAIN_DECIMAL: Final = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?")
_EXPONENT: Final = re.compile(r"-?[0-9.]+[eE][-+]?[0-9]+")
_CURRENCY_CODE: Final = re.compile(r"[A-Z]{3}")
_SHOWN: Final = 40


def exponent(currency: Json) -> int:
    """How many decimals ``currency`` has: 2 for USD, 0 for JPY. Raises ``MoneyError`` (``currency_unknown``)."""
    if isinstance(currency, str) and currency in EXPONENTS:
        return EXPONENTS[currency]
    message = f"{_shown(currency)} is not a currency."
    remedy = "Give the three capital letters of ISO 4217, such as USD."
    if isinstance(currency, str) and not _CURRENCY_CODE.fullmatch(currency) and currency.upper() in EXPONENTS:
        remedy = f"Write {currency.upper()}."
    raise MoneyError(message, code="currency_unknown", remedy=remedy)


def exact_decimal(value: Decimal | int | str) -> Decimal:
    """The number as an exact ``Decimal``: digits 0 to 9, at most one point, an optional minus, no exponent.

    Raises ``MoneyError`` (``not_a_number``) for anything else, floats included: they are not exact.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**40 else ""
    if isinstance(value, Decimal):
        value = f"{value:f}" if value.is_finite() and abs(value.adjusted()) < _SHOWN else str(value)
    if isinstance(value, str) and _PLAIN_DECIMAL.fullmatch(value):
        return Decimal(value)
    message = f"{_shown(value)} is not a plain decimal number."
    raise MoneyError(message, code="not_a_number", remedy="Write digits and at most one point, such as 12.5.")


@lru_cache(maxsize=256)
def locale_named(name: str) -> Locale:
    """The locale of a name such as ``en``, ``de_CH`` or ``pt-BR``. Raises ``MoneyError`` (``locale_unknown``)."""
    try:
        return Locale.parse(name.replace("-", "_"))
    except (ValueError, UnknownLocaleError, AttributeError, TypeError) as error:
        message = f"{_shown(name)} is not a locale."
        raise MoneyError(message, code="locale_unknown", remedy="Write one such as en, de or pt_BR.") from error


@total_ordering
@dataclass(frozen=True, slots=True)
class Money:
    """``minor`` whole minor units (cents, yen, fils) of ``currency``, below zero for what is owed or taken back.

    Raises ``MoneyError`` when the currency is unknown, ``minor`` is not an integer or is beyond ``LARGEST_MINOR``.
    """

    minor: int
    currency: str

    def __post_init__(self) -> None:
        exponent(self.currency)
        if type(self.minor) is not int:
            message = f"The minor units of an amount are a whole number, not {_shown(self.minor)}."
            raise MoneyError(message, code="not_a_number", remedy="Write 10.50 USD as minor: 1050, currency: USD.")
        if not -LARGEST_MINOR <= self.minor <= LARGEST_MINOR:
            message = f"An amount of {len(str(abs(self.minor)))} digits is too large."
            raise MoneyError(message, code="too_large", remedy="Look for a mistake in the number.")

    @classmethod
    def zero(cls, currency: str) -> Self:
        """Nothing, in ``currency``."""
        return cls(0, currency)

    @classmethod
    def parse(cls, text: Json, currency: str, *, signed: bool = False) -> Self:
        """The amount that decimal ``text`` says exactly: ``Money.parse("10.50", "USD")`` is 1050 cents.

        Spaces around are ignored. Refused, each with its own ``MoneyError``: floats and other non-text, exponents
        (``1e9``), digits other than 0 to 9, commas, a sign unless ``signed``, more decimals than the currency has.
        """
        decimals = exponent(currency)
        if not isinstance(text, str):
            message = f"An amount is written as text, not as {_shown(text)}."
            raise MoneyError(message, code="not_a_number", remedy='Put it in quotes, such as "10.50".')
        number = text.strip(" ")
        if not _PLAIN_DECIMAL.fullmatch(number):
            raise _unreadable(number)
        if number.startswith("-") and not signed:
            message = f"An amount below zero is not possible here: {_shown(number)}."
            raise MoneyError(message, code="negative", remedy="Leave the minus out.")
        whole, _, fraction = number.partition(".")
        if len(fraction) > decimals:
            message = f"{currency} has {_count(decimals, 'decimal')}; {_shown(number)} has {len(fraction)}."
            raise MoneyError(message, code="too_many_decimals", remedy=f"Write it like {_example(decimals)}.")
        return cls(int(whole + fraction.ljust(decimals, "0")), currency)

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """The amount of ``{"minor": 1050, "currency": "USD"}``; nothing more and nothing less is taken."""
        if not isinstance(value, dict) or value.keys() != {"minor", "currency"}:
            message = f"An amount is {{minor, currency}}, not {_shown(value)}."
            raise MoneyError(message, code="not_money", remedy="Write 10.50 USD as {minor: 1050, currency: USD}.")
        return cls(value["minor"], value["currency"])

    @classmethod
    def total(cls, amounts: Iterable[Money], currency: str) -> Self:
        """The sum of ``amounts``, nothing when there are none. All must be in ``currency``."""
        minor = 0
        for amount in amounts:
            if amount.currency != currency:
                raise _mixed(currency, amount.currency)
            minor += amount.minor
        return cls(minor, currency)

    def to_json(self) -> dict[str, Json]:
        """``{"minor": 1050, "currency": "USD"}``."""
        return {"minor": self.minor, "currency": self.currency}

    def __add__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __abs__(self) -> Money:
        return Money(abs(self.minor), self.currency)

    def __mul__(self, quantity: int) -> Money:
        if type(quantity) is not int:
            message = f"An amount is multiplied by a whole number, not by {_shown(quantity)}."
            raise MoneyError(message, code="not_a_number", remedy="Take a percentage for a part of an amount.")
        return Money(self.minor * quantity, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same_currency(other)
        return self.minor < other.minor

    def percent(self, rate: Decimal | int | str) -> Money:
        """``rate`` per cent of it, rounded to the minor unit, halves away from zero: 12.5 % of 60.01 is 7.50."""
        portion = Fraction(exact_decimal(rate)) * self.minor / 100
        numerator, denominator = abs(portion.numerator), portion.denominator
        rounded = (2 * numerator + denominator) // (2 * denominator)
        return Money(rounded if portion >= 0 else -rounded, self.currency)

    def allocate(self, weights: Sequence[int | Decimal]) -> tuple[Money, ...]:
        """Divide it by ``weights``, largest remainder first: the parts always add up to the whole.

        Who loses most by rounding down gets a unit first, earlier parts before later ones when equal. A weight of
        zero gets nothing. A whole below zero is divided as its opposite. Raises ``MoneyError`` when there are no
        weights, one is below zero, or all are zero.
        """
        shares = [Fraction(exact_decimal(weight)) for weight in weights]
        total = sum(shares)
        if total <= 0 or min(shares) < 0:
            message = f"Nothing can be divided by the weights {_shown(list(weights))}."
            raise MoneyError(message, code="bad_weights", remedy="Give weights of zero or more, one above zero.")
        whole = abs(self.minor)
        exact = [whole * share / total for share in shares]
        parts = [portion.numerator // portion.denominator for portion in exact]
        by_loss = sorted(range(len(exact)), key=lambda index: parts[index] - exact[index])
        for index in by_loss[: whole - sum(parts)]:
            parts[index] += 1
        sign = -1 if self.minor < 0 else 1
        return tuple(Money(sign * part, self.currency) for part in parts)

    def to_decimal(self) -> Decimal:
        """The amount in major units, with all its decimals: ``Decimal("10.50")``."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def to_decimal_text(self) -> str:
        """The amount in major units as plain text, with all its decimals: ``"10.50"``; :meth:`parse` reads it back."""
        return f"{self.to_decimal():f}"

    def format(self, locale: str) -> str:
        """As a reader of ``locale`` writes it: ``$10.50``, ``10,50 €``. Shows every decimal that ISO 4217 gives."""
        reader = locale_named(locale)
        pattern = _currency_pattern(reader, exponent(self.currency))
        return str(pattern.apply(self.to_decimal(), reader, currency=self.currency, currency_digits=False))

    def __str__(self) -> str:
        return f"{self.to_decimal_text()} {self.currency}"

    def _same_currency(self, other: Money) -> None:
        if self.currency != other.currency:
            raise _mixed(self.currency, other.currency)


@lru_cache(maxsize=1024)
def _currency_pattern(reader: Locale, decimals: int) -> NumberPattern:
    """The locale's way to write an amount, with exactly so many decimals: CLDR drops those of some currencies (IQD)."""
    pattern: NumberPattern = copy.copy(reader.currency_formats["standard"])
    pattern.frac_prec = (decimals, decimals)
    return pattern


def _mixed(first: str, second: str) -> MoneyError:
    message = f"Amounts in {first} and {second} cannot be put together."
    return MoneyError(message, code="mixed_currencies", remedy="Convert one of them first, or handle them apart.")


def _unreadable(number: str) -> MoneyError:
    message = f"{_shown(number)} is not an amount."
    if not number:
        message = "The amount is empty."
    remedy = "Write digits and at most one point, such as 10.50."
    if "," in number:
        remedy = "Write a point before the decimals and nothing between thousands, such as 1234.50."
    elif number.startswith("+"):
        remedy = "Leave the plus out."
    elif not number.isascii() and any(character.isdigit() for character in number):
        remedy = "Write it with the digits 0 to 9."
    elif _EXPONENT.fullmatch(number):
        remedy = "Write the number out, without an exponent."
    return MoneyError(message, code="not_a_number", remedy=remedy)


def _example(decimals: int) -> str:
    return f"{Decimal(10):.{decimals}f}"


def _count(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
