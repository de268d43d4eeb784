"""What may follow on what, of plans, subscriptions, transfers, payouts and holds: the same end for every order of the news."""

from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.connect.holding import AUTHORIZATION, COLLECTED
from hub.payments.holds import Hold, followed, illegal
from hub.payments.legal_steps import CAPTURED, CURRENCY, MACHINES, MARKED, MORE, REFUSED, History, heard, noted
from hub.payments.legal_steps import oddities as said
from hub.payments.payment import Facts
from hub.payments.payment import told as pay
from tests.payments.test_payment import HISTORY as PAYMENT

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def money(minor, currency="EUR"):
    return {"minor": minor, "currency": currency}


def news(event_type, hour, telling="", **data):
    moved = {"amount": money(5000)} if event_type.startswith(("transfer.", "payout.")) else {}
    return event_type, f"{event_type}:{telling}", NOON + timedelta(hours=hour), {**moved, **data}


def fold(events):
    return reduce(lambda history, one: heard(history, *one), events, History())


def odd(*events):
    family = events[0][0].partition(".")[0]
    return said(family, fold(events))


IMPOSSIBLE = [
    ([news("subscription.cancelled", 1), news("subscription.renewed", 2)], "renewed after it had said cancelled"),
    ([news("subscription.ended", 1), news("subscription.renewed", 2)], "renewed after it had said ended"),
    ([news("subscription.ended", 1), news("subscription.started", 2)], "started after it had said ended"),
    ([news("subscription.cancelled", 1), news("subscription.resumed", 2)], "resumed after it had said cancelled"),
    ([news("subscription.cancelled", 1), news("subscription.paused", 2)], "paused after it had said cancelled"),
    ([news("plan.cancelled", 1), news("plan.created", 2)], "created after it had said cancelled"),
    ([news("plan.created", 0, price=money(1900)), news("plan.cancelled", 1, price=money(1900)), news("plan.cancelled", 2, "2", price=money(2900))], "another price, 29.00 EUR"),
    ([news("plan.created", 0, price=money(1900)), news("plan.cancelled", 1), news("plan.updated", 2, price=money(2900))], "another price, 29.00 EUR"),
    ([news("plan.created", 0, price=money(1900)), news("plan.updated", 1, price=money(1900, "USD"))], "more than one currency"),
    ([news("transfer.failed", 1), news("transfer.sent", 2)], "sent after it had said failed"),
    ([news("transfer.failed", 1), news("transfer.reversed", 2)], "reversed after it had said failed"),
    ([news("transfer.reversed", 1), news("transfer.failed", 2)], "failed after it had said reversed"),
    ([news("transfer.sent", 0), news("transfer.reversed", 1, "a", amount=money(3000)), news("transfer.reversed", 2, "b", amount=money(2001))], "More was taken back"),
    ([news("transfer.sent", 0), news("transfer.reversed", 1, "a", amount=money(1000), reversed=money(5001))], "More was taken back"),
    ([news("transfer.sent", 0), news("transfer.reversed", 1, "a", amount=money(1000, "USD"))], "more than one currency"),
    ([news("payout.failed", 1), news("payout.paid", 2)], "paid after it had said failed"),
]  # fmt: skip


@pytest.mark.parametrize(("events", "words"), IMPOSSIBLE)
def test_what_cannot_be_is_said_once_in_every_order_and_repetition(events, words):
    for order in (events, events[::-1], [*events, *events]):
        (oddity,) = odd(*order)
        assert words in oddity


@pytest.mark.parametrize(
    "events",
    [
        [news("subscription.started", 0), news("subscription.cancelled", 2), news("subscription.renewed", 1)],
        [news("subscription.ended", 1), news("subscription.renewed", 1)],
        [news("subscription.ended", 1), news("subscription.renewed", 1 + 5 / 60)],
        [news("subscription.cancelled", 1), news("subscription.cancelled", 9), news("subscription.ended", 10)],
        [news("subscription.cancelled", 1), news("subscription.payment_failed", 2), news("subscription.updated", 3)],
        [news("subscription.cancelled", 1, cancel_at="2026-12-27T00:00:00Z"), news("subscription.renewed", 2)],
        [news("subscription.paused", 1), news("subscription.renewed", 2), news("subscription.resumed", 3)],
        [news("plan.created", 0, price=money(1900)), news("plan.cancelled", 2), news("plan.updated", 1, price=money(2900))],
        [news("plan.created", 0, price=money(1900)), news("plan.cancelled", 2), news("plan.updated", 3, price=money(1900))],
        [news("plan.cancelled", 1), news("plan.cancelled", 2, "2", price=money(1900))],
        [news("transfer.reversed", 1, "a", amount=money(6000))],
        [news("transfer.sent", 1), news("transfer.reversed", 2, "a"), news("transfer.reversed", 3, "a")],
        [news("transfer.reversed", 1, "a"), news("transfer.sent", 2)],
        [news("transfer.sent", 1), news("transfer.failed", 2)],
        [news("transfer.sent", 0), news("transfer.reversed", 1, "a", reversed=money(5000)), news("transfer.reversed", 2, "b", reversed=money(5000))],
        [news("payout.paid", 1), news("payout.failed", 2)],
        [news("payout.failed", 1), news("payout.failed", 2), news("payout.paid", 1)],
    ],
)  # fmt: skip
def test_news_that_come_late_or_twice_are_nothing_odd(events):
    assert odd(*events) == odd(*events[::-1]) == []


