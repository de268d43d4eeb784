"""The event maps of all connectors: every raw type has a sample, every sample its events, and no order of them matters."""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.connect.api import Connection, RawEvent
from hub.connect.conformance import check_connector
from hub.connect.manifest import Kind
from hub.connect.mapping import EventMap
from hub.connect.registry import Registry
from hub.payments.payment import Facts, told
from hub.vocabulary import event_types, validate_data

REGISTRY = Registry.load()
MAPPED = {manifest.name: manifest for manifest in REGISTRY.manifests() if manifest.events}
BEGUN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("name", [manifest.name for manifest in REGISTRY.manifests()])
def test_the_folder_keeps_every_rule(name):
    manifest = REGISTRY.get(name).manifest
    assert check_connector(manifest.folder, f"connectors.{name}") == []


@pytest.mark.parametrize("name", MAPPED)
def test_every_raw_type_of_the_map_has_a_sample(name):
    manifest = MAPPED[name]
    sampled = [sample.raw for sample in manifest.samples]
    named = {raw for rule in manifest.events for raw in rule.raw}
    assert {raw for raw in named if not any(fnmatch.fnmatch(one, raw) for one in sampled)} == set()


@pytest.mark.parametrize("name", MAPPED)
def test_every_sample_becomes_the_events_that_the_manifest_says(name):
    manifest = MAPPED[name]
    event_map, known = EventMap.of(manifest), set(event_types())
    for sample in manifest.samples:
        events = event_map.map(raw_of(manifest, sample), Connection("main", name, {}, {}))
        if sample.gives is not None:
            assert tuple(event.type for event in events) == sample.gives, sample.file
        for event in events:
            if event.type in known:
                validate_data(event.type, event.data)
            else:  # of a system that is no gateway: its own words
                assert manifest.kind is not Kind.GATEWAY


def raw_of(manifest, sample):
    return RawEvent(sample.id, sample.raw, manifest.sample_payload(sample))


def payments_of(manifest):
    """The payments that the samples tell of, each with all its events; what has one source id is one fact."""
    event_map = EventMap.of(manifest)
    found = defaultdict(dict)
    for sample in manifest.samples:
        for event in event_map.map(raw_of(manifest, sample), Connection("main", manifest.name, {}, {})):
            if event.type.startswith(("payment.", "refund.", "dispute.")) and "payment" in event.data:
                found[str(event.data["payment"])].setdefault(event.source_id, event)
    return [list(events.values()) for events in found.values() if len(events) > 1]


HISTORIES = [(manifest.name, number) for manifest in MAPPED.values() for number in range(len(payments_of(manifest)))]


@pytest.mark.parametrize(("name", "number"), HISTORIES)
@settings(max_examples=30)
@given(data=st.data())
def test_any_order_and_repetition_of_a_payments_events_ends_in_the_same_state(name, number, data):
    """As the journal does it: an event that is there already, by its source id, is not told again."""
    events = payments_of(MAPPED[name])[number]
    order = data.draw(st.permutations(range(len(events))))
    again = data.draw(st.lists(st.sampled_from(range(len(events))), max_size=len(events)))
    assert folded(events, [*order, *again]) == folded(events, [*again, *reversed(order)])


def folded(events, order):
    facts = Facts()
    for at in dict.fromkeys(order):
        event = events[at]
        moment = event.time or BEGUN + timedelta(minutes=at)
        facts = told(facts, event.type, moment.astimezone(UTC).isoformat(timespec="milliseconds"), event.data)
    return facts.state, facts.refunded
