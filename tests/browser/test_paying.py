"""Payers on their phones: a payment link of the hub's, and a gateway's form in the hub's page."""

import re

import pytest
from playwright.sync_api import expect

from tests.payments.corner import CornerGateway, plant
from tests.stories.conftest import LiveHub

from .conftest import HASH, PHONE, log_in

EUR = {"minor": 4900, "currency": "EUR"}
KEY = "6b" * 20


@pytest.fixture
def corner():
    with CornerGateway().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def live(tmp_path, corner):
    """A hub with the sandbox and the corner gateway."""
    plant(tmp_path / "hub-data")
    found = LiveHub(tmp_path / "hub-data", allow_private_addresses="127.0.0.1")
    found.hub.accounts.create("corner", "corner", {"api_base": corner.url, "api_key": "corner-key"}, "test")
    yield found
    found.close()


def test_a_link_is_opened_paid_and_says_so_ever_after(live, open_browser):
    given = {"amount": EUR, "description": "Piano lesson", "customer": {"email": "ada@example.com"}}
    link = live.hub.payments.act("corner", "link.create", KEY, given)["url"]
    page = open_browser(PHONE)
    page.goto(link)
    expect(page.get_by_role("heading", name="€49.00")).to_be_visible()
    expect(page.get_by_text("Piano lesson")).to_be_visible()
    page.get_by_role("button", name="Pay €49.00").click()
    page.get_by_role("link", name="Pay at the corner").click()
    expect(page.get_by_role("status")).to_contain_text("Paid. Thank you.")
    live.until(lambda: live.events(type="link.paid"))
    page.goto(link)
    expect(page.get_by_role("status")).to_contain_text("This is paid already")


def test_a_gateways_form_in_the_hubs_page_is_proved_on_the_server(live, open_browser):
    form = live.hub.payments.act("sandbox", "form.embed", KEY, {"amount": EUR, "description": "A book"})
    page = open_browser(PHONE)
    page.goto(form["page_url"])
    expect(page.get_by_role("heading", name="€49.00")).to_be_visible()
    frame = page.frame_locator("iframe")
    frame.get_by_label("E-mail").fill("grace@example.com")
    frame.get_by_label("Name").fill("Grace Hopper")
    frame.get_by_role("button", name=re.compile("^Continue")).click()
    expect(page.get_by_role("status")).to_contain_text("Paid. Thank you.")
    expect(page.locator("iframe")).to_have_count(0)


def test_what_gateways_can_do_is_a_page(live, open_browser):
    live.hub.store.create_user("viewer@example.com", "Viewer", "viewer", HASH, live.clock())
    page = log_in(open_browser(), "viewer")
    page.goto("/gateways")
    corner = page.get_by_role("region", name="Corner gateway")
    expect(corner).to_contain_text("By the hub. The hub does it on single payments.")
    expect(corner).to_contain_text("No. The corner gateway gives nothing back.")
