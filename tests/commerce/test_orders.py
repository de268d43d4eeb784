"""Orders: placed with the catalogue's prices, paid at most once, cancelled and expired with their stock given back."""

import itertools
from datetime import timedelta

import pytest

from hub.journal.tables_commerce import order_payments

ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}


def eur(minor):
    return {"minor": minor, "currency": "EUR"}


@pytest.fixture
def lamps(shop):
    """A shop with twelve lamps for 60.01 and as many courses for 39.99 as one likes."""
    shop.stock("LAMP", 12, title="Lamp", prices={"EUR": 6001, "JPY": 9000}, vendor="prv_1", tax_rate="19")
    shop.stock("COURSE", None, title="Course", kind="course", prices={"EUR": 3999, "USD": 4500}, tax_rate="7")
    return shop


def order(shop, key="step-1", **more):
    given = {"lines": [{"item": "LAMP", "quantity": 2}, {"item": "COURSE"}], "customer": ADA, **more}
    return shop.do("orders", "create", given, key)


def pay(shop, placed, payment="c_1", minor=None, source="corner", currency="EUR"):
    shop.moment += timedelta(seconds=1)
    amount = {"minor": minor or placed["total"]["minor"], "currency": currency}
    shop.happen("payment.succeeded", source, payment=payment, order=placed["order"], amount=amount)


def state(shop, placed):
    return shop.do("orders", "get", {"order": placed["order"]})


def roles(shop, placed):
    return [one["state"] for one in state(shop, placed)["payments"]]


def test_an_order_is_reckoned_from_the_catalogue(lamps):
    placed = order(lamps)
    assert placed["total"] == eur(16001)
    assert placed["lines"] == [
        {"item": "LAMP", "title": "Lamp", "vendor": "prv_1", "quantity": 2, "price": eur(6001), "tax": eur(1916), "total": eur(12002)},
        {"item": "COURSE", "title": "Course", "quantity": 1, "price": eur(3999), "tax": eur(262), "total": eur(3999)},
    ]  # fmt: skip
    assert (placed["number"], placed["state"], placed["due"]) == ("1", "open", eur(16001))
    assert placed["url"].startswith("https://hub.example.com/o/")
    assert lamps.left("LAMP") == 10
    told = lamps.event("order.placed")
    assert {name: told[name] for name in ("order", "lines", "total", "customer")} == {
        name: placed[name] for name in ("order", "lines", "total", "customer")
    }


def test_the_same_step_places_one_order(lamps):
    assert order(lamps) == order(lamps)
    assert lamps.left("LAMP") == 10
    assert lamps.told("order") == ["order.placed"]
    assert order(lamps, "step-2")["number"] == "2"


def test_something_beside_the_catalogue_brings_its_own_price(lamps):
    own = {"title": "Assembly", "quantity": 3, "price": eur(333), "vendor": "prv_9", "tax_rate": "7.5"}
    placed = order(lamps, lines=[own])
    assert placed["lines"] == [
        {"title": "Assembly", "vendor": "prv_9", "quantity": 3, "price": eur(333), "tax": eur(70), "total": eur(999)}
    ]


@pytest.mark.parametrize(
    ("currency", "price", "total", "tax"), [("JPY", 333, 999, 91), ("KWD", 12345, 37035, 3367), ("EUR", 333, 999, 91)]
)
def test_every_currency_adds_up_in_its_own_units(lamps, currency, price, total, tax):
    line = {"title": "Tea", "quantity": 3, "price": {"minor": price, "currency": currency}, "tax_rate": "10"}
    placed = order(lamps, lines=[line])
    assert placed["total"] == {"minor": total, "currency": currency}
    assert placed["lines"][0]["tax"]["minor"] == tax


