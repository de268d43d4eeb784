"""What of a paid order is for goods of the platform's own: lines that no vendor sells."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hub.journal.tables_commerce import order_lines, order_payments, orders

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.payments.payment import Facts

    Place = tuple[str, str]


def own_sales(connection: sa.Connection, facts: Mapping[Place, Facts]) -> Mapping[Place, int]:
    """(connection, payment) -> minor units. An order that was paid by several payments fills them one after the other."""
    wanted = sorted({str(one.value("order")) for one in facts.values() if one.value("order")})
    if not wanted:
        return {}
    total = sa.func.sum(order_lines.c.total).label("total")
    lines = sa.select(order_lines.c.order, total).join(orders, orders.c.id == order_lines.c.order)
    mine = (orders.c.id.in_(wanted), orders.c.state == "paid", order_lines.c.vendor.is_(None))
    left = {row.order: int(row.total) for row in connection.execute(lines.where(*mine).group_by(order_lines.c.order))}
    if not left:
        return {}
    taken = (order_payments.c.order.in_(sorted(left)), order_payments.c.state == "taken")
    query = sa.select(order_payments).where(*taken).order_by(order_payments.c.created_at, order_payments.c.id)
    found: dict[Place, int] = defaultdict(int)
    for row in connection.execute(query):
        part = min(left[row.order], row.minor or 0)
        left[row.order] -= part
        found[row.connection, row.payment] += part
    return found
