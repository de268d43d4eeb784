"""Compiled expressions, evaluated as the ``jmespath`` package does, with our functions and bounds."""

# ruff: noqa: ANN401 (the jmespath package types its values as Any)
from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from jmespath.exceptions import JMESPathError, JMESPathTypeError
from jmespath.functions import Functions
from jmespath.visitor import TreeInterpreter

from hub.expressions.errors import EvaluationError, ExpressionSyntaxError, shortened
from hub.expressions.functions import FUNCTIONS
from hub.expressions.limits import MAX_CREATED, MAX_OUTPUT, MAX_STEPS, LimitError, size
from hub.expressions.signatures import ArgumentError, Function
from hub.expressions.syntax import Node, nodes, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.jsontypes import Json, JsonObject

_CREATING: Final = frozenset({"multi_select_dict", "multi_select_list", "function_expression", "literal", "expref"})
_JMESPATH_FUNCTIONS: Final = Functions()


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression. Equal texts are equal expressions; it is immutable and shared between threads.

    ``ast`` is the syntax tree; treat it as read-only. ``path`` holds the names when it is just ``a.b.c``.
    """

    text: str
    ast: Node = field(repr=False, compare=False)
    path: tuple[str, ...] | None = field(repr=False, compare=False)
    creates: bool = field(repr=False, compare=False)

    def evaluate(self, scope: JsonObject) -> Json:
        """What it gives on ``scope`` (plain dicts, lists, texts, numbers); null where a path leads nowhere.

        The result may share parts with ``scope``: change neither. Raises :class:`EvaluationError` when a function or
        comparison gets a wrong type, or a bound of :mod:`hub.expressions.limits` is passed.
        """
        if self.path is not None:
            value: Any = scope
            try:
                for name in self.path:
                    value = value.get(name)
            except AttributeError:
                return None
            return cast("Json", value)
        return _evaluate(self, scope)


def compile_expression(text: Json) -> Expression:
    """The expression that ``text`` says. Raises :class:`ExpressionSyntaxError` with the position and often a fix."""
    if not isinstance(text, str):
        message = f"An expression is text, not {shortened(text)}."
        raise ExpressionSyntaxError(message, text=str(text), remedy="Put it in quotes.")
    return _compile(text)


@lru_cache(maxsize=16_384)
def _compile(text: str) -> Expression:
    ast = parse(text)
    creates = any(node["type"] in _CREATING for node in nodes(ast))
    return Expression(text, ast, _plain_path(ast), creates)


def is_true(value: Json) -> bool:
    """JMESPath's rule: false, null, empty text, empty list and empty object are false; all else is true, 0 too."""
    return not (value is None or value is False or value in ("", [], {}))


def nearest_function(name: str) -> str | None:
    """The function whose name is most like ``name``, or None when none is."""
    close = get_close_matches(name.lower(), FUNCTIONS, n=1)
    return close[0] if close else None


def _plain_path(ast: Node) -> tuple[str, ...] | None:
    parts = ast["children"] if ast["type"] == "subexpression" else [ast]
    if any(part["type"] != "field" for part in parts):
        return None
    return tuple(str(part["value"]) for part in parts)


def _evaluate(expression: Expression, scope: JsonObject) -> Json:
    interpreter = _Interpreter(expression.text)
    try:
        result = interpreter.visit(cast("Any", expression.ast), scope)
        if expression.creates:
            size(result, MAX_OUTPUT)
    except LimitError as error:
        reason = f"{error}."
        raise EvaluationError(reason, expression=expression.text, remedy=error.remedy) from None
    except RecursionError:
        reason = "the values are nested too deeply."
        raise EvaluationError(reason, expression=expression.text) from None
    return cast("Json", result)


