"""Providers: registered once, approved by a person, found by what they can do, written to at their own address."""

import re
from email import message_from_bytes, policy

import pytest

from hub.commerce.provider_forms import read_account, read_days, read_offer, read_registration
from hub.commerce.providers import register
from hub.errors import PermanentError

GRACE = {"name": "Grace Hopper", "email": "Grace@example.com", "skills": ["Portrait", "video"], "region": "Berlin"}


@pytest.fixture
def grace(shop):
    return shop.do("providers", "register", GRACE)["provider"]


def test_somebody_registers_once_and_is_approved_once(shop, grace):
    again = shop.do("providers", "register", {**GRACE, "email": "grace@example.com", "name": "Somebody"}, "again")
    assert (again["provider"], again["name"], again["state"]) == (grace, "Grace Hopper", "registered")
    for number in range(3):
        shop.do("providers", "approve", {"provider": grace}, f"approve {number}")
    assert shop.do("providers", "suspend", {"provider": grace})["state"] == "suspended"
    assert shop.told("provider") == ["provider.registered", "provider.approved"]


def test_only_the_approved_are_found(shop, grace):
    assert shop.do("providers", "find", {})["providers"] == []
    shop.do("providers", "approve", {"provider": grace})
    for asked, found in [({"skills": ["portrait"]}, 1), ({"skills": ["welding"]}, 0), ({"region": "BERLIN"}, 1), ({"region": "Kiel"}, 0)]:  # fmt: skip
        assert len(shop.do("providers", "find", asked, str(asked))["providers"]) == found


def test_a_mail_brings_the_signed_address_and_is_sent_once(shop, grace):
    given = {"provider": grace, "subject": "Welcome", "text": "Look here: {link} and smile."}
    for _ in range(2):
        shop.do("providers", "notify", given)
    (mail,) = shop.hub.store.mails()
    assert mail["recipient"] == "Grace@example.com"
    message = message_from_bytes(shop.hub.store.mail(mail["key"])[2], policy=policy.default)
    address = re.search(r"https://\S+/p/[\w.-]+", message.get_body(("plain",)).get_content())[0]
    assert shop.hub.pages.identity("p", address.rpartition("/")[2]) == grace


def test_the_language_of_a_provider_is_told_wherever_they_are(shop):
    grace = shop.do("providers", "register", {**GRACE, "language": "fr"})
    assert grace["language"] == "fr"
    shop.do("providers", "approve", {"provider": grace["provider"]})
    assert shop.do("providers", "find", {})["providers"][0]["language"] == "fr"
    assert [one["language"] for one in shop.said("provider")] == ["fr", "fr"]


def test_of_whom_no_language_is_known_none_is_told(shop, grace):
    assert "language" not in shop.do("providers", "get", {"provider": grace})
    assert ["language" in one for one in shop.said("provider")] == [False]


def test_a_language_that_the_hub_does_not_speak_is_refused(shop):
    office = shop.office("odd")
    with pytest.raises(PermanentError, match="'tlh'"):
        register(office, {**GRACE, "language": "tlh"})


@pytest.mark.parametrize(
    ("own", "asked", "subject"),
    [("de", None, "Willkommen, Grace Hopper: Sie sind dabei"), ("de", "es", "Le damos la bienvenida, Grace Hopper"),
     (None, None, "Welcome, Grace Hopper: you are approved")],
)  # fmt: skip
def test_a_template_is_taken_in_the_providers_own_language_unless_another_is_asked_for(shop, own, asked, subject):
    shop.hub.recipes.install("truck-hire", "test")
    given = {**GRACE, **({"language": own} if own else {})}
    provider = shop.do("providers", "register", given)["provider"]
    mail = {"provider": provider, "template": "provider-welcome", "data": {"skills": ""}}
    shop.do("providers", "notify", {**mail, **({"language": asked} if asked else {})})
    assert [one["subject"] for one in shop.hub.store.mails()] == [subject]


def test_what_is_wrong_with_a_registration_is_said_at_its_field():
    values, wrong = read_registration({"f-name": "", "f-email": "x", "f-phone": "abc", "f-skills": ", ,"})
    assert {name: one.name for name, one in wrong.items()} == {
        "f-name": "missing",
        "f-email": "email",
        "f-phone": "phone",
        "f-skills": "missing",
    }
    values, wrong = read_registration({"f-name": "Ada", "f-email": "a@b.example", "f-skills": "Video, video\nPhoto"})
    assert (values["skills"], wrong) == (["Video", "Photo"], {})
    assert (
        read_registration({"f-name": "A", "f-email": "a@b.example", "f-skills": "x" * 41})[1]["f-skills"].name
        == "skills"
    )


def test_a_bank_account_is_checked_at_its_field():
    good = {"f-holder": "Grace Hopper", "f-iban": "de89 3704 0044 0532 0130 00", "f-bic": ""}
    assert read_account(good) == ({"holder": "Grace Hopper", "iban": "DE89370400440532013000"}, {})
    wrong = read_account({**good, "f-iban": "DE88370400440532013000", "f-bic": "1", "f-holder": ""})[1]
    assert {name: one.name for name, one in wrong.items()} == {"f-iban": "iban", "f-bic": "bic", "f-holder": "missing"}


@pytest.mark.parametrize(
    ("text", "currency", "problem"),
    [("0", "EUR", "amount_zero"), ("-5", "EUR", "amount_negative"), ("10.5", "JPY", "amount_no_decimals"),
     ("1.005", "USD", "amount_decimals"), ("1e9", "EUR", "amount_not_one"), ("१२", "INR", "amount_digits"),
     ("", "EUR", "amount_missing"), ("9" * 30, "EUR", "amount_too_large")],
)  # fmt: skip
def test_a_price_in_a_wrong_shape_is_said_at_its_field(text, currency, problem):
    price, _, wrong = read_offer({"price": text}, currency)
    assert (price, wrong["price"].name) == (None, problem)


def test_a_price_is_taken_exactly():
    price, note, wrong = read_offer({"price": "1200.005", "f-note": " with a crane "}, "KWD")
    assert (price.minor, note, wrong) == (1_200_005, "with a crane", {})


def test_days_that_are_not_shown_stay_and_days_gone_by_are_forgotten():
    days = read_days(["2027-02-02", "1999-01-01", "x"], ["2027-02-02", "2027-02-03"], ["2027-02-03", "2027-01-01", "2028-01-01"], "2027-02-01")  # fmt: skip
    assert days == ["2027-02-02", "2028-01-01"]
