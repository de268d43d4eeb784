"""What an admin is told before somebody complains."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.config import load_settings
from hub.engine import alerts
from hub.engine.hub import Hub, Role
from hub.errors import UnavailableError
from hub.journal.queries import EventFilter
from hub.vocabulary import validate_data
from tests.fakes.fake_stripe import FakeStripe
from tests.fakes.server import DOWN

RECIPE = """\
hub: 1
recipe: note
title: Note
on:
  event: order.paid
steps:
  - id: note
    call: hub/log
    with: {message: "${ event.data.order }"}
"""


class Clock:
    def __init__(self):
        self.moment = datetime(2026, 11, 26, 9, 10, tzinfo=UTC)

    def __call__(self):
        return self.moment


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def hub(tmp_path, database_url, clock):
    database = {} if database_url.startswith("sqlite") else {"database_url": database_url}
    settings = load_settings({}, workspace=tmp_path, allow_private_addresses=["127.0.0.0/8"], **database)
    opened = Hub.open(settings, Role.TOOL, clock)
    yield opened
    opened.close()


@pytest.fixture
def stripe(hub):
    with FakeStripe().running() as fake:
        hub.accounts.create("shop", "stripe", fake.fields(), "test")
        yield fake


def told(hub, kind):
    found = [hub.queries.event(one.id).data for one in hub.queries.events(EventFilter(type=kind)).items]
    for data in found:
        validate_data(kind, data)
    return found


def fail(hub, fake, times):
    for _ in range(times):
        fake.treat(DOWN)
        hub.accounts.test("shop")


def test_a_connection_that_keeps_failing_is_told_once_an_hour_and_kept_while_it_lasts(hub, stripe, clock):
    fail(hub, stripe, 4)
    alerts.look(hub)
    assert told(hub, "hub.connection_failing") == []
    fail(hub, stripe, 1)
    for _ in range(3):
        alerts.look(hub)
        clock.moment += timedelta(seconds=30)
    (first,) = told(hub, "hub.connection_failing")
    assert (first["connection"], first["failures"], first["error"]["code"]) == ("shop", 5, "circuit_open")
    row = hub.store.connection("shop")
    assert alerts.is_failing(row, clock())
    clock.moment += timedelta(minutes=2)
    alerts.look(hub)
    assert hub.store.connection("shop").health["failing_since"] == first["since"]
    clock.moment += timedelta(hours=1)
    alerts.look(hub)
    assert len(told(hub, "hub.connection_failing")) == 2
    hub.outbound.forget("shop")
    clock.moment += timedelta(minutes=4)
    alerts.look(hub)
    assert not alerts.is_failing(hub.store.connection("shop"), clock())


def test_a_gateway_that_cannot_be_polled_is_told_with_its_own_words(hub, stripe):
    hub.store.note_health("shop", {"poll_ok": False, "poll_failures": 1, "poll_message": "The key was refused."})
    alerts.look(hub)
    assert told(hub, "hub.connection_failing") == []
    hub.store.note_health("shop", {"poll_failures": 2})
    alerts.look(hub)
    (data,) = told(hub, "hub.connection_failing")
    assert data["error"] == {"code": "poll_failed", "message": "The key was refused."}


def test_a_connection_that_is_switched_off_is_not_told(hub, stripe):
    fail(hub, stripe, 5)
    hub.accounts.enable("shop", "test", enabled=False)
    alerts.look(hub)
    assert told(hub, "hub.connection_failing") == []


def test_work_that_piles_up_is_told_with_how_much_and_since_when(hub, clock):
    hub.recipes.save("note", RECIPE, "test")
    hub.runs.record("order.paid", {"order": "o_1", "total": {"minor": 100, "currency": "EUR"}}, "test")
    clock.moment += timedelta(minutes=4)
    alerts.look(hub)
    assert told(hub, "hub.queue_growing") == []
    clock.moment += timedelta(minutes=2)
    alerts.look(hub)
    alerts.look(hub)
    (data,) = told(hub, "hub.queue_growing")
    assert (data["waiting"], data["limit"]) == (1, alerts.MOST_WAITING)
    assert data["oldest_at"].startswith("2026-11-26T09:10")


def test_many_that_wait_for_a_moment_are_told_too(hub, clock, monkeypatch):
    monkeypatch.setattr(hub.queries, "backlog", lambda _now: (1001, timedelta(seconds=5)))
    alerts.look(hub)
    (data,) = told(hub, "hub.queue_growing")
    assert data["waiting"] == 1001


def test_a_journal_that_is_gone_stops_nothing(hub, monkeypatch):
    def gone(_now):
        raise UnavailableError("The database is gone.", remedy="")

    monkeypatch.setattr(hub.queries, "backlog", gone)
    alerts.look(hub)
