"""Another plan in the middle of a period, in yen and in dinars: the difference is whole units, and is paid once."""

import pytest

from tests.payments.test_subscriptions import act, member

# The corner's first period has 28 days, of which 19 are left after nine, and 14 after fourteen.
DEARER = [
    # 1001 × 19 / 28 = 679.25 yen; 3.333 × 19 / 28 = 2.26168 dinars.
    ("JPY", 4999, 6000, 9, 679),
    ("KWD", 4905, 8238, 9, 2262),
    # The half of 1001 yen and of 3.333 dinars, between two units: to the even one.
    ("JPY", 4999, 6000, 14, 500),
    ("KWD", 4905, 8238, 14, 1666),
]


def plan(corner, minor, currency):
    given = {"name": f"Plan {minor}", "price": {"minor": minor, "currency": currency}, "interval": {"unit": "month"}}
    return corner.act("plan.create", given, f"plan {minor}")["plan"]


def charged(corner):
    return [(one["amount"], one["currency"]) for one in corner.gateway.charges]


@pytest.mark.parametrize(("currency", "before", "after", "days", "difference"), DEARER)
def test_a_dearer_plan_is_charged_for_what_is_left_at_once(corner, currency, before, after, days, difference):
    joined = member(corner, plan(corner, before, currency))
    corner.forward(days=days)
    for _ in range(2):
        act(corner, "update", joined, "dearer", plan=plan(corner, after, currency), prorate="now")
    assert charged(corner) == [(before, currency), (difference, currency)]
    corner.forward(days=29 - days)
    assert charged(corner)[2:] == [(after, currency)], "what was charged at once is not charged again"


@pytest.mark.parametrize(("currency", "before", "after", "days", "difference"), DEARER)
def test_what_is_left_is_charged_with_the_next_period(corner, currency, before, after, days, difference):
    joined = member(corner, plan(corner, before, currency))
    corner.forward(days=days)
    act(corner, "update", joined, plan=plan(corner, after, currency))
    assert charged(corner) == [(before, currency)]
    corner.forward(days=29 - days)
    assert charged(corner)[1:] == [(after + difference, currency)]


@pytest.mark.parametrize(
    ("prorate", "currency", "after", "before", "days", "difference"),
    [("now", *DEARER[0]), ("next_period", *DEARER[1])],
)
def test_a_cheaper_plan_is_set_off_with_the_next_period(corner, prorate, currency, after, before, days, difference):
    joined = member(corner, plan(corner, before, currency))
    corner.forward(days=days)
    act(corner, "update", joined, plan=plan(corner, after, currency), prorate=prorate)
    assert charged(corner) == [(before, currency)], "nothing is given back at once"
    corner.forward(days=29 - days)
    assert charged(corner)[1:] == [(after - difference, currency)]
    corner.forward(days=31)
    assert charged(corner)[2:] == [(after, currency)]
