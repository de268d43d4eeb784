"""A form's page: everything wrong said at its field with nothing lost, one payment for a double click, other sites' frames."""

import html
import re
from datetime import timedelta

import pytest

from hub.commerce.submissions import Wanted, listed
from hub.engine.form_desk import FormDesk
from hub.phrases import LANGUAGES

GIVE = """\
form: 1
name: give
title: {en: Give to the animals, de: Für die Tiere spenden}
fields:
  - {name: name, type: text, title: {en: Your name, de: Ihr Name}, required: true}
  - {name: email, type: email, title: E-mail, required: true}
  - {name: size, type: choice, choices: [S, M, L, XL, XXL], hint: Of the shirt}
  - {name: kind, type: choice, choices: [cat, dog]}
  - {name: day, type: date, min: "2026-12-01"}
  - {name: home, type: address}
  - {name: terms, type: checkbox, title: I agree, required: true}
  - {name: note, type: lines}
  - {name: campaign, type: hidden, value: winter}
pay:
  by: corner
  amount:
    EUR: {choices: [10, 25], free: {min: 1, max: 1000}}
    JPY: {free: {min: 100, max: 100000}}
  offers:
    - {name: once, title: Once}
    - {name: monthly, title: Every month, every: month}
embed: [https://shelter.example]
"""
ASK = "form: 1\nname: ask\ntitle: Ask us\nfields: [{name: email, type: email, required: true}]\nafter: {thanks: Soon more.}\n"
RIGHT = {
    "key": "k1", "f-name": "Ada", "f-email": "ada@example.com", "f-terms": "on", "offer": "once", "currency": "EUR",
    "amount-once-EUR": "25.00",
}  # fmt: skip
MARKUP = '"><script>alert(1)</script>'


@pytest.fixture
def shop(shop):
    for text in (GIVE, ASK):
        FormDesk(shop.hub).save("", text, "test@example.com")
    return shop


def send(shop, name="give", query="", **fields):
    return shop.visit(f"https://hub.example.com/f/{name}{query}", "POST", data=RIGHT | fields)


def sent(shop, name="give"):
    with shop.hub.database.read() as connection:
        return listed(connection, Wanted(name), 10)


def text_of(answer):
    body = re.sub(r"<(style|script).*?</\1>", "", answer.text, flags=re.DOTALL)
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", body).split()))


