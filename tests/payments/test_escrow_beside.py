"""Payments that come in beside the one that a hold keeps: they go back, and what a gateway keeps waits for a person."""

from itertools import permutations

import pytest

from hub.engine.unreturned import settle, unreturned
from hub.errors import NotFoundError, PermanentError
from hub.journal.entries import Happening
from hub.journal.tables_work import jobs
from hub.vocabulary import validate_data
from tests.payments.held import WHOLE, asked, euros, held
from tests.payments.market import complete

HELD = {"gateway:sandbox": 120_000, "held:job_12": -120_000}


def second(market, hold, capture="automatic", job="job_12", **more):
    """Another payment of the payer's for what a hold asks for; gives its number."""
    given = {"amount": WHOLE, "job": job, "capture": capture, "metadata": {"hub_hold": hold}, **more}
    number = str(len(market.calls))
    made = market.hub.payments.act("sandbox", "payment.create", number.encode().hex().ljust(40, "a")[:40], given)
    return made["payment"]


def beside(market, hold):
    return {name: pair[0] for name, pair in market.hold(hold).terms["beside"].items()}


def tell(market, event_type, payment, source_id=None, minor=120_000, **data):
    data = {"payment": payment, "amount": euros(minor), "job": "job_12", **data}
    told = Happening(event_type, "sandbox", source_id or f"{event_type}:{payment}", data, market.hub.now())
    market.hub.recorder.record(told, market.hub.now())


def test_a_second_payment_goes_back_and_the_first_stays_held(market):
    hold = held(market)
    payment = second(market, hold)
    market.pay(payment)
    market.heard("payment.succeeded", 2)
    (told,) = market.events("escrow.paid_again")
    validate_data("escrow.paid_again", told)
    assert (told["hold"], told["payment"], told["amount"], told["job"]) == (hold, payment, WHOLE, "job_12")
    market.run_due()
    (refund,) = market.heard("refund.issued")
    assert (refund["payment"], refund["amount"]) == (payment, WHOLE)
    assert (market.hold(hold).state, beside(market, hold)) == ("held", {payment: "refunded"})
    assert market.books() == HELD
    assert market.balance("payers") == -120_000
    market.act("cancel", {"hold": hold}, "cancel")
    market.until(lambda: not market.books())


@pytest.mark.parametrize("step", ["release", "cancel"])
def test_it_goes_back_when_the_hold_is_over_already(quick, step):
    quick.provider("prv_ada")
    hold = held(quick)
    quick.act(step, {"hold": hold, **({"provider": "prv_ada"} if step == "release" else {})}, step)
    state = quick.hold(hold).state
    payment = second(quick, hold)
    quick.pay(payment)
    quick.heard("escrow.paid_again")
    quick.run_due()
    quick.until(lambda: quick.account("held:job_12") == 0)
    assert (quick.hold(hold).state, beside(quick, hold)) == (state, {payment: "refunded"})


def test_two_processes_that_take_up_the_timer_give_it_back_once(market):
    hold = held(market)
    market.pay(second(market, hold))
    market.heard("escrow.paid_again")
    market.at_once(lambda _: market.run_due(), 4)
    market.heard("refund.issued")
    assert len(market.events("refund.issued")) == 1
    assert market.books() == HELD


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_whichever_news_comes_first_one_payment_is_held_and_the_others_go_back(quick, order):
    hold = asked(quick)["hold"]
    numbers = [f"pay_{number}" for number in range(3)]
    for number in order:
        tell(quick, "payment.succeeded", numbers[number], metadata={"hub_hold": hold})
    first, *others = (numbers[number] for number in order)
    assert quick.hold(hold).payment == first
    assert beside(quick, hold) == dict.fromkeys(others, "surplus")
    assert quick.account("held:job_12") == -360_000
    for number in numbers:  # the same news once more
        tell(quick, "payment.succeeded", number, metadata={"hub_hold": hold})
    assert len(quick.events("escrow.paid_again")) == 2


def test_an_authorisation_that_came_in_beside_is_let_go_and_goes_back_if_it_was_taken_all_the_same(quick):
    hold = held(quick)
    payment = second(quick, hold, "manual")
    quick.pay(payment)
    quick.heard("escrow.paid_again")
    assert beside(quick, hold) == {payment: "surplus"}
    quick.run_due()
    quick.heard("payment.voided")
    assert beside(quick, hold) == {payment: "let_go"}
    assert quick.books() == HELD
    tell(quick, "payment.succeeded", payment, metadata={"hub_hold": hold})
    assert beside(quick, hold) == {payment: "surplus"}
    assert quick.account("held:job_12") == -240_000


def kept(market):
    """A second payment that the gateway does not give back; gives the hold and the payment."""
    hold = held(market)
    payment = second(market, hold)
    market.pay(payment)
    market.heard("escrow.paid_again")
    market.sandbox("POST", "/test/misbehaviour", {"scope": "gateway", "mode": "refuse", "match": "duplicate"})
    market.run_due()
    market.sandbox("POST", "/test/misbehaviour", {"scope": "gateway", "mode": "off"})
    return hold, payment


