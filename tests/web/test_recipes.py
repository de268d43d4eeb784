import json

import pytest
from markupsafe import escape

from .conftest import PAID, THANKS
from .forms_on_pages import Page

WRONG = THANKS.replace("call: mail/send", "call: mial/send")
ASKS = """\
hub: 1
recipe: asks
on: {event: refund.issued}
steps:
  - id: question
    ask: {whom: boss@example.com, question: "In order?", answers: ["yes", "no"], timeout: 2d}
"""


def counts(hub):
    """How many events, runs and mails there are."""
    return len(hub.queries.events(everything()).items), len(hub.store.mails())


def everything():
    from hub.journal.queries import EventFilter

    return EventFilter()


def test_a_hub_without_recipes_says_what_to_do_first(admin):
    page = admin.page("/recipes")
    assert "No recipes yet" in page
    assert 'href="/gallery"' in page


def test_the_list_shows_what_starts_a_recipe_and_how_it_fared(admin, run):
    page = admin.page("/recipes")
    assert "Thank who paid" in page
    assert "on payment.succeeded" in page
    assert "1 run in 30 days" in page
    assert "No recipe fits" in admin.page("/recipes?text=refund")


def test_a_new_recipe_is_saved_under_its_own_name(hub, admin):
    done = admin.post("/new-recipe", text=THANKS, do="save", message="The first one")
    assert done.headers["Location"] == "/recipes/thanks"
    assert hub.store.recipe("thanks").text == THANKS
    version = hub.store.recipe_versions("thanks")[0]
    assert (version.author, version.message) == ("admin@example.com", "The first one")


def test_line_ends_of_a_browser_do_not_change_the_text(hub, admin):
    admin.post("/new-recipe", text=THANKS.replace("\n", "\r\n"), do="save")
    assert hub.store.recipe("thanks").text == THANKS


def test_a_new_recipe_does_not_overwrite_another(hub, admin, recipe):
    answer = admin.post("/new-recipe", text=THANKS + "# mine\n", do="save")
    assert answer.status_code == 422
    assert "There is a recipe &#39;thanks&#39; already." in answer.text
    assert hub.store.recipe("thanks").n == 1


def test_a_recipe_with_errors_is_not_saved_but_its_text_stays_on_the_page(hub, admin, recipe):
    answer = admin.post("/recipes/thanks", text=WRONG, do="save")
    assert answer.status_code == 422
    assert "Not saved: mend these first" in answer.text
    assert "Line 12" in answer.text
    assert "mial" in answer.text
    assert "call: mial/send" in answer.text
    assert hub.store.recipe("thanks").n == 1


def test_the_editor_hears_each_finding_with_its_place(admin):
    found = admin.post_json("/recipe-check", {"text": WRONG, "name": "thanks"}).json["findings"]
    assert (found[0]["line"], found[0]["severity"]) == (12, "error")
    assert "mail" in found[0]["remedy"] + found[0]["message"]
    assert admin.post_json("/recipe-check", {"text": THANKS, "name": ""}).json == {"findings": []}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff\xfe"])
def test_the_check_refuses_what_is_not_json(admin, body):
    answer = admin.client.post("/recipe-check", data=body, headers={"X-CSRFToken": admin.token()})
    assert answer.status_code == 400


@pytest.mark.parametrize("text", ["", "\x00", "a: [", "- " * 3000, "&a [*a]", "hub: 1\nrecipe: x\n" * 2])
def test_the_check_answers_for_any_text(admin, text):
    answer = admin.post_json("/recipe-check", {"text": text, "name": ""})
    assert answer.status_code == 200
    assert answer.json["findings"]


def test_the_editor_learns_the_language_and_what_is_installed(admin, recipe):
    language = admin.get("/recipe-language").json
    assert language["schema"]["properties"]["steps"]
    assert language["connections"]["mail"] == "mail"
    assert language["connectors"]["mail"]["actions"]["send"]["input"]["to"]["required"] is True
    assert "amount.minor" in language["events"]["payment.succeeded"]["fields"]
    assert language["functions"]["lower"]["signature"].startswith("lower(")
    assert "receipt" in language["templates"]


def test_saving_again_makes_a_version_and_its_difference_is_shown(admin, recipe):
    admin.post(
        "/recipes/thanks",
        text=THANKS.replace("subject: Thank you", "subject: Thanks a lot"),
        do="save",
        message="Warmer",
    )
    page = admin.page("/recipes/thanks/versions")
    assert "Warmer" in page
    assert '<span class="minus">-      subject: Thank you' in page
    assert '<span class="plus">+      subject: Thanks a lot' in page


