"""Plans and subscriptions as their events tell them, whoever keeps them: gateways theirs, the hub its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from hub.journal.columns import Document, Moment
from hub.journal.tables import metadata

if TYPE_CHECKING:
    from hub.jsontypes import Json, JsonObject

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

coupons = sa.Table(
    "coupons",
    metadata,
    sa.Column("id", sa.String(60), primary_key=True, comment="the code, in capitals"),
    sa.Column("state", sa.String(12), nullable=False, comment="active or stopped"),
    sa.Column("discount", Document, nullable=False, comment="{percent or amount, cycles}"),
    sa.Column("plan", sa.String(255), comment="the one plan that it is for; null: every plan"),
    sa.Column("most", sa.Integer, comment="how often it can be redeemed; null: no limit"),
    sa.Column("used", sa.Integer, nullable=False, server_default="0"),
    sa.Column("ends_at", Moment),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    info={"title": "coupon"},
)

redemptions = sa.Table(
    "redemptions",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True, comment="the same for every attempt of the step that redeems"),
    sa.Column("coupon", sa.String(60), nullable=False),
    sa.Column("plan", sa.String(255)),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_redemptions_coupon", "coupon"),
    info={"title": "redemption"},
)


def value(data: JsonObject, name: str) -> Json:
    """The newest value of a field in the ``data`` of what is told; None when none was told."""
    pair = data.get(name)
    return pair[1] if isinstance(pair, list) else None
