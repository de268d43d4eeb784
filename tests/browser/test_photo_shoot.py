"""Story 3.8 on phones: a shoot is paid, the first photographer declines, the second does it; or nobody takes it."""

import re
from email import message_from_bytes, policy

import pytest
from playwright.sync_api import expect

from hub.journal.tables import payments
from hub.journal.tables_work import jobs
from hub.payments import ledger

from .conftest import PHONE

DAY = "2099-12-05"


@pytest.fixture
def shoots(live):
    live.hub.recipes.install("photo-shoot", "test@example.com")
    for name in ("grace", "linus"):
        given = {"name": name.title(), "email": f"{name}@example.com", "skills": ["portrait"], "region": "Berlin"}
        provider = act(live, "providers", "register", given, name)["provider"]
        act(live, "providers", "approve", {"provider": provider}, name)
    return live


def act(live, connector, action, given, key):
    return live.hub.payments.act(connector, action, key.encode().hex().ljust(40, "0")[:40], given)


def links(live, to, kind):
    found = []
    for mail in live.hub.store.mails():
        if mail["recipient"] == to:
            message = message_from_bytes(live.hub.store.mail(mail["key"])[2], policy=policy.default)
            found += re.findall(rf"http://\S+/{kind}/[\w.-]+", message.get_body(("plain",)).get_content())
    return found


def link(live, to, kind):
    return live.until(lambda: next(iter(links(live, to, kind)), None))


def job(live):
    with live.hub.database.read() as connection:
        return connection.execute(jobs.select()).first()


def book(page):
    page.goto("/f/shoot")
    page.get_by_role("radio", name=re.compile("^Portraits")).check()
    page.get_by_label("On which day").fill(DAY)
    for label, text in [("In which city", "berlin"), ("Your name", "Ada"), ("E-mail address", "ada@example.com")]:
        page.get_by_role("textbox", name=label).fill(text)
    page.get_by_role("button", name="Go on to pay").click()
    page.get_by_role("radio", name=re.compile("^Pay ")).first.check()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("status")).to_contain_text("We ask the photographers now")


def test_a_shoot_goes_to_the_next_photographer_and_is_paid_less_commission(shoots, open_browser):
    customer, photographer = open_browser(PHONE), open_browser(PHONE)
    book(customer)
    photographer.goto(link(shoots, "grace@example.com", "j"))
    photographer.get_by_role("button", name="I cannot").click()
    expect(photographer.get_by_role("status")).to_contain_text("You declined this job.")
    photographer.goto(link(shoots, "linus@example.com", "j"))
    for button in ("I take it", "I begin now", "It is done"):
        photographer.get_by_role("button", name=button).click()
    expect(photographer.get_by_role("status")).to_contain_text("You reported it done.")
    customer.goto(link(shoots, "ada@example.com", "c"))
    customer.get_by_role("button", name="Yes, it is done").click()
    shoots.until(lambda: shoots.events(type="job.released"))
    provider = job(shoots).provider
    with shoots.hub.database.read() as connection:
        assert ledger.balance(connection, ledger.provider(provider), "EUR") == -19_920
        assert ledger.balance(connection, ledger.COMMISSION, "EUR") == -4_980
    photographer.goto(shoots.hub.office("test").address("p", provider))
    expect(photographer.get_by_text("€199.20")).to_be_visible()


def test_nobody_accepts_and_the_customer_is_refunded(shoots, open_browser):
    customer, photographer, admin = open_browser(PHONE), open_browser(PHONE), open_browser(PHONE)
    book(customer)
    for name in ("grace", "linus"):
        photographer.goto(link(shoots, f"{name}@example.com", "j"))
        photographer.get_by_role("button", name="I cannot").click()
    (question,) = shoots.until(lambda: shoots.hub.queries.open_questions() or None)
    admin.goto(shoots.hub.answer_address(question["id"], "refund"))
    admin.get_by_role("button", name="refund").first.click()
    shoots.until(lambda: [row for row in shoots.hub.payments.store.list(payments) if row.state == "refunded"])
    assert (job(shoots).state, job(shoots).reason) == ("cancelled", "nobody_left")
    with shoots.hub.database.read() as connection:
        assert all(one.minor == 0 for one in ledger.balances(connection, "held:"))
