"""The page of an order: the ways to pay it, one checkout for a double click, every state said in the visitor's language."""

import re
from datetime import timedelta

import pytest

from hub.web.visitors import ink_on

ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}


@pytest.fixture
def shop(shop):
    shop.hub.store.put_fact("pay_options", {"corner": {"title": "Card"}, "second": {"title": "Bank"}}, shop.moment)
    return shop


@pytest.fixture
def order(shop):
    lines = [
        {"title": "Tea <b>", "quantity": 3, "price": {"minor": 1000, "currency": "EUR"}, "tax_rate": "7"},
        {"title": "Delivery", "price": {"minor": 499, "currency": "EUR"}},
    ]
    return shop.do("orders", "create", {"lines": lines, "customer": ADA})


def seen(shop, order, **query):
    answer = shop.visit(order["url"], query_string=query)
    assert answer.status_code == 200
    return answer.text


def click(shop, order, connection="corner", key="k1"):
    return shop.visit(order["url"], "POST", data={"connection": connection, "key": key})


def text_of(html):
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"<(style|script).*?</\1>", "", html, flags=re.DOTALL)).split())


def test_the_page_says_what_is_ordered_and_offers_every_way(shop, order):
    said = text_of(seen(shop, order))
    assert "Order 1 €34.99 Tea &lt;b&gt; × 3 €30.00 Delivery €4.99 Total €34.99 of which tax €1.96" in said
    assert "Pay with Card" in said
    assert "Pay with Bank" in said
    assert "You can pay until Feb 3, 2027, 9:00 AM." in said


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", ("Bestellung 1", "34,99\N{NO-BREAK SPACE}€", "Bezahlen mit Card", "Wie möchten Sie bezahlen?")),
        ("es", ("Pedido 1", "Pagar con Card")),
        ("fr", ("Commande 1", "Payer avec Card")),
        ("hi", ("ऑर्डर 1", "Card से भुगतान करें")),
    ],
)
def test_the_page_speaks_the_visitors_language(shop, order, language, words):
    page = shop.visit(order["url"], headers={"Accept-Language": f"{language};q=0.9, en;q=0.5"}).text
    assert f'<html lang="{language}">' in page
    assert all(one in page for one in words)
    assert text_of(page) == text_of(seen(shop, order, lang=language))


def test_who_ordered_by_a_form_goes_on_in_its_language_and_may_choose_another(shop):
    line, said = {"title": "Tea", "price": {"minor": 1000, "currency": "EUR"}}, {"language": "hi"}
    by_form = shop.do("orders", "create", {"lines": [line], "metadata": {"form": "tea", **said}}, "step-1")
    by_hand = shop.do("orders", "create", {"lines": [line], "metadata": {"placed_by": "scan", **said}}, "step-2")
    assert '<html lang="hi">' in seen(shop, by_form)
    assert '<html lang="de">' in seen(shop, by_form, lang="de")
    assert '<html lang="en">' in seen(shop, by_hand), "the seller chose it; the buyer's own phone speaks another"


def test_who_chose_a_language_comes_back_to_it_from_the_gateway(shop, order):
    form = re.search(r'<form [^>]*action="([^"]+)"', seen(shop, order, lang="fr"))[1]
    shop.visit(form, "POST", data={"connection": "corner", "key": "k1"})
    back = shop.pay(shop.gateway.payments["c_1"]["url"])
    assert '<html lang="fr">' in shop.visit(back.headers["Location"]).text


def test_a_single_way_is_one_button_with_the_amount(shop, order):
    shop.hub.store.put_fact("pay_options", {"second": {"hidden": True}}, shop.moment)
    said = text_of(seen(shop, order))
    assert "Pay €34.99" in said
    assert "How would you like to pay?" not in said


def test_the_order_names_the_ways_it_offers(shop):
    line = {"title": "Tea", "price": {"minor": 1000, "currency": "EUR"}}
    order = shop.do("orders", "create", {"lines": [line], "connections": ["second"]}, "step-2")
    assert "Pay with Card" not in seen(shop, order)
    assert click(shop, order, "corner").status_code == 409, "a way that is not offered is not taken"
    assert click(shop, order, "second").status_code == 200


def test_a_currency_that_nobody_takes_is_said_with_an_address_to_write_to(shop):
    for name in ("corner", "second"):
        shop.hub.accounts.enable(name, "test", enabled=False)
    shop.hub.store.put_fact("brand", {"name": "Tea & Co", "email": "tea@example.com", "colour": "#ffd400"}, shop.moment)
    line = {"title": "Tea", "price": {"minor": 1000, "currency": "EUR"}}
    page = seen(shop, shop.do("orders", "create", {"lines": [line]}, "step-2"))
    assert "No way to pay is set up" in page
    assert "mailto:tea@example.com" in page
    assert "--brand: #ffd400; --on-brand: #1d273b" in page
    assert "Tea &amp; Co" in page


def test_a_click_leads_to_the_gateway_and_a_double_click_to_the_same_checkout(shop, order, gateway):
    first, second = click(shop, order), click(shop, order)
    [payment] = gateway.payments.values()
    assert first.headers["Refresh"] == second.headers["Refresh"] == f"0; url={payment['url']}"
    assert (payment["amount"], payment["currency"]) == (3499, "EUR")


