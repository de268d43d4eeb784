"""One recipe on every gateway that can, unchanged but for the connection: pay, capture, give a part back.

A gateway that cannot hold a payment takes it at once: there the recipe without the capture runs.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests

from hub.connect.manifest import Kind, Support, gateway_actions
from hub.connect.registry import Registry
from hub.errors import NotFoundError
from tests.stories.payers import MARKETS

SALE = """\
hub: 1
recipe: sale
title: Sell, take the money, give a part back
inputs:
  gateway: {type: string, default: shop}
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
  - wait: {for: 2d}
  - id: back
    call: ${ inputs.gateway }/payment.refund
    with: {payment: "${ steps.agreed.output.data.payment }", amount: "${ percent(event.data.total, `25`) }"}
"""
AT_ONCE = (
    SALE.replace("      capture: manual\n", "")
    .replace("payment.authorized", "payment.succeeded")
    .replace(SALE[SALE.index("  - id: take") : SALE.index("  - wait: {for")], "")
)

REGISTRY = Registry.load()
HOLDING = [name for name in MARKETS if "payment.capture" in REGISTRY.get(name).manifest.actions]
TAKING = [
    name for name in MARKETS
    if name not in HOLDING and REGISTRY.get(name).manifest.capabilities["single_payment"].status is not Support.NONE
]  # fmt: skip


def sold(market, text, taken):
    """A sale from the order to the refund, with ``taken`` the step after which the money is there; gives what was told, and the payment."""
    hub = market.live.hub
    hub.recipes.save("sale", text, "test")
    order = {"order": "o_77", "total": market.money(10000), "customer": {"email": "ada@example.com", "name": "Ada"}}
    _, (run,) = hub.runs.record("order.placed", order, "test")
    market.pay(market.output(run, "pay"))
    market.watched(run, taken)
    market.day_ends()
    market.live.until(lambda: market.live.status(run) == "waiting")
    with market.later(days=2, minutes=1):
        back = market.output(run, "back")
        market.live.until(lambda: market.live.status(run) == "succeeded")
        market.refunded(back["refund"])
    market.deliver()
    told = [one.type for one in market.live.events(source=market.source)]
    payment = hub.queries.event(market.live.events(type="payment.succeeded")[0].id).data["payment"]
    return told, hub.payments.store.payment(market.source, payment)


@pytest.mark.parametrize("gateway", HOLDING)
def test_the_same_recipe_pays_captures_and_refunds(gateway, tmp_path):
    with MARKETS[gateway].opened(tmp_path) as market:
        told, row = sold(market, SALE, "take")
        assert [told.count(one) for one in ("payment.authorized", "payment.succeeded", "refund.issued")] == [1, 1, 1]
        assert (row.state, row.amount, row.refunded) == ("partially_refunded", 10000, 2500)


@pytest.mark.parametrize("gateway", TAKING)
def test_where_nothing_is_held_the_same_recipe_sells_and_refunds(gateway, tmp_path):
    with MARKETS[gateway].opened(tmp_path) as market:
        told, row = sold(market, AT_ONCE, "agreed")
        assert [told.count(one) for one in ("payment.succeeded", "refund.issued")] == [1, 1]
        assert (row.state, row.amount, row.refunded) == ("partially_refunded", 10000, 2500)


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


def test_a_form_that_ended_before_it_was_filled_in_is_shown_anew(tmp_path):
    """Visa's capture context lasts a quarter of an hour; who comes later gets another on a page of its own."""
    with MARKETS["visa"].opened(tmp_path) as market:
        given = {"amount": market.money(4900), "order": "o_late", "origin": "https://shop.example.com"}
        form = market.live.hub.payments.act("shop", "form.embed", "0" * 40, given)
        with market.later(minutes=20):
            market.fake.now += timedelta(minutes=20)
            late = requests.get(form["page_url"], timeout=10)
            assert "data-pay-form" not in late.text
            again = requests.post(form["page_url"], timeout=10)
            assert again.ok
            assert (again.url != form["page_url"], "data-pay-form" in again.text) == (True, True)
            assert requests.post(form["page_url"], timeout=10).url == again.url


@pytest.mark.parametrize(("ui", "is_open"), [("fields", True), ("checkout", False)])
def test_only_a_form_whose_payers_meet_their_bank_lets_the_bank_in(ui, is_open, tmp_path):
    with MARKETS["mastercard"].opened(tmp_path) as market:
        given = {"amount": market.money(4900), "options": {"ui": ui}}
        form = market.live.hub.payments.act("shop", "form.embed", "0" * 40, given)
        policy = requests.get(form["page_url"], timeout=10).headers["Content-Security-Policy"]
        rules = {part.split()[0]: part.split()[1:] for part in policy.split("; ")}
        assert ("https:" in rules["frame-src"], "https:" in rules["form-action"]) == (is_open, is_open)
        assert "https:" not in rules["script-src"] + rules["connect-src"]


def test_a_payout_of_which_its_gateway_tells_nothing_is_asked_about_until_it_is_decided(tmp_path):
    with MARKETS["mastercard"].opened(tmp_path) as market:
        market.fake.send_status = "PENDING"
        given = {"provider": "prv_1", "amount": market.money(19920), "to": market.payout_to}
        out = market.live.hub.payments.act("shop", "payout.create", "0" * 40, given)
        assert out["status"] == "sent"
        market.live.clock.forward(minutes=1)
        market.live.until(lambda: market.fake.count("GET", out["payout"]))
        assert market.live.events(type="payout.paid") == []
        market.fake.disbursements[out["payout"]]["status"] = "APPROVED"
        market.live.clock.forward(minutes=3)
        (paid,) = market.live.until(lambda: market.live.events(type="payout.paid"))
        told = market.live.hub.queries.event(paid.id).data
        assert (told["payout"], told["amount"]) == (out["payout"], market.money(19920))
