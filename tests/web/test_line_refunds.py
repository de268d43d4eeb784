"""Refunds by line on the pages of an order and of its payment: exact, of the right vendor, once, and wrong things said."""

from __future__ import annotations

import re
from html import unescape

import pytest

from hub.journal.tables_ledger import refund_requests
from tests.payments.test_splits import RULE, money, paid

from .forms_on_pages import Page
from .test_payments import enter
from .test_work_pages import text_of

PRICES = {"USD": (6001, 3999), "JPY": (9000, 6001), "KWD": (18505, 12001)}


@pytest.fixture
def market(market):
    for vendor in ("prv_a", "prv_b"):
        market.provider(vendor)
    return market


def bought(market, currency="USD", rugs=1, *, is_divided=True, **more):
    """A lamp of one vendor and rugs of another, paid and divided; gives the pages of the order and of its payment."""
    lamp, rug = PRICES[currency]
    lines = [
        {"title": "Lamp", "price": money(lamp, currency), "vendor": "prv_a"},
        {"title": "Rug", "price": money(rug, currency), "vendor": "prv_b", "quantity": rugs, **more},
    ]
    order, payment = paid(market, lines, currency)
    if is_divided:
        market.act("split", {"payment": payment, "rule": RULE}, "split")
    return f"/orders/{order['order']}", f"/payments/sandbox/{payment}"


def places(market, which, **more):
    """The page with the form, and where the form is sent."""
    order, payment = bought(market, **more)
    return (order, f"{order}/refund") if which == "order" else (payment, payment)


def seen(text):
    return text_of(unescape(text)).replace("\N{NO-BREAK SPACE}", " ")


def field_of(text, name):
    """A field of the form: what stands in it, whether it is wrong, and what is said at it."""
    page = Page(text)
    found = [one for form in page.forms for one in form.named(name)]
    return [(one.value, one.attributes.get("aria-invalid") == "true", page.said(one)) for one in found]


def press(person, where, do="refund_lines", **typed):
    return person.post(where, do=do, **{name.replace("_", "-"): text for name, text in typed.items()})


def refunded(market):
    return [(row.state, row.currency, row.minor, row.parts) for row in market.rows(refund_requests)]


@pytest.mark.parametrize("which", ["order", "payment"])
def test_only_the_vendor_of_the_line_that_is_given_back_pays(market, which):
    page, where = places(market, which)
    editor = enter(market)
    for shown in ("Lamp", "Rug", "A · 1 × $60.01", "B · 1 × $39.99", "1 left to give back"):
        assert shown in seen(editor.page(page)), shown
    done = press(editor, where, key="k", back_2="1", reason="came back")
    assert (done.status_code, done.headers["Location"]) == (303, page)
    market.heard("refund.issued")
    assert refunded(market) == [("issued", "USD", 3999, {"prv_b": 3999})]
    assert market.rows(refund_requests)[0].reason == "came back"
    assert (market.account("provider:prv_a", "USD"), market.account("provider:prv_b", "USD")) == (-5251, 0)
    shown = editor.page(page)
    assert "1 of 1 refunded, $39.99" in seen(shown)
    assert field_of(shown, "back-2") == []
    assert field_of(shown, "back-1") == [("", False, "1 left to give back")]


@pytest.mark.parametrize(
    ("currency", "shown", "back"),
    [
        ("USD", ("$79.98", "$69.98", "$10.00"), 7998),
        ("JPY", ("¥12,002", "¥10,502", "¥1,500"), 12_002),
        ("KWD", ("KWD24.002", "KWD21.002", "KWD3.000"), 24_002),
    ],
)
def test_what_it_comes_to_is_said_to_the_unit_before_and_that_goes_back(market, currency, shown, back):
    page, where = places(market, "order", currency=currency, rugs=3)
    editor = enter(market)
    looked = press(editor, where, "look_lines", key="k", back_2="2", reason="too red")
    assert looked.status_code == 200
    assert refunded(market) == [], "only looked at"
    whole, share, commission = shown
    said = seen(looked.text)
    assert f"Goes back to the payer {whole} Taken back of B {share} Of our commission {commission} Reason" in said
    assert f"Refund {whole}" in said
    assert field_of(looked.text, "back-2")[0][0] == "2"
    assert 'value="too red"' in looked.text
    form = next(one for one in Page(looked.text).forms if one.named("back-2"))
    data = {name: values[0] for name, values in form.data().items()}
    assert data["reckoned"] == str(back)
    assert editor.post(where, **{**data, "do": "refund_lines"}).status_code == 303
    market.heard("refund.issued")
    assert refunded(market) == [("issued", currency, back, {"prv_b": back})]
    assert "2 of 3 refunded" in seen(editor.page(page))
    last = press(editor, where, "look_lines", key="k2", back_2="1")
    assert f'name="reckoned" value="{back // 2}"' in last.text


