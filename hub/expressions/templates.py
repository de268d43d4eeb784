"""Values with ``${ }`` in them: compiled once, rendered for each scope."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final, TypeAlias

from hub.expressions.errors import EvaluationError, ExpressionSyntaxError, dotted, shortened_text
from hub.expressions.evaluation import Expression, compile_expression
from hub.expressions.limits import MAX_NESTING, MAX_OUTPUT
from hub.expressions.tokens import tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.jsontypes import Json, JsonObject

Path: TypeAlias = tuple[str | int, ...]
_Render: TypeAlias = "Callable[[JsonObject], Json]"
_OPEN: Final = "${"
_ESCAPED: Final = "$${"


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that stays as it is, escapes resolved."""

    text: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A ``${ }``: the expression inside and the 0-based offset of its first character in the whole string."""

    expression: str
    offset: int


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled value. ``expressions`` are all its ``${ }`` in the order of the value."""

    value: Json
    expressions: tuple[tuple[Path, int, Expression], ...]
    _render: _Render | None = field(repr=False, compare=False)

    @property
    def is_static(self) -> bool:
        """Whether it holds no ``${ }`` at all, so that it renders the same for every scope."""
        return not self.expressions

    def render(self, scope: JsonObject) -> Json:
        """The value with every ``${ }`` evaluated on ``scope``.

        A string that is one ``${ }`` becomes what it gives; inside longer text, numbers and texts are put plainly,
        true, lists and objects as JSON. Raises :class:`EvaluationError` (with ``path``) as evaluation does, and for a
        null inside longer text. The result may share parts with ``scope``: change neither.
        """
        return self.value if self._render is None else self._render(scope)


def compile_template(value: Json) -> Template:
    """The template of a JSON value. Raises :class:`ExpressionSyntaxError` (with ``path``) at the first wrong one."""
    compiler = _Compiler()
    render = compiler.compile(value, ())
    static = compiler.static
    return Template(static(value) if render is None else value, tuple(compiler.found), render)


def split_template(text: str) -> list[Literal | Slot]:
    """The parts of one string, expressions not yet compiled. Braces and quotes inside an expression are its own.

    Raises :class:`ExpressionSyntaxError` for a ``${`` that is never closed.
    """
    parts: list[Literal | Slot] = []
    literal = ""
    position = 0
    while (found := text.find(_OPEN, position)) >= 0:
        if found > position and text[found - 1] == "$":
            literal += text[position : found - 1] + _OPEN
            position = found + len(_OPEN)
            continue
        literal += text[position:found]
        if literal:
            parts.append(Literal(literal))
            literal = ""
        start = found + len(_OPEN)
        end = _closing_brace(text, start)
        inner = text[start:end]
        parts.append(Slot(inner.strip(), start + len(inner) - len(inner.lstrip())))
        position = end + 1
    literal += text[position:]
    if literal or not parts:
        parts.append(Literal(literal))
    return parts


def _closing_brace(text: str, start: int) -> int:
    depth = 0
    unclosed = None
    for word in tokens(text, start):
        if word.kind == "unclosed" and unclosed is None:
            unclosed = word
        if word.text == "{":
            depth += 1
        elif word.text == "}":
            if not depth:
                return word.start
            depth -= 1
    message = f"In {shortened_text(text)}: the ${{ is never closed."
    remedy = "End the expression with }, or write $${ for a literal ${."
    if unclosed is not None:
        message = f"In {shortened_text(text)}: a {unclosed.text} inside ${{ }} is opened and not closed."
        remedy = "Close the quotes, or write \\' for a quote inside of them."
    position = start - len(_OPEN) if unclosed is None else unclosed.start
    raise ExpressionSyntaxError(message, text=text, position=position, remedy=remedy)


