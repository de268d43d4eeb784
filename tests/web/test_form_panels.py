"""The designer's panels: texts, payment, offers and sites by inputs; the text keeps all that was not meant."""

import difflib
import html
import re
from pathlib import Path

import pytest

from hub.connect.registry import Registry
from hub.engine.form_desk import FormDesk, compile_form
from hub.web.form_panels import sources_of
from hub.web.form_presses import pressed
from hub.web.form_starters import FORM_STARTERS

ROOT = Path(__file__).parents[2]
FORMS = {file.stem: file.read_text(encoding="utf-8") for file in sorted(ROOT.glob("recipes/*/forms/*.yaml"))}
FORMS |= {f"starter-{one.name}": one.text for one in FORM_STARTERS}

GIVE = """\
form: 1
name: give
title: Give   # the heading
fields:
  - {name: email, type: email, title: E-mail, required: true}
pay:
  # Who takes the money.
  by: sandbox
  amount: {EUR: {fixed: "49.00"}}   # the price
after: {thanks: Welcome!}
"""


@pytest.fixture(scope="module")
def gateways(request):

    registry = Registry.load()
    return {name: registry.get(name).manifest for name in ("sandbox", "stripe", "mail")}


def sent(text, gateways):
    """What a browser sends of the panels as they are."""
    made = {}
    for source in sources_of(text, gateways):
        panel = source.panel({}, {}, keeps_typed=False)
        made[f"was-{panel.name}"] = panel.was
        for entry in (entry for group in panel.groups for entry in group.entries):
            if entry.kind != "tick" or entry.shown:
                made[entry.input] = entry.shown.replace("\n", "\r\n")
    return made


def press(text, do, gateways, **entered):
    return pressed(
        text, do, sent(text, gateways) | {name.replace("__", "-"): said for name, said in entered.items()}, gateways
    )


def changed(before, after):
    return [one for one in difflib.ndiff(before.splitlines(), after.splitlines()) if one[0] in "+-"]


def after(text, do, gateways, **entered):
    done = press(text, do, gateways, **entered)
    assert (done.wrong, done.problem) == ({}, None)
    return done.text


def wrong(text, gateways, do="panel payment", **entered):
    done = press(text, do, gateways, **entered)
    assert done.text == text
    assert done.wrong
    return done


@pytest.mark.parametrize("name", FORMS)
def test_every_panel_applied_unchanged_leaves_the_text_as_it_was(name, gateways):
    text = FORMS[name]
    panels = [one.name for one in sources_of(text, gateways)]
    assert {"texts", "payment", "embed"} <= set(panels)
    for panel in panels:
        done = press(text, f"panel {panel}", gateways)
        assert (done.text, done.is_right) == (text, True), panel


def test_words_change_their_own_lines_only(gateways):
    done = after(
        GIVE,
        "panel texts",
        gateways,
        panel__title="Give now",
        panel__description="Two\r\nlines",
        panel__after__thanks="",
    )
    assert [one for one in changed(GIVE, done) if one[0] != "?"] == [
        "- title: Give   # the heading", "+ title: Give now   # the heading", "- after: {thanks: Welcome!}",
        '+ description: "Two\\nlines"',
    ]  # fmt: skip


def test_a_language_is_added_and_all_texts_can_be_said_in_it(gateways):
    german = after(GIVE, "language-add", gateways, **{"new-base": "en", "new-language": "de", "new-words": "Spenden"})
    assert "title: {en: Give, de: Spenden}   # the heading" in german
    both = after(german, "panel texts", gateways, **{"panel-after-thanks-de": "Willkommen!"})
    assert 'after: {thanks: {en: "Welcome!", de: "Willkommen!"}}' in both
    three = after(both, "language-add", gateways, **{"new-language": "fr", "new-words": "Donner"})
    assert "title: {en: Give, de: Spenden, fr: Donner}   # the heading" in three
    field = pressed(three, "apply 0", {
        "card-0-title": "E-mail", "card-0-title-de": "E-Mail", "card-0-name": "email", "card-0-type": "email",
        "card-0-required": "on",
    }, gateways)  # fmt: skip
    assert "title: {en: E-mail, de: E-Mail}, required: true}" in field.text
    twice = wrong(both, gateways, "language-add", **{"new-language": "de", "new-words": "Geben"})
    assert set(twice.wrong) == {"new-language"}


