"""Wholesale's paper: an invoice made by hand, opened by its customer at a phone, paid; readable for everybody."""

import pytest
from playwright.sync_api import expect

from .conftest import DESKTOP, log_in
from .test_accessibility import NARROWEST, violations


@pytest.mark.parametrize(("viewport", "look"), [(DESKTOP, "light"), (NARROWEST, "dark")], ids=["desktop", "360-dark"])
def test_an_invoice_is_made_opened_and_paid(live, open_browser, viewport, look):
    page = log_in(open_browser(viewport, color_scheme=look, reduced_motion="reduce"))
    page.goto("/invoices/new")
    page.get_by_label("What is billed").fill("4 Crate of apples from the orchard by the river = 25.00")
    page.get_by_label("Currency").fill("eur")
    page.get_by_label("Tax rate").fill("7")
    page.get_by_label("Days to pay").fill("soon")
    page.get_by_label("Customer’s name").fill("Corner Shop")
    page.get_by_role("button", name="Issue the invoice").click()
    expect(page.get_by_text("Write a whole number of days")).to_be_visible()
    fits(page)
    page.get_by_label("Days to pay").fill("30")
    page.get_by_role("button", name="Issue the invoice").click()
    expect(page.get_by_text("The invoice is made.")).to_be_visible()
    fits(page)
    made = page.url
    address = page.locator(".hub-copy-line code").inner_text()
    page.goto("/invoices")
    expect(page.get_by_text("Corner Shop")).to_be_visible()
    fits(page)
    page.goto(address)
    expect(page.get_by_role("heading", name="€100.00")).to_be_visible()
    fits(page)
    page.get_by_role("button", name="Pay").first.click()
    page.wait_for_url("**/sandbox/pay/*")
    payment = page.url.rpartition("/")[2]
    live.sandbox("POST", f"/test/payments/{payment}/choose", {"choice": "pay"})
    live.until(lambda: live.events(type="invoice.paid"))
    page.goto(address)
    expect(page.get_by_role("button")).to_have_count(0)
    fits(page)
    page.goto(made)
    expect(page.get_by_text("paid", exact=True).first).to_be_visible()
    fits(page)


def fits(page):
    """Nothing that axe finds, nothing wider than the screen."""
    assert violations(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
