"""What customers may use, and what they asked the member's portal for."""

from __future__ import annotations

import sqlalchemy as sa

from hub.journal.columns import Document, Moment
from hub.journal.tables import metadata

accesses = sa.Table(
    "accesses",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True, comment="made of email, resource and ground"),
    sa.Column("email", sa.String(320), nullable=False, comment="small letters: by it a customer is known"),
    sa.Column("resource", sa.String(120), nullable=False),
    sa.Column(
        "ground",
        sa.String(255),
        nullable=False,
        comment="the subscription or payment it rests on; empty: somebody's word. Its end leaves the others",
    ),
    sa.Column("state", sa.String(12), nullable=False, comment="active, revoked or expired"),
    sa.Column("until", Moment, comment="null: without end"),
    sa.Column("customer", Document, nullable=False),
    sa.Column("title", sa.String(200), nullable=False, comment="what the customer calls the resource"),
    sa.Column("address", sa.Text, nullable=False, comment="where it is used; empty where that needs no address"),
    sa.Column(
        "reference", Document, nullable=False, comment="payment, subscription, plan, order, metadata: as granted"
    ),
    sa.Column("reason", sa.String(200), comment="why it was revoked"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_accesses_email", "email"),
    sa.Index("ix_accesses_created_at", "created_at"),
    info={"title": "access"},
)

portal_requests = sa.Table(
    "portal_requests",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True, comment="made of email and quarter of an hour: one mail in each"),
    sa.Column("email", sa.String(320), nullable=False),
    sa.Column("subject", sa.Text, nullable=False, comment="the mail, in the visitor's language"),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Index("ix_portal_requests_created_at", "created_at"),
    info={"title": "request for a link"},
    comment="kept a day; whether a mail goes out is decided later, so that the page tells nobody who is a customer",
)