def wrong(answer):
    """What is said at which input."""
    assert answer.status_code == 422
    return {
        name: html.unescape(said)
        for name, said in re.findall(r'<p class="bad wrong" id="(.+?)-wrong">(.*?)</p>', answer.text)
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_there_in_every_language(shop, language):
    answer = shop.visit(f"https://hub.example.com/f/give?lang={language}")
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text
    assert ("Für die Tiere spenden" if language == "de" else "Give to the animals") in answer.text
    assert len(answer.data) < 60_000


def test_a_day_from_today_is_asked_for_from_the_day_of_the_visit(shop):
    text = "form: 1\nname: day\ntitle: Day\nfields: [{name: day, type: date, min: today+1d, required: true}]\n"
    FormDesk(shop.hub).save("", text, "test@example.com")
    first, second = (str(shop.moment.date() + timedelta(days=days)) for days in (1, 2))
    assert f'min="{first}"' in shop.visit("https://hub.example.com/f/day").text
    shop.moment += timedelta(days=1)
    assert f'min="{second}"' in shop.visit("https://hub.example.com/f/day").text
    refused = shop.visit("https://hub.example.com/f/day", "POST", data={"key": "k", "f-day": first})
    assert wrong(refused)["f-day"].startswith("Not before ")
    assert sent(shop, "day") == []
    assert shop.visit("https://hub.example.com/f/day", "POST", data={"key": "k", "f-day": second}).status_code == 303
    (taken,) = sent(shop, "day")
    assert taken.answers == {"day": second}


def test_everything_wrong_is_said_at_its_field_and_nothing_typed_is_lost(shop):
    typed = {
        "f-name": MARKUP + "x" * 10_000, "f-email": "nobody", "f-size": "M", "f-kind": "dog", "f-day": "2026-11-30",
        "f-home-line1": "Main Street 1", "f-terms": "", "f-note": "é\n🐈 مرحبا", "amount-once-EUR": "other",
        "other-once-EUR": "1.005", "f-campaign": "summer",
    }  # fmt: skip
    answer = send(shop, **typed)
    assert wrong(answer) == {
        "f-name": "At most 200 characters, please; these are 10027.",
        "f-email": "This is not one e-mail address; it looks like name@example.com.",
        "f-day": "Not before Dec 1, 2026, please.",
        "f-home-city": "Please fill this in.",
        "f-home-country": "Please fill this in.",
        "f-terms": "Please tick this.",
        "other-once-EUR": "EUR has 2 decimals; write it like 123.45.",
    }
    assert "<script>alert" not in answer.text
    for name in ("f-name", "f-email", "f-day", "f-home-line1", "other-once-EUR"):
        shown = re.search(rf'<input id="{name}"[^>]* value="([^"]*)"', answer.text)[1]
        assert html.unescape(shown) == typed[name]
    assert (
        html.unescape(re.search(r'<textarea id="f-note"[^>]*>\n(.*?)</textarea>', answer.text, re.DOTALL)[1])
        == typed["f-note"]
    )
    assert '<option value="M" selected>' in answer.text
    assert re.search(r'value="dog" checked', answer.text)
    assert sent(shop) == []
    assert shop.told("form") == []


def test_who_goes_back_from_the_gateway_finds_the_form_in_the_browsers_own_memory(shop):
    """Were it not kept there, the browser would ask to send the form again instead of showing it."""
    corrected = send(shop, **{"f-email": "ada"})
    assert corrected.status_code == 422
    assert corrected.headers["Cache-Control"] == shop.visit("/f/give").headers["Cache-Control"] == "private, no-cache"


def test_a_card_number_is_refused_and_not_kept(shop):
    answer = send(shop, **{"f-note": "Take it from 4111 1111 1111 1111"})
    assert "This looks like a card number." in wrong(answer)["f-note"]
    assert sent(shop) == []


def test_a_right_form_is_kept_and_leads_to_the_gateway_with_the_servers_amount(shop):
    answer = send(shop, **{"amount": "1", "minor": "1", "f-campaign": "summer"})
    assert answer.headers["Refresh"].startswith("0; url=http")
    (row,) = sent(shop)
    assert (row.minor, row.currency, row.offer, row.state, row.answers["campaign"]) == (
        2500,
        "EUR",
        "once",
        "paying",
        "winter",
    )
    assert shop.event("payment.created")["amount"] == {"minor": 2500, "currency": "EUR"}


def test_a_double_click_is_one_payment_and_another_amount_is_another(shop):
    first, second = send(shop), send(shop)
    assert first.headers["Refresh"] == second.headers["Refresh"]
    assert len(sent(shop)) == 1
    assert shop.told("payment").count("payment.created") == 1
    send(shop, **{"amount-once-EUR": "10.00"})
    assert len(sent(shop)) == 2


def test_an_amount_in_a_currency_without_decimals(shop):
    said = wrong(send(shop, **{"currency": "JPY", "other-once-JPY": "10.5"}))
    assert said == {"other-once-JPY": "JPY has no decimals; please write a whole number."}
    send(shop, **{"currency": "JPY", "other-once-JPY": "500"})
    assert [(row.minor, row.currency) for row in sent(shop)] == [(500, "JPY")]


def test_the_page_of_what_was_called_off_says_so_and_begins_no_payment(shop):
    send(shop)
    row = sent(shop)[0]
    page = shop.hub.pages.page("s", row.id)
    assert "<button" in shop.visit(page).text
    shop.do("orders", "cancel", {"order": row.order}, "cancel")
    shop.forward(hours=1)
    payments = shop.told("payment")
    for answer in (shop.visit(page), shop.visit(shop.visit(page, "POST").headers["Location"])):
        assert "This order was cancelled. Nothing can be paid for it any more." in text_of(answer)
        assert "<button" not in answer.text
    assert shop.told("payment") == payments


def test_without_payment_the_visitor_is_thanked(shop):
    answer = send(shop, "ask")
    assert answer.status_code == 303
    thanks = shop.visit(answer.headers["Location"])
    assert "Soon more." in text_of(thanks)
    assert sent(shop, "ask")[0].state == "sent"


def test_who_comes_back_is_told_how_it_stands(shop):
    checkout = send(shop).headers["Refresh"].partition("url=")[2]
    page = shop.hub.office("x").address("s", sent(shop)[0].id)
    assert "Pay €25.00" in text_of(shop.visit(page))
    waiting = shop.visit(page, query_string={"back": 1})
    assert "We have not heard of your payment yet." in text_of(waiting)
    assert waiting.headers["Refresh"].startswith("2; url=")
    assert "<summary>I have not paid yet</summary>" in waiting.text, "nobody is asked to pay what was just paid"
    given_up = shop.visit(page, query_string={"back": 9})
    assert ("Refresh" in given_up.headers, "<summary>" in given_up.text) == (False, False)
    again = shop.visit(page, "POST")
    assert again.headers["Refresh"].partition("url=")[2] == checkout
    shop.pay(checkout)
    paid = shop.visit(page, query_string={"back": 1})
    assert "Paid. Thank you." in text_of(paid)
    assert shop.visit(page, "POST").status_code == 303
    assert sent(shop)[0].state == "paid"


def test_a_gateway_that_is_down_loses_nothing(shop, gateway):
    shop.hub.accounts.update("corner", {"api_base": gateway.url, "api_key": "wrong"}, 1, "test")
    answer = send(shop)
    assert answer.status_code == 303
    shown = shop.visit(answer.headers["Location"])
    assert "Nothing was charged" in text_of(shown)
    assert [row.state for row in sent(shop)] == ["paying"]
    shop.hub.accounts.update("corner", {"api_base": gateway.url, "api_key": "corner-key"}, 2, "test")
    page = answer.headers["Location"].partition("?")[0]
    assert shop.visit(page, "POST").headers["Refresh"].startswith("0; url=http")


def test_only_the_forms_sites_may_show_it(shop):
    plain = shop.visit("https://hub.example.com/f/ask")
    assert "frame-ancestors 'self'" in plain.headers["Content-Security-Policy"]
    assert plain.headers["X-Frame-Options"] == "SAMEORIGIN"
    framed = shop.visit("https://hub.example.com/f/give?embed=https://shelter.example")
    assert "frame-ancestors 'self' https://shelter.example" in framed.headers["Content-Security-Policy"]
    assert 'data-parent="https://shelter.example"' in framed.text
    other = shop.visit("https://hub.example.com/f/give?embed=https://evil.example")
    assert other.status_code == 403
    assert "frame-ancestors *" in other.headers["Content-Security-Policy"]
    assert "<form" not in other.text
    assert 'href="/f/give" target="_blank"' in other.text
    odd = shop.visit("https://hub.example.com/f/give?embed=javascript:alert(1)")
    assert "<form" in odd.text
    assert "frame-ancestors 'self' https://shelter.example;" in f"{odd.headers['Content-Security-Policy']};"
    onward = send(shop, query="?embed=https://shelter.example")
    assert 'target="_top" data-go data-parent="https://shelter.example"' in onward.text
    assert "Refresh" not in onward.headers


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("https://Shelter.example:443", "https://shelter.example"),
        ("http://shelter.example:80", "http://shelter.example"),
        ("http://shelter.example:443", "http://shelter.example:443"),
        ("https://shelter.example:8443", "https://shelter.example:8443"),
    ],
)
def test_a_site_is_known_as_browsers_name_it(shop, written, named):
    text = FormDesk(shop.hub).text("ask")
    FormDesk(shop.hub).save("ask", f'{text}embed: ["{written}"]\n', "test@example.com")
    framed = shop.visit(f"https://hub.example.com/f/ask?embed={named}")
    assert f'data-parent="{named}"' in framed.text


def test_the_script_for_other_sites_stands_under_one_address(shop):
    answer = shop.visit("https://hub.example.com/embed.js")
    assert answer.content_type == "text/javascript; charset=utf-8"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "data" in answer.text
    assert "import" not in answer.text


@pytest.mark.parametrize("address", ["/f/nothing", "/s/nothing", "/f/BROKEN"])
def test_an_address_that_leads_nowhere_says_so(shop, address):
    shop.hub.store.save_file("form", "broken", "form: 7", "test@example.com", shop.moment)
    answer = shop.visit(f"https://hub.example.com{address.lower()}")
    assert answer.status_code == 404
    assert "This link does not work" in text_of(answer)
