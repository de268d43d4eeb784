"""*New integration* on a desk and on a phone: six questions answered, a recipe made, a payer who pays, and what then happens."""

import re

import pytest
from playwright.sync_api import expect

from .conftest import DESKTOP, PHONE, log_in
from .test_accessibility import violations
from .test_charity import mails, pay_at_the_sandbox
from .test_crm_sync import contacts
from .test_multi_vendor_shop import books, pay, placed, shop
from .test_truck_hire import ask_offer_choose_pay, hold

__all__ = ["shop"]
ADA = "ada@example.com"
SIZES = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])


def answer(page, *choices):
    """Choose answers by their words, and see what follows from them."""
    for words in choices:
        page.locator("#guide label", has=page.locator(f"text=/^{words}/")).first.locator("input").check()
    page.get_by_role("button", name="Show what fits").click()
    expect(page.get_by_role("heading", name="What you said")).to_be_in_viewport()
    is_sound(page)


def is_sound(page):
    """Whoever reads it by ear or on a small screen can use the page."""
    assert violations(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def said(page, question):
    """What the page has understood as the answer of a question."""
    return page.locator(".hub-said > div", has=page.get_by_role("link", name=question)).locator("dd")


def make(page, title, **fields):
    """Type what is asked for and make it; the page that follows says that all tests passed."""
    page.get_by_label("Title").fill(title)
    for label, text in fields.items():
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name="Make it and switch it on").click()
    expect(page.get_by_role("heading", name=f"{title} is ready")).to_be_visible()
    expect(page.get_by_text("0 of 1 test passed")).to_have_count(0)
    is_sound(page)


def last_run(page, live, recipe):
    """The admin goes on to the runs from the page that said it is ready, and opens the newest."""
    live.until(lambda: [one for one in live.runs(recipe=recipe) if one.status == "succeeded"])
    page.get_by_role("link", name="its runs").click()
    page.locator(".hub-rows a").first.click()
    expect(page.locator(".hub-facts .badge").first).to_contain_text("succeeded")
    return page.locator(".hub-timeline > li")


@SIZES
def test_wrong_answers_are_said_at_the_question_and_nothing_typed_is_lost_on_the_way_back(live, open_browser, size):
    admin = log_in(open_browser(size))
    admin.goto("/recipes")
    admin.get_by_role("link", name="New integration").first.click()
    is_sound(admin)
    answer(admin, "By payment links", "Every month", "Whoever the money is split with")
    alert = admin.locator("#answer").get_by_role("alert")
    expect(alert).to_contain_text("A payment link is paid once")
    expect(alert).to_contain_text("Nothing is split")
    expect(admin.get_by_role("button", name="Make it and switch it on")).to_have_count(0)
    alert.get_by_role("link", name="One-time or recurring?").click()
    expect(admin.locator("#refused-period")).to_be_in_viewport()

    answer(admin, "By a form on a page of the hub", "You do")
    expect(said(admin, "One-time or recurring?")).to_have_text("Every month")
    admin.get_by_label("Title").fill("My <b>club")
    admin.get_by_label("Amount").fill("9.005")
    admin.get_by_role("button", name="Make it and switch it on").click()
    expect(admin.get_by_text("EUR has 2 decimals")).to_be_in_viewport()
    is_sound(admin)
    answer(admin, "The CRM is told")
    expect(said(admin, "What happens after the payment?")).to_have_text("The payer is thanked by mail, The CRM is told")
    expect(admin.get_by_label("Title")).to_have_value("My <b>club")
    expect(admin.get_by_label("Amount")).to_have_value("9.005")
    assert {row.name for row in live.hub.store.recipes()} == {"crm-sync", "join-price", "join-price-mails"}


@SIZES
def test_a_membership_by_a_form_thanks_by_mail_tells_the_crm_and_gives_access(live, open_browser, size):
    admin, payer = log_in(open_browser(size)), open_browser(PHONE)
    admin.goto("/new-integration")
    answer(admin, "Every month", "The CRM is told", "The payer gets access")
    make(admin, "Sailing club", Amount="9.00", Currency="eur")
    for made in ("sailing-club", "sailing-club-unpaid", "sailing-club-ended", "sailing-club-refund"):
        expect(admin.get_by_role("link", name=f"Recipe {made}, on")).to_contain_text("1 of 1 test passed")
    address = admin.get_by_role("link", name="/f/sailing-club").get_attribute("href")

    payer.goto(address)
    payer.get_by_label("Your name").fill("Ada Lovelace")
    payer.get_by_label("E-mail address").fill(ADA)
    payer.get_by_role("button", name="Go on to pay").click()
    pay_at_the_sandbox(payer)
    expect(payer.get_by_text("A mail is on its way to you.")).to_be_visible()

    steps = last_run(admin, live, "sailing-club")
    for title in ("Give access", "Thank the payer", "Tell the CRM"):
        expect(steps.filter(has_text=title)).to_be_visible()
    live.until(lambda: contacts(live).get(ADA, {}).get("hub_last_amount") == "€9.00")
    (granted,) = live.events(type="access.granted")
    assert live.hub.queries.event(granted.id).data["resource"] == "members"
    admin.goto("/outbox")
    admin.get_by_role("link", name=re.compile("^Thank you for your payment")).click()
    expect(admin.get_by_text("we received €9.00. Thank you!")).to_be_visible()


