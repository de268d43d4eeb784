"""What of a paid order is for goods of the platform's own: lines that no vendor sells."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hub.ids import is_order
from hub.journal.among import among, these
from hub.journal.tables_commerce import order_lines, order_payments, orders

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.payments.payment import Facts

    Place = tuple[str, str]


def own_sales(connection: sa.Connection, facts: Mapping[Place, Facts]) -> Mapping[Place, int]:
    """(connection, payment) -> minor units. An order that was paid by several payments fills them one after the other."""
    wanted = {order for one in facts.values() if is_order(order := one.value("order"))}
    if not wanted:
        return {}
    left = {row.order: int(row.total) for row in connection.execute(_LINES, these(wanted))}
    if not left:
        return {}
    found: dict[Place, int] = defaultdict(int)
    for row in connection.execute(_TAKEN, these(left)):
        part = min(left[row.order], row.minor or 0)
        left[row.order] -= part
        found[row.connection, row.payment] += part
    return found


_LINES = (
    sa.select(order_lines.c.order, sa.func.sum(order_lines.c.total).label("total"))
    .join(orders, orders.c.id == order_lines.c.order)
    .where(among(orders.c.id), orders.c.state == "paid", order_lines.c.vendor.is_(None))
    .group_by(order_lines.c.order)
)
_TAKEN = (
    sa.select(order_payments)
    .where(among(order_payments.c.order), order_payments.c.state == "taken")
    .order_by(order_payments.c.created_at, order_payments.c.id)
)
