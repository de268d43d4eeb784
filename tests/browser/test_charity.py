"""Story 3.3 on a phone: the donor sets the amount, once or monthly, and gets a receipt with a number by mail."""

import io
import re
from email import message_from_bytes, policy

import pypdfium2
import pytest
from playwright.sync_api import expect

from hub.commerce.submissions import Wanted, listed
from hub.journal.tables import payments

from .conftest import PHONE


@pytest.fixture
def charity(live):
    live.hub.recipes.install("charity", "test@example.com")
    return live


def fill(page, email="ada@example.com"):
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("E-mail address").fill(email)


def go_on(page):
    page.get_by_role("button", name="Go on to pay").click()


def pay_at_the_sandbox(page, choice="Pay"):
    page.get_by_role("radio", name=re.compile(f"^{choice} ")).first.check()
    page.get_by_role("button", name="Continue").click()


def gifts(live, name="donate"):
    with live.hub.database.read() as connection:
        return listed(connection, Wanted(name), 10)


def mails(live, to):
    """The subjects of what somebody was written."""
    return [one["subject"] for one in live.hub.store.mails() if one["recipient"] == to]


def letter(live, to, subject):
    """The text of a mail, once it is there."""
    rows = live.until(
        lambda: [one for one in live.hub.store.mails() if (one["recipient"], one["subject"]) == (to, subject)]
    )
    message = message_from_bytes(live.hub.store.mail(rows[0]["key"])[2], policy=policy.default)
    return message.get_body(("plain",)).get_content()


def receipts(live, to):
    """The receipts that somebody was sent as PDF: the end of the number -> what the newest one says."""
    found = {}
    for mail in reversed(live.hub.store.mails()):
        message = message_from_bytes(live.hub.store.mail(mail["key"])[2], policy=policy.default)
        for file in message.iter_attachments() if mail["recipient"] == to else ():
            number = re.fullmatch(r"receipt-GIFT-\d{4}-(\d{5})\.pdf", file.get_filename())[1]
            found[number] = words_of(file.get_content())
    return found


def words_of(content):
    pages = pypdfium2.PdfDocument(io.BytesIO(content))
    text = " ".join(page.get_textpage().get_text_bounded() for page in pages)
    return " ".join(text.replace("\N{NO-BREAK SPACE}", " ").split())


def test_what_was_typed_survives_another_language_a_mistake_and_the_way_back_from_the_gateway(charity, open_browser):
    page = open_browser(PHONE)
    page.goto("/f/donate")
    fill(page, email="ada")
    page.get_by_role("textbox", name="Your amount in EUR").fill("12.50")
    page.get_by_role("link", name="Deutsch").click()
    expect(page.get_by_role("heading", name="Helfen Sie dem Tierheim")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_role("textbox", name="Ihr Betrag in EUR")).to_have_value("12.50")
    page.get_by_role("button", name="Weiter zur Zahlung").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("E-Mail-Adresse").fill("ada@example.com")
    page.get_by_role("button", name="Weiter zur Zahlung").click()
    expect(page.get_by_role("button", name="Continue")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("textbox", name="Ihr Betrag in EUR")).to_have_value("12.50")
    page.get_by_role("button", name="Weiter zur Zahlung").click()
    expect(page.get_by_text("€12.50")).to_be_visible()
    assert [row.state for row in gifts(charity)] == ["paying"]


