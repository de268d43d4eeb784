"""Escrow on the sandbox gateway: held, released, frozen, settled, given back, to the minor unit."""

import pytest

from hub.connect.manifest import Manifest
from hub.payments import ledger
from tests.payments.held import TEN_PERCENT, WHOLE, asked, days, euros, held

# hold and release


def test_money_that_is_needed_late_is_collected_and_released_less_commission(market):
    market.provider("prv_ada")
    hold = asked(market)
    assert (hold["status"], hold["mode"]) == ("requested", "collected")
    assert "surely lasts 7 days only" in hold["why"]
    assert hold["checkout_url"].startswith("http")
    market.pay(hold["payment"])
    (event,) = market.heard("escrow.held")
    assert (event["hold"], event["job"], event["mode"], event["amount"]) == (hold["hold"], "job_12", "collected", WHOLE)
    assert market.account("held:job_12") == -120_000

    done = market.act("release", {"hold": hold["hold"], "provider": "prv_ada", "commission": TEN_PERCENT}, "release")
    part = {"provider": "prv_ada", "amount": euros(108_000), "commission": euros(12_000)}
    assert (done["status"], done["left"], done["parts"]) == ("released", euros(0), [part])
    (event,) = market.events("escrow.released")
    assert (event["amount"], event["parts"]) == (WHOLE, [part])
    assert market.account("held:job_12") == 0
    assert market.account("provider:prv_ada") == -108_000
    assert market.account(ledger.COMMISSION) == -12_000


def test_money_that_is_needed_soon_is_only_authorised_and_taken_at_the_release(market):
    market.provider("prv_ada")
    hold = held(market, needed=3)
    assert market.hold(hold).mode == "authorization"
    assert market.books() == {}, "nothing was taken yet"
    done = market.act("release", {"hold": hold, "provider": "prv_ada", "commission": TEN_PERCENT}, "release")
    assert (done["status"], done["released"]) == ("released", WHOLE)
    market.heard("payment.succeeded")
    assert market.account("provider:prv_ada") == -108_000
    assert market.account("held:job_12") == 0


@pytest.mark.parametrize(
    ("amount", "provider", "commission"),
    [
        ({"minor": 120_000, "currency": "JPY"}, 108_000, 12_000),
        ({"minor": 1_200_005, "currency": "KWD"}, 1_080_004, 120_001),
        ({"minor": 1, "currency": "EUR"}, 1, 0),
    ],
)
def test_shares_add_up_in_every_currency(quick, amount, provider, commission):
    quick.provider("prv_ada")
    hold = held(quick, amount=amount)
    quick.act("release", {"hold": hold, "provider": "prv_ada", "commission": TEN_PERCENT}, "release")
    currency = amount["currency"]
    assert quick.account("provider:prv_ada", currency) == -provider
    assert quick.account(ledger.COMMISSION, currency) == -commission
    assert quick.account("held:job_12", currency) == 0


def test_a_provider_with_an_account_at_the_gateway_gets_the_share_there(market):
    market.provider("prv_ada", account="acct_ada")
    hold = held(market)
    market.act("release", {"hold": hold, "provider": "prv_ada", "commission": TEN_PERCENT}, "release")
    assert market.account("provider:prv_ada") == 0, "it is on its way, and cannot be paid out a second time"
    market.run_due()
    assert market.balance("provider:acct_ada") == 108_000
    (sent,) = market.heard("transfer.sent")
    assert (sent["amount"], sent["payment"]) == (euros(108_000), market.hold(hold).payment)
    about = {"hold": hold, "job": "job_12", "provider": "prv_ada", "hub_payout": market.payouts()[0].id}
    assert about.items() <= sent["metadata"].items()
    (payout,) = market.payouts()
    assert (payout.way, payout.state, payout.amount) == ("transfer", "paid", 108_000)
    assert market.account("provider:prv_ada") == 0


def test_a_share_that_the_gateway_does_not_pass_on_is_due_and_holds_up_nobody(quick):
    quick.provider("prv_ada", account="acct_ada")
    quick.provider("prv_bob", account="acct_bob_restricted")
    hold = held(quick)
    parts = [{"provider": name, "amount": euros(60_000)} for name in ("prv_bob", "prv_ada")]
    quick.act("release", {"hold": hold, "parts": parts}, "release")
    quick.run_due()
    assert {row.provider: row.state for row in quick.payouts()} == {"prv_ada": "paid", "prv_bob": "failed"}
    assert quick.account("provider:prv_bob") == -60_000
    (failed,) = quick.events("transfer.failed")
    assert (failed["provider"], failed["amount"]) == ("prv_bob", euros(60_000))
    assert (failed["payment"], failed["job"]) == (quick.hold(hold).payment, "job_12")
    assert "restricted" in failed["reason"]


