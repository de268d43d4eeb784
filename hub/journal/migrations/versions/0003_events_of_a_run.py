"""What a run emitted is found without reading all events: its page asks for it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    caused = sa.text("caused_by_run IS NOT NULL")
    op.create_index(
        "ix_events_caused_by_run", "events", ["caused_by_run"], sqlite_where=caused, postgresql_where=caused
    )
