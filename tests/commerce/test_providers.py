"""Providers: registered once, approved by a person, found by what they can do, written to at their own address."""

import re
from datetime import timedelta
from email import message_from_bytes, policy

import pytest

from hub.commerce.provider_forms import checked_provider, read_account, read_days, read_offer, read_registration
from hub.commerce.providers import (
    change_provider,
    find_provider,
    identity_of,
    keep_account,
    keep_calendar,
    register,
)
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
    mail = {"provider": provider, "template": "provider-welcome", "data": {"skills": "", "url": "https://x.example"}}
    shop.do("providers", "notify", {**mail, **({"language": asked} if asked else {})})
    (kept,) = shop.hub.store.mails()
    assert kept["subject"] == subject
    raw = shop.hub.store.mail(kept["key"])[2].decode()
    assert ("/p/" in raw, "x.example" in raw) == (True, False), "the address is theirs, whatever is said"


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


REGISTERS = {"f-name": "Ada", "f-email": "a@b.example", "f-skills": "Video"}


@pytest.mark.parametrize("missing", ["f-name", "f-email", "f-skills"])
def test_nobody_registers_without_name_address_and_skills(missing):
    wrong = read_registration({**REGISTERS, missing: "  "})[1]
    assert {name: one.name for name, one in wrong.items()} == {missing: "missing"}


@pytest.mark.parametrize(
    ("name", "longest", "too_long"),
    [
        ("f-name", "x" * 200, "x" * 201),
        ("f-phone", "+49 30 123456", "+49 30 123456 " + "0" * 40),
        ("f-region", "x" * 120, "x" * 121),
        ("f-skills", ",".join(f"skill {number}" for number in range(20)), ",".join(map(str, range(21)))),
        ("f-skills", "x" * 40, "x" * 41),
    ],
)
def test_what_is_just_short_enough_is_registered_and_one_more_is_said(name, longest, too_long):
    values, wrong = read_registration({**REGISTERS, name: longest})
    assert (wrong, name.removeprefix("f-") in values) == ({}, True)
    assert list(read_registration({**REGISTERS, name: too_long})[1]) == [name]


def test_a_provider_has_at_most_twenty_skills_of_forty_letters_each_once():
    for skills in ([str(number) for number in range(20)], ["x" * 40]):
        assert checked_provider({"skills": skills})["skills"] == skills
    for skills in ([str(number) for number in range(21)], ["x" * 41]):
        with pytest.raises(PermanentError, match="at most 20 skills of at most 40 characters"):
            checked_provider({"skills": skills})
    assert checked_provider({"skills": ["Crane", "crane", " CRANE "] * 9})["skills"] == ["Crane"]


def test_the_same_address_in_other_letters_is_the_same_person():
    assert identity_of(" Grace@Example.com ") == identity_of("grace@example.com") != identity_of("grac@example.com")


def test_who_was_suspended_can_be_approved_again_and_is_told_once(shop, grace):
    shop.do("providers", "approve", {"provider": grace}, "one")
    shop.do("providers", "suspend", {"provider": grace}, "two")
    assert shop.do("providers", "register", GRACE, "three")["state"] == "suspended", "registering does not lift it"
    assert shop.do("providers", "find", {}, "four")["providers"] == []
    assert shop.do("providers", "approve", {"provider": grace}, "five")["state"] == "approved"
    assert shop.told("provider") == ["provider.registered", "provider.approved"]


def test_providers_are_found_by_day_and_state_in_the_order_in_which_they_registered(shop):
    people = []
    for name in ("Zoe", "Ada", "Max"):
        given = {**GRACE, "name": name, "email": f"{name}@example.com"}
        people.append(shop.do("providers", "register", given, name)["provider"])
        shop.moment += timedelta(seconds=1)
    for provider in people[:2]:
        shop.do("providers", "approve", {"provider": provider}, f"approve {provider}")
    keep_calendar(shop.office("calendar"), people[0], ["2027-02-10"])

    def found(**asked):
        return [one["name"] for one in shop.do("providers", "find", asked, str(asked))["providers"]]

    assert found() == ["Zoe", "Ada"]
    assert found(limit=1) == ["Zoe"]
    assert found(date="2027-02-10") == ["Ada"]
    assert found(date="2027-02-11") == ["Zoe", "Ada"]
    assert found(state="registered") == ["Max"]


