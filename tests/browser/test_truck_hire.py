"""Story 3.9 on phones: a transport is asked for, a price offered, chosen and paid into escrow; released, or settled."""

import re
from email import message_from_bytes, policy

import pytest
from playwright.sync_api import expect

from hub.journal.tables_escrow import holds
from hub.payments import ledger

from .conftest import PHONE, log_in
from .test_charity import letter
from .test_invoices import fits

DAY = "2099-12-05"


@pytest.fixture
def trucks(live):
    live.hub.recipes.install("truck-hire", "test@example.com")
    return live


def links(live, to, kind):
    """The signed addresses that somebody was mailed, newest first."""
    found = []
    for mail in live.hub.store.mails():
        if mail["recipient"] == to:
            message = message_from_bytes(live.hub.store.mail(mail["key"])[2], policy=policy.default)
            found += re.findall(rf"http://\S+/{kind}/[\w.-]+", message.get_body(("plain",)).get_content())
    return found


def link(live, to, kind):
    return live.until(lambda: next(iter(links(live, to, kind)), None))


def book(live, owner, admin, name="Trucks & Sons", email="owner@example.com"):
    """The owner registers, the admin lets them in, and they are told; gives who it is."""
    owner.goto("/register")
    owner.get_by_role("textbox", name="Your name or company").fill(name)
    owner.get_by_role("textbox", name="E-mail address").fill(email)
    owner.get_by_role("textbox", name="What you do").fill("truck, crane")
    owner.get_by_role("button", name="Send").click()
    expect(owner.get_by_role("status")).to_contain_text("We look at it and write to you.")
    admin.goto("/providers?state=registered")
    admin.get_by_role("link", name=re.compile(name)).click()
    admin.get_by_role("button", name="Approve").click()
    expect(admin.get_by_text("Approved.")).to_be_visible()
    assert "You are approved for: truck, crane." in letter(live, email, f"Welcome, {name}: you are approved")
    return admin.url.rpartition("/")[2]


def ask(business):
    """A business asks for a transport."""
    business.goto("/f/transport")
    for label, text in [("What is to be moved", "A piano"), ("From where to where", "Berlin to Kiel"), ("Your name", "Ada"), ("E-mail address", "ada@example.com")]:  # fmt: skip
        business.get_by_role("textbox", name=label).fill(text)
    business.get_by_label("On which day").fill(DAY)
    business.get_by_role("button", name="Send").click()
    expect(business.get_by_role("status")).to_be_visible()


def choose_and_pay(business, name="Trucks & Sons"):
    business.get_by_role("button", name=f"Choose {name}").click()
    business.get_by_role("button", name=re.compile("^Pay")).first.click()
    business.get_by_role("radio", name=re.compile("^Pay ")).first.check()
    business.get_by_role("button", name="Continue").click()
    expect(business.get_by_role("status")).to_contain_text(f"{name} does it.")


def ask_offer_choose_pay(
    live, business, owner, admin, currency="EUR", typed="1200.05", shown="€1,200.05", *, begin=True
):
    """All up to the beginning of the work, the money in escrow; gives the owner's id."""
    provider = book(live, owner, admin)
    ask(business)
    owner.goto(link(live, "owner@example.com", "j"))
    owner.get_by_role("textbox", name=f"Your price in {currency}").fill("1e9")
    owner.get_by_role("button", name="Offer this price").click()
    expect(owner.locator("#price-wrong")).to_contain_text("This is not an amount")
    owner.get_by_role("textbox", name=f"Your price in {currency}").fill(typed)
    owner.get_by_role("button", name="Offer this price").click()
    expect(owner.get_by_role("status")).to_contain_text(shown)
    business.goto(link(live, "ada@example.com", "c"))
    choose_and_pay(business)
    if begin:
        owner.goto(link(live, "owner@example.com", "j"))
        owner.get_by_role("button", name="I begin now").click()
    return provider


def account(live, name, currency="EUR"):
    with live.hub.database.read() as connection:
        return ledger.balance(connection, name, currency)


def hold(live):
    with live.hub.database.read() as connection:
        return connection.execute(holds.select()).one()


def test_the_money_is_held_until_the_work_is_done_and_released_less_commission(trucks, open_browser):
    admin, business, owner = log_in(open_browser()), open_browser(PHONE), open_browser(PHONE)
    provider = ask_offer_choose_pay(trucks, business, owner, admin)
    assert (hold(trucks).state, hold(trucks).mode, hold(trucks).amount) == ("held", "collected", 120_005)
    done_and_confirmed(trucks, business, owner)
    assert account(trucks, ledger.provider(provider)) == -108_004
    assert account(trucks, ledger.COMMISSION) == -12_001
    business.goto(link(trucks, "ada@example.com", "c"))
    expect(business.get_by_role("status")).to_contain_text("All is done and paid.")
    owner.goto(trucks.hub.office("test").address("p", provider))
    expect(owner.get_by_text("€1,080.04")).to_be_visible()


