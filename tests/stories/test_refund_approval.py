"""Where refunds above a limit need approval, a recipe gives money back through what asks for it, and by no other way."""

from __future__ import annotations

from hub.payments.refunds import APPROVAL
from tests.stories.cells import PAID, PAY, PAYMENT, step
from tests.stories.payers import PayPal


def test_a_recipes_own_refund_at_a_gateway_is_refused_once_a_limit_is_set(tmp_path):
    with PayPal.opened(tmp_path) as market:
        small = {"payment": PAYMENT, "amount": market.money(100)}
        own = step("own", "payment.refund", small)
        asked = step("asked", "refund", {**small, "connection": "shop"}).replace("shop/refund", "payments/refund")
        market.live.hub.store.put_fact(APPROVAL, {}, market.live.clock())
        run = market.begin(PAY + PAID + own, "o_1")
        market.pay(market.output(run, "pay"))
        assert market.watched(run, "own")["status"] == "issued"
        market.live.hub.store.put_fact(APPROVAL, {market.currency: 5000}, market.live.clock())
        run = market.begin(PAY + PAID + asked + own, "o_2")
        market.pay(market.output(run, "pay"))
        market.live.until(lambda: market.live.status(run) == "failed")
        steps = {one.path: one for one in market.live.hub.queries.run(run).steps}
        assert steps["asked"].output["status"] == "issued", "it is below the limit"
        refused = steps["own"].error
        assert (refused["code"], "payments/refund" in refused["remedy"]) == ("forbidden", True)
        market.deliver()
        assert len(market.live.events(type="refund.issued")) == 2
