"""What visitors enter in forms: taken as it is meant, or told at the field why not."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.commerce.form_amounts import Said, asked_amount
from hub.commerce.form_fields import countries, read_answers, shown_values
from hub.commerce.forms import read_form, words
from hub.money import Money

FIELDS = [
    {"name": "name", "type": "text", "title": {"en": "Your name", "de": "Ihr Name"}, "required": True},
    {"name": "email", "type": "email", "required": True},
    {"name": "phone", "type": "phone"},
    {"name": "guests", "type": "number", "min": 1, "max": 8},
    {"name": "size", "type": "choice", "choices": ["S", {"value": "L", "title": "Large"}]},
    {"name": "terms", "type": "checkbox", "required": True},
    {"name": "day", "type": "date", "min": "2026-12-01", "max": "2026-12-31"},
    {"name": "home", "type": "address"},
    {"name": "country", "type": "country"},
    {"name": "note", "type": "lines", "max_length": 100},
    {"name": "campaign", "type": "hidden", "value": "winter"},
]
RIGHT = {"f-name": "Ada Lovelace", "f-email": "ada@example.com", "f-terms": "on"}
FREE = {"free": {"min": 1, "max": 10000}}


def form(**more):
    return read_form({"form": 1, "name": "join", "title": "Join", "fields": FIELDS, **more})


def answers(**entered):
    return read_answers(form(), RIGHT | {f"f-{name.replace('__', '-')}": value for name, value in entered.items()})


def problem(name, value):
    found = answers(**{name: value}).problems
    assert set(found) <= {f"f-{name}"}
    return found[f"f-{name}"].name if found else ""


def test_right_answers_become_values_and_a_customer():
    found = answers(
        phone="+49 30 123456", guests="3", size="L", day="2026-12-24", country="DE", note="Two\r\nlines",
        home__line1="Main Street 1", home__city="Berlin", home__country="DE", campaign="made up by the browser",
    )  # fmt: skip
    address = {"line1": "Main Street 1", "city": "Berlin", "country": "DE"}
    assert found.problems == {}
    assert found.values == {
        "name": "Ada Lovelace", "email": "ada@example.com", "phone": "+49 30 123456", "guests": 3, "size": "L",
        "terms": True, "day": "2026-12-24", "home": address, "country": "DE", "note": "Two\nlines", "campaign": "winter",
    }  # fmt: skip
    assert found.customer == {
        "name": "Ada Lovelace", "email": "ada@example.com", "phone": "+49 30 123456", "address": address,
    }  # fmt: skip


def test_everything_wrong_is_told_at_once():
    found = read_answers(form(), {"f-email": "nobody", "f-guests": "9", "f-home-line1": "Main Street 1"})
    assert {name: said.name for name, said in found.problems.items()} == {
        "f-name": "missing",
        "f-email": "email",
        "f-guests": "most",
        "f-terms": "tick",
        "f-home-city": "missing",
        "f-home-country": "missing",
    }


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("name", "x" * 10_000, "too_long"),
        ("name", "<script>alert(1)</script>", ""),
        ("name", "عائشة بنت أحمد", ""),
        ("name", "👩‍👩‍👧 Ada", ""),
        ("name", " \t\x00\x07 ", "missing"),
        ("name", "My card is 4111 1111 1111 1111", "card_number"),
        ("note", "4111-1111-1111-1111", "card_number"),
        ("note", "4111 1111 1111 1112", ""),
        ("email", "ada@müller.example", ""),
        ("email", "ada@example", "email"),
        ("email", "ada@@example.com", "email"),
        ("email", "ada@example.com, eve@example.com", "email"),
        ("email", "ada@example.com\nBcc: eve@example.com", "email"),
        ("email", f"{'a' * 65}@example.com", "email"),
        ("email", f"{'a' * 300}@example.com", "too_long"),
        ("phone", "call me", "phone"),
        ("phone", "123", "phone"),
        ("phone", "१२३४५६", "phone"),
        ("guests", "0", "least"),
        ("guests", "1e3", "number"),
        ("guests", "٣", "number"),
        ("guests", "2.5", ""),
        ("size", "XXL", "choose"),
        ("day", "2026-11-30", "first_day"),
        ("day", "2027-01-01", "last_day"),
        ("day", "2026-02-30", "date"),
        ("day", "24.12.2026", "date"),
        ("country", "Germany", "choose"),
        ("country", "ZZ", "choose"),
        ("terms", "", "tick"),
    ],
)
def test_a_wrong_answer_is_told_at_its_field(name, value, wrong):
    assert problem(name, value) == wrong


@pytest.mark.parametrize(
    ("bounds", "on", "entered", "wrong"),
    [
        ({"min": "today"}, date(2026, 11, 28), "2026-11-27", "first_day"),
        ({"min": "today"}, date(2026, 11, 28), "2026-11-28", ""),
        ({"min": "today"}, date(2026, 11, 29), "2026-11-28", "first_day"),
        ({"min": "today+2d"}, date(2026, 12, 30), "2026-12-31", "first_day"),
        ({"min": "today+2d"}, date(2026, 12, 30), "2027-01-01", ""),
        ({"max": "today"}, date(2026, 11, 28), "2026-11-29", "last_day"),
        ({"max": "today-1d"}, date(2026, 3, 1), "2026-03-01", "last_day"),
        ({"max": "today-1d"}, date(2026, 3, 1), "2026-02-28", ""),
    ],
)
def test_days_are_bounded_from_the_day_on_which_a_form_is_sent(bounds, on, entered, wrong):
    asked = form(fields=[{"name": "day", "type": "date", **bounds}]).on(on)
    found = read_answers(asked, {"f-day": entered}).problems
    assert {name: said.name for name, said in found.items()} == ({"f-day": wrong} if wrong else {})


@given(st.dictionaries(st.sampled_from([f"f-{one['name']}" for one in FIELDS]), st.text(max_size=400)))
def test_whatever_is_entered_is_taken_or_told(entered):
    found = read_answers(form(), entered)
    told = {name.split("-")[1] for name in found.problems}
    assert not told & found.values.keys()
    assert all(isinstance(shown, str) for _, shown in shown_values(form(), found.values))


def paying(entered, **prices):
    offer = read_form(
        {"form": 1, "name": "give", "title": "Give", "fields": [], "pay": {"by": "sandbox", "amount": prices}}
    )
    return asked_amount(offer.pay, entered)


@pytest.mark.parametrize(
    ("currency", "text", "taken"),
    [
        ("USD", "10", 1000),
        ("USD", " 10.50 ", 1050),
        ("EUR", "10,50", 1050),
        ("JPY", "500", 500),
        ("KWD", "1.005", 1005),
        ("USD", "", "amount_missing"),
        ("USD", "0", "amount_zero"),
        ("USD", "0.00", "amount_zero"),
        ("USD", "-5", "amount_negative"),
        ("JPY", "10.5", "amount_no_decimals"),
        ("USD", "1.005", "amount_decimals"),
        ("KWD", "1,005", "amount_not_one"),
        ("USD", "1,000", "amount_not_one"),
        ("USD", "1e9", "amount_not_one"),
        ("INR", "१२", "amount_digits"),
        ("USD", "ten", "amount_not_one"),
        ("USD", "10 USD", "amount_not_one"),
        ("USD", "0.50", "amount_least"),
        ("USD", "10000.01", "amount_most"),
        ("USD", "9" * 30, "amount_too_large"),
        ("USD", "NaN", "amount_not_one"),
    ],
)
def test_an_amount_is_taken_exactly_or_told_why_not(currency, text, taken):
    found = paying({"amount-once-" + currency: "other", "other-once-" + currency: text}, **{currency: FREE})
    if isinstance(taken, int):
        assert (found.amount, found.problems) == (Money(taken, currency), {})
    else:
        assert found.amount is None
        assert found.problems["other-once-" + currency].name == taken


def test_only_amounts_of_the_form_can_be_chosen():
    prices = {"EUR": {"choices": [10, "25.00"], **FREE}}
    assert paying({"amount-once-EUR": "25.00"}, **prices).amount == Money(2500, "EUR")
    assert paying({"amount-once-EUR": "0.01"}, **prices).problems["amount-once-EUR"].name == "choose_amount"
    assert paying({}, **prices).problems["amount-once-EUR"].name == "choose_amount"
    both = paying({"amount-once-EUR": "10.00", "other-once-EUR": "40"}, **prices)
    assert both.problems == {"other-once-EUR": Said("two_amounts", {"amount": Money(1000, "EUR")})}
    assert paying({"amount-once-EUR": "7", "other-once-EUR": "7"}, EUR={"fixed": 49}).amount == Money(4900, "EUR")


def test_the_currency_is_one_that_the_offer_has():
    prices = {"EUR": {"fixed": 49}, "JPY": {"fixed": 7000}}
    assert paying({"currency": "JPY"}, **prices).amount == Money(7000, "JPY")
    assert paying({"currency": "USD"}, **prices).problems["currency"].name == "choose_currency"


def test_texts_are_said_in_the_visitors_language_or_the_nearest():
    assert words({"en": "Give", "de": "Spenden"}, "de") == "Spenden"
    assert words({"en": "Give", "de": "Spenden"}, "hi") == "Give"
    assert words({"de": "Spenden"}, "hi") == "Spenden"
    assert words({"": "Give"}, "fr") == "Give"


def test_countries_are_listed_by_their_name_in_the_language():
    german = list(countries("de").items())
    assert ("AT", "Österreich") in german
    assert german.index(("AT", "Österreich")) < german.index(("PL", "Polen"))
    assert len(german) > 200
