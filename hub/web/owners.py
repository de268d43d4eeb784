"""What money is held for: jobs and orders, by the numbers that people call them by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import url_for

from hub.journal.tables_commerce import orders
from hub.journal.tables_work import jobs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Owner:
    """A job or an order; ``page`` is its address."""

    words: str
    page: str


def owners_of(connection: sa.Connection, identities: Iterable[str]) -> Mapping[str, Owner]:
    """The jobs and orders of these ids; without those that the hub does not know."""
    wanted = sorted(set(identities))
    of_jobs = sa.select(jobs.c.id, jobs.c.number, jobs.c.title).where(jobs.c.id.in_(wanted))
    of_orders = sa.select(orders.c.id, orders.c.number).where(orders.c.id.in_(wanted))
    found = {
        row.id: Owner(f"Job {row.number}: {row.title}", url_for("jobs.show", reference=row.id))
        for row in connection.execute(of_jobs)
    }
    for row in connection.execute(of_orders):
        found[row.id] = Owner(f"Order {row.number}", url_for("orders.show", reference=row.id))
    return found
