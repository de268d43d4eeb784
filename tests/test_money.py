from decimal import Decimal

import pytest
from babel.core import get_global
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import MoneyError
from hub.money import EXPONENTS, LARGEST_MINOR, Money, exact_decimal, exponent, locale_named

currencies = st.sampled_from(sorted(EXPONENTS))
minors = st.integers(min_value=-(10**15), max_value=10**15)
weights = st.lists(st.one_of(st.integers(0, 10**6), st.decimals(0, 1000, places=3)), min_size=1, max_size=20).filter(
    lambda given_weights: sum(given_weights) > 0
)


@pytest.mark.parametrize(
    ("currency", "decimals"),
    [
        ("USD", 2),
        ("EUR", 2),
        ("JPY", 0),
        ("KRW", 0),
        ("ISK", 0),
        ("KWD", 3),
        ("IQD", 3),
        ("CLF", 4),
        ("UYW", 4),
        ("UGX", 0),
    ],
)
def test_currencies_have_the_decimals_of_iso_4217(currency: str, decimals: int) -> None:
    assert exponent(currency) == decimals


def test_every_currency_that_is_legal_tender_somewhere_today_is_known() -> None:
    tender = {
        code
        for territory in get_global("territory_currencies").values()
        for code, _, until, is_tender in territory
        if until is None and is_tender
    }
    assert tender <= EXPONENTS.keys()
    assert len(tender) > 150


def test_an_unknown_currency_is_refused_and_lower_case_is_explained() -> None:
    with pytest.raises(MoneyError, match="Write USD") as lower:
        Money(1, "usd")
    assert lower.value.code == "currency_unknown"
    with pytest.raises(MoneyError, match="'XXX' is not a currency"):
        Money(1, "XXX")


@pytest.mark.parametrize("minor", [1.0, "1", True, None, Decimal(1)])
def test_minor_units_are_integers_only(minor: object) -> None:
    with pytest.raises(MoneyError, match="whole number"):
        Money(minor, "USD")  # type: ignore[arg-type]


def test_an_absurdly_large_amount_is_refused() -> None:
    assert Money(LARGEST_MINOR, "USD").minor == LARGEST_MINOR
    with pytest.raises(MoneyError) as refused:
        Money(LARGEST_MINOR, "USD") + Money(1, "USD")
    assert refused.value.code == "too_large"


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("10.50", "USD", 1050),
        ("10.5", "USD", 1050),
        ("10", "USD", 1000),
        ("0.01", "USD", 1),
        ("10", "JPY", 10),
        ("1.005", "KWD", 1005),
        ("1.0005", "CLF", 10005),
        (" 7.00 ", "EUR", 700),
        ("0", "USD", 0),
    ],
)
def test_decimal_text_is_read_exactly(text: str, currency: str, minor: int) -> None:
    assert Money.parse(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("text", "currency", "code", "words"),
    [
        ("10.5", "JPY", "too_many_decimals", "JPY has no decimals; '10.5' has 1. Write it like 10."),
        ("1.005", "USD", "too_many_decimals", "USD has 2 decimals; '1.005' has 3."),
        ("1e9", "USD", "not_a_number", "without an exponent"),
        ("१२", "USD", "not_a_number", "digits 0 to 9"),
        ("\uff11\uff12", "USD", "not_a_number", "digits 0 to 9"),
        ("1,50", "USD", "not_a_number", "Write a point before the decimals"),
        ("", "USD", "not_a_number", "empty"),
        ("ten", "USD", "not_a_number", "'ten' is not an amount"),
        ("12 EUR", "EUR", "not_a_number", "Write digits and at most one point"),
        ("-1.5E+3", "USD", "not_a_number", "without an exponent"),
        ("-1", "USD", "negative", "Leave the minus out"),
        ("+1", "USD", "not_a_number", "Leave the plus out"),
        (".5", "USD", "not_a_number", "is not an amount"),
        ("5.", "USD", "not_a_number", "is not an amount"),
        ("NaN", "USD", "not_a_number", "is not an amount"),
        ("1 000", "USD", "not_a_number", "is not an amount"),
        ("1_000", "USD", "not_a_number", "is not an amount"),
        ("1\n", "USD", "not_a_number", "is not an amount"),
        ("9" * 30, "USD", "too_large", "too large"),
        ("9" * 5000, "USD", "not_a_number", "is not an amount"),
    ],
)
def test_what_is_not_an_exact_amount_is_refused_with_a_reason(text: str, currency: str, code: str, words: str) -> None:
    with pytest.raises(MoneyError) as refused:
        Money.parse(text, currency)
    assert refused.value.code == code
    assert words in str(refused.value)


def test_a_float_is_never_read_as_money() -> None:
    with pytest.raises(MoneyError, match="written as text"):
        Money.parse(10.5, "USD")


def test_a_sign_is_read_where_it_is_allowed() -> None:
    assert Money.parse("-0.05", "USD", signed=True) == Money(-5, "USD")


@given(minors, currencies)
def test_decimal_text_and_json_come_back_unchanged(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert Money.parse(money.to_decimal_text(), currency, signed=True) == money
    assert Money.from_json(money.to_json()) == money


@given(st.text(max_size=12), currencies)
def test_any_text_is_read_exactly_or_refused(text: str, currency: str) -> None:
    try:
        money = Money.parse(text, currency)
    except MoneyError:
        return
    assert money.to_decimal() == Decimal(text.strip())


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        "5 USD",
        [5, "USD"],
        {},
        {"minor": 5},
        {"currency": "USD"},
        {"minor": 5, "currency": "USD", "x": 1},
        {"minor": 5.0, "currency": "USD"},
        {"minor": "5", "currency": "USD"},
        {"minor": 5, "currency": None},
    ],
)
def test_json_that_is_not_money_is_refused(value: object) -> None:
    with pytest.raises(MoneyError):
        Money.from_json(value)  # type: ignore[arg-type]


