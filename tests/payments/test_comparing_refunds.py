"""What a gateway says of refunds beside what is booked of them: news are told, other sums shown, failed ones left alone."""

from __future__ import annotations

from functools import reduce

import pytest

from hub.money import Money
from hub.payments.comparing import CREDITED, Difference
from hub.payments.comparing_refunds import refund_differences, refunds_corrected, refunds_credited
from hub.payments.payment import Facts, told
from hub.payments.postings import Account
from tests.payments.books import money

PAID = ("payment.succeeded", {"amount": money(10000), "order": "o_77", "settled": money(9250, "EUR")})


def booked(*events):
    def step(facts, numbered):
        number, (what, data) = numbered
        return told(facts, what, f"2027-01-31T09:0{number}:00.000+00:00", {"payment": "p", **data})

    return Account("shop", "p", reduce(step, enumerate(events), Facts()))


def refund(what, **said):
    return (f"refund.{what}", {"refund": "r", "amount": money(4000), **said})


def says(status="issued", **taken):
    return {"status": "partially_refunded", "refunds": [{"refund": "r", "status": status, **taken}]}


ISSUED = refund("issued")
KNOWN = refund("issued", settled=money(3700, "EUR"), fee=money(0, "EUR"))
WHOLE = {"refund": "r", "payment": "p", "amount": money(4000), "order": "o_77"}


@pytest.mark.parametrize(
    ("events", "said", "news"),
    [
        ([PAID, ISSUED], says(settled=money(3710, "EUR"), fee=money(0, "EUR")), {"settled": money(3710, "EUR"), "fee": money(0, "EUR")}),
        ([PAID, ISSUED], says("pending", settled=money(3710, "EUR")), {"settled": money(3710, "EUR")}),
        ([PAID, refund("issued", fee=money(1, "EUR"))], says(settled=money(3710, "EUR"), fee=money(9, "EUR")), {"settled": money(3710, "EUR")}),
        ([PAID, KNOWN], says(settled=money(3710, "EUR"), fee=money(9, "EUR")), None),
        ([PAID, ISSUED], says(), None),
        ([PAID, ISSUED], says("failed", settled=money(3710, "EUR")), None),
        ([PAID, ISSUED, refund("failed")], says(settled=money(3710, "EUR")), None),
        ([PAID], says(settled=money(3710, "EUR")), None),
        ([PAID, ISSUED], {"status": "partially_refunded"}, None),
    ],
)  # fmt: skip
def test_what_no_report_said_of_a_refund_is_told_with_whose_it_is(events, said, news):
    assert refunds_credited(booked(*events), said) == ([] if news is None else [{**WHOLE, **news}])


@pytest.mark.parametrize(
    ("events", "said", "found"),
    [
        ([PAID, KNOWN], says(settled=money(3700, "EUR"), fee=money(0, "EUR")), []),
        ([PAID, ISSUED], says(settled=money(3710, "EUR"), fee=money(9, "EUR")), []),
        ([PAID, KNOWN], says(settled=money(3710, "EUR")), [("expense:exchange_differences", 3700, 3710)]),
        ([PAID, KNOWN], says(settled=money(3710, "EUR"), fee=money(9, "EUR")), [("expense:gateway_fees", 0, 9), ("expense:exchange_differences", 3700, 3710)]),
        ([PAID, KNOWN], says(settled=money(3710, "GBP"), fee=money(9, "GBP")), []),
        ([PAID, KNOWN], says("failed", settled=money(3710, "EUR")), []),
        ([PAID, KNOWN, refund("failed")], says(settled=money(3710, "EUR")), []),
        ([PAID, KNOWN], says(), []),
    ],
)  # fmt: skip
def test_another_sum_than_was_told_is_a_difference_of_that_refund(events, said, found):
    expected = [
        Difference(account, Money(here, "EUR"), Money(there, "EUR"), CREDITED, reports=("refund.settled",), refund="r")
        for account, here, there in found
    ]
    assert refund_differences(booked(*events), said) == expected
    assert [one.to_json()["refund"] for one in expected] == ["r"] * len(expected)
    named = {name: money for name, money in said["refunds"][0].items() if name in {"settled", "fee"}}
    assert refunds_corrected(booked(*events), said) == ([{**WHOLE, **named}] if found else [])


def test_each_refund_is_looked_at_by_itself():
    other = ("refund.issued", {"refund": "s", "amount": money(1000)})
    said = says(settled=money(3710, "EUR"))
    said["refunds"].append({"refund": "s", "status": "issued", "settled": money(930, "EUR")})
    account = booked(PAID, KNOWN, other)
    assert [one.refund for one in refund_differences(account, said)] == ["r"]
    assert [(one["refund"], one["amount"]) for one in refunds_credited(account, said)] == [("s", money(1000))]
    assert [one["refund"] for one in refunds_corrected(account, said)] == ["r"]
