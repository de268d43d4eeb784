"""Plans and subscriptions by the hub: a stored means of payment, a clock, dunning, changes; charged once each."""

import pytest

from tests.fakes.server import DOWN, LOST
from tests.payments.conftest import ADA, EUR

GOLD = {"name": "Gold", "price": EUR, "interval": {"unit": "month"}}


def plan(corner, **more):
    return corner.act("plan.create", {**GOLD, **more}, "plan")["plan"]


def member(corner, plan_id=None, key="join", **more):
    given = {"plan": plan_id or plan(corner), "customer": ADA, "method": "m_ada", "metadata": {"member": "9"}, **more}
    made = corner.act("subscription.create", given, key)
    corner.run_due()
    return made["subscription"]


def act(corner, action, subscription, key=None, **more):
    return corner.act(f"subscription.{action}", {"subscription": subscription, **more}, key or action)


def test_a_stored_method_is_charged_every_month_for_a_year(corner):
    member(corner)
    corner.forward(days=365)
    assert corner.told("subscription") == [
        "subscription.started",
        *["subscription.renewed"] * 11,
        "subscription.renewed",
    ]
    assert len(corner.gateway.charges) == 13
    assert {one["amount"] for one in corner.gateway.charges} == {4900}
    assert len({one["key"] for one in corner.gateway.charges}) == 13
    assert corner.told("payment.succeeded") == ["payment.succeeded"] * 13
    renewed = corner.event("subscription.renewed")
    assert (renewed["customer"], renewed["metadata"], renewed["amount"]) == (ADA, {"member": "9"}, EUR)


def test_the_payer_agrees_on_the_first_visit_and_is_charged_by_what_it_stored(corner):
    given = {"plan": plan(corner), "customer": ADA, "return_url": "https://club.example.com/welcome"}
    made = corner.act("subscription.create", given, "join")
    assert made["status"] == "pending"
    back = corner.pay(made["checkout_url"])
    assert back.headers["Location"] == "https://club.example.com/welcome"
    corner.run_due()
    assert corner.told("subscription") == ["subscription.started"]
    corner.forward(days=30)
    assert [one["amount"] for one in corner.gateway.charges] == [4900]
    assert act(corner, "cancel", made["subscription"])["status"] == "cancelling"


def test_a_trial_charges_nothing_until_it_ends(corner):
    made = corner.act("subscription.create", {"plan": plan(corner, trial_days=14), "customer": ADA}, "join")
    corner.pay(made["checkout_url"])
    corner.run_due()
    assert corner.gateway.payments["c_1"]["status"] == "voided", "what was authorised to know the card is let go"
    corner.forward(days=13)
    assert corner.gateway.charges == []
    corner.forward(days=2)
    assert len(corner.gateway.charges) == 1


def test_a_declined_renewal_is_tried_again_on_the_calendar_and_then_cancelled(corner):
    member(corner)
    corner.gateway.declines = True
    corner.forward(days=60)
    failed = ["subscription.payment_failed"] * 5
    assert corner.told("subscription") == ["subscription.started", *failed, "subscription.cancelled"]
    assert corner.event("subscription.payment_failed")["reason"] == "card_declined"
    assert corner.event("subscription.cancelled")["reason"] == "payment_failed"


def test_a_renewal_recovers_within_the_grace_days(corner):
    member(corner)
    corner.gateway.declines = True
    corner.forward(days=28)
    corner.gateway.declines = False
    corner.forward(days=10)
    assert corner.told("subscription") == [
        "subscription.started",
        "subscription.payment_failed",
        "subscription.renewed",
    ]


def test_a_gateway_that_is_down_costs_the_member_nothing(corner):
    member(corner)
    corner.gateway.treat(DOWN, DOWN, DOWN)
    corner.forward(days=30)
    assert corner.told("subscription") == ["subscription.started", "subscription.renewed"]


def test_an_answer_that_was_lost_charges_once(corner):
    member(corner)
    corner.gateway.treat(LOST)
    corner.forward(days=30)
    assert len(corner.gateway.charges) == 2
    assert corner.told("subscription") == ["subscription.started", "subscription.renewed"]


@pytest.mark.parametrize("happened", [True, False])
def test_where_nobody_knows_whether_it_was_charged_a_person_decides(corner_without_keys, happened):
    corner = corner_without_keys
    joined = member(corner)
    corner.gateway.treat(LOST)
    corner.forward(days=60)
    assert len(corner.gateway.charges) == 2, "it was charged, the answer was lost, and nothing is charged on a guess"
    assert corner.hub.payments.store.charges_of(joined)[0].state == "uncertain"
    corner.hub.charging.decide(joined, happened=happened, payment="c_2")
    corner.run_due()
    assert corner.told("subscription")[1] == ("subscription.renewed" if happened else "subscription.payment_failed")


