"""What an expression gives and which of its paths lead nowhere, from the JSON Schema of its scope, before it runs."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, Literal

from hub.expressions.errors import shortened_text
from hub.expressions.evaluation import nearest_function
from hub.expressions.functions import FUNCTIONS
from hub.expressions.results import can_be, result_of
from hub.expressions.shapes import (
    ANYTHING,
    KINDS,
    Presence,
    Shape,
    items,
    kinds,
    list_of,
    member,
    member_names,
    members,
    object_of,
    of_value,
    possible_values,
    union,
)
from hub.expressions.syntax import nodes

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.expressions.evaluation import Expression
    from hub.expressions.signatures import Function
    from hub.expressions.syntax import Node
    from hub.jsontypes import Json, JsonSchema

_BOOLEAN: Final = Shape({"type": "boolean"})
_ORDERED: Final = frozenset({"number", "integer", "string"})
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LISTED_NAMES: Final = 8
_WORDS: Final = {
    "null": "null",
    "boolean": "true or false",
    "integer": "a number",
    "number": "a number",
    "string": "text",
    "array": "a list",
    "object": "an object",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at ``offset`` (0-based, ``length`` characters). ``suggestion`` can stand in their place.

    ``code``: ``unknown_path``, ``unknown_function``, ``bad_argument``, ``always_null`` or ``never_equal``.
    """

    severity: Literal["error", "warning"]
    code: str
    offset: int
    length: int
    message: str
    suggestion: str | None = None


@dataclass(frozen=True, slots=True)
class Inference:
    """``schema`` is the JSON Schema of what it gives when all its paths are there; ``findings`` stand in order."""

    schema: JsonSchema
    findings: tuple[Finding, ...]


def infer(expression: Expression, scope_schema: JsonSchema) -> Inference:
    """Follow the expression through the schema of its scope.

    A path that a closed object (``additionalProperties: false``) does not have is an error; one that an open object
    does not list is a warning; where nothing is listed, nothing is said.
    """
    scope = ANYTHING.inner(dict(scope_schema))
    walk = _Walk(expression.text, scope)
    shape = walk.visit(expression.ast, scope)
    return Inference(shape.standalone(), tuple(sorted(walk.findings, key=lambda finding: finding.offset)))


