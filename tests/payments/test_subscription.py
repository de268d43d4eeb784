"""The clock of a subscription: a year of it, and what may happen in between."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hub.errors import PermanentError
from hub.payments import subscription as rules
from hub.payments.subscription import Subscription

BEGUN = datetime(2027, 1, 31, 9, tzinfo=UTC)
TRIAL_ENDS = BEGUN + timedelta(days=14)
DUNNING = tuple(timedelta(days=days) for days in (1, 3))


def new(**parts):
    given = {
        "id": "sub_1", "connection": "corner", "plan": "pln_1", "state": "pending", "price": 1900, "currency": "EUR",
        "quantity": 1, "interval": {"unit": "month", "count": 1}, "anchor": BEGUN, "due_at": BEGUN, "method": "m_1",
    }  # fmt: skip
    return Subscription(**{**given, **parts})


def running(**parts):
    return rules.charged(new(**parts))[0]


def in_trial(**parts):
    return rules.begin_trial(new(anchor=TRIAL_ENDS, due_at=None, **parts), BEGUN)[0]


def over():
    return [rules.cancel(running(), "now", BEGUN)[0], rules.at_due(running(cycles=1), BEGUN + timedelta(days=28))[0]]


def refused(do, *given, **more):
    with pytest.raises(PermanentError) as caught:
        do(*given, **more)
    return caught.value.code


def types(tales):
    return [tale[0] for tale in tales]


def test_twelve_months_are_charged_once_each_on_the_right_days():
    known, told = new(), []
    for _ in range(12):
        assert rules.at_due(known, known.due_at - timedelta(seconds=1))[2] is False
        assert rules.at_due(known, known.due_at)[2] is True
        known, tales = rules.charged(known)
        told += tales
    assert types(told) == ["subscription.started", *["subscription.renewed"] * 11]
    assert len({tale[1] for tale in told}) == 12
    assert [tale[2]["period"]["end"][:10] for tale in told][:4] == [
        "2027-02-28",
        "2027-03-31",
        "2027-04-30",
        "2027-05-31",
    ]
    assert known.due_at == datetime(2028, 1, 31, 9, tzinfo=UTC)


def test_a_failed_renewal_is_tried_again_and_recovers():
    known = running()
    late, tales = rules.charge_failed(known, "card_declined", known.due_at, DUNNING)
    assert (late.state, late.due_at) == ("past_due", known.due_at + timedelta(days=1))
    assert tales[0][2]["next_attempt_at"] == "2027-03-01T09:00:00Z"
    paid, tales = rules.charged(late)
    assert (paid.state, paid.attempt, types(tales)) == ("active", 0, ["subscription.renewed"])
    assert paid.due_at == datetime(2027, 3, 31, 9, tzinfo=UTC), "the period does not move with the late payment"


def test_after_the_last_attempt_it_is_cancelled():
    known, told = running(), []
    for _ in range(3):
        known, tales = rules.charge_failed(known, "card_declined", known.due_at, DUNNING)
        told += types(tales)
    assert told == [*["subscription.payment_failed"] * 3, "subscription.cancelled"]
    assert (known.state, known.due_at, known.attempt) == ("cancelled", None, 3)
    assert tales[1] == ("subscription.cancelled", "end", {"reason": "payment_failed"})


def test_cancelling_at_the_end_of_what_is_paid_charges_nothing_more():
    known = running()
    ending, tales = rules.cancel(known, "period_end", BEGUN + timedelta(days=5), "moved away")
    assert (ending.state, tales) == (
        "cancelling",
        [
            ("subscription.updated", "cancel.2027-02-28T09:00:00Z",
             {"reason": "moved away", "cancel_at": "2027-02-28T09:00:00Z"}),
        ],
    )  # fmt: skip
    over, tales, charge = rules.at_due(ending, ending.due_at)
    assert (over.state, tales, charge) == ("cancelled", [("subscription.cancelled", "end", {})], False)


def test_cancelling_now_ends_it_and_a_second_time_is_refused():
    over, tales = rules.cancel(running(), "now", BEGUN)
    assert (over.state, types(tales)) == ("cancelled", ["subscription.cancelled"])
    with pytest.raises(PermanentError) as caught:
        rules.pause(over, None, BEGUN)
    assert caught.value.code == "wrong_state"


def test_a_pause_inside_a_period_changes_no_date():
    paused, _ = rules.pause(running(), None, BEGUN)
    assert rules.pause(running(), None, BEGUN)[1] == [("subscription.paused", f"1.{BEGUN.isoformat()}", {})]
    assert rules.at_due(paused, BEGUN + timedelta(days=400))[2] is False
    going, _ = rules.resume(paused, BEGUN + timedelta(days=10))
    assert (going.state, going.due_at) == ("active", datetime(2027, 2, 28, 9, tzinfo=UTC))


def test_a_pause_beyond_the_period_begins_a_new_one_at_the_day_of_return():
    back = BEGUN + timedelta(days=100)
    paused, _ = rules.pause(running(), back, BEGUN)
    going, tales, charge = rules.at_due(paused, back)
    assert (types(tales), charge, going.due_at) == (["subscription.resumed"], False, back)
    paid, tales = rules.charged(going)
    assert tales[0][0] == "subscription.renewed"
    assert paid.due_at == datetime(2027, 6, 11, 9, tzinfo=UTC)


def test_it_ends_after_its_number_of_charges():
    known = running(cycles=1)
    over, tales, charge = rules.at_due(known, known.due_at)
    assert (over.state, tales, charge) == ("ended", [("subscription.ended", "end", {})], False)


def test_a_new_price_of_the_plan_holds_from_the_next_period():
    moved, tales = rules.price_changed(running(), "pln_1", 2500, "2")
    assert tales[0][:2] == ("subscription.updated", "price.pln_1.2")
    assert tales[0][2]["changes"] == {"price": {"minor": 2500, "currency": "EUR"}, "from": "2027-02-28T09:00:00Z"}
    paid, tales = rules.charged(rules.at_new_price(moved))
    assert (tales[0][2]["amount"]["minor"], paid.price, paid.next_price) == (2500, 2500, None)


def test_a_new_price_holds_neither_for_the_first_period_nor_for_one_that_is_overdue():
    first, tales = rules.price_changed(new(), "pln_2", 2500, "2")
    assert (rules.at_new_price(first).charge, tales[0][2]["changes"]["from"]) == (1900, "2027-02-28T09:00:00Z")
    late, _ = rules.charge_failed(running(), "card_declined", BEGUN + timedelta(days=28), DUNNING)
    overdue, tales = rules.price_changed(late, "pln_2", 2500, "2")
    assert (rules.at_new_price(overdue).charge, tales[0][2]["changes"]["from"]) == (1900, "2027-03-31T09:00:00Z")
    after = rules.at_new_price(rules.charged(overdue)[0])
    assert (after.charge, after.plan) == (2500, "pln_2")


@pytest.mark.parametrize(("prorate", "next_charge"), [("none", 3800), ("next_period", 3800 + 950), ("now", 3800 + 950)])
def test_the_difference_for_the_rest_of_the_period_is_settled(prorate, next_charge):
    known = running(anchor=datetime(2027, 4, 1, tzinfo=UTC))
    changed, _ = rules.change(known, datetime(2027, 4, 16, tzinfo=UTC), quantity=2, prorate=prorate)
    assert changed.charge == next_charge


def test_a_credit_larger_than_the_price_is_carried_on():
    known = running(anchor=datetime(2027, 4, 1, tzinfo=UTC), quantity=10)
    changed, _ = rules.change(known, datetime(2027, 4, 2, tzinfo=UTC), quantity=1)
    assert changed.charge == 0
    paid, _ = rules.charged(changed)
    assert paid.balance == changed.full_charge < 0


def test_it_survives_the_journal():
    known = rules.cancel(running(), "period_end", BEGUN)[0]
    assert Subscription.from_json(known.to_json()) == known


def test_another_means_is_charged_at_once_what_is_overdue_and_nothing_else():
    late, _ = rules.charge_failed(running(), "card_declined", BEGUN + timedelta(days=28), DUNNING)
    now = late.due_at - timedelta(hours=5)
    changed, tales = rules.other_method(late, "m_2", "chk_1", now)
    assert (changed.method, changed.due_at, changed.attempt) == ("m_2", now, 1)
    assert tales == [("subscription.updated", "method.chk_1", {"changes": {"method": "new"}})]
    assert rules.other_method(late, "m_2", "chk_1", None)[0].due_at == late.due_at, "a charge is open already"
    assert rules.other_method(running(), "m_2", "chk_1", now)[0].due_at == running().due_at
    over, _ = rules.cancel(running(), "now", BEGUN)
    with pytest.raises(PermanentError) as caught:
        rules.other_method(over, "m_2", "chk_1", now)
    assert caught.value.code == "wrong_state"


def test_a_charge_that_succeeds_late_brings_nothing_back_to_life():
    """A bank debit may be decided days after its member left or paused."""
    over, _ = rules.cancel(running(), "now", BEGUN)
    paid, tales = rules.charged(over)
    assert (paid.state, paid.due_at, tales) == ("cancelled", None, [])
    failed, tales = rules.charge_failed(over, "insufficient_funds", BEGUN, DUNNING)
    assert (failed.state, failed.due_at, tales) == ("cancelled", None, [])


def test_a_charge_that_is_decided_during_a_pause_leaves_it_paused():
    until = BEGUN + timedelta(days=90)
    paused, _ = rules.pause(running(), until, BEGUN)
    paid, tales = rules.charged(paused)
    assert (paid.state, paid.due_at, paid.cycle, types(tales)) == ("paused", until, 2, ["subscription.renewed"])
    failed, tales = rules.charge_failed(paused, "insufficient_funds", BEGUN, DUNNING)
    assert (failed.state, failed.due_at, failed.attempt) == ("paused", until, 1)
    assert (types(tales), "next_attempt_at" in tales[0][2]) == (["subscription.payment_failed"], False)
    last, tales = rules.charge_failed(failed, "insufficient_funds", BEGUN, ())
    assert (last.state, types(tales)) == ("cancelled", ["subscription.payment_failed", "subscription.cancelled"])


def test_what_changed_while_a_charge_was_on_its_way_is_settled_with_the_next():
    known = running(anchor=datetime(2027, 4, 1, tzinfo=UTC), quantity=2)
    changed, _ = rules.change(known, datetime(2027, 4, 16, tzinfo=UTC), quantity=1)
    assert changed.balance == -950
    paid, _ = rules.charged(changed, known.charge)
    assert paid.balance == -950 - 1900, "what was taken for two and is for one, and the rest of the period before"
    dearer, _ = rules.change(known, datetime(2027, 4, 16, tzinfo=UTC), quantity=3)
    assert rules.charged(dearer, known.charge)[0].balance == 950 + 1900


def test_a_price_that_changes_while_a_charge_is_on_its_way_holds_from_the_period_after():
    known = running()
    moved, _ = rules.price_changed(known, "pln_1", 2500, "2")
    paid, tales = rules.charged(moved, known.charge)
    assert (paid.balance, tales[0][2]["amount"]["minor"], rules.at_new_price(paid).charge) == (0, 1900, 2500)


def test_a_discount_holds_for_the_difference_too():
    half = {"percent": "50", "cycles": 2}
    known = running(anchor=datetime(2027, 4, 1, tzinfo=UTC), discount=half)
    changed, _ = rules.change(known, datetime(2027, 4, 16, tzinfo=UTC), quantity=2)
    assert changed.balance == 475, "half of a half"
    assert changed.charge == 1900 + 475


def test_everything_that_happens_again_is_told_again():
    first, told = rules.pause(running(), None, BEGUN)
    going, _ = rules.resume(first, BEGUN + timedelta(days=1))
    _, again = rules.pause(going, None, BEGUN + timedelta(days=2))
    assert told[0][1] != again[0][1]
    parts = []
    for number, price in enumerate((2500, 1900, 2500)):
        _, tales = rules.price_changed(running(), "pln_1", price, str(number))
        parts.append(tales[0][1])
    assert len(set(parts)) == 3


def test_a_pause_in_the_trial_leaves_the_trial():
    trial = in_trial()
    paused, _ = rules.pause(trial, None, BEGUN)
    going, _ = rules.resume(paused, BEGUN + timedelta(days=3))
    assert (going.state, going.due_at) == ("trialing", BEGUN + timedelta(days=14))


@pytest.mark.parametrize("known", over(), ids=["cancelled", "ended"])
def test_one_that_is_over_is_not_changed_any_more(known):
    assert refused(rules.cancel, known, "now", BEGUN) == "wrong_state"
    assert refused(rules.cancel, known, "period_end", BEGUN) == "wrong_state"
    assert refused(rules.change, known, BEGUN, quantity=2) == "wrong_state"
    assert refused(rules.pause, known, None, BEGUN) == "wrong_state"
    assert refused(rules.resume, known, BEGUN) == "wrong_state"
    assert refused(rules.other_method, known, "m_2", "chk_1", BEGUN) == "wrong_state"
    assert rules.at_due(rules.due(known, BEGUN), BEGUN) == (rules.due(known, BEGUN), [], False)
    assert rules.charged(known) == (known, [])
    assert rules.charge_failed(known, "card_declined", BEGUN, DUNNING) == (known, [])
    for cycle, is_open in ((known.cycle, False), (known.cycle, True), (0, False)):
        assert rules.paid_late(known, cycle, 1900, is_open=is_open) == (known, [])


def test_only_what_runs_can_be_paused_and_only_what_is_paused_can_go_on():
    assert refused(rules.pause, new(), None, BEGUN) == "wrong_state", "nothing was paid yet"
    assert refused(rules.pause, rules.pause(running(), None, BEGUN)[0], None, BEGUN) == "wrong_state"
    late, _ = rules.charge_failed(running(), "card_declined", BEGUN + timedelta(days=28), DUNNING)
    for known in (new(), running(), in_trial(), late):
        assert refused(rules.resume, known, BEGUN) == "wrong_state"
    assert rules.pause(late, None, BEGUN)[0].state == "paused"


def test_cancelling_a_trial_that_is_paused_takes_none_of_its_days():
    paused, _ = rules.pause(in_trial(), None, BEGUN)
    ending, tales = rules.cancel(paused, "period_end", BEGUN)
    assert (ending.state, ending.due_at, types(tales)) == ("cancelling", TRIAL_ENDS, ["subscription.updated"])
    over, _, is_charged = rules.at_due(ending, TRIAL_ENDS)
    assert (over.state, is_charged) == ("cancelled", False)
    assert rules.cancel(paused, "period_end", TRIAL_ENDS)[0].state == "cancelled"
    after = rules.pause(running(), None, BEGUN)[0]
    assert rules.cancel(after, "period_end", BEGUN)[0].due_at == datetime(2027, 2, 28, 9, tzinfo=UTC)


def test_cancelling_in_the_trial_ends_with_the_trial_and_charges_nothing():
    ending, tales = rules.cancel(in_trial(), "period_end", BEGUN)
    assert (ending.state, ending.due_at, ending.cancel_at) == ("cancelling", TRIAL_ENDS, TRIAL_ENDS)
    assert tales[0][2] == {"cancel_at": "2027-02-14T09:00:00Z"}
    assert rules.at_due(ending, TRIAL_ENDS - timedelta(seconds=1)) == (ending, [], False)
    gone, tales, is_charged = rules.at_due(ending, TRIAL_ENDS)
    assert (gone.state, gone.due_at, types(tales), is_charged) == ("cancelled", None, ["subscription.cancelled"], False)
    assert rules.cancel(in_trial(), "period_end", TRIAL_ENDS)[0].state == "cancelled", "its charge is due"
    assert rules.cancel(in_trial(), "now", BEGUN)[0].state == "cancelled"


def test_what_is_not_paid_is_cancelled_at_once():
    """Before the first charge, and once the period that was paid is over."""
    for known, now in (
        (new(), BEGUN),
        (running(), running().due_at),
        (running(), running().due_at + timedelta(days=1)),
    ):
        gone, tales = rules.cancel(known, "period_end", now, "moved away")
        assert (gone.state, gone.due_at, tales) == (
            "cancelled", None, [("subscription.cancelled", "end", {"reason": "moved away"})],
        )  # fmt: skip
    assert rules.cancel(running(), "now", BEGUN)[1] == [("subscription.cancelled", "end", {})]
    assert rules.cancel(new(anchor=TRIAL_ENDS, due_at=None), "period_end", BEGUN)[0].state == "cancelled"
    assert rules.cancel(running(), "period_end", running().due_at - timedelta(seconds=1))[0].state == "cancelling"


def test_a_trial_is_told_as_the_start_and_its_first_charge_as_a_renewal():
    trial, tales = rules.begin_trial(new(anchor=TRIAL_ENDS, due_at=None), BEGUN)
    assert tales == [
        ("subscription.started", "0", {
            "trial_ends_at": "2027-02-14T09:00:00Z",
            "period": {"start": "2027-01-31T09:00:00Z", "end": "2027-02-14T09:00:00Z"},
            "amount": {"minor": 1900, "currency": "EUR"},
        }),
    ]  # fmt: skip
    assert rules.at_due(trial, TRIAL_ENDS)[2] is True
    paid, tales = rules.charged(trial)
    assert (paid.state, paid.due_at) == ("active", datetime(2027, 3, 14, 9, tzinfo=UTC))
    assert types(tales) == ["subscription.renewed"]
    assert types(rules.charged(paid)[1]) == ["subscription.renewed"]


def test_a_first_charge_that_fails_is_tried_again_before_anything_is_past_due():
    known, tales = rules.charge_failed(new(), "card_declined", BEGUN, DUNNING)
    assert (known.state, known.due_at, known.attempt) == ("pending", BEGUN + timedelta(days=1), 1)
    assert tales == [
        ("subscription.payment_failed", "0.1", {
            "amount": {"minor": 1900, "currency": "EUR"}, "attempt": 1, "reason": "card_declined",
            "next_attempt_at": "2027-02-01T09:00:00Z",
        }),
    ]  # fmt: skip
    again, tales = rules.charge_failed(known, "card_declined", known.due_at, DUNNING)
    assert (again.due_at, again.attempt, tales[0][1]) == (known.due_at + timedelta(days=3), 2, "0.2")
    changed, _ = rules.other_method(known, "m_2", "chk_1", BEGUN)
    assert changed.due_at == BEGUN, "the other card is tried at once"
    unpaid = new(due_at=None)
    assert rules.other_method(unpaid, "m_2", "chk_1", BEGUN)[0].due_at is None, "nothing of it was charged yet"
    late, _ = rules.charge_failed(running(), "card_declined", BEGUN + timedelta(days=28), DUNNING)
    paused, _ = rules.pause(late, None, BEGUN + timedelta(days=28))
    assert rules.other_method(paused, "m_2", "chk_1", BEGUN)[0].due_at is None, "a pause goes on"


def test_a_pause_of_one_that_was_to_end_does_not_keep_it():
    ending, _ = rules.cancel(running(), "period_end", BEGUN)
    for until in (None, ending.cancel_at + timedelta(days=5)):
        paused, _ = rules.pause(ending, until, BEGUN)
        assert paused.due_at == ending.cancel_at
        gone, tales, is_charged = rules.at_due(paused, ending.cancel_at)
        assert (gone.state, types(tales), is_charged) == ("cancelled", ["subscription.cancelled"], False)
    early, _ = rules.pause(ending, BEGUN + timedelta(days=1), BEGUN)
    back, tales, is_charged = rules.at_due(early, BEGUN + timedelta(days=1))
    assert (back.state, back.due_at, types(tales)) == ("cancelling", ending.cancel_at, ["subscription.resumed"])
    assert is_charged is False
    later, _ = rules.cancel(rules.pause(running(), None, BEGUN)[0], "period_end", BEGUN)
    assert (later.state, later.due_at) == ("cancelling", ending.cancel_at)
    resumed, _ = rules.resume(paused, BEGUN + timedelta(days=2))
    assert (resumed.state, resumed.due_at) == ("cancelling", ending.cancel_at)


def test_a_charge_that_is_decided_after_it_was_cancelled_for_later_does_not_keep_it():
    ending, _ = rules.cancel(running(), "period_end", BEGUN)
    paid, _ = rules.charged(ending)
    assert paid.state == "cancelling"
    assert rules.at_due(paid, paid.due_at)[0].state == "cancelled"


def test_going_on_exactly_at_the_end_of_what_is_paid_begins_a_new_period():
    paused, _ = rules.pause(running(), None, BEGUN)
    end = paused.paid_until
    going, _ = rules.resume(paused, end)
    assert (going.anchor, going.base, going.due_at, going.state) == (end, 1, end, "active")
    inside, _ = rules.resume(paused, end - timedelta(seconds=1))
    assert (inside.anchor, inside.base, inside.due_at) == (BEGUN, 0, end)
    beyond_trial, _ = rules.resume(rules.pause(in_trial(), None, BEGUN)[0], TRIAL_ENDS + timedelta(days=3))
    assert (beyond_trial.state, beyond_trial.due_at) == ("active", TRIAL_ENDS + timedelta(days=3))


def test_after_a_pause_only_the_new_period_is_proportioned():
    back = datetime(2027, 4, 1, tzinfo=UTC)
    paused, _ = rules.pause(running(), back, BEGUN)
    going, _, _ = rules.at_due(paused, back)
    assert rules.change(going, back, quantity=2)[0].balance == 0, "nothing is paid of it yet"
    assert rules.change(paused, back - timedelta(days=1), quantity=2)[0].balance == 0
    paid, _ = rules.charged(going)
    assert (going.paid_until, paid.paid_until) == (back, datetime(2027, 5, 1, tzinfo=UTC))
    assert rules.change(paid, datetime(2027, 4, 16, tzinfo=UTC), quantity=2)[0].balance == 950
    second, _ = rules.charged(paid)
    assert rules.change(second, datetime(2027, 5, 1, tzinfo=UTC), quantity=2)[0].balance == 1900


def test_a_change_in_the_trial_or_before_the_first_charge_is_proportioned_by_nothing():
    for known in (new(), in_trial(), new(anchor=TRIAL_ENDS)):
        changed, _ = rules.change(known, BEGUN, quantity=3)
        assert (changed.balance, changed.charge) == (0, 5700)


def test_a_change_of_the_plan_takes_the_place_of_the_price_that_was_to_come():
    moved, _ = rules.price_changed(running(), "pln_1", 2500, "2")
    other, tales = rules.change(moved, BEGUN, plan="pln_9", price=900)
    assert (other.plan, other.price, other.next_price, other.next_plan) == ("pln_9", 900, None, None)
    assert rules.at_new_price(other) == other
    changes = {"plan": "pln_9", "price": {"minor": 900, "currency": "EUR"}}
    assert tales == [("subscription.updated", BEGUN.isoformat(), {"changes": changes})]
    more, tales = rules.change(moved, BEGUN, quantity=2, prorate="none")
    assert (more.next_price, more.next_plan, rules.at_new_price(more).charge) == (2500, "pln_1", 5000)
    assert tales[0][2]["changes"] == {"quantity": 2}
    card, tales = rules.change(moved, BEGUN, method="m_2")
    assert (card.method, card.balance, tales[0][2]["changes"]) == ("m_2", 0, {"method": "new"})
    assert (card.plan, card.price, card.quantity) == ("pln_1", 1900, 1)


def test_a_new_price_holds_once():
    moved, _ = rules.price_changed(running(), "pln_1", 2500, "2")
    first = rules.at_new_price(moved)
    assert (first.price, first.next_price, first.next_plan) == (2500, None, None)
    assert rules.at_new_price(replace(first, price=1)) == replace(first, price=1)
    unnamed = rules.at_new_price(replace(moved, next_plan=None))
    assert (unnamed.plan, unnamed.price) == ("pln_1", 2500)


def test_a_cheaper_plan_gives_the_rest_back_with_the_next_charge():
    known = running(anchor=datetime(2027, 4, 1, tzinfo=UTC), quantity=2)
    changed, _ = rules.change(replace(known, balance=100), datetime(2027, 4, 16, tzinfo=UTC), quantity=1)
    assert (changed.balance, changed.charge) == (100 - 950, 1900 + 100 - 950)
    assert rules.change(known, datetime(2027, 4, 16, tzinfo=UTC), quantity=1, prorate="none")[0].balance == 0


def test_the_discount_of_the_period_that_is_paid_is_what_a_change_is_proportioned_by():
    once = {"percent": "50", "cycles": 1}
    known = running(anchor=datetime(2027, 4, 1, tzinfo=UTC), discount=once)
    changed, _ = rules.change(known, datetime(2027, 4, 16, tzinfo=UTC), quantity=2)
    assert (changed.balance, changed.charge) == (475, 3800 + 475)
    second, _ = rules.charged(known)
    assert rules.change(second, datetime(2027, 5, 1, tzinfo=UTC), quantity=2)[0].balance == 1900, "it was paid whole"


def test_a_charge_is_told_with_its_period_to_the_second_and_its_amount():
    begun = rules.begin_now(new(quantity=2), BEGUN + timedelta(days=1, microseconds=5))
    paid, tales = rules.charged(begun)
    period = {"start": "2027-02-01T09:00:00Z", "end": "2027-03-01T09:00:00Z"}
    amount = {"minor": 3800, "currency": "EUR"}
    assert tales == [("subscription.started", "0", {"period": period, "amount": amount})]
    assert paid.due_at == datetime(2027, 3, 1, 9, 0, 0, 5, tzinfo=UTC)


def test_two_changes_within_a_second_are_told_both():
    parts = [
        rules.change(running(), BEGUN + timedelta(milliseconds=number), quantity=number)[1][0][1] for number in (2, 3)
    ]
    assert len(set(parts)) == 2


def test_what_is_paid_late_pays_the_present_period_or_is_set_off():
    late, _ = rules.charge_failed(running(), "no_payment", BEGUN + timedelta(days=42), DUNNING)
    paid, tales = rules.paid_late(late, 1, 1900, is_open=False)
    assert (paid.state, paid.cycle, paid.attempt, paid.balance, types(tales)) == (
        "active", 2, 0, 0, ["subscription.renewed"],
    )  # fmt: skip
    assert rules.paid_late(late, 1, 1900, is_open=True) == (replace(late, balance=-1900), [])
    assert rules.paid_late(paid, 1, 1900, is_open=False) == (replace(paid, balance=-1900), [])
    assert rules.paid_late(paid, None, 1900, is_open=False)[0].balance == -1900


def test_it_ends_after_its_charges_also_after_a_pause_and_not_before():
    known = running(cycles=2)
    assert rules.at_due(known, known.due_at)[2] is True
    paused, _ = rules.pause(rules.charged(known)[0], BEGUN + timedelta(days=400), BEGUN)
    back, _, _ = rules.at_due(paused, BEGUN + timedelta(days=400))
    gone, tales, is_charged = rules.at_due(back, BEGUN + timedelta(days=400))
    assert (gone.state, gone.due_at, types(tales), is_charged) == ("ended", None, ["subscription.ended"], False)
