"""Refunds on the sandbox gateway: by amount, by line, whole; approved by people; taken back from whoever got it."""

import pytest

from hub.engine.office import HubOffice
from hub.errors import PermanentError
from hub.journal.entries import Happening
from hub.journal.tables_ledger import refund_requests
from hub.journal.tables_office import timers
from hub.payments import refunds
from tests.payments.market import ADA, KilledError
from tests.payments.test_splits import RULE, money, paid, sold


def divided(market, *, passed_on=False, **parts):
    """A payment that two vendors share, perhaps passed on to them at the gateway already."""
    if passed_on:
        market.provider("prv_a", account="acct_a")
        market.provider("prv_b", account="acct_b")
    order, payment = paid(market, sold(**parts))
    market.act("split", {"payment": payment, "rule": RULE, "pass_on": passed_on}, "split")
    if passed_on:
        market.run_due()
        market.heard("transfer.sent", 2)
    return order, payment


def line(number, **more):
    """A line of the order by its place."""
    return {"id": str(number), **more}


def settled(market, count=1):
    """The gateway told of so many refunds, and of the transfers that were taken back."""
    market.until(lambda: market.rows(refund_requests)[-1].state == "issued")
    market.heard("refund.issued", count)


def test_the_refund_of_one_line_takes_back_that_vendors_share_and_that_commission_only(market):
    _, payment = divided(market)
    done = market.act("refund", {"payment": payment, "lines": [line(1)], "reason": "came back"}, "refund")
    assert (done["status"], done["amount"]) == ("issued", money(6001))
    assert [(one["provider"], one["amount"], one["commission"]) for one in done["parts"]] == [
        ("prv_a", money(5251), money(750))
    ]
    settled(market)
    assert market.books("USD") == {
        "gateway:sandbox": 3999,
        "provider:prv_b": -3499,
        "revenue:commission": -500,
    }


def disputed(market, payment, outcome):
    """The payer's bank decides a dispute."""
    dispute = market.sandbox("POST", f"/test/payments/{payment}/dispute", {})["id"]
    market.heard("dispute.opened")
    market.sandbox("POST", f"/test/disputes/{dispute}/close", {"outcome": outcome})
    market.heard("dispute.closed")


@pytest.mark.parametrize("cause", ["dispute", "returned debit"])
def test_what_a_lost_dispute_or_a_returned_debit_takes_is_taken_back_of_who_got_it(market, cause):
    _, payment = divided(market, passed_on=True)
    if cause == "dispute":
        disputed(market, payment, "lost")
    else:
        data = {"payment": payment, "amount": money(10000), "reason": "insufficient_funds"}
        for number in range(2):
            told = Happening("payment.returned", "sandbox", f"returned:{number}", data, market.hub.now())
            market.hub.recorder.record(told, market.hub.now())
    market.run_due()
    market.heard("transfer.reversed", 2)
    taken = sorted((one["provider"], one["amount"]["minor"]) for one in market.events("transfer.reversed"))
    assert [minor for _, minor in taken] == [5251, 3499]
    market.forward(hours=1)
    assert len(market.events("transfer.reversed")) == 2
    assert market.books("USD") == {}, "nobody owes anything"


def test_each_of_two_disputes_takes_its_part_and_says_why(quick, monkeypatch):
    _, payment = divided(quick, passed_on=True)
    act, asked = quick.hub.payments.act, []

    def acts(name, action, key, given, **said):
        asked.extend([(given["amount"]["minor"], given["reason"])] if action == "transfer.reverse" else [])
        return act(name, action, key, given, **said)

    monkeypatch.setattr(quick.hub.payments, "act", acts)
    for number in (1, 2):
        data = {"payment": payment, "dispute": f"dis_{number}", "amount": money(2_000)}
        for event, more in (("dispute.opened", {}), ("dispute.closed", {"outcome": "lost"})):
            told = Happening(event, "sandbox", f"{event}:{number}", {**data, **more}, quick.hub.now())
            quick.hub.recorder.record(told, quick.hub.now())
        quick.run_due()
        quick.heard("transfer.reversed", 2 * number)
    assert sorted(asked) == [
        (700, "dispute_lost"),
        (700, "dispute_lost"),
        (1_050, "dispute_lost"),
        (1_050, "dispute_lost"),
    ]
    assert (quick.account("provider:prv_a", "USD"), quick.account("provider:prv_b", "USD")) == (0, 0)
    told = Happening(
        "payment.returned", "sandbox", "back", {"payment": payment, "amount": money(10_000)}, quick.hub.now()
    )
    quick.hub.recorder.record(told, quick.hub.now())
    quick.run_due()
    quick.heard("transfer.reversed", 6)
    assert sorted(asked[4:]) == [(2_099, "payment_returned"), (3_151, "payment_returned")]
    assert quick.account("provider:prv_a", "USD") == 0


