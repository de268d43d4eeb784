import json
from datetime import UTC, datetime

import pytest

from hub.recipes.compiler import compile_recipe
from hub.recipes.rehearsal import NOT_STARTED, PlayError, play
from hub.recipes.testing import run_tests
from tests.recipes.conftest import installation

EVENT = {
    "type": "payment.succeeded",
    "data": {"payment": "p_1", "amount": {"minor": 100, "currency": "EUR"}, "job": "j_1"},
}
HEAD = "hub: 1\nrecipe: shop\non: {event: payment.succeeded}\n"


def recipe(steps, head=HEAD):
    return compile_recipe(f"{head}steps:\n{steps}")


def summary(played):
    return [(step.path, step.state) for step in played.steps]


NOTE = '  - {id: note, call: crm/note.add, with: {body: "${ event.data.payment }"}}\n'
JOB = """
  - id: job
    wait: {event: job.done, match: {data.job: "${ event.data.job }"}, timeout: 72h}
    on_timeout: [{id: late, call: hub/log, with: {message: Late}}]
  - {id: seen, set: {by: "${ steps.job.output.data.provider }"}}
"""
ASK = """
  - id: offer
    ask: {whom: a@example.com, question: Friday?, answers: [accept, decline], timeout: 4h}
    on_timeout: continue
  - {id: said, set: {answer: "${ steps.offer.output }", status: "${ steps.offer.status }"}}
"""
DONE = {"event": {"type": "job.done", "data": {"job": "j_1", "provider": "prv_2"}}}


def test_each_step_shows_what_it_would_send():
    played = play(recipe(NOTE), EVENT, {"note": {"note": "n_1"}})
    (step,) = played.steps
    assert (step.path, step.kind, step.target, step.input, step.output) == (
        "note", "call", "crm/note.add", {"body": "p_1"}, {"note": "n_1"},
    )  # fmt: skip
    assert (played.starts, played.status) == (True, "succeeded")


def test_a_call_that_nothing_is_given_for_gives_an_empty_output():
    (step,) = play(recipe(NOTE), EVENT, {}).steps
    assert (step.output, step.given) == ({}, False)


@pytest.mark.parametrize(
    ("error", "status", "state"),
    [
        ("No such mailbox", "failed", "failed_permanent"),
        ({"code": "bad", "message": "No"}, "failed", "failed_permanent"),
        ({"kind": "transient"}, "failed", "failed_permanent"),
        ({"kind": "uncertain"}, "uncertain", "uncertain"),
    ],
)
def test_errors_can_be_given(error, status, state):
    played = play(recipe(NOTE), EVENT, {"note": {"error": error}})
    assert (played.status, played.steps[0].state) == (status, state)


def test_a_transient_error_is_tried_as_often_as_the_recipe_says():
    text = "  - {id: note, call: crm/note.add, with: {body: x}, retry: {attempts: 3}}\n"
    played = play(recipe(text), EVENT, {"note": {"error": {"kind": "transient"}}})
    assert played.error["given_up_after"] == 3


def test_items_of_loops_can_be_given_apart():
    text = '  - {id: pay, for_each: "`[1, 2]`", on_error: continue, call: crm/note.add, with: {body: "${ to_string(item) }"}}\n'
    played = play(recipe(text), EVENT, {"pay": {"n": 0}, "pay[1]": {"error": "No"}})
    outcome = next(step.output for step in played.steps if step.path == "pay")
    assert [(one["status"], one["output"]) for one in outcome] == [("succeeded", {"n": 0}), ("failed", None)]


def test_pure_actions_are_done():
    text = """
  - id: shares
    call: payments/split
    with: {payment: p_1, parties: [{provider: A, amount: {minor: 100, currency: EUR}}], commission: {percent: 20}}
"""
    assert play(recipe(text), EVENT, {}).steps[0].output == {}
    (step,) = play(recipe(text), EVENT, {}, context=installation()).steps
    assert step.output == {"transfers": [{"provider": "A", "amount": {"minor": 80, "currency": "EUR"}}]}


def test_without_a_script_every_wait_is_passed_over():
    played = play(recipe("  - wait: {for: 3d}\n" + JOB + ASK), EVENT, {})
    assert played.status == "succeeded"
    assert ("job", "timed_out") in summary(played)
    assert ("late", "succeeded") in summary(played)
    assert played.steps[-1].output == {"answer": None, "status": "timed_out"}


def test_what_a_wait_and_a_question_bring_can_be_given():
    given = {"job": {"type": "job.done", "data": {"provider": "prv_9"}}, "offer": "accept"}
    played = play(recipe(JOB + ASK), EVENT, given)
    outputs = {step.path: step.output for step in played.steps}
    assert (outputs["seen"], outputs["said"]) == ({"by": "prv_9"}, {"answer": "accept", "status": "succeeded"})


