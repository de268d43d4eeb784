"""The member's portal: what a customer has, what they may change, and an address that comes to them alone."""

import html
import json
import re
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy

import pytest

from hub.journal.entries import Happening
from hub.journal.tables import subscriptions
from hub.phrases import LANGUAGES
from tests.fakes.fake_razorpay import FakeRazorpay
from tests.fakes.server import DOWN

ADA, GRACE = "ada@example.com", "grace@example.com"
EUR = {"minor": 1900, "currency": "EUR"}
NOT_NOW = "As it stands now, this cannot be done, and nothing was changed."


@pytest.fixture
def member(shop):
    """Ada, who pays each month; gives the subscription's id."""
    plan = shop.act("plan.create", {"name": "Membership", "price": EUR, "interval": {"unit": "month"}}, "plan")["plan"]
    given = {"plan": plan, "method": "m_1", "customer": {"email": "Ada@Example.com", "name": "Ada"}}
    identity = shop.act("subscription.create", given, "join")["subscription"]
    shop.run_due()
    return identity


def grant(shop, key="g-1", email=ADA, **more):
    given = {"customer": {"email": email}, "resource": "all-courses", "title": "All courses", **more}
    return shop.do("access", "grant", given, key)


def portal(shop, email=ADA):
    """The portal's address as a mail holds it."""
    return shop.do("access", "get", {"customer": {"email": email}})["url"]


def text_of(answer):
    body = re.sub(r"<(style|script).*?</\1>", "", answer.text, flags=re.DOTALL)
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", body).split()))


def press(shop, address, do, subscription, key="k1", connection="corner"):
    data = {"do": do, "subscription": subscription, "connection": connection, "key": key}
    return shop.visit(address, "POST", data=data)


def ask(shop, email, **options):
    return shop.visit("https://hub.example.com/m", "POST", data={"email": email}, **options)


def mails(shop):
    shop.run_due()
    return [(one["recipient"], one["subject"]) for one in shop.hub.store.mails()]


def test_it_shows_what_is_open_and_until_when(shop):
    until = (shop.moment + timedelta(days=30)).isoformat()
    grant(shop, until=until, address="https://courses.example.com")
    shop.do("access", "grant", {"customer": {"email": ADA}, "resource": "book", "title": "<b>The book</b>"}, "g-2")
    grant(shop, "g-3", GRACE, until=until)
    answer = shop.visit(portal(shop))
    said = text_of(answer)
    assert '<a href="https://courses.example.com">All courses</a>' in answer.text
    assert "All courses until March 2, 2027" in said
    assert "<b>The book</b> without end" in said
    assert GRACE not in said
    assert "Nothing is open" not in said


