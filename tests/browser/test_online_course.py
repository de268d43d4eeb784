"""Story 3.2 on a phone: buy one course, or become a member; renewals, a failed charge, the end; the admin's price and end."""

import re
from datetime import datetime
from email import message_from_bytes, policy

import pytest
from playwright.sync_api import expect

from hub.commerce.access import held
from hub.commerce.portal import portal_address
from hub.engine.form_desk import FormDesk
from hub.payments.coupons import make

from .conftest import PHONE, log_in
from .test_accessibility import violations
from .test_charity import gifts, letter, mails, pay_at_the_sandbox


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


def priced(live, currency, course, membership):
    """The course in another currency: the form says both prices."""
    desk = FormDesk(live.hub)
    text = desk.text("course").replace('EUR: {fixed: "49.00"}', f'{currency}: {{fixed: "{course}"}}')
    desk.save("course", text.replace('EUR: {fixed: "19.00"}', f'{currency}: {{fixed: "{membership}"}}'), "test")


def subscription(admin):
    """The admin opens Ada's subscription."""
    admin.goto("/subscriptions")
    admin.get_by_role("link", name=re.compile("Ada Lovelace")).click()
    return admin


def press(admin, title, said):
    """The admin presses a button that asks once more, and reads what is said."""
    admin.locator("summary", has_text=title).click()
    admin.get_by_role("button", name=title).click()
    expect(admin.get_by_role("status").filter(has_text=said)).to_be_visible()


def a_month_later(admin):
    """The admin sets the sandbox's clock a month forward."""
    admin.goto("/sandbox/clock")
    admin.get_by_role("button", name="Forward 1 month").click()
    expect(admin.get_by_role("status")).to_contain_text("The clock was set forward")


@pytest.mark.parametrize(
    ("currency", "course", "before", "was", "typed", "now", "minor"),
    [
        ("EUR", "49.00", "19.00", "€19.00", "21.50", "€21.50", 2150),
        ("JPY", "7300", "2900", "¥2,900", "3201", "¥3,201", 3201),
        ("KWD", "15.250", "5.900", "KWD5.900", "6.125", "KWD6.125", 6125),
    ],
)
def test_the_admin_sets_another_price_and_members_are_told_and_pay_it(
    school, open_browser, currency, course, before, was, typed, now, minor
):
    priced(school, currency, course, before)
    admin, member = log_in(open_browser()), open_browser(PHONE)
    enrol(member, "Membership", "ada@example.com")
    (granted,) = school.until(lambda: told(school, "access.granted"))
    subject = "Welcome, Ada Lovelace: here is your access"
    assert f"we have received {was}" in " ".join(letter(school, "ada@example.com", subject).replace("*", "").split())
    member.goto(newest_link(school, "ada@example.com", subject))
    membership = member.get_by_role("region", name="Paint with watercolours: Membership")
    expect(membership).to_contain_text(was)

    admin.goto("/plans")
    admin.get_by_role("link", name=re.compile("Paint with watercolours: Membership")).click()
    admin.get_by_label("Price in").fill("1e9")
    admin.get_by_role("button", name="Set the price").click()
    expect(admin.get_by_role("alert")).to_contain_text("'1e9' is not an amount")
    admin.get_by_label("Price in").fill(typed)
    admin.get_by_role("radio", name=re.compile("^pays the new one from the next period")).check()
    admin.get_by_role("button", name="Set the price").click()
    expect(admin.get_by_text("The new price holds.")).to_be_visible()
    expect(admin.get_by_role("region", name="The plan")).to_contain_text(now)
    expect(admin.get_by_role("status").filter(has_text="still says")).to_contain_text(was)
    text = letter(school, "ada@example.com", f"Your membership costs {now} from your next period on")
    assert f"costs {now}; until now it was {was}." in text.replace("*", "")
    member.reload()
    expect(membership).to_contain_text(was)

    a_month_later(admin)
    school.until(lambda: [one for one in told(school, "subscription.renewed") if one["amount"]["minor"] == minor])
    (extended,) = school.until(lambda: told(school, "access.extended"))
    assert extended["until"] > granted["until"]
    member.reload()
    expect(membership).to_contain_text(now)
    subscription(admin)
    expect(admin.get_by_role("region", name="How it stands")).to_contain_text(now)
    admin.goto("/payments")
    for shown in (was, now):
        expect(admin.get_by_text(shown).first).to_be_visible()


