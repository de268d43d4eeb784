"""Stock is never below zero and none is lost: an order that nobody pays in the end gives back what it held."""

import contextlib
import itertools
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.commerce import catalogue_items as catalogue
from hub.commerce import stock
from hub.commerce.catalogue import Item
from hub.errors import ActionError, ConflictError
from hub.journal.tables_commerce import catalogue_items, orders, reservations

FILE = """\
catalogue: 1
items:
  - {sku: LAMP, title: Lamp, prices: {EUR: 10}, stock: 5}
"""


@pytest.fixture
def numbers():
    """Each once, for names that are not used yet."""
    return itertools.count()


def keep(shop):
    """The lamps of a file, five of them."""
    shop.hub.store.save_file("catalogue", "catalogue", FILE, "test", shop.moment)
    shop.office().change(lambda book: catalogue.store_catalogue(book, "catalogue", FILE))


def order(shop, key="order", quantity=2, **more):
    return shop.do("orders", "create", {"lines": [{"item": "LAMP", "quantity": quantity}], **more}, key)


def news(shop, kind, placed, payment="c_1", minor=2000):
    shop.moment += timedelta(seconds=1)
    amount = {"minor": minor, "currency": "EUR"}
    shop.happen(f"payment.{kind}", payment=payment, order=placed["order"], amount=amount)


def state(shop, placed):
    return shop.do("orders", "get", {"order": placed["order"]}, "get")["state"]


def rename(shop, before, after, stock):
    item = Item(after, "Lamp", {"EUR": 1000}, stock=stock)
    shop.office().change(lambda book: catalogue.save_item(book, item, "ada@example.com", before))


def test_what_is_held_for_somebody_is_held_once(shop):
    shop.stock("LAMP", 5)
    for _ in range(2):  # two processes place one order at one moment
        shop.office().change(lambda book: stock.hold(book, "ord_1", [("LAMP", 2)]))
    assert shop.left("LAMP") == 3
    shop.office().change(lambda book: stock.release(book, "ord_1"))
    assert shop.left("LAMP") == 5


def test_a_part_payment_that_the_bank_takes_back_after_the_orders_time_does_not_keep_the_stock_for_ever(shop):
    shop.stock("LAMP", 5)
    placed = order(shop, expires_in="2h")
    news(shop, "succeeded", placed, minor=500)
    shop.forward(days=1)
    assert (state(shop, placed), shop.left("LAMP")) == ("open", 3)
    news(shop, "returned", placed, minor=500)
    shop.forward(days=2)
    assert (state(shop, placed), shop.left("LAMP")) == ("expired", 5)


@pytest.mark.parametrize(("expires_in", "lasts"), [("2h", 24), ("5d", 96)])
def test_an_order_lasts_a_day_more_or_its_own_time_after_the_bank_took_its_part_payment_back(shop, expires_in, lasts):
    shop.stock("LAMP", 5)
    placed = order(shop, expires_in=expires_in)
    news(shop, "succeeded", placed, minor=500)
    shop.forward(days=1)
    news(shop, "returned", placed, minor=500)
    shop.forward(hours=lasts - 1)
    assert (state(shop, placed), shop.left("LAMP")) == ("open", 3)
    shop.forward(hours=1)
    assert (state(shop, placed), shop.left("LAMP")) == ("expired", 5)


def test_a_late_part_payment_that_the_bank_takes_back_gives_the_stock_back_once(shop):
    shop.stock("LAMP", 5)
    placed = order(shop, expires_in="2h")
    shop.forward(hours=3)
    assert (state(shop, placed), shop.left("LAMP")) == ("expired", 5)
    news(shop, "succeeded", placed, minor=500)
    assert (state(shop, placed), shop.left("LAMP")) == ("open", 3)
    news(shop, "returned", placed, minor=500)
    shop.forward(days=2)
    assert (state(shop, placed), shop.left("LAMP")) == ("expired", 5)
    news(shop, "succeeded", placed, "c_2")
    assert (state(shop, placed), shop.left("LAMP")) == ("paid", 3)


def test_a_late_payment_takes_its_stock_of_an_item_that_was_renamed_meanwhile(shop):
    keep(shop)
    placed = order(shop, expires_in="2h")
    shop.forward(hours=3)
    rename(shop, "LAMP", "LAMP-2", 5)
    news(shop, "succeeded", placed)
    assert (state(shop, placed), shop.left("LAMP-2")) == ("paid", 3)


def test_what_was_sold_while_an_item_was_being_renamed_stays_sold(shop):
    keep(shop)
    order(shop)
    rename(shop, "LAMP", "LAMP-2", 5)
    assert shop.left("LAMP-2") == 3


def test_a_step_that_is_repeated_after_its_time_holds_nothing_again(shop):
    shop.stock("LAMP", 5)
    asked = {"lines": [{"item": "LAMP", "quantity": 2}]}
    first = shop.do("catalogue", "reserve", asked)
    shop.forward(hours=2)
    again = shop.do("catalogue", "reserve", asked)
    assert (again["reservation"], shop.left("LAMP")) == (first["reservation"], 5)


