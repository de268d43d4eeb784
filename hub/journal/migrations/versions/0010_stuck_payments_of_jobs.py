"""Payments of jobs are found by their state: those that could not be given back stand on the home page."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_index("ix_job_payments_state", "job_payments", ["state"])
