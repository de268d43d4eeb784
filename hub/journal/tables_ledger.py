"""The ledger: balanced transactions and their entries; what they follow from; refunds that wait; comparisons."""

from __future__ import annotations

import sqlalchemy as sa

from hub.journal.columns import Document, Moment
from hub.journal.tables import metadata

ledger_transactions = sa.Table(
    "ledger_transactions",
    metadata,
    sa.Column("id", sa.String(200), primary_key=True),
    sa.Column("subject", sa.String(400), comment="what the postings follow from: payment:…, transfer:…, payout:…"),
    sa.Column("kind", sa.String(20), nullable=False, server_default="", comment="paid, fee, split, taken, dispute …"),
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

splits = sa.Table(
    "splits",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("connection", sa.String(80), nullable=False),
    sa.Column("payment", sa.String(255), nullable=False, comment="as in the table payments"),
    sa.Column("division", Document, nullable=False, comment="hub.payments.division.Division"),
    sa.Column("output", Document, nullable=False, comment="what the step that made it gave, and whether it passes on"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Index("ix_splits_connection_payment", "connection", "payment"),
    info={"title": "split"},
    comment="how a payment was divided; several where held money is released in parts",
)

refund_parts = sa.Table(
    "refund_parts",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True, comment="made of connection and refund"),
    sa.Column("connection", sa.String(80), nullable=False),
    sa.Column("payment", sa.String(255), nullable=False),
    sa.Column("refund", sa.String(255), nullable=False, comment="the gateway's reference"),
    sa.Column("parts", Document, nullable=False, comment="provider, or nothing for the platform -> minor units"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Index("ix_refund_parts_connection_payment", "connection", "payment"),
    info={"title": "part of a refund"},
    comment="for whose goods a refund is, where that is known; others are shared in proportion",
)

reserves = sa.Table(
    "reserves",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True, comment="made of split and provider"),
    sa.Column("split", sa.String(40), nullable=False),
    sa.Column("connection", sa.String(80), nullable=False),
    sa.Column("payment", sa.String(255), nullable=False),
    sa.Column("provider", sa.String(255), nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("minor", sa.BigInteger, nullable=False, comment="what is held back of the provider's share"),
    sa.Column("kept", sa.BigInteger, nullable=False, comment="what is left of it after refunds"),
    sa.Column("until", Moment, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Index("ix_reserves_provider_currency", "provider", "currency", "until"),
    sa.Index("ix_reserves_connection_payment", "connection", "payment"),
    sa.Index("ix_reserves_split", "split"),
    info={"title": "reserve"},
)

ledger_movements = sa.Table(
    "ledger_movements",
    metadata,
    sa.Column("id", sa.String(400), primary_key=True, comment="transfer:<connection>/<id> or payout:<connection>/<id>"),
    sa.Column("connection", sa.String(80), nullable=False),
    sa.Column("party", sa.String(255), nullable=False, comment="whom the gateway names: an account there, or ours"),
    sa.Column("provider", sa.String(255), nullable=False, comment="the provider as the ledger knows them"),
    sa.Column("payment", sa.String(255), comment="the payment that a transfer comes from"),
    sa.Column("kind", sa.String(12), nullable=False, comment="transfer or payout"),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("facts", Document, nullable=False, comment="hub.payments.movements.Movement: what was told of it"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_ledger_movements_connection_party", "connection", "party", "kind"),
    sa.Index("ix_ledger_movements_connection_payment", "connection", "payment"),
    info={"title": "movement"},
    comment="transfers and payouts as gateways tell them",
)

refund_requests = sa.Table(
    "refund_requests",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("connection", sa.String(80), nullable=False),
    sa.Column("payment", sa.String(255), nullable=False),
    sa.Column(
        "state", sa.String(12), nullable=False, comment="asked, ready, uncertain, pending, issued, failed or refused"
    ),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("minor", sa.BigInteger, nullable=False, comment="what it gives back"),
    sa.Column("parts", Document, nullable=False, comment="provider, or nothing for the platform -> minor units"),
    sa.Column("lines", Document, nullable=False, comment="the lines that are given back, with vendors and totals"),
    sa.Column("input", Document, nullable=False, comment="what payments/refund was given"),
    sa.Column("output", Document, comment="what came of it: the gateway's answer, what each provider gave up"),
    sa.Column("refund", sa.String(255), comment="the gateway's reference"),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("asked_by", sa.String(320), nullable=False, server_default="", comment="empty: a recipe"),
    sa.Column("decided_by", sa.String(320), nullable=False, server_default=""),
    sa.Column("decided_why", sa.Text, nullable=False, server_default=""),
    sa.Column("error", Document, comment="why the gateway refused it, or what nobody knows"),
    sa.Column("due_at", Moment, comment="from when another may go on with it; null once it is over"),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_refund_requests_connection_payment", "connection", "payment"),
    sa.Index("ix_refund_requests_connection_refund", "connection", "refund"),
    sa.Index("ix_refund_requests_state_created_at", "state", "created_at"),
    sa.Index("ix_refund_requests_created_at", "created_at"),
    info={"title": "refund"},
    comment="refunds by the hub: written before the gateway is called, so that their sum never exceeds what is left",
)

ledger_checks = sa.Table(
    "ledger_checks",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True, comment="made of day, connection, kind and subject"),
    sa.Column("day", sa.String(10), nullable=False, comment="2026-11-23, UTC: when something happened to it"),
    sa.Column("connection", sa.String(80), nullable=False),
    sa.Column("kind", sa.String(8), nullable=False, comment="payment, dispute, transfer or payout"),
    sa.Column("subject", sa.String(255), nullable=False, comment="the gateway's reference; empty: its whole list"),
    sa.Column("payment", sa.String(255), comment="the payment that it is or belongs to, where that is known"),
    sa.Column("state", sa.String(8), nullable=False, comment="same, differs or settled"),
    sa.Column("found", Document, nullable=False, comment="hub.payments.comparing.Difference, each with a proposal"),
    sa.Column("why", sa.Text, nullable=False, comment="why nobody knows, or why it was settled"),
    sa.Column("settled_by", sa.String(320), nullable=False, server_default=""),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_ledger_checks_day_connection", "day", "connection", "kind", "subject"),
    sa.Index("ix_ledger_checks_connection_subject", "connection", "kind", "subject"),
    sa.Index("ix_ledger_checks_state_created_at", "state", "created_at"),
    info={"title": "comparison"},
    comment="payments, disputes, transfers and payouts of a day beside what their gateways say of them",
)
