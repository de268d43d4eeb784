"""YAML 1.2 with the place of every key and value, within limits. No tags, no code, no surprises such as ``on`` being true."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from hub.recipes.findings import Finding, FindingsError, Severity, Span

if TYPE_CHECKING:
    from hub.jsontypes import Json

Path: TypeAlias = "tuple[str | int, ...]"

MAX_BYTES = 256 * 1024
MAX_ALIASES = 100
MAX_NODES = 50_000
MAX_DEPTH = 64

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE, _FALSE = re.compile("true|True|TRUE"), re.compile("false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]{1,40}|0o[0-7]{1,40}|0x[0-9a-fA-F]{1,40}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,40}|[0-9]{1,40}(\.[0-9]{0,40})?)([eE][-+]?[0-9]{1,3})?")
_STANDARD_TAGS = {
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "map", "seq", "int", "float", "bool", "null", "timestamp", "merge", "value")
}


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: plain data, and where each part of it stands."""

    file: str
    text: str
    value: Json
    _values: Mapping[Path, Span]
    _keys: Mapping[Path, Span]

    def value_span(self, path: Path) -> Span:
        """Where the value at ``path`` stands; the nearest part around it when there is none."""
        while path not in self._values and path:
            path = path[:-1]
        return self._values.get(path, Span(1, 1, 1, 1))

    def key_span(self, path: Path) -> Span:
        """Where the key that leads to ``path`` stands; else its value."""
        return self._keys.get(path) or self.value_span(path)

    def finding(  # noqa: PLR0913 (the parts of a finding)
        self,
        path: Path,
        code: str,
        message: str,
        remedy: str = "",
        *,
        at_key: bool = False,
        severity: Severity = Severity.ERROR,
        fix: str | None = None,
    ) -> Finding:
        """A finding about the part at ``path``."""
        span = self.key_span(path) if at_key else self.value_span(path)
        return Finding(self.file, span, severity, code, message, remedy, fix)


def parse_document(text: str, file: str) -> Document:
    """Parse one YAML document. Raises :class:`FindingsError` that names line, column and remedy."""
    reader = _Reader(text, file)
    reader.check_text()
    try:
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        raise FindingsError([reader.syntax_finding(error)]) from error
    except yaml.YAMLError as error:
        message = f"The file cannot be read as YAML: {str(error).splitlines()[0]}."
        raise FindingsError([reader.finding(Span(1, 1, 1, 1), "yaml", message)]) from error
    except RecursionError as error:
        message = f"The file is nested more than {MAX_DEPTH} levels deep."
        raise FindingsError([reader.finding(Span(1, 1, 1, 1), "too_deep", message)]) from error
    value = reader.read(node, (), 0) if node is not None else None
    return Document(file, text, value, reader.values, reader.keys)


