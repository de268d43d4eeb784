"""A condition for statements that are made once, at import: making one anew takes twice as long as running it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Iterable

_VALUES = "among"


def among(*columns: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether a column, or several together, has one of the values that :func:`these` gives when it is run."""
    chosen = sa.tuple_(*columns) if len(columns) > 1 else columns[0]
    return chosen.in_(sa.bindparam(_VALUES, expanding=True))


def these(values: Iterable[Any]) -> dict[str, list[Any]]:
    """The parameters of a statement with :func:`among`: each value once, in one order."""
    return {_VALUES: sorted(set(values))}
