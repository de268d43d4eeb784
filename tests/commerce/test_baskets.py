"""What was scanned: each line with what is wrong with it, a code twice counts one more, nothing typed is lost."""

from types import SimpleNamespace

import pytest

from hub.commerce.baskets import Scanned, added, judged
from hub.money import Money

TEA = SimpleNamespace(id="TEA", title="Tea", prices={"EUR": 1250, "JPY": 2000}, stock=5)
MUG = SimpleNamespace(id="MUG", title="Mug", prices={"EUR": 800}, stock=None)
ITEMS = {"TEA": TEA, "4006381333931": TEA, "MUG": MUG}


def test_a_code_again_counts_one_more_be_it_barcode_or_sku():
    lines = added([], "TEA", ITEMS)
    lines = added(lines, "4006381333931", ITEMS)
    lines = added(lines, "MUG", ITEMS)
    assert lines == [Scanned("TEA", "2"), Scanned("MUG", "1")]
    assert added(lines, "", ITEMS) == lines
    assert added([Scanned("X?", "1")], "X?", ITEMS) == [Scanned("X?", "2")]
    assert added([Scanned("TEA", "many")], "TEA", ITEMS) == [Scanned("TEA", "1")]


def test_what_is_right_is_reckoned_and_ready():
    basket = judged([Scanned("4006381333931", "3"), Scanned("MUG", "12")], ITEMS, "")
    assert (basket.currency, basket.currencies, basket.total) == ("EUR", ("EUR",), Money(3750 + 9600, "EUR"))
    assert basket.is_ready
    assert basket.ordered() == [{"item": "TEA", "quantity": 3}, {"item": "MUG", "quantity": 12}]


@pytest.mark.parametrize(
    ("code", "quantity", "said"),
    [
        ("NONE", "1", "no such code"),
        ("TEA", "0", "Zero of it"),
        ("TEA", "", "a whole number"),
        ("TEA", "-1", "a whole number"),
        ("TEA", "1.5", "a whole number"),
        ("TEA", "१", "a whole number"),
        ("TEA", "6", "Only 5 are left"),
        ("MUG", "1000001", "At most 1,000,000"),
        ("MUG", "9" * 40, "a whole number"),
    ],
)
def test_what_is_wrong_is_said_at_its_line_and_keeps_what_was_typed(code, quantity, said):
    basket = judged([Scanned("MUG", "2"), Scanned(code, quantity)], ITEMS, "EUR")
    right, wrong = basket.positions
    assert right.wrong == ""
    assert said in wrong.wrong
    assert (wrong.code, wrong.quantity) == (code, quantity)
    assert basket.total == Money(1600, "EUR")
    assert basket.is_ready == wrong.is_short == (said == "Only 5 are left")


def test_a_currency_in_which_everything_has_a_price_is_chosen():
    tea = judged([Scanned("TEA")], ITEMS, "JPY")
    assert (tea.currency, tea.currencies, tea.total) == ("JPY", ("EUR", "JPY"), Money(2000, "JPY"))
    assert judged([Scanned("TEA"), Scanned("MUG")], ITEMS, "JPY").currency == "EUR"


def test_things_without_a_common_currency_are_said_at_the_line():
    yen = SimpleNamespace(id="KOI", title="Koi", prices={"JPY": 100}, stock=None)
    basket = judged([Scanned("MUG"), Scanned("KOI")], {**ITEMS, "KOI": yen}, "EUR")
    assert basket.positions[1].wrong == "It has no price in EUR, only in JPY."
    assert basket.currencies == ("EUR", "JPY")


def test_nothing_scanned_is_no_order_and_more_lines_than_an_order_has_are_said():
    assert not judged([], ITEMS, "").is_ready
    basket = judged([Scanned("MUG") for _ in range(201)], ITEMS, "EUR")
    assert [place for place, one in enumerate(basket.positions) if one.wrong] == [200]
