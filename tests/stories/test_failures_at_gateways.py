"""Where stories of the gallery go wrong at the fakes of Stripe and Razorpay: declined, paid twice, nobody accepts."""

from __future__ import annotations

import pytest

from hub.journal.tables_escrow import holds
from tests.stories.payers import Razorpay, Stripe
from tests.stories.plays import ADA, DAY, Stage

AT_BOTH = pytest.mark.parametrize("kind", [Stripe, Razorpay])


@AT_BOTH
def test_a_gift_that_is_paid_twice_goes_back_once(kind, tmp_path):
    with kind.opened(tmp_path) as market:
        stage = Stage(market, "charity")
        entered = {"offer": "once", "currency": stage.currency, f"other-once-{stage.currency}": "25"}
        stage.fill_in("donate", f__name="Ada", f__email="ada@example.com", **entered)
        placed = stage.told("order.placed")
        stage.pay()
        first = stage.told("order.paid")["payment"]
        again = {name: placed[name] for name in ("order", "customer", "metadata")}
        market.pay(stage.act("shop", "payment.create", amount=placed["total"], **again))
        market.deliver()
        stage.gives_back()
        back = stage.told("refund.issued")
        assert (back["amount"], back["order"]) == (stage.money(2500), placed["order"])
        assert back["payment"] != first
        assert len(market.live.events(type="refund.issued")) == 1


@AT_BOTH
def test_a_shoot_that_nobody_takes_is_given_back_whole(kind, tmp_path):
    with kind.opened(tmp_path) as market:
        stage = Stage(market, "photo-shoot")
        photographer = stage.provider("Grace", "portrait")
        entered = {"f__day": DAY, "f__region": "Berlin", "f__name": "Ada", "f__email": "ada@example.com"}
        stage.fill_in("shoot", offer="portrait", **entered)
        stage.pay()
        job = stage.told("job.assigned", provider=photographer)["job"]
        stage.act("jobs", "decline", job=job, provider=photographer)
        assert stage.told("job.unfilled", job=job)["reason"] == "nobody_left"
        (question,) = stage.live.until(stage.live.hub.queries.open_questions)
        assert stage.live.hub.runs.answer(question["id"], "refund", "admin@example.com")
        stage.gives_back()
        assert stage.told("refund.issued")["amount"] == stage.money(24_900)
        assert (stage.due_to(photographer), stage.commission()) == (0, 0)


@AT_BOTH
def test_a_transport_whose_card_is_declined_is_nobodys_until_it_is_paid(kind, tmp_path):
    with kind.opened(tmp_path) as market:
        stage = Stage(market, "truck-hire")
        owner = stage.provider("Linus", "truck")
        posted = stage.act("jobs", "post", title="A piano", kind="truck-hire", skills=["truck"], date=DAY, customer=ADA,
                           pay="escrow", currency=stage.currency, connections=["shop"])  # fmt: skip
        price = stage.money(120_005)
        offers = stage.act("jobs", "offer", job=posted["job"], provider=owner, price=price)["offers"]
        stage.act("jobs", "choose", job=posted["job"], offer=offers[0]["offer"])
        stage.press_pay(stage.act("jobs", "get", job=posted["job"])["url"], do="pay")
        market.fake.decline(stage._begun("payment.create")["payment"])
        stage.told("payment.failed")
        assert stage.act("jobs", "get", job=posted["job"])["state"] == "assigned"
        assert stage.newest(holds).state == "requested"
        stage.pay()
        assert stage.told("job.accepted", job=posted["job"])["provider"] == owner
        assert (stage.newest(holds).state, stage.newest(holds).amount) == ("held", 120_005)