@pytest.mark.parametrize(
    ("lines", "more", "code", "words"),
    [
        ([{"item": "SHADE"}], {"currency": "EUR"}, "not_found", "Line 1: the catalogue has no item 'SHADE'."),
        ([{"item": "LAMP"}, {"item": "COURSE"}], {"currency": "JPY"}, "currency_unsupported", "Line 2: Course (COURSE) has no price in JPY."),
        ([{"item": "LAMP", "price": eur(1)}], {}, "bad_input", "Line 1: LAMP is in the catalogue, which says its price."),
        ([{"item": "LAMP", "vendor": "prv_2"}], {"currency": "EUR"}, "bad_input", "Line 1: LAMP is in the catalogue, which says its vendor."),
        ([{"title": "Tea"}], {}, "bad_input", "The order: It is not clear in which currency it is."),
        ([{"title": "Tea"}], {"currency": "EUR"}, "bad_input", "Line 1: Something that is not in the catalogue needs a title and a price."),
        ([{"title": "Tea", "price": eur(1)}], {"currency": "USD"}, "bad_input", "Line 1: Its price is in EUR, the order in USD."),
        ([{"title": "Tea", "price": eur(-1)}], {}, "bad_input", "Line 1: A price is not below zero."),
        ([{"title": "Tea", "price": eur(1), "tax_rate": "101"}], {}, "bad_input", "Line 1: A tax rate of 101 per cent cannot be."),
        ([{"title": "Tea", "price": eur(1), "tax_rate": "1e1"}], {}, "bad_input", "Line 1: The tax rate: '1e1' is not a plain decimal number."),
        ([{"item": "LAMP"}], {}, "bad_input", "The order: It is not clear in which currency it is."),
        ([{"item": "LAMP", "quantity": 13}], {"currency": "EUR"}, "out_of_stock", "Lamp (LAMP): 13 wanted, only 12 are left."),
        ([{"item": "LAMP", "quantity": 7}, {"item": "LAMP", "quantity": 6}], {"currency": "EUR"}, "out_of_stock", "Lamp (LAMP): 13 wanted, only 12 are left."),
        ([{"item": "LAMP", "quantity": 0}], {}, "bad_input", "The step's values do not fit what the action takes. Orders, create: lines.0.quantity: 0 is less than the minimum of 1."),
        ([{"item": "LAMP", "quantity": 1.5}], {}, "bad_input", 'The step\'s values do not fit what the action takes. Orders, create: lines.0.quantity: 1.5 is not of type "integer".'),
        ([{"title": "Tea", "quantity": 1_000_000, "price": eur(999_999_999_999_999_999)}], {}, "bad_input", "The order: An amount of 24 digits is too large."),
        ([{"item": "LAMP"}], {"currency": "EUR", "expires_in": "900000w"}, "bad_input", "expires_in: 900000w is longer than ten years."),
    ],
)  # fmt: skip
def test_an_order_that_cannot_be_is_refused_and_takes_no_stock(lamps, lines, more, code, words):
    error = lamps.refused_to("orders", "create", {"lines": lines, **more})
    assert (error.code, error.message) == (code, words)
    assert lamps.left("LAMP") == 12
    assert lamps.told() == []
    assert order(lamps)["number"] == "1", "no number was used up"


def test_an_order_is_paid_by_its_payment_in_the_same_transaction(lamps):
    placed = order(lamps)
    pay(lamps, placed)
    assert lamps.told("order") == ["order.placed", "order.paid"]
    paid = lamps.event("order.paid")
    assert (paid["payment"], paid["connection"], paid["total"]) == ("c_1", "corner", eur(16001))
    now = state(lamps, placed)
    assert (now["state"], now["paid"], now["due"]) == ("paid", eur(16001), eur(0))
    assert "expires_at" not in now


def test_an_order_that_costs_nothing_is_paid_at_once(lamps):
    placed = order(lamps, lines=[{"title": "Trial lesson", "price": eur(0)}])
    assert placed["state"] == "paid"
    assert lamps.told("order") == ["order.placed", "order.paid"]


def test_news_told_twice_changes_nothing(lamps):
    placed = order(lamps)
    for _ in range(3):
        pay(lamps, placed)
    lamps.happen("payment.pending", payment="c_1", order=placed["order"], amount=eur(16001))
    assert lamps.told("order") == ["order.placed", "order.paid"]
    assert state(lamps, placed)["paid"] == eur(16001)


def test_a_payment_of_somebody_elses_order_is_let_be(lamps):
    lamps.happen("payment.succeeded", payment="c_7", order="their-own-77", amount=eur(100))
    assert lamps.told() == ["payment.succeeded"]


def test_the_order_is_known_from_what_was_told_when_the_payment_began(lamps):
    placed = order(lamps)
    lamps.happen("payment.created", payment="c_1", order=placed["order"], amount=eur(16001))
    assert roles(lamps, placed) == ["begun"]
    lamps.happen("payment.succeeded", payment="c_1", amount=eur(16001))
    assert state(lamps, placed)["state"] == "paid"