class _Compiler:
    """Walks a value and gives a function that renders it; None for a part without expressions."""

    def __init__(self) -> None:
        self.found: list[tuple[Path, int, Expression]] = []

    def compile(self, value: Json, path: Path) -> _Render | None:
        if len(path) > MAX_NESTING:
            message = f"The value is nested more than {MAX_NESTING} levels deep."
            raise ExpressionSyntaxError(message, text="", path=path)
        if isinstance(value, str):
            return self._text(value, path) if _OPEN in value else None
        if isinstance(value, dict):
            return self._object(value, path)
        if isinstance(value, list):
            renders = [self.compile(item, (*path, index)) for index, item in enumerate(value)]
            if not any(renders):
                return None
            items = [render or _always(self.static(item)) for render, item in zip(renders, value, strict=True)]
            return lambda scope: [render(scope) for render in items]
        return None

    def static(self, value: Json) -> Json:
        """A value without expressions, its ``$${`` resolved."""
        if isinstance(value, str):
            return value.replace(_ESCAPED, _OPEN)
        if isinstance(value, dict):
            return {name: self.static(member) for name, member in value.items()}
        if isinstance(value, list):
            return [self.static(item) for item in value]
        return value

    def _object(self, value: dict[str, Json], path: Path) -> _Render | None:
        renders = {}
        for name, member in value.items():
            if _OPEN in name:
                message = f"The name {shortened_text(name)} holds an expression; only values can."
                raise ExpressionSyntaxError(message, text=name, path=path, remedy="Write the name out.")
            renders[name] = self.compile(member, (*path, name))
        if not any(renders.values()):
            return None
        members = [(name, render or _always(self.static(value[name]))) for name, render in renders.items()]
        return lambda scope: {name: render(scope) for name, render in members}

    def _text(self, text: str, path: Path) -> _Render | None:
        try:
            parts = [
                part.text if isinstance(part, Literal) else self._slot(part, text, path)
                for part in split_template(text)
            ]
        except ExpressionSyntaxError as error:
            raise _placed(error, error.position, text, path) from None
        if len(parts) == 1:
            only = parts[0]
            return None if isinstance(only, str) else _whole(only, path)
        return _joined(parts, path)

    def _slot(self, slot: Slot, text: str, path: Path) -> Expression:
        try:
            expression = compile_expression(slot.expression)
        except ExpressionSyntaxError as error:
            offset = None if error.position is None else slot.offset + error.position
            raise _placed(error, offset, text, path) from None
        self.found.append((path, slot.offset, expression))
        return expression


def _placed(error: ExpressionSyntaxError, position: int | None, text: str, path: Path) -> ExpressionSyntaxError:
    return ExpressionSyntaxError(
        error.message, text=text, position=position, length=error.length, fix=error.fix, path=path, remedy=error.remedy
    )


def _always(value: Json) -> _Render:
    return lambda _: value


def _whole(expression: Expression, path: Path) -> _Render:
    def render(scope: JsonObject) -> Json:
        try:
            return expression.evaluate(scope)
        except EvaluationError as error:
            raise error.at(path) from None

    return render


def _joined(parts: list[str | Expression], path: Path) -> _Render:
    def render(scope: JsonObject) -> Json:
        texts = []
        for part in parts:
            if isinstance(part, str):
                texts.append(part)
            else:
                try:
                    texts.append(_as_text(part, scope))
                except EvaluationError as error:
                    raise error.at(path) from None
        text = "".join(texts)
        if len(text) > MAX_OUTPUT:
            reason = f"the text would be longer than {MAX_OUTPUT // 1024} KiB."
            raise EvaluationError(reason, expression=dotted(path), path=path)
        return text

    return render


def _as_text(expression: Expression, scope: JsonObject) -> str:
    """What stands in the text: numbers without exponent, lists and objects as JSON. Null has no text."""
    value = expression.evaluate(scope)
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{Decimal(repr(value)):f}".removesuffix(".0")
    if value is None:
        reason = "it gives null, which cannot stand inside a text."
        remedy = f"Check the path, or say what to write then: default({shortened_text(expression.text, 40)}, '')."
        raise EvaluationError(reason, expression=expression.text, remedy=remedy)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