def test_the_tax_is_said_as_the_line_has_it(market):
    page, where = places(market, "order", currency="KWD", rugs=2, tax_rate="5")
    editor = enter(market)
    assert "2 × KWD12.001, tax KWD1.143 included" in seen(editor.page(page))
    whole = seen(press(editor, where, "look_lines", key="k", back_2="2").text)
    assert "Goes back to the payer KWD24.002 Tax in it KWD1.143" in whole


def test_a_sum_that_is_another_than_was_shown_is_not_refunded(market):
    _, where = places(market, "payment", rugs=3)
    editor = enter(market)
    changed = press(editor, where, key="k", back_2="3", reckoned="3999")
    assert changed.status_code == 422
    assert "It comes to another sum than the one that was shown." in seen(changed.text)
    assert 'name="reckoned" value="11997"' in changed.text
    assert refunded(market) == []


@pytest.mark.parametrize("which", ["order", "payment"])
def test_what_is_wrong_with_a_quantity_is_said_at_it_and_nothing_typed_is_lost(market, which):
    _, where = places(market, which)
    editor = enter(market)
    for wrong in ("2", "-1", "1.5", "one", "1e3", "9" * 30, "\uff11", "\u0661"):
        answer = press(editor, where, key="k", back_1="1", back_2=wrong, reason="too red")
        assert answer.status_code == 422, wrong
        (value, is_wrong, said) = field_of(answer.text, "back-2")[0]
        assert (value, is_wrong) == (wrong, True)
        assert "Write a whole number from 0 to 1" in said
        assert field_of(answer.text, "back-1") == [("1", False, "1 left to give back")]
        assert 'value="too red"' in answer.text
    assert refunded(market) == []


@pytest.mark.parametrize("nothing", [{}, {"back_1": "0", "back_2": ""}, {"back_1": "00", "back_2": " "}])
def test_who_chooses_nothing_is_told_at_the_first_line(market, nothing):
    _, where = places(market, "order")
    answer = press(enter(market), where, key="k", reason="r", **nothing)
    assert answer.status_code == 422
    assert field_of(answer.text, "back-1")[0][1:] == (
        True,
        "Write at a line how many of it go back.1 left to give back",
    )
    assert refunded(market) == []


@pytest.mark.parametrize("which", ["order", "payment"])
def test_a_double_click_gives_back_once_and_the_same_line_goes_back_no_second_time(market, which):
    _, where = places(market, which)
    editor = enter(market)
    for _ in range(2):
        assert press(editor, where, key="k", back_2="1", reckoned="3999").status_code == 303
    market.heard("refund.issued")
    again = press(editor, where, key="k2", back_2="1")
    assert again.status_code == 422
    assert field_of(again.text, "back-2") == [("1", True, "Nothing of this line is left to give back.")]
    assert len(refunded(market)) == 1


def test_more_than_is_left_of_a_line_is_said_at_it_and_what_is_left_goes_back_after_that(market):
    _, where = places(market, "order", rugs=3)
    editor = enter(market)
    assert press(editor, where, key="k", back_2="2").status_code == 303
    over = press(editor, where, key="k2", back_2="2")
    assert over.status_code == 422
    said = "Write a whole number from 0 to 1: so many are left to give back."
    assert field_of(over.text, "back-2")[0][:2] == ("2", True)
    assert said in field_of(over.text, "back-2")[0][2]
    assert press(editor, where, key="k2", back_2="1").status_code == 303, "the form keeps its key"
    assert [minor for _, _, minor, _ in refunded(market)] == [7998, 3999]


