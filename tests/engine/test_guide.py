"""New integration: whatever is answered, the files are right and tested, or it is said why not; no gateway is overpraised."""

from __future__ import annotations

import itertools

import pytest

from hub.config import Settings
from hub.connect.manifest import Kind
from hub.engine.file_desk import FileDesk
from hub.engine.form_desk import FormDesk
from hub.engine.guide.moves import PARTIES, moves_of
from hub.engine.guide.questions import QUESTIONS, Answers, answers_of, conflicts, fits, left_out, needs, story_of
from hub.engine.guide.texts import Integration, form_of, recipes_of
from hub.engine.hub import Hub, Role
from hub.engine.recipe_desk import GALLERY
from hub.errors import ConfigError
from hub.money import Money

CHOICES = {question.name: [choice.value for choice in question.choices] for question in QUESTIONS}
AFTER = [some for count in range(6) for some in itertools.combinations(CHOICES["after"], count)]
EVERY = [Answers(*one) for one in itertools.product(*(AFTER if name == "after" else CHOICES[name] for name in CHOICES))]
"""All answers that can be given."""
POSSIBLE = [answers for answers in EVERY if not conflicts(answers)]


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    made = Hub.open(Settings(workspace=tmp_path_factory.mktemp("guide") / "workspace"), Role.TOOL)
    address = {"api_base": "http://127.0.0.1/sandbox/v1", "api_key": "sbx_test_1", "webhook_secret": "whsec_1"}
    made.accounts.create("shop", "sandbox", address, "test")
    yield made
    made.close()


@pytest.fixture(scope="module")
def gateways(hub):
    manifests = [hub.registry.get(name).manifest for name in hub.registry.names()]
    return [one for one in manifests if one.kind is Kind.GATEWAY]


@pytest.mark.parametrize("received", CHOICES["received"])
def test_whatever_is_answered_the_files_are_right_and_their_tests_pass(hub, received):
    made = Integration("summer", 'Summer "course": 10 % off', "shop", "EUR", Money(4900, "EUR"), "https://club.example")
    checked = set()
    for answers in POSSIBLE:
        if answers.received != received or answers.by_story:
            continue
        for name, text in recipes_of(answers, made).items():
            if text not in checked:
                findings = hub.recipes.check(text, name)
                assert [one.message for one in findings if one.is_error] == [], text
                outcomes = hub.recipes.test(text, name)
                assert [one.passed for one in outcomes] == [True], text
                checked.add(text)
        form = form_of(answers, made)
        if form and form not in checked:
            assert [one.message for one in FormDesk(hub).check(form, "summer")] == [], form
            checked.add(form)
        assert bool(form) == (received in {"form", "embedded"})
    assert len(checked) > len(AFTER)


def test_answers_that_take_a_story_get_one_whose_tests_pass(hub):
    stories = {story_of(answers)[0] for answers in POSSIBLE if answers.by_story}
    assert stories == {"photo-shoot", "truck-hire"}
    for story in stories:
        for file in (GALLERY / story / "recipes").glob("*.yaml"):
            outcomes = hub.recipes.test(file.read_text(encoding="utf-8"), file.stem)
            assert outcomes
            assert all(one.passed for one in outcomes), file


def test_answers_that_do_not_go_together_are_said_at_their_question_with_what_would():
    assert len(POSSIBLE) < len(EVERY)
    for answers in EVERY:
        for question, why in conflicts(answers).items():
            assert question in CHOICES
            assert "Choose" in why
    assert all(
        answers.by_form and answers.split != "vendors" and answers.period != "recurring"
        for answers in POSSIBLE
        if answers.by_story
    )


@pytest.mark.parametrize(
    ("given", "question", "said"),
    [
        ({"received": "form", "split": "vendors"}, "split", "Choose orders under 1"),
        ({"received": "link", "period": "recurring"}, "period", "A payment link is paid once"),
        ({"received": "portal", "period": "held"}, "received", "Choose a form"),
        ({"received": "order", "after": ("provider",)}, "received", "Choose a form"),
        ({"split": "vendors", "period": "held"}, "split", "one provider"),
        ({"period": "recurring", "after": ("provider",)}, "period", "A job is paid once"),
        ({"fee": "vendors"}, "fee", "Nothing is split"),
    ],
)
def test_what_cannot_be_says_why(given, question, said):
    assert said in conflicts(Answers(**given))[question]


def test_each_way_out_that_is_proposed_is_one():
    assert not conflicts(Answers(received="order", split="vendors", fee="vendors"))
    assert not conflicts(Answers(received="portal", split="provider", period="recurring"))
    assert not conflicts(Answers(period="held", split="provider"))


def test_a_story_says_what_it_leaves_out():
    assert left_out(Answers(after=("mail", "crm"))) == ()
    assert "telling the CRM" in left_out(Answers(period="held", after=("mail", "crm")))
    assert len(left_out(Answers(period="held", split="provider", fee="vendors", after=("provider", "team")))) == 3


def test_an_amount_that_the_payer_writes_stays_within_limits(hub):
    form = form_of(Answers(), Integration("give", "Give", "shop", "JPY"))
    assert "JPY: {free: {min: 1, max: 10000}}" in form
    assert FormDesk(hub).check(form, "give") == []


def test_a_gateway_fits_only_when_it_offers_all_that_is_needed(gateways):
    for answers in {needs(one): one for one in EVERY}.values():
        for fit in fits(answers, gateways):
            lacking = [key for key in needs(answers) if fit.manifest.capabilities[key].status.value == "none"]
            assert fit.fits == (not lacking)
            assert len(fit.missing) == len(lacking)
            assert all(reason for _, reason in fit.missing), "what is not offered says why"
    assert not any(fit.fits for fit in fits(Answers(), gateways) if fit.manifest.name == "moneygram")


def test_those_that_fit_stand_first(gateways):
    order = [fit.fits for fit in fits(Answers(period="recurring", split="vendors"), gateways)]
    assert order == sorted(order, reverse=True)


def test_every_story_that_is_proposed_is_in_the_gallery():
    proposed = {story_of(answers)[0] for answers in EVERY}
    there = {folder.name for folder in GALLERY.iterdir() if (folder / "recipes").is_dir()}
    assert proposed >= there


def test_every_arrow_of_the_picture_goes_between_two_parties():
    for answers in EVERY:
        moves = moves_of(answers)
        assert all(move.by in PARTIES and move.to in PARTIES and move.by != move.to for move in moves)
        assert len({move.what for move in moves}) == len(moves)


def test_answers_are_read_and_strange_ones_refused():
    assert answers_of({}) == Answers()
    assert answers_of({"received": ["link"]}) == Answers(received="link", after=())
    assert answers_of({"after": ["crm", "mail"]}).after == ("mail", "crm")
    with pytest.raises(ConfigError, match="How is the money received"):
        answers_of({"received": ["by pigeon"]})


def test_files_are_put_beside_what_is_there_or_not_at_all(hub):
    desk = FileDesk(hub)
    made = Integration("beside", "Beside", "shop", "EUR")
    files = {f"recipes/{name}.yaml": text for name, text in recipes_of(Answers(), made).items()}
    before = dict(desk.stored())
    desk.apply(desk.plan_more(files), "test")
    assert desk.stored() == {**before, **files}
    assert desk.plan_more(files).changes == ()
    broken = desk.plan_more({"recipes/broken.yaml": "hub: 1"})
    assert broken.is_refused
