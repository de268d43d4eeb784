"""Story 3.1 by rules of its own: what the inputs of the recipe ``shop-split`` say is what vendors and shop get."""

from datetime import timedelta

import pytest

from hub.payments import ledger, payout_runs

from .town import Town

ADA = {"email": "ada@example.com", "name": "Ada"}


def each(usd, jpy, kwd):
    """An amount in each currency of the test, in minor units."""
    return [{"minor": minor, "currency": name} for name, minor in (("USD", usd), ("JPY", jpy), ("KWD", kwd))]


def sold(town, currency, **lines):
    """An order with a line of each vendor, which is paid."""
    money = [{"title": name, "price": {"minor": minor, "currency": currency}, "vendor": vendor}
             for name, (vendor, minor) in lines.items()]  # fmt: skip
    order = town.act("orders", "create", lines=money, customer=ADA, metadata={"language": "fr"})
    town.press_pay(order["url"])
    return town.pay()


def dues_of(live, now):
    """What each vendor can be paid now, and what is kept for a while yet, in minor units."""
    with live.hub.database.read() as connection:
        return {one.provider: (one.money.minor, one.reserved.minor) for one in payout_runs.dues(connection, now)}


@pytest.mark.parametrize(
    ("currency", "lamps", "rugs", "shares", "commission"),
    [
        # The first 50.00 at 15 %, the rest at 10 %, 0.30 besides once: 7.50 + 1.001 + 0.30; the rug: 0.30 + 0.15 < 1.00.
        ("USD", 6001, 100, (5121, 0), 880 + 100),
        # 7,500 yen at 15 %, 1 yen at 10 %, 50 besides: 1125 + 0 + 50; the rug: 15 % of 333 is 49.95, and 50, below 150.
        ("JPY", 7501, 333, (6326, 183), 1175 + 150),
        # 20 dinars at 15 %, 10.005 at 10 %, 100 fils besides: 3000 + 1000.5 (halves up) + 100; the rug 300 below.
        ("KWD", 30_005, 1000, (25_904, 700), 4101 + 300),
    ],
)
def test_tiers_a_minimum_and_a_fixed_part_are_taken_to_the_last_unit(live, currency, lamps, rugs, shares, commission):
    town = Town(live, "multi-vendor-shop")
    ann, bea = town.provider("Ann", "goods"), town.provider("Bea", "goods")
    rule = {
        "percent": "15", "fixed": each(30, 50, 100), "minimum": each(100, 150, 300), "progressive": True,
        "tiers": [{"from": each(5000, 7500, 20_000), "percent": "10"}],
    }  # fmt: skip
    live.hub.recipes.set_inputs("shop-split", rule, "test")
    sold(town, currency, lamps=(ann, lamps), rugs=(bea, rugs))
    live.until(lambda: town.balance("revenue:commission", currency) == -commission)
    assert tuple(-town.balance(ledger.provider(one), currency) for one in (ann, bea)) == shares
    assert sum(shares) + commission == lamps + rugs


def test_vendors_bear_the_fee_and_a_part_of_their_share_waits(live):
    town = Town(live, "multi-vendor-shop")
    ann, bea = town.provider("Ann", "goods"), town.provider("Bea", "goods")
    rule = {"fee_borne_by": "vendors", "reserve": {"percent": "10", "days": 30}}
    live.hub.recipes.set_inputs("shop-split", rule, "test")
    sold(town, "USD", lamps=(ann, 6001), rugs=(bea, 3999))
    shared = {one["provider"]: one for one in town.told("payment.split")["parts"]}
    assert {one: shared[one]["amount"]["minor"] for one in (ann, bea)} == {ann: 5251 - 192, bea: 3499 - 128}
    due = live.until(lambda: dues_of(live, live.clock()))
    assert due == {ann: (5059 - 506, 506), bea: (3371 - 337, 337)}
    assert dues_of(live, live.clock() + timedelta(days=31)) == {ann: (5059, 0), bea: (3371, 0)}


def test_with_the_inputs_as_they_come_only_the_commission_is_taken(live):
    town = Town(live, "multi-vendor-shop")
    ann = town.provider("Ann", "goods")
    sold(town, "USD", lamps=(ann, 6001))
    live.until(lambda: town.balance(ledger.provider(ann), "USD") == -5251)
    (run,) = live.runs(recipe="shop-split")
    (split,) = [one for one in live.hub.queries.run(run.id).steps if one.path == "split"]
    rule = {"commission": {"percent": "12.5", "progressive": False}, "fee_borne_by": "platform"}
    assert split.input["with"]["rule"] == rule
