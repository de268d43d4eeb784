"""Settings, Ways to pay: what is set there is what a customer sees on the page of an order."""

from __future__ import annotations

import re

import pytest

from hub.web.passwords import hash_password
from tests.web.conftest import PASSWORD, Visitor

PAGE = "/settings/ways-to-pay"
BOTH = {"shown-corner": "on", "shown-second": "on", "title-second": "Second"}


@pytest.fixture
def admin(shop):
    found = Visitor(shop.client.application)
    shop.hub.store.create_user("a@example.com", "A", "admin", hash_password(PASSWORD, "a@example.com"), shop.moment)
    assert found.log_in("a@example.com").status_code == 303
    return found


@pytest.fixture
def order(shop):
    line = {"title": "Tea", "price": {"minor": 1000, "currency": "EUR"}}
    return shop.do("orders", "create", {"lines": [line]})


def offered(shop, order):
    """The ways to pay on the page of the order, as they are named there."""
    page = shop.visit(order["url"]).text
    return re.findall(r'name="connection" value="(\w+)"', page)


def test_names_and_order_are_seen_by_the_customer(shop, admin, order):
    given = {**BOTH, "title-corner": "Card", "title-second": "Bank", "place-second": "1", "place-corner": "2"}
    assert admin.post(PAGE, **given).status_code == 303
    assert offered(shop, order) == ["second", "corner"]
    page = shop.visit(order["url"]).text
    assert "Pay with Bank" in page
    assert "Pay with Card" in page
    shown = admin.page(PAGE)
    assert shown.index('id="way-second"') < shown.index('id="way-corner"')
    assert 'value="Bank"' in shown


def test_a_hidden_way_is_not_offered_and_not_taken(shop, admin, order):
    admin.post(PAGE, **{"shown-second": "on"})
    assert "corner" not in offered(shop, order)
    answer = shop.visit(order["url"], "POST", data={"connection": "corner", "key": "k"})
    assert answer.status_code == 409
    line = {"title": "Tea", "price": {"minor": 1000, "currency": "EUR"}}
    named = shop.do("orders", "create", {"lines": [line], "connections": ["corner"]}, "step-2")
    assert shop.visit(named["url"], "POST", data={"connection": "corner", "key": "k"}).status_code == 200


def test_what_is_saved_is_in_the_audit_trail_and_the_usual_is_forgotten(shop, admin):
    admin.post(PAGE, **BOTH)
    assert shop.hub.store.fact("pay_options") == {"second": {"title": "Second"}}
    row = shop.hub.store.audit_trail()[0]
    assert (row["action"], row["detail"]) == ("settings.ways_to_pay", {"second": {"title": "Second"}})
    shop.hub.accounts.enable("second", "test", enabled=False)
    admin.post(PAGE, **{"shown-corner": "on"})
    assert shop.hub.store.fact("pay_options") == {"second": {"title": "Second"}}, (
        "what is switched off keeps what it had"
    )
    shop.hub.accounts.enable("second", "test", enabled=True)
    admin.post(PAGE, **{"shown-corner": "on", "shown-second": "on", "title-corner": "Card"})
    admin.post(PAGE, **BOTH)
    assert shop.hub.store.fact("pay_options") == {"second": {"title": "Second"}}


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"title-corner": "x" * 61}, "at most 60 characters"),
        ({"title-corner": "Second"}, "cannot tell them apart"),
        ({"place-corner": "first"}, "whole number from 1 to 99"),
        ({"means-corner": "card"}, "cannot be limited to card"),
    ],
)
def test_a_wrong_field_is_said_at_the_field_and_nothing_is_lost(shop, admin, typed, said):
    answer = admin.post(PAGE, **{**BOTH, "title-second": "Second", **typed})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert said in answer.text
    assert 'value="Second"' in answer.text
    assert shop.hub.store.fact("pay_options") is None


def test_an_amount_is_tried_and_each_way_says_whether_it_can_and_why_not(shop, admin):
    admin.post(PAGE, **{"shown-corner": "on", "title-corner": "Card"})
    page = admin.page(f"{PAGE}?amount=10.00&currency=eur")
    assert "Can take it." in page
    assert "It could, and is not offered." in page
    assert 'id="trouble"' in admin.page(f"{PAGE}?amount=1e9&currency=EUR")


def test_a_hub_without_gateways_says_what_to_do_and_only_admins_see_the_page(people):
    page = people["admin"].page(PAGE)
    assert "Nothing to pay with yet" in page
    assert people["editor"].get(PAGE).status_code == 403


def test_the_admin_is_told_of_ways_that_customers_cannot_tell_apart(shop, admin):
    assert "More than one way is called “Corner gateway”." in admin.page(PAGE)
    admin.post(PAGE, **BOTH)
    assert "More than one way is called" not in admin.page(PAGE)
    admin.post(PAGE, **{"shown-second": "on"})
    assert "More than one way is called" not in admin.page(PAGE), "one of them is not offered"
