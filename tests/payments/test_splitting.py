"""Splits to the last minor unit: the examples of the stories, every kind of rule, currencies without and with decimals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import PermanentError
from hub.money import Money
from hub.payments.splitting import commission, split

NOW = datetime(2027, 1, 31, 9, tzinfo=UTC)


def money(minor, currency="USD"):
    return {"minor": minor, "currency": currency}


def lines(currency="USD", **sold):
    return [{"vendor": vendor, "total": money(minor, currency)} for vendor, minor in sold.items()]


def shares(amount, sold, rule, fee=0, currency="USD"):
    found = split(Money(amount, currency), sold, rule, Money(fee, currency), NOW).division
    assert found.total == amount
    return {one.provider: one.parts() for one in found.shares}


TWELVE_AND_A_HALF = {"commission": {"percent": "12.5"}}


def test_one_payment_for_two_vendors_less_commission():
    found = split(Money(10000, "USD"), lines(A=6001, B=3999), TWELVE_AND_A_HALF, Money(320, "USD"), NOW).division
    assert [one.parts() for one in found.shares] == [(5251, 750, 0), (3499, 500, 0)]
    assert sum(one.commission for one in found.shares) == 1250


def test_vendors_who_bear_the_gateways_fee_share_it_by_what_they_sold():
    rule = {**TWELVE_AND_A_HALF, "fee_borne_by": "vendors"}
    assert shares(10000, lines(A=6001, B=3999), rule, 320) == {"A": (5059, 750, 192), "B": (3371, 500, 128)}


def test_several_lines_of_one_vendor_are_one_share():
    sold = [*lines(A=2000), *lines(B=1000), *lines(A=4001)]
    assert shares(7001, sold, TWELVE_AND_A_HALF) == {"A": (5251, 750, 0), "B": (875, 125, 0)}


def test_yen_have_no_parts_and_dinars_have_thousandths():
    assert shares(10001, lines("JPY", A=3333, B=6668), TWELVE_AND_A_HALF, currency="JPY") == {
        "A": (2916, 417, 0),
        "B": (5834, 834, 0),
    }
    rule = {**TWELVE_AND_A_HALF, "fee_borne_by": "vendors"}
    assert shares(10000, lines("KWD", A=6001, B=3999), rule, 100, "KWD") == {
        "A": (6001 - 750 - 60, 750, 60),
        "B": (3999 - 500 - 40, 500, 40),
    }


def test_the_photographers_share_of_a_shoot():
    assert shares(24900, lines("EUR", P=24900), {"commission": {"percent": "20"}}, currency="EUR") == {
        "P": (19920, 4980, 0)
    }


def test_goods_without_a_vendor_and_what_the_lines_leave_are_the_platforms_own():
    sold = [{"total": money(1500)}, *lines(A=6000)]
    found = split(Money(8000, "USD"), sold, TWELVE_AND_A_HALF, Money(0, "USD"), NOW).division
    assert (found.sales, [one.parts() for one in found.shares]) == (2000, [(5250, 750, 0)])


def test_the_platform_bears_the_fee_of_its_own_goods():
    sold = [{"total": money(5000)}, *lines(A=5000)]
    assert shares(10000, sold, {"fee_borne_by": "vendors"}, 301) == {"A": (5000 - 151, 0, 151)}


@pytest.mark.parametrize(
    ("rule", "sold", "due"),
    [
        ({}, 10000, 0),
        ({"percent": "12.5"}, 6001, 750),
        ({"fixed": money(30)}, 10000, 30),
        ({"percent": "2.9", "fixed": money(30)}, 10000, 320),
        ({"percent": "10", "minimum": money(100)}, 500, 100),
        ({"percent": "10", "minimum": money(100)}, 5000, 500),
        ({"percent": "10", "minimum": money(100)}, 60, 60),
        ({"fixed": [money(30, "EUR"), money(35)]}, 10000, 35),
        ({"percent": "0.5"}, 100, 1),
        ({"percent": "10", "progressive": True}, 6001, 600),
        ({"percent": "110"}, 500, 500),
    ],
)
def test_commission_by_per_cent_fixed_part_and_minimum(rule, sold, due):
    assert commission({"commission": rule}, Money(sold, "USD")).minor == due


TIERS = [
    {"from": money(0), "percent": "20"},
    {"from": money(10000), "percent": "15"},
    {"from": money(50000), "percent": "10", "fixed": money(500)},
]


@pytest.mark.parametrize(("sold", "due"), [(9999, 2000), (10000, 1500), (49999, 7500), (50000, 5500)])
def test_the_tier_that_is_reached_counts_for_all_of_it(sold, due):
    assert commission({"commission": {"tiers": TIERS}}, Money(sold, "USD")).minor == due


@pytest.mark.parametrize(
    ("sold", "due"), [(0, 0), (9999, 2000), (10000, 2000), (20000, 3500), (50000, 8500), (60000, 2000 + 6000 + 1500)]
)
def test_progressive_tiers_each_count_for_their_part(sold, due):
    """Of the tier that begins exactly at the sum nothing but its fixed part is reached."""
    assert commission({"commission": {"tiers": TIERS, "progressive": True}}, Money(sold, "USD")).minor == due


@pytest.mark.parametrize("progressive", [False, True])
def test_tiers_may_be_written_in_any_order(progressive):
    rules = [{"commission": {"tiers": tiers, "progressive": progressive}} for tiers in (TIERS, TIERS[::-1])]
    assert len({commission(rule, Money(60000, "USD")).minor for rule in rules}) == 1


@pytest.mark.parametrize("progressive", [False, True])
def test_below_the_lowest_tier_the_plain_rule_counts(progressive):
    rule = {"percent": "30", "fixed": money(7), "tiers": TIERS[1:], "progressive": progressive}
    assert commission({"commission": rule}, Money(5000, "USD")).minor == 1507


@pytest.mark.parametrize(("sold", "due"), [(10000, 7507), (12000, 7507 + 300), (60000, 7507 + 6000 + 1500)])
def test_progressive_tiers_leave_what_lies_below_them_to_the_plain_rule(sold, due):
    rule = {"percent": "75", "fixed": money(7), "tiers": TIERS[1:], "progressive": True}
    assert commission({"commission": rule}, Money(sold, "USD")).minor == due


def test_a_tier_from_nothing_on_takes_the_place_of_the_plain_rule():
    rule = {"percent": "30", "fixed": money(7), "tiers": TIERS, "progressive": True}
    assert commission({"commission": rule}, Money(20000, "USD")).minor == 3500


def test_tiers_may_begin_at_an_amount_for_each_currency():
    tiers = [{"from": [money(9000, "JPY"), money(9000)], "percent": "10"}, {"percent": "20"}]
    assert commission({"commission": {"tiers": tiers}}, Money(9000, "JPY")).minor == 900
    assert commission({"commission": {"tiers": tiers}}, Money(8999, "USD")).minor == 1800


def test_a_vendor_may_have_a_rule_of_their_own():
    rule = {**TWELVE_AND_A_HALF, "vendors": {"B": {"commission": {"percent": "5"}}}}
    assert shares(10000, lines(A=6000, B=4000), rule) == {"A": (5250, 750, 0), "B": (3800, 200, 0)}


def test_one_vendor_may_bear_the_fee_while_the_platform_bears_the_others():
    rule = {"vendors": {"B": {"fee_borne_by": "vendors"}}}
    assert shares(10000, lines(A=6000, B=4000), rule, 100) == {"A": (6000, 0, 0), "B": (3960, 0, 40)}


def test_a_fee_never_takes_more_than_a_share_has():
    rule = {"commission": {"percent": "99"}, "fee_borne_by": "vendors"}
    assert shares(100, lines(A=100), rule, 30) == {"A": (0, 99, 1)}


def test_a_rule_of_one_vendor_alone_may_free_them_of_the_fee():
    rule = {"fee_borne_by": "vendors", "vendors": {"B": {"fee_borne_by": "platform"}}}
    assert shares(10000, lines(A=6000, B=4000), rule, 100) == {"A": (5940, 0, 60), "B": (4000, 0, 0)}


@pytest.mark.parametrize(("currency", "fee"), [("JPY", 10), ("KWD", 1)])
def test_a_fee_that_cannot_be_divided_evenly_leaves_no_stray_unit(currency, fee):
    sold = lines(currency, A=100, B=100, C=100)
    found = split(Money(300, currency), sold, {"fee_borne_by": "vendors"}, Money(fee, currency), NOW).division
    assert [one.fee for one in found.shares] == {10: [4, 3, 3], 1: [1, 0, 0]}[fee]


def test_where_nothing_was_sold_nothing_is_divided_and_nobody_bears_a_fee():
    nothing = split(Money(0, "USD"), lines(A=0), {"fee_borne_by": "vendors"}, Money(30, "USD"), NOW)
    assert (nothing.division.shares, nothing.division.sales, nothing.reserves) == ((), 0, ())


def test_a_line_of_nothing_makes_no_share():
    assert shares(100, lines(A=100, B=0), TWELVE_AND_A_HALF) == {"A": (87, 13, 0)}


@pytest.mark.parametrize(("percent", "held"), [("0", []), ("0.4", []), ("0.5", [1]), ("100", [100])])
def test_a_part_that_is_less_than_half_a_unit_is_not_held_back(percent, held):
    rule = {"reserve": {"percent": percent, "days": 7}}
    found = split(Money(100, "JPY"), lines("JPY", A=100), rule, Money(0, "JPY"), NOW)
    assert [one.minor for one in found.reserves] == held


def test_one_vendors_share_may_be_held_back_alone_and_for_longer():
    rule = {"vendors": {"B": {"reserve": {"percent": "25", "days": 90}}}}
    found = split(Money(10000, "USD"), lines(A=6000, B=4000), rule, Money(0, "USD"), NOW)
    assert [(one.provider, one.minor, one.until - NOW) for one in found.reserves] == [("B", 1000, timedelta(days=90))]


def test_a_part_of_a_share_is_held_back_for_some_days():
    rule = {**TWELVE_AND_A_HALF, "reserve": {"percent": "10", "days": 30}}
    found = split(Money(10000, "USD"), lines(A=6001, B=3999), rule, Money(0, "USD"), NOW)
    assert [(one.provider, one.minor, one.until - NOW) for one in found.reserves] == [
        ("A", 525, timedelta(days=30)),
        ("B", 350, timedelta(days=30)),
    ]


EUROS_ONLY = {"fixed": [money(30, "EUR"), money(40, "JPY")]}


@pytest.mark.parametrize(
    ("sold", "rule", "code", "words"),
    [
        (
            lines(A=6000, B=4001),
            {},
            "amount_exceeds_rest",
            "The lines are 100.01 USD in all, more than the payment of 100.00",
        ),
        (lines(A=1) + lines("EUR", B=5), {}, "bad_input", "Line 2 has a total of 0.05 EUR; the payment is 100.00 USD."),
        (lines(A=-1), {}, "bad_input", "Line 1 has a total of -0.01 USD"),
        (
            lines(A=9),
            {"commission": EUROS_ONLY},
            "currency_unsupported",
            "gives fixed in EUR, JPY, but the payment is in USD",
        ),
        (lines(A=9), {"commission": {"minimum": money(30, "EUR")}}, "currency_unsupported", "gives minimum in EUR"),
        (
            lines(A=9),
            {"commission": {"tiers": [{"from": money(0, "EUR")}]}},
            "currency_unsupported",
            "gives from in EUR",
        ),
    ],
)
def test_what_cannot_be_split_is_refused_in_words(sold, rule, code, words):
    with pytest.raises(PermanentError, match=words) as caught:
        split(Money(10000, "USD"), sold, rule, Money(0, "USD"), NOW)
    assert caught.value.code == code
    assert caught.value.remedy


RATES = st.decimals(Decimal(0), Decimal(100), places=2).map(str)
RULES = st.fixed_dictionaries(
    {},
    optional={
        "commission": st.fixed_dictionaries(
            {"percent": RATES}, optional={"fixed": st.integers(0, 5000).map(lambda minor: money(minor, "JPY"))}
        ),
        "fee_borne_by": st.sampled_from(["platform", "vendors"]),
        "reserve": st.fixed_dictionaries({"percent": RATES, "days": st.integers(1, 90)}),
    },
)


@given(
    sold=st.lists(st.tuples(st.sampled_from(["A", "B", "C", None]), st.integers(0, 10**9)), max_size=6),
    own=st.integers(0, 10**6),
    fee=st.integers(0, 10**6),
    rule=RULES,
)
def test_parts_always_add_up_to_the_whole_and_none_is_below_zero(sold, own, fee, rule):
    amount = sum(minor for _, minor in sold) + own
    rows = [{"vendor": vendor, "total": money(minor, "JPY")} for vendor, minor in sold]
    found = split(Money(amount, "JPY"), rows, rule, Money(fee, "JPY"), NOW)
    assert found.division.total == amount
    assert all(part >= 0 for share in found.division.shares for part in share.parts())
    assert sum(share.fee for share in found.division.shares) <= fee
    kept = {one.provider: one.minor for one in found.reserves}
    assert all(kept.get(share.provider, 0) <= share.amount for share in found.division.shares)