def test_a_hold_is_released_in_parts(market):
    market.provider("prv_ada")
    hold = held(market, needed=3)
    first = {"hold": hold, "provider": "prv_ada", "commission": TEN_PERCENT, "amount": euros(50_000)}
    done = market.act("release", first, "one")
    assert (done["status"], done["mode"], done["left"]) == ("held", "collected", euros(70_000))
    again = market.act("release", first, "one")
    assert again["left"] == euros(70_000), "the same step again releases nothing more"
    assert market.refused("release", {**first, "amount": euros(70_001)}) == "amount_exceeds_rest"
    done = market.act("release", {**first, "amount": euros(70_000)}, "two")
    assert (done["status"], len(done["parts"])) == ("released", 2)
    market.heard("payment.succeeded")
    assert market.account("provider:prv_ada") == -108_000
    assert [event["amount"]["minor"] for event in market.events("escrow.released")] == [50_000, 70_000]


def test_a_commission_may_be_fixed_and_has_a_minimum(quick):
    quick.provider("prv_ada")
    hold = held(quick)
    rule = {"percent": "1", "fixed": euros(100), "minimum": euros(2_000)}
    done = quick.act("release", {"hold": hold, "provider": "prv_ada", "commission": rule}, "release")
    assert done["parts"][0]["commission"] == euros(2_000)


def test_a_hold_without_a_job_has_an_account_of_its_own(quick):
    quick.provider("prv_ada")
    given = {"connection": "sandbox", "amount": WHOLE, "needed_until": days(quick, 30)}
    hold = quick.act("hold", given, "hold")
    quick.pay(hold["payment"])
    quick.heard("escrow.held")
    assert quick.account(f"held:{hold['hold']}") == -120_000
    quick.act("release", {"hold": hold["hold"], "provider": "prv_ada"}, "release")
    assert quick.account(f"held:{hold['hold']}") == 0


def test_money_that_is_needed_longer_than_the_gateway_keeps_it_is_held_and_told_so(quick):
    given = {"connection": "sandbox", "amount": WHOLE, "needed_until": days(quick, 100)}
    hold = quick.act("hold", given, "hold")
    assert "for 90 days" in hold["why"]
    quick.pay(hold["payment"])
    (held_now,) = quick.heard("escrow.held")
    assert (held_now["mode"], held_now["reason"]) == ("collected", hold["why"])


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"amount": euros(0)}, "amount_too_small"),
        ({"connection": "crm"}, "not_enabled"),
        ({"amount": None}, "bad_input"),
        ({"needed_until": None}, "bad_input"),
    ],
)
def test_a_hold_that_cannot_be_is_refused(quick, more, code):
    given = {"connection": "sandbox", "amount": WHOLE, "job": "job_12", "needed_until": days(quick, 3), **more}
    assert quick.refused("hold", {name: value for name, value in given.items() if value is not None}) == code
    assert quick.calls == []


def test_a_refund_that_the_gateway_answers_as_failed_refuses_the_division(quick, monkeypatch):
    hold, act = held(quick), quick.hub.payments.act
    monkeypatch.setattr(
        quick.hub.payments,
        "act",
        lambda name, action, *rest, **said: (
            {"refund": "re_1", "status": "failed"} if action == "payment.refund" else act(name, action, *rest, **said)
        ),
    )
    assert quick.refused("cancel", {"hold": hold}) == "wrong_state"
    assert (quick.hold(hold).state, quick.account("held:job_12")) == ("held", -120_000)
    assert quick.events("escrow.settled") == []


def test_a_part_that_is_all_commission_is_passed_on_to_nobody(quick):
    quick.provider("prv_ada", account="acct_ada")
    part = {"provider": "prv_ada", "amount": euros(0), "commission": euros(120_000)}
    done = quick.act("release", {"hold": held(quick), "parts": [part]}, "release")
    assert (done["status"], quick.payouts(), quick.account(ledger.COMMISSION)) == ("released", [], -120_000)


# dispute, settlement, cancelling


