"""What comes in by forms: kept once with its event, led on to pay, and followed to the end."""

from datetime import timedelta

import pytest

from hub.commerce.form_fields import read_answers
from hub.commerce.forms import read_form
from hub.commerce.submissions import Wanted, begin, get, is_called_off, listed, submit
from hub.journal.tables import subscriptions
from hub.journal.tables_forms import submissions

EUR = {"EUR": {"fixed": "49.00"}}
FIELDS = [
    {"name": "name", "type": "text"},
    {"name": "email", "type": "email", "required": True},
    {"name": "campaign", "type": "hidden", "value": "winter"},
]
ADA = {"f-name": "Ada Lovelace", "f-email": "ada@example.com"}
ONCE = {"name": "once", "title": "Once"}
MONTHLY = {"name": "monthly", "title": "Every month", "every": "month"}


def form(**pay):
    value = {"form": 1, "name": "give", "title": {"en": "A gift", "de": "Eine Spende"}, "fields": FIELDS}
    return read_form(value | ({"pay": {"by": "corner", "amount": EUR, **pay}} if pay is not None else {}))


def send(shop, asked, key="key", language="en", **entered):
    answers = read_answers(asked, ADA | entered)
    assert answers.problems == {}
    return submit(shop.office(key), asked, answers, language)


def row(shop, identity):
    return get(shop.office(), identity)


def paid(shop, submission, payment="c_1", event="payment.succeeded", **more):
    shop.moment += timedelta(seconds=1)
    data = {"payment": payment, "amount": {"minor": 4900, "currency": "EUR"}, **more}
    shop.happen(event, metadata={"submission": submission, "form": "give"}, **data)


def test_a_submission_is_kept_once_with_its_event(shop):
    asked = form(offers=[ONCE, MONTHLY])
    first, again = (send(shop, asked, offer="once") for _ in range(2))
    assert first == again
    assert shop.told("form") == ["form.submitted"]
    assert shop.event("form.submitted") == {
        "form": "give",
        "submission": first,
        "values": {"name": "Ada Lovelace", "email": "ada@example.com", "campaign": "winter"},
        "customer": {"name": "Ada Lovelace", "email": "ada@example.com"},
        "language": "en",
        "amount": {"minor": 4900, "currency": "EUR"},
        "offer": "once",
    }
    assert (row(shop, first).state, row(shop, first).minor) == ("sent", 4900)
    assert send(shop, asked, "another", offer="once") != first


def test_a_form_without_payment_leads_nowhere(shop):
    asked = read_form({"form": 1, "name": "ask", "title": "Ask", "fields": FIELDS})
    identity = send(shop, asked)
    assert begin(shop.office(), asked, identity) is None
    assert shop.event("form.submitted")["values"]["campaign"] == "winter"


def test_a_double_click_leads_to_one_payment(shop):
    asked = form()
    identity = send(shop, asked)
    addresses = {begin(shop.office(key), asked, identity) for key in ("one", "two")}
    assert len(addresses) == 1
    assert shop.told("payment").count("payment.created") == 1
    assert shop.told("order") == ["order.placed"]
    assert row(shop, identity).state == "paying"


@pytest.mark.parametrize("by", ["corner", ["corner", "second"]])
def test_what_was_called_off_is_not_begun_to_be_paid(shop, by):
    asked = form(by=by)
    identity = send(shop, asked)
    assert begin(shop.office(), asked, identity)
    assert not is_called_off(shop.office(), row(shop, identity))
    shop.do("orders", "cancel", {"order": row(shop, identity).order}, "cancel")
    before = len(shop.told("payment"))
    shop.forward(hours=2)
    assert begin(shop.office("later"), asked, identity) is None
    assert is_called_off(shop.office(), row(shop, identity))
    assert (len(shop.told("payment")), shop.told("order")) == (before, ["order.placed", "order.cancelled"])


def test_what_expired_can_be_paid_still(shop):
    asked = form()
    identity = send(shop, asked)
    begin(shop.office(), asked, identity)
    shop.forward(days=40)
    assert shop.do("orders", "get", {"order": row(shop, identity).order})["state"] == "expired"
    assert begin(shop.office("later"), asked, identity)


def test_the_payer_pays_what_the_server_validated_under_the_forms_words(shop):
    asked = form(purpose={"en": "Help", "de": "Hilfe"})
    begin(shop.office(), asked, send(shop, asked, language="de"))
    created = shop.event("payment.created")
    assert created["amount"] == {"minor": 4900, "currency": "EUR"}
    assert created["metadata"]["campaign"] == "winter"
    assert created["customer"] == {"name": "Ada Lovelace", "email": "ada@example.com"}
    assert shop.event("order.placed")["lines"][0]["title"] == "Hilfe"


