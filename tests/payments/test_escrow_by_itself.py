"""What escrow does when its time comes: released when nobody objected, warned of before it lapses, lapsed."""

import pytest

from hub.errors import ActionError, TransientError
from hub.journal.tables_office import timers
from hub.payments.escrow import RELEASE
from tests.payments.held import TEN_PERCENT, WHOLE, asked, days, euros, held

GATEWAY = {"scope": "gateway"}


def released_on_the_third_day(quick, hold):
    quick.forward(days=2)
    assert quick.hold(hold).state == "held"
    quick.forward(days=1)
    assert quick.hold(hold).state == "released"


def test_silence_releases_after_some_days(market):
    market.provider("prv_ada")
    hold = held(market)
    given = {"hold": hold, "provider": "prv_ada", "commission": TEN_PERCENT, "after_days": 3}
    planned = market.act("release", given, "plan")
    assert (planned["status"], "releases_at" in planned) == ("held", True)
    market.forward(days=2)
    assert market.hold(hold).state == "held"
    market.forward(days=1, minutes=1)
    assert market.hold(hold).state == "released"
    assert market.account("provider:prv_ada") == -108_000
    assert market.events("escrow.released")[0]["reason"] == "nobody objected"


def test_a_frozen_hold_is_not_released_by_silence(quick):
    quick.provider("prv_ada")
    hold = held(quick)
    quick.act("release", {"hold": hold, "provider": "prv_ada", "after_days": 3}, "plan")
    quick.act("freeze", {"hold": hold}, "freeze")
    quick.forward(days=4)
    assert quick.hold(hold).state == "frozen"
    assert [one for one in quick.rows(timers) if one.kind == RELEASE] == [], "nothing is tried again and again"
    quick.act("unfreeze", {"hold": hold}, "unfreeze")
    quick.forward(days=3)
    assert quick.hold(hold).state == "released", "the days begin anew"


def test_a_lapsing_authorisation_is_told_a_day_before_and_can_be_collected(market):
    hold = held(market, needed=3)
    market.forward(days=5)
    assert market.events("escrow.lapsing") == []
    market.forward(days=1, hours=1)
    (event,) = market.events("escrow.lapsing")
    assert (event["amount"], event["mode"], "lapses_at" in event) == (WHOLE, "authorization", True)
    market.forward(hours=1)
    assert len(market.events("escrow.lapsing")) == 1
    assert market.act("collect", {"hold": hold}, "collect")["mode"] == "collected"
    market.heard("payment.succeeded")
    assert (market.hold(hold).state, market.account("held:job_12")) == ("held", -120_000)


def test_an_authorisation_that_lapsed_is_told_and_cannot_be_released(quick):
    hold = held(quick, needed=3)
    quick.forward_gateway(days=8)
    (event,) = quick.heard("escrow.lapsed")
    assert (event["hold"], event["amount"]) == (hold, WHOLE)
    assert quick.refused("release", {"hold": hold, "provider": "prv_ada"}) == "wrong_state"


def planned(market, hold, after_days=3, **more):
    return market.act("release", {"hold": hold, "provider": "prv_ada", "after_days": after_days, **more}, "plan")


def test_the_days_begin_when_the_hold_is_paid(quick):
    quick.provider("prv_ada")
    hold = asked(quick)
    assert "releases_at" not in planned(quick, hold["hold"])
    quick.forward(days=2, hours=23)
    quick.pay(hold["payment"])
    quick.heard("escrow.held")
    quick.forward(days=2, hours=23)
    assert quick.hold(hold["hold"]).state == "held"
    quick.forward(hours=1)
    assert quick.hold(hold["hold"]).state == "released"


def test_the_days_begin_anew_when_a_frozen_hold_is_let_go_on(quick):
    quick.provider("prv_ada")
    hold = held(quick)
    first = planned(quick, hold)["releases_at"]
    quick.forward(days=2)
    assert "releases_at" not in quick.act("freeze", {"hold": hold}, "freeze")
    again = quick.act("unfreeze", {"hold": hold}, "unfreeze")["releases_at"]
    assert first < days(quick, 2) < again < days(quick, 3)
    assert quick.act("unfreeze", {"hold": hold}, "twice")["releases_at"] == again
    released_on_the_third_day(quick, hold)


def test_a_dispute_that_is_won_begins_the_days_anew(quick):
    quick.provider("prv_ada")
    hold = held(quick)
    planned(quick, hold)
    quick.forward(days=2)
    dispute = quick.sandbox("POST", f"/test/payments/{quick.hold(hold).payment}/dispute", {})["id"]
    quick.heard("escrow.frozen")
    quick.sandbox("POST", f"/test/disputes/{dispute}/close", {"outcome": "won"})
    quick.heard("dispute.closed")
    released_on_the_third_day(quick, hold)


def test_a_plan_for_a_part_is_carried_out_once_and_another_may_follow(quick):
    quick.provider("prv_ada")
    hold = held(quick)
    planned(quick, hold, amount=euros(50_000), reason="half is done")
    quick.forward(days=3)
    assert quick.events("escrow.released")[0]["reason"] == "half is done"
    quick.act("freeze", {"hold": hold}, "freeze")
    assert "releases_at" not in quick.act("unfreeze", {"hold": hold}, "unfreeze")
    quick.forward(days=4)
    assert (quick.hold(hold).state, quick.account("provider:prv_ada")) == ("held", -50_000)
    quick.act("release", {"hold": hold, "provider": "prv_ada", "after_days": 1}, "rest")
    quick.forward(days=1)
    assert (quick.hold(hold).state, quick.account("provider:prv_ada")) == ("released", -120_000)


def test_a_plan_that_cannot_be_is_refused_at_once(quick):
    hold = held(quick)
    for more, code in (
        ({}, "bad_input"),
        ({"provider": "prv_ada", "amount": {"minor": 1, "currency": "USD"}}, "bad_input"),
    ):
        assert quick.refused("release", {"hold": hold, "after_days": 3, **more}) == code
    quick.act("cancel", {"hold": hold}, "cancel")
    assert quick.refused("release", {"hold": hold, "provider": "prv_ada", "after_days": 3}) == "wrong_state"
    assert quick.hold(hold).plan is None


def test_what_comes_due_while_the_money_is_on_the_move_is_done_afterwards(quick):
    """The gateway is down in the hour in which a plan is due and the authorisation is about to lapse."""
    quick.provider("prv_ada")
    hold = held(quick, needed=5)
    planned(quick, hold, after_days=6)
    quick.forward(days=5, hours=23, minutes=58)
    quick.sandbox("POST", "/test/misbehaviour", {**GATEWAY, "mode": "down"})
    with pytest.raises(TransientError):
        quick.act("cancel", {"hold": hold, "reason": "never"}, "cancel")
    quick.forward(minutes=5)
    assert (quick.hold(hold).state, quick.events("escrow.lapsing")) == ("releasing", [])
    quick.sandbox("POST", "/test/misbehaviour", {**GATEWAY, "mode": "refuse", "match": "never"})
    with pytest.raises(ActionError):
        quick.act("cancel", {"hold": hold, "reason": "never"}, "cancel")
    assert (quick.hold(hold).state, quick.events("escrow.released")) == ("held", [])
    quick.sandbox("POST", "/test/misbehaviour", {**GATEWAY, "mode": "off"})
    quick.forward(minutes=61)
    assert len(quick.events("escrow.lapsing")) == 1
    assert (quick.hold(hold).state, quick.account("provider:prv_ada")) == ("released", -120_000)
