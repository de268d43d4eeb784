"""Forms in other sites' pages: heights, errors, a payment that leaves the frame, several at once, sites that are not named."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from playwright.sync_api import expect

from hub.engine.form_desk import FormDesk

from .conftest import DESKTOP, PHONE
from .test_charity import gifts, pay_at_the_sandbox

JOIN = """\
form: 1
name: club
title: Join us
fields:
{fields}
  - {{name: email, type: email, title: E-mail, required: true}}
after: {{thanks: Welcome!}}
embed: [{site}]
"""
GIVE = """\
form: 1
name: gift
title: Give
fields: [{{name: email, type: email, title: E-mail, required: true}}]
pay: {{by: sandbox, amount: {{EUR: {{fixed: 25}}}}}}
embed: [{site}]
"""
LINES = "\n".join(f"  - {{name: line{n}, type: lines, title: Line {n}}}" for n in range(8))


class Site:
    """Somebody else's site: its pages, by their address."""

    def __init__(self):
        self.pages = pages = {}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = f"<!doctype html><title>Club</title><h1>Our club</h1>{pages.get(self.path, '')}".encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://localhost:{self.server.server_port}"
        """Another site than the hub's, which is 127.0.0.1."""
        self.stranger = f"http://127.0.0.1:{self.server.server_port}"
        """The same pages, as a site that no form names."""