def test_what_is_told_at_once_of_one_payment_takes_each_share_once(quick):
    _, payment = divided(quick, passed_on=True)
    about = {"payment": payment, "amount": money(10_000)}
    told = [
        Happening(
            "dispute.closed", "sandbox", f"d{number}", {**about, "dispute": dispute, "outcome": "lost"}, quick.hub.now()
        )
        for number, dispute in enumerate(("dis_1", "dis_2", "dis_1"))
    ]
    told.append(Happening("payment.returned", "sandbox", "back", about, quick.hub.now()))
    quick.hub.recorder.record_all(told, quick.hub.now())
    quick.run_due()
    quick.heard("transfer.reversed", 2)
    assert sorted(one["amount"]["minor"] for one in quick.events("transfer.reversed")) == [3499, 5251]
    assert (quick.account("provider:prv_a", "USD"), quick.account("provider:prv_b", "USD")) == (0, 0)


def test_a_dispute_that_is_won_takes_nothing_back(quick):
    _, payment = divided(quick, passed_on=True)
    disputed(quick, payment, "won")
    quick.run_due()
    assert quick.told("transfer.reversed") == []
    assert quick.account("revenue:commission", "USD") == -1250


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_process_that_dies_while_a_lost_dispute_is_taken_back_does_it_once(quick, moment):
    _, payment = divided(quick, passed_on=True)
    disputed(quick, payment, "lost")
    quick.die_at(1, moment)
    with pytest.raises(KilledError):
        quick.run_due()
    quick.forward(minutes=3)
    quick.heard("transfer.reversed", 2)
    assert len(quick.events("transfer.reversed")) == 2
    assert quick.books("USD") == {}


@pytest.mark.parametrize("why", ["refused", "empty"])
def test_what_cannot_be_taken_back_at_the_gateway_is_owed_and_never_paid_out(quick, why):
    _, payment = divided(quick, passed_on=True)
    if why == "refused":
        quick.sandbox("POST", "/test/misbehaviour", {"scope": "gateway", "mode": "refuse", "match": "dispute_lost"})
    else:
        for account, minor in (("acct_a", 5251), ("acct_b", 3499)):
            quick.sandbox("POST", "/payouts", {"provider": account, "amount": minor, "currency": "USD"})
    disputed(quick, payment, "lost")
    quick.run_due()
    assert quick.told("transfer.reversed") == []
    assert [row for row in quick.rows(timers) if row.kind == "transfers.take_back"] == [], "nothing is tried for ever"
    assert (quick.account("provider:prv_a", "USD"), quick.account("provider:prv_b", "USD")) == (5251, 3499)
    assert quick.act("pay_due", {}, "pay")["payouts"] == []


def test_a_full_refund_brings_every_account_back_to_zero(market):
    _, payment = divided(market, passed_on=True, own=1000)
    done = market.act("refund", {"payment": payment}, "refund")
    assert [(one["reversed"], one["set_off"]) for one in done["parts"]] == [
        (money(5251), money(0)),
        (money(3499), money(0)),
    ]
    settled(market)
    market.heard("transfer.reversed", 2)
    assert market.books("USD") == {}
    assert (market.balance("provider:acct_a", "USD"), market.balance("provider:acct_b", "USD")) == (0, 0)


def test_what_the_gateway_cannot_take_back_is_owed_by_the_vendor_and_not_paid_out(quick):
    _, payment = divided(quick, passed_on=True)
    quick.sandbox("POST", "/payouts", {"provider": "acct_a", "amount": 5251, "currency": "USD"})
    done = quick.act("refund", {"payment": payment, "lines": [line(1)]}, "refund")
    assert [(one["reversed"], one["set_off"]) for one in done["parts"]] == [(money(0), money(5251))]
    settled(quick)
    assert quick.account("provider:prv_a", "USD") == 5251


def test_a_refund_without_lines_is_shared_in_proportion_to_the_last_unit(market):
    _, payment = divided(market)
    done = market.act("refund", {"payment": payment, "amount": money(3333)}, "refund")
    taken = [one[part]["minor"] for one in done["parts"] for part in ("amount", "commission", "fee")]
    assert taken == [1750, 250, 0, 1166, 167, 0]
    assert sum(taken) == 3333


def test_a_refund_without_lines_takes_of_commission_that_hangs_on_no_provider_too(quick):
    _, payment = paid(quick, sold())
    parts = [{"provider": "prv_a", "amount": money(9000)}, {"amount": money(0), "commission": money(1000)}]
    data = {"payment": payment, "amount": money(10000), "parts": parts}
    quick.hub.recorder.record(Happening("payment.split", "sandbox", "split", data, quick.hub.now()), quick.hub.now())
    quick.act("refund", {"payment": payment, "amount": money(5000)}, "refund")
    settled(quick)
    assert quick.books("USD") == {"gateway:sandbox": 5000, "provider:prv_a": -4500, "revenue:commission": -500}