def test_a_title_cannot_be_empty_and_what_is_right_beside_it_is_taken(gateways):
    done = press(GIVE, "panel texts", gateways, panel__title=" ", panel__submit="Give")
    assert done.text == f"{GIVE}submit: Give\n"
    (panel,) = [one for one in done.panels() if one.name == "texts"]
    entries = {entry.input: entry for group in panel.groups for entry in group.entries}
    assert "cannot be empty" in entries["panel-title"].wrong
    assert (entries["panel-title"].shown, entries["panel-submit"].shown) == (" ", "Give")


@pytest.mark.parametrize(
    ("currency", "typed", "written"),
    [
        ("EUR", "59", '"59.00"'), ("EUR", "10,50", '"10.50"'), ("JPY", "1000", '"1000"'), ("KWD", "1.005", '"1.005"'),
        ("KWD", "2", '"2.000"'),
    ],
)  # fmt: skip
def test_amounts_have_the_decimals_of_their_currency(currency, typed, written, gateways):
    text = GIVE.replace('EUR: {fixed: "49.00"}', f"{currency}: {{fixed: 7}}")
    done = after(text, "panel payment", gateways, **{f"panel-pay-amount-{currency}-fixed": typed})
    assert f"amount: {{{currency}: {{fixed: {written}}}}}   # the price" in done


@pytest.mark.parametrize(
    ("currency", "typed", "said"),
    [
        ("EUR", "a lot", "'a lot' is not an amount. Write digits and one point, such as 123.45."),
        ("EUR", "1.234", "EUR has 2 decimals. Write it like 123.45."),
        ("JPY", "10.5", "JPY has no decimals. Write a whole number, such as 1000."),
        ("KWD", "1.0005", "KWD has 3 decimals. Write it like 12.345."),
        ("EUR", "-5", "An amount is above zero. Leave the minus out."),
        ("EUR", "0", "This is nothing to pay. Write an amount above zero."),
        ("EUR", "", "Write an amount in EUR, such as 123.45."),
    ],
)
def test_what_is_no_amount_is_said_at_its_input_and_stays_there(currency, typed, said, gateways):
    text = GIVE.replace('EUR: {fixed: "49.00"}', f"{currency}: {{fixed: 7}}")
    name = f"panel-pay-amount-{currency}-fixed"
    done = wrong(text, gateways, **{name: typed})
    assert done.wrong == {name: said}
    (entry,) = [one for panel in done.panels() for group in panel.groups for one in group.entries if one.input == name]
    assert (entry.shown, entry.wrong) == (typed, said)


def test_a_fixed_price_becomes_amounts_to_choose_from_with_a_free_one(gateways):
    asked = wrong(GIVE, gateways, **{"panel-pay-amount-EUR-kind": "both"})
    names = {entry.input for panel in asked.panels() for group in panel.groups for entry in group.entries}
    assert {f"panel-pay-amount-EUR-{key}" for key in ("choices", "min", "max")} <= names
    said = {"panel-pay-amount-EUR-kind": "both", "panel-pay-amount-EUR-choices": "10\r\n25"}
    crossed = wrong(GIVE, gateways, **said, **{"panel-pay-amount-EUR-min": "9", "panel-pay-amount-EUR-max": "5"})
    assert crossed.wrong == {
        "panel-pay-amount-EUR-max": "Nothing lies between 9.00 EUR and 5.00 EUR. Exchange the two."
    }
    done = after(
        GIVE, "panel payment", gateways, **said, **{"panel-pay-amount-EUR-min": "5", "panel-pay-amount-EUR-max": "500"}
    )
    assert 'EUR: {choices: ["10.00", "25.00"], free: {min: "5.00", max: "500.00"}}}   # the price' in done


def test_of_amounts_that_stay_the_writing_stays(gateways):
    text = FORMS["donate"]
    done = after(text, "panel payment", gateways, **{"panel-pay-amount-JPY-choices": "1000\n3000\n5000\n9000"})
    assert 'JPY: {choices: [1000, 3000, 5000, "9000"], free: {min: 100, max: 1000000}}' in done
    done = after(text, "panel payment", gateways, **{"panel-pay-amount-EUR-max": "500"})
    assert 'EUR: {choices: [10, 25, 50], free: {min: 1, max: "500.00"}}' in done


