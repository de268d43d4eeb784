"""What is peculiar to each gateway when its payers pay and its banks decide."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from hub.journal.tables import links
from tests.contract.moneygram_steps import TO
from tests.fakes.authorize_net_books import BANK
from tests.fakes.fake_amazon_pay import FakeAmazonPay
from tests.fakes.fake_authorize_net import FakeAuthorizeNet
from tests.fakes.fake_instamojo import FakeInstamojo
from tests.fakes.fake_mastercard import FakeMastercard
from tests.fakes.fake_moneygram import COMMON, FakeMoneyGram
from tests.fakes.fake_paypal import FakePayPal
from tests.fakes.fake_razorpay import FakeRazorpay
from tests.fakes.fake_stripe import FakeStripe
from tests.fakes.fake_twocheckout import FakeTwoCheckout
from tests.fakes.fake_visa import FakeVisa
from tests.fakes.gateway import Webhook
from tests.stories.markets import Market

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import requests


class AmazonPay(Market):
    name, fake_class, currency = "amazon_pay", FakeAmazonPay, "EUR"
    request: ClassVar = {"path": "/v2/reports"}

    def pay(self, output: Mapping[str, Any]) -> None:
        self.fake.press(output["client"])
        super().pay(output)

    @contextmanager
    def patient(self) -> Iterator[None]:
        self._set_up(pending_authorization=True)
        yield
        self._set_up(pending_authorization=False)

    def _set_up(self, **fields: bool) -> None:
        row = self.live.hub.store.connection("shop")
        self.live.hub.accounts.update("shop", {**self.fake.fields(), **fields}, row.version, "test")

    @contextmanager
    def later(self, **parts: int) -> Iterator[None]:
        """Amazon's clock goes with the hub's: what it sends then must not be old."""
        before = self.fake.stamp
        with super().later(**parts):
            self.fake.stamp = f"{self.live.clock():%Y-%m-%dT%H:%M:%S.000Z}"
            yield
            self.deliver()
        self.fake.stamp = before

    def delay(self, output: Mapping[str, Any]) -> str:
        self.pay(output)
        return str(next(reversed(self.fake.charges)))

    def refunded(self, refund: str) -> None:
        self.fake.finish_refund(refund)


class AuthorizeNet(Market):
    name, fake_class = "authorize_net", FakeAuthorizeNet
    request: ClassVar = {"path": "/rest/v1/notifications"}
    method = "39931060/36223863"

    def day_ends(self) -> None:
        self.fake.settle()

    def pay(self, output: Mapping[str, Any]) -> None:
        terms = {"terms": output["client"]["terms"]} if "terms" in output.get("client", {}) else {}
        self.back(output["payment"], {**self.fake.pay(output["payment"]), **terms})

    def delay(self, output: Mapping[str, Any]) -> str:
        self.back(output["payment"], self.fake.pay(output["payment"], BANK))
        return ""

    def settle(self, reference: str) -> None:
        # No webhook tells that a bank debit arrived: the hub asks.
        self.fake.settle()
        self.live.clock.forward(minutes=5)

    def renew(self, subscription: str) -> None:
        for _ in ("the first period", "the next one"):
            self.fake.renew(subscription)


class Instamojo(Market):
    name, fake_class, currency = "instamojo", FakeInstamojo, "INR"
    request: ClassVar = {"path": "/v2/payment_requests/"}

    def delay(self, output: Mapping[str, Any]) -> str:
        reference = self.fake.wait(output["payment"])
        self.live.clock.forward(minutes=1)
        return str(reference)

    def settle(self, reference: str) -> None:
        self.fake.decide(reference)
        self.live.clock.forward(minutes=5)

    def day_ends(self) -> None:
        self.pollers.poll("shop")

    def refunded(self, refund: str) -> None:
        """People decide it; only a poll finds it."""
        self.fake.review(refund, "Refunded")
        assert self.pollers.poll("shop")

    def subscribe(self, output: Mapping[str, Any]) -> None:
        """Each period is asked for by a link."""
        self.pay_link_of(output["subscription"], 0)

    def period_ends(self, subscription: str) -> None:
        with self.later(days=31):
            self.pay_link_of(subscription, 1)
            self.live.until(lambda: self.deliver() or self.renewals(subscription))

    def pay_link_of(self, subscription: str, number: int) -> None:
        def link() -> Any:
            mine = [
                one for one in self.live.hub.payments.store.list(links) if one.input.get("subscription") == subscription
            ]
            return sorted(mine, key=lambda one: one.created_at)[number:]

        (row,) = self.live.until(link)
        self.pay(self.click({"link": row.id, "url": self.live.hub.pages.link(row.id)}))


class Mastercard(Market):
    name, fake_class, currency = "mastercard", FakeMastercard, "EUR"
    request: ClassVar = {"path": "/paymentOptionsInquiry"}
    payout_to: ClassVar = {"account": "acct-ref:made-up"}

    def click(self, link: Mapping[str, Any]) -> dict[str, Any]:
        return {"payment": link["link"].partition("/")[0]}

    def forged(self, webhook: Webhook) -> requests.Response:
        """Only a secret in clear stands for the sender; what a body says is never believed."""
        headers = {**webhook.headers, "x-notification-secret": "0" * 32}
        return self.send(Webhook(webhook.body, headers))

    def pay_out(self, payout: str) -> None:
        assert self.fake.disbursements[payout]["status"] == "APPROVED"

    def delay(self, output: Mapping[str, Any]) -> str:
        self.back(output["payment"], self.fake.pay(output["payment"], pending=True))
        return str(output["payment"])


class Maestro(Mastercard):
    """The brand, through a connection of Mastercard's: all that happens is told there."""

    name, source = "maestro", "cards"
    fields: ClassVar = {"route": "cards", "holds": True}

    def connect(self) -> None:
        self.live.hub.accounts.create("cards", "mastercard", self.fake.fields(), "test")
        self.live.hub.accounts.create("shop", "maestro", self.fields, "test")
        self.hooks = f"{self.live.address}/hooks/cards"


