"""A whole hub behind a server, and Chromium before it."""

from __future__ import annotations

import re
from contextlib import ExitStack

import pytest
from playwright.sync_api import expect

from hub.web.passwords import hash_password
from tests.stories.conftest import LiveHub

PASSWORD = "correct horse battery"
HASH = hash_password(PASSWORD, "somebody@example.com")
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
PATIENCE = 20_000

expect.set_options(timeout=PATIENCE)


@pytest.fixture
def live(tmp_path):
    """A hub with an admin and two others who can log in."""
    found = LiveHub(tmp_path / "hub-data", allow_private_addresses="127.0.0.1")
    for role in ("viewer", "editor", "admin"):
        found.hub.store.create_user(f"{role}@example.com", f"{role.title()} Person", role, HASH, found.clock())
    yield found
    found.close()


@pytest.fixture
def open_browser(chromium, live):
    """Opens browsers of people; what their consoles complain of fails the test."""
    complaints = []
    with ExitStack() as stack:

        def open_one(viewport=DESKTOP, **options):
            context = chromium.new_context(
                viewport=viewport, base_url=live.address, timezone_id="Europe/Berlin", locale="en-GB", **options
            )
            context.set_default_timeout(PATIENCE)
            stack.callback(context.close)
            page = context.new_page()
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda message: complain(complaints, message))
            return page

        yield open_one
    assert complaints == []


def complain(complaints, message):
    """A refusal (422, 404) that a test provokes is no complaint; a script's error or a breach of the policy is one."""
    if message.type == "error" and not re.search(r"status of 4\d\d", message.text):
        complaints.append(message.text)


def log_in(page, role="admin"):
    page.goto("/log-in")
    page.get_by_label("Mail address").fill(f"{role}@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(re.compile(r"/$"))
    return page


@pytest.fixture
def page(open_browser):
    """An admin at a desktop."""
    return log_in(open_browser())


def write(page, text):
    """Replace the recipe in the editor."""
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.insert_text(text)


def pay(page, live, email="grace@example.com", name="Grace Hopper"):
    """Pay on the sandbox as a payer would."""
    page.goto("/sandbox/")
    page.get_by_role("button", name="Open its pay page").click()
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Continue").click()
    page.wait_for_load_state()