class _Reader:
    """Turns YAML's nodes into plain data, noting places and keeping limits."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._nodes = 0
        self._seen: set[int] = set()
        self._aliases = 0
        self._in_alias = False
        self.values: dict[Path, Span] = {}
        self.keys: dict[Path, Span] = {}

    def finding(self, span: Span, code: str, message: str, remedy: str = "") -> Finding:
        return Finding(self._file, span, Severity.ERROR, code, message, remedy)

    def _refuse(self, node: Node, code: str, message: str, remedy: str = "") -> FindingsError:
        return FindingsError([self.finding(_span(node), code, message, remedy)])

    def check_text(self) -> None:
        start = Span(1, 1, 1, 1)
        try:
            size = len(self._text.encode())
        except UnicodeEncodeError:
            size = 0
        if size > MAX_BYTES:
            message = f"The file has {size:,} bytes; a recipe may have {MAX_BYTES:,}."
            raise FindingsError([self.finding(start, "too_large", message, "Split it into several recipes.")])
        control = _CONTROL.search(self._text)
        if control is not None:
            line = self._text.count("\n", 0, control.start()) + 1
            column = control.start() - (self._text.rfind("\n", 0, control.start()) + 1) + 1
            message = f"There is an invisible control character (U+{ord(control.group()):04X}) here."
            raise FindingsError([self.finding(Span(line, column, line, column + 1), "control", message, "Delete it.")])

    def syntax_finding(self, error: yaml.MarkedYAMLError) -> Finding:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        lines = self._text.splitlines()
        shown = lines[line - 1] if line <= len(lines) else ""
        message, remedy = _explained(error.problem or "", shown)
        return self.finding(Span(line, column, line, column + 1), "yaml", message, remedy)

    def read(self, node: Node, path: Path, depth: int) -> Json:
        """The node's value. What an alias repeats counts in full, so that none can explode."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            remedy = "Write the parts out, or split the recipe."
            raise self._refuse(node, "too_many_values", "The file has too many values, aliases counted in full.", remedy)
        if depth > MAX_DEPTH:
            raise self._refuse(node, "too_deep", f"The file is nested more than {MAX_DEPTH} levels deep.")
        if id(node) in self._seen and not self._in_alias:
            self._aliases += 1
            if self._aliases > MAX_ALIASES:
                remedy = "Write the parts out, or split the recipe."
                raise self._refuse(node, "too_many_aliases", f"The file has more than {MAX_ALIASES} aliases.", remedy)
            self._in_alias = True
            try:
                return self._value(node, path, depth)
            finally:
                self._in_alias = False
        self._seen.add(id(node))
        return self._value(node, path, depth)

    def _value(self, node: Node, path: Path, depth: int) -> Json:
        self.values[path] = _span(node)
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if node.tag not in _STANDARD_TAGS:
            raise self._refuse(node, "tag", f"The tag {node.tag!r} is not allowed.", "Write plain values only.")
        if isinstance(node, SequenceNode):
            return [self.read(item, (*path, number), depth + 1) for number, item in enumerate(node.value)]
        assert isinstance(node, MappingNode)
        return self._mapping(node, path, depth)

    def _mapping(self, node: MappingNode, path: Path, depth: int) -> Json:
        found: dict[str, Json] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                remedy = "If you meant an expression, put it in quotes: \"${ … }\"."
                raise self._refuse(key_node, "key", "A key must be plain text.", remedy)
            key = key_node.value
            if key == "<<":
                raise self._refuse(key_node, "merge", "Merge keys (<<) are not part of YAML 1.2.", "Write the keys out.")
            if key in found:
                first = self.keys[(*path, key)].line
                remedy = f"It stands in line {first} already; keep one of the two."
                raise self._refuse(key_node, "duplicate_key", f"The key {key!r} stands here twice.", remedy)
            self.keys[(*path, key)] = _span(key_node)
            found[key] = self.read(value_node, (*path, key), depth + 1)
        return found

    def _scalar(self, node: ScalarNode) -> Json:
        text: str = node.value
        if node.tag not in _STANDARD_TAGS:
            raise self._refuse(node, "tag", f"The tag {node.tag!r} is not allowed.", "Write plain values only.")
        if node.style:
            return text
        if _NULL.fullmatch(text):
            return None
        if _TRUE.fullmatch(text):
            return True
        if _FALSE.fullmatch(text):
            return False
        if _INTEGER.fullmatch(text):
            return int(text, 0) if text[:2] in {"0o", "0x"} else int(text)
        return float(text) if _FLOAT.fullmatch(text) else text


def _span(node: Node) -> Span:
    start, end = node.start_mark, node.end_mark
    if isinstance(node, ScalarNode) or start.line == end.line:
        return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)
    return Span(start.line + 1, start.column + 1, start.line + 1, start.column + 2)


def _explained(problem: str, line: str) -> tuple[str, str]:
    """The parser's complaint in a person's words."""
    if "${" in line and re.search(r"[{\[].*:\s*\$\{", line):
        return (
            "An expression stands without quotes inside { }, where YAML takes its braces for its own.",
            'Put it in quotes: {name: "${ … }"}.',
        )
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "The line begins with a tab; YAML wants spaces.", "Indent with two spaces."
    if "mapping values are not allowed" in problem:
        return "There is a second `: ` in this line.", "Put the text in quotes when it contains a colon and a space."
    if "did not find expected key" in problem or "block mapping" in problem or "expected <block end>" in problem:
        return "The indentation does not fit the lines above.", "Keys of one level must begin in the same column."
    if "found undefined alias" in problem:
        return f"There is no anchor for this alias ({problem}).", "Put text that begins with * in quotes."
    if "cannot start any token" in problem:
        return f"YAML cannot begin a value like this ({problem}).", "Put the text in quotes."
    if "expected ',' or '}'" in problem or "expected ',' or ']'" in problem or "flow" in problem:
        return "A { or [ is not closed, or a comma is missing.", "Check the brackets, and put expressions in quotes."
    return f"This is not valid YAML: {problem}.", "Check the indentation, the quotes and the brackets of this line."
