"""A provider keeps the language in which they are written to."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.add_column(
        "providers",
        sa.Column(
            "language", sa.String(length=2), nullable=True, comment="in which they are written to; null: not known"
        ),
    )
