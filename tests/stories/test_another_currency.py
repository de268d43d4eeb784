"""Payments in another currency than the account at the gateway: what it keeps and credits, and what goes back, to the unit."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from hub.journal.tables_ledger import ledger_entries
from tests.stories.cells import PAY, wait
from tests.stories.payers import PayPal, Razorpay, Stripe

BACK = """\
  - id: NAME
    call: shop/payment.refund
    with: {payment: "${ steps.paid.output.data.payment }", amount: {minor: MINOR, currency: CURRENCY}}
"""


class Yen(PayPal):
    """Dollars at PayPal, in an account in yen."""


class Dinars(Stripe):
    currency = "JPY"


class Rupees(Razorpay):
    currency = "USD"


def accounts(market, currency):
    """What each account of the ledger holds in a currency; the sum of all of them is zero."""
    entries = ledger_entries.c
    query = sa.select(entries.account, sa.func.sum(entries.minor)).where(entries.currency == currency)
    with market.live.hub.database.read() as connection:
        found = {row[0]: int(row[1]) for row in connection.execute(query.group_by(entries.account)) if row[1]}
    assert sum(found.values()) == 0
    return found


@pytest.mark.parametrize(
    ("kind", "abroad", "credited", "fee"),
    [
        (Yen, {"account": ("JPY", "150.5")}, (15050, "JPY"), 147),
        (Dinars, {"balance": ("kwd", 20123, 745)}, (20123, "KWD"), 745),
        (Rupees, {"converted": {"base_amount": 712901, "base_currency": "INR"}}, (712901, "INR"), 2360),
    ],
)
def test_what_was_credited_in_another_currency_goes_back_with_the_payment_to_the_unit(
    kind, abroad, credited, fee, tmp_path
):
    with kind.opened(tmp_path) as market:
        for name, value in abroad.items():
            setattr(market.fake, name, value)
        refunds = "".join(
            BACK.replace("NAME", name).replace("MINOR", str(minor)).replace("CURRENCY", market.currency) + pause
            for name, minor, pause in (("part", 3333, "  - wait: {for: 2d}\n"), ("rest", 6667, ""))
        )
        run = market.begin(PAY + wait("paid", "payment.succeeded") + refunds, "o_77")
        market.pay(market.output(run, "pay"))
        market.watched(run, "part")
        market.deliver()
        minor, currency = credited
        pair = "exchange:" + "/".join(sorted((currency, market.currency)))
        here, there = accounts(market, market.currency), accounts(market, currency)
        assert here == {"held:o_77": -6667, pair: 6667}
        left = round(minor * 6667 / 10000)
        assert there == {"gateway:shop": left - fee, pair: -left, "expense:gateway_fees": fee}
        with market.later(days=2, minutes=1):
            market.output(run, "rest")
        market.deliver()
        assert accounts(market, market.currency) == {}
        assert accounts(market, currency) == {"gateway:shop": -fee, "expense:gateway_fees": fee}
