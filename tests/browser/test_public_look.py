"""Pages for strangers: the colours of the business and of the device, the keyboard, and what was typed."""

import pytest
from playwright.sync_api import expect

from hub.web.visitors import ink_on

from .conftest import DESKTOP, PHONE
from .test_accessibility import violations

YELLOW, NAVY = "#ffcc00", "#12263f"


def rgb(colour):
    return f"rgb({', '.join(str(int(colour[place : place + 2], 16)) for place in (1, 3, 5))})"


@pytest.mark.parametrize(("colour", "viewport"), [(YELLOW, PHONE), (NAVY, DESKTOP)])
def test_the_colour_of_the_business_stays_in_the_dark_and_can_be_read(live, open_browser, colour, viewport):
    live.hub.store.put_fact("brand", {"name": "Tea & Co", "colour": colour}, live.clock())
    page = open_browser(viewport)
    page.goto("/register")
    button = page.get_by_role("button", name="Send")
    for look, paper in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(32, 33, 36)")):
        page.emulate_media(color_scheme=look)
        expect(page.get_by_role("main")).to_have_css("background-color", paper)
        expect(button).to_have_css("background-color", rgb(colour))
        expect(button).to_have_css("color", rgb(ink_on(colour)))
        assert violations(page) == []


def test_who_registers_goes_by_keyboard_changes_the_language_and_comes_back_to_what_was_typed(live, open_browser):
    page = open_browser(PHONE)
    page.goto("/register")
    page.get_by_role("button", name="Send").press("Enter")
    expect(page.get_by_role("alert")).to_be_focused()
    email = page.get_by_label("E-mail address")
    expect(email).to_have_attribute("aria-describedby", "f-email-wrong")
    expect(page.locator("#f-email-wrong")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Your name or company")).to_be_focused()
    page.keyboard.press("Enter")
    name = page.get_by_label("Your name or company")
    expect(name).to_be_focused()
    expect(name).to_have_css("outline-style", "solid")
    page.keyboard.type("Grace Hopper")
    page.get_by_role("link", name="Deutsch").click()
    expect(page.get_by_role("heading", name="Mit uns arbeiten")).to_be_visible()
    expect(page.get_by_label("Ihr Name oder Ihre Firma")).to_have_value("Grace Hopper")
    page.get_by_label("E-Mail-Adresse").fill("grace@example.com")
    page.get_by_label("Was Sie tun").fill("portrait")
    page.get_by_role("button", name="Absenden").click()
    expect(page.get_by_role("status")).to_contain_text("Vielen Dank.")
    page.go_back()
    expect(page.get_by_label("E-Mail-Adresse")).to_have_value("grace@example.com")
    expect(page.get_by_role("button", name="Absenden")).to_be_enabled()
