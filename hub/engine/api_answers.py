"""Answers of the API that are kept: a request that is repeated under its key gets the first answer, and acts once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from hub.errors import ConflictError, PermanentError
from hub.journal.retention import REMEMBERED
from hub.journal.tables_api import api_requests
from hub.journal.tables_office import timers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.engine.hub import Hub
    from hub.journal.book import Book
    from hub.office import Office, Timer

KEPT: Final = timedelta(hours=48)
"""How long an answer is kept."""

_AT_MOST_EVERY: Final = timedelta(hours=1)
_CLAIM: Final = timedelta(minutes=2)
_TIMER: Final = "api.forget"


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it was given: its HTTP status and its body."""

    status: int
    body: bytes


class ApiAnswers:
    """Keeps the answers, encrypted, by token and key."""

    def __init__(self, hub: Hub, token: str, key: str) -> None:
        self._hub = hub
        self._place = (api_requests.c.token == token, api_requests.c.key == key)
        self._row = {"token": token, "key": key}

    def begin(self, fingerprint: str) -> Kept | None:
        """Take the key for this request: None when it is to be done now, else the answer that was given.

        Raises ``PermanentError`` (``key_reused``: it was another request), ``ConflictError`` (``in_progress``: its twin is
        being answered at this moment).
        """
        now = self._hub.now()

        def work(book: Book) -> sa.Row[Any] | None:
            book.insert(timers, {"kind": _TIMER, "subject": "all", "set_for": now + KEPT, "due_at": now + KEPT})
            if book.insert(api_requests, {**self._row, "fingerprint": fingerprint, "until": now + _CLAIM}):
                return None
            known = book.connection.execute(book.locking(sa.select(api_requests).where(*self._place))).one()
            if known.fingerprint != fingerprint:
                message = "Idempotency-Key: this key was used before, for another request."
                raise PermanentError(message, code="key_reused", remedy="Make a new key for each new request.")
            if known.status is not None:
                return known
            if known.until is not None and known.until > now:
                message = "The same request is being answered at this moment."
                raise ConflictError(message, code="in_progress", remedy="Send it again in a few seconds.")
            claim = sa.update(api_requests).where(*self._place).values(until=now + _CLAIM, updated_at=now)
            book.connection.execute(claim)
            return None

        known = self._hub.office("api answers").change(work)
        if known is None:
            return None
        return Kept(known.status, self._hub.keyring.decrypt(known.answer.decode()).encode())

    def keep(self, status: int, body: bytes) -> None:
        """This is the answer, also of every repetition."""
        self._change({"status": status, "answer": self._hub.keyring.encrypt(body).encode(), "until": None})

    def free(self) -> None:
        """Nothing came of it: whoever repeats it does it anew."""
        self._change({"until": None})

    def _change(self, values: Mapping[str, object]) -> None:
        update = sa.update(api_requests).where(*self._place).values(**values, updated_at=self._hub.now())
        self._hub.office("api answers").change(lambda book: book.connection.execute(update).rowcount)


def forget(office: Office, subject: str) -> None:
    """Forget the answers and keys that were kept long enough; wakes again for those that were not."""
    table, now = api_requests.c, office.now
    answered = table.status.is_not(None)

    def work(book: Book) -> None:
        book.connection.execute(sa.delete(api_requests).where(table.created_at <= now - REMEMBERED))
        late = sa.update(api_requests).where(answered, table.updated_at <= now - KEPT)
        book.connection.execute(late.values(status=None, answer=None))
        answer = book.connection.scalar(sa.select(sa.func.min(table.updated_at)).where(answered))
        key = book.connection.scalar(sa.select(sa.func.min(table.created_at)))
        if key is not None:
            next_one = min(key + REMEMBERED, answer + KEPT if answer is not None else now + REMEMBERED)
            book.wake_at(_TIMER, subject, max(next_one, now + _AT_MOST_EVERY))

    office.change(work)


TIMERS: Final[Mapping[str, Timer]] = {_TIMER: forget}
