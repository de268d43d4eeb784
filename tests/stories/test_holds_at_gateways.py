"""Story 3.9 where the bank only sets the money aside, at the fakes of Stripe and Razorpay: taken, divided, let go, lapsed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from hub.journal.tables_escrow import holds
from hub.journal.tables_work import providers
from tests.stories.markets import THEIR_DAY
from tests.stories.payers import Razorpay, Stripe
from tests.stories.plays import ADA, Stage
from tests.stories.test_another_currency import accounts

FEES = "expense:gateway_fees"
KEPT = "revenue:commission"
PRICE = 120_005


class StripeTrucks(Stripe):
    """Stripe, which takes any part of what was authorised and lets the rest go."""

    account, fee = "acct_trucks", 320

    def begin_selling(self):
        self.fake.balance = ("usd", PRICE, self.fee)

    def at_the_gateway(self):
        """What was taken, what of it went back, and what the owner has of it."""
        intents = [one for one in self.fake.objects.values() if one["object"] == "payment_intent"]
        charges = [self.fake.objects[one["latest_charge"]] for one in intents if one["latest_charge"]]
        sent = [
            one["amount"] - one["amount_reversed"] for one in self.fake.objects.values() if one["object"] == "transfer"
        ]
        return sum(one["amount_captured"] for one in charges), sum(one["amount_refunded"] for one in charges), sum(sent)

    def lapses(self, days):
        (held,) = [one for one in self.fake.objects.values() if one.get("status") == "requires_capture"]
        self.fake.lapse(held["id"])


class RazorpayTrucks(Razorpay):
    """Razorpay, which takes what was authorised as a whole and cannot let it go before its days are over."""

    account, fee = "acc_Trucks", 2360

    def begin_selling(self):
        pass

    def at_the_gateway(self):
        taken = [one for one in self.fake.of_kind("payment") if one["captured"]]
        sent = [one["amount"] - one["amount_reversed"] for one in self.fake.of_kind("transfer")]
        return sum(one["amount"] for one in taken), sum(one["amount_refunded"] for one in taken), sum(sent)

    def lapses(self, days):
        (held,) = [one for one in self.fake.of_kind("payment") if one["status"] == "authorized"]
        self.fake.now += days * 86_400
        self.fake.lapse(held["id"])
        self.fake.now -= days * 86_400


ROADS = pytest.mark.parametrize("kind", [StripeTrucks, RazorpayTrucks])


class Road(Stage):
    """The story with a transport for 1,200.05 that is so soon that its price is only authorised."""

    def __init__(self, market):
        super().__init__(market, "truck-hire")
        market.begin_selling()
        self.owner = self.provider("Linus", "truck")
        self.live.hub.office("accounts").change(
            lambda book: book.change(providers, book.get(providers, self.owner), accounts={"shop": market.account})
        )
        day = f"{self.live.clock():%Y-%m-%d}"
        posted = self.act("jobs", "post", title="A piano", kind="truck-hire", skills=["truck"], date=day, customer=ADA,
                          pay="escrow", currency=self.currency, connections=["shop"], confirm_within="1h")  # fmt: skip
        self.known = posted["job"]
        price = self.money(PRICE)
        offers = self.act("jobs", "offer", job=self.known, provider=self.owner, price=price)["offers"]
        self.act("jobs", "choose", job=self.known, offer=offers[0]["offer"])
        self.authorise()
        self.told("job.accepted", job=self.known)
        self.is_held("held", "authorization")
        assert (self.market.at_the_gateway(), self.books()) == ((0, 0, 0), {}), "nothing is taken yet"

    def authorise(self):
        self.press_pay(self.act("jobs", "get", job=self.known)["url"], do="pay")
        self.pay()

    @property
    def hold(self):
        return self.newest(holds).id

    def is_held(self, *state_and_mode):
        """Wait until the hold is in a state, and held in a mode."""
        self.comes_to(
            state_and_mode, lambda: (self.newest(holds).state, self.newest(holds).mode)[: len(state_and_mode)]
        )

    def books(self):
        return accounts(self.market, self.currency)

    def ends(self, taken, back, sent, commission, *, fee=True, owed=0):
        """Wait until so much was taken, went back and was passed on, and the books say the same."""
        cost = self.market.fee if fee else 0
        named = {
            "gateway:shop": taken - back - sent - cost,
            FEES: cost,
            KEPT: -commission,
            f"provider:{self.owner}": -owed,
        }
        wanted = {account: minor for account, minor in named.items() if minor}

        self.comes_to(((taken, back, sent), wanted), lambda: (self.market.at_the_gateway(), self.books()))


@ROADS
def test_an_authorised_price_is_taken_and_passed_on_when_the_customer_confirms(kind, tmp_path):
    with kind.opened(tmp_path) as market:
        road = Road(market)
        for step in ("start", "done", "confirm"):
            road.act("jobs", step, job=road.known)
        road.told("job.released", job=road.known)
        road.ends(PRICE, 0, 108_004, 12_001)
        road.is_held("released", "collected")


@pytest.mark.parametrize(
    ("kind", "taken", "back", "sent"),
    # Of 700.00 for the owner, 50.00 commission and 450.05 for the customer Stripe takes no more than what is kept.
    # Razorpay passes nothing on of a payment of which something was refunded: the owner is owed it.
    [(StripeTrucks, 75_000, 0, 70_000), (RazorpayTrucks, PRICE, 45_005, 0)],
)
def test_a_disputed_transport_is_frozen_and_divided_out_of_the_authorisation(kind, taken, back, sent, tmp_path):
    with kind.opened(tmp_path) as market:
        road = Road(market)
        road.act("jobs", "start", job=road.known)
        road.act("jobs", "dispute", job=road.known, reason="a scratch")
        road.is_held("frozen", "authorization")
        assert market.at_the_gateway() == (0, 0, 0)
        parts = [
            {"provider": road.owner, "amount": road.money(70_000), "commission": road.money(5_000)},
            {"customer": ADA["email"], "amount": road.money(45_005)},
        ]
        road.act("payments", "settle", hold=road.hold, parts=parts)
        road.is_held("settled", "collected")
        road.ends(taken, back, sent, 5_000, owed=70_000 - sent)


@ROADS
def test_a_part_is_released_then_another_and_the_rest_goes_back(kind, tmp_path):
    with kind.opened(tmp_path) as market:
        road = Road(market)
        for minor in (50_001, 30_000):
            given = {"provider": road.owner, "amount": road.money(minor), "commission": {"percent": "10"}}
            left = road.act("payments", "release", hold=road.hold, **given)["left"]
        assert left == road.money(40_004)
        road.is_held("held", "collected")
        road.told("transfer.sent", amount=road.money(45_001))
        road.told("transfer.sent", amount=road.money(27_000))
        road.act("payments", "cancel", hold=road.hold)
        road.ends(PRICE, 40_004, 72_001, 8_000)
        road.is_held("refunded", "collected")


@pytest.mark.parametrize(
    ("kind", "taken"),
    # Razorpay lets nothing go on demand: what nobody captures goes back by itself, but its days are not over yet.
    [(StripeTrucks, 0), (RazorpayTrucks, PRICE)],
)
def test_a_transport_that_is_cancelled_costs_its_customer_nothing(kind, taken, tmp_path):
    with kind.opened(tmp_path) as market:
        road = Road(market)
        road.act("jobs", "cancel", job=road.known)
        road.ends(taken, taken, 0, 0, fee=bool(taken))
        road.is_held("refunded")


@pytest.mark.parametrize(("kind", "days"), [(StripeTrucks, 7), (RazorpayTrucks, 3)])
def test_it_is_known_when_an_authorisation_lapses_and_nothing_was_taken_then(kind, days, tmp_path):
    with kind.opened(tmp_path) as market:
        road = Road(market)
        lapses_at = datetime.fromisoformat(road.told("escrow.held")["lapses_at"])
        assert lapses_at == THEIR_DAY + timedelta(days=days)
        market.lapses(days)
        road.is_held("lapsed", "authorization")
        assert (market.at_the_gateway()[0], road.books()) == (0, {})
