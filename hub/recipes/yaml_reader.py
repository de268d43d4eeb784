"""From YAML's events to a tree with places: core schema, no tags, limits kept while reading so that none can explode."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from hub.recipes.findings import START, Finding, FindingsError, Span
from hub.recipes.places import Style
from hub.recipes.yaml_errors import explained, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence as AnySequence

    from hub.jsontypes import Json
    from hub.recipes.limits import Limits

LINE_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
"""What the parser takes for the end of a line."""

_LARGEST = 2**63
_LONGEST_NUMBER = 64
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_JSON = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_CONSTANTS: dict[str, Json] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_STYLES = {"'": Style.SINGLE, '"': Style.DOUBLE, "|": Style.LITERAL, ">": Style.FOLDED}


@dataclass(slots=True)
class Scalar:
    """A text, number, true, false or null. ``source`` is its text, whatever type it has."""

    span: Span
    value: Json
    style: Style
    source: str


@dataclass(slots=True)
class Sequence:
    """A list."""

    span: Span
    items: list[Node]


@dataclass(slots=True)
class Mapping:
    """Keys with values, in the order of the file. Keys are texts; a key's node says where it stands."""

    span: Span
    keys: dict[str, Scalar]
    values: dict[str, Node]


Node: TypeAlias = "Scalar | Sequence | Mapping"


def read(text: str, lines: AnySequence[str], file: str, limits: Limits) -> tuple[Node | None, list[Finding]]:
    """The root of the one document in ``text`` (None when it is empty), and what is wrong but can be read all the same.

    Raises :class:`FindingsError`.
    """
    reader = _Reader(file, limits)
    try:
        root = reader.document(yaml.parse(text, Loader=yaml.CSafeLoader))
    except yaml.MarkedYAMLError as error:
        raise FindingsError([explained(error, lines, file)]) from error
    except yaml.YAMLError as error:
        message = f"The file cannot be read as YAML: {str(error).splitlines()[0]}."
        raise FindingsError([Finding.at(file, START, "yaml", message, "Save it as UTF-8 text.")]) from error
    return root, reader.findings


@dataclass(slots=True)
class _Size:
    """What a node comes to with everything below it and every alias in it counted in full."""

    values: int
    characters: int


@dataclass(slots=True)
class _Open:
    """A collection that is being read."""

    node: Sequence | Mapping
    anchor: str | None
    size: _Size
    key: Scalar | None = None
    doubled: bool = False


