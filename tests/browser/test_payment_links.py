"""Story 3.5: the owner asks for money by mail, the customer opens and pays; dead links say why; a table of many."""

import io
import re

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import expect

from .conftest import DESKTOP, PHONE, log_in
from .test_accessibility import NARROWEST
from .test_charity import letter, mails, pay_at_the_sandbox
from .test_invoices import fits

TABLE = "name,email,amount,currency\nAda,ada@example.com,1500,JPY\nBob,bob@example.com,1.250,KWD\nEve,eve@example.com,10.5,JPY\n"


@pytest.fixture
def studio(live):
    live.hub.recipes.install("payment-links", "test@example.com")
    return live


def ask(page, amount="45.00", currency="GBP", purpose="Piano lesson", button="Make and mail it", *, visit=True):
    """The owner asks Ada; gives the address of the link's own page. ``visit``: the form is not open yet."""
    if visit:
        page.goto("/links/new")
    page.get_by_label("Amount").fill(amount)
    page.get_by_label("Currency").fill(currency)
    page.get_by_label("What it is for").fill(purpose)
    page.get_by_label("Recipient’s name").fill("Ada Lovelace")
    page.get_by_label("Recipient’s mail address").fill("ada@example.com")
    page.get_by_label("Remind after days").fill("7")
    page.get_by_role("button", name=button).click()
    expect(page.get_by_text("The link is made")).to_be_visible()
    return page.url


def scanned(page):
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(page.locator(".hub-order-code").screenshot())))
    return code.text


def status_of(page, address):
    page.goto(address)
    return page.locator(".hub-badge").first.inner_text().strip()


def test_a_link_is_mailed_opened_and_paid(studio, open_browser):
    owner, customer = log_in(open_browser(DESKTOP), "editor"), open_browser(PHONE)
    link = ask(owner)
    address = scanned(owner)
    assert address in letter(studio, "ada@example.com", "Payment request: Piano lesson")
    owner.goto("/links")
    expect(owner.get_by_text("mailed", exact=True)).to_be_visible()
    customer.goto(address)
    expect(customer.get_by_role("heading", name="£45.00")).to_be_visible()
    expect(customer.get_by_text("Piano lesson")).to_be_visible()
    fits(customer)
    owner.reload()
    expect(owner.get_by_text("opened", exact=True)).to_be_visible()
    customer.get_by_role("button", name="Pay £45.00").click()
    pay_at_the_sandbox(customer, "Decline")
    expect(customer.get_by_role("alert")).to_contain_text("The bank declined the payment.")
    pay_at_the_sandbox(customer)
    expect(customer.get_by_role("status")).to_contain_text("Paid. Thank you.")
    studio.until(lambda: "Thank you: Piano lesson" in mails(studio, "ada@example.com"))
    studio.until(lambda: "Paid: Piano lesson" in mails(studio, "owner@example.com"))
    assert status_of(owner, link) == "paid"
    owner.goto("/links")
    expect(owner.locator(".hub-rows a", has_text="£45.00")).to_contain_text("paid")
    customer.goto(address)
    expect(customer.get_by_role("button")).to_have_count(0)
    studio.clock.forward(days=8)
    assert "Reminder: Piano lesson" not in mails(studio, "ada@example.com")


def test_a_reminder_goes_out_and_dead_links_say_why(studio, open_browser):
    owner, customer = log_in(open_browser(PHONE), "editor"), open_browser(PHONE)
    ask(owner)
    late = scanned(owner)
    letter(studio, "ada@example.com", "Payment request: Piano lesson")
    gone = ask(owner, purpose="Concert", button="Only make it")
    withdrawn = scanned(owner)
    owner.locator("summary", has_text="Cancel the link").click()
    owner.get_by_label("Reason").fill("It rains")
    owner.get_by_role("button", name="Cancel the link").click()
    expect(owner.get_by_text("The link is cancelled.")).to_be_visible()
    assert status_of(owner, gone) == "cancelled"
    customer.goto(withdrawn)
    expect(customer.get_by_role("status")).to_contain_text("This payment request was withdrawn.")
    studio.clock.forward(days=7, minutes=5)
    assert late in letter(studio, "ada@example.com", "Reminder: Piano lesson")
    studio.clock.forward(days=24)
    studio.until(lambda: "Not paid in time: Piano lesson" in mails(studio, "owner@example.com"))
    customer.goto(late)
    expect(customer.get_by_role("status")).to_contain_text("ask for a new link")
    expect(customer.get_by_role("button")).to_have_count(0)
    assert len(mails(studio, "ada@example.com")) == 2


