"""The slips that people make in JMESPath, each with the right form."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.expressions.tokens import Token, tokens

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

SCOPE_NAMES: Final = frozenset({"event", "inputs", "steps", "item", "index", "run", "now"})
"""The names that a recipe's expression can begin with."""

_COMPARATORS: Final = frozenset({"==", "!=", "<", "<=", ">", ">=", "="})
_WORD_OPERATORS: Final = {"and": "&&", "or": "||"}
_CONSTANTS: Final = {"null": "null", "none": "null", "true": "true", "false": "false"}
_ARITHMETIC: Final = {"+": "plus", "-": "minus", "*": "times", "/": "divide"}
_CURLY_QUOTES: Final = "‘’“”"
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_START: Final = Token("start", "", 0)


@dataclass(frozen=True, slots=True)
class Slip:
    """A slip at ``offset``: ``fix`` is the text to put in place of its ``length`` characters, None when it depends.

    ``breaks``: the expression does not parse because of it; otherwise it parses and means something else.
    """

    offset: int
    length: int
    message: str
    fix: str | None
    breaks: bool = True


def slips(text: str, roots: Collection[str] | None = SCOPE_NAMES) -> list[Slip]:
    """The slips in an expression, in order; none in one that is right.

    ``roots`` are the names it can begin with; None when it may begin with any field, as in a connector's event map.
    """
    words = list(tokens(text))
    found = []
    for index, word in enumerate(words):
        place = _Place(text, words, index, roots)
        slip = _JUDGES[word.kind](place) if word.kind in _JUDGES else None
        if slip is not None:
            found.append(slip)
    return found


class _Place:
    """A word with what stands around it."""

    def __init__(self, text: str, words: list[Token], index: int, roots: Collection[str] | None) -> None:
        self._text = text
        self.word = words[index]
        self.before = words[index - 1] if index else _START
        self.after = words[index + 1] if index + 1 < len(words) else _START
        self.roots = roots
        self._words = words
        self._index = index

    def brackets(self) -> Iterator[tuple[str, int]]:
        """The brackets open around the word, innermost first, each with its index among the words."""
        closed = 0
        for index in range(self._index - 1, -1, -1):
            symbol = self._words[index].text if self._words[index].kind == "symbol" else ""
            if symbol in {")", "]", "}"}:
                closed += 1
            elif symbol in {"(", "[", "{", "[?"}:
                if closed:
                    closed -= 1
                else:
                    yield symbol, index

    @property
    def bracket(self) -> str:
        """The innermost open bracket, empty at the top."""
        return next((symbol for symbol, _ in self.brackets()), "")

    @property
    def is_argument(self) -> bool:
        """Whether the word is all of an argument of a function."""
        for symbol, index in self.brackets():
            is_call = symbol == "(" and index > 0 and self._words[index - 1].kind == "name"
            return is_call and self.before.text in {"(", ","} and self.after.text in {")", ","}
        return False

    @property
    def in_items(self) -> bool:
        """Whether names here are fields of a list's items, not of the scope: inside a filter or after ``&``."""
        inside_filter = any(symbol == "[?" for symbol, _ in self.brackets())
        return inside_filter or any(word.text == "&" for word in self._words[: self._index])

    @property
    def is_field(self) -> bool:
        """Whether the word stands where only a field's name or a key can: ``.x``, ``x.``, ``x[``, ``{x:``."""
        is_key = self.bracket == "{" and self.before.text in {"{", ","} and self.after.text == ":"
        return self.before.text == "." or is_key or self.after.text in {".", "[", "[]", "[?"}

    @property
    def follows_value(self) -> bool:
        """Whether a value ends just before the word."""
        return self.before.kind in {"name", "quoted", "text", "literal", "number"} or self.before.text in {
            ")",
            "]",
            "}",
        }

    @property
    def is_access(self) -> bool:
        """Whether the bracket around the word follows a value: ``a['b']``, not ``['b']`` alone."""
        opening = next((index for _, index in self.brackets()), 0)
        previous = self._words[opening - 1] if opening else _START
        return previous.kind in {"name", "quoted"} or previous.text in {")", "]"}

    def negated(self) -> tuple[int, str] | None:
        """Where the path after the word ends, and its text, when ``!`` would take only the first name of it."""
        start = self._index + 1
        position = self._after_operand(start)
        cut, projected = False, False
        while position < len(self._words):
            symbol = self._words[position].text
            cut = cut or (symbol in {".", "[]", "[?"} and not projected)
            if symbol == ".":
                position = self._after_operand(position + 1)
            elif symbol in {"[", "[?"}:
                end = self._after_group(position)
                projected = projected or any(word.text in {"*", ":"} for word in self._words[position:end])
                position = end
            elif symbol == "[]":
                position += 1
            else:
                break
        if not cut:
            return None
        inner = self._words[start:position]
        end = inner[-1].end
        return end, self._text[inner[0].start : end]

    def _after_operand(self, index: int) -> int:
        """The index after a name, a call, or something in brackets."""
        following = self._words[index + 1].text if index + 1 < len(self._words) else ""
        if index < len(self._words) and self._words[index].kind == "name" and following == "(":
            return self._after_group(index + 1)
        return self._after_group(index)

    def _after_group(self, index: int) -> int:
        """The index after the bracket that closes the one at ``index``; after the word itself when it opens none."""
        depth = 0
        for position in range(index, len(self._words)):
            symbol = self._words[position].text if self._words[position].kind == "symbol" else ""
            depth += (symbol in {"(", "[", "{", "[?"}) - (symbol in {")", "]", "}"})
            if depth <= 0:
                return position + 1
        return len(self._words)

    def slip(self, message: str, fix: str | None, *, breaks: bool = True, length: int | None = None) -> Slip:
        return Slip(self.word.start, len(self.word.text) if length is None else length, message, fix, breaks)