def test_twelve_months_of_a_membership_are_charged_once_each_and_keep_the_access_open(school, open_browser):
    admin, member = log_in(open_browser()), open_browser(PHONE)
    enrol(member, "Membership", "ada@example.com")
    (first,) = school.until(lambda: told(school, "access.granted"))
    for month in range(1, 13):
        a_month_later(admin)
        school.until(lambda so_far=month: len(told(school, "subscription.renewed")) == so_far)
    periods = [one["period"] for one in told(school, "subscription.renewed")]
    assert len({one["start"] for one in periods}) == 12
    assert sorted(one["start"] for one in periods)[1:] == sorted(one["end"] for one in periods)[:-1], (
        "no day is left out"
    )
    school.until(lambda: len(told(school, "access.extended")) == 12)
    with school.hub.database.read() as connection:
        (access,) = held(connection, "ada@example.com")
    last = max(datetime.fromisoformat(one["end"]) for one in periods)
    assert access.until >= last > datetime.fromisoformat(first["until"])
    paid = school.until(lambda: len(told(school, "payment.succeeded")) == 13 and told(school, "payment.succeeded"))
    assert [one["amount"] for one in paid] == [{"minor": 1900, "currency": "EUR"}] * 13
    admin.goto("/payments")
    expect(admin.get_by_text("13 paid")).to_be_visible()
    expect(admin.get_by_text("€247.00")).to_be_visible()
    member.goto(portal_address(school.hub.office("test"), "ada@example.com"))
    membership = member.get_by_role("region", name="Paint with watercolours: Membership")
    expect(membership).to_contain_text("Running. Paid until")


def test_who_leaves_or_keeps_the_old_price_is_told_of_no_new_one(school, open_browser):
    admin = log_in(open_browser())
    for name in ("ada", "bob"):
        enrol(open_browser(PHONE), "Membership", f"{name}@example.com")
    school.until(lambda: len(told(school, "access.granted")) == 2)
    plan = told(school, "access.granted")[0]["plan"]
    (leaving,) = (one for one in told(school, "access.granted") if one["customer"]["email"] == "bob@example.com")
    desk = school.hub.office("the admin")
    desk.call("sandbox", "plan.update", {"plan": plan, "price": {"minor": 2000, "currency": "EUR"}}, "keep")
    desk.call("sandbox", "subscription.cancel", {"subscription": leaving["subscription"]}, "leave")
    school.until(lambda: any(one.startswith("Your membership ends on ") for one in mails(school, "bob@example.com")))
    given = {"plan": plan, "price": {"minor": 2150, "currency": "EUR"}, "existing": "move"}
    desk.call("sandbox", "plan.update", given, "move")
    letter(school, "ada@example.com", "Your membership costs €21.50 from your next period on")
    school.until(lambda: [one.status for one in school.runs(recipe="membership-price-mails")] == ["succeeded"])
    told_of = {name: [one for one in mails(school, f"{name}@example.com") if "costs" in one] for name in ("ada", "bob")}
    assert told_of == {"ada": ["Your membership costs €21.50 from your next period on"], "bob": []}
    a_month_later(admin)
    school.until(lambda: [one for one in told(school, "subscription.renewed") if one["amount"]["minor"] == 2150])
    text = letter(school, "bob@example.com", "Your membership is over")
    assert "nothing more is charged" in text
    assert [one["customer"]["email"] for one in told(school, "subscription.renewed")] == ["ada@example.com"]


