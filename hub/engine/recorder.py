"""Turns what happened into an entry of the journal: matched against recipes and waits, recorded once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from hub.ids import new_id
from hub.journal.entries import Change, NewEvent, RecipesChangedError, Recorded
from hub.journal.operations import StaleEpochError, change_books, record_events
from hub.payments.recall import is_whole, made_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from hub.engine.library import Library, Snapshot
    from hub.journal.book import Book
    from hub.journal.database import Database
    from hub.journal.entries import Happening
    from hub.journal.writer import Writer
    from hub.jsontypes import JsonObject

_SUBJECTS = ("payment", "refund", "dispute", "subscription", "order", "invoice", "link", "job", "submission", "payout")
_SEARCHED = (*_SUBJECTS, "plan", "transfer", "hold", "form", "provider", "question", "run", "number", "name", "email")


def event_entry(happening: Happening, snapshot: Snapshot, now: datetime, only: str | None = None) -> NewEvent:
    """Match what happened against the enabled recipes (``only`` one of them) and the waits."""
    identity = happening.id or new_id("evt", now)
    time = happening.time or now
    event = event_object(identity, happening.type, time, happening.source, happening.data)
    return NewEvent(
        id=identity,
        type=happening.type,
        source=happening.source,
        source_id=happening.source_id,
        time=time,
        data=happening.data,
        received=now,
        epoch=snapshot.epoch,
        subject=_subject(happening.data),
        search=_search(happening.data),
        raw=happening.raw,
        headers=happening.headers,
        verification=happening.verification,
        caused_by_run=happening.caused_by_run,
        caused_by_step=happening.caused_by_step,
        runs=snapshot.runs_for(event, only=only),
        match_keys=snapshot.match_keys_for(event),
        recalled=happening.recalled,
    )


def event_object(identity: str, event_type: str, time: datetime, source: str, data: JsonObject) -> JsonObject:
    """The canonical event as expressions see it."""
    stamp = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"id": identity, "type": event_type, "time": stamp, "connection": source, "data": data}


def _subject(data: JsonObject) -> str | None:
    return next((value for name in _SUBJECTS if isinstance(value := data.get(name), str)), None)


def _search(data: JsonObject) -> str:
    found = [value for name in _SEARCHED if isinstance(value := data.get(name), str)]
    customer = data.get("customer")
    if isinstance(customer, dict):
        found += [value for name in ("id", "email", "name") if isinstance(value := customer.get(name), str)]
    metadata = data.get("metadata")
    if isinstance(metadata, dict):
        found += [value for value in metadata.values() if isinstance(value, str)]
    return " ".join(found).lower()[:2_000]


T = TypeVar("T")
_ATTEMPTS = 5


class Recorder:
    """Records events, matching again when the recipes changed meanwhile. Thread-safe.

    ``on_recorded`` hears of runs that can go on (the embedded engine wakes them from memory, without a look at the disk).
    """

    def __init__(
        self,
        library: Library,
        database: Database,
        writer: Writer,
        on_recorded: Callable[[Sequence[str]], None] | None = None,
    ) -> None:
        self._library = library
        self._database = database
        self._writer = writer
        self._on_recorded = on_recorded or (lambda _runs: None)

    def change(self, work: Callable[[Book], T], now: datetime, caused_by: tuple[str | None, str | None]) -> T:
        """Change the hub's own things and record the events that tell of it, in one transaction; what ``work`` gave.

        Raises what ``work`` raises, and nothing is written then; ``UnavailableError`` when the journal cannot write.
        """
        self._library.snapshot()  # read now: within the writer's transaction it cannot be
        for _ in range(_ATTEMPTS):
            try:
                done = self._writer.write(change_books, Change(work, now, caused_by))
            except RecipesChangedError:
                self._library.reload()
            else:
                self._wake(done.recorded)
                return cast("T", done.result)
        raise RecipesChangedError

    def record(self, happening: Happening, now: datetime, only: str | None = None) -> Recorded:
        """Make one event durable; see :meth:`record_all`. ``only`` names the one recipe that it may start."""
        return self.record_all([happening], now, only)[0]

    def record_all(self, happenings: Sequence[Happening], now: datetime, only: str | None = None) -> list[Recorded]:
        """Make events durable, once per source and source id, and start their runs; give the outcomes after the commit.

        Raises ``UnavailableError`` when the journal cannot write. What was recorded before that is known by its id, so the
        sender may safely repeat all of it.

        News of a subscription that brings no metadata gets what is known of it by then, before recipes are matched; a refund
        or dispute what its payment belongs to.
        """
        done: dict[int, Recorded] = {}
        snapshot = self._library.snapshot()
        left = dict(enumerate(self._whole(happenings)))
        while left:
            entries = [event_entry(one, snapshot, now, only=only) for one in left.values()]
            for number, outcome in zip(tuple(left), self._writer.write_all(record_events, entries), strict=True):
                if not isinstance(outcome, StaleEpochError):
                    done[number] = outcome
                    del left[number]
            if left:
                snapshot = self._library.reload()
        self._wake(done.values())
        return [done[number] for number in range(len(happenings))]

    def record_soon(
        self, happenings: Sequence[Happening], now: datetime, heard: Callable[[list[Recorded] | None], None]
    ) -> None:
        """As :meth:`record_all`, without waiting. ``heard`` is called in the writer's thread and must be quick.

        It hears the outcomes, or None when not everything could be recorded: :meth:`record_all` does it again then, or says
        why it cannot. So it is for what lacks metadata, as looking it up would keep the caller waiting.
        """
        if not all(is_whole(one) for one in happenings):
            heard(None)
            return
        snapshot = self._library.snapshot()

        def written(outcomes: Sequence[Recorded | StaleEpochError | BaseException]) -> None:
            recorded = [outcome for outcome in outcomes if isinstance(outcome, Recorded)]
            self._wake(recorded)
            heard(recorded if len(recorded) == len(outcomes) else None)

        self._writer.submit_all(record_events, [event_entry(one, snapshot, now) for one in happenings], written)

    def _whole(self, happenings: Sequence[Happening]) -> Sequence[Happening]:
        """The same with what the gateway left out; the journal is read only where something is missing."""
        if all(is_whole(one) for one in happenings):
            return happenings
        with self._database.read() as connection:
            return made_whole(connection, happenings)

    def _wake(self, recorded: Iterable[Recorded]) -> None:
        runs = [run for outcome in recorded for run in (*outcome.runnable, *outcome.woken)]
        if runs:
            self._on_recorded(runs)
