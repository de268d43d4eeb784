"""Story 3.1 where the gateway passes shares on itself, at the fakes of Stripe and Razorpay: every figure to the unit."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from hub.journal.tables_escrow import payouts
from hub.journal.tables_work import providers
from tests.stories.markets import THEIR_DAY
from tests.stories.payers import Razorpay, Stripe
from tests.stories.plays import ADA, Stage
from tests.stories.test_another_currency import accounts

FEES = "expense:gateway_fees"
KEPT = "revenue:commission"


class StripeShop(Stripe):
    """Stripe, which says a moment after a payment what it keeps of it."""

    vendors, fee = ("acct_anna", "acct_bea"), 320

    def begin_selling(self):
        self.fake.balance = ("usd", 10_000, self.fee)

    def deliver(self):
        """What it sends is signed with its own clock, and would be old later."""
        if self.live.clock.offset <= THEIR_DAY - datetime.now(UTC) + timedelta(minutes=5):
            super().deliver()

    def transfers(self):
        """Of each transfer its recipient, its amount and what of it was taken back."""
        made = [one for one in self.fake.objects.values() if one["object"] == "transfer"]
        return sorted((one["destination"], one["amount"], one["amount_reversed"]) for one in made)


class RazorpayShop(Razorpay):
    vendors, fee = ("acc_Anna", "acc_Bea"), 2360

    def begin_selling(self):
        pass

    def transfers(self):
        made = self.fake.of_kind("transfer")
        return sorted((one["recipient"], one["amount"], one["amount_reversed"]) for one in made)


SHOPS = pytest.mark.parametrize("kind", [StripeShop, RazorpayShop])


class Shop(Stage):
    """The story with two vendors who have accounts at the gateway, where a lamp and a rug were sold for 100.00."""

    def __init__(self, market, reserve=None):
        super().__init__(market, "multi-vendor-shop")
        market.begin_selling()
        if reserve:
            self.live.hub.recipes.set_inputs("shop-split", {"reserve": reserve}, "test")
        self.vendors = [self.provider(name, "goods") for name in ("Anna", "Bea")]
        for vendor, account in zip(self.vendors, market.vendors, strict=True):
            self.live.hub.office(vendor).change(
                lambda book, vendor=vendor, account=account: book.change(
                    providers, book.get(providers, vendor), accounts={"shop": account}
                )
            )
        goods = zip(("Desk lamp", "Woven rug"), (6001, 3999), self.vendors, strict=True)
        lines = [{"title": title, "price": self.money(minor), "vendor": vendor} for title, minor, vendor in goods]
        order = self.act("orders", "create", lines=lines, customer=ADA, connections=["shop"])
        self.press_pay(order["url"])
        self.pay()
        self.payment = self.told("order.paid", order=order["order"])["payment"]

    def give_back(self, **what):
        self.act("payments", "refund", payment=self.payment, connection="shop", **what)

    def books_are(self, **expected):
        """Wait until the books say this: of the gateway, each vendor and the commission; the fee is known."""
        gateway, anna, bea, commission = (expected[name] for name in ("gateway", "anna", "bea", "commission"))
        named = {
            "gateway:shop": gateway - self.market.fee, FEES: self.market.fee, KEPT: -commission,
            f"provider:{self.vendors[0]}": -anna, f"provider:{self.vendors[1]}": -bea, **expected.get("more", {}),
        }  # fmt: skip
        wanted = {account: minor for account, minor in named.items() if minor}
        self.comes_to(wanted, lambda: accounts(self.market, self.currency))

    def transfers_are(self, *expected):
        """Wait until the gateway has made these: of each the recipient, the amount and what was taken back of it."""
        self.comes_to(list(expected), self.market.transfers)

    def payouts_are(self, *states):
        query = sa.select(payouts.c.amount, payouts.c.state).order_by(payouts.c.amount.desc())
        with self.live.hub.database.read() as connection:
            assert [tuple(row) for row in connection.execute(query)] == list(states)


@contextmanager
def opened(kind, tmp_path, reserve=None):
    with kind.opened(tmp_path) as market:
        yield Shop(market, reserve)


@SHOPS
def test_shares_are_passed_on_and_taken_back_with_each_refund(kind, tmp_path):
    with opened(kind, tmp_path) as shop:
        anna, bea = kind.vendors
        shop.books_are(gateway=1250, anna=0, bea=0, commission=1250)
        for account, minor in ((anna, 5251), (bea, 3499)):
            sent = shop.told("transfer.sent", provider=account)
            assert (sent["amount"], sent["payment"]) == (shop.money(minor), shop.payment)
        shop.give_back(lines=[{"title": "Woven rug"}])
        shop.books_are(gateway=750, anna=0, bea=0, commission=750)
        shop.transfers_are((anna, 5251, 0), (bea, 3499, 3499))
        shop.give_back(amount=shop.money(3001))  # of what is left, Anna has 52.51 and the platform 7.50
        shop.books_are(gateway=375, anna=0, bea=0, commission=375)
        shop.transfers_are((anna, 5251, 2626), (bea, 3499, 3499))
        shop.give_back()
        shop.books_are(gateway=0, anna=0, bea=0, commission=0)
        shop.transfers_are((anna, 5251, 5251), (bea, 3499, 3499))
        shop.payouts_are((5251, "paid"), (3499, "paid"))


@SHOPS
def test_a_dispute_that_is_lost_takes_the_shares_and_the_commission_back(kind, tmp_path):
    with opened(kind, tmp_path) as shop:
        shop.books_are(gateway=1250, anna=0, bea=0, commission=1250)
        for account in kind.vendors:
            shop.told("transfer.sent", provider=account)
        dispute = shop.market.fake.dispute(shop.payment)
        shop.books_are(gateway=1250 - 10_000, anna=0, bea=0, commission=1250, more={"disputed": 10_000})
        assert [back for _, _, back in shop.market.transfers()] == [0, 0], "nobody decided yet"
        shop.market.fake.decide(dispute, "lost")
        shop.books_are(gateway=0, anna=0, bea=0, commission=0)
        anna, bea = kind.vendors
        shop.transfers_are((anna, 5251, 5251), (bea, 3499, 3499))


@SHOPS
def test_a_reserve_is_passed_on_when_its_days_are_over(kind, tmp_path):
    with opened(kind, tmp_path, {"percent": "10", "days": 5}) as shop:
        anna, bea = kind.vendors
        shop.books_are(gateway=1250 + 525 + 350, anna=525, bea=350, commission=1250)
        shop.transfers_are((anna, 4726, 0), (bea, 3149, 0))
        with shop.market.later(days=4):
            shop.live.hub.payment_clock.run_due()
            assert len(shop.market.transfers()) == 2
        with shop.market.later(days=5, minutes=1):
            shop.transfers_are((anna, 525, 0), (anna, 4726, 0), (bea, 350, 0), (bea, 3149, 0))
        shop.books_are(gateway=1250, anna=0, bea=0, commission=1250)


@pytest.mark.parametrize(
    ("kind", "sent"),
    # Razorpay passes nothing on of a payment of which something was refunded.
    [(StripeShop, True), (RazorpayShop, False)],
)
def test_a_reserve_bears_its_vendors_refund_and_the_other_ones_is_passed_on_or_owed(kind, sent, tmp_path):
    with opened(kind, tmp_path, {"percent": "10", "days": 5}) as shop:
        anna, bea = kind.vendors
        for account in (anna, bea):
            shop.told("transfer.sent", provider=account)
        shop.give_back(lines=[{"title": "Woven rug"}])
        shop.books_are(gateway=750 + 525, anna=525, bea=0, commission=750)
        with shop.market.later(days=5, minutes=1):
            if sent:
                shop.transfers_are((anna, 525, 0), (anna, 4726, 0), (bea, 3149, 3149))
            else:
                failed = shop.told("transfer.failed", provider=shop.vendors[0])
                assert failed["amount"] == shop.money(525)
                shop.mailed("admin@example.com", f"did not reach {shop.vendors[0]}")
        owed = 0 if sent else 525
        shop.books_are(gateway=750 + owed, anna=owed, bea=0, commission=750)
        if not sent:
            shop.transfers_are((anna, 4726, 0), (bea, 3149, 3149))