def test_who_joins_after_a_new_price_pays_what_the_form_says(school, open_browser):
    admin, visitor = log_in(open_browser()), open_browser(PHONE)
    enrol(visitor, "Membership", "ada@example.com")
    school.until(lambda: told(school, "subscription.started"))
    admin.goto("/plans")
    admin.get_by_role("link", name=re.compile("Membership")).click()
    admin.get_by_label("Price in").fill("21.50")
    admin.get_by_role("button", name="Set the price").click()
    expect(admin.get_by_text("The new price holds.")).to_be_visible()
    enrol(visitor, "Membership", "bob@example.com")
    school.until(lambda: len(told(school, "payment.succeeded")) == 2)
    admin.get_by_role("link", name="course", exact=True).click()
    offer = admin.locator('.hub-panel[data-card="panel offer-1"]')
    offer.locator("summary").first.click()
    offer.get_by_label("Price in EUR").fill("21.50")
    offer.get_by_label("Price in EUR").press("Tab")
    expect(admin.locator("[data-said]")).to_have_text("Done.")
    admin.get_by_role("button", name="Save").click()
    expect(admin.get_by_text("Saved. Visitors see it from now on.")).to_be_visible()
    visitor.goto("/f/course")
    visitor.get_by_role("radio", name=re.compile("^Membership")).check()
    expect(visitor.get_by_text("€21.50 every month")).to_be_visible()
    enrol(visitor, "Membership", "eve@example.com")
    school.until(lambda: len(told(school, "payment.succeeded")) == 3)
    paid = {one["customer"]["email"]: one["amount"]["minor"] for one in told(school, "payment.succeeded")}
    assert paid == {"ada@example.com": 1900, "bob@example.com": 1900, "eve@example.com": 2150}
    admin.goto("/plans")
    expect(admin.get_by_role("link", name=re.compile(r"€21\.50 every month · 2 subscriptions"))).to_be_visible()
    admin.get_by_role("link", name=re.compile(r"€21\.50")).click()
    expect(admin.get_by_role("status").filter(has_text="still says")).to_have_count(0)


def test_the_admin_pauses_ends_with_the_period_and_ends_at_once_and_the_member_sees_it(school, open_browser):
    admin, member = log_in(open_browser()), open_browser(PHONE)
    enrol(member, "Membership", "ada@example.com")
    school.until(lambda: told(school, "access.granted"))
    member.goto(newest_link(school, "ada@example.com", "Welcome, Ada Lovelace: here is your access"))
    membership = member.get_by_role("region", name="Paint with watercolours: Membership")
    press(subscription(admin), "Pause", "Nothing is charged until it is resumed.")
    member.reload()
    expect(membership).to_contain_text("Paused. Nothing is charged.")
    a_month_later(admin)
    assert len(told(school, "payment.succeeded")) == 1, "a paused membership costs nothing"
    press(subscription(admin), "Resume", "It goes on.")
    member.reload()
    expect(membership).to_contain_text("Running.")
    press(admin, "Cancel at period end", "It ends with the period that is paid.")
    school.until(lambda: any(one.startswith("Your membership ends on ") for one in mails(school, "ada@example.com")))
    member.reload()
    expect(membership).to_contain_text(re.compile(r"Ends on \w+ \d+, \d{4}\. Nothing more is charged\."))
    expect(member.get_by_role("link", name="All courses")).to_be_visible()
    assert told(school, "access.revoked") == []
    press(admin, "End now", "It is over.")
    text = letter(school, "ada@example.com", "Your membership is over")
    assert "nothing more is charged" in text
    (revoked,) = school.until(lambda: told(school, "access.revoked"))
    assert revoked["resource"] == "all-courses"
    member.reload()
    expect(member.get_by_text("Nothing is open to you at present.")).to_be_visible()
    expect(membership).to_contain_text("Over.")
    subscription(admin)
    expect(admin.locator("summary", has_text="End now")).to_have_count(0)
    assert [one.state for one in gifts(school, "course")] == ["ended"]


def test_the_admin_reads_why_a_gateway_refused_and_nothing_changes(school, open_browser):
    admin = log_in(open_browser())
    enrol(open_browser(PHONE), "Membership", "ada@example.com")
    school.until(lambda: told(school, "subscription.started"))
    account = school.hub.accounts.get("sandbox")
    row = next(one for one in school.hub.store.connections() if one.name == "sandbox")
    school.hub.accounts.update("sandbox", {**account.settings, "api_key": "sk_wrong"}, row.version, "test")
    subscription(admin)
    admin.locator("summary", has_text="End now").click()
    admin.get_by_role("button", name="End now").click()
    expect(admin.get_by_role("alert")).to_contain_text("key")
    expect(admin.locator(".hub-actions")).to_contain_text("active")
    assert told(school, "access.revoked") == []


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
