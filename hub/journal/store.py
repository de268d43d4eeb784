"""What changes rarely: recipes, connections, templates, people, small facts. Every write goes through the writer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from hub.errors import ConflictError, NotFoundError
from hub.ids import new_id
from hub.journal.auditing import write_note
from hub.journal.inserting import insert_ignoring
from hub.journal.recording import EPOCH
from hub.journal.tables import (
    audit,
    connections,
    files,
    outbox,
    questions,
    recipe_versions,
    recipes,
    refusals,
    state,
    users,
    wait_shapes,
)

if TYPE_CHECKING:
    from typing import Any


from hub.journal.rows import VersionRow, connection_row, recipe_row, user_row
from hub.journal.writes import add_health, change_recipe, write_connection, write_fact, write_file, write_recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from hub.journal.database import Database
    from hub.journal.rows import ConnectionRow, RecipeRow, RecipeSave, UserRow
    from hub.journal.writer import Transaction, Writer
    from hub.jsontypes import Json, JsonObject

_LARGEST_INTEGER = 2**31 - 1


def _do(tx: Transaction, items: Sequence[Callable[[Transaction], Any]]) -> list[Any]:
    """An operation whose items say themselves what to write."""
    return [item(tx) for item in items]


class Store:
    """Reads and writes. Reads raise ``UnavailableError`` when the database is gone, writes too, and nothing is half done."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    def change(self, change: Callable[[Transaction], Any]) -> Any:  # noqa: ANN401 (gives what the change gives)
        """Run one change in a transaction of the writer; its result once it is durable."""
        return self._writer.write(_do, change)

    # recipes

    def recipe_epoch(self) -> int:
        """The version of the set of enabled recipes."""
        value = self.fact(EPOCH)
        return value if isinstance(value, int) else 0

    def recipes(self) -> list[RecipeRow]:
        """All recipes with their current versions, by name."""
        with self._database.read() as connection:
            return [recipe_row(row) for row in connection.execute(_RECIPES.order_by(recipes.c.name))]

    def recipe(self, name: str) -> RecipeRow:
        """One recipe. Raises ``NotFoundError``."""
        with self._database.read() as connection:
            row = connection.execute(_RECIPES.where(recipes.c.name == name)).first()
        if row is None:
            message = f"There is no recipe {name!r}."
            raise NotFoundError(message, remedy="`hub export` or the page Recipes lists them.")
        return recipe_row(row)

    def recipe_versions(self, name: str) -> list[VersionRow]:
        """All versions, newest first."""
        query = sa.select(recipe_versions).where(recipe_versions.c.recipe == name).order_by(recipe_versions.c.n.desc())
        with self._database.read() as connection:
            return [
                VersionRow(row.n, row.author, row.message, row.created_at, row.text)
                for row in connection.execute(query)
            ]

    def recipe_version(self, name: str, n: int) -> VersionRow:
        """One version. Raises ``NotFoundError``."""
        query = sa.select(recipe_versions).where(recipe_versions.c.recipe == name, recipe_versions.c.n == n)
        row = None
        if 0 < n <= _LARGEST_INTEGER:  # others no database takes
            with self._database.read() as connection:
                row = connection.execute(query).first()
        if row is None:
            message = f"There is no version {n} of the recipe {name!r}."
            raise NotFoundError(message, remedy="Its page lists the versions.")
        return VersionRow(row.n, row.author, row.message, row.created_at, row.text)

    def wait_shapes(self) -> dict[str, list[tuple[str, ...]]]:
        """For each event type or pattern, the match paths of all waits that ever asked for it."""
        found: dict[str, list[tuple[str, ...]]] = {}
        with self._database.read() as connection:
            for row in connection.execute(sa.select(wait_shapes)):
                found.setdefault(row.event_type, []).append(tuple(row.paths.split("\n")))
        return found

    def save_recipe(self, save: RecipeSave) -> int:
        """Store a version and make it the current one; give its number (the last one's, when nothing changed)."""
        number: int = self.change(lambda tx: write_recipe(tx, save))
        return number

    def set_recipe_inputs(self, name: str, inputs: JsonObject, now: datetime) -> None:
        """The installation's values for the recipe's inputs."""
        self.change(lambda tx: change_recipe(tx, name, now, inputs=inputs))

    def enable_recipe(self, name: str, now: datetime, *, enabled: bool) -> None:
        """Switch a recipe on or off for new events."""
        self.change(lambda tx: change_recipe(tx, name, now, enabled=enabled))

    def delete_recipe(self, name: str, now: datetime) -> None:
        """Take a recipe away; its versions and runs stay readable."""
        self.change(lambda tx: change_recipe(tx, name, now, enabled=False, deleted=True))

    # connections

    def connections(self) -> list[ConnectionRow]:
        """All connections, by name."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(connections).order_by(connections.c.name))
            return [connection_row(row) for row in rows]

    def connection(self, name: str) -> ConnectionRow | None:
        """One connection, or None."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(connections).where(connections.c.name == name)).first()
        return connection_row(row) if row is not None else None

    def create_connection(self, row: ConnectionRow) -> None:
        """Add a connection. Raises ``ConflictError`` when the name is taken."""
        self.change(lambda tx: write_connection(tx, row))

    def update_connection(self, name: str, version: int, now: datetime, **values: Any) -> None:  # noqa: ANN401 (columns)
        """Change a connection if it is still at ``version``. Raises ``ConflictError`` otherwise."""

        def change(tx: Transaction) -> None:
            chosen = (connections.c.name == name) & (connections.c.version == version)
            update = sa.update(connections).where(chosen).values(version=version + 1, updated_at=now, **values)
            if tx.connection.execute(update).rowcount != 1:
                message = f"Somebody else changed the connection {name!r} meanwhile."
                raise ConflictError(message, remedy="Open it again and repeat your change.")

        self.change(change)

    def note_health(self, name: str, facts: JsonObject) -> None:
        """Add facts to a connection's health (last delivery, last test, failures)."""
        self.change(lambda tx: add_health(tx, name, facts))

    def note_health_later(self, name: str, facts: JsonObject) -> None:
        """The same, without waiting for it: where it is lost, the next one says the same."""
        self._writer.submit(_do, lambda tx: add_health(tx, name, facts), _unheard)

    def set_poll_cursor(self, name: str, cursor: Json) -> None:
        """Where the next poll of a connection goes on."""
        self.change(
            lambda tx: tx.connection.execute(
                sa.update(connections).where(connections.c.name == name).values(poll_cursor=cursor)
            )
        )

    def delete_connection(self, name: str) -> None:
        """Take a connection away, its secrets with it."""
        self.change(lambda tx: tx.connection.execute(sa.delete(connections).where(connections.c.name == name)))

    # templates, forms, catalogue

    def files(self, kind: str) -> dict[str, str]:
        """The current texts of a kind of file, by name."""
        newest = (
            sa.select(files.c.name, sa.func.max(files.c.n).label("n"))
            .where(files.c.kind == kind)
            .group_by(files.c.name)
        )
        last = newest.subquery()
        query = (
            sa.select(files.c.name, files.c.text)
            .join(last, (files.c.name == last.c.name) & (files.c.n == last.c.n))
            .where(files.c.kind == kind, files.c.deleted.is_(sa.false()))
        )
        with self._database.read() as connection:
            return {row.name: row.text for row in connection.execute(query.order_by(files.c.name))}

    def file(self, kind: str, name: str) -> str | None:
        """The current text of one file, or None."""
        query = sa.select(files.c.text, files.c.deleted).where(files.c.kind == kind, files.c.name == name)
        with self._database.read() as connection:
            row = connection.execute(query.order_by(files.c.n.desc()).limit(1)).first()
        return row.text if row is not None and not row.deleted else None

    def save_file(self, kind: str, name: str, text: str | None, author: str, now: datetime) -> None:
        """A new version of a file; None deletes it."""
        self.change(lambda tx: write_file(tx, kind, name, text, author, now))

    # the outbox

    def put_mail(self, key: str, message: bytes, *, recipient: str, subject: str, now: datetime) -> None:
        """Keep a mail that no server takes. Idempotent by ``key``."""
        row = {"key": key, "recipient": recipient, "subject": subject, "message": message, "created_at": now}
        self.change(lambda tx: tx.connection.execute(insert_ignoring(tx, outbox), row))

    def mails(self, limit: int = 100) -> list[JsonObject]:
        """The newest mails of the outbox, without their bodies."""
        query = sa.select(outbox.c.key, outbox.c.recipient, outbox.c.subject, outbox.c.created_at)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(outbox.c.created_at.desc()).limit(limit))
            return [row._asdict() for row in rows]

    def mail(self, key: str) -> tuple[str, str, bytes, datetime]:
        """Recipient, subject, RFC 5322 bytes and time of one mail. Raises ``NotFoundError``."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(outbox).where(outbox.c.key == key)).first()
        if row is None:
            message = "There is no such mail in the outbox."
            raise NotFoundError(message, remedy="It may have been deleted by the retention.")
        return row.recipient, row.subject, row.message, row.created_at

    # people

    def users(self) -> list[UserRow]:
        """Everybody who may log in."""
        with self._database.read() as connection:
            return [user_row(row) for row in connection.execute(sa.select(users).order_by(users.c.email))]

    def user(self, *, email: str | None = None, identity: str | None = None) -> UserRow | None:
        """One person by mail address or id, or None."""
        chosen = users.c.email == email.strip().lower() if email is not None else users.c.id == identity
        with self._database.read() as connection:
            row = connection.execute(sa.select(users).where(chosen)).first()
        return user_row(row) if row is not None else None

    def create_user(self, email: str, name: str, role: str, password_hash: str, now: datetime) -> str:
        """Add a person; give the id. Raises ``ConflictError`` when the address is taken."""
        identity = new_id("usr", now)

        def change(tx: Transaction) -> None:
            row = {
                "id": identity,
                "email": email.strip().lower(),
                "name": name,
                "role": role,
                "password_hash": password_hash,
                "created_at": now,
            }
            if tx.connection.scalar(sa.select(users.c.id).where(users.c.email == row["email"])) is not None:
                message = f"There is a user {email!r} already."
                raise ConflictError(message, remedy="Change that user, or give another address.")
            tx.connection.execute(sa.insert(users), row)

        self.change(change)
        return identity

    def update_user(self, identity: str, **values: Any) -> None:  # noqa: ANN401 (columns)
        """Change a person's columns."""
        self.change(lambda tx: tx.connection.execute(sa.update(users).where(users.c.id == identity).values(**values)))

    # audit and small facts

    def note(self, actor: str, action: str, target: str, now: datetime, detail: JsonObject | None = None) -> None:
        """An entry of the audit trail."""
        self.change(lambda tx: write_note(tx, actor, action, target, now, detail))

    def audit_trail(self, limit: int = 200) -> list[JsonObject]:
        """The newest entries of the audit trail."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(audit).order_by(audit.c.id.desc()).limit(limit))
            return [row._asdict() for row in rows]

    def fact(self, name: str) -> Json:
        """A small fact of the installation, or None."""
        with self._database.read() as connection:
            value: Json = connection.scalar(sa.select(state.c.value).where(state.c.name == name))
            return value

    def put_fact(self, name: str, value: Json, now: datetime) -> None:
        """Remember a small fact."""
        self.change(lambda tx: write_fact(tx, name, value, now))

    # refusals and questions

    def count_refusal(self, connection: str, reason: str, message: str, now: datetime) -> None:
        """Count a refused delivery; its body is not kept."""
        hour = now.replace(minute=0, second=0, microsecond=0)

        def change(tx: Transaction) -> None:
            row = {"connection": connection, "reason": reason, "hour": hour, "count": 0}
            tx.connection.execute(insert_ignoring(tx, refusals), row)
            key = (refusals.c.connection == connection) & (refusals.c.reason == reason) & (refusals.c.hour == hour)
            update = sa.update(refusals).where(key).values(count=refusals.c.count + 1, last_message=message[:500])
            tx.connection.execute(update)

        self.change(change)

    def refusals(self, limit: int = 200) -> list[JsonObject]:
        """Refused deliveries by connection, reason and hour, newest first."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(refusals).order_by(refusals.c.hour.desc()).limit(limit))
            return [row._asdict() for row in rows]

    def question(self, identity: str) -> JsonObject | None:
        """A question to a person, or None."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(questions).where(questions.c.id == identity)).first()
        return row._asdict() if row is not None else None

    def answer_question(self, identity: str, answer: str, now: datetime) -> bool:
        """Note the answer; False when one was given before."""

        def change(tx: Transaction) -> bool:
            open_one = (questions.c.id == identity) & questions.c.answer.is_(None)
            update = sa.update(questions).where(open_one).values(answer=answer, answered_at=now)
            return tx.connection.execute(update).rowcount == 1

        first: bool = self.change(change)
        return first


_RECIPES = (
    sa.select(
        recipes.c.name,
        recipes.c.current,
        recipes.c.enabled,
        recipes.c.inputs,
        recipes.c.version,
        recipes.c.updated_at,
        recipe_versions.c.text,
    )
    .join(recipe_versions, (recipe_versions.c.recipe == recipes.c.name) & (recipe_versions.c.n == recipes.c.current))
    .where(recipes.c.deleted.is_(sa.false()))
)


def _unheard(_outcome: object) -> None:
    """Nobody waits for it."""
