"""From text to JMESPath's syntax tree, with the offset of every name, and errors that people understand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NoReturn, NotRequired, TypedDict, cast

import jmespath
from jmespath.exceptions import EmptyExpressionError, IncompleteExpressionError, JMESPathError, ParseError

from hub.expressions.errors import ExpressionSyntaxError, shortened_text
from hub.expressions.limits import MAX_EXPRESSION_BYTES, MAX_NESTING
from hub.expressions.slips import slips
from hub.expressions.tokens import Token, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.jsontypes import Json


class Node(TypedDict):
    """A node of the tree as the ``jmespath`` package makes it. ``start`` is the 0-based offset of a name or literal."""

    type: str
    children: list[Node]
    value: NotRequired[Json]
    start: NotRequired[int]
    length: NotRequired[int]


_NAMED: Final = frozenset({"field", "function_expression", "key_val_pair", "literal"})
_NAMING: Final = frozenset({"name", "quoted", "text", "literal"})


def parse(text: str) -> Node:
    """The syntax tree of a JMESPath expression. Raises :class:`ExpressionSyntaxError`."""
    if len(text.encode(errors="surrogatepass")) > MAX_EXPRESSION_BYTES:
        message = f"An expression may be {MAX_EXPRESSION_BYTES} bytes long; this one is longer."
        raise ExpressionSyntaxError(message, text=text, remedy="Compute a part of it in a set: step before.")
    words = list(tokens(text))
    _check_literals(text, words)
    try:
        tree = cast("Node", jmespath.compile(text).parsed)
    except JMESPathError as error:
        _explain(text, error)
    except RecursionError:
        raise _too_deep(text) from None
    if _depth(tree) > MAX_NESTING:
        raise _too_deep(text)
    naming = (word for word in words if word.kind in _NAMING)
    for node, word in zip(_in_text_order(tree), naming, strict=True):
        node["start"], node["length"] = word.start, len(word.text)
    return tree


def nodes(tree: Node) -> Iterator[Node]:
    """Every node of the tree, parents first. The bounds of a slice are numbers, not nodes, and are left out."""
    yield tree
    if tree["type"] != "slice":
        for child in tree["children"]:
            yield from nodes(child)


def _in_text_order(tree: Node) -> Iterator[Node]:
    """The nodes that come from a name or literal, as they stand in the text: one for each such word."""
    if tree["type"] in _NAMED:
        yield tree
    children = tree["children"]
    if tree["type"] == "filter_projection":
        left, right, condition = children
        children = [left, condition, right]
    if tree["type"] != "slice":
        for child in children:
            yield from _in_text_order(child)


def _depth(tree: Node) -> int:
    level, depth = [tree], 0
    while level and depth <= MAX_NESTING:
        depth += 1
        level = [child for node in level if node["type"] != "slice" for child in node["children"]]
    return depth


def _too_deep(text: str) -> ExpressionSyntaxError:
    message = f"The expression is nested more than {MAX_NESTING} levels deep."
    return ExpressionSyntaxError(message, text=text, remedy="Compute a part of it in a set: step before.")


def _check_literals(text: str, words: list[Token]) -> None:
    """Refuse what stands in backticks and is not JSON, which JMESPath once took as text and now deprecates (JEP-12)."""
    for word in words:
        if word.kind == "literal":
            try:
                json.loads(word.text[1:-1].replace("\\`", "`"), parse_constant=_no_constant)
            except (ValueError, RecursionError):
                _refuse(text, word.start, f"{shortened_text(word.text)} is not JSON.", length=len(word.text))


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _explain(text: str, error: JMESPathError) -> NoReturn:
    if isinstance(error, EmptyExpressionError) or not text.strip():
        message = "The expression is empty."
        raise ExpressionSyntaxError(message, text=text, position=0, remedy="Write what it shall give.") from None
    for word in tokens(text):
        if word.kind == "unclosed":
            _refuse(text, word.start, f"A {word.text} is opened and not closed.")
    if isinstance(error, IncompleteExpressionError):
        _refuse(text, len(text.rstrip()), "The expression ends too early.")
    if isinstance(error, ParseError):
        position = error.lex_position
        found = next((word for word in tokens(text) if word.end > position), None)
        if found is None:
            _refuse(text, position, "The expression ends too early.")
        _refuse(text, found.start, f"{found.text} is not expected here.", length=len(found.text))
    _refuse(text, None, "The expression cannot be read.")


def _refuse(text: str, position: int | None, message: str, *, length: int = 1) -> NoReturn:
    """Raise the error; a slip that people make comes first, as it names the cause and the right form."""
    for slip in slips(text):
        if slip.breaks:
            remedy = f"Write {shortened_text(slip.fix)}." if slip.fix and slip.fix not in slip.message else ""
            message = f"In {shortened_text(text)}: {slip.message}"
            raise ExpressionSyntaxError(
                message,
                text=text,
                position=slip.offset,
                length=slip.length,
                fix=slip.fix,
                remedy=remedy,
            ) from None
    place = "" if position is None else f", character {position + 1}"
    message = f"In {shortened_text(text)}{place}: {message}"
    raise ExpressionSyntaxError(message, text=text, position=position, length=length) from None