def test_all_lines_one_after_another_leave_nothing_and_the_form_is_gone(market):
    page, where = places(market, "order")
    editor = enter(market)
    assert press(editor, where, key="k", back_1="1", back_2="1").status_code == 303
    assert press(editor, where, key="k", back_1="1", back_2="1").status_code == 303, "a double click"
    market.heard("refund.issued")
    assert "Refund by line" not in editor.page(page)
    assert {name: minor for name, minor in market.books("USD").items() if name.startswith(("prov", "rev"))} == {}
    late = press(editor, where, key="k2", back_1="1")
    assert (late.status_code, field_of(late.text, "back-1")[0][1]) == (422, True)


def test_what_went_back_by_amount_is_no_line_and_no_more_than_is_left_goes_back(market):
    order, payment = bought(market)
    editor = enter(market)
    assert editor.post(payment, do="refund", amount="50.00", key="k").status_code == 303
    market.heard("refund.issued")
    refused = press(editor, f"{order}/refund", key="k2", back_1="1")
    assert refused.status_code == 422
    assert "60.01 USD cannot be given back: 50.00 USD is left of the payment." in seen(refused.text)
    assert field_of(refused.text, "back-1")[0][0] == "1"


def test_above_the_limit_it_waits_for_somebody_else_and_the_page_says_so_before(market):
    market.hub.store.put_fact("refund_approval", {"USD": 3998}, market.hub.now())
    _, where = places(market, "order")
    editor = enter(market)
    assert "somebody else has to approve it" in seen(press(editor, where, "look_lines", key="k", back_2="1").text)
    done = editor.post(where, do="refund_lines", key="k", **{"back-2": "1"}, follow=True).text
    assert "waits until somebody else approves" in done
    assert "1 of 1 refunded" in seen(done), "what waits cannot be asked for again"
    assert [state for state, *_ in refunded(market)] == ["asked"]


def test_before_it_is_divided_it_goes_back_of_our_own_money(market):
    _, where = places(market, "payment", is_divided=False)
    said = seen(press(enter(market), where, "look_lines", key="k", back_2="1").text)
    assert "Goes back to the payer $39.99 Of our own money $39.99" in said
    assert "Taken back of" not in said


def test_a_reason_that_is_too_long_is_said_at_it(market):
    _, where = places(market, "order")
    answer = press(enter(market), where, key="k", back_2="1", reason="x" * 501)
    assert answer.status_code == 422
    assert field_of(answer.text, "back-2")[0][0] == "1"
    page = Page(answer.text)
    form = next(one for one in page.forms if one.named("back-2"))
    assert "At most 500" in page.said(form.named("reason")[0])
    assert refunded(market) == []


@pytest.mark.parametrize("which", ["order", "payment"])
def test_who_may_only_look_is_offered_nothing_and_refused(market, which):
    page, where = places(market, which)
    viewer = enter(market, "viewer")
    assert "Refund by line" not in viewer.page(page)
    assert press(viewer, where, key="k", back_2="1").status_code == 403
    assert refunded(market) == []


def test_a_payment_without_lines_and_an_order_that_nobody_paid_offer_none(market):
    editor = enter(market)
    step = "6f" * 20
    order = market.hub.payments.act("orders", "create", step, {"lines": [{"title": "Mug", "price": money(500)}]})
    payment = market.sandbox("POST", "/payments", {"amount": 500, "currency": "USD"})["id"]
    market.pay(payment)
    market.heard("payment.succeeded")
    for page in (f"/orders/{order['order']}", f"/payments/sandbox/{payment}"):
        assert "Refund by line" not in editor.page(page)
    assert press(editor, f"/orders/{order['order']}/refund", key="k").status_code == 409
    answer = press(editor, f"/payments/sandbox/{payment}", key="k")
    assert answer.status_code == 422
    assert re.search("was not taken for an order", seen(answer.text))
    assert refunded(market) == []