def test_a_frozen_hold_is_settled_sixty_to_forty(market):
    market.provider("prv_ada")
    hold = held(market)
    assert market.act("freeze", {"hold": hold, "reason": "not as agreed"}, "freeze")["status"] == "frozen"
    assert market.events("escrow.frozen")[0]["reason"] == "not as agreed"
    assert market.refused("release", {"hold": hold, "provider": "prv_ada"}) == "wrong_state"
    parts = [
        {"provider": "prv_ada", "amount": euros(64_800), "commission": euros(7_200)},
        {"customer": "ada@example.com", "amount": euros(48_000)},
    ]
    wrong = [{**parts[0], "amount": euros(64_801)}, parts[1]]
    assert market.refused("settle", {"hold": hold, "parts": wrong}) == "amount_exceeds_rest"
    assert market.refused("settle", {"hold": hold, "parts": parts[:1]}, "less") == "bad_input"
    done = market.act("settle", {"hold": hold, "parts": parts}, "settle")
    assert (done["status"], done["released"], done["returned"]) == ("settled", euros(72_000), euros(48_000))
    (refund,) = market.heard("refund.issued")
    assert refund["amount"] == euros(48_000)
    assert market.events("escrow.settled")[0]["parts"] == parts
    assert market.account("provider:prv_ada") == -64_800
    assert market.account(ledger.COMMISSION) == -7_200
    assert market.account("held:job_12") == 0
    assert market.balance("payers") == -72_000, "the payer really has it back"


def test_a_settled_authorisation_takes_only_what_the_provider_gets(market):
    market.provider("prv_ada")
    hold = held(market, needed=3)
    parts = [{"provider": "prv_ada", "amount": euros(72_000)}, {"customer": "ada", "amount": euros(48_000)}]
    assert market.act("settle", {"hold": hold, "parts": parts}, "settle")["status"] == "settled"
    (paid,) = market.heard("payment.succeeded")
    assert paid["captured"] == euros(72_000)
    assert [action for action, _ in market.calls] == ["payment.create", "payment.capture"]
    assert market.account("provider:prv_ada") == -72_000
    assert market.account("held:job_12") == 0


@pytest.fixture
def whole_only(quick, monkeypatch):
    """The gateway takes an authorisation whole or not at all, and cannot let it go."""
    limits = quick.hub.registry.get("sandbox").manifest.capabilities["escrow"].limits
    monkeypatch.setitem(limits, "partial_capture", False)
    offered = Manifest.offered
    monkeypatch.setattr(
        Manifest, "offered", lambda self, action: None if action == "payment.void" else offered(self, action)
    )


@pytest.mark.usefixtures("whole_only")
@pytest.mark.parametrize(("step", "kept"), [("settle", 72_000), ("cancel", 0)])
def test_where_only_the_whole_can_be_taken_the_payers_part_is_refunded(quick, step, kept):
    quick.provider("prv_ada")
    hold = held(quick, needed=3)
    parts = [{"provider": "prv_ada", "amount": euros(72_000)}, {"customer": "ada", "amount": euros(48_000)}]
    quick.act(step, {"hold": hold, **({"parts": parts} if step == "settle" else {})}, step)
    assert [action for action, _ in quick.calls][1:] == ["payment.capture", "payment.refund"]
    quick.heard("refund.issued")
    assert (quick.account("provider:prv_ada"), quick.account("held:job_12")) == (-kept, 0)
    assert quick.balance("payers") == -kept


@pytest.mark.usefixtures("whole_only")
def test_an_authorisation_that_was_taken_before_the_refund_was_refused_is_not_taken_again(quick):
    quick.provider("prv_ada")
    hold = held(quick, needed=3)
    parts = [{"provider": "prv_ada", "amount": euros(72_000)}, {"customer": "ada", "amount": euros(48_000)}]
    quick.sandbox("POST", "/test/misbehaviour", {"scope": "gateway", "mode": "refuse", "match": "settlement"})
    assert quick.refused("settle", {"hold": hold, "parts": parts}) == "invalid_request"
    quick.heard("payment.succeeded")
    assert (quick.hold(hold).state, quick.hold(hold).mode, quick.account("held:job_12")) == (
        "held",
        "collected",
        -120_000,
    )
    quick.sandbox("POST", "/test/misbehaviour", {"scope": "gateway", "mode": "off"})
    assert quick.act("settle", {"hold": hold, "parts": parts}, "again")["status"] == "settled"
    assert [action for action, _ in quick.calls][1:] == ["payment.capture", *["payment.refund"] * 2]


def test_a_bank_dispute_freezes_the_hold_and_winning_it_lets_it_go_on(market):
    hold = held(market)
    dispute = market.sandbox("POST", f"/test/payments/{market.hold(hold).payment}/dispute", {})["id"]
    market.heard("escrow.frozen")
    assert market.refused("unfreeze", {"hold": hold}) == "wrong_state"
    market.sandbox("POST", f"/test/disputes/{dispute}/close", {"outcome": "won"})
    market.heard("dispute.closed")
    assert market.hold(hold).state == "held"


