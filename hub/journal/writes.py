"""Writes of the small tables, each inside the caller's transaction, so that several become one change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from hub.errors import ConflictError, NotFoundError
from hub.journal.inserting import insert_ignoring
from hub.journal.locks import lock_epoch
from hub.journal.recording import EPOCH
from hub.journal.tables import connections, files, recipe_versions, recipes, state, wait_shapes

if TYPE_CHECKING:
    from datetime import datetime

    from hub.journal.rows import ConnectionRow, RecipeSave
    from hub.journal.writer import Transaction
    from hub.jsontypes import Json, JsonObject


def write_recipe(tx: Transaction, save: RecipeSave) -> int:
    """Store a version in a transaction; see :meth:`Store.save_recipe`."""
    newest = sa.select(recipe_versions.c.n, recipe_versions.c.digest).where(recipe_versions.c.recipe == save.name)
    last = tx.connection.execute(newest.order_by(recipe_versions.c.n.desc()).limit(1)).first()
    if last is not None and last.digest == save.digest:
        number: int = last.n
    else:
        number = last.n + 1 if last is not None else 1
        row = {
            "recipe": save.name,
            "n": number,
            "text": save.text,
            "digest": save.digest,
            "author": save.author,
            "message": save.message,
            "created_at": save.now,
        }
        tx.connection.execute(sa.insert(recipe_versions), row)
    for event_type, paths in save.shapes:
        shape = {"event_type": event_type, "paths": "\n".join(paths), "created_at": save.now}
        tx.connection.execute(insert_ignoring(tx, wait_shapes), shape)
    first = {
        "name": save.name,
        "current": number,
        "enabled": save.enabled,
        "inputs": save.inputs,
        "created_at": save.now,
        "updated_at": save.now,
    }
    tx.connection.execute(insert_ignoring(tx, recipes), first)
    values: dict[str, Any] = {"current": number, "deleted": False, "enabled": save.enabled}
    if save.inputs is not None:
        values["inputs"] = save.inputs
    change_recipe(tx, save.name, save.now, **values)
    return number


def change_recipe(tx: Transaction, name: str, now: datetime, **values: Any) -> None:  # noqa: ANN401 (columns)
    """Change a recipe and raise the epoch. Raises ``NotFoundError``."""
    lock_epoch(tx)
    update = sa.update(recipes).where(recipes.c.name == name)
    changed = tx.connection.execute(update.values(version=recipes.c.version + 1, updated_at=now, **values))
    if changed.rowcount != 1:
        message = f"There is no recipe {name!r}."
        raise NotFoundError(message, remedy="The page Recipes lists them.")
    epoch = tx.connection.scalar(sa.select(state.c.value).where(state.c.name == EPOCH))
    write_fact(tx, EPOCH, (epoch if isinstance(epoch, int) else 0) + 1, now)


def write_fact(tx: Transaction, name: str, value: Json, now: datetime) -> None:
    """Remember a small fact, in a transaction; None forgets it."""
    if value is None:
        tx.connection.execute(sa.delete(state).where(state.c.name == name))
        return
    tx.connection.execute(insert_ignoring(tx, state), {"name": name, "value": value, "updated_at": now})
    tx.connection.execute(sa.update(state).where(state.c.name == name).values(value=value, updated_at=now))


def write_connection(tx: Transaction, row: ConnectionRow) -> None:
    """Add a connection, in a transaction. Raises ``ConflictError`` when the name is taken."""
    values = {
        "name": row.name,
        "connector": row.connector,
        "settings": row.settings,
        "secrets": row.secrets,
        "health": row.health,
        "enabled": row.enabled,
        "version": row.version,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
    insert = insert_ignoring(tx, connections).returning(connections.c.name)
    if tx.connection.execute(insert, values).first() is None:
        message = f"There is a connection {row.name!r} already."
        raise ConflictError(message, remedy="Choose another name, or change that connection.")


def write_file(  # noqa: PLR0913 (the parts of a version)
    tx: Transaction, kind: str, name: str, text: str | None, author: str, now: datetime
) -> None:
    """A new version of a file, in a transaction; None deletes it."""
    newest = sa.select(sa.func.max(files.c.n)).where(files.c.kind == kind, files.c.name == name)
    row = {
        "kind": kind,
        "name": name,
        "n": (tx.connection.scalar(newest) or 0) + 1,
        "text": text or "",
        "deleted": text is None,
        "author": author,
        "created_at": now,
    }
    tx.connection.execute(sa.insert(files), row)


def add_health(tx: Transaction, name: str, facts: JsonObject) -> None:
    """Add facts to a connection's health."""
    known = tx.connection.scalar(sa.select(connections.c.health).where(connections.c.name == name)) or {}
    tx.connection.execute(sa.update(connections).where(connections.c.name == name).values(health={**known, **facts}))
