"""The files of the gallery: the tests of each recipe name every call that it makes, and its mails can be written."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from connectors.mail.rendering import parse_template, render
from hub.phrases import DEFAULT_LANGUAGE, LANGUAGES
from hub.recipes.compiler import compile_recipe
from hub.recipes.model import CallStep, LoopStep
from hub.recipes.step_checks import all_steps
from hub.recipes.testing import play, run_tests

GALLERY = Path(__file__).parents[2] / "recipes"
RECIPES = sorted(GALLERY.glob("*/recipes/*.yaml"))
TEMPLATES = sorted(GALLERY.glob("*/templates/*.md"))
MAILS = {"mail/send": {}, "providers/notify": {"name": "Grace", "url": "https://hub.example.com/p/x"}}
"""What the actions that take a template put in by themselves."""


def read(file):
    return compile_recipe(file.read_text(encoding="utf-8"), str(file))


def calls_of(recipe):
    """The steps that call something."""
    for step in all_steps(recipe):
        inner = step.body if isinstance(step, LoopStep) else ()
        yield from (one.id for one in (step, *inner) if isinstance(one, CallStep))


def spoken(template):
    """A template's files by their language."""
    named = {language: template.with_stem(f"{template.stem}-{language}") for language in LANGUAGES}
    return {name: file for name, file in {**named, DEFAULT_LANGUAGE: template}.items() if file.is_file()}


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_the_tests_of_a_recipe_pass_and_expect_each_of_its_calls(file):
    recipe = read(file)
    assert [one.name for one in run_tests(recipe) if not one.passed] == []
    named = {call["step"] for test in recipe.tests for call in test.expect.get("calls", ())}
    assert set(calls_of(recipe)) - named == set()


def mails_of(file):
    """The mails that a recipe's tests send, as the actions get them."""
    for test in (recipe := read(file)).tests:
        for step in play(recipe, test.event, test.given, then=test.then, inputs=test.inputs).steps:
            if step.target in MAILS and step.input:
                yield step


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_the_mails_of_a_recipe_can_be_written_in_every_language(file):
    for step in mails_of(file):
        template = step.input.get("template")
        for name in spoken(file.parents[1] / "templates" / f"{template}.md").values() if template else ():
            mail = render(
                parse_template(name.read_text(encoding="utf-8"), name.stem),
                {**MAILS[step.target], **step.input.get("data", {})},
                name.stem,
            )
            assert mail.subject
            assert mail.text


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_who_does_not_run_the_hub_is_written_to_in_their_language(file):
    ours = {one.default for one in read(file).inputs.values() if "@" in str(one.default)}
    theirs = [step.input for step in mails_of(file) if step.input.get("to") not in ours]
    assert all({"template", "language"} <= mail.keys() for mail in theirs)
    assert not theirs or {mail["language"] for mail in theirs} - {DEFAULT_LANGUAGE}, "a test in another language"


def test_every_mail_is_there_in_every_language():
    originals = [file for file in TEMPLATES if file.stem.rpartition("-")[2] not in LANGUAGES]
    assert {file for one in originals for file in spoken(one).values()} == set(TEMPLATES)
    assert {one.stem: len(spoken(one)) for one in originals if len(spoken(one)) != len(LANGUAGES)} == {}


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: f"{file.parents[1].name}-{file.stem}")
def test_a_mail_writes_amounts_and_days_as_its_language_does(file):
    ending = file.stem.rpartition("-")[2]
    text = re.sub(r"'d[^']*(?:\\'[^']*)*', 'UTC', ", "", file.read_text(encoding="utf-8"))
    written = re.findall(r"format_(?:money|time)\(\w+, '(\w+)'\)", text)
    assert len(written) == text.count("format_")
    assert set(written) <= {ending if ending in LANGUAGES else DEFAULT_LANGUAGE}


def test_what_several_stories_bring_is_the_same_in_each():
    texts = defaultdict(set)
    for file in GALLERY.glob("*/*/*"):
        texts[file.relative_to(file.parents[2]).parts[1:]].add(file.read_text(encoding="utf-8"))
    assert [name for name, found in texts.items() if len(found) > 1] == []
