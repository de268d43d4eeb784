"""What was told of each plan, subscription, transfer, payout and hold, and what of it cannot be."""

from __future__ import annotations

import sqlalchemy as sa

from hub.journal.columns import Document, Moment
from hub.journal.tables import metadata

histories = sa.Table(
    "histories",
    metadata,
    sa.Column("id", sa.String(400), primary_key=True, comment="<family>:<connection>/<thing>"),
    sa.Column("family", sa.String(12), nullable=False, comment="plan, subscription, transfer, payout or hold"),
    sa.Column("connection", sa.String(80), nullable=False),
    sa.Column("thing", sa.String(255), nullable=False, comment="the gateway's reference, or the hub's own id"),
    sa.Column("facts", Document, nullable=False, comment="hub.payments.legal_steps.History"),
    sa.Column("oddities", Document, nullable=False, comment="in words, what of it cannot be"),
    sa.Column("seen", Document, nullable=False, comment="those of them that a person has looked into"),
    sa.Column("open", sa.Boolean, nullable=False, comment="whether there are others"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_histories_open_updated_at", "open", "updated_at"),
    info={"title": "history"},
    comment="told in the transaction that records the events; what is odd follows from the facts",
)