@pytest.mark.parametrize("family", ["plan", "subscription", "transfer", "payout"])
@given(data=st.data())
def test_every_order_and_repetition_ends_the_same(family, data):
    words = sorted(set(MACHINES[family]) - {REFUSED, MARKED})
    minors = st.integers(1, 3).map(lambda minor: money(minor * 2500))
    one = st.builds(
        lambda word, hour, telling, amount: news(
            f"{family}.{word}", hour, telling, amount=amount, price=amount, reversed=amount
        ),
        *(st.sampled_from(words), st.integers(0, 6), st.sampled_from("abc"), minors),
    )
    told = data.draw(st.lists(one, min_size=1, max_size=8))
    order = data.draw(st.permutations(told))
    again = data.draw(st.lists(st.sampled_from(told), max_size=4))
    here, there = fold(told), fold([*order, *again])
    assert here.to_json() == there.to_json()
    assert said(family, here) == said(family, there)
    cut = data.draw(st.integers(0, len(order)))
    assert fold(order[:cut]).merged(fold(order[cut:])).to_json() == here.to_json()
    assert History.from_json(here.to_json()) == here


@pytest.mark.parametrize("word", [REFUSED, MARKED])
@pytest.mark.parametrize(("family", "paid"), [("payout", "paid"), ("transfer", "sent")])
def test_what_the_hub_holds_for_failed_and_the_gateway_paid_is_odd_whenever_it_was_paid(word, family, paid):
    for hour in (0, 2):
        told = [news(f"{family}.failed", 1), news(f"{family}.{paid}", hour)]
        (oddity,) = said(family, noted(fold(told), word))
        assert "may have been paid a second time" in oddity
        assert said(family, fold([*told, told[0]])) == said(family, noted(noted(fold(told), word), word, is_so=False))
    assert said(family, noted(fold(told[:1]), word)) == []


# holds


def facts(*events):
    return reduce(lambda known, one: pay(known, *one), events, Facts())


def of_payment(what, minute, minor=10000, **data):
    return (
        f"payment.{what}",
        f"2026-11-27T09:{minute:02}:00.000+00:00",
        {"payment": "p", "amount": money(minor), **data},
    )


def refunded(minor, minute):
    return "refund.issued", f"2026-11-27T09:{minute:02}:00.000+00:00", {"refund": "r", "payment": "p", "amount": money(minor)}  # fmt: skip


def hold(state="requested", mode=COLLECTED, amount=10000, **more):
    return Hold("hld_1", state, mode, "EUR", amount, **more)


LET_GO = hold("refunded", AUTHORIZATION, returned=10000)
RELEASED = hold("released", released=10000)


@pytest.mark.parametrize(
    ("known", "told", "words"),
    [
        (LET_GO, [of_payment("authorized", 0), of_payment("succeeded", 5)], {CAPTURED}),
        (LET_GO, [of_payment("voided", 1), of_payment("authorized", 0)], set()),
        (LET_GO, [of_payment("succeeded", 5), refunded(10000, 6)], set()),
        (RELEASED, [of_payment("succeeded", 5), of_payment("succeeded", 6)], set()),
        (RELEASED, [of_payment("succeeded", 5), of_payment("succeeded", 6, 12000)], {MORE}),
        (RELEASED, [of_payment("succeeded", 6, 12000), refunded(2000, 7)], set()),
        (hold("held"), [of_payment("succeeded", 6, 12000)], set()),
        (hold("lapsed", AUTHORIZATION), [of_payment("expired", 1), of_payment("succeeded", 5)], set()),
        (hold("cancelled"), [of_payment("succeeded", 5)], set()),
        (hold(), [of_payment("created", 5, amount=money(10000, "USD"))], {CURRENCY}),
    ],
)
def test_a_payment_that_does_what_its_hold_does_not_allow_is_found(known, told, words):
    for order in (told, told[::-1]):
        found = illegal(known, facts(*order))
        assert {word for word, is_so in found.items() if is_so} == words


def test_what_is_noted_of_a_hold_is_said_until_it_is_no_longer_so():
    history = noted(noted(noted(History(), CAPTURED), CURRENCY), MORE, is_so=False)
    first, second = said("hold", history)
    assert "after this hold had let it go" in first
    assert "currency" in second
    assert said("hold", noted(history, CAPTURED, is_so=False)) == [second]


UNDECIDED = [one for one in PAYMENT if one[2].get("outcome") != "lost"]
"""A loss of all that is held ends the hold; who wins on appeal must say anew what becomes of the money."""


@given(st.permutations(UNDECIDED), st.sampled_from([AUTHORIZATION, COLLECTED]))
def test_a_hold_ends_the_same_for_every_order_of_its_payments_news(order, mode):
    """Whatever came before, money that is here is what the payment's facts say at the end."""
    known, seen = Hold("hld_1", "requested", mode, "USD", 10000), Facts()
    for one in order:
        seen = pay(seen, *one)
        known, _ = followed(known, seen)
    straight, _ = followed(Hold("hld_1", "requested", mode, "USD", 10000), facts(*UNDECIDED))
    end = ("state", "mode", "amount", "left", "back", "frozen_by")
    assert [getattr(known, name) for name in end] == [getattr(straight, name) for name in end]
