"""Making a form: cards that change the text, a live preview, the address for visitors, what came in, the snippet at work."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from hub.engine.form_desk import FormDesk

from .conftest import DESKTOP, PHONE, log_in
from .test_accessibility import NARROWEST, violations

CLUB = """\
form: 1
name: club
title: Join us   # the heading
fields:
  # Who it is.
  - {name: name, type: text, title: Your name, required: true}
  - {name: email, type: email, title: E-mail, required: true}
after: {thanks: Welcome!}
"""


@pytest.fixture
def club(live):
    FormDesk(live.hub).save("", CLUB, "test@example.com")
    return live


def shown(page):
    """The preview that is there now."""
    return page.frame_locator("iframe:not([data-coming])")


def text(page):
    return page.locator("textarea[name=text]").input_value()


def test_a_form_is_made_by_cards_seen_at_once_filled_in_on_a_phone_and_taken_away_as_a_file(live, page, open_browser):
    page.goto("/forms")
    page.get_by_role("link", name="Ask something").click()
    expect(shown(page).get_by_label("Your message")).to_be_visible()
    page.get_by_label("Label of the new field").fill("Size of your shirt")
    page.get_by_label("Type of the new field").select_option("choice")
    page.get_by_role("button", name="Add", exact=True).click()
    choices = page.get_by_role("textbox", name="Choices")
    choices.fill("Small\nLarge")
    choices.press("Tab")
    expect(shown(page).get_by_role("radio", name="Large")).to_be_visible()
    page.get_by_role("button", name="Move Size of your shirt up").click()
    expect(page.locator(".hub-field-card summary").nth(2)).to_contain_text("Size of your shirt")
    page.get_by_role("button", name="Remove Your message").click()
    expect(shown(page).get_by_label("Your message")).to_have_count(0)
    assert "- {name: size_of_your_shirt, type: choice, title: Size of your shirt, choices: [Small, Large]}" in text(
        page
    )
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. Visitors see it from now on.")).to_be_visible()

    visitor = open_browser(PHONE)
    visitor.goto("/f/contact")
    visitor.get_by_label("Your name").fill("Ada Lovelace")
    visitor.get_by_label("E-mail address").fill("ada@example.com")
    visitor.get_by_role("radio", name="Large").check()
    visitor.get_by_role("button", name="Send").click()
    expect(visitor.get_by_text("We will answer soon.")).to_be_visible()

    page.get_by_role("link", name="Submissions").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert "Ada Lovelace,ada@example.com,Large" in download.value.path().read_text(encoding="utf-8")
    page.get_by_role("link", name="Ada Lovelace").click()
    expect(page.get_by_text("Large")).to_be_visible()


def test_typing_in_the_text_changes_cards_and_preview_and_a_card_can_be_taken_back(club, page):
    page.goto("/forms/club")
    expect(shown(page).get_by_label("Your name")).to_be_visible()
    page.locator(".hub-field-card summary").first.click()
    label = page.get_by_role("textbox", name="Label", exact=True).first
    label.fill("Who are you")
    label.press("Enter")
    expect(page.locator(".hub-field-card summary").first).to_contain_text("Who are you")
    expect(label).to_be_focused()
    assert text(page) == CLUB.replace("Your name", "Who are you")
    page.locator(".cm-content").click()
    page.keyboard.press("Control+z")
    expect(page.locator(".hub-field-card summary").first).to_contain_text("Your name")
    page.keyboard.press("Control+End")
    page.keyboard.insert_text("embed: [club.example]\n")
    expect(page.locator("[data-editor-state]")).to_contain_text("Line 9")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Not saved: mend these first")).to_be_visible()
    assert text(page).endswith("embed: [club.example]\n")


def test_what_is_pressed_and_typed_while_the_hub_answers_is_not_lost(club, page):
    page.goto("/forms/club")
    held, opened = [], []
    page.route("**/form-cards", lambda route: route.continue_() if opened else held.append(route))
    page.locator(".hub-field-card summary").first.click()
    page.get_by_role("textbox", name="Label", exact=True).first.fill("Who are you")
    page.get_by_label("Label of the new field").fill("Day")
    page.get_by_label("Type of the new field").select_option("date")
    page.get_by_role("button", name="Add", exact=True).click()
    opened.append(True)
    for route in held:
        route.continue_()
    expect(page.locator(".hub-field-card summary")).to_have_text(
        [re.compile("Who are you"), re.compile("E-mail"), re.compile("Day")]
    )
    assert "title: Who are you, required: true}" in text(page)
    assert "- {name: day, type: date, title: Day}" in text(page)
    page.get_by_role("button", name="Remove E-mail").dblclick()
    expect(page.locator(".hub-field-card")).to_have_count(2)
    expect(page.locator(".hub-field-card").last).to_contain_text("Day")


def test_without_scripts_the_cards_work_too(club, open_browser):
    log_in(page := open_browser(java_script_enabled=False))
    page.goto("/forms/club")
    page.locator(".hub-field-card summary").last.click()
    page.get_by_role("textbox", name="Hint").last.fill("We send nothing else.")
    page.get_by_role("button", name="Apply").last.click()
    assert "required: true, hint: We send nothing else.}" in text(page)
    page.get_by_role("button", name="Preview").click()
    expect(page.frame_locator("iframe").get_by_text("We send nothing else.")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    assert "We send nothing else." in FormDesk(club.hub).text("club")


class _Site(BaseHTTPRequestHandler):
    """A page of somebody else's that shows the form."""

    snippet = ""

    def do_GET(self):
        body = f"<!doctype html><title>Club</title><h1>Our club</h1>{self.snippet}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args):
        pass


