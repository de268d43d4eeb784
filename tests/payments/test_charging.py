"""Charges when a process dies, when others act meanwhile, and when their end comes late: money is exact, nothing is taken twice."""

from dataclasses import replace
from datetime import timedelta

import pytest

from hub.errors import NotFoundError, TransientError
from hub.journal.entries import Happening
from hub.journal.tables import checkouts, subscriptions
from tests.fakes.server import DOWN, LOST, Answered, Mood
from tests.payments.conftest import ADA, EUR, Corner
from tests.payments.market import KilledError
from tests.payments.test_subscriptions import act, member, plan


@pytest.fixture
def corner(tmp_path, gateway, request):
    made = Corner(tmp_path / "workspace", "sqlite:///", gateway, **getattr(request, "param", {}))
    yield made
    made.hub.close()


def amounts(corner):
    return [one["amount"] for one in corner.gateway.charges]


def charges(corner, subscription):
    """State and amount of each charge, oldest first."""
    rows = corner.hub.payments.store.charges_of(subscription)[::-1]
    return [(row.state, row.amount) for row in rows]


def terms(corner, subscription):
    store = corner.hub.payments.store
    return store.subscription(store.get(subscriptions, subscription))


def die(corner, monkeypatch, name, moment="before"):
    """The process dies once, before or after this write of the store; what is due then is due again two minutes later."""
    store = corner.hub.payments.store
    real = getattr(store, name)

    def dying(*given, **more):
        monkeypatch.setattr(store, name, real)
        if moment == "after":
            real(*given, **more)
        raise KilledError

    monkeypatch.setattr(store, name, dying)


def live_on(corner):
    """What is due is done until the process dies, and the rest of it by the next one."""
    with pytest.raises(KilledError):
        corner.run_due()
    corner.forward(minutes=3)


# a process that dies


@pytest.mark.parametrize("outcome", ["renewed", "payment_failed"])
@pytest.mark.parametrize(("write", "moment"), [("end_charge", "after"), ("keep_subscription", "before")])
def test_a_charge_whose_end_was_written_before_the_process_died_is_not_made_again(
    corner, monkeypatch, outcome, write, moment
):
    joined = member(corner)
    corner.gateway.declines = outcome == "payment_failed"
    corner.moment = terms(corner, joined).due_at
    die(corner, monkeypatch, write, moment)
    with pytest.raises(KilledError):
        corner.run_due()
    corner.gateway.declines = not corner.gateway.declines
    asked = corner.gateway.count("POST", "/payments")
    corner.forward(minutes=3)
    assert corner.gateway.count("POST", "/payments") == asked, "the gateway is not asked again"
    assert corner.told("subscription") == ["subscription.started", f"subscription.{outcome}"]
    told = corner.event(f"subscription.{outcome}")
    if outcome == "renewed":
        assert (told["payment"], told["amount"], amounts(corner)) == ("c_2", EUR, [4900, 4900])
        assert terms(corner, joined).cycle == 2
    else:
        assert (told["reason"], terms(corner, joined).attempt) == ("card_declined", 1)


@pytest.mark.parametrize("options", [{"idempotent": "key"}, {"idempotent": "lookup"}])
@pytest.mark.parametrize(("write", "moment"), [("begin_charge", "after"), ("end_charge", "before")])
def test_a_charge_that_was_begun_when_the_process_died_is_made_once(
    tmp_path, gateway, monkeypatch, options, write, moment
):
    corner = Corner(tmp_path / "workspace", "sqlite:///", gateway, **options)
    joined = member(corner)
    corner.moment = terms(corner, joined).due_at
    die(corner, monkeypatch, write, moment)
    live_on(corner)
    assert amounts(corner) == [4900, 4900]
    assert corner.told("subscription") == ["subscription.started", "subscription.renewed"]
    corner.hub.close()


@pytest.mark.parametrize("corner", [{"idempotent": "no"}], indirect=True)
@pytest.mark.parametrize(("write", "moment", "made"), [("begin_charge", "after", 1), ("end_charge", "before", 2)])
def test_where_nothing_tells_how_far_it_came_a_person_decides(corner, monkeypatch, write, moment, made):
    joined = member(corner)
    corner.moment = terms(corner, joined).due_at
    die(corner, monkeypatch, write, moment)
    live_on(corner)
    corner.forward(days=40)
    assert (len(corner.gateway.charges), charges(corner, joined)[1:]) == (made, [("uncertain", 4900)])
    assert terms(corner, joined).due_at is None
    assert corner.hub.payments.store.charges_of(joined)[0].error["code"] == "interrupted"
    assert corner.told("subscription") == ["subscription.started"]


