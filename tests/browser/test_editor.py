import re

from playwright.sync_api import expect

from .conftest import log_in, write

RECIPE = """\
hub: 1
recipe: hello
title: Say hello
on:
  event: payment.succeeded
steps:
  - id: mail
    call: mail/send
    with:
      to: ${ event.data.customer.email }
      subject: Hello
      text: Hello
"""


def state(page):
    return page.locator("[data-editor-state]")


def test_a_slip_is_shown_at_its_line_as_one_types_and_is_gone_once_mended(page):
    page.goto("/new-recipe")
    write(page, RECIPE.replace("customer.email", "customer.emial"))
    finding = state(page).locator(".hub-finding").first
    expect(finding).to_contain_text("Line 10")
    expect(finding).to_contain_text("email")
    expect(page.locator(".cm-lintRange-error")).to_have_count(1)
    expect(page.locator(".cm-line", has=page.locator(".cm-lintRange-error"))).to_contain_text("emial")
    finding.get_by_role("button", name="Line 10").click()
    expect(page.locator(".cm-activeLine")).to_contain_text("emial")
    write(page, RECIPE)
    expect(state(page)).to_have_text("Nothing wrong found")


def test_names_are_completed_where_they_stand(page):
    page.goto("/new-recipe")
    options = page.locator(".cm-tooltip-autocomplete li")
    write(page, "hub: 1\nrecipe: hello\non:\n  event: payment.succ")
    page.keyboard.type("e")
    expect(options.filter(has_text="payment.succeeded").first).to_be_visible()
    page.keyboard.press("Escape")
    write(page, RECIPE.replace("mail/send", "mai"))
    page.keyboard.press("Control+Home")
    for _ in range(7):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    page.keyboard.type("l")
    options.filter(has_text="mail/send").first.click()
    expect(page.locator(".cm-activeLine")).to_have_text("    call: mail/send")


def test_expressions_know_the_events_fields_and_the_functions(page):
    page.goto("/new-recipe")
    options = page.locator(".cm-tooltip-autocomplete li")
    write(page, RECIPE.rstrip("\n").removesuffix("Hello"))
    page.keyboard.type("${ event.data.amount.")
    expect(options.filter(has_text="minor")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Backspace")
    page.keyboard.type(" format_m")
    expect(options.filter(has_text="format_money")).to_be_visible()


def test_keys_of_an_action_are_offered_below_with(page):
    page.goto("/new-recipe")
    write(page, RECIPE.rstrip("\n"))
    page.keyboard.press("Enter")
    page.keyboard.type("rep")
    expect(page.locator(".cm-tooltip-autocomplete li").filter(has_text="reply_to")).to_be_visible()


def test_a_word_is_explained_while_the_pointer_rests_on_it(page):
    page.goto("/new-recipe")
    write(page, RECIPE)
    page.locator(".cm-line", has_text="call: mail/send").get_by_text("mail/send").hover()
    expect(page.locator(".hub-explained")).to_contain_text("Send a mail")


def test_a_recipe_is_tried_saved_and_changed(page):
    page.goto("/new-recipe")
    write(page, RECIPE)
    page.get_by_role("button", name="Try", exact=True).click()
    expect(page.get_by_role("heading", name="What it would do")).to_be_visible()
    expect(page.locator("#outcome")).to_contain_text("would be sent")
    page.get_by_label("What did you change?").fill("The first one")
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile("/recipes/hello$"))
    expect(page.get_by_role("status").filter(has_text="Saved as version 1.")).to_be_visible()
    write(page, RECIPE.replace("subject: Hello", "subject: Servus"))
    page.keyboard.press("Control+s")
    expect(page.get_by_role("status").filter(has_text="Saved as version 2.")).to_be_visible()
    page.get_by_role("link", name="Versions").click()
    expect(page.locator(".hub-diff .plus")).to_contain_text("Servus")
    page.get_by_role("link", name="Version 1").click()
    page.get_by_role("button", name="Go back to version 1").click()
    expect(page.get_by_text("Version 1 is back as version 3.")).to_be_visible()


def test_a_text_with_errors_is_not_saved_and_not_lost(page):
    page.goto("/new-recipe")
    write(page, RECIPE.replace("mail/send", "mail/sned"))
    expect(state(page).locator(".hub-finding").first).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Not saved: mend these first")).to_be_visible()
    expect(page.locator(".cm-content")).to_contain_text("mail/sned")
    page.locator("#findings").get_by_role("button", name="Line 8").click()
    expect(page.locator(".cm-activeLine")).to_contain_text("mail/sned")


def test_the_editor_can_be_left_by_keyboard(page):
    page.goto("/new-recipe")
    page.locator(".cm-content").click()
    page.keyboard.press("Tab")
    expect(page.locator(".cm-content")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(page.locator(".cm-content")).not_to_be_focused()


def test_without_scripts_a_recipe_is_checked_tried_and_saved(open_browser):
    page = log_in(open_browser(java_script_enabled=False), "editor")
    page.goto("/new-recipe")
    page.get_by_label("The recipe as YAML").fill(RECIPE.replace("customer.email", "customer.emial"))
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#findings")).to_contain_text("Line 10")
    page.get_by_label("The recipe as YAML").fill(RECIPE)
    page.get_by_role("button", name="Try", exact=True).click()
    expect(page.get_by_role("heading", name="What it would do")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved as version 1.")).to_be_visible()
    page.get_by_role("switch", name="hello is on").click()
    expect(page.get_by_role("switch", name="hello is off")).to_be_visible()
