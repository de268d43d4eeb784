"""The search of 2Checkout's orders by their day: whose times are the account's, and whose gross amounts lie."""

from __future__ import annotations

from decimal import Decimal

import pytest

from hub.errors import PermanentError, TransientError
from tests.contract.test_listings import listed
from tests.contract.twocheckout_steps import EUR, desk_of
from tests.fakes.fake_twocheckout import FakeTwoCheckout
from tests.fakes.server import DOWN


@pytest.fixture
def tco():
    with FakeTwoCheckout().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def desk(tco, registry, outbound):
    return desk_of(tco, registry, outbound)


def ordered(tco, status="COMPLETE", price="19.99", date="2026-11-23 11:00:00", **more):
    """An order, made at nine in the morning by UTC."""
    tco.now = date
    item = {"Code": "LAMP", "name": "Lamp", "currency": "EUR", "price": Decimal(price)}
    number = tco.new_order(item, None, **more)["RefNo"]
    tco.advance(number, status)
    return number


def ids(items):
    return [one["payment"] for one in items]


def test_orders_come_page_by_page_with_their_own_amounts(desk, tco):
    made = [ordered(tco, price=f"{number}.10") for number in range(1, 102)]
    items, pages = listed(desk, "payment.list")
    assert (ids(items), pages) == (made, 2)
    assert [one["amount"]["minor"] for one in items] == [number * 100 + 10 for number in range(1, 102)]
    amount = {"minor": 110, "currency": "EUR"}
    assert items[0] == {
        "payment": made[0], "status": "succeeded", "amount": amount, "created_at": "2026-11-23T09:00:00Z",
    }  # fmt: skip


def test_taxes_belong_to_the_amount_and_what_a_list_leaves_out_the_order_says(desk, tco):
    taxed = ordered(tco, price="23.79", NetDiscountedPrice=Decimal("19.99"), VAT=3.8000000000000003)
    plain = ordered(tco, price="5.00", VAT=None)
    items, _ = listed(desk, "payment.list")
    assert [(one["payment"], one["amount"]["minor"]) for one in items] == [(taxed, 2379), (plain, 500)]


def test_how_an_order_stands_is_told(desk, tco):
    made = {
        status: ordered(tco, status)
        for status in ("PENDING", "AUTHRECEIVED", "COMPLETE", "REFUND", "REVERSED", "CANCELED", "INVALID")
    }
    disputed = ordered(tco, "COMPLETE", ChargebackResolution="OPEN")
    items, _ = listed(desk, "payment.list")
    assert {one["payment"]: one["status"] for one in items} == {
        made["PENDING"]: "pending", made["AUTHRECEIVED"]: "authorized", made["COMPLETE"]: "succeeded",
        made["REFUND"]: "refunded", made["REVERSED"]: "voided", made["CANCELED"]: "expired",
        made["INVALID"]: "failed", disputed: "disputed",
    }  # fmt: skip
    assert [one["refunded"] for one in items if "refunded" in one] == [EUR]


def test_only_what_was_made_within_the_time_of_the_accounts_zone_is_listed(desk, tco):
    dates = ["2026-11-23 23:59:59", "2026-11-24 00:00:00", "2026-11-24 23:59:59", "2026-11-25 00:00:00"]
    made = [ordered(tco, date=date) for date in dates]
    day = {"since": "2026-11-23T22:00:00Z", "until": "2026-11-24T22:00:00Z"}
    assert ids(listed(desk, "payment.list", **day)[0]) == made[1:3]
    assert "StartDate=2026-11-23&EndDate=2026-11-26" in tco.received[-1].query
    auckland = desk.with_settings(timezone="Pacific/Auckland")
    until = {"since": "2026-11-23T11:00:00Z", "until": "2026-11-24T11:00:00Z"}
    assert ids(listed(auckland, "payment.list", **until)[0]) == made[1:3]


def test_neither_orders_of_the_other_mode_nor_unfinished_ones_are_listed(desk, tco):
    live, test = ordered(tco), ordered(tco, test=True)
    tco.orders[ordered(tco)]["RefNo"] = None
    assert ids(listed(desk, "payment.list")[0]) == [live]
    assert ids(listed(desk.with_settings(mode="test"), "payment.list")[0]) == [test]
    tco.orders[live]["TestOrder"] = "1"
    tco._search = lambda query: tco_all(tco)
    assert listed(desk, "payment.list") == ([], 1), "whatever the search found"


def tco_all(tco):
    return FakeTwoCheckout._search(tco, {"IncludeTestOrders": "YES"})


def test_errors_are_told_apart(desk, tco):
    for after in ("soon", "-1", "²"):
        with pytest.raises(PermanentError, match="no page"):
            listed(desk, "payment.list", after=after)
    number = ordered(tco)
    tco.treat(DOWN)
    with pytest.raises(TransientError):
        listed(desk, "payment.list")
    read = tco._search
    tco._search = lambda query: undated(read(query))
    with pytest.raises(TransientError, match=number):
        listed(desk, "payment.list")


def undated(answer):
    answer.body["Items"] = [{**one, "OrderDate": None} for one in answer.body["Items"]]
    return answer
