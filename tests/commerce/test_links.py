"""Payment links: one for a payment, one for many; mailed, reminded of, expired, cancelled, paid at most once."""

from datetime import timedelta
from email import message_from_bytes, policy

import pytest

from hub.commerce.link_reading import find_link
from hub.commerce.links import create, mail_now, order_for, remind_now
from hub.commerce.order_reading import find_order
from hub.errors import PermanentError
from hub.journal.tables_office import timers

UNREACHABLE = {"host": "127.0.0.1", "port": 9, "security": "none", "auth": "none"}
ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}
AMOUNT = {"minor": 4500, "currency": "EUR"}


def link(shop, key="step-1", **more):
    return shop.do("links", "create", {"amount": AMOUNT, "purpose": "Piano lesson", "recipient": ADA, **more}, key)


def state(shop, made):
    return shop.do("links", "get", {"link": made["link"]})


def row_of(shop, made):
    with shop.hub.database.read() as connection:
        return find_link(connection, made["link"])


def pay(shop, made, payment="pay_1", source="corner", **more):
    shop.happen("payment.succeeded", source, payment=payment, order=made["order"], amount=AMOUNT, **more)


def mails(shop):
    """What was mailed, oldest first."""
    kept = [shop.hub.store.mail(row["key"])[2] for row in reversed(shop.hub.store.mails())]
    return [message_from_bytes(raw, policy=policy.default) for raw in kept]


def body(mail):
    return mail.get_body(("plain",)).get_content()


def test_a_link_has_an_address_and_an_order_of_one_line(shop):
    made = link(shop)
    assert made == link(shop), "the same step makes one"
    assert (made["state"], made["amount"], made["purpose"], made["mail"]) == ("active", AMOUNT, "Piano lesson", "none")
    assert made["url"].startswith("https://hub.example.com/r/")
    order = shop.do("orders", "get", {"order": made["order"]})
    assert (order["total"], [line["title"] for line in order["lines"]]) == (AMOUNT, ["Piano lesson"])
    assert order["link"] == made["link"]
    assert order["expires_at"] == made["expires_at"] == "2027-03-02T09:00:00+00:00"
    told = shop.event("link.created")
    assert {name: told[name] for name in ("link", "url", "amount", "recipient", "customer")} == {
        "link": made["link"], "url": made["url"], "amount": AMOUNT, "recipient": ADA, "customer": ADA
    }  # fmt: skip


def test_a_paid_link_is_told_once_with_its_payment(shop):
    made = link(shop, metadata={"lesson": "17"})
    pay(shop, made)
    pay(shop, made)
    now = state(shop, made)
    assert (now["state"], now["payments"]) == ("paid", 1)
    assert shop.told("link") == ["link.created", "link.paid"]
    told = shop.event("link.paid")
    assert (told["payment"], told["connection"], told["metadata"]) == ("pay_1", "corner", {"lesson": "17"})
    shop.forward(days=40)
    assert state(shop, made)["state"] == "paid"


def test_a_second_payment_goes_back_by_itself(shop):
    made = link(shop)
    pay(shop, made)
    pay(shop, made, "pay_2", "second")
    assert state(shop, made)["payments"] == 1
    assert shop.told("link") == ["link.created", "link.paid"]
    assert shop.event("order.paid_again")["payment"] == "pay_2"


def test_a_link_expires_and_is_paid_all_the_same_when_the_money_was_on_its_way(shop):
    made = link(shop, expires_in="2d")
    shop.forward(days=3)
    assert state(shop, made)["state"] == "expired"
    assert shop.told("link") == ["link.created", "link.expired"]
    assert "reason" not in shop.event("link.expired")
    pay(shop, made)
    assert state(shop, made)["state"] == "paid"
    assert shop.told("link") == ["link.created", "link.expired", "link.paid"]


def test_a_cancelled_link_takes_nothing_and_a_late_payment_goes_back(shop):
    made = link(shop)
    gone = shop.do("links", "cancel", {"link": made["link"], "reason": "Lesson moved"}, "step-2")
    assert gone == shop.do("links", "cancel", {"link": made["link"]}, "step-3")
    assert gone["state"] == "cancelled"
    assert shop.event("link.cancelled")["reason"] == "Lesson moved"
    pay(shop, made)
    assert state(shop, made)["state"] == "cancelled"
    assert shop.event("order.paid_again")["reason"] == "cancelled"


