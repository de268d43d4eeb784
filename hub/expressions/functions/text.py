"""Functions on text. Regular expressions are RE2's: their time grows with the text, never explodes."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import re2

from hub.expressions.limits import MAX_OUTPUT
from hub.expressions.signatures import ArgumentError, Example, Function, function

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST_PATTERN: Final = 1024
_MOST_PARTS: Final = 100_000
_PATTERN_MEMORY: Final = 1 << 20
_NOT_SLUG: Final = re.compile(r"[^a-z0-9]+")
_SHOWN_END: Final = 4


def trim(text: str, characters: str | None = None) -> str:
    """The text without spaces, or without these characters, at both ends."""
    return text.strip(characters)


def replace(text: str, old: str, new: str) -> str:
    """The text with every ``old`` made ``new``."""
    if not old:
        raise ArgumentError(1, "must not be empty")
    if len(text) + text.count(old) * (len(new) - len(old)) > MAX_OUTPUT:
        raise ArgumentError(None, f"replace(): the text would be longer than {MAX_OUTPUT // 1024} KiB")
    return text.replace(old, new)


def split(text: str, separator: str, most: int | None = None) -> Sequence[str]:
    """The parts of the text between separators."""
    if not separator:
        raise ArgumentError(1, "must not be empty")
    if most is not None and most < 1:
        raise ArgumentError(2, "must be 1 or more")
    parts = text.count(separator) + 1
    if most is None and parts > _MOST_PARTS:
        raise ArgumentError(0, f"would be cut into {parts} parts; {_MOST_PARTS} are possible")
    return text.split(separator, -1 if most is None else min(most, _MOST_PARTS) - 1)


def matches(text: str, pattern: str) -> bool:
    """Whether the pattern is found in the text."""
    return _compiled(pattern).search(text) is not None


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> Any:  # noqa: ANN401 (re2 has no types)
    if len(pattern) > _LONGEST_PATTERN:
        raise ArgumentError(1, f"must be at most {_LONGEST_PATTERN} characters long")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PATTERN_MEMORY
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        detail = error.args[0] if error.args else ""
        reason = detail.decode(errors="replace") if isinstance(detail, bytes) else str(detail)
        remedy = "Look-ahead, look-behind and back-references are not possible."
        raise ArgumentError(1, f"must be a regular expression (RE2): {reason}", remedy) from None


def slug(text: str) -> str:
    """The text as it can stand in an address."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    return _NOT_SLUG.sub("-", plain).strip("-")


def mask(text: str, shown: int = _SHOWN_END) -> str:
    """The text with all but its last characters starred out; at most half of it is shown."""
    if shown < 0:
        raise ArgumentError(1, "must be 0 or more")
    kept = min(shown, len(text) // 2)
    return "*" * (len(text) - kept) + text[len(text) - kept :]


TEXT: Final[tuple[Function, ...]] = (
    function(
        "lower(text: text) -> text",
        "The text in small letters.",
        Example("lower('Ada@Example.COM')", "ada@example.com"),
        str.lower,
        group="text",
    ),
    function(
        "upper(text: text) -> text",
        "The text in capital letters.",
        Example("upper('usd')", "USD"),
        str.upper,
        group="text",
    ),
    function(
        "trim(text: text, characters?: text) -> text",
        "The text without spaces (or without any of these characters) at both ends.",
        Example("trim('  Ada ')", "Ada"),
        trim,
        group="text",
    ),
    function(
        "replace(text: text, old: text, new: text) -> text",
        "The text with every occurrence of old made new; both are plain text, not patterns.",
        Example("replace('a-b-c', '-', '.')", "a.b.c"),
        replace,
        group="text",
    ),
    function(
        "split(text: text, separator: text, most?: integer) -> list of text",
        "The parts of the text between separators; at most so many, the last holding the rest.",
        Example("split('Ada Augusta Lovelace', ' ', `2`)", ["Ada", "Augusta Lovelace"]),
        split,
        group="text",
    ),
    function(
        "matches(text: text, pattern: text) -> boolean",
        "Whether the regular expression (RE2) is found in the text; begin with ^ and end with $ to match all of it.",
        Example("matches('o_1234', '^o_[0-9]+$')", result=True),
        matches,
        group="text",
    ),
    function(
        "slug(text: text) -> text",
        "The text as it can stand in an address: small letters, digits and hyphens.",
        Example("slug('Crème Brûlée, 2 pcs.')", "creme-brulee-2-pcs"),
        slug,
        group="text",
    ),
    function(
        "mask(text: text, shown?: integer) -> text",
        "The text with stars for all but its last characters (4 when left out, never more than half).",
        Example("mask('DE89370400440532013000')", "******************3000"),
        mask,
        group="text",
    ),
)
"""The functions of the group."""