def test_adding_subtracting_multiplying_and_comparing() -> None:
    assert Money(150, "USD") + Money(50, "USD") - Money(250, "USD") == Money(-50, "USD")
    assert -Money(5, "USD") == Money(-5, "USD")
    assert abs(Money(-5, "USD")) == Money(5, "USD")
    assert Money(5, "USD") * 3 == Money(15, "USD")
    assert Money(5, "USD") < Money(6, "USD") <= Money(6, "USD")
    assert Money(5, "USD") != Money(5, "EUR")
    assert Money.total([Money(1, "USD"), Money(2, "USD")], "USD") == Money(3, "USD")
    assert Money.total([], "USD") == Money.zero("USD")


def test_currencies_never_mix() -> None:
    dollars, euros = Money(1, "USD"), Money(1, "EUR")
    for attempt in (
        lambda: dollars + euros,
        lambda: dollars - euros,
        lambda: dollars < euros,
        lambda: dollars >= euros,
        lambda: Money.total([dollars, euros], "USD"),
    ):
        with pytest.raises(MoneyError, match="USD and EUR") as refused:
            attempt()
        assert refused.value.code == "mixed_currencies"


def test_money_times_a_fraction_is_refused() -> None:
    with pytest.raises(MoneyError, match="whole number"):
        Money(5, "USD") * 1.5  # type: ignore[operator]


@pytest.mark.parametrize(
    ("minor", "rate", "expected"),
    [
        (6001, "12.5", 750),
        (3999, "12.5", 500),
        (24900, "20", 4980),
        (1, "50", 1),
        (-1, "50", -1),
        (3, "50", 2),
        (1, "49.999", 0),
        (100, "-10", -10),
        (100, "0", 0),
        (7, Decimal("33.3"), 2),
        (100, 15, 15),
    ],
)
def test_a_percentage_is_rounded_to_the_minor_unit_halves_away_from_zero(
    minor: int, rate: Decimal | int | str, expected: int
) -> None:
    assert Money(minor, "USD").percent(rate) == Money(expected, "USD")


@pytest.mark.parametrize("rate", [12.5, "12,5", "1e3", "", "NaN", Decimal("Infinity"), Decimal("1e999999"), True, None])
def test_a_percentage_that_is_not_a_plain_decimal_is_refused(rate: object) -> None:
    with pytest.raises(MoneyError):
        Money(100, "USD").percent(rate)  # type: ignore[arg-type]


def test_exact_decimals_keep_every_digit() -> None:
    assert exact_decimal("12.50") == Decimal("12.50")
    assert exact_decimal(Decimal("1e3")) == Decimal(1000)


@given(minors, currencies, weights)
def test_parts_always_add_up_to_the_whole(minor: int, currency: str, given_weights: list[int | Decimal]) -> None:
    parts = Money(minor, currency).allocate(given_weights)
    assert Money.total(parts, currency) == Money(minor, currency)
    assert len(parts) == len(given_weights)


@given(minors, weights)
def test_every_part_is_within_one_unit_of_its_exact_share_and_zero_gets_nothing(
    minor: int, given_weights: list[int | Decimal]
) -> None:
    total = sum(map(Decimal, given_weights))
    for part, weight in zip(Money(minor, "USD").allocate(given_weights), given_weights, strict=True):
        assert abs(part.minor * total - minor * Decimal(weight)) < total
        assert weight != 0 or part.minor == 0


@given(minors, weights)
def test_a_whole_below_zero_is_divided_as_its_opposite(minor: int, given_weights: list[int | Decimal]) -> None:
    assert Money(-minor, "USD").allocate(given_weights) == tuple(
        -p for p in Money(minor, "USD").allocate(given_weights)
    )


def test_units_left_over_go_to_the_largest_remainders_and_ties_to_the_first() -> None:
    assert [part.minor for part in Money(100, "USD").allocate([1, 1, 1])] == [34, 33, 33]
    assert [part.minor for part in Money(2, "JPY").allocate([1, 1, 1])] == [1, 1, 0]
    assert [part.minor for part in Money(10, "KWD").allocate([Decimal("0.5"), 0, Decimal("1.25")])] == [3, 0, 7]
    assert [part.minor for part in Money(320, "USD").allocate([6001, 3999])] == [192, 128]


@pytest.mark.parametrize("bad", [[], [0], [0, 0], [-1, 2], [1.5], [True], [Decimal("NaN")]])
def test_weights_that_divide_nothing_are_refused(bad: list[int | Decimal]) -> None:
    with pytest.raises(MoneyError):
        Money(100, "USD").allocate(bad)


@pytest.mark.parametrize(
    ("money", "locale", "text"),
    [
        (Money(123456, "USD"), "en", "$1,234.56"),
        (Money(123456, "EUR"), "de", "1.234,56\xa0€"),
        (Money(5, "JPY"), "ja", "￥5"),
        (Money(1500, "IQD"), "en", "IQD1.500"),
        (Money(-700, "GBP"), "en-GB", "-£7.00"),
    ],
)
def test_amounts_are_shown_as_their_reader_writes_them_with_all_decimals(money: Money, locale: str, text: str) -> None:
    assert money.format(locale) == text


@pytest.mark.parametrize("name", ["", "xx_YY_zz", "../../etc", "en;drop"])
def test_an_unknown_locale_is_refused(name: str) -> None:
    with pytest.raises(MoneyError, match="is not a locale"):
        locale_named(name)


def test_money_reads_plainly_as_text() -> None:
    assert str(Money(1050, "USD")) == "10.50 USD"
