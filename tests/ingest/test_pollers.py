"""Polls: what webhooks missed is found, what they brought is known, and nothing is skipped when something breaks."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from hub.config import Settings
from hub.connect.api import ConnectorCode, Polled, RawEvent
from hub.connect.registry import Registry
from hub.engine.hub import Hub, Role
from hub.errors import TransientError, UnavailableError
from hub.ingest.pollers import Pollers
from hub.journal.entries import Happening
from hub.journal.queries import EventFilter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

START = datetime(2026, 3, 1, 12, tzinfo=UTC)

MANIFEST = """
connector: 1
name: probe
title: Probe
kind: crm
summary: A system that is polled.
connection: {required: [], properties: {}}
events:
  - raw: paid
    type: payment.succeeded
    data:
      payment: ${ raw.payment }
      amount: {units: "${ raw.units }", currency: EUR}
informational: [noise]
polling: {every: 15m, reason: Finds what was missed.}
"""


@dataclass
class Provider:
    """The outside system: its events, each poll's cursor, and what goes wrong next."""

    events: list[JsonObject] = field(default_factory=list)
    cursors: list[Json] = field(default_factory=list)
    breaks: list[Exception] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event | None = None

    def poll(self, call: Call, cursor: Json) -> Polled:
        assert call.connection.connector == "probe"
        self.cursors.append(cursor)
        self.asked.set()
        if self.go_on is not None:
            assert self.go_on.wait(10)
        if self.breaks:
            raise self.breaks.pop(0)
        start = cursor if isinstance(cursor, int) else 0
        raw = tuple(RawEvent(str(one["id"]), str(one["type"]), one) for one in self.events[start:])
        return Polled(raw, len(self.events))


@dataclass
class Clock:
    time: datetime = START

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def provider() -> Provider:
    return Provider([paid(1), paid(2)])


@pytest.fixture
def hub(tmp_path: Path, database_url: str, clock: Clock, provider: Provider) -> Iterator[Hub]:
    folder = tmp_path / "connectors" / "probe"
    folder.mkdir(parents=True)
    (folder / "connector.yaml").write_text(MANIFEST, encoding="utf-8")
    opened = Hub.open(Settings(workspace=tmp_path, database_url=database_url, sandbox="off"), Role.TOOL, clock)
    opened.registry.get("probe")._code = ConnectorCode(poll=provider.poll)
    opened.accounts.create("shop", "probe", {}, "test")
    yield opened
    opened.close()


def paid(number: int) -> JsonObject:
    return {"id": f"evt{number}", "type": "paid", "payment": f"pay{number}", "units": 1200}


def recorded(hub: Hub) -> set[tuple[str, str]]:
    """Type and source id of every event."""
    found = set()
    for one in hub.queries.events(EventFilter()).items:
        found.add((one.type, one.subject or ""))
    return found


def health(hub: Hub) -> JsonObject:
    hub.store.change(lambda _tx: None)  # what was noted before is written before
    row = hub.store.connection("shop")
    assert row is not None
    return row.health


def cursor_of(hub: Hub) -> Json:
    row = hub.store.connection("shop")
    assert row is not None
    return row.poll_cursor


def test_a_poll_records_what_it_finds_and_goes_on_where_it_ended(hub: Hub, provider: Provider) -> None:
    pollers = Pollers(hub)

    assert pollers.poll("shop") == 2
    provider.events.append(paid(3))
    assert pollers.poll("shop") == 1

    assert provider.cursors == [None, 2]
    assert cursor_of(hub) == 3
    assert recorded(hub) == {("payment.succeeded", f"pay{number}") for number in (1, 2, 3)}
    assert health(hub)["poll_ok"] is True


def test_what_came_by_webhook_is_known(hub: Hub, provider: Provider, clock: Clock) -> None:
    connector = hub.registry.get("probe")
    raw = RawEvent("evt1", "paid", paid(1))
    (event,) = connector.map(raw, hub.accounts.get("shop"))
    hub.recorder.record(Happening(event.type, "shop", event.source_id, event.data), clock())

    assert Pollers(hub).poll("shop") == 1
    assert len(hub.queries.events(EventFilter()).items) == len(provider.events)


