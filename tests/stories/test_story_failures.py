"""Where the stories of the gallery go wrong: declined, sold out, refused, disputed, paid twice, nobody pays, nobody answers."""

import uuid
from datetime import timedelta

import pytest
import requests

from hub.engine.tokens import SCOPES, Tokens
from hub.journal.tables import payments
from hub.journal.tables_commerce import catalogue_items
from hub.journal.tables_escrow import holds, payouts
from hub.journal.tables_work import providers
from hub.payments import ledger
from hub.payments.refunds import APPROVAL, decide

from .town import Town

DAY = "2099-12-05"
RUG = {"minor": 3999, "currency": "USD"}


# 3.1


@pytest.fixture
def shop(live):
    town = Town(live, "multi-vendor-shop")
    town.vendors = [town.provider(name, "goods") for name in ("Ann", "Bea")]
    for sku, vendor in zip(("LAMP-01", "RUG-01"), town.vendors, strict=True):
        live.hub.office(sku).change(
            lambda book, sku=sku, vendor=vendor: book.change(
                catalogue_items, book.get(catalogue_items, sku), vendor=vendor
            )
        )
    return town


def bought(shop):
    """One lamp and one rug are ordered by the form and paid."""
    shop.fill_in("shop-order", "en", **{"f-lamps": "1", "f-rugs": "1", "f-currency": "USD"})
    shop.press_pay(shop.link("ada@example.com", "Your order 1", "o"))
    shop.pay()
    shop.live.until(lambda: shop.balance(ledger.provider(shop.vendors[1]), "USD") == -3499)


def send_back(shop, language="en", **more):
    shop.fill_in("shop-return", language, **{"f-order": "1", "f-item": "RUG-01", "f-reason": "too red", **more})


def test_what_is_sold_out_is_not_ordered_and_the_customer_is_told(shop):
    shop.live.hub.office("sold").change(
        lambda book: book.change(catalogue_items, book.get(catalogue_items, "LAMP-01"), stock=1)
    )
    shop.fill_in("shop-order", "en", **{"f-lamps": "2", "f-rugs": "1", "f-currency": "USD"})
    text = shop.letter("ada@example.com", "Your order could not be taken")
    assert "Nothing was ordered and nothing is to be paid. Desk lamp: you wanted 2, we have 1 left." in text
    assert shop.live.events(type="order.placed") == []


def test_a_return_that_the_admin_refuses_gives_nothing_back(shop):
    bought(shop)
    send_back(shop, "fr")
    shop.answer("refuse")
    text = shop.letter("ada@example.com", "Votre retour pour la commande 1")
    assert "Nous ne pouvons pas reprendre cet article." in text
    assert shop.live.events(type="refund.requested") + shop.live.events(type="refund.issued") == []


@pytest.mark.parametrize(
    ("decision", "words", "left"),
    [("approve", "$39.99 goes back to you", 0), ("refuse", "We cannot take this back.", -3499)],
)
def test_of_a_dear_return_the_customer_hears_once_a_second_person_has_decided(shop, decision, words, left):
    shop.live.hub.store.put_fact(APPROVAL, {"USD": 3000}, shop.live.clock())
    bought(shop)
    send_back(shop)
    shop.answer("approve")
    request = shop.told("refund.requested")["refund"]
    shop.live.until(lambda: [one for one in shop.live.runs(recipe="shop-return") if one.status == "waiting"])
    assert "Your return for order 1" not in shop.subjects("ada@example.com")
    decide(shop.live.hub.office("second"), request, approved=decision == "approve", actor="grace@example.com")
    assert words in shop.letter("ada@example.com", "Your return for order 1")
    shop.live.until(lambda: shop.balance(ledger.provider(shop.vendors[1]), "USD") == left)


