"""Payments split on the sandbox gateway: once, passed on, set off, held back; nothing is lost when the process dies."""

from datetime import datetime, timedelta

import pytest

from hub.journal.entries import Happening
from hub.journal.tables_ledger import reserves
from tests.payments.market import ADA

RULE = {"commission": {"percent": "12.5"}}


def money(minor, currency="USD"):
    return {"minor": minor, "currency": currency}


def sold(a=6001, b=3999, own=0, currency="USD"):
    """An order of two vendors' goods, and perhaps of the platform's own."""
    lines = [("Lamp", "prv_a", a), ("Shade", "prv_b", b), ("Cord", None, own)]
    return [
        {"title": title, "price": money(minor, currency), **({"vendor": vendor} if vendor else {})}
        for title, vendor, minor in lines
        if minor
    ]


def paid(market, lines, currency="USD", key="order"):
    """An order that was paid; gives the order and its payment."""
    step = key.encode().hex().ljust(40, "0")[:40]
    order = market.hub.payments.act("orders", "create", step, {"lines": lines, "currency": currency})
    given = {"amount": order["total"], "order": order["order"], "customer": ADA}
    begun = market.hub.payments.act("sandbox", "payment.create", step, given)
    market.pay(begun["payment"])
    market.heard("order.paid", len(market.events("order.paid")) or 1)
    return order, begun["payment"]


def test_vendors_get_what_they_sold_less_commission(market):
    order, payment = paid(market, sold())
    done = market.act("split", {"payment": payment, "rule": RULE})
    assert [(one["provider"], one["amount"]["minor"], one["payable"]["minor"]) for one in done["transfers"]] == [
        ("prv_a", 5251, 5251),
        ("prv_b", 3499, 3499),
    ]
    assert (done["commission"], done["fees"], done["sales"]) == (money(1250), money(0), money(0))
    assert market.books("USD") == {
        "gateway:sandbox": 10000,
        "provider:prv_a": -5251,
        "provider:prv_b": -3499,
        "revenue:commission": -1250,
    }
    (told,) = market.events("payment.split")
    assert (told["payment"], told["order"], told["amount"]) == (payment, order["order"], money(10000))


def test_a_second_split_of_a_payment_gives_the_first(market):
    _, payment = paid(market, sold())
    first = market.act("split", {"payment": payment, "rule": RULE}, "one")
    assert market.act("split", {"payment": payment, "rule": {}}, "two") == first
    assert market.books("USD")["revenue:commission"] == -1250


def test_shares_are_passed_on_to_the_vendors_accounts_at_the_gateway(market):
    market.provider("prv_a", account="acct_a")
    _, payment = paid(market, sold())
    done = market.act("split", {"payment": payment, "rule": RULE, "pass_on": True})
    assert [(one["account"], one["status"]) for one in done["transfers"]] == [("acct_a", "queued"), ("prv_b", "due")]
    market.run_due()
    market.heard("transfer.sent")
    assert market.balance("provider:acct_a", "USD") == 5251
    assert market.books("USD") == {
        "gateway:sandbox": 10000 - 5251,
        "provider:prv_b": -3499,
        "revenue:commission": -1250,
    }


def test_a_vendor_whose_transfer_is_refused_does_not_hold_up_the_others(quick):
    quick.provider("prv_a", account="a_restricted")
    quick.provider("prv_b", account="acct_b")
    _, payment = paid(quick, sold())
    quick.act("split", {"payment": payment, "rule": RULE, "pass_on": True})
    quick.run_due()
    quick.heard("transfer.failed")
    assert quick.balance("provider:acct_b", "USD") == 3499
    assert quick.books("USD")["provider:prv_a"] == -5251


def test_the_platforms_own_goods_are_sales_when_the_order_is_paid_and_after_the_split(market):
    _, payment = paid(market, sold(own=1000))
    assert market.books("USD") == {
        "gateway:sandbox": 11000,
        next(name for name in market.books("USD") if name.startswith("held:")): -10000,
        "revenue:sales": -1000,
    }
    assert market.act("split", {"payment": payment, "rule": RULE})["sales"] == money(1000)
    assert market.books("USD") == {
        "gateway:sandbox": 11000,
        "provider:prv_a": -5251,
        "provider:prv_b": -3499,
        "revenue:commission": -1250,
        "revenue:sales": -1000,
    }


@pytest.mark.parametrize(("currency", "a", "b"), [("JPY", 6667, 3334), ("KWD", 60013, 39987)])
def test_every_unit_of_currencies_without_and_with_three_decimals_is_somebodys(quick, currency, a, b):
    _, payment = paid(quick, sold(a, b, currency=currency), currency)
    quick.act("split", {"payment": payment, "rule": {**RULE, "fee_borne_by": "vendors"}})
    books = quick.books(currency)
    assert sum(books.values()) == 0
    assert not [name for name in books if name.startswith("held:")]
    assert books["revenue:commission"] == {"JPY": -(833 + 417), "KWD": -(7502 + 4998)}[currency]