class _Walk:
    """One walk over one syntax tree."""

    def __init__(self, text: str, scope: Shape) -> None:
        self.findings: list[Finding] = []
        self._text = text
        self._scope = scope

    def visit(self, node: Node, scope: Shape) -> Shape:
        return _VISITS[node["type"]](self, node, scope)

    def _say(
        self,
        code: str,
        node: Node,
        message: str,
        suggestion: str | None = None,
        *,
        severity: Literal["error", "warning"] = "error",
    ) -> None:
        placed = [(inner["start"], inner["start"] + inner["length"]) for inner in nodes(node) if "start" in inner]
        offset = min((start for start, _ in placed), default=0)
        end = max((end for _, end in placed), default=len(self._text))
        self.findings.append(Finding(severity, code, offset, end - offset, message, suggestion))

    def chain(self, node: Node, scope: Shape) -> Shape:
        for child in node["children"]:
            scope = self.visit(child, scope)
        return scope

    def index_expression(self, node: Node, scope: Shape) -> Shape:
        left, *positions = node["children"]
        shape = self.visit(left, scope)
        for position in positions:
            number = position.get("value")
            if not self._needs("array", left, shape, f"[{number}]" if isinstance(number, int) else "a slice"):
                return ANYTHING
            shape = items(shape, number) if isinstance(number, int) else list_of(items(shape))
        return shape

    def current(self, _node: Node, scope: Shape) -> Shape:
        return scope

    def field(self, node: Node, scope: Shape) -> Shape:
        name = str(node["value"])
        presence, found = member(scope, name)
        if presence in {Presence.KNOWN, Presence.POSSIBLE}:
            return found
        if presence is Presence.NO_OBJECT:
            self._no_object(node, scope, name)
        else:
            self._unknown(node, scope, name, "error" if presence is Presence.IMPOSSIBLE else "warning")
        return ANYTHING

    def _no_object(self, node: Node, scope: Shape, name: str) -> None:
        label = scope.label or "The value"
        if kinds(scope) <= {"array", "null"}:
            last = label.rpartition(".")[2]
            message = f"{label} is a list: write {last}[].{name} for all of it, {last}[0].{name} for the first."
        elif kinds(scope) == {"null"}:
            message = f"{label} is null and has no {name}."
        else:
            message = f"{label} is {_described(scope)} and has no {name}."
        self._say("always_null", node, message)

    def _unknown(self, node: Node, scope: Shape, name: str, severity: Literal["error", "warning"]) -> None:
        names = member_names(scope)
        deeper = [outer for outer in names if name in member_names(member(scope, outer)[1])]
        close = get_close_matches(name, names, n=1) or get_close_matches(name.lower(), names, n=1)
        suggestion = None
        if deeper:
            suggestion = f"{_written(deeper[0])}.{_written(name)}"
        elif close:
            suggestion = _written(close[0])
        label = scope.label or ("this expression" if scope is self._scope else "the value")
        message = f"{_capital(label)} has no {name}."
        if severity == "warning":
            message = f"{_capital(label)} may have no {name}: its schema does not list it."
        if suggestion:
            message += f" Is {suggestion} meant?"
        elif names:
            listed = ", ".join(names[:_LISTED_NAMES]) + (", …" if len(names) > _LISTED_NAMES else "")
            message += f" It has {listed}."
        self._say("unknown_path", node, message, suggestion, severity=severity)

    def _needs(self, kind: str, node: Node, shape: Shape, form: str) -> bool:
        """Whether the shape can be a list or an object; if not, say that ``form`` gives null."""
        if kind in kinds(shape):
            return True
        self._say("always_null", node, f"{shape.label or 'The value'} is {_described(shape)}, so {form} gives null.")
        return False

    def projection(self, node: Node, scope: Shape) -> Shape:
        left, right = node["children"]
        whole = self.visit(left, scope)
        if not self._needs("array", left, whole, "[*]"):
            return ANYTHING
        return list_of(self.visit(right, items(whole)))

    def filter_projection(self, node: Node, scope: Shape) -> Shape:
        left, right, condition = node["children"]
        whole = self.visit(left, scope)
        if not self._needs("array", left, whole, "[?…]"):
            return ANYTHING
        item = items(whole)
        self.visit(condition, item)
        return list_of(self.visit(right, item))

    def flatten(self, node: Node, scope: Shape) -> Shape:
        whole = self.visit(node["children"][0], scope)
        if not self._needs("array", node, whole, "[]"):
            return ANYTHING
        item = items(whole)
        possible = kinds(item)
        if possible == KINDS or "array" not in possible:
            return list_of(item).labelled(whole.label)
        return list_of(items(item) if possible == {"array"} else ANYTHING).labelled(whole.label)

    def value_projection(self, node: Node, scope: Shape) -> Shape:
        left, right = node["children"]
        whole = self.visit(left, scope)
        if not self._needs("object", left, whole, "*"):
            return ANYTHING
        return list_of(self.visit(right, members(whole)))

    def multi_select_dict(self, node: Node, scope: Shape) -> Shape:
        return object_of({str(pair["value"]): self.visit(pair["children"][0], scope) for pair in node["children"]})

    def multi_select_list(self, node: Node, scope: Shape) -> Shape:
        shapes = [self.visit(child, scope) for child in node["children"]]
        first: list[Json] = [shape.standalone() for shape in shapes]
        return Shape({"type": "array", "prefixItems": first, "items": False})

    def literal(self, node: Node, _scope: Shape) -> Shape:
        return of_value(node["value"])

    def either(self, node: Node, scope: Shape) -> Shape:
        return union([self.visit(child, scope) for child in node["children"]])

    def negation(self, node: Node, scope: Shape) -> Shape:
        self.visit(node["children"][0], scope)
        return _BOOLEAN

    def comparator(self, node: Node, scope: Shape) -> Shape:
        first, second = node["children"]
        shapes = self.visit(first, scope), self.visit(second, scope)
        if node["value"] in {"eq", "ne"}:
            self._equality(node, *shapes)
        else:
            self._order(node, *shapes)
        return _BOOLEAN

    def _order(self, node: Node, first: Shape, second: Shape) -> None:
        for side, shape in zip(node["children"], (first, second), strict=True):
            if not kinds(shape) & _ORDERED:
                label = _capital(shape.label or "the value")
                message = f"{label} is {_described(shape)}; only numbers and text have an order."
                if can_be(shape, "money"):
                    message += f" Compare {label}.minor with a number of minor units."
                self._say("always_null", side, message)
                return
        possible = [kinds(shape) & _ORDERED for shape in (first, second)]
        if "string" not in possible[0] & possible[1] and any(kinds_ == {"string"} for kinds_ in possible):
            message = "Text and a number cannot be ordered: turn one into the other with to_number or to_string."
            self._say("bad_argument", node, message)

    def _equality(self, node: Node, first: Shape, second: Shape) -> None:
        left, right = node["children"]
        for side, shape, other in ((left, first, second), (right, second, first)):
            if side["type"] == "literal" and side["value"] is not None:
                self._never_equal(side, shape, other)
                return

    def _never_equal(self, side: Node, shape: Shape, other: Shape) -> None:
        """Say so when the literal at ``side`` is none of the values that the other side can have."""
        value, listed = side["value"], possible_values(other)
        label = _capital(other.label or "the other side")
        if not _comparable(kinds(shape), kinds(other)):
            message = f"{label} is {_described(other)} and never equals {_described(shape)}."
            if can_be(other, "money"):
                message += f" Compare {label}.minor with a number of minor units."
            self._say("never_equal", side, message, severity="warning")
        elif listed is not None and value not in listed:
            known = [_quoted(text) for text in listed]
            close = get_close_matches(_quoted(value), known, n=1)
            choices = " or ".join(known[:_LISTED_NAMES]) + (" …" if len(known) > _LISTED_NAMES else "")
            message = f"{label} is never {_quoted(value)}; it is {choices}."
            self._say("never_equal", side, message, close[0] if close else None, severity="warning")

    def function_expression(self, node: Node, scope: Shape) -> Shape:
        name = str(node["value"])
        function = FUNCTIONS.get(name)
        arguments = self._arguments(node, scope)
        if function is None:
            nearest = nearest_function(name)
            message = f"There is no function {name}()." + (f" Is {nearest} meant?" if nearest else "")
            self._say("unknown_function", {**node, "children": []}, message, nearest)
            return ANYTHING
        problem = function.arity_problem(len(arguments))
        if problem is not None:
            message = f"{problem}: {function.signature}."
            self._say("bad_argument", {**node, "children": []}, message)
            return result_of(function, [])
        for index, (child, shape) in enumerate(zip(node["children"], arguments, strict=True)):
            self._argument(function, index, child, shape)
        return result_of(function, arguments)

    def _arguments(self, node: Node, scope: Shape) -> list[Shape]:
        """The shapes of the arguments; an ``&…`` is followed for an item of the list beside it."""
        shapes = {
            index: self.visit(child, scope) for index, child in enumerate(node["children"]) if child["type"] != "expref"
        }
        item = next((items(shape) for shape in shapes.values()), ANYTHING)
        for index, child in enumerate(node["children"]):
            if child["type"] == "expref":
                shapes[index] = self.visit(child["children"][0], item)
        return [shapes[index] for index in range(len(node["children"]))]

    def _argument(self, function: Function, index: int, node: Node, shape: Shape) -> None:
        parameter = function.parameter(index)
        is_reference = node["type"] == "expref"
        if is_reference == ("expression" in parameter.types) and (
            is_reference or any(can_be(shape, type_name) for type_name in parameter.types)
        ):
            return
        given = "an expression (&…)" if is_reference else _described(shape)
        subject = f"{shape.label} is {given}" if shape.label and not is_reference else f"this is {given}"
        message = f"{function.name}(), argument {index + 1} ({parameter.name}) must be {parameter.wanted}; {subject}."
        if "number" in parameter.types and can_be(shape, "money"):
            message += " For money there are add, sub, percent and share."
        self._say("bad_argument", node, message)


