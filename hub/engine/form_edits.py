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
    from hub.recipes.document import Document, Path
    from hub.recipes.yaml_reader import Node

_FIELDS: Final = "fields"
_BLOCKS: Final = frozenset({Style.LITERAL, Style.FOLDED})


def add_field(text: str, field: JsonObject) -> str:
    """The form with one more field at the end. Raises ``ConfigError``."""
    return add_item(text, (_FIELDS,), field)


def remove_field(text: str, number: int) -> str:
    """The form without its field ``number`` (from 0) and the comments above it. Raises ``ConfigError``."""
    return remove_item(text, (_FIELDS,), number)


def move_field(text: str, number: int, to: int) -> str:
    """The form with its field ``number`` at the place ``to``, its comments with it. Raises ``ConfigError``."""
    return move_item(text, (_FIELDS,), number, to)


def add_item(text: str, path: Path, item: JsonObject) -> str:
    """The form with one more item at the end of the list at ``path``. Raises ``ConfigError``."""
    if len(path) > 1 and not isinstance(_part(text, path), Sequence):
        text = set_value(text, path[:-1], str(path[-1]), [item])
        return _list_edited(text, path, lambda items: items, lambda _items: None)
    return _list_edited(text, path, lambda items: [*items, flow(item)], lambda items: items.append(item))


def remove_item(text: str, path: Path, number: int) -> str:
    """The form without item ``number`` (from 0) of the list at ``path`` and the comments above it.

    A list of the form's own stays when it is left empty, one further in is taken away. Raises ``ConfigError``.
    """
    part = _part(text, path)
    if len(path) > 1 and isinstance(part, Sequence) and len(part.items) == 1 and number == 0:
        return set_value(text, path[:-1], str(path[-1]), None)
    return _list_edited(
        text, path, lambda items: [*items[:number], *items[number + 1 :]], lambda items: items.pop(number)
    )


def move_item(text: str, path: Path, number: int, to: int) -> str:
    """The form with item ``number`` of the list at ``path`` at the place ``to``. Raises ``ConfigError``."""

    def moved(items: list[str]) -> list[str]:
        rest = [*items[:number], *items[number + 1 :]]
        return [*rest[:to], items[number], *rest[to:]]

    return _list_edited(text, path, moved, lambda items: items.insert(to, items.pop(number)))


def add_part(text: str, key: str, part: JsonObject) -> str:
    """The form with a part of keys in lines of their own at its end. Raises ``ConfigError``."""
    lines = "".join(f"  {name}: {flow(value)}\n" for name, value in part.items())

    def edit(source: str) -> str:
        return f"{source}{'' if source.endswith(chr(10)) else chr(10)}{key}:\n{lines}"

    def meant(form: dict[str, Json]) -> None:
        form[key] = part

    if _part(text, (key,)) is not None:
        raise _by_hand()
    return _edited(text, edit, meant)


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


def _list_edited(
    text: str, path: Path, edit: Callable[[list[str]], list[str]], meant: Callable[[list[Json]], object]
) -> str:
    """The text with other items in a list: in lines, or in brackets where what is around stands in brackets."""

    def of_list(form: dict[str, Json]) -> None:
        holder = form
        for name in path[:-1]:
            holder = cast("dict[str, Json]", holder[str(name)])
        holder[str(path[-1])] = holder.get(str(path[-1])) or []
        meant(cast("list[Json]", holder[str(path[-1])]))

    def in_text(source: str) -> str:
        document = parse_document(source)
        node, places = document.node(path), _Source(source)
        around = document.node(path[:-1])
        if isinstance(node, Sequence) and around is not None and places.is_flow(around):
            items = edit([source[places.start(one) : places.end(one)] for one in node.items])
            return f"{source[: places.start(node)]}[{', '.join(items)}]{source[places.end(node) :]}"
        blocks = _Blocks(_as_lines(source, path), path)
        lead = f"{' ' * blocks.indent}- "
        items = edit(blocks.items)
        return blocks.joined([one if one in blocks.items else f"{lead}{one}\n" for one in items])

    return _edited(text, in_text, of_list)


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


def _as_lines(text: str, path: Path) -> str:
    """The text with the items of a list in lines, where they stand in brackets or are not there at all."""
    text = text if text.endswith("\n") else text + "\n"
    document = parse_document(text)
    node = document.node(path)
    source = _Source(text)
    if node is None:
        return f"{text}{path[-1]}:\n"
    if not isinstance(node, Sequence) or not source.is_flow(node):
        return text
    key = cast("Scalar", document.key(path))
    lead = " " * (key.span.column + 1)
    lines = "".join(f"{lead}- {text[source.start(one) : source.end(one)]}\n" for one in node.items)
    start = source.end(key) + 1
    rest = text[source.end(node) :]
    return f"{text[:start]}{rest[: rest.index(chr(10))]}\n{lines}{rest[rest.index(chr(10)) + 1 :]}"


class _Blocks:
    """A list's items as blocks of lines, each with the comments right above it; what stands between is the one before's."""

    def __init__(self, text: str, path: Path) -> None:
        source, document = _Source(text), parse_document(text)
        node = document.node(path)
        found = node.items if isinstance(node, Sequence) else []
        key = cast("Scalar", document.key(path))
        begins = [_comments_above(source, source.line_start(_dash(source, one))) for one in found]
        first = begins[0] if begins else source.line_end(source.start(key))
        last = source.line_end(source.end(found[-1])) if found else first
        ends = [*begins[1:], last] if found else []
        beside = _dash(source, found[0]) if found else None
        self.indent = beside - source.line_start(beside) if beside is not None else key.span.column + 1
        self.items = [text[begin:end] for begin, end in zip(begins, ends, strict=True)]
        self._before, self._after = text[:first], text[last:]
        self._colon = source.end(key) + 1

    def joined(self, items: list[str]) -> str:
        """The text with these blocks in place of its own."""
        if items:
            return self._before + "".join(items) + self._after
        return f"{self._before[: self._colon]} []{self._before[self._colon :]}{self._after}"


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