def test_a_vendor_whose_account_is_restricted_holds_up_nobody_and_is_paid_on_a_monday(shop):
    bank = {"iban": "DE89370400440532013000", "bic": "COBADEFFXXX", "holder": "Bea"}
    for vendor, more in zip(shop.vendors, ({"sandbox": "acct_ann_restricted"}, {"sandbox": "acct_bea"}), strict=True):
        shop.live.hub.office(vendor).change(
            lambda book, vendor=vendor, more=more: book.change(
                providers, book.get(providers, vendor), accounts=more, bank=bank
            )
        )
    shop.fill_in("shop-order", "en", **{"f-lamps": "1", "f-rugs": "1", "f-currency": "USD"})
    shop.press_pay(shop.link("ada@example.com", "Your order 1", "o"))
    shop.pay()
    sent = shop.told("transfer.sent")
    assert (sent["provider"], sent["amount"]["minor"]) == ("acct_bea", 3499)
    shop.letter("admin@example.com", f"$52.51 did not reach {shop.vendors[0]}")
    assert [shop.balance(ledger.provider(one), "USD") for one in shop.vendors] == [-5251, 0]
    shop.live.hub.office("mended").change(
        lambda book: book.change(providers, book.get(providers, shop.vendors[0]), accounts={})
    )
    shop.live.clock.forward(days=7)  # a Monday has come
    shop.live.until(lambda: shop.balance(ledger.provider(shop.vendors[0]), "USD") == 0)
    made = {(one.way, one.provider, one.state, one.amount) for one in shop.live.hub.payments.store.list(payouts)}
    assert made == {
        ("transfer", shop.vendors[0], "failed", 5251),
        ("bank", shop.vendors[0], "queued", 5251),
        ("transfer", shop.vendors[1], "paid", 3499),
    }


# 3.2 and 3.3


def test_a_course_that_is_refunded_is_closed(live):
    school = Town(live, "online-course")
    school.fill_in("course", "en", offer="course")
    payment = school.pay()
    school.told("access.granted")
    school.act("payments", "refund", payment=payment.payment, connection=payment.connection)
    revoked = school.told("access.revoked")
    assert (revoked["resource"], revoked["reason"]) == ("course-watercolour", "refunded")
    assert not school.act("access", "get", customer={"email": "ada@example.com"})["active"]


def test_a_course_of_which_a_part_is_given_back_stays_open_until_the_rest_is(live):
    school = Town(live, "online-course")
    school.fill_in("course", "en", offer="course")
    payment = school.pay()
    school.told("access.granted")
    place = {"payment": payment.payment, "connection": payment.connection}
    school.act("payments", "refund", **place, amount={"minor": 500, "currency": "EUR"})
    live.until(lambda: [one for one in live.runs(recipe="course-access") if one.event_type == "refund.issued"])
    live.until(lambda: all(run.status == "succeeded" for run in live.runs(recipe="course-access")))
    assert school.act("access", "get", customer={"email": "ada@example.com"})["active"]
    school.act("payments", "refund", **place)
    assert school.told("access.revoked")["reason"] == "refunded"


def test_a_gift_that_is_paid_twice_goes_back_once_and_the_first_receipt_holds(live):
    charity = Town(live, "charity")
    charity.fill_in("donate", "en", offer="once", currency="EUR", **{"other-once-EUR": "25"})
    placed = charity.told("order.placed")
    again = {
        "amount": placed["total"],
        "order": placed["order"],
        "customer": placed["customer"],
        "metadata": placed["metadata"],
    }
    first = charity.pay()
    charity.told("order.paid")
    second = charity.act("sandbox", "payment.create", **again)["payment"]
    live.sandbox("POST", f"/test/payments/{second}/choose", {"choice": "pay"})
    back = charity.told("refund.issued")
    assert (back["payment"], back["amount"]) == (second, {"minor": 2500, "currency": "EUR"})
    assert second != first.payment
    text = charity.letter("ada@example.com", "Your gift was given back")
    assert "-00002 no longer holds for that amount" in text


# 3.4 and 3.5


def booked(live):
    town = Town(live, "services")
    town.fill_in("book-service", "en", **{"f-service": "TUNING", "f-times": "1", "f-currency": "EUR"})
    return town, town.link("ada@example.com", "Your booking 1: choose how you pay", "o")


def test_a_booking_that_nobody_pays_is_over_and_the_customer_is_told(live):
    town, address = booked(live)
    live.clock.forward(days=7, minutes=1)
    assert "Nothing was taken." in town.letter("ada@example.com", "Your booking 1 is over")
    assert "The time to pay this order is over." in requests.get(address, timeout=30).text


