"""The recipe language's JSON Schema: the one source for checker, completion, forms and the reference page."""

from __future__ import annotations

import functools
import json
from importlib.resources import files
from typing import TYPE_CHECKING, cast

import jsonschema_rs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.jsontypes import Json, JsonObject, JsonSchema


@functools.cache
def recipe_schema() -> JsonSchema:
    """The JSON Schema (draft 2020-12) of a recipe. Read-only."""
    text = files("hub.recipes").joinpath("recipe.schema.json").read_text(encoding="utf-8")
    return cast("JsonSchema", json.loads(text))


@functools.cache
def recipe_validator() -> jsonschema_rs.Validator:
    """The schema, ready to judge."""
    return jsonschema_rs.validator_for(cast("dict[str, object]", recipe_schema()), validate_formats=True, offline=True)


def part_of_schema(path: Sequence[str | int]) -> JsonObject:
    """The part of the schema at a path of its own keys, ``$ref`` followed; empty when there is none."""
    part: Json = recipe_schema()
    for name in path:
        part = part[int(name)] if isinstance(part, list) else cast("JsonObject", part).get(str(name), {})
        part = resolved(part)
    return cast("JsonObject", part) if isinstance(part, dict) else {}


def resolved(part: Json) -> Json:
    """The part with the definition that its ``$ref`` names; what stands beside the ``$ref`` wins."""
    if not isinstance(part, dict) or "$ref" not in part:
        return part
    name = str(part["$ref"]).rpartition("/")[2]
    definitions = cast("JsonObject", recipe_schema()["$defs"])
    beside = {key: value for key, value in part.items() if key != "$ref"}
    return {**cast("JsonObject", definitions[name]), **beside}