def test_a_wrong_key_is_no_fault_of_the_members(corner):
    member(corner)
    version = corner.hub.store.connection("corner").version
    corner.hub.accounts.update(
        "corner", {"api_base": corner.gateway.url, "api_key": "key-of-yesterday"}, version, "test"
    )
    corner.forward(days=30)
    assert corner.told("subscription") == ["subscription.started"]
    version = corner.hub.store.connection("corner").version
    corner.hub.accounts.update("corner", {"api_base": corner.gateway.url, "api_key": "corner-key"}, version, "test")
    corner.forward(days=1)
    assert corner.told("subscription") == ["subscription.started", "subscription.renewed"]


def test_a_charge_that_waits_for_the_bank_renews_when_it_is_paid(corner):
    member(corner)
    corner.gateway.slow = True
    corner.forward(days=29)
    assert corner.told("subscription") == ["subscription.started"]
    corner.gateway.settle("c_2")
    corner.forward(days=1)
    assert corner.told("subscription") == ["subscription.started", "subscription.renewed"]
    assert corner.event("subscription.renewed")["payment"] == "c_2"


def test_a_charge_that_the_bank_refuses_days_later_is_dunned(corner):
    member(corner)
    corner.gateway.slow = True
    corner.forward(days=29)
    corner.gateway.settle("c_2", "failed", "insufficient_funds")
    corner.forward(days=1)
    assert corner.told("subscription") == ["subscription.started", "subscription.payment_failed"]


def test_cancelled_at_the_end_of_the_period_or_at_once(corner):
    later, now = member(corner, key="a"), member(corner, plan(corner), key="b")
    assert act(corner, "cancel", later, "c1", reason="moved away")["cancel_at"].startswith("2027-02-28")
    assert act(corner, "cancel", later, "c1")["status"] == "cancelling", "a repeat changes nothing"
    assert act(corner, "cancel", now, "c2", at="now")["status"] == "cancelled"
    corner.forward(days=40)
    assert len(corner.gateway.charges) == 2
    assert corner.told("subscription.cancelled") == ["subscription.cancelled"] * 2


def test_a_pause_charges_nothing_and_a_repeat_of_it_is_no_error(corner):
    joined = member(corner)
    for _ in range(2):
        assert act(corner, "pause", joined)["status"] == "paused"
    corner.forward(days=90)
    assert len(corner.gateway.charges) == 1
    assert act(corner, "resume", joined)["status"] == "active"
    corner.run_due()
    assert len(corner.gateway.charges) == 2
    assert corner.told("subscription.paused") == ["subscription.paused"]


def test_a_dearer_plan_asks_new_members_at_once_and_running_ones_from_the_next_period(corner):
    gold = plan(corner)
    member(corner, gold)
    dearer = {"plan": gold, "price": {"minor": 5900, "currency": "EUR"}, "existing": "move"}
    corner.act("plan.update", dearer, "dearer")
    assert corner.event("subscription.updated")["changes"]["price"] == {"minor": 5900, "currency": "EUR"}
    assert corner.event("plan.updated")["changes"] == {"price": EUR}
    repriced = corner.event("plan.repriced")
    assert (repriced["plan"], repriced["price"]) == (gold, {"minor": 5900, "currency": "EUR"})
    member(corner, gold, key="second")
    corner.forward(days=30)
    assert [one["amount"] for one in corner.gateway.charges] == [4900, 5900, 5900, 5900]


def test_running_members_keep_their_price_when_they_are_not_moved(corner):
    gold = plan(corner)
    member(corner, gold)
    corner.act("plan.update", {"plan": gold, "price": {"minor": 5900, "currency": "EUR"}}, "dearer")
    assert corner.told("plan.repriced") == []
    corner.forward(days=30)
    assert [one["amount"] for one in corner.gateway.charges] == [4900, 4900]


def test_the_difference_of_a_change_is_charged_now_or_with_the_next_period(corner):
    now, later = member(corner, key="a"), member(corner, plan(corner), key="b")
    corner.forward(days=14)
    act(corner, "update", now, "u1", quantity=2, prorate="now")
    act(corner, "update", later, "u2", quantity=2)
    assert [one["amount"] for one in corner.gateway.charges] == [4900, 4900, 2450]
    corner.forward(days=15)
    assert sorted(one["amount"] for one in corner.gateway.charges)[-2:] == [9800, 12250]