def test_a_script_goes_on_after_a_wait():
    played = play(recipe(JOB), EVENT, {}, then=[{"after": "2d"}, DONE])
    assert played.steps[-1].output == {"by": "prv_2"}
    assert played.status == "succeeded"


def test_a_script_that_ends_leaves_the_run_waiting():
    assert play(recipe(JOB), EVENT, {}, then=[{"after": "2d"}]).status == "waiting"
    assert play(recipe(JOB), EVENT, {}, then=[{"after": "3d"}]).status == "succeeded"


def test_an_event_that_came_before_its_wait_counts():
    text = "  - wait: {for: 1d}\n" + JOB
    played = play(recipe(text), EVENT, {}, then=[DONE, {"after": "1d"}])
    assert (played.status, played.unused) == ("succeeded", ())


def test_an_event_that_nobody_waits_for_is_named():
    other = {"event": {"type": "job.done", "data": {"job": "j_2"}}}
    played = play(recipe(JOB), EVENT, {}, then=[other])
    assert (played.status, played.unused) == ("waiting", (0,))


def test_the_time_goes_on_step_by_step():
    text = '  - {id: a, wait: {for: 1d}}\n  - {id: b, wait: {for: 1d}}\n  - {id: c, set: {at: "${ now }"}}\n'
    played = play(recipe(text), EVENT, {}, then=[{"after": "5d"}], now=datetime(2026, 3, 1, 9, tzinfo=UTC))
    assert played.steps[-1].output == {"at": "2026-03-03T09:00:00Z"}


def test_answers_are_given_to_the_open_question():
    played = play(recipe(ASK), EVENT, {}, then=[{"answer": "decline"}])
    assert played.steps[-1].output == {"answer": "decline", "status": "succeeded"}


@pytest.mark.parametrize(
    ("then", "said"),
    [([{"answer": "maybe"}], "none of those"), ([{"answer": "accept"}, {"answer": "accept"}], "no question is open")],
)
def test_answers_that_cannot_be_given(then, said):
    with pytest.raises(PlayError, match=said):
        play(recipe(ASK), EVENT, {}, then=then)


def test_of_several_open_questions_one_is_named():
    text = '  - {id: offer, for_each: "`[1, 2]`", parallel: 2, ask: {whom: a@example.com, question: Friday?}}\n'
    with pytest.raises(PlayError, match="several"):
        play(recipe(text), EVENT, {}, then=[{"answer": "yes"}])
    played = play(recipe(text), EVENT, {}, then=[{"answer": "yes", "step": "offer[1]"}, {"answer": "no"}])
    assert [one["output"] for one in played.steps[0].output] == ["no", "yes"]


@pytest.mark.parametrize(
    ("head", "event", "reason"),
    [
        ("{event: invoice.paid}", EVENT, "it starts with invoice.paid"),
        ("{event: payment.*, from: paypal}", {**EVENT, "connection": "sandbox"}, "it takes events of paypal"),
        ("{event: '*', where: event.data.order}", EVENT, "its where is not true"),
        ("{event: '*', where: 'length(event.data.nothing)'}", EVENT, "its where cannot be judged"),
        ('{schedule: {cron: "0 9 * * *"}}', EVENT, "a schedule starts it"),
    ],
)
def test_why_a_recipe_does_not_start(head, event, reason):
    played = play(recipe(NOTE, f"hub: 1\nrecipe: shop\non: {head}\n"), event, {})
    assert not played.starts
    assert played.reason.startswith(reason)


def test_the_event_comes_by_the_triggers_connection():
    text = '  - {id: a, set: {by: "${ event.connection }"}}\n'
    assert play(recipe(text), EVENT, {}).steps[0].output == {"by": "sandbox"}
    head = "hub: 1\nrecipe: shop\non: {event: payment.succeeded, from: [stripe-main, sandbox]}\n"
    assert play(recipe(text, head), EVENT, {}).steps[0].output == {"by": "stripe-main"}


def test_a_schedule_starts_with_its_tick():
    text = '  - {id: a, set: {due: "${ event.data.due_at }"}}\n'
    head = 'hub: 1\nrecipe: shop\non: {schedule: {cron: "0 9 * * *"}}\n'
    assert play(recipe(text, head), {}, {}).steps[0].output == {"due": "2026-01-05T09:00:00Z"}


def problems(expect, steps=NOTE, head=HEAD, **test):
    entry = {"name": "t", "event": EVENT, "expect": expect, **test}
    compiled = compile_recipe(f"{head}steps:\n{steps}\ntests: {json.dumps([entry])}\n")
    (outcome,) = run_tests(compiled)
    assert outcome.passed is not bool(outcome.problems)
    return [str(problem) for problem in outcome.problems]


