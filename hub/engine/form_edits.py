"""Changes that the designer makes in a form's text: each changes only the lines it is about, comments and order stay. Pure.

What comes of an edit is read again and compared with what was meant. Where the text is written so that the two differ,
nothing is changed and the writer is told to edit the text itself.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final, cast

from hub.errors import ConfigError
from hub.recipes.document import parse_document
from hub.recipes.findings import FindingsError
from hub.recipes.places import Style
from hub.recipes.structure import flow
from hub.recipes.yaml_reader import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Sequence as Listed

    from hub.jsontypes import Json, JsonObject
    from hub.recipes.document import Document
    from hub.recipes.yaml_reader import Node

_FIELDS: Final = "fields"
_BLOCKS: Final = frozenset({Style.LITERAL, Style.FOLDED})


def add_field(text: str, field: JsonObject) -> str:
    """The form with one more field at the end. Raises ``ConfigError``."""

    def edit(source: str) -> str:
        blocks = _Blocks(_as_lines(source))
        return blocks.joined([*blocks.items, f"{' ' * blocks.indent}- {flow(field)}\n"])

    return _checked(text, edit, lambda fields: fields.append(field))


def remove_field(text: str, number: int) -> str:
    """The form without its field ``number`` (from 0) and the comments above it. Raises ``ConfigError``."""

    def edit(source: str) -> str:
        blocks = _Blocks(_as_lines(source))
        return blocks.joined([*blocks.items[:number], *blocks.items[number + 1 :]])

    return _checked(text, edit, lambda fields: fields.pop(number))


def move_field(text: str, number: int, to: int) -> str:
    """The form with its field ``number`` at the place ``to``, its comments with it. Raises ``ConfigError``."""

    def edit(source: str) -> str:
        blocks = _Blocks(_as_lines(source))
        items = list(blocks.items)
        items.insert(to, items.pop(number))
        return blocks.joined(items)

    return _checked(text, edit, lambda fields: fields.insert(to, fields.pop(number)))


def set_key(text: str, number: int, key: str, value: Json) -> str:
    """The form with another value of a key of its field ``number``; None takes the key away. Raises ``ConfigError``."""
    return set_value(text, (_FIELDS, number), key, value)


def set_value(text: str, holder: Listed[str | int], key: str, value: Json) -> str:
    """The form with another value of a key of the part at ``holder``; None takes the key away. Raises ``ConfigError``.

    A part that is not there is made, and one that would be left empty is taken away.
    """

    def meant(form: dict[str, Json]) -> None:
        part: Json = form
        for name in holder:
            part = cast("list[Json]", part)[name] if isinstance(name, int) else cast("dict[str, Json]", part)[name]
        if value is None:
            cast("dict[str, Json]", part).pop(key, None)
        else:
            cast("dict[str, Json]", part)[key] = value

    def edit(source: str) -> str:
        document = parse_document(source)
        item = cast("Mapping", document.node(tuple(holder)))
        if value is None:
            return _without(document, item, key)
        if key in item.values:
            return _replaced(document, item, key, flow(value))
        return _with(document, item, key, flow(value))

    around, last = tuple(holder[:-1]), holder[-1] if holder else None
    part = _part(text, holder)
    if isinstance(last, str) and part is None:
        return text if value is None else set_value(text, around, last, {key: value})
    if isinstance(last, str) and value is None and isinstance(part, Mapping) and list(part.keys) == [key]:
        return set_value(text, around, last, None)
    return _edited(text, edit, meant)


def _part(text: str, path: Listed[str | int]) -> Node | None:
    try:
        return parse_document(text).node(tuple(path))
    except FindingsError as error:
        raise _by_hand() from error


def _checked(text: str, edit: Callable[[str], str], meant: Callable[[list[Json]], object]) -> str:
    def of_fields(form: dict[str, Json]) -> None:
        form[_FIELDS] = form.get(_FIELDS) or []
        meant(cast("list[Json]", form[_FIELDS]))

    return _edited(text, edit, of_fields)


def _edited(text: str, edit: Callable[[str], str], meant: Callable[[dict[str, Json]], object]) -> str:
    """The edited text, if it says what was meant and nothing else."""
    try:
        wanted = cast("dict[str, Json]", copy.deepcopy(parse_document(text).value))
        meant(wanted)
        done = edit(text)
        if parse_document(done).value == wanted:
            return done
    except (FindingsError, AttributeError, IndexError, KeyError, TypeError) as error:
        raise _by_hand() from error
    raise _by_hand()


def _by_hand() -> ConfigError:
    message = "This text is written so that the designer cannot change it safely."
    return ConfigError(message, remedy="Nothing was changed. Edit the text itself.")


# where things stand in the text


class _Source:
    """A text as lines, and places in it as offsets."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [0]
        for line in text.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def offset(self, line: int, column: int) -> int:
        """Of a line and column, both from 1."""
        return self._starts[line - 1] + column - 1

    def start(self, node: Node) -> int:
        return self.offset(node.span.line, node.span.column)

    def end(self, node: Node) -> int:
        """Just past the node's last character: a block ends with its last part, not where the next thing begins."""
        if isinstance(node, Scalar) or self.is_flow(node):
            end = self.offset(node.span.end_line, node.span.end_column)
            return len(self.text[:end].rstrip()) if isinstance(node, Scalar) and node.style in _BLOCKS else end
        parts = node.items if isinstance(node, Sequence) else list(node.values.values())
        return max((self.end(one) for one in parts), default=self.start(node))

    def is_flow(self, node: Node) -> bool:
        """Whether a list or keys are written in brackets."""
        return not isinstance(node, Scalar) and self.text[self.start(node)] in "[{"

    def line_start(self, offset: int) -> int:
        return self.text.rfind("\n", 0, offset) + 1

    def line_end(self, offset: int) -> int:
        """Just past the line's break."""
        found = self.text.find("\n", offset)
        return len(self.text) if found < 0 else found + 1


