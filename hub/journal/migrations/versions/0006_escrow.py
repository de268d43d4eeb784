"""Held money and payouts."""

import sqlalchemy as sa
from alembic import op

import hub.journal.columns

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "divisions",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("hold", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False, comment="release, settle, cancel or collect"),
        sa.Column("state", sa.String(length=12), nullable=False, comment="running, uncertain, done or refused"),
        sa.Column(
            "before", sa.String(length=12), nullable=False, comment="the hold's state, to go back to when it is refused"
        ),
        sa.Column(
            "amount", sa.BigInteger(), nullable=False, comment="minor units of the hold's currency that it divides"
        ),
        sa.Column(
            "parts",
            hub.journal.columns.Document(),
            nullable=False,
            comment="[{provider | customer, amount, commission, …}]",
        ),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "actor", sa.String(length=320), server_default="", nullable=False, comment="who asked; empty: a recipe"
        ),
        sa.Column(
            "output",
            hub.journal.columns.Document(),
            nullable=True,
            comment="what came of it: references of refund and transfers",
        ),
        sa.Column(
            "error", hub.journal.columns.Document(), nullable=True, comment="why it was refused, or what nobody knows"
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_divisions")),
        comment="each release, settlement or return of held money: written before the first outside call",
    )
    op.create_index("ix_divisions_hold", "divisions", ["hold"], unique=False)
    op.create_table(
        "holds",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("connection", sa.String(length=80), nullable=False),
        sa.Column(
            "payment", sa.String(length=255), nullable=True, comment="the gateway's reference; null until it was begun"
        ),
        sa.Column("state", sa.String(length=12), nullable=False, comment="as hub.payments.holds names them"),
        sa.Column("mode", sa.String(length=16), nullable=False, comment="authorization or collected"),
        sa.Column(
            "owner",
            sa.String(length=255),
            nullable=False,
            comment="the job or order; the ledger's account is held:<owner>",
        ),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="minor units: asked for, then what came in"),
        sa.Column(
            "terms",
            hub.journal.columns.Document(),
            nullable=False,
            comment="hub.payments.holds.Hold: state and sums follow from it",
        ),
        sa.Column(
            "input",
            hub.journal.columns.Document(),
            nullable=False,
            comment="what payments/hold was given, with why the mode was chosen",
        ),
        sa.Column("output", hub.journal.columns.Document(), nullable=True, comment="what beginning the payment gave"),
        sa.Column(
            "plan",
            hub.journal.columns.Document(),
            nullable=True,
            comment="what is released by itself when nobody objects: when, to whom",
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
        comment="money in escrow: authorised and not yet taken, or collected and not yet passed on",
    )
    op.create_index("ix_holds_connection_payment", "holds", ["connection", "payment"], unique=False)
    op.create_index("ix_holds_created_at", "holds", ["created_at"], unique=False)
    op.create_index("ix_holds_owner", "holds", ["owner"], unique=False)
    op.create_index("ix_holds_state_created_at", "holds", ["state", "created_at"], unique=False)
    op.create_table(
        "payout_runs",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column(
            "step",
            sa.String(length=40),
            nullable=False,
            comment="runs of one step share it, so that its repeat gives them",
        ),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column(
            "connection",
            sa.String(length=80),
            nullable=True,
            comment="the gateway that sends the payouts; null: a bank file does",
        ),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False, comment="how many payouts it has"),
        sa.Column("total", sa.BigInteger(), nullable=False, comment="minor units"),
        sa.Column(
            "debtor",
            hub.journal.columns.Document(),
            nullable=True,
            comment="{name, iban, bic} of the own account, for a bank file",
        ),
        sa.Column(
            "actor", sa.String(length=320), server_default="", nullable=False, comment="who began it; empty: a recipe"
        ),
        sa.Column(
            "downloaded_at", hub.journal.columns.Moment(), nullable=True, comment="when the bank file was taken first"
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_runs")),
    )
    op.create_index("ix_payout_runs_created_at", "payout_runs", ["created_at"], unique=False)
    op.create_index("ix_payout_runs_step", "payout_runs", ["step"], unique=False)
    op.create_table(
        "payouts",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column(
            "run",
            sa.String(length=40),
            nullable=True,
            comment="the payout run; null: a hold's release sends it by itself",
        ),
        sa.Column("way", sa.String(length=12), nullable=False, comment="payout or transfer by the gateway, or bank"),
        sa.Column("provider", sa.String(length=255), nullable=False),
        sa.Column("connection", sa.String(length=80), nullable=True, comment="null: by bank file"),
        sa.Column("state", sa.String(length=12), nullable=False, comment="queued, sent, paid, failed or uncertain"),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="minor units"),
        sa.Column(
            "recipient",
            hub.journal.columns.Document(),
            nullable=False,
            comment="where it goes: {name, iban, bic} or {provider, to}",
        ),
        sa.Column(
            "origin",
            hub.journal.columns.Document(),
            nullable=False,
            comment="what it is for: {hold, payment, job, order}, empty for dues",
        ),
        sa.Column("reference", sa.String(length=255), nullable=True, comment="the gateway's own of the payout"),
        sa.Column(
            "reason", sa.Text(), server_default="", nullable=False, comment="why it failed, or what nobody knows"
        ),
        sa.Column("looks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", hub.journal.columns.Moment(), nullable=False),
        sa.Column("updated_at", hub.journal.columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payouts")),
        comment="its amount is taken off the provider's account with it, and put back when it fails",
    )
    op.create_index("ix_payouts_connection_reference", "payouts", ["connection", "reference"], unique=False)
    op.create_index("ix_payouts_provider_created_at", "payouts", ["provider", "created_at"], unique=False)
    op.create_index("ix_payouts_run", "payouts", ["run"], unique=False)
    op.create_index("ix_payouts_state", "payouts", ["state"], unique=False)
