"""From a recipe's text to :class:`~hub.recipes.model.Recipe`, with every finding on the way.

Steps without an ``id`` get one from their position: the second step of the recipe is ``step2``, the first of its ``then``
is ``step2.then1``; likewise ``else``, ``steps``, ``on_error``, ``on_timeout``, ``default``, ``case1_`` for the first
case, and ``on_failure1``. Inside a step that has an id, that stands in front: ``order.then1``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from hub.recipes.document import Document, Path, parse_document
from hub.recipes.findings import Finding, FindingsError
from hub.recipes.limits import LIMITS, Limits
from hub.recipes.model import Concurrency, EventTrigger, Recipe, RecipeInput, RecipeTest, ScheduleTrigger
from hub.recipes.steps import Reader, read_steps, texts
from hub.recipes.structure import structure_findings
from hub.recipes.yaml_reader import Mapping, Sequence

if TYPE_CHECKING:
    from hub.jsontypes import JsonObject

LANGUAGE = 1
"""The version of the recipe language."""

_STEP_LISTS = ("then", "else", "steps", "default", "cases", "on_error", "on_timeout")


@dataclass(frozen=True, slots=True)
class Compiled:
    """What compiling gave.

    ``draft`` is the recipe as far as it could be read (None when the document is not built like one); expressions that do
    not parse are null in it. ``step_paths`` says where each step stands in the document.
    """

    document: Document
    draft: Recipe | None
    findings: tuple[Finding, ...]
    step_paths: dict[str, Path]

    @property
    def recipe(self) -> Recipe | None:
        """The recipe, when nothing is wrong with it."""
        return None if any(finding.is_error for finding in self.findings) else self.draft


def compile_recipe(text: str, file: str = "", limits: Limits = LIMITS) -> Recipe:
    """The recipe in ``text``. Raises :class:`FindingsError` with everything that is wrong."""
    compiled = compile_text(text, file, limits)
    if compiled.recipe is None:
        raise FindingsError(compiled.findings)
    return compiled.recipe


def compile_text(text: str, file: str = "", limits: Limits = LIMITS) -> Compiled:
    """Compile and report. Raises :class:`FindingsError` only when the text cannot be read as YAML at all."""
    document = parse_document(text, file, limits)
    findings = [*document.findings, *(_too_many_steps(document, limits) or structure_findings(document))]
    if any(finding.is_error for finding in findings):
        return Compiled(document, None, tuple(findings), {})
    reader = Reader(document, limits)
    draft = _recipe(reader, cast("JsonObject", document.value))
    return Compiled(document, draft, (*findings, *reader.findings), reader.step_paths)


def _too_many_steps(document: Document, limits: Limits) -> list[Finding]:
    """The finding when there are more steps than a recipe may have; looked at first, so that all else is bounded."""
    waiting: list[Path] = [("on_failure",), ("steps",)]
    count = 0
    while waiting:
        path = waiting.pop()
        node = document.node(path)
        if isinstance(node, Mapping) and path[-1] == "cases":
            waiting += [(*path, name) for name in node.values]
        if not isinstance(node, Sequence):
            continue
        count += len(node.items)
        if count > limits.steps:
            place = (*path, max(0, limits.steps - count + len(node.items)))
            message = f"The recipe has more than {limits.steps} steps."
            remedy = "Emit an event with hub/emit, and do the rest in a recipe of its own."
            return [document.finding(place, "too_many_steps", message, remedy)]
        waiting += [(*path, number, key) for number in range(len(node.items)) for key in _STEP_LISTS]
    return []


def _recipe(reader: Reader, value: JsonObject) -> Recipe:
    name = str(value["recipe"])
    return Recipe(
        name=name,
        title=str(value.get("title") or name),
        description=str(value.get("description", "")),
        enabled=bool(value.get("enabled", True)),
        inputs={
            key: RecipeInput({part: one for part, one in schema.items() if part != "default"}, schema.get("default"))
            for key, schema in cast("dict[str, JsonObject]", value.get("inputs", {})).items()
        },
        trigger=_trigger(reader, cast("JsonObject", value["on"])),
        concurrency=_concurrency(reader, cast("JsonObject | None", value.get("concurrency"))),
        steps=read_steps(reader, ("steps",), "step"),
        on_failure=read_steps(reader, ("on_failure",), "on_failure"),
        tests=tuple(_test(test) for test in cast("list[JsonObject]", value.get("tests", []))),
        language=LANGUAGE,
        digest=hashlib.sha256(reader.document.text.encode()).hexdigest(),
        text=reader.document.text,
    )


def _trigger(reader: Reader, value: JsonObject) -> EventTrigger | ScheduleTrigger:
    where = reader.optional_expression(("on", "where"))
    if "event" in value:
        return EventTrigger(texts(value["event"]), texts(value.get("from", [])), where)
    schedule = cast("JsonObject", value["schedule"])
    return ScheduleTrigger(
        cron=str(schedule["cron"]),
        timezone=str(schedule.get("timezone", "UTC")),
        misfire=cast('Literal["once", "all", "none"]', schedule.get("misfire", "once")),
        where=where,
    )


def _concurrency(reader: Reader, value: JsonObject | None) -> Concurrency | None:
    if value is None:
        return None
    return Concurrency(
        key=reader.template(("concurrency", "key")),
        limit=cast("int", value.get("max", 1)),
        while_waiting=cast('Literal["block", "release"]', value.get("while_waiting", "release")),
    )


def _test(value: JsonObject) -> RecipeTest:
    return RecipeTest(
        name=str(value["name"]),
        event=cast("JsonObject", value.get("event", {})),
        given=cast("JsonObject", value.get("given", {})),
        then=tuple(cast("list[JsonObject]", value.get("then", []))),
        expect=cast("JsonObject", value["expect"]),
        inputs=cast("JsonObject", value.get("inputs", {})),
    )
