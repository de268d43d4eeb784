"""Story 3.2 on a phone: buy one course, or become a member; renewals, a failed charge, the end, another price."""

import re

import pytest
from playwright.sync_api import expect

from hub.journal.tables_forms import form_plans

from .conftest import PHONE
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
    assert school.until(lambda: mails(school, "ada@example.com")) == ["Welcome, Ada Lovelace: here is your access"]
    assert [(one.state, one.minor) for one in gifts(school, "course")] == [("paid", 4900)]


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


def test_a_member_whose_charge_fails_is_written_to_and_loses_access_in_the_end(school, open_browser):
    enrol(open_browser(PHONE), "Membership", "ada@example.com", "Pay now, decline later")
    school.until(lambda: told(school, "access.granted"))
    school.sandbox("POST", "/test/clock", {"unit": "month"})
    school.until(lambda: "Your membership could not be charged" in mails(school, "ada@example.com"))
    assert told(school, "access.extended") == []
    school.sandbox("POST", "/test/clock", {"unit": "month"})
    (revoked,) = school.until(lambda: told(school, "access.revoked"))
    assert revoked["reason"] == "payment_failed"
    assert "Your membership is over" in mails(school, "ada@example.com")