def test_a_donor_writes_an_amount_pays_it_and_gets_a_numbered_receipt(charity, open_browser):
    page = open_browser(PHONE)
    page.goto("/f/donate")
    page.get_by_role("radio", name="USD").check()
    for text, said in [
        ("0", "above zero"),
        ("-5", "leave the minus out"),
        ("1.005", "USD has 2 decimals"),
        ("1e9", "This is not an amount"),
        ("१२", "digits 0 to 9"),
        ("ten", "This is not an amount"),
        ("0.99", "At least US$1.00"),
        ("10000.01", "At most US$10,000.00"),
    ]:
        page.get_by_role("textbox", name="Your amount in USD").fill(text)
        go_on(page)
        expect(page.locator("#other-once-USD-wrong")).to_contain_text(said)
        expect(page.get_by_role("textbox", name="Your amount in USD")).to_have_value(text)
    page.get_by_role("textbox", name="Your amount in USD").fill("12.34")
    fill(page)
    go_on(page)
    expect(page.get_by_text("$12.34").first).to_be_visible()
    pay_at_the_sandbox(page)
    expect(page.get_by_text("Your receipt is on its way to you by mail.")).to_be_visible()
    (receipt,) = charity.until(lambda: receipts(charity, "ada@example.com")).items()
    (gift,) = gifts(charity)
    assert (gift.minor, gift.currency, gift.state) == (1234, "USD", "paid")
    (paid,) = charity.hub.payments.store.list(payments, payments.c.state == "succeeded")
    assert (paid.amount, paid.currency) == (1234, "USD")
    number, text = receipt
    assert number == "00001"
    for said in (
        f"Donation receipt GIFT-{paid.begun:%Y}-00001",
        "Donor Ada Lovelace ada@example.com Amount $12.34 Purpose Help the animal shelter",
        f"How often Once Payment reference {paid.payment}",
    ):
        assert said in text
    page.reload()
    address = page.get_by_role("link", name="Receipt as PDF").get_attribute("href")
    assert words_of(page.request.get(address).body()) == text, "the page gives the same paper"


def test_a_monthly_gift_in_yen_is_taken_again_a_month_later_with_the_next_number(charity, open_browser):
    page = open_browser(PHONE)
    page.goto("/f/donate?lang=de")
    page.get_by_role("radio", name="Jeden Monat").check()
    page.get_by_role("radio", name="JPY").check()
    page.get_by_role("radio", name="3.000 ¥").check()
    page.get_by_label("Ihr Name").fill("Grace Hopper")
    page.get_by_label("E-Mail-Adresse").fill("grace@example.com")
    page.get_by_role("button", name="Weiter zur Zahlung").click()
    pay_at_the_sandbox(page)
    expect(page.get_by_text("Die Quittung ist per E-Mail unterwegs.")).to_be_visible()
    first = charity.until(lambda: receipts(charity, "grace@example.com"))["00001"]
    assert "Gespendet von Grace Hopper grace@example.com Betrag 3.000 ¥ Zweck Helfen Sie dem Tierheim" in first
    period = r"Wie oft Wiederkehrend, für (\d+\. \w+ \d{4}) bis (\d+\. \w+ \d{4}) Zahlungsreferenz"
    months = [re.search(period, first).groups()]
    charity.sandbox("POST", "/test/clock", {"unit": "month"})
    charity.until(lambda: list(receipts(charity, "grace@example.com")) == ["00001", "00002"])
    months.append(re.search(period, receipts(charity, "grace@example.com")["00002"]).groups())
    assert months[0] != months[1], "each says the month that it is for"
    subjects = mails(charity, "grace@example.com")
    assert any(re.fullmatch(r"Quittung GIFT-\d{4}-00002: vielen Dank für Ihre Spende", one) for one in subjects)
    assert [gift.state for gift in gifts(charity)] == ["active"]


