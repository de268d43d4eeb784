"""Payments split on the sandbox gateway: once, passed on, set off, held back; nothing is lost when the process dies."""

import pytest

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
