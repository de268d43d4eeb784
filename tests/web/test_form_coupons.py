"""Codes on forms: what is wrong said at the field, the price that was shown is the price charged, taken once a submission."""

import html
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from hub.commerce.submissions import Wanted, listed
from hub.engine.form_desk import FormDesk
from hub.journal.tables_billing import coupons
from hub.journal.tables_forms import form_plans
from hub.payments.coupons import make, stop
from hub.phrases import LANGUAGES
from tests.commerce.conftest import Shop

FORM = """\
form: 1
name: school
title: School
fields:
  - {name: email, type: email, required: true}
  - {name: note, type: lines}
pay:
  by: corner
  coupons: true
  offers:
    - {name: course, title: Course, amount: {EUR: {fixed: "49.00"}, JPY: {fixed: 999}, KWD: {fixed: "9.995"}}}
    - {name: monthly, title: Monthly, every: month, amount: {EUR: {fixed: "19.99"}, JPY: {fixed: 999}, KWD: {fixed: "9.995"}}}
    - {name: gift, title: Gift, amount: {EUR: {choices: [10, 25], free: {min: 1, max: 1000}}, JPY: {fixed: 1}, KWD: {fixed: "0.001"}}}
"""
RIGHT = {"key": "k1", "f-email": "ada@example.com", "offer": "monthly", "currency": "EUR"}
RIGHT_TO_LEFT = "\u05e9\u05dc\u05d5\u05dd\n\u0639\u0627\u0644\u0645"
LATE = "This code is over. Leave it out to go on without it."
UNKNOWN = "We do not know this code. Look at how it is written, or leave it out."
USED = "This code has been used as often as it may be. Leave it out to go on without it."
NOT_HERE = "This code is not for what you chose. Leave it out, or choose something else."


@pytest.fixture
def shop(tmp_path, database_url, gateway):
    made = Shop(tmp_path / "workspace", database_url, gateway)
    FormDesk(made.hub).save("", FORM, "test@example.com")
    yield made
    made.hub.close()


def coupon(shop, code="SPRING", **values):
    values = {"discount": {"percent": "20", "cycles": 3}, **values}
    shop.office("make").change(lambda book: make(book, code, values))


def send(shop, code="SPRING", query="", **fields):
    data = {**RIGHT, "coupon": code, **fields}
    return shop.visit(f"https://hub.example.com/f/school{query}", "POST", data=data)


def look(shop, code="SPRING", **fields):
    return send(shop, code, do="coupon", **fields)


def seen(answer):
    found = re.search(r'name="seen" value="([^"]*)"', answer.text)
    return html.unescape(found[1]) if found else ""


def buy(shop, code="SPRING", **fields):
    """Look at the price, and send."""
    return send(shop, code, seen=seen(look(shop, code, **fields)), **fields)


def said(answer):
    assert answer.status_code == 422
    found = re.search(r'id="coupon-wrong">(.*?)</p>', answer.text)
    return html.unescape(found[1]) if found else ""


def price(answer):
    return html.unescape(re.search(r'<p class="good" id="coupon-hint"[^>]*>(.*?)</p>', answer.text)[1])


def used(shop, code="SPRING"):
    with shop.hub.database.read() as connection:
        return connection.execute(coupons.select().where(coupons.c.id == code)).one().used


def sent(shop):
    with shop.hub.database.read() as connection:
        return listed(connection, Wanted("school"), 10)


def amounts(shop):
    return [one["amount"] for one in shop.gateway.payments.values()]


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_speaks_every_language(shop, language):
    coupon(shop)
    answer = look(shop, query=f"?lang={language}")
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text
    assert "15" in price(answer)
    assert "19" in price(answer)


def test_what_recurs_is_cheaper_for_the_first_charges_and_then_costs_its_price(shop):
    coupon(shop)
    assert price(look(shop, " spring ")) == "€15.99 for the first 3 charges, then €19.99 every month"
    assert (used(shop), sent(shop)) == (0, [])
    assert buy(shop, " spring ").status_code == 200
    (row,) = sent(shop)
    assert (row.coupon, row.minor, used(shop)) == ("SPRING", 1999, 1)
    assert shop.event("form.submitted")["coupon"] == "SPRING"
    assert shop.event("plan.created")["price"] == {"minor": 1999, "currency": "EUR"}
    shop.visit(shop.gateway.pay("c_1"))
    shop.run_due()
    shop.forward(days=125)
    assert amounts(shop) == [1599, 1599, 1599, 1999, 1999]


