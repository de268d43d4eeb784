"""Coupons: worth what they say, taken once for a step, as often as they may be and no more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from hub.errors import PermanentError
from hub.journal.tables_billing import coupons
from hub.payments.coupons import make, stop
from tests.payments.test_subscriptions import plan

DISCOUNT = {"percent": "20", "cycles": 3}


def coupon(corner, code="summer20", **values):
    values = {"discount": DISCOUNT, **values}
    return corner.hub.office("make").change(lambda book: make(book, code, values))


def redeem(corner, code, key="one", **given):
    return act(corner, "redeem", {"code": code, **given}, key)


def act(corner, action, given, key):
    return corner.hub.payments.act("coupons", action, key.encode().hex().ljust(40, "0")[:40], given)


def used(corner):
    with corner.hub.database.read() as connection:
        return connection.scalar(coupons.select().with_only_columns(coupons.c.used))


def test_a_code_is_taken_once_for_a_step_however_it_is_written(corner):
    coupon(corner, most=2)
    for _ in range(3):
        assert redeem(corner, " Summer20 ")["discount"] == DISCOUNT
    assert used(corner) == 1
    assert redeem(corner, "SUMMER20", "two")["left"] == 0
    with pytest.raises(PermanentError, match="as often as it may be"):
        redeem(corner, "SUMMER20", "three")
    assert redeem(corner, "SUMMER20", "two")["coupon"] == "SUMMER20", "a step that is repeated keeps what it got"


def test_what_it_gives_goes_into_the_subscription(corner):
    coupon(corner)
    discount = redeem(corner, "summer20")["discount"]
    corner.act("subscription.create", {"plan": plan(corner), "method": "m_ada", "discount": discount}, "join")
    corner.run_due()
    assert [one["amount"] for one in corner.gateway.charges] == [3920]


def test_many_at_once_take_the_last_one_once(corner):
    coupon(corner, most=1)

    def take(number):
        try:
            return redeem(corner, "summer20", f"key-{number}")["coupon"]
        except PermanentError:
            return ""

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(take, range(8))) == ["", "", "", "", "", "", "", "SUMMER20"]
    assert used(corner) == 1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"plan": "pln_other"}, "only for the plan pln_other"),
        ({"most": 0}, "as often as it may be"),
        ({"state": "stopped"}, "not valid any more"),
    ],
)
def test_a_code_that_is_worth_nothing_says_why(corner, values, said):
    coupon(corner, **values)
    for action in ("get", "redeem"):
        with pytest.raises(PermanentError, match=said):
            act(corner, action, {"code": "summer20", "plan": "pln_1"}, action)
    with pytest.raises(PermanentError, match="no coupon 'WINTER'"):
        redeem(corner, "winter")


def test_a_code_for_a_plan_is_worth_nothing_without_one(corner):
    coupon(corner, plan="pln_1")
    assert act(corner, "get", {"code": "summer20", "plan": "pln_1"}, "get") == {
        "coupon": "SUMMER20", "discount": DISCOUNT, "plan": "pln_1",
    }  # fmt: skip
    with pytest.raises(PermanentError, match="only for the plan pln_1"):
        redeem(corner, "summer20")
    assert used(corner) == 0


def test_it_ends_on_its_day_and_when_it_is_stopped(corner):
    coupon(corner, ends_at=corner.moment + timedelta(days=1))
    assert "ends_at" in redeem(corner, "summer20")
    corner.moment += timedelta(days=1)
    with pytest.raises(PermanentError, match="ended on 2027-02-01"):
        redeem(corner, "summer20", "two")
    coupon(corner, "autumn", ends_at=corner.moment + timedelta(days=9))
    corner.hub.office("stop").change(lambda book: stop(book, "AUTUMN"))
    with pytest.raises(PermanentError, match="not valid"):
        redeem(corner, "autumn", "three")


def test_a_code_is_made_once(corner):
    assert coupon(corner) is True
    assert coupon(corner, "SUMMER20") is False
