import re
import subprocess
import sys
from pathlib import Path

import pytest

from hub.connect.registry import Registry
from hub.engine.context import Installation, check_context
from hub.recipes.checker import check_recipe

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs" / "recipes-guide.md").read_text(encoding="utf-8")
RECIPE = re.compile(r"```yaml\n(hub: 1\nrecipe: ([a-z-]+)\n.*?)```", flags=re.DOTALL)
RECIPES = RECIPE.findall(README)


@pytest.mark.parametrize("text", [text for text, _ in RECIPES], ids=[name for _, name in RECIPES])
def test_every_recipe_of_the_readme_passes_the_checker(tmp_path, text):
    name = re.search(r"^recipe: (.*)$", text, flags=re.MULTILINE)[1]
    file = tmp_path / "recipes" / f"{name}.yaml"
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "hub", "check", str(file)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_every_file_that_the_documents_link_to_exists():
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"


@pytest.mark.parametrize("text", [text for text, _ in RECIPE.findall(GUIDE)], ids=lambda text: text.split("\n")[1])
def test_the_checker_finds_nothing_in_the_guides_recipes(text):
    names = {name: name for name in Registry.load().names()} | {"crm": "sandbox_crm"}
    around = check_context(Installation(Registry.load(), names, frozenset(), {}))
    assert check_recipe(text, "recipe.yaml", around) == []


def test_every_example_of_the_guide_is_a_whole_recipe():
    assert GUIDE.count("```yaml") == len(RECIPE.findall(GUIDE)) == 5
