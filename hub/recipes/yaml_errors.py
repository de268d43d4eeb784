"""The YAML parser's complaints in a person's words, with the right form where it is plain what was meant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.recipes.findings import Finding, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from yaml import MarkedYAMLError

_KEY_AND_VALUE = re.compile(r"^(?P<start>\s*(?:- +)*(?:[\w.-]+|\"[^\"]*\"|'[^']*'): +)(?P<value>\S.*?)\s*$")
_MISSING_SPACE = re.compile(r"^\s*(?:- +)*(?P<key>[a-z_]+):(?P<value>[^\s:/].*)$")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
_OPEN = {"{": "}", "[": "]"}


@dataclass(frozen=True, slots=True)
class _Complaint:
    """What the parser said, and the lines that it said it about (line numbers from 0)."""

    problem: str
    context: str
    line: int
    column: int
    context_line: int
    context_column: int
    lines: Sequence[str]

    @property
    def text(self) -> str:
        """The line where the parser stopped."""
        return self.lines[self.line] if self.line < len(self.lines) else ""

    @property
    def before(self) -> str:
        """The last line with something on it before that one."""
        return next((line for line in reversed(self.lines[: self.line]) if line.strip()), "")

    @property
    def sign(self) -> str:
        """The character where the parser stopped."""
        return self.text[self.column : self.column + 1]


@dataclass(frozen=True, slots=True)
class _Explanation:
    line: int
    column: int
    length: int
    message: str
    remedy: str
    fix: str | None = None


def explained(error: MarkedYAMLError, lines: Sequence[str], file: str) -> Finding:
    """What is wrong, at the place where a person would look for it."""
    mark = error.problem_mark or error.context_mark
    context = error.context_mark or mark
    complaint = _Complaint(
        problem=error.problem or "",
        context=error.context or "",
        line=mark.line if mark else 0,
        column=mark.column if mark else 0,
        context_line=context.line if context else 0,
        context_column=context.column if context else 0,
        lines=lines,
    )
    for explain in _EXPLANATIONS:
        said = explain(complaint)
        if said is not None:
            span = Span(said.line + 1, said.column + 1, said.line + 1, said.column + said.length + 1)
            return Finding.at(file, span, "yaml", said.message, said.remedy, fix=said.fix)
    span = Span(complaint.line + 1, complaint.column + 1, complaint.line + 1, complaint.column + 2)
    message = f"This is not valid YAML: {complaint.problem}."
    return Finding.at(file, span, "yaml", message, "Check the indentation, quotes and brackets of this line.")


def quoted(text: str) -> str:
    """The text in quotes that read well: double ones, single ones where it holds double ones."""
    if text.isprintable() and ('"' in text or "\\" in text):
        return "'" + text.replace("'", "''") + "'"
    return f'"{double_quoted(text)}"'


def double_quoted(text: str) -> str:
    """The text as it stands between double quotes."""
    return "".join(_ESCAPES.get(sign) or (sign if sign.isprintable() else f"\\U{ord(sign):08X}") for sign in text)


def _expression_in_brackets(said: _Complaint) -> _Explanation | None:
    for number in dict.fromkeys((said.line, said.context_line)):
        line = said.lines[number] if number < len(said.lines) else ""
        start = _unquoted_expression(line)
        if start is not None:
            end = _expression_end(line, start)
            fix = quoted(line[start:end])
            message = "An expression stands inside { } or [ ] without quotes; YAML takes its braces for its own."
            return _Explanation(number, start, end - start, message, f"Write it in quotes: {fix}.", fix)
    return None


def _unquoted_expression(line: str) -> int | None:
    """Where in the line a ``${`` stands in brackets and outside of quotes."""
    brackets, quote = 0, ""
    for position, sign in enumerate(line):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'" and line[:position].rstrip()[-1:] in {"", ":", ",", "{", "["}:
            quote = sign
        elif sign == "$" and line[position + 1 : position + 2] == "{" and brackets:
            return position
        elif sign in _OPEN:
            brackets += 1
        elif sign in _OPEN.values():
            brackets -= 1
    return None


def _expression_end(line: str, start: int) -> int:
    depth, quote = 0, ""
    for position in range(start + 1, len(line)):
        sign = line[position]
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'`":
            quote = sign
        elif sign == "{":
            depth += 1
        elif sign == "}":
            depth -= 1
            if not depth:
                return position + 1
    return len(line.rstrip())


def _tab(said: _Complaint) -> _Explanation | None:
    indent = said.text[: len(said.text) - len(said.text.lstrip())]
    if "\t" not in indent:
        return None
    message = "The line is indented with a tab; YAML takes spaces only."
    return _Explanation(said.line, 0, len(indent), message, "Indent it with spaces, two for each level.", "  ")


def _bad_start(said: _Complaint) -> _Explanation | None:
    starts = "cannot start any token" in said.problem or "scanning an alias" in said.context or "anchor" in said.context
    if not starts:
        return None
    line, column = (said.line, said.column) if "token" in said.problem else (said.context_line, said.context_column)
    text = said.lines[line] if line < len(said.lines) else ""
    message = f"A value cannot begin with {text[column : column + 1]} in YAML."
    found = _KEY_AND_VALUE.match(text)
    if found is not None and found["value"][0] not in _OPEN:
        column = len(found["start"])
    value = _until_comment(text[column:])
    return _Explanation(line, column, len(value), message, f"Put it in quotes: {quoted(value)}.", quoted(value))


def _unclosed_quote(said: _Complaint) -> _Explanation | None:
    if "quoted scalar" not in said.context or "end of stream" not in said.problem:
        return None
    sign = said.lines[said.context_line][said.context_column : said.context_column + 1]
    message = f"The quote {sign} that begins here is never closed."
    remedy = f"Close it with {sign} at the text's end."
    return _Explanation(said.context_line, said.context_column, 1, message, remedy)


def _escape(said: _Complaint) -> _Explanation | None:
    if "escape character" not in said.problem:
        return None
    message = f"In double quotes, {said.text[said.column : said.column + 2]} has no meaning."
    return _Explanation(said.line, said.column, 2, message, "Write \\\\ for a backslash, or use single quotes.")


def _after_quote(said: _Complaint) -> _Explanation | None:
    """``if: 'a' == event.type``: YAML ends the value at the closing quote."""
    found = _KEY_AND_VALUE.match(said.text)
    if "expected key" not in said.problem or found is None or found["value"][0] not in "\"'":
        return None
    start, value = len(found["start"]), _until_comment(found["value"])
    if not start < said.column < start + len(value):
        return None
    message = "The text goes on after its closing quote; YAML ends the value there."
    fix = quoted(value)
    return _Explanation(said.line, start, len(value), message, f"Put quotes around the whole: {fix}.", fix)


def _second_colon(said: _Complaint) -> _Explanation | None:
    if "mapping values are not allowed" not in said.problem:
        return None
    missing = _MISSING_SPACE.match(said.before)
    if missing is not None and _KEY_AND_VALUE.match(said.before) is None:
        line = max(number for number in range(said.line) if said.lines[number] == said.before)
        column = missing.start("value")
        message = f"A space is missing after {missing['key']}:"
        fix = f"{missing['key']}: {missing['value']}"
        length = len(said.before) - missing.start("key")
        return _Explanation(line, column - len(missing["key"]) - 1, length, f"{message}.", f"Write {fix}.", fix)
    found = _KEY_AND_VALUE.match(said.text)
    if found is not None and said.column > len(found["start"]):
        value = _until_comment(found["value"])
        message = "There is a second colon with a space after it in this line; YAML takes it for a key."
        fix = quoted(value)
        return _Explanation(said.line, len(found["start"]), len(value), message, f"Put it in quotes: {fix}.", fix)
    message = "This line gives keys below a line that has its value already."
    remedy = "Delete the value of the line above, or indent this line like that one."
    return _Explanation(said.line, _indent(said.text), 1, message, remedy)


def _list_in_line(said: _Complaint) -> _Explanation | None:
    if "block sequence entries" not in said.problem:
        return None
    message = "A list cannot begin in the same line as its key."
    return _Explanation(said.line, said.column, 1, message, "Put each `- ` in a line of its own below the key.")


def _open_bracket(said: _Complaint) -> _Explanation | None:
    if "flow" not in said.context:
        return None
    line, column = said.context_line, said.context_column
    sign = said.lines[line][column : column + 1] if line < len(said.lines) else ""
    if said.line == line and said.sign in {"[", "{"}:
        message = f"Inside {sign} {_OPEN.get(sign, '')}, a value cannot contain {said.sign} without quotes."
        return _Explanation(said.line, said.column, 1, message, "Put the whole value in quotes.")
    close = _OPEN.get(sign, "}")
    message = f"The bracket {sign} that begins here is not closed, or a comma is missing between two parts."
    return _Explanation(line, column, 1, message, f"Put commas between its parts and close it with {close}.")


def _stray(said: _Complaint) -> _Explanation | None:
    if "node content" not in said.problem or said.sign not in {"}", "]", ","}:
        return None
    message = f"There is a {said.sign} here that nothing opened."
    return _Explanation(said.line, said.column, 1, message, "Delete it, or put the text in quotes.")


def _indentation(said: _Complaint) -> _Explanation | None:
    if "expected key" not in said.problem and "'-' indicator" not in said.problem:
        return None
    column = _indent(said.text)
    if "'-' indicator" in said.problem:
        remedy = "Begin it with `- ` like the items above, or indent it less if it belongs to the key before."
        return _Explanation(said.line, column, 1, "This line stands in a list and is not an item of it.", remedy)
    remedy = "Keys of one level begin in the same column; indent this line like its neighbours."
    return _Explanation(said.line, column, 1, "This line's indentation fits none of the lines above.", remedy)


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def _until_comment(text: str) -> str:
    return re.split(r"\s+#", text, maxsplit=1)[0].rstrip()


_EXPLANATIONS: tuple[Callable[[_Complaint], _Explanation | None], ...] = (
    _expression_in_brackets,
    _tab,
    _unclosed_quote,
    _escape,
    _bad_start,
    _after_quote,
    _second_colon,
    _list_in_line,
    _open_bracket,
    _stray,
    _indentation,
)
"""Tried in this order; the first that recognises the complaint explains it."""
