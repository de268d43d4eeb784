from datetime import UTC, datetime

import pytest

from hub.connect.api import Connection, RawEvent
from hub.connect.manifest import Currencies, EventRule
from hub.connect.mapping import EventMap, check_event, moment, without_nulls
from hub.errors import DeliveryError

CONNECTION = Connection("acme", "acme", {"mode": "test"}, {})
PAID = {"payment": "${ raw.id }", "amount": {"units": "${ raw.amount }", "currency": "${ raw.currency }"}}
TIME = datetime(2026, 11, 23, tzinfo=UTC)


def rule(raw="paid", event_type="payment.succeeded", data=None, **more):
    return EventRule((raw,) if isinstance(raw, str) else raw, event_type, PAID if data is None else data, **more)


def events(*rules, raw_type="paid", payload=None, informational=()):
    payload = {"id": "p_1", "amount": 1999, "currency": "eur"} if payload is None else payload
    event_map = EventMap(rules, Currencies(), informational)
    return event_map.map(RawEvent("evt_1", raw_type, payload, TIME), CONNECTION)


def test_a_rule_makes_an_event_with_money_and_the_raw_events_id_and_time():
    (event,) = events(rule())
    assert (event.type, event.source_id, event.time) == ("payment.succeeded", "evt_1", TIME)
    assert event.data == {"payment": "p_1", "amount": {"minor": 1999, "currency": "EUR"}}


def test_what_the_gateway_left_out_is_left_out():
    (event,) = events(rule(data={**PAID, "customer": {"email": "${ raw.email }"}, "order": "${ raw.metadata.order }"}))
    assert set(event.data) == {"payment", "amount"}


def test_several_rules_may_fire_and_their_ids_differ():
    first, second, third = events(rule(), rule(event_type="acme.seen"), rule(event_type="acme.counted", id="raw.id"))
    assert [first.source_id, second.source_id, third.source_id] == ["evt_1", "evt_1:acme.seen", "p_1"]


@pytest.mark.parametrize(
    ("raw", "fires"), [("paid", True), ("pa*", True), (("x", "paid"), True), ("pai", False), ("PAID", False)]
)
def test_raw_is_a_type_a_list_or_a_glob(raw, fires):
    assert bool(events(rule(raw))) is fires


@pytest.mark.parametrize(
    ("when", "fires"),
    [
        ("raw.amount > `1000`", True),
        ("raw.amount > `5000`", False),
        ("raw.nothing", False),
        ("connection.mode == 'test'", True),
    ],
)
def test_when_decides(when, fires):
    assert bool(events(rule(when=when))) is fires


def test_type_and_time_may_be_expressions():
    (event,) = events(
        rule(event_type="acme.${ type }", time="raw.at"),
        payload={"id": "1", "amount": 1, "currency": "EUR", "at": 1700000000},
    )
    assert (event.type, event.time) == ("acme.paid", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC))


@pytest.mark.parametrize(
    ("broken", "payload"),
    [
        (rule(), {"amount": 1999, "currency": "eur"}),
        (rule(), {"id": "p_1", "amount": 19.99, "currency": "eur"}),
        (rule(), {"id": "p_1", "amount": 1, "currency": "???"}),
        (rule(data={**PAID, "colour": "red"}), None),
        (rule(when="length(raw.id) > length(raw.amount)"), None),
        (rule(time="raw.id"), None),
    ],
)
def test_a_rule_that_fails_is_a_fault_that_names_it(broken, payload):
    with pytest.raises(DeliveryError, match=r"events\[0\] \(paid\)") as fault:
        events(broken, payload=payload)
    assert fault.value.code == "mapping"


def test_a_type_without_a_rule_gives_no_event_and_is_known_only_when_listed():
    event_map = EventMap([rule()], Currencies(), ["ping.*"])
    assert event_map.map(RawEvent("e", "ping.pong", {}), CONNECTION) == ()
    assert event_map.knows("ping.pong")
    assert event_map.knows("paid")
    assert not event_map.knows("brand.new")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1700000000, datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        (1700000000000, datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("1700000000", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("2023-11-14T22:13:20Z", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("2023-11-14T23:13:20+01:00", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("2023-11-14 22:13:20", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        (None, None),
    ],
)
def test_the_times_that_gateways_write(value, expected):
    assert moment(value) == expected


@pytest.mark.parametrize("value", [True, "soon", {}, []])
def test_what_is_no_time_is_refused(value):
    with pytest.raises(ValueError, match=r"time|Invalid isoformat"):
        moment(value)


def test_nulls_and_what_they_leave_empty_go_but_empty_things_stay():
    assert without_nulls({"a": None, "b": {"c": None}, "d": {}, "e": [None, 1], "f": ""}) == {
        "d": {},
        "e": [1],
        "f": "",
    }


@pytest.mark.parametrize(
    ("event_type", "says"),
    [
        ("Course", "lower case with a dot"),
        ("hub.run_failed", "come from the hub alone"),
        ("schedule.tick", "alone"),
        ("answer.given", "alone"),
        ("payment.succeeded", "amount"),
    ],
)
def test_events_from_outside_are_judged(event_type, says):
    assert says in check_event(event_type, {"payment": "p_1"})


def test_an_own_type_takes_any_data():
    assert check_event("course.finished", {"a": 1}) == ""
