"""The first minutes on a new hub, led by the pages alone."""

import re

from playwright.sync_api import expect

from hub.web.setup import setup_link
from tests.stories.conftest import LiveHub

from .conftest import PASSWORD, PHONE, pay


def test_from_the_printed_link_to_the_contact_and_the_mail(chromium, tmp_path):
    live = LiveHub(tmp_path / "new")
    context = chromium.new_context(viewport=PHONE, base_url=live.address)
    try:
        page = context.new_page()
        page.goto(setup_link(live.hub))
        page.get_by_label("Your name").fill("Ada Lovelace")
        page.get_by_label("Mail address").fill("ada@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Begin").click()
        expect(page.get_by_role("heading", name="Hello Ada")).to_be_visible()

        with context.expect_page() as opened:
            page.get_by_role("link", name="Pay something").click()
        pay(opened.value, live)

        page.bring_to_front()
        page.locator("li.next").get_by_role("link", name="Show the event").click()
        expect(page.get_by_role("heading", name="payment.succeeded")).to_be_visible()
        expect(page.get_by_text("verified")).to_be_visible()
        expect(page.locator("pre").first).to_contain_text("grace@example.com")

        page.goto("/")
        page.locator("li.next").get_by_role("link", name="Show the run").click()
        expect(page.get_by_role("heading", name="crm-sync")).to_be_visible()
        expect(page.locator(".hub-facts .badge")).to_contain_text("succeeded")
        step = page.locator(".hub-timeline details").filter(has_text="mail/send")
        step.locator("summary").click()
        expect(step.get_by_role("group", name=re.compile("The input of"))).to_contain_text("grace@example.com")

        page.goto("/")
        page.locator("li.next").get_by_role("link", name="Open the outbox").click()
        page.get_by_role("link", name=re.compile("grace@example.com")).click()
        expect(page.frame_locator("iframe").locator("body")).to_contain_text("Grace")

        page.goto("/sandbox/crm/")
        expect(page.locator("body")).to_contain_text("grace@example.com")
        page.goto("/")
        expect(page.get_by_role("heading", name="You have seen it all work")).to_be_visible()
        page.get_by_role("button", name="Put this list away").click()
        expect(page.get_by_role("heading", name="You have seen it all work")).to_have_count(0)
    finally:
        context.close()
        live.close()