@SIZES
def test_orders_are_split_among_their_vendors_who_bear_the_charges(shop, open_browser, size):
    for row in shop.hub.store.recipes():
        shop.hub.recipes.delete(row.name, "test@example.com")
    admin, payer = log_in(open_browser(size)), open_browser(PHONE)
    admin.goto("/new-integration")
    answer(admin, "By orders from the catalogue", "Among the vendors of an order", "Whoever the money is split with")
    expect(said(admin, "Who bears the gateway's charges?")).to_have_text("Whoever the money is split with")
    make(admin, "Market hall")
    ready = admin.url
    pay(payer, placed(admin))
    expect(payer.get_by_role("status")).to_contain_text("Paid. Thank you.")
    admin.goto(ready)
    steps = last_run(admin, shop, "market-hall")
    expect(steps.filter(has_text="Divide it, less your commission")).to_be_visible()
    shop.until(lambda: shop.events(type="payment.split"))
    # USD 60.01 and 39.99 less 10 per cent, and of the gateway's 3.20 each their part.
    expected = {"prv_a": 6001 - 600 - 192, "prv_b": 3999 - 400 - 128}
    (split,) = shop.events(type="payment.split")
    parts = shop.hub.queries.event(split.id).data["parts"]
    assert {one["provider"]: one["amount"]["minor"] for one in parts if one.get("provider")} == expected
    assert shop.until(lambda: books(shop).get("revenue:commission") == -1000)
    admin.goto("/statements/prv_b")
    expect(admin.get_by_role("cell", name="US$34.71").first).to_be_visible()
    admin.goto("/outbox")
    assert mails(shop, ADA) == ["Thank you for your payment"]
    expect(admin.get_by_role("link", name=re.compile("^Thank you for your payment"))).to_be_visible()


def test_a_form_shares_with_the_provider_who_was_chosen(live, open_browser):
    admin, payer = log_in(open_browser(PHONE)), open_browser(PHONE)
    admin.goto("/new-integration")
    answer(admin, "With one provider")
    expect(admin.get_by_text("Nobody can be shared with yet")).to_be_visible()
    given = {"name": "Grace Hopper", "email": "grace@example.com"}
    provider = live.hub.payments.act("providers", "register", "a" * 40, given)["provider"]
    live.hub.payments.act("providers", "approve", "b" * 40, {"provider": provider})
    answer(admin)
    admin.get_by_label("Provider", exact=True).select_option("Grace Hopper")
    make(admin, "Portraits", Amount="249.00")
    payer.goto("/f/portraits")
    payer.get_by_label("Your name").fill("Ada Lovelace")
    payer.get_by_label("E-mail address").fill(ADA)
    payer.get_by_role("button", name="Go on to pay").click()
    pay_at_the_sandbox(payer)
    expect(payer.get_by_text("A mail is on its way to you.")).to_be_visible()
    expect(last_run(admin, live, "portraits").filter(has_text="Divide it")).to_be_visible()
    live.until(lambda: books(live, "EUR").get("revenue:commission") == -2490)
    assert books(live, "EUR")[f"provider:{provider}"] == -22_410


@SIZES
def test_money_that_is_held_until_the_work_is_done_takes_the_story_with_jobs(live, open_browser, size):
    admin = log_in(open_browser(size))
    admin.goto("/new-integration")
    answer(admin, "With one provider", "Once, and held back", "The CRM is told")
    expect(admin.get_by_text("telling the CRM", exact=True)).to_be_visible()
    admin.get_by_role("button", name="Install it and switch it on").click()
    expect(
        admin.get_by_text(
            "Installed and switched on: hold-lapsing, provider-welcome, truck-job, truck-mails, truck-money"
        )
    ).to_be_visible()
    is_sound(admin)
    ask_offer_choose_pay(live, open_browser(PHONE), open_browser(PHONE), admin)
    live.until(lambda: live.events(type="escrow.held"))
    held = hold(live)
    assert (held.state, held.amount, held.currency) == ("held", 120_005, "EUR")