def _number(place: _Place) -> Slip | None:
    opened = {"[", ":"} if place.bracket == "[" else set()
    if place.before.text in opened and place.after.text in {"]", ":"} and "." not in place.word.text:
        return None
    return place.slip("A number is written in backticks.", f"`{place.word.text}`")


def _quoted(place: _Place) -> Slip | None:
    compared = place.before.text in _COMPARATORS
    if place.is_field and not (compared and place.after.text not in {".", "[", "[]", "[?"}):
        return None
    try:
        content = str(json.loads(place.word.text))
    except ValueError:
        return None
    known_root = place.roots is None or content in place.roots
    if compared or (place.is_argument and place.before.text == ",") or not (place.in_items or known_root):
        quoted = content.replace("'", "\\'")
        message = "Double quotes name a field; text stands in single quotes."
        return place.slip(message, f"'{quoted}'", breaks=False)
    return None


def _name(place: _Place) -> Slip | None:
    word = place.word.text.lower()
    if place.is_field and word not in _WORD_OPERATORS:
        return None
    if word in _WORD_OPERATORS and place.follows_value and place.after is not _START:
        return place.slip(f"{place.word.text} is written {_WORD_OPERATORS[word]}.", _WORD_OPERATORS[word])
    if word == "not" and (place.after.kind in {"name", "quoted", "text", "literal"} or place.after.text in {"(", "@"}):
        # The space goes too: "not paid" becomes "!paid".
        negated = place.negated()
        end, fix = (negated[0], f"!({negated[1]})") if negated else (place.after.start, "!")
        breaks = place.after.text != "("
        return place.slip("not is written !.", fix, length=end - place.word.start, breaks=breaks)
    if word in _CONSTANTS and not place.is_field and place.after.text != "(":
        message = f"{place.word.text} alone is a field's name; the constant stands in backticks."
        return place.slip(message, f"`{_CONSTANTS[word]}`", breaks=False)
    return None


def _literal(place: _Place) -> Slip | None:
    content = place.word.text[1:-1].replace("\\`", "`")
    try:
        json.loads(content)
    except ValueError:
        quoted = content.replace("'", "\\'")
        return place.slip("Backticks hold JSON; text stands in single quotes.", f"'{quoted}'")
    return None


def _text(place: _Place) -> Slip | None:
    if place.before.text == "[" and place.after.text == "]" and place.is_access:
        content = place.word.text[1:-1]
        field = content if _PLAIN_NAME.fullmatch(content) else json.dumps(content, ensure_ascii=False)
        start, end = place.before.start, place.after.end
        return Slip(start, end - start, "A field is reached by a point.", f".{field}")
    return None


def _symbol(place: _Place) -> Slip | None:
    symbol = place.word.text
    # In the jmespath package ! binds closer than a point: !a.b is (!a).b, which is always null.
    negated = place.negated() if symbol == "!" and place.after.text != "!" else None
    if negated is not None:
        message = "! takes only the name next to it; put the path in brackets."
        return place.slip(message, f"!({negated[1]})", length=negated[0] - place.word.start, breaks=False)
    if symbol == "=" and place.before.text not in {"=", "!"}:
        return place.slip("Equality is written ==.", "==")
    if symbol in _CURLY_QUOTES:
        return place.slip("Text stands in straight single quotes.", "'")
    if symbol in _ARITHMETIC and symbol != "*":
        function = _ARITHMETIC[symbol]
        return place.slip(f"There is no {symbol}; write {function}(a, b), or for money add() and sub().", None)
    if symbol == "*" and place.follows_value and place.before.text != "." and place.bracket != "[":
        return place.slip("There is no *; write times(a, b), or for money percent().", None)
    return None


_JUDGES: Final = {
    "number": _number,
    "quoted": _quoted,
    "name": _name,
    "literal": _literal,
    "text": _text,
    "symbol": _symbol,
}
