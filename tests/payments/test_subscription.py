"""The clock of a subscription: a year of it, and what may happen in between."""

from datetime import UTC, datetime, timedelta

import pytest

from hub.errors import PermanentError
from hub.payments import subscription as rules
from hub.payments.subscription import Subscription

BEGUN = datetime(2027, 1, 31, 9, tzinfo=UTC)
DUNNING = tuple(timedelta(days=days) for days in (1, 3))


def new(**parts):
    given = {
        "id": "sub_1", "connection": "corner", "plan": "pln_1", "state": "pending", "price": 1900, "currency": "EUR",
        "quantity": 1, "interval": {"unit": "month", "count": 1}, "anchor": BEGUN, "due_at": BEGUN, "method": "m_1",
    }  # fmt: skip
    return Subscription(**{**given, **parts})


def running(**parts):
    return rules.charged(new(**parts))[0]


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
    assert (known.state, known.due_at) == ("cancelled", None)


def test_cancelling_at_the_end_of_what_is_paid_charges_nothing_more():
    known = running()
    ending, tales = rules.cancel(known, "period_end", BEGUN + timedelta(days=5), "moved away")
    assert (ending.state, types(tales)) == ("cancelling", ["subscription.updated"])
    over, tales, charge = rules.at_due(ending, ending.due_at)
    assert (over.state, types(tales), charge) == ("cancelled", ["subscription.cancelled"], False)


def test_cancelling_now_ends_it_and_a_second_time_is_refused():
    over, tales = rules.cancel(running(), "now", BEGUN)
    assert (over.state, types(tales)) == ("cancelled", ["subscription.cancelled"])
    with pytest.raises(PermanentError) as caught:
        rules.pause(over, None)
    assert caught.value.code == "wrong_state"


def test_a_pause_inside_a_period_changes_no_date():
    paused, _ = rules.pause(running(), None)
    assert rules.at_due(paused, BEGUN + timedelta(days=400))[2] is False
    going, _ = rules.resume(paused, BEGUN + timedelta(days=10))
    assert (going.state, going.due_at) == ("active", datetime(2027, 2, 28, 9, tzinfo=UTC))


def test_a_pause_beyond_the_period_begins_a_new_one_at_the_day_of_return():
    back = BEGUN + timedelta(days=100)
    paused, _ = rules.pause(running(), back)
    going, tales, charge = rules.at_due(paused, back)
    assert (types(tales), charge, going.due_at) == (["subscription.resumed"], False, back)
    paid, tales = rules.charged(going)
    assert tales[0][0] == "subscription.renewed"
    assert paid.due_at == datetime(2027, 6, 11, 9, tzinfo=UTC)


def test_it_ends_after_its_number_of_charges():
    known = running(cycles=1)
    over, tales, charge = rules.at_due(known, known.due_at)
    assert (over.state, types(tales), charge) == ("ended", ["subscription.ended"], False)


def test_a_new_price_of_the_plan_holds_from_the_next_period():
    moved, tales = rules.price_changed(running(), "pln_1", 2500)
    assert (moved.charge, types(tales)) == (2500, ["subscription.updated"])
    assert tales[0][2]["changes"] == {"price": {"minor": 2500, "currency": "EUR"}, "from": "2027-02-28T09:00:00Z"}
    paid, tales = rules.charged(moved)
    assert (tales[0][2]["amount"]["minor"], paid.price, paid.next_price) == (2500, 2500, None)


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
