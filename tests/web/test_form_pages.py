"""Forms for who makes them: the list, the designer without scripts, saving, the snippet, submissions and their file."""

import csv
import html
import io
import json
import re

import pytest

from hub.commerce.form_fields import read_answers
from hub.commerce.submissions import submit
from hub.engine.form_desk import FormDesk
from hub.web.form_starters import FORM_STARTERS

JOIN = """\
form: 1
name: join
title: {en: Join us, de: Mitmachen}
fields:
  # Who it is.
  - {name: name, type: text, title: Your name, required: true}
  - {name: email, type: email, title: {en: E-mail, de: E-Mail}}   # to answer
  - {name: size, type: choice, title: Size, choices: [S, M]}
  - {name: age, type: number, title: Age}
embed: [https://club.example]
"""


@pytest.fixture
def join(hub):
    FormDesk(hub).save("", JOIN, "test@example.com")
    return "/forms/join"


def text_in(answer):
    return html.unescape(re.search(r'<textarea[^>]* name="text".*?>\n(.*?)</textarea>', answer.text, re.DOTALL)[1])


def press(admin, do, text=JOIN, address="/forms/join", **entered):
    answer = admin.post(address, text=text, do=do, **entered)
    assert answer.status_code == 200, html.unescape(answer.text)
    return text_in(answer)


def fields(text):
    return [line.strip() for line in text.splitlines() if line.strip().startswith(("- {", "#"))]


def sent(hub, key, **entered):
    form = FormDesk(hub).get("join")
    answers = read_answers(form, {f"f-{name}": value for name, value in entered.items()})
    assert not answers.problems
    return submit(hub.office(key), form, answers, "en")


def test_without_a_form_the_page_says_how_to_begin(admin):
    page = admin.page("/forms")
    assert "No forms yet" in page
    for one in FORM_STARTERS:
        assert f"/new-form?starter={one.name}" in page


@pytest.mark.parametrize("starter", [one.name for one in FORM_STARTERS])
def test_every_starter_is_saved_as_it_is_once_its_gateway_is_there(hub, admin, starter):
    hub.accounts.create(
        "sandbox",
        "sandbox",
        {"api_base": "http://127.0.0.1:1", "api_key": "k", "webhook_secret": "whsec_" + "a" * 32},
        "test",
    )
    text = text_in(admin.get(f"/new-form?starter={starter}"))
    answer = admin.post("/new-form", text=text, do="save")
    assert answer.status_code == 303, html.unescape(answer.text)
    assert FormDesk(hub).text(answer.headers["Location"].rpartition("/")[2]) == text


def test_the_list_shows_forms_and_what_came_in_by_those_that_are_gone(hub, admin, join):
    sent(hub, "1", name="Ada")
    page = admin.page("/forms")
    assert ("Join us" in page, "1 submission<" in page) == (True, True)
    assert admin.post(f"{join}/delete").status_code == 303
    page = admin.page("/forms")
    assert "deleted" in page
    assert admin.get(join).status_code == 404
    assert "Ada" in admin.page(f"{join}/submissions")


def test_a_field_is_added_moved_and_removed_and_comments_stay(admin, join):
    added = press(admin, "add", **{"new-title": "Your name", "new-type": "phone"})
    assert fields(added)[-1] == "- {name: your_name, type: phone, title: Your name}"
    moved = press(admin, "up 1")
    assert fields(moved)[:3] == [
        "- {name: email, type: email, title: {en: E-mail, de: E-Mail}}   # to answer",
        "# Who it is.",
        "- {name: name, type: text, title: Your name, required: true}",
    ]
    assert press(admin, "up 0") == press(admin, "down 3") == JOIN
    assert fields(press(admin, "remove 0"))[0].startswith("- {name: email")


def test_what_is_entered_in_a_card_changes_its_keys_alone(admin, join):
    entered = {
        "card-1-title-en": "Mail address", "card-1-title-de": "E-Mail", "card-1-name": "mail", "card-1-type": "email",
        "card-1-required": "on",
    }  # fmt: skip
    done = press(admin, "apply 1", **entered)
    assert fields(done)[2] == (
        "- {name: mail, type: email, title: {en: Mail address, de: E-Mail}, required: true}   # to answer"
    )
    assert [one for one in done.splitlines() if one not in JOIN.splitlines()] == ["  " + fields(done)[2]]


