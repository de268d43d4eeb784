"""Plans and subscriptions as their events tell them, whoever keeps them: gateways theirs, the hub its own."""

from __future__ import annotations

import sqlalchemy as sa

from hub.journal.columns import Document, Moment
from hub.journal.tables import metadata

told_plans = sa.Table(
    "told_plans",
    metadata,
    sa.Column("connection", sa.String(80), primary_key=True),
    sa.Column("plan", sa.String(255), primary_key=True),
    sa.Column("state", sa.String(12), nullable=False, comment="active or retired"),
    sa.Column("told", Moment, nullable=False, comment="the time of the newest event"),
    sa.Column("data", Document, nullable=False, comment="name, price, interval: the newest of each"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_told_plans_created_at", "created_at"),
    info={"title": "plan"},
)

told_subscriptions = sa.Table(
    "told_subscriptions",
    metadata,
    sa.Column("connection", sa.String(80), primary_key=True),
    sa.Column("subscription", sa.String(255), primary_key=True),
    sa.Column("plan", sa.String(255), nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("customer", sa.String(320), comment="mail address or name, small letters, to search"),
    sa.Column("told", Moment, nullable=False, comment="the time of the newest event"),
    sa.Column("data", Document, nullable=False, comment="customer, period, amount …: the newest of each"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_told_subscriptions_created_at", "created_at"),
    sa.Index("ix_told_subscriptions_plan", "connection", "plan"),
    sa.Index("ix_told_subscriptions_customer", "customer"),
    info={"title": "subscription"},
)