def test_a_lost_bank_dispute_leaves_nothing_to_release(quick):
    hold = held(quick)
    dispute = quick.sandbox("POST", f"/test/payments/{quick.hold(hold).payment}/dispute", {})["id"]
    quick.heard("dispute.opened")
    quick.sandbox("POST", f"/test/disputes/{dispute}/close", {"outcome": "lost"})
    (event,) = quick.heard("escrow.settled")
    assert (quick.hold(hold).state, event["reason"]) == ("refunded", "dispute_lost")
    assert quick.refused("release", {"hold": hold, "provider": "prv_ada"}) == "wrong_state"


@pytest.mark.parametrize(("needed", "undone"), [(30, "payment.refund"), (3, "payment.void")])
def test_a_hold_that_is_cancelled_goes_back_whole(market, needed, undone):
    hold = held(market, needed=needed)
    done = market.act("cancel", {"hold": hold, "reason": "customer cancelled"}, "cancel")
    assert (done["status"], done["returned"], done["left"]) == ("refunded", WHOLE, euros(0))
    assert market.calls[-1][0] == undone
    (event,) = market.events("escrow.settled")
    assert (event["parts"], event["reason"]) == ([{"customer": "payer", "amount": WHOLE}], "customer cancelled")
    market.until(lambda: not market.books())
    assert market.hold(hold).state == "refunded"
    assert len(market.events("escrow.settled")) == 1
    assert market.events("escrow.lapsed") == []


def test_a_hold_that_nobody_paid_is_cancelled_with_its_payment(quick):
    hold = asked(quick)
    assert quick.act("cancel", {"hold": hold["hold"]}, "cancel")["status"] == "cancelled"
    quick.heard("payment.voided")
    assert quick.events("escrow.settled") == []


def test_a_payment_that_comes_after_cancelling_goes_back_by_itself(quick):
    hold = asked(quick)
    quick.sandbox("POST", "/test/misbehaviour", {"scope": "gateway", "mode": "refuse", "match": "cancelled"})
    assert quick.act("cancel", {"hold": hold["hold"]}, "cancel")["status"] == "cancelled"
    quick.sandbox("POST", "/test/misbehaviour", {"scope": "gateway", "mode": "off"})
    quick.pay(hold["payment"])
    quick.heard("escrow.frozen")
    quick.run_due()
    quick.heard("refund.issued")
    assert quick.hold(hold["hold"]).state == "refunded"
    assert quick.events("escrow.held") == []
    assert quick.books() == {}


def test_a_refund_that_fails_at_the_bank_brings_the_hold_back_for_a_person(quick):
    quick.provider("prv_ada")
    hold = held(quick)
    parts = [{"provider": "prv_ada", "amount": euros(72_000)}, {"customer": "ada", "amount": euros(48_000)}]
    quick.act("settle", {"hold": hold, "parts": parts}, "settle")
    (refund,) = quick.heard("refund.issued")
    quick.sandbox("POST", f"/test/refunds/{refund['refund']}/fail", {})
    quick.heard("refund.failed")
    assert (quick.hold(hold).state, quick.account("held:job_12")) == ("frozen", -48_000)
    (frozen,) = quick.events("escrow.frozen")
    assert (frozen["amount"], frozen["reason"]) == (euros(48_000), "refund_failed")
    done = quick.act("settle", {"hold": hold, "parts": [{"provider": "prv_ada", "amount": euros(48_000)}]}, "again")
    assert (done["status"], quick.account("provider:prv_ada")) == ("settled", -120_000)


@pytest.mark.parametrize("refunded", [20_000, 120_000])
def test_a_refund_of_the_gateways_own_that_fails_brings_the_hold_back_too(quick, refunded):
    quick.provider("prv_ada")
    hold = held(quick)
    refund = quick.sandbox("POST", "/refunds", {"payment": quick.hold(hold).payment, "amount": refunded})["id"]
    quick.heard("refund.issued")
    if refunded < 120_000:
        quick.act("release", {"hold": hold, "provider": "prv_ada"}, "release")
    assert quick.hold(hold).state == ("released" if refunded < 120_000 else "refunded")
    quick.sandbox("POST", f"/test/refunds/{refund}/fail", {})
    quick.heard("refund.failed")
    (frozen,) = quick.events("escrow.frozen")
    assert (frozen["amount"], frozen["reason"]) == (euros(refunded), "refund_failed")
    assert quick.account("held:job_12") == -refunded
    quick.act("unfreeze", {"hold": hold}, "unfreeze")
    assert quick.act("release", {"hold": hold, "provider": "prv_ada"}, "rest")["status"] == "released"
    assert quick.account("provider:prv_ada") == -120_000


