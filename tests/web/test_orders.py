"""The admin's pages of orders: placed by hand once, found, exported, cancelled with their stock given back."""

from __future__ import annotations

import csv
import io

import pytest
import sqlalchemy as sa

from hub.journal.entries import Happening
from hub.journal.tables_commerce import catalogue_items, orders

GOOD = {
    "lines": "2 TEA-01\n1 Delivery = 4.90",
    "currency": "eur",
    "name": "Ada",
    "email": "ada@example.com",
    "key": "k1",
}


@pytest.fixture
def tea(hub):
    row = {"id": "TEA-01", "file": "catalogue", "position": 1, "title": "Green tea", "kind": "product"}
    row |= {"prices": {"EUR": 1250}, "stock": 5, "search": "tea-01 green tea"}
    hub.office("tea").change(lambda book: book.insert(catalogue_items, row))


def stock(hub):
    with hub.database.read() as connection:
        return connection.scalar(sa.select(catalogue_items.c.stock))


def count(hub):
    with hub.database.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(orders))


def test_an_order_is_placed_once_and_its_page_says_where_to_pay(hub, admin, tea):
    assert "No orders yet" in admin.page("/orders")
    first, second = admin.post("/orders/new", **GOOD), admin.post("/orders/new", **GOOD)
    assert first.headers["Location"] == second.headers["Location"]
    assert (count(hub), stock(hub)) == (1, 3)
    page = admin.page(first.headers["Location"])
    for shown in ("Order 1", "Green tea", "€29.90", "Delivery", "ada@example.com", "/o/", "order.placed"):
        assert shown in page, shown


def test_orders_are_found_and_exported(admin, tea):
    address = admin.post("/orders/new", **GOOD).headers["Location"]
    for asked, shown in (("text=ada", True), ("text=bob", False), ("state=open", True), ("state=paid", False)):
        assert (address in admin.page(f"/orders?{asked}")) is shown, asked
    (row,) = csv.DictReader(io.StringIO(admin.get("/orders.csv").data.decode("utf-8-sig")))
    assert (row["number"], row["total"], row["currency"], row["customer"]) == ("1", "29.90", "EUR", "ada@example.com")


def test_a_cancelled_order_gives_its_stock_back(hub, admin, tea):
    address = admin.post("/orders/new", **GOOD).headers["Location"]
    assert admin.post(f"{address}/cancel", reason="too late", key="k").status_code == 303
    assert stock(hub) == 5
    page = admin.page(address)
    assert "too late" in page
    assert "Cancel the order" not in page
    assert admin.get("/orders/ord_none").status_code == 404


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("lines", "", "a line for each thing"),
        ("lines", "9 TEA-01", "5"),
        ("lines", "1 NOTHING", "NOTHING"),
        ("lines", "1 Delivery = 1e9", "exponent"),
        ("lines", "1 Delivery = -5", "below zero"),
        ("lines", "1 Delivery = 4.905", "2 decimals"),
        ("currency", "", "currency"),
        ("currency", "XXQ", "XXQ"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_placed_or_lost(hub, admin, tea, field, typed, said):
    answer = admin.post("/orders/new", **{**GOOD, field: typed})
    assert answer.status_code == 422
    assert said in answer.text
    assert "ada@example.com" in answer.text
    assert (count(hub), stock(hub)) == (0, 5)


def test_only_editors_place_and_cancel(people, tea):
    address = people["editor"].post("/orders/new", **GOOD).headers["Location"]
    assert "New order" not in people["viewer"].page("/orders")
    assert people["viewer"].post("/orders/new", **GOOD).status_code == 403
    assert people["viewer"].post(f"{address}/cancel", key="k").status_code == 403


def test_what_all_orders_that_fit_come_to_is_said_by_currency(hub, admin, tea):
    for number in range(2):
        admin.post("/orders/new", **{**GOOD, "key": f"k{number}"})
    admin.post("/orders/new", **{**GOOD, "lines": "1 Tea = 500", "currency": "JPY", "key": "yen"})
    placed = admin.page("/orders")
    assert "2 orders" in placed
    assert "€59.80" in placed
    assert "1 order<" in placed
    assert "¥500" in placed
    with hub.database.read() as connection:
        (first, *_) = connection.execute(orders.select().order_by(orders.c.number)).all()
    data = {"payment": "pay_1", "order": first.id, "amount": {"minor": 2990, "currency": "EUR"}}
    hub.recorder.record(Happening("payment.succeeded", "shop", "pay_1", data, hub.now()), hub.now())
    assert "€29.90 paid" in admin.page("/orders")
    assert "2 orders" not in admin.page("/orders?state=paid")
