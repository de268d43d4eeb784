"""The ledger: transactions that sum to zero, and their entries; what they follow from; refunds that wait for a person."""

from __future__ import annotations

import sqlalchemy as sa

from hub.journal.columns import Moment
from hub.journal.tables import metadata

ledger_transactions = sa.Table(
    "ledger_transactions",
    metadata,
    sa.Column("id", sa.String(200), primary_key=True),
    sa.Column("subject", sa.String(400), comment="what the postings follow from: payment:…, transfer:…, payout:…"),
    sa.Column("event", sa.String(40), nullable=False, comment="the event that made it necessary"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Index("ix_ledger_transactions_subject", "subject"),
    info={"title": "ledger transaction"},
    comment="append-only; its entries sum to zero in each currency",
)

ledger_entries = sa.Table(
    "ledger_entries",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("transaction", sa.String(200), nullable=False),
    sa.Column("account", sa.String(300), nullable=False, comment="gateway:sandbox, provider:prv_…, held:…"),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("minor", sa.BigInteger, nullable=False, comment="signed: owned and spent +, owed and earned −"),
    sa.Column("event", sa.String(40), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Index("uq_ledger_entries_transaction_account", "transaction", "account", "currency", unique=True),
    sa.Index("ix_ledger_entries_account_currency", "account", "currency", "created_at"),
    sa.Index("ix_ledger_entries_created_at", "created_at"),
    info={"title": "ledger entry"},
    comment="append-only: a mistake is mended by the opposite postings",
)
