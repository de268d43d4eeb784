"""Invoices as they are read: found, with their payments, and as events and actions carry them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from hub.journal.book import found
from hub.journal.tables import payments
from hub.journal.tables_invoices import invoice_payments, invoices
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.jsontypes import Json, JsonObject
    from hub.office import Office

PAYABLE = frozenset({"open", "partly_paid"})


def find_invoice(connection: sa.Connection, reference: str) -> sa.Row[Any]:
    """An invoice by its id or its number. Raises ``NotFoundError``."""
    by = sa.or_(invoices.c.id == reference, invoices.c.number == reference)
    return found(invoices, reference, connection.execute(sa.select(invoices).where(by)).first())


def payments_of(connection: sa.Connection, identity: str) -> Sequence[sa.Row[Any]]:
    """The payments that were begun for an invoice, oldest first; ``at_gateway`` is how each stands there."""
    same = sa.and_(
        payments.c.connection == invoice_payments.c.connection, payments.c.payment == invoice_payments.c.payment
    )
    query = (
        sa.select(invoice_payments, payments.c.state.label("at_gateway"))
        .join(payments, same)
        .where(invoice_payments.c.invoice == identity)
        .order_by(invoice_payments.c.created_at, invoice_payments.c.id)
    )
    return connection.execute(query).all()


def due_of(invoice: sa.Row[Any]) -> Money:
    """What is still to be paid; what was refunded is not owed again."""
    left = 0 if invoice.state == "void" else max(invoice.total - invoice.paid, 0)
    return Money(left, invoice.currency)


def surplus_of(invoice: sa.Row[Any]) -> Money:
    """What came in beyond the total and was not given back yet."""
    return Money(max(invoice.paid - invoice.total - invoice.refunded, 0), invoice.currency)


def references(invoice: sa.Row[Any]) -> dict[str, str]:
    """What a payment of it says that it is for: also the order that it bills, which the same money pays."""
    return {**({"order": invoice.order} if invoice.order else {}), "invoice": invoice.id}


def invoice_event(invoice: sa.Row[Any], url: str | None = None, /, **more: Json) -> JsonObject:
    """The data of an ``invoice.*`` event."""
    lines = [{name: value for name, value in line.items() if name != "tax_rate"} for line in invoice.lines]
    return {
        "invoice": invoice.id,
        "number": invoice.number,
        "order": invoice.order,
        "lines": cast("list[Json]", lines),
        "total": Money(invoice.total, invoice.currency).to_json(),
        "paid": Money(invoice.paid, invoice.currency).to_json(),
        "due": due_of(invoice).to_json(),
        "due_at": invoice.due_at.isoformat() if invoice.due_at else None,
        "customer": invoice.customer,
        "metadata": invoice.metadata,
        "url": url,
        **more,
    }


def invoice_output(office: Office, connection: sa.Connection, invoice: sa.Row[Any]) -> JsonObject:
    """An invoice as the actions give it."""
    taxes = [
        {"rate": one["rate"], **{part: Money(one[part], invoice.currency).to_json() for part in ("net", "tax")}}
        for one in invoice.taxes
    ]
    begun = [
        {"connection": row.connection, "payment": row.payment, "state": row.state, "status": row.at_gateway}
        for row in payments_of(connection, invoice.id)
    ]
    url = office.address("i", invoice.id)
    output: JsonObject = {
        **invoice_event(invoice, url),
        "lines": invoice.lines,
        "state": invoice.state,
        "taxes": cast("list[Json]", taxes),
        "refunded": Money(invoice.refunded, invoice.currency).to_json(),
        "pdf": f"{url}/invoice.pdf",
        "payments": cast("list[Json]", begun),
        "issued_at": invoice.issued_at.isoformat() if invoice.issued_at else None,
        "reason": invoice.reason,
    }
    return {name: value for name, value in output.items() if value is not None}
