"""Story 3.6: labels are printed and scanned, the buyer scans the order's code and pays; what nobody pays goes back."""

import io

import pypdfium2
import pytest
import sqlalchemy as sa
import zxingcpp
from PIL import Image
from playwright.sync_api import expect

from hub.journal.tables import payments
from hub.journal.tables_commerce import catalogue_items

from .conftest import PHONE, log_in
from .test_charity import mails, pay_at_the_sandbox
from .test_scanning import quantity, scan
from .test_services import letter


@pytest.fixture
def store(live):
    live.hub.recipes.install("wholesale", "test@example.com")
    return live


def left(live, sku):
    with live.hub.database.read() as connection:
        return connection.scalar(sa.select(catalogue_items.c.stock).where(catalogue_items.c.id == sku))


def printed_codes(page):
    """What the labels of all goods hold, read from the sheet as it is printed."""
    page.goto("/catalogue")
    for box in page.get_by_role("checkbox").all():
        box.check()
    form = page.locator("form[action$='/catalogue/labels']")
    fields = form.evaluate("form => [...new FormData(form)].map(([name, value]) => [name, String(value)])")
    body = "&".join(f"{name}={page.evaluate('encodeURIComponent', value)}" for name, value in fields)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Referer": page.url}
    answer = page.request.post("/catalogue/labels", data=body, headers=headers)
    assert answer.headers["content-type"] == "application/pdf"
    sheet = pypdfium2.PdfDocument(answer.body())[0].render(scale=4).to_pil()
    return {one.text for one in zxingcpp.read_barcodes(sheet)}


def place(page, codes, email="shop@example.com"):
    """The shopkeeper scans codes and places the order; gives the address that its code leads to."""
    page.goto("/scan")
    for code in codes:
        scan(page, code)
    page.get_by_label("Name").fill("Corner Shop")
    page.get_by_label("Mail address").fill(email)
    page.get_by_role("button", name="Place the order").click()
    expect(page.get_by_role("heading", name="The customer’s page")).to_be_visible()
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(page.locator(".hub-order-code").screenshot())))
    return code.text


def test_goods_are_labelled_scanned_and_paid_by_the_buyer(store, open_browser):
    shopkeeper, buyer = log_in(open_browser(PHONE), "editor"), open_browser(PHONE)
    assert printed_codes(shopkeeper) == {"4006381333931", "TEA-BLACK", "MUG-BLUE", "POT-CLAY"}
    shopkeeper.goto("/scan")
    for code in ("4006381333931", "POT-CLAY", "TEA-GREEN"):
        scan(shopkeeper, code)
    expect(quantity(shopkeeper, "Green tea, crate of 24")).to_have_value("2")
    address = place(shopkeeper, ())
    assert (left(store, "TEA-GREEN"), left(store, "POT-CLAY")) == (38, 2)
    text = letter(store, "shop@example.com", "Your order 1: €197.30")
    assert "2 × Green tea, crate of 24, 1 × Teapot of clay" in text
    assert address in text
    buyer.goto(address)
    expect(buyer.get_by_role("heading", name="€197.30")).to_be_visible()
    buyer.get_by_role("button", name="Pay €197.30").click()
    pay_at_the_sandbox(buyer)
    expect(buyer.get_by_role("status")).to_contain_text("Paid. Thank you.")
    store.until(lambda: "Your order 1 is paid" in mails(store, "shop@example.com"))
    (paid,) = store.hub.payments.store.list(payments, payments.c.state == "succeeded")
    assert (paid.amount, paid.currency) == (19730, "EUR")
    shopkeeper.reload()
    expect(shopkeeper.get_by_text("paid", exact=True).first).to_be_visible()
    assert (left(store, "TEA-GREEN"), left(store, "POT-CLAY")) == (38, 2)


def test_the_last_of_something_is_sold_once_and_comes_back_when_nobody_pays(store, open_browser):
    first, second = (log_in(open_browser(PHONE), role) for role in ("editor", "admin"))
    second.goto("/scan")
    scan(second, "POT-CLAY")
    quantity(second, "Teapot of clay").fill("3")
    address = place(first, ["POT-CLAY"])
    second.get_by_role("button", name="Place the order").click()
    expect(second.get_by_text("Only 2 are left. Write fewer")).to_be_visible()
    expect(quantity(second, "Teapot of clay")).to_have_value("3")
    store.clock.forward(days=3, minutes=1)
    store.until(lambda: "Your order 1 is over" in mails(store, "shop@example.com"))
    assert left(store, "POT-CLAY") == 3
    second.get_by_role("button", name="Place the order").click()
    expect(second.get_by_text("You were logged out meanwhile")).to_be_visible()  # and what was scanned is kept
    log_in(second, "admin").goto("/scan")
    expect(quantity(second, "Teapot of clay")).to_have_value("3")
    second.get_by_role("button", name="Place the order").click()
    expect(second.get_by_role("heading", name="Order 2")).to_be_visible()
    assert left(store, "POT-CLAY") == 0
    second.goto("/scan")
    expect(second.get_by_label("Code", exact=True)).to_be_visible()
    expect(quantity(second, "Teapot of clay")).to_have_count(0)
    buyer = open_browser(PHONE)
    buyer.goto(address)
    expect(buyer.get_by_role("status")).to_contain_text("The time to pay this order is over.")
