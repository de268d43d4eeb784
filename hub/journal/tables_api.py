"""What the API keeps: its tokens, the answers it gave to keys, and the webhooks that it sends out."""

from __future__ import annotations

import sqlalchemy as sa

from hub.journal.columns import Body, Document, Moment
from hub.journal.tables import metadata

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("title", sa.String(120), nullable=False, comment="who uses it"),
    sa.Column("digest", sa.String(64), nullable=False, comment="SHA-256 of the secret, which is kept nowhere"),
    sa.Column("hint", sa.String(8), nullable=False, comment="the secret's last characters, to tell tokens apart"),
    sa.Column("scopes", Document, nullable=False, comment="[orders:read, orders:write …]"),
    sa.Column("created_by", sa.String(320), nullable=False),
    sa.Column("expires_at", Moment, comment="null: it does not expire"),
    sa.Column("last_used_at", Moment, comment="to the minute"),
    sa.Column("revoked_at", Moment),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("uq_tokens_digest", "digest", unique=True),
    info={"title": "API token"},
)

api_requests = sa.Table(
    "api_requests",
    metadata,
    sa.Column("token", sa.String(40), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True, comment="the Idempotency-Key that the caller sent"),
    sa.Column("fingerprint", sa.String(64), nullable=False, comment="of method, path and body"),
    sa.Column("until", Moment, comment="who answers it now does so at most until then; null: it is answered, or free"),
    sa.Column("status", sa.Integer, comment="of the answer; null: there is none yet"),
    sa.Column("answer", Body, comment="encrypted: it may hold a secret that is shown once"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_api_requests_created_at", "created_at"),
    sa.Index(
        "ix_api_requests_answered",
        "updated_at",
        sqlite_where=sa.text("status IS NOT NULL"),
        postgresql_where=sa.text("status IS NOT NULL"),
    ),
    info={"title": "API request"},
)

outgoing_webhooks = sa.Table(
    "outgoing_webhooks",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("title", sa.String(120), nullable=False),
    sa.Column("url", sa.String(2048), nullable=False),
    sa.Column("types", Document, nullable=False, comment="[order.paid, payment.*, *]"),
    sa.Column("secrets", Document, nullable=False, comment="[{token, expires_at}], newest first, encrypted"),
    sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("failing_since", Moment, comment="the first failure since a delivery succeeded last"),
    sa.Column("off_reason", sa.String(500), comment="why the hub switched it off by itself"),
    sa.Column("created_by", sa.String(320), nullable=False),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    info={"title": "outgoing webhook"},
)

outgoing_messages = sa.Table(
    "outgoing_messages",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True, comment="webhook-id; made of the webhook and the event"),
    sa.Column("webhook", sa.String(40), nullable=False),
    sa.Column("event", sa.String(40), nullable=False),
    sa.Column("type", sa.String(120), nullable=False, comment="of the event"),
    sa.Column("state", sa.String(12), nullable=False, comment="waiting, delivered or failed"),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0", comment="since it was last sent by hand"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0", comment="of all times"),
    sa.Column("due_at", Moment, comment="when it is tried next"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_outgoing_messages_webhook_state", "webhook", "state", "event"),
    sa.Index("ix_outgoing_messages_created_at", "created_at"),
    info={"title": "message"},
    comment="one event for one webhook; written in the transaction that records the event",
)

outgoing_attempts = sa.Table(
    "outgoing_attempts",
    metadata,
    sa.Column("message", sa.String(40), primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("status", sa.Integer, comment="of the receiver's answer; null: there was none"),
    sa.Column("error", sa.Text, comment="why it does not count as delivered"),
    sa.Column("answer", sa.Text, comment="the beginning of the receiver's answer"),
    sa.Column("milliseconds", sa.Integer, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    comment="each try to deliver a message",
)
