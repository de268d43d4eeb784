"""The hub with a connection to the fake of Amazon Pay: a recipe that sells, a payer in a browser, notifications over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import requests

from hub.journal.tables import checkouts
from tests.fakes.amazon_pay_sns import certificate_of, certificate_url
from tests.fakes.fake_amazon_pay import FakeAmazonPay
from tests.stories.conftest import LiveHub
from tests.stories.test_every_gateway import SALE

ORDER = {
    "order": "o_77",
    "total": {"minor": 10000, "currency": "EUR"},
    "customer": {"email": "ada@example.com", "name": "Ada"},
}


@pytest.fixture
def market(tmp_path):
    with FakeAmazonPay(now=datetime.now(UTC)).running() as fake:
        live = LiveHub(tmp_path / "data", allow_private_addresses="127.0.0.1")
        # Amazon's certificate cannot be fetched here: it is known already.
        live.application.certificates.keep(certificate_url("sns"), certificate_of("sns"))
        live.hub.accounts.create("shop", "amazon_pay", fake.fields(), "test")
        live.hub.recipes.save("sale", SALE.replace("NAME", "shop"), "test")
        yield live, fake
        live.close()
    assert fake.complaints == []


def deliver(live, fake):
    address = f"{live.address}/hooks/shop"
    for webhook in fake.webhooks(address):
        answer = requests.post(address, data=webhook.body, headers=webhook.headers, timeout=10)
        assert answer.ok, answer.text


def test_recipe_sells_captures_and_refunds(market):
    live, fake = market
    _, (run,) = live.hub.runs.record("order.placed", ORDER, "test")
    visit = live.until(lambda: next((one for one in live.hub.payments.store.list(checkouts) if one.payment), None))
    fake.press(visit.output["client"])
    assert live.hub.payments.returned(visit.id, fake.pay(visit.payment)).state == "paid"
    deliver(live, fake)
    live.until(lambda: live.status(run) == "succeeded")
    (refund,) = fake.refunds
    fake.finish_refund(refund)
    deliver(live, fake)
    told = [one.type for one in live.events(source="shop")][::-1]
    assert {kind: told.count(kind) for kind in ("payment.authorized", "payment.succeeded", "refund.issued")} == {
        "payment.authorized": 1,
        "payment.succeeded": 1,
        "refund.issued": 1,
    }
    (charge,) = fake.charges
    row = live.hub.payments.store.payment("shop", charge)
    assert (row.state, row.amount, row.refunded) == ("partially_refunded", 10000, 2500)