def test_a_part_payment_leaves_the_rest_to_pay(lamps):
    placed = order(lamps)
    pay(lamps, placed, "c_1", 10000)
    now = state(lamps, placed)
    assert (now["state"], now["paid"], now["due"]) == ("open", eur(10000), eur(6001))
    assert lamps.refused_to("orders", "cancel", {"order": placed["order"]}).message == "The order 1 is paid in part."
    lamps.forward(days=4)
    assert state(lamps, placed)["state"] == "open", "money that came in keeps it from expiring"
    pay(lamps, placed, "c_2", 6001)
    assert state(lamps, placed)["state"] == "paid"
    assert lamps.told("order") == ["order.placed", "order.paid"]


def test_too_much_is_taken_and_shown(lamps):
    placed = order(lamps)
    pay(lamps, placed, minor=20000)
    now = state(lamps, placed)
    assert (now["state"], now["paid"], now["due"]) == ("paid", eur(20000), eur(0))


@pytest.mark.parametrize(("first", "second"), [*itertools.permutations([("corner", "c_1"), ("second", "c_2")])])
def test_of_two_payments_the_later_one_is_surplus_and_told(lamps, first, second):
    placed = order(lamps)
    pay(lamps, placed, first[1], source=first[0])
    pay(lamps, placed, second[1], source=second[0])
    assert lamps.told("order") == ["order.placed", "order.paid", "order.paid_again"]
    assert lamps.event("order.paid")["payment"] == first[1]
    again = lamps.event("order.paid_again")
    assert (again["payment"], again["connection"], again["amount"]) == (second[1], second[0], eur(16001))
    assert again["reason"] == "paid_already"
    assert state(lamps, placed)["paid"] == eur(16001)


def test_a_surplus_that_the_gateway_keeps_is_told_and_waits_for_a_person(lamps):
    placed = order(lamps)
    pay(lamps, placed, "c_1")
    pay(lamps, placed, "c_2")
    lamps.run_due()
    lamps.forward(days=1)
    assert roles(lamps, placed) == ["taken", "stuck"]
    kept = lamps.event("order.not_given_back")
    assert (kept["payment"], kept["amount"]) == ("c_2", eur(16001))
    assert kept["error"]["message"] == (
        "Corner gateway has no 'payment.refund': The corner gateway gives nothing back."
    )
    assert lamps.told("order").count("order.not_given_back") == 1


def test_money_in_another_currency_goes_back(lamps):
    placed = order(lamps)
    pay(lamps, placed, "c_1", 16001, currency="USD")
    assert lamps.event("order.paid_again")["reason"] == "other_currency"
    assert state(lamps, placed)["due"] == eur(16001)


def test_a_cancelled_order_gives_its_stock_back_and_takes_no_money(lamps):
    placed = order(lamps)
    gone = lamps.do("orders", "cancel", {"order": "1", "reason": "The customer changed her mind."}, "step-2")
    again = lamps.do("orders", "cancel", {"order": placed["order"]}, "step-3")
    assert gone == again
    assert (gone["state"], gone["reason"]) == ("cancelled", "The customer changed her mind.")
    assert lamps.left("LAMP") == 12
    pay(lamps, placed)
    assert lamps.event("order.paid_again")["reason"] == "cancelled"
    assert lamps.told("order") == ["order.placed", "order.cancelled", "order.paid_again"]


def test_a_paid_order_is_not_cancelled(lamps):
    placed = order(lamps)
    pay(lamps, placed)
    error = lamps.refused_to("orders", "cancel", {"order": placed["order"]})
    assert (error.code, error.message, error.remedy) == (
        "wrong_state",
        "The order 1 is paid.",
        "Refund its payment instead.",
    )
    assert lamps.refused_to("orders", "get", {"order": "99"}).message == "There is no order '99'."


def test_nobody_pays_in_time(lamps):
    placed = order(lamps, expires_in="2h")
    lamps.moment += timedelta(minutes=119)
    lamps.run_due()
    assert state(lamps, placed)["state"] == "open"
    lamps.moment += timedelta(minutes=1)
    lamps.run_due()
    assert (state(lamps, placed)["state"], lamps.event("order.cancelled")["reason"]) == ("expired", "expired")
    assert lamps.left("LAMP") == 12


def test_an_order_whose_payment_is_under_way_is_given_another_day(lamps):
    placed = order(lamps, expires_in="2h")
    lamps.happen("payment.pending", payment="c_1", order=placed["order"], amount=eur(16001))
    lamps.moment += timedelta(hours=3)
    lamps.run_due()
    assert state(lamps, placed)["state"] == "open"
    lamps.happen("payment.failed", payment="c_1", order=placed["order"], amount=eur(16001))
    lamps.forward(days=2)
    assert state(lamps, placed)["state"] == "expired"


