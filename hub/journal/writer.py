"""The group-committing writer: one thread, one transaction for all that waits, one fsync.

A caller goes on when its batch is on disk. One bad item does not fail its neighbours: the batch is split and each caller
gets its own outcome. On PostgreSQL, where several processes write, a batch that lost against another process's is
written again.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeGuard, TypeVar, cast

import structlog
from sqlalchemy.exc import DBAPIError

from hub.errors import HubError, UnavailableError
from hub.journal.database import is_contention, is_unavailable, unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from hub.journal.book import Book
    from hub.journal.database import Database
    from hub.journal.entries import Happening, NewEvent

log = structlog.get_logger(__name__)

_ATTEMPTS = 5
"""How often a batch is written that loses against other processes (deadlock, serialization)."""
_SIBLINGS = 4
"""From this size of the last batch on, the writer lets others join the next one."""

_PAUSE = 0.001
_MOST_PAUSES = 5

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

Runnable: TypeAlias = "tuple[str, datetime | None]"
OnRunnable: TypeAlias = "Callable[[Connection, Sequence[Runnable]], None]"


class Follow(Protocol):
    """What follows from new events in the transaction that records them."""

    def project(self, book: Book, events: Sequence[NewEvent]) -> None:
        """Write what follows from them, and tell what happened thereby."""

    def entry(self, happening: Happening, now: datetime, epoch: int) -> NewEvent:
        """Match what is told against the recipes of ``epoch``. Raises :class:`RecipesChangedError`."""


@dataclass(slots=True)
class Transaction:
    """What an operation writes with. ``runnable`` collects runs that can go on once this is committed."""

    connection: Connection
    is_sqlite: bool
    runnable: list[Runnable] = field(default_factory=list)
    follow: Follow | None = None


Operation: TypeAlias = "Callable[[Transaction, Sequence[Item]], Sequence[Outcome]]"


@dataclass(frozen=True, slots=True)
class _Entry:
    operation: Callable[[Transaction, Sequence[Any]], Sequence[Any]]
    item: Any
    done: Callable[[Any], None]


@dataclass(slots=True)
class WriterStatistics:
    """How much was shared: ``commits`` is the number of fsyncs, ``contentions`` of batches written again."""

    items: int = 0
    commits: int = 0
    failures: int = 0
    contentions: int = 0
    largest_batch: int = 0


class Writer:
    """Everything that changes the database goes through here.

    ``on_commit`` may be set: it hears of each batch, how many items it had and how many seconds it took.
    """

    def __init__(
        self,
        database: Database,
        on_runnable: OnRunnable | None = None,
        *,
        follow: Follow | None = None,
        batch: int = 512,
        capacity: int = 50_000,
    ) -> None:
        self._database = database
        self._on_runnable = on_runnable
        self._follow = follow
        self._batch = batch
        self._capacity = capacity
        self._queue: SimpleQueue[_Entry | None] = SimpleQueue()
        self._closed = False
        self._last_size = 0
        self._door = threading.Lock()  # nothing may enter the queue behind its end
        self.statistics = WriterStatistics()
        self.on_commit: Callable[[int, float], None] = lambda _items, _seconds: None
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._thread.start()

    def submit(
        self,
        operation: Operation[Item, Outcome],
        item: Item,
        on_done: Callable[[Outcome | BaseException], None] | None = None,
    ) -> Future[Outcome]:
        """Have ``item`` written. The future (or ``on_done``, in the writer's thread, which must be quick and not raise) gets
        the outcome once it is durable, or the error when nothing was kept.
        """
        future: Future[Outcome] = _UNHEARD if on_done is not None else Future()
        entry = _Entry(operation, item, on_done if on_done is not None else _resolver(future))
        with self._door:
            taken = not self._closed and self._queue.qsize() < self._capacity
            if taken:
                self._queue.put(entry)
        if not taken:
            what = "is stopping" if self._closed else "has more to write than it can keep up with"
            entry.done(UnavailableError(f"The hub {what}.", remedy="Nothing was kept; send it again in a moment."))
        return future

    def write(self, operation: Operation[Item, Outcome], item: Item) -> Outcome:
        """Have ``item`` written, and wait until it is durable. Raises what :meth:`submit` would report."""
        return self.write_all(operation, [item])[0]

    def write_all(self, operation: Operation[Item, Outcome], items: Sequence[Item]) -> list[Outcome]:
        """Have ``items`` written, and wait until it is done. Raises the first error; the other items may be kept then."""
        outcomes: list[Outcome | BaseException] = []
        done = threading.Lock()  # a future costs ten times as much
        done.acquire()

        def written(found: list[Outcome | BaseException]) -> None:
            outcomes.extend(found)
            done.release()

        self.submit_all(operation, items, written)
        done.acquire()
        for outcome in outcomes:
            if _is_error(outcome):
                raise outcome
        return cast("list[Outcome]", outcomes)

    def submit_all(
        self,
        operation: Operation[Item, Outcome],
        items: Sequence[Item],
        on_done: Callable[[list[Outcome | BaseException]], None],
    ) -> None:
        """Have ``items`` written; ``on_done`` (as for :meth:`submit`) hears all their outcomes together, in their order."""
        if not items:
            on_done([])
            return
        slip = _Slip(len(items), on_done)
        for place, item in enumerate(items):
            self.submit(operation, item, partial(slip.take, place))

    def waiting(self) -> int:
        """How many items wait to be written."""
        return self._queue.qsize()

    def close(self) -> None:
        """Write what waits, then end. May be called again."""
        with self._door:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            batch = [first]
            last = False
            self._let_others_join()
            while len(batch) < self._batch and not last:
                try:
                    following = self._queue.get_nowait()
                except Empty:
                    break
                if following is None:
                    last = True
                else:
                    batch.append(following)
            self._last_size = len(batch)
            self._commit(batch)
            if last:
                return

    def _let_others_join(self) -> None:
        """Under load, wait while items come in quick succession: a larger batch costs hardly more than a small one."""
        if self._last_size < _SIBLINGS:
            return
        for _ in range(_MOST_PAUSES):
            waiting = self._queue.qsize()
            time.sleep(_PAUSE)
            if self._queue.qsize() == waiting:
                return

    def _commit(self, batch: list[_Entry]) -> None:
        begun = time.perf_counter()
        try:
            outcomes = self._written(batch)
        except Exception as error:  # noqa: BLE001 (every caller is told)
            self._fail(batch, error)
            return
        self.statistics.commits += 1
        self.statistics.items += len(batch)
        self.statistics.largest_batch = max(self.statistics.largest_batch, len(batch))
        self.on_commit(len(batch), time.perf_counter() - begun)
        for entry, outcome in zip(batch, outcomes, strict=True):
            _tell(entry, outcome)

    def _written(self, batch: list[_Entry]) -> list[Any]:
        """Write the batch, again when it lost against another process; the database has undone the attempt then."""
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._write(batch)
            except DBAPIError as error:
                if not is_contention(error):
                    raise
                self.statistics.contentions += 1
        return self._write(batch)

    def _write(self, batch: list[_Entry]) -> list[Any]:
        """All of the batch in one transaction, entries of one operation together."""
        numbers: dict[Callable[..., Any], list[int]] = {}
        for number, entry in enumerate(batch):
            numbers.setdefault(entry.operation, []).append(number)
        outcomes: list[Any] = [None] * len(batch)
        with self._database.begin() as connection:
            transaction = Transaction(connection, self._database.is_sqlite, follow=self._follow)
            for operation, places in numbers.items():
                results = operation(transaction, [batch[place].item for place in places])
                for place, result in zip(places, results, strict=True):
                    outcomes[place] = result
            if transaction.runnable and self._on_runnable is not None:
                self._on_runnable(connection, transaction.runnable)
        return outcomes

    def _fail(self, batch: list[_Entry], error: Exception) -> None:
        self.statistics.failures += 1
        if is_unavailable(error):
            gone = unavailable(error)
            log.warning("journal_unavailable", reason=gone.message, items=len(batch))
            for entry in batch:
                _tell(entry, gone)
        elif len(batch) == 1:
            if not isinstance(error, HubError):
                log.error("write_refused", operation=batch[0].operation.__name__, exc_info=error)
            _tell(batch[0], error)
        else:
            middle = len(batch) // 2
            self._commit(batch[:middle])
            self._commit(batch[middle:])


class _Slip:
    """Collects the outcomes of several items."""

    __slots__ = ("_lock", "_missing", "_on_done", "_outcomes")

    def __init__(self, count: int, on_done: Callable[[list[Any]], None]) -> None:
        self._outcomes: list[Any] = [None] * count
        self._missing = count
        self._on_done = on_done
        self._lock = threading.Lock()  # the writer refuses in the submitter's thread

    def take(self, place: int, outcome: object) -> None:
        with self._lock:
            self._outcomes[place] = outcome
            self._missing -= 1
            complete = not self._missing
        if complete:
            self._on_done(self._outcomes)


_UNHEARD: Future[Any] = Future()
"""Given where the caller hears by callback: nobody may wait for it."""


def _resolver(future: Future[Any]) -> Callable[[Any], None]:
    def resolve(outcome: Any) -> None:
        if _is_error(outcome):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    return resolve


def _is_error(outcome: object) -> TypeGuard[BaseException]:
    """Whether nothing was kept, as opposed to an outcome that only looks like an error."""
    return isinstance(outcome, BaseException) and not getattr(outcome, "is_outcome", False)


def _tell(entry: _Entry, outcome: object) -> None:
    """A caller that fails on its outcome (or gave up waiting) must not end the thread that everybody writes through."""
    try:
        entry.done(outcome)
    except Exception:
        log.exception("outcome_not_taken", operation=entry.operation.__name__)