def test_of_two_owners_the_business_chooses_one_and_says_nothing_at_the_end(trucks, open_browser):
    admin, business = log_in(open_browser()), open_browser(PHONE)
    first, second = open_browser(PHONE), open_browser(PHONE)
    book(trucks, first, admin)
    provider = book(trucks, second, admin, "Carts Ltd", "carts@example.com")
    ask(business)
    for owner, email, price in ((first, "owner@example.com", "1300"), (second, "carts@example.com", "1111.10")):
        owner.goto(link(trucks, email, "j"))
        owner.get_by_role("textbox", name="Your price in EUR").fill(price)
        owner.get_by_role("button", name="Offer this price").click()
        expect(owner.get_by_role("status")).to_contain_text("is with the customer.")
    business.goto(link(trucks, "ada@example.com", "c"))
    for shown in ("€1,300.00", "€1,111.10"):
        expect(business.get_by_text(shown)).to_be_visible()
    fits(business)
    choose_and_pay(business, "Carts Ltd")
    first.reload()
    expect(first.get_by_role("button", name="Offer this price")).to_have_count(0)
    admin.goto("/escrow")
    admin.locator(".hub-rows a").first.click()
    held = admin.get_by_role("region", name="How it stands")
    expect(held).to_contain_text("Taken from the payer; not passed on yet")
    expect(held).to_contain_text("€1,111.10")
    expect(held.get_by_text("Why this way")).to_be_visible()
    second.goto(link(trucks, "carts@example.com", "j"))
    for button in ("I begin now", "It is done"):
        second.get_by_role("button", name=button).click()
    expect(second.get_by_role("status")).to_contain_text("or it is confirmed by itself")
    business.reload()
    expect(business.get_by_role("button", name="Yes, it is done")).to_be_visible()
    trucks.clock.forward(days=3, minutes=1)
    trucks.until(lambda: trucks.events(type="job.released"))
    second.goto(link(trucks, "carts@example.com", "p"))
    expect(second.get_by_text("€999.99")).to_be_visible()
    assert account(trucks, ledger.provider(provider)) == -99_999
    assert account(trucks, ledger.COMMISSION) == -11_111


def done_and_confirmed(live, business, owner):
    owner.get_by_role("button", name="It is done").click()
    business.reload()
    business.get_by_role("button", name="Yes, it is done").click()
    live.until(lambda: live.events(type="job.released"))


@pytest.mark.parametrize(
    ("currency", "typed", "shown", "share", "commission"),
    [("JPY", "98765", "¥98,765", 88_888, 9_877), ("KWD", "123.455", "KWD123.455", 111_109, 12_346)],
)
def test_yen_and_dinars_are_held_and_released_to_the_unit(
    trucks, open_browser, currency, typed, shown, share, commission
):
    trucks.hub.recipes.set_inputs("truck-job", {"currency": currency}, "test@example.com")
    admin, business, owner = log_in(open_browser()), open_browser(PHONE), open_browser(PHONE)
    provider = ask_offer_choose_pay(trucks, business, owner, admin, currency, typed, shown)
    assert (hold(trucks).currency, hold(trucks).amount) == (currency, share + commission)
    done_and_confirmed(trucks, business, owner)
    assert account(trucks, ledger.provider(provider), currency) == -share
    assert account(trucks, ledger.COMMISSION, currency) == -commission


def test_a_dispute_freezes_the_money_until_the_admin_divides_it(trucks, open_browser):
    admin, business, owner = log_in(open_browser()), open_browser(PHONE), open_browser(PHONE)
    provider = ask_offer_choose_pay(trucks, business, owner, admin)
    business.reload()
    business.get_by_text("Something is not as agreed").click()
    business.get_by_label("What is wrong?").fill("A scratch")
    business.get_by_role("button", name="Stop the payment").click()
    expect(business.get_by_role("status")).to_contain_text("Until then the money goes nowhere.")
    trucks.until(lambda: hold(trucks).state == "frozen")
    admin.goto("/escrow")
    admin.locator(".hub-rows a").first.click()
    expect(admin.get_by_text("A scratch")).to_be_visible()
    admin.locator("summary", has_text="Settle").click()
    parts = admin.get_by_label("Who gets what")
    parts.fill(f"{provider} 600.03\npayer 600.03")
    expect(admin.locator("output[data-left]")).to_have_text("0.01 EUR too much.")
    admin.get_by_role("button", name="Settle").click()
    expect(admin.get_by_role("alert")).to_be_visible()
    assert hold(trucks).state == "frozen"
    admin.get_by_label("Who gets what").fill(f"{provider} 540.03 + 60.00\npayer 600.02")
    admin.get_by_role("button", name="Settle").click()
    trucks.until(lambda: hold(trucks).state == "settled")
    trucks.until(lambda: trucks.events(type="refund.issued"))
    assert account(trucks, ledger.provider(provider)) == -54_003
    assert account(trucks, ledger.COMMISSION) == -6_000
    with trucks.hub.database.read() as connection:
        assert all(one.minor == 0 for one in ledger.balances(connection, "held:"))
    business.goto(link(trucks, "ada@example.com", "c"))
    expect(business.get_by_role("status")).to_contain_text("Your complaint is settled.")


def test_who_cancels_before_the_work_begins_gets_all_of_it_back(trucks, open_browser):
    admin, business, owner = log_in(open_browser()), open_browser(PHONE), open_browser(PHONE)
    ask_offer_choose_pay(trucks, business, owner, admin, begin=False)
    business.reload()
    business.locator("summary", has_text=re.compile("cancel", re.IGNORECASE)).click()
    business.get_by_role("button", name=re.compile("cancel", re.IGNORECASE)).click()
    (back,) = trucks.until(lambda: trucks.events(type="refund.issued"))
    assert trucks.hub.queries.event(back.id).data["amount"] == {"minor": 120_005, "currency": "EUR"}
    trucks.until(lambda: hold(trucks).state == "refunded")
    assert account(trucks, ledger.COMMISSION) == 0
    business.goto(link(trucks, "ada@example.com", "c"))
    expect(business.get_by_role("status")).to_contain_text("What you paid goes back to you.")
    assert "What you paid goes back to you." in letter(trucks, "ada@example.com", "Your transport is cancelled")
    letter(trucks, "owner@example.com", "The transport is cancelled")
    owner.goto(link(trucks, "owner@example.com", "j"))
    expect(owner.get_by_role("status")).to_contain_text("This job was cancelled.")
