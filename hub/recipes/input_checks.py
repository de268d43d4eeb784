"""Whether what a step gives an action fits its schema, as far as that is known before it runs.

Values that are written out are judged in full. Of a value that an expression gives only the type is known, from the
expression's own schema; what it makes of a larger whole (a combination of keys, say) is judged where it cannot matter.
"""

from __future__ import annotations

import json
from functools import lru_cache
from itertools import chain, islice
from typing import TYPE_CHECKING, cast

import jsonschema_rs

from hub.expressions.shapes import KINDS, Presence, Shape, alternatives, items, kinds, member, member_names
from hub.recipes.findings import MOST_FINDINGS, did_you_mean, nearest
from hub.recipes.structure import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hub.jsontypes import Json, JsonObject, JsonSchema
    from hub.recipes.document import Document, Path
    from hub.recipes.findings import Finding

_PRESENCE_ONLY = frozenset({"required", "not", "anyOf", "oneOf", "allOf", "dependentRequired", "title", "description"})
_WHOLE = frozenset({"required", "additionalProperties", "minProperties", "maxProperties", "dependentRequired"})
_LISTS = frozenset({"minItems", "maxItems"})
_NUMBERS = frozenset({"number", "integer"})
_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def input_findings(  # noqa: PLR0913 (what is given, and what is wanted)
    document: Document, path: Path, value: Json, rendered: Mapping[Path, JsonSchema], schema: JsonSchema, what: str
) -> list[Finding]:
    """What is wrong with ``value`` (at ``path`` of the document) as an input of ``schema``.

    ``rendered``: the schemas of what the expressions in it give, by their place in ``value``. ``what`` names the taker.
    """
    check = _InputCheck(document, path, rendered, schema, what)
    return list(islice(chain(check.written(value), check.computed()), MOST_FINDINGS))


class _InputCheck:
    def __init__(
        self, document: Document, path: Path, rendered: Mapping[Path, JsonSchema], schema: JsonSchema, what: str
    ) -> None:
        self._document = document
        self._path = path
        self._rendered = rendered
        self._schema = schema
        self._what = what

    # what is written out

    def written(self, value: Json) -> Iterator[Finding]:
        told: set[Path] = set()
        for error in _validator(json.dumps(self._schema)).iter_errors(value):
            place = tuple(error.instance_path)
            if self._holds(error, place) and (place not in told or error.schema_path[-1] in _WHOLE):
                told.add(place)
                yield from self._explain(error, place, value)

    def _holds(self, error: jsonschema_rs.ValidationError, place: Path) -> bool:
        """Whether the error stands whatever the expressions in that part of the value give."""
        if not any(inner[: len(place)] == place for inner in self._rendered):
            return not any(place[: len(inner)] == inner for inner in self._rendered)
        if place in self._rendered:
            return False
        keyword = str(error.schema_path[-1])
        if keyword in _WHOLE or keyword in _LISTS:
            return not _within_choice(error.schema_path)
        if keyword in {"oneOf", "anyOf", "not"}:
            return _by_presence_only(self._at(error.schema_path))
        return False

    def _at(self, schema_path: Sequence[str | int]) -> Json:
        part: Json = cast("Json", self._schema)
        for name in schema_path:
            part = part[int(name)] if isinstance(part, list) else cast("JsonObject", part).get(str(name))
        return part

    def _explain(self, error: jsonschema_rs.ValidationError, place: Path, value: Json) -> Iterator[Finding]:
        keyword, at = str(error.schema_path[-1]), (*self._path, *place)
        shape = _shape_at(self._schema, place)
        if keyword == "additionalProperties":
            for name in cast("list[str]", error.kind.value):
                known = member_names(shape)
                message = f"{self._named(place)} takes no {name!r}."
                remedy, near = did_you_mean(name, known, "Leave it out."), nearest(name, known)
                yield self._document.finding((*at, name), "unknown_input", message, remedy, at_key=True, fix=near)
        elif keyword == "required":
            name = str(error.kind.value)
            message = f"{self._named(place)} needs {name!r}, which is not given."
            yield self._document.finding(at, "missing_input", message, _about(shape, name), at_key=True)
        elif keyword in {"oneOf", "anyOf", "not"} and isinstance(error.instance, dict):
            message = f"{self._named(place)} does not take this combination of keys."
            yield self._document.finding(at, "bad_input", message, self._combinations(error), at_key=True)
        else:
            wanted = _described(shape, with_limits=True)
            message = f"{self._named(place)} must be {wanted}, not {shown(_at(value, place))}."
            yield self._document.finding(at, "bad_input", message)

    def _combinations(self, error: jsonschema_rs.ValidationError) -> str:
        holder = self._at(error.schema_path)
        choices = holder if isinstance(holder, list) else []
        wanted = [
            " and ".join(str(name) for name in cast("list[str]", choice["required"]))
            for choice in choices
            if isinstance(choice, dict) and "required" in choice
        ]
        return f"Give either {', or '.join(wanted)}." if wanted else "See the action's description."

    def _named(self, place: Path) -> str:
        return f"`{_dotted(place)}` of {self._what}" if place else self._what

    # what expressions give

    def computed(self) -> Iterator[Finding]:
        for place, given in self._rendered.items():
            wanted = _shape_at(self._schema, place)
            problem = _mismatch(wanted, Shape(given, given))
            if problem is not None:
                message = f"{self._named(place)} must be {_described(wanted)}; {problem}."
                yield self._document.finding((*self._path, *place), "wrong_type", message, _conversion(wanted, given))


