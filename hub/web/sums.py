"""What the rows of a list come to, currency by currency: all that fit, not only those that are shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Sum:
    """The rows of one currency: how many, what they come to, and what of that is settled."""

    count: int
    whole: Money
    settled: Money


def sums(
    connection: sa.Connection,
    currency: sa.ColumnElement[str],
    whole: sa.ColumnElement[int],
    settled: sa.ColumnElement[int],
    where: Sequence[sa.ColumnElement[bool]],
) -> list[Sum]:
    """The sums of the rows that fit, the currency of most rows first. ``whole`` and ``settled`` are minor units."""
    count = sa.func.count()
    query = sa.select(currency, count, sa.func.sum(whole), sa.func.sum(settled)).where(*where).group_by(currency)
    rows = connection.execute(query.order_by(count.desc(), currency)).all()
    return [Sum(number, Money(int(in_all), name), Money(int(part), name)) for name, number, in_all, part in rows]
