"""Invoices with their lines, and the payments that came in for them."""

from __future__ import annotations

import sqlalchemy as sa

from hub.journal.columns import Document, Moment
from hub.journal.tables import metadata

invoices = sa.Table(
    "invoices",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("series", sa.String(20), nullable=False, comment="what its number begins with; empty: the year of issue"),
    sa.Column("number", sa.String(40), unique=True, comment="without gaps in its series; null: a draft has none"),
    sa.Column("state", sa.String(12), nullable=False, comment="draft, open, partly_paid, paid, overpaid or void"),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("lines", Document, nullable=False, comment="as events carry them, with the rate of their tax"),
    sa.Column("taxes", Document, nullable=False, comment="[{rate, net, tax}], minor units"),
    sa.Column("tax_included", sa.Boolean, nullable=False, comment="whether the lines' prices hold the tax"),
    sa.Column("total", sa.BigInteger, nullable=False, comment="minor units, tax included"),
    sa.Column("paid", sa.BigInteger, nullable=False, server_default="0", comment="what came in, minor units"),
    sa.Column("refunded", sa.BigInteger, nullable=False, server_default="0", comment="what of it went back"),
    sa.Column("order", sa.String(40), comment="the order that it bills"),
    sa.Column("customer", Document),
    sa.Column("metadata", Document),
    sa.Column("connections", Document, comment="the connections offered to pay with; null: all that can"),
    sa.Column("note", sa.String(500), nullable=False, server_default="", comment="what the customer reads below"),
    sa.Column("language", sa.String(2), nullable=False, comment="of paper and mail"),
    sa.Column("due_in_days", sa.Integer, nullable=False),
    sa.Column("issued_at", Moment),
    sa.Column("due_at", Moment, comment="the end of the day until which it is to be paid"),
    sa.Column("overdue_at", Moment, comment="when it was told that it is overdue"),
    sa.Column("sent_at", Moment, comment="when it was last mailed"),
    sa.Column("paid_at", Moment),
    sa.Column("reason", sa.String(200), comment="why it is void"),
    sa.Column("search", sa.Text, nullable=False, comment="customer and lines in lower case"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_invoices_state_created_at", "state", "created_at"),
    sa.Index("ix_invoices_created_at", "created_at"),
    sa.Index("ix_invoices_order", "order"),
    info={"title": "invoice"},
)

invoice_payments = sa.Table(
    "invoice_payments",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True, comment="made of connection and payment"),
    sa.Column("invoice", sa.String(40), nullable=False),
    sa.Column("connection", sa.String(80), nullable=False),
    sa.Column("payment", sa.String(255), nullable=False, comment="as in the table payments"),
    sa.Column("state", sa.String(12), nullable=False, comment="begun, taken, returned or surplus"),
    sa.Column("currency", sa.String(3)),
    sa.Column("minor", sa.BigInteger, comment="what came in, minor units"),
    sa.Column("refunded", sa.BigInteger, nullable=False, server_default="0", comment="what went back, minor units"),
    sa.Column("reason", sa.String(60), comment="why it is surplus: other_currency, void or not_issued"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_invoice_payments_invoice", "invoice"),
    info={"title": "payment of an invoice"},
)
