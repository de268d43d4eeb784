"""What waits for a person is found by its state: payments of jobs, charges, divisions. It stands on the home page."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_index("ix_job_payments_state", "job_payments", ["state"])
    op.create_index("ix_charges_state", "charges", ["state"])
    op.create_index("ix_divisions_state", "divisions", ["state"])
