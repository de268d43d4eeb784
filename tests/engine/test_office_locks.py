"""On PostgreSQL two processes may begin the same call at one moment: one of them makes it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event

import pytest
import sqlalchemy as sa

from hub.config import load_settings
from hub.connect.manifest import Idempotency
from hub.engine.hub import Hub, Role
from hub.errors import TransientError, UncertainError
from hub.journal.tables_office import calls

WAITING = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)


@pytest.fixture
def hubs(tmp_path, postgres_url, monkeypatch):
    """Two processes, of which each knows that what it calls takes no keys."""
    settings = load_settings({}, workspace=tmp_path / "workspace", sandbox="off", database_url=postgres_url)
    made = [Hub.open(settings, Role.TOOL, lambda: NOW) for _ in range(2)]
    for hub in made:
        known = hub.registry.action
        without_keys = lambda *names, known=known: replace(known(*names), idempotent=Idempotency.NO)  # noqa: E731
        monkeypatch.setattr(hub.registry, "action", without_keys)
    yield made
    for hub in made:
        hub.close()


def call(hub):
    try:
        return hub.office("one").call("hub", "emit", {"type": "a.b"}, "first")
    except (TransientError, UncertainError) as error:
        return error


def states(hub):
    with hub.database.read() as connection:
        return connection.scalars(sa.select(calls.c.state)).all()


def answer_with(monkeypatch, hubs, act):
    for hub in hubs:
        monkeypatch.setattr(hub.payments, "act", act)


def test_of_two_processes_that_repeat_a_failed_call_at_once_one_makes_it(hubs, monkeypatch):
    def down(*given, **said):
        raise TransientError("Down.", code="unavailable")

    made, is_told = [], Event()

    def act(*given, **said):
        made.append(given)
        assert is_told.wait(30)
        return {"event": "evt_1"}

    answer_with(monkeypatch, hubs, down)
    assert isinstance(call(hubs[0]), TransientError)
    answer_with(monkeypatch, hubs, act)
    engine = hubs[0].database.engine
    with ThreadPoolExecutor(2) as threads, engine.connect() as other, engine.connect() as watcher:
        try:
            other.execute(sa.select(calls).with_for_update())
            begun = [threads.submit(call, hub) for hub in hubs]
            while watcher.scalar(WAITING) < 2:
                assert not any(one.done() for one in begun)
            other.rollback()
            while not any(one.done() for one in begun) and len(made) < 2:
                watcher.scalar(WAITING)
        finally:
            is_told.set()
        outcomes = [one.result() for one in begun]
    assert len(made) == 1
    assert {"event": "evt_1"} in outcomes
    assert any(isinstance(one, UncertainError) for one in outcomes)
    assert states(hubs[0]) == ["done"]
    assert [call(hub) for hub in hubs] == [{"event": "evt_1"}] * 2
    assert len(made) == 1


def test_a_call_that_is_done_meanwhile_is_not_written_down_as_uncertain(hubs, monkeypatch):
    begun, is_doubted = Event(), Event()

    def act(*given, **said):
        begun.set()
        assert is_doubted.wait(30)
        return {"event": "evt_1"}

    answer_with(monkeypatch, hubs, act)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(call, hubs[0])

        def doubted(spec):
            is_doubted.set()
            assert first.result(30) == {"event": "evt_1"}
            return UncertainError("Interrupted.", code="interrupted")

        assert begun.wait(30)
        monkeypatch.setattr("hub.engine.office.interrupted", doubted)
        assert isinstance(call(hubs[1]), TransientError)
    assert states(hubs[0]) == ["done"]
    assert call(hubs[1]) == {"event": "evt_1"}
