"""What expressions can see at each place of a recipe, as JSON Schemas: the ground of the checker's path checks.

Which steps a step sees: those before it, in its own list and in the lists around it. Of a branch that was taken before, its
steps too (they are null when it was not taken). Not: steps after it, steps of the other branch, and steps inside a loop that
has ended, whose results are the loop's output. A step that was skipped has the output null.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from hub.errors import NotFoundError
from hub.recipes.model import AskStep, OnError, WaitStep

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hub.jsontypes import Json, JsonSchema
    from hub.recipes.model import Recipe, Step
    from hub.vocabulary import Vocabulary

ANYTHING: JsonSchema = {}
"""A value of which nothing is known."""

TEXT: JsonSchema = {"type": "string"}
_MOST_PARTS = 20_000
BRANCH: JsonSchema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"branch": {"type": "string"}},
}
"""What ``if`` and ``switch`` give."""

MOMENT: JsonSchema = {"type": "object", "additionalProperties": False, "properties": {"until": {"type": "string"}}}
"""What a wait for a time gives."""

_ERROR: JsonSchema = {
    "type": "object",
    "properties": {
        "code": TEXT,
        "message": TEXT,
        "remedy": TEXT,
        "step": TEXT,
        "gateway_code": TEXT,
        "given_up_after": {"type": "integer"},
        "details": {},
    },
}
_EVENT_FRAME: dict[str, Json] = {"id": TEXT, "time": TEXT, "connection": TEXT, "raw": {}}


def closed(properties: Mapping[str, Json]) -> JsonSchema:
    """An object with these members and no others."""
    return {"type": "object", "additionalProperties": False, "properties": properties}


def any_of(schemas: Iterable[JsonSchema]) -> JsonSchema:
    """A value of one of these; anything when there are none."""
    different: list[JsonSchema] = []
    for schema in schemas:
        if not schema:
            return ANYTHING
        if schema not in different:
            different.append(schema)
    if len(different) == 1:
        return different[0]
    return {"anyOf": different} if different else ANYTHING


def bounded(schema: JsonSchema) -> JsonSchema:
    """The schema; of one that has grown beyond all bounds, through steps that repeat each other, nothing is believed."""
    parts = 0
    level: list[Json] = [cast("Json", schema)]
    while level:
        parts += len(level)
        if parts > _MOST_PARTS:
            return ANYTHING
        inner: list[Json] = []
        for part in level:
            if isinstance(part, dict):
                inner.extend(part.values())
            elif isinstance(part, list):
                inner.extend(part)
        level = inner
    return schema


def event_schema(patterns: Iterable[str], vocabulary: Vocabulary) -> JsonSchema:
    """An event of one of the types; its data is open where a type may be somebody's own."""
    names: list[str] = []
    data: list[JsonSchema] = []
    is_open = False
    for pattern in patterns:
        expanded = [] if pattern == "*" else vocabulary.expand(pattern)
        is_open = is_open or not expanded
        for name in expanded:
            names.append(name)
            try:
                data.append({key: one for key, one in vocabulary.data_schema(name).items() if key != "title"})
            except NotFoundError:
                is_open = True
    kind: JsonSchema = TEXT if is_open else {"enum": list(dict.fromkeys(names))}
    return closed({**_EVENT_FRAME, "type": kind, "data": ANYTHING if is_open else any_of(data)})


def inputs_schema(recipe: Recipe) -> JsonSchema:
    """The recipe's own inputs, and nothing else."""
    return closed({name: one.schema for name, one in recipe.inputs.items()})


def outcome_schema(step: Step, output: JsonSchema) -> JsonSchema:
    """What a later step sees of this one."""
    statuses: list[Json] = ["succeeded"]
    if step.condition is not None:
        statuses.append("skipped")
    if step.on_error is not OnError.STOP:
        statuses.append("failed")
    if isinstance(step, WaitStep | AskStep) and step.on_timeout != "fail":
        statuses.append("timed_out")
    return closed({"output": output, "status": {"enum": statuses}, "error": _ERROR})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The scope at one place.

    ``steps``: the outcomes that can be seen. ``hidden``: the ids of other steps, with the reason why they cannot.
    ``item`` is None outside of loops. ``failed``: inside ``on_failure``, where ``run.error`` is there.
    """

    event: JsonSchema
    inputs: JsonSchema
    steps: Mapping[str, JsonSchema] = field(default_factory=dict)
    hidden: Mapping[str, str] = field(default_factory=dict)
    item: JsonSchema | None = None
    failed: bool = False
    reads_steps: bool = True
    """False for ``where`` and ``concurrency``, which are judged before there is a run."""

    def with_step(self, name: str, outcome: JsonSchema) -> Surroundings:
        """The scope once one more step has run."""
        return replace(self, steps={**self.steps, name: outcome})

    def hiding(self, ids: Iterable[str], reason: str) -> Surroundings:
        """The same with these steps out of sight, and why."""
        return replace(self, hidden={**self.hidden, **dict.fromkeys(ids, reason)})

    def with_item(self, item: JsonSchema) -> Surroundings:
        """The scope inside a loop."""
        return replace(self, item=item)

    def schema(self, unknown_steps: Iterable[str] = ()) -> JsonSchema:
        """The whole scope; of ``unknown_steps`` anything is believed, as something has been said about them already."""
        properties: dict[str, Json] = {"event": self.event, "inputs": self.inputs}
        if self.reads_steps:
            properties["steps"] = closed({**self.steps, **dict.fromkeys(unknown_steps, ANYTHING)})
            properties["now"] = TEXT
            properties["run"] = closed(
                {
                    "id": TEXT,
                    "recipe": TEXT,
                    "version": {"type": "integer"},
                    "started": TEXT,
                    "error": _ERROR if self.failed else ANYTHING,
                }
            )
        if self.item is not None:
            properties |= {"item": self.item, "index": {"type": "integer"}}
        return closed(properties)
