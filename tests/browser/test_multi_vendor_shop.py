"""Story 3.1 on a phone and a desk: one payment for goods of two vendors, shared, refunded by line and whole, to the unit."""

import re

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from hub.commerce.catalogue import Item
from hub.commerce.catalogue_items import save_item
from hub.journal.tables import payments
from hub.journal.tables_work import providers
from hub.payments import ledger
from tests.payments.market import complete

from .conftest import PHONE, log_in
from .test_charity import letter
from .test_invoices import fits

LAMP = Item("LAMP-01", "Desk lamp", {"USD": 6001, "JPY": 9000, "KWD": 18505}, vendor="prv_a", stock=20)
RUG = Item("RUG-01", "Woven rug", {"USD": 3999, "JPY": 6000, "KWD": 12000}, vendor="prv_b", stock=12)
BANK = {"iban": "DE89370400440532013000", "bic": "COBADEFFXXX", "holder": "Bea Vendor"}


@pytest.fixture
def shop(live):
    """The shop with two vendors: Ada has an account at the gateway, Bea a bank account only."""
    live.hub.recipes.install("multi-vendor-shop", "test@example.com")

    def work(book):
        for identity, name, more in (
            ("prv_a", "Ada", {"accounts": {"sandbox": "acct_ada"}}),
            ("prv_b", "Bea", {"bank": BANK}),
        ):
            row = {"id": identity, "name": name, "email": f"{name.lower()}@example.com", "state": "approved", **more}
            book.insert(providers, complete(providers, row))
        for item in (LAMP, RUG):
            save_item(book, item, "test", item.sku)

    live.hub.office("vendors").change(work)
    return live


def placed(admin, currency="USD"):
    """The shop places an order by hand; gives the customer's address."""
    admin.goto("/orders/new")
    admin.get_by_label("What is ordered").fill("1 LAMP-01\n1 RUG-01")
    admin.get_by_label("Currency").fill(currency)
    admin.get_by_label("Customer’s mail address").fill("ada@example.com")
    admin.get_by_role("button", name="Place the order").click()
    expect(admin.get_by_text("is placed")).to_be_visible()
    return admin.locator(".hub-copy-line code").inner_text()


def pay(page, address, choice="Pay"):
    page.goto(address)
    page.get_by_role("button", name=re.compile("^Pay")).first.click()
    page.get_by_role("radio", name=re.compile(f"^{choice} ")).first.check()
    page.get_by_role("button", name="Continue").click()


def books(live, currency="USD"):
    with live.hub.database.read() as connection:
        found = {one.account: one.minor for one in ledger.balances(connection) if one.currency == currency}
    return {account: minor for account, minor in found.items() if minor}


def test_one_payment_is_shared_to_the_unit_and_a_refund_takes_everybodys_part_back(shop, open_browser):
    admin, payer = log_in(open_browser()), open_browser(PHONE)
    pay(payer, placed(admin))
    expect(payer.get_by_role("status")).to_contain_text("Paid. Thank you.")
    shop.until(lambda: books(shop).get("provider:prv_b") == -3499)
    shop.until(lambda: shop.events(type="transfer.sent"))
    shared = {
        "gateway:sandbox": 10_000 - 320 - 5251,
        "expense:gateway_fees": 320,
        "provider:prv_b": -3499,
        "revenue:commission": -1250,
    }
    assert shop.until(lambda: books(shop) == shared and books(shop))
    assert shop.until(lambda: [one for one in shop.hub.store.mails() if "Thank you for order" in one["subject"]])

    admin.goto("/statements/prv_b")
    expect(admin.get_by_role("cell", name="US$34.99").first).to_be_visible()
    paid = shop.hub.payments.store.list(payments, payments.c.state == "succeeded")[0]
    admin.goto("/orders/1")
    admin.get_by_text("Refund by line").click()
    admin.get_by_label("Woven rug").fill("1")
    admin.get_by_label("Reason").fill("came back")
    admin.get_by_role("button", name="See what it comes to").click()
    comes_to = admin.locator("#refund-sum")
    for words, amount in (
        ("Goes back to the payer", 39.99),
        ("Taken back of Bea", 34.99),
        ("Of our commission", "5.00"),
    ):
        expect(comes_to).to_contain_text(re.compile(rf"{words}\s*US\${amount}"))
    admin.get_by_role("button", name="Refund US$39.99").click()
    expect(admin.get_by_text("Refunded.")).to_be_visible()
    expect(admin.get_by_text("1 of 1 refunded, US$39.99")).to_be_attached()
    shop.until(lambda: "provider:prv_b" not in books(shop))
    assert books(shop)["revenue:commission"] == -750, "only the rug's commission went back"

    admin.goto(f"/payments/sandbox/{paid.payment}")
    admin.get_by_text("Refund", exact=True).first.click()
    admin.get_by_role("button", name="Refund it").click()
    expect(admin.get_by_text("Refunded.")).to_be_visible()
    fee = {"gateway:sandbox": -320, "expense:gateway_fees": 320}
    assert shop.until(lambda: books(shop) == fee and books(shop)), "only what the gateway keeps is gone"