def test_a_late_payment_is_taken_while_there_is_stock(lamps):
    placed = order(lamps, expires_in="2h")
    lamps.forward(hours=3)
    pay(lamps, placed)
    assert state(lamps, placed)["state"] == "paid"
    assert lamps.left("LAMP") == 10


def test_a_late_payment_goes_back_when_all_is_sold(lamps):
    placed = order(lamps, expires_in="2h")
    lamps.forward(hours=3)
    order(lamps, "step-2", lines=[{"item": "LAMP", "quantity": 11}], currency="EUR")
    pay(lamps, placed)
    assert lamps.event("order.paid_again")["reason"] == "sold_out"
    assert (state(lamps, placed)["state"], lamps.left("LAMP")) == ("expired", 1)


def test_a_debit_that_the_bank_takes_back_opens_the_order_again(lamps):
    placed = order(lamps)
    pay(lamps, placed)
    lamps.happen("payment.returned", payment="c_1", amount=eur(16001))
    now = state(lamps, placed)
    assert (now["state"], now["due"], now["reason"]) == ("open", eur(16001), "payment_returned")
    pay(lamps, placed, "c_2")
    assert roles(lamps, placed) == ["returned", "taken"]
    assert lamps.told("order") == ["order.placed", "order.paid", "order.payment_returned", "order.paid"]
    returned, again = lamps.event("order.payment_returned"), lamps.event("order.paid")
    assert [returned[name] for name in ("payment", "connection", "amount", "due")] == [
        "c_1", "corner", eur(16001), eur(16001),
    ]  # fmt: skip
    assert (again["payment"], again["reason"]) == ("c_2", "payment_returned"), "so that goods are not sent twice"
    assert "reason" not in lamps.said("order.paid")[0]
    assert "reason" not in state(lamps, placed)


def test_an_order_can_be_taken_back_and_paid_any_number_of_times(lamps):
    placed = order(lamps)
    for payment in ("c_1", "c_2", "c_3"):
        pay(lamps, placed, payment)
        for _ in range(2):
            lamps.happen("payment.returned", payment=payment, order=placed["order"], amount=eur(16001))
    assert [one["payment"] for one in lamps.said("order.paid")] == ["c_1", "c_2", "c_3"]
    assert [one["payment"] for one in lamps.said("order.payment_returned")] == ["c_1", "c_2", "c_3"]
    assert state(lamps, placed)["due"] == eur(16001)


def test_a_part_that_the_bank_takes_back_is_told_with_what_is_due_then(lamps):
    placed = order(lamps)
    for payment, minor in (("c_1", 6001), ("c_2", 10_000), ("c_3", 2000)):
        pay(lamps, placed, payment, minor)
        if payment == "c_1":
            lamps.happen("payment.returned", payment=payment, amount=eur(minor))
    told = lamps.event("order.payment_returned")
    assert (told["amount"], told["due"]) == (eur(6001), eur(16001))
    assert lamps.told("order.paid") == [], "it was never paid wholly"
    pay(lamps, placed, "c_4", 4001)
    assert "reason" not in lamps.event("order.paid"), "nobody was told before that it was paid"


def test_success_and_return_end_the_same_in_either_order(lamps):
    placed = order(lamps)
    lamps.happen("payment.returned", payment="c_1", order=placed["order"], amount=eur(16001))
    pay(lamps, placed)
    assert (state(lamps, placed)["state"], roles(lamps, placed)) == ("open", ["returned"])


def test_orders_of_one_moment_do_not_sell_the_same_thing_twice(lamps):
    placed = [
        order(lamps, f"step-{number}", lines=[{"item": "LAMP", "quantity": 4}], currency="EUR") for number in range(3)
    ]
    assert lamps.left("LAMP") == 0
    assert lamps.refused_to("orders", "create", {"lines": [{"item": "LAMP"}], "currency": "EUR"}).message == (
        "Lamp (LAMP): 1 wanted, none is left."
    )
    assert [one["number"] for one in placed] == ["1", "2", "3"]


def test_rows_of_payments_name_why_they_are_there(lamps):
    placed = order(lamps)
    pay(lamps, placed, "c_1")
    pay(lamps, placed, "c_2")
    with lamps.hub.database.read() as connection:
        rows = connection.execute(order_payments.select().order_by(order_payments.c.payment)).all()
    assert [(row.payment, row.state, row.minor, row.reason) for row in rows] == [
        ("c_1", "taken", 16001, None),
        ("c_2", "surplus", 16001, "paid_already"),
    ]
