"""What payments make of an invoice: part, whole, too much, twice, in any order, refunded, taken back by the bank."""

import itertools
from datetime import timedelta

import pytest

from hub.commerce.invoice_reading import find_invoice
from tests.commerce.test_invoices import ADA, LINES, eur, invoice, state

WHOLE = 12970


def pay(shop, made, payment="c_1", minor=WHOLE, source="corner", currency="EUR"):
    shop.moment += timedelta(seconds=1)
    amount = {"minor": minor, "currency": currency}
    shop.happen("payment.succeeded", source, payment=payment, invoice=made["invoice"], amount=amount)


def test_an_invoice_is_paid_by_its_payment_in_the_same_transaction(shop):
    made = invoice(shop)
    pay(shop, made)
    assert shop.told("invoice") == ["invoice.issued", "invoice.paid"]
    paid = shop.event("invoice.paid")
    assert (paid["payment"], paid["connection"], paid["paid"], paid["due"]) == ("c_1", "corner", eur(WHOLE), eur(0))
    now = state(shop, made)
    assert (now["state"], now["payments"][0]["state"]) == ("paid", "taken")
    shop.forward(days=20)
    assert "invoice.overdue" not in shop.told("invoice")


def test_news_told_twice_changes_nothing(shop):
    made = invoice(shop)
    for _ in range(3):
        pay(shop, made)
    shop.happen("payment.pending", payment="c_1", invoice=made["invoice"], amount=eur(WHOLE))
    assert (state(shop, made)["paid"], shop.told("invoice")) == (eur(WHOLE), ["invoice.issued", "invoice.paid"])


@pytest.mark.parametrize("order", [*itertools.permutations([("c_1", 5000), ("c_2", 5000), ("c_3", 2970)])])
def test_part_payments_add_up_in_any_order(shop, order):
    made = invoice(shop)
    for payment, minor in order:
        pay(shop, made, payment, minor)
    told = ["invoice.issued", "invoice.part_paid", "invoice.part_paid", "invoice.paid"]
    assert (shop.told("invoice"), state(shop, made)["state"]) == (told, "paid")


def test_a_part_payment_leaves_the_rest_and_the_invoice_overdue(shop):
    made = invoice(shop)
    pay(shop, made, minor=10000)
    now = state(shop, made)
    assert (now["state"], now["due"]) == ("partly_paid", eur(2970))
    shop.forward(days=20)
    assert shop.event("invoice.overdue")["due"] == eur(2970)
    error = shop.refused_to("invoices", "void", {"invoice": made["invoice"]})
    assert error.message == "The invoice 2027-0001 is paid, in part at least."


@pytest.mark.parametrize(
    ("paid", "amount", "reason"), [((15000,), 2030, "too_much"), ((WHOLE, WHOLE), WHOLE, "paid_already")]
)
def test_what_is_too_much_is_kept_and_told(shop, paid, amount, reason):
    made = invoice(shop)
    for number, minor in enumerate(paid):
        pay(shop, made, f"c_{number}", minor)
    told = shop.event("invoice.overpaid")
    assert (told["amount"], told["reason"], told["payment"]) == (eur(amount), reason, f"c_{len(paid) - 1}")
    assert shop.told("invoice") == ["invoice.issued", "invoice.paid", "invoice.overpaid"]
    assert state(shop, made)["state"] == "overpaid"
    back = {"refund": "r_1", "payment": f"c_{len(paid) - 1}", "amount": eur(amount)}
    shop.happen("refund.issued", **back)
    now = state(shop, made)
    assert (now["state"], now["refunded"], now["due"]) == ("paid", eur(amount), eur(0))


def test_what_was_refunded_is_not_owed_again(shop):
    made = invoice(shop)
    pay(shop, made)
    shop.happen("refund.issued", refund="r_1", payment="c_1", amount=eur(WHOLE))
    now = state(shop, made)
    assert (now["state"], now["refunded"], now["due"]) == ("paid", eur(WHOLE), eur(0))
    assert shop.do("invoices", "void", {"invoice": made["invoice"]}, "step-2")["state"] == "void"