def test_vendors_bear_the_gateways_fee_where_the_shop_says_so_and_see_their_money(shop, open_browser):
    admin, payer, vendor = log_in(open_browser()), open_browser(PHONE), open_browser(PHONE)
    admin.goto("/recipes/shop-split/inputs")
    admin.get_by_label("fee_borne_by").fill("vendors")
    admin.get_by_role("button", name="Save").click()
    pay(payer, placed(admin))
    expect(payer.get_by_role("status")).to_contain_text("Paid. Thank you.")
    shop.until(lambda: shop.events(type="transfer.sent"))
    shared = {
        "gateway:sandbox": 10_000 - 320 - (5251 - 192),
        "expense:gateway_fees": 320,
        "recovered:gateway_fees": -320,
        "provider:prv_b": -(3499 - 128),
        "revenue:commission": -1250,
    }
    found = shop.until(lambda: books(shop).get("provider:prv_b") == shared["provider:prv_b"] and books(shop))
    assert found["revenue:commission"] == -1250
    vendor.goto(shop.hub.office("test").address("p", "prv_b"))
    expect(vendor.get_by_text("$33.71")).to_be_visible()
    fits(vendor)
    admin.goto("/statements/prv_a")
    expect(admin.get_by_text("US$50.59").first).to_be_visible()


def ordered(live, page, lamps, rugs):
    """A customer orders by the form on a phone; gives the address that they are mailed."""
    page.goto("/f/shop-order")
    page.get_by_label("How many desk lamps").fill(lamps)
    page.get_by_label("How many woven rugs").fill(rugs)
    page.get_by_role("radio", name="USD").check()
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("E-mail address").fill("ada@example.com")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("A mail tells you how it goes on.")).to_be_visible()
    return re.search(r"https?://\S+/o/[\w.~-]+", letter(live, "ada@example.com", "Your order 1"))[0]


def returned(page, email):
    page.goto("/f/shop-return")
    page.get_by_label("Number of the order").fill("1")
    page.get_by_label("E-mail address of the order").fill(email)
    page.get_by_role("radio", name="Woven rug").check()
    page.get_by_label("Why").fill("too red")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("We look at it and write to you.").last).to_be_visible()