@pytest.fixture
def site():
    site = Site()
    thread = threading.Thread(target=site.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield site
    site.server.shutdown()
    thread.join()
    site.server.server_close()


@pytest.fixture
def forms(live, site):
    """The hub with a long form and one to pay, and a page of the site that shows both."""
    desk = FormDesk(live.hub)
    desk.save("", JOIN.format(fields=LINES, site=site.origin), "test@example.com")
    desk.save("", GIVE.format(site=site.origin), "test@example.com")
    site.pages["/"] = snippet(live, "club") + snippet(live, "gift", 'data-lang="de" data-title="A gift"')
    return live


def snippet(live, name, more=""):
    return f'<script src="{live.address}/embed.js" data-form="{name}" {more}></script>'


def frame(page, name):
    return page.frame_locator(f'iframe[src*="/f/{name}?"]')


def height(page, name):
    return page.locator(f'iframe[src*="/f/{name}?"]').evaluate("one => one.offsetHeight")


def fits(page, name):
    """The frame is as high as the page in it, which then needs no bar to scroll by."""
    inside = page.locator(f'iframe[src*="/f/{name}?"]').element_handle().content_frame()
    script = "document.documentElement.scrollHeight - innerHeight"
    return inside is not None and inside.evaluate(script) == 0 and height(page, name) != 480


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_each_of_several_forms_is_as_high_as_what_it_holds(forms, site, open_browser, viewport):
    page = open_browser(viewport)
    page.goto(site.origin)
    expect(frame(page, "club").get_by_label("Line 7")).to_be_visible()
    page.locator('iframe[src*="/f/gift?"]').scroll_into_view_if_needed()
    expect(frame(page, "gift").get_by_text("25,00")).to_be_visible()
    forms.until(lambda: fits(page, "club") and fits(page, "gift"))
    assert height(page, "club") > 2 * height(page, "gift") > 200
    assert page.get_by_title("A gift").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    before = height(page, "club")
    frame(page, "club").get_by_label("Line 7").evaluate("one => { one.style.height = '600px'; }")  # dragged larger
    forms.until(lambda: fits(page, "club") and height(page, "club") > before + 400)


def test_what_is_answered_is_seen_where_the_visitor_is(forms, site, open_browser):
    words = '<p style="height: 1500px">About us</p>'
    site.pages["/"] = f"{words}{site.pages['/']}{words}{words}"
    page = open_browser(PHONE)
    page.goto(site.origin)
    joining = frame(page, "club")
    joining.get_by_label("Line 7").fill("Something")
    joining.get_by_role("button", name="Send").click()
    expect(joining.get_by_role("alert")).to_contain_text("E-mail")
    expect(joining.get_by_role("alert")).to_be_focused()
    expect(joining.get_by_role("alert")).to_be_in_viewport()
    expect(joining.get_by_label("Line 7")).to_have_value("Something")
    forms.until(lambda: fits(page, "club"))
    joining.get_by_label("E-mail").fill("ada@example.com")
    joining.get_by_role("button", name="Send").click()
    expect(joining.get_by_text("Welcome!")).to_be_in_viewport()
    forms.until(lambda: fits(page, "club"))
    assert page.url == f"{site.origin}/"
    assert page.context.cookies() == []


@pytest.mark.parametrize(
    ("style", "more", "is_dark"),
    [
        ("", "", False),
        ("background: #111", "", True),
        ("color-scheme: dark", "", True),
        ("color-scheme: light dark", "", True),
        ("background: #111", 'data-look="light"', False),
    ],
)
def test_the_form_is_light_or_dark_as_the_page_around_it(forms, site, open_browser, style, more, is_dark):
    page = open_browser(PHONE, color_scheme="dark")
    site.pages["/"] = f"<style>html {{ {style} }}</style>{snippet(forms, 'gift', more)}"
    page.goto(site.origin)
    giving = frame(page, "gift")
    expected = "rgb(32, 33, 36)" if is_dark else "rgb(255, 255, 255)"
    expect(giving.get_by_role("main")).to_have_css("background-color", expected)
    giving.get_by_role("button", name="Go on to pay").click()
    expect(giving.get_by_role("alert")).to_be_visible()
    expect(giving.get_by_role("main")).to_have_css("background-color", expected)


def test_who_pays_leaves_the_frame_and_is_thanked(forms, site, open_browser):
    page = open_browser(PHONE)
    page.goto(site.origin)
    giving = frame(page, "gift")
    giving.get_by_label("E-mail").fill("ada@example.com")
    giving.get_by_role("button", name="Weiter zur Zahlung").click()
    page.wait_for_url(re.compile(re.escape(forms.address)))
    pay_at_the_sandbox(page)
    expect(page.get_by_role("status")).to_contain_text("Bezahlt")
    assert [(row.state, row.minor) for row in gifts(forms, "gift")] == [("paid", 2500)]
    assert page.context.cookies() == []


def test_without_scripts_in_the_frame_a_button_leads_on(forms, site, open_browser):
    page = open_browser(PHONE, java_script_enabled=False)
    site.pages["/plain"] = f'<iframe src="{forms.address}/f/gift?embed={site.origin}" height="700"></iframe>'
    page.goto(f"{site.origin}/plain")
    giving = page.frame_locator("iframe")
    giving.get_by_label("E-mail").fill("ada@example.com")
    giving.get_by_role("button", name="Go on to pay").click()
    giving.get_by_role("link", name="Go on").click()
    page.wait_for_url(re.compile(re.escape(forms.address)))
    pay_at_the_sandbox(page)
    expect(page.get_by_role("status")).to_contain_text("Paid")


def test_when_no_payment_begins_the_whole_page_says_so(forms, site, open_browser):
    page = open_browser(PHONE)
    page.goto(site.origin)
    giving = frame(page, "gift")
    giving.get_by_label("E-mail").fill("ada@example.com")
    account = forms.hub.accounts.get("sandbox")
    key, version = account.secret("api_key"), forms.hub.store.connection("sandbox").version
    settings = {**account.settings, "api_key": "no longer right"}
    forms.hub.accounts.update("sandbox", settings, version, "test@example.com")
    giving.get_by_role("button", name="Weiter zur Zahlung").click()
    expect(page.get_by_role("alert")).to_contain_text("Es wurde nichts abgebucht")
    forms.hub.accounts.update("sandbox", {**settings, "api_key": key}, version + 1, "test@example.com")
    page.get_by_role("button", name="bezahlen").click()
    pay_at_the_sandbox(page)
    expect(page.get_by_role("status")).to_contain_text("Bezahlt")


def test_only_the_hubs_own_frame_of_a_form_is_heard(forms, site, open_browser):
    says = "parent.postMessage({sender: 'connector-hub', height: 3000, go: 'https://evil.example/'}, '*')"
    site.pages["/says"] = f"<script>{says}</script>"
    site.pages["/odd"] = f'{snippet(forms, "club")}<iframe src="/says"></iframe>'
    page = open_browser(DESKTOP)
    page.goto(f"{site.origin}/odd")
    forms.until(lambda: fits(page, "club"))
    before = height(page, "club")
    page.evaluate(f"() => {{ {says.replace('parent.', 'window.')} }}")
    inside = page.locator('iframe[src*="/f/club?"]').element_handle().content_frame()
    inside.goto(f"{site.stranger}/says")
    page.wait_for_timeout(200)
    assert (page.url, height(page, "club")) == (f"{site.origin}/odd", before)


def test_a_site_that_is_not_named_is_shown_the_way_to_the_form(forms, site, open_browser):
    page = open_browser(PHONE)
    page.goto(site.stranger)
    joining = frame(page, "club")
    expect(joining.get_by_text("This site cannot show the form.")).to_be_visible()
    expect(joining.get_by_role("textbox")).to_have_count(0)
    forms.until(lambda: fits(page, "club"))
    with page.expect_popup() as opened:
        joining.get_by_role("link", name="Open the form").click()
    expect(opened.value.get_by_label("Line 7")).to_be_visible()


@pytest.mark.parametrize("query", ["", "?embed=ORIGIN", "?embed=https://evil.example&embed=ORIGIN"])
def test_a_site_that_is_not_named_cannot_show_the_form_by_any_address(forms, site, open_browser, query):
    page = open_browser(PHONE)
    refused = []
    page = page.context.new_page()
    page.on("console", lambda message: refused.append(message.text))
    address = f"{forms.address}/f/club{query.replace('ORIGIN', site.origin)}"
    site.pages["/raw"] = f'<iframe src="{address}"></iframe>'
    page.goto(f"{site.stranger}/raw")
    inside = page.frame_locator("iframe")
    forms.until(
        lambda: (
            any("frame-ancestors" in one for one in refused)
            or inside.get_by_text("This site cannot show the form.").count()
        )
    )
    expect(inside.get_by_role("textbox")).to_have_count(0)


def test_what_is_wrong_with_the_form_itself_is_read_in_the_frame(forms, site, open_browser):
    page = open_browser(PHONE)
    site.pages["/gone"] = snippet(forms, "no-such-form", 'data-lang="fr"')
    page.goto(f"{site.origin}/gone")
    expect(frame(page, "no-such-form").get_by_role("heading")).to_contain_text("Ce lien ne fonctionne pas")
    forms.until(lambda: fits(page, "no-such-form"))
    for _ in range(121):
        answer = requests.get(f"{forms.address}/f/gift", timeout=10)
    assert answer.status_code == 429
    page.goto(site.origin)
    page.locator('iframe[src*="/f/gift?"]').scroll_into_view_if_needed()
    expect(frame(page, "gift").get_by_role("heading")).to_have_text("Zu viele Versuche")
