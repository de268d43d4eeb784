"""What PayPal takes for refunds out of an account in another currency, and gives back of its fee."""

from __future__ import annotations

import pytest

from connectors.paypal.refunds import taken_for
from tests.contract.paypal_steps import EUR, desk_of, paid, part, told
from tests.fakes.fake_paypal import FakePayPal


@pytest.fixture
def paypal():
    with FakePayPal().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def desk(paypal, registry, outbound):
    return desk_of(paypal, registry, outbound)


def refunded(desk, payment, **given):
    return desk.run("payment.refund", {"payment": payment, **given}, key=f"refund{len(given)}")


@pytest.mark.parametrize(
    ("amount", "account", "terms", "fee", "settled"),
    [
        (EUR, "JPY", ("158.1", "0.00"), part(0, "JPY"), part(3160, "JPY")),
        (EUR, "JPY", ("158.1", "0.98"), part(-155, "JPY"), part(3005 + 155, "JPY")),
        (part(3000, "JPY"), "USD", ("0.0071", "1"), part(-1, "USD"), part(2129 + 1, "USD")),
        (EUR, "HUF", ("401.3", "0.00"), part(0, "HUF"), part(802200, "HUF")),
        (EUR, "EUR", ("1", "0.98"), part(-98), None),
        (EUR, "EUR", ("1", "0.00"), None, None),
    ],
)
def test_what_paypal_took_for_a_refund_is_in_its_answer_its_event_and_the_payment(
    desk, paypal, amount, account, terms, fee, settled
):
    paypal.account, paypal.refund_terms = (account, "1.5"), [terms]
    payment = paid(desk, paypal, amount=amount, order="o_77")
    told(desk, paypal)
    answer = refunded(desk, payment)
    seen = desk.run("payment.get", {"payment": payment})
    issued, *rates = told(desk, paypal)
    known = [answer, issued.data]
    assert (issued.type, seen["status"]) == ("refund.issued", "refunded")
    if fee is None:
        assert rates == []
        assert "refunds" not in seen
    else:
        (event,) = rates
        assert (event.type, event.source_id) == ("refund.settled", f"refund.settled:{answer['refund']}")
        assert (event.data["payment"], event.data["order"], event.data["amount"]) == (payment, "o_77", amount)
        (item,) = seen["refunds"]
        assert (item["refund"], item["status"], item["amount"]) == (answer["refund"], "issued", amount)
        known += [event.data, item]
    assert [(one.get("fee"), one.get("settled")) for one in known] == [(fee, settled)] * len(known)


def test_several_refunds_have_each_its_own_rate(desk, paypal):
    paypal.account, paypal.refund_terms = ("JPY", "162.4"), [("158.1", "0.00"), ("170", "0.00")]
    payment = paid(desk, paypal)
    refunded(desk, payment, amount=part(500))
    refunded(desk, payment)
    seen = desk.run("payment.get", {"payment": payment})["refunds"]
    assert [(one["amount"]["minor"], one["settled"]) for one in seen] == [
        (500, part(791, "JPY")),
        (1499, part(2548, "JPY")),
    ]


def eur(value):
    return {"currency_code": "EUR", "value": value}


def usd(value):
    return {"currency_code": "USD", "value": value}


@pytest.mark.parametrize(
    ("breakdown", "fee", "settled"),
    [
        ({}, None, None),
        ({"paypal_fee": eur("0.00")}, None, None),
        ({"paypal_fee": eur("0.30")}, part(-30), None),
        ({"net_amount_breakdown": [{"payable_amount": usd("11.00")}]}, None, part(1100, "USD")),
        ({"net_amount_breakdown": [{"payable_amount": eur("10.00"), "converted_amount": usd("11.00")}]}, None, part(1100, "USD")),
        ({"net_amount_breakdown": [{"payable_amount": usd("-11.00"), "converted_amount": eur("10.00")}]}, None, part(1100, "USD")),
        ({"net_amount_breakdown": [{"payable_amount": usd("4.00")}, {"payable_amount": usd("7.00")}]}, None, part(1100, "USD")),
        ({"net_amount_breakdown": [{"payable_amount": usd("4.00")}, {"payable_amount": eur("6.00")}]}, None, None),
        ({"net_amount_breakdown": [{"payable_amount": usd("4.00")}, {"payable_amount": {"currency_code": "JPY", "value": "600"}}]}, None, None),
        ({"net_amount_breakdown": [{"payable_amount": usd("4.00")}, {}]}, None, None),
        ({"net_amount_in_receivable_currency": usd("11.00"), "paypal_fee": eur("0.00")}, part(0, "USD"), part(1100, "USD")),
        ({"net_amount_in_receivable_currency": eur("10.00"), "paypal_fee": eur("0.00")}, None, None),
        (
            {"net_amount_in_receivable_currency": usd("10.67"), "paypal_fee": eur("0.30"), "net_amount": eur("9.70"), "paypal_fee_in_receivable_currency": usd("0.34")},
            part(-34, "USD"),
            part(1101, "USD"),
        ),
        (
            {"net_amount_breakdown": [{"payable_amount": usd("10.67")}], "paypal_fee": eur("0.30"), "net_amount": eur("9.70")},
            part(-33, "USD"),
            part(1100, "USD"),
        ),
        ({"net_amount_breakdown": [{"payable_amount": usd("10.67")}], "paypal_fee": eur("0.30")}, None, part(1067, "USD")),
        ({"net_amount_breakdown": [{"payable_amount": usd("11.00"), "converted_amount": {"currency_code": "JPY", "value": "1600"}}]}, None, part(1100, "USD")),
        (
            {"net_amount_breakdown": [{"payable_amount": usd("10.67")}], "paypal_fee": eur("0.30"), "net_amount": usd("9.70")},
            None,
            part(1067, "USD"),
        ),
        (
            {"net_amount_breakdown": [{"payable_amount": usd("0.00")}], "paypal_fee": eur("10.00"), "net_amount": eur("0.00")},
            None,
            part(0, "USD"),
        ),
        (
            {"net_amount_breakdown": [{"payable_amount": usd("10.67")}], "paypal_fee": eur("0.30"), "net_amount": eur("9.70"), "paypal_fee_in_receivable_currency": eur("0.34")},
            part(-33, "USD"),
            part(1100, "USD"),
        ),
    ],
)  # fmt: skip
def test_what_was_taken_is_read_from_whichever_of_paypals_members_says_it(breakdown, fee, settled):
    refund = {"amount": eur("10.00"), "seller_payable_breakdown": breakdown}
    assert taken_for(refund) == {"fee": fee, "settled": settled}


def test_a_refund_that_fails_says_nothing_of_rates(desk, paypal):
    paypal.account, paypal.refund_terms = ("JPY", "162.4"), [("158.1", "0.00")]
    payment = paid(desk, paypal)
    answer = refunded(desk, payment)
    told(desk, paypal)
    paypal.tell("PAYMENT.REFUND.FAILED", "refund", paypal.refunds[answer["refund"]])
    (failed,) = told(desk, paypal)
    assert (failed.type, failed.data["refund"]) == ("refund.failed", answer["refund"])
    assert failed.data.keys().isdisjoint({"fee", "settled"})


def test_a_refund_that_waits_tells_nothing_yet(desk, paypal):
    paypal.account, paypal.refund_terms = ("JPY", "162.4"), [("158.1", "0.00")]
    answer = refunded(desk, paid(desk, paypal))
    told(desk, paypal)
    paypal.tell("PAYMENT.CAPTURE.REFUNDED", "refund", {**paypal.refunds[answer["refund"]], "status": "PENDING"})
    assert told(desk, paypal) == []
