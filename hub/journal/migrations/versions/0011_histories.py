"""What was told of plans, subscriptions, transfers, payouts and holds, and what of it cannot be."""

import sqlalchemy as sa
from alembic import op

import hub.journal.columns

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "histories",
        sa.Column("id", sa.String(length=400), nullable=False, comment="<family>:<connection>/<thing>"),
        sa.Column(
            "family", sa.String(length=12), nullable=False, comment="plan, subscription, transfer, payout or hold"
        ),
        sa.Column("connection", sa.String(length=80), nullable=False),
        sa.Column(
            "thing", sa.String(length=255), nullable=False, comment="the gateway's reference, or the hub's own id"
        ),
        sa.Column("facts", hub.journal.columns.Document(), nullable=False, comment="hub.payments.legal_steps.History"),
        sa.Column("oddities", hub.journal.columns.Document(), nullable=False, comment="in words, what of it cannot be"),
        sa.Column(
            "seen",
            hub.journal.columns.Document(),
            nullable=False,
            comment="those of them that a person has looked into",
        ),
        sa.Column("open", sa.Boolean(), nullable=False, comment="whether there are others"),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_histories")),
        comment="told in the transaction that records the events; what is odd follows from the facts",
    )
    op.create_index("ix_histories_open_updated_at", "histories", ["open", "updated_at"])
    op.create_index("ix_charges_payment", "charges", ["payment"])
    answered = sa.text("status IS NOT NULL")
    op.create_index(
        "ix_api_requests_answered", "api_requests", ["updated_at"], sqlite_where=answered, postgresql_where=answered
    )
