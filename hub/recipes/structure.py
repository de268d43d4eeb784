"""Whether a document is built as the recipe schema says; the schema's errors in a person's words."""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import TYPE_CHECKING, cast

from hub.recipes.findings import MOST_FINDINGS, did_you_mean, nearest
from hub.recipes.schema import part_of_schema, recipe_validator, resolved
from hub.recipes.yaml_errors import quoted
from hub.recipes.yaml_reader import scalar_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import jsonschema_rs

    from hub.jsontypes import Json, JsonObject
    from hub.recipes.document import Document, Path
    from hub.recipes.findings import Finding

FORMS = ("call", "set", "wait", "ask", "switch", "stop")
"""The keys that say what a step does; beside them there are if with then, and for_each with steps."""

_SHOWN = 40
_PLAIN = re.compile(r"[A-Za-z0-9_./]([A-Za-z0-9_./+ -]*[A-Za-z0-9_./+-])?")
_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "keys with values",
    "null": "empty",
}
_OLD_BOOLEANS = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_BELONGS = {
    "with": "call: it is what the action is given",
    "then": "if: they are its steps",
    "else": "if and then: they are the steps when if is not true",
    "cases": "switch: it is the value that decides",
    "switch": "cases: they are its steps, one list for each value",
    "default": "switch: they are the steps when no case fits",
    "steps": "for_each: they are done for each of its items",
    "parallel": "for_each",
    "stop_when": "for_each",
    "from": "event: they are the connections whose events count",
    "match": "event: it says which one",
    "where": "event: it is a condition on it",
    "timeout": "event: the other waits end by themselves",
    "step": "answer: it is the step whose question is answered",
}


def structure_findings(document: Document) -> list[Finding]:
    """Every place where the document is not built like a recipe; none when it is."""
    validator = recipe_validator()
    if validator.is_valid(document.value):
        return []
    return list(islice(_Translation(document).findings(validator.iter_errors(document.value)), MOST_FINDINGS))