@pytest.mark.parametrize("corner", [{"idempotent": "lookup"}], indirect=True)
def test_an_answer_that_was_lost_is_looked_up_before_it_is_charged_again(corner):
    joined = member(corner)
    corner.gateway.treat(LOST)
    corner.forward(days=29)
    assert amounts(corner) == [4900, 4900]
    assert charges(corner, joined) == [("succeeded", 4900)] * 2
    assert corner.told("subscription") == ["subscription.started", "subscription.renewed"]


def test_a_price_that_changes_while_a_charge_is_made_again_does_not_hold_for_it(corner):
    gold = plan(corner)
    joined = member(corner, gold)
    corner.gateway.treat(LOST)
    corner.forward(days=28)
    dearer = {"plan": gold, "price": {"minor": 5900, "currency": "EUR"}, "existing": "move"}
    corner.act("plan.update", dearer, "dearer")
    corner.forward(days=1)
    assert amounts(corner) == [4900, 4900]
    assert terms(corner, joined).balance == 0
    corner.forward(days=31)
    assert amounts(corner) == [4900, 4900, 5900]


# others act while a charge is under way


def meanwhile(corner, monkeypatch, do):
    """Do something while the gateway charges."""
    real = corner.gateway.handle

    def handle(request):
        answered = real(request)
        if request.method == "POST":
            monkeypatch.setattr(corner.gateway, "handle", real)
            do()
        return answered

    monkeypatch.setattr(corner.gateway, "handle", handle)


def test_what_is_changed_while_the_gateway_charges_starts_no_second_charge(corner, monkeypatch):
    joined, due = member(corner), []

    def change():
        act(corner, "update", joined, quantity=2, prorate="none")
        due.extend(corner.hub.payment_clock.due())

    meanwhile(corner, monkeypatch, change)
    corner.forward(days=28)
    assert (due, charges(corner, joined)[1:]) == ([], [("succeeded", 4900)])
    corner.forward(minutes=3)
    assert corner.told("subscription") == ["subscription.started", "subscription.updated", "subscription.renewed"]
    assert (amounts(corner), terms(corner, joined).balance) == ([4900, 4900], 4900)


def test_a_new_price_that_begins_with_a_charge_leaves_it_to_who_makes_it(corner, monkeypatch):
    gold = plan(corner)
    joined, due = member(corner, gold), []
    dearer = {"plan": gold, "price": {"minor": 5900, "currency": "EUR"}, "existing": "move"}
    corner.act("plan.update", dearer, "dearer")
    meanwhile(corner, monkeypatch, lambda: due.extend(corner.hub.payment_clock.due()))
    corner.forward(days=28)
    assert (due, charges(corner, joined)) == ([], [("succeeded", 4900), ("succeeded", 5900)])


def test_a_new_price_that_was_written_before_the_process_died_is_charged_once_and_exactly(corner, monkeypatch):
    gold = plan(corner)
    joined = member(corner, gold)
    corner.act("plan.update", {"plan": gold, "price": {"minor": 5900, "currency": "EUR"}, "existing": "move"}, "dearer")
    corner.moment = terms(corner, joined).due_at
    die(corner, monkeypatch, "begin_charge", "after")
    live_on(corner)
    assert (amounts(corner), terms(corner, joined).balance) == ([4900, 5900], 0)


# trials


@pytest.mark.parametrize("agreeing", ["by a stored card", "in time", "late"])
def test_a_trial_is_told_with_its_end_and_what_it_is_paid_with_afterwards(corner, agreeing):
    gold, begun = plan(corner, trial_days=14), corner.moment
    stored = {"method": "m_ada"} if agreeing == "by a stored card" else {}
    made = corner.act("subscription.create", {"plan": gold, "customer": ADA, **stored}, "join")
    if agreeing == "late":
        corner.forward(days=15)
    if not stored:
        corner.pay(made["checkout_url"])
    corner.run_due()
    known = terms(corner, made["subscription"])
    if agreeing == "late":
        assert corner.gateway.payments["c_1"]["status"] == "voided"
        assert (corner.told("subscription"), amounts(corner)) == (["subscription.started"], [4900])
        assert (known.anchor, known.state) == (corner.moment, "active")
        return
    assert (known.state, corner.told("subscription"), amounts(corner)) == ("trialing", ["subscription.started"], [])
    started = corner.event("subscription.started")
    assert started["trial_ends_at"] == started["period"]["end"] == "2027-02-14T09:00:00Z"
    corner.forward(days=14)
    assert corner.told("subscription") == ["subscription.started", "subscription.renewed"]
    assert corner.event("subscription.renewed")["period"]["start"] == "2027-02-14T09:00:00Z"
    assert (amounts(corner), corner.moment - begun) == ([4900], timedelta(days=14))


