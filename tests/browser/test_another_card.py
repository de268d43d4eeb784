"""A member gives another card in the gateway's form on the hub's page; the gateway's script is stood in for."""

import json
import time

import pytest
from playwright.sync_api import expect

from hub.commerce.portal import portal_address
from hub.journal.entries import Happening
from tests.fakes.fake_razorpay import FakeRazorpay

from .conftest import PHONE

ADA = "ada@example.com"
SCRIPT = """
window.Razorpay = class {
  constructor(options) { this.options = options; this.heard = {}; window.opened = []; }
  on(name, hear) { this.heard[name] = hear; }
  open() { window.opened.push(this.options); window.checkout = this; }
};
"""


@pytest.fixture
def razorpay():
    with FakeRazorpay().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def member(live, razorpay):
    """Ada's subscription, which the gateway keeps; gives its id there."""
    live.hub.accounts.create("theirs", "razorpay", razorpay.fields(), "test")
    razorpay.now = int(time.time())
    made = razorpay.new("subscription", status="active", notes={}, payment_method="card")
    data = {"subscription": made["id"], "plan": "Gold", "customer": {"email": ADA}}
    data["amount"] = {"minor": 49900, "currency": "INR"}
    now = live.hub.now()
    live.hub.recorder.record(Happening("subscription.started", "theirs", "started", data, now), now)
    return made["id"]


def test_the_form_opens_is_left_fails_and_changes_the_card(live, open_browser, razorpay, member):
    page = open_browser(PHONE)
    page.route(
        "https://checkout.razorpay.com/**", lambda route: route.fulfill(body=SCRIPT, content_type="text/javascript")
    )
    page.goto(portal_address(live.hub.office("test"), ADA))
    page.get_by_role("button", name="Pay with another card").click()
    button = page.get_by_role("button", name="Give the card")
    button.click()
    options = page.evaluate("JSON.parse(JSON.stringify(window.opened[0]))")
    assert (options["subscription_id"], options["subscription_card_change"]) == (member, 1)
    assert "order_id" not in options
    expect(button).to_be_disabled()
    page.evaluate("window.checkout.options.modal.ondismiss()")
    expect(button).to_be_enabled()
    page.evaluate("window.checkout.heard['payment.failed']({error: {description: 'The bank said no.'}})")
    expect(page.get_by_role("alert")).to_have_text("The bank said no.")
    button.click()
    proof = json.dumps(razorpay.change_card(member))
    page.evaluate(f"window.checkout.options.handler({proof})")
    expect(page.get_by_text("Your new card is stored.")).to_be_visible()