def test_what_the_bank_took_back_is_owed_again(shop):
    made = invoice(shop)
    pay(shop, made)
    shop.moment += timedelta(seconds=1)
    shop.happen("payment.returned", payment="c_1", amount=eur(WHOLE))
    now = state(shop, made)
    assert (now["state"], now["due"], now["payments"][0]["state"]) == ("open", eur(WHOLE), "returned")
    pay(shop, made, "c_2")
    assert shop.told("invoice") == ["invoice.issued", "invoice.paid", "invoice.paid"]
    shop.forward(days=20)
    assert "invoice.overdue" not in shop.told("invoice")


@pytest.mark.parametrize("reason", ["other_currency", "void", "not_issued"])
def test_money_that_cannot_be_the_invoices_is_told_and_not_taken(shop, reason):
    made = invoice(shop, draft=reason == "not_issued")
    if reason == "void":
        shop.do("invoices", "void", {"invoice": made["invoice"]}, "step-2")
    pay(shop, made, currency="USD" if reason == "other_currency" else "EUR")
    told = shop.event("invoice.overpaid")
    assert (told["reason"], told["amount"]["minor"]) == (reason, WHOLE)
    now = state(shop, made)
    assert (now["paid"], now["payments"][0]["state"]) == (eur(0), "surplus")


def test_a_payment_of_somebody_elses_invoice_is_let_be(shop):
    shop.happen("payment.succeeded", payment="c_7", invoice="their-own-77", amount=eur(100))
    assert shop.told() == ["payment.succeeded"]


@pytest.mark.parametrize("named", ["order", "invoice", "both"])
def test_the_same_money_pays_an_order_and_its_invoice(shop, named):
    order = shop.do("orders", "create", {"lines": LINES, "customer": ADA})
    made = invoice(shop, lines=None, order=order["order"])
    names = {"order": order["order"], "invoice": made["invoice"]}
    if named == "order":
        del names["invoice"]
    if named == "invoice":
        shop.happen("payment.created", payment="c_1", **names, amount=eur(WHOLE))
        names = {}
    shop.happen("payment.succeeded", payment="c_1", **names, amount=eur(WHOLE))
    assert state(shop, made)["state"] == "paid"
    assert shop.do("orders", "get", {"order": order["order"]})["state"] == "paid"


def test_a_second_payment_that_goes_back_to_the_payer_is_not_the_invoices(shop):
    order = shop.do("orders", "create", {"lines": LINES, "customer": ADA})
    made = invoice(shop, lines=None, order=order["order"])
    for payment in ("c_1", "c_2"):
        shop.happen("payment.succeeded", payment=payment, order=order["order"], amount=eur(WHOLE))
    assert (state(shop, made)["state"], state(shop, made)["paid"]) == ("paid", eur(WHOLE))
    assert shop.told("order")[-1] == "order.paid_again"


def test_an_order_that_was_paid_before_makes_a_paid_invoice(shop):
    order = shop.do("orders", "create", {"lines": LINES, "customer": ADA})
    shop.happen("payment.succeeded", payment="c_1", order=order["order"], amount=eur(WHOLE))
    made = invoice(shop, lines=None, order=order["order"])
    assert (made["state"], made["paid"]) == ("paid", eur(WHOLE))
    assert shop.event("invoice.paid")["payment"] == "c_1"


def test_what_was_captured_counts_and_not_what_was_asked_for(shop):
    made = invoice(shop)
    given = {"payment": "c_1", "invoice": made["invoice"], "amount": eur(WHOLE), "captured": eur(5000)}
    shop.happen("payment.succeeded", **given)
    now = state(shop, made)
    assert (now["state"], now["paid"], now["due"]) == ("partly_paid", eur(5000), eur(WHOLE - 5000))


def test_what_was_paid_of_the_order_before_it_was_billed_is_paid_of_the_invoice(shop):
    order = shop.do("orders", "create", {"lines": LINES, "customer": ADA})
    shop.happen("payment.succeeded", payment="c_1", order=order["order"], amount=eur(5000))
    made = invoice(shop, lines=None, order=order["order"])
    assert (made["state"], made["due"]) == ("partly_paid", eur(WHOLE - 5000))
    assert shop.told("invoice") == ["invoice.issued", "invoice.part_paid"]
    pay(shop, made, "c_2", WHOLE - 5000)
    assert state(shop, made)["state"] == "paid"


