"""Another means of payment for a subscription: a visit stores it, charges nothing, and what is overdue is tried at once."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from hub.engine.new_means import Change, can_change
from hub.errors import ConflictError, PermanentError
from hub.journal.tables import checkouts, subscriptions
from hub.journal.tables_billing import told_subscriptions
from tests.fakes.server import DOWN, LOST
from tests.payments.conftest import ADA, EUR

BACK = "https://hub.example.com/m/token"


@pytest.fixture
def member(corner):
    plan = corner.act("plan.create", {"name": "Gold", "price": EUR, "interval": {"unit": "month"}}, "plan")["plan"]
    given = {"plan": plan, "customer": ADA, "method": "m_old"}
    made = corner.act("subscription.create", given, "join")["subscription"]
    corner.run_due()
    return made


def begin(corner, member, key="k1"):
    with corner.hub.database.read() as connection:
        told = connection.execute(sa.select(told_subscriptions)).one()
    assert told.subscription == member
    return corner.hub.new_means.begin(Change(told, "Gold: another card", key, BACK))


def method_of(corner, member):
    return corner.hub.payments.store.get(subscriptions, member).terms["method"]


def make_overdue(corner):
    corner.gateway.declines = True
    corner.forward(days=28, hours=1)
    assert corner.told("subscription.payment_failed") == ["subscription.payment_failed"]
    corner.gateway.declines = False


def test_the_visit_stores_another_card_charges_nothing_and_lets_the_amount_go(corner, member):
    back = corner.pay(begin(corner, member))
    assert back.headers["Location"] == BACK
    assert corner.hub.new_means.standing("corner", member) == "waiting"
    corner.run_due()
    assert corner.hub.new_means.standing("corner", member) == "stored"
    assert method_of(corner, member) == "m_2"
    assert corner.gateway.payments["c_2"]["status"] == "voided"
    assert len(corner.gateway.charges) == 1
    assert corner.event("subscription.updated")["changes"] == {"method": "new"}
    corner.forward(days=40)
    assert len(corner.gateway.charges) == 2
    assert corner.told("payment.succeeded") == ["payment.succeeded"] * 2


def test_what_is_overdue_is_charged_once_and_at_once_to_the_new_card(corner, member):
    make_overdue(corner)
    corner.pay(begin(corner, member))
    corner.run_due()
    assert corner.told("subscription") == [
        "subscription.started", "subscription.payment_failed", "subscription.updated", "subscription.renewed",
    ]  # fmt: skip
    corner.forward(days=5)
    assert len(corner.gateway.charges) == 2, "the dunning calendar charges nothing more"


def test_a_card_that_is_given_and_then_declined_is_tried_on_by_the_calendar(corner, member):
    make_overdue(corner)
    corner.gateway.declines = True
    corner.pay(begin(corner, member))
    corner.run_due()
    assert method_of(corner, member) == "m_2"
    assert corner.told("subscription.payment_failed") == ["subscription.payment_failed"] * 2
    corner.gateway.declines = False
    corner.forward(days=10)
    assert corner.told("subscription.renewed") == ["subscription.renewed"]


def test_a_double_click_is_one_visit_and_one_that_is_left_keeps_the_old_card(corner, member):
    assert begin(corner, member) == begin(corner, member)
    assert len(corner.gateway.payments) == 2
    corner.run_due()
    assert corner.hub.new_means.standing("corner", member) == "kept"
    assert method_of(corner, member) == "m_old"


def test_a_declined_card_keeps_the_old_one(corner, member):
    address = begin(corner, member)
    corner.gateway.settle("c_2", "failed", "card_declined")
    back = corner.visit(f"{corner.gateway.payments['c_2']['return_url']}?proof=none")
    assert (address[-2:], back.headers["Location"]) == ("/2", BACK)
    corner.run_due()
    assert corner.hub.new_means.standing("corner", member) == "kept"
    assert method_of(corner, member) == "m_old"


def test_a_visit_that_ends_after_the_subscription_did_only_lets_the_amount_go(corner, member):
    address = begin(corner, member)
    corner.act("subscription.cancel", {"subscription": member, "at": "now"}, "cancel")
    corner.pay(address)
    corner.run_due()
    assert corner.gateway.payments["c_2"]["status"] == "voided"
    assert corner.hub.new_means.standing("corner", member) == "kept"
    assert "subscription.updated" not in corner.told()


def test_a_repeat_after_a_crash_changes_and_tells_nothing_more(corner, member):
    corner.pay(begin(corner, member))
    (visit,) = corner.hub.payments.store.list(checkouts, checkouts.c.purpose == "method")
    corner.hub.charging.replace_method(member, "m_2", visit.id)  # and the process died before it let the amount go
    corner.run_due()
    assert corner.gateway.payments["c_2"]["status"] == "voided"
    assert corner.told("subscription.updated") == ["subscription.updated"]
    corner.hub.new_means.given(visit)
    assert corner.told("subscription.updated") == ["subscription.updated"]


@pytest.mark.parametrize("mood", [DOWN, LOST])
def test_a_charge_whose_end_nobody_knows_is_made_with_the_old_card_first(corner, member, mood):
    corner.moment = corner.hub.payments.store.get(subscriptions, member).due_at
    visit = begin(corner, member)
    corner.gateway.treat(mood)
    for work in corner.hub.payment_clock.due():
        work()
    with pytest.raises(ConflictError):
        corner.hub.charging.replace_method(member, "m_2", "early")
    corner.pay(visit)
    corner.run_due()
    assert method_of(corner, member) == "m_old"
    corner.forward(days=1)
    assert method_of(corner, member) == "m_2"
    assert len(corner.gateway.charges) == 2
    assert corner.told("subscription.renewed") == ["subscription.renewed"]


def test_a_periods_price_is_authorised_else_what_was_charged_last(corner, member):
    plan = corner.hub.payments.store.get(subscriptions, member).plan
    last = {"amount": ["", {"minor": 700, "currency": "EUR"}]}
    for number, (of, data, amount) in enumerate([(plan, last, 4900), ("pln_gone", last, 700)], 2):
        told = SimpleNamespace(connection="corner", subscription=member, plan=of, data=data)
        corner.hub.new_means.begin(Change(told, "Gold: another card", f"k{number}", BACK))
        assert corner.gateway.payments[f"c_{number}"]["amount"] == amount
    for data in ({}, {"amount": ["", {"minor": 0, "currency": "EUR"}]}):
        told = SimpleNamespace(connection="corner", subscription=member, plan="pln_gone", data=data)
        with pytest.raises(PermanentError, match="Nothing tells what a period") as refused:
            corner.hub.new_means.begin(Change(told, "Gold: another card", "k9", BACK))
        assert refused.value.code == "bad_state"


def test_the_visit_is_the_members_own_and_says_what_for(corner, member):
    begin(corner, member)
    (visit,) = corner.hub.payments.store.list(checkouts, checkouts.c.purpose == "method")
    assert (visit.input["customer"], visit.input["description"]) == (ADA, "Gold: another card")


def test_an_amount_that_cannot_be_let_go_lapses_and_the_new_card_stays(corner, member, monkeypatch):
    act = corner.hub.payments.act

    def refuse(connection, action, key, given):
        if action == "payment.void":
            message = "It cannot be let go."
            raise PermanentError(message, code="wrong_state")
        return act(connection, action, key, given)

    corner.pay(begin(corner, member))
    monkeypatch.setattr(corner.hub.payments, "act", refuse)
    corner.run_due()
    assert method_of(corner, member) == "m_2"
    assert corner.hub.new_means.standing("corner", member) == "stored"


def test_a_visit_can_store_a_card_where_one_is_stored_and_what_it_authorises_is_let_go(corner):
    manifest = corner.hub.registry.get("corner").manifest
    assert can_change(manifest)
    by_link = replace(manifest.capabilities["recurring_payment"], limits={"mode": "link"})
    assert not can_change(replace(manifest, capabilities={**manifest.capabilities, "recurring_payment": by_link}))
    for needed in ("payment.create", "payment.get", "payment.void"):
        left = {name: one for name, one in manifest.actions.items() if name != needed}
        assert not can_change(replace(manifest, actions=left)), needed


def test_a_charge_that_read_the_old_card_is_not_begun_once_another_is_stored(corner, member):
    store = corner.hub.payments.store
    before = store.get(subscriptions, member)
    corner.hub.charging.replace_method(member, "m_2", "step")
    with pytest.raises(ConflictError):
        store.begin_charge(before, store.subscription(before), corner.moment)
    assert store.charges_of(member)[0].state == "succeeded"