def test_a_gateway_that_is_down_is_said_and_the_booking_can_be_paid_once_it_is_back(live):
    town, address = booked(live)
    live.sandbox("POST", "/test/misbehaviour", {"scope": "gateway", "mode": "down"})
    assert "The payment could not be begun just now. Nothing was charged." in town.press_pay(address).text
    live.sandbox("POST", "/test/misbehaviour", {"scope": "gateway", "mode": "off"})
    town.press_pay(address)
    town.pay()
    town.letter("ada@example.com", "Your booking 1 is paid")


def test_another_system_asks_for_a_payment_by_the_api(live):
    town = Town(live, "payment-links")
    _, secret = Tokens(live.hub).create("Calendar", SCOPES, None, "admin@example.com")
    data = {
        "amount": {"minor": 4500, "currency": "GBP"},
        "purpose": "Piano lesson",
        "name": "Ada",
        "email": "ada@example.com",
    }
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": uuid.uuid4().hex}
    for _ in range(2):  # the second time is a repeat
        answer = requests.post(
            f"{live.address}/api/v1/events", json={"type": "lessons.held", "data": data}, headers=headers, timeout=30
        )
        assert answer.ok, answer.text
    address = town.link("ada@example.com", "Payment request: Piano lesson", "r")
    assert "£45.00" in requests.get(address, timeout=30).text
    live.clock.forward(days=7, minutes=5)
    town.letter("ada@example.com", "Reminder: Piano lesson")
    live.clock.forward(days=24)
    town.letter("owner@example.com", "Not paid in time: Piano lesson")


# 3.8


def shoots(live):
    town = Town(live, "photo-shoot")
    return town, town.provider("Grace", "portrait")


def book_shoot(town, **more):
    town.fill_in("shoot", "en", offer="portrait", **{"f-day": DAY, "f-region": "Berlin", **more})


def test_a_shoot_that_is_declined_at_the_bank_is_given_to_nobody_until_it_is_paid(live):
    town, grace = shoots(live)
    book_shoot(town)
    town.pay("decline")
    town.told("payment.failed")
    assert live.events(type="job.posted") == []
    town.press_pay(live.hub.pages.page("o", town.told("order.placed")["order"]))
    town.pay()
    assert town.told("job.assigned")["provider"] == grace


def test_a_shoot_that_is_paid_when_its_day_is_over_has_no_job_and_the_admin_is_told(live):
    live.clock.forward(days=-9)
    town, _ = shoots(live)
    book_shoot(town, **{"f-day": str(live.clock().date() + timedelta(days=1))})
    town.told("order.placed")
    live.clock.forward(days=9)  # the sandbox keeps the real time
    town.pay()
    text = town.letter("admin@example.com", "A shoot is paid, and its job could not be posted")
    assert "is over." in text
    assert live.events(type="job.posted") == []


def test_a_complaint_about_a_shoot_freezes_the_money_until_the_admin_divides_it(live):
    town, grace = shoots(live)
    book_shoot(town)
    payment = town.pay()
    job = town.told("job.assigned")["job"]
    for step, more in (("accept", {"provider": grace}), ("start", {}), ("done", {})):
        town.act("jobs", step, job=job, **more)
    town.act("jobs", "dispute", job=job, reason="All of it is blurred")
    text = town.letter("admin@example.com", "A shoot is disputed")
    assert "Job 1: All of it is blurred. Divide the money under Payments, Escrow." in text
    (held,) = live.until(lambda: live.hub.payments.store.list(holds, holds.c.state == "frozen"))
    live.clock.forward(days=4)
    assert town.act("jobs", "get", job=job)["state"] == "disputed", "silence confirms nothing that is disputed"
    live.clock.forward(days=-4)  # the sandbox keeps the real time
    parts = [
        {"provider": grace, "amount": {"minor": 10_001, "currency": "EUR"}},
        {"customer": "ada@example.com", "amount": {"minor": 14_899, "currency": "EUR"}},
    ]
    town.act("payments", "settle", hold=held.id, parts=parts)
    assert town.told("refund.issued")["amount"] == {"minor": 14_899, "currency": "EUR"}
    assert (town.balance(ledger.provider(grace)), town.balance(ledger.COMMISSION)) == (-10_001, 0)
    assert payment.amount == 10_001 + 14_899