def test_of_several_gateways_the_payer_chooses_at_the_order(shop):
    asked = form(by=["corner", "second"])
    identity = send(shop, asked)
    address = begin(shop.office(), asked, identity)
    assert address.startswith("https://hub.example.com/o/")
    assert (row(shop, identity).connection, shop.told("payment").count("payment.created")) == (None, 0)


def test_the_subscriptions_own_news_say_what_it_is_called(shop):
    identity = send(shop, form(offers=[ONCE, MONTHLY]), offer="monthly")
    shop.office().change(lambda book: book.change(submissions, book.get(submissions, identity), subscription="cs_1"))
    paid(shop, identity, subscription="cs_1")
    assert row(shop, identity).subscription == "cs_1"
    paid(shop, identity, event="subscription.started", subscription="sub_1", plan="pln_1")
    paid(shop, identity, "c_2", subscription="cs_1")
    found = row(shop, identity)
    assert (found.state, found.subscription, found.payment) == ("active", "sub_1", "c_1")


def test_of_members_it_is_said_on_which_plan_they_are_and_who_leaves(shop):
    asked = form(offers=[ONCE, MONTHLY])
    stays, leaves, once = (send(shop, asked, key, offer=offer) for key, offer in (("a", "monthly"), ("b", "monthly"), ("c", "once")))  # fmt: skip
    for identity, subscription in ((stays, "sub_1"), (leaves, "sub_2")):
        paid(shop, identity, subscription, event="subscription.started", subscription=subscription, plan="pln_1")
    later = (shop.moment + timedelta(days=9)).isoformat()
    paid(shop, leaves, "c_3", event="subscription.cancelled", subscription="sub_2", plan="pln_1", cancel_at=later)
    paid(shop, once, "c_4")
    said = {one["submission"]: one for one in shop.do("forms", "submissions", {"form": "give"})["submissions"]}
    price = {"minor": 4900, "currency": "EUR"}
    members = {one: [said[one].get(name) for name in ("plan", "price", "leaving")] for one in said}
    assert members == {stays: ["pln_1", price, False], leaves: ["pln_1", price, True], once: [None, None, None]}
    assert said[leaves]["state"] == "active"


def test_what_recurs_is_a_subscription_on_one_plan_for_all(shop):
    asked = form(offers=[ONCE, MONTHLY], by=["corner", "second"])
    first = send(shop, asked, "one", offer="monthly", by="second")
    second = send(shop, asked, "two", offer="monthly", by="second")
    assert {begin(shop.office(), asked, first), begin(shop.office("b"), asked, first)} == {row(shop, first).url}
    begin(shop.office(), asked, second)
    assert shop.told("plan") == ["plan.created"]
    made = shop.event("plan.created")
    assert made["name"] == "A gift: Every month"
    assert (made["price"], made["interval"]) == ({"minor": 4900, "currency": "EUR"}, {"unit": "month", "count": 1})
    assert len({row(shop, one).subscription for one in (first, second)}) == 2
    assert shop.told("payment").count("payment.created") == 2


@pytest.mark.parametrize("late", [False, True])
def test_news_lead_to_the_same_end_in_any_order(shop, late):
    identity = send(shop, form(offers=[MONTHLY]))
    news = [
        ("payment.succeeded", {}),
        ("subscription.started", {"subscription": "sub_1", "plan": "pln_1"}),
        ("subscription.ended", {"subscription": "sub_1", "plan": "pln_1"}),
    ]
    for event, more in news[::-1] if late else news:
        paid(shop, identity, event=event, **more)
    found = row(shop, identity)
    assert (found.state, found.subscription, found.payment) == ("ended", "sub_1", "c_1")


def test_who_cancels_stays_a_member_until_the_day_that_was_told(shop):
    identity = send(shop, form(offers=[MONTHLY]))
    member = {"subscription": "sub_1", "plan": "pln_1"}
    paid(shop, identity, event="subscription.started", **member)
    later = (shop.moment + timedelta(days=20)).isoformat()
    paid(shop, identity, "c_2", event="subscription.cancelled", cancel_at=later, **member)
    assert row(shop, identity).state == "active"
    shop.moment += timedelta(days=21)
    paid(shop, identity, "c_3", event="subscription.cancelled", cancel_at=later, **member)
    assert row(shop, identity).state == "ended"


