"""Story 3.8 on phones: photographers register, an admin approves them; a shoot is paid, offered, taken, done, or nobody takes it."""

import re

import pytest
from playwright.sync_api import expect

from hub.engine.form_desk import FormDesk
from hub.journal.tables import payments
from hub.payments import ledger

from .conftest import PHONE, log_in
from .test_charity import letter
from .test_invoices import fits
from .test_truck_hire import account, link, links

DAY = "2099-12-05"


@pytest.fixture
def shoots(live):
    live.hub.recipes.install("photo-shoot", "test@example.com")
    return live


@pytest.fixture
def admin(shoots, open_browser):
    """Grace and Linus have registered on their phones and are approved; Eve has registered too."""
    admin, phone = log_in(open_browser()), open_browser(PHONE)
    for name in ("Grace", "Linus", "Eve"):
        register(phone, name)
    for name in ("Grace", "Linus"):
        approve(admin, name)
        text = letter(shoots, f"{name.lower()}@example.com", f"Welcome, {name}: you are approved")
        assert re.search(r"http://\S+/p/", text), text
    return admin


def register(page, name):
    page.goto("/register")
    for label, text in [("Your name or company", name), ("E-mail address", f"{name.lower()}@example.com"), ("What you do", "portrait"), ("Region", "Berlin")]:  # fmt: skip
        page.get_by_role("textbox", name=label).fill(text)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_contain_text("We look at it and write to you.")


def approve(admin, name):
    admin.goto("/providers?state=registered")
    admin.get_by_role("link", name=re.compile(name)).click()
    expect(admin.get_by_label("Skills")).to_have_value("portrait")
    admin.get_by_role("button", name="Approve").click()
    expect(admin.get_by_text("Approved.")).to_be_visible()


def book(page, shown="€249.00"):
    page.goto("/f/shoot")
    page.get_by_role("radio", name=re.compile("^Portraits")).check()
    expect(page.get_by_text(shown)).to_be_visible()
    page.get_by_label("On which day").fill(DAY)
    for label, text in [("In which city", "berlin"), ("Your name", "Ada"), ("E-mail address", "ada@example.com")]:
        page.get_by_role("textbox", name=label).fill(text)
    page.get_by_role("button", name="Go on to pay").click()
    page.get_by_role("radio", name=re.compile("^Pay ")).first.check()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("status")).to_contain_text("We ask the photographers now")


def job_page(admin):
    """The admin opens the only job of the board."""
    admin.goto("/jobs")
    admin.locator(".hub-board .hub-rows a").first.click()
    return admin


def do_all(photographer):
    for button in ("I take it", "I begin now", "It is done"):
        photographer.get_by_role("button", name=button).click()
    expect(photographer.get_by_role("status")).to_contain_text("You reported it done.")


def asked_admin(live, admin):
    """The admin reads the question in the mail; gives the links of its answers, each by its word."""
    mails, mail = live.hub.store.mails, live.hub.store.mail
    live.until(lambda: [one for one in mails() if b"Nobody is left for the shoot" in mail(one["key"])[2]])
    admin.goto("/outbox")
    admin.get_by_role("link", name=re.compile("to admin@example.com")).first.click()
    text = admin.locator(".hub-mail-text").inner_text()
    assert "Nobody is left for the shoot 1. Give the money back, or name somebody yourself?" in text
    return dict(re.findall(r"(refund|name):\s+(http://\S+/answer/[\w.-]+)", text))


def test_a_shoot_goes_to_the_next_photographer_and_is_paid_less_commission(shoots, admin, open_browser):
    customer, photographer = open_browser(PHONE), open_browser(PHONE)
    book(customer)
    photographer.goto(link(shoots, "grace@example.com", "j"))
    fits(photographer)
    photographer.get_by_role("button", name="I cannot").click()
    expect(photographer.get_by_role("status")).to_contain_text("You declined this job.")
    photographer.goto(link(shoots, "linus@example.com", "j"))
    do_all(photographer)
    customer.goto(link(shoots, "ada@example.com", "c"))
    expect(customer.get_by_role("status")).to_contain_text("Linus")
    customer.get_by_role("button", name="Yes, it is done").click()
    shoots.until(lambda: shoots.events(type="job.released"))
    customer.reload()
    expect(customer.get_by_role("status")).to_contain_text("All is done and paid.")
    photographer.goto(link(shoots, "linus@example.com", "p"))
    expect(photographer.get_by_text("€199.20")).to_be_visible()
    fits(photographer)
    job_page(admin)
    expect(admin.get_by_role("link", name="€249.00 sandbox succeeded")).to_be_visible()
    expect(admin.get_by_text("declined", exact=True)).to_be_visible()
    admin.get_by_role("link", name="Linus").first.click()
    expect(admin.get_by_text("€199.20")).to_be_visible()
    admin.goto("/ledger")
    expect(admin.get_by_text("€49.80").first).to_be_visible()
    assert links(shoots, "eve@example.com", "j") == [], "nobody has approved her"


