"""The recipes of the gallery: the tests of each name every call that it makes."""

from pathlib import Path

import pytest

from hub.recipes.compiler import compile_recipe
from hub.recipes.model import CallStep, LoopStep
from hub.recipes.step_checks import all_steps
from hub.recipes.testing import run_tests

GALLERY = Path(__file__).parents[2] / "recipes"
RECIPES = sorted(GALLERY.glob("*/recipes/*.yaml"))


def calls_of(recipe):
    """The steps that call something."""
    for step in all_steps(recipe):
        inner = step.body if isinstance(step, LoopStep) else ()
        yield from (one.id for one in (step, *inner) if isinstance(one, CallStep))


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_the_tests_of_a_recipe_pass_and_expect_each_of_its_calls(file):
    recipe = compile_recipe(file.read_text(encoding="utf-8"), str(file))
    assert [one.name for one in run_tests(recipe) if not one.passed] == []
    named = {call["step"] for test in recipe.tests for call in test.expect.get("calls", ())}
    assert set(calls_of(recipe)) - named == set()