def test_currencies_come_and_go(gateways):
    more = after(GIVE, "price-add payment", gateways, **{"new-currency-payment": "jpy", "new-price-payment": "8000"})
    assert 'amount: {EUR: {fixed: "49.00"}, JPY: {fixed: "8000"}}   # the price' in more
    assert after(more, "price-remove payment JPY", gateways, **{"panel-pay-amount-JPY-fixed": "wrong"}) == GIVE
    unknown = wrong(GIVE, gateways, "price-add payment", **{"new-currency-payment": "XXQ", "new-price-payment": "1"})
    assert unknown.wrong == {"new-currency-payment": "'XXQ' is not a currency. Write its three letters, such as EUR."}
    assert set(wrong(GIVE, gateways, "price-add payment", **{"new-currency-payment": "EUR"}).wrong) == {
        "new-currency-payment"
    }


def test_connections_are_ticked(gateways):
    both = after(GIVE, "panel payment", gateways, **{"panel-pay-by-stripe": "on"})
    assert "  by: [sandbox, stripe]\n" in both
    assert after(both, "panel payment", gateways, **{"panel-pay-by-stripe": ""}) == GIVE.replace(
        "sandbox", "[sandbox]"
    ).replace("[sandbox]", "sandbox")
    assert "Tick a connection" in wrong(GIVE, gateways, **{"panel-pay-by-sandbox": ""}).wrong["panel-pay-by-sandbox"]
    assert "panel-pay-by-mail" not in {
        e.input for p in press(GIVE, "", gateways).panels() for g in p.groups for e in g.entries
    }


def test_a_payment_is_begun_and_taken_away(gateways):
    text = GIVE[: GIVE.index("pay:")]
    paid = after(
        text, "pay-add", gateways, **{"new-pay-by": "sandbox", "new-pay-currency": "EUR", "new-pay-price": "49"}
    )
    assert paid == f'{text}pay:\n  by: sandbox\n  amount: {{EUR: {{fixed: "49.00"}}}}\n'
    assert after(paid, "pay-remove", gateways) == text


def test_offers_are_added_changed_moved_and_removed(gateways):
    once = after(GIVE, "offer-add", gateways, **{"new-offer-title": "Once", "new-offer-every": ""})
    two = after(
        once, "offer-add", gateways,
        **{"new-offer-title": "Every month", "new-offer-every": "month", "new-offer-currency": "EUR", "new-offer-price": "9,50"},
    )  # fmt: skip
    assert changed(GIVE, two) == [
        "+   offers:", "+     - {name: once, title: Once}",
        '+     - {name: every_month, title: Every month, every: month, amount: {EUR: {fixed: "9.50"}}}',
    ]  # fmt: skip
    terms = {"panel-pay-offers-1-count": "2", "panel-pay-offers-1-trial": "14", "panel-pay-offers-1-name": "member"}
    changed_terms = after(two, "panel offer-1", gateways, **terms)
    assert "every: {unit: month, count: 2}" in changed_terms
    assert "trial_days: 14" in changed_terms
    assert "{name: member," in changed_terms
    single = after(changed_terms, "panel offer-1", gateways, **{"panel-pay-offers-1-unit": ""})
    assert ("every:" in single, "trial_days" in single) == (False, False)
    moved = after(two, "offer-up 1", gateways)
    assert moved.index("every_month") < moved.index("name: once")
    assert after(moved, "offer-down 0", gateways) == two
    assert after(after(two, "offer-remove 1", gateways), "offer-remove 0", gateways) == GIVE


@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("count", "none", "Write a whole number from 1 to 365."),
        ("count", "366", "Write a whole number from 1 to 365."),
        ("trial", "731", "Write a whole number from 1 to 730."),
        ("name", "Every Month", "small letters"),
        ("name", "once", "Another offer is called once"),
    ],
)
def test_what_is_wrong_with_an_offer_is_said_at_its_input_and_nothing_is_moved(name, typed, said, gateways):
    text = FORMS["starter-donation"]
    done = wrong(text, gateways, "offer-up 1", **{f"panel-pay-offers-1-{name}": typed})
    assert said in done.wrong[f"panel-pay-offers-1-{name}"]
    assert done.problem.message == "Something that you typed is not right yet."
    removed = press(text, "offer-remove 1", gateways, **{f"panel-pay-offers-1-{name}": typed})
    assert removed.is_right
    assert "monthly" not in removed.text


