"""Refunds in yen, which have no parts, and in dinars, which have thousandths: whole, in part and by line, to the last unit."""

import pytest

from hub.money import Money
from hub.payments.refund_lines import foreseen
from tests.payments.test_refunds import line, settled
from tests.payments.test_splits import RULE, money, paid, sold

UNITS = {"JPY": (3333, 6668), "KWD": (60_011, 39_993)}
"""What each of two vendors sold. At 12.5 %: 416.625 and 833.5 yen; 7.501375 and 4.999125 dinars, of which 0.001 is the least."""


def divided(market, currency):
    a, b = UNITS[currency]
    _, payment = paid(market, sold(a, b, currency=currency), currency)
    market.act("split", {"payment": payment, "rule": RULE}, "split")
    return payment


def taken(done):
    """What is taken back of each vendor's share and of the commission on it, in minor units."""
    return [(one["provider"], one["amount"]["minor"], one["commission"]["minor"]) for one in done["parts"]]


@pytest.mark.parametrize(
    ("currency", "share", "commission"),
    [("JPY", {"prv_a": -2916, "prv_b": -5834}, -1251), ("KWD", {"prv_a": -52_510, "prv_b": -34_994}, -12_500)],
)
def test_a_whole_refund_brings_every_account_back_to_zero(quick, currency, share, commission):
    payment = divided(quick, currency)
    books = quick.books(currency)
    assert {one: books[f"provider:{one}"] for one in share} == share
    assert books["revenue:commission"] == commission
    assert sum(books.values()) == 0
    done = quick.act("refund", {"payment": payment}, "refund")
    assert done["amount"] == money(sum(UNITS[currency]), currency)
    settled(quick)
    assert quick.books(currency) == {}


@pytest.mark.parametrize(
    ("currency", "minor", "expected"),
    [
        # 1001 of 10001: 333.6 and 667.4, then 292.2 and 41.8 of the one, 583.6 and 83.4 of the other.
        ("JPY", 1001, [("prv_a", 292, 42), ("prv_b", 584, 83)]),
        # 1 of 10001: wholly of the larger part of the larger sale.
        ("JPY", 1, [("prv_b", 1, 0)]),
        # 10.001 of 100.004: 6.0015 and 3.9996, then 5.2509 and 0.7501 of the one, 3.4998 and 0.49995 of the other.
        ("KWD", 10_001, [("prv_a", 5251, 750), ("prv_b", 3500, 500)]),
    ],
)
def test_a_part_is_taken_of_each_by_the_largest_remainder_and_the_rest_of_it_later(quick, currency, minor, expected):
    payment = divided(quick, currency)
    done = quick.act("refund", {"payment": payment, "amount": money(minor, currency)}, "part")
    assert taken(done) == expected
    assert sum(share + commission for _, share, commission in expected) == minor
    rest = sum(UNITS[currency]) - minor
    assert quick.act("refund", {"payment": payment}, "rest")["amount"] == money(rest, currency)
    settled(quick, 2)
    assert quick.books(currency) == {}


@pytest.mark.parametrize(
    ("currency", "parts", "first"),
    [("JPY", (1111, 1111, 1111), (972, 139)), ("KWD", (20_005, 20_005, 20_001), (17_505, 2500))],
)
def test_a_line_that_goes_back_in_parts_is_whole_in_the_end(quick, currency, parts, first):
    payment = divided(quick, currency)
    found = [
        quick.act("refund", {"payment": payment, "lines": [line(1, total=money(minor, currency))]}, f"part {number}")
        for number, minor in enumerate(parts)
    ]
    assert taken(found[0]) == [("prv_a", *first)]
    assert [sum(one) for one in zip(*[taken(done)[0][1:] for done in found], strict=True)] == {
        "JPY": [2916, 417],
        "KWD": [52_510, 7501],
    }[currency]
    settled(quick, len(parts))
    assert "provider:prv_a" not in quick.books(currency)
    again = {"payment": payment, "lines": [line(1, total=money(1, currency))]}
    assert quick.refused("refund", again) == "amount_exceeds_rest"


@pytest.mark.parametrize(
    ("currency", "price", "rate", "one", "two"),
    [
        # 3 × 1,099 yen hold 215.69 of tax at 7 %, which is 216: a third of it, then two.
        ("JPY", 1099, "7", 72, 144),
        # 3 × 8.045 dinars hold 3.85349 at 19 %, which is 3.853: 1.28433, then 2.56867.
        ("KWD", 8045, "19", 1284, 2569),
    ],
)
def test_the_tax_in_what_goes_back_of_a_line_is_its_part_of_the_lines_tax(quick, currency, price, rate, one, two):
    lines = [{"title": "Pot", "price": money(price, currency), "quantity": 3, "tax_rate": rate, "vendor": "prv_a"}]
    _, payment = paid(quick, lines, currency)
    quick.act("split", {"payment": payment, "rule": RULE}, "split")
    manifest = quick.hub.office("test").manifest("sandbox")
    with quick.hub.database.read() as connection:
        for count, tax in ((1, one), (2, two)):
            asked = [line(1, quantity=count)]
            found = foreseen(connection, "sandbox", payment, asked, manifest, None, quick.hub.now())
            assert (found.amount, found.tax) == (Money(count * price, currency), Money(tax, currency))
            assert sum(share.whole for share in found.shares) == count * price
            assert found.own == Money(0, currency)