def test_what_a_vendor_owes_is_set_off_before_anything_is_passed_on(quick):
    quick.provider("prv_a", account="acct_a")
    quick.owe("prv_a", -2000, "USD")  # of an earlier refund
    _, payment = paid(quick, sold())
    done = quick.act("split", {"payment": payment, "rule": RULE, "pass_on": True})
    share = done["transfers"][0]
    assert (share["amount"], share["set_off"], share["payable"]) == (money(5251), money(2000), money(3251))
    quick.run_due()
    quick.heard("transfer.sent")
    assert quick.balance("provider:acct_a", "USD") == 3251
    assert quick.account("provider:prv_a", "USD") == 0


def test_a_reserve_is_passed_on_when_its_days_are_over(market):
    market.provider("prv_a", account="acct_a")
    _, payment = paid(market, sold())
    rule = {**RULE, "reserve": {"percent": "10", "days": 30}}
    done = market.act("split", {"payment": payment, "rule": rule, "pass_on": True})
    assert (done["transfers"][0]["reserve"], done["transfers"][0]["payable"]) == (money(525), money(4726))
    market.run_due()
    market.heard("transfer.sent")
    market.forward(days=29)
    assert market.account("provider:prv_a", "USD") == -525
    market.forward(days=2)
    market.heard("transfer.sent", 2)
    assert market.balance("provider:acct_a", "USD") == 5251
    assert market.account("provider:prv_a", "USD") == 0
    assert [one["parts"][0]["amount"] for one in market.events("payment.reserve_ended")] == [money(525), money(350)]


def test_nothing_is_passed_on_of_what_went_back_before_the_split(quick):
    quick.provider("prv_a", account="acct_a")
    _, payment = paid(quick, sold())
    quick.sandbox("POST", "/refunds", {"payment": payment, "amount": 10000, "currency": "USD"})
    quick.heard("refund.issued")
    done = quick.act("split", {"payment": payment, "rule": RULE, "pass_on": True})
    assert [one["payable"]["minor"] for one in done["transfers"]] == [0, 0]
    quick.run_due()
    assert quick.books("USD") == {}


FEES_BORNE = {"fee_borne_by": "vendors"}


@pytest.mark.parametrize(
    ("told", "given", "rule", "fees"),
    [
        ({"fee": money(300)}, {}, FEES_BORNE, 300),
        ({"fee": money(300)}, {"fee": money(100)}, FEES_BORNE, 100),
        ({"fee": money(300)}, {}, RULE, 0),
        ({}, {}, FEES_BORNE, 0),
        ({"fee": money(290, "EUR"), "settled": money(9250, "EUR")}, {}, FEES_BORNE, 314),
        ({"fee": money(9999, "EUR"), "settled": money(9250, "EUR")}, {}, FEES_BORNE, 10000),
        ({"fee": money(290, "EUR")}, {}, {"vendors": {"prv_b": {"fee_borne_by": "platform"}}}, 0),
        ({"fee": money(290, "EUR"), "settled": money(0, "EUR")}, {}, RULE, 0),
        ({"fee": money(290, "EUR"), "settled": money(9250, "GBP")}, {}, RULE, 0),
    ],
)
def test_vendors_bear_the_fee_that_is_told_at_the_rate_of_the_settlement(quick, told, given, rule, fees):
    payment = told_of(quick, **told)
    done = quick.act("split", {"payment": payment, "rule": rule, "lines": shared(6001, 3999), **given})
    assert done["fees"] == money(fees)
    assert sum(one["amount"]["minor"] for one in done["transfers"]) + fees + done["commission"]["minor"] == 10000


@pytest.mark.parametrize("rule", [FEES_BORNE, {"vendors": {"prv_b": FEES_BORNE}}])
def test_a_fee_at_a_rate_that_nobody_knows_cannot_be_borne(quick, rule):
    payment = told_of(quick, fee=money(290, "EUR"), settled=money(9250, "GBP"))
    asked = {"payment": payment, "rule": rule, "lines": shared(6001, 3999)}
    assert quick.refused("split", asked) == "currency_unsupported"
    assert quick.act("split", {**asked, "fee": money(100)})["transfers"][1]["fee"] == money(40)


def told_of(market, payment="pay_told", source="sandbox", **facts):
    """A payment of which a gateway told, without an order."""
    data = {"payment": payment, "amount": money(10000), "job": "job_1", **facts}
    happening = Happening("payment.succeeded", source, f"succeeded:{payment}", data, market.hub.now())
    market.hub.recorder.record(happening, market.hub.now())
    return payment


