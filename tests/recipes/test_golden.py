"""Every class of mistake with the message that a person gets for it: golden/NAME.yaml and golden/NAME.txt.

After a change on purpose: ``python -m tests.recipes.test_golden`` writes the texts anew; read each as a shop owner would.
"""

from pathlib import Path

import pytest

from hub.recipes.checker import check_recipe
from hub.recipes.report import as_text
from tests.recipes.conftest import installation

FOLDER = Path(__file__).parent / "golden"
RECIPES = sorted(FOLDER.glob("*.yaml"))


def said(recipe: Path) -> str:
    text = recipe.read_text(encoding="utf-8")
    return as_text(check_recipe(text, recipe.name, installation()), {recipe.name: text})


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.stem)
def test_a_mistake_gets_its_message(recipe):
    assert said(recipe) == recipe.with_suffix(".txt").read_text(encoding="utf-8")


def test_every_text_belongs_to_a_recipe():
    assert {text.stem for text in FOLDER.glob("*.txt")} == {recipe.stem for recipe in RECIPES}


if __name__ == "__main__":
    for one in RECIPES:
        one.with_suffix(".txt").write_text(said(one), encoding="utf-8")
