"""Alembic's environment: it runs on the connection that :meth:`hub.journal.database.Database.migrate` lends it."""

from __future__ import annotations

from alembic import context

from hub.journal.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
