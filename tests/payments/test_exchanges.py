"""Refunds at another rate than their payment's: the gateway holds what it says, and the difference is a loss or a gain."""

from __future__ import annotations

from collections import defaultdict
from functools import reduce
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.payments.exchanges import debited
from hub.payments.payment import Facts, told
from hub.payments.postings import Account, holdings
from tests.payments.books import money

LOST = "expense:exchange_differences"
FEES = "expense:gateway_fees"
ABOUT = {"payment": "p", "order": "o"}


def at(minute):
    return f"2027-01-31T09:{minute:02}:00.000+00:00"


def accounts(*events):
    """Account and currency -> what they hold after these events (type, time, data); each kind sums to zero by itself."""
    facts = reduce(lambda known, event: told(known, *event), events, Facts())
    books = defaultdict(int)
    for kind in holdings(Account("shop", "p", Facts.from_json(facts.to_json()))).values():
        sums = defaultdict(int)
        for (account, currency), minor in kind.items():
            books[account, currency] += minor
            sums[currency] += minor
        assert set(sums.values()) <= {0}
    return {place: minor for place, minor in books.items() if minor}


def paid(minor, currency, settled=None, fee=None, minute=1):
    more = {name: value for name, value in (("settled", settled), ("fee", fee)) if value}
    return ("payment.succeeded", at(minute), {**ABOUT, "amount": money(minor, currency), **more})


def credited(minor, currency, settled, fee, minute=2):
    more = {"settled": settled, "fee": fee}
    return ("payment.settled", at(minute), {**ABOUT, "amount": money(minor, currency), **more})


def refund(what, minor, currency, minute=3, name="r", **more):
    return (f"refund.{what}", at(minute), {**ABOUT, "refund": name, "amount": money(minor, currency), **more})


@pytest.mark.parametrize(
    ("paid_in", "settled", "taken", "fee", "kept"),
    [
        ((10000, "EUR"), (10850, "USD"), (11102, "USD"), (345, "USD"), (0, "USD")),
        ((10000, "EUR"), (10850, "USD"), (10700, "USD"), (345, "USD"), (25, "USD")),
        ((10000, "EUR"), (10850, "USD"), (10850, "USD"), (345, "USD"), (-310, "USD")),
        ((15000, "JPY"), (30120, "KWD"), (30990, "KWD"), (1050, "KWD"), (-1050, "KWD")),
        ((30120, "KWD"), (15043, "JPY"), (14999, "JPY"), (541, "JPY"), (0, "JPY")),
    ],
)
def test_a_full_refund_leaves_at_the_gateway_what_it_says_in_every_order_of_arrival(paid_in, settled, taken, fee, kept):
    there = settled[1]
    news = [
        paid(*paid_in),
        credited(*paid_in, money(*settled), money(*fee)),
        refund("issued", *paid_in),
        refund("settled", *paid_in, minute=4, settled=money(*taken), fee=money(*kept)),
    ]
    expected = {
        ("gateway:shop", there): settled[0] - fee[0] - taken[0] - kept[0],
        (FEES, there): fee[0] + kept[0],
        (LOST, there): taken[0] - settled[0],
    }
    expected = {place: minor for place, minor in expected.items() if minor}
    assert [accounts(*order) for order in permutations(news)] == [expected] * 24
    at_once = refund("issued", *paid_in, settled=money(*taken), fee=money(*kept))
    assert accounts(paid(*paid_in, money(*settled), money(*fee)), at_once) == expected
    failed = refund("failed", *paid_in, minute=5)
    for order in permutations([*news, failed]):
        assert accounts(*order) == accounts(*news[:2])


def test_the_rate_of_a_part_shows_at_once_and_the_pair_keeps_the_rate_of_the_payment():
    part = refund("issued", 3333, "EUR", settled=money(3700))
    assert accounts(paid(10000, "EUR", money(10850)), part) == {
        ("held:o", "EUR"): -6667,
        ("exchange:EUR/USD", "EUR"): 6667,
        ("exchange:EUR/USD", "USD"): -7234,
        ("gateway:shop", "USD"): 10850 - 3700,
        (LOST, "USD"): 3700 - (10850 - 7234),
    }


def test_what_a_refund_lost_is_reckoned_against_what_the_gateway_held_for_it_to_the_unit():
    half = accounts(paid(2, "JPY", money(1)), refund("issued", 1, "JPY", settled=money(5)))
    assert half["gateway:shop", "USD"] == 1 - 5
    assert (half["exchange:JPY/USD", "USD"], half[LOST, "USD"]) == (-1, 5)


