"""What the checker says of forms that are built right and cannot work."""

from pathlib import Path

import pytest

import connectors
from hub.commerce.form_checks import form_problems
from hub.commerce.forms import read_form
from hub.connect.manifest import load_manifest
from hub.money import Money

FOLDER = Path(connectors.__file__).parent
GATEWAYS = {
    name: load_manifest(FOLDER / connector)
    for name, connector in {
        "sandbox": "sandbox",
        "upi": "instamojo",
        "payouts": "moneygram",
        "crm": "sandbox_crm",
        "paypal": "paypal",
        "visa": "visa",
        "authorize_net": "authorize_net",
    }.items()
}
EMAIL = {"name": "email", "type": "email", "required": True}
EUR = {"EUR": {"fixed": "49.00"}}
USD = {"USD": {"fixed": "49.00"}}


def problems(fields=(EMAIL,), **pay):
    value = {"form": 1, "name": "f", "title": "F", "fields": list(fields)}
    return form_problems(value | ({"pay": {"by": "sandbox", **pay}} if pay else {}), GATEWAYS)


def told(fields=(EMAIL,), **pay):
    return [(one.path, one.code) for one in problems(fields, **pay)]


@pytest.mark.parametrize(
    ("field", "place", "code"),
    [
        ({"type": "choice"}, "choices", "choices"),
        ({"type": "text", "choices": ["a"]}, "choices", "choices"),
        ({"type": "hidden"}, "value", "value"),
        ({"type": "text", "value": "x"}, "value", "value"),
        ({"type": "hidden", "value": "x", "required": True}, "required", "hidden"),
        ({"type": "text", "min": 3}, "min", "bounds"),
        ({"type": "date", "min": 3}, "min", "bounds"),
        ({"type": "number", "max": "2026-12-31"}, "max", "bounds"),
        ({"type": "number", "min": 3, "max": 2}, "max", "bounds"),
        ({"type": "number", "min": "today"}, "min", "bounds"),
        ({"type": "date", "min": "2026-02-30"}, "min", "bounds"),
        ({"type": "date", "min": "today+10d", "max": "today+9d"}, "max", "bounds"),
    ],
)
def test_keys_that_do_not_fit_the_fields_type(field, place, code):
    assert told([{"name": "one", **field}]) == [(("fields", 0, place), code)]


@pytest.mark.parametrize(
    "bounds",
    [
        {"min": "today", "max": "today+365d"},
        {"min": "today+9d", "max": "today+10d"},
        {"min": "today", "max": "2020-12-31"},
    ],
)
def test_days_may_be_bounded_from_today(bounds):
    assert told([{"name": "one", "type": "date", **bounds}]) == []


def test_doubled_names_and_choices():
    choice = {"name": "one", "type": "choice", "choices": ["a", {"value": "a", "title": "A"}]}
    assert told([choice, {"name": "one", "type": "text"}]) == [
        (("fields", 1, "name"), "doubled"),
        (("fields", 0, "choices", 1), "doubled"),
    ]


def test_a_form_that_asks_nothing():
    assert told([]) == [(("fields",), "empty")]


@pytest.mark.parametrize(
    ("prices", "place", "code"),
    [
        ({"EUX": {"fixed": "1"}}, ("EUX",), "currency_unknown"),
        ({"JPY": {"fixed": "10.5"}}, ("JPY", "fixed"), "too_many_decimals"),
        ({"EUR": {"fixed": "0"}}, ("EUR", "fixed"), "nothing"),
        ({"EUR": {"fixed": "-1"}}, ("EUR", "fixed"), "negative"),
        ({"EUR": {"choices": ["1", "ten"]}}, ("EUR", "choices", 1), "not_a_number"),
        ({"EUR": {"choices": ["1", 1]}}, ("EUR", "choices", 1), "doubled"),
        ({"EUR": {"fixed": "1", "choices": ["2"]}}, ("EUR", "fixed"), "combination"),
        ({"EUR": {"free": {"min": 5, "max": 4}}}, ("EUR", "free", "max"), "bounds"),
        ({"EUR": {"free": {"min": 1, "max": "1e9"}}}, ("EUR", "free", "max"), "not_a_number"),
    ],
)
def test_amounts_that_are_none(prices, place, code):
    assert told(amount=prices) == [(("pay", "amount", *place), code)]