class MoneyGram(Market):
    name, fake_class, currency = "moneygram", FakeMoneyGram, "NGN"
    request: ClassVar = {
        "path": "/reference-data/v1/service-options",
        "query": {"destinationCountryCode": "NGA", **COMMON},
    }
    payout_to: ClassVar = TO

    def pay_out(self, payout: str) -> None:
        self.fake.move(payout, "RECEIVED")


class PayPal(Market):
    name, fake_class = "paypal", FakePayPal
    # Its certificate cannot be fetched here, so PayPal is asked.
    fields: ClassVar = {"webhook_verification": "api"}
    request: ClassVar = {"path": "/v1/notifications/webhooks"}
    payout_to: ClassVar = {"email": "grace@example.com"}
    collecting: ClassVar = {"payee": "seller@example.com", "disbursement": "delayed"}
    releasing: ClassVar = ("disbursement.release", {"payment": "${ steps.paid.output.data.payment }"})

    def delay(self, output: Mapping[str, Any]) -> str:
        self.fake.outcomes[output["payment"]] = "PENDING"
        self.pay(output)
        return str(next(reversed(self.fake.captures)))

    def pay_out(self, payout: str) -> None:
        self.fake.end_payout(payout, "SUCCESS")


class Razorpay(Market):
    name, fake_class, currency = "razorpay", FakeRazorpay, "INR"
    request: ClassVar = {"path": "/v1/payments"}
    provider = "acc_Vendor"
    payout_to: ClassVar = {"fund_account": "fa_Known"}
    holding: ClassVar = {"options": {"on_hold": True}}
    releasing: ClassVar = ("hold.release", {"hold": "${ steps.share.output.transfer }"})

    def delay(self, output: Mapping[str, Any]) -> str:
        tried = self.fake.attempt(output["payment"])
        self.live.clock.forward(minutes=1)
        return str(tried["id"])

    def settle(self, reference: str) -> None:
        self.fake.authorize(reference)
        self.fake.capture(reference)

    def renew(self, subscription: str) -> None:
        self.fake.charge(subscription)

    def pay_out(self, payout: str) -> None:
        self.fake.send(payout)


class Stripe(Market):
    name, fake_class = "stripe", FakeStripe
    request: ClassVar = {"path": "/v1/balance"}
    provider = "acct_7"

    def delay(self, output: Mapping[str, Any]) -> str:
        self.fake.pay(output["payment"], delayed=True)
        return str(output["payment"])

    def pay_out(self, payout: str) -> None:
        account, own = payout.split("/")
        self.fake.send(own, account)


class TwoCheckout(Market):
    name, fake_class, currency = "twocheckout", FakeTwoCheckout, "EUR"
    pausing: ClassVar = {"until": "2027-03-01T00:00:00Z"}
    request: ClassVar = {"path": "/orders/", "query": {"Limit": 1}}

    def delay(self, output: Mapping[str, Any]) -> str:
        self.back(output["payment"], self.fake.pay(output["payment"], status="PENDING"))
        return str(next(reversed(self.fake.orders)))

    def settle(self, reference: str) -> None:
        self.fake.advance(reference, "COMPLETE")


class Visa(Market):
    name, fake_class = "visa", FakeVisa
    method = "TOKENMADEUP0001"
    request: ClassVar = {"path": "/notification-subscriptions/v2/products/hub_sample"}
    payout_to: ClassVar = {"card": "TOKENMADEUP0002"}

    @contextmanager
    def later(self, **parts: int) -> Iterator[None]:
        """Visa's clock goes with the hub's: what it signs then must not be old."""
        before = self.fake.now
        with super().later(**parts):
            self.fake.now = self.live.clock()
            yield
            self.deliver()
        self.fake.now = before

    def delay(self, output: Mapping[str, Any]) -> str:
        """Visa lists a payment some moments after it was made."""
        parameters = self.fake.pay(output["payment"])
        made = next(reversed(self.fake.transactions))
        self.fake.unlisted.add(made)
        self.fake.webhooks(self.hooks)
        self.back(output["payment"], parameters)
        return str(made)

    def settle(self, reference: str) -> None:
        self.fake.unlisted.remove(reference)
        self.live.clock.forward(minutes=5)

    def renew(self, subscription: str) -> None:
        self.fake.tell("rbs.subscriptions.charge.created", {"id": subscription, "transactionId": self.fake.number()})

    def pay_out(self, payout: str) -> None:
        """No webhook tells of payouts: the hub asks what happened."""
        assert payout in self.fake.transactions
        self.pollers.poll("shop")
        with self.later(minutes=20):
            assert self.pollers.poll("shop")


MARKETS: dict[str, type[Market]] = {
    one.name: one
    for one in (
        AmazonPay, AuthorizeNet, Instamojo, Maestro, Mastercard, MoneyGram, PayPal, Razorpay, Stripe, TwoCheckout, Visa,
    )
}  # fmt: skip
