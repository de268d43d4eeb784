"""Story 3.4 on a phone: services at different rates, and the customer chooses how to pay; each booking paid at most once."""

import re

import pytest
from playwright.sync_api import expect

from hub.engine.form_desk import FormDesk
from hub.journal.tables import payments
from hub.payments import ledger
from tests.payments.corner import CornerGateway, plant
from tests.stories.conftest import LiveHub

from .conftest import HASH, PHONE, log_in
from .test_charity import letter, mails, pay_at_the_sandbox

OPTIONS = {"sandbox": {"title": "Card"}, "corner": {"title": "Online banking"}, "rupees": {"title": "UPI"}}
RUPEES = {"mode": "test", "client_id": "id", "client_secret": "secret", "salt": "salt"}

GOES_BACK = r"(\. It goes back to you by itself|, and was given back to you)\."
"""The hub may have given it back before the page is there."""


@pytest.fixture
def bank():
    with CornerGateway().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def live(tmp_path, bank):
    """A hub with three ways to pay: cards by the sandbox, a bank, and one that takes nothing but rupees."""
    plant(tmp_path / "hub-data")
    found = LiveHub(tmp_path / "hub-data", allow_private_addresses="127.0.0.1")
    found.hub.accounts.create("corner", "corner", {"api_base": bank.url, "api_key": "corner-key"}, "test")
    found.hub.accounts.create("rupees", "instamojo", RUPEES, "test")
    found.hub.store.put_fact("pay_options", OPTIONS, found.clock())
    found.hub.recipes.install("services", "test@example.com")
    found.hub.store.create_user("admin@example.com", "Admin Person", "admin", HASH, found.clock())
    yield found
    found.close()


def book(live, page, service, times, currency):
    """Ada books; gives the address that she is sent."""
    page.goto("/f/book-service")
    page.get_by_role("radio", name=service).check()
    page.get_by_label("How many times").select_option(times)
    page.get_by_role("radio", name=currency).check()
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("E-mail address").fill("ada@example.com")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("The address at which you pay is on its way to you by mail.")).to_be_visible()
    text = letter(live, "ada@example.com", "Your booking 1: choose how you pay")
    return re.search(r"http://\S+/o/[\w.-]+", text)[0]


def ways(page):
    return page.get_by_role("button", name=re.compile("^Pay ")).all_inner_texts()


def priced(live, admin, currency, price):
    """The admin writes what a lesson costs in a currency, and the form takes bookings in it."""
    admin.goto("/catalogue/item/LESSON")
    admin.get_by_label("Prices").fill(f"EUR 49.00\n{currency} {price}")
    admin.get_by_role("button", name="Save").click()
    expect(admin.get_by_text("is saved.")).to_be_visible()
    expect(admin.get_by_label("Prices")).to_have_value(re.compile(rf"^{currency} {price}$", re.MULTILINE))
    desk = FormDesk(live.hub)
    desk.save("book-service", desk.text("book-service").replace("[EUR, USD, JPY]", f"[EUR, {currency}]"), "test")


def amounts(page, currency):
    """Every amount in a currency that the page says."""
    sign = {"JPY": "(?:JP)?(¥", "KWD": "(KWD"}[currency]
    return set(re.findall(rf"{sign}[\d.,]*\d)", page.locator("main").inner_text().replace("\N{NO-BREAK SPACE}", "")))


def books(live, currency):
    with live.hub.database.read() as connection:
        found = [one for one in ledger.balances(connection) if one.currency == currency and one.minor]
    return {one.account: one.minor for one in found}


def pay_at_the_bank(page):
    page.get_by_role("button", name="Pay with Online banking").click()
    page.get_by_role("link", name="Pay at the corner").click()
    expect(page.get_by_role("status")).to_contain_text("Paid. Thank you.")


def test_a_declined_card_is_said_and_another_way_pays(live, open_browser):
    page = open_browser(PHONE)
    page.goto(book(live, page, "Piano lesson, one hour", "2", "EUR"))
    expect(page.get_by_role("heading", name="€98.00")).to_be_visible()
    expect(page.get_by_text("of which tax")).to_be_visible()
    assert sorted(ways(page)) == ["Pay with Card", "Pay with Online banking"]
    page.get_by_role("button", name="Pay with Card").click()
    pay_at_the_sandbox(page, "Decline")
    expect(page.get_by_role("alert")).to_contain_text("The bank declined the payment.")
    page.get_by_role("link", name="Cancel and go back to the shop").click()
    expect(page.get_by_role("heading", name="€98.00")).to_be_visible()
    pay_at_the_bank(page)
    assert "We have received €98.00 for 2 × Piano lesson, one hour" in letter(
        live, "ada@example.com", "Your booking 1 is paid"
    )
    (paid,) = live.hub.payments.store.list(payments, payments.c.state == "succeeded")
    assert (paid.connection, paid.amount, paid.currency) == ("corner", 9800, "EUR")