PAID = """\
form: 1
name: join
title: Join us
fields: [{name: email, type: email, required: true}]
pay:
  by: sandbox   # the till
  amount: {EUR: {fixed: "49.00"}}   # a year
"""


def test_a_tick_lets_the_form_take_coupons_and_changes_one_line(admin, join):
    present = {
        "panel-pay-by-sandbox": "on", "panel-pay-amount-EUR-kind": "fixed", "panel-pay-amount-EUR-fixed": "49.00",
    }  # fmt: skip
    ticked = press(admin, "panel payment", PAID, **present, **{"panel-pay-coupons": "on"})
    assert ticked == PAID + "  coupons: true\n"
    assert 'name="panel-pay-coupons" value="on" checked' in admin.post("/forms/join", text=ticked, do="check").text
    assert press(admin, "panel payment", ticked, **present) == PAID
    answer = admin.post("/forms/join", text=JOIN, do="panel offer-0")
    assert (answer.status_code, text_in(answer)) == (422, JOIN)


def test_another_type_takes_away_what_no_longer_fits_and_gives_choices(admin, join):
    texts = press(admin, "apply 2", **{"card-2-title": "Size", "card-2-type": "text", "card-2-choices": "S\nM"})
    assert "- {name: size, type: text, title: Size}" in fields(texts)
    chosen = press(admin, "apply 0", **{"card-0-title": "Your name", "card-0-type": "choice", "card-0-required": "on"})
    assert "choices: [First, Second]" in fields(chosen)[1]
    more = press(
        admin, "apply 2", **{"card-2-title": "Size", "card-2-type": "choice", "card-2-choices": " S \n\nL, XL"}
    )
    assert 'choices: [S, "L, XL"]' in fields(more)[3]


def test_a_bound_that_is_no_number_is_said_and_nothing_changes(admin, join):
    typed = {"card-3-title": "Age", "card-3-type": "number", "card-3-least": "eighteen"}
    answer = admin.post(join, text=JOIN, do="apply 3", **typed)
    assert answer.status_code == 422
    assert "'eighteen' is not a whole number." in html.unescape(answer.text)
    assert text_in(answer) == JOIN
    assert 'value="eighteen"' in answer.text
    bounded = JOIN.replace("title: Age", "title: Age, min: 16")
    assert text_in(admin.post(join, text=bounded, do="apply 3", **typed)) == bounded
    assert "min: 18" in press(
        admin, "apply 3", **{"card-3-title": "Age", "card-3-type": "number", "card-3-least": "18"}
    )


def test_a_day_is_bounded_by_one_of_the_calendar_or_by_days_from_today(admin, join):
    typed = {"card-2-title": "Day", "card-2-type": "date"}
    text = JOIN.replace("type: choice, title: Size, choices: [S, M]", "type: date, title: Day, min: today+2d")
    assert 'name="card-2-least" type="text" value="today+2d"' in admin.post(join, text=text, do="check").text
    changed = press(admin, "apply 2", text, **typed, **{"card-2-least": "today", "card-2-most": "2026-12-31"})
    assert "min: today," in fields(changed)[3]
    assert "max: 2026-12-31" in fields(changed)[3]
    for none in ("soon", "2026-02-30", "today+2w"):
        refused = admin.post(join, text=text, do="apply 2", **typed, **{"card-2-least": none})
        assert refused.status_code == 422
        assert f"'{none}' is no day." in html.unescape(refused.text)
        assert text_in(refused) == text


def test_a_text_that_is_no_form_shows_no_cards_and_keeps_what_was_typed(admin, join):
    answer = admin.post(join, text="form: [", do="check")
    assert "its fields cannot be told" in answer.text
    assert text_in(answer) == "form: ["
    pressed = admin.post(join, text="form: [", do="add", **{"new-title": "A"})
    assert pressed.status_code == 422
    assert text_in(pressed) == "form: ["


def test_a_form_with_mistakes_is_not_saved_and_says_where(hub, admin, join):
    wrong = JOIN.replace("type: email", "type: mail")
    answer = admin.post(join, text=wrong, do="save")
    assert answer.status_code == 422
    assert "Not saved" in answer.text
    assert "Line 7" in answer.text
    assert text_in(answer) == wrong
    assert FormDesk(hub).text("join") == JOIN


