"""Discounts: so much less for the first charges, exact in every currency, and never down to nothing."""

import pytest

from hub.connect.registry import Registry
from hub.errors import PermanentError
from hub.money import Money
from hub.payments.discounts import check, exactly, off, refuse_where_unknown
from tests.payments.conftest import EUR
from tests.payments.test_subscriptions import member, plan


@pytest.mark.parametrize(
    ("discount", "whole", "currency", "cycle", "less"),
    [
        (None, 4900, "EUR", 0, 0),
        ({"percent": "20"}, 4900, "EUR", 99, 980),
        ({"percent": "12.5"}, 6001, "USD", 0, 750),
        ({"percent": "33.33"}, 1000, "JPY", 0, 333),
        ({"percent": "50"}, 1235, "KWD", 0, 618),
        ({"percent": "20", "cycles": 3}, 4900, "EUR", 2, 980),
        ({"percent": "20", "cycles": 3}, 4900, "EUR", 3, 0),
        ({"amount": {"minor": 500, "currency": "EUR"}}, 4900, "EUR", 0, 500),
        ({"amount": {"minor": 500, "currency": "EUR"}}, 300, "EUR", 0, 300),
    ],
)
def test_what_a_charge_is_less(discount, whole, currency, cycle, less):
    assert off(discount, whole, currency, cycle) == less


@pytest.mark.parametrize(
    ("discount", "price", "same"),
    [
        ({"percent": "20", "cycles": 3}, Money(1995, "EUR"), {"percent": "20", "cycles": 3}),
        (
            {"percent": "20", "cycles": 3},
            Money(1999, "EUR"),
            {"amount": {"minor": 400, "currency": "EUR"}, "cycles": 3},
        ),
        ({"percent": "12.5"}, Money(9995, "KWD"), {"amount": {"minor": 1249, "currency": "KWD"}}),
        ({"amount": EUR}, Money(4901, "EUR"), {"amount": EUR}),
    ],
)
def test_a_discount_is_the_same_at_every_gateway(discount, price, same):
    assert exactly(discount, price) == same
    assert off(same, price.minor, price.currency, 0) == off(discount, price.minor, price.currency, 0)


@pytest.mark.parametrize(
    "discount", [{"percent": "0.1"}, {"percent": "50"}, {"amount": {"minor": 1, "currency": "JPY"}}]
)
def test_a_discount_that_takes_nothing_or_everything_of_a_small_price_is_refused(discount):
    with pytest.raises(PermanentError):
        exactly(discount, Money(1, "JPY"))


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ({"minor": 4900, "currency": "EUR"}, "nothing to pay"),
        ({"minor": 0, "currency": "EUR"}, "takes nothing off"),
        ({"minor": -100, "currency": "EUR"}, "takes nothing off"),
        ({"minor": 100, "currency": "USD"}, "is in USD"),
    ],
)
def test_a_discount_that_cannot_be_is_refused(amount, said):
    with pytest.raises(PermanentError, match=said):
        check({"amount": amount}, Money(4900, "EUR"))


@pytest.mark.parametrize(
    ("percent", "minor", "said"), [("99.99", 4900, "nothing to pay"), ("0.01", 4900, "takes nothing off")]
)
def test_per_cent_that_are_rounded_to_all_or_nothing_are_refused(percent, minor, said):
    with pytest.raises(PermanentError, match=said) as refused:
        check({"percent": percent}, Money(minor, "EUR"))
    assert refused.value.code == "bad_input"
    check({"percent": "99.97"}, Money(minor, "EUR"))


def test_the_first_three_charges_are_less_and_the_fourth_is_whole(corner):
    member(corner, discount={"percent": "20", "cycles": 3})
    corner.forward(days=100)
    assert [one["amount"] for one in corner.gateway.charges] == [3920, 3920, 3920, 4900]
    assert corner.event("subscription.started")["amount"] == {"minor": 3920, "currency": "EUR"}


def test_the_payer_who_agrees_on_a_page_pays_the_first_period_less(corner):
    given = {"plan": plan(corner), "discount": {"amount": {"minor": 900, "currency": "EUR"}, "cycles": 1}}
    made = corner.act("subscription.create", given, "join")
    assert corner.gateway.payments["c_1"]["amount"] == 4000
    corner.pay(made["checkout_url"])
    corner.forward(days=32)
    assert [one["amount"] for one in corner.gateway.charges] == [4900]


def test_of_several_units_the_whole_is_what_the_discount_is_taken_from(corner):
    member(corner, quantity=2, discount={"amount": {"minor": 5000, "currency": "EUR"}})
    assert [one["amount"] for one in corner.gateway.charges] == [4800]
    assert corner.refused("subscription.create", {"plan": plan(corner), "discount": {"amount": EUR}}) == "bad_input"


@pytest.mark.parametrize("percent", ["0", "0.00", "100", "-5", "1e1", "12.345", "१२"])
def test_a_percentage_that_is_none_is_bad_input(corner, percent):
    given = {"plan": plan(corner), "method": "m_ada", "discount": {"percent": percent}}
    assert corner.refused("subscription.create", given) == "bad_input"


def test_a_percentage_that_leaves_nothing_of_the_plans_price_is_bad_input(corner):
    given = {"plan": plan(corner), "method": "m_ada", "discount": {"percent": "99.99"}}
    assert corner.refused("subscription.create", given) == "bad_input"
    corner.run_due()
    assert corner.gateway.charges == []


def test_gateways_that_keep_the_calendar_say_whether_they_know_discounts():
    manifests = {one.name: one for one in Registry.load().manifests()}
    given = {"plan": "plan_1", "discount": {"percent": "20"}}
    for name in ("stripe", "sandbox"):
        refuse_where_unknown(manifests[name], given)
    for name in ("paypal", "razorpay"):
        refuse_where_unknown(manifests[name], {"plan": "plan_1"})
        with pytest.raises(PermanentError, match="takes no discounts"):
            refuse_where_unknown(manifests[name], given)


def test_a_gateway_that_knows_no_discounts_is_not_even_asked(corner):
    fields = dict.fromkeys(("client_id", "client_secret", "webhook_id"), "MADEUP0000000000000000")
    corner.hub.accounts.create("pp", "paypal", fields, "test")
    given = {"plan": "P-1", "discount": {"percent": "20"}}
    with pytest.raises(PermanentError, match="PayPal keeps the calendar") as refused:
        corner.hub.payments.act("pp", "subscription.create", "6a" * 20, given)
    assert refused.value.code == "method_unavailable"
