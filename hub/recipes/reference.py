"""The reference page of recipes: ``make docs``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import yaml

from hub.expressions.limits import MAX_EXPRESSION_BYTES
from hub.recipes.compiler import LANGUAGE
from hub.recipes.limits import LIMITS
from hub.recipes.schema import recipe_schema, resolved
from hub.recipes.structure import flow

if TYPE_CHECKING:
    from hub.jsontypes import Json, JsonObject

_INTRODUCTION: Final = f"""# Recipes

Version {LANGUAGE} of the recipe language. This page is made from the JSON Schema that the hub checks recipes by;
`hub schema recipe` prints it. `hub check PATH…` says what is wrong with a recipe before it runs, the editor while you type.

A recipe is one YAML 1.2 file: on which event, under which condition, which steps. Keys in **bold** must be there.

"""

_RULES: Final = f"""## What a step sees

Expressions (`docs/reference/expressions.md`) read `event`, `inputs`, `steps`, `run` and `now`; inside `for_each` also `item`
and `index`. `if`, `where`, `until`, `for_each`, `switch` and `stop_when` take a bare expression, everything else text with
`${{ … }}`. `on.where` and `concurrency.key` are judged before there is a run: they see `event` and `inputs` only.

`steps.ID` has `output`, `status` (`succeeded`, `skipped`, `failed`, `timed_out`) and `error`. A step sees those before
it, in its own list and in the lists around it. After a branch its steps can be read, and are null when it was not taken.
It does not see steps that come later, steps of the other branch, and steps inside a loop that has ended: their results
are the loop's output. The output of a skipped step is null.

| form | its output |
| --- | --- |
| `call` | what the action gives |
| `set` | the values |
| `wait` for a time | `{{until: the moment}}` |
| `wait` for an event | the event |
| `ask` | the answer, as text |
| `if` with `then`, `switch` | `{{branch: which one}}` |
| `for_each` | a list with `{{status, output, error}}` for each item; of several steps, `output` is `{{ID: output}}` |

A `for_each` with one step has the form beside it: `for_each` and `call`, say. Its `if` is judged once, before the loop; its
`retry` and `timeout` hold for each item's call, its `on_error` for each item.

## Steps without an id

They get one from their position, which is how runs and messages name them: the second step is `step2`, the first of its
`then` is `step2.then1`, and likewise `else`, `steps`, `on_error`, `on_timeout`, `default`, `case1_1` (the first step of the
first case) and `on_failure1`. Inside a step that has an id, that stands in front: `order.then1`. Give a step an id when
another one reads it.

## Limits

A recipe has at most {LIMITS.file_bytes // 1024} KiB, {LIMITS.steps} steps, and steps inside of steps {LIMITS.nesting}
levels deep; an expression {MAX_EXPRESSION_BYTES // 1024} KiB; a file {LIMITS.aliases} aliases, and {LIMITS.depth} levels,
with everything that its aliases repeat counted in full. `for_each` goes through {LIMITS.loop_items:,} items at most. Tags
and merge keys are not allowed.
"""


def markdown() -> str:
    """The whole page."""
    schema = recipe_schema()
    example = yaml.safe_dump(cast("list[Json]", schema["examples"])[0], sort_keys=False, allow_unicode=True)
    example = example.replace("'on':", "on:")  # PyYAML takes it for YAML 1.1's true
    lines = [_INTRODUCTION.rstrip(), "", "```yaml", example.rstrip(), "```", "", "## Recipe", ""]
    lines += _table(schema)
    for name, definition in cast("dict[str, JsonObject]", schema["$defs"]).items():
        if "properties" in definition:
            lines += _section(str(definition["title"]), definition, name)
    return "\n".join([*lines, _RULES.rstrip()]) + "\n"


def _section(title: str, schema: JsonObject, name: str) -> list[str]:
    heading = {"test_event": "A test's event", "test_then": "A test's then", "test_call": "A test's call"}.get(
        name, title
    )
    lines = [f"## {heading}", "", str(schema["description"]), "", *_table(schema)]
    for key, part in cast("dict[str, Json]", schema["properties"]).items():
        inner = cast("JsonObject", part)
        if "properties" in inner:
            lines += [f"### {heading}: {key}", "", str(inner["description"]), "", *_table(inner)]
    return lines


def _table(schema: JsonObject) -> list[str]:
    required = cast("list[str]", schema.get("required", []))
    lines = ["| key | value | what it says |", "| --- | --- | --- |"]
    for key, part in cast("dict[str, Json]", schema["properties"]).items():
        entry = cast("JsonObject", resolved(part))
        name = f"**`{key}`**" if key in required else f"`{key}`"
        examples = cast("list[Json]", entry["examples"])
        said = f"{entry['description']} For example `{key}: {flow(examples[0])}`"
        lines.append(f"| {name} | {_cell(_type(entry))} | {_cell(said)} |")
    return [*lines, ""]


def _type(schema: JsonObject) -> str:
    """What stands there, in a few words, and the default."""
    default = f"; default `{flow(schema['default'])}`" if "default" in schema else ""
    return _kind(schema) + default


def _kind(schema: JsonObject) -> str:
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in cast("list[Json]", schema["enum"]))
    if "anyOf" in schema and "properties" not in schema:
        branches = [cast("JsonObject", resolved(one)) for one in cast("list[Json]", schema["anyOf"])]
        return " or ".join(dict.fromkeys(_kind(one) for one in branches))
    if schema.get("x-must") == "an expression":
        return "expression"
    words = {"string": "text", "array": "list", "object": "keys", "boolean": "true or false", "integer": "whole number"}
    said = schema.get("type", "anything")
    names = [said] if isinstance(said, str) else cast("list[str]", said)
    return " or ".join(words.get(str(name), str(name)) for name in names)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