@pytest.mark.parametrize(("viewport", "look"), [(DESKTOP, "light"), (NARROWEST, "dark")], ids=["desktop", "360-dark"])
def test_a_table_of_many_is_looked_at_made_and_left_and_found_again(studio, open_browser, viewport, look):
    page = log_in(open_browser(viewport, color_scheme=look, reduced_motion="reduce"))
    page.goto("/links/tables")
    fits(page)
    page.get_by_label("CSV file").set_input_files(
        {"name": "members.csv", "mimeType": "text/csv", "buffer": TABLE.encode()}
    )
    page.get_by_role("button", name="Read it in").click()
    expect(page.get_by_text("purpose: what is it for?").first).to_be_visible()
    page.goto("/links/tables")
    page.get_by_label("CSV file").set_input_files(
        {"name": "members.csv", "mimeType": "text/csv", "buffer": TABLE.encode()}
    )
    page.get_by_label("What it is for").fill("Membership")
    page.get_by_role("button", name="Read it in").click()
    expect(page.get_by_text(re.compile(r"2 links for (JP)?¥1,500 and KWD.?1\.250 in all"))).to_be_visible()
    expect(page.get_by_text("Line 4: amount: JPY has no decimals")).to_be_visible()
    fits(page)
    page.get_by_role("button", name="Make 2 links").click()
    expect(page.get_by_text("2 of 2 made · 2 mailed")).to_be_visible()
    expect(page.get_by_text("done", exact=True)).to_be_visible()
    fits(page)
    page.goto("/links")
    page.goto("/links/tables")
    page.get_by_role("link", name="members.csv").first.click()
    page.get_by_role("link", name="Show its links").click()
    expect(page.get_by_text("Membership").first).to_be_visible()
    fits(page)
    page.get_by_role("link", name="Ada").click()
    fits(page)
    page.goto("/links/new")
    page.get_by_label("Amount").fill("1e9")
    page.get_by_role("button", name="Only make it").click()
    expect(page.get_by_label("Amount")).to_have_value("1e9")
    fits(page)
    address = letter(studio, "bob@example.com", "Payment request: Membership")
    assert "KWD" in address


def test_a_link_that_was_not_mailed_is_mailed_again_and_many_may_pay_it(studio, open_browser):
    owner, customer = log_in(open_browser(PHONE), "editor"), open_browser(PHONE)
    owner.goto("/links/new")
    owner.get_by_label("Many may pay").check()
    link = ask(owner, amount="1501", currency="JPY", purpose="Sheet music", visit=False)
    address = scanned(owner)
    letter(studio, "ada@example.com", "Payment request: Sheet music")
    owner.reload()
    owner.get_by_label("Mail it to").fill("bob@example.com")
    owner.get_by_role("button", name="Mail it again").click()
    assert address in letter(studio, "bob@example.com", "Payment request: Sheet music")
    for _ in range(2):
        customer.goto(address)
        expect(customer.get_by_role("heading", level=1)).to_contain_text("¥1,501")
        for page_of in ("/r/", "/o/"):  # the link's page, then that of this payer's own order
            expect(customer).to_have_url(re.compile(page_of))
            customer.get_by_role("button", name=re.compile("^Pay (JP)?¥1,501$")).click()
        pay_at_the_sandbox(customer)
        expect(customer.get_by_role("status")).to_contain_text("Paid. Thank you.")
    studio.until(lambda: mails(studio, "owner@example.com").count("Paid: Sheet music") == 2)
    owner.goto(link)
    expect(owner.get_by_text(re.compile("2 times, the last"))).to_be_visible()