def shared(a, b):
    return [{"vendor": "prv_a", "total": money(a)}, {"vendor": "prv_b", "total": money(b)}]


def test_what_we_owe_a_vendor_already_is_not_passed_on_with_a_share(quick):
    quick.provider("prv_a", account="acct_a")
    quick.owe("prv_a", 2000, "USD")
    done = quick.act("split", {"payment": told_of(quick), "rule": {}, "provider": "prv_a", "pass_on": True})
    (share,) = done["transfers"]
    assert (share["set_off"], share["payable"], share["status"]) == (money(0), money(10000), "queued")
    assert (quick.payouts()[0].amount, quick.account("provider:prv_a", "USD")) == (10000, -2000)


@pytest.mark.parametrize(
    ("owes", "reserve", "set_off", "payable"), [(300, 2000, 300, 7700), (9000, 2000, 8000, 0), (99000, 2000, 8000, 0)]
)
def test_what_is_held_back_is_not_set_off(quick, owes, reserve, set_off, payable):
    quick.provider("prv_a", account="acct_a")
    quick.owe("prv_a", -owes, "USD")
    rule = {"reserve": {"percent": "20", "days": 7}}
    done = quick.act("split", {"payment": told_of(quick), "rule": rule, "provider": "prv_a", "pass_on": True})
    (share,) = done["transfers"]
    assert [share[name]["minor"] for name in ("reserve", "set_off", "payable")] == [reserve, set_off, payable]
    assert share["status"] == ("queued" if payable else "due")
    assert [row.amount for row in quick.payouts()] == ([payable] if payable else [])


def test_no_more_is_held_back_than_a_refund_before_the_split_left(quick):
    payment = told_of(quick)
    data = {"payment": payment, "refund": "ref_1", "amount": money(9000)}
    quick.hub.recorder.record(Happening("refund.issued", "sandbox", "r", data, quick.hub.now()), quick.hub.now())
    rule = {"reserve": {"percent": "20", "days": 7}}
    (share,) = quick.act("split", {"payment": payment, "rule": rule, "provider": "prv_a"})["transfers"]
    assert [share[name]["minor"] for name in ("reserve", "set_off", "payable")] == [1000, 0, 0]
    assert datetime.fromisoformat(share["reserve_until"]) > quick.hub.now() + timedelta(days=6)
    assert [row.kept for row in quick.rows(reserves)] == [1000]


def test_a_share_of_which_nothing_is_held_back_names_no_day(quick):
    (share,) = quick.act("split", {"payment": told_of(quick), "rule": RULE, "provider": "prv_a"})["transfers"]
    assert (share["reserve"], "reserve_until" in share, "status" in share) == (money(0), False, False)
    assert quick.rows(reserves) == []


def test_reserves_of_different_lengths_end_one_after_the_other_and_once_each(quick):
    quick.provider("prv_a", account="acct_a")
    quick.provider("prv_b", account="acct_b")
    rule = {
        "vendors": {
            "prv_a": {"reserve": {"percent": "10", "days": 7}},
            "prv_b": {"reserve": {"percent": "10", "days": 30}},
        }
    }
    order, payment = paid(quick, sold(6000, 4000))
    quick.act("split", {"payment": payment, "rule": rule, "pass_on": True})
    assert {row.provider: row.amount for row in quick.payouts()} == {"prv_a": 5400, "prv_b": 3600}
    quick.forward(days=8)
    assert [(row.provider, row.amount) for row in quick.payouts()][2:] == [("prv_a", 600)]
    quick.owe("prv_a", 5000, "USD")
    quick.forward(days=23)
    assert [(row.provider, row.amount) for row in quick.payouts()][2:] == [("prv_a", 600), ("prv_b", 400)]
    ended = quick.events("payment.reserve_ended")
    assert [(one["parts"], one["order"]) for one in ended] == [
        ([{"provider": "prv_a", "amount": money(600)}], order["order"]),
        ([{"provider": "prv_b", "amount": money(400)}], order["order"]),
    ]
    assert quick.balance("provider:acct_a", "USD") == 6000


@pytest.mark.parametrize(("passes_on", "account"), [(False, "acct_a"), (True, None)])
def test_a_reserve_of_a_share_that_was_not_passed_on_is_due_when_it_ends(quick, passes_on, account):
    quick.provider("prv_a", account=account)
    rule = {"reserve": {"percent": "10", "days": 7}}
    quick.act("split", {"payment": told_of(quick), "rule": rule, "provider": "prv_a", "pass_on": passes_on})
    quick.forward(days=8)
    assert (quick.payouts(), quick.account("provider:prv_a", "USD")) == ([], -10000)
    assert quick.events("payment.reserve_ended")[0]["amount"] == money(1000)


