"""Numbers, timers and calls of the hub's own work; the ledger; plans, subscriptions and coupons as they are told."""

import sqlalchemy as sa
from alembic import op

import hub.journal.columns

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "calls",
        sa.Column(
            "key", sa.String(length=64), nullable=False, comment="the idempotency key that the outside system sees"
        ),
        sa.Column("connection", sa.String(length=80), nullable=False),
        sa.Column("action", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False, comment="started, done, failed or uncertain"),
        sa.Column("output", hub.journal.columns.Document(), nullable=True),
        sa.Column("error", hub.journal.columns.Document(), nullable=True),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_calls")),
        comment="each outside call of an action that makes several: its intent before, its result after, as steps have it",
    )
    op.create_index("ix_calls_created_at", "calls", ["created_at"], unique=False)
    op.create_table(
        "coupons",
        sa.Column("id", sa.String(length=60), nullable=False, comment="the code, in capitals"),
        sa.Column("state", sa.String(length=12), nullable=False, comment="active or stopped"),
        sa.Column("discount", hub.journal.columns.Document(), nullable=False, comment="{percent or amount, cycles}"),
        sa.Column(
            "plan", sa.String(length=255), nullable=True, comment="the one plan that it is for; null: every plan"
        ),
        sa.Column("most", sa.Integer(), nullable=True, comment="how often it can be redeemed; null: no limit"),
        sa.Column("used", sa.Integer(), server_default="0", nullable=False),
        sa.Column("ends_at", hub.journal.columns.Moment(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupons")),
    )
    op.create_table(
        "ledger_checks",
        sa.Column("id", sa.String(length=40), nullable=False, comment="made of day, connection, kind and subject"),
        sa.Column(
            "day",
            sa.String(length=10),
            nullable=False,
            comment="2026-11-23, UTC: when something happened to it",
        ),
        sa.Column("connection", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False, comment="payment, dispute, transfer or payout"),
        sa.Column(
            "subject", sa.String(length=255), nullable=False, comment="the gateway's reference; empty: its whole list"
        ),
        sa.Column(
            "payment",
            sa.String(length=255),
            nullable=True,
            comment="the payment that it is or belongs to, where that is known",
        ),
        sa.Column("state", sa.String(length=8), nullable=False, comment="same, differs or settled"),
        sa.Column(
            "found",
            hub.journal.columns.Document(),
            nullable=False,
            comment="hub.payments.comparing.Difference, each with a proposal",
        ),
        sa.Column("why", sa.Text(), nullable=False, comment="why nobody knows, or why it was settled"),
        sa.Column("settled_by", sa.String(length=320), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_checks")),
        comment="payments, disputes, transfers and payouts of a day beside what their gateways say of them",
    )
    op.create_index(
        "ix_ledger_checks_connection_subject", "ledger_checks", ["connection", "kind", "subject"], unique=False
    )
    op.create_index(
        "ix_ledger_checks_day_connection", "ledger_checks", ["day", "connection", "kind", "subject"], unique=False
    )
    op.create_index("ix_ledger_checks_state_created_at", "ledger_checks", ["state", "created_at"], unique=False)
    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("transaction", sa.String(length=200), nullable=False),
        sa.Column("account", sa.String(length=300), nullable=False, comment="gateway:sandbox, provider:prv_…, held:…"),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False, comment="signed: owned and spent +, owed and earned −"),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
        comment="append-only: a mistake is mended by the opposite postings",
    )
    op.create_index(
        "ix_ledger_entries_account_currency", "ledger_entries", ["account", "currency", "created_at"], unique=False
    )
    op.create_index("ix_ledger_entries_created_at", "ledger_entries", ["created_at"], unique=False)
    op.create_index(
        "uq_ledger_entries_transaction_account", "ledger_entries", ["transaction", "account", "currency"], unique=True
    )
    op.create_table(
        "ledger_movements",
        sa.Column(
            "id",
            sa.String(length=400),
            nullable=False,
            comment="transfer:<connection>/<id> or payout:<connection>/<id>",
        ),
        sa.Column("connection", sa.String(length=80), nullable=False),
        sa.Column(
            "party", sa.String(length=255), nullable=False, comment="whom the gateway names: an account there, or ours"
        ),
        sa.Column("provider", sa.String(length=255), nullable=False, comment="the provider as the ledger knows them"),
        sa.Column("payment", sa.String(length=255), nullable=True, comment="the payment that a transfer comes from"),
        sa.Column("kind", sa.String(length=12), nullable=False, comment="transfer or payout"),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column(
            "facts",
            hub.journal.columns.Document(),
            nullable=False,
            comment="hub.payments.movements.Movement: what was told of it",
        ),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_movements")),
        comment="transfers and payouts as gateways tell them",
    )
    op.create_index(
        "ix_ledger_movements_connection_party", "ledger_movements", ["connection", "party", "kind"], unique=False
    )
    op.create_index(
        "ix_ledger_movements_connection_payment", "ledger_movements", ["connection", "payment"], unique=False
    )
    op.create_table(
        "ledger_transactions",
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column(
            "subject",
            sa.String(length=400),
            nullable=True,
            comment="what the postings follow from: payment:…, transfer:…, payout:…",
        ),
        sa.Column(
            "kind",
            sa.String(length=20),
            server_default="",
            nullable=False,
            comment="paid, fee, split, taken, dispute …",
        ),
        sa.Column("event", sa.String(length=40), nullable=False, comment="the event that made it necessary"),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_transactions")),
        comment="append-only; its entries sum to zero in each currency",
    )
    op.create_index("ix_ledger_transactions_subject", "ledger_transactions", ["subject"], unique=False)
    op.create_table(
        "numbers",
        sa.Column("series", sa.String(length=80), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False, comment="taken in the transaction that uses it: no gaps"),
        sa.PrimaryKeyConstraint("series", name=op.f("pk_numbers")),
    )
    op.create_table(
        "redemptions",
        sa.Column(
            "id", sa.String(length=40), nullable=False, comment="the same for every attempt of the step that redeems"
        ),
        sa.Column("coupon", sa.String(length=60), nullable=False),
        sa.Column("plan", sa.String(length=255), nullable=True),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_redemptions")),
    )
    op.create_index("ix_redemptions_coupon", "redemptions", ["coupon"], unique=False)
    op.create_table(
        "refund_parts",
        sa.Column("id", sa.String(length=40), nullable=False, comment="made of connection and refund"),
        sa.Column("connection", sa.String(length=80), nullable=False),
        sa.Column("payment", sa.String(length=255), nullable=False),
        sa.Column("refund", sa.String(length=255), nullable=False, comment="the gateway's reference"),
        sa.Column(
            "parts",
            hub.journal.columns.Document(),
            nullable=False,
            comment="provider, or nothing for the platform -> minor units",
        ),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund_parts")),
        comment="for whose goods a refund is, where that is known; others are shared in proportion",
    )
    op.create_index("ix_refund_parts_connection_payment", "refund_parts", ["connection", "payment"], unique=False)
    op.create_table(
        "refund_requests",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("connection", sa.String(length=80), nullable=False),
        sa.Column("payment", sa.String(length=255), nullable=False),
        sa.Column(
            "state",
            sa.String(length=12),
            nullable=False,
            comment="asked, ready, uncertain, pending, issued, failed or refused",
        ),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False, comment="what it gives back"),
        sa.Column(
            "parts",
            hub.journal.columns.Document(),
            nullable=False,
            comment="provider, or nothing for the platform -> minor units",
        ),
        sa.Column(
            "lines",
            hub.journal.columns.Document(),
            nullable=False,
            comment="the lines that are given back, with vendors and totals",
        ),
        sa.Column("input", hub.journal.columns.Document(), nullable=False, comment="what payments/refund was given"),
        sa.Column(
            "output",
            hub.journal.columns.Document(),
            nullable=True,
            comment="what came of it: the gateway's answer, what each provider gave up",
        ),
        sa.Column("refund", sa.String(length=255), nullable=True, comment="the gateway's reference"),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("asked_by", sa.String(length=320), server_default="", nullable=False, comment="empty: a recipe"),
        sa.Column("decided_by", sa.String(length=320), server_default="", nullable=False),
        sa.Column("decided_why", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "error",
            hub.journal.columns.Document(),
            nullable=True,
            comment="why the gateway refused it, or what nobody knows",
        ),
        sa.Column(
            "due_at",
            hub.journal.columns.Moment(),
            nullable=True,
            comment="from when another may go on with it; null once it is over",
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund_requests")),
        comment="refunds by the hub: written before the gateway is called, so that their sum never exceeds what is left",
    )
    op.create_index("ix_refund_requests_connection_payment", "refund_requests", ["connection", "payment"], unique=False)
    op.create_index("ix_refund_requests_connection_refund", "refund_requests", ["connection", "refund"], unique=False)
    op.create_index("ix_refund_requests_created_at", "refund_requests", ["created_at"], unique=False)
    op.create_index("ix_refund_requests_state_created_at", "refund_requests", ["state", "created_at"], unique=False)
    op.create_table(
        "reserves",
        sa.Column("id", sa.String(length=40), nullable=False, comment="made of split and provider"),
        sa.Column("split", sa.String(length=40), nullable=False),
        sa.Column("connection", sa.String(length=80), nullable=False),
        sa.Column("payment", sa.String(length=255), nullable=False),
        sa.Column("provider", sa.String(length=255), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False, comment="what is held back of the provider's share"),
        sa.Column("kept", sa.BigInteger(), nullable=False, comment="what is left of it after refunds"),
        sa.Column("until", hub.journal.columns.Moment(), nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reserves")),
    )
    op.create_index("ix_reserves_connection_payment", "reserves", ["connection", "payment"], unique=False)
    op.create_index("ix_reserves_provider_currency", "reserves", ["provider", "currency", "until"], unique=False)
    op.create_index("ix_reserves_split", "reserves", ["split"], unique=False)
    op.create_table(
        "splits",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("connection", sa.String(length=80), nullable=False),
        sa.Column("payment", sa.String(length=255), nullable=False, comment="as in the table payments"),
        sa.Column("division", hub.journal.columns.Document(), nullable=False, comment="hub.payments.division.Division"),
        sa.Column(
            "output",
            hub.journal.columns.Document(),
            nullable=False,
            comment="what the step that made it gave, and whether it passes on",
        ),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_splits")),
        comment="how a payment was divided; several where held money is released in parts",
    )
    op.create_index("ix_splits_connection_payment", "splits", ["connection", "payment"], unique=False)
    op.create_table(
        "timers",
        sa.Column(
            "kind",
            sa.String(length=60),
            nullable=False,
            comment="what is to be done, as hub.engine.own_actions names it",
        ),
        sa.Column("subject", sa.String(length=120), nullable=False, comment="the id of the thing it is about"),
        sa.Column(
            "set_for",
            hub.journal.columns.Moment(),
            nullable=False,
            comment="the time it was set for, the same in every try",
        ),
        sa.Column(
            "due_at", hub.journal.columns.Moment(), nullable=True, comment="null: it waits for a person, see error"
        ),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", hub.journal.columns.Document(), nullable=True, comment="why the last try ended"),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("pk_timers")),
    )
    op.create_index("ix_timers_due_at", "timers", ["due_at"], unique=False)
    op.create_table(
        "told_plans",
        sa.Column("connection", sa.String(length=80), nullable=False),
        sa.Column("plan", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False, comment="active or retired"),
        sa.Column("told", hub.journal.columns.Moment(), nullable=False, comment="the time of the newest event"),
        sa.Column(
            "data", hub.journal.columns.Document(), nullable=False, comment="name, price, interval: the newest of each"
        ),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "plan", name=op.f("pk_told_plans")),
    )
    op.create_index("ix_told_plans_created_at", "told_plans", ["created_at"], unique=False)
    op.create_table(
        "told_subscriptions",
        sa.Column("connection", sa.String(length=80), nullable=False),
        sa.Column("subscription", sa.String(length=255), nullable=False),
        sa.Column("plan", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column(
            "customer", sa.String(length=320), nullable=True, comment="mail address or name, small letters, to search"
        ),
        sa.Column("told", hub.journal.columns.Moment(), nullable=False, comment="the time of the newest event"),
        sa.Column(
            "data",
            hub.journal.columns.Document(),
            nullable=False,
            comment="customer, period, amount …: the newest of each",
        ),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "subscription", name=op.f("pk_told_subscriptions")),
    )
    op.create_index("ix_told_subscriptions_created_at", "told_subscriptions", ["created_at"], unique=False)
    op.create_index("ix_told_subscriptions_customer", "told_subscriptions", ["customer"], unique=False)
    op.create_index("ix_told_subscriptions_plan", "told_subscriptions", ["connection", "plan"], unique=False)
