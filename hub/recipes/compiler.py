"""From a recipe's text to :class:`~hub.recipes.model.Recipe`, with every finding on the way."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, cast

from hub.errors import ExpressionError
from hub.expressions import compile_expression, compile_template
from hub.expressions.durations import parse_duration
from hub.recipes.document import Document, Path, parse_document
from hub.recipes.findings import Finding, FindingsError, Severity, did_you_mean
from hub.recipes.model import (
    Concurrency,
    EventTrigger,
    Recipe,
    RecipeInput,
    RecipeTest,
    ScheduleTrigger,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.expressions import Expression, Template
    from hub.jsontypes import Json, JsonObject

LANGUAGE = 1
MAX_STEPS = 200
MAX_NESTING = 8

_KEYS = (
    "hub",
    "recipe",
    "title",
    "description",
    "enabled",
    "inputs",
    "on",
    "concurrency",
    "steps",
    "on_failure",
    "tests",
)
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,78}[a-z0-9])?")
_EVENT = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z0-9_*-]+)+|\*")


@dataclass(frozen=True, slots=True)
class Compiled:
    """What compiling gave: the recipe when there is no error, all findings, and where each step stands."""

    document: Document
    recipe: Recipe | None
    findings: tuple[Finding, ...]
    step_paths: Mapping[str, Path]


def compile_recipe(text: str, file: str = "recipe.yaml") -> Recipe:
    """The recipe in ``text``. Raises :class:`FindingsError` with everything that is wrong."""
    compiled = compile_text(text, file)
    if compiled.recipe is None:
        raise FindingsError(compiled.findings)
    return compiled.recipe


def compile_text(text: str, file: str = "recipe.yaml") -> Compiled:
    """Compile and report. Raises :class:`FindingsError` only when the text is not YAML at all."""
    document = parse_document(text, file)
    reader = Reader(document)
    recipe = _recipe(reader)
    failed = any(finding.severity is Severity.ERROR for finding in reader.findings)
    return Compiled(document, None if failed else recipe, tuple(reader.findings), reader.step_paths)


@dataclass(slots=True)
class Reader:
    """Reads parts of a document, noting what is wrong and going on."""

    document: Document
    findings: list[Finding] = field(default_factory=list)
    step_paths: dict[str, Path] = field(default_factory=dict)
    step_count: int = 0

    def wrong(  # noqa: PLR0913 (the parts of a finding)
        self, path: Path, code: str, message: str, remedy: str = "", *, at_key: bool = False, fix: str | None = None
    ) -> None:
        """Note an error."""
        self.findings.append(self.document.finding(path, code, message, remedy, at_key=at_key, fix=fix))

    def mapping(self, value: Json, path: Path, what: str, example: str) -> dict[str, Json]:
        """A mapping, or an empty one and a finding."""
        if isinstance(value, dict):
            return value
        self.wrong(path, "type", f"{what} must be keys with values, not {shown(value)}.", f"For example: {example}")
        return {}

    def known_keys(self, value: Mapping[str, Json], path: Path, known: tuple[str, ...], what: str) -> None:
        """Note every key that is not known here."""
        for key in value:
            if key not in known:
                remedy = did_you_mean(key, known)
                self.wrong((*path, key), "unknown_key", f"{what} has no key {key!r}.", remedy, at_key=True)

    def text(self, value: Json, path: Path, what: str, example: str) -> str:
        """A text, or an empty one and a finding."""
        if isinstance(value, str):
            return value
        self.wrong(path, "type", f"{what} must be text, not {shown(value)}.", f"For example: {example}")
        return ""

    def boolean(self, value: Json, path: Path, what: str, *, default: bool) -> bool:
        """True or false."""
        if isinstance(value, bool):
            return value
        self.wrong(path, "type", f"{what} must be true or false, not {shown(value)}.")
        return default

    def whole(self, value: Json, path: Path, what: str, default: int, least: int, most: int) -> int:  # noqa: PLR0913
        """A whole number within bounds."""
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        message = f"{what} must be a whole number from {least:,} to {most:,}, not {shown(value)}."
        self.wrong(path, "type", message)
        return default

    def choice(self, value: Json, path: Path, what: str, choices: tuple[str, ...]) -> str:
        """One of a few words."""
        if isinstance(value, str) and value in choices:
            return value
        said = ", ".join(choices)
        self.wrong(path, "choice", f"{what} must be one of {said}, not {shown(value)}.", did_you_mean(str(value), choices))
        return choices[0]

    def duration(self, value: Json, path: Path, what: str, default: timedelta) -> timedelta:
        """A duration such as 10s, 5m, 2h, 3d, 1w."""
        try:
            if isinstance(value, str):
                return parse_duration(value)
        except (ExpressionError, ValueError):
            pass  # said below, with the place
        self.wrong(path, "duration", f"{what} must be a duration, not {shown(value)}.", "Write 30s, 5m, 2h, 3d or 1w.")
        return default

    def expression(self, value: Json, path: Path, what: str) -> Expression:
        """A bare JMESPath expression. ``${ }`` around the whole is a slip that is named."""
        if isinstance(value, bool) or value is None:
            value = "`null`" if value is None else f"`{str(value).lower()}`"
        if not isinstance(value, str):
            self.wrong(path, "type", f"{what} must be an expression, not {shown(value)}.", "For example: event.data.order")
            return compile_expression("`null`")
        stripped = value.strip()
        if stripped.startswith("${") and stripped.endswith("}"):
            bare = stripped[2:-1].strip()
            message = f"{what} takes the bare expression, without ${{ }}."
            self.wrong(path, "wrapped_expression", message, f"Write: {bare}", fix=bare)
            value = bare
        try:
            return compile_expression(value)
        except ExpressionError as wrong:
            self.wrong(path, "expression", wrong.message, wrong.remedy, fix=getattr(wrong, "fix", None))
            return compile_expression("`null`")

    def template(self, value: Json, path: Path) -> Template:
        """A value that may hold ``${ }``."""
        try:
            return compile_template(value)
        except ExpressionError as wrong:
            inner = getattr(wrong, "path", ())
            self.wrong((*path, *inner), "expression", wrong.message, wrong.remedy)
            return compile_template(None)


def shown(value: Json) -> str:
    """A value in a message: short, and said as a person would."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "keys with values"
    if isinstance(value, list):
        return "a list"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return repr(text if len(text) <= 40 else f"{text[:37]}…")  # noqa: PLR2004 (fits a message)


