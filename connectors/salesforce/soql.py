"""SOQL with parameters that cannot break out of their place. Pure.

Source: Salesforce's SOQL reference, "Quoted String Escape Sequences" and "Date Formats and Date Literals".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hub.connect.answers import failure

if TYPE_CHECKING:
    from hub.jsontypes import Json, JsonObject

_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_TIME = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))?")
_PARTS = re.compile(r"'(?:[^'\\]|\\.)*'|:(?P<name>[A-Za-z_][A-Za-z0-9_]*)")


def literal(value: Json) -> str:
    """A value as SOQL writes it; a list becomes ``(a, b)``. Raises ``bad_input`` for an object or an empty list."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        return "'" + "".join(_ESCAPES.get(character, character) for character in value) + "'"
    if isinstance(value, list) and value:
        return f"({', '.join(literal(one) for one in value)})"
    raise failure(
        "bad_input", f"A query's parameter must be a text, number, true, false, null or a list, not {value!r}."
    )


def moment(value: str) -> str:
    """A date or time as SOQL writes it: without quotes. Raises ``bad_input`` for anything else."""
    if not _TIME.fullmatch(value):
        raise failure("bad_input", f"{value!r} is not a date (2026-11-23) or time (2026-11-23T09:00:00Z).")
    return value


def fill(query: str, parameters: JsonObject, times: JsonObject | None = None) -> str:
    """The query with each ``:name`` outside of quotes filled in; ``times`` are written as dates, without quotes.

    Raises ``bad_input`` for a name that has no value, and for a value that no name asks for.
    """
    values = {name: literal(value) for name, value in parameters.items()}
    values |= {name: moment(str(value)) for name, value in (times or {}).items()}
    used: set[str] = set()

    def put(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return match[0]
        if name not in values:
            raise failure("bad_input", f"The query asks for :{name}, but the parameters do not name it.")
        used.add(name)
        return values[name]

    # A colon after a digit belongs to a time (09:00:00), not to a name; names begin with a letter.
    filled = _PARTS.sub(put, query)
    unused = sorted(values.keys() - used)
    if unused:
        raise failure("bad_input", f"The query has no :{unused[0]}, but the parameters name it.")
    return filled