def test_parts_by_line_in_several_refunds_give_back_the_whole_line_in_the_end(quick):
    _, payment = divided(quick)
    for number, minor in enumerate((1000, 2000, 3001)):
        quick.act("refund", {"payment": payment, "lines": [line(1, total=money(minor))]}, f"refund {number}")
    settled(quick, 3)
    assert quick.books("USD") == {"gateway:sandbox": 3999, "provider:prv_b": -3499, "revenue:commission": -500}
    given = {"payment": payment, "lines": [line(1, total=money(1))]}
    assert quick.refused("refund", given) == "amount_exceeds_rest"


def test_a_line_that_is_refunded_before_the_split_is_taken_from_its_vendor_afterwards(market):
    _, payment = paid(market, sold())
    market.act("refund", {"payment": payment, "lines": [line(1)]}, "refund")
    market.act("split", {"payment": payment, "rule": RULE}, "split")
    assert market.books("USD") == {"gateway:sandbox": 3999, "provider:prv_b": -3499, "revenue:commission": -500}


def test_a_repeat_of_the_step_refunds_once(market):
    _, payment = divided(market)
    first = market.act("refund", {"payment": payment, "amount": money(500)}, "refund")
    assert market.act("refund", {"payment": payment, "amount": money(500)}, "refund") == first
    assert market.sandbox("GET", f"/payments/{payment}")["refunded"] == 500


def test_refunds_never_exceed_what_is_left_whatever_is_underway(quick):
    _, payment = divided(quick)
    quick.hub.store.put_fact(refunds.APPROVAL, {"USD": 5000}, quick.hub.now())
    assert quick.act("refund", {"payment": payment, "amount": money(9000)}, "one")["status"] == "needs_approval"
    assert quick.refused("refund", {"payment": payment, "amount": money(1001)}) == "amount_exceeds_rest"
    assert quick.act("refund", {"payment": payment, "amount": money(1000)}, "two")["status"] == "needs_approval"
    assert quick.refused("refund", {"payment": payment}) == "already_refunded"


def office(market, key):
    return HubOffice.of(market.hub, key)


def test_a_refund_above_the_limit_waits_until_a_person_approves_it(market):
    _, payment = divided(market)
    market.hub.store.put_fact(refunds.APPROVAL, {"USD": 5000}, market.hub.now())
    asked = market.act("refund", {"payment": payment, "amount": money(5001)}, "refund")
    assert market.sandbox("GET", f"/payments/{payment}")["refunded"] == 0
    assert [one["refund"] for one in market.events("refund.requested")] == [asked["request"]]
    refunds.decide(office(market, "page"), asked["request"], approved=True, actor="grace@example.com")
    market.run_due()
    settled(market)
    assert market.sandbox("GET", f"/payments/{payment}")["refunded"] == 5001
    assert market.events("refund.approved")[0]["by"] == "grace@example.com"
    with pytest.raises(PermanentError, match="does not wait any more"):
        refunds.decide(office(market, "page"), asked["request"], approved=False, actor="grace@example.com")


def test_many_small_refunds_of_a_payment_need_the_approval_that_one_large_would(quick):
    _, payment = divided(quick)
    quick.hub.store.put_fact(refunds.APPROVAL, {"USD": 5000}, quick.hub.now())
    given = [(3000, "issued"), (2000, "issued"), (1, "needs_approval")]
    for number, (minor, status) in enumerate(given):
        asked = quick.act("refund", {"payment": payment, "amount": money(minor)}, f"refund-{number}")
        assert asked["status"] == status, minor
    quick.run_due()
    assert quick.sandbox("GET", f"/payments/{payment}")["refunded"] == 5000


def test_a_refund_that_a_person_refuses_gives_nothing_back_and_frees_what_it_took_up(quick):
    _, payment = divided(quick)
    quick.hub.store.put_fact(refunds.APPROVAL, {"USD": 5000}, quick.hub.now())
    asked = quick.act("refund", {"payment": payment}, "refund")
    refunds.decide(office(quick, "page"), asked["request"], approved=False, actor="grace@example.com", why="worn")
    quick.run_due()
    assert quick.events("refund.refused")[0]["reason"] == "worn"
    assert quick.sandbox("GET", f"/payments/{payment}")["refunded"] == 0
    assert quick.act("refund", {"payment": payment, "amount": money(5000)}, "other")["status"] == "issued"