_VISITS: Final[dict[str, Callable[[_Walk, Node, Shape], Shape]]] = {
    "field": _Walk.field,
    "subexpression": _Walk.chain,
    "index_expression": _Walk.index_expression,
    "pipe": _Walk.chain,
    "current": _Walk.current,
    "identity": _Walk.current,
    "projection": _Walk.projection,
    "filter_projection": _Walk.filter_projection,
    "flatten": _Walk.flatten,
    "value_projection": _Walk.value_projection,
    "multi_select_dict": _Walk.multi_select_dict,
    "multi_select_list": _Walk.multi_select_list,
    "literal": _Walk.literal,
    "or_expression": _Walk.either,
    "and_expression": _Walk.either,
    "not_expression": _Walk.negation,
    "comparator": _Walk.comparator,
    "function_expression": _Walk.function_expression,
    "expref": _Walk.chain,
}


def _described(shape: Shape) -> str:
    """The value's types in words; money is called money."""
    possible = kinds(shape)
    if possible == {"object"} and {"minor", "currency"} == set(member_names(shape)):
        return "money {minor, currency}"
    words = dict.fromkeys(_WORDS[kind] for kind in sorted(possible) if kind in _WORDS)
    return shortened_text(" or ".join(words))


def _capital(text: str) -> str:
    """A sentence's beginning; names that an expression uses stay as they are written."""
    return f"{text[0].upper()}{text[1:]}" if text.startswith(("the ", "this ")) else text


def _comparable(first: frozenset[str], second: frozenset[str]) -> bool:
    numbers = {"number", "integer"}
    return bool(first & second or (first & numbers and second & numbers))


def _quoted(value: Json) -> str:
    """A literal as an expression writes it."""
    return f"'{value}'" if isinstance(value, str) else f"`{json.dumps(value)}`"


def _written(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else f'"{name}"'
