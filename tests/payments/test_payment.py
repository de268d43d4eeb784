"""One payment's history, in every order and with every repetition, ends the same."""

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.payments.payment import Facts, told

AMOUNT = {"amount": {"minor": 10000, "currency": "USD"}}


def at(minute):
    return f"2026-11-23T09:{minute:02}:00.000+00:00"


def fold(events):
    return reduce(lambda facts, event: told(facts, *event), events, Facts())


def event(what, minute, **data):
    return (what, at(minute), {"payment": "p", **AMOUNT, **data})


def refund(identity, minor, minute, what="refund.issued"):
    return event(what, minute, refund=identity, amount={"minor": minor, "currency": "USD"})


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([event("payment.created", 0)], "created"),
        ([event("payment.pending", 1), event("payment.created", 0)], "pending"),
        ([event("payment.failed", 1), event("payment.succeeded", 2)], "succeeded"),
        ([event("payment.succeeded", 2), event("payment.failed", 3)], "succeeded"),
        ([event("payment.expired", 1), event("payment.succeeded", 5)], "succeeded"),
        ([event("payment.authorized", 1), event("payment.voided", 2)], "voided"),
        ([event("payment.failed", 1), event("payment.authorized", 2)], "authorized"),
        ([event("payment.authorized", 1), event("payment.expired", 9)], "expired"),
        ([refund("r", 4000, 5)], "created"),
        ([refund("r", 4000, 5), event("payment.succeeded", 2)], "partially_refunded"),
        ([refund("r", 4000, 5), refund("s", 6000, 6), event("payment.succeeded", 2)], "refunded"),
        ([refund("r", 4000, 5), refund("r", 4000, 6, "refund.failed"), event("payment.succeeded", 2)], "succeeded"),
        ([event("dispute.opened", 4, dispute="d"), event("payment.succeeded", 2)], "disputed"),
        ([event("dispute.closed", 9, dispute="d", outcome="won"), event("dispute.opened", 4, dispute="d"), event("payment.succeeded", 2)], "succeeded"),
        ([event("payment.returned", 7), event("payment.succeeded", 2)], "returned"),
    ],
)  # fmt: skip
def test_the_state_follows_from_what_was_told(events, state):
    assert fold(events).state == state


HISTORY = [
    event("payment.created", 0, customer={"email": "ada@example.com"}),
    event("payment.pending", 1),
    event("payment.failed", 2, reason="card_declined"),
    event("payment.authorized", 3, captured={"minor": 0, "currency": "USD"}),
    event("payment.succeeded", 4, captured={"minor": 9000, "currency": "USD"}),
    refund("r1", 2000, 5),
    refund("r2", 1000, 6),
    refund("r2", 1000, 7, "refund.failed"),
    event("dispute.opened", 8, dispute="d"),
    event("dispute.closed", 9, dispute="d", outcome="lost"),
    event("dispute.closed", 12, dispute="d", outcome="won"),
    refund("r3", 500, 10),
    refund("r3", 700, 11),
    event("payment.pending", 13),
    event("payment.succeeded", 14, captured={"minor": 9000, "currency": "USD"}, fee={"minor": 90, "currency": "USD"}),
    event("payment.succeeded", 3, captured={"minor": 9500, "currency": "USD"}),
]


@given(st.permutations(HISTORY), st.lists(st.sampled_from(HISTORY), max_size=8))
def test_every_order_and_repetition_ends_in_the_same_facts(order, repeats):
    assert fold([*order, *repeats]).to_json() == fold(HISTORY).to_json()


def test_facts_survive_the_journal():
    facts = fold(HISTORY)
    assert Facts.from_json(facts.to_json()) == facts
    assert (facts.paid, facts.refunded, facts.value("reason")) == (9000, 2700, "card_declined")
    assert (facts.disputes, facts.refunds["r2"]) == ({"d": "won"}, 0)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([event("payment.succeeded", 1), event("payment.failed", 2)], "failed after it had said succeeded"),
        ([event("payment.succeeded", 1), event("payment.voided", 2)], "voided after it had said succeeded"),
        ([event("payment.voided", 1), event("payment.succeeded", 2)], "succeeded after it had been let go"),
        ([refund("r", 4000, 5)], "nothing was told of a payment that succeeded"),
        ([event("payment.returned", 5)], "nothing was told of a payment that succeeded"),
        ([event("payment.succeeded", 1), refund("r", 6000, 2), refund("s", 4001, 3)], "More went back than came in"),
        ([event("payment.succeeded", 1), refund("r", 1, 2), event("payment.returned", 3)], "More went back"),
    ],
)
def test_what_does_not_fit_together_is_said_in_every_order(events, words):
    for told_so in (events, events[::-1]):
        (oddity,) = fold(told_so).oddities
        assert words in oddity


@pytest.mark.parametrize(
    "events",
    [
        [event("payment.failed", 1), event("payment.succeeded", 2)],
        [event("payment.expired", 1), event("payment.succeeded", 2)],
        [event("payment.succeeded", 1), refund("r", 10000, 2)],
        [event("payment.succeeded", 1), event("dispute.opened", 2, dispute="d"), event("payment.pending", 3)],
        [event("payment.authorized", 1), event("payment.voided", 2)],
    ],
)
def test_what_gateways_may_well_tell_is_nothing_odd(events):
    assert fold(events).oddities == []
