"""One recipe on every gateway that can, unchanged but for the connection: pay, capture, give a part back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import requests

from hub.connect.manifest import Kind, Support, gateway_actions
from hub.connect.registry import Registry
from hub.errors import NotFoundError
from hub.journal.tables import checkouts
from tests.fakes.fake_mastercard import FakeMastercard
from tests.fakes.fake_paypal import FakePayPal
from tests.fakes.fake_razorpay import FakeRazorpay
from tests.fakes.fake_visa import FakeVisa
from tests.stories.conftest import LiveHub

SALE = """\
hub: 1
recipe: sale
title: Sell, take the money, give a part back
inputs:
  gateway: {type: string, default: NAME}
on:
  event: order.placed
steps:
  - id: pay
    call: ${ inputs.gateway }/payment.create
    with:
      amount: ${ event.data.total }
      order: ${ event.data.order }
      customer: ${ event.data.customer }
      capture: manual
      return_url: https://shop.example.com/thanks
  - id: agreed
    wait: {event: payment.authorized, match: {data.order: "${ event.data.order }"}, timeout: 1h}
  - id: take
    call: ${ inputs.gateway }/payment.capture
    with: {payment: "${ steps.agreed.output.data.payment }"}
  - id: back
    call: ${ inputs.gateway }/payment.refund
    with: {payment: "${ steps.agreed.output.data.payment }", amount: "${ percent(event.data.total, `25`) }"}
"""
# The fake, the currency, and fields of the connection: PayPal's certificate cannot be fetched here, so PayPal is asked.
GATEWAYS = {
    "mastercard": (FakeMastercard, "EUR", {}),
    "paypal": (FakePayPal, "USD", {"webhook_verification": "api"}),
    "razorpay": (FakeRazorpay, "INR", {}),
    "visa": (lambda: FakeVisa(datetime.now(UTC)), "USD", {}),
}


@pytest.fixture(params=GATEWAYS)
def market(request, tmp_path):
    """A hub with a connection to the fake of one gateway."""
    make, currency, fields = GATEWAYS[request.param]
    with make().running() as fake:
        live = LiveHub(tmp_path / "data", allow_private_addresses="127.0.0.1")
        live.hub.accounts.create("shop", request.param, {**fake.fields(), **fields}, "test")
        live.hub.recipes.save("sale", SALE.replace("NAME", "shop"), "test")
        yield live, fake, currency
        live.close()
    assert fake.complaints == []


def deliver(live, fake):
    """The gateway sends its webhooks to the hub; all are taken."""
    address = f"{live.address}/hooks/shop"
    for webhook in fake.webhooks(address):
        answer = requests.request(
            webhook.method, address, params=webhook.query, data=webhook.body, headers=webhook.headers, timeout=10
        )
        assert answer.ok, answer.text


def test_the_same_recipe_pays_captures_and_refunds(market):
    live, fake, currency = market
    order = {
        "order": "o_77",
        "total": {"minor": 10000, "currency": currency},
        "customer": {"email": "ada@example.com", "name": "Ada"},
    }
    _, (run,) = live.hub.runs.record("order.placed", order, "test")
    visit = live.until(lambda: next((one for one in live.hub.payments.store.list(checkouts) if one.payment), None))
    standing = live.hub.payments.returned(visit.id, fake.pay(visit.payment))
    assert standing.state == "paid"
    deliver(live, fake)
    live.until(lambda: live.status(run) == "succeeded")
    deliver(live, fake)
    told = [one.type for one in live.events(source="shop")][::-1]
    assert {kind: told.count(kind) for kind in ("payment.authorized", "payment.succeeded", "refund.issued")} == {
        "payment.authorized": 1, "payment.succeeded": 1, "refund.issued": 1,
    }  # fmt: skip
    row = live.hub.payments.store.payment(
        "shop", live.hub.queries.event(live.events(type="payment.succeeded")[0].id).data["payment"]
    )
    assert (row.state, row.amount, row.refunded) == ("partially_refunded", 10000, 2500)


REGISTRY = Registry.load()
CELLS = [
    (manifest.name, action)
    for manifest in REGISTRY.manifests()
    if manifest.kind is Kind.GATEWAY
    for action in gateway_actions()
]


@pytest.mark.parametrize(("gateway", "action"), CELLS)
def test_what_a_cell_says_is_what_recipes_may_call(gateway, action):
    """Native and by the hub: offered. Not offered: refused with the manifest's reason, before anything runs."""
    manifest = REGISTRY.get(gateway).manifest
    cell = manifest.capabilities[gateway_actions()[action]["capability"]]
    if cell.status is Support.NONE:
        with pytest.raises(NotFoundError) as caught:
            REGISTRY.action(gateway, action)
        assert (caught.value.code, cell.reason in caught.value.message) == ("not_offered", True)
    elif action in manifest.all_offered():
        assert REGISTRY.action(gateway, action).by_hub is (action not in manifest.actions)