def type_problem(given: JsonSchema, wanted: frozenset[str]) -> str | None:
    """What an expression gives, in words, when it can be none of the types ``wanted``; None when it can."""
    possible = kinds(Shape(given, given)) - {"null"}
    if not possible or _fits(possible, wanted):
        return None
    return _words(possible)


@lru_cache(maxsize=1024)
def _validator(schema: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(schema, validate_formats=True, offline=True)


def _within_choice(schema_path: Sequence[str | int]) -> bool:
    return any(part in {"anyOf", "oneOf", "not", "if", "then", "else", "contains"} for part in schema_path[:-1])


def _by_presence_only(part: Json) -> bool:
    """Whether the part of a schema looks at nothing but which keys are there."""
    if isinstance(part, list):
        return all(_by_presence_only(one) for one in part)
    if not isinstance(part, dict) or not part.keys() <= _PRESENCE_ONLY:
        return False
    return all(_by_presence_only(part[name]) for name in ("not", "anyOf", "oneOf", "allOf") if name in part)


def _shape_at(schema: JsonSchema, place: Iterable[str | int]) -> Shape:
    shape = Shape(schema, schema)
    for part in place:
        shape = items(shape, part) if isinstance(part, int) else member(shape, part)[1]
    return shape


def _fits(possible: frozenset[str], wanted: frozenset[str]) -> bool:
    return bool(possible & wanted) or bool(possible & _NUMBERS and wanted & _NUMBERS)


def _mismatch(wanted: Shape, given: Shape) -> str | None:
    """Why the value cannot be what is wanted; None when it can."""
    possible, allowed = kinds(given) - {"null"}, kinds(wanted)
    if not possible:
        return None if "null" in allowed or allowed == KINDS else "the expression always gives null"
    if not _fits(possible, allowed):
        return f"the expression gives {_described(given)}"
    if possible == {"object"}:
        for name in _always_required(wanted):
            if member(given, name)[0] is Presence.IMPOSSIBLE:
                return f"the expression gives an object without {name!r}"
    return None


def _always_required(wanted: Shape) -> set[str]:
    """The members without which the value fits none of the alternatives that are objects."""
    objects = [one for one in alternatives(wanted) if "object" in kinds(one)]
    needed = [set(cast("list[str]", one.schema.get("required", []))) for one in objects]
    return set.intersection(*needed) if needed else set()


def _conversion(wanted: Shape, given: JsonSchema) -> str:
    allowed, possible = kinds(wanted), kinds(Shape(given, given))
    if set(member_names(wanted)) == {"minor", "currency"} and possible & (_NUMBERS | {"string"}):
        return "A number is never money: write {minor: …, currency: …}, or money('10.50', 'USD')."
    if set(member_names(Shape(given, given))) == {"minor", "currency"} and "string" in allowed:
        return "Write an amount as text with format_money(…, 'en')."
    if "string" in allowed and possible & _NUMBERS:
        return "Turn it into text with to_string(…)."
    if allowed & _NUMBERS and "string" in possible:
        return "Turn it into a number with to_number(…)."
    return "Check the path, or compute what is needed in a set step before."


def _described(shape: Shape, *, with_limits: bool = False) -> str:
    """What a schema wants, in words."""
    names = set(member_names(shape))
    if names == {"minor", "currency"}:
        return "money {minor, currency}"
    enumerated = shape.schema.get("enum")
    if isinstance(enumerated, list):
        return " or ".join(str(one) for one in enumerated)
    possible = kinds(shape) - {"null"}
    said = _words(possible) if possible and possible != KINDS - {"null"} else "something else"
    limits = [
        f"{words} {shape.schema[key]}"
        for key, words in (
            ("minimum", "at least"),
            ("maximum", "at most"),
            ("minLength", "with at least so many characters:"),
            ("maxLength", "with at most so many characters:"),
            ("pattern", "of the form"),
            ("format", "of the kind"),
        )
        if with_limits and key in shape.schema
    ]
    return f"{said} {', '.join(limits)}".strip()


def _words(possible: Iterable[str]) -> str:
    return " or ".join(dict.fromkeys(_WORDS[kind] for kind in sorted(possible)))


def _about(shape: Shape, name: str) -> str:
    """What the schema says of a member, as a remedy."""
    schema = member(shape, name)[1].schema
    about = str(schema.get("description") or schema.get("title") or "")
    return f"Add it: {name}: … ({about.rstrip('.')})." if about else f"Add it: {name}: …"


def _dotted(place: Path) -> str:
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _at(value: Json, place: Path) -> Json:
    for part in place:
        value = value[part]  # type: ignore[index]  # the place is the validator's own
    return value