def test_who_cancels_in_the_trial_is_never_charged(corner):
    joined = member(corner, plan(corner, trial_days=14))
    assert act(corner, "cancel", joined)["cancel_at"].startswith("2027-02-14")
    corner.forward(days=60)
    assert (amounts(corner), corner.told("subscription")[-1]) == ([], "subscription.cancelled")


def test_who_is_paused_after_cancelling_is_over_on_the_same_day(corner):
    joined = member(corner)
    act(corner, "cancel", joined)
    act(corner, "pause", joined)
    corner.forward(days=60)
    assert (amounts(corner), corner.told("subscription")[-1]) == ([4900], "subscription.cancelled")
    assert terms(corner, joined).state == "cancelled"


# the difference of a change, charged at once


def test_the_difference_is_told_as_a_payment_and_is_the_same_in_every_attempt(corner, monkeypatch):
    joined = member(corner)
    corner.forward(days=14)
    change = {"quantity": 2, "prorate": "now"}
    begun = len(corner.gateway.received)
    meanwhile(corner, monkeypatch, lambda: die(corner, monkeypatch, "keep_subscription"))
    with pytest.raises(KilledError):
        act(corner, "update", joined, **change)
    assert len(corner.gateway.received) == begun + 1
    assert (amounts(corner), terms(corner, joined).quantity) == ([4900, 2450], 1)
    corner.moment += timedelta(days=7)
    for _ in range(2):
        act(corner, "update", joined, **change)
    assert {one.body for one in corner.gateway.received[begun:]} == {corner.gateway.received[begun].body}
    assert (amounts(corner), corner.told("payment.succeeded")) == ([4900, 2450], ["payment.succeeded"] * 2)
    assert corner.event("payment.succeeded")["amount"] == {"minor": 2450, "currency": "EUR"}
    assert terms(corner, joined).quantity == 2
    assert terms(corner, joined).balance == 1225 - 2450, "what the days in between made it less is set off"


@pytest.mark.parametrize("status", ["failed", "expired", "voided"])
def test_a_difference_that_is_not_paid_changes_nothing(corner, status):
    joined = member(corner)
    corner.forward(days=14)
    corner.gateway.outcome = status
    known = terms(corner, joined)
    assert (
        corner.refused("subscription.update", {"subscription": joined, "quantity": 2, "prorate": "now"})
        == "card_declined"
    )
    assert terms(corner, joined) == known
    assert corner.told("subscription.updated") == []


@pytest.mark.parametrize("after_all", [False, True])
def test_a_difference_that_the_bank_refuses_later_is_owed_with_the_next_charge(corner, after_all):
    joined = member(corner)
    corner.forward(days=14)
    corner.gateway.slow = True
    act(corner, "update", joined, quantity=2, prorate="now")
    assert (amounts(corner), terms(corner, joined).balance) == ([4900, 2450], 0)
    corner.gateway.slow = False
    corner.gateway.settle("c_2", "failed", "insufficient_funds")
    corner.forward(days=2)
    assert (corner.told("payment.failed"), terms(corner, joined).balance) == (["payment.failed"], 2450)
    if after_all:
        tell(corner, "payment.succeeded", "c_2", 2450)
    corner.forward(days=12)
    assert amounts(corner) == [4900, 2450, 9800 if after_all else 12_250]
    assert terms(corner, joined).balance == 0


def tell(corner, event_type, payment, minor):
    data = {"payment": payment, "amount": {"minor": minor, "currency": "EUR"}}
    happening = Happening(event_type, "corner", f"{event_type}:{payment}", data, corner.moment)
    corner.hub.recorder.record(happening, corner.moment)
    corner.run_due()