def test_going_back_to_a_version_makes_a_new_one_of_it(hub, admin, recipe):
    admin.post("/recipes/thanks", text=THANKS + "# more\n", do="save")
    admin.post("/recipes/thanks/versions/1/restore")
    assert (hub.store.recipe("thanks").n, hub.store.recipe("thanks").text) == (3, THANKS)
    assert hub.store.recipe_versions("thanks")[0].message == "Back to version 1"


def test_a_version_opens_in_the_editor(admin, recipe):
    admin.post("/recipes/thanks", text=THANKS + "# more\n", do="save")
    assert "# more" not in admin.page("/recipes/thanks?version=1")


def test_a_recipe_is_switched_off_and_on(hub, admin, recipe):
    admin.post("/recipes/thanks/switch", enabled="off")
    assert hub.store.recipe("thanks").enabled is False
    assert 'aria-checked="false"' in admin.page("/recipes")
    admin.post("/recipes/thanks/switch", enabled="on")
    assert hub.store.recipe("thanks").enabled is True


def test_a_deleted_recipe_leaves_its_runs_readable(admin, run):
    admin.post("/recipes/thanks/delete")
    assert "Thank who paid" not in admin.page("/recipes")
    assert "thanks" in admin.page(f"/runs/{run}")


def test_trying_shows_what_each_step_would_send_and_sends_nothing(hub, admin, recipe):
    before = counts(hub)
    answer = admin.post(
        "/recipes/thanks", text=THANKS, do="try", type="payment.succeeded", data=json.dumps(PAID), event=""
    )
    assert answer.status_code == 200
    assert "What it would do" in answer.text
    assert "would be sent" in answer.text
    assert '<span class="j-text">&#34;ada@example.com&#34;</span>' in answer.text
    assert counts(hub) == before


def test_trying_uses_the_text_as_it_stands_and_a_recorded_event(hub, admin, event):
    changed = THANKS.replace("subject: Thank you", "subject: For ${ event.data.customer.name }")
    answer = admin.post("/recipes/thanks", text=changed, do="try", event=event)
    assert "For Ada" in answer.text
    assert hub.store.recipe("thanks").n == 1


def test_trying_says_why_an_event_would_not_start_it(admin, recipe):
    answer = admin.post(
        "/recipes/thanks", text=THANKS, do="try", type="payment.failed", data=json.dumps(PAID), event=""
    )
    assert "This event would not start it" in answer.text


@pytest.mark.parametrize("field", ["data", "given"])
def test_trying_says_where_the_json_is_wrong(admin, recipe, field):
    fields = {"data": "{}", "given": "", field: '{"a": }'}
    answer = admin.post("/recipes/thanks", text=THANKS, do="try", type="payment.succeeded", event="", **fields)
    assert answer.status_code == 422
    assert "This is not JSON" in answer.text
    assert "in line 1" in answer.text


def test_trying_takes_the_outputs_that_are_given(admin):
    answer = admin.post(
        "/new-recipe", text=ASKS, do="try", type="refund.issued", data="{}", event="", given='{"question": "yes"}'
    )
    assert answer.status_code == 200
    assert "boss@example.com" in answer.text


def test_the_tests_results_are_shown(admin, recipe):
    assert "passed" in admin.post("/recipes/thanks", text=THANKS, do="test").text
    failing = THANKS.replace("{to: ada@example.com}", "{to: eve@example.com}")
    answer = admin.post("/recipes/thanks", text=failing, do="test")
    assert "failed" in answer.text
    assert "eve@example.com" in answer.text
    assert "This recipe has no tests" in admin.post("/new-recipe", text=ASKS, do="test").text


def test_inputs_are_kept_with_their_types(hub, admin, recipe):
    admin.post("/recipes/thanks/inputs", greeting="Servus", times="3")
    assert hub.store.recipe("thanks").inputs == {"greeting": "Servus", "times": 3}
    admin.post("/recipes/thanks/inputs", greeting="", times="")
    assert hub.store.recipe("thanks").inputs == {}


def test_inputs_of_every_type_stand_on_their_page_as_they_are_kept(hub, admin, recipe):
    declared = """
  rates: {type: array, default: [], items: {type: object}}
  words: {type: array, default: [], items: {type: string}}
  held: {type: object, default: {percent: "5"}}
  each: {type: boolean, default: false}
on:"""
    hub.recipes.save("thanks", THANKS.replace("\non:", declared, 1), "test@example.com", "More inputs")
    typed = {"greeting": "Servus", "times": "3", "rates": '[{"percent":\r\n"10"}]', "words": "one\r\ntwo words",
             "held": "", "each": "true"}  # fmt: skip
    assert admin.post("/recipes/thanks/inputs", **typed).status_code == 303
    kept = {"greeting": "Servus", "times": 3, "rates": [{"percent": "10"}], "words": ["one", "two words"], "each": True}
    assert hub.store.recipe("thanks").inputs == kept
    (form,) = [one for one in Page(admin.page("/recipes/thanks/inputs")).forms if one.named("rates")]
    assert "Default: {&#34;percent&#34;" in admin.page("/recipes/thanks/inputs").replace("{\n  ", "{")
    admin.post("/recipes/thanks/inputs", **{name: value for name, (value,) in form.data().items()})
    assert hub.store.recipe("thanks").inputs == kept


