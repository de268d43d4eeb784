"""What a gateway says of a payment beside what is booked: nothing when it agrees, else the difference and what to do."""

import pytest

from hub.money import Money
from hub.payments.comparing import ASK, CREDITED, RESEND, WAIT, Difference, credited, differences
from hub.payments.payment import Facts, told
from hub.payments.postings import Account


def money(minor, currency="USD"):
    return {"minor": minor, "currency": currency}


def booked(*events):
    facts = Facts()
    for number, (what, data) in enumerate(events):
        facts = told(facts, what, f"2027-01-31T09:0{number}:00.000+00:00", {"payment": "p", **data})
    return Account("shop", "p", facts)


BEGUN = ("payment.created", {"amount": money(10000)})
PAID = ("payment.succeeded", {"amount": money(10000), "fee": money(320)})
ABROAD = ("payment.succeeded", {"amount": money(10000), "settled": money(9250, "EUR")})
BACK = ("refund.issued", {"refund": "r", "amount": money(4000)})


def gateway(expected, found, proposal):
    return [Difference("gateway:shop", Money(expected, "USD"), Money(found, "USD"), proposal)]


@pytest.mark.parametrize(
    ("events", "said", "found"),
    [
        ([BEGUN], {"status": "failed", "amount": money(10000)}, []),
        ([BEGUN], {"status": "authorized", "amount": money(10000)}, []),
        ([PAID], {"status": "succeeded", "amount": money(10000), "fee": money(320)}, []),
        ([PAID], {"status": "succeeded"}, []),
        ([PAID], {"status": "disputed", "amount": money(10000)}, []),
        ([PAID, BACK], {"status": "partially_refunded", "amount": money(10000), "refunded": money(4000)}, []),
        ([PAID, BACK], {"status": "partially_refunded", "amount": money(10000)}, []),
        ([BEGUN], {"status": "succeeded", "amount": money(10000)}, gateway(0, 10000, ASK)),
        ([BEGUN], {"status": "refunded", "amount": money(10000)}, gateway(0, 0, ASK)),
        ([PAID], {"status": "failed", "amount": money(10000)}, gateway(10000, 0, WAIT)),
        ([PAID], {"status": "succeeded", "amount": money(10000), "captured": money(7000)}, gateway(10000, 7000, WAIT)),
        ([PAID], {"status": "partially_refunded", "amount": money(10000), "refunded": money(1)}, gateway(10000, 9999, RESEND)),
        ([PAID], {"status": "returned", "amount": money(10000)}, gateway(10000, 0, RESEND)),
        ([PAID, BACK], {"status": "succeeded", "amount": money(10000), "refunded": money(0)}, gateway(6000, 10000, WAIT)),
        (
            [PAID],
            {"status": "succeeded", "amount": money(10000), "fee": money(350)},
            [Difference("expense:gateway_fees", Money(320, "USD"), Money(350, "USD"), CREDITED)],
        ),
        ([("payment.succeeded", {"amount": money(10000)})], {"status": "succeeded", "amount": money(10000), "fee": money(350)}, []),
        ([ABROAD], {"status": "succeeded", "amount": money(10000), "settled": money(9250, "EUR")}, []),
        ([ABROAD], {"status": "pending", "amount": money(0), "settled": money(1, "EUR")}, gateway(10000, 0, WAIT)),
        (
            [ABROAD],
            {"status": "succeeded", "amount": money(10000), "settled": money(9251, "EUR")},
            [Difference("exchange:EUR/USD", Money(9250, "EUR"), Money(9251, "EUR"), CREDITED)],
        ),
        ([PAID], {"status": "succeeded", "amount": money(9200, "EUR"), "fee": money(300, "EUR")}, []),
    ],
)  # fmt: skip
def test_what_differs_is_named_with_both_amounts_and_a_proposal(events, said, found):
    assert differences(booked(*events), said) == found


def test_what_no_report_said_of_fee_and_settlement_is_told_with_whose_the_payment_is():
    paid = ("payment.succeeded", {"amount": money(10000), "order": "o_77"})
    said = {"status": "succeeded", "fee": money(290, "EUR"), "settled": money(9250, "EUR")}
    whole = {"payment": "p", "amount": money(10000), "order": "o_77"}
    assert credited(booked(paid), said) == {**whole, "fee": said["fee"], "settled": said["settled"]}
    assert credited(booked(PAID), said) == {"payment": "p", "amount": money(10000), "settled": said["settled"]}
    known = ("payment.settled", {"amount": money(10000), "fee": said["fee"], "settled": said["settled"]})
    for events, answer in (
        ([paid, known], said),
        ([paid], {"status": "succeeded"}),
        ([paid], {**said, "status": "pending"}),
        ([BEGUN], said),
    ):
        assert credited(booked(*events), answer) is None


def test_a_difference_is_what_was_found_less_what_was_expected():
    (one,) = gateway(10000, 9680, WAIT)
    assert one.to_json()["difference"] == money(-320)