def test_a_difference_that_the_bank_pays_later_changes_nothing_more(corner):
    joined = member(corner)
    corner.forward(days=14)
    corner.gateway.slow = True
    act(corner, "update", joined, quantity=2, prorate="now")
    corner.gateway.slow = False
    corner.gateway.settle("c_2")
    corner.forward(days=14)
    assert (amounts(corner), terms(corner, joined).balance) == ([4900, 2450, 9800], 0)


def test_a_refused_difference_is_owed_once_though_the_process_died(corner, monkeypatch):
    joined = member(corner)
    corner.forward(days=14)
    corner.gateway.slow = True
    act(corner, "update", joined, quantity=2, prorate="now")
    corner.gateway.settle("c_2", "failed")
    corner.moment += timedelta(hours=6)
    die(corner, monkeypatch, "keep_subscription", "after")
    live_on(corner)
    assert terms(corner, joined).balance == 2450


def test_a_change_whose_process_died_is_refused_when_the_bank_refused_meanwhile(corner, monkeypatch):
    joined = member(corner)
    corner.forward(days=14)
    corner.gateway.slow = True
    change = {"quantity": 2, "prorate": "now"}
    meanwhile(corner, monkeypatch, lambda: die(corner, monkeypatch, "keep_subscription"))
    with pytest.raises(KilledError):
        act(corner, "update", joined, **change)
    tell(corner, "payment.failed", "c_2", 2450)
    assert corner.refused("subscription.update", {"subscription": joined, **change}, "update") == "card_declined"
    assert (terms(corner, joined).quantity, terms(corner, joined).balance) == (1, 0)


def test_a_cheaper_change_gives_its_credit_to_the_next_charge_though_it_was_to_be_settled_now(corner):
    joined = member(corner, quantity=2)
    corner.forward(days=14)
    act(corner, "update", joined, quantity=1, prorate="now")
    assert (amounts(corner), terms(corner, joined).balance) == ([9800], -2450)


# nothing to charge


def test_a_period_that_a_credit_pays_is_renewed_without_a_charge_and_what_is_left_is_kept(corner):
    joined = member(corner, quantity=4)
    corner.forward(days=14)
    act(corner, "update", joined, quantity=1)
    corner.forward(days=14)
    assert amounts(corner) == [19_600]
    renewed = corner.event("subscription.renewed")
    assert (renewed["amount"], "payment" in renewed) == ({"minor": 0, "currency": "EUR"}, False)
    assert terms(corner, joined).balance == 4900 - 7350
    corner.forward(days=31)
    assert amounts(corner) == [19_600, 4900 - 2450]


def test_a_charge_whose_answer_was_lost_is_made_again_though_a_credit_came_meanwhile(corner):
    """It may have been taken: what it took is set off, and not forgotten."""
    joined = member(corner, quantity=4)
    corner.gateway.treat(LOST)
    corner.forward(days=28)
    act(corner, "update", joined, quantity=1)
    assert terms(corner, joined).charge == 4900
    row = corner.hub.payments.store.get(subscriptions, joined)
    corner.hub.payments.store.keep_subscription(row, replace(terms(corner, joined), balance=-4900), corner.moment)
    corner.forward(days=1)
    assert charges(corner, joined) == [("succeeded", 19_600)] * 2
    assert terms(corner, joined).balance == -19_600


# the gateway's answers


@pytest.mark.parametrize("status", ["failed", "expired", "voided"])
def test_a_charge_that_is_answered_as_undone_is_dunned(corner, status):
    joined = member(corner)
    corner.gateway.outcome = status
    corner.forward(days=28)
    assert charges(corner, joined)[1:] == [("failed", 4900)]
    assert corner.event("subscription.payment_failed")["reason"] == status
    assert terms(corner, joined).state == "past_due"


@pytest.mark.parametrize("status", ["partially_refunded", "refunded"])
def test_a_charge_that_was_paid_and_given_back_before_it_was_heard_of_was_paid(corner, status):
    joined = member(corner)
    corner.gateway.outcome = status
    corner.forward(days=28)
    assert charges(corner, joined)[1:] == [("succeeded", 4900)]


