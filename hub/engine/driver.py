"""Advances the runs of this process: one thread that never blocks on an outside system or on the disk.

It takes what came in (runs to claim, outcomes of calls, writes that are durable), lets every run that has news take its
next turn, hands the turns to the group-committing writer, and once a turn is on disk gives its calls to the pool.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeAlias

import structlog

from hub.engine.caller import CallContext
from hub.engine.recorder import event_entry
from hub.engine.turns import RunUnderWay, merged, without_calls
from hub.errors import HubError
from hub.journal.entries import Happening
from hub.journal.operations import (
    ClaimRequest,
    LeaseRequest,
    StaleEpochError,
    claim_runs,
    read_signals,
    release_leases,
    renew_leases,
    update_runs,
)
from hub.recipes.record import RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hub.engine.caller import Caller, Outcome
    from hub.engine.library import Library
    from hub.engine.pool import ActionPool
    from hub.journal.entries import ClaimedRun, NewEvent, RunUpdate, Updated
    from hub.journal.writer import Writer
    from hub.jsontypes import JsonObject
    from hub.recipes.record import CallRequest, Turn

log = structlog.get_logger(__name__)

Message: TypeAlias = "Callable[[], None]"
Taken: TypeAlias = "Callable[[str], None]"

RUN_FAILED = "hub.run_failed"
_WRITE_AGAIN = timedelta(seconds=1)
_IDLE_WAIT = 1.0
_DRAIN = 1_000
_CLAIMED_AT_ONCE = 500


class Driver:
    """The engine's thread. Everything public is safe to call from any thread and returns at once.

    ``capacity``: how many runs it holds in memory; more stay in the journal until there is room. ``next_due``: asks the
    journal when the next run is due (left out where something else wakes runs in time). ``on_ended`` hears of each run
    that ended here: its recipe and status.
    """

    def __init__(  # noqa: PLR0913 (its collaborators)
        self,
        writer: Writer,
        library: Library,
        caller: Caller,
        pool: ActionPool,
        now: Callable[[], datetime],
        owner: str,
        *,
        lease: timedelta = timedelta(seconds=15),
        capacity: int = 2_000,
        next_due: Callable[[], datetime | None] | None = None,
        on_ended: Callable[[str, RunStatus], None] | None = None,
    ) -> None:
        self.owner = owner
        self._writer = writer
        self._library = library
        self._caller = caller
        self._pool = pool
        self._now = now
        self._lease = lease
        self._capacity = capacity
        self._next_due = next_due
        self._on_ended = on_ended or (lambda _recipe, _status: None)
        self._inbox: SimpleQueue[Message] = SimpleQueue()
        self._runs: dict[str, RunUnderWay] = {}
        self._wanted: dict[str, Taken | None] = {}
        self._moved: dict[str, RunUnderWay] = {}
        self._claiming = False
        self._backlog = False
        self._due: datetime | None = None
        self._renew_at: datetime | None = None
        self._later: list[tuple[datetime, Message]] = []
        self._stopping = False
        self._idle = threading.Event()
        self._idle.set()
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)

    # from any thread

    def start(self) -> None:
        """Begin, taking up at once what the journal holds ready."""
        self._backlog = True
        self._thread.start()

    def wake(self, runs: Iterable[str], taken: Taken | None = None) -> None:
        """These runs can go on: claim them as soon as there is room.

        ``taken`` is called with each run's id (in the engine's thread) once it is claimed, or found not to be claimable.
        """
        identities = tuple(runs)
        if identities:
            self._idle.clear()
            self._inbox.put(lambda: self._want(identities, taken))

    def sweep(self) -> None:
        """Look in the journal for runs that are due or that a dead process left."""
        self._inbox.put(self._look_for_backlog)

    def stop(self, grace: float) -> None:
        """Begin no further calls, record the outcomes of those under way (``grace`` seconds at most), give leases back."""
        self._inbox.put(self._begin_stop)
        self._thread.join(grace)
        if self._thread.is_alive():
            self._inbox.put(self._abandon)
            self._thread.join(_IDLE_WAIT * 2)
        self._writer.write(release_leases, LeaseRequest(self.owner, self._now()))

    def load(self) -> int:
        """How many runs it holds."""
        return len(self._runs) + len(self._wanted)

    def wait_idle(self, timeout: float) -> bool:
        """Wait until no run is under way; True when that is so. For tests, the bench and a clean stop."""
        return self._idle.wait(timeout)

    # the thread

    def _work(self) -> None:
        while not (self._stopping and not self._runs):
            self._take_messages()
            self._advance_moved()
            self._keep_time()
            self._claim()
            if not self._runs and not self._wanted and not self._claiming and not self._backlog:
                self._idle.set()

    def _take_messages(self) -> None:
        try:
            message = self._inbox.get(timeout=0 if self._moved else self._patience())
        except Empty:
            return
        message()
        for _ in range(_DRAIN):
            try:
                self._inbox.get_nowait()()
            except Empty:
                return

    def _patience(self) -> float:
        moments = [moment for moment, _ in self._later]
        moments += [moment for moment in (self._due, self._renew_at) if moment is not None]
        if not moments:
            return _IDLE_WAIT
        return min(max((min(moments) - self._now()).total_seconds(), 0.0), _IDLE_WAIT)

    def _keep_time(self) -> None:
        now = self._now()
        due = [message for moment, message in self._later if moment <= now]
        if due:
            self._later = [entry for entry in self._later if entry[0] > now]
            for message in due:
                message()
        if self._due is not None and self._due <= now:
            self._due, self._backlog = None, True
        if self._runs and (self._renew_at is None or self._renew_at <= now):
            self._renew_at = now + self._lease / 3
            self._writer.submit(renew_leases, LeaseRequest(self.owner, now + self._lease), _ignore)
        elif not self._runs:
            self._renew_at = None

    # claiming

    def _want(self, runs: Sequence[str], taken: Taken | None = None) -> None:
        for run in runs:
            under_way = self._runs.get(run)
            if under_way is None:
                self._wanted[run] = taken
                continue
            self._look_for_signals(under_way)
            if taken is not None:
                taken(run)

    def _look_for_signals(self, run: RunUnderWay) -> None:
        """An event may have come for a run that is under way here; it keeps its lease and goes on."""

        def read(outcome: tuple[tuple[str, JsonObject], ...] | BaseException) -> None:
            if not isinstance(outcome, BaseException):
                self._inbox.put(lambda: self._take_signals(run, outcome))

        self._writer.submit(read_signals, run.id, read)

    def _take_signals(self, run: RunUnderWay, signals: tuple[tuple[str, JsonObject], ...]) -> None:
        run.take_signals(signals)
        if run.news:
            self._moved[run.id] = run

    def _look_for_backlog(self) -> None:
        self._backlog = True

    def _claim(self) -> None:
        room = self._capacity - len(self._runs)
        if self._claiming or self._stopping or room <= 0 or not (self._wanted or self._backlog):
            return
        now = self._now()
        wanted: dict[str, Taken | None] = {}
        for run in tuple(self._wanted)[: min(room, _CLAIMED_AT_ONCE)]:
            wanted[run] = self._wanted.pop(run)
        if not wanted:
            self._backlog = False
        self._claiming = True
        self._idle.clear()
        limit = min(room, _CLAIMED_AT_ONCE)
        request = ClaimRequest(self.owner, now, now + self._lease, tuple(wanted) or None, limit)

        def claimed(outcome: tuple[ClaimedRun, ...] | BaseException) -> None:
            self._inbox.put(lambda: self._claimed(request, wanted, outcome))

        self._writer.submit(claim_runs, request, claimed)

    def _claimed(
        self, request: ClaimRequest, wanted: dict[str, Taken | None], outcome: tuple[ClaimedRun, ...] | BaseException
    ) -> None:
        self._claiming = False
        if isinstance(outcome, BaseException):
            log.warning("claim_failed", reason=str(outcome))
            again = (lambda: self._wanted.update(wanted)) if wanted else self._look_for_backlog
            self._later.append((self._now() + _WRITE_AGAIN, again))
            return
        for run in outcome:
            self._begin(run)
        for identity, taken in wanted.items():
            if taken is not None:
                taken(identity)
        if not wanted:
            self._backlog = len(outcome) >= request.limit
            if not self._backlog and self._next_due is not None:
                self._set_due(self._next_due())

    def _begin(self, claimed: ClaimedRun) -> None:
        try:
            installed = self._library.get(claimed.recipe, claimed.n)
            run = RunUnderWay(claimed, installed)
        except HubError:
            log.exception("run_cannot_begin", run_id=claimed.id, recipe=claimed.recipe)
            return
        self._runs[claimed.id] = run
        self._moved[claimed.id] = run

    def _set_due(self, moment: datetime | None) -> None:
        if moment is not None and (self._due is None or moment < self._due):
            self._due = moment

    # advancing

    def _advance_moved(self) -> None:
        moved, self._moved = self._moved, {}
        for run in moved.values():
            if not run.writing and self._runs.get(run.id) is run:
                self._advance(run)

    def _advance(self, run: RunUnderWay) -> None:
        now = self._now()
        turn = run.advance(now)
        while (inline := [call for call in turn.calls if self._caller.is_inline(call)]) and not self._stopping:
            rest = tuple(call for call in turn.calls if call not in inline)
            for call in inline:
                self._take_outcome(run, self._caller.call(call, CallContext(run.id, run.claimed.event)))
            turn = merged(_with_calls(turn, rest), run.advance(now))
        if self._stopping and turn.calls:
            turn = without_calls(turn)
        self._write(run, turn, now)

    @staticmethod
    def _take_outcome(run: RunUnderWay, outcome: Outcome) -> None:
        run.news.append(outcome.news)
        run.emitted.extend(outcome.emitted)

    def _write(self, run: RunUnderWay, turn: Turn, now: datetime) -> None:
        run.writing = True
        happenings = run.emitted + _own_events(run, turn, now)
        run.emitted = []
        self._submit(run, turn, run.update(turn, now, ()), happenings, now)

    def _submit(
        self, run: RunUnderWay, turn: Turn, update: RunUpdate, happenings: list[Happening], now: datetime
    ) -> None:
        if happenings:
            update = _with_events(update, tuple(event_entry(one, self._library.snapshot(), now) for one in happenings))

        def written(outcome: Updated | BaseException) -> None:
            self._inbox.put(lambda: self._written(run, turn, update, happenings, outcome))

        self._writer.submit(update_runs, update, written)

    def _written(
        self,
        run: RunUnderWay,
        turn: Turn,
        update: RunUpdate,
        happenings: list[Happening],
        outcome: Updated | BaseException,
    ) -> None:
        now = self._now()
        if isinstance(outcome, StaleEpochError):
            self._library.reload()
            self._submit(run, turn, update, happenings, now)
            return
        if isinstance(outcome, BaseException):
            log.warning("turn_not_written", run_id=run.id, reason=str(outcome))
            self._later.append((now + _WRITE_AGAIN, lambda: self._submit(run, turn, update, happenings, self._now())))
            return
        self._durable(run, turn, outcome, now)

    def _durable(self, run: RunUnderWay, turn: Turn, outcome: Updated, now: datetime) -> None:
        """A turn is on disk: make its calls, or let the run go."""
        run.writing = False
        self._want(outcome.runnable)
        for recorded in outcome.recorded:
            self._want((*recorded.runnable, *recorded.woken))
        if outcome.superseded:
            self._let_go(run)
            return
        if turn.status.ended:
            self._on_ended(run.claimed.recipe, turn.status)
        if turn.status is RunStatus.RUNNING:
            self._dispatch(run, turn.calls)
            if outcome.signalled:
                self._look_for_signals(run)
            if run.news:
                self._moved[run.id] = run
            return
        self._let_go(run)
        if outcome.signalled or (turn.due_at is not None and turn.due_at <= now):
            self._want((run.id,))
        elif turn.due_at is not None and self._next_due is not None:
            self._set_due(turn.due_at)

    def _let_go(self, run: RunUnderWay) -> None:
        if self._runs.get(run.id) is run:
            del self._runs[run.id]

    def _dispatch(self, run: RunUnderWay, calls: Sequence[CallRequest]) -> None:
        context = CallContext(run.id, run.claimed.event)
        for call in calls:
            self._pool.submit(call.connection, lambda call=call: self._carry_out(run, call, context))  # type: ignore[misc]

    def _carry_out(self, run: RunUnderWay, call: CallRequest, context: CallContext) -> None:
        """In a thread of the pool."""
        outcome = self._caller.call(call, context)
        self._inbox.put(lambda: self._heard(run, outcome))

    def _heard(self, run: RunUnderWay, outcome: Outcome) -> None:
        self._take_outcome(run, outcome)
        self._moved[run.id] = run

    # stopping

    def _begin_stop(self) -> None:
        self._stopping = True

    def _abandon(self) -> None:
        self._runs.clear()


def _own_events(run: RunUnderWay, turn: Turn, now: datetime) -> list[Happening]:
    """What the hub itself reports of this turn: a failed run, unless that run was about a failed run."""
    if turn.status is not RunStatus.FAILED or run.claimed.event["type"] == RUN_FAILED:
        return []
    error = turn.error or {}
    told: JsonObject = {name: str(error.get(name) or "") for name in ("code", "message", "remedy")}
    data: JsonObject = {
        "run": run.id,
        "recipe": run.claimed.recipe,
        "version": run.claimed.n,
        "event": run.claimed.event["id"],
        "step": str(error.get("step") or ""),
        "error": told,
    }
    source_id = f"{run.id}:failed:{run.claimed.fence}"
    return [Happening(RUN_FAILED, "hub", source_id, data, now, caused_by_run=run.id)]


def _with_calls(turn: Turn, calls: tuple[CallRequest, ...]) -> Turn:
    return replace(turn, calls=calls)


def _with_events(update: RunUpdate, events: tuple[NewEvent, ...]) -> RunUpdate:
    return replace(update, events=events)


def _ignore(outcome: object) -> None:
    """The renewal of leases is tried again in a few seconds anyway."""
    if isinstance(outcome, BaseException):
        log.warning("leases_not_renewed", reason=str(outcome))