def _as_lines(text: str) -> str:
    """The text with its fields as a list of lines, where they stand in brackets or are not there at all."""
    text = text if text.endswith("\n") else text + "\n"
    document = parse_document(text)
    node = document.node((_FIELDS,))
    source = _Source(text)
    if node is None:
        return f"{text}{_FIELDS}:\n"
    if not isinstance(node, Sequence) or not source.is_flow(node):
        return text
    lines = "".join(f"  - {text[source.start(one) : source.end(one)]}\n" for one in node.items)
    start = source.end(cast("Scalar", document.key((_FIELDS,)))) + 1
    rest = text[source.end(node) :]
    return f"{text[:start]}{rest[: rest.index(chr(10))]}\n{lines}{rest[rest.index(chr(10)) + 1 :]}"


class _Blocks:
    """The fields as blocks of lines, each with the comments right above it; what stands between is the one before's."""

    def __init__(self, text: str) -> None:
        source, document = _Source(text), parse_document(text)
        node = document.node((_FIELDS,))
        found = node.items if isinstance(node, Sequence) else []
        key = cast("Scalar", document.key((_FIELDS,)))
        begins = [_comments_above(source, source.line_start(_dash(source, one))) for one in found]
        first = begins[0] if begins else source.line_end(source.start(key))
        last = source.line_end(source.end(found[-1])) if found else first
        ends = [*begins[1:], last] if found else []
        self.indent = _dash(source, found[0]) - source.line_start(_dash(source, found[0])) if found else 2
        self.items = [text[begin:end] for begin, end in zip(begins, ends, strict=True)]
        self._before, self._after = text[:first], text[last:]

    def joined(self, items: list[str]) -> str:
        """The text with these blocks in place of its own."""
        if items:
            return self._before + "".join(items) + self._after
        return f"{self._before.rstrip()} []\n{self._after}"


def _dash(source: _Source, item: Node) -> int:
    return source.text.rindex("-", 0, source.start(item) + (1 if source.text[source.start(item)] == "-" else 0))


def _comments_above(source: _Source, begin: int) -> int:
    """Where the comment lines right above a line begin."""
    while begin > 0:
        above = source.line_start(begin - 1)
        line = source.text[above:begin].strip()
        if not line.startswith("#"):
            return begin
        begin = above
    return begin


# keys of one field


def _replaced(document: Document, item: Mapping, key: str, value: str) -> str:
    source, node = _Source(document.text), item.values[key]
    colon = source.end(item.keys[key]) + 1
    start, end = source.start(node), source.end(node)
    lead = document.text[colon:start]
    if "\n" in lead or start < colon or start == end:  # its value stands below, or is empty
        return f"{document.text[:colon]} {value}{document.text[max(end, colon) :]}"
    return f"{document.text[:start]}{value}{document.text[end:]}"


def _with(document: Document, item: Mapping, key: str, value: str) -> str:
    source = _Source(document.text)
    end = source.end(item)
    if source.is_flow(item):
        lead = ", " if item.keys else ""
        inner = document.text[: end - 1].rstrip()
        return f"{inner}{lead}{key}: {value}{document.text[len(inner) : end - 1]}{document.text[end - 1 :]}"
    column = source.start(item) - source.line_start(source.start(item))
    at = source.line_end(end)
    lead = "" if document.text[:at].endswith("\n") else "\n"
    return f"{document.text[:at]}{lead}{' ' * column}{key}: {value}\n{document.text[at:]}"


def _without(document: Document, item: Mapping, key: str) -> str:
    if key not in item.keys:
        return document.text
    source, text = _Source(document.text), document.text
    start, end = source.start(item.keys[key]), max(source.end(item.values[key]), source.end(item.keys[key]) + 1)
    if source.is_flow(item):
        rest = text[end:]
        if rest.lstrip().startswith(","):
            after = rest.lstrip()[1:].lstrip(" ")
            return f"{text[:start]}{after}"
        return f"{text[:start].rstrip().removesuffix(',')}{rest}"
    if next(iter(item.keys)) == key:  # it shares its line with the dash
        names = list(item.keys)
        following = source.start(item.keys[names[1]])
        return f"{text[:start]}{text[following:]}"
    return f"{text[: source.line_start(start)]}{text[source.line_end(end) :]}"
