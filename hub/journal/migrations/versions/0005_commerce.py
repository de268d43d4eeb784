"""The catalogue, orders, forms with what comes in by them, invoices and links."""

import sqlalchemy as sa
from alembic import op

import hub.journal.columns

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "catalogue_images",
        sa.Column("id", sa.String(length=40), nullable=False, comment="made of its content"),
        sa.Column(
            "content",
            hub.journal.columns.Body(),
            nullable=False,
            comment="WebP as the hub wrote it, never the file that was sent",
        ),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_images")),
    )
    op.create_table(
        "catalogue_items",
        sa.Column("id", sa.String(length=60), nullable=False, comment="the SKU"),
        sa.Column(
            "file", sa.String(length=80), nullable=False, comment="the catalogue file whose text says what it is"
        ),
        sa.Column("position", sa.Integer(), nullable=False, comment="its place in the file"),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False, comment="product, course, service or package"),
        sa.Column(
            "barcode",
            sa.String(length=60),
            nullable=True,
            comment="what is printed on the goods, where it is not the SKU",
        ),
        sa.Column(
            "vendor", sa.String(length=40), nullable=True, comment="the provider who sells it; null: the platform"
        ),
        sa.Column(
            "prices", hub.journal.columns.Document(), nullable=False, comment="currency -> minor units, tax included"
        ),
        sa.Column(
            "tax_rate", sa.String(length=12), server_default="0", nullable=False, comment="per cent, a decimal number"
        ),
        sa.Column("stock", sa.BigInteger(), nullable=True, comment="what is left to sell; null: unlimited"),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("image", sa.String(length=40), nullable=True, comment="the picture's id"),
        sa.Column("search", sa.Text(), nullable=False, comment="SKU, title and barcode in lower case"),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_items")),
    )
    op.create_index("ix_catalogue_items_file_position", "catalogue_items", ["file", "position"], unique=False)
    op.create_index("uq_catalogue_items_barcode", "catalogue_items", ["barcode"], unique=True)
    op.create_table(
        "form_plans",
        sa.Column("id", sa.String(length=40), nullable=False, comment="made of all that follows"),
        sa.Column("form", sa.String(length=80), nullable=False),
        sa.Column("offer", sa.String(length=60), nullable=False),
        sa.Column("connection", sa.String(length=80), nullable=False),
        sa.Column("terms", hub.journal.columns.Document(), nullable=False, comment="price and interval"),
        sa.Column("plan", sa.String(length=255), nullable=False, comment="the plan at the gateway"),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_form_plans")),
        comment="so that everybody who takes an offer at one price is on one plan",
    )
    op.create_table(
        "invoice_payments",
        sa.Column("id", sa.String(length=40), nullable=False, comment="made of connection and payment"),
        sa.Column("invoice", sa.String(length=40), nullable=False),
        sa.Column("connection", sa.String(length=80), nullable=False),
        sa.Column("payment", sa.String(length=255), nullable=False, comment="as in the table payments"),
        sa.Column("state", sa.String(length=12), nullable=False, comment="begun, taken, returned or surplus"),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("minor", sa.BigInteger(), nullable=True, comment="what came in, minor units"),
        sa.Column(
            "refunded", sa.BigInteger(), server_default="0", nullable=False, comment="what went back, minor units"
        ),
        sa.Column(
            "reason",
            sa.String(length=60),
            nullable=True,
            comment="why it is surplus: other_currency, void or not_issued",
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_payments")),
    )
    op.create_index("ix_invoice_payments_invoice", "invoice_payments", ["invoice"], unique=False)
    op.create_table(
        "invoices",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column(
            "series",
            sa.String(length=20),
            nullable=False,
            comment="what its number begins with; empty: the year of issue",
        ),
        sa.Column(
            "number", sa.String(length=40), nullable=True, comment="without gaps in its series; null: a draft has none"
        ),
        sa.Column(
            "state", sa.String(length=12), nullable=False, comment="draft, open, partly_paid, paid, overpaid or void"
        ),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column(
            "lines",
            hub.journal.columns.Document(),
            nullable=False,
            comment="as events carry them, with the rate of their tax",
        ),
        sa.Column("taxes", hub.journal.columns.Document(), nullable=False, comment="[{rate, net, tax}], minor units"),
        sa.Column("tax_included", sa.Boolean(), nullable=False, comment="whether the lines' prices hold the tax"),
        sa.Column("total", sa.BigInteger(), nullable=False, comment="minor units, tax included"),
        sa.Column("paid", sa.BigInteger(), server_default="0", nullable=False, comment="what came in, minor units"),
        sa.Column("refunded", sa.BigInteger(), server_default="0", nullable=False, comment="what of it went back"),
        sa.Column("order", sa.String(length=40), nullable=True, comment="the order that it bills"),
        sa.Column("customer", hub.journal.columns.Document(), nullable=True),
        sa.Column("metadata", hub.journal.columns.Document(), nullable=True),
        sa.Column(
            "connections",
            hub.journal.columns.Document(),
            nullable=True,
            comment="the connections offered to pay with; null: all that can",
        ),
        sa.Column(
            "note", sa.String(length=500), server_default="", nullable=False, comment="what the customer reads below"
        ),
        sa.Column("language", sa.String(length=2), nullable=False, comment="of paper and mail"),
        sa.Column("due_in_days", sa.Integer(), nullable=False),
        sa.Column("issued_at", hub.journal.columns.Moment(), nullable=True),
        sa.Column(
            "due_at",
            hub.journal.columns.Moment(),
            nullable=True,
            comment="the end of the day until which it is to be paid",
        ),
        sa.Column(
            "overdue_at", hub.journal.columns.Moment(), nullable=True, comment="when it was told that it is overdue"
        ),
        sa.Column("sent_at", hub.journal.columns.Moment(), nullable=True, comment="when it was last mailed"),
        sa.Column("paid_at", hub.journal.columns.Moment(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True, comment="why it is void"),
        sa.Column("search", sa.Text(), nullable=False, comment="customer and lines in lower case"),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoices")),
        sa.UniqueConstraint("number", name=op.f("uq_invoices_number")),
    )
    op.create_index("ix_invoices_created_at", "invoices", ["created_at"], unique=False)
    op.create_index("ix_invoices_order", "invoices", ["order"], unique=False)
    op.create_index("ix_invoices_state_created_at", "invoices", ["state", "created_at"], unique=False)
    op.create_table(
        "order_lines",
        sa.Column("id", sa.String(length=48), nullable=False, comment="the order's id and the line's number"),
        sa.Column("order", sa.String(length=40), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="from 1"),
        sa.Column(
            "item", sa.String(length=60), nullable=True, comment="the SKU; null: something that is not in the catalogue"
        ),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("vendor", sa.String(length=40), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False, comment="of one, minor units, tax included"),
        sa.Column("total", sa.BigInteger(), nullable=False, comment="minor units, tax included"),
        sa.Column("tax_rate", sa.String(length=12), server_default="0", nullable=False, comment="per cent"),
        sa.Column("tax", sa.BigInteger(), server_default="0", nullable=False, comment="the tax that the total holds"),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_lines")),
    )
    op.create_index("uq_order_lines_order_position", "order_lines", ["order", "position"], unique=True)
    op.create_table(
        "order_payments",
        sa.Column("id", sa.String(length=40), nullable=False, comment="made of connection and payment"),
        sa.Column("order", sa.String(length=40), nullable=False),
        sa.Column("connection", sa.String(length=80), nullable=False),
        sa.Column("payment", sa.String(length=255), nullable=False, comment="as in the table payments"),
        sa.Column(
            "state", sa.String(length=12), nullable=False, comment="begun, taken, returned, surplus, refunded or stuck"
        ),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("minor", sa.BigInteger(), nullable=True, comment="what came in, minor units"),
        sa.Column(
            "reason",
            sa.String(length=60),
            nullable=True,
            comment="why it is surplus: paid_already, cancelled, other_currency, sold_out",
        ),
        sa.Column("error", hub.journal.columns.Document(), nullable=True, comment="why it could not be given back"),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_payments")),
    )
    op.create_index("ix_order_payments_order", "order_payments", ["order"], unique=False)
    op.create_index("ix_order_payments_state", "order_payments", ["state"], unique=False)
    op.create_table(
        "orders",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="what people call it"),
        sa.Column("state", sa.String(length=12), nullable=False, comment="open, paid, cancelled or expired"),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False, comment="minor units"),
        sa.Column(
            "paid", sa.BigInteger(), server_default="0", nullable=False, comment="what was taken for it, minor units"
        ),
        sa.Column("customer", hub.journal.columns.Document(), nullable=True),
        sa.Column("metadata", hub.journal.columns.Document(), nullable=True),
        sa.Column(
            "connections",
            hub.journal.columns.Document(),
            nullable=True,
            comment="the connections offered to pay with; null: all that can",
        ),
        sa.Column("description", sa.String(length=500), server_default="", nullable=False),
        sa.Column(
            "return_url",
            sa.String(length=2048),
            nullable=True,
            comment="where the customer goes once it is paid; null: the order's page",
        ),
        sa.Column("link", sa.String(length=40), nullable=True, comment="the payment link that it was placed for"),
        sa.Column("reason", sa.String(length=200), nullable=True, comment="why it was cancelled"),
        sa.Column("due_at", hub.journal.columns.Moment(), nullable=True, comment="until when it may be paid"),
        sa.Column("paid_at", hub.journal.columns.Moment(), nullable=True),
        sa.Column("search", sa.Text(), nullable=False, comment="number, customer and items in lower case"),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("number", name=op.f("uq_orders_number")),
    )
    op.create_index("ix_orders_created_at", "orders", ["created_at"], unique=False)
    op.create_index("ix_orders_link", "orders", ["link"], unique=False)
    op.create_index("ix_orders_state_created_at", "orders", ["state", "created_at"], unique=False)
    op.create_table(
        "pay_attempts",
        sa.Column("id", sa.String(length=40), nullable=False, comment="made of subject, connection and number"),
        sa.Column("subject", sa.String(length=60), nullable=False, comment="the order, invoice or job that is paid"),
        sa.Column("connection", sa.String(length=80), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="from 1; two clicks at once cannot both be the next"),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False, comment="the key of the click that began it"),
        sa.Column("state", sa.String(length=12), nullable=False, comment="beginning, begun or failed"),
        sa.Column("payment", sa.String(length=255), nullable=True),
        sa.Column("url", sa.Text(), nullable=True, comment="where the payer pays"),
        sa.Column(
            "expires_at",
            hub.journal.columns.Moment(),
            nullable=True,
            comment="until when that address is good, where the gateway says it",
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pay_attempts")),
    )
    op.create_index("uq_pay_attempts_subject", "pay_attempts", ["subject", "connection", "number"], unique=True)
    op.create_table(
        "receipts",
        sa.Column(
            "id",
            sa.String(length=40),
            nullable=False,
            comment="made of series and subject: one receipt for each payment",
        ),
        sa.Column("series", sa.String(length=60), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="without gaps in its series"),
        sa.Column("subject", sa.String(length=255), nullable=False, comment="the payment it is for"),
        sa.Column(
            "details",
            hub.journal.columns.Document(),
            nullable=False,
            comment="amount and customer, as the receipt says them",
        ),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipts")),
        sa.UniqueConstraint("series", "number", name="uq_receipts_series_number"),
    )
    op.create_table(
        "reservations",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("item", sa.String(length=60), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.String(length=60), nullable=False, comment="the order it is for, or the step that asked"),
        sa.Column("state", sa.String(length=12), nullable=False, comment="held, sold or released"),
        sa.Column(
            "due_at",
            hub.journal.columns.Moment(),
            nullable=True,
            comment="when it goes back by itself; null: not by itself",
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservations")),
    )
    op.create_index("ix_reservations_owner", "reservations", ["owner"], unique=False)
    op.create_table(
        "submissions",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("form", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False, comment="sent, paying, paid, active or ended"),
        sa.Column(
            "answers",
            hub.journal.columns.Document(),
            nullable=False,
            comment="field -> what was entered, as it was validated",
        ),
        sa.Column(
            "customer",
            hub.journal.columns.Document(),
            nullable=False,
            comment="a Customer; empty when the form asks for none",
        ),
        sa.Column(
            "offer", sa.String(length=60), nullable=True, comment="what was chosen; null: the form asks for no money"
        ),
        sa.Column(
            "connection",
            sa.String(length=80),
            nullable=True,
            comment="the gateway that was chosen; null: the payer chooses at the order",
        ),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("minor", sa.BigInteger(), nullable=True, comment="what the server validated, in minor units"),
        sa.Column("language", sa.String(length=12), nullable=False, comment="in which the visitor was spoken to"),
        sa.Column("order", sa.String(length=60), nullable=True),
        sa.Column("payment", sa.String(length=255), nullable=True, comment="the first payment that succeeded"),
        sa.Column("subscription", sa.String(length=255), nullable=True),
        sa.Column("url", sa.Text(), nullable=True, comment="where the payer was led to pay"),
        sa.Column("search", sa.Text(), nullable=False, comment="name, mail address and references in lower case"),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submissions")),
    )
    op.create_index("ix_submissions_form_id", "submissions", ["form", "created_at", "id"], unique=False)
    op.create_index("ix_submissions_subscription", "submissions", ["subscription"], unique=False)
    op.create_table(
        "link_batches",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False, comment="of the file"),
        sa.Column("state", sa.String(length=12), nullable=False, comment="checked, running, done or discarded"),
        sa.Column(
            "lines",
            hub.journal.columns.Document(),
            nullable=False,
            comment="[[line, what links/create is given]], the good ones",
        ),
        sa.Column("wrong", hub.journal.columns.Document(), nullable=False, comment="[[line, what is wrong]]"),
        sa.Column("made", sa.Integer(), server_default="0", nullable=False, comment="how many of the lines are links"),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_batches")),
    )
    op.create_index("ix_link_batches_created_at", "link_batches", ["created_at"], unique=False)
    op.create_table(
        "payment_links",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False, comment="active, paid, expired or cancelled"),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False, comment="what is asked for, minor units"),
        sa.Column("purpose", sa.String(length=200), nullable=False),
        sa.Column(
            "recipient",
            hub.journal.columns.Document(),
            nullable=False,
            comment="a Customer; empty when nobody is named",
        ),
        sa.Column(
            "connections",
            hub.journal.columns.Document(),
            nullable=True,
            comment="the connections offered to pay with; null: all that can",
        ),
        sa.Column("reusable", sa.Boolean(), nullable=False, comment="many may pay; each gets an order at the click"),
        sa.Column("order", sa.String(length=40), nullable=True, comment="the order that it pays; null: it is reusable"),
        sa.Column("payments", sa.Integer(), server_default="0", nullable=False, comment="how often it was paid"),
        sa.Column("language", sa.String(length=2), nullable=False, comment="of its mails"),
        sa.Column(
            "note", sa.String(length=500), server_default="", nullable=False, comment="what its mails say besides"
        ),
        sa.Column("metadata", hub.journal.columns.Document(), nullable=True),
        sa.Column("return_url", sa.String(length=2048), nullable=True),
        sa.Column(
            "remind_in",
            sa.String(length=40),
            nullable=True,
            comment="how long after it was mailed a reminder goes out; null: never",
        ),
        sa.Column(
            "mail", sa.String(length=12), server_default="none", nullable=False, comment="none, waiting, sent or failed"
        ),
        sa.Column("mail_error", hub.journal.columns.Document(), nullable=True, comment="why it could not be mailed"),
        sa.Column("sent_at", hub.journal.columns.Moment(), nullable=True, comment="when it was last mailed"),
        sa.Column("reminded_at", hub.journal.columns.Moment(), nullable=True),
        sa.Column("opened_at", hub.journal.columns.Moment(), nullable=True, comment="the first time"),
        sa.Column("paid_at", hub.journal.columns.Moment(), nullable=True, comment="the last time"),
        sa.Column(
            "due_at", hub.journal.columns.Moment(), nullable=True, comment="until when it can be paid; null: for ever"
        ),
        sa.Column("batch", sa.String(length=40), nullable=True, comment="the table of recipients that it is of"),
        sa.Column("search", sa.Text(), nullable=False, comment="recipient and purpose in lower case"),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_links")),
    )
    op.create_index("ix_payment_links_batch", "payment_links", ["batch"], unique=False)
    op.create_index("ix_payment_links_created_at", "payment_links", ["created_at"], unique=False)
    op.create_index("ix_payment_links_state_created_at", "payment_links", ["state", "created_at"], unique=False)