def test_the_script_gets_text_and_cards_and_findings(admin, join):
    answer = admin.post("/form-cards", text=JOIN, do="remove 0").json
    assert "name: name" not in answer["text"]
    assert "E-mail" in answer["cards"]
    bad = admin.post("/form-cards", text=JOIN, do="remove 9").json
    assert bad["text"] == JOIN
    assert "not there any more" in bad["cards"]
    found = admin.post_json("/form-check", {"text": JOIN.replace("S, M", "S, S"), "name": "join"}).json["findings"]
    assert [(one["line"], one["severity"]) for one in found] == [(8, "error")]


def test_the_preview_shows_what_is_written_and_cannot_be_sent(admin, join):
    stored = admin.get("/form-preview?form=join")
    assert "frame-ancestors 'self'" in stored.headers["Content-Security-Policy"]
    assert "Join us" in stored.text
    assert re.search(r'<button class="first" type="button" disabled>', stored.text)
    german = admin.post("/form-preview", text=JOIN, spoken="de")
    assert "Mitmachen" in german.text
    broken = admin.post("/form-preview", text="form: [")
    assert "is not in order" in html.unescape(broken.text)


def test_the_snippet_and_the_sites_that_may_show_it(admin, join):
    page = html.unescape(admin.page(f"{join}/share"))
    assert '<script src="http://127.0.0.1:8080/embed.js" data-form="join"></script>' in page
    assert "https://club.example" in page
    admin.post(join, text=JOIN.replace("embed: [https://club.example]\n", ""), do="save")
    assert "No other site may show it yet" in admin.page(f"{join}/share")


def test_submissions_are_listed_searched_and_shown(hub, admin, join):
    ada = sent(hub, "1", name="Ada Lovelace", email="ada@example.com", size="S")
    sent(hub, "2", name="<b>Grace</b>", email="grace@example.com")
    page = admin.page(f"{join}/submissions")
    assert ("Ada Lovelace" in page, "&lt;b&gt;Grace" in page) == (True, True)
    assert "Grace" not in admin.page(f"{join}/submissions?text=ADA@")
    assert "No submission fits" in admin.page(f"{join}/submissions?state=paid")
    one = admin.page(f"/submissions/{ada}")
    assert re.search(r"<dt>Size</dt><dd[^>]*>S</dd>", one)
    assert "form.submitted" in one
    assert admin.get("/submissions/sbm_nothing").status_code == 404
    assert admin.get("/forms/nothing/submissions").status_code == 404


def test_the_list_goes_on_to_older_ones(hub, admin, join, clock):
    for number in range(52):
        clock.forward(seconds=1)
        sent(hub, str(number), name=f"Person {number:02}")
    first = admin.page(f"{join}/submissions")
    assert ("Person 51" in first, "Person 01" in first) == (True, False)
    older = admin.page(html.unescape(re.search(r'href="([^"]+after=[^"]+)"', first)[1]))
    assert ("Person 01" in older, "Person 51" in older) == (True, False)


def test_the_file_has_a_column_for_each_field_and_runs_no_formula(hub, admin, join):
    sent(hub, "1", name="=cmd()", email="ada@example.com", size="M", age="41")
    FormDesk(hub).save("join", JOIN.replace("  - {name: age, type: number, title: Age}\n", ""), "test@example.com")
    answer = admin.get(f"{join}/submissions.csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="join-submissions.csv"'
    header, row = csv.reader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff")))
    said = dict(zip(header, row, strict=True))
    assert {name: said[name] for name in ("state", "name", "email", "size", "age")} == {
        "state": "sent", "name": "'=cmd()", "email": "ada@example.com", "size": "M", "age": "41",
    }  # fmt: skip
    nobody = admin.get(f"{join}/submissions.csv?text=nobody").get_data(as_text=True)
    assert len(nobody.splitlines()) == 1


def test_viewers_see_and_change_nothing(people, join):
    viewer = people["viewer"]
    page = viewer.page(join)
    assert "How visitors see it" in page
    assert 'value="save"' not in page
    for address in (join, "/new-form", f"{join}/delete", "/form-cards", "/form-preview"):
        assert viewer.post(address, text=JOIN, do="save").status_code == 403
    assert people["visitor"].get(join).status_code == 303


def test_changes_are_in_the_audit_trail(hub, admin, join):
    admin.post(join, text=JOIN.replace("Age", "Your age"), do="save")
    assert "form.save" in json.dumps(admin.page("/settings/audit"))
