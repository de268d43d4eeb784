"""What an admin does from day to day: mend what failed, decide what is uncertain, answer, test, look for."""

import re
import socketserver
import threading

import pytest
from playwright.sync_api import expect

from .conftest import DESKTOP, PHONE, log_in, write

CONTACT = """\
hub: 1
recipe: contact
title: Keep the contact
on: {event: payment.failed}
steps:
  - id: note
    title: Make a note
    call: hub/log
    with: {message: A payment failed}
  - id: contact
    title: Update the contact
    call: crm/contact.upsert
    with: {email: "MAIL"}
"""
ASK = """\
hub: 1
recipe: ask
on: {event: refund.issued}
steps:
  - id: question
    ask: {whom: boss@example.com, question: "Is the refund in order?", answers: ["yes", "no"], timeout: 2d}
"""
LETTER = """\
hub: 1
recipe: letter
on: {event: payment.expired}
steps:
  - id: letter
    title: Write a letter
    call: post/send
    with: {to: ada@example.com, subject: Hello, text: Hello}
"""


class HangsUp(socketserver.StreamRequestHandler):
    """A mail server that takes a mail in and hangs up before it says whether it did."""

    def handle(self):
        self.wfile.write(b"220 mail.example ESMTP\r\n")
        for line in self.rfile:
            if line.upper().startswith(b"DATA"):
                self.wfile.write(b"354 go on\r\n")
                for part in self.rfile:
                    if part == b".\r\n":
                        return
            self.wfile.write(b"250 mail.example\r\n")


@pytest.fixture
def lossy_mail_server():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), HangsUp) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def send(page, kind):
    page.goto(f"/send-event?type={kind}")
    page.get_by_role("button", name="Send it").click()
    page.locator(".hub-rows a").first.click()


def standing(page):
    return page.locator(".hub-facts .badge").first


def test_a_failed_run_is_mended_and_goes_on_from_its_failed_step(page, live):
    live.hub.recipes.save("contact", CONTACT.replace("MAIL", "nonsense"), "test")
    send(page, "payment.failed")
    expect(standing(page)).to_contain_text("failed")
    expect(page.get_by_text("What to do:").first).to_be_visible()
    page.get_by_role("link", name="contact", exact=True).click()
    write(page, CONTACT.replace("MAIL", "${ event.data.customer.email }"))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved as version 2.")).to_be_visible()
    page.get_by_role("navigation", name="Parts of the recipe").get_by_role("link", name="Runs").click()
    page.locator(".hub-rows a").first.click()
    page.get_by_role("button", name="Go on with version 2").click()
    expect(standing(page)).to_contain_text("succeeded")
    note = page.locator(".hub-timeline > li").filter(has_text="Make a note")
    expect(note).to_have_count(1)
    expect(note).not_to_contain_text("attempt 2")
    expect(page.locator(".hub-timeline")).to_contain_text("admin@example.com let it go on")


def test_what_failed_stands_on_the_home_page(page, live):
    live.hub.recipes.save("contact", CONTACT.replace("MAIL", "nonsense"), "test")
    send(page, "payment.failed")
    expect(standing(page)).to_contain_text("failed")
    page.goto("/")
    page.locator("section", has=page.get_by_role("heading", name="Needs you")).get_by_role(
        "link", name=re.compile("contact")
    ).click()
    expect(standing(page)).to_contain_text("failed")


@pytest.mark.parametrize(
    ("button", "status"),
    [("It happened, go on", "succeeded"), ("It did not, let the step fail", "failed")],
)
def test_a_person_decides_what_nobody_knows(page, live, lossy_mail_server, button, status):
    fields = {
        "host": "127.0.0.1",
        "port": lossy_mail_server,
        "security": "none",
        "auth": "none",
        "from": "hub@example.com",
    }
    live.hub.accounts.create("post", "mail", fields, "test")
    live.hub.recipes.save("letter", LETTER, "test")
    send(page, "payment.expired")
    expect(standing(page)).to_contain_text("needs you")
    expect(page.get_by_role("heading", name="Did “Write a letter” happen?")).to_be_visible()
    page.goto("/")
    expect(page.get_by_role("heading", name="Did this happen? Please decide")).to_be_visible()
    page.locator(".hub-rows a", has_text="needs you").first.click()
    page.get_by_role("button", name=button).click()
    expect(standing(page)).to_contain_text(status)


