"""Alembic's scripts: forward only, each safe beside the code of the version before it."""
