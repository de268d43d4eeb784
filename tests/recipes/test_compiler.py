import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import RecipeError
from hub.recipes.compiler import compile_recipe, compile_text
from hub.recipes.findings import FindingsError
from hub.recipes.limits import Limits
from hub.recipes.model import (
    AskStep,
    BranchStep,
    CallStep,
    EventTrigger,
    LoopStep,
    OnError,
    Retry,
    ScheduleTrigger,
    SleepStep,
    StopStep,
    SwitchStep,
    WaitStep,
)
from hub.recipes.step_checks import all_steps

HEAD = "hub: 1\nrecipe: shop\non: {event: payment.succeeded}\n"


def steps(text):
    return compile_recipe(HEAD + "steps:\n" + text).steps


def codes(text):
    with pytest.raises(FindingsError) as error:
        compile_recipe(text, "shop.yaml")
    return [finding.code for finding in error.value.findings]


def test_a_recipe_has_its_parts():
    recipe = compile_recipe("""
hub: 1
recipe: weekly
description: What came in.
enabled: false
inputs: {to: {type: string, default: admin@example.com}}
on: {schedule: {cron: "0 9 * * MON", timezone: Europe/Berlin}, where: inputs.to}
concurrency: {key: "${ inputs.to }", max: 2, while_waiting: block}
steps: [{call: hub/log, with: {message: x}}]
on_failure: [{call: hub/log, with: {message: y}}]
tests: [{name: t, event: {type: schedule.tick}, expect: {status: succeeded}}]
""")
    assert (recipe.name, recipe.title, recipe.enabled, recipe.language) == ("weekly", "weekly", False, 1)
    assert recipe.inputs["to"].default == "admin@example.com"
    assert recipe.inputs["to"].schema == {"type": "string"}
    assert isinstance(recipe.trigger, ScheduleTrigger)
    assert (recipe.trigger.timezone, recipe.trigger.misfire) == ("Europe/Berlin", "once")
    assert recipe.trigger.where.text == "inputs.to"
    assert (recipe.concurrency.limit, recipe.concurrency.while_waiting) == (2, "block")
    assert [step.id for step in recipe.on_failure] == ["on_failure1"]
    assert recipe.tests[0].expect == {"status": "succeeded"}
    assert len(recipe.digest) == 64


@pytest.mark.parametrize(
    ("written", "patterns", "connections"),
    [
        ("{event: payment.*}", ("payment.*",), ()),
        ("{event: [a.b, c.d], from: x}", ("a.b", "c.d"), ("x",)),
        ("{event: '*', from: [x, y]}", ("*",), ("x", "y")),
    ],
)
def test_event_triggers(written, patterns, connections):
    trigger = compile_recipe(f"hub: 1\nrecipe: shop\non: {written}\nsteps: [{{stop: {{}}}}]").trigger
    assert trigger == EventTrigger(patterns, connections)


def test_ids_come_from_positions():
    recipe = compile_recipe(
        HEAD
        + """
steps:
  - set: {a: 1}
  - if: event.data.order
    then:
      - set: {a: 1}
      - for_each: event.data.lines
        steps: [{set: {a: 1}}]
    else: [{stop: {}}]
  - id: order
    switch: event.data.order
    cases: {a: [{set: {a: 1}}], b: [{set: {a: 1}}]}
    default: [{set: {a: 1}}]
  - wait: {event: job.done, match: {data.job: x}}
    on_timeout: [{set: {a: 1}}]
  - call: hub/log
    with: {message: x}
    on_error: [{set: {a: 1}}]
"""
    )
    assert {step.id for step in all_steps(recipe)} == {
        "step1", "step2", "step2.then1", "step2.then2", "step2.then2.steps1", "step2.else1", "order", "order.case1_1",
        "order.case2_1", "order.default1", "step4", "step4.on_timeout1", "step5", "step5.on_error1",
    }  # fmt: skip


def test_if_alone_is_a_guard_and_with_then_a_branch():
    guard, branch = steps("  - {if: a, stop: {}}\n  - {if: a, then: [{stop: {}}]}\n")
    assert isinstance(guard, StopStep)
    assert guard.condition.text == "a"
    assert isinstance(branch, BranchStep)
    assert (branch.condition, branch.test.text, branch.otherwise) == (None, "a", ())


def test_a_call_has_connection_action_and_input():
    (call,) = steps("  - call: ${ event.connection }/payment.refund\n    with: {payment: x}\n    timeout: 30s\n")
    assert isinstance(call, CallStep)
    assert (call.connection.value, call.action, call.arguments.value) == (
        "${ event.connection }", "payment.refund", {"payment": "x"},
    )  # fmt: skip
    assert (call.timeout, call.retry, call.on_error) == (timedelta(seconds=30), Retry(), OnError.STOP)


def test_retry_says_only_what_differs():
    (call,) = steps("  - call: hub/log\n    retry: {attempts: 8, first: 1m}\n")
    assert call.retry == Retry(8, timedelta(minutes=1), 4.0, timedelta(hours=6))


def test_a_loop_over_one_step_keeps_its_own_condition_and_error_handling():
    (loop,) = steps(
        "  - {id: pay, if: a, for_each: b, call: hub/log, retry: {attempts: 2}, on_error: continue, parallel: 3, stop_when: c}\n"
    )
    assert isinstance(loop, LoopStep)
    assert (loop.single, loop.parallel, loop.stop_when.text, loop.on_error) == (True, 3, "c", OnError.CONTINUE)
    assert loop.condition.text == "a"
    (inner,) = loop.body
    assert (inner.id, inner.condition, inner.on_error, inner.retry.attempts) == ("pay", None, OnError.STOP, 2)


