"""Story 3.6: labels are printed and scanned, the buyer scans the order's code and pays; what nobody pays goes back."""

import io
import re

import pypdfium2
import pytest
import requests
import sqlalchemy as sa
import zxingcpp
from PIL import Image
from playwright.sync_api import expect

from hub.journal.tables import payments
from hub.journal.tables_commerce import catalogue_items
from hub.journal.tables_invoices import invoices

from .conftest import PHONE, log_in
from .test_charity import letter, mails, pay_at_the_sandbox
from .test_invoices import fits
from .test_scanning import quantity, scan


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
    return code_of(page.locator(".hub-order-code"))


def code_of(picture):
    """What a phone reads from a code on the screen."""
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture.screenshot())))
    return code.text


def opened_paper(page, subject):
    """The invoice that is attached to a mail, opened in the outbox, as the bytes that the browser gets."""
    page.goto("/outbox")
    page.get_by_role("link", name=subject).click()
    paper = page.get_by_role("region", name="Attached").get_by_role("link")
    answer = page.request.get(paper.get_attribute("href"))
    assert answer.headers["content-type"] == "application/pdf"
    return answer.body()


def text_on(paper):
    """What stands on the first page, in one line."""
    return " ".join(pypdfium2.PdfDocument(paper)[0].get_textpage().get_text_bounded().split())


def code_on(paper):
    """What a phone reads from the paper, printed."""
    (code,) = zxingcpp.read_barcodes(pypdfium2.PdfDocument(paper)[0].render(scale=3).to_pil())
    return code.text


def billed(live):
    """The only invoice, once it is there."""

    def look():
        with live.hub.database.read() as connection:
            return connection.execute(invoices.select()).first()

    return live.until(look)


def begun_beside(live, invoice, number, minor):
    """The shop asks for an amount of its own for an invoice; gives where that is paid."""
    amount = {"minor": minor, "currency": invoice.currency}
    given = {"amount": amount, "invoice": invoice.id, "customer": invoice.customer}
    return live.hub.payments.act("sandbox", "payment.create", f"{number:040x}", given)["checkout_url"]


def pay_beside(live, buyer, invoice, number, minor):
    buyer.goto(begun_beside(live, invoice, number, minor))
    pay_at_the_sandbox(buyer)
    live.until(lambda: billed(live).paid == minor)


def test_goods_are_labelled_scanned_and_paid_by_the_buyer(store, open_browser):
    shopkeeper, buyer = log_in(open_browser(PHONE), "editor"), open_browser(PHONE)
    assert printed_codes(shopkeeper) == {"4006381333931", "TEA-BLACK", "MUG-BLUE", "POT-CLAY"}
    shopkeeper.goto("/scan")
    for code in ("4006381333931", "POT-CLAY", "TEA-GREEN"):
        scan(shopkeeper, code)
    expect(quantity(shopkeeper, "Green tea, crate of 24")).to_have_value("2")
    on_screen, order = place(shopkeeper, ()), shopkeeper.url
    assert (left(store, "TEA-GREEN"), left(store, "POT-CLAY")) == (38, 2)
    number = billed(store).number
    text = letter(store, "shop@example.com", f"Invoice {number}: €197.30")
    assert "2 × Green tea, crate of 24, 1 × Teapot of clay" in text
    paper = opened_paper(shopkeeper, f"Invoice {number}: €197.30")
    fits(shopkeeper)
    assert paper == requests.get(re.search(r"http\S+/invoice\.pdf", text)[0], timeout=10).content
    assert f"Invoice {number}" in text_on(paper)
    assert "Total €197.30" in text_on(paper)
    address = code_on(paper)
    assert address in text
    buyer.goto(address)
    expect(buyer.get_by_role("heading", name="€197.30")).to_be_visible()
    assert code_of(buyer.locator("figure svg")) == address
    fits(buyer)
    buyer.get_by_role("button", name="Pay €197.30").click()
    pay_at_the_sandbox(buyer)
    expect(buyer.get_by_role("status")).to_contain_text("Paid. Thank you.")
    expect(buyer.locator("figure")).to_have_count(0)
    store.until(lambda: "Your order 1 is paid" in mails(store, "shop@example.com"))
    buyer.goto(on_screen)
    expect(buyer.get_by_role("status")).to_contain_text("Paid. Thank you.")
    buyer.get_by_role("link", name=f"Invoice {number}").click()
    expect(buyer).to_have_url(address)
    (paid,) = store.hub.payments.store.list(payments, payments.c.state == "succeeded")
    assert (paid.amount, paid.currency) == (19730, "EUR")
    shopkeeper.goto(order)
    expect(shopkeeper.get_by_text("paid", exact=True).first).to_be_visible()
    assert (left(store, "TEA-GREEN"), left(store, "POT-CLAY")) == (38, 2)


