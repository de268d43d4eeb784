"""A submission of a form keeps the coupon that was redeemed with it."""

import sqlalchemy as sa
from alembic import op

import hub.journal.columns

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.add_column(
        "submissions",
        sa.Column("coupon", sa.String(length=60), nullable=True, comment="the code that was redeemed with it"),
    )
    op.add_column(
        "submissions",
        sa.Column(
            "discount",
            hub.journal.columns.Document(),
            nullable=True,
            comment="what the code takes off what recurs; what is paid once is cheaper already",
        ),
    )
