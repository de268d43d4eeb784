"""What the hub's own work needs beside the things it works on: numbers without gaps, timers, calls within an action."""

from __future__ import annotations

import sqlalchemy as sa

from hub.journal.columns import Document, Moment
from hub.journal.tables import metadata

numbers = sa.Table(
    "numbers",
    metadata,
    sa.Column("series", sa.String(80), primary_key=True),
    sa.Column("last", sa.BigInteger, nullable=False, comment="taken in the transaction that uses it: no gaps"),
)

timers = sa.Table(
    "timers",
    metadata,
    sa.Column(
        "kind", sa.String(60), primary_key=True, comment="what is to be done, as hub.engine.own_actions names it"
    ),
    sa.Column("subject", sa.String(120), primary_key=True, comment="the id of the thing it is about"),
    sa.Column("set_for", Moment, nullable=False, comment="the time it was set for, the same in every try"),
    sa.Column("due_at", Moment, comment="null: it waits for a person, see error"),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("error", Document, comment="why the last try ended"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_timers_due_at", "due_at"),
)

calls = sa.Table(
    "calls",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True, comment="the idempotency key that the outside system sees"),
    sa.Column("connection", sa.String(80), nullable=False),
    sa.Column("action", sa.String(80), nullable=False),
    sa.Column("state", sa.String(12), nullable=False, comment="started, done, failed or uncertain"),
    sa.Column("output", Document),
    sa.Column("error", Document),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_calls_created_at", "created_at"),
    comment="each outside call of an action that makes several: its intent before, its result after, as steps have it",
)
