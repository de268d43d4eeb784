"""What is the same of every gateway that lists its payments: what it lists is what it reports, so nothing known is unheard of."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.connect.registry import Registry
from tests.stories.payers import MARKETS

REGISTRY = Registry.load()
LISTED = [name for name in MARKETS if "payment.list" in REGISTRY.get(name).manifest.actions]


def listed(market):
    """All payments of these days, as the gateway lists them."""
    now = market.live.clock()
    given = {"since": (now - timedelta(days=2)).isoformat(), "until": (now + timedelta(days=1)).isoformat()}
    found, number = [], 0
    while True:
        page = market.live.hub.payments.act("shop", "payment.list", f"{number:040}", given)
        found += page["items"]
        if "next" not in page:
            return found
        given, number = {**given, "after": page["next"]}, number + 1


@pytest.mark.parametrize("gateway", LISTED)
def test_a_payment_is_listed_with_the_id_and_the_amount_of_its_report(gateway, tmp_path):
    with MARKETS[gateway].opened(tmp_path) as market:
        given = {"amount": market.money(4900), "order": "o_1", "return_url": "https://shop.example.com/thanks"}
        market.pay(market.live.hub.payments.act("shop", "payment.create", "f" * 40, given))

        def reported():
            market.deliver()
            return market.live.events(type="payment.succeeded")

        (event,) = market.live.until(reported)
        told = market.live.hub.queries.event(event.id).data
        (one,) = [one for one in listed(market) if one["status"] == "succeeded"]
        assert (one["payment"], one["amount"]) == (told["payment"], told["amount"])
