"""Payment links: what was asked of whom, and the tables of recipients from which many are made."""

from __future__ import annotations

import sqlalchemy as sa

from hub.journal.columns import Document, Moment
from hub.journal.tables import metadata

payment_links = sa.Table(
    "payment_links",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("state", sa.String(12), nullable=False, comment="active, paid, expired or cancelled"),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("minor", sa.BigInteger, nullable=False, comment="what is asked for, minor units"),
    sa.Column("purpose", sa.String(200), nullable=False),
    sa.Column("recipient", Document, nullable=False, comment="a Customer; empty when nobody is named"),
    sa.Column("connections", Document, comment="the connections offered to pay with; null: all that can"),
    sa.Column("reusable", sa.Boolean, nullable=False, comment="many may pay; each gets an order at the click"),
    sa.Column("order", sa.String(40), comment="the order that it pays; null: it is reusable"),
    sa.Column("payments", sa.Integer, nullable=False, server_default="0", comment="how often it was paid"),
    sa.Column("language", sa.String(2), nullable=False, comment="of its mails"),
    sa.Column("note", sa.String(500), nullable=False, server_default="", comment="what its mails say besides"),
    sa.Column("metadata", Document),
    sa.Column("return_url", sa.String(2048)),
    sa.Column("remind_in", sa.String(40), comment="how long after it was mailed a reminder goes out; null: never"),
    sa.Column("mail", sa.String(12), nullable=False, server_default="none", comment="none, waiting, sent or failed"),
    sa.Column("mail_error", Document, comment="why it could not be mailed"),
    sa.Column("sent_at", Moment, comment="when it was last mailed"),
    sa.Column("reminded_at", Moment),
    sa.Column("opened_at", Moment, comment="the first time"),
    sa.Column("paid_at", Moment, comment="the last time"),
    sa.Column("due_at", Moment, comment="until when it can be paid; null: for ever"),
    sa.Column("batch", sa.String(40), comment="the table of recipients that it is of"),
    sa.Column("search", sa.Text, nullable=False, comment="recipient and purpose in lower case"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_payment_links_state_created_at", "state", "created_at"),
    sa.Index("ix_payment_links_created_at", "created_at"),
    sa.Index("ix_payment_links_batch", "batch"),
    info={"title": "payment link"},
)

link_batches = sa.Table(
    "link_batches",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False, comment="of the file"),
    sa.Column("state", sa.String(12), nullable=False, comment="checked, running, done or discarded"),
    sa.Column("lines", Document, nullable=False, comment="[[line, what links/create is given]], the good ones"),
    sa.Column("wrong", Document, nullable=False, comment="[[line, what is wrong]]"),
    sa.Column("made", sa.Integer, nullable=False, server_default="0", comment="how many of the lines are links"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_link_batches_created_at", "created_at"),
    info={"title": "table of recipients"},
)