def test_a_customer_orders_by_the_form_and_returns_a_line_that_somebody_approves(shop, open_browser):
    admin, payer = log_in(open_browser()), open_browser(PHONE)
    pay(payer, ordered(shop, payer, "1", "1"))
    expect(payer.get_by_role("status")).to_contain_text("Paid. Thank you.")
    shop.until(lambda: books(shop).get("provider:prv_b") == -3499)
    assert shop.until(lambda: shop.events(type="transfer.sent"))

    returned(payer, "eve@example.com")
    assert "no paid order 1" in letter(shop, "eve@example.com", "We could not find your order")
    returned(payer, "ada@example.com")
    (question,) = shop.until(shop.hub.queries.open_questions)
    admin.goto("/")
    expect(admin.get_by_text("Give RUG-01 of order 1 back?")).to_be_visible()
    admin.goto(shop.hub.answer_address(question["id"], "approve"))
    admin.get_by_role("button", name="approve").click()
    assert "$39.99 goes back to you" in letter(shop, "ada@example.com", "Your return for order 1")
    after = {
        "gateway:sandbox": 10_000 - 320 - 5251 - 3999,
        "expense:gateway_fees": 320,
        "revenue:commission": -750,
    }
    assert shop.until(lambda: books(shop) == after and books(shop)), "the lamp's vendor and commission keep theirs"


def test_who_orders_nothing_or_too_much_is_told(shop, open_browser):
    page = open_browser(PHONE)
    page.goto("/f/shop-order")
    page.get_by_label("How many desk lamps").fill("21")
    page.get_by_role("radio", name="USD").check()
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("E-mail address").fill("ada@example.com")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("20", exact=False).first).to_be_visible()
    page.get_by_label("How many desk lamps").fill("0")
    page.get_by_role("button", name="Send").click()
    assert "nothing is to be paid" in letter(shop, "ada@example.com", "Nothing was ordered")
    assert shop.events(type="order.placed") == []


def test_what_is_due_goes_out_by_bank_file_and_who_fails_holds_up_nobody(shop, open_browser):
    admin, payer = log_in(open_browser()), open_browser(PHONE)
    pay(payer, placed(admin))
    shop.until(lambda: books(shop).get("provider:prv_b") == -3499)
    admin.goto("/payouts")
    expect(admin.get_by_text("Bea")).to_be_visible()
    admin.get_by_role("button", name="Pay out what is due").click()
    expect(admin.get_by_role("heading", name="Payout run 1")).to_be_visible()
    with admin.expect_download() as download:
        admin.get_by_role("button", name="CSV").click()
    assert "34.99" in download.value.path().read_text(encoding="utf-8-sig")
    admin.reload()
    admin.get_by_role("button", name="Failed").click()
    expect(admin.get_by_text("It is due again.")).to_be_visible()
    assert books(shop)["provider:prv_b"] == -3499
    assert shop.until(lambda: [one for one in shop.hub.store.mails() if "did not reach prv_b" in one["subject"]])


@pytest.mark.parametrize(
    ("currency", "lamp", "rug", "commission"), [("JPY", 7875, 5250, 1875), ("KWD", 16192, 10500, 3813)]
)
def test_yen_and_dinars_add_up_too(shop, open_browser, currency, lamp, rug, commission):
    admin, payer = log_in(open_browser()), open_browser(PHONE)
    pay(payer, placed(admin, currency))
    shop.until(lambda: books(shop, currency).get("provider:prv_b") == -rug)
    transfer = shop.until(lambda: shop.events(type="transfer.sent"))[0]
    assert shop.hub.queries.event(transfer.id).data["amount"] == {"minor": lamp, "currency": currency}
    assert books(shop, currency)["revenue:commission"] == -commission
    assert lamp + rug + commission == LAMP.prices[currency] + RUG.prices[currency]


def test_a_declined_card_leaves_the_order_open_and_nothing_is_shared(shop, open_browser):
    admin, payer = log_in(open_browser()), open_browser(PHONE)
    address = placed(admin)
    pay(payer, address, "Decline")
    expect(payer.get_by_role("alert").or_(payer.get_by_role("status")).first).to_be_visible()
    payer.goto(address)
    expect(payer.get_by_role("button", name=re.compile("^Pay")).first).to_be_visible()
    assert books(shop) == {}
    with shop.hub.database.read() as connection:
        assert (
            connection.scalar(sa.select(sa.func.count()).select_from(payments).where(payments.c.state == "succeeded"))
            == 0
        )
    pay(payer, address)
    shop.until(lambda: books(shop).get("provider:prv_b") == -3499)
