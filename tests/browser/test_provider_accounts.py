"""A provider's bank account, as an admin and the provider fill it in: only what its kind asks for is there."""

import pytest
from playwright.sync_api import expect

from hub.commerce.providers import find_provider

from .conftest import DESKTOP, PHONE, log_in
from .test_accessibility import violations

ASKED = {
    "iban": ["Account holder", "IBAN", "BIC"],
    "us": ["Account holder", "Routing number", "Account number", "Checking or savings"],
    "in": ["Account holder", "IFSC", "Account number"],
    "gb": ["Account holder", "Sort code", "Account number"],
    "other": ["Account holder", "BIC (SWIFT code)", "Account number"],
}


@pytest.fixture
def grace(live):
    given = {"name": "Grace Hopper", "email": "grace@example.com", "language": "en"}
    return live.hub.payments.act("providers", "register", "71" * 20, given)["provider"]


def bank(live, provider):
    with live.hub.database.read() as connection:
        return find_provider(connection, provider).bank


def asked(form):
    """The labels that are there, without the kind's own and what is said beside them."""
    seen = [one for one in form.locator("label").all() if one.is_visible()]
    return [one.inner_text().replace("(optional)", "").strip() for one in seen][1:]


def fill_in(form):
    """An Indian account, once each kind has shown what it asks for."""
    kind = form.get_by_label("Kind of account")
    for value, labels in ASKED.items():
        kind.select_option(value)
        assert asked(form) == labels, value
    kind.select_option("in")
    form.get_by_label("Account holder").fill("Grace Hopper")
    form.get_by_label("IFSC").fill("hdfc 0001234")
    form.get_by_label("Account number").fill("5010")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_an_admin_enters_an_account(live, open_browser, grace, viewport):
    page = log_in(open_browser(viewport))
    page.goto(f"/providers/{grace}")
    form = page.get_by_role("form", name="Bank account")
    fill_in(form)
    form.get_by_role("button", name="Save the account").click()
    expect(form.get_by_text("An account number in India has 9 to 18 digits.")).to_be_visible()
    expect(form.get_by_label("IFSC")).to_have_value("hdfc 0001234")
    assert asked(form) == ASKED["in"]
    assert violations(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    form.get_by_label("Account number").fill("50100012345678")
    form.get_by_role("button", name="Save the account").click()
    expect(page.get_by_text("Grace Hopper, India, ends in 5678")).to_be_visible()
    assert bank(live, grace) == {
        "kind": "in",
        "holder": "Grace Hopper",
        "ifsc": "HDFC0001234",
        "number": "50100012345678",
    }


def test_a_provider_gives_an_account_at_a_phone(live, open_browser, grace):
    page = open_browser(PHONE)
    page.goto(live.hub.office("read").address("p", grace))
    form = page.locator("form.account")
    fill_in(form)
    form.get_by_label("Account number").fill("50100012345678")
    assert violations(page) == []
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert bank(live, grace)["number"] == "50100012345678"