def test_who_comes_back_paid_sees_it_at_once(shop, order):
    click(shop, order)
    back = shop.pay(shop.gateway.payments["c_1"]["url"])
    assert back.status_code == 303
    assert back.headers["Location"] == f"{order['url']}?back=1"
    assert "Paid. Thank you." in seen(shop, order, back=1)
    assert shop.told("order") == ["order.placed", "order.paid"]
    assert "Pay with" not in seen(shop, order)


def test_who_comes_back_before_the_bank_has_decided_is_told_to_wait_and_may_pay_in_another_way(shop, order, gateway):
    click(shop, order)
    shop.happen("payment.pending", payment="c_1", order=order["order"], amount=order["total"])
    said = text_of(seen(shop, order))
    assert "Your payment is under way." in said
    assert "Pay in another way instead" in said
    gateway.settle("c_1")
    assert "Paid. Thank you." in seen(shop, order, back=1), "coming back asks the gateway"


def test_a_payment_that_failed_is_said_and_another_way_is_open(shop, order):
    click(shop, order)
    shop.happen("payment.failed", payment="c_1", order=order["order"], amount=order["total"])
    assert "This was not paid, and nothing was charged." in seen(shop, order)
    assert click(shop, order, "second", "k2").status_code == 200
    shop.pay(shop.gateway.payments["c_2"]["url"])
    assert shop.event("order.paid")["connection"] == "second"


def test_who_was_declined_and_then_paid_on_the_gateways_page_reads_that_it_is_paid(shop, order, gateway):
    click(shop, order)
    shop.happen("payment.failed", payment="c_1", order=order["order"], amount=order["total"])
    gateway.settle("c_1")
    assert "This was not paid" in seen(shop, order)
    assert "Paid. Thank you." in seen(shop, order, back=1)


def test_a_gateway_that_fails_is_said_without_harm(shop, order, gateway):
    shop.hub.accounts.update("corner", {"api_base": gateway.url, "api_key": "wrong"}, 1, "test")
    answer = click(shop, order)
    assert answer.status_code == 502
    assert "The payment could not be begun just now. Nothing was charged." in answer.text
    assert "Pay with Bank" in answer.text


def test_part_over_and_second_payments_are_shown(shop, order):
    shop.happen("payment.succeeded", payment="c_1", order=order["order"], amount={"minor": 1000, "currency": "EUR"})
    said = text_of(seen(shop, order))
    assert "Paid so far €10.00 Still to pay €24.99" in said
    click(shop, order)
    assert shop.gateway.payments["c_1"]["amount"] == 2499, "the rest is asked for, no more"
    shop.happen(
        "payment.succeeded", "second", payment="c_8", order=order["order"], amount={"minor": 3000, "currency": "EUR"}
    )
    assert "You paid €5.01 more than the total." in seen(shop, order)
    shop.happen("payment.succeeded", "second", payment="c_9", order=order["order"], amount=order["total"])
    assert "A second payment of €34.99 came in. It goes back to you by itself." in seen(shop, order)


def test_an_order_that_is_over_says_why_and_takes_nothing(shop, order):
    shop.do("orders", "cancel", {"order": "1"}, "step-2")
    assert "This order was cancelled." in seen(shop, order)
    assert click(shop, order).status_code == 409
    line = {"title": "Tea", "price": {"minor": 1000, "currency": "EUR"}}
    late = shop.do("orders", "create", {"lines": [line], "expires_in": "1h"}, "step-3")
    shop.moment += timedelta(hours=1)
    shop.run_due()
    assert "The time to pay this order is over." in seen(shop, late)
    assert shop.gateway.payments == {}


def test_once_paid_the_page_leads_on_to_where_the_order_says(shop):
    line = {"title": "Tea", "price": {"minor": 0, "currency": "EUR"}}
    given = {"lines": [line], "return_url": "https://tea.example.com/thanks"}
    page = seen(shop, shop.do("orders", "create", given, "step-2"))
    assert '<a href="https://tea.example.com/thanks">Go on</a>' in page


@pytest.mark.parametrize("address", ["/o/x", "/o/", "/o/eyJhbGciOiJub25lIn0"])
def test_an_address_that_was_made_up_leads_nowhere(shop, address):
    answer = shop.visit(f"https://hub.example.com{address}")
    assert answer.status_code == 404


def test_an_address_of_another_kind_is_no_order(shop, order):
    token = shop.office().address("i", order["order"]).rpartition("/")[2]
    answer = shop.visit(f"https://hub.example.com/o/{token}")
    assert answer.status_code == 404
    assert "This link does not work" in answer.text


@pytest.mark.parametrize(
    ("colour", "ink"), [("#0b6e4f", "#ffffff"), ("#ffd400", "#1d273b"), ("#000000", "#ffffff"), ("#ffffff", "#1d273b")]
)
def test_what_stands_on_the_brands_colour_can_be_read(colour, ink):
    assert ink_on(colour) == ink
