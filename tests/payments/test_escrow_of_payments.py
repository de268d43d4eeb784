"""Escrow of payments that are there: each has one hold, and its money is given out once."""

import pytest

from hub.journal.entries import Happening
from tests.payments.held import asked, euros
from tests.payments.held import held as asked_and_paid

RULE = {"commission": {"percent": "10"}}


def test_a_payment_that_is_there_can_be_held(market):
    market.provider("prv_ada")
    body = {"amount": 4900, "currency": "EUR", "references": {"order": "o_77"}}
    payment = market.sandbox("POST", "/payments", body)["id"]
    market.pay(payment)
    market.heard("payment.succeeded")
    hold = market.act("hold", {"payment": payment}, "hold")
    assert (hold["status"], hold["mode"], hold["amount"]) == ("held", "collected", euros(4900))
    assert market.act("hold", {"payment": payment}, "hold")["hold"] == hold["hold"]
    assert len(market.events("escrow.held")) == 1
    market.act("release", {"hold": hold["hold"], "provider": "prv_ada"}, "release")
    assert market.account("provider:prv_ada") == -4900
    assert market.account("held:o_77") == 0


def test_a_payment_of_no_job_and_no_order_cannot_be_held(quick):
    payment = quick.sandbox("POST", "/payments", {"amount": 4900, "currency": "EUR"})["id"]
    quick.pay(payment)
    quick.heard("payment.succeeded")
    assert quick.refused("hold", {"payment": payment}) == "wrong_state"
    assert quick.refused("hold", {"payment": "pay_unknown"}) == "not_found"


def test_a_payment_that_is_disputed_already_is_frozen_from_the_moment_it_is_held(quick):
    asked_for = {"amount": 120_000, "currency": "EUR", "references": {"job": "job_12"}}
    payment = quick.sandbox("POST", "/payments", asked_for)["id"]
    quick.pay(payment)
    dispute = quick.sandbox("POST", f"/test/payments/{payment}/dispute", {})["id"]
    quick.heard("dispute.opened")
    hold = quick.act("hold", {"payment": payment}, "hold")
    assert hold["status"] == "frozen"
    quick.sandbox("POST", f"/test/disputes/{dispute}/close", {"outcome": "won"})
    quick.heard("dispute.closed")
    assert quick.hold(hold["hold"]).state == "held"


def paid(market, **more):
    """A payment of an order's, as its gateway tells of it."""
    body = {"amount": 4900, "currency": "EUR", "references": {"order": "o_77"}, **more}
    payment = market.sandbox("POST", "/payments", body)["id"]
    market.pay(payment)
    return payment


def test_who_holds_a_payment_a_second_time_gets_its_hold(quick):
    quick.provider("prv_ada")
    payment = paid(quick)
    quick.heard("payment.succeeded")
    first = quick.act("hold", {"payment": payment}, "first")["hold"]
    quick.act("freeze", {"hold": first}, "freeze")
    again = quick.act("hold", {"payment": payment, "connection": "sandbox", "job": "job_9"}, "again")
    assert (again["hold"], again["status"]) == (first, "frozen")
    quick.act("unfreeze", {"hold": first}, "unfreeze")
    quick.act("release", {"hold": first, "provider": "prv_ada"}, "release")
    assert quick.act("hold", {"payment": payment}, "late")["status"] == "released"
    assert quick.books() == {"gateway:sandbox": 4900, "provider:prv_ada": -4900}
    assert len(quick.events("escrow.held")) == 1


def test_a_payment_that_a_hold_began_has_that_hold(quick):
    hold = asked_and_paid(quick)
    assert quick.act("hold", {"payment": quick.hold(hold).payment}, "again")["hold"] == hold


def test_who_holds_a_payment_at_the_same_moment_gets_the_same_hold(market):
    payment = paid(market)
    market.heard("payment.succeeded")
    found = market.at_once(lambda number: market.act("hold", {"payment": payment}, f"hold{number}")["hold"], 6)
    assert len(set(found)) == 1
    assert len(market.events("escrow.held")) == 1


def test_a_payment_that_is_held_is_not_split_and_one_that_is_split_is_not_held(quick):
    quick.provider("prv_ada")
    split = {"provider": "prv_ada", "rule": RULE}
    payment = paid(quick)
    quick.heard("payment.succeeded")
    hold = quick.act("hold", {"payment": payment}, "hold")["hold"]
    for step in ("held", "frozen"):
        assert quick.refused("split", {"payment": payment, **split}, step) == "wrong_state"
        quick.act("freeze", {"hold": hold}, "freeze")
    other = paid(quick)
    quick.heard("payment.succeeded", 2)
    quick.act("split", {"payment": other, **split}, "split")
    assert quick.refused("hold", {"payment": other}) == "wrong_state"
    assert quick.account("provider:prv_ada") == -4410