def test_of_two_accesses_to_one_thing_the_longer_is_shown_and_none_that_is_over(shop):
    grant(shop, "g-1", payment="pay_1")
    grant(shop, "g-2", subscription="sub_1", until=(shop.moment + timedelta(days=3)).isoformat())
    assert text_of(shop.visit(portal(shop))).count("All courses") == 1
    assert "All courses without end" in text_of(shop.visit(portal(shop)))
    shop.do("access", "revoke", {"customer": {"email": ADA}, "resource": "all-courses"}, "r-1")
    assert "Nothing is open to you at present." in text_of(shop.visit(portal(shop)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_speaks_every_language(shop, member, language):
    grant(shop)
    answer = shop.visit(f"{portal(shop)}?lang={language}")
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text
    assert len(answer.data) < 60_000
    asking = shop.visit(f"https://hub.example.com/m?lang={language}")
    assert f'<html lang="{language}">' in asking.text


def test_a_member_pauses_goes_on_and_ends_with_the_period(shop, member):
    address = portal(shop)
    assert "Membership €19.00 Running. Paid until February 28, 2027." in text_of(shop.visit(address))
    back = press(shop, address, "pause", member)
    assert back.status_code == 303
    assert "Paused. Nothing is charged." in text_of(shop.visit(back.headers["Location"]))
    shop.moment += timedelta(minutes=1)
    press(shop, address, "resume", member, "k2")
    assert "Running." in text_of(shop.visit(address))
    shop.moment += timedelta(minutes=1)
    press(shop, address, "cancel", member, "k3")
    said = text_of(shop.visit(address))
    assert "Ends on February 28, 2027. Nothing more is charged." in said
    assert "End it" not in said
    shop.forward(days=40)
    assert "Over." in text_of(shop.visit(portal(shop)))
    assert shop.told("subscription") == [
        "subscription.started", "subscription.paused", "subscription.resumed", "subscription.updated",
        "subscription.cancelled",
    ]  # fmt: skip


def test_a_double_click_and_a_late_press_change_nothing_more(shop, member):
    address = portal(shop)
    for key in ("k1", "k1", "k2"):
        assert press(shop, address, "pause", member, key).status_code == 303
    assert shop.told("subscription.paused") == ["subscription.paused"]


def test_what_is_somebody_elses_cannot_be_touched(shop, member):
    grant(shop, email=GRACE)
    for connection, subscription in (("corner", member), ("corner", "sub_nothing"), ("nowhere", member)):
        assert press(shop, portal(shop, GRACE), "cancel", subscription, connection=connection).status_code == 404
    assert press(shop, portal(shop), "end", member).status_code == 404
    assert shop.told("subscription") == ["subscription.started"]


def kept_by(shop, connector, settings):
    """A subscription of Ada's that a gateway keeps, as its webhook tells it."""
    shop.hub.accounts.create("theirs", connector, settings, "test")
    data = {"subscription": "sub_theirs", "plan": "pln_theirs", "customer": {"email": ADA}, "amount": EUR}
    shop.happen("subscription.started", "theirs", **data)
    return "sub_theirs"


PAYPAL = {"client_id": "made-up-client", "client_secret": "made-up-secret", "mode": "test"}


@pytest.fixture
def razorpay():
    with FakeRazorpay().running() as fake:
        yield fake
    assert fake.complaints == []


def kept_by_razorpay(shop, razorpay, **more):
    fields = {"status": "active", "short_url": "https://rzp.example/s/made", "notes": {}, "payment_method": "card"}
    made = razorpay.new("subscription", **{**fields, **more})
    shop.hub.accounts.create("theirs", "razorpay", razorpay.fields(), "test")
    data = {"subscription": made["id"], "plan": "pln_theirs", "customer": {"email": ADA}, "amount": EUR}
    shop.happen("subscription.started", "theirs", **data)
    return made["id"]


def card_form(shop, theirs, key="k1"):
    """The hub's page with the gateway's form, to which a press leads."""
    leading = press(shop, portal(shop), "card", theirs, key=key, connection="theirs")
    assert leading.status_code == 303
    return leading.headers["Location"]


def started_with(page):
    """What the page starts the gateway's form with."""
    return json.loads(html.unescape(re.search(r'data-output="([^"]*)"', page.text)[1]))["client"]


def give(shop, address, parameters):
    """The gateway's form is done: what it gave goes to the hub, which says where to go on."""
    return shop.visit(f"{address}/complete", method="POST", json=parameters).json


def test_where_the_gateway_has_a_form_for_another_card_it_stands_on_our_page(shop, razorpay):
    theirs = kept_by_razorpay(shop, razorpay)
    razorpay.now = int(shop.moment.timestamp())
    assert "Pay with another card" in text_of(shop.visit(portal(shop)))
    address = card_form(shop, theirs)
    assert card_form(shop, theirs) == address, "a double click is one page"
    page = shop.visit(address)
    assert (started_with(page)["subscription_id"], started_with(page)["subscription_card_change"]) == (theirs, 1)
    assert started_with(page)["prefill"] == {"email": ADA}
    assert "https://checkout.razorpay.com" in page.headers["Content-Security-Policy"]
    assert 'data-press="Give the card"' in page.text
    assert "Keep the present card and go back" in text_of(page)
    said = give(shop, address, razorpay.change_card(theirs))
    assert said["state"] == "paid"
    assert "Your new card is being stored." in text_of(shop.visit(said["next"]))
    shop.run_due()
    assert "Your new card is stored. From now on it is charged" in text_of(shop.visit(said["next"]))
    updated = shop.event("subscription.updated")
    assert (updated["subscription"], updated["plan"]) == (theirs, "pln_theirs")
    assert "data-pay" not in shop.visit(address).text, "the form is done with"


def test_a_form_for_another_card_that_was_left_changes_nothing(shop, razorpay):
    theirs = kept_by_razorpay(shop, razorpay)
    address = card_form(shop, theirs)
    (back,) = re.findall(r'<a href="([^"]+)">Keep the present card', shop.visit(address).text)
    assert "The card was not changed. The one before stays" in text_of(shop.visit(html.unescape(back)))
    assert give(shop, address, {})["state"] == "open"
    assert shop.hub.new_means.standing("theirs", theirs) == "kept"
    assert "data-pay" in shop.visit(address).text, "the card can still be given"
    shop.run_due()
    assert shop.told("subscription.updated") == []


def test_what_proves_no_other_card_leaves_the_old_one_and_the_payer_may_try_again(shop, razorpay):
    theirs = kept_by_razorpay(shop, razorpay)
    razorpay.now = int(shop.moment.timestamp())
    said = give(shop, card_form(shop, theirs), {**razorpay.change_card(theirs), "razorpay_signature": "0" * 64})
    shop.run_due()
    assert "The card was not changed. The one before stays" in text_of(shop.visit(said["next"]))
    assert shop.told("subscription.updated") == []
    shop.moment += timedelta(minutes=1)
    said = give(shop, card_form(shop, theirs, "k2"), razorpay.change_card(theirs))
    shop.run_due()
    assert "Your new card is stored." in text_of(shop.visit(said["next"]))


def test_the_proof_of_an_earlier_change_is_none_of_another_card(shop, razorpay):
    theirs = kept_by_razorpay(shop, razorpay)
    razorpay.now = int((shop.moment - timedelta(days=1)).timestamp())
    said = give(shop, card_form(shop, theirs), razorpay.change_card(theirs))
    shop.run_due()
    assert "The card was not changed. The one before stays" in text_of(shop.visit(said["next"]))
    assert shop.told("subscription.updated") == []


def test_a_proof_is_kept_while_the_gateway_is_down(shop, razorpay):
    theirs = kept_by_razorpay(shop, razorpay)
    razorpay.now = int(shop.moment.timestamp())
    address = card_form(shop, theirs)
    said = give(shop, address, razorpay.change_card(theirs))
    give(shop, address, {"razorpay_payment_id": "pay_forged"})
    razorpay.treat(*[DOWN] * 8)
    shop.run_due()
    assert "Your new card is being stored." in text_of(shop.visit(said["next"]))
    razorpay.moods.clear()
    shop.forward(hours=1)
    assert "Your new card is stored." in text_of(shop.visit(said["next"]))
    assert shop.told("subscription.updated") == ["subscription.updated"]


def test_what_is_paid_by_no_card_is_said_kindly_and_the_button_is_gone(shop, razorpay):
    theirs = kept_by_razorpay(shop, razorpay, payment_method="upi")
    answer = press(shop, portal(shop), "card", theirs, connection="theirs")
    assert answer.status_code == 422
    assert "To pay with another card, end this with its period and begin anew then." in text_of(answer)
    assert "try again" not in text_of(answer)
    assert 'value="card"' not in answer.text
    shop.hub.store.put_fact("brand", {"name": "Paint School", "email": "help@example.com"}, shop.moment)
    answer = press(shop, portal(shop), "card", theirs, key="k2", connection="theirs")
    assert "To pay with another card, write to us: help@example.com" in text_of(answer)


def test_a_form_for_another_card_that_cannot_be_asked_for_is_tried_again(shop, razorpay):
    theirs = kept_by_razorpay(shop, razorpay)
    razorpay.treat(*[DOWN] * 8)
    answer = press(shop, portal(shop), "card", theirs, connection="theirs")
    assert (answer.status_code, "Please try again in a few minutes." in text_of(answer)) == (422, True)


def test_where_payers_have_an_account_at_the_gateway_the_page_leads_there(shop):
    theirs = kept_by(shop, "paypal", PAYPAL)
    assert NOT_NOW in text_of(press(shop, portal(shop), "card", theirs, connection="theirs"))
    answer = shop.visit(portal(shop))
    assert "PayPal keeps your card. Sign in there to pay with another one: Open PayPal" in text_of(answer)
    assert 'href="https://www.paypal.com/myaccount/autopay/"' in answer.text


def test_a_member_gives_another_card_and_is_told_what_became_of_it(shop, member):
    leading = press(shop, portal(shop), "card", member)
    (address,) = re.findall(r'href="(http://127[^"]+)"', leading.text)
    back = shop.visit(shop.gateway.pay("c_2")).headers["Location"]
    assert (address[-7:], "done=card" in back) == ("/page/2", True)
    waiting = shop.visit(back)
    assert "Thank you. Your new card is being stored." in text_of(waiting)
    assert waiting.headers["Refresh"].startswith("2; url=/m/")
    shop.run_due()
    said = text_of(shop.visit(back))
    assert "Your new card is stored. From now on it is charged" in said
    assert "Pay with another card" in said
    assert "Your new card is stored" not in text_of(shop.visit(portal(shop)))


def test_a_double_click_on_another_card_is_one_visit_and_leaving_it_changes_nothing(shop, member):
    pages = {
        re.search(r'href="(http://127[^"]+)"', press(shop, portal(shop), "card", member).text)[1] for _ in range(2)
    }
    assert len(pages) == 1
    visit = shop.gateway.payments["c_2"]
    assert (visit["amount"], visit["manual"]) == (1900, True)
    left = f"{portal(shop)}?done=card&of={member}&look=1"
    answer = shop.visit(left)
    assert "The card was not changed. The one before stays, and you can try again." in text_of(answer)
    assert "Refresh" not in answer.headers


def test_a_gateway_that_is_down_is_said_and_the_old_card_stays(shop, member):
    shop.gateway.treat(*[DOWN] * 8)
    answer = press(shop, portal(shop), "card", member)
    assert answer.status_code == 422
    assert "This did not work just now, and nothing was changed." in text_of(answer)


def test_a_subscription_that_is_over_takes_no_card(shop, member):
    address = portal(shop)
    shop.act("subscription.cancel", {"subscription": member, "at": "now"}, "end")
    assert "Pay with another card" not in text_of(shop.visit(address))
    assert NOT_NOW in text_of(press(shop, address, "card", member))
    assert len(shop.gateway.payments) == 1


def test_a_connection_that_is_gone_shows_no_buttons(shop, member):
    shop.hub.accounts.delete("corner", "test@example.com")
    answer = shop.visit(portal(shop))
    assert "Membership" in answer.text
    assert 'name="do"' not in answer.text
    answer = press(shop, portal(shop), "cancel", member)
    assert (answer.status_code, NOT_NOW in text_of(answer)) == (422, True)


def bring_to(shop, state):
    """Ada's subscription in one of its states; gives its id."""
    plan = {"name": "Membership", "price": EUR, "interval": {"unit": "month"}, "cycles": 1 if state == "ended" else 9}
    given = {"plan": shop.act("plan.create", plan, "plan")["plan"], "customer": {"email": ADA}}
    if state == "trialing":
        given["trial_days"] = 14
    shop.gateway.declines = state == "unpaid"
    made = shop.act("subscription.create", given if state == "pending" else {**given, "method": "m_1"}, "join")
    identity = made["subscription"]
    shop.run_due()
    shop.moment += timedelta(minutes=1)
    if state == "past_due":
        shop.gateway.declines = True
        shop.forward(days=29)
    elif state == "returned":
        news = {"payment": "c_1", "amount": EUR}
        shop.hub.recorder.record(Happening("payment.returned", "corner", "back", news, shop.moment), shop.moment)
        shop.run_due()
    elif state == "ended":
        shop.forward(days=29)
    elif state == "paused":
        shop.act("subscription.pause", {"subscription": identity}, "pause")
    elif state in {"cancelling", "cancelled"}:
        at = "now" if state == "cancelled" else "period_end"
        shop.act("subscription.cancel", {"subscription": identity, "at": at}, "cancel")
    return identity


BUTTONS = ("card", "cancel", "pause", "resume")


@pytest.mark.parametrize(
    ("state", "shown", "done", "said"),
    [
        ("trialing", {"card", "cancel", "pause"}, {"resume"}, "Running. Nothing is charged until February 14, 2027."),
        ("active", {"card", "cancel", "pause"}, {"resume"}, "Running. Paid until February 28, 2027."),
        ("unpaid", {"card", "cancel"}, set(), "The last charge did not go through. We try again."),
        ("past_due", {"card", "cancel"}, set(), "The last charge did not go through. We try again."),
        ("returned", {"card", "cancel"}, set(), "The bank took your last payment back. We charge it again."),
        ("paused", {"card", "cancel", "resume"}, {"pause"}, "Paused. Nothing is charged."),
        ("cancelling", set(), {"cancel"}, "Ends on February 28, 2027. Nothing more is charged."),
        ("cancelled", set(), {"cancel"}, "Over."),
        ("ended", set(), {"cancel"}, "Over."),
    ],
)
def test_what_is_shown_can_be_done_and_all_else_is_refused_in_words(shop, state, shown, done, said):
    identity = bring_to(shop, state)
    address = portal(shop)
    page = shop.visit(address)
    assert said in text_of(page)
    assert set(re.findall(r'name="do" value="(\w+)"', page.text)) == shown
    before = shop.told(), len(shop.gateway.payments)
    for do in sorted(set(BUTTONS) - shown):
        answer = press(shop, address, do, identity, f"no {do}")
        if do in done:
            assert answer.status_code == 303, do
            assert said in text_of(shop.visit(answer.headers["Location"]))
        else:
            assert (answer.status_code, NOT_NOW in text_of(answer), said in text_of(answer)) == (422, True, True), do
    assert (shop.told(), len(shop.gateway.payments)) == before
    if shown:
        shop.gateway.declines = False
        assert 'href="http://127' in press(shop, address, "card", identity).text
        (do,) = sorted(shown - {"card", "cancel"}) or ["cancel"]
        back = press(shop, address, do, identity)
        assert back.status_code == 303
        assert f'value="{do}"' not in shop.visit(back.headers["Location"]).text


def test_who_has_not_agreed_yet_has_no_subscription_to_show(shop):
    identity = bring_to(shop, "pending")
    assert "Membership" not in text_of(shop.visit(portal(shop)))
    assert press(shop, portal(shop), "cancel", identity).status_code == 404


def test_what_the_hub_knows_better_than_the_page_is_refused_in_words(shop, member):
    store = shop.hub.payments.store
    row = store.get(subscriptions, member)
    store.keep_subscription(row, replace(store.subscription(row), state="paused"), shop.moment)
    answer = press(shop, portal(shop), "pause", member)
    assert (answer.status_code, NOT_NOW in text_of(answer)) == (422, True)
    assert "try again" not in text_of(answer)


@pytest.mark.parametrize(("look", "looks_again"), [("0", False), ("1", True), ("4", True), ("5", False), ("-1", False)])
def test_the_page_looks_by_itself_a_few_times_and_then_rests(shop, member, look, looks_again):
    press(shop, portal(shop), "card", member)
    shop.visit(shop.gateway.pay("c_2"))
    page = shop.visit(f"{portal(shop)}?done=card&of={member}&look={look}")
    assert "Your new card is being stored." in text_of(page)
    assert ("Refresh" in page.headers) is looks_again


@pytest.mark.parametrize("spoil", ["signature", "payload", "kind", "somebody"])
def test_an_address_that_was_tampered_with_shows_nothing_and_does_nothing(shop, member, spoil):
    grant(shop)
    token = portal(shop).rpartition("/")[2]
    payload, _, signature = token.partition(".")
    other = portal(shop, GRACE).rpartition("/")[2].partition(".")
    spoilt = {
        "signature": f"{payload}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}",
        "payload": f"{payload[:-3]}{'A' if payload[-3] != 'A' else 'B'}{payload[-2:]}.{signature}",
        "kind": shop.hub.office("test").address("o", f"{shop.moment:%Y-%m-%d} {ADA}").rpartition("/")[2],
        "somebody": f"{payload}.{other[2]}",
    }[spoil]
    address = f"https://hub.example.com/m/{spoilt}"
    for answer in (shop.visit(address), press(shop, address, "cancel", member)):
        assert answer.status_code == 404
        assert "This link does not work" in text_of(answer)
        assert not any(one in answer.text for one in (ADA, "Membership", "All courses"))
    assert shop.told("subscription") == ["subscription.started"]


def test_the_page_of_an_old_address_tells_nothing_of_the_member(shop, member):
    grant(shop)
    address = portal(shop)
    shop.moment += timedelta(days=31)
    for answer in (shop.visit(address), press(shop, address, "cancel", member), shop.visit(f"{address}?lang=de")):
        assert not any(one in answer.text for one in (ADA, "Membership", "All courses", member))


def test_what_runs_stands_first_and_of_it_the_newest(shop):
    for name in ("Oldest", "Over", "Newest"):
        plan = shop.act("plan.create", {"name": name, "price": EUR, "interval": {"unit": "month"}}, name)["plan"]
        given = {"plan": plan, "method": "m_1", "customer": {"email": ADA}}
        made = shop.act("subscription.create", given, f"join {name}")["subscription"]
        shop.run_due()
        shop.moment += timedelta(minutes=1)
        if name == "Over":
            shop.act("subscription.cancel", {"subscription": made, "at": "now"}, "cancel")
    assert re.findall(r'<section aria-label="(\w+)"', shop.visit(portal(shop)).text) == ["Newest", "Oldest", "Over"]


def test_who_has_access_alone_gets_the_mail_too(shop):
    grant(shop)
    ask(shop, ADA)
    assert mails(shop) == [(ADA, "Your link")]


def test_who_asks_hears_the_same_and_only_a_customer_gets_a_mail(shop, member):
    known, unknown = ask(shop, "ADA@example.com"), ask(shop, "nobody@example.com")
    assert known.status_code == unknown.status_code == 200
    assert text_of(known) == text_of(unknown)
    assert "If we know this address" in text_of(known)
    assert mails(shop) == [(ADA, "Your link")]


def test_the_mail_is_in_the_visitors_language_and_its_link_opens_the_portal(shop, member):
    shop.hub.store.put_fact("brand", {"name": "Malschule"}, shop.moment)
    ask(shop, ADA, headers={"Accept-Language": "de"})
    assert mails(shop) == [(ADA, "Malschule: Ihr Link")]
    _, _, raw, _ = shop.hub.store.mail(shop.hub.store.mails()[0]["key"])
    mail = message_from_bytes(raw, policy=policy.default).get_body(("plain",)).get_content()
    address = re.search(r"https://hub\.example\.com/m/[\w.~-]+", mail)[0]
    assert "Membership" in text_of(shop.visit(address))


def test_however_often_somebody_asks_one_mail_goes_out_in_a_quarter_hour(shop, member):
    for _ in range(3):
        ask(shop, ADA)
    assert len(mails(shop)) == 1
    shop.moment += timedelta(minutes=16)
    ask(shop, ADA)
    assert len(mails(shop)) == 2


@pytest.mark.parametrize(
    "email", ["", "nobody", "a@b@c", "a b@c.example", "a@b\r\nBcc: x@y.example", "x" * 300 + "@y.example"]
)
def test_what_is_no_address_is_said_and_kept(shop, email):
    answer = ask(shop, email)
    assert answer.status_code == 422
    assert "This is not one e-mail address" in text_of(answer)
    assert f'value="{html.escape(email.strip())}"' in answer.text.replace("&#34;", "&quot;")
    assert mails(shop) == []


def test_an_address_that_is_too_old_opens_nothing_and_brings_a_new_one_to_the_same_mailbox(shop, member):
    address = portal(shop)
    shop.moment += timedelta(days=31)
    old = shop.visit(address)
    assert "This link is older than 30 days." in text_of(old)
    assert "Membership" not in old.text
    assert "If we know this address" in text_of(press(shop, address, "cancel", member))
    assert "subscription.updated" not in shop.told()
    assert (ADA, "Your link") in mails(shop)
    assert "Membership" in text_of(shop.visit(portal(shop)))


@pytest.mark.parametrize("token", ["nothing", "a.b"])
def test_an_address_that_was_never_made_leads_nowhere(shop, token):
    answer = shop.visit(f"https://hub.example.com/m/{token}")
    assert answer.status_code == 404
    assert "This link does not work" in text_of(answer)
