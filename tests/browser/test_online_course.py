"""Story 3.2 on a phone: buy one course, or become a member; renewals, a failed charge, the end, another price."""

import re
from email import message_from_bytes, policy

import pytest
from playwright.sync_api import expect

from hub.commerce.portal import portal_address
from hub.journal.tables_forms import form_plans
from hub.payments.coupons import make

from .conftest import PHONE
from .test_accessibility import violations
from .test_charity import gifts, mails, pay_at_the_sandbox


@pytest.fixture
def school(live):
    live.hub.recipes.install("online-course", "test@example.com")
    return live


def enrol(page, what, email, choice="Pay"):
    page.goto("/f/course")
    page.get_by_role("radio", name=re.compile(f"^{what}")).check()
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("button", name="Go on to pay").click()
    pay_at_the_sandbox(page, choice)
    expect(page.get_by_text("Your access is on its way to you by mail.")).to_be_visible()


def told(live, event_type):
    return [live.hub.queries.event(one.id).data for one in live.events(type=event_type)]


def test_the_course_is_paid_once_and_open(school, open_browser):
    page = open_browser(PHONE)
    page.goto("/f/course")
    expect(page.get_by_text("€49.00")).to_be_visible()
    expect(page.get_by_text("€19.00")).to_be_hidden()
    page.get_by_role("radio", name=re.compile("^Membership")).check()
    expect(page.get_by_text("€19.00 every month")).to_be_visible()
    expect(page.get_by_text("€49.00")).to_be_hidden()
    enrol(page, "This course", "ada@example.com")
    (granted,) = school.until(lambda: told(school, "access.granted"))
    assert (granted["resource"], granted["customer"]["email"]) == ("course-watercolour", "ada@example.com")
    assert "until" not in granted
    school.until(lambda: "Welcome, Ada Lovelace: here is your access" in mails(school, "ada@example.com"))
    assert [(one.state, one.minor) for one in gifts(school, "course")] == [("paid", 4900)]


