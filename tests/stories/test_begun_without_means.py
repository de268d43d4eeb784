"""Memberships begun without a stored means where the gateway's own need one: the hub keeps them, on the gateway's plans.

The first payment stores the means and is the first period; each further one is charged once, by the hub.
"""

import threading
import uuid

import pytest
import sqlalchemy as sa

from hub.engine.new_means import Change, owner_of
from hub.errors import PermanentError
from hub.journal.tables import checkouts, payments, plans, subscriptions
from hub.journal.tables_billing import told_subscriptions
from hub.journal.tables_forms import submissions
from tests.stories.payers import MARKETS
from tests.stories.plays import ADA, Stage

GOLD = {"name": "Gold", "interval": {"unit": "month"}}


@pytest.fixture(params=["authorize_net", "visa"])
def market(request, tmp_path):
    with MARKETS[request.param].opened(tmp_path) as opened:
        yield opened


def act(market, action, key=None, **given):
    return market.live.hub.payments.act("shop", action, key or uuid.uuid4().hex + "0" * 8, given)


def plan_of(market, minor=1900, **more):
    return act(market, "plan.create", **GOLD, price=market.money(minor), **more)["plan"]


def join(market, plan, **more):
    """Somebody joins without a stored means, and pays or agrees at once; gives the subscription."""
    made = act(market, "subscription.create", plan=plan, customer=ADA, metadata={"member": "9"}, **more)
    assert made["status"] == "pending"
    market.subscribe(made)
    market.live.until(lambda: market.deliver() or kept(market, made["subscription"]).state != "pending")
    return made["subscription"]


def kept(market, subscription):
    return market.live.hub.payments.store.get(subscriptions, subscription)


def told(market, event_type):
    found = market.live.events(type=event_type)
    return [market.live.hub.queries.event(one.id).data for one in reversed(found)]


def taken(market):
    """The amounts of all payments that went through, the oldest first."""
    rows = market.live.hub.payments.store.list(payments, payments.c.state == "succeeded")
    return sorted(row.amount for row in rows)


def test_a_monthly_gift_by_a_form_is_paid_once_for_each_period(market):
    stage = Stage(market, "charity")
    gift = {"offer": "monthly", "currency": market.currency, f"other-monthly-{market.currency}": "12.34"}
    stage.fill_in("donate", f__name="Ada", f__email=ADA["email"], **gift)
    stage.subscribe()
    begun = stage.told("subscription.started")
    assert (begun["amount"], taken(market)) == (market.money(1234), [1234])
    row = market.live.until(lambda: paid_for(stage))
    assert (row.subscription, row.payment, row.state) == (begun["subscription"], begun["payment"], "active")
    market.period_ends(begun["subscription"])
    assert taken(market) == [1234, 1234]
    assert market.fake.subscriptions == {}, "nothing is charged by the gateway's own calendar too"


def paid_for(stage):
    row = stage.newest(submissions)
    return row if row.state == "active" and row.payment else None


def test_free_days_take_nothing_and_the_first_charge_comes_when_they_are_over(market):
    subscription = join(market, plan_of(market), trial_days=10)
    assert (kept(market, subscription).state, taken(market)) == ("trialing", [])
    (started,) = told(market, "subscription.started")
    assert started["trial_ends_at"] > started["period"]["start"]
    market.live.until(lambda: market.deliver() or told(market, "payment.voided"))
    market.period_ends(subscription)
    assert taken(market) == [1900]


def test_another_price_is_charged_from_the_next_period_on_also_when_it_changed_twice(market):
    first = plan_of(market)
    subscription = join(market, first, quantity=2)
    second = act(market, "plan.update", plan=first, price=market.money(2150), existing="move")["plan"]
    third = act(market, "plan.update", plan=second, price=market.money(2300), existing="move")["plan"]
    late = act(market, "plan.update", plan=third, price=market.money(9900), existing="keep")["plan"]
    assert taken(market) == [3800]
    market.period_ends(subscription)
    assert taken(market) == [3800, 4600]
    (renewed,) = told(market, "subscription.renewed")
    assert (renewed["plan"], renewed["amount"]) == (third, market.money(4600))
    assert join(market, late) != subscription
    assert taken(market) == [3800, 4600, 9900]


def test_it_moves_to_another_plan_and_ends_by_the_hub(market):
    subscription = join(market, plan_of(market))
    other = plan_of(market, 2400)
    changed = act(market, "subscription.update", subscription=subscription, plan=other, prorate="none")
    assert (changed["subscription"], changed["plan"]) == (subscription, other)
    market.period_ends(subscription)
    assert taken(market) == [1900, 2400]
    assert act(market, "subscription.cancel", subscription=subscription, at="now")["status"] == "cancelled"
    (over,) = told(market, "subscription.cancelled")
    assert (over["subscription"], over["metadata"]) == (subscription, {"member": "9"})