def test_of_two_refunds_the_one_whose_rate_is_told_has_its_own_and_the_other_that_of_the_payment():
    known, unknown = refund("issued", 5000, "EUR", settled=money(5600)), refund("issued", 5000, "EUR", 4, "s")
    assert accounts(paid(10000, "EUR", money(10850)), known, unknown) == {
        ("gateway:shop", "USD"): 10850 - 5600 - 5425,
        (LOST, "USD"): 5600 - 5425,
    }
    later = refund("settled", 5000, "EUR", 6, "s", settled=money(5400))
    assert accounts(paid(10000, "EUR", money(10850)), known, unknown, later) == {
        ("gateway:shop", "USD"): 10850 - 5600 - 5400,
        (LOST, "USD"): 5600 + 5400 - 10850,
    }


def test_a_refund_out_of_another_balance_leaves_what_the_payment_brought_where_it_is():
    """PayPal may take it from a balance in another currency than the payment was credited in."""
    back = refund("issued", 10000, "EUR", settled=money(9300, "GBP"))
    assert accounts(paid(10000, "EUR", money(10850)), back) == {
        ("gateway:shop", "USD"): 10850,
        ("gateway:shop", "GBP"): -9300,
        ("exchange:EUR/USD", "EUR"): 10000,
        ("exchange:EUR/USD", "USD"): -10850,
        ("exchange:EUR/GBP", "EUR"): -10000,
        ("exchange:EUR/GBP", "GBP"): 9300,
    }


def test_a_converted_refund_of_a_payment_that_was_not_is_taken_out_of_the_other_balance():
    back = refund("issued", 4000, "EUR", settled=money(4400), fee=money(-12))
    assert accounts(paid(10000, "EUR"), back) == {
        ("held:o", "EUR"): -6000,
        ("gateway:shop", "EUR"): 10000,
        ("gateway:shop", "USD"): -4388,
        ("exchange:EUR/USD", "EUR"): -4000,
        ("exchange:EUR/USD", "USD"): 4400,
        (FEES, "USD"): -12,
    }


def test_a_fee_of_a_refund_in_the_payments_own_currency_is_booked_and_goes_when_it_fails():
    issued = refund("issued", 10000, "EUR", fee=money(30, "EUR"), settled=money(10000, "EUR"))
    assert accounts(paid(10000, "EUR"), issued) == {("gateway:shop", "EUR"): -30, (FEES, "EUR"): 30}
    assert accounts(paid(10000, "EUR"), issued, refund("failed", 10000, "EUR")) == accounts(paid(10000, "EUR"))


@pytest.mark.parametrize(
    ("said", "lost"),
    [
        ({"settled": money(11000)}, 0),
        ({"settled": money(10990)}, 10),
        ({"settled": money(11020)}, -20),
        ({"settled": money(9000, "GBP")}, 0),
        ({}, 0),
    ],
)
def test_a_refund_that_failed_ends_with_what_the_gateway_gave_back(said, lost):
    begun = paid(10000, "EUR", money(10850), money(345))
    issued = refund("issued", 10000, "EUR", settled=money(11000))
    failed = refund("failed", 10000, "EUR", 5, **said)
    whole = accounts(begun)
    ended = {**whole, ("gateway:shop", "USD"): whole["gateway:shop", "USD"] - lost, (LOST, "USD"): lost}
    for order in permutations([begun, issued, failed]):
        assert accounts(*order) == {place: minor for place, minor in ended.items() if minor}


def test_more_that_went_back_than_came_in_is_converted_as_well():
    twice = [
        refund("issued", 10000, "EUR", settled=money(11000)),
        refund("issued", 5000, "EUR", 4, "s", settled=money(5500)),
    ]
    found = accounts(paid(10000, "EUR", money(10850)), *twice)
    assert found["gateway:shop", "USD"] == 10850 - 11000 - 5500
    assert ("gateway:shop", "EUR") not in found
    assert found["customer:p", "EUR"] == 5000