def test_what_is_paid_once_is_the_first_charge(shop):
    coupon(shop)
    assert price(look(shop, offer="course")) == "€39.20 instead of €49.00"
    buy(shop, offer="course")
    (row,) = sent(shop)
    assert (row.minor, row.discount, used(shop)) == (3920, None, 1)
    assert amounts(shop) == [3920]
    assert shop.event("form.submitted")["amount"] == {"minor": 3920, "currency": "EUR"}


@pytest.mark.parametrize(
    ("currency", "words", "first"),
    [
        ("JPY", "¥874 for the first 2 charges, then ¥999 every month", 874),
        ("KWD", "KWD8.746 for the first 2 charges, then KWD9.995 every month", 8746),
    ],
)
def test_amounts_with_other_decimals_are_charged_as_they_were_shown(shop, currency, words, first):
    coupon(shop, discount={"percent": "12.5", "cycles": 2})
    assert price(look(shop, currency=currency)).replace("\N{NO-BREAK SPACE}", "") == words.replace(
        "\N{NO-BREAK SPACE}", ""
    )
    buy(shop, currency=currency)
    assert sent(shop)[0].discount["amount"]["minor"] == {"JPY": 125, "KWD": 1249}[currency], (
        "no gateway rounds it its way"
    )
    assert amounts(shop) == [first]


@pytest.mark.parametrize(
    ("discount", "words"),
    [
        ({"percent": "20"}, "€15.99 every month instead of €19.99"),
        ({"percent": "20", "cycles": 1}, "€15.99 for the first charge, then €19.99 every month"),
        ({"amount": {"minor": 500, "currency": "EUR"}}, "€14.99 every month instead of €19.99"),
    ],
)
def test_the_price_is_said_for_as_long_as_it_holds(shop, discount, words):
    coupon(shop, discount=discount)
    assert price(look(shop)) == words


def test_a_price_that_was_not_looked_at_is_shown_before_anything_is_sent(shop):
    coupon(shop)
    first = send(shop)
    assert first.status_code == 422
    assert "Nothing was sent yet. With your code the price is another one:" in html.unescape(first.text)
    assert (used(shop), sent(shop), amounts(shop)) == (0, [], [])
    changed = send(shop, seen=seen(first), offer="course")
    assert price(changed) == "€39.20 instead of €49.00"
    assert sent(shop) == []
    assert send(shop, seen=seen(changed), offer="course").status_code == 200
    assert amounts(shop) == [3920]


def test_a_price_that_the_form_changed_meanwhile_is_shown_anew(shop):
    coupon(shop)
    before = seen(look(shop))
    FormDesk(shop.hub).save("school", FORM.replace('"19.99"', '"29.99"'), "test@example.com")
    answer = send(shop, seen=before)
    assert (answer.status_code, sent(shop)) == (422, [])
    assert price(answer).startswith("€23.99")


@pytest.mark.parametrize(
    ("values", "fields", "words"),
    [
        ({"state": "stopped"}, {}, LATE),
        ({"ends_at": timedelta()}, {}, LATE),
        ({"most": 0}, {}, USED),
        ({"plan": "pln_other"}, {}, NOT_HERE),
        ({"discount": {"amount": {"minor": 1999, "currency": "EUR"}}}, {}, NOT_HERE),
        ({"discount": {"amount": {"minor": 5, "currency": "USD"}}}, {}, NOT_HERE),
        ({}, {"offer": "gift", "amount-gift-EUR": "other", "other-gift-EUR": "25"}, NOT_HERE),
        ({"discount": {"percent": "50"}}, {"offer": "gift", "currency": "JPY"}, NOT_HERE),
        ({"discount": {"percent": "0.01"}}, {"offer": "gift", "currency": "KWD"}, NOT_HERE),
    ],
)
def test_a_code_that_does_not_hold_is_said_at_its_field_and_nothing_is_sent(shop, values, fields, words):
    if "ends_at" in values:
        values = {"ends_at": shop.moment}
    coupon(shop, **values)
    for answer in (look(shop, **fields), send(shop, **fields)):
        assert said(answer) == words
        assert 'value="SPRING"' in answer.text
        assert 'aria-invalid="true"' in answer.text
    assert (sent(shop), amounts(shop)) == ([], [])