def shown(value: Json) -> str:
    """A value in a message: short, and said as a person would."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "keys with values"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value) if isinstance(value, bool) else str(value)
    text = " ".join(text.split())
    return text if not isinstance(value, str) else repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…")


class _Translation:
    """The errors of one document; of several about one place, the one that says most."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._told: set[tuple[Path, str]] = set()

    def findings(self, errors: Iterable[jsonschema_rs.ValidationError]) -> Iterator[Finding]:
        for error in errors:
            yield from self._finding(error)

    def _finding(self, error: jsonschema_rs.ValidationError) -> Iterator[Finding]:
        path = tuple(error.instance_path)
        keyword = str(error.schema_path[-1])
        holder = part_of_schema(error.schema_path[:-1])
        value = self._value(path)
        if keyword == "additionalProperties":
            yield from self._unknown_keys(path, holder, cast("list[str]", error.kind.value))
        elif keyword == "dependentRequired" and isinstance(value, dict):
            yield from self._once(path, "combination", lambda: self._dependent(path, value, holder))
        elif _is_step(error.schema_path[:-1]) and isinstance(value, dict):
            if keyword in {"oneOf", "not", "anyOf"} and "oneOf" not in error.schema_path[:-1]:
                yield from self._once(path, "form", lambda: self._form(path, value))
        elif keyword in {"anyOf", "oneOf"}:
            yield from self._alternatives(error, path, value)
        elif keyword == "required":
            yield from self._missing(path, holder, str(error.kind.value))
        elif "propertyNames" in error.schema_path:
            yield from self._bad_name(path, error, holder)
        else:
            yield from self._once(path, "value", lambda: self._bad_value(path, keyword, holder, value))

    def _once(self, path: Path, what: str, tell: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
        if (path, what) not in self._told:
            self._told.add((path, what))
            yield from tell()

    def _value(self, path: Path) -> Json:
        value = self._document.value
        for part in path:
            value = value[part]  # type: ignore[index]  # the path is the validator's own
        return value

    # the kinds of errors

    def _unknown_keys(self, path: Path, holder: JsonObject, unexpected: Iterable[str]) -> Iterator[Finding]:
        known = cast("JsonObject", holder.get("properties", {}))
        for key in unexpected:
            near = nearest(key, known)
            message = f"{_subject(path)} has no key {key!r}."
            remedy = did_you_mean(key, known)
            yield self._document.finding((*path, key), "unknown_key", message, remedy, at_key=True, fix=near)

    def _missing(self, path: Path, holder: JsonObject, name: str) -> Iterator[Finding]:
        part = resolved(cast("JsonObject", holder.get("properties", {})).get(name, {}))
        remedy = f"Add, for example: {_written(name, _example(part))}"
        yield self._document.finding(path, "missing_key", f"{_subject(path)} has no {name!r}.", remedy, at_key=True)

    def _bad_name(self, path: Path, error: jsonschema_rs.ValidationError, holder: JsonObject) -> Iterator[Finding]:
        name = str(error.kind.value.instance)
        message = f"{shown(name)} cannot stand here: it must be {holder['x-must']}."
        yield self._document.finding((*path, name), "bad_name", message, at_key=True)

    def _dependent(self, path: Path, value: Mapping[str, Json], holder: JsonObject) -> Iterator[Finding]:
        for key, needed in cast("Mapping[str, list[str]]", holder.get("dependentRequired", {})).items():
            if key in value and any(name not in value for name in needed):
                message = f"`{key}` stands here without {_listed([f'`{name}`' for name in needed])}."
                remedy = f"It belongs to {_BELONGS[key]}."
                yield self._document.finding((*path, key), "lonely_key", message, remedy, at_key=True)

    def _form(self, path: Path, value: Mapping[str, Json]) -> Iterator[Finding]:
        forms = [form for form in FORMS if form in value]
        forms += ["if with then"] if "if" in value and "then" in value else []
        forms += ["steps"] if "for_each" in value and "steps" in value else []
        if "for_each" in value and "then" in value:
            message = "This step has `for_each` and `if` with `then`."
            remedy = "Put the branch below for_each: steps: [- if: …]."
            yield self._document.finding((*path, "then"), "two_forms", message, remedy, at_key=True)
        elif len(forms) > 1:
            message = f"This step has {_listed([f'`{form}`' for form in forms])}; one step does one thing."
            yield self._document.finding(path, "two_forms", message, "Make a step of each, beginning with `- `.")
        elif not forms and not self._has_unknown_or_lonely_key(value):
            message = "This step does not say what it does."
            remedy = "Add call, set, wait, ask, switch or stop, or if with then, or for_each with one of them or steps."
            yield self._document.finding(path, "no_form", message, remedy)
        elif "on_timeout" in value and "wait" not in value and "ask" not in value:
            message = "`on_timeout` stands here without `wait` or `ask`."
            yield self._document.finding((*path, "on_timeout"), "lonely_key", message, "Delete it.", at_key=True)

    def _has_unknown_or_lonely_key(self, value: Mapping[str, Json]) -> bool:
        """Whether something else is said about the step that explains why it has no form."""
        known = part_of_schema(["$defs", "step"])
        dependent = cast("Mapping[str, list[str]]", known["dependentRequired"])
        lonely = any(key in value and any(name not in value for name in needed) for key, needed in dependent.items())
        return lonely or any(key not in cast("JsonObject", known["properties"]) for key in value)

    def _alternatives(self, error: jsonschema_rs.ValidationError, path: Path, value: Json) -> Iterator[Finding]:
        """Of several forms that a value can have, the errors of the one that was probably meant."""
        branches = cast("list[list[jsonschema_rs.ValidationError]]", error.kind.value)
        fitting = [
            branch
            for branch in branches
            if not any(one.schema_path[-1] == "type" and tuple(one.instance_path) == path for one in branch)
        ]
        names = [str(one.kind.value) for branch in branches for one in branch if one.schema_path[-1] == "required"]
        holder = part_of_schema(error.schema_path[:-1])
        if isinstance(value, dict) and ("oneOf" in holder or names):
            yield from self._once(path, "alternatives", lambda: self._one_of_keys(path, value, holder))
        elif fitting and fitting[0]:
            yield from self.findings(fitting[0])
        else:
            yield from self._once(path, "value", lambda: self._bad_value(path, "anyOf", holder, value))

    def _one_of_keys(self, path: Path, value: Mapping[str, Json], holder: JsonObject) -> Iterator[Finding]:
        choices = cast("list[JsonObject]", holder.get("oneOf") or holder.get("anyOf") or [])
        names = [str(name) for choice in choices for name in cast("list[str]", choice["required"])]
        there = [name for name in names if name in value]
        if len(there) > 1:
            message = f"{_subject(path)} has {_listed(there)}; it takes one of them."
            yield self._document.finding(
                (*path, there[1]), "two_forms", message, f"Delete {there[1]!r} or {there[0]!r}.", at_key=True
            )
            return
        known = cast("JsonObject", holder["properties"])
        if any(key not in known for key in value):
            return
        message = f"{_subject(path)} has neither {' nor '.join(names)}."
        remedy = f"Add, for example: {_written(names[0], _example(resolved(known[names[0]])))}"
        yield self._document.finding(path, "missing_key", message, remedy, at_key=True)

    def _bad_value(self, path: Path, keyword: str, holder: JsonObject, value: Json) -> Iterator[Finding]:
        message = f"{_subject(path)} must be {_wanted(holder, keyword)}, not {_given(value, keyword)}."
        remedy, fix = self._mended(path, holder, value)
        code = "type" if keyword in {"type", "anyOf"} else "value"
        yield self._document.finding(path, code, message, remedy, fix=fix)

    def _mended(self, path: Path, holder: JsonObject, value: Json) -> tuple[str, str | None]:
        """What to write instead, in words, and where it is plain, as it should stand in the file."""
        choices = _choices(holder)
        source = str(getattr(self._document.node(path), "source", value))
        fix: str | None = None
        if choices:
            near = nearest(value, choices) if isinstance(value, str) else None
            return (f"Did you mean {near!r}?", near) if near else ("", None)
        if isinstance(value, str) and holder.get("type") == "boolean" and value.lower() in _OLD_BOOLEANS:
            fix = _OLD_BOOLEANS[value.lower()]
            return f"In YAML 1.2, {value} is a text; write {fix}.", fix
        if isinstance(value, bool | int | float) and holder.get("x-must") == "an expression":
            fix = quoted(f"`{source}`")
            return f"In an expression a number stands in backticks: {fix}.", fix
        if isinstance(value, bool | int | float) and "string" in _type_names(holder) and "pattern" not in holder:
            fix = quoted(source)
            return f"Put it in quotes: {fix}.", fix
        if path == ("on",) and isinstance(value, str):
            fix = f"{{event: {value or 'payment.succeeded'}}}"
            return f"Write on: {fix}.", fix
        if not path:
            return "Begin with: hub: 1, recipe: my-recipe, on: {event: payment.succeeded}, steps: …", None
        name = f"{_key(path)}: " if isinstance(path[-1], str) else ""
        examples = cast("list[Json]", holder.get("examples") or [])
        remedy = f"For example: {name}{flow(examples[0])}" if examples else ""
        return (f"Delete the key, or give it a value. {remedy}".strip() if value is None and name else remedy), None


def _example(part: Json) -> Json:
    examples = part.get("examples") if isinstance(part, dict) else None
    return examples[0] if isinstance(examples, list) and examples else "…"


def _is_step(schema_path: list[str | int]) -> bool:
    return [str(part) for part in schema_path[:2]] == ["$defs", "step"] and "properties" not in schema_path


def _key(path: Path) -> str:
    """The last name on the path: items of a list are called by the list's name."""
    return next((str(part) for part in reversed(path) if isinstance(part, str)), "")


def _subject(path: Path) -> str:
    """What a message is about: ``on_error``, item 2 of ``from``, this step."""
    if not path:
        return "The recipe"
    last = path[-1]
    if isinstance(last, str):
        return f"`{last}`"
    holder = _key(path)
    if holder in {"steps", "then", "else", "on_failure", "on_error", "on_timeout", "default"} or "cases" in path[-3:]:
        return "A part of `then`" if path[:1] == ("tests",) else "This step"
    return "This test" if holder == "tests" else f"Item {last + 1} of `{holder}`"


def _wanted(holder: JsonObject, keyword: str) -> str:
    """What the schema wants, in words."""
    if "x-must" in holder and keyword in {"pattern", "type", "minLength"}:
        return str(holder["x-must"])
    choices = _choices(holder)
    if choices and keyword in {"enum", "type", "anyOf"}:
        lists = " or a list of steps" if "anyOf" in holder else ""
        return " or ".join(choices) + lists
    limit = holder.get(keyword)
    words = {
        "const": f"{limit}",
        "minimum": f"{limit} or more",
        "maximum": f"{limit} or less",
        "minLength": "at least one character long" if limit == 1 else f"at least {limit} characters long",
        "maxLength": f"at most {limit} characters long",
        "minItems": "a list with something in it",
        "maxItems": f"a list of at most {limit}",
        "minProperties": "keys with values, at least one",
        "maxProperties": f"at most {limit} keys with values",
        "uniqueItems": "a list in which nothing stands twice",
        "format": f"a {limit}",
        "pattern": "written otherwise",
    }
    if keyword in words:
        return words[keyword]
    said = [_TYPES[name] for name in _type_names(holder)]
    return " or ".join(dict.fromkeys(said)) or "something else"


def _given(value: Json, keyword: str) -> str:
    if keyword == "maxLength":
        return f"{len(str(value)):,} characters"
    if isinstance(value, list):
        return {"minItems": "an empty list", "maxItems": f"of {len(value)}"}.get(keyword, "a list")
    if isinstance(value, dict) and not value:
        return "empty"
    return shown(value)


def _type_names(holder: JsonObject) -> list[str]:
    said = holder.get("type")
    if isinstance(said, str):
        return [said]
    if isinstance(said, list):
        return [str(name) for name in said]
    branches = [resolved(branch) for branch in cast("list[Json]", holder.get("anyOf") or [])]
    return [name for branch in branches for name in _type_names(cast("JsonObject", branch))]


def _choices(holder: JsonObject) -> list[str]:
    branches = [holder, *cast("list[JsonObject]", holder.get("anyOf") or [])]
    return [str(one) for branch in branches for one in cast("list[Json]", branch.get("enum") or [])]


def _written(name: str, example: Json) -> str:
    """A key with an example, as one line of YAML."""
    return f"{name}: {flow(example)}"


def flow(value: Json) -> str:
    """A value as YAML in one line, quoted where it must be."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {flow(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) and scalar_value(value) == value else quoted(value)
    return json.dumps(value)


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
