"""JMESPath's own functions, described for checker and reference; the ``jmespath`` package evaluates them.

Specification: jmespath.org/specification.html, section "Built-in Functions".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.expressions.signatures import Example, Function, function

if TYPE_CHECKING:
    from hub.jsontypes import Json

_LINES: Final[dict[str, Json]] = {"lines": [{"item": "b", "quantity": 2}, {"item": "a", "quantity": 1}]}


def _own(signature: str, doc: str, expression: str, result: Json, scope: dict[str, Json] | None = None) -> Function:
    return function(signature, doc, Example(expression, result, scope or {}), group="jmespath")


JMESPATH: Final[tuple[Function, ...]] = (
    _own("abs(number: number) -> number", "The number without its sign.", "abs(`-3`)", 3),
    _own("avg(numbers: list of number) -> number", "The mean; null of an empty list.", "avg(`[1, 2]`)", 1.5),
    _own("ceil(number: number) -> number", "The next whole number up.", "ceil(`1.2`)", 2),
    _own(
        "contains(subject: list | text, search: any) -> boolean",
        "Whether the list holds the value, or the text holds the text.",
        'contains(`["a", "b"]`, \'a\')',
        result=True,
    ),
    _own(
        "ends_with(text: text, end: text) -> boolean",
        "Whether the text ends so.",
        "ends_with('a.pdf', '.pdf')",
        result=True,
    ),
    _own("floor(number: number) -> number", "The next whole number down.", "floor(`1.8`)", 1),
    _own(
        "join(glue: text, texts: list of text) -> text",
        "The texts in one, with glue between.",
        'join(\', \', `["a", "b"]`)',
        "a, b",
    ),
    _own("keys(object: object) -> list of text", "The names of the members.", "keys({a: 'x', b: 'y'})", ["a", "b"]),
    _own(
        "length(subject: text | list | object) -> integer", "How many characters, items or members.", "length('abc')", 3
    ),
    _own(
        "map(key: expression, items: list) -> list",
        "What the expression gives for each item, nulls kept.",
        "map(&item, lines)",
        ["b", "a"],
        _LINES,
    ),
    _own(
        "max(values: list of number | list of text) -> any",
        "The largest; null of an empty list.",
        "max(`[1, 3, 2]`)",
        3,
    ),
    _own(
        "max_by(items: list, key: expression) -> any",
        "The item for which the key is largest.",
        "max_by(lines, &quantity).item",
        "b",
        _LINES,
    ),
    _own(
        "merge(objects...: object) -> object",
        "The members of all objects; later ones win.",
        "merge({a: 'x'}, {b: 'y'})",
        {"a": "x", "b": "y"},
    ),
    _own(
        "min(values: list of number | list of text) -> any", "The smallest; null of an empty list.", "min(`[2, 1]`)", 1
    ),
    _own(
        "min_by(items: list, key: expression) -> any",
        "The item for which the key is smallest.",
        "min_by(lines, &quantity).item",
        "a",
        _LINES,
    ),
    _own("not_null(values...: any) -> any", "The first value that is not null.", "not_null(missing, 'x')", "x"),
    _own("reverse(subject: list | text) -> any", "The list or text backwards.", "reverse(`[1, 2]`)", [2, 1]),
    _own("sort(values: list of number | list of text) -> list", "The values in order.", "sort(`[2, 1]`)", [1, 2]),
    _own(
        "sort_by(items: list, key: expression) -> list",
        "The items in the order of the key.",
        "sort_by(lines, &item)[].item",
        ["a", "b"],
        _LINES,
    ),
    _own(
        "starts_with(text: text, start: text) -> boolean",
        "Whether the text begins so.",
        "starts_with('o_1', 'o_')",
        result=True,
    ),
    _own("sum(numbers: list of number) -> number", "The sum of a list of numbers.", "sum(lines[].quantity)", 3, _LINES),
    _own("to_array(value: any) -> list", "The list itself, or a list of the one value.", "to_array('a')", ["a"]),
    _own(
        "to_number(value: any) -> number",
        "The number that a text says; null when it says none.",
        "to_number('12.5')",
        12.5,
    ),
    _own("to_string(value: any) -> text", "The text itself, or the value as JSON.", "to_string(`12`)", "12"),
    _own("type(value: any) -> text", "The name of the value's type.", "type(`[]`)", "array"),
    _own("values(object: object) -> list", "The members' values.", "values({a: 'x', b: 'y'})", ["x", "y"]),
)
"""JMESPath's own functions."""
