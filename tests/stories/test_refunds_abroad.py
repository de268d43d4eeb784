"""Refunds out of an account in another currency: each at its own rate, to the unit, and unwound where one fails."""

from __future__ import annotations

import pytest
import requests

from tests.stories.cells import PAY, wait
from tests.stories.payers import PayPal, Razorpay, Stripe
from tests.stories.test_another_currency import BACK, accounts

LOST = "expense:exchange_differences"
FEES = "expense:gateway_fees"


class Yen(PayPal):
    """Dollars at PayPal, in an account in yen; PayPal gives a part of its fee back."""

    def converts(self) -> None:
        self.fake.account = ("JPY", "150.5")
        self.fake.refund_terms = [("158.25", "0.20"), ("149.1", "0.00")]


class Dinars(Stripe):
    """Yen at Stripe, in a balance in dinars."""

    currency = "JPY"

    def converts(self) -> None:
        self.fake.balance = ("kwd", 20123, 745)
        self.fake.taken = [(6990, 12), (13300, 0)]


class Rupees(Razorpay):
    """Dollars at Razorpay, of which it says what each refund was taken as."""

    currency = "USD"

    def converts(self) -> None:
        self.fake.converted = {"base_amount": 712901, "base_currency": "INR"}
        self.fake.taken = {"base_amount": 350000, "base_currency": "INR"}


REFUNDS = "".join(
    BACK.replace("NAME", name).replace("MINOR", str(minor)) + pause
    for name, minor, pause in (("part", 3333, "  - wait: {for: 2d}\n"), ("rest", 6667, ""))
)


def given_back_in_parts(market):
    """A payment of 100.00 that was given back in two parts, the second one two days later; the run."""
    market.converts()
    run = market.begin(PAY + wait("paid", "payment.succeeded") + REFUNDS.replace("CURRENCY", market.currency), "o_77")
    market.pay(market.output(run, "pay"))
    market.watched(run, "part")
    market.deliver()
    yield run
    with market.later(days=2, minutes=1):
        market.output(run, "rest")
    market.deliver()
    yield run


@pytest.mark.parametrize(
    ("kind", "there", "credited", "fee", "first", "second", "kept"),
    [
        # 33.33 less 0.20 at 158.25 is 5243; the 0.20 are 32 yen.
        (Yen, "JPY", 15050, 147, 5243 + 32, 9940, -32),
        (Dinars, "KWD", 20123, 745, 6990, 13300, 12),
        (Rupees, "INR", 712901, 2360, 350000, 350000, 0),
    ],
)
def test_each_refund_goes_at_its_own_rate_and_what_it_lost_or_gained_is_said(
    kind, there, credited, fee, first, second, kept, tmp_path
):
    with kind.opened(tmp_path) as market:
        parts = given_back_in_parts(market)
        next(parts)
        pair = "exchange:" + "/".join(sorted((there, market.currency)))
        left = round(credited * 6667 / 10000)
        assert accounts(market, market.currency) == {"held:o_77": -6667, pair: 6667}
        assert accounts(market, there) == {
            "gateway:shop": credited - fee - first - kept,
            pair: -left,
            FEES: fee + kept,
            LOST: first - (credited - left),
        }
        next(parts)
        assert accounts(market, market.currency) == {}
        assert accounts(market, there) == {
            "gateway:shop": credited - fee - first - second - kept,
            FEES: fee + kept,
            LOST: first + second - credited,
        }
        told = [market.live.hub.queries.event(one.id).data for one in market.live.events(type="refund.settled")]
        assert sorted(one["settled"]["minor"] for one in told) == sorted([first, second])
        assert {one["order"] for one in told} == {"o_77"}


def test_what_stripe_takes_is_booked_when_it_is_known_and_unwound_when_the_refund_fails(tmp_path):
    with Dinars.opened(tmp_path) as market:
        market.converts = lambda: setattr(market.fake, "balance", ("kwd", 20123, 745))
        run = next(given_back_in_parts(market))
        begun = accounts(market, "KWD")
        assert begun == {"gateway:shop": 13416 - 745, "exchange:JPY/KWD": -13416, FEES: 745}
        refund = market.output(run, "part")["refund"]
        market.fake.debit(refund, 6990, 12)
        market.deliver()
        assert accounts(market, "KWD") == {
            "gateway:shop": 20123 - 6990 - 745 - 12,
            "exchange:JPY/KWD": -13416,
            FEES: 757,
            LOST: 6990 - (20123 - 13416),
        }
        market.fake.fail_refund(refund, 6981)
        market.deliver()
        assert accounts(market, "JPY") == {"held:o_77": -10000, "exchange:JPY/KWD": 10000}
        assert accounts(market, "KWD") == {
            "gateway:shop": 20123 - 745 - 9,
            "exchange:JPY/KWD": -20123,
            FEES: 745,
            LOST: 9,
        }


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2)])
def test_news_of_stripe_in_any_order_end_the_same(order, tmp_path):
    """``charge.updated`` tells the payment's rate, ``refund.created`` the refund and ``refund.updated`` its rate."""
    with Dinars.opened(tmp_path) as market:
        market.fake.balance, market.fake.taken = ("kwd", 20123, 745), []
        run = market.begin(PAY + wait("paid", "payment.succeeded"), "o_77")
        market.pay(market.output(run, "pay"))
        webhooks = market.fake.webhooks(market.hooks)
        rate = next(one for one in webhooks if b"charge.updated" in one.body)
        for webhook in webhooks:
            if webhook is not rate:
                assert market.send(webhook).ok
        market.ended(run)
        payment = market.output(run, "paid")["data"]["payment"]
        headers = {
            "Authorization": f"Bearer {market.fake.key}",
            "Stripe-Version": "2026-06-24.dahlia",
            "Idempotency-Key": "1",
        }
        made = requests.post(
            f"{market.fake.url}/v1/refunds", data={"payment_intent": payment}, headers=headers, timeout=10
        ).json()
        market.fake.debit(made["id"], 20500)
        created, _, settled = market.fake.webhooks(market.hooks)
        news = (rate, created, settled)
        for number in order:
            assert market.send(news[number]).ok
        market.deliver()
        assert accounts(market, "JPY") == {}
        assert accounts(market, "KWD") == {"gateway:shop": 20123 - 20500 - 745, FEES: 745, LOST: 377}