def test_metadata_of_somebody_elses_changes_nothing(shop):
    paid(shop, "sbm_of_nobody")
    with shop.hub.database.read() as connection:
        assert listed(connection, Wanted("give"), 10) == []


def test_a_submission_paid_twice_gets_the_second_payment_back(shop):
    asked = form()
    identity = send(shop, asked)
    begin(shop.office(), asked, identity)
    order = row(shop, identity).order
    paid(shop, identity, "c_1", order=order)
    paid(shop, identity, "c_2", order=order)
    assert row(shop, identity).payment == "c_1"
    assert begin(shop.office(), asked, identity) is None
    assert "order.paid_again" in shop.told("order")


def test_recipes_list_who_took_part_page_by_page(shop):
    asked = form(offers=[ONCE, MONTHLY])
    sent = [send(shop, asked, str(number), offer="monthly") for number in range(3)]
    paid(shop, sent[1], event="subscription.started", subscription="sub_1", plan="pln_1")
    everybody = shop.do("forms", "submissions", {"form": "give", "limit": 2})
    rest = shop.do("forms", "submissions", {"form": "give", "after": everybody["next"]})
    assert sorted(one["submission"] for one in (*everybody["submissions"], *rest["submissions"])) == sorted(sent)
    assert "next" not in rest
    (member,) = shop.do("forms", "submissions", {"form": "give", "state": "active"})["submissions"]
    assert (member["submission"], member["subscription"]) == (sent[1], "sub_1")
    assert shop.do("forms", "submissions", {"form": "give", "offer": "once"}) == {"submissions": []}
    assert shop.refused_to("forms", "submissions", {"form": "give", "after": "sbm_0"}).code == "not_found"
    gone = {"form": "give", "page": {"newest": "sbm_0", "oldest": sent[0]}}
    assert shop.refused_to("forms", "submissions", gone, "gone").code == "not_found"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6])
def test_each_who_took_part_stands_on_one_page_whoever_comes_or_leaves_meanwhile(shop, size):
    asked = form(offers=[ONCE, MONTHLY])
    sent = [send(shop, asked, str(number), offer="monthly") for number in range(5)]
    send(shop, asked, "once", offer="once")
    wanted = {"form": "give", "offer": "monthly", "state": "sent"}
    pages = shop.do("forms", "pages", {**wanted, "size": size})["pages"]
    assert len(pages) == -(-5 // size)
    shop.moment += timedelta(seconds=1)
    send(shop, asked, "late", offer="monthly")
    paid(shop, sent[2], event="subscription.started", subscription="sub_1", plan="pln_1")
    found = []
    for page in pages:
        answer = shop.do("forms", "submissions", {**wanted, "page": page, "limit": 1}, page["newest"])
        assert "next" not in answer
        assert len(answer["submissions"]) <= size
        found += [one["submission"] for one in answer["submissions"]]
    assert sorted(found) == sorted(set(sent) - {sent[2]})


def test_where_nothing_came_in_there_is_no_page(shop):
    assert shop.do("forms", "pages", {"form": "give"}) == {"pages": []}


def test_an_offer_is_looked_for_before_the_limit_counts(shop):
    asked = form(offers=[ONCE, MONTHLY])
    monthly = send(shop, asked, "a", offer="monthly")
    shop.moment += timedelta(seconds=1)
    send(shop, asked, "b", offer="once")
    (found,) = shop.do("forms", "submissions", {"form": "give", "offer": "monthly", "limit": 1})["submissions"]
    assert found["submission"] == monthly


def test_who_joins_after_the_plan_was_repriced_pays_what_the_form_says(shop):
    def join(key, amount):
        asked = form(offers=[MONTHLY], amount={"EUR": {"fixed": amount}})
        identity = send(shop, asked, key, offer="monthly")
        begin(shop.office(), asked, identity)
        plan = shop.hub.payments.store.find(subscriptions, row(shop, identity).subscription).plan
        return plan, shop.event("payment.created")["amount"]["minor"]

    first, _ = join("one", "49.00")
    shop.moment += timedelta(days=1)
    price = {"minor": 5900, "currency": "EUR"}
    shop.do("corner", "plan.update", {"plan": first, "price": price, "existing": "move"})
    second, charged = join("two", "49.00")
    assert (second != first, charged) == (True, 4900), "the form said so, and the plan costs more by now"
    assert join("three", "49.00") == (second, 4900)
    assert join("four", "59.00") == (first, 5900), "the plan that was repriced is the one of the new price"
    assert shop.told("plan") == ["plan.created", "plan.updated", "plan.repriced", "plan.created"]