def _recipe(reader: Reader) -> Recipe | None:
    from hub.recipes.steps import read_steps  # noqa: PLC0415 (steps.py reads with this module's Reader)

    value = reader.document.value
    if not isinstance(value, dict):
        example = "Begin with: hub: 1, recipe: NAME, on: …, steps: …"
        reader.wrong((), "type", f"A recipe is keys with values, not {shown(value)}.", example)
        return None
    reader.known_keys(value, (), _KEYS, "A recipe")
    for key, example in (("hub", "hub: 1"), ("recipe", "recipe: my-recipe"), ("on", "on: {event: payment.succeeded}"), ("steps", "steps: …")):
        if key not in value:
            reader.wrong((), "missing_key", f"The recipe has no {key!r}.", f"Add, for example: {example}")
    language = value.get("hub", LANGUAGE)
    if language != LANGUAGE or isinstance(language, bool):
        reader.wrong(("hub",), "language", f"This hub reads language version 1, not {shown(language)}.", "Write: hub: 1")
    name = reader.text(value.get("recipe", "unnamed"), ("recipe",), "The recipe's name", "recipe: shop-split")
    if name and not _NAME.fullmatch(name):
        remedy = "Use small letters, digits and hyphens, for example shop-split."
        reader.wrong(("recipe",), "name", f"{shown(name)} cannot be a recipe's name.", remedy)
    return Recipe(
        name=name,
        title=reader.text(value.get("title", name), ("title",), "The title", "title: Pay each vendor its share"),
        description=reader.text(value.get("description", ""), ("description",), "The description", "description: …"),
        enabled=reader.boolean(value.get("enabled", True), ("enabled",), "`enabled`", default=True),
        inputs=_inputs(reader, value.get("inputs", {})),
        trigger=_trigger(reader, value.get("on", {"event": "*"})),
        concurrency=_concurrency(reader, value["concurrency"]) if "concurrency" in value else None,
        steps=read_steps(reader, value.get("steps", []), ("steps",), "step"),
        on_failure=read_steps(reader, value.get("on_failure", []), ("on_failure",), "on_failure"),
        tests=_tests(reader, value.get("tests", [])),
        language=LANGUAGE,
        digest=hashlib.sha256(reader.document.text.encode()).hexdigest(),
        text=reader.document.text,
    )


def _inputs(reader: Reader, value: Json) -> dict[str, RecipeInput]:
    found: dict[str, RecipeInput] = {}
    for name, schema in reader.mapping(value, ("inputs",), "`inputs`", "inputs: {list: {type: string}}").items():
        path: Path = ("inputs", name)
        entry = reader.mapping(schema, path, f"The input {name!r}", "{type: string, default: Members}")
        if "type" not in entry and "enum" not in entry:
            reader.wrong(path, "missing_key", f"The input {name!r} has no type.", "Add, for example: type: string")
        found[name] = RecipeInput({key: part for key, part in entry.items() if key != "default"}, entry.get("default"))
    return found