def test_a_member_with_a_coupon_sees_the_price_before_and_pays_it(school, open_browser):
    values = {"discount": {"percent": "33.33", "cycles": 1}, "most": 1}
    school.hub.office("make").change(lambda book: make(book, "SPRING", values))
    page = open_browser(PHONE)
    page.goto("/f/course")
    page.get_by_role("radio", name=re.compile("^Membership")).check()
    page.get_by_label("Coupon code").fill("autumn")
    page.get_by_role("button", name="Look at the price").click()
    expect(page.locator("#coupon-wrong")).to_contain_text("We do not know this code.")
    expect(page.get_by_label("Coupon code")).to_have_value("autumn")
    assert violations(page) == []
    page.get_by_label("Coupon code").fill(" spring")
    page.get_by_label("E-mail address").fill("ada@example.com")
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("Your name").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("€12.67 for the first charge, then €19.00 every month")
    expect(page.get_by_label("E-mail address")).to_have_value("ada@example.com")
    assert violations(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    page.get_by_role("button", name="Go on to pay").click()
    pay_at_the_sandbox(page, "Pay")
    (paid,) = school.until(lambda: told(school, "payment.succeeded"))
    assert paid["amount"] == {"minor": 1267, "currency": "EUR"}
    assert [one.coupon for one in gifts(school, "course")] == ["SPRING"]


def test_a_member_is_renewed_told_of_another_price_and_leaves_at_the_end_of_the_period(school, open_browser):
    enrol(open_browser(PHONE), "Membership", "ada@example.com")
    (granted,) = school.until(lambda: told(school, "access.granted"))
    (member,) = gifts(school, "course")
    assert (granted["resource"], granted["subscription"]) == ("all-courses", member.subscription)
    school.sandbox("POST", "/test/clock", {"unit": "month"})
    (extended,) = school.until(lambda: told(school, "access.extended"))
    assert extended["until"] > granted["until"]
    with school.hub.database.read() as connection:
        plan = connection.execute(form_plans.select()).one().plan
    dearer = {"plan": plan, "price": {"minor": 2100, "currency": "EUR"}, "existing": "move"}
    school.hub.payments.act("sandbox", "plan.update", "7a" * 20, dearer)
    subject = "Your membership costs €21.00 from your next period on"
    school.until(lambda: subject in mails(school, "ada@example.com"))
    school.sandbox("POST", "/test/clock", {"unit": "month"})
    renewed = school.until(
        lambda: [one for one in told(school, "subscription.renewed") if one["amount"]["minor"] == 2100]
    )
    assert len(renewed) == 1
    leave = {"subscription": member.subscription, "at": "period_end"}
    school.hub.payments.act("sandbox", "subscription.cancel", "7b" * 20, leave)
    school.until(lambda: any("ends on" in one for one in mails(school, "ada@example.com")))
    assert told(school, "access.revoked") == []
    school.sandbox("POST", "/test/clock", {"unit": "month"})
    (revoked,) = school.until(lambda: told(school, "access.revoked"))
    assert revoked["resource"] == "all-courses"
    assert [one.state for one in gifts(school, "course")] == ["ended"]


def portal_link(live, email):
    """The portal's address in the mail that was asked for."""
    return newest_link(live, email, "Your link")


def newest_link(live, email, subject="Your membership could not be charged"):
    """The portal's address in the newest mail of this subject."""
    mail = live.until(lambda: next((one for one in live.hub.store.mails() if one["subject"] == subject), None))
    assert mail["recipient"] == email
    raw = live.hub.store.mail(mail["key"])[2]
    text = message_from_bytes(raw, policy=policy.default).get_body(("plain",)).get_content()
    return re.search(r"http://127\.0\.0\.1:\d+/m/[\w.~-]+", text)[0]


def test_a_member_sees_pauses_and_ends_the_membership_in_the_portal(school, open_browser):
    page = open_browser(PHONE)
    enrol(page, "Membership", "ada@example.com")
    school.until(lambda: told(school, "access.granted"))
    page.goto("/m")
    page.get_by_label("E-mail address").fill("Ada@Example.com")
    assert violations(page) == []
    page.get_by_role("button", name="Send me the link").click()
    expect(page.get_by_text("If we know this address")).to_be_visible()
    page.goto(portal_link(school, "ada@example.com"))
    expect(page.get_by_role("link", name="All courses")).to_be_visible()
    membership = page.get_by_role("region", name="Paint with watercolours: Membership")
    expect(membership).to_contain_text("€19.00")
    expect(membership).to_contain_text("Running. Paid until")
    assert violations(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    membership.get_by_role("button", name="Pause").click()
    expect(membership).to_contain_text("Paused. Nothing is charged.")
    membership.get_by_role("button", name="Go on").click()
    expect(membership).to_contain_text("Running.")
    membership.get_by_text("End it", exact=True).click()
    membership.get_by_role("button", name="End it with this period").click()
    expect(membership).to_contain_text(re.compile(r"Ends on \w+ \d+, \d{4}\. Nothing more is charged\."))
    expect(membership.get_by_role("button")).to_have_count(0)
    school.until(lambda: any("ends on" in one for one in mails(school, "ada@example.com")))
    school.sandbox("POST", "/test/clock", {"unit": "month"})
    (revoked,) = school.until(lambda: told(school, "access.revoked"))
    assert revoked["resource"] == "all-courses"
    page.reload()
    expect(page.get_by_text("Nothing is open to you at present.")).to_be_visible()
    expect(membership).to_contain_text("Over.")


def test_a_gateway_that_refuses_is_said_in_the_portal_and_nothing_changes(school, open_browser):
    page = open_browser(PHONE)
    enrol(page, "Membership", "ada@example.com")
    school.until(lambda: told(school, "access.granted"))
    account = school.hub.accounts.get("sandbox")
    row = next(one for one in school.hub.store.connections() if one.name == "sandbox")
    school.hub.accounts.update("sandbox", {**account.settings, "api_key": "sk_wrong"}, row.version, "test")
    page.goto(portal_address(school.hub.office("test"), "ada@example.com"))
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("alert")).to_contain_text("This did not work just now, and nothing was changed.")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_a_member_whose_card_fails_gives_another_one_is_charged_once_and_keeps_access(school, open_browser):
    page = open_browser(PHONE)
    enrol(page, "Membership", "ada@example.com", "Pay now, decline later")
    (granted,) = school.until(lambda: told(school, "access.granted"))
    school.sandbox("POST", "/test/clock", {"unit": "month"})
    school.until(lambda: "Your membership could not be charged" in mails(school, "ada@example.com"))
    page.goto(newest_link(school, "ada@example.com"))
    membership = page.get_by_role("region", name="Paint with watercolours: Membership")
    expect(membership).to_contain_text("The last charge did not go through.")
    assert violations(page) == []

    membership.get_by_role("button", name="Pay with another card").click()
    page.get_by_role("link", name="Cancel and go back to the shop").click()
    expect(membership).to_contain_text("The card was not changed. The one before stays")
    membership.get_by_role("button", name="Pay with another card").click()
    expect(page.get_by_text("another card. The amount is only reserved")).to_be_visible()
    pay_at_the_sandbox(page, "Pay")
    expect(membership).to_contain_text("Your new card is stored.")
    assert violations(page) == []

    (renewed,) = school.until(lambda: told(school, "subscription.renewed"))
    assert renewed["amount"] == {"minor": 1900, "currency": "EUR"}
    (extended,) = school.until(lambda: told(school, "access.extended"))
    assert extended["until"] > granted["until"]
    school.until(lambda: told(school, "payment.voided"))
    paid = told(school, "payment.succeeded")
    assert [one["amount"]["minor"] for one in paid] == [1900, 1900], "the first month, and the one that was overdue"
    page.reload()
    expect(membership).to_contain_text("Running. Paid until")
    expect(page.get_by_role("link", name="All courses")).to_be_visible()


def test_a_member_whose_charge_fails_is_written_to_and_loses_access_in_the_end(school, open_browser):
    enrol(open_browser(PHONE), "Membership", "ada@example.com", "Pay now, decline later")
    school.until(lambda: told(school, "access.granted"))
    school.sandbox("POST", "/test/clock", {"unit": "month"})
    school.until(lambda: "Your membership could not be charged" in mails(school, "ada@example.com"))
    assert told(school, "access.extended") == []
    school.sandbox("POST", "/test/clock", {"unit": "month"})
    (revoked,) = school.until(lambda: told(school, "access.revoked"))
    assert revoked["reason"] == "payment_failed"
    school.until(lambda: "Your membership is over" in mails(school, "ada@example.com"))