def test_what_the_gateway_keeps_waits_for_a_person_and_is_tried_once_more(quick):
    hold, payment = kept(quick)
    (told,) = quick.events("escrow.not_given_back")
    validate_data("escrow.not_given_back", told)
    assert (told["payment"], told["amount"], told["error"]["code"]) == (payment, WHOLE, "invalid_request")
    (one,) = unreturned(quick.hub)
    assert (one.kind, one.subject, one.payment, one.amount) == ("hold", hold, payment, WHOLE)
    assert unreturned(quick.hub, hold) == unreturned(quick.hub, payment=("sandbox", payment)) == [one]
    assert unreturned(quick.hub, "job_12") == unreturned(quick.hub, payment=("sandbox", "pay_other")) == []
    assert quick.account("held:job_12") == -240_000
    settle(quick.hub, "hold", hold, payment, given_back=False)
    quick.run_due()
    quick.heard("refund.issued")
    assert (beside(quick, hold), unreturned(quick.hub), quick.books()) == ({payment: "refunded"}, [], HELD)


def test_a_person_says_that_they_gave_it_back(quick):
    hold, payment = kept(quick)
    settle(quick.hub, "hold", hold, payment, given_back=True)
    assert (beside(quick, hold), unreturned(quick.hub)) == ({payment: "by_hand"}, [])
    with pytest.raises(PermanentError, match="does not wait"):
        settle(quick.hub, "hold", hold, payment, given_back=True)
    quick.run_due()
    assert quick.events("refund.issued") == []


def test_of_two_who_settle_it_at_once_one_is_told(quick, monkeypatch):
    hold, payment = kept(quick)
    real = quick.hub.recorder.change

    def late(*given):
        monkeypatch.undo()
        settle(quick.hub, "hold", hold, payment, given_back=True)
        return real(*given)

    monkeypatch.setattr(quick.hub.recorder, "change", late)
    with pytest.raises(NotFoundError, match="at this very moment"):
        settle(quick.hub, "hold", hold, payment, given_back=False)
    assert beside(quick, hold) == {payment: "by_hand"}


def test_what_is_given_back_at_the_gateway_itself_needs_nobody(quick):
    hold, payment = kept(quick)
    tell(quick, "refund.issued", payment, "r_1", 20_000, refund="r_1")
    assert [one.amount for one in unreturned(quick.hub)] == [euros(100_000)]
    tell(quick, "refund.issued", payment, "r_2", 100_000, refund="r_2")
    assert unreturned(quick.hub) == []
    assert (quick.hold(hold).state, quick.books()) == ("held", HELD)


def test_a_refund_that_the_bank_sends_back_waits_for_a_person(quick):
    hold = held(quick)
    payment = second(quick, hold)
    quick.pay(payment)
    quick.heard("escrow.paid_again")
    quick.run_due()
    (refund,) = quick.heard("refund.issued")
    tell(quick, "refund.failed", payment, refund=refund["refund"])
    assert [one.message for one in unreturned(quick.hub)] == ["The payer's bank did not take it back."]
    assert quick.account("held:job_12") == -240_000
    assert quick.hold(hold).state == "held"


def test_a_dispute_of_it_that_is_won_lets_it_go_back(quick):
    hold = held(quick)
    payment = second(quick, hold)
    quick.silence()
    quick.sandbox("POST", f"/test/payments/{payment}/choose", {"choice": "pay"})
    tell(quick, "payment.succeeded", payment, metadata={"hub_hold": hold})
    tell(quick, "dispute.opened", payment, dispute="dis_1")
    quick.run_due()
    assert quick.events("refund.issued") == []
    tell(quick, "dispute.closed", payment, dispute="dis_1", outcome="won")
    quick.run_due()
    assert (beside(quick, hold), len(quick.events("refund.issued"))) == ({payment: "refunded"}, 1)
    assert (quick.hold(hold).state, quick.hold(hold).terms["disputes"]) == ("held", {})
    assert quick.books() == HELD


def test_what_went_back_is_not_the_holds_when_the_first_one_lapses(quick):
    hold = held(quick, needed=3)
    payment = second(quick, hold)
    quick.pay(payment)
    quick.heard("escrow.paid_again")
    quick.sandbox("POST", f"/payments/{quick.hold(hold).payment}/void", {})
    quick.heard("escrow.lapsed")
    quick.run_due()
    quick.heard("refund.issued")
    assert (quick.hold(hold).state, len(quick.events("escrow.held")), quick.books()) == ("lapsed", 1, {})


def test_a_payment_of_a_job_that_the_hub_knows_is_the_jobs_to_give_back(quick):
    hold = held(quick)
    job = {"id": "job_12", "number": 12, "title": "A piano", "state": "accepted", "hold": hold}
    job |= {"connection": "sandbox", "payment": quick.hold(hold).payment}
    quick.hub.office("job").change(lambda book: book.insert(jobs, complete(jobs, job)))
    payment = second(quick, hold)
    quick.pay(payment)
    quick.heard("payment.succeeded", 2)
    assert (beside(quick, hold), quick.events("escrow.paid_again")) == ({}, [])
    quick.run_due()
    (refund,) = quick.heard("refund.issued")
    assert (refund["payment"], quick.books()) == (payment, HELD)


@pytest.mark.parametrize("what", ["created", "failed", "expired"])
def test_an_attempt_that_brought_nothing_has_nothing_to_give_back(quick, what):
    hold = held(quick)
    tell(quick, f"payment.{what}", "pay_other", metadata={"hub_hold": hold})
    assert (beside(quick, hold), quick.events("escrow.paid_again")) == ({}, [])
