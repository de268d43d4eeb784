"""Debits that the bank takes back after they paid a period: it is owed again, once, in whatever order the news come."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from hub.errors import TransientError
from hub.journal.entries import Happening
from hub.journal.tables import checkouts, subscriptions
from hub.journal.tables_billing import told_subscriptions
from tests.payments.conftest import ADA, EUR, Corner
from tests.payments.market import KilledError
from tests.payments.test_charging import amounts, charges, die, live_on, meanwhile, terms
from tests.payments.test_charging_links import links_of, pay_link
from tests.payments.test_subscriptions import act, member, plan


def bank(corner, payment, what="returned", again="", **more):
    data = {"payment": payment, "amount": EUR, **more}
    news = Happening(f"payment.{what}", "corner", f"{what}:{payment}{again}", data, corner.moment)
    corner.hub.recorder.record(news, corner.moment)


def take_back(corner, payment):
    bank(corner, payment)
    corner.run_due()


def state(corner, subscription):
    return corner.hub.payments.store.get(subscriptions, subscription).state


def test_a_period_whose_debit_came_back_is_charged_again_on_the_calendar(corner):
    joined = member(corner)
    corner.forward(days=32)
    take_back(corner, "c_2")
    told = corner.event("subscription.payment_failed")
    assert (told["reason"], told["amount"], told["payment"]) == ("payment_returned", EUR, "c_2")
    assert (told["attempt"], told["metadata"], told["customer"]) == (1, {"member": "9"}, ADA)
    assert told["next_attempt_at"] == f"{terms(corner, joined).due_at:%Y-%m-%dT%H:%M:%SZ}"
    assert (state(corner, joined), charges(corner, joined)[1:]) == ("past_due", [("returned", 4900)])
    corner.forward(days=2)
    assert corner.told("subscription") == [
        "subscription.started",
        "subscription.renewed",
        "subscription.payment_failed",
        "subscription.renewed",
    ]
    renewed = corner.event("subscription.renewed")
    assert (renewed["payment"], renewed["period"]["end"]) == ("c_3", "2027-03-31T09:00:00Z")
    assert (state(corner, joined), terms(corner, joined).balance) == ("active", 0)
    corner.forward(days=30)
    assert amounts(corner) == [4900] * 4, "the next period is charged on its day, and nothing else"


def test_it_counts_once_however_often_it_is_told(corner):
    joined = member(corner)
    corner.forward(days=32)
    take_back(corner, "c_2")
    before = terms(corner, joined)
    bank(corner, "c_2", again="-2")
    bank(corner, "c_2", "succeeded", again="-late")
    corner.forward(hours=1)
    assert terms(corner, joined) == before
    assert corner.told("subscription.payment_failed") == ["subscription.payment_failed"]


@pytest.mark.parametrize(
    ("write", "moment"), [("keep_reopened", "before"), ("keep_reopened", "after"), ("end_charge", "before")]
)
def test_a_process_that_dies_over_it_leaves_it_to_the_next(corner, monkeypatch, write, moment):
    joined = member(corner)
    corner.forward(days=32)
    bank(corner, "c_2")
    die(corner, monkeypatch, write, moment)
    with pytest.raises(KilledError):
        corner.run_due()
    corner.forward(minutes=3)
    assert corner.told("subscription.payment_failed") == ["subscription.payment_failed"]
    assert (terms(corner, joined).cycle, terms(corner, joined).attempt) == (1, 1)
    assert charges(corner, joined)[1:] == [("returned", 4900)]


def test_debits_that_come_back_again_and_again_end_it_with_the_calendar(corner):
    joined = member(corner)
    days = corner.hub.settings.dunning
    for number in range(1, len(days) + 2):
        assert state(corner, joined) == "active"
        take_back(corner, f"c_{number}")
        for _ in range(40):
            corner.forward(hours=6 if len(corner.gateway.charges) == number else 0)
    failed = corner.told("subscription.payment_failed")
    assert (len(failed), corner.told("subscription")[-1]) == (len(days) + 1, "subscription.cancelled")
    over = corner.event("subscription.cancelled")
    assert (over["reason"], "credit" in over) == ("payment_failed", False)
    corner.forward(days=40)
    assert len(corner.gateway.charges) == len(days) + 1


def test_the_news_of_one_that_is_over_changes_nothing(corner):
    joined = member(corner)
    act(corner, "cancel", joined, at="now")
    take_back(corner, "c_1")
    corner.forward(days=40)
    assert corner.told("subscription") == ["subscription.started", "subscription.cancelled"]
    assert len(corner.gateway.charges) == 1


def test_a_payment_of_nobodys_subscription_is_left_alone(corner):
    joined = member(corner)
    take_back(corner, "c_99")
    assert (state(corner, joined), corner.told("subscription")) == ("active", ["subscription.started"])


def test_the_first_visit_s_debit_is_charged_again_to_what_it_stored(corner):
    made = corner.act("subscription.create", {"plan": plan(corner), "customer": ADA}, "join")
    corner.pay(made["checkout_url"])
    corner.run_due()
    take_back(corner, "c_1")
    joined = made["subscription"]
    assert (corner.told("subscription")[-1], state(corner, joined)) == ("subscription.payment_failed", "past_due")
    corner.forward(days=2)
    assert corner.told("subscription")[1:] == ["subscription.payment_failed", "subscription.renewed"]
    assert [(one["amount"], corner.gateway.payments["c_1"]["stored"]) for one in corner.gateway.charges] == [
        (4900, "m_1")
    ]
    assert (terms(corner, joined).cycle, terms(corner, joined).balance) == (1, 0)


def test_a_first_visit_that_has_not_told_its_subscription_yet_is_waited_for(corner):
    made = corner.act("subscription.create", {"plan": plan(corner), "customer": ADA}, "join")
    corner.pay(made["checkout_url"])
    bank(corner, "c_1")
    works = corner.hub.payment_clock.due()
    for work in reversed(works):  # the timer of what came back comes before the visit
        work()
    assert corner.told("subscription") == ["subscription.started"]
    corner.forward(hours=1)
    assert corner.told("subscription") == ["subscription.started", "subscription.payment_failed"]


def test_the_page_by_which_a_first_visit_began_becomes_its_payment(corner):
    made = corner.act("subscription.create", {"plan": plan(corner), "customer": ADA}, "join")
    corner.pay(made["checkout_url"])
    store = corner.hub.payments.store
    visit = store.list(checkouts)[0]
    store.change_checkout(visit.id, corner.moment, payment="page_1")
    corner.gateway.payments["page_1"] = corner.gateway.payments["c_1"]
    corner.run_due()
    assert store.get(checkouts, visit.id).payment == "c_1"
    take_back(corner, "c_1")
    assert state(corner, made["subscription"]) == "past_due"


def test_a_page_that_has_not_become_a_payment_yet_is_waited_for(corner):
    made = corner.act("subscription.create", {"plan": plan(corner), "customer": ADA}, "join")
    corner.pay(made["checkout_url"])
    store = corner.hub.payments.store
    store.change_checkout(store.list(checkouts)[0].id, corner.moment, payment="page_1")
    corner.gateway.payments["page_1"] = corner.gateway.payments["c_1"]
    bank(corner, "c_1")
    for work in reversed(corner.hub.payment_clock.due()):
        work()
    corner.forward(hours=1)
    assert corner.told("subscription") == ["subscription.started", "subscription.payment_failed"]


def test_a_charge_of_which_the_gateway_says_at_once_that_it_came_back_has_failed(corner):
    corner.gateway.outcome = "returned"
    joined = member(corner)
    corner.run_due()
    assert corner.told("subscription") == ["subscription.payment_failed"]
    assert (corner.event("subscription.payment_failed")["reason"], state(corner, joined)) == (
        "payment_returned",
        "pending",
    )


@pytest.mark.parametrize("first", ["succeeded", "returned"])
def test_a_charge_that_came_back_before_it_was_heard_to_succeed_has_failed(corner, first):
    corner.gateway.slow = True
    joined = member(corner)
    assert charges(corner, joined) == [("waiting", 4900)]
    bank(corner, "c_1", first)
    bank(corner, "c_1", "returned" if first == "succeeded" else "succeeded")
    works = corner.hub.payment_clock.due()
    for work in works if first == "succeeded" else reversed(works):
        work()
    corner.forward(hours=1)
    assert corner.told("subscription") == ["subscription.payment_failed"]
    assert corner.event("subscription.payment_failed")["reason"] == "payment_returned"
    assert (charges(corner, joined), terms(corner, joined).balance) == ([("failed", 4900)], 0)


def test_a_charge_that_comes_back_while_the_next_is_under_way_is_owed_after_it(corner):
    joined = member(corner)
    corner.gateway.slow = True
    corner.forward(days=29)
    take_back(corner, "c_1")
    assert (state(corner, joined), terms(corner, joined).balance) == ("past_due", 4900)
    corner.gateway.slow = False
    bank(corner, "c_2", "succeeded")
    corner.run_due()
    assert (state(corner, joined), terms(corner, joined).balance) == ("active", 4900)
    corner.forward(days=31)
    assert amounts(corner) == [4900, 4900, 9800]
    assert corner.told("subscription")[1:3] == ["subscription.payment_failed", "subscription.renewed"]


def test_what_paid_an_earlier_period_is_owed_with_the_next_charge(corner):
    joined = member(corner)
    corner.forward(days=32)
    take_back(corner, "c_1")
    told = corner.event("subscription.payment_failed")
    assert (told["attempt"], told["next_attempt_at"]) == (1, "2027-03-31T09:00:00Z")
    assert state(corner, joined) == "past_due"
    corner.forward(days=30)
    assert (amounts(corner), state(corner, joined)) == ([4900, 4900, 9800], "active")


def test_while_it_is_paused_it_is_owed_when_it_goes_on(corner):
    joined = member(corner)
    act(corner, "pause", joined)
    take_back(corner, "c_1")
    corner.forward(days=40)
    assert (state(corner, joined), amounts(corner)) == ("paused", [4900])
    assert corner.told("subscription")[-1] == "subscription.paused", "which its page says on"
    act(corner, "resume", joined)
    corner.run_due()
    assert amounts(corner) == [4900, 9800]


def test_a_pause_of_one_that_owes_a_period_forgives_nothing(corner):
    joined = member(corner)
    take_back(corner, "c_1")
    act(corner, "pause", joined)
    assert (terms(corner, joined).balance, terms(corner, joined).cycle) == (4900, 1)
    corner.forward(days=40)
    act(corner, "resume", joined)
    corner.run_due()
    assert amounts(corner) == [4900, 9800]


def test_a_pause_waits_while_an_owed_period_is_charged(corner, monkeypatch):
    """What is owed would go to another place, where nobody finds its charge: it would be charged twice."""
    joined, refused = member(corner), []
    take_back(corner, "c_1")

    def pause():
        with pytest.raises(TransientError):
            act(corner, "pause", joined)
        refused.append(state(corner, joined))

    meanwhile(corner, monkeypatch, pause)
    corner.forward(days=2)
    assert (refused, amounts(corner)) == (["past_due"], [4900, 4900])
    act(corner, "pause", joined, "later")
    assert (state(corner, joined), terms(corner, joined).balance) == ("paused", 0)


@pytest.mark.parametrize("declines", [False, True])
def test_what_came_back_of_an_earlier_period_is_charged_when_the_last_one_is_over(corner, declines):
    joined = member(corner, plan(corner, cycles=2))
    corner.forward(days=32)
    take_back(corner, "c_1")
    assert (terms(corner, joined).balance, amounts(corner)) == (4900, [4900, 4900])
    corner.gateway.declines = declines
    corner.forward(days=28)
    if declines:
        assert state(corner, joined) == "past_due"
        corner.gateway.declines = False
        corner.forward(days=7)
    assert amounts(corner)[2:] == [4900]
    assert (state(corner, joined), corner.told("subscription")[-1]) == ("ended", "subscription.ended")


def test_a_charge_that_was_taken_back_before_a_person_said_that_it_happened_is_not_paid(
    corner_without_keys, monkeypatch
):
    corner = corner_without_keys
    joined = member(corner)
    corner.moment = terms(corner, joined).due_at
    die(corner, monkeypatch, "end_charge")
    live_on(corner)
    corner.forward(days=1)
    assert charges(corner, joined)[1:] == [("uncertain", 4900)]
    bank(corner, "c_2", "succeeded")
    take_back(corner, "c_2")
    corner.hub.charging.decide(joined, happened=True, payment="c_2")
    assert (state(corner, joined), charges(corner, joined)[-1]) == ("past_due", ("failed", 4900))
    assert corner.event("subscription.payment_failed")["reason"] == "payment_returned"


def test_a_dearer_plan_is_no_credit_of_one_that_owes(corner):
    joined = member(corner)
    dearer = corner.act(
        "plan.create", {"name": "Ruby", "price": {**EUR, "minor": 9900}, "interval": {"unit": "month"}}, "p2"
    )
    act(corner, "update", joined, plan=dearer["plan"], prorate="none")
    take_back(corner, "c_1")
    assert terms(corner, joined).charge == 4900
    act(corner, "cancel", joined, at="now")
    assert "credit" not in corner.event("subscription.cancelled")


def test_it_ends_on_its_day_although_the_calendar_is_longer(corner):
    joined = member(corner)
    corner.forward(days=27)
    act(corner, "cancel", joined)
    corner.gateway.declines = True
    take_back(corner, "c_1")
    told = corner.event("subscription.payment_failed")
    assert ("next_attempt_at" in told, terms(corner, joined).due_at) == (False, terms(corner, joined).cancel_at)
    corner.forward(days=3)
    assert (corner.told("subscription")[-1], len(corner.gateway.charges)) == ("subscription.cancelled", 1)


def test_one_that_is_to_end_does_so_although_an_earlier_debit_came_back(corner):
    joined = member(corner)
    corner.forward(days=32)
    act(corner, "cancel", joined)
    take_back(corner, "c_1")
    told = corner.event("subscription.payment_failed")
    assert (told["cancel_at"], "next_attempt_at" in told) == ("2027-03-31T09:00:00Z", False)
    with corner.hub.database.read() as connection:
        shown = connection.execute(sa.select(told_subscriptions.c.state)).scalar_one()
    assert (state(corner, joined), shown) == ("cancelling", "cancelling")


def test_one_that_is_to_end_and_pays_what_it_owes_ends_on_its_day(corner):
    joined = member(corner)
    act(corner, "cancel", joined)
    take_back(corner, "c_1")
    corner.forward(days=2)
    with corner.hub.database.read() as connection:
        shown = connection.execute(sa.select(told_subscriptions.c.state)).scalar_one()
    assert (amounts(corner), state(corner, joined), shown) == ([4900, 4900], "cancelling", "cancelling")
    corner.forward(days=28)
    assert (amounts(corner), corner.told("subscription")[-1]) == ([4900, 4900], "subscription.cancelled")


def test_a_charge_that_begins_at_the_same_moment_comes_first(corner, monkeypatch):
    joined = member(corner)
    bank(corner, "c_1")
    store = corner.hub.payments.store
    real = store.keep_reopened

    def begun_meanwhile(*given):
        monkeypatch.setattr(store, "keep_reopened", real)
        store.begin_charge(store.get(subscriptions, joined), terms(corner, joined), corner.moment)
        return real(*given)

    monkeypatch.setattr(store, "keep_reopened", begun_meanwhile)
    corner.run_due()
    assert terms(corner, joined).cycle == 1, "the period is not opened again under a charge of the next one"
    corner.forward(days=29)
    assert (amounts(corner), terms(corner, joined).balance) == ([4900, 4900], 4900)


def test_a_difference_that_came_back_is_owed_with_the_next_charge(corner):
    joined = member(corner)
    dearer = corner.act(
        "plan.create", {"name": "Ruby", "price": {**EUR, "minor": 9900}, "interval": {"unit": "month"}}, "p2"
    )
    corner.gateway.slow = True
    act(corner, "update", joined, plan=dearer["plan"], prorate="now")
    corner.gateway.slow = False
    bank(corner, "c_2", "succeeded")
    corner.run_due()
    assert terms(corner, joined).balance == 0
    take_back(corner, "c_2")
    bank(corner, "c_2", "succeeded", again="-late")
    corner.forward(hours=1)
    assert terms(corner, joined).balance == 5000
    corner.forward(days=30)
    assert amounts(corner) == [4900, 5000, 14900]


def test_a_period_that_was_paid_by_link_is_asked_for_by_another(tmp_path, gateway):
    corner = Corner(tmp_path / "workspace", "sqlite:///", gateway, mode="link")
    joined = corner.act("subscription.create", {"plan": plan(corner), "customer": ADA}, "join")["subscription"]
    corner.run_due()
    pay_link(corner, links_of(corner)[0])
    take_back(corner, "c_1")
    assert (state(corner, joined), corner.told("subscription")[-1]) == ("past_due", "subscription.payment_failed")
    corner.forward(days=1, hours=1)
    assert len(links_of(corner)) == 2
    pay_link(corner, links_of(corner)[1])
    assert (state(corner, joined), terms(corner, joined).balance) == ("active", 0)
    assert corner.told("subscription") == [
        "subscription.started",
        "subscription.payment_failed",
        "subscription.renewed",
    ]
    corner.hub.close()


def test_of_two_payments_of_one_period_the_one_that_comes_back_is_set_off_no_more(tmp_path, gateway):
    corner = Corner(tmp_path / "workspace", "sqlite:///", gateway, mode="link")
    joined = corner.act("subscription.create", {"plan": plan(corner), "customer": ADA}, "join")["subscription"]
    corner.run_due()
    first, second = (corner.visit(links_of(corner)[0], "POST"), None)
    corner.moment += timedelta(hours=1)
    second = corner.visit(links_of(corner)[0], "POST")
    for one in (first, second):
        corner.pay(one.headers["Refresh"].removeprefix("0; url="))
    corner.run_due()
    assert terms(corner, joined).balance == -4900
    take_back(corner, "c_2")
    assert (terms(corner, joined).balance, state(corner, joined)) == (0, "active")
    assert corner.told("subscription") == ["subscription.started"]
    corner.hub.close()


def test_a_late_payment_of_a_period_that_another_had_paid_is_set_off_no_more(tmp_path, gateway):
    corner = Corner(tmp_path / "workspace", "sqlite:///", gateway, mode="link")
    joined = corner.act("subscription.create", {"plan": plan(corner), "customer": ADA}, "join")["subscription"]
    corner.run_due()
    older = corner.visit(links_of(corner)[0], "POST").headers["Refresh"].removeprefix("0; url=")
    corner.forward(days=1, hours=1)
    corner.forward(days=1)
    pay_link(corner, links_of(corner)[1])
    corner.pay(older)
    corner.run_due()
    assert (terms(corner, joined).balance, terms(corner, joined).cycle) == (-4900, 1)
    told = corner.told("subscription")
    take_back(corner, "c_1")
    assert (terms(corner, joined).balance, state(corner, joined), corner.told("subscription")) == (0, "active", told)
    assert sorted(charges(corner, joined)) == [("returned", 4900), ("succeeded", 4900)]
    act(corner, "cancel", joined, at="now")
    take_back(corner, "c_2")
    assert terms(corner, joined).balance == 0
    corner.hub.close()
