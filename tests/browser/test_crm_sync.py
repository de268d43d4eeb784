"""Story 3.7: who joins by the form on a phone is in the CRM, once, and welcomed; a CRM that is down or refuses is waited for."""

import re

import pytest
from playwright.sync_api import expect

from .conftest import PHONE, log_in
from .test_accessibility import violations
from .test_charity import gifts, mails, pay_at_the_sandbox

ADA = "ada@example.com"


@pytest.fixture
def club(live):
    live.hub.recipes.install("crm-sync", "test@example.com")
    return live


def join(page, membership, email=ADA, choice="Pay"):
    page.goto("/f/join")
    page.get_by_role("radio", name=re.compile(f"^{membership}")).check()
    page.get_by_label("Your name").fill("Ada King Lovelace")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("button", name="Go on to pay").click()
    pay_at_the_sandbox(page, choice)
    expect(page.get_by_text("A mail with your receipt is on its way to you.")).to_be_visible()


def contacts(live):
    """What the CRM knows, by address; that nobody is there twice is seen by the count."""
    rows = live.crm("/records/contact")["data"]
    found = {one["properties"]["email"]: one["properties"] for one in rows}
    assert len(found) == len(rows)
    return found


def say_trouble(live, mode, **more):
    live.sandbox("POST", "/test/misbehaviour", {"scope": "crm", "mode": mode, **more})


def run_of_payment(live, admin):
    """The admin opens the newest run of the recipe."""
    live.until(lambda: live.runs(recipe="crm-sync"))
    admin.goto("/runs?recipe=crm-sync")
    admin.locator(".hub-rows a").first.click()
    return admin.locator(".hub-facts .badge").first


def test_a_member_joins_by_the_form_renews_and_leaves_and_is_one_contact(club, open_browser):
    admin, member = log_in(open_browser()), open_browser(PHONE)
    member.goto("/f/join")
    assert violations(member) == []
    assert not member.evaluate("document.documentElement.scrollWidth > innerWidth")
    join(member, "Monthly membership")
    club.until(lambda: contacts(club).get(ADA, {}).get("hub_last_amount") == "€9.00")
    assert contacts(club)[ADA]["hub_membership"] == "active"
    assert (contacts(club)[ADA]["firstname"], contacts(club)[ADA]["lastname"]) == ("Ada", "King Lovelace")
    club.until(lambda: "Welcome, Ada King Lovelace" in mails(club, ADA))
    expect(run_of_payment(club, admin)).to_contain_text("succeeded")
    expect(admin.locator(".hub-timeline > li", has_text="Put the contact on the members' list")).to_be_visible()

    first = contacts(club)[ADA]["hub_last_payment"]
    club.sandbox("POST", "/test/clock", {"unit": "month"})
    club.until(lambda: contacts(club)[ADA]["hub_last_payment"] != first)
    receipt = "Receipt: €9.00 for your membership"
    club.until(lambda: mails(club, ADA) == [receipt, "Welcome, Ada King Lovelace"])
    admin.goto("/outbox")
    admin.get_by_role("link", name=receipt).click()
    expect(admin.get_by_text("thank you for staying with us")).to_be_visible()
    (joined,) = gifts(club, "join")
    admin.goto(f"/subscriptions/sandbox/{joined.subscription}")
    admin.locator("summary", has_text="Cancel at period end").click()
    admin.get_by_role("button", name="Cancel at period end").click()
    club.until(lambda: contacts(club)[ADA]["hub_membership"] == "cancelled")


def test_who_is_refunded_is_the_same_contact_and_off_the_list(club, open_browser):
    admin, member = log_in(open_browser()), open_browser(PHONE)
    join(member, "Membership for life")
    club.until(lambda: contacts(club).get(ADA, {}).get("hub_membership") == "active")
    admin.goto("/sandbox/crm/")
    expect(admin.get_by_text(ADA).first).to_be_visible()
    admin.goto("/payments")
    admin.locator(".hub-rows a", has_text="€249.00").first.click()
    admin.get_by_text("Refund", exact=True).click()
    admin.get_by_role("button", name="Refund it").click()
    expect(admin.get_by_text("Refunded.")).to_be_visible()
    club.until(lambda: contacts(club)[ADA]["hub_membership"] == "refunded")
    assert list(contacts(club)) == [ADA]
    expect(run_of_payment(club, admin)).to_contain_text("succeeded")


def test_while_the_crm_is_down_a_member_waits_unnoticed_and_is_there_once_it_is_back(club, open_browser):
    admin, member = log_in(open_browser()), open_browser(PHONE)
    say_trouble(club, "down")
    join(member, "Membership for life")
    status = run_of_payment(club, admin)
    expect(status).to_contain_text("waiting")
    assert mails(club, ADA) == []
    say_trouble(club, "off")

    def is_through():
        club.clock.forward(minutes=10)
        return club.runs(recipe="crm-sync")[0].status == "succeeded"

    club.until(is_through)
    expect(status).to_contain_text("succeeded")
    assert contacts(club)[ADA]["hub_last_amount"] == "€249.00"
    assert mails(club, ADA) == ["Welcome, Ada King Lovelace"]


def test_what_the_crm_refuses_stops_with_its_own_words_and_goes_on_from_there(club, open_browser):
    admin, member = log_in(open_browser()), open_browser(PHONE)
    say_trouble(club, "refuse", match=ADA)
    join(member, "Membership for life")
    status = run_of_payment(club, admin)
    expect(status).to_contain_text("failed")
    expect(admin.get_by_text("is not accepted here.").first).to_be_visible()
    say_trouble(club, "off")
    admin.get_by_role("button", name="Go on from the failed step").click()
    expect(status).to_contain_text("succeeded")
    assert list(contacts(club)) == [ADA]
    assert mails(club, ADA) == ["Welcome, Ada King Lovelace"]


def test_a_declined_card_brings_nobody_into_the_crm(club, open_browser):
    member = open_browser(PHONE)
    member.goto("/f/join")
    member.get_by_role("radio", name=re.compile("^Membership for life")).check()
    member.get_by_label("Your name").fill("Ada")
    member.get_by_label("E-mail address").fill(ADA)
    member.get_by_role("button", name="Go on to pay").click()
    pay_at_the_sandbox(member, "Decline")
    expect(member.get_by_role("alert")).to_contain_text("The bank declined the payment.")
    club.until(lambda: club.events(type="payment.failed"))
    assert (contacts(club), club.runs(recipe="crm-sync")) == ({}, [])
    pay_at_the_sandbox(member)
    expect(member.get_by_text("A mail with your receipt is on its way to you.")).to_be_visible()
    club.until(lambda: list(contacts(club)) == [ADA])