def test_an_order_that_was_paid_is_sold_though_the_bank_takes_the_money_back(shop):
    shop.stock("LAMP", 5)
    placed = order(shop)
    news(shop, "succeeded", placed)
    news(shop, "returned", placed)
    assert state(shop, placed) == "open"
    shop.do("orders", "cancel", {"order": placed["order"]}, "cancel")
    assert shop.left("LAMP") == 3, "the goods are gone, it may be; only a person can count them"


def test_a_late_payment_takes_all_of_its_stock_or_none(shop):
    shop.stock("CUP", 9)
    shop.stock("LAMP", 5)
    lines = [{"item": "LAMP", "quantity": 2}, {"item": "CUP", "quantity": 3}]
    placed = shop.do("orders", "create", {"lines": lines, "expires_in": "2h"}, "order")
    shop.forward(hours=3)
    order(shop, "another", quantity=4)
    news(shop, "succeeded", placed, minor=placed["total"]["minor"])
    assert (state(shop, placed), shop.left("CUP"), shop.left("LAMP")) == ("expired", 9, 1)
    assert shop.event("order.paid_again")["reason"] == "sold_out"


def test_whoever_changes_an_item_while_stock_is_taken_or_comes_back_must_read_it_again(shop):
    shop.stock("LAMP", 5)
    with shop.hub.database.read() as connection:
        rows = [connection.execute(catalogue_items.select()).one()]
        placed = order(shop)
    with shop.hub.database.read() as connection:
        rows.append(connection.execute(catalogue_items.select()).one())
    shop.do("orders", "cancel", {"order": placed["order"]}, "cancel")
    for row in rows:
        with pytest.raises(ConflictError):
            shop.office().change(lambda book, row=row: book.change(catalogue_items, row, stock=row.stock))
    assert shop.left("LAMP") == 5


def test_an_item_that_is_not_counted_any_more_takes_nothing_back(shop):
    keep(shop)
    placed = order(shop)
    text = FILE.replace(", stock: 5", "")
    shop.office().change(lambda book: catalogue.store_catalogue(book, "catalogue", text))
    shop.do("orders", "cancel", {"order": placed["order"]}, "cancel")
    assert shop.left("LAMP") is None


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("place"), st.integers(1, 4)),
        st.tuples(st.sampled_from(["pay", "pay in part", "bank takes back", "cancel"]), st.integers(0, 3)),
        st.tuples(st.just("hours pass"), st.integers(1, 30)),
    ),
    min_size=4,
    max_size=14,
)
LEFT = 7


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=STEPS)
def test_every_piece_is_left_or_held_or_sold_whatever_happens(shop, numbers, steps):
    item = f"ITEM-{next(numbers)}"
    shop.stock(item, LEFT)
    placed, paid = [], []
    for what, much in steps:
        shop.moment += timedelta(seconds=1)
        order_of = placed[much % len(placed)] if placed else None
        if what == "place":
            given_lines = {"lines": [{"item": item, "quantity": much}], "expires_in": "1d"}
            with contextlib.suppress(ActionError):
                placed.append(shop.do("orders", "create", given_lines, f"order {next(numbers)}"))
        elif what == "hours pass":
            shop.moment += timedelta(hours=much)
            shop.run_due()
        elif what == "cancel" and order_of:
            with contextlib.suppress(ActionError):
                shop.do("orders", "cancel", {"order": order_of["order"]}, f"cancel {next(numbers)}")
        elif what == "bank takes back" and paid:
            payment, order_id, amount = paid.pop()
            shop.happen("payment.returned", payment=payment, order=order_id, amount=amount)
        elif order_of:
            amount = {**order_of["total"], "minor": order_of["total"]["minor"] // (2 if "part" in what else 1)}
            paid.append((f"c_{next(numbers)}", order_of["order"], amount))
            shop.happen("payment.succeeded", payment=paid[-1][0], order=order_of["order"], amount=amount)
        assert_that_all_are_there(shop, item)
    while paid:
        payment, order_id, amount = paid.pop()
        shop.moment += timedelta(seconds=1)
        shop.happen("payment.returned", payment=payment, order=order_id, amount=amount)
    for _ in range(3):
        shop.moment += timedelta(days=2)
        shop.run_due()
    held = assert_that_all_are_there(shop, item)
    assert held == 0, "nobody's money is in any order: none of them holds a thing"


def assert_that_all_are_there(shop, item):
    """What is left, held and sold is what there was, each as its order stands; gives how many are held."""
    left = shop.left(item)
    with shop.hub.database.read() as connection:
        chosen = (reservations.c.item == item, reservations.c.owner == orders.c.id)
        rows = connection.execute(sa.select(reservations, orders.c.state.label("of_order")).where(*chosen)).all()
    held, sold = (sum(row.quantity for row in rows if row.state == state) for state in ("held", "sold"))
    assert left >= 0
    assert left + held + sold == LEFT
    assert {row.of_order for row in rows if row.state == "held"} <= {"open"}
    assert {row.of_order for row in rows if row.state == "released"} <= {"cancelled", "expired"}
    assert all(row.state == "sold" for row in rows if row.of_order == "paid")
    return held