@pytest.mark.parametrize(
    "code",
    [
        "WINTER",
        "خصم٢٠",
        "x" * 10_000,
        '"><script>alert(1)</script>',
        "' OR 1=1 --",
        "4111111111111111",
    ],
)
def test_what_is_no_code_is_said_and_what_was_typed_stays(shop, code):
    coupon(shop)
    answer = send(shop, code, **{"f-note": RIGHT_TO_LEFT})
    assert said(answer) == UNKNOWN
    assert "<script>alert" not in answer.text
    assert RIGHT_TO_LEFT in answer.text
    assert code in html.unescape(re.search(r'<input id="coupon"[^>]* value="([^"]*)"', answer.text)[1])
    assert sent(shop) == []


def test_marks_of_right_to_left_text_around_a_code_do_not_matter(shop):
    coupon(shop)
    assert price(look(shop, "\u200f\u202bspring\u202c\u200e")).startswith("€15.99")


def test_who_looks_at_a_code_is_not_told_of_the_rest(shop):
    coupon(shop)
    answer = look(shop, **{"f-email": "", "f-note": "kept"})
    assert answer.status_code == 200
    assert "kept" in answer.text
    assert 'id="f-email-wrong"' not in answer.text
    assert said(look(shop, "")) == "Type the code first."
    unchosen = look(shop, offer="gift")
    assert (unchosen.status_code, said(unchosen)) == (422, "")
    assert "Please choose an amount." in unchosen.text


def test_a_double_click_takes_a_code_once_though_it_is_used_up(shop):
    coupon(shop, most=1)
    shown = seen(look(shop))
    for _ in range(3):
        assert send(shop, seen=shown).status_code == 200
    assert (used(shop), len(sent(shop)), len(amounts(shop))) == (1, 1, 1)
    assert said(send(shop, seen=shown, key="k2")) == USED


def test_of_many_at_once_one_gets_the_last_use_and_the_others_are_told(shop):
    coupon(shop, most=1)
    shown = seen(look(shop))

    def one(number):
        client, data = (
            shop.client.application.test_client(),
            {**RIGHT, "coupon": "SPRING", "seen": shown, "key": f"k{number}"},
        )
        return client.post("/f/school", data=data, base_url="https://hub.example.com")

    with ThreadPoolExecutor(6) as pool:
        answers = sorted(pool.map(one, range(6)), key=lambda answer: answer.status_code)
    assert answers[0].status_code == 200
    assert [said(answer) for answer in answers[1:]] == [USED] * 5
    assert (used(shop), len(sent(shop)), amounts(shop)) == (1, 1, [1599])


def test_a_code_that_is_stopped_between_look_and_send_is_said_and_takes_nothing(shop):
    coupon(shop)
    shown = seen(look(shop))
    shop.office("stop").change(lambda book: stop(book, "SPRING"))
    assert said(send(shop, seen=shown)) == LATE
    assert (used(shop), sent(shop)) == (0, [])


def test_a_code_for_one_plan_is_for_the_offer_that_is_on_it(shop):
    send(shop, "", key="first")
    with shop.hub.database.read() as connection:
        plan = connection.execute(form_plans.select()).one().plan
    coupon(shop, plan=plan)
    assert price(look(shop)).startswith("€15.99")
    assert said(look(shop, offer="course")) == NOT_HERE
    buy(shop)
    assert used(shop) == 1


def test_a_gateway_that_takes_no_discounts_with_subscriptions_takes_codes_for_what_is_paid_once(shop):
    coupon(shop)
    keys = {"mode": "test", "client_id": "client-of-ours", "client_secret": "made-up"}
    shop.hub.accounts.create("paypal", "paypal", keys, "test")
    form = re.sub(r", JPY: .*}}", "}}", FORM.replace("by: corner", "by: paypal"))
    FormDesk(shop.hub).save("school", form, "test@example.com")
    assert said(look(shop)) == NOT_HERE
    assert price(look(shop, offer="course")).startswith("€39.20")


def test_a_form_that_takes_no_codes_looks_at_none(shop):
    coupon(shop)
    FormDesk(shop.hub).save("school", FORM.replace("  coupons: true\n", ""), "test@example.com")
    assert 'name="coupon"' not in shop.visit("https://hub.example.com/f/school").text
    send(shop)
    assert (used(shop), amounts(shop)) == (0, [1999])
