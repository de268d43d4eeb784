"""Escrow and payouts by hand: what is left to divide is said while somebody types; readable for everybody."""

import pytest
from playwright.sync_api import expect

from hub.journal.tables_work import providers
from tests.payments.market import complete

from .conftest import DESKTOP, log_in
from .test_accessibility import NARROWEST, violations

IBAN = "DE89370400440532013000"


@pytest.mark.parametrize(("viewport", "look"), [(DESKTOP, "light"), (NARROWEST, "dark")], ids=["desktop", "360-dark"])
def test_a_dispute_is_settled_with_its_sum_in_sight_and_the_share_paid_by_the_bank(live, open_browser, viewport, look):
    page = log_in(open_browser(viewport, color_scheme=look, reduced_motion="reduce"))
    hold = paid(live)
    page.goto(f"/escrow/{hold}")
    page.locator("summary", has_text="Freeze").click()
    page.locator("form:visible").get_by_label("Reason").fill("not as agreed")
    page.get_by_role("button", name="Freeze").click()
    expect(page.get_by_text("Frozen: nothing is released")).to_be_visible()
    page.locator("summary", has_text="Settle").click()
    parts, left = page.get_by_label("Who gets what"), page.locator("output[data-left]")
    expect(left).to_have_text("1200.00 EUR is left to divide.")
    parts.fill("prv_ada 648.00 + 72.00\npayer")
    expect(left).to_have_text("Line 2 is not finished: who, and how much in EUR.")
    parts.fill("prv_ada 648.00 + 72.00\npayer 479.5")
    expect(left).to_have_text("0.50 EUR is left to divide.")
    parts.fill("prv_ada 648.00 + 72.00\npayer 480.01")
    expect(left).to_have_text("0.01 EUR too much.")
    parts.fill("prv_ada 648.00 + 72.00\npayer 480.00")
    expect(left).to_have_text("All of it is divided.")
    fits(page)
    page.get_by_role("button", name="Settle").click()
    expect(page.get_by_text("Ada €648.00, commission €72.00")).to_be_visible()
    fits(page)
    page.goto("/payouts")
    fits(page)
    page.get_by_role("button", name="Pay out what is due").click()
    expect(page.get_by_text("€648.00 to Ada")).to_be_visible()
    with page.expect_download() as taken:
        page.get_by_role("button", name="CSV").click()
    assert IBAN in taken.value.path().read_text(encoding="utf-8")
    page.reload()
    page.get_by_role("button", name="Failed").click()
    expect(page.get_by_text("It is due again.")).to_be_visible()
    fits(page)
    page.goto("/payouts")
    expect(page.get_by_role("heading", name="Failed lately")).to_be_visible()
    fits(page)


def paid(live):
    """A hold of EUR 1200.00 that was paid, and a provider with a bank account."""
    hub = live.hub
    ada = {"id": "prv_ada", "name": "Ada", "email": "ada@example.com", "state": "approved"}
    row = complete(providers, {**ada, "accounts": {}, "bank": {"iban": IBAN, "holder": "Ada"}})
    hub.office("ada").change(lambda book: book.insert(providers, row))
    asked = {"connection": "sandbox", "amount": {"minor": 120_000, "currency": "EUR"}, "job": "job_1"}
    given = {**asked, "needed_until": "2036-01-01T00:00:00Z", "customer": {"email": "eve@example.com"}}
    hold = hub.payments.act("payments", "hold", "71" * 20, given)
    live.sandbox("POST", f"/test/payments/{hold['payment']}/choose", {"choice": "pay"})
    live.until(lambda: live.events(type="escrow.held"))
    return hold["hold"]


def fits(page):
    """Nothing that axe finds, nothing wider than the screen."""
    assert violations(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