@pytest.mark.parametrize(("owes", "passed_on"), [(700, 300), (1000, 0), (4000, 0)])
def test_of_a_reserve_no_more_is_passed_on_than_is_owed_when_it_ends(quick, owes, passed_on):
    quick.provider("prv_a", account="acct_a")
    rule = {"reserve": {"percent": "10", "days": 7}}
    _, payment = paid(quick, sold(10000, 0))
    quick.act("split", {"payment": payment, "rule": rule, "pass_on": True})
    quick.run_due()
    quick.owe("prv_a", -owes, "USD")
    quick.forward(days=8)
    assert [row.amount for row in quick.payouts()] == [9000, *([passed_on] if passed_on else [])]


def test_a_reserve_that_a_refund_took_back_ends_without_a_word(quick):
    quick.provider("prv_a", account="acct_a")
    payment, rule = told_of(quick), {"reserve": {"percent": "10", "days": 7}}
    quick.act("split", {"payment": payment, "rule": rule, "provider": "prv_a"})
    data = {"payment": payment, "refund": "ref_1", "amount": money(10000)}
    quick.hub.recorder.record(Happening("refund.issued", "sandbox", "r", data, quick.hub.now()), quick.hub.now())
    quick.forward(days=8)
    assert (quick.events("payment.reserve_ended"), quick.books("USD")) == ([], {})


def test_the_event_of_a_split_says_every_part(quick):
    lines = [*shared(6001, 3000), {"total": money(999)}]
    payment = told_of(quick, fee=money(320), metadata={"shelf": "7"})
    rule = {**RULE, "vendors": {"prv_a": FEES_BORNE}}
    quick.act("split", {"payment": payment, "rule": rule, "lines": lines})
    (told,) = quick.events("payment.split")
    assert told["parts"] == [
        {"provider": "prv_a", "amount": money(5059), "commission": money(750), "fee": money(192)},
        {"provider": "prv_b", "amount": money(2625), "commission": money(375)},
        {"amount": money(999), "reason": "own goods"},
    ]
    assert (told["job"], told["metadata"]) == ("job_1", {"shelf": "7"})


def test_a_part_of_a_payment_may_be_divided_and_an_orders_lines_be_named(quick):
    order, _ = paid(quick, sold(3000, 2000))
    asked = {"payment": told_of(quick), "rule": {}, "order": order["order"], "amount": money(5000)}
    done = quick.act("split", asked)
    assert (done["amount"], [one["amount"]["minor"] for one in done["transfers"]]) == (money(5000), [3000, 2000])


def test_no_more_is_divided_than_other_splits_left(quick):
    payment = told_of(quick)
    data = {"payment": payment, "amount": money(7000), "parts": [{"provider": "prv_b", "amount": money(7000)}]}
    quick.hub.recorder.record(Happening("payment.split", "sandbox", "s", data, quick.hub.now()), quick.hub.now())
    asked = {"payment": payment, "rule": {}, "provider": "prv_a"}
    for amount in (money(3001), money(0), money(-1), money(100, "EUR")):
        assert quick.refused("split", {**asked, "amount": amount}) == "amount_exceeds_rest"
    assert quick.act("split", asked)["amount"] == money(3000)


def test_a_payment_that_two_connections_know_is_asked_for_by_both_names(quick):
    told_of(quick)
    told_of(quick, source="crm")
    asked = {"payment": "pay_told", "rule": {}, "provider": "prv_a"}
    assert quick.refused("split", asked) == "bad_input"
    for name in ("crm", "sandbox"):
        assert quick.act("split", {**asked, "connection": name}, name)["connection"] == name
    assert quick.refused("split", {**asked, "connection": "payments"}) == "not_found"
    assert quick.account("provider:prv_a", "USD") == -20000


def test_what_cannot_be_split_is_refused_in_words(quick):
    assert quick.refused("split", {"payment": "pay_unknown", "rule": RULE}) == "not_found"
    begun = quick.sandbox("POST", "/payments", {"amount": 500, "currency": "USD"})["id"]
    quick.heard("payment.created")
    assert quick.refused("split", {"payment": begun, "rule": RULE}) == "wrong_state"
    quick.pay(begun)
    quick.heard("payment.succeeded")
    assert quick.refused("split", {"payment": begun, "rule": RULE}) == "bad_input"
    too_much = {"payment": begun, "rule": RULE, "provider": "prv_a", "amount": money(501)}
    assert quick.refused("split", too_much) == "amount_exceeds_rest"
    done = quick.act("split", {"payment": begun, "rule": RULE, "provider": "prv_a"})
    assert [one["amount"]["minor"] for one in done["transfers"]] == [437]
