"""Story 3.9 on phones: a transport is asked for, a price offered, chosen and paid into escrow; released, or settled."""

import re
from email import message_from_bytes, policy

import pytest
from playwright.sync_api import expect

from hub.journal.tables_escrow import holds
from hub.payments import ledger

from .conftest import PHONE

DAY = "2099-12-05"


@pytest.fixture
def trucks(live):
    live.hub.recipes.install("truck-hire", "test@example.com")
    return live


def act(live, connector, action, given, key):
    return live.hub.payments.act(connector, action, key.encode().hex().ljust(40, "0")[:40], given)


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


def book(live, owner):
    """The business's and the owner's pages up to the money in escrow; gives both and the job."""
    owner.goto("/register")
    owner.get_by_role("textbox", name="Your name or company").fill("Trucks & Sons")
    owner.get_by_role("textbox", name="E-mail address").fill("owner@example.com")
    owner.get_by_role("textbox", name="What you do").fill("truck, crane")
    owner.get_by_role("button", name="Send").click()
    expect(owner.get_by_role("status")).to_contain_text("We look at it and write to you.")
    (found,) = act(live, "providers", "find", {"state": "registered"}, "look")["providers"]
    act(live, "providers", "approve", {"provider": found["provider"]}, "approve")
    return found["provider"]


def ask_offer_choose_pay(live, business, owner):
    provider = book(live, owner)
    business.goto("/f/transport")
    for label, text in [("What is to be moved", "A piano"), ("From where to where", "Berlin to Kiel"), ("Your name", "Ada"), ("E-mail address", "ada@example.com")]:  # fmt: skip
        business.get_by_role("textbox", name=label).fill(text)
    business.get_by_label("On which day").fill(DAY)
    business.get_by_role("button", name="Send").click()
    owner.goto(link(live, "owner@example.com", "j"))
    owner.get_by_role("textbox", name="Your price in EUR").fill("1e9")
    owner.get_by_role("button", name="Offer this price").click()
    expect(owner.locator("#price-wrong")).to_contain_text("This is not an amount")
    owner.get_by_role("textbox", name="Your price in EUR").fill("1200.05")
    owner.get_by_role("button", name="Offer this price").click()
    expect(owner.get_by_role("status")).to_contain_text("€1,200.05")
    business.goto(link(live, "ada@example.com", "c"))
    business.get_by_role("button", name="Choose Trucks & Sons").click()
    business.get_by_role("button", name=re.compile("^Pay")).first.click()
    business.get_by_role("radio", name=re.compile("^Pay ")).first.check()
    business.get_by_role("button", name="Continue").click()
    expect(business.get_by_role("status")).to_contain_text("Trucks & Sons does it.")
    owner.goto(link(live, "owner@example.com", "j"))
    owner.get_by_role("button", name="I begin now").click()
    return provider


def account(live, name):
    with live.hub.database.read() as connection:
        return ledger.balance(connection, name, "EUR")


def hold(live):
    with live.hub.database.read() as connection:
        return connection.execute(holds.select()).one()


def test_the_money_is_held_until_the_work_is_done_and_released_less_commission(trucks, open_browser):
    business, owner = open_browser(PHONE), open_browser(PHONE)
    provider = ask_offer_choose_pay(trucks, business, owner)
    assert (hold(trucks).state, hold(trucks).mode, hold(trucks).amount) == ("held", "collected", 120_005)
    owner.get_by_role("button", name="It is done").click()
    business.reload()
    business.get_by_role("button", name="Yes, it is done").click()
    trucks.until(lambda: trucks.events(type="job.released"))
    assert account(trucks, ledger.provider(provider)) == -108_004
    assert account(trucks, ledger.COMMISSION) == -12_001
    business.goto(link(trucks, "ada@example.com", "c"))
    expect(business.get_by_role("status")).to_contain_text("All is done and paid.")
    owner.goto(trucks.hub.office("test").address("p", provider))
    expect(owner.get_by_text("€1,080.04")).to_be_visible()


def test_a_dispute_freezes_the_money_until_it_is_divided(trucks, open_browser):
    business, owner = open_browser(PHONE), open_browser(PHONE)
    provider = ask_offer_choose_pay(trucks, business, owner)
    business.reload()
    business.get_by_text("Something is not as agreed").click()
    business.get_by_label("What is wrong?").fill("A scratch")
    business.get_by_role("button", name="Stop the payment").click()
    expect(business.get_by_role("status")).to_contain_text("Until then the money goes nowhere.")
    trucks.until(lambda: hold(trucks).state == "frozen")
    parts = [
        {"provider": provider, "amount": {"minor": 60_003, "currency": "EUR"}},
        {"customer": "ada@example.com", "amount": {"minor": 60_002, "currency": "EUR"}},
    ]
    act(trucks, "payments", "settle", {"hold": hold(trucks).id, "parts": parts}, "settle")
    assert account(trucks, ledger.provider(provider)) == -60_003
    business.goto(link(trucks, "ada@example.com", "c"))
    expect(business.get_by_role("status")).to_contain_text("Your complaint is settled.")
