"""Escrow when the process dies or the gateway is down: nothing is lost, nothing is done twice."""

import pytest

from hub.errors import PermanentError, TransientError, UncertainError
from hub.payments import dividing
from tests.payments.held import TEN_PERCENT, asked, euros, held
from tests.payments.market import KilledError


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    ("needed", "number", "step"),
    [
        (3, 0, "release"),
        (3, 0, "settle"),
        (30, 0, "settle"),
        (3, 0, "cancel"),
        (30, 0, "cancel"),
    ],
)
def test_a_division_that_dies_at_the_gateway_is_finished_once(market, moment, needed, number, step):
    market.provider("prv_ada")
    hold = held(market, needed=needed)
    parts = [{"provider": "prv_ada", "amount": euros(72_000)}, {"customer": "ada", "amount": euros(48_000)}]
    given = {
        "release": {"hold": hold, "provider": "prv_ada", "commission": TEN_PERCENT},
        "settle": {"hold": hold, "parts": parts},
        "cancel": {"hold": hold},
    }[step]
    market.die_at(number, moment)
    with pytest.raises(KilledError):
        market.act(step, given, "step")
    assert market.hold(hold).state == "releasing"
    market.act(step, given, "step")
    market.run_due()
    _ended(market, hold, step)


@pytest.mark.parametrize("step", ["release", "settle"])
def test_what_a_dead_step_left_is_finished_by_the_clock(market, step):
    market.provider("prv_ada")
    hold = held(market, needed=3)
    parts = [{"provider": "prv_ada", "amount": euros(72_000)}, {"customer": "ada", "amount": euros(48_000)}]
    release = {"hold": hold, "provider": "prv_ada", "commission": TEN_PERCENT}
    given = release if step == "release" else {"hold": hold, "parts": parts}
    market.die_at(0, "after")
    with pytest.raises(KilledError):
        market.act(step, given, "step")
    market.forward(minutes=5)
    assert market.hold(hold).state == "releasing", "whoever began it is left alone for a while"
    market.forward(minutes=6)
    _ended(market, hold, step)
    market.act(step, given, "step")
    _ended(market, hold, step)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_transfer_that_dies_is_made_once(market, moment):
    market.provider("prv_ada", account="acct_ada")
    hold = held(market)
    market.act("release", {"hold": hold, "provider": "prv_ada", "commission": TEN_PERCENT}, "release")
    market.die_at(0, moment)
    with pytest.raises(KilledError):
        market.run_due()
    market.forward(minutes=3)
    assert market.balance("provider:acct_ada") == 108_000
    market.heard("transfer.sent")
    assert (market.account("provider:prv_ada"), market.payouts()[0].state) == (0, "paid")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_hold_that_dies_while_its_payment_is_begun_begins_one_payment(quick, moment):
    quick.die_at(0, moment)
    with pytest.raises(KilledError):
        asked(quick)
    hold = asked(quick)
    assert len({payment["id"] for payment in quick.sandbox("GET", "/payments")["data"]}) == 1
    quick.pay(hold["payment"])
    quick.heard("escrow.held")


def test_a_hold_whose_payment_was_begun_by_a_dead_step_is_held_when_it_is_paid(quick):
    quick.die_at(0, "after")
    with pytest.raises(KilledError):
        asked(quick)
    (payment,) = quick.sandbox("GET", "/payments")["data"]
    quick.pay(payment["id"])
    (told,) = quick.heard("escrow.held")
    assert (quick.hold(told["hold"]).payment, quick.account("held:job_12")) == (payment["id"], -120_000)


@pytest.mark.parametrize("needed", [30, 3])
def test_what_went_back_before_a_dead_step_is_repeated_cannot_be_released(quick, needed):
    quick.die_at(0, "after")
    with pytest.raises(KilledError):
        asked(quick, needed=needed)
    (payment,) = quick.sandbox("GET", "/payments")["data"]
    quick.pay(payment["id"])
    (told,) = quick.heard("escrow.held")
    if needed == 3:
        quick.sandbox("POST", f"/payments/{payment['id']}/void", {})
        quick.heard("escrow.lapsed")
    else:
        quick.sandbox("POST", "/refunds", {"payment": payment["id"], "amount": 50_000})
        quick.heard("refund.issued")
    hold = asked(quick, needed=needed)
    assert hold["hold"] == told["hold"]
    assert (hold["status"], hold["left"]) == (("lapsed", euros(0)) if needed == 3 else ("held", euros(70_000)))
    assert len(quick.events("escrow.held")) == 1


def test_a_gateway_that_is_down_is_asked_again(quick):
    quick.provider("prv_ada")
    hold = held(quick, needed=3)
    given = {"hold": hold, "provider": "prv_ada", "commission": TEN_PERCENT}
    quick.sandbox("POST", "/test/misbehaviour", {"scope": "gateway", "mode": "down", "requests": 20})
    with pytest.raises(TransientError):
        quick.act("release", given, "step")
    assert quick.hold(hold).state == "releasing"
    quick.sandbox("POST", "/test/misbehaviour", {"scope": "gateway", "mode": "off"})
    assert quick.act("release", given, "step")["status"] == "released"


@pytest.mark.parametrize("happened", [True, False])
def test_a_call_of_which_nobody_knows_waits_for_a_person_and_is_made_again_only_if_it_did_not_happen(
    quick, monkeypatch, happened
):
    hold, act, asked_for = held(quick), quick.hub.payments.act, []

    def lost(name, action, key, given, **said):
        if action != "payment.refund":
            return act(name, action, key, given, **said)
        asked_for.append(given["amount"])
        if len(asked_for) == 1:
            raise UncertainError("Lost.", code="lost", remedy="Look.")
        return act(name, action, key, given, **said)

    monkeypatch.setattr(quick.hub.payments, "act", lost)
    monkeypatch.setattr("hub.engine.office.HubOffice._unknown", lambda self, key, error, repeatable: error)
    with pytest.raises(UncertainError):
        quick.act("cancel", {"hold": hold}, "cancel")
    (division,) = quick.divisions()
    assert (division.state, division.error["message"], quick.hold(hold).state) == ("uncertain", "Lost.", "releasing")
    quick.forward(days=1)
    assert len(asked_for) == 1, "nobody tries it by himself"
    dividing.decide(quick.hub.office("page"), division.id, happened=happened)
    quick.run_due()
    assert (quick.hold(hold).state, len(asked_for)) == ("refunded", 1 if happened else 2)
    with pytest.raises(PermanentError) as caught:
        dividing.decide(quick.hub.office("page"), division.id, happened=True)
    assert caught.value.code == "wrong_state"


def _ended(market, hold, step):
    """Every unit is where it belongs, and nothing was done twice."""
    state = {"release": "released", "settle": "settled", "cancel": "refunded"}[step]
    assert market.hold(hold).state == state
    provider = {"release": 108_000, "settle": 72_000, "cancel": 0}[step]
    paid_in = {"release": 120_000, "settle": 72_000, "cancel": 0}[step]
    market.until(lambda: -market.account("provider:prv_ada") == provider and not market.account("held:job_12"))
    assert market.balance("payers") == -paid_in
    told = "escrow.released" if step == "release" else "escrow.settled"
    assert len(market.events(told)) == 1
    assert [row.state for row in market.divisions()] == ["done"]
