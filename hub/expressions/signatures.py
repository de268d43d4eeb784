"""What a function of the language is: its name, typed parameters, one sentence, and an example that is a test."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from hub.errors import MoneyError
from hub.expressions.errors import shortened
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hub.jsontypes import Json, JsonObject

_PARAMETER: Final = re.compile(r"(?P<name>\w+)(?P<mark>\?|\.\.\.)?: (?P<types>[\w| ]+)")
_SIGNATURE: Final = re.compile(r"(?P<name>\w+)\((?P<parameters>.*)\) -> (?P<returns>[\w| ]+)")

Group: TypeAlias = Literal["money", "numbers", "text", "time", "data", "jmespath"]


class ArgumentError(ValueError):
    """A function refuses an argument (``index`` from 0, None for all of them) for a reason beyond its type."""

    def __init__(self, index: int | None, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.index = index
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; ``types`` are names of :data:`TYPES`, any of which will do."""

    name: str
    types: tuple[str, ...]
    optional: bool = False
    variadic: bool = False

    @property
    def wanted(self) -> str:
        """The types for people: ``money``, ``a number or text``."""
        return " or ".join(_FOR_PEOPLE[name] for name in self.types)

    def accepts(self, value: object) -> bool:
        """Whether ``value`` has one of the types."""
        return any(TYPES[name](value) for name in self.types)


@dataclass(frozen=True, slots=True)
class Example:
    """An expression, what it is evaluated on, and what it gives."""

    expression: str
    result: Json
    scope: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Function:
    """One function. ``call`` is None for JMESPath's own, which the ``jmespath`` package evaluates."""

    name: str
    group: Group
    signature: str
    parameters: tuple[Parameter, ...]
    returns: str
    doc: str
    example: Example
    call: Callable[..., Json] | None = None

    @property
    def fewest(self) -> int:
        """How many arguments it takes at least."""
        return sum(not parameter.optional for parameter in self.parameters)

    @property
    def most(self) -> int | None:
        """How many arguments it takes at most; None when there is no end."""
        return None if self.parameters and self.parameters[-1].variadic else len(self.parameters)

    def parameter(self, index: int) -> Parameter:
        """The parameter that takes the argument at ``index`` (from 0)."""
        return self.parameters[min(index, len(self.parameters) - 1)]

    def arity_problem(self, count: int) -> str | None:
        """What is wrong with giving it ``count`` arguments; None when it is right."""
        if count >= self.fewest and (self.most is None or count <= self.most):
            return None
        wanted = str(self.fewest)
        if self.most is None:
            wanted = f"at least {self.fewest}"
        elif self.most != self.fewest:
            wanted = f"{self.fewest} to {self.most}"
        noun = "argument" if wanted in {"1", "at least 1"} else "arguments"
        return f"{self.name}() takes {wanted} {noun}, not {count}"

    def check(self, arguments: Sequence[object]) -> None:
        """Raise :class:`ArgumentError` unless number and types of the arguments are right."""
        problem = self.arity_problem(len(arguments))
        if problem is not None:
            raise ArgumentError(None, problem, f"Write {self.signature}.")
        for index, value in enumerate(arguments):
            parameter = self.parameter(index)
            if not parameter.accepts(value):
                raise ArgumentError(
                    index, f"must be {parameter.wanted}, not {shortened(value)}", _remedy(parameter, value)
                )


def function(
    signature: str,
    doc: str,
    example: Example,
    call: Callable[..., Json] | None = None,
    *,
    group: Group,
) -> Function:
    """A function from its signature, such as ``share(amount: money, weights: list of number) -> list of money``.

    ``name?`` may be left out, ``name...`` takes one or more, ``a|b`` takes either.
    """
    match = _SIGNATURE.fullmatch(signature)
    if match is None:
        message = f"not a signature: {signature}"
        raise ValueError(message)
    parameters = tuple(
        Parameter(
            part["name"],
            tuple(name.strip() for name in part["types"].split("|")),
            optional=part["mark"] == "?",
            variadic=part["mark"] == "...",
        )
        for part in _PARAMETER.finditer(match["parameters"])
    )
    unknown = [name for parameter in parameters for name in parameter.types if name not in TYPES]
    if unknown:
        message = f"unknown types {unknown} in {signature}"
        raise ValueError(message)
    return Function(match["name"], group, signature, parameters, match["returns"], doc, example, call)


def is_number(value: object) -> bool:
    """Whether it is a JSON number; true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_money(value: object) -> bool:
    """Whether it is ``{minor, currency}`` with a whole number and a known currency."""
    if not isinstance(value, dict) or "minor" not in value:
        return False
    try:
        Money.from_json(value)
    except MoneyError:
        return False
    return True


def _list_of(accepts: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(map(accepts, value))


TYPES: Final[dict[str, Callable[[object], bool]]] = {
    "any": lambda value: not callable(getattr(value, "visit", None)),
    "text": lambda value: isinstance(value, str),
    "number": is_number,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "money": is_money,
    "expression": lambda value: callable(getattr(value, "visit", None)),
    "list of text": _list_of(lambda value: isinstance(value, str)),
    "list of number": _list_of(is_number),
    "list of money": _list_of(is_money),
}
"""The names of types in signatures, each with its test."""

_FOR_PEOPLE: Final = {
    "any": "a value",
    "text": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "list": "a list",
    "object": "an object",
    "money": "money",
    "expression": "an expression (&…)",
    "list of text": "a list of texts",
    "list of number": "a list of numbers",
    "list of money": "a list of amounts",
}


def _remedy(parameter: Parameter, value: object) -> str:
    """What to do about a value of the wrong type, for the cases that people meet."""
    if value is None:
        return "It is missing here: check the path, or give a value for that case with default(…, …)."
    if "money" in parameter.types:
        if is_number(value):
            return "A number is never money: write {minor: …, currency: …} or money('10.50', 'USD')."
        if isinstance(value, dict) and "minor" in value:
            return "Money is {minor: whole number, currency: three capital letters}."
    if "text" in parameter.types and is_number(value):
        return "Turn it into text with to_string(…)."
    if "number" in parameter.types and isinstance(value, dict) and is_money(value):
        return "For money there are add, sub, percent and share."
    if "number" in parameter.types and isinstance(value, str):
        return "Turn it into a number with to_number(…)."
    return ""
