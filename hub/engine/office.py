"""The engine's office: changes through the recorder, calls of other connections each made once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar, cast

import sqlalchemy as sa

from hub.engine.gateway_calls import interrupted, part_key
from hub.errors import ActionError, TransientError, UncertainError
from hub.ids import derived_id
from hub.journal.inserting import insert_ignoring
from hub.journal.tables_office import calls

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from typing import Any

    from hub.connect.manifest import Manifest
    from hub.engine.hub import Hub
    from hub.journal.book import Book
    from hub.jsontypes import Json, JsonObject

T = TypeVar("T")
_KEY = 40


@dataclass(frozen=True, slots=True)
class HubOffice:
    """Implements :class:`hub.office.Office`. ``caused_by``: the run and step that do the work, where there are any."""

    hub: Hub
    key: str
    now: datetime
    caused_by: tuple[str | None, str | None] = (None, None)

    @classmethod
    def of(cls, hub: Hub, key: str) -> HubOffice:
        """An office for somebody who is no step of a run; any text is a key."""
        return cls(hub, hashlib.sha256(key.encode()).hexdigest()[:_KEY], hub.now())

    def identity(self, prefix: str, part: str = "") -> str:
        """An id that is the same for every attempt of this work."""
        return derived_id(prefix, self.key, part)

    def about(self, subject: str) -> HubOffice:
        """An office for the work on one thing, whoever does it."""
        return replace(self, key=hashlib.sha256(f"about {subject}".encode()).hexdigest()[:_KEY])

    def change(self, work: Callable[[Book], T]) -> T:
        """Change rows and tell events in one transaction."""
        return self.hub.recorder.change(work, self.now, self.caused_by)

    def read(self) -> AbstractContextManager[sa.Connection]:
        """A connection for queries."""
        return self.hub.database.read()

    def manifest(self, connection: str) -> Manifest:
        """What the connection's connector is and can do."""
        return self.hub.registry.get(self.hub.accounts.get(connection).connector).manifest

    def doer(self, connection: str) -> str:
        """The connection that does the work of this one."""
        return self.hub.payments.doer_of(connection)

    def connections(self) -> Sequence[str]:
        """The connections that are switched on, by name."""
        return sorted(row.name for row in self.hub.store.connections() if row.enabled)

    def address(self, kind: str, identity: str) -> str:
        """The signed public address of a thing."""
        return self.hub.pages.page(kind, identity)

    def fact(self, name: str) -> Json:
        """A setting of the installation."""
        return self.hub.store.fact(name)

    def call(self, connection: str, action: str, given: JsonObject, part: str) -> JsonObject:
        """Do an action of a connection once; its intent is written before, its result after, like a step's."""
        key = part_key(self.key, part)
        before = self._begin(key, connection, action)
        if before is not None and before.state == "done":
            return cast("JsonObject", before.output)
        known = self.hub.accounts.get(connection)
        spec = self.hub.registry.action(known.connector, action)
        repeatable = self.hub.registry.get(known.connector).may_repeat(spec, known)
        if before is not None and before.state == "started" and not repeatable:
            raise self._doubtful(key, interrupted(spec))
        try:
            output = self.hub.payments.act(
                connection, action, key, given, repeated=before is not None, caused_by=self.caused_by
            )
        except UncertainError as error:
            raise self._unknown(key, error, repeatable=repeatable) from error
        except ActionError as error:
            self._end(key, "failed", error={"code": error.code, "message": error.message})
            raise
        self._end(key, "done", output=output)
        return cast("JsonObject", output)

    def _unknown(self, key: str, error: UncertainError, *, repeatable: bool) -> ActionError:
        """A call whose answer was lost is made again where that is safe; else a person decides."""
        if not repeatable:
            return self._doubtful(key, error)
        return TransientError(error.message, code=error.code, remedy=error.remedy)

    def _doubtful(self, key: str, error: UncertainError) -> ActionError:
        """Write down that nobody knows of this call; a person says, by its key. Who made it may say so meanwhile."""
        if not self._end(key, "uncertain", error={"code": error.code, "message": error.message}):
            return TransientError(error.message, code=error.code, remedy=error.remedy)
        error.doubt = key
        return error

    def _begin(self, key: str, connection: str, action: str) -> sa.Row[Any] | None:
        """Write the intent; give the call as an attempt before this one left it, None when this is the first."""

        def work(book: Book) -> sa.Row[Any] | None:
            row = {"key": key, "connection": connection, "action": action, "state": "started"}
            stamps = {"created_at": self.now, "updated_at": self.now}
            insert = insert_ignoring(book.tx, calls).returning(calls.c.key)
            if book.connection.execute(insert, {**row, **stamps}).first() is not None:
                return None
            known = book.connection.execute(book.locking(sa.select(calls).where(calls.c.key == key))).one()
            if known.state != "done":
                again = sa.update(calls).where(calls.c.key == key)
                book.connection.execute(again.values(state="started", updated_at=self.now))
            return known

        return self.change(work)

    def _end(self, key: str, state: str, **values: Json) -> bool:
        """Write how the call ended; False, and nothing changed, when somebody wrote already that it was done."""
        open_call = (calls.c.key == key, calls.c.state != "done")
        update = sa.update(calls).where(*open_call).values(state=state, updated_at=self.now, **values)
        return self.change(lambda book: book.connection.execute(update).rowcount) == 1
