"""The scan page without scripts: lines come and go, everything wrong is said at its line, and it ends in an order."""

import re

import pytest
import sqlalchemy as sa

from hub.commerce.catalogue_items import store_catalogue
from hub.journal.tables_commerce import catalogue_items, order_lines, orders

CATALOGUE = """\
catalogue: 1
items:
  - {sku: TEA, title: "Tea <b>", barcode: "4006381333931", prices: {EUR: 12.50, JPY: 2000}, stock: 5}
  - {sku: MUG, title: Mug, prices: {EUR: 8}}
"""


@pytest.fixture
def shop(hub):
    hub.office("test").change(lambda book: store_catalogue(book, "shop", CATALOGUE))
    return hub


def text_of(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def scan(admin, does="add", code="", lines=(), **fields):
    items, quantities = [one[0] for one in lines], [one[1] for one in lines]
    return admin.post("/scan", do=does, code=code, item=items, quantity=quantities, **fields)


def lines_on(html):
    items = re.findall(r'name="item" value="([^"]*)"', html)
    return list(zip(items, re.findall(r'name="quantity" value="([^"]*)"', html), strict=True))


def test_codes_become_lines_and_the_same_code_counts_one_more(shop, admin):
    assert lines_on(admin.page("/scan")) == []
    assert lines_on(scan(admin, code=" tea ").text) == [("TEA", "1")]
    again = scan(admin, code="4006381333931", lines=[("TEA", "1"), ("MUG", "4")]).text
    assert lines_on(again) == [("TEA", "2"), ("MUG", "4")]
    assert "Tea &lt;b&gt;" in again
    assert "€57.00" in again
    assert lines_on(scan(admin, "remove:0", lines=[("TEA", "2"), ("MUG", "4")]).text) == [("MUG", "4")]


def test_a_currency_is_chosen_of_those_that_everything_has(shop, admin):
    assert "¥4,000" in scan(admin, "look", lines=[("TEA", "2")], currency="JPY").text
    assert "€33.00" in scan(admin, "look", lines=[("TEA", "2"), ("MUG", "1")], currency="JPY").text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (("NONE", "1"), "The catalogue has no such code."),
        (("<script>", "1"), "The catalogue has no such code."),
        (("TEA", "0"), "Zero of it"),
        (("TEA", "x"), "Write a whole number"),
        (("TEA", "6"), "Only 5 are left."),
    ],
)
def test_what_is_wrong_is_said_at_its_line_and_nothing_is_ordered_or_lost(shop, admin, line, said):
    answer = scan(admin, "order", lines=[("MUG", "2"), line], name="Corner Shop", email="shop@example.com")
    assert answer.status_code == 422
    assert said in answer.text
    assert "<script>" not in answer.text.split("<form")[-1].replace("</form>", "").split("<script type")[0]
    kept = [(code.replace("&lt;", "<").replace("&gt;", ">"), quantity) for code, quantity in lines_on(answer.text)]
    assert kept == [("MUG", "2"), line]
    assert 'value="Corner Shop"' in answer.text
    with shop.database.read() as connection:
        assert connection.execute(sa.select(orders)).all() == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"email": "shop"}, "This is no mail address"),
        ({"name": "x" * 10_000}, "At most 200 characters, please; these are 10,000."),
        ({"language": "xx"}, "Choose a language of the list."),
    ],
)
def test_a_wrong_customer_is_said_at_the_field(shop, admin, fields, said):
    answer = scan(admin, "order", lines=[("MUG", "2")], **fields)
    assert answer.status_code == 422
    assert said in answer.text
    assert lines_on(answer.text) == [("MUG", "2")]


def test_it_ends_in_one_order_with_its_stock_taken(shop, admin):
    key = re.search(r'name="key" value="([^"]+)"', admin.page("/scan"))[1]
    fields = {"lines": [("TEA", "3"), ("MUG", "1")], "key": key, "name": "Corner Shop", "email": "shop@example.com"}
    fields["language"] = "fr"
    first, second = scan(admin, "order", code="MUG", **fields), scan(admin, "order", code="MUG", **fields)
    assert first.status_code == second.status_code == 303
    assert first.location == second.location
    with shop.database.read() as connection:
        (order,) = connection.execute(sa.select(orders)).all()
        lines = connection.execute(sa.select(order_lines).order_by(order_lines.c.position)).all()
        left = connection.scalar(sa.select(catalogue_items.c.stock).where(catalogue_items.c.id == "TEA"))
    assert [(one.item, one.quantity, one.total) for one in lines] == [("TEA", 3, 3750), ("MUG", 2, 1600)]
    assert (order.total, order.currency, order.metadata) == (5350, "EUR", {"placed_by": "scan", "language": "fr"})
    assert order.customer == {"name": "Corner Shop", "email": "shop@example.com"}
    assert left == 2
    assert "Order 1 is placed." in text_of(admin.page(first.location))


def test_the_customers_language_stays_chosen_while_goods_are_scanned(shop, admin):
    assert '<option value="en" selected>' in admin.page("/scan")
    assert '<option value="hi" selected>' in scan(admin, code="TEA", language="hi").text


def test_the_order_shows_the_code_that_its_customer_scans(shop, admin):
    page = admin.page(scan(admin, "order", lines=[("MUG", "1")], key="k1").location)
    assert "<svg" in page.split("The customer’s page")[1].split("</section>")[0]


def test_nothing_scanned_is_said(shop, admin):
    answer = scan(admin, "order")
    assert answer.status_code == 422
    assert "Scan or type something first." in answer.text


def test_the_camera_and_webassembly_are_for_this_page_alone(shop, admin):
    answer = admin.get("/scan")
    assert "'wasm-unsafe-eval'" in answer.headers["Content-Security-Policy"]
    assert "'unsafe-eval'" not in answer.headers["Content-Security-Policy"].replace("wasm-unsafe-eval", "")
    assert answer.headers["Permissions-Policy"].startswith("camera=(self)")
    other = admin.get("/orders")
    assert "wasm" not in other.headers["Content-Security-Policy"]
    assert other.headers["Permissions-Policy"].startswith("camera=()")


def test_only_editors_scan(people):
    assert people["viewer"].get("/scan").status_code == 403
    assert "/scan" not in people["viewer"].page("/orders")
    assert people["editor"].get("/scan").status_code == 200
