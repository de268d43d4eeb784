"""Payments that an order or a job did not need: its customer and the admin read what came in, why it was not needed, and what became of it."""

from __future__ import annotations

from html import unescape

import pytest

from hub.commerce.job_reading import FOR_CUSTOMER
from hub.phrases import LANGUAGES
from tests.commerce.test_jobs import post
from tests.payments.conftest import EUR
from tests.web.test_second_payments import WORDS, enter
from tests.web.test_work_pages import text_of

DOLLARS = {"minor": 4900, "currency": "USD"}
TEA = {"lines": [{"title": "Tea", "price": EUR}]}


def read(answer):
    return " ".join(text_of(unescape(answer)).replace("\N{NO-BREAK SPACE}", " ").split())


def seen(shop, address, **query):
    return read(shop.visit(address, query_string=query).text)


def pay(shop, kind, owner, payment, amount=EUR):
    shop.happen("payment.succeeded", payment=payment, amount=amount, **{kind: owner})


@pytest.fixture
def job(shop):
    """Paid twice, by a gateway that gives nothing back."""
    shop.hub.store.put_fact("brand", {"name": "Tea & Co", "email": "tea@example.com"}, shop.moment)
    made = post(shop, price=EUR)
    for payment in ("c_1", "c_2"):
        pay(shop, "job", made, payment)
    return made


def page_of(shop, job):
    return shop.hub.office("test").address(FOR_CUSTOMER, job)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_customer_reads_on_the_page_of_the_job_what_becomes_of_a_second_payment(shop, job, language):
    address = page_of(shop, job)
    assert WORDS[language] not in seen(shop, address, lang=language)
    shop.forward(days=1)
    page = shop.visit(address, query_string={"lang": language}).text
    assert WORDS[language] in read(page)
    assert "49" in read(page)
    assert 'href="mailto:tea@example.com"' in page


def test_it_goes_back_by_itself_before_and_has_gone_back_after(shop, job):
    address = page_of(shop, job)
    assert "A second payment of €49.00 came in. It goes back to you by itself." in seen(shop, address)
    shop.forward(days=1)
    assert "write to us and name “Job 1”." in seen(shop, address)
    shop.happen("refund.issued", refund="r_1", payment="c_2", amount=EUR)
    assert "A second payment of €49.00 came in, and was given back to you." in seen(shop, address)


def test_the_admin_reads_of_each_payment_of_a_job_what_came_in_and_what_became_of_it(shop, job):
    viewer, address = enter(shop, "viewer"), f"/jobs/{job}"
    assert "€49.00 corner · paid a second time, goes back" in read(viewer.page(address))
    shop.forward(hours=1)
    page = read(viewer.page(address))
    assert "€49.00 corner · paid a second time, could not be given back" in page
    assert "The customer reads on their page that you do it by hand." in page
    shop.happen("refund.issued", refund="r_1", payment="c_2", amount=EUR)
    assert "€49.00 corner · paid a second time, went back" in read(viewer.page(address))


def test_an_invoice_says_that_a_payment_goes_back_by_hand_where_it_does_not_by_itself(shop):
    made = shop.do("invoices", "create", {**TEA, "customer": {"email": "ada@example.com"}}, "invoice")
    order = shop.do("orders", "create", TEA, "order")
    billed = shop.do("invoices", "create", {"order": order["order"]}, "billed")
    for payment in ("c_1", "c_2"):
        pay(shop, "order", order["order"], payment)
    assert "It goes back to you by itself." in seen(shop, billed["url"])
    shop.forward(days=1)
    said = seen(shop, billed["url"])
    assert "It goes back to you by itself." not in said
    assert f"write to us and name “Invoice {billed['number']}”." in said
    assert "came in" not in seen(shop, made["url"])


def test_what_came_for_a_cancelled_order_is_called_no_second_payment(shop):
    order = shop.do("orders", "create", TEA, "order")
    shop.do("orders", "cancel", {"order": order["order"]}, "cancel")
    pay(shop, "order", order["order"], "c_1")
    assert "A payment of €49.00 came in that we cannot take. It goes back to you by itself." in seen(shop, order["url"])
    assert "came when it was cancelled, goes back" in read(enter(shop, "viewer").page(f"/orders/{order['order']}"))


def test_who_paid_in_another_currency_is_not_told_that_all_is_paid(shop):
    order = shop.do("orders", "create", TEA, "order")
    pay(shop, "order", order["order"], "c_1", DOLLARS)
    shop.forward(days=1)
    said = seen(shop, order["url"])
    assert "Pay with Corner gateway" in said
    assert "A payment of $49.00 came in that we cannot take. It could not be given back by itself" in said
    assert "You need not pay anything more." not in said
    assert "not in the currency asked for, could not be given back" in read(
        enter(shop, "viewer").page(f"/orders/{order['order']}")
    )