def test_a_question_is_asked_by_mail_and_answered_by_its_link(page, live, open_browser):
    live.hub.recipes.save("ask", ASK, "test")
    send(page, "refund.issued")
    run = page.url
    expect(standing(page)).to_contain_text("waiting")
    page.goto("/outbox")
    page.get_by_role("link", name=re.compile("boss@example.com")).first.click()
    text = page.locator(".hub-mail-text").inner_text()
    links = re.findall(r"http://\S+/answer/[\w.-]+", text)
    assert len(links) == 2
    boss = open_browser(PHONE)
    boss.goto(links[0])
    boss.get_by_role("button", name="yes").click()
    expect(boss.get_by_text("Your answer is “yes”.")).to_be_visible()
    boss.goto(links[1])
    expect(boss.get_by_text("This was answered already")).to_be_visible()
    page.goto(run)
    expect(standing(page)).to_contain_text("succeeded")
    expect(page.locator(".hub-timeline")).to_contain_text("answered yes")


def test_a_page_of_a_run_follows_it_while_it_goes_on(page, live):
    live.hub.recipes.save("ask", ASK, "test")
    send(page, "refund.issued")
    expect(standing(page)).to_contain_text("waiting")
    page.locator(".hub-timeline details").first.locator("summary").click()
    question = live.hub.queries.open_questions()[0]["id"]
    live.hub.runs.answer(question, "no", "test")
    expect(standing(page)).to_contain_text("succeeded")
    expect(page.locator(".hub-timeline details").first).to_have_attribute("open", "")


def test_a_run_is_cancelled_after_a_second_thought(page, live):
    live.hub.recipes.save("ask", ASK, "test")
    send(page, "refund.issued")
    page.locator("summary", has_text="Cancel").click()
    page.get_by_role("button", name="Cancel the run").click()
    expect(standing(page)).to_contain_text("cancelled")


def test_a_connection_is_tested(page):
    page.goto("/connections")
    page.get_by_role("link", name=re.compile("^crm")).click()
    page.get_by_role("button", name="Test").click()
    expect(page.get_by_role("status").filter(has_text="The test worked")).to_be_visible()
    expect(page.locator(".hub-actions .badge")).to_contain_text("tested")


def test_a_form_shows_only_the_fields_that_apply(page):
    page.goto("/new-connection/mail")
    expect(page.get_by_label("Token address")).to_be_hidden()
    page.get_by_label("Sign in").select_option("xoauth2")
    expect(page.get_by_label("Token address")).to_be_visible()
    page.get_by_label("Name", exact=False).first.fill("office")
    page.goto("/new-connection/stripe")
    page.get_by_label("Name").fill("shop")
    expect(page.locator(".hub-copy-line code")).to_have_text(re.compile("/hooks/shop$"))


def test_a_template_is_previewed_beside_its_text(page):
    page.goto("/new-template")
    page.get_by_label("Text", exact=True).fill("---\nsubject: Hi\n---\nHello **${ name }**")
    page.get_by_role("textbox", name="Data for the preview").fill('{"name": "Ada"}')
    page.get_by_role("button", name="Preview").click()
    expect(page.frame_locator("iframe").locator("strong")).to_have_text("Ada")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_reader_chooses_light_or_dark(open_browser, viewport):
    page = log_in(open_browser(viewport, color_scheme="light"))
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    if viewport is PHONE:
        page.locator(".hub-more summary").click()
    page.get_by_role("button", name="Light or dark").locator("visible=true").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.goto("/runs")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_the_pages_are_walked_by_keyboard(page):
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.goto("/recipes")
    switch = page.get_by_role("switch").first
    switch.focus()
    before = switch.get_attribute("aria-checked")
    page.keyboard.press("Space")
    expect(page.get_by_role("switch").first).not_to_have_attribute("aria-checked", before)


def test_times_are_the_readers(page, live):
    live.hub.runs.record("course.finished", {}, "test")
    page.goto("/events")
    title = page.locator("time").first.get_attribute("title")
    assert re.search(r"CES?T|\+0[12]", title), title