def test_an_authorised_payment_is_held_as_it_is_and_taken_at_the_release(quick):
    quick.provider("prv_ada")
    payment = paid(quick, capture="manual")
    quick.heard("payment.authorized")
    hold = quick.act("hold", {"payment": payment}, "hold")
    assert (hold["status"], hold["mode"], hold["why"]) == (
        "held",
        "authorization",
        "The payment was authorised already.",
    )
    assert quick.hold(hold["hold"]).terms["lapses_at"]
    quick.act("release", {"hold": hold["hold"], "provider": "prv_ada"}, "release")
    quick.heard("payment.succeeded")
    assert quick.books() == {"gateway:sandbox": 4900, "provider:prv_ada": -4900}


def test_a_payment_that_nobody_paid_yet_is_held_when_it_comes_in(quick):
    body = {"amount": 4900, "currency": "EUR", "references": {"job": "job_7"}}
    payment = quick.sandbox("POST", "/payments", body)["id"]
    quick.heard("payment.created")
    hold = quick.act("hold", {"payment": payment}, "hold")
    assert (hold["status"], "Nobody paid" in hold["why"]) == ("requested", True)
    quick.pay(payment)
    (told,) = quick.heard("escrow.held")
    assert (told["hold"], told["job"], quick.account("held:job_7")) == (hold["hold"], "job_7", -4900)


@pytest.mark.parametrize("connection", ["crm", "nowhere"])
def test_a_payment_of_another_connection_is_not_found(quick, connection):
    payment = paid(quick)
    quick.heard("payment.succeeded")
    assert quick.refused("hold", {"payment": payment, "connection": connection}) == "not_found"


def attempt(market, hold, what, payment="pay_other", source="sandbox"):
    """A gateway tells of another attempt of the payer's to pay what a hold asks for."""
    data = {"payment": payment, "amount": euros(120_000), "job": "job_12", "metadata": {"hub_hold": hold}}
    told = Happening(f"payment.{what}", source, f"{what}:{payment}", data, market.hub.now())
    market.hub.recorder.record(told, market.hub.now())


@pytest.mark.parametrize("what", ["failed", "succeeded", "authorized", "expired"])
def test_another_attempt_of_the_payers_takes_nothing_from_the_payment_that_is_held(quick, what):
    quick.provider("prv_ada")
    hold = asked_and_paid(quick)
    payment = quick.hold(hold).payment
    attempt(quick, hold, what)
    assert (quick.hold(hold).payment, quick.hold(hold).state) == (payment, "held")
    assert quick.act("cancel", {"hold": hold}, "cancel")["returned"] == euros(120_000)
    (refund,) = quick.heard("refund.issued")
    assert refund["payment"] == payment
    attempt(quick, hold, what, "pay_late")
    assert quick.hold(hold).payment == payment


def test_the_attempt_that_is_paid_is_the_holds_payment(quick):
    hold = asked(quick)["hold"]
    attempt(quick, hold, "failed", "pay_first")
    assert quick.hold(hold).state == "requested"
    attempt(quick, hold, "succeeded", "pay_second")
    attempt(quick, hold, "failed", "pay_third")
    assert (quick.hold(hold).payment, quick.hold(hold).state) == ("pay_second", "held")


def test_who_pays_again_after_an_authorisation_lapsed_is_held_again(quick):
    hold = asked_and_paid(quick, needed=3)
    quick.sandbox("POST", f"/payments/{quick.hold(hold).payment}/void", {})
    quick.heard("escrow.lapsed")
    attempt(quick, hold, "succeeded")
    assert (quick.hold(hold).payment, quick.hold(hold).state, quick.hold(hold).mode) == (
        "pay_other",
        "held",
        "collected",
    )


def test_what_another_connection_tells_of_a_hold_moves_nothing(quick):
    hold = asked(quick)
    attempt(quick, hold["hold"], "succeeded", source="elsewhere")
    assert (quick.hold(hold["hold"]).payment, quick.hold(hold["hold"]).state) == (hold["payment"], "requested")


def test_a_payment_that_two_connections_know_is_held_where_the_caller_says(quick):
    settings = {"api_base": f"http://127.0.0.1:{quick.port}/sandbox", "api_key": "sk", "webhook_secret": "whsec"}
    quick.hub.accounts.create("other", "sandbox", settings, "test")
    payment = paid(quick)
    quick.heard("payment.succeeded")
    attempt(quick, "", "succeeded", payment, "other")
    assert quick.refused("hold", {"payment": payment}) == "bad_input"
    hold = quick.act("hold", {"payment": payment, "connection": "sandbox"}, "hold")
    assert (hold["connection"], hold["amount"]) == ("sandbox", euros(4900))


def test_the_reason_of_the_way_that_was_chosen_is_not_told_of_a_payment_that_came_in_the_other_way(quick):
    hold = asked(quick, needed=3)
    assert (hold["mode"], "Nothing is taken before" in hold["why"]) == ("authorization", True)
    attempt(quick, hold["hold"], "succeeded", hold["payment"])
    (told,) = quick.events("escrow.held")
    assert (told["mode"], "reason" in told) == ("collected", False)
