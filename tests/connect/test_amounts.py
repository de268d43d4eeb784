import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.connect.amounts import (
    from_gateway,
    from_gateway_decimal,
    read_amounts,
    to_gateway,
    to_gateway_decimal,
)
from hub.connect.manifest import Currencies
from hub.errors import MoneyError
from hub.money import EXPONENTS, Money

ISO = Currencies()
ODD = Currencies(exponents={"ISK": 2, "HUF": 0}, multiples={"ISK": 100})


@pytest.mark.parametrize(
    ("amount", "currencies", "units"),
    [
        (Money(1050, "USD"), ISO, 1050),
        (Money(1050, "JPY"), ISO, 1050),
        (Money(1050, "KWD"), ISO, 1050),
        (Money(500, "ISK"), ODD, 50000),
        (Money(100000, "HUF"), ODD, 1000),
    ],
)
def test_amounts_go_to_the_gateway_and_come_back(amount, currencies, units):
    assert to_gateway(amount, currencies) == units
    assert from_gateway(units, amount.currency.lower(), currencies) == amount


def test_an_amount_that_the_gateway_cannot_express_is_refused():
    with pytest.raises(MoneyError) as error:
        to_gateway(Money(100050, "HUF"), ODD)
    assert error.value.code == "too_many_decimals"


def test_an_amount_off_the_gateways_steps_is_refused():
    with pytest.raises(MoneyError):
        to_gateway(Money(1050, "USD"), Currencies(multiples={"USD": 100}))


def test_a_currency_that_the_gateway_does_not_take_is_refused():
    with pytest.raises(MoneyError) as error:
        to_gateway(Money(1, "EUR"), Currencies(supported=("INR",)))
    assert (error.value.code, error.value.remedy) == ("currency_unsupported", "It takes INR.")


@pytest.mark.parametrize(
    ("amount", "text"), [(Money(1050, "USD"), "10.50"), (Money(1050, "JPY"), "1050"), (Money(1050, "KWD"), "1.050")]
)
def test_decimal_text_has_exactly_the_currencys_decimals(amount, text):
    assert to_gateway_decimal(amount, ISO) == text
    assert from_gateway_decimal(text, amount.currency, ISO) == amount


@given(st.integers(-(10**12), 10**12), st.sampled_from(sorted(EXPONENTS)))
def test_every_amount_survives_both_ways(minor, currency):
    amount = Money(minor, currency)
    assert from_gateway(to_gateway(amount, ISO), currency, ISO) == amount
    assert from_gateway_decimal(to_gateway_decimal(amount, ISO), currency, ISO) == amount


@pytest.mark.parametrize("text", ["10.505", "abc", "", "NaN", "Infinity"])
def test_text_that_is_no_exact_amount_is_refused(text):
    with pytest.raises(MoneyError):
        from_gateway_decimal(text, "USD", ISO)


def test_amounts_inside_of_a_value_become_money():
    value = {
        "a": {"units": 1050, "currency": "usd"},
        "b": [{"decimal": "10.5", "currency": "USD"}],
        "c": {"units": None, "currency": "usd"},
        "d": {"units": "50000", "currency": "isk"},
        "e": {"units": 3, "currency": "x", "more": 1},
    }
    assert read_amounts(value, ODD) == {
        "a": {"minor": 1050, "currency": "USD"},
        "b": [{"minor": 1050, "currency": "USD"}],
        "c": None,
        "d": {"minor": 500, "currency": "ISK"},
        "e": {"units": 3, "currency": "x", "more": 1},
    }


@pytest.mark.parametrize(
    "value",
    [
        {"units": 10.5, "currency": "USD"},
        {"decimal": 10.5, "currency": "USD"},
        {"units": "10.5", "currency": "USD"},
        {"units": True, "currency": "USD"},
        {"units": 1, "currency": 2},
        {"units": 1, "currency": "XXQ"},
    ],
)
def test_floats_and_nonsense_are_never_money(value):
    with pytest.raises(MoneyError):
        read_amounts(value, ISO)
