"""One change of the hub's own things: its rows and the events that tell of it, all or nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import sqlalchemy as sa

from hub.errors import ConflictError, NotFoundError
from hub.ids import new_id
from hub.journal.among import among, these
from hub.journal.auditing import write_note
from hub.journal.entries import Happening
from hub.journal.inserting import insert_ignoring
from hub.journal.tables_office import numbers, timers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.sql.dml import ReturningUpdate

    from hub.journal.writer import Transaction
    from hub.jsontypes import JsonObject

Row: TypeAlias = "sa.Row[Any]"


@dataclass(slots=True)
class Book:
    """What a change writes with, inside the writer's transaction: it must be quick and may reach nothing outside.

    ``now`` is UTC. ``told`` are the events so far; they are recorded with the rows, start recipes, and are projected.
    """

    tx: Transaction
    now: datetime
    caused_by: tuple[str | None, str | None] = (None, None)
    told: list[Happening] = field(default_factory=list)

    @property
    def connection(self) -> sa.Connection:
        """For statements of one's own."""
        return self.tx.connection

    def tell(self, event_type: str, source_id: str, data: JsonObject, *, source: str = "hub") -> None:
        """Tell that something happened; once for each source id of a source, whoever tells it again. Nulls are left out."""
        said = {name: value for name, value in data.items() if value is not None}
        run, step = self.caused_by
        self.told.append(
            Happening(event_type, source, source_id, said, self.now, id=new_id("evt", self.now),
                      caused_by_run=run, caused_by_step=step)
        )  # fmt: skip

    def note(self, actor: str, action: str, target: str, detail: JsonObject | None = None) -> None:
        """An entry of the audit trail, with what is changed."""
        write_note(self.tx, actor, action, target, self.now, detail)

    # rows

    def insert(self, table: sa.Table, row: Mapping[str, object]) -> bool:
        """Add a row; False, and nothing changed, when one of its key is there already."""
        moments = {name: self.now for name in ("created_at", "updated_at") if name in table.c}
        first = next(iter(table.primary_key.columns))
        insert = insert_ignoring(self.tx, table).returning(first)
        return self.connection.execute(insert, {**moments, **row}).first() is not None

    def find(self, table: sa.Table, identity: str) -> Row | None:
        """A row by its id, or None; nobody else changes it until this change is done."""
        return self.connection.execute(_one(table, not self.tx.is_sqlite), {"one": identity}).first()

    def find_all(self, table: sa.Table, identities: Iterable[str]) -> dict[str, Row]:
        """The rows with these ids, by id, as :meth:`find`. In one order, so that two writers never wait for each other."""
        wanted = set(identities)
        query = _several(table, not self.tx.is_sqlite)
        return {row.id: row for row in self.rows(query, these(wanted))} if wanted else {}

    def locking(self, query: sa.Select[Any]) -> sa.Select[Any]:
        """The query of rows that nobody else changes until this change is done; SQLite has one writer anyway."""
        return query if self.tx.is_sqlite else query.with_for_update()

    def get(self, table: sa.Table, identity: str) -> Row:
        """A row by its id. Raises :class:`NotFoundError`."""
        return found(table, identity, self.find(table, identity))

    def change(self, table: sa.Table, row: Row, **values: object) -> Row:
        """Change a row that has a version, and give it as it is then.

        Raises :class:`ConflictError` when it was changed since it was read.
        """
        same = {"one": row.id, "read": row.version}
        new = {"version": row.version + 1, "updated_at": self.now, **values}
        changed = self.connection.execute(_change(table), {**same, **new}).first()
        if changed is None:
            message = f"The {title_of(table)} {row.id} was changed by somebody else at this very moment."
            raise ConflictError(message, remedy="Do it again.")
        return changed

    def rows(self, query: sa.Select[Any], parameters: Mapping[str, object] | None = None) -> Sequence[Row]:
        """What a query finds, the changes of this book included."""
        return self.connection.execute(query, parameters or {}).all()

    # numbers and timers

    def next_number(self, series: str) -> int:
        """The next number of a series, 1 the first time. Without gaps: a change that fails gives its number back."""
        self.insert(numbers, {"series": series, "last": 0})
        update = sa.update(numbers).where(numbers.c.series == series).values(last=numbers.c.last + 1)
        number: int = self.connection.execute(update.returning(numbers.c.last)).scalar_one()
        return number

    def wake_at(self, kind: str, subject: str, due_at: datetime | None) -> None:
        """Have the timer ``kind`` do its work for ``subject`` then; a timer has one time, None takes it away."""
        if due_at is None:
            self.connection.execute(_NO_TIMER, {"of_kind": kind, "of_subject": subject})
        elif not self.insert(timers, {"kind": kind, "subject": subject, "set_for": due_at, "due_at": due_at}):
            new = {"set_for": due_at, "due_at": due_at, "tries": 0, "error": None, "updated_at": self.now}
            self.connection.execute(_OTHER_TIME, {"of_kind": kind, "of_subject": subject, **new})


# Statements that are made once: most of a lone event's time went into making them.


@cache
def _one(table: sa.Table, locked: bool) -> sa.Select[Any]:  # noqa: FBT001
    query = sa.select(table).where(table.c.id == sa.bindparam("one"))
    return query.with_for_update() if locked else query


@cache
def _several(table: sa.Table, locked: bool) -> sa.Select[Any]:  # noqa: FBT001
    query = sa.select(table).where(among(table.c.id)).order_by(table.c.id)
    return query.with_for_update() if locked else query


@cache
def _change(table: sa.Table) -> ReturningUpdate[Any]:
    """Sets the columns that are named beside ``one`` and ``read``."""
    same = (table.c.id == sa.bindparam("one"), table.c.version == sa.bindparam("read"))
    return sa.update(table).where(*same).returning(table)


_OF_TIMER = (timers.c.kind == sa.bindparam("of_kind"), timers.c.subject == sa.bindparam("of_subject"))
_NO_TIMER = sa.delete(timers).where(*_OF_TIMER)
_OTHER_TIME = sa.update(timers).where(*_OF_TIMER)


def title_of(table: sa.Table) -> str:
    """What people call a row of the table."""
    return str(table.info.get("title") or table.name.rstrip("s").replace("_", " "))


def found(table: sa.Table, identity: str, row: Row | None) -> Row:
    """The row. Raises :class:`NotFoundError` when there is none."""
    if row is None:
        message = f"There is no {title_of(table)} {identity!r}."
        raise NotFoundError(message, remedy="Check the reference.")
    return row