class _Reader:
    """Builds the tree without recursion."""

    def __init__(self, file: str, limits: Limits) -> None:
        self._file = file
        self._limits = limits
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Node, _Size]] = {}
        self._aliases = 0
        self._root: Node | None = None
        self.findings: list[Finding] = []

    def document(self, events: Iterator[yaml.Event]) -> Node | None:
        documents = 0
        for event in events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    remedy = "Keep one of them, and delete the line with ---."
                    message = "The file holds more than one document."
                    raise self._refuse(_span(event), "several_documents", message, remedy)
            elif isinstance(event, CollectionEndEvent):
                self._close(event)
            elif isinstance(event, NodeEvent):
                self._begin(event)
        return self._root

    def _refuse(self, span: Span, code: str, message: str, remedy: str, fix: str | None = None) -> FindingsError:
        return FindingsError([*self.findings, Finding.at(self._file, span, code, message, remedy, fix=fix)])

    def _begin(self, event: NodeEvent) -> None:
        if isinstance(event, AliasEvent):
            self._alias(event)
        elif isinstance(event, ScalarEvent):
            self._check_tag(event, event.value)
            scalar = self._scalar(event)
            self._place(scalar, event.anchor, _Size(1, len(event.value)))
        elif isinstance(event, SequenceStartEvent | MappingStartEvent):
            self._check_tag(event, "")
            if len(self._open) >= self._limits.depth:
                message = f"The file is nested more than {self._limits.depth} levels deep."
                raise self._refuse(_span(event), "too_deep", message, "Take a level or two out.")
            if isinstance(event, SequenceStartEvent):
                node: Sequence | Mapping = Sequence(_span(event), [])
            else:
                node = Mapping(_span(event), {}, {})
            self._check_key(node)
            self._open.append(_Open(node, event.anchor, _Size(1, 0)))

    def _close(self, event: CollectionEndEvent) -> None:
        done = self._open.pop()
        start, end = done.node.span, _span(event)
        done.node.span = Span(start.line, start.column, end.end_line, end.end_column)
        self._place(done.node, done.anchor, done.size)

    def _alias(self, event: AliasEvent) -> None:
        self._aliases += 1
        if self._aliases > self._limits.aliases:
            message = f"The file uses more than {self._limits.aliases} aliases (*name)."
            raise self._refuse(_span(event), "too_many_aliases", message, "Write some of the parts out.")
        found = self._anchors.get(event.anchor or "")
        if found is None:
            message = f"There is no anchor &{event.anchor} before this alias *{event.anchor}."
            remedy = f'If a text is meant that begins with *, put it in quotes: "*{event.anchor}".'
            raise self._refuse(_span(event), "unknown_alias", message, remedy)
        node, size = found
        self._check_depth(event, node)
        if isinstance(node, Scalar) and self._awaits_key():
            self._place(Scalar(_span(event), node.value, node.style, node.source), None, size)
        else:
            self._check_key(node)
            self._place(node, None, size)

    def _check_depth(self, event: AliasEvent, node: Node) -> None:
        level, depth = [node], len(self._open)
        while level:
            if depth > self._limits.depth:
                message = f"With this alias the file is nested more than {self._limits.depth} levels deep."
                raise self._refuse(_span(event), "too_deep", message, "Write it flatter.")
            depth += 1
            level = [child for one in level for child in _children(one)]

    def _awaits_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].node, Mapping) and self._open[-1].key is None

    def _check_key(self, node: Node) -> None:
        if self._awaits_key():
            remedy = 'If an expression is meant, put it in quotes: "${ … }". A key is a plain word before a colon.'
            raise self._refuse(
                _first_line(node.span), "bad_key", "A list or { } stands where a key is expected.", remedy
            )

    def _place(self, node: Node, anchor: str | None, size: _Size) -> None:
        if anchor is not None:
            self._anchors[anchor] = (node, size)
        if not self._open:
            self._root = node
            return
        around = self._open[-1]
        around.size.values += size.values
        around.size.characters += size.characters
        if around.size.values > self._limits.values or around.size.characters > self._limits.characters:
            message = "The file is too large with everything that its aliases repeat."
            raise self._refuse(_first_line(node.span), "too_large", message, "Use fewer aliases, or split the file.")
        if isinstance(around.node, Sequence):
            around.node.items.append(node)
        elif around.key is None:
            self._begin_member(around, cast("Scalar", node))
        else:
            if not around.doubled:
                around.node.values[around.key.source] = node
            around.key = None

    def _begin_member(self, around: _Open, key: Scalar) -> None:
        mapping = cast("Mapping", around.node)
        around.key = key
        around.doubled = key.source in mapping.keys
        if around.doubled:
            first = mapping.keys[key.source].span.line
            message = f"The key {key.source!r} stands here a second time."
            remedy = f"It stands in line {first} already; keep one of the two."
            self.findings.append(Finding.at(self._file, key.span, "doubled_key", message, remedy))
            return
        mapping.keys[key.source] = key
        if key.source == "<<" and key.style is Style.PLAIN:
            message = "Merge keys (<<) are not part of YAML 1.2, and recipes have none."
            remedy = "Write the keys out; an alias may stand for a whole value."
            self.findings.append(Finding.at(self._file, key.span, "merge_key", message, remedy))

    def _check_tag(self, event: ScalarEvent | SequenceStartEvent | MappingStartEvent, text: str) -> None:
        if event.tag is None:
            return
        span = _span(event)
        if isinstance(event, ScalarEvent) and event.tag.startswith("!") and not event.style:
            value = f"{event.tag} {text}".strip()
            message = "A value that begins with ! is a tag in YAML, not an expression."
            fix = quoted(value)
            raise self._refuse(span, "tag", message, f"Put it in quotes: {fix}.", fix)
        message = (
            f"The tag {event.tag.replace('tag:yaml.org,2002:', '!!')} is not allowed: files hold plain values only."
        )
        raise self._refuse(_first_line(span), "tag", message, "Delete the tag.")

    def _scalar(self, event: ScalarEvent) -> Scalar:
        text, span = event.value, _span(event)
        if event.style:
            return Scalar(span, text, _STYLES[event.style], text)
        if text in _CONSTANTS:
            return Scalar(span, _CONSTANTS[text], Style.PLAIN, text)
        value: Json = text
        if text[0] in "+-.0123456789":
            value = self._number(text, span)
        return Scalar(span, value, Style.PLAIN, text)

    def _number(self, text: str, span: Span) -> Json:
        value = scalar_value(text)
        if value is None:
            message = f"{text[:40]} is not a number that the hub can hold."
            remedy = f'If a text is meant, put it in quotes: "{text[:40]}".'
            self.findings.append(Finding.at(self._file, span, "number", message, remedy, fix=f'"{text}"'))
            return 0
        return value


def scalar_value(text: str) -> Json:
    """What a plain scalar means by YAML 1.2's core schema; None too for a number that JSON cannot hold."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        number = int(text, 0) if text[:2] in {"0o", "0x"} and len(text) <= _LONGEST_NUMBER else _decimal(text)
        return number if -_LARGEST <= number < _LARGEST else None
    if _FLOAT.fullmatch(text):
        value = float(text)
        return value if math.isfinite(value) else None
    return None if _NOT_JSON.fullmatch(text) else text


def _decimal(text: str) -> int:
    """The whole number; one beyond all bounds when it is too long to matter."""
    return int(text) if len(text) <= _LONGEST_NUMBER else _LARGEST


def _children(node: Node) -> list[Node]:
    if isinstance(node, Sequence):
        return node.items
    return list(node.values.values()) if isinstance(node, Mapping) else []


def _span(event: yaml.Event) -> Span:
    start, end = event.start_mark, event.end_mark
    assert start is not None
    assert end is not None
    return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)


def _first_line(span: Span) -> Span:
    return span if span.line == span.end_line else Span(span.line, span.column, span.line, span.column + 1)