@pytest.mark.parametrize(
    ("currency", "refused", "said", "typed", "shown", "minor"),
    [
        ("JPY", "10.5", "JPY has no decimals", "1501", "¥1,501", 1501),
        ("KWD", "1.0005", "KWD has 3 decimals", "1.005", "KWD1.005", 1005),
    ],
)
def test_yen_and_dinars_are_taken_as_they_were_written(
    charity, open_browser, currency, refused, said, typed, shown, minor
):
    page = open_browser(PHONE)
    page.goto("/f/donate")
    page.get_by_role("radio", name=currency).check()
    amount = page.get_by_role("textbox", name=f"Your amount in {currency}")
    fill(page)
    amount.fill(refused)
    go_on(page)
    expect(page.locator(f"#other-once-{currency}-wrong")).to_contain_text(said)
    amount.fill(typed)
    go_on(page)
    expect(page.get_by_text(shown).first).to_be_visible()
    pay_at_the_sandbox(page)
    expect(page.get_by_text("Your receipt is on its way to you by mail.")).to_be_visible()
    paper = charity.until(lambda: receipts(charity, "ada@example.com").get("00001"))
    assert shown in paper
    (subject,) = (one for one in mails(charity, "ada@example.com") if one.startswith("Receipt GIFT-"))
    assert shown in letter(charity, "ada@example.com", subject)
    (paid,) = charity.hub.payments.store.list(payments, payments.c.state == "succeeded")
    assert (paid.amount, paid.currency) == (minor, currency)


def test_an_amount_that_a_page_changed_is_not_charged(charity, open_browser):
    page = open_browser(PHONE)
    page.goto("/f/donate")
    fill(page)
    suggested = page.get_by_role("radio", name="€25.00")
    suggested.evaluate("(radio) => { radio.value = '0.01'; }")
    suggested.check()
    go_on(page)
    expect(page.get_by_role("alert").first).to_be_visible()
    assert gifts(charity) == []
    page.get_by_role("radio", name="€25.00").check()
    go_on(page)
    expect(page.get_by_text("€25.00").first).to_be_visible()
    page.goto(charity.hub.office("test").address("s", gifts(charity)[0].id))
    page.evaluate(
        "document.querySelector('main form').append(Object.assign(document.createElement('input'),"
        " {type: 'hidden', name: 'amount', value: '0.01'}))"
    )
    page.get_by_role("button", name="Pay €25.00").click()
    expect(page.get_by_text("€25.00").first).to_be_visible()
    pay_at_the_sandbox(page)
    expect(page.get_by_text("Your receipt is on its way to you by mail.")).to_be_visible()
    (paid,) = charity.until(lambda: charity.hub.payments.store.list(payments, payments.c.state == "succeeded"))
    assert (paid.amount, paid.currency) == (2500, "EUR")


def test_a_declined_gift_is_said_and_can_be_tried_again(charity, open_browser):
    page = open_browser(PHONE)
    page.goto("/f/donate")
    page.get_by_role("radio", name="€25.00").check()
    fill(page)
    go_on(page)
    pay_at_the_sandbox(page, "Decline")
    expect(page.get_by_role("alert")).to_contain_text("You can try again.")
    page.goto(charity.hub.office("test").address("s", gifts(charity)[0].id))
    expect(page.get_by_role("heading", name="€25.00")).to_be_visible()
    page.get_by_role("button", name="Pay €25.00").click()
    pay_at_the_sandbox(page)
    expect(page.get_by_text("Your receipt is on its way to you by mail.")).to_be_visible()
    assert list(charity.until(lambda: receipts(charity, "ada@example.com"))) == ["00001"]


def test_a_gift_that_is_given_back_leaves_a_receipt_that_says_so(charity, open_browser):
    page = open_browser(PHONE)
    page.goto("/f/donate")
    page.get_by_role("radio", name="€25.00").check()
    fill(page)
    go_on(page)
    pay_at_the_sandbox(page)
    charity.until(lambda: receipts(charity, "ada@example.com"))
    (paid,) = charity.hub.payments.store.list(payments, payments.c.state == "succeeded")
    given = {"payment": paid.payment, "connection": paid.connection, "amount": {"minor": 500, "currency": "EUR"}}
    charity.hub.office("a part").call("payments", "refund", given, "refund")
    charity.until(lambda: "This receipt holds for €20.00" in receipts(charity, "ada@example.com")["00001"])
    del given["amount"]
    charity.hub.office("the rest").call("payments", "refund", given, "refund")
    charity.until(lambda: "This receipt no longer holds." in receipts(charity, "ada@example.com")["00001"])
    assert list(receipts(charity, "ada@example.com")) == ["00001"], "its number stays taken"