def test_an_invoice_is_paid_in_parts_and_what_is_paid_again_goes_back(store, open_browser):
    shopkeeper, buyer = log_in(open_browser(), "editor"), open_browser(PHONE)
    place(shopkeeper, ["POT-CLAY", "TEA-GREEN"])
    invoice = billed(store)
    address = store.hub.pages.page("i", invoice.id)
    pay_beside(store, buyer, invoice, 1, 5_000)
    buyer.goto(address)
    expect(buyer.get_by_role("row", name="Paid so far €50.00")).to_be_visible()
    expect(buyer.get_by_role("row", name="Still to pay €60.90")).to_be_visible()
    fits(buyer)
    text = letter(store, "shop@example.com", f"Invoice {invoice.number}: €60.90 left to pay")
    assert "We have received €50.00 so far. €60.90 are left" in text
    assert address in text
    said = text_on(opened_paper(shopkeeper, f"Invoice {invoice.number}: €60.90 left to pay"))
    assert "Paid so far €50.00 Still to pay €60.90" in said
    again = begun_beside(store, invoice, 2, 6_090)
    buyer.get_by_role("button", name="Pay €60.90").click()
    pay_at_the_sandbox(buyer)
    expect(buyer.get_by_role("status")).to_contain_text("Paid. Thank you.")
    assert billed(store).state == "paid"
    buyer.goto(again)
    pay_at_the_sandbox(buyer)
    store.until(lambda: store.events(type="refund.issued"))
    buyer.goto(address)
    expect(buyer.get_by_text("A second payment of €60.90 came in, and was given back to you.")).to_be_visible()
    fits(buyer)
    assert (billed(store).state, billed(store).paid) == ("paid", 11_090)
    shopkeeper.goto(f"/invoices/{invoice.id}")
    expect(shopkeeper.get_by_text("paid", exact=True).first).to_be_visible()


@pytest.mark.parametrize(
    ("currency", "total", "tea", "tax", "part", "paid", "rest"),
    [
        ("JPY", "¥32,400", "¥28,400", ("¥639", "¥1,858"), 10_001, "¥10,001", "¥22,399"),
        ("KWD", "KWD64.745", "KWD56.700", ("KWD1.284", "KWD3.709"), 20_001, "KWD20.001", "KWD44.744"),
    ],
)
def test_yen_and_dinars_are_billed_and_paid_in_parts_to_the_unit(
    store, open_browser, currency, total, tea, tax, part, paid, rest
):
    shopkeeper, buyer = log_in(open_browser(), "editor"), open_browser(PHONE)
    shopkeeper.goto("/scan")
    for code in ("TEA-GREEN", "4006381333931", "POT-CLAY"):
        scan(shopkeeper, code)
    expect(quantity(shopkeeper, "Teapot of clay")).to_have_value("1")
    shopkeeper.get_by_label("Currency").select_option(currency)
    expect(shopkeeper.locator("[data-total]")).to_contain_text(total)
    place(shopkeeper, ())
    invoice = billed(store)
    address = store.hub.pages.page("i", invoice.id)
    assert address in letter(store, "shop@example.com", f"Invoice {invoice.number}: {total}")
    said = text_on(opened_paper(shopkeeper, f"Invoice {invoice.number}: {total}"))
    for one in (tea, *tax, f"Total {total}"):
        assert one in said, said
    buyer.goto(address)
    expect(buyer.get_by_role("heading", level=1)).to_contain_text(total)
    for one in (tea, *tax):
        expect(buyer.get_by_text(one).first).to_be_visible()
    pay_beside(store, buyer, invoice, 1, part)
    buyer.goto(address)
    expect(buyer.get_by_role("row", name="Paid so far")).to_contain_text(paid)
    text = letter(store, "shop@example.com", f"Invoice {invoice.number}: {rest} left to pay")
    assert f"We have received {paid} so far. {rest} are left" in text
    assert f"Paid so far {paid} Still to pay {rest}" in text_on(
        opened_paper(shopkeeper, f"Invoice {invoice.number}: {rest} left to pay")
    )
    buyer.get_by_role("button", name=re.compile(f"^Pay (JP)?{rest}$")).click()
    pay_at_the_sandbox(buyer)
    expect(buyer.get_by_role("status")).to_contain_text("Paid. Thank you.")
    assert f"We have received {total} for order 1." in letter(store, "shop@example.com", "Your order 1 is paid")
    assert (billed(store).state, billed(store).paid) == ("paid", billed(store).total)


def test_what_is_paid_too_much_is_shown(store, open_browser):
    shopkeeper, buyer = log_in(open_browser(), "editor"), open_browser(PHONE)
    place(shopkeeper, ["POT-CLAY"])
    invoice = billed(store)
    pay_beside(store, buyer, invoice, 1, 3_000)
    buyer.goto(store.hub.pages.page("i", invoice.id))
    expect(buyer.get_by_text("You paid €5.50 more than the total.")).to_be_visible()
    shopkeeper.goto(f"/invoices/{invoice.id}")
    expect(shopkeeper.get_by_role("status")).to_contain_text("€5.50 more than the total came in.")


def test_the_last_of_something_is_sold_once_and_comes_back_when_nobody_pays(store, open_browser):
    first, second = (log_in(open_browser(PHONE), role) for role in ("editor", "admin"))
    second.goto("/scan")
    scan(second, "POT-CLAY")
    quantity(second, "Teapot of clay").fill("3")
    address = place(first, ["POT-CLAY"])
    second.get_by_role("button", name="Place the order").click()
    expect(second.get_by_text("Only 2 are left. Write fewer")).to_be_visible()
    expect(quantity(second, "Teapot of clay")).to_have_value("3")
    invoice = billed(store)
    store.clock.forward(days=4)
    assert left(store, "POT-CLAY") == 2, "the invoice can be paid for ten days yet"
    store.clock.forward(days=11)
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
    expect(buyer.get_by_role("status")).to_contain_text("This order was cancelled.")
    buyer.goto(store.hub.pages.page("i", invoice.id))
    expect(buyer.get_by_role("status")).to_contain_text("This invoice is void.")