@pytest.mark.parametrize(("retry_after", "minutes"), [(None, 10), ("30", 10), ("3600", 60)])
@pytest.mark.parametrize("corner", [{"idempotent": "key"}, {"idempotent": "no"}], indirect=True)
def test_a_gateway_that_is_busy_is_asked_again_when_it_says(corner, retry_after, minutes):
    joined = member(corner)
    corner.moment = terms(corner, joined).due_at
    busy = Answered(429, {"error": "slow_down"}, {"Retry-After": retry_after} if retry_after else {})
    corner.gateway.treat(Mood(busy))
    corner.run_due()
    assert charges(corner, joined)[1:] == [("ready", 4900)]
    assert terms(corner, joined).due_at == corner.moment + timedelta(minutes=minutes)
    corner.forward(minutes=minutes)
    assert charges(corner, joined)[1:] == [("succeeded", 4900)]


# what is decided late


def test_a_charge_of_which_nothing_is_heard_for_two_weeks_counts_as_failed(corner):
    joined = member(corner)
    corner.gateway.slow = True
    corner.forward(days=28)
    until = corner.moment + timedelta(days=14)
    assert (charges(corner, joined)[1:], terms(corner, joined).due_at) == ([("waiting", 4900)], until)
    corner.moment = until - timedelta(seconds=1)
    corner.run_due()
    assert corner.told("subscription.payment_failed") == []
    corner.moment = until
    corner.run_due()
    assert charges(corner, joined)[1:] == [("failed", 4900)]
    assert corner.event("subscription.payment_failed")["reason"] == "no_payment"


def test_a_member_who_gives_another_card_while_the_bank_decides_is_not_dunned_for_it(corner):
    """What was brought forward finds the charge on its way, and leaves it the time that it was given."""
    joined = member(corner)
    corner.gateway.slow = True
    corner.forward(days=28)
    until = terms(corner, joined).due_at
    row = corner.hub.payments.store.get(subscriptions, joined)
    corner.hub.payments.store.keep_subscription(
        row, replace(terms(corner, joined), due_at=corner.moment), corner.moment
    )
    corner.run_due()
    assert (terms(corner, joined).due_at, corner.told("subscription.payment_failed")) == (until, [])


def test_a_debit_that_is_paid_after_all_pays_its_period_and_the_calendar_takes_nothing_more(corner):
    joined = member(corner)
    corner.gateway.slow = True
    corner.forward(days=42, hours=1)
    assert corner.told("subscription")[-1] == "subscription.payment_failed"
    corner.gateway.slow = False
    corner.gateway.settle("c_2")
    look(corner, "c_2")
    assert corner.told("subscription")[-1] == "subscription.renewed"
    assert corner.event("subscription.renewed")["payment"] == "c_2"
    corner.forward(days=10)
    assert (amounts(corner), terms(corner, joined).balance) == ([4900, 4900], 0)
    corner.forward(days=10)
    assert len(amounts(corner)) == 3, "the period did not move"


@pytest.mark.parametrize("first", ["c_2", "c_3"])
def test_of_two_debits_that_are_paid_for_one_period_the_second_is_set_off(corner, first):
    joined = member(corner)
    corner.gateway.slow = True
    corner.forward(days=43, hours=7)
    assert charges(corner, joined)[1:] == [("failed", 4900), ("waiting", 4900)]
    for payment in (first, {"c_2": "c_3", "c_3": "c_2"}[first]):
        corner.gateway.settle(payment)
        look(corner, payment)
    assert corner.told("subscription.renewed") == ["subscription.renewed"]
    assert charges(corner, joined)[1:] == [("succeeded", 4900)] * 2
    assert terms(corner, joined).balance == -4900
    corner.forward(days=30)
    assert (len(amounts(corner)), len(corner.told("subscription.renewed"))) == (3, 2)


def test_a_debit_that_fails_after_another_paid_its_period_changes_nothing(corner):
    joined = member(corner)
    corner.gateway.slow = True
    corner.forward(days=43, hours=7)
    corner.gateway.settle("c_2")
    look(corner, "c_2")
    corner.gateway.settle("c_3", "failed", "insufficient_funds")
    look(corner, "c_3")
    assert charges(corner, joined)[1:] == [("succeeded", 4900), ("failed", 4900)]
    assert (terms(corner, joined).attempt, terms(corner, joined).balance) == (0, 0)
    assert len(corner.told("subscription.payment_failed")) == 1


