import hashlib
import hmac
import re
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

PAGES = ("/", "/subscriptions", "/money", "/deliveries", "/clock", "/trouble", "/crm/", "/crm/?object=deal", "/crm/log")


@pytest.mark.parametrize("path", PAGES)
def test_an_empty_sandbox_says_on_every_page_what_to_do(served, path):
    page = requests.get(f"{served.url}{path}", timeout=10)
    assert page.status_code == 200
    policy = page.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"<script(?! src)|style=|onclick=", page.text)


def test_the_payer_comes_back_with_signed_ids(served):
    payment = served.payment(return_url="https://shop.example/thanks?a=1")
    form = {"choice": "pay", "email": "ada@example.com", "name": "Ada"}
    answer = requests.post(payment["checkout_url"], data=form, allow_redirects=False, timeout=10)
    assert answer.status_code == 303
    address = urlsplit(answer.headers["Location"])
    query = {name: values[0] for name, values in parse_qs(address.query).items()}
    signed = f"{payment['id']}.succeeded.{query['timestamp']}".encode()
    key = served.sandbox.site.api_key.encode()
    assert query == {
        "a": "1",
        "payment": payment["id"],
        "status": "succeeded",
        "timestamp": "1795424400",
        "signature": hmac.new(key, signed, hashlib.sha256).hexdigest(),
    }
    assert served.get(f"/payments/{payment['id']}")["customer"]["name"] == "Ada"


def test_what_the_payer_typed_is_kept_when_the_address_is_wrong(served):
    payment = served.payment()
    form = {"choice": "decline", "reason": "expired_card", "email": "ada@", "name": "<b>Ada</b>"}
    page = requests.post(payment["checkout_url"], data=form, timeout=10)
    assert page.status_code == 400
    assert 'value="ada@"' in page.text
    assert "&lt;b&gt;Ada" in page.text
    assert 'aria-invalid="true"' in page.text
    assert served.get(f"/payments/{payment['id']}")["status"] == "created"


@pytest.mark.parametrize(
    "form", [{}, {"choice": "steal"}, {"choice": "decline", "reason": "mood"}, {"choice": "pay", "name": "x" * 201}]
)
def test_a_form_that_the_page_does_not_have_changes_nothing(served, form):
    payment = served.payment()
    assert requests.post(payment["checkout_url"], data=form, timeout=10).status_code == 400
    assert served.events() == ["payment.created"]


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}]
)
def test_forms_of_other_sites_are_refused(served, headers):
    payment = served.payment()
    for path in (f"/pay/{payment['id']}", "/clock", "/trouble", f"/payments/{payment['id']}/void"):
        answer = requests.post(
            f"{served.url}{path}", data={"choice": "pay", "step": "1 month"}, headers=headers, timeout=10
        )
        assert answer.status_code == 403
    assert served.events() == ["payment.created"]


def test_the_control_page_does_what_banks_and_card_companies_do(served):
    payment = served.paid(choice="later")

    def click(path, **form):
        return requests.post(f"{served.url}{path}", data=form, timeout=10)

    assert click(f"/payments/{payment['id']}/arrive").status_code == 200
    click(f"/payments/{payment['id']}/dispute")
    dispute = served.get("/disputes")["data"][0]
    assert ">won<" in click(f"/disputes/{dispute['id']}/won").text
    click(f"/payments/{payment['id']}/refund")
    assert served.get(f"/payments/{payment['id']}")["status"] == "refunded"
    refused = click(f"/payments/{payment['id']}/refund")
    assert (refused.status_code, "already refunded" in refused.text) == (409, True)
    assert "things happened" in click("/clock", step="1 month").text
    assert click("/clock", step="1 century").status_code == 400
    assert "until it is switched off" in click("/trouble", scope="crm", mode="down").text
    assert click("/trouble", scope="crm", mode="refuse").status_code == 400


@pytest.mark.parametrize(
    ("amount", "currency"), [("0", "USD"), ("-1", "USD"), ("1e9", "USD"), ("10.5", "JPY"), ("१२", "USD"), ("1", "US")]
)
def test_a_test_payment_needs_a_real_amount(served, amount, currency):
    form = {"amount": amount, "currency": currency, "kind": "payment"}
    assert requests.post(f"{served.url}/new", data=form, timeout=10).status_code == 400
    assert served.events() == []


@pytest.fixture
def phone(chromium):
    context = chromium.new_context(viewport={"width": 360, "height": 740}, java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(15_000)
    yield page
    context.close()


def test_a_newcomer_pays_on_a_phone_without_scripts(served, phone):
    phone.goto(f"{served.url}/")
    phone.get_by_label("Amount").fill("249.00")
    phone.get_by_label("Currency").fill("EUR")
    phone.get_by_role("button", name="Open its pay page").click()
    assert phone.locator(".amount").inner_text() == "€249.00"
    phone.get_by_label("Decline").check()
    phone.get_by_label("Why").select_option("insufficient_funds")
    phone.get_by_role("button", name="Continue").click()
    assert "does not hold enough money" in phone.get_by_role("alert").inner_text()
    phone.keyboard.press("Tab")
    phone.get_by_role("button", name="Continue").click()
    assert "Paid" in phone.get_by_role("status").inner_text()
    assert [one["status"] for one in served.get("/payments")["data"]] == ["succeeded"]


def test_a_subscriber_agrees_and_comes_back_to_the_shop(served, phone, hook):
    plan = served.post("/plans", name="Membership", amount=1500, currency="EUR", trial_days=7)
    begun = served.post("/subscriptions", plan=plan["id"], return_url=hook.url)
    phone.goto(begun["checkout_url"])
    assert "7 days free first" in phone.inner_text("main")
    phone.get_by_role("button", name="Continue").click()
    phone.wait_for_url(f"{hook.url}?*")
    assert f"subscription={begun['id']}" in phone.url


def test_no_page_is_wider_than_a_small_phone(served, phone):
    payment = served.paid(description="A long description " * 8, metadata={"order": "o" * 80})
    served.subscribed()
    served.sandbox.deliver_due(served.clock.now)
    for path in (*PAGES, f"/payments/{payment['id']}", f"/pay/{payment['id']}", f"/pay/{served.payment()['id']}"):
        phone.goto(f"{served.url}{path}")
        box = phone.locator("main").bounding_box()
        assert box["width"] <= 360, path
        assert phone.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_the_form_stands_in_a_shops_page_and_grows_with_its_content(served, chromium, tmp_path):
    form = served.post("/forms", amount=500, currency="EUR", frame_origin=served.url.rsplit("/", 1)[0])
    shop = f"{served.url}/static/shop.html"
    context = chromium.new_context()
    page = context.new_page()
    page.route(shop, lambda route: route.fulfill(body=f"<body>{form['snippet']}", content_type="text/html"))
    page.goto(shop)
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name="Continue").click()
    frame.get_by_role("status").get_by_text("Paid").wait_for()
    assert served.get(f"/payments/{form['payment']}")["status"] == "succeeded"
    page.wait_for_function("document.querySelector('iframe').style.height.endsWith('px')")
    context.close()
