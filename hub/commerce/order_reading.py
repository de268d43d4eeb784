"""Orders as they are read: found, with their lines and payments, and as events and actions carry them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from hub.commerce.numbers import as_number
from hub.commerce.order_lines import Line
from hub.ids import derived_id
from hub.journal.among import among, these
from hub.journal.book import found
from hub.journal.tables import payments
from hub.journal.tables_commerce import order_lines, order_payments, orders
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hub.jsontypes import Json, JsonObject
    from hub.office import Office

_LONGEST: Final = 255


def find_order(connection: sa.Connection, reference: str) -> sa.Row[Any]:
    """An order by its id or its number. Raises ``NotFoundError``."""
    number = as_number(reference)
    by = orders.c.id == reference if number is None else orders.c.number == number
    return found(orders, reference, connection.execute(sa.select(orders).where(by)).first())


def lines_of(connection: sa.Connection, order: sa.Row[Any]) -> list[Line]:
    """An order's lines, in their order."""
    query = sa.select(order_lines).where(order_lines.c.order == order.id).order_by(order_lines.c.position)
    return [Line.of_row(row, order.currency) for row in connection.execute(query)]


def payments_of(connection: sa.Connection, identity: str) -> Sequence[sa.Row[Any]]:
    """The payments that were begun for an order, oldest first; ``at_gateway`` is how each stands there."""
    same = sa.and_(payments.c.connection == order_payments.c.connection, payments.c.payment == order_payments.c.payment)
    query = (
        sa.select(order_payments, payments.c.state.label("at_gateway"), payments.c.refunded)
        .join(payments, same)
        .where(order_payments.c.order == identity)
        .order_by(order_payments.c.created_at, order_payments.c.id)
    )
    return connection.execute(query).all()


def due_of(order: sa.Row[Any]) -> Money:
    """What is still to be paid."""
    return Money(max(order.total - order.paid, 0), order.currency)


def payment_identity(connection: str, payment: str) -> str:
    """The id of a payment's row in ``order_payments``, by its connection and the gateway's reference."""
    return derived_id("opy", connection, payment[:_LONGEST])


def begun_for_orders(connection: sa.Connection, identities: Iterable[str]) -> dict[str, sa.Row[Any]]:
    """Payments' identities -> how those stand that were begun for an order."""
    wanted = set(identities)
    return {row.id: row for row in connection.execute(_BEGUN, these(wanted))} if wanted else {}


_BEGUN = sa.select(order_payments).where(among(order_payments.c.id))


def references(order: sa.Row[Any]) -> dict[str, str]:
    """What a payment of it says that it is for: also the payment link that it was placed for."""
    return {"order": order.id, **({"link": order.link} if order.link else {})}


def order_event(connection: sa.Connection, order: sa.Row[Any], /, **more: Json) -> JsonObject:
    """The data of an ``order.*`` event."""
    return {
        "order": order.id,
        "number": str(order.number),
        "link": order.link,
        "lines": [line.to_json() for line in lines_of(connection, order)],
        "total": Money(order.total, order.currency).to_json(),
        "customer": order.customer,
        "metadata": order.metadata,
        **more,
    }


def order_output(office: Office, connection: sa.Connection, order: sa.Row[Any]) -> JsonObject:
    """An order as the actions give it."""
    begun = [
        {"connection": row.connection, "payment": row.payment, "state": row.state, "status": row.at_gateway}
        for row in payments_of(connection, order.id)
    ]
    output: JsonObject = {
        **order_event(connection, order),
        "state": order.state,
        "paid": Money(order.paid, order.currency).to_json(),
        "due": due_of(order).to_json(),
        "url": office.address("o", order.id),
        "payments": cast("list[Json]", begun),
        "reason": order.reason,
        "expires_at": order.due_at.isoformat() if order.due_at else None,
    }
    return {name: value for name, value in output.items() if value is not None}
