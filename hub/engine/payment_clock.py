"""Brings what is due to its end: news of visits to pay, links that expire, subscriptions to charge, payments to ask about.

Every process that advances runs keeps this clock. A row is claimed by moving its due time, so that it is taken up once, and
again by another process should this one die; what it does then is safe to repeat.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from hub.engine import new_means
from hub.engine.timers import claim_timers, run_timer
from hub.errors import ConflictError, HubError
from hub.journal.entries import Happening
from hub.journal.tables import checkouts, links, subscriptions
from hub.payments.links import link_event
from hub.payments.looking import next_look
from hub.payments.plans import DIFFERENCE, FIRST_VISIT

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import sqlalchemy as sa

    from hub.engine.hub import Hub

log = structlog.get_logger(__name__)

_AT_ONCE = 50
_THREADS = 4
_BACKLOG = 200
_CLAIM = timedelta(minutes=2)
_SOON = timedelta(seconds=2)
_STOP_SECONDS = 5.0


class PaymentClock:
    """Looks every second; what is due is done in threads of its own, so that a slow gateway stops nothing else."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._desk = hub.payments
        self._charging = hub.charging
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="payments")
        self._running: list[Future[None]] = []

    def tick(self) -> None:
        """Take up what is due now; called every second, never twice at once."""
        try:
            self._running = [one for one in self._running if not one.done()]
            self._running += [self._threads.submit(work) for work in self.due()]
        except HubError as error:
            log.warning("payments_postponed", reason=str(error))

    def run_due(self) -> int:
        """Do what is due now, one after the other, and give how much that was; for a process that keeps no clock."""
        works = self.due()
        for work in works:
            work()
        return len(works)

    def due(self) -> list[Callable[[], None]]:
        """What is due, claimed for this process."""
        if len(self._running) > _BACKLOG:
            return []
        now, store = self._hub.now(), self._desk.store
        found: list[Callable[[], None]] = []
        for table, do in ((checkouts, self._visit), (links, self._link), (subscriptions, self._charging.advance)):
            rows = [row for row in store.due(table, now, _AT_ONCE) if store.claim(table, row, now + _CLAIM)]
            found += [self._work(do, row) for row in rows]
        found += [self._work(self._timer, row) for row in claim_timers(self._hub, now, _AT_ONCE)]
        unfinished = store.payments_to_look_at(now, _AT_ONCE)
        looked = [row for row in unfinished if store.claim_look(row, next_look(row.begun, now, row.looks + 1))]
        found += [self._work(self._look, row) for row in looked]
        return found

    def close(self) -> None:
        """Begin nothing more, and give what is under way a moment to end; what does not is taken up again."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        wait([one for one in self._running if not one.cancelled()], _STOP_SECONDS)

    def _work(self, do: Callable[[sa.Row[Any]], object], row: sa.Row[Any]) -> Callable[[], None]:
        def work() -> None:
            try:
                do(row)
            except HubError as error:
                log.warning("payment_work_postponed", what=do.__name__, about=_about(row), reason=str(error))
            except Exception:  # a connector's code may raise anything; the others go on
                log.exception("payment_work_broken", what=do.__name__, about=_about(row))

        return work

    def _timer(self, row: sa.Row[Any]) -> None:
        run_timer(self._hub, row)

    def _look(self, row: sa.Row[Any]) -> None:
        if self._desk.look(row):
            log.info("payment_found", connection=row.connection, payment=row.payment)

    def _link(self, row: sa.Row[Any]) -> None:
        """A link has expired."""
        now, store = self._hub.now(), self._desk.store
        row = store.change(links, row, now, state="expired")
        happening = Happening("link.expired", row.connection, f"link.expired:{row.id}", link_event(row), now)
        self._hub.recorder.record(happening, now)
        store.change(links, row, now, due_at=None)

    def _visit(self, visit: sa.Row[Any]) -> None:
        """A visit was decided: its link or subscription hears of it, a little later where others change that just now."""
        try:
            self._tell_owner(visit)
        except ConflictError:
            self._desk.store.change_checkout(visit.id, self._hub.now(), due_at=self._hub.now() + _SOON)
            raise
        self._desk.store.change_checkout(visit.id, self._hub.now(), due_at=None)

    def _tell_owner(self, visit: sa.Row[Any]) -> None:
        if visit.purpose == "link" and visit.state == "paid":
            self._link_paid(visit)
        elif visit.purpose == FIRST_VISIT and visit.state in {"paid", "closed"}:
            self._charging.agreed(visit)
        elif visit.purpose == new_means.PURPOSE and visit.state == "paid":
            self._hub.new_means.given(visit)
        elif visit.purpose == new_means.FORM and visit.state == "paid":
            self._hub.new_means.prove(visit)
        elif visit.purpose == DIFFERENCE:
            self._charging.difference_decided(visit)
        elif visit.purpose == "charge":
            self._charging.decided(visit)

    def _link_paid(self, visit: sa.Row[Any]) -> None:
        now, store = self._hub.now(), self._desk.store
        row = store.get(links, visit.owner)
        data = link_event(row, payment=visit.payment)
        happening = Happening("link.paid", row.connection, f"link.paid:{row.id}:{visit.payment}", data, now)
        recorded = self._hub.recorder.record(happening, now)
        if not recorded.duplicate or row.state == "active":
            store.settle_link(row.id, now, reusable=bool(row.input.get("reusable")))
        self._charging.link_paid(row, visit.payment)


def _about(row: sa.Row[Any]) -> str:
    """What a due row is about, for the log."""
    return f"{row.kind} {row.subject}" if hasattr(row, "subject") else str(row.connection)