def test_waits_and_questions():
    sleep, until, wait, ask = steps("""
  - wait: {for: "${ inputs.days }"}
  - wait: {until: event.data.due_at}
  - wait: {event: [a.b, c.*], match: {data.job: "${ event.data.job }"}, where: x, timeout: 72h}
    on_timeout: continue
  - ask: {whom: "${ event.data.customer.email }", question: Friday?, timeout: 1d}
""")
    assert isinstance(sleep, SleepStep)
    assert sleep.duration.value == "${ inputs.days }"
    assert until.until.text == "event.data.due_at"
    assert isinstance(wait, WaitStep)
    assert (wait.types, wait.wait_timeout, wait.on_timeout) == (("a.b", "c.*"), timedelta(hours=72), "continue")
    assert wait.match["data.job"].value == "${ event.data.job }"
    assert isinstance(ask, AskStep)
    assert (ask.answers, ask.wait_timeout, ask.on_timeout) == (("yes", "no"), timedelta(days=1), "fail")


def test_cases_are_values_as_yaml_has_them():
    (switch,) = steps(
        '  - switch: a\n    cases: {1: [{stop: {}}], "2": [{stop: {}}], true: [{stop: {}}], card: [{stop: {}}]}\n'
    )
    assert isinstance(switch, SwitchStep)
    assert [case for case, _ in switch.cases] == [1, "2", True, "card"]


def test_true_and_false_are_expressions():
    step, _ = steps("  - {if: true, stop: {}}\n  - {if: false, stop: {}}\n")
    assert step.condition.text == "`true`"


def test_everything_wrong_is_said_at_once():
    text = (
        HEAD
        + 'steps:\n  - {id: a, call: hub/log, with: {message: "${ x( }", other: "${ = }"}}\n  - {id: a, if: \'(\', stop: {}}\n'
    )
    assert sorted(codes(text)) == ["doubled_id", "expression", "expression", "expression"]


def test_the_error_names_file_line_and_remedy():
    with pytest.raises(RecipeError) as error:
        compile_recipe("hub: 1\nrecipe: shop\non: payment.succeeded\nsteps: []\n", "shop.yaml")
    assert "shop.yaml:3" in str(error.value)
    assert error.value.remedy


def test_two_hundred_steps_are_enough():
    assert len(steps("  - {set: {a: 1}}\n" * 200)) == 200
    nested = HEAD + "steps:\n  - if: a\n    then:\n" + "      - {set: {a: 1}}\n" * 200
    assert codes(nested) == ["too_many_steps"]


def test_eight_levels_are_enough():
    def nested(levels):
        inner = "{stop: {}}"
        for _ in range(levels - 1):
            inner = f"{{if: a, then: [{inner}]}}"
        return HEAD + f"steps: [{inner}]"

    compile_recipe(nested(8))
    assert codes(nested(9)) == ["too_deep"]


def test_limits_can_be_configured():
    text = HEAD + "steps:\n" + "  - {set: {a: 1}}\n" * 3
    compile_recipe(text, limits=Limits(steps=3))
    with pytest.raises(FindingsError, match="more than 2 steps"):
        compile_recipe(text, limits=Limits(steps=2))
    with pytest.raises(FindingsError, match="at most 50 are read"):
        compile_recipe(text, limits=Limits(file_bytes=50))


def test_a_wait_for_a_time_has_no_time_out():
    assert codes(HEAD + "steps: [{wait: {for: 3d}, on_timeout: fail}]") == ["lonely_key"]


def test_with_as_one_expression():
    (call,) = steps('  - {call: hub/log, with: "${ event.data }"}\n')
    assert call.arguments.value == "${ event.data }"
    assert codes(HEAD + "steps: [{call: hub/log, with: text}]") == ["type"]
    assert codes(HEAD + 'steps: [{call: hub/log, with: "a ${ event.data }"}]') == ["type"]


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
    st.sampled_from(["payment.succeeded", "hub/log", "${ event.data }", "3d", "event.data.x", "continue", "${", "x(", "1h"]),
)  # fmt: skip
KEYS = ["hub", "recipe", "on", "steps", "event", "schedule", "call", "with", "set", "wait", "ask", "if", "then", "else",
        "switch", "cases", "default", "for_each", "parallel", "stop_when", "stop", "id", "retry", "timeout", "on_error",
        "on_timeout", "for", "until", "match", "tests", "inputs", "type", "concurrency", "key", "name", "expect"]  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=5)), inner, max_size=5),
    ),
    max_leaves=25,
)


@given(values, st.lists(st.dictionaries(st.sampled_from(KEYS), values, max_size=4), max_size=3))
def test_any_document_is_compiled_or_refused_with_findings(value, written):
    whole = {"hub": 1, "recipe": "a", "on": {"event": "x.y"}, "steps": written}
    for one in (value, whole, {**whole, "inputs": value}, {**whole, "tests": [value]}):
        try:
            compiled = compile_text(json.dumps(one), "a.yaml")
            refused = compiled.recipe is None
            findings = compiled.findings
        except FindingsError as error:
            refused, findings = True, error.findings
        assert findings or not refused
