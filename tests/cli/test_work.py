"""`hub events` and `hub runs`."""

import pytest

from hub.config import load_settings
from hub.engine.hub import Hub, Role


@pytest.fixture
def installed(hub, workspace, recipe):
    """A recipe that waits for course.finished is installed; gives the function that lets runs go on."""
    text = recipe("certificate", ["call: hub/log\n    with: {message: '${ event.data.course }'}"]).read_text()
    settings = load_settings({}, workspace=workspace)
    opened = Hub.open(settings, Role.TOOL)
    opened.recipes.save("certificate", text, "test")
    opened.close()

    def work(runs):
        running = Hub.open(settings, Role.RUN)
        running.start()
        running.driver.wake(runs)
        assert running.driver.wait_idle(20)
        running.close()

    return work


@pytest.fixture
def event(hub, installed):
    return hub("events", "send", "course.finished", "--data", '{"course": "c1"}', "--format", "json").json


def test_an_event_is_sent_listed_and_shown(hub, event):
    listed = hub("events", "list", "--type", "course.*", "--format", "json").json
    assert [(one["id"], one["type"]) for one in listed] == [(event["event"], "course.finished")]
    shown = hub("events", "show", event["event"])
    assert (shown.code, shown.json["data"]) == (0, {"course": "c1"})
    assert event["event"] in hub("events", "list").out


def test_the_data_of_an_event_may_stand_in_a_file(hub, installed, tmp_path):
    (tmp_path / "event.json").write_text('{"course": "c2"}')
    answer = hub("events", "send", "course.finished", "--data", f"@{tmp_path / 'event.json'}")
    assert answer.code == 0
    assert "one recipe starts" in answer.out


@pytest.mark.parametrize(
    ("data", "said"),
    [("{course", "not JSON"), ("[1]", "no JSON object"), ("@no-such-file.json", "no-such-file.json")],
)
def test_data_that_is_none_is_explained(hub, workspace, data, said):
    answer = hub("events", "send", "course.finished", "--data", data)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
    assert answer.err.count("\n") <= 2


def test_a_run_is_listed_and_shown_with_its_steps(hub, installed, event):
    installed(event["runs"])
    (listed,) = hub("runs", "list", "--status", "succeeded", "--format", "json").json
    assert (listed["id"], listed["recipe"]) == (event["runs"][0], "certificate")
    shown = hub("runs", "show", listed["id"])
    assert shown.code == 0
    assert [step["input"]["with"] for step in shown.json["steps"]] == [{"message": "c1"}]
    assert "certificate" in hub("runs", "list").out


def test_an_event_is_replayed(hub, installed, event):
    installed(event["runs"])
    again = hub("events", "replay", event["event"], "--recipe", "certificate", "--format", "json")
    assert again.code == 0
    assert len(again.json["runs"]) == 1
    assert again.json["runs"] != event["runs"]


def test_a_run_is_cancelled_once(hub, event):
    run = event["runs"][0]
    assert hub("runs", "cancel", run).code == 0
    assert [one["id"] for one in hub("runs", "list", "--status", "cancelled", "--format", "json").json] == [run]
    again = hub("runs", "cancel", run)
    assert again.code == 2
    assert "hub: " in again.err


def test_only_what_failed_can_be_retried(hub, installed, event):
    installed(event["runs"])
    answer = hub("runs", "retry", event["runs"][0])
    assert answer.code == 2
    assert "hub: " in answer.err


@pytest.mark.parametrize(
    "command",
    [
        "events show evt_none",
        "events replay evt_none",
        "runs show run_none",
        "runs retry run_none",
        "runs cancel run_none",
    ],
)
def test_what_does_not_exist_is_named(hub, command):
    answer = hub(*command.split())
    assert (answer.code, answer.out) == (2, "")
    assert command.split()[-1] in answer.err


def test_a_state_that_runs_do_not_have_is_misuse(hub):
    answer = hub("runs", "list", "--status", "broken")
    assert answer.code == 2
    assert "succeeded" in answer.err