def test_the_gateways_time_for_refunds_is_kept(quick):
    _, payment = divided(quick)
    limits = dict(quick.hub.registry.get("sandbox").manifest.capabilities["refund"].limits)
    try:
        quick.hub.registry.get("sandbox").manifest.capabilities["refund"].limits["refund_days"] = 30
        quick._offset += quick._offset.__class__(days=31)
        assert quick.refused("refund", {"payment": payment}) == "window_closed"
    finally:
        quick.hub.registry.get("sandbox").manifest.capabilities["refund"].limits.clear()
        quick.hub.registry.get("sandbox").manifest.capabilities["refund"].limits.update(limits)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_process_that_dies_in_the_middle_loses_and_doubles_nothing(quick, call, moment):
    """Calls: the refund, then each transfer that is taken back."""
    _, payment = divided(quick, passed_on=True)
    identity = refunds.begin(office(quick, "refund"), {"payment": payment})
    quick.die_at(call - 1, moment)
    with pytest.raises(KilledError):
        refunds.carry_out(office(quick, "refund"), identity)
    quick._dying = None
    quick.forward(minutes=11)
    quick.until(lambda: quick.rows(refund_requests)[-1].state == "issued")
    quick.heard("transfer.reversed", 2)
    assert quick.books("USD") == {}
    assert quick.sandbox("GET", f"/payments/{payment}")["refunded"] == 10000
    assert quick.balance("provider:acct_a", "USD") == quick.balance("provider:acct_b", "USD") == 0
    assert len(quick.events("refund.issued")) == 1


def test_a_refund_that_the_bank_sends_back_makes_everybody_whole_again(market):
    _, payment = divided(market)
    before = market.books("USD")
    done = market.act("refund", {"payment": payment}, "refund")
    settled(market)
    market.sandbox("POST", f"/test/refunds/{done['refund']}/fail")
    market.heard("refund.failed")
    assert market.books("USD") == before
    assert market.rows(refund_requests)[-1].state == "failed"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"amount": money(10001)}, "amount_exceeds_rest"),
        ({"amount": money(0)}, "amount_exceeds_rest"),
        ({"amount": money(5, "EUR")}, "amount_exceeds_rest"),
        ({"lines": [{"id": "unknown"}]}, "bad_input"),
        ({"payment": "pay_unknown"}, "not_found"),
    ],
)
def test_what_cannot_be_given_back_is_refused_in_words(quick, given, code):
    _, payment = divided(quick)
    assert quick.refused("refund", {"payment": payment, **given}) == code


def test_so_many_of_a_lines_goods_are_given_back(quick):
    lines = [{"title": "Lamp", "price": money(1001), "quantity": 3, "vendor": "prv_a"}]
    _, payment = paid(quick, lines)
    quick.act("split", {"payment": payment, "rule": RULE}, "split")
    done = quick.act("refund", {"payment": payment, "lines": [line(1, quantity=2)]}, "refund")
    assert done["amount"] == money(2002)
    assert quick.refused("refund", {"payment": payment, "lines": [line(1, quantity=4)]}) == "bad_input"


def test_all_that_are_left_of_a_line_are_worth_what_is_left_of_it(quick):
    lines = [{"title": "Lamp", "price": money(1001), "quantity": 3, "vendor": "prv_a"}]
    _, payment = paid(quick, lines)
    quick.act("refund", {"payment": payment, "lines": [line(1, total=money(1500))]}, "goodwill")
    assert quick.refused("refund", {"payment": payment, "lines": [line(1, quantity=3)]}) == "amount_exceeds_rest"
    done = quick.act("refund", {"payment": payment, "lines": [line(1, quantity=2)]}, "rest")
    assert done["amount"] == money(1503), "the first is gone; of the second a part went back"


def test_a_line_goes_back_once_of_an_order_that_two_payments_paid(quick):
    order = quick.hub.payments.act("orders", "create", "6f" * 20, {"lines": sold(), "currency": "USD"})
    found = []
    for number in range(2):
        given = {"amount": money(5000), "order": order["order"], "customer": ADA}
        found.append(quick.hub.payments.act("sandbox", "payment.create", f"a{number}" * 20, given)["payment"])
        quick.pay(found[-1])
    quick.heard("order.paid")
    first, second = found
    assert quick.act("refund", {"payment": first, "lines": [line(2)]}, "one")["amount"] == money(3999)
    assert quick.refused("refund", {"payment": second, "lines": [line(2)]}) == "amount_exceeds_rest"
    assert quick.refused("refund", {"payment": second, "lines": [line(1)]}) == "amount_exceeds_rest"
    done = quick.act("refund", {"payment": second, "lines": [line(1, total=money(5000))]}, "two")
    assert done["amount"] == money(5000)
