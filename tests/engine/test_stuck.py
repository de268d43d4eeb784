"""Work that does not go on by itself is shown; a person's word lets it go on, and never does a thing twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from hub.config import load_settings
from hub.connect.manifest import Idempotency
from hub.engine import doctor, office, timers
from hub.engine.hub import Hub, Role
from hub.engine.own_actions import TIMERS
from hub.engine.stuck import TITLES, it_happened, stuck_work, try_again
from hub.errors import ConflictError, PermanentError, UncertainError
from hub.journal.retention import Periods, tidy
from hub.journal.tables_office import calls

PLACE = ("refunds.go_on", "rfd_1")


class Work:
    """A timer's work that makes one call: ``answers`` are what the outside system does, one for each time it is asked."""

    def __init__(self):
        self.answers = []
        self.asked = 0
        self.done = []

    def run(self, its_office, subject):
        self.done.append(its_office.call("hub", "emit", {}, subject))

    def act(self, *args, **more):
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.fixture
def clock():
    class Clock:
        moment = datetime(2026, 11, 26, 9, tzinfo=UTC)

        def __call__(self):
            return self.moment

    return Clock()


@pytest.fixture
def hub(tmp_path, database_url, clock):
    database = {} if database_url.startswith("sqlite") else {"database_url": database_url}
    made = Hub.open(load_settings({}, workspace=tmp_path / "workspace", sandbox="off", **database), Role.TOOL, clock)
    yield made
    made.close()


@pytest.fixture
def work(hub, monkeypatch):
    made = Work()
    monkeypatch.setattr(timers, "TIMERS", {PLACE[0]: made.run})
    monkeypatch.setattr(hub.payments, "act", made.act)
    known = hub.registry.action
    monkeypatch.setattr(hub.registry, "action", lambda *names: replace(known(*names), idempotent=Idempotency.NO))
    hub.office("set").change(lambda book: book.wake_at(*PLACE, hub.now()))
    return made


def run(hub, clock, **later):
    clock.moment += timedelta(**later)
    return hub.payment_clock.run_due()


def test_every_timer_has_a_title_for_who_reads_that_it_is_stuck():
    assert set(TITLES) == set(TIMERS)


def test_a_lost_answer_waits_for_a_person_with_what_to_look_at(hub, clock, work):
    work.answers += [UncertainError("The answer was lost.", remedy="Look there.")]
    run(hub, clock)
    (one,) = stuck_work(hub)
    assert (one.kind, one.subject, one.in_doubt, one.call) == (*PLACE, True, "hub/emit")
    assert (one.message, one.remedy, one.title) == ("The answer was lost.", "Look there.", "A refund")
    assert run(hub, clock, days=30) == 0
    assert [(found.level, found.title) for found in doctor.examine(hub) if found.title.startswith("Stuck")] == [
        ("error", "Stuck: A refund")
    ]


def test_it_happened_gives_the_work_its_answer_and_asks_nobody_again(hub, clock, work):
    work.answers += [UncertainError("Lost.")]
    run(hub, clock)
    it_happened(hub, *PLACE, {"event": "evt_9"})
    run(hub, clock)
    assert (work.asked, work.done, stuck_work(hub)) == (1, [{"event": "evt_9"}], [])


def test_it_did_not_happen_asks_once_more(hub, clock, work):
    work.answers += [UncertainError("Lost."), {"event": "evt_2"}]
    run(hub, clock)
    try_again(hub, *PLACE)
    run(hub, clock)
    assert (work.asked, work.done, stuck_work(hub)) == (2, [{"event": "evt_2"}], [])


def test_what_fails_again_and_again_is_shown_and_can_be_tried_now(hub, clock, work):
    work.answers += [PermanentError("No such payment.") for _ in range(4)] + [{"event": "evt_3"}]
    for _ in range(2):
        run(hub, clock, hours=6)
    assert stuck_work(hub) == []
    run(hub, clock, hours=6)
    (one,) = stuck_work(hub)
    assert (one.in_doubt, one.call, one.tries, one.message) == (False, "", 3, "No such payment.")
    with pytest.raises(ConflictError):
        it_happened(hub, *PLACE, {})
    try_again(hub, *PLACE)
    run(hub, clock)
    try_again(hub, *PLACE)
    run(hub, clock)
    assert stuck_work(hub) == []
    with pytest.raises(ConflictError, match="not stuck"):
        try_again(hub, *PLACE)


def test_what_calls_gave_is_forgotten_after_long_but_never_what_is_in_doubt(hub, clock, work):
    long = timedelta(days=500)  # shorter periods keep them for 400 days, as long as the API knows its keys
    work.answers += [UncertainError("Lost.")]
    run(hub, clock)
    monday = office.HubOffice.of(hub, "monday")
    work.answers += [{"event": "evt_1"}]
    monday.call("hub", "emit", {}, "part")

    def left():
        with hub.database.read() as connection:
            return set(connection.scalars(sa.select(calls.c.state)))

    periods = Periods(raw_bodies=long, runs=long, events=long)
    tidy(hub.database, hub.writer, periods, clock.moment + timedelta(days=499))
    assert left() == {"uncertain", "done"}
    tidy(hub.database, hub.writer, periods, clock.moment + timedelta(days=501))
    assert left() == {"uncertain"}
