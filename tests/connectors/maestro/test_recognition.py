"""Maestro's cards by their digits: vectors with computed check digits, and whose ranges are decided first."""

import pytest

from connectors.maestro.recognition import recognise
from hub.connect.redaction import has_card_number, mask_card_numbers, passes_luhn

# Made up; the check digits were computed with a second routine.
VECTORS = [
    ("6759000000000000", "6759000000000001"),
    ("501800000009", "501800000000"),
    ("6763000000000000007", "6763000000000000008"),
    ("5893000000003", "5893000000004"),
]


@pytest.mark.parametrize(("valid", "invalid"), VECTORS)
def test_a_number_is_known_by_its_check_digit_and_its_issuers_digits(valid, invalid):
    assert (passes_luhn(valid), passes_luhn(invalid)) == (True, False)
    assert recognise(valid[:8]).maestro == recognise(valid[:6]).maestro == "yes"


@pytest.mark.parametrize(("valid", "invalid"), VECTORS)
def test_whole_numbers_never_stay_in_what_the_hub_writes(valid, invalid):
    grouped = " ".join(valid[at : at + 4] for at in range(0, len(valid), 4))
    for written in (valid, grouped):
        assert has_card_number(f"card {written}.")
        assert mask_card_numbers(f"card {written}.") == f"card [card …{valid[-4:]}]."
    assert mask_card_numbers(f"order {invalid}.") == f"order {invalid}."


@pytest.mark.parametrize(
    ("digits", "maestro", "brand"),
    [
        ("560000", "maybe", "unknown"),
        ("690000", "maybe", "unknown"),
        ("501900", "maybe", "Dankort, perhaps with Maestro"),
        ("601100", "no", "Discover"),
        ("644000", "no", "Discover"),
        ("650000", "no", "Discover or RuPay"),
        ("620000", "no", "UnionPay"),
        ("677100", "no", "Laser"),
        ("630400", "yes", "Maestro"),
        ("411111", "no", "another"),
        ("555555", "no", "another"),
        ("060400", "no", "another"),
    ],
)
def test_ranges_that_other_brands_took_are_decided_first(digits, maestro, brand):
    assert recognise(digits) == (maestro, brand)
