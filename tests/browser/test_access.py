"""Access for the business: given by hand, seen as the customer sees it, taken away; readable for everybody."""

import re

import pytest
from playwright.sync_api import expect

from .conftest import DESKTOP, log_in
from .test_accessibility import NARROWEST, violations


@pytest.mark.parametrize(("viewport", "look"), [(DESKTOP, "light"), (NARROWEST, "dark")], ids=["desktop", "360-dark"])
def test_access_is_given_seen_as_the_customer_sees_it_and_taken_away(live, open_browser, viewport, look):
    page = log_in(open_browser(viewport, color_scheme=look, reduced_motion="reduce"))
    page.goto("/access")
    page.get_by_text("Give access").click()
    page.get_by_label("Mail address", exact=True).fill("ada@example.com")
    page.get_by_label("Resource", exact=True).fill("all-courses")
    page.get_by_label("What the customer calls it").fill("All courses")
    page.get_by_label("Last day").fill("2099-12-31")
    assert violations(page) == []
    page.get_by_role("button", name="Give it").click()
    expect(page.get_by_text("ada@example.com may use all-courses.")).to_be_visible()
    assert violations(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    with page.context.expect_page() as opened:
        page.get_by_role("button", name="Portal of ada@example.com").click()
    portal = opened.value
    expect(portal.get_by_role("listitem").filter(has_text="All courses")).to_contain_text(re.compile("until .*2099"))
    assert violations(portal) == []
    assert not portal.evaluate("document.documentElement.scrollWidth > innerWidth")
    page.get_by_role("button", name="Take away: All courses of ada@example.com").click()
    expect(page.get_by_text("may not use All courses any more")).to_be_visible()
    portal.reload()
    expect(portal.get_by_text("Nothing is open to you at present.")).to_be_visible()