@pytest.mark.parametrize(
    "expect",
    [
        {"status": "succeeded"},
        {"calls": [{"step": "note"}]},
        {"calls": [{"step": "note", "call": "crm/note.add", "with": {"body": "p_1"}}]},
        {"not_called": ["note2"]},
        {"outputs": {"note": {}}},
    ],
)
def test_expectations_that_are_met(expect):
    assert problems(expect, NOTE + "  - {id: note2, if: event.data.order, call: crm/note.add, with: {body: x}}\n") == []


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ({"status": "failed"}, "the run is succeeded, not failed."),
        (
            {"calls": [{"step": "note", "with": {"body": "p_2"}}]},
            '`body` of call 1 (note) is "p_1", but "p_2" is expected.',
        ),
        ({"calls": [{"step": "note", "with": {"title": "x"}}]}, 'call 1 (note) has no `title`; "x" is expected.'),
        ({"calls": [{"step": "note", "call": "crm/x"}]}, "call 1, of 'note', went to crm/note.add, not to crm/x."),
        ({"calls": [{"step": "note"}, {"step": "note"}]}, "call 2, of 'note', was not made. The calls were: note."),
        ({"not_called": ["note"]}, '\'note\' must not call anything, but called crm/note.add with {"body": "p_1"}.'),
        ({"outputs": {"note": {"id": 1}}}, "the output of 'note' has no `id`; 1 is expected."),
        ({"reason": "paid"}, 'the reason is "", not "paid".'),
        ({"status": "not_started"}, "the run is succeeded, not not_started."),
    ],
)
def test_expectations_that_are_not(expect, said):
    assert problems(expect) == [said]


def test_calls_of_other_steps_are_not_looked_at():
    other = "  - {id: other, call: hub/log, with: {message: x}}\n"
    assert problems({"calls": [{"step": "note"}]}, other + NOTE + other.replace("other", "last")) == []


def test_calls_stand_in_their_order():
    steps = NOTE + "  - {id: second, call: hub/log, with: {message: x}}\n"
    assert problems({"calls": [{"step": "note"}, {"step": "second"}]}, steps) == []
    (said,) = problems({"calls": [{"step": "second"}, {"step": "note"}]}, steps)
    assert said == "call 1 was made by 'note', not by 'second'. The calls were: note, second."


def test_a_call_that_must_not_happen_twice_is_seen():
    loop = '  - {id: note, for_each: "`[1, 2]`", call: crm/note.add, with: {body: x}}\n'
    (said,) = problems({"calls": [{"step": "note"}]}, loop)
    assert said == '\'note[1]\' called crm/note.add once more than expected, with {"body": "x"}.'
    assert problems({"calls": [{"step": "note[1]", "with": {"body": "x"}}]}, loop) == []


def test_true_is_not_one():
    assert problems({"outputs": {"a": {"x": 1}}}, "  - {id: a, set: {x: true}}\n")


def test_the_reason_of_a_stop():
    stop = "  - stop: {status: cancelled, reason: The order is paid already}\n"
    assert problems({"status": "cancelled", "reason": "paid already"}, stop) == []


def test_a_recipe_that_must_not_start():
    head = "hub: 1\nrecipe: shop\non: {event: payment.succeeded, where: event.data.order}\n"
    assert problems({"status": NOT_STARTED}, head=head) == []


def test_inputs_of_a_test():
    head = HEAD + "inputs: {text: {type: string, default: a}}\n"
    steps = '  - {id: a, set: {x: "${ inputs.text }"}}\n'
    assert problems({"outputs": {"a": {"x": "a"}}}, steps, head) == []
    assert problems({"outputs": {"a": {"x": "b"}}}, steps, head, inputs={"text": "b"}) == []
    assert problems({"status": "succeeded"}, steps, head, inputs={"txet": "b"}) == [
        "the recipe has no input 'txet'. Did you mean 'text'?"
    ]


def test_a_missing_output_is_named_when_it_was_needed():
    steps = '  - {id: order, call: orders/get, with: {order: o}}\n  - {id: a, set: {x: "${ upper(steps.order.output.title) }"}}\n'
    (said,) = problems({"status": "succeeded"}, steps)
    assert said.startswith("the run is failed, not succeeded. The step 'a':")
    assert said.endswith("Nothing is given for order, so that its output was {}.")


def test_what_a_script_cannot_do_fails_the_test():
    assert problems({"status": "succeeded"}, then=[{"answer": "yes"}]) == [
        "The answer 'yes' cannot be given: no question is open then."
    ]