def test_a_shoot_goes_to_who_can_do_it_is_near_is_free_and_has_the_fewest_jobs(live):
    town = Town(live, "photo-shoot")
    busy, free = town.provider("Busy", "portrait"), town.provider("Free", "portrait", "video")
    town.provider("Painter", "painting")
    far = town.act("providers", "register", name="Far", email="far@example.com", skills=["portrait"], region="Rome")
    town.act("providers", "approve", provider=far["provider"])
    away = town.provider("Away", "portrait")
    live.hub.office("calendar").change(lambda book: book.change(providers, book.get(providers, away), calendar=[DAY]))
    other = town.act("jobs", "post", title="Passport photos", skills=["portrait"], date="2099-11-01")["job"]
    town.act("jobs", "assign", job=other, provider=busy, only=True)
    town.act("jobs", "accept", job=other, provider=busy)
    book_shoot(town)
    town.pay()
    asked = []
    for _ in range(2):
        asked.append(live.until(lambda: _asked(live, len(asked))))
        town.act("jobs", "decline", job=asked[-1]["job"], provider=asked[-1]["provider"])
    assert [one["provider"] for one in asked] == [free, busy]
    assert town.told("job.unfilled")["reason"] == "nobody_left"


def _asked(live, already):
    """What was told when the shoot was given to the next one."""
    told = [live.hub.queries.event(one.id).data for one in live.events(type="job.assigned")]
    shoot = [one for one in told if one.get("kind") == "photo-shoot"]
    return shoot[::-1][already] if len(shoot) > already else None


# 3.9


def chosen_transport(live):
    town = Town(live, "truck-hire")
    owner = town.provider("Linus", "truck")
    town.fill_in("transport", "en", **{"f-what": "A piano", "f-route": "Berlin to Kiel", "f-day": DAY})
    job = town.told("job.posted")["job"]
    offer = town.act("jobs", "offer", job=job, provider=owner, price={"minor": 120_005, "currency": "EUR"})["offers"][0]
    town.act("jobs", "choose", job=job, offer=offer["offer"])
    return town, owner, job


def test_a_transport_whose_payment_is_declined_is_nobodys_until_another_payment_comes(live):
    town, owner, job = chosen_transport(live)
    address = town.link("ada@example.com", "Your transport", "c")
    town.press_pay(address, do="pay")
    town.pay("decline")
    town.told("payment.failed")
    assert town.act("jobs", "get", job=job)["state"] == "assigned"
    assert live.events(type="job.accepted") == []
    town.press_pay(address, do="pay")
    town.pay()
    assert town.told("job.accepted")["provider"] == owner
    town.letter("linus@example.com", "The transport is yours")


def test_a_transport_that_is_paid_twice_is_held_once_and_the_second_payment_goes_back(live):
    town, _, job = chosen_transport(live)
    address = town.link("ada@example.com", "Your transport", "c")
    town.press_pay(address, do="pay")
    first = live.until(town.begun)[0]
    given = {"amount": {"minor": 120_005, "currency": "EUR"}, "job": job, "customer": {"email": "ada@example.com"}}
    second = town.act("sandbox", "payment.create", **given)["payment"]
    live.sandbox("POST", f"/test/payments/{first.payment}/choose", {"choice": "pay"})
    town.told("job.accepted")
    live.sandbox("POST", f"/test/payments/{second}/choose", {"choice": "pay"})
    live.until(lambda: live.hub.payments.store.list(payments, payments.c.state == "refunded"))
    assert town.told("refund.issued")["payment"] == second
    (held,) = live.hub.payments.store.list(holds)
    assert (held.payment, held.state, held.amount) == (first.payment, "held", 120_005)


def test_a_complaint_about_a_transport_is_told_to_who_settles_it(live):
    town, _, job = chosen_transport(live)
    town.press_pay(town.link("ada@example.com", "Your transport", "c"), do="pay")
    town.pay()
    town.told("job.accepted")
    town.act("jobs", "start", job=job)
    town.act("jobs", "dispute", job=job, reason="A scratch")
    text = town.letter("admin@example.com", "A transport is disputed")
    assert "Job 1: A scratch. Divide the money under Payments, Escrow." in text
    live.until(lambda: live.hub.payments.store.list(holds, holds.c.state == "frozen"))
