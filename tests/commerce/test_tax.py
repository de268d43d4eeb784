"""The tax of an invoice: rounded once for each rate, and the lines' taxes add up to it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.commerce.order_lines import Line
from hub.commerce.tax import plain_rate, reckon
from hub.errors import PermanentError
from hub.money import Money


def line(minor, rate="19", quantity=1, currency="EUR"):
    return Line("Thing", quantity, Money(minor, currency), tax_rate=rate)


def figures(found):
    return [(one.rate, one.net.minor, one.tax.minor) for one in found.taxes], found.net.minor, found.total.minor


def test_prices_that_hold_the_tax_have_it_divided_out():
    found = reckon([line(11900), line(10700, "7"), line(500, "0")], "EUR", included=True)
    assert figures(found) == ([("0", 500, 0), ("7", 10000, 700), ("19", 10000, 1900)], 20500, 23100)


def test_prices_without_tax_have_it_added():
    found = reckon([line(10000), line(10000, "7.0")], "EUR", included=False)
    assert figures(found) == ([("7", 10000, 700), ("19", 10000, 1900)], 20000, 22600)


def test_a_rate_is_rounded_once_and_its_lines_add_up():
    found = reckon([line(33, "10"), line(33, "10"), line(34, "10.00")], "EUR", included=False)
    assert figures(found) == ([("10", 100, 10)], 100, 110)
    assert [one["tax"]["minor"] for one in found.lines] == [3, 3, 4]
    assert {one["tax_rate"] for one in found.lines} == {"10"}


@pytest.mark.parametrize(("minor", "tax"), [(5, 1), (4, 0), (15, 2), (14, 1)])
def test_half_a_unit_is_rounded_up(minor, tax):
    assert reckon([line(minor, "10")], "EUR", included=False).tax.minor == tax


@pytest.mark.parametrize(("currency", "tax"), [("JPY", 1900), ("KWD", 1900), ("EUR", 1900)])
def test_every_currency_is_reckoned_in_its_own_units(currency, tax):
    found = reckon([line(10000, currency=currency)], currency, included=False)
    assert (found.tax, found.total) == (Money(tax, currency), Money(11900, currency))


def test_lines_that_cost_nothing_have_no_tax():
    assert figures(reckon([line(0), line(0)], "EUR", included=True)) == ([("19", 0, 0)], 0, 0)


def test_more_than_any_amount_may_be_is_refused():
    with pytest.raises(PermanentError, match=r"The invoice: An amount of \d+ digits is too large") as caught:
        reckon([line(999_999_999_999_999_999)], "EUR", included=False)
    assert (caught.value.code, caught.value.remedy) == ("bad_input", "Look for a mistake in the number.")


@pytest.mark.parametrize(("rate", "plain"), [("19.00", "19"), ("0", "0"), ("7.50", "7.5"), ("100", "100")])
def test_rates_are_written_plainly(rate, plain):
    assert plain_rate(rate) == plain


@pytest.mark.parametrize(
    ("minor", "rate", "net", "tax"),
    [(1, "19", 1, 0), (3, "19", 3, 0), (4, "19", 3, 1), (100, "19", 84, 16), (100, "7.7", 93, 7), (105, "5", 100, 5),
     (1000, "8.875", 918, 82), (1, "100", 1, 0)],
)  # fmt: skip
def test_tax_that_a_price_holds_is_divided_out_to_the_unit(minor, rate, net, tax):
    found = reckon([line(minor, rate)], "EUR", included=True)
    assert (found.net.minor, found.tax.minor, found.total.minor) == (net, tax, minor)


def test_rates_stand_in_the_order_of_their_numbers_and_lines_stay_in_theirs():
    found = reckon([line(100, "19"), line(0, "7"), line(100, "7"), line(300, "19")], "EUR", included=False)
    assert [one.rate for one in found.taxes] == ["7", "19"]
    assert [(one["tax_rate"], one["tax"]["minor"]) for one in found.lines] == [
        ("19", 19),
        ("7", 0),
        ("7", 7),
        ("19", 57),
    ]


LINES = st.lists(
    st.tuples(
        st.integers(0, 10**12),
        st.sampled_from(["0", "0.00", "5.5", "7", "7.0", "8.875", "19", "19.00", "100"]),
        st.integers(1, 1_000),
    ),
    min_size=1,
    max_size=12,
)


@given(LINES, st.sampled_from(["EUR", "JPY", "KWD"]), st.booleans())
def test_every_unit_of_tax_is_in_its_rate_and_in_its_line(given_lines, currency, included):
    lines = [line(minor, rate, quantity, currency) for minor, rate, quantity in given_lines]
    found = reckon(lines, currency, included=included)
    whole = sum(one.total.minor for one in lines)
    assert (found.total if included else found.net).minor == whole
    assert found.net + found.tax == found.total
    assert [one.rate for one in found.taxes] == sorted({plain_rate(one.tax_rate) for one in lines}, key=Fraction)
    for one in found.taxes:
        of_rate = [(own, said) for own, said in zip(lines, found.lines, strict=True) if said["tax_rate"] == one.rate]
        total, rate = sum(own.total.minor for own, _ in of_rate), Fraction(one.rate)
        exact = total * rate / (100 + rate) if included else total * rate / 100
        assert abs(one.tax.minor - exact) <= Fraction(1, 2), "it is rounded once, to the nearest unit"
        assert one.net.minor == (total - one.tax.minor if included else total)
        assert sum(said["tax"]["minor"] for _, said in of_rate) == one.tax.minor
        for own, said in of_rate:
            assert said["tax"]["currency"] == currency
            share = Fraction(one.tax.minor * own.total.minor, total) if total else 0
            assert abs(said["tax"]["minor"] - share) < 1
