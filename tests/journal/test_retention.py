"""What is kept how long, and that the database stays small."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from hub.ids import new_id, run_id
from hub.journal.database import Database
from hub.journal.entries import NewEvent, NewRun
from hub.journal.operations import record_events
from hub.journal.retention import Periods, compact, delete_runs, tidy
from hub.journal.store import Store
from hub.journal.tables import event_matches, events, outbox, questions, runs, signals, steps, waits
from hub.journal.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PERIODS = Periods(timedelta(days=90), timedelta(days=400), timedelta(days=400))
MEBIBYTE = 1024 * 1024


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database.open(database_url)
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def writer(database: Database) -> Iterator[Writer]:
    made = Writer(database)
    yield made
    made.close()


def an_event(age: int, *, with_run: bool = False, source_id: str | None = None) -> NewEvent:
    """An event received ``age`` days ago, under one match key."""
    received = NOW - timedelta(days=age)
    identity = new_id("evt", received)
    started = (NewRun(run_id(identity, "logs"), "logs", 1),) if with_run else ()
    return NewEvent(
        id=identity,
        type="payment.succeeded",
        source="shop",
        source_id=source_id or identity,
        time=received,
        data={"payment": identity},
        received=received,
        epoch=0,
        raw=b"{}",
        runs=started,
        match_keys=(("payment.succeeded", f"hash-{identity}"),),
    )


def end_run(writer: Writer, event: NewEvent, age: int) -> str:
    """The run of ``event`` has ended ``age`` days ago, with a row of everything that belongs to a run."""
    run, moment = event.runs[0].id, NOW - timedelta(days=age)
    rows: dict[sa.Table, dict[str, object]] = {
        steps: {"path": "a", "attempt": 1, "seq": 1, "kind": "call", "state": "done", "started": moment},
        waits: {"path": "a", "event_type": "x", "match_hash": "y", "filtered": False, "created_at": moment},
        signals: {"path": "a", "event_id": event.id, "created_at": moment},
        questions: {
            "id": new_id("qst", moment),
            "path": "a",
            "whom": "ada@example.com",
            "question": "?",
            "answers": ["yes"],
            "created_at": moment,
        },
    }

    def change(tx: object) -> None:
        connection = tx.connection  # type: ignore[attr-defined]
        connection.execute(sa.update(runs).where(runs.c.id == run).values(ended=moment, status="succeeded"))
        for table, row in rows.items():
            connection.execute(sa.insert(table), {"run_id": run, **row})

    writer.write(lambda tx, items: [item(tx) for item in items], change)
    return run


def ids(database: Database, column: sa.Column[str]) -> set[str]:
    with database.read() as connection:
        return set(connection.scalars(sa.select(column)))


def test_raw_bodies_go_first_and_the_events_stay(database: Database, writer: Writer) -> None:
    old, young = an_event(91), an_event(89)
    for event in (old, young):
        writer.write(record_events, event)

    deleted = tidy(database, writer, PERIODS, NOW)

    assert (deleted.raw_bodies, deleted.events) == (1, 0)
    with database.read() as connection:
        raw = {row.id: row.raw for row in connection.execute(sa.select(events))}
    assert raw == {old.id: None, young.id: b"{}"}
    assert tidy(database, writer, PERIODS, NOW).raw_bodies == 0
    assert tidy(database, writer, PERIODS, NOW + timedelta(days=2)).raw_bodies == 1


def test_events_go_with_what_finds_them_and_may_be_delivered_anew(database: Database, writer: Writer) -> None:
    old, young = an_event(401, source_id="delivered"), an_event(399)
    for event in (old, young):
        writer.write(record_events, event)

    assert tidy(database, writer, PERIODS, NOW).events == 1

    assert ids(database, events.c.id) == {young.id}
    assert ids(database, event_matches.c.event_id) == {young.id}
    again = writer.write(record_events, an_event(0, source_id="delivered"))
    assert not again.duplicate  # type: ignore[union-attr]


def test_ended_runs_go_with_all_that_belongs_to_them(database: Database, writer: Writer) -> None:
    old, young = an_event(500, with_run=True), an_event(500, with_run=True)
    for event in (old, young):
        writer.write(record_events, event)
    end_run(writer, old, 401)
    kept = end_run(writer, young, 399)

    deleted = tidy(database, writer, PERIODS, NOW)

    assert (deleted.runs, deleted.events) == (1, 1)
    assert ids(database, runs.c.id) == {kept}
    for table in (steps, waits, signals, questions):
        assert ids(database, table.c.run_id) == {kept}
    assert ids(database, events.c.id) == {young.id}


def test_a_run_under_way_and_its_event_stay_however_old(database: Database, writer: Writer) -> None:
    event = an_event(5_000, with_run=True)
    writer.write(record_events, event)

    deleted = tidy(database, writer, PERIODS, NOW)

    assert (deleted.runs, deleted.events) == (0, 0)
    assert ids(database, events.c.id) == {event.id}


def test_a_run_taken_up_again_after_it_was_found_stays(database: Database, writer: Writer) -> None:
    event = an_event(500, with_run=True)
    writer.write(record_events, event)
    run = event.runs[0].id

    assert writer.write(delete_runs, ((("arrival", run),), NOW)) == 0

    assert ids(database, runs.c.id) == {run}


def test_mails_and_refusals_go_and_the_audit_trail_stays(database: Database, writer: Writer) -> None:
    store = Store(database, writer)
    for name, age in (("old", 401), ("young", 399)):
        moment = NOW - timedelta(days=age)
        store.put_mail(name, b"mail", recipient="ada@example.com", subject="hi", now=moment)
        store.count_refusal("shop", name, "no signature", moment)
        store.note("cli", "user.create", name, moment)

    deleted = tidy(database, writer, PERIODS, NOW)

    assert (deleted.mails, deleted.refusals) == (1, 1)
    assert ids(database, outbox.c.key) == {"young"}
    assert [one["reason"] for one in store.refusals()] == ["young"]
    assert {one["target"] for one in store.audit_trail()} == {"old", "young"}


def test_much_goes_in_small_transactions(database: Database, writer: Writer) -> None:
    entries = [an_event(401) for _ in range(25)]
    for future in [writer.submit(record_events, event) for event in entries]:
        future.result()
    commits = writer.statistics.commits

    assert tidy(database, writer, PERIODS, NOW, batch=10).events == 25

    assert ids(database, events.c.id) == set()
    assert writer.statistics.commits - commits >= 9  # three of ten each for bodies, events and matches


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    return tmp_path / "hub.db"


def test_a_hundred_thousand_events_stay_small_and_go_again(sqlite_file: Path) -> None:
    database = Database.open(f"sqlite:///{sqlite_file}")
    database.migrate()
    writer = Writer(database)
    wal = sqlite_file.with_name("hub.db-wal")
    count, largest_wal = 100_000, 0
    for _ in range(count // 1_000):
        for future in [writer.submit(record_events, an_event(401)) for _ in range(1_000)]:
            future.result()
        largest_wal = max(largest_wal, wal.stat().st_size)
    compact(database)
    size = sqlite_file.stat().st_size

    deleted = tidy(database, writer, PERIODS, NOW)

    left = sqlite_file.stat().st_size + wal.stat().st_size
    writer.close()
    database.close()
    assert size / count < 1_500, f"{size / count:.0f} bytes an event"
    assert largest_wal <= 64 * MEBIBYTE, f"the WAL grew to {largest_wal / MEBIBYTE:.0f} MiB"
    assert (deleted.events, deleted.raw_bodies) == (count, count)
    assert deleted.freed > size * 0.9
    assert left < 2 * MEBIBYTE, f"{left / MEBIBYTE:.1f} MiB are left of {size / MEBIBYTE:.0f}"