def test_what_the_bank_took_back_is_overdue_on_the_day_of_the_invoice(shop):
    made = invoice(shop)
    pay(shop, made)
    shop.moment += timedelta(seconds=1)
    shop.happen("payment.returned", payment="c_1", amount=eur(WHOLE))
    shop.forward(days=14)
    assert "invoice.overdue" not in shop.told("invoice")
    shop.forward(days=1)
    assert shop.told("invoice") == ["invoice.issued", "invoice.paid", "invoice.overdue"]


def test_an_overpaid_invoice_is_paid_once_all_that_is_too_much_went_back(shop):
    made = invoice(shop)
    pay(shop, made, "c_1", 10000)
    pay(shop, made, "c_2", 10000)
    told = shop.event("invoice.overpaid")
    assert (told["amount"], told["reason"], told["payment"]) == (eur(20000 - WHOLE), "too_much", "c_2")
    for number, (back, so) in enumerate([(20000 - WHOLE - 1, "overpaid"), (1, "paid")]):
        shop.happen("refund.issued", refund=f"r_{number}", payment="c_2", amount=eur(back))
        assert state(shop, made)["state"] == so
    assert len(shop.said("invoice.overpaid")) == len(shop.said("invoice.paid")) == 1
    pay(shop, made, "c_3", 1)
    assert shop.event("invoice.overpaid")["reason"] == "paid_already"


def test_a_refund_of_a_part_is_not_owed_again_and_the_rest_is(shop):
    made = invoice(shop)
    pay(shop, made, minor=10000)
    shop.happen("refund.issued", refund="r_1", payment="c_1", amount=eur(10000))
    now = state(shop, made)
    assert (now["state"], now["refunded"], now["due"]) == ("partly_paid", eur(10000), eur(WHOLE - 10000))
    assert shop.do("invoices", "void", {"invoice": made["invoice"]}, "step-2")["state"] == "void"


@pytest.mark.parametrize("heard", ["begun", "at once"])
@pytest.mark.parametrize("billed_anew", ["before", "after"])
def test_what_was_begun_for_a_void_invoice_pays_the_one_that_took_its_place(shop, heard, billed_anew):
    order = shop.do("orders", "create", {"lines": LINES, "customer": ADA})
    first = invoice(shop, lines=None, order=order["order"])
    names = {"order": order["order"], "invoice": first["invoice"], "amount": eur(WHOLE)}
    if heard == "begun":
        shop.happen("payment.pending", payment="c_1", **names)
    shop.do("invoices", "void", {"invoice": first["invoice"]}, "step-2")
    asked = {"lines": None, "order": order["order"]}
    second = invoice(shop, "step-3", **asked) if billed_anew == "before" else None
    shop.moment += timedelta(seconds=1)
    shop.happen("payment.succeeded", payment="c_1", **names)
    second = second or invoice(shop, "step-3", **asked)
    now = state(shop, second)
    assert (now["state"], [one["state"] for one in now["payments"]]) == ("paid", ["taken"])
    assert "invoice.overpaid" not in shop.told("invoice"), "the order took it: nobody has to give it back"
    assert state(shop, first)["paid"] == eur(0)
    shop.happen("refund.issued", refund="r_1", payment="c_1", amount=eur(WHOLE))
    assert state(shop, second)["refunded"] == eur(WHOLE)
    shop.happen("payment.returned", payment="c_1", amount=eur(WHOLE))
    assert (state(shop, second)["state"], state(shop, second)["due"]) == ("open", eur(WHOLE))


