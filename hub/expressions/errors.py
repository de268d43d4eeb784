"""What goes wrong with an expression: it does not parse, or it cannot be evaluated on these values."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from hub.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN_TEXT = 40
_SHOWN_MEMBERS = 3
_SHOWN_EXPRESSION = 120


class ExpressionSyntaxError(ExpressionError):
    """An expression or template that cannot be compiled.

    ``text`` is what was compiled, ``position`` the 0-based offset in it where known, ``path`` leads to the string in
    the template's value. ``fix`` replaces ``length`` characters from ``position`` where the right form is known.
    """

    default_code: ClassVar[str] = "expression_syntax"

    def __init__(  # noqa: PLR0913 (each is one fact that the editor shows)
        self,
        message: str,
        *,
        text: str,
        position: int | None = None,
        length: int = 1,
        fix: str | None = None,
        path: tuple[str | int, ...] = (),
        remedy: str = "",
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.text = text
        self.position = position
        self.length = length
        self.fix = fix
        self.path = path


class EvaluationError(ExpressionError):
    """An expression that cannot be evaluated on the values it got.

    ``reason`` says what was wrong, ``expression`` where; ``function`` and ``argument`` (from 1) are set when a function
    refused a value; ``path`` leads to the place in the template that was rendered.
    """

    default_code: ClassVar[str] = "expression_value"

    def __init__(  # noqa: PLR0913 (each is one fact that the run's page shows)
        self,
        reason: str,
        *,
        expression: str,
        function: str | None = None,
        argument: int | None = None,
        path: tuple[str | int, ...] = (),
        remedy: str = "",
    ) -> None:
        place = f" (at {dotted(path)})" if path else ""
        super().__init__(f"In {shortened_text(expression)}{place}: {reason}", remedy=remedy)
        self.reason = reason
        self.expression = expression
        self.function = function
        self.argument = argument
        self.path = path

    def at(self, path: tuple[str | int, ...]) -> EvaluationError:
        """The same error with the place in a template."""
        return EvaluationError(
            self.reason,
            expression=self.expression,
            function=self.function,
            argument=self.argument,
            path=path,
            remedy=self.remedy,
        )


def dotted(path: Sequence[str | int]) -> str:
    """A path as people write it: ``parties[0].amount``."""
    text = ""
    for member in path:
        if isinstance(member, int):
            text += f"[{member}]"
        else:
            text += f".{member}" if text else member
    return text


def shortened_text(text: str, longest: int = _SHOWN_EXPRESSION) -> str:
    """``text`` on one line, cut with an ellipsis when it is long."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def shortened(value: object) -> str:
    """A value with its type for a message, never long: ``text 'abc'``, ``an object {minor, currency}``, ``null``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        cut = value if len(value) <= _SHOWN_TEXT else value[: _SHOWN_TEXT - 1] + "…"
        return f"text {cut!r}"
    if isinstance(value, int | float):
        return f"the number {value!r}" if abs(value) < 10**_SHOWN_TEXT else "a very large number"
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, dict):
        names = [shortened_text(str(name), _SHOWN_TEXT) for name in list(value)[:_SHOWN_MEMBERS]]
        more = ", …" if len(value) > _SHOWN_MEMBERS else ""
        return f"an object {{{', '.join(names)}{more}}}"
    return "an expression (&…)"