@pytest.fixture
def site():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_snippet_shows_the_form_in_the_sites_that_are_named_and_in_no_other(club, page, open_browser, site):
    FormDesk(club.hub).save("club", f"{CLUB}embed: [{site}]\n", "test@example.com")
    page.goto("/forms/club/share")
    _Site.snippet = page.locator(".hub-code code").inner_text()
    visitor = open_browser(PHONE)
    visitor.goto(site)
    framed = visitor.frame_locator("iframe")
    framed.get_by_label("Your name").fill("Ada Lovelace")
    framed.get_by_label("E-mail").fill("ada@example.com")
    frame = visitor.locator("iframe")
    filled = visitor.wait_for_function(
        "() => { const h = document.querySelector('iframe').offsetHeight; return h !== 480 && h; }"
    )
    framed.get_by_role("button", name="Send").click()
    expect(framed.get_by_text("Welcome!")).to_be_visible()
    before = filled.json_value()
    visitor.wait_for_function("(before) => document.querySelector('iframe').offsetHeight < before", arg=before)
    expect(frame).to_be_visible()

    FormDesk(club.hub).save("club", CLUB, "test@example.com")
    stranger = open_browser(PHONE)
    stranger.goto(site)
    expect(stranger.frame_locator("iframe").get_by_text("This site cannot show the form.")).to_be_visible()


PAGES = ["/forms", "/new-form", "/forms/club", "/forms/club/share", "/forms/club/submissions", "SUBMISSION"]


@pytest.mark.parametrize(("viewport", "look"), [(DESKTOP, "light"), (NARROWEST, "dark")], ids=["desktop", "360-dark"])
def test_axe_finds_nothing_and_no_page_is_wider_than_the_screen(club, open_browser, viewport, look):
    visitor = open_browser(viewport)
    visitor.goto("/f/club")
    visitor.get_by_label("Your name").fill("Ada Lovelace")
    visitor.get_by_label("E-mail").fill("ada@example.com")
    visitor.get_by_role("button", name="Send").click()
    page = log_in(open_browser(viewport, color_scheme=look, reduced_motion="reduce"))
    page.goto("/forms/club/submissions")
    submission = page.get_by_role("link", name=re.compile("Ada Lovelace")).get_attribute("href")
    found = []
    for name in PAGES:
        page.goto(submission if name == "SUBMISSION" else name)
        page.evaluate("document.querySelectorAll('.hub-field-card details').forEach((one) => { one.open = true; })")
        found += [f"{name} {one}" for one in violations(page)]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{name} is too wide")
    assert found == []