def test_a_text_without_a_place_for_the_address_has_it_at_its_end(shop, grace):
    job = shop.do("jobs", "post", {"title": "Portraits"})["job"]
    shop.do("providers", "notify", {"provider": grace, "job": job, "subject": "A job", "text": "Can you?\n\n"})
    (mail,) = shop.hub.store.mails()
    text = message_from_bytes(shop.hub.store.mail(mail["key"])[2], policy=policy.default).get_body(("plain",))
    first, address = text.get_content().split()[:2], re.search(r"https://\S+/j/(\S+)", text.get_content())
    assert first == ["Can", "you?"]
    assert shop.hub.pages.identity("j", address[1]) == f"{job}:{grace}"


def test_an_admin_changes_a_provider_and_takes_an_account_away(shop, grace):
    given = {"name": "G" * 300, "phone": "1", "region": "Kiel", "skills": ["crane"], "language": ""}
    change_provider(shop.office("one"), grace, given, {"corner": "acct_1", "second": "acct_2"}, 4.5, "ada")
    change_provider(shop.office("same"), grace, given, {"corner": "acct_1"}, None, "ada")
    change_provider(shop.office("two"), grace, given, {"corner": ""}, None, "ada")
    noted = [one["detail"] for one in shop.hub.store.audit_trail() if one["action"] == "providers.account"]
    assert noted == [{"connections": ["corner"]}, {"connections": ["corner", "second"]}], "the newest first"
    while shop.hub.payment_clock.run_due():
        pass
    assert [one["recipient"] for one in shop.hub.store.mails()] == ["Grace@example.com"] * 2
    with shop.hub.database.read() as connection:
        row = find_provider(connection, grace)
    assert (row.name, row.region, row.skills, row.accounts, row.rating) == (
        "G" * 200, "Kiel", ["crane"], {"second": "acct_2"}, None
    )  # fmt: skip
    office = shop.office("three")
    with pytest.raises(PermanentError, match="The name is missing"):
        change_provider(office, grace, {**given, "name": " "}, {}, None, "ada")


def test_a_bank_account_is_kept_in_its_plain_form_and_a_change_is_said_once(shop, grace):
    typed = {"f-holder": "G" * 70, "f-iban": "DE89 3704 0044 0532 0130 00", "f-bic": "deut deff"}
    values, wrong = read_account(typed)
    assert (values["bic"], wrong) == ("DEUTDEFF", {})
    assert list(read_account({**typed, "f-holder": "G" * 71})[1]) == ["f-holder"]
    assert [keep_account(shop.office(key), grace, values) for key in ("one", "two")] == [True, False]
    said = shop.do("providers", "get", {"provider": grace})
    assert said["has_bank"] is True
    assert "DE89" not in str(said)


def test_the_largest_price_is_one_below_a_thousand_million():
    assert read_offer({"price": " 999999999.99 "}, "EUR")[0].minor == 99_999_999_999
    assert read_offer({"price": "1000000000"}, "EUR")[2]["price"].name == "amount_most"
    assert list(read_offer({"price": "5", "f-note": "x" * 501}, "EUR")[2]) == ["f-note"]


def test_today_is_kept_and_what_the_page_does_not_show_cannot_be_chosen():
    assert read_days(["2027-02-01", "2027-05-05"], ["2027-02-01"], [], "2027-02-01") == ["2027-02-01"]
    assert read_days([], ["2027-02-01"], ["2027-02-01"], "2027-02-01") == [], "a tick that was taken away"