def test_a_wrong_input_is_refused_and_stays_in_its_field(hub, admin, recipe):
    answer = admin.post("/recipes/thanks/inputs", greeting="Servus", times="many")
    assert answer.status_code == 422
    assert "is not a whole number" in answer.text
    assert 'value="many"' in answer.text
    assert hub.store.recipe("thanks").inputs == {}


def test_a_recipe_is_started_by_hand(hub, admin, recipe):
    assert "ada@example.com" in admin.page("/recipes/thanks/start")
    done = admin.post("/recipes/thanks/start", type="payment.succeeded", data=json.dumps(PAID))
    run = hub.queries.run(done.headers["Location"].rpartition("/")[2]).summary
    assert (run.recipe, run.event_type) == ("thanks", "payment.succeeded")


def test_what_is_wrong_with_the_typed_event_is_said(admin, recipe):
    answer = admin.post("/recipes/thanks/start", type="payment.succeeded", data="[1]")
    assert answer.status_code == 422
    assert "This is not a JSON object." in answer.text


def test_every_starter_is_right_as_it_stands(hub):
    from hub.web.starters import STARTERS

    for starter in STARTERS:
        assert [str(finding) for finding in hub.recipes.check(starter.text, "")] == [], starter.name
        assert all(outcome.passed for outcome in hub.recipes.test(starter.text, "")), starter.name


def test_the_gallery_installs_a_story_and_leads_through_it(hub, admin):
    assert 'href="/gallery#small"' in admin.page("/recipes")
    page = admin.page("/gallery")
    assert "Thank who paid" in page
    for story, title in hub.recipes.gallery():
        assert f'href="/gallery/{story}"' in page
        assert f"<h1>{escape(title)}</h1>" in admin.page(f"/gallery/{story}")
    assert 'action="/gallery/charity"' in page
    answer = admin.post("/gallery/charity")
    assert answer.headers["Location"] == "/gallery/charity"
    page = admin.page("/gallery/charity")
    assert "Installed and switched on: donation-receipt" in page
    assert '<a href="/f/donate" target="_blank" rel="noopener"><strong>/f/donate</strong></a>' in page
    assert "Install again" in page
    assert 'action="/gallery/charity"' not in admin.page("/gallery")
    assert admin.get("/gallery/nowhere").status_code == 404


def test_a_story_page_says_what_installing_again_leaves_and_overwrites_only_when_told(hub, admin):
    admin.post("/gallery/charity")
    gallery = hub.store.recipe("donation-trouble").text
    assert "Changed since they were installed" not in admin.page("/gallery/charity")
    own = gallery.replace("title: Tell donors", "title: Write to donors")
    hub.recipes.save("donation-trouble", own, "ada@example.com")
    page = admin.page("/gallery/charity")
    assert "Changed since they were installed" in page
    assert "Overwrite donation-trouble" in page
    said = admin.post("/gallery/charity", follow=True).text
    assert "Left as they are, because somebody changed them: donation-trouble." in said
    assert hub.store.recipe("donation-trouble").text == own
    admin.post("/gallery/charity", overwrite="on")
    assert hub.store.recipe("donation-trouble").text == gallery


def test_a_table_of_a_readme_keeps_to_the_policy_of_pages(admin):
    page = admin.page("/gallery/multi-vendor-shop")
    assert '<td class="text-end">87.50</td>' in page
    assert "style=" not in page[page.index("<article") : page.index("</article")]


def test_every_change_is_in_the_audit_trail(hub, admin):
    admin.post("/new-recipe", text=THANKS, do="save")
    admin.post("/recipes/thanks/inputs", greeting="Servus")
    admin.post("/recipes/thanks/switch", enabled="off")
    admin.post("/recipes/thanks/start", type="payment.succeeded", data=json.dumps(PAID))
    admin.post("/recipes/thanks/delete")
    trail = {row["action"] for row in hub.store.audit_trail() if row["actor"] == "admin@example.com"}
    assert trail >= {"recipe.save", "recipe.inputs", "recipe.disable", "recipe.start", "recipe.delete"}
