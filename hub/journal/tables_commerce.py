"""What is sold: the catalogue with its stock, orders with their lines and payments, the checkouts that payers began."""

from __future__ import annotations

import sqlalchemy as sa

from hub.journal.columns import Body, Document, Moment
from hub.journal.tables import metadata

catalogue_items = sa.Table(
    "catalogue_items",
    metadata,
    sa.Column("id", sa.String(60), primary_key=True, comment="the SKU"),
    sa.Column("file", sa.String(80), nullable=False, comment="the catalogue file whose text says what it is"),
    sa.Column("position", sa.Integer, nullable=False, comment="its place in the file"),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(12), nullable=False, comment="product, course, service or package"),
    sa.Column("barcode", sa.String(60), comment="what is printed on the goods, where it is not the SKU"),
    sa.Column("vendor", sa.String(40), comment="the provider who sells it; null: the platform"),
    sa.Column("prices", Document, nullable=False, comment="currency -> minor units, tax included"),
    sa.Column("tax_rate", sa.String(12), nullable=False, server_default="0", comment="per cent, a decimal number"),
    sa.Column("stock", sa.BigInteger, comment="what is left to sell; null: unlimited"),
    sa.Column("description", sa.Text, nullable=False, server_default=""),
    sa.Column("image", sa.String(40), comment="the picture's id"),
    sa.Column("search", sa.Text, nullable=False, comment="SKU, title and barcode in lower case"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("uq_catalogue_items_barcode", "barcode", unique=True),
    sa.Index("ix_catalogue_items_file_position", "file", "position"),
    info={"title": "item of the catalogue"},
)

catalogue_images = sa.Table(
    "catalogue_images",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True, comment="made of its content"),
    sa.Column("content", Body, nullable=False, comment="WebP as the hub wrote it, never the file that was sent"),
    sa.Column("created_at", Moment, nullable=False),
    info={"title": "picture"},
)

reservations = sa.Table(
    "reservations",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("item", sa.String(60), nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("owner", sa.String(60), nullable=False, comment="the order it is for, or the step that asked"),
    sa.Column("state", sa.String(12), nullable=False, comment="held, sold or released"),
    sa.Column("due_at", Moment, comment="when it goes back by itself; null: not by itself"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_reservations_owner", "owner"),
    info={"title": "reservation"},
)

orders = sa.Table(
    "orders",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False, unique=True, comment="what people call it"),
    sa.Column("state", sa.String(12), nullable=False, comment="open, paid, cancelled or expired"),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("total", sa.BigInteger, nullable=False, comment="minor units"),
    sa.Column("paid", sa.BigInteger, nullable=False, server_default="0", comment="what was taken for it, minor units"),
    sa.Column("customer", Document),
    sa.Column("metadata", Document),
    sa.Column("connections", Document, comment="the connections offered to pay with; null: all that can"),
    sa.Column("description", sa.String(500), nullable=False, server_default=""),
    sa.Column("return_url", sa.String(2048), comment="where the customer goes once it is paid; null: the order's page"),
    sa.Column("link", sa.String(40), comment="the payment link that it was placed for"),
    sa.Column("reason", sa.String(200), comment="why it was cancelled"),
    sa.Column("due_at", Moment, comment="until when it may be paid"),
    sa.Column("paid_at", Moment),
    sa.Column("search", sa.Text, nullable=False, comment="number, customer and items in lower case"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_orders_state_created_at", "state", "created_at"),
    sa.Index("ix_orders_created_at", "created_at"),
    sa.Index("ix_orders_link", "link"),
    info={"title": "order"},
)

order_lines = sa.Table(
    "order_lines",
    metadata,
    sa.Column("id", sa.String(48), primary_key=True, comment="the order's id and the line's number"),
    sa.Column("order", sa.String(40), nullable=False),
    sa.Column("position", sa.Integer, nullable=False, comment="from 1"),
    sa.Column("item", sa.String(60), comment="the SKU; null: something that is not in the catalogue"),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("vendor", sa.String(40)),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("price", sa.BigInteger, nullable=False, comment="of one, minor units, tax included"),
    sa.Column("total", sa.BigInteger, nullable=False, comment="minor units, tax included"),
    sa.Column("tax_rate", sa.String(12), nullable=False, server_default="0", comment="per cent"),
    sa.Column("tax", sa.BigInteger, nullable=False, server_default="0", comment="the tax that the total holds"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Index("uq_order_lines_order_position", "order", "position", unique=True),
    info={"title": "line of an order"},
)

order_payments = sa.Table(
    "order_payments",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True, comment="made of connection and payment"),
    sa.Column("order", sa.String(40), nullable=False),
    sa.Column("connection", sa.String(80), nullable=False),
    sa.Column("payment", sa.String(255), nullable=False, comment="as in the table payments"),
    sa.Column("state", sa.String(12), nullable=False, comment="begun, taken, returned, surplus, refunded or stuck"),
    sa.Column("currency", sa.String(3)),
    sa.Column("minor", sa.BigInteger, comment="what came in, minor units"),
    sa.Column("reason", sa.String(60), comment="why it is surplus: paid_already, cancelled, other_currency, sold_out"),
    sa.Column("error", Document, comment="why it could not be given back"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_order_payments_order", "order"),
    sa.Index("ix_order_payments_state", "state"),
    info={"title": "payment of an order"},
)

pay_attempts = sa.Table(
    "pay_attempts",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True, comment="made of subject, connection and number"),
    sa.Column("subject", sa.String(60), nullable=False, comment="the order, invoice or job that is paid"),
    sa.Column("connection", sa.String(80), nullable=False),
    sa.Column("number", sa.Integer, nullable=False, comment="from 1; two clicks at once cannot both be the next"),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("minor", sa.BigInteger, nullable=False),
    sa.Column("key", sa.String(64), nullable=False, comment="the key of the click that began it"),
    sa.Column("state", sa.String(12), nullable=False, comment="beginning, begun or failed"),
    sa.Column("payment", sa.String(255)),
    sa.Column("url", sa.Text, comment="where the payer pays"),
    sa.Column("expires_at", Moment, comment="until when that address is good, where the gateway says it"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("uq_pay_attempts_subject", "subject", "connection", "number", unique=True),
    info={"title": "checkout"},
)
