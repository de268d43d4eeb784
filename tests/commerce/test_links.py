"""Payment links: one for a payment, one for many; mailed, reminded of, expired, cancelled, paid at most once."""

from email import message_from_bytes, policy

import pytest

from hub.commerce.links import order_for
from hub.errors import PermanentError

ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}
AMOUNT = {"minor": 4500, "currency": "EUR"}


def link(shop, key="step-1", **more):
    return shop.do("links", "create", {"amount": AMOUNT, "purpose": "Piano lesson", "recipient": ADA, **more}, key)


def state(shop, made):
    return shop.do("links", "get", {"link": made["link"]})


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