def _trigger(reader: Reader, value: Json) -> EventTrigger | ScheduleTrigger:
    trigger = reader.mapping(value, ("on",), "`on`", "on: {event: payment.succeeded}")
    if "schedule" in trigger:
        reader.known_keys(trigger, ("on",), ("schedule", "where"), "`on` with a schedule")
        return _schedule(reader, trigger)
    reader.known_keys(trigger, ("on",), ("event", "from", "where"), "`on`")
    if "event" not in trigger:
        remedy = "Add event: payment.succeeded, or schedule: {cron: \"0 9 * * MON\"}."
        reader.wrong(("on",), "missing_key", "`on` names neither an event nor a schedule.", remedy, at_key=True)
    return EventTrigger(
        patterns=event_patterns(reader, trigger.get("event", "*"), ("on", "event")),
        connections=_texts(reader, trigger.get("from", []), ("on", "from"), "`from`"),
        where=reader.expression(trigger["where"], ("on", "where"), "`where`") if "where" in trigger else None,
    )


def event_patterns(reader: Reader, value: Json, path: Path) -> tuple[str, ...]:
    """Event types as written: one or a list, ``payment.*`` too."""
    patterns = _texts(reader, value, path, "`event`")
    for number, pattern in enumerate(patterns):
        if not _EVENT.fullmatch(pattern):
            place = (*path, number) if isinstance(value, list) else path
            remedy = "A type has a dot, for example payment.succeeded, payment.* or your own shop.order."
            reader.wrong(place, "event_type", f"{shown(pattern)} cannot be an event's type.", remedy)
    return patterns


def _texts(reader: Reader, value: Json, path: Path, what: str) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(reader.text(one, (*path, number), what, "payment.succeeded") for number, one in enumerate(value))
    return (reader.text(value, path, what, "payment.succeeded"),)


def _schedule(reader: Reader, trigger: Mapping[str, Json]) -> ScheduleTrigger:
    path: Path = ("on", "schedule")
    schedule = reader.mapping(trigger["schedule"], path, "`schedule`", '{cron: "0 9 * * MON", timezone: Europe/Berlin}')
    reader.known_keys(schedule, path, ("cron", "timezone", "misfire"), "`schedule`")
    misfire = reader.choice(schedule.get("misfire", "once"), (*path, "misfire"), "`misfire`", ("once", "all", "none"))
    return ScheduleTrigger(
        cron=reader.text(schedule.get("cron"), (*path, "cron"), "`cron`", '"0 9 * * MON"'),
        timezone=reader.text(schedule.get("timezone", "UTC"), (*path, "timezone"), "`timezone`", "Europe/Berlin"),
        misfire=cast('Literal["once", "all", "none"]', misfire),
        where=reader.expression(trigger["where"], ("on", "where"), "`where`") if "where" in trigger else None,
    )


def _concurrency(reader: Reader, value: Json) -> Concurrency:
    path: Path = ("concurrency",)
    entry = reader.mapping(value, path, "`concurrency`", '{key: "${ event.data.order }", max: 1}')
    reader.known_keys(entry, path, ("key", "max", "while_waiting"), "`concurrency`")
    if "key" not in entry:
        reader.wrong(path, "missing_key", "`concurrency` has no key.", 'Add, for example: key: "${ event.data.order }"')
    waiting = reader.choice(
        entry.get("while_waiting", "release"), (*path, "while_waiting"), "`while_waiting`", ("release", "block")
    )
    return Concurrency(
        key=reader.template(entry.get("key"), (*path, "key")),
        limit=reader.whole(entry.get("max", 1), (*path, "max"), "`max`", 1, 1, 1_000),
        while_waiting=cast('Literal["block", "release"]', waiting),
    )


def _tests(reader: Reader, value: Json) -> tuple[RecipeTest, ...]:
    if not isinstance(value, list):
        reader.wrong(("tests",), "type", f"`tests` must be a list, not {shown(value)}.", "Begin each with `- name: …`")
        return ()
    return tuple(_test(reader, one, ("tests", number)) for number, one in enumerate(value))


def _test(reader: Reader, value: Json, path: Path) -> RecipeTest:
    entry = reader.mapping(value, path, "A test", "{name: …, event: …, expect: {status: succeeded}}")
    reader.known_keys(entry, path, ("name", "event", "given", "then", "expect", "inputs"), "A test")
    then = entry.get("then", [])
    if not isinstance(then, list):
        reader.wrong((*path, "then"), "type", "`then` must be a list.", "For example: [{after: 2d}]")
        then = []
    parts: dict[str, JsonObject] = {
        key: reader.mapping(entry.get(key, {}), (*path, key), f"`{key}`", "{…}")
        for key in ("event", "given", "expect", "inputs")
    }
    return RecipeTest(
        name=reader.text(entry.get("name", f"test {path[-1]}"), (*path, "name"), "A test's name", "name: a good payment"),
        event=parts["event"],
        given=parts["given"],
        then=tuple(reader.mapping(one, (*path, "then", number), "A part of `then`", "{after: 2d}") for number, one in enumerate(then)),
        expect=parts["expect"],
        inputs=parts["inputs"],
    )


