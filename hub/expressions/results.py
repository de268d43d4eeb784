"""What functions give, as shapes: from the label in their signature, or from their arguments where it depends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.expressions.shapes import (
    ANYTHING,
    Shape,
    items,
    kinds,
    list_of,
    member,
    member_names,
    members,
    object_of,
    union,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hub.expressions.signatures import Function

_MONEY: Final = Shape(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["minor", "currency"],
        "properties": {"minor": {"type": "integer"}, "currency": {"type": "string"}},
    }
)
_TEXT: Final = Shape({"type": "string"})
_LABELS: Final[dict[str, Shape]] = {
    "any": ANYTHING,
    "text": _TEXT,
    "number": Shape({"type": "number"}),
    "integer": Shape({"type": "integer"}),
    "boolean": Shape({"type": "boolean"}),
    "list": Shape({"type": "array"}),
    "object": Shape({"type": "object"}),
    "money": _MONEY,
    "list of text": list_of(_TEXT),
    "list of money": list_of(_MONEY),
}
_KINDS: Final[dict[str, frozenset[str]]] = {
    "text": frozenset({"string"}),
    "number": frozenset({"number", "integer"}),
    "integer": frozenset({"number", "integer"}),
    "boolean": frozenset({"boolean"}),
    "list": frozenset({"array"}),
    "object": frozenset({"object"}),
    "money": frozenset({"object"}),
    "list of text": frozenset({"array"}),
    "list of number": frozenset({"array"}),
    "list of money": frozenset({"array"}),
    "expression": frozenset(),
}


def result_of(function: Function, arguments: Sequence[Shape]) -> Shape:
    """What the function gives for arguments of these shapes; an ``&…`` has the shape of what it gives per item."""
    computed = _COMPUTED.get(function.name)
    return computed(arguments).labelled("") if computed and arguments else _LABELS[function.returns]


def can_be(shape: Shape, type_name: str) -> bool:
    """Whether a value of the shape can have that type of :data:`hub.expressions.signatures.TYPES`."""
    if type_name == "any":
        return True
    if not kinds(shape) & _KINDS[type_name]:
        return False
    if type_name == "money":
        names = member_names(shape)
        return not names or {"minor", "currency"} <= set(names)
    return True


def _lookup(arguments: Sequence[Shape]) -> Shape:
    return union([members(arguments[0]), *arguments[2:]])


def _merge(arguments: Sequence[Shape]) -> Shape:
    if not all(member_names(argument) for argument in arguments):
        return _LABELS["object"]
    return object_of({name: member(argument, name)[1] for argument in arguments for name in member_names(argument)})


def _to_array(arguments: Sequence[Shape]) -> Shape:
    possible = kinds(arguments[0])
    if "array" not in possible:
        return list_of(arguments[0])
    return arguments[0] if possible == {"array"} else _LABELS["list"]


def _group_by(arguments: Sequence[Shape]) -> Shape:
    return Shape({"type": "object", "additionalProperties": list_of(items(arguments[0])).schema})


_COMPUTED: Final[dict[str, Callable[[Sequence[Shape]], Shape]]] = {
    "default": union,
    "not_null": union,
    "lookup": _lookup,
    "unique": lambda arguments: arguments[0],
    "sort": lambda arguments: arguments[0],
    "sort_by": lambda arguments: arguments[0],
    "reverse": lambda arguments: arguments[0],
    "max": lambda arguments: items(arguments[0]),
    "min": lambda arguments: items(arguments[0]),
    "max_by": lambda arguments: items(arguments[0]),
    "min_by": lambda arguments: items(arguments[0]),
    "map": lambda arguments: list_of(arguments[0]),
    "values": lambda arguments: list_of(members(arguments[0])),
    "merge": _merge,
    "to_array": _to_array,
    "zip": lambda arguments: list_of(list_of(union([items(argument) for argument in arguments]))),
    "group_by": _group_by,
}