class _Interpreter(TreeInterpreter):
    """The package's interpreter with our functions, bounds on work and size, and errors that name the place.

    Values are JSON; the package's own signatures say ``Any``, so do these.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text
        self._steps = MAX_STEPS
        self._room = MAX_CREATED

    def visit(self, node: Any, value: Any = None) -> Any:
        self._steps -= 1
        if self._steps < 0:
            message = f"it takes more than {MAX_STEPS:,} steps"
            raise LimitError(message, "Give it less data.")
        return _VISITS[node["type"]](self, node, value)

    def visit_subexpression(self, node: Any, value: Any) -> Any:
        """As the package does; the names of a path, most of what there is to visit, are followed at once."""
        for child in node["children"]:
            if child["type"] == "field":
                self._steps -= 1
                value = value.get(child["value"]) if isinstance(value, dict) else None
            else:
                value = self.visit(child, value)
        return value

    def visit_flatten(self, node: Any, value: Any) -> Any:
        result = super().visit_flatten(node, value)
        if result is not None:
            self._take(8 * len(result))
        return result

    def visit_multi_select_dict(self, node: Any, value: Any) -> Any:
        return self._created(super().visit_multi_select_dict(node, value))

    def visit_multi_select_list(self, node: Any, value: Any) -> Any:
        return self._created(super().visit_multi_select_list(node, value))

    def visit_comparator(self, node: Any, value: Any) -> Any:
        try:
            return super().visit_comparator(node, value)
        except TypeError:
            reason = "text and a number cannot be ordered."
            remedy = "Turn one into the other with to_number(…) or to_string(…)."
            raise EvaluationError(reason, expression=self._text, remedy=remedy) from None

    def visit_function_expression(self, node: Any, value: Any) -> Any:
        arguments = [self.visit(child, value) for child in node["children"]]
        function = FUNCTIONS.get(node["value"])
        if function is None:
            nearest = nearest_function(node["value"])
            remedy = f"Is {nearest} meant?" if nearest else ""
            reason = f"there is no function {node['value']}()."
            raise EvaluationError(reason, expression=self._text, function=node["value"], remedy=remedy)
        try:
            function.check(arguments)
            result = _call(function, arguments)
        except ArgumentError as error:
            self._refuse(function, error)
        return self._created(result)

    def _refuse(self, function: Function, error: ArgumentError) -> NoReturn:
        reason, argument = f"{error.reason}.", None
        if error.index is not None:
            argument = error.index + 1
            reason = f"{function.name}(), argument {argument} ({function.parameter(error.index).name}) {reason}"
        raise EvaluationError(
            reason, expression=self._text, function=function.name, argument=argument, remedy=error.remedy
        ) from None

    def _created(self, result: Any) -> Any:
        """Charge a new value to the room that this evaluation has, and give it back."""
        self._take(size(result, MAX_CREATED))
        return result

    def _take(self, amount: int) -> None:
        self._room -= amount
        if self._room < 0:
            message = f"it makes more than {MAX_CREATED // 1024 // 1024} MiB on its way"
            raise LimitError(message, "Give it less data.")


_VISITS: Final[dict[str, Callable[[_Interpreter, Any, Any], Any]]] = {
    name.removeprefix("visit_"): getattr(_Interpreter, name) for name in dir(_Interpreter) if name.startswith("visit_")
}


def _call(function: Function, arguments: list[Any]) -> Any:
    if function.call is not None:
        return function.call(*arguments)
    try:
        return _JMESPATH_FUNCTIONS.call_function(function.name, arguments)
    except JMESPathTypeError as error:
        found = (index for index, argument in enumerate(arguments) if argument is error.current_value)
        wanted = " or ".join(error.expected_types)
        reason = f"must be {wanted}, not {shortened(error.current_value)}"
        index = next(found, None)
        raise ArgumentError(index, reason if index is not None else f"{function.name}(): a value {reason}") from None
    except (JMESPathError, TypeError, ValueError, OverflowError, ArithmeticError):
        shown = ", ".join(shortened(argument) for argument in arguments)
        raise ArgumentError(None, f"{function.name}() cannot be done with {shown}") from None
