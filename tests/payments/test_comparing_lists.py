"""A dispute, transfer or payout here and in the gateway's list: nothing when they agree, else both and what to do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.connect.manifest import gateway_actions
from hub.money import Money
from hub.payments.comparing_lists import (
    AHEAD,
    BEHIND,
    DISPUTE,
    DONE_AFTER_ALL,
    OTHER_AMOUNT,
    OTHER_CURRENCY,
    PAYOUT,
    TRANSFER,
    UNHEARD,
    UNLISTED,
    Standing,
    difference,
    listed,
)

CURRENCIES = ("USD", "JPY", "KWD")
STATES = ("open", "won", "lost", "on its way", "sent", "paid", "failed")


def here(minor, state, currency="USD"):
    return Standing(Money(minor, currency), state)


@pytest.mark.parametrize("currency", CURRENCIES)
@pytest.mark.parametrize(
    ("known", "there", "proposal", "amounts"),
    [
        # missing here
        (None, (5000, "open"), UNHEARD, (0, -5000)),
        (None, (5000, "lost"), UNHEARD, (0, -5000)),
        (None, (5000, "sent"), UNHEARD, (0, -5000)),
        (None, (5000, "paid"), UNHEARD, (0, -5000)),
        (None, (5000, "won"), None, None),
        (None, (5000, "on its way"), None, None),
        (None, (5000, "failed"), None, None),
        (None, (0, "sent"), None, None),
        # missing there
        ((5000, "open"), None, UNLISTED, (-5000, 0)),
        ((5000, "sent"), None, UNLISTED, (-5000, 0)),
        ((5000, "on its way"), None, UNLISTED, (-5000, 0)),
        ((5000, "failed"), None, None, None),
        # the same
        ((5000, "lost"), (5000, "lost"), None, None),
        ((5000, "failed"), (4000, "failed"), None, None),
        # another amount
        ((5000, "sent"), (3000, "sent"), OTHER_AMOUNT, (-5000, -3000)),
        ((5000, "open"), (5001, "open"), OTHER_AMOUNT, (-5000, -5001)),
        # another state
        ((5000, "open"), (5000, "lost"), AHEAD, (-5000, -5000)),
        ((5000, "open"), (5000, "won"), AHEAD, (-5000, 0)),
        ((5000, "won"), (5000, "lost"), AHEAD, (0, -5000)),
        ((5000, "lost"), (5000, "open"), BEHIND, (-5000, -5000)),
        ((5000, "on its way"), (5000, "paid"), AHEAD, (-5000, -5000)),
        ((5000, "paid"), (5000, "failed"), AHEAD, (-5000, 0)),
        ((5000, "paid"), (5000, "on its way"), BEHIND, (-5000, -5000)),
        ((5000, "failed"), (5000, "paid"), DONE_AFTER_ALL, (0, -5000)),
    ],
)
def test_what_differs_is_named_with_both_amounts_and_a_proposal(currency, known, there, proposal, amounts):
    found = difference("shop", here(*known, currency) if known else None, here(*there, currency) if there else None)
    if proposal is None:
        assert found is None
        return
    expected, got = amounts
    assert (found.account, found.proposal) == ("gateway:shop", proposal)
    assert (found.expected, found.found) == (Money(expected, currency), Money(got, currency))
    assert (found.here, found.there) == (known[1] if known else "nothing", there[1] if there else "nothing")
    assert found.to_json()["difference"] == Money(got - expected, currency).to_json()


def test_two_currencies_have_no_difference_to_reckon():
    found = difference("shop", here(5000, "open", "JPY"), here(5000, "open", "KWD"))
    assert (found.proposal, found.expected, found.found) == (OTHER_CURRENCY, Money(-5000, "JPY"), Money(-5000, "KWD"))
    assert "difference" not in found.to_json()


@given(
    st.integers(0, 10**12), st.integers(0, 10**12), st.sampled_from(STATES), st.sampled_from(STATES), st.sampled_from(CURRENCIES)
)  # fmt: skip
def test_what_agrees_is_never_shown_and_what_differs_always_is(one, other, state, another, currency):
    first, second = here(one, state, currency), here(other, another, currency)
    assert difference("shop", first, first) is None
    found = difference("shop", first, second)
    assert (found is None) == (state == another and first.moved == second.moved)
    if found is not None:
        assert found.found - found.expected == first.moved - second.moved
        assert found.proposal


@pytest.mark.parametrize("currency", CURRENCIES)
@pytest.mark.parametrize(
    ("kind", "item", "minor", "state"),
    [
        (TRANSFER, {"status": "sent"}, 5251, "sent"),
        (TRANSFER, {"status": "sent", "reversed": 251}, 5000, "sent"),
        (TRANSFER, {"status": "reversed"}, 0, "sent"),
        (TRANSFER, {"status": "failed"}, 5251, "failed"),
        (PAYOUT, {"status": "queued"}, 5251, "on its way"),
        (PAYOUT, {"status": "reversed"}, 5251, "failed"),
        (DISPUTE, {"status": "answered"}, 5251, "open"),
        (DISPUTE, {"status": "accepted"}, 5251, "lost"),
    ],
)
def test_what_a_list_says_is_read_in_the_hubs_words(currency, kind, item, minor, state):
    back = {"reversed": Money(item["reversed"], currency).to_json()} if "reversed" in item else {}
    whole = {**item, "amount": Money(5251, currency).to_json(), **back}
    assert listed(kind, whole) == here(minor, state, currency)


@pytest.mark.parametrize("kind", [DISPUTE, TRANSFER, PAYOUT])
def test_every_status_that_a_list_may_name_is_read(kind):
    item = gateway_actions()[f"{kind}.list"]["output"]["properties"]["items"]["items"]
    for status in item["properties"]["status"]["enum"]:
        assert listed(kind, {"status": status, "amount": Money(1, "USD").to_json()}).state in STATES
