"""What a job or an order is called: by the number that people know it by, and a job's title."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hub.journal.tables_commerce import orders
from hub.journal.tables_work import jobs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Named:
    """One of them. ``kind``: job or order; ``title``: empty for an order."""

    kind: str
    number: int
    title: str = ""

    @property
    def words(self) -> str:
        """``job 12: A piano``, or ``order 7``."""
        return f"{self.kind} {self.number}{': ' if self.title else ''}{self.title}"


def names_of(connection: sa.Connection, identities: Iterable[str]) -> Mapping[str, Named]:
    """The jobs and orders of these ids; without those that the hub does not know."""
    wanted = sorted(set(identities))
    of_jobs = sa.select(jobs.c.id, jobs.c.number, jobs.c.title).where(jobs.c.id.in_(wanted))
    of_orders = sa.select(orders.c.id, orders.c.number).where(orders.c.id.in_(wanted))
    found = {row.id: Named("job", row.number, row.title) for row in connection.execute(of_jobs)}
    return found | {row.id: Named("order", row.number) for row in connection.execute(of_orders)}
