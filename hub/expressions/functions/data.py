"""Functions on any data: choosing, grouping, pairing, and JSON as text."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import orjson

from hub.expressions.errors import shortened, shortened_text
from hub.expressions.limits import MAX_OUTPUT, LimitError, size
from hub.expressions.signatures import ArgumentError, Example, Function, function
from hub.jsontypes import canonical_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hub.jsontypes import Json

_ALGORITHMS: Final = ("sha256", "sha512", "sha1", "md5")


def default(value: Json, fallback: Json) -> Json:
    """The value, or the fallback when it is null."""
    return fallback if value is None else value


def lookup(table: Mapping[str, Json], key: str, *fallback: Json) -> Json:
    """The member of the table with this name."""
    if key in table:
        return table[key]
    if fallback:
        return fallback[0]
    remedy = "Add it to the table, or say what else to give: lookup(table, key, fallback)."
    raise ArgumentError(1, f"must be one of the table's names, not {shortened(key)}", remedy)


def unique(items: Sequence[Json]) -> list[Json]:
    """The items, each once."""
    kept: dict[bytes, Json] = {}
    for item in items:
        kept.setdefault(_canonical(item, 0), item)
    return list(kept.values())


def group_by(items: Sequence[Json], key: Any) -> dict[str, list[Json]]:  # noqa: ANN401 (the package's reference)
    """The items in lists, by the text that the key expression gives for each."""
    groups: dict[str, list[Json]] = {}
    for index, item in enumerate(items):
        name = key.visit(key.expression, item)
        if isinstance(name, int) and not isinstance(name, bool):
            name = str(name)
        if not isinstance(name, str):
            reason = f"must give text for every item, but gives {shortened(name)} for item {index}"
            raise ArgumentError(1, reason, "Filter the items first, or give it a text with default(…, '').")
        groups.setdefault(name, []).append(item)
    return groups


def zip_lists(*lists: Sequence[Json]) -> list[list[Json]]:
    """Lists of the first items, the second items, and so on."""
    lengths = {len(items) for items in lists}
    if len(lengths) > 1:
        counts = ", ".join(str(len(items)) for items in lists)
        raise ArgumentError(None, f"zip(): the lists must be equally long, but have {counts} items")
    return [list(items) for items in zip(*lists, strict=True)]


def to_json(value: Json) -> str:
    """The value as JSON text with sorted names."""
    return _canonical(value, 0).decode()


def from_json(text: str) -> Json:
    """The value that a JSON text says."""
    if len(text) > MAX_OUTPUT:
        raise ArgumentError(0, f"must be at most {MAX_OUTPUT // 1024} KiB long")
    try:
        value: Json = orjson.loads(text)
        size(value, MAX_OUTPUT * 8)
    except LimitError as error:
        raise ArgumentError(0, f"cannot be taken: {error}") from None
    except orjson.JSONDecodeError as error:
        raise ArgumentError(0, f"must be JSON; {shortened_text(text, 40)!r} is not ({error.msg})") from None
    return value


def hash_value(value: Json, algorithm: str = "sha256") -> str:
    """The hexadecimal digest of a text's UTF-8 bytes, or of the canonical JSON of anything else."""
    if algorithm not in _ALGORITHMS:
        raise ArgumentError(1, f"must be one of {', '.join(_ALGORITHMS)}, not {shortened(algorithm)}")
    try:
        content = value.encode() if isinstance(value, str) else _canonical(value, 0)
    except UnicodeEncodeError:
        raise ArgumentError(0, "must be text that UTF-8 can hold") from None
    return hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()


def _canonical(value: Json, index: int) -> bytes:
    try:
        size(value, MAX_OUTPUT)
        return canonical_json(value)
    except LimitError as error:
        raise ArgumentError(index, f"cannot be taken: {error}") from None
    except (TypeError, ValueError):
        raise ArgumentError(index, "must be plain JSON with numbers of at most 64 bits") from None


_LINES: Final[dict[str, Json]] = {"lines": [{"item": "a", "vendor": "A"}, {"item": "b", "vendor": "B"}]}
_lookup: Callable[..., Json] = lookup

DATA: Final[tuple[Function, ...]] = (
    function(
        "default(value: any, fallback: any) -> any",
        "The value, or the fallback when the value is null (missing); empty text stays.",
        Example("default(event.data.name, 'friend')", "friend", {"event": {"data": {}}}),
        default,
        group="data",
    ),
    function(
        "lookup(table: object, key: text, fallback?: any) -> any",
        "The member of the table with this name; when there is none, the fallback, or an error without one.",
        Example(
            "lookup({USD: 'us-list', EUR: 'eu-list'}, event.data.currency)",
            "eu-list",
            {"event": {"data": {"currency": "EUR"}}},
        ),
        _lookup,
        group="data",
    ),
    function(
        "unique(items: list) -> list",
        "The items, each once, in the order in which they first come.",
        Example("unique(`[2, 1, 2]`)", [2, 1]),
        unique,
        group="data",
    ),
    function(
        "group_by(items: list, key: expression) -> object",
        "The items in lists, by the text that the key gives for each.",
        Example("group_by(lines, &vendor).A[].item", ["a"], _LINES),
        group_by,
        group="data",
    ),
    function(
        "zip(lists...: list) -> list",
        "Lists of the first items, of the second items, and so on; the lists must be equally long.",
        Example("zip(`[1, 2]`, `[3, 4]`)", [[1, 3], [2, 4]]),
        zip_lists,
        group="data",
    ),
    function(
        "to_json(value: any) -> text",
        "The value as compact JSON text with sorted names: equal values give equal text.",
        Example("to_json({b: `1`, a: 'x'})", '{"a":"x","b":1}'),
        to_json,
        group="data",
    ),
    function(
        "from_json(text: text) -> any",
        "The value that a JSON text says.",
        Example("from_json('[1, 2]')", [1, 2]),
        from_json,
        group="data",
    ),
    function(
        "hash(value: any, algorithm?: text) -> text",
        "The hexadecimal digest (sha256; or sha512, sha1, md5) of a text, or of any other value's to_json.",
        Example("hash('ada@example.com', 'md5')", hashlib.md5(b"ada@example.com", usedforsecurity=False).hexdigest()),
        hash_value,
        group="data",
    ),
)
"""The functions of the group."""