def test_what_is_paid_a_second_time_goes_back_by_itself(live, open_browser):
    first, second = open_browser(PHONE), open_browser(PHONE)
    address = book(live, first, "Pianist for an evening", "1", "USD")
    first.goto(address)
    first.get_by_role("button", name="Pay with Card").click()
    expect(first.get_by_text("$860.00").first).to_be_visible()
    second.goto(address)
    pay_at_the_bank(second)
    pay_at_the_sandbox(first)
    expect(first.get_by_text(re.compile(rf"A second payment of US\$860\.00 came in{GOES_BACK}"))).to_be_visible()
    assert "$860.00 came in by sandbox" in letter(live, "admin@example.com", "Order 1 was paid again")
    refunded = live.until(lambda: live.hub.payments.store.list(payments, payments.c.state == "refunded"))
    assert [(one.connection, one.amount, one.refunded) for one in refunded] == [("sandbox", 86000, 86000)]
    assert len(live.events(type="order.paid")) == 1
    assert mails(live, "ada@example.com").count("Your booking 1 is paid") == 1


def test_a_second_payment_that_its_gateway_keeps_waits_for_the_admin(live, open_browser):
    first, second = open_browser(PHONE), open_browser(PHONE)
    address = book(live, first, "Piano tuning", "3", "EUR")
    first.goto(address)
    first.get_by_role("button", name="Pay with Online banking").click()
    expect(first.get_by_role("link", name="Pay at the corner")).to_be_visible()
    second.goto(address)
    second.get_by_role("button", name="Pay with Card").click()
    pay_at_the_sandbox(second)
    expect(second.get_by_role("status")).to_contain_text("Paid. Thank you.")
    first.get_by_role("link", name="Pay at the corner").click()
    first.goto(address)
    expect(first.get_by_text("A second payment of €389.70 came in.")).to_be_visible()
    text = letter(live, "admin@example.com", "Please give a payment of order 1 back")
    assert "€389.70 came in by corner" in text
    assert "it is payment c_1" in text


def test_only_ways_that_take_the_currency_are_offered(live, open_browser):
    page = open_browser(PHONE)
    page.goto(book(live, page, "Piano lesson, one hour", "10", "JPY"))
    expect(page.get_by_role("heading", name="¥80,000")).to_be_visible()
    assert sorted(ways(page)) == ["Pay with Card", "Pay with Online banking"]
    lines = [{"title": "Raga evening", "price": {"minor": 250_000, "currency": "INR"}}]
    placed = live.hub.office("rupees").call("orders", "create", {"lines": lines}, "order")
    page.goto(placed["url"])
    assert sorted(ways(page)) == ["Pay with Card", "Pay with Online banking", "Pay with UPI"]


def test_a_booking_that_nobody_pays_is_over(live, open_browser):
    page = open_browser(PHONE)
    address = book(live, page, "Piano tuning", "1", "JPY")
    live.clock.forward(days=7, minutes=1)
    live.until(lambda: live.events(type="order.cancelled"))
    page.goto(address)
    expect(page.get_by_role("status")).to_contain_text("The time to pay this order is over.")
    assert ways(page) == []
    live.until(lambda: "Your booking 1 is over" in mails(live, "ada@example.com"))


@pytest.mark.parametrize(
    ("currency", "price", "each", "total", "tax", "twice", "minor", "fee"),
    [
        ("JPY", "8001", "¥8,001", "¥24,003", "¥1,570", "¥48,006", 24_003, 726),
        ("KWD", "16.335", "KWD16.335", "KWD49.005", "KWD3.206", "KWD98.010", 49_005, 1_721),
    ],
)
def test_yen_and_dinars_are_booked_paid_and_given_back_to_the_unit(
    live, bank, open_browser, currency, price, each, total, tax, twice, minor, fee
):
    admin, first, second = log_in(open_browser()), open_browser(PHONE), open_browser(PHONE)
    priced(live, admin, currency, price)
    address = book(live, first, "Piano lesson, one hour", "3", currency)
    text = letter(live, "ada@example.com", "Your booking 1: choose how you pay")
    assert f"You have booked 3 × Piano lesson, one hour. It costs {total}." in text
    first.goto(address)
    expect(first.get_by_role("heading", level=1)).to_contain_text(total)
    assert amounts(first, currency) == {total, tax}
    assert sorted(ways(first)) == ["Pay with Card", "Pay with Online banking"]
    first.get_by_role("button", name="Pay with Card").click()
    expect(first.get_by_text(total).first).to_be_visible()
    second.goto(address)
    pay_at_the_bank(second)
    assert amounts(second, currency) == {total, tax}
    assert [(one["amount"], one["currency"]) for one in bank.payments.values()] == [(minor, currency)]
    assert f"We have received {total} for" in letter(live, "ada@example.com", "Your booking 1 is paid")
    pay_at_the_sandbox(first)
    expect(first.get_by_text(re.compile(f"A second payment of (JP)?{total} came in{GOES_BACK}"))).to_be_visible()
    assert amounts(first, currency) == {total, tax}
    assert f"{total} came in by sandbox" in letter(live, "admin@example.com", "Order 1 was paid again")
    (back,) = live.until(lambda: live.hub.payments.store.list(payments, payments.c.state == "refunded"))
    assert (back.amount, back.refunded, back.currency) == (minor, minor, currency)
    live.until(lambda: live.events(type="refund.issued"))
    admin.goto("/orders")
    admin.locator(".hub-rows a").first.click()
    assert amounts(admin, currency) == {each, total}
    admin.goto("/payments")
    assert amounts(admin, currency) == {twice, total}
    expect(admin.get_by_text(re.compile(f"{twice} less (JP)?{total} refunded"))).to_be_visible()
    assert books(live, currency) == {
        "gateway:corner": minor,
        "gateway:sandbox": -fee,
        "expense:gateway_fees": fee,
        "revenue:sales": -minor,
    }