def test_a_dispute_that_is_lost_goes_at_the_rate_of_the_payment_beside_a_refund_at_its_own():
    back = refund("issued", 4000, "EUR", settled=money(4500))
    about = {**ABOUT, "dispute": "d", "amount": money(6000, "EUR")}
    lost = ("dispute.closed", at(9), {**about, "outcome": "lost"})
    assert accounts(paid(10000, "EUR", money(10850)), back, ("dispute.opened", at(8), about), lost) == {
        ("gateway:shop", "USD"): 4340 - 4500,
        (LOST, "USD"): 4500 - 4340,
    }


def test_what_was_said_last_of_a_rate_counts():
    old, new = (
        refund("settled", 10000, "EUR", minute, settled=money(said)) for minute, said in ((4, 11000), (6, 10900))
    )
    begun = [paid(10000, "EUR", money(10850)), refund("issued", 10000, "EUR")]
    expected = {("gateway:shop", "USD"): -50, (LOST, "USD"): 50}
    assert accounts(*begun, old, new) == accounts(*begun, new, old) == accounts(new, *begun, old, new) == expected


def test_a_rate_alone_refunds_nothing():
    known = reduce(
        lambda facts, event: told(facts, *event),
        [paid(100, "EUR"), refund("settled", 100, "EUR", settled=money(9))],
        Facts(),
    )
    assert (known.refunded, known.state) == (0, "succeeded")
    assert accounts(paid(100, "EUR"), refund("settled", 100, "EUR", settled=money(9))) == accounts(paid(100, "EUR"))


def test_what_was_taken_for_refunds_is_summed_by_currency_without_those_that_failed():
    events = [
        paid(10000, "EUR"),
        refund("issued", 1000, "EUR", name="a", settled=money(1100)),
        refund("issued", 1000, "EUR", name="b", settled=money(1200)),
        refund("issued", 1000, "EUR", name="c", settled=money(930, "GBP")),
        refund("issued", 1000, "EUR", name="d", settled=money(1300)),
        refund("failed", 1000, "EUR", name="d"),
        refund("issued", 1000, "EUR", name="e", settled=money(1000, "EUR")),
    ]
    assert debited(reduce(lambda facts, event: told(facts, *event), events, Facts())) == {"USD": 2300, "GBP": 930}
    assert debited(Facts()) == {}


PLACES = st.sampled_from([("EUR", "USD"), ("JPY", "KWD"), ("KWD", "JPY"), ("USD", "JPY")])


@st.composite
def histories(draw):
    """A converted payment and refunds of it with rates of their own, some of which fail."""
    here, there = draw(PLACES)
    amount, whole = draw(st.integers(1, 10**7)), draw(st.integers(0, 10**7))
    fee = draw(st.integers(0, 10**4))
    events = [paid(amount, here), credited(amount, here, money(whole, there), money(fee, there))]
    left, taken, kept, beyond = amount, 0, fee, 0
    for number in range(draw(st.integers(0, 4))):
        minor = draw(st.integers(1, left)) if left else 0
        if not minor:
            break
        debit, charge, name = draw(st.integers(0, 10**7)), draw(st.integers(-500, 500)), f"r{number}"
        rate = {"settled": money(debit, there), "fee": money(charge, there)}
        events += [refund("issued", minor, here, 10, name), refund("settled", minor, here, 20, name, **rate)]
        if draw(st.booleans()):
            back = draw(st.none() | st.integers(0, 10**7))
            said = {} if back is None else {"settled": money(back, there)}
            events.append(refund("failed", minor, here, 30, name, **said))
            beyond += 0 if back is None else debit - back
        else:
            left, taken, kept = left - minor, taken + debit, kept + charge
    return here, there, events, amount, left, whole, taken + beyond, kept


@given(histories(), st.data())
def test_every_order_of_arrival_leaves_what_the_gateway_says_and_the_pair_at_the_payments_rate(history, data):
    here, there, events, amount, left, whole, taken, kept = history
    order = data.draw(st.permutations(events))
    for count in range(len(order)):
        accounts(*order[:count])
    repeated = [*order, *data.draw(st.lists(st.sampled_from(events), max_size=3))]
    found = accounts(*repeated)
    assert found == accounts(*events)
    rest = (2 * whole * left + amount) // (2 * amount)
    pair = "exchange:" + "/".join(sorted((here, there)))
    assert found.get(("gateway:shop", there), 0) == whole - taken - kept
    assert found.get(("gateway:shop", here), 0) == 0
    assert (found.get((pair, here), 0), found.get((pair, there), 0)) == (left, -rest)
    assert found.get((LOST, there), 0) == taken - (whole - rest)
    assert found.get((FEES, there), 0) == kept
