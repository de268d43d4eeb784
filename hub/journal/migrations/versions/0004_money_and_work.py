"""The hub's own work: numbers, timers, calls; money, commerce and jobs."""

from alembic import op

from hub.journal.schema import metadata

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    metadata.create_all(op.get_bind(), checkfirst=True)