def test_nobody_answers_in_time_and_the_admin_gives_the_money_back(shoots, admin, open_browser):
    customer, grace, linus = (open_browser(PHONE) for _ in range(3))
    book(customer)
    grace.goto(link(shoots, "grace@example.com", "j"))
    expect(grace.get_by_role("status")).to_contain_text("Please answer until")
    assert links(shoots, "linus@example.com", "j") == []
    shoots.clock.forward(hours=24, minutes=1)
    linus.goto(link(shoots, "linus@example.com", "j"))
    expect(linus.get_by_role("status")).to_contain_text("Please answer until")
    grace.get_by_role("button", name="I take it").click()
    expect(grace.get_by_role("alert")).to_contain_text("That can no longer be done.")
    expect(grace.get_by_role("button", name="I take it")).to_have_count(0)
    shoots.clock.forward(hours=24, minutes=1)
    admin = log_in(open_browser())
    answers = asked_admin(shoots, admin)
    job_page(admin)
    expect(admin.get_by_text("Nobody is left who could take it.")).to_be_visible()
    admin.goto(answers["refund"])
    admin.get_by_role("button", name="refund").click()
    expect(admin.get_by_text("Your answer is “refund”.")).to_be_visible()
    text = letter(shoots, "ada@example.com", "Your shoot is cancelled")
    assert "no photographer is free on your day. What you paid goes back to you." in text
    customer.goto(link(shoots, "ada@example.com", "c"))
    expect(customer.get_by_role("status")).to_contain_text("What you paid goes back to you.")
    fits(customer)
    (back,) = shoots.until(lambda: shoots.hub.payments.store.list(payments, payments.c.state == "refunded"))
    assert (back.amount, back.refunded, back.currency) == (24_900, 24_900, "EUR")
    admin.goto("/payments")
    expect(admin.locator(".hub-rows a", has_text="€249.00")).to_contain_text("refunded")
    linus.reload()
    expect(linus.get_by_role("button", name="I take it")).to_have_count(0)
    assert account(shoots, ledger.COMMISSION) == 0


def test_the_admin_names_a_photographer_when_nobody_is_left(shoots, admin, open_browser):
    customer, photographer = open_browser(PHONE), open_browser(PHONE)
    book(customer)
    for name in ("grace", "linus"):
        photographer.goto(link(shoots, f"{name}@example.com", "j"))
        photographer.get_by_role("button", name="I cannot").click()
    answers = asked_admin(shoots, admin)
    admin.goto(answers["name"])
    admin.get_by_role("button", name="name").click()
    before = links(shoots, "linus@example.com", "j")
    job_page(admin)
    admin.locator("summary", has_text="Assign").click()
    admin.get_by_label("Provider").select_option("Linus")
    admin.get_by_role("button", name="Assign").click()
    shoots.until(lambda: len(links(shoots, "linus@example.com", "j")) > len(before))
    photographer.goto(link(shoots, "linus@example.com", "j"))
    photographer.get_by_role("button", name="I take it").click()
    expect(photographer.get_by_role("button", name="I begin now")).to_be_visible()
    assert "Somebody has accepted your shoot." in letter(shoots, "ada@example.com", "We have a photographer")


@pytest.mark.parametrize(
    ("currency", "price", "shown", "share", "left", "commission"),
    [
        ("JPY", "29801", "¥29,801", 23_841, "¥23,841", 5_960),
        ("KWD", "84.557", "KWD84.557", 67_646, "KWD67.646", 16_911),
    ],
)
def test_yen_and_dinars_go_to_the_photographer_when_the_customer_says_nothing(
    shoots, admin, open_browser, currency, price, shown, share, left, commission
):
    desk = FormDesk(shoots.hub)
    form = desk.text("shoot").replace('EUR: {fixed: "249.00"}', f'{currency}: {{fixed: "{price}"}}')
    desk.save("shoot", form.replace('EUR: {fixed: "990.00"}', f'{currency}: {{fixed: "1{price}"}}'), "test")
    customer, photographer = open_browser(PHONE), open_browser(PHONE)
    book(customer, shown)
    photographer.goto(link(shoots, "grace@example.com", "j"))
    expect(photographer.get_by_text(shown)).to_be_visible()
    do_all(photographer)
    customer.goto(link(shoots, "ada@example.com", "c"))
    expect(customer.get_by_role("button", name="Yes, it is done")).to_be_visible()
    expect(customer.get_by_text(shown)).to_be_visible()
    shoots.clock.forward(days=3, minutes=1)
    shoots.until(lambda: shoots.events(type="job.released"))
    photographer.goto(link(shoots, "grace@example.com", "p"))
    expect(photographer.get_by_text(left)).to_be_visible()
    provider = shoots.events(type="job.released")[0]
    assert account(shoots, ledger.provider(shoots.hub.queries.event(provider.id).data["provider"]), currency) == -share
    assert account(shoots, ledger.COMMISSION, currency) == -commission