def test_an_event_without_a_meaning_is_kept_and_an_unreadable_one_stops_no_other(hub: Hub, provider: Provider) -> None:
    provider.events[:] = [{"id": "n1", "type": "noise"}, {**paid(1), "units": "a lot"}, paid(2)]

    assert Pollers(hub).poll("shop") == 2

    assert {kind for kind, _ in recorded(hub)} == {"probe.noise", "payment.succeeded"}
    assert [one["connection"] for one in hub.store.refusals()] == ["shop"]


def test_the_cursor_stays_when_the_events_could_not_be_stored(
    hub: Hub, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    pollers = Pollers(hub)
    with monkeypatch.context() as broken:

        def gone(*_: object) -> None:
            message = "The disk is full."
            raise UnavailableError(message)

        broken.setattr(hub.recorder, "record_all", gone)
        assert pollers.poll("shop") == 0

    assert cursor_of(hub) is None
    assert "The disk is full" in str(health(hub)["poll_message"])
    assert pollers.poll("shop") == len(provider.events)


def test_the_first_poll_comes_soon_and_the_next_after_the_interval(hub: Hub, clock: Clock) -> None:
    pollers = Pollers(hub)
    pollers.due(clock())
    clock.time += timedelta(minutes=1)
    assert pollers.due(clock()) == ["shop"]

    pollers.poll("shop")

    clock.time += timedelta(minutes=13)
    assert pollers.due(clock()) == []
    clock.time += timedelta(minutes=4)
    assert pollers.due(clock()) == ["shop"]


def test_a_failing_provider_is_asked_less_and_less(hub: Hub, provider: Provider, clock: Clock) -> None:
    pollers = Pollers(hub)
    provider.breaks = [TransientError("It is down."), KeyError("id"), TransientError("Slow down.", retry_after=7_200)]
    waits = []
    for _ in range(3):
        pollers.poll("shop")
        began = clock.time
        while not pollers.due(clock()):
            clock.time += timedelta(seconds=10)
        waits.append(clock.time - began)

    assert timedelta(seconds=40) < waits[0] < timedelta(seconds=80)
    assert timedelta(seconds=90) < waits[1] < timedelta(seconds=150)
    assert waits[2] >= timedelta(hours=2)
    assert health(hub)["poll_ok"] is False
    assert pollers.poll("shop") == len(provider.events)
    assert health(hub)["poll_ok"] is True


def test_a_connection_is_never_polled_twice_at_once(hub: Hub, provider: Provider, clock: Clock) -> None:
    pollers = Pollers(hub)
    provider.go_on = threading.Event()
    first = threading.Thread(target=pollers.poll, args=["shop"])
    first.start()
    assert provider.asked.wait(10)

    assert pollers.poll("shop") == 0
    assert pollers.due(clock() + timedelta(days=1)) == []

    provider.go_on.set()
    first.join(10)
    assert provider.cursors == [None]


def test_a_connection_that_is_off_or_gone_is_not_polled(hub: Hub, provider: Provider, clock: Clock) -> None:
    pollers = Pollers(hub)
    later = clock() + timedelta(hours=1)
    pollers.due(clock())
    assert pollers.due(later) == ["shop"]
    hub.accounts.enable("shop", "test", enabled=False)
    assert pollers.due(later) == []
    assert pollers.poll("shop") == 0
    hub.accounts.delete("shop", "test")
    assert pollers.due(later) == []
    assert provider.cursors == []


def test_started_it_polls_by_itself(tmp_path: Path, provider: Provider) -> None:
    folder = tmp_path / "connectors" / "probe"
    folder.mkdir(parents=True)
    text = MANIFEST.replace("15m", "1s")
    (folder / "connector.yaml").write_text(text, encoding="utf-8")
    assert "probe" in Registry.load([tmp_path / "connectors"]).names()
    opened = Hub.open(Settings(workspace=tmp_path, sandbox="off"), Role.TOOL)
    opened.registry.get("probe")._code = ConnectorCode(poll=provider.poll)
    opened.accounts.create("shop", "probe", {}, "test")
    pollers = Pollers(opened)
    pollers.start()
    try:
        assert provider.asked.wait(30)
    finally:
        pollers.stop()
        opened.close()
    assert provider.cursors[0] is None
