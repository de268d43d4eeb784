"""What comes in by forms: submissions, the plans that their recurring offers made, receipts with a number."""

from __future__ import annotations

import sqlalchemy as sa

from hub.journal.columns import Document, Moment
from hub.journal.tables import metadata

submissions = sa.Table(
    "submissions",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("form", sa.String(80), nullable=False),
    sa.Column("state", sa.String(12), nullable=False, comment="sent, paying, paid, active or ended"),
    sa.Column("answers", Document, nullable=False, comment="field -> what was entered, as it was validated"),
    sa.Column("customer", Document, nullable=False, comment="a Customer; empty when the form asks for none"),
    sa.Column("offer", sa.String(60), comment="what was chosen; null: the form asks for no money"),
    sa.Column("connection", sa.String(80), comment="the gateway that was chosen; null: the payer chooses at the order"),
    sa.Column("currency", sa.String(3)),
    sa.Column("minor", sa.BigInteger, comment="what the server validated, in minor units"),
    sa.Column("coupon", sa.String(60), comment="the code that was redeemed with it"),
    sa.Column(
        "discount", Document, comment="what the code takes off what recurs; what is paid once is cheaper already"
    ),
    sa.Column("language", sa.String(12), nullable=False, comment="in which the visitor was spoken to"),
    sa.Column("order", sa.String(60)),
    sa.Column("payment", sa.String(255), comment="the first payment that succeeded"),
    sa.Column("subscription", sa.String(255)),
    sa.Column("url", sa.Text, comment="where the payer was led to pay"),
    sa.Column("search", sa.Text, nullable=False, comment="name, mail address and references in lower case"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_submissions_form_id", "form", "created_at", "id"),
    sa.Index("ix_submissions_subscription", "subscription"),
    info={"title": "submission"},
)

form_plans = sa.Table(
    "form_plans",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True, comment="made of all that follows"),
    sa.Column("form", sa.String(80), nullable=False),
    sa.Column("offer", sa.String(60), nullable=False),
    sa.Column("connection", sa.String(80), nullable=False),
    sa.Column("terms", Document, nullable=False, comment="price and interval"),
    sa.Column("plan", sa.String(255), nullable=False, comment="the plan at the gateway"),
    sa.Column("created_at", Moment, nullable=False),
    info={"title": "plan of a form"},
    comment="so that everybody who takes an offer at one price is on one plan",
)

receipts = sa.Table(
    "receipts",
    metadata,
    sa.Column(
        "id", sa.String(40), primary_key=True, comment="made of series and subject: one receipt for each payment"
    ),
    sa.Column("series", sa.String(60), nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False, comment="without gaps in its series"),
    sa.Column("subject", sa.String(255), nullable=False, comment="the payment it is for"),
    sa.Column("details", Document, nullable=False, comment="amount and customer, as the receipt says them"),
    sa.Column("created_at", Moment, nullable=False),
    sa.UniqueConstraint("series", "number", name="uq_receipts_series_number"),
    info={"title": "receipt"},
)
