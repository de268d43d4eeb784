"""What statements read whole tables: each table that grows must be found by an index, however many rows it has by then."""

from __future__ import annotations

import re
from contextlib import contextmanager

import sqlalchemy as sa

SMALL = {"state", "connections", "outgoing_webhooks", "recipes", "tokens", "alembic_version"}
"""Tables that hold as many rows as an admin made by hand, so that reading them whole is as good."""


@contextmanager
def watched(hub):
    """Collects what the hub's writer changes and looks up meanwhile: each statement once, with parameters it had."""
    found = {}

    def note(_connection, _cursor, statement, parameters, _context, many):
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            found.setdefault(statement, parameters[0] if many else parameters)

    sa.event.listen(hub.database._writers, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(hub.database._writers, "before_cursor_execute", note)


def scans(hub, statements):
    """Table -> a statement that reads all of it, though there is, on PostgreSQL, every reason to take an index."""
    found = {}
    with hub.database.read() as connection:
        if not hub.database.is_sqlite:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for statement, parameters in statements.items():
            for line in _plan(connection, statement, parameters):
                scanned = re.search(r"^SCAN (\w+)|Seq Scan on (\w+)", line)
                table = scanned and (scanned[1] or scanned[2])
                if table in sa.inspect(connection).get_table_names() and table not in SMALL:
                    found.setdefault(table, f"{statement} -- {line}")
    return found


def _plan(connection, statement, parameters):
    if connection.dialect.name == "sqlite":
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    return [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)]