def test_a_refund_that_a_settlement_found_done_and_that_fails_brings_the_hold_back_too(quick):
    quick.provider("prv_ada")
    hold = held(quick)
    refund = quick.sandbox("POST", "/refunds", {"payment": quick.hold(hold).payment, "amount": 20_000})["id"]
    quick.heard("refund.issued")
    parts = [{"provider": "prv_ada", "amount": euros(60_000)}, {"customer": "ada", "amount": euros(40_000)}]
    assert quick.act("settle", {"hold": hold, "parts": parts}, "settle")["status"] == "settled"
    quick.heard("refund.issued", 2)
    quick.sandbox("POST", f"/test/refunds/{refund}/fail", {})
    quick.heard("refund.failed")
    (frozen,) = quick.events("escrow.frozen")
    assert (frozen["amount"], quick.account("held:job_12")) == (euros(20_000), -20_000)


def test_a_refund_whose_failure_is_told_before_its_settlement_is_written_down_brings_the_hold_back_too(
    quick, monkeypatch
):
    quick.provider("prv_ada")
    hold = held(quick)
    act = quick.hub.payments.act

    def overtaken(name, action, key, given, **said):
        output = act(name, action, key, given, **said)
        if action == "payment.refund":
            quick.sandbox("POST", f"/test/refunds/{output['refund']}/fail", {})
            quick.heard("refund.failed")
        return output

    monkeypatch.setattr(quick.hub.payments, "act", overtaken)
    parts = [{"provider": "prv_ada", "amount": euros(72_000)}, {"customer": "ada", "amount": euros(48_000)}]
    quick.act("settle", {"hold": hold, "parts": parts}, "settle")
    assert (quick.hold(hold).state, quick.account("held:job_12")) == ("frozen", -48_000)
    left = quick.act("settle", {"hold": hold, "parts": [{"provider": "prv_ada", "amount": euros(48_000)}]}, "again")
    assert (left["status"], quick.account("provider:prv_ada")) == ("settled", -120_000)


@pytest.mark.parametrize(
    "parts",
    [
        [{"amount": euros(120_000)}],
        [{"provider": "prv_ada", "customer": "ada", "amount": euros(120_000)}],
        [{"customer": "ada", "amount": euros(119_000), "commission": euros(1_000)}],
        [{"provider": "prv_ada", "amount": {"minor": 120_000, "currency": "USD"}}],
        [{"provider": "prv_ada", "amount": euros(120_001)}, {"customer": "ada", "amount": euros(-1)}],
    ],
)
def test_parts_that_cannot_be_are_refused_and_the_hold_stays(quick, parts):
    hold = held(quick)
    assert quick.refused("settle", {"hold": hold, "parts": parts}) == "bad_input"
    assert quick.hold(hold).state == "held"


def test_money_refunded_at_the_gateway_itself_cannot_be_released_as_well(quick):
    hold = held(quick)
    quick.sandbox("POST", "/refunds", {"payment": quick.hold(hold).payment, "amount": 20_000})
    quick.heard("refund.issued")
    refused = quick.refused("release", {"hold": hold, "provider": "prv_ada", "amount": euros(100_001)})
    assert refused == "amount_exceeds_rest"
    done = quick.act("release", {"hold": hold, "provider": "prv_ada"}, "release")
    assert (done["released"], done["returned"]) == (euros(100_000), euros(20_000))
    assert quick.account("held:job_12") == 0


def test_a_gateway_that_refuses_leaves_the_hold_as_it_was(market):
    hold = held(market)
    market.sandbox("POST", "/test/misbehaviour", {"scope": "gateway", "mode": "refuse", "match": "never"})
    assert market.refused("cancel", {"hold": hold, "reason": "never"}) == "invalid_request"
    assert market.refused("cancel", {"hold": hold, "reason": "never"}) == "invalid_request", "the same step again"
    assert (market.hold(hold).state, [row.state for row in market.divisions()]) == ("held", ["refused"])
    market.sandbox("POST", "/test/misbehaviour", {"scope": "gateway", "mode": "off"})
    assert market.act("cancel", {"hold": hold, "reason": "never"}, "again")["status"] == "refunded"
