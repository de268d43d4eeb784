"""Work that is paid for: the providers who do it."""

from __future__ import annotations

import sqlalchemy as sa

from hub.journal.columns import Document, Moment
from hub.journal.tables import metadata

providers = sa.Table(
    "providers",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("state", sa.String(12), nullable=False, comment="registered, approved or suspended"),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("email", sa.String(320), nullable=False),
    sa.Column("phone", sa.String(60), nullable=False, server_default=""),
    sa.Column("skills", Document, nullable=False, comment="[skill]"),
    sa.Column("region", sa.String(120), nullable=False, server_default=""),
    sa.Column("calendar", Document, nullable=False, comment="[day that is not free]"),
    sa.Column("accounts", Document, nullable=False, comment="connection -> how its gateway knows them"),
    sa.Column("bank", Document, nullable=False, comment="{iban, bic, holder}, empty until they say it"),
    sa.Column("rating", sa.Float),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_providers_state", "state"),
    info={"title": "provider"},
)
