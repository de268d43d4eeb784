"""What a gateway says of a payment beside what is booked: nothing when it agrees, else the difference and what to do."""

import pytest

from hub.money import Money
from hub.payments.comparing import ASK, CREDITED, MORE, RESEND, WAIT, Difference, corrected, credited, differences
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
RETURNED = ("payment.returned", {"amount": money(10000)})
PART = ("payment.succeeded", {"amount": money(10000), "captured": money(7000)})


def gateway(expected, found, proposal, *reports):
    return [Difference("gateway:shop", Money(expected, "USD"), Money(found, "USD"), proposal, reports=reports)]


def credit(account, expected, found, currency):
    sums = Money(expected, currency), Money(found, currency)
    return [Difference(account, *sums, CREDITED, reports=("payment.settled",))]


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
        ([BEGUN], {"status": "succeeded", "amount": money(10000)}, gateway(0, 10000, ASK, "payment.succeeded")),
        ([BEGUN], {"status": "refunded", "amount": money(10000)}, gateway(0, 0, ASK, "payment.succeeded")),
        (
            [BEGUN],
            {"status": "partially_refunded", "amount": money(10000), "refunded": money(2500)},
            gateway(0, 7500, ASK, "payment.succeeded"),
        ),
        ([BEGUN], {"status": "returned", "amount": money(10000)}, gateway(0, 0, ASK, "payment.returned")),
        ([BEGUN], {"status": "disputed", "amount": money(10000)}, gateway(0, 10000, MORE)),
        ([BEGUN], {"status": "authorized", "amount": money(10000), "captured": money(7000)}, gateway(0, 7000, MORE)),
        ([PART], {"status": "succeeded", "amount": money(10000), "captured": money(7000)}, []),
        ([PART], {"status": "succeeded", "amount": money(10000), "captured": money(9000)}, gateway(7000, 9000, MORE)),
        ([PART], {"status": "voided", "amount": money(10000), "captured": money(0)}, gateway(7000, 0, WAIT)),
        ([PAID], {"status": "succeeded", "amount": money(10000), "captured": money(0)}, []),
        ([BEGUN, RETURNED], {"status": "returned", "amount": money(10000)}, []),
        ([PAID, RETURNED], {"status": "returned", "amount": money(10000)}, []),
        ([PAID, RETURNED], {"status": "succeeded", "amount": money(10000)}, gateway(0, 10000, WAIT)),
        ([PAID], {"status": "refunded", "amount": money(10000)}, gateway(10000, 0, RESEND)),
        ([PAID, BACK], {"status": "refunded", "amount": money(10000)}, gateway(6000, 0, RESEND)),
        (
            [PAID, BACK],
            {"status": "partially_refunded", "amount": money(9000), "refunded": money(3000)},
            gateway(6000, 6000, WAIT),
        ),
        (
            [PAID, BACK],
            {"status": "succeeded", "amount": money(10000), "refunded": money(0), "fee": money(350)},
            [*gateway(6000, 10000, WAIT), *credit("expense:gateway_fees", 320, 350, "USD")],
        ),
        ([PAID], {"status": "failed", "amount": money(10000), "fee": money(350)}, gateway(10000, 0, WAIT)),
        ([PAID], {"status": "succeeded", "amount": money(10000), "fee": money(290, "EUR")}, []),
        ([PAID], {"status": "failed", "amount": money(10000)}, gateway(10000, 0, WAIT)),
        ([PAID], {"status": "succeeded", "amount": money(10000), "captured": money(7000)}, gateway(10000, 7000, WAIT)),
        ([PAID], {"status": "partially_refunded", "amount": money(10000), "refunded": money(1)}, gateway(10000, 9999, RESEND)),
        ([PAID], {"status": "returned", "amount": money(10000)}, gateway(10000, 0, RESEND)),
        ([PAID, BACK], {"status": "succeeded", "amount": money(10000), "refunded": money(0)}, gateway(6000, 10000, WAIT)),
        (
            [PAID],
            {"status": "succeeded", "amount": money(10000), "fee": money(350)},
            credit("expense:gateway_fees", 320, 350, "USD"),
        ),
        ([("payment.succeeded", {"amount": money(10000)})], {"status": "succeeded", "amount": money(10000), "fee": money(350)}, []),
        ([ABROAD], {"status": "succeeded", "amount": money(10000), "settled": money(9250, "EUR")}, []),
        ([ABROAD], {"status": "pending", "amount": money(0), "settled": money(1, "EUR")}, gateway(10000, 0, WAIT)),
        (
            [ABROAD],
            {"status": "succeeded", "amount": money(10000), "settled": money(9251, "EUR")},
            credit("exchange:EUR/USD", 9250, 9251, "EUR"),
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
        ([paid], {**said, "fee": None, "settled": None}),
    ):
        assert credited(booked(*events), answer) is None


def test_what_is_corrected_is_told_with_all_that_the_gateway_says_of_it_now_and_whose_it_is():
    paid = ("payment.succeeded", {"amount": money(10000), "order": "o_77", "fee": money(320)})
    said = {"status": "succeeded", "fee": money(350), "settled": money(9250, "EUR")}
    told = {"payment": "p", "amount": money(10000), "order": "o_77", "fee": money(350), "settled": money(9250, "EUR")}
    assert corrected(booked(paid), said) == told
    del told["settled"]
    assert corrected(booked(paid), {**said, "settled": None}) == told
    for answer in ({**said, "fee": money(320)}, {"status": "succeeded"}, {**said, "status": "failed"}):
        assert corrected(booked(paid), answer) is None


def test_a_difference_is_what_was_found_less_what_was_expected():
    (one,) = gateway(10000, 9680, WAIT)
    assert one.to_json() == {
        "account": "gateway:shop", "expected": money(10000), "found": money(9680), "difference": money(-320), "proposal": WAIT,
    }  # fmt: skip
    (one,) = gateway(0, 10000, ASK, "payment.succeeded")
    assert one.to_json()["reports"] == ["payment.succeeded"]