@pytest.mark.parametrize(
    ("by", "place", "words"),
    [
        ("nowhere", ("pay", "by"), "There is no connection 'nowhere'."),
        ("crm", ("pay", "by"), "takes no payments"),
        (["sandbox", "payouts"], ("pay", "by", 1), "MoneyGram cannot do this:"),
        ("upi", ("pay", "by"), "does not take EUR"),
    ],
)
def test_a_gateway_that_cannot_do_what_the_form_offers_is_refused_with_its_reason(by, place, words):
    found = problems(by=by, amount=EUR)
    assert [one.path for one in found] == [place]
    assert words in found[0].message
    assert found[0].remedy


def test_what_recurs_needs_an_address_and_a_gateway_that_charges_again():
    monthly = {"name": "monthly", "title": "Monthly", "every": "month"}
    assert told((), amount=EUR, offers=[monthly]) == [(("fields",), "no_email")]
    assert told(amount=EUR, offers=[monthly]) == []
    codes = {one.code for one in problems(by="payouts", amount=EUR, offers=[monthly])}
    assert "capability" in codes


@pytest.mark.parametrize("by", ["visa", "authorize_net"])
def test_a_membership_needs_no_stored_means_but_a_plan_that_the_hub_makes(by):
    monthly = {"name": "monthly", "title": "M", "every": "month"}
    assert told(amount=EUR, offers=[monthly, {"name": "once", "title": "O"}], by=by) == told(amount=EUR, by=by)
    (problem,) = problems(amount=USD, offers=[{**monthly, "plan": "plan_1"}], by=by)
    assert (problem.path, problem.code) == (("pay", "offers", 0, "plan"), "capability")
    assert "The hub charges for what a form begins" in problem.message
    assert told(amount=USD, offers=[{**monthly, "plan": "plan_1"}], by="paypal") == []


def test_coupons_are_for_gateways_that_take_discounts():
    monthly = {"name": "monthly", "title": "Monthly", "every": "month"}
    assert told(amount=EUR, offers=[monthly], coupons=True) == []
    assert told(amount=EUR, coupons=True, by="paypal") == [], "what is paid once is cheaper everywhere"
    assert told(amount=EUR, offers=[monthly], coupons=True, by="paypal") == [(("pay", "coupons"), "capability")]
    once = {"name": "once", "title": "Once"}
    assert told(amount=EUR, offers=[once, monthly], coupons=True, by="paypal") == [], "they are for what is paid once"


def test_terms_that_do_not_belong_together():
    plan = {"name": "gold", "title": "Gold", "plan": "plan_1"}
    path = ("pay", "offers", 0)
    assert told(offers=[{**plan, "amount": EUR}]) == [((*path, "plan"), "combination")]
    free = {"EUR": {"free": {"min": 1, "max": 2}}}
    assert told(offers=[{**plan, "every": "month", "amount": free}]) == [((*path, "plan"), "combination")]
    assert told(offers=[{"name": "one", "title": "One"}]) == [(path, "no_amount")]
    assert told(purpose="nothing") == [(("pay",), "no_amount")]


def test_a_form_is_read_with_its_offers_and_amounts():
    form = read_form({
        "form": 1, "name": "give", "title": "Give", "fields": [EMAIL], "embed": ["https://Shop.example"],
        "pay": {
            "by": ["sandbox", "other"], "amount": {"EUR": {"choices": [10, "12.50"], "free": {"min": 1, "max": 100}}},
            "offers": [
                {"name": "once", "title": "Once"},
                {"name": "often", "title": "Often", "every": {"unit": "week", "count": 2}, "amount": {"JPY": {"fixed": 500}}},
            ],
        },
    })  # fmt: skip
    once, often = form.pay.offers
    assert once.prices["EUR"].choices == (Money(1000, "EUR"), Money(1250, "EUR"))
    assert (once.is_recurring, often.every) == (False, {"unit": "week", "count": 2})
    assert (form.pay.currencies, form.pay.asks_for_connection) == (("EUR", "JPY"), True)
    assert form.embed == ("https://shop.example",)