@pytest.mark.parametrize(
    ("before", "back"),
    [
        (("refund.issued", {"refund": "r_1", "amount": eur(970)}), 970),
        (("refund.issued", {"refund": "r_1", "amount": eur(WHOLE)}), WHOLE),
        (("dispute.opened", {"dispute": "d_1", "amount": eur(WHOLE)}), 0),
    ],
)
def test_money_that_is_going_back_before_it_is_heard_to_have_come_in_was_paid_all_the_same(shop, before, back):
    order = shop.do("orders", "create", {"lines": LINES, "customer": ADA})
    made = invoice(shop, lines=None, order=order["order"])
    shop.happen(before[0], payment="c_1", **before[1])
    assert state(shop, made)["state"] == "open"
    shop.happen("payment.succeeded", payment="c_1", order=order["order"], amount=eur(WHOLE))
    now = state(shop, made)
    assert (now["state"], now["paid"], now["refunded"]) == ("paid", eur(WHOLE), eur(back))
    assert shop.do("orders", "get", {"order": order["order"]})["state"] == "paid"


def test_a_dispute_of_a_payment_says_that_it_came_in(shop):
    made = invoice(shop)
    shop.happen("payment.pending", payment="c_1", invoice=made["invoice"], amount=eur(WHOLE))
    shop.happen("dispute.opened", payment="c_1", dispute="d_1", amount=eur(WHOLE))
    assert (state(shop, made)["state"], shop.event("invoice.paid")["payment"]) == ("paid", "c_1")


def test_what_came_in_for_the_order_counts_and_not_what_was_asked_for_when_it_is_billed_later(shop):
    order = shop.do("orders", "create", {"lines": LINES, "customer": ADA})
    about = {"order": order["order"], "amount": eur(WHOLE), "captured": eur(5000)}
    shop.happen("payment.succeeded", payment="c_1", **about)
    shop.happen("payment.succeeded", payment="c_2", order=order["order"], amount=eur(1000))
    made = invoice(shop, lines=None, order=order["order"])
    assert (made["state"], made["paid"]) == ("partly_paid", eur(6000))


def test_the_day_of_payment_is_that_of_what_paid_the_rest_and_none_when_it_is_owed_again(shop):
    def paid_at():
        with shop.hub.database.read() as connection:
            return find_invoice(connection, made["invoice"]).paid_at

    made = invoice(shop)
    pay(shop, made, "c_1", 5000)
    assert paid_at() is None
    pay(shop, made, "c_2", WHOLE)
    day = shop.moment
    assert paid_at() == day
    pay(shop, made, "c_3", 100)
    assert paid_at() == day
    for payment in ("c_1", "c_2"):
        shop.happen("payment.returned", payment=payment, amount=eur(WHOLE))
    assert (paid_at(), state(shop, made)["state"]) == (None, "partly_paid")


def test_an_invoice_that_was_told_overdue_is_not_told_again_when_the_bank_takes_its_payment_back(shop):
    made = invoice(shop, due_in_days=1)
    shop.forward(days=3)
    pay(shop, made)
    shop.moment += timedelta(seconds=1)
    shop.happen("payment.returned", payment="c_1", amount=eur(WHOLE))
    shop.forward(days=3)
    assert (state(shop, made)["state"], shop.told("invoice").count("invoice.overdue")) == ("open", 1)


def test_each_surplus_is_told_by_what_it_is_beyond(shop):
    made = invoice(shop)
    for number, minor in enumerate((WHOLE, 300, 40)):
        pay(shop, made, f"c_{number}", minor)
    told = [(one["payment"], one["amount"]["minor"], one["reason"]) for one in shop.said("invoice.overpaid")]
    assert told == [("c_1", 300, "paid_already"), ("c_2", 40, "paid_already")]


def test_surplus_that_the_bank_takes_back_is_not_waiting_for_anybody_any_more(shop):
    made = invoice(shop)
    shop.do("invoices", "void", {"invoice": made["invoice"]}, "step-2")
    pay(shop, made)
    shop.happen("payment.returned", payment="c_1", amount=eur(WHOLE))
    assert [one["state"] for one in state(shop, made)["payments"]] == ["returned"]
    pay(shop, made)
    assert [one["state"] for one in state(shop, made)["payments"]] == ["returned"]
    assert len(shop.said("invoice.overpaid")) == 1