def test_sites_are_addresses_of_sites(gateways):
    done = after(GIVE, "panel embed", gateways, panel__embed="https://a.example/\r\n\r\nhttp://localhost:8000")
    assert done == f'{GIVE}embed: ["https://a.example", "http://localhost:8000"]\n'
    assert after(FORMS["donate"], "panel embed", gateways, panel__embed="https://a.example") == FORMS["donate"].replace(
        "embed: []", 'embed: ["https://a.example"]'
    )
    assert (
        "no page of it"
        in wrong(GIVE, gateways, "panel embed", panel__embed="https://a.example/page").wrong["panel-embed"]
    )


def test_what_was_typed_in_another_panel_is_taken_too(gateways):
    done = after(GIVE, "panel texts", gateways, panel__title="Give now", **{"panel-pay-amount-EUR-fixed": "59"})
    assert "title: Give now   # the heading" in done
    assert '{fixed: "59.00"}' in done


def test_a_text_that_was_changed_meanwhile_wins_over_inputs_made_of_the_old_one(gateways):
    stale = sent(GIVE, gateways) | {"panel-title": "Typed"}
    text = GIVE.replace("title: Give ", "title: Newer ")
    assert pressed(text, "panel embed", stale, gateways).text == text
    asked = pressed(text, "panel texts", stale, gateways)
    assert asked.text == text
    assert "Press Apply again" in asked.problem.remedy
    (panel,) = [one for one in asked.panels() if one.name == "texts"]
    again = pressed(text, "panel texts", stale | {"was-texts": panel.was}, gateways)
    assert "title: Typed" in again.text


def test_what_cannot_be_changed_safely_is_said_and_nothing_typed_is_lost(gateways):
    text = GIVE.replace('{EUR: {fixed: "49.00"}}', '{EUR: &p {fixed: "49.00"}, USD: *p}')
    done = press(text, "panel payment", gateways, **{"panel-pay-amount-EUR-fixed": "59"})
    assert done.text == text
    assert "Edit the text itself" in done.problem.remedy
    assert "59" in {e.shown for p in done.panels() for g in p.groups for e in g.entries}


def test_the_page_applies_says_what_is_wrong_and_saves_what_was_typed(hub, admin):
    hub.accounts.create(
        "sandbox",
        "sandbox",
        {"api_base": "http://127.0.0.1:1", "api_key": "k", "webhook_secret": "whsec_" + "a" * 32},
        "test",
    )
    FormDesk(hub).save("", GIVE, "test@example.com")
    page = admin.get("/forms/give")
    said = sent(GIVE, FormDesk(hub).gateways())
    assert all(f'name="{name}"' in page.text for name in said)
    wrong_price = said | {"panel-pay-amount-EUR-fixed": "a lot", "panel-title": "Give now"}
    for do in ("panel payment", "save", "check"):
        answer = admin.post("/forms/give", text=GIVE, do=do, **wrong_price)
        assert answer.status_code == 422
        assert "is not an amount" in html.unescape(answer.text)
        assert 'value="a lot"' in answer.text
        assert FormDesk(hub).text("give") == GIVE
    done = admin.post("/forms/give", text=GIVE, do="save", **(said | {"panel-title": "Give now"}))
    assert done.status_code == 303
    assert compile_form(FormDesk(hub).text("give"), "give", hub.now().date()).title == {"": "Give now"}


def test_what_the_checker_says_of_a_part_stands_at_its_panel(gateways):
    text = GIVE.replace(", required: true", "").replace(
        "after:", "  offers:\n    - {name: monthly, title: Monthly, every: month}\nafter:"
    )
    (panel,) = [one for one in press(text, "", gateways).panels() if one.name == "payment"]
    assert re.search("no e-mail address must be given", " ".join(panel.problems))
