from datetime import UTC, datetime

import pytest

from hub.connect.api import Call, Connection
from hub.connect.registry import Registry
from hub.errors import ConfigError, PermanentError

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HUB = Registry.load().get("hub")


class Events:
    """Records events as the hub does: one per source id."""

    def __init__(self):
        self.recorded = {}

    def __call__(self, event):
        self.recorded.setdefault(event.source_id, event)
        return f"evt_{sorted(self.recorded).index(event.source_id)}"


def call(given, **services):
    connection = Connection("hub", "hub", {}, {})
    return Call(connection, given, "4f" * 20, "run_1:notice", NOW, http=None, services=services)


def test_a_line_is_kept_as_the_output():
    line = {"message": "Order seen", "data": {"order": "o_1"}}
    assert HUB.run("log", call(line)) == {"level": "info", **line}
    assert HUB.run("log", call({"message": "x", "level": "error"}))["level"] == "error"


def test_logging_is_pure_and_may_run_inline():
    assert HUB.manifest.actions["log"].inline


def test_an_event_is_recorded_once_per_step():
    events = Events()
    given = {"type": "course.finished", "data": {"course": "c"}}
    first = HUB.run("emit", call(given, emit=events))
    assert first == {"event": "evt_0", "type": "course.finished"}
    assert HUB.run("emit", call(given, emit=events)) == first
    ((source_id, event),) = events.recorded.items()
    assert (source_id, event.type, event.data, event.time) == ("run_1:notice", "course.finished", {"course": "c"}, NOW)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"type": "Course"}, "type"),
        ({"type": "hub.run_failed"}, "come from the hub alone"),
        ({"type": "access.granted", "data": {"customer": "c"}}, "resource"),
        ({"type": "a.b", "data": []}, "data"),
    ],
)
def test_a_type_or_data_that_cannot_be_is_refused_and_nothing_recorded(given, says):
    events = Events()
    with pytest.raises(PermanentError, match=says) as error:
        HUB.run("emit", call(given, emit=events))
    assert error.value.code == "bad_input"
    assert events.recorded == {}


def test_without_the_hub_there_is_nothing_to_record_with():
    with pytest.raises(ConfigError, match="does not lend 'emit'"):
        HUB.run("emit", call({"type": "a.b"}))
