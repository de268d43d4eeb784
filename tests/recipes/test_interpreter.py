"""What each form of step means, seen from outside: turns in, turns out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import yaml

from hub.recipes.compiler import compile_recipe
from hub.recipes.interpreter import Execution
from hub.recipes.record import (
    CallFailed,
    CallSucceeded,
    Decision,
    EventArrived,
    Resume,
    RunFacts,
    RunStatus,
    StepState,
)

if TYPE_CHECKING:
    from hub.jsontypes import Json
    from hub.recipes.record import Turn

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
EVENT = {
    "id": "evt_1",
    "type": "payment.succeeded",
    "time": "2026-11-23T09:00:00Z",
    "connection": "sandbox",
    "data": {"payment": "p1", "amount": {"minor": 100, "currency": "EUR"}, "lines": [1, 2, 3]},
}


def execution(steps: Json, records: tuple = (), **parts: Json) -> Execution:
    recipe = {"hub": 1, "recipe": "r", "title": "r", "on": {"event": "payment.succeeded"}, "steps": steps, **parts}
    compiled = compile_recipe(yaml.safe_dump(recipe, sort_keys=False), "r.yaml")
    return Execution(compiled, RunFacts("run_1", "r", 1, EVENT, NOW), records)


def paths(turn: Turn) -> list[str]:
    return [call.path for call in turn.calls]


def done(path: str, output: Json = None, attempt: int = 1) -> CallSucceeded:
    return CallSucceeded(path, attempt, output)


def failed(path: str, kind: str = "permanent", attempt: int = 1, retry_after: float | None = None) -> CallFailed:
    return CallFailed(path, attempt, kind, {"code": "boom", "message": "Boom."}, retry_after)


CALL = {"call": "crm/contact.upsert", "with": {"email": "a@example.com"}}


def test_a_call_is_recorded_as_started_before_it_is_asked_for():
    turn = execution([{"id": "a", **CALL}]).advance(NOW)
    assert [(record.path, record.state) for record in turn.records] == [("a", StepState.STARTED)]
    assert turn.calls[0].input == {"email": "a@example.com"}
    assert turn.status is RunStatus.RUNNING


def test_result_and_next_start_are_one_turn():
    run = execution([{"id": "a", **CALL}, {"id": "b", **CALL}])
    run.advance(NOW)
    turn = run.advance(NOW, [done("a", {"id": 7})])
    assert [(record.path, record.state) for record in turn.records] == [
        ("a", StepState.SUCCEEDED),
        ("b", StepState.STARTED),
    ]


def test_later_steps_see_earlier_outputs():
    run = execution(
        [{"id": "a", **CALL}, {"id": "b", "call": "crm/note.add", "with": {"body": "${ steps.a.output.id }"}}]
    )
    run.advance(NOW)
    assert run.advance(NOW, [done("a", {"id": 7})]).calls[0].input == {"body": 7}


def test_a_step_whose_condition_is_false_is_skipped_and_null():
    run = execution(
        [{"id": "a", "if": "event.data.nothing", **CALL}, {"id": "b", "set": {"seen": "${ steps.a.status }"}}]
    )
    turn = run.advance(NOW)
    assert turn.status is RunStatus.SUCCEEDED
    assert [(record.path, record.state) for record in turn.records] == [
        ("a", StepState.SKIPPED),
        ("b", StepState.SUCCEEDED),
    ]
    assert turn.records[1].output == {"seen": "skipped"}


def test_a_transient_error_is_tried_again_with_the_same_key_when_it_is_due():
    run = execution([{"id": "a", **CALL, "retry": {"attempts": 3, "first": "10s", "factor": 2, "max": "1h"}}])
    first = run.advance(NOW).calls[0]
    turn = run.advance(NOW, [failed("a", "transient")])
    assert turn.status is RunStatus.WAITING
    assert turn.due_at is not None
    assert timedelta(seconds=8) <= turn.due_at - NOW <= timedelta(seconds=12)
    assert run.advance(turn.due_at - timedelta(milliseconds=1)).calls == ()
    second = run.advance(turn.due_at).calls[0]
    assert (second.key, second.attempt) == (first.key, 2)


def test_retry_after_is_the_least_wait():
    run = execution([{"id": "a", **CALL}])
    run.advance(NOW)
    turn = run.advance(NOW, [failed("a", "transient", retry_after=3600)])
    assert turn.due_at == NOW + timedelta(hours=1)


def test_the_last_transient_error_fails_the_run_and_says_how_often_it_was_tried():
    run = execution([{"id": "a", **CALL, "retry": {"attempts": 2}}])
    run.advance(NOW)
    due = run.advance(NOW, [failed("a", "transient")]).due_at
    assert due is not None
    run.advance(due)
    turn = run.advance(due, [failed("a", "transient", attempt=2)])
    assert turn.status is RunStatus.FAILED
    assert turn.error is not None
    assert turn.error["given_up_after"] == 2


def test_a_permanent_error_stops_the_run_and_runs_on_failure():
    run = execution(
        [{"id": "a", **CALL}],
        on_failure=[{"id": "tell", "call": "mail/send", "with": {"why": "${ run.error.message }"}}],
    )
    run.advance(NOW)
    turn = run.advance(NOW, [failed("a")])
    assert turn.status is RunStatus.RUNNING
    assert turn.calls[0].input == {"why": "Boom."}
    turn = run.advance(NOW, [done("tell")])
    assert turn.status is RunStatus.FAILED
    assert turn.error is not None
    assert turn.error["step"] == "a"


def test_on_error_continue_goes_on_and_shows_the_error():
    run = execution(
        [{"id": "a", **CALL, "on_error": "continue"}, {"id": "b", "set": {"why": "${ steps.a.error.code }"}}]
    )
    run.advance(NOW)
    turn = run.advance(NOW, [failed("a")])
    assert turn.status is RunStatus.SUCCEEDED
    assert turn.records[-1].output == {"why": "boom"}


def test_on_error_steps_handle_the_error():
    run = execution([{"id": "a", **CALL, "on_error": [{"id": "mend", "call": "mail/send", "with": {}}]}])
    run.advance(NOW)
    assert paths(run.advance(NOW, [failed("a")])) == ["mend"]
    assert run.advance(NOW, [done("mend")]).status is RunStatus.SUCCEEDED


def test_a_failed_run_goes_on_from_its_failed_step_with_the_same_key():
    run = execution([{"id": "a", **CALL}, {"id": "b", **CALL}])
    key = run.advance(NOW).calls[0].key
    run.advance(NOW, [failed("a")])
    turn = run.advance(NOW, [Resume("ada")])
    assert [(call.path, call.attempt, call.key) for call in turn.calls] == [("a", 2, key)]
    run.advance(NOW, [done("a", attempt=2)])
    assert run.advance(NOW, [done("b")]).status is RunStatus.SUCCEEDED


def test_on_failure_runs_again_when_a_resumed_run_fails_again():
    run = execution([{"id": "a", **CALL}], on_failure=[{"id": "tell", "call": "mail/send", "with": {}}])
    run.advance(NOW)
    run.advance(NOW, [failed("a")])
    run.advance(NOW, [done("tell")])
    run.advance(NOW, [Resume()])
    assert paths(run.advance(NOW, [failed("a", attempt=2)])) == ["tell~2"]


def test_an_uncertain_step_waits_for_a_person():
    run = execution([{"id": "a", **CALL}])
    run.advance(NOW)
    turn = run.advance(NOW, [failed("a", "uncertain")])
    assert (turn.status, turn.due_at) == (RunStatus.UNCERTAIN, None)


@pytest.mark.parametrize(
    ("choice", "status", "calls"),
    [
        ("happened", RunStatus.SUCCEEDED, []),
        ("not_happened", RunStatus.FAILED, []),
        ("try_again", RunStatus.RUNNING, ["a"]),
    ],
)
def test_a_persons_decision_ends_the_uncertainty(choice, status, calls):
    run = execution([{"id": "a", **CALL}])
    run.advance(NOW)
    run.advance(NOW, [failed("a", "uncertain")])
    turn = run.advance(NOW, [Decision("a", choice, {"id": 1}, "ada")])
    assert (turn.status, paths(turn)) == (status, calls)


def test_a_call_found_started_without_result_is_asked_for_again_as_recovered():
    before = execution([{"id": "a", **CALL}]).advance(NOW)
    turn = execution([{"id": "a", **CALL}], before.records).advance(NOW)
    assert [(call.path, call.recovered, call.key) for call in turn.calls] == [("a", True, before.calls[0].key)]
    assert turn.records == ()


def test_a_sleep_ends_at_its_time_and_not_before():
    run = execution([{"id": "rest", "wait": {"for": "3d"}}])
    turn = run.advance(NOW)
    assert (turn.status, turn.due_at) == (RunStatus.WAITING, NOW + timedelta(days=3))
    assert run.advance(NOW + timedelta(days=2)).status is RunStatus.WAITING
    assert run.advance(NOW + timedelta(days=3)).status is RunStatus.SUCCEEDED


WAIT = {"id": "job", "wait": {"event": "job.done", "match": {"data.job": "${ event.data.payment }"}, "timeout": "72h"}}
JOB_DONE = {"id": "evt_2", "type": "job.done", "connection": "hub", "data": {"job": "p1", "rating": 5}}


def test_a_wait_asks_for_its_event_and_gives_it_as_output():
    run = execution([WAIT, {"id": "b", "set": {"rating": "${ steps.job.output.data.rating }"}}])
    turn = run.advance(NOW)
    assert [(wait.types, wait.match) for wait in turn.waits] == [(("job.done",), {"data.job": "p1"})]
    turn = run.advance(NOW, [EventArrived("job", JOB_DONE)])
    assert turn.ended_waits == ("job",)
    assert turn.records[-1].output == {"rating": 5}


def test_a_waits_where_judges_the_candidate():
    step = {"id": "job", "wait": {**WAIT["wait"], "where": "steps.job.output.data.rating > `4`"}}
    run = execution([step])
    assert run.advance(NOW).waits[0].filtered
    low = {**JOB_DONE, "data": {"job": "p1", "rating": 3}}
    assert run.advance(NOW, [EventArrived("job", low)]).status is RunStatus.WAITING
    assert run.advance(NOW, [EventArrived("job", JOB_DONE)]).status is RunStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("on_timeout", "status", "calls"),
    [
        ("fail", RunStatus.FAILED, []),
        ("continue", RunStatus.SUCCEEDED, []),
        ([{"id": "late", **CALL}], RunStatus.RUNNING, ["late"]),
    ],
)
def test_on_timeout(on_timeout, status, calls):
    run = execution([{**WAIT, "on_timeout": on_timeout}])
    due = run.advance(NOW).due_at
    assert due == NOW + timedelta(hours=72)
    turn = run.advance(due)
    assert (turn.status, paths(turn), turn.ended_waits) == (status, calls, ("job",))


def test_a_wait_that_timed_out_waits_once_more_when_the_run_goes_on():
    run = execution([WAIT])
    due = run.advance(NOW).due_at
    assert due is not None
    run.advance(due)
    turn = run.advance(due, [Resume()])
    assert (turn.status, turn.due_at) == (RunStatus.WAITING, due + timedelta(hours=72))
    assert run.advance(due, [EventArrived("job", JOB_DONE)]).status is RunStatus.SUCCEEDED


def test_a_question_is_mailed_then_awaited_and_its_answer_is_the_output():
    ask = {
        "id": "q",
        "ask": {"whom": "p@example.com", "question": "Friday?", "answers": ["yes", "no"], "timeout": "4h"},
    }
    run = execution([ask, {"id": "b", "set": {"said": "${ steps.q.output }"}}])
    turn = run.advance(NOW)
    assert (turn.calls[0].connection, turn.calls[0].action, turn.calls[0].input["to"]) == (
        "mail",
        "send",
        "p@example.com",
    )
    assert turn.questions[0].question_id == turn.calls[0].question_id
    turn = run.advance(NOW, [done("q.mail")])
    assert turn.waits[0].match == {"data.question": turn.waits[0].match["data.question"]}
    answer = {"id": "evt_3", "type": "answer.given", "connection": "hub", "data": {"answer": "yes"}}
    assert run.advance(NOW, [EventArrived("q", answer)]).records[-1].output == {"said": "yes"}


def test_branches():
    steps = [
        {
            "id": "c",
            "if": "event.data.amount.minor > `50`",
            "then": [{"id": "a", **CALL}],
            "else": [{"id": "b", **CALL}],
        }
    ]
    assert paths(execution(steps).advance(NOW)) == ["a"]


@pytest.mark.parametrize(("value", "chosen"), [("event.data.payment", "a"), ("event.id", "d")])
def test_switch(value, chosen):
    steps = [{"id": "s", "switch": value, "cases": {"p1": [{"id": "a", **CALL}]}, "default": [{"id": "d", **CALL}]}]
    assert paths(execution(steps).advance(NOW)) == [chosen]


def test_a_loop_goes_item_by_item_and_gives_their_outputs():
    run = execution(
        [
            {
                "id": "pay",
                "for_each": "event.data.lines",
                "call": "crm/note.add",
                "with": {"n": "${ item }", "i": "${ index }"},
            }
        ]
    )
    turn = run.advance(NOW)
    for index in range(3):
        assert [(call.path, call.input) for call in turn.calls] == [(f"pay[{index}]", {"n": index + 1, "i": index})]
        turn = run.advance(NOW, [done(f"pay[{index}]", index * 10)])
    assert turn.status is RunStatus.SUCCEEDED
    assert turn.records[-1].output == [
        {"status": "succeeded", "output": index * 10, "error": None} for index in range(3)
    ]


def test_a_parallel_loop_begins_as_many_as_allowed():
    run = execution([{"id": "pay", "for_each": "event.data.lines", "parallel": 2, **CALL}])
    assert paths(run.advance(NOW)) == ["pay[0]", "pay[1]"]
    assert paths(run.advance(NOW, [done("pay[1]")])) == ["pay[2]"]
    assert run.advance(NOW, [done("pay[0]"), done("pay[2]")]).status is RunStatus.SUCCEEDED


def test_a_failing_item_fails_alone_when_the_loop_continues():
    run = execution([{"id": "pay", "for_each": "event.data.lines", "on_error": "continue", **CALL}])
    run.advance(NOW)
    run.advance(NOW, [done("pay[0]")])
    run.advance(NOW, [failed("pay[1]")])
    turn = run.advance(NOW, [done("pay[2]")])
    assert turn.status is RunStatus.SUCCEEDED
    assert [item["status"] for item in turn.records[-1].output] == ["succeeded", "failed", "succeeded"]


def test_a_failing_item_of_a_parallel_loop_lets_calls_under_way_be_recorded_and_begins_nothing_new():
    run = execution([{"id": "pay", "for_each": "event.data.lines", "parallel": 2, **CALL}])
    run.advance(NOW)
    turn = run.advance(NOW, [failed("pay[0]")])
    assert (turn.status, turn.calls) == (RunStatus.RUNNING, ())
    turn = run.advance(NOW, [done("pay[1]")])
    assert (turn.status, turn.calls) == (RunStatus.FAILED, ())
    turn = run.advance(NOW, [Resume()])
    assert paths(turn) == ["pay[0]", "pay[2]"]


def test_a_failing_item_does_not_wait_for_a_sibling_that_sleeps():
    loop = {
        "id": "l",
        "for_each": "event.data.lines",
        "parallel": 2,
        "steps": [{"id": "s", "if": "index == `1`", "wait": {"for": "9d"}}, {"id": "c", **CALL}],
    }
    run = execution([loop])
    assert paths(run.advance(NOW)) == ["c[0]"]
    assert run.advance(NOW, [failed("c[0]")]).status is RunStatus.FAILED


def test_stop_when_ends_the_loop_after_an_item():
    run = execution([{"id": "ask", "for_each": "event.data.lines", "stop_when": "steps.ask.output == 'yes'", **CALL}])
    run.advance(NOW)
    run.advance(NOW, [done("ask[0]", "no")])
    turn = run.advance(NOW, [done("ask[1]", "yes")])
    assert turn.status is RunStatus.SUCCEEDED
    assert len(turn.records[-1].output) == 2


def test_a_loop_over_several_steps_keeps_items_apart():
    loop = {
        "id": "l",
        "for_each": "event.data.lines",
        "steps": [
            {"id": "x", "set": {"n": "${ item }"}},
            {"id": "y", "set": {"twice": "${ times(steps.x.output.n, `2`) }"}},
        ],
    }
    turn = execution([loop]).advance(NOW)
    assert [item["output"]["y"]["twice"] for item in next(one.output for one in turn.records if one.path == "l")] == [
        2,
        4,
        6,
    ]


def test_nested_loops_have_paths_of_their_own():
    loop = {"id": "l", "for_each": "event.data.lines", "steps": [{"id": "m", "for_each": "event.data.lines", **CALL}]}
    run = execution([loop])
    assert paths(run.advance(NOW)) == ["m[0][0]"]
    assert paths(run.advance(NOW, [done("m[0][0]")])) == ["m[0][1]"]


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
def test_stop_ends_the_run(status):
    turn = execution([{"id": "s", "stop": {"status": status, "reason": "Nothing to do"}}, {"id": "a", **CALL}]).advance(
        NOW
    )
    assert (turn.status.value, turn.calls) == (status, ())


def test_an_expression_error_is_a_permanent_failure_of_its_step():
    turn = execution([{"id": "a", "set": {"n": "${ plus('x', `1`) }"}}]).advance(NOW)
    assert turn.status is RunStatus.FAILED
    assert turn.error is not None
    assert turn.error["step"] == "a"
    assert turn.records[-1].state is StepState.FAILED_PERMANENT


def test_news_for_nobody_is_ignored():
    run = execution([{"id": "a", **CALL}])
    run.advance(NOW)
    turn = run.advance(NOW, [done("a", attempt=9), done("zzz"), EventArrived("a", JOB_DONE)])
    assert (turn.records, turn.calls, turn.status) == ((), (), RunStatus.RUNNING)