def test_another_card_takes_the_place_of_the_one_that_was_stored_first(market):
    market.fake.saved = 1
    subscription = join(market, plan_of(market))
    hub, before = market.live.hub, method_of(market, subscription)
    with hub.database.read() as connection:
        row = connection.execute(sa.select(told_subscriptions)).one()
    hub.new_means.begin(Change(row, "Gold: another card", "k1", "https://hub.example.com/m/token"))
    (visit,) = market.visits(checkouts.c.owner == owner_of(row.connection, row.subscription))
    market.pay({"payment": visit.payment, **dict(visit.output or {})})
    market.live.until(lambda: market.deliver() or hub.new_means.standing("shop", subscription) == "stored")
    assert method_of(market, subscription) != before
    market.period_ends(subscription)
    assert taken(market) == [1900, 1900]


def method_of(market, subscription):
    return kept(market, subscription).terms["method"]


def test_a_plan_ends_after_its_cycles(market):
    subscription = join(market, plan_of(market, cycles=1))
    with market.later(days=31):
        market.live.until(lambda: kept(market, subscription).state == "ended")
    assert taken(market) == [1900]


def test_a_step_that_is_made_again_begins_nothing_twice(market):
    key, keys = "a" * 40, {"plan": "b" * 40, "dearer": "c" * 40}
    plan = act(market, "plan.create", keys["plan"], **GOLD, price=market.money(1900))["plan"]
    assert act(market, "plan.create", keys["plan"], **GOLD, price=market.money(1900))["plan"] == plan
    made = [act(market, "subscription.create", key, plan=plan, customer=ADA) for _ in range(2)]
    same = ("subscription", "checkout_url", "status")
    assert [made[0][name] for name in same] == [made[1][name] for name in same]
    assert len(told(market, "payment.created")) == 1
    market.subscribe(made[0])
    subscription = made[0]["subscription"]
    market.live.until(lambda: market.deliver() or kept(market, subscription).state == "active")
    dearer = {"plan": plan, "price": market.money(2000), "existing": "move"}
    for _ in range(2):
        act(market, "plan.update", keys["dearer"], **dearer)
    assert act(market, "subscription.create", key, plan=plan, customer=ADA)["status"] == "active"
    market.period_ends(subscription)
    assert (taken(market), len(told(market, "subscription.started"))) == ([1900, 2000], 1)


def test_what_the_gateway_did_before_a_process_died_is_kept_by_the_next_attempt(market, monkeypatch):
    given = {**GOLD, "price": market.money(1900)}
    with monkeypatch.context() as patch:
        patch.setattr("hub.engine.gateway_calls.keep_native_plan", dies)
        with pytest.raises(KilledError):
            act(market, "plan.create", "b" * 40, **given)
    plan = act(market, "plan.create", "b" * 40, **given)["plan"]
    subscription = join(market, plan)
    dearer = {"plan": plan, "price": market.money(2000), "existing": "move"}
    with monkeypatch.context() as patch:
        patch.setattr("hub.engine.gateway_calls.keep_native_plan", dies)
        with pytest.raises(KilledError):
            act(market, "plan.update", "c" * 40, **dearer)
    act(market, "plan.update", "c" * 40, **dearer)
    market.period_ends(subscription)
    assert taken(market) == [1900, 2000]


def test_who_paid_while_the_process_died_is_a_member_once_and_charged_once(market, monkeypatch):
    made = act(market, "subscription.create", plan=plan_of(market), customer=ADA)
    died = threading.Event()

    def dies_here(*_, **__):
        died.set()
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(type(market.live.hub.payments.store), "keep_subscription", dies_here)
        market.subscribe(made)
        market.live.until(lambda: market.deliver() or died.is_set())
    assert kept(market, made["subscription"]).state == "pending"
    with market.later(minutes=3):
        market.live.until(lambda: kept(market, made["subscription"]).state == "active")
    market.period_ends(made["subscription"])
    assert (taken(market), len(told(market, "subscription.started"))) == ([1900, 1900], 1)


class KilledError(BaseException):
    """The process dies here: nothing catches it."""


def dies(*_):
    raise KilledError


def test_a_plan_that_the_hub_did_not_make_is_refused_with_what_helps(market):
    plan = plan_of(market)
    store = market.live.hub.payments.store
    (row,) = store.list(plans)
    store.change(plans, row, market.live.clock(), connection="another")
    with pytest.raises(PermanentError, match="does not know the terms of the plan") as caught:
        act(market, "subscription.create", plan=f"{plan}x", customer=ADA)
    assert (caught.value.code, "plan.create" in caught.value.remedy) == ("not_found", True)
    with pytest.raises(PermanentError):
        act(market, "subscription.create", plan=plan, customer=ADA)


def test_one_that_is_given_a_stored_means_is_the_gateways_own(market):
    made = act(market, "subscription.create", plan=plan_of(market), customer=ADA, method=market.method)
    assert list(market.fake.subscriptions) == [made["subscription"]]
    assert not market.keeps_clock(made["subscription"])
    assert act(market, "subscription.cancel", subscription=made["subscription"], at="now")["status"] == "cancelled"
