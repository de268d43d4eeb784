import re
from pathlib import Path

import jsonschema_rs

from hub.recipes.compiler import compile_recipe
from hub.recipes.reference import markdown
from hub.recipes.schema import recipe_schema, recipe_validator, resolved

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "recipes.md"


def parts(schema, path="recipe"):
    """Every property of the schema, once, with its path."""
    for name, part in schema.get("properties", {}).items():
        yield f"{path}.{name}", part
        yield from parts(part, f"{path}.{name}")
    for name, part in schema.get("$defs", {}).items():
        yield from parts(part, name)


def test_the_reference_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == markdown(), "make docs"


def test_the_recipes_on_the_reference_page_compile():
    examples = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert examples
    for example in examples:
        compile_recipe(example)


def test_the_schema_is_a_json_schema():
    jsonschema_rs.meta.validate(recipe_schema())


def test_every_property_is_described_with_examples_that_fit_it():
    definitions = recipe_schema()["$defs"]
    for path, part in parts(recipe_schema()):
        entry = resolved(part)
        assert entry.get("description"), path
        assert entry.get("examples"), path
        validator = jsonschema_rs.validator_for({**entry, "$defs": definitions}, validate_formats=True)
        for example in entry["examples"]:
            validator.validate(example)


def test_every_object_of_the_language_is_closed():
    for name, definition in recipe_schema()["$defs"].items():
        if "properties" in definition and name != "input":
            assert definition["additionalProperties"] is False, name
    assert not recipe_validator().is_valid({**recipe_schema()["examples"][0], "extra": 1})
