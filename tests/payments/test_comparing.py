"""What a gateway says of a payment beside what is booked: nothing when it agrees, else the difference and what to do."""

import pytest

from hub.money import Money
from hub.payments.comparing import ASK, FEE, RESEND, WAIT, Difference, differences
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
            [Difference("expense:gateway_fees", Money(320, "USD"), Money(350, "USD"), FEE)],
        ),
        ([PAID], {"status": "succeeded", "amount": money(9200, "EUR"), "fee": money(300, "EUR")}, []),
    ],
)  # fmt: skip
def test_what_differs_is_named_with_both_amounts_and_a_proposal(events, said, found):
    assert differences(booked(*events), said) == found


def test_a_difference_is_what_was_found_less_what_was_expected():
    (one,) = gateway(10000, 9680, WAIT)
    assert one.to_json()["difference"] == money(-320)