def test_a_paid_link_is_refunded_not_cancelled(shop):
    made = link(shop)
    pay(shop, made)
    error = shop.refused_to("links", "cancel", {"link": made["link"]})
    assert (error.code, error.remedy) == ("wrong_state", "Refund its payment instead.")


def test_a_debit_that_the_bank_takes_back_makes_it_active_again(shop):
    made = link(shop)
    pay(shop, made)
    shop.happen("payment.returned", payment="pay_1", amount=AMOUNT, reason="insufficient_funds")
    now = state(shop, made)
    assert (now["state"], now["payments"]) == ("active", 0)
    pay(shop, made, "pay_3")
    assert state(shop, made)["state"] == "paid"
    assert shop.told("link") == ["link.created", "link.paid", "link.paid"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"amount": {"minor": 0, "currency": "EUR"}}, "above zero"),
        ({"send": True, "recipient": {"name": "Ada"}}, "no mail address"),
        ({"expires_in": "1d2w"}, "expires_in: '1d2w' is not a duration"),
        ({"remind_in": "99999w"}, "remind_in: 99999w is longer than ten years"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_and_nothing_is_there(shop, given, words):
    error = shop.refused_to("links", "create", {"amount": AMOUNT, "purpose": "Lesson", "recipient": ADA, **given})
    assert words in error.message
    assert shop.told() == []


def test_it_is_mailed_by_itself_and_reminded_of_once(shop):
    made = link(shop, send=True, remind_in="7d", note="See you on Monday.")
    assert made["mail"] == "waiting"
    shop.forward(minutes=1)
    assert state(shop, made)["mail"] == "sent"
    (asked,) = mails(shop)
    assert (asked["To"], asked["Subject"]) == ("ada@example.com", "Payment request: Piano lesson")
    for shown in ("Hello Ada Lovelace,", "€45.00", made["url"], "See you on Monday.", "March 2, 2027"):
        assert shown in body(asked), shown
    shop.forward(days=6)
    assert len(mails(shop)) == 1
    shop.forward(days=2)
    shop.forward(days=9)
    reminder = mails(shop)[1]
    assert (len(mails(shop)), reminder["Subject"]) == (2, "Reminder: Piano lesson")
    assert "reminded_at" in state(shop, made)


@pytest.mark.parametrize("how", ["paid", "cancelled", "expired"])
def test_nobody_is_reminded_of_a_link_that_is_over(shop, how):
    made = link(shop, send=True, remind_in="7d", expires_in="5d" if how == "expired" else "30d")
    shop.forward(minutes=1)
    if how == "paid":
        pay(shop, made)
    elif how == "cancelled":
        shop.do("links", "cancel", {"link": made["link"]}, "step-2")
    if how != "expired":
        assert timers_of(shop, made) == []
    shop.forward(days=20)
    assert state(shop, made)["state"] == how
    assert len(mails(shop)) == 1


def test_who_pays_by_a_slow_way_is_not_reminded_meanwhile(shop):
    made = link(shop, send=True, remind_in="7d")
    shop.forward(minutes=1)
    shop.happen("payment.pending", payment="pay_1", order=made["order"], amount=AMOUNT)
    shop.forward(days=8)
    assert len(mails(shop)) == 1
    shop.happen("payment.failed", payment="pay_1", order=made["order"], amount=AMOUNT, reason="declined")
    shop.forward(days=2)
    assert len(mails(shop)) == 2


@pytest.mark.parametrize(
    ("language", "word"), [("de", "Bitte bezahlen"), ("es", "pague"), ("fr", "payer"), ("hi", "कृपया")]
)
def test_mails_speak_the_links_language(shop, language, word):
    made = link(shop, language=language, recipient={"email": "ada@example.com"})
    shop.do("links", "send", {"link": made["link"]}, "step-2")
    shop.forward(minutes=1)
    shop.do("links", "remind", {"link": made["link"]}, "step-3")
    asked, reminder = mails(shop)
    assert word in body(asked)
    assert made["url"] in body(reminder)
    assert "Ada" not in body(asked)


def test_a_link_is_mailed_again_to_somebody_else(shop):
    made = link(shop, recipient={})
    assert "names no mail address" in shop.refused_to("links", "send", {"link": made["link"]}).message
    shop.do("links", "send", {"link": made["link"], "to": "bob@example.com"}, "step-2")
    shop.do("links", "send", {"link": made["link"], "to": "bob@example.com"}, "step-2")
    assert [mail["To"] for mail in mails(shop)] == ["bob@example.com"]
    shop.do("links", "cancel", {"link": made["link"]}, "step-3")
    assert "is cancelled" in shop.refused_to("links", "send", {"link": made["link"], "to": "bob@example.com"}).message


def test_a_link_that_many_may_pay_makes_an_order_for_each(shop):
    made = link(shop, reusable=True, recipient={})
    assert "order" not in made
    first, again, second = (order_for(shop.office(key), made["link"]) for key in ("a", "a", "b"))
    assert first == again != second
    pay(shop, {"order": first})
    pay(shop, {"order": second}, "pay_2", "second")
    now = state(shop, made)
    assert (now["state"], now["payments"]) == ("active", 2)
    assert shop.told("link") == ["link.created", "link.paid", "link.paid"]
    third = order_for(shop.office("c"), made["link"])
    shop.forward(days=40)
    assert state(shop, made)["state"] == "expired"
    assert shop.do("orders", "get", {"order": third})["state"] in {"expired", "cancelled"}
    with pytest.raises(PermanentError, match="takes no payment"):
        order_for(shop.office("d"), made["link"])


def test_who_began_to_pay_just_before_the_end_of_a_link_for_many_has_no_longer_than_the_link(shop):
    made = link(shop, reusable=True, expires_in="10d")
    first = shop.do("orders", "get", {"order": order_for(shop.office("a"), made["link"])})
    assert first["expires_at"] == "2027-02-03T09:00:00+00:00"
    shop.forward(days=9)
    second = shop.do("orders", "get", {"order": order_for(shop.office("b"), made["link"])})
    assert (second["expires_at"], second["link"]) == (made["expires_at"], made["link"])
    shop.forward(days=1)
    assert shop.do("orders", "get", {"order": second["order"]})["state"] in {"expired", "cancelled"}


def test_who_was_mailed_a_link_for_many_and_paid_it_is_not_reminded(shop):
    made = link(shop, reusable=True, send=True, remind_in="7d")
    shop.forward(minutes=1)
    order = order_for(shop.office("a"), made["link"])
    pay(shop, {"order": order})
    shop.forward(days=20)
    assert len(mails(shop)) == 1
    assert "reminded_at" not in state(shop, made)


def test_who_is_paying_a_link_for_many_by_a_slow_way_is_not_reminded_meanwhile(shop):
    made = link(shop, reusable=True, send=True, remind_in="2d")
    shop.forward(minutes=1)
    order = order_for(shop.office("a"), made["link"])
    shop.happen("payment.pending", payment="pay_1", order=order, amount=AMOUNT)
    shop.forward(days=4)
    assert len(mails(shop)) == 1
    shop.happen("payment.failed", payment="pay_1", order=order, amount=AMOUNT, reason="declined")
    shop.forward(days=2)
    assert len(mails(shop)) == 2


def test_who_is_paying_a_link_for_many_by_a_slow_way_at_its_end_has_paid_when_the_money_comes(shop):
    made = link(shop, reusable=True, expires_in="2d")
    paying, failing, idle = (order_for(shop.office(key), made["link"]) for key in ("a", "b", "c"))
    shop.happen("payment.pending", payment="pay_1", order=paying, amount=AMOUNT)
    shop.happen("payment.pending", payment="pay_2", order=failing, amount=AMOUNT)
    shop.forward(days=3)

    def states():
        return [shop.do("orders", "get", {"order": one})["state"] for one in (paying, failing, idle)]

    assert states()[:2] == ["open", "open"]
    assert states()[2] in {"expired", "cancelled"}
    assert state(shop, made)["state"] == "expired"
    shop.happen("payment.succeeded", payment="pay_1", order=paying, amount=AMOUNT)
    shop.happen("payment.failed", payment="pay_2", order=failing, amount=AMOUNT, reason="declined")
    shop.forward(days=2)
    assert states()[:2] == ["paid", "expired"], "nothing goes back, and what failed is over"
    assert (state(shop, made)["state"], state(shop, made)["payments"]) == ("expired", 1)
    assert (shop.told("order.paid_again"), shop.told("link.paid")) == ([], ["link.paid"])


def test_a_link_for_many_that_is_cancelled_waits_for_no_payment(shop):
    made = link(shop, reusable=True)
    paying = order_for(shop.office("a"), made["link"])
    shop.happen("payment.pending", payment="pay_1", order=paying, amount=AMOUNT)
    shop.do("links", "cancel", {"link": made["link"]}, "stop")
    assert shop.do("orders", "get", {"order": paying})["state"] == "cancelled"


def test_a_link_for_many_that_is_over_stays_as_it_ended(shop):
    made = link(shop, reusable=True, expires_in="1d", send=True, remind_in="12h")
    pay(shop, {"order": order_for(shop.office("a"), made["link"])})
    shop.forward(days=2)
    assert shop.do("links", "cancel", {"link": made["link"]}, "too late")["state"] == "expired"
    other = link(shop, "step-2", reusable=True, expires_in="1d", send=True, remind_in="12h")
    paid, begun = (order_for(shop.office(key), other["link"]) for key in ("b", "c"))
    pay(shop, {"order": paid}, "pay_2")
    for key in ("first", "second"):
        ended = shop.do("links", "cancel", {"link": other["link"], "reason": "Full"}, key)
        assert (ended["state"], ended["payments"]) == ("cancelled", 1)
    assert shop.do("orders", "get", {"order": paid})["state"] == "paid"
    assert shop.do("orders", "get", {"order": begun})["state"] == "cancelled"
    before = len(mails(shop))
    shop.forward(days=2)
    assert len(mails(shop)) == before, "nobody is mailed a link that is over"
    assert state(shop, other)["state"] == "cancelled"
    assert [one.get("reason") for one in shop.said("link.cancelled")] == ["Full"]
    assert shop.said("link.expired")[0].get("reason") is None


def test_what_the_mail_server_refuses_is_shown_until_it_is_mailed_elsewhere(shop):
    made = link(shop, send=True, recipient={"email": "a..b@example.com"})
    shop.forward(days=1)
    assert state(shop, made)["mail"] == "failed"
    assert row_of(shop, made).mail_error["code"] == "invalid_recipient"
    assert mails(shop) == []
    sent = shop.do("links", "send", {"link": made["link"], "to": "ada@example.com"}, "by hand")
    assert sent["mail"] == "sent"
    assert row_of(shop, made).mail_error is None


def test_a_link_waits_while_the_mail_server_cannot_be_reached(shop):
    shop.hub.accounts.create("mail", "mail", {**UNREACHABLE, "from": "shop@example.com"}, "test")
    made = link(shop, send=True)
    shop.forward(hours=1)
    assert state(shop, made)["mail"] == "waiting"
    assert timers_of(shop, made) == ["links.mail"]
    shop.hub.accounts.delete("mail", "test")
    shop.do("links", "send", {"link": made["link"]}, "by hand")
    assert timers_of(shop, made) == [], "nothing is tried again"


def timers_of(shop, made):
    with shop.hub.database.read() as connection:
        return [row.kind for row in connection.execute(timers.select().where(timers.c.subject == made["link"]))]


def test_who_reminds_by_hand_takes_the_place_of_the_timer(shop):
    made = link(shop, send=True, remind_in="7d")
    shop.forward(minutes=1)
    assert timers_of(shop, made) == ["links.remind"]
    shop.do("links", "remind", {"link": made["link"]}, "by hand")
    assert timers_of(shop, made) == []


def test_nobody_is_reminded_at_the_very_end(shop):
    made = link(shop, send=True, remind_in="7d", expires_in="7d")
    shop.run_due()
    assert timers_of(shop, made) == []


def test_a_mail_says_who_sends_it(shop):
    shop.hub.store.put_fact("brand", {"name": "Corner Music School"}, shop.moment)
    link(shop, send=True)
    shop.forward(minutes=1)
    assert "Corner Music School" in body(mails(shop)[0])


def test_it_is_not_reminded_of_again_by_itself_once_somebody_did(shop):
    made = link(shop, send=True, remind_in="7d")
    shop.forward(minutes=1)
    shop.do("links", "remind", {"link": made["link"]}, "by hand")
    shop.do("links", "send", {"link": made["link"]}, "once more")
    shop.forward(days=20)
    remind_now(shop.office("a timer that was claimed meanwhile"), made["link"])
    assert [mail["Subject"].split(":")[0] for mail in mails(shop)] == ["Payment request", "Reminder", "Payment request"]


def test_a_link_that_was_mailed_by_hand_first_is_not_mailed_again_by_itself(shop):
    made = link(shop, send=True)
    shop.do("links", "send", {"link": made["link"]}, "by hand")
    shop.forward(hours=1)
    mail_now(shop.office("a timer that was claimed meanwhile"), made["link"])
    assert len(mails(shop)) == 1


def test_a_link_that_was_cancelled_before_its_mail_went_out_is_not_mailed(shop):
    made = link(shop, send=True, reusable=True)
    shop.do("links", "cancel", {"link": made["link"]}, "step-2")
    assert timers_of(shop, made) == []
    shop.forward(days=1)
    assert mails(shop) == []
    assert "is cancelled" in shop.refused_to("links", "remind", {"link": made["link"]}).message


@pytest.mark.parametrize("how", ["paid", "expired"])
def test_a_link_that_is_paid_or_expired_is_not_mailed_by_hand(shop, how):
    made = link(shop)
    if how == "paid":
        pay(shop, made)
    else:
        shop.forward(days=31)
    for action in ("send", "remind"):
        assert f"is {how}" in shop.refused_to("links", action, {"link": made["link"]}, action).message
    assert mails(shop) == []


def test_the_order_of_a_link_has_all_that_the_link_says(shop):
    more = {"connections": ["second"], "return_url": "https://shop.example.com/thanks", "metadata": {"lesson": "17"}}
    made = link(shop, **more)
    with shop.hub.database.read() as connection:
        row = find_order(connection, made["order"])
    said = (row.connections, row.return_url, row.metadata, row.customer, row.description)
    assert said == (["second"], more["return_url"], more["metadata"], ADA, "Piano lesson")


def test_a_link_tells_when_it_was_paid_and_no_more_once_the_bank_took_it_back(shop):
    made = link(shop)
    pay(shop, made)
    assert state(shop, made)["paid_at"] == shop.moment.isoformat()
    shop.happen("payment.returned", payment="pay_1", amount=AMOUNT, reason="insufficient_funds")
    assert "paid_at" not in state(shop, made)
    many = link(shop, "step-2", reusable=True)
    for number in (2, 3):
        pay(shop, {"order": order_for(shop.office(str(number)), many["link"])}, f"pay_{number}")
        shop.moment += timedelta(hours=1)
    shop.happen("payment.returned", payment="pay_3", amount=AMOUNT, reason="insufficient_funds")
    now = state(shop, many)
    assert (now["payments"], now["paid_at"]) == (1, (shop.moment - timedelta(hours=1)).isoformat())
    assert len(shop.said("link.paid")) == 3, "what is taken back is not told as paid"


@pytest.mark.parametrize("how", ["cancelled", "expired"])
def test_a_link_for_many_ends_though_somebody_has_paid_it_in_part(shop, how):
    made = link(shop, reusable=True, expires_in="2d", language="de")
    part, begun = (order_for(shop.office(key), made["link"]) for key in ("a", "b"))
    shop.happen("payment.succeeded", payment="pay_1", order=part, amount={"minor": 1000, "currency": "EUR"})
    if how == "cancelled":
        shop.do("links", "cancel", {"link": made["link"]}, "step-2")
    else:
        shop.forward(days=3)
    assert state(shop, made)["state"] == how
    assert shop.event(f"link.{how}")["language"] == "de"
    states = [shop.do("orders", "get", {"order": order})["state"] for order in (part, begun)]
    assert (states[0], states[1] in {"cancelled", "expired"}) == ("open", True)


def test_a_link_is_found_by_its_purpose_and_recipient_however_they_are_written(shop):
    row = row_of(shop, link(shop))
    assert row.search == "piano lesson ada@example.com ada lovelace"


def test_a_step_that_is_repeated_after_its_mail_went_out_mails_nothing_again(shop):
    given = {"amount": AMOUNT, "purpose": "Piano lesson", "recipient": ADA, "send": True}
    made = create(shop.office("one"), given)
    shop.forward(hours=1)
    again = create(shop.office("one"), given)
    assert (again["link"], again["mail"]) == (made["link"], "sent")
    shop.forward(hours=1)
    assert len(mails(shop)) == 1
