"""An admin makes a paid form by the designer's panels alone, without touching the text; a payer pays it at the sandbox."""

import re

import pytest
from playwright.sync_api import expect

from hub.engine.form_desk import FormDesk
from hub.payments.coupons import make

from .conftest import DESKTOP, PHONE, log_in
from .test_accessibility import violations
from .test_charity import pay_at_the_sandbox
from .test_forms import text

CLUB = """\
form: 1
name: club
title: The club   # the heading
fields:
  - {name: name, type: text, title: Your name, required: true}
  - {name: email, type: email, title: E-mail, required: true}
after: {thanks: Welcome to the club.}
"""


def panel(page, name):
    return page.locator(f'.hub-panel[data-card="panel {name}"]')


def told(live, event_type):
    return [live.hub.queries.event(one.id).data for one in live.events(type=event_type)]


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_paid_form_is_made_by_panels_alone_and_paid(live, open_browser, viewport):
    FormDesk(live.hub).save("", CLUB, "test@example.com")
    values = {"discount": {"percent": "50", "cycles": 1}, "most": 1}
    live.hub.office("make").change(lambda book: make(book, "SPRING", values))
    page = log_in(open_browser(viewport, reduced_motion="reduce"))
    page.goto("/forms/club")
    payment = panel(page, "payment")
    payment.locator("summary").click()
    payment.get_by_label("Currency").fill("EUR")
    payment.get_by_label("Price").fill("a lot")
    payment.get_by_role("button", name="Take a payment").click()
    expect(payment.get_by_text("'a lot' is not an amount.")).to_be_visible()
    expect(payment.get_by_label("Price")).to_have_value("a lot")
    payment.get_by_label("Price").fill("49")
    payment.get_by_role("button", name="Take a payment").click()
    expect(payment.get_by_label("Price in EUR")).to_have_value("49.00")
    payment.get_by_label("Takes codes of coupons").check()
    expect(page.locator("[data-said]")).to_have_text("Done.")
    payment.get_by_label("What it is called").fill("Once")
    payment.get_by_role("button", name="Add offer").click()
    expect(panel(page, "offer-0")).to_contain_text("Offer: Once")
    payment.get_by_label("What it is called").fill("Member")
    payment.get_by_label("Paid", exact=True).select_option("month")
    payment.get_by_label("Currency").last.fill("EUR")
    payment.get_by_label("Price", exact=True).last.fill("19,50")
    payment.get_by_role("button", name="Add offer").click()
    expect(panel(page, "offer-1")).to_contain_text("every month, 19.50 EUR")
    for one in page.locator(".hub-panel").all():
        one.evaluate("(details) => { details.open = true; }")
    assert violations(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. Visitors see it from now on.")).to_be_visible()
    assert text(page).startswith(CLUB)

    payer = open_browser(PHONE)
    for offer, minor in (("Once", 4900), ("Member", 975)):
        payer.goto("/f/club")
        payer.get_by_role("radio", name=re.compile(f"^{offer}")).check()
        payer.get_by_label("Your name").fill("Ada Lovelace")
        payer.get_by_label("E-mail").fill("ada@example.com")
        if offer == "Member":
            payer.get_by_label("Coupon code").fill("SPRING")
            payer.get_by_role("button", name="Look at the price").click()
            expect(payer.get_by_text("€9.75 for the first charge")).to_be_visible()
        payer.get_by_role("button", name="Go on to pay").click()
        pay_at_the_sandbox(payer, "Pay")
        expect(payer.get_by_text("Welcome to the club.")).to_be_visible()
        live.until(lambda due=minor: [one for one in told(live, "payment.succeeded") if one["amount"]["minor"] == due])


def test_without_scripts_and_by_keyboard_alone_the_panels_work_too(live, open_browser):
    FormDesk(live.hub).save("", CLUB, "test@example.com")
    page = log_in(open_browser(java_script_enabled=False))
    page.goto("/forms/club")
    payment = panel(page, "payment")
    payment.locator("summary").press("Enter")
    payment.get_by_label("Currency").press("E")
    for key in ("U", "R", "Tab", "4", "9", "Tab", "Enter"):
        page.keyboard.press(key)
    price = payment.get_by_label("Price in EUR")
    expect(price).to_have_value("49.00")
    assert text(page).startswith(CLUB)
    price.press("Control+a")
    for key in ("5", "9", "Enter"):
        page.keyboard.press(key)
    expect(panel(page, "payment")).to_contain_text("59.00 EUR")
    assert text(page).startswith(CLUB)