def test_a_debit_that_is_paid_while_another_charge_may_have_been_taken_is_set_off(corner):
    joined = member(corner)
    corner.gateway.slow = True
    corner.forward(days=42, hours=1)
    corner.gateway.slow = False
    corner.gateway.treat(LOST, *[DOWN] * 100)
    corner.forward(days=1)
    assert charges(corner, joined)[-1] == ("ready", 4900)
    corner.gateway.settle("c_2")
    look(corner, "c_2")
    corner.gateway.moods.clear()
    corner.forward(hours=6)
    assert terms(corner, joined).balance == -4900
    assert corner.told("subscription.renewed") == ["subscription.renewed"]


@pytest.mark.parametrize("write", ["end_charge", "keep_subscription"])
def test_what_is_paid_late_is_counted_once_whenever_the_process_dies(corner, monkeypatch, write):
    joined = member(corner)
    corner.gateway.slow = True
    corner.forward(days=43, hours=7)
    for payment in ("c_3", "c_2"):
        corner.gateway.settle(payment)
        die(corner, monkeypatch, write)
        with pytest.raises(KilledError):
            look(corner, payment)
        corner.forward(minutes=3)
    assert (terms(corner, joined).cycle, terms(corner, joined).balance) == (2, -4900)
    assert charges(corner, joined)[1:] == [("succeeded", 4900)] * 2


def visits_of(corner, payment):
    return corner.hub.payments.store.list(checkouts, checkouts.c.payment == payment)


def test_a_decision_that_is_told_again_changes_nothing(corner):
    joined = member(corner)
    corner.gateway.slow = True
    corner.forward(days=28)
    corner.gateway.settle("c_2")
    look(corner, "c_2")
    known, told = terms(corner, joined), corner.told()
    (visit,) = visits_of(corner, "c_2")
    corner.hub.charging.decided(visit)
    assert (terms(corner, joined), corner.told()) == (known, told)


def test_a_decision_that_comes_before_the_process_wrote_the_payment_is_left_to_the_charge(corner, monkeypatch):
    joined = member(corner)
    corner.gateway.slow = True
    corner.moment = terms(corner, joined).due_at
    die(corner, monkeypatch, "end_charge")
    with pytest.raises(KilledError):
        corner.run_due()
    (visit,) = visits_of(corner, "c_2")
    corner.hub.charging.decided(visit)
    assert charges(corner, joined)[1:] == [("started", 4900)]
    corner.gateway.settle("c_2")
    corner.forward(minutes=3)
    assert (charges(corner, joined)[1:], amounts(corner)) == ([("succeeded", 4900)], [4900, 4900])
    assert corner.told("subscription") == ["subscription.started", "subscription.renewed"]


def look(corner, payment):
    """The gateway is asked about a payment, whenever its turn would have come, and what follows is done."""
    corner.hub.payments.look(corner.hub.payments.store.payment("corner", payment))
    corner.run_due()


# a person's word, another card


@pytest.mark.parametrize("corner", [{"idempotent": "no"}], indirect=True)
def test_a_charge_in_doubt_waits_through_a_pause_too(corner):
    joined = member(corner)
    corner.gateway.treat(LOST)
    corner.forward(days=28)
    act(corner, "pause", joined)
    act(corner, "resume", joined)
    corner.run_due()
    assert (len(amounts(corner)), terms(corner, joined).due_at) == (2, None)
    corner.hub.charging.decide(joined, happened=True, payment="c_2")
    assert terms(corner, joined).cycle == 2
    with pytest.raises(NotFoundError):
        corner.hub.charging.decide(joined, happened=True, payment="c_2")


def test_other_metadata_waits_while_the_old_may_have_been_asked_for(corner):
    joined = member(corner)
    corner.gateway.treat(LOST)
    corner.forward(days=28)
    with pytest.raises(TransientError):
        act(corner, "update", joined, metadata={"seat": "7"})
    corner.forward(minutes=10)
    act(corner, "update", joined, metadata={"seat": "7"})
    assert corner.gateway.charges[-1]["metadata"]["member"] == "9"
    assert corner.event("subscription.updated")["metadata"] == {"member": "9", "seat": "7"}


def test_another_card_waits_while_the_old_one_may_have_been_charged(corner):
    """The same key for two cards is an error at the gateway, after which the charge would be made anew."""
    joined = member(corner)
    corner.gateway.treat(LOST)
    corner.forward(days=28)
    with pytest.raises(TransientError):
        act(corner, "update", joined, method="m_new")
    corner.forward(minutes=10)
    act(corner, "update", joined, method="m_new")
    assert (terms(corner, joined).method, amounts(corner)) == ("m_new", [4900, 4900])