def test_a_retired_plan_takes_nobody_and_keeps_its_members(corner):
    gold = plan(corner)
    member(corner, gold)
    assert corner.act("plan.cancel", {"plan": gold}, "retire")["status"] == "retired"
    assert corner.refused("subscription.create", {"plan": gold, "method": "m_b"}) == "wrong_state"
    corner.forward(days=30)
    assert len(corner.gateway.charges) == 2


@pytest.mark.parametrize(
    ("change", "code"),
    [({"price": {"minor": 1, "currency": "USD"}}, "invalid_request"), ({"plan": "pln_none"}, "not_found")],
)
def test_what_a_plan_cannot_be_changed_to_is_refused(corner, change, code):
    assert corner.refused("plan.update", {"plan": plan(corner), **change}) == code


def test_where_nothing_is_stored_each_period_is_paid_by_a_link(corner_by_link):
    corner = corner_by_link
    corner.act("subscription.create", {"plan": plan(corner), "customer": ADA}, "join")
    corner.run_due()
    link = corner.event("link.created")
    assert (link["recipient"], link["amount"]) == (ADA, EUR)
    clicked = corner.visit(link["url"], "POST")
    corner.pay(clicked.headers["Refresh"].removeprefix("0; url="))
    corner.run_due()
    assert corner.told("subscription") == ["subscription.started"]
    corner.forward(days=29)
    assert corner.told("link.created") == ["link.created"] * 2
    corner.forward(days=30)
    assert corner.told("subscription")[-1] == "subscription.cancelled"


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
def test_a_debit_that_is_decided_after_the_member_left_charges_nothing_more(corner, outcome):
    joined = member(corner)
    corner.gateway.slow = True
    corner.forward(days=29)
    assert act(corner, "cancel", joined, at="now")["status"] == "cancelled"
    corner.gateway.settle("c_2", outcome, "insufficient_funds")
    corner.gateway.slow = False
    corner.forward(days=33)
    kept = ["subscription.paid_again", "subscription.not_given_back"] if outcome == "succeeded" else []
    assert corner.told("subscription") == ["subscription.started", "subscription.cancelled", *kept]
    assert len(corner.gateway.charges) == 2
    assert corner.hub.payments.store.charges_of(joined)[0].state == outcome, "that is still known of it"


def test_a_debit_that_is_paid_during_a_pause_charges_nothing_more_before_the_return(corner):
    joined = member(corner)
    corner.gateway.slow = True
    corner.forward(days=29)
    act(corner, "pause", joined)
    corner.gateway.settle("c_2")
    corner.gateway.slow = False
    corner.forward(days=33)
    assert len(corner.gateway.charges) == 2
    assert act(corner, "resume", joined)["status"] == "active"
    corner.run_due()
    assert len(corner.gateway.charges) == 3


def test_a_price_that_changes_to_and_fro_is_told_each_time(corner):
    gold = plan(corner)
    member(corner, gold)
    for number, minor in enumerate((5900, 4900, 5900)):
        moved = {"plan": gold, "price": {"minor": minor, "currency": "EUR"}, "existing": "move"}
        for _ in range(2):
            corner.act("plan.update", moved, f"price {number}")
    assert corner.told("subscription.updated") == ["subscription.updated"] * 3


def test_a_charge_that_is_repeated_asks_for_the_amount_that_was_written_down(corner):
    """The member changed in between: the same key must stand for the same charge."""
    joined = member(corner)
    corner.gateway.treat(DOWN, DOWN, DOWN, DOWN)
    corner.forward(days=28)
    act(corner, "update", joined, quantity=2, prorate="none")
    corner.forward(days=1)
    assert [one["amount"] for one in corner.gateway.charges] == [4900, 4900]
    corner.forward(days=31)
    assert [one["amount"] for one in corner.gateway.charges] == [4900, 4900, 9800 + 4900]


@pytest.mark.parametrize("given", [{}, {"quantity": 2, "prorate": "none"}, {"method": "m_other"}])
def test_metadata_of_a_change_is_kept_and_told_from_then_on(corner, given):
    joined = member(corner)
    for _ in range(2):
        act(corner, "update", joined, metadata={"seat": "7"}, **given)
    assert corner.told("subscription.updated") == ["subscription.updated"]
    assert corner.event("subscription.updated")["metadata"] == {"member": "9", "seat": "7"}
    act(corner, "update", joined, key="again", metadata={"seat": "8"})
    act(corner, "pause", joined)
    assert corner.event("subscription.paused")["metadata"] == {"member": "9", "seat": "8"}
    act(corner, "resume", joined)
    corner.forward(days=28)
    assert corner.event("subscription.renewed")["metadata"] == {"member": "9", "seat": "8"}
    charged = corner.gateway.charges[-1]["metadata"]
    assert charged == {"member": "9", "seat": "8", "hub_subscription": joined, "hub_cycle": "1"}
