import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import RecipeError
from hub.recipes.checker import check_recipe
from hub.recipes.compiler import compile_recipe
from hub.recipes.findings import Severity
from hub.recipes.limits import Limits
from hub.recipes.yaml_reader import LINE_BREAK
from hub.vocabulary import VOCABULARY
from tests.recipes.conftest import installation
from tests.recipes.test_compiler import KEYS, values

GOLDEN = Path(__file__).parent / "golden"
HEAD = "hub: 1\nrecipe: shop\non: {event: payment.succeeded}\n"

EXAMPLE = """
hub: 1                                   # language version
recipe: shop-split                       # the name; also the file's name
title: Pay each vendor its share
enabled: true
inputs:
  commission: {type: number, default: 12.5, description: Per cent kept by the platform}
on:
  event: payment.succeeded
  from: [stripe-main, sandbox]
  where: event.data.metadata.order
concurrency: {key: "${ event.data.metadata.order }", max: 1}
steps:
  - id: order
    call: orders/get
    with: {order: "${ event.data.metadata.order }"}

  - id: shares
    call: payments/split
    with:
      payment: ${ event.data.payment }
      parties: ${ steps.order.output.vendors }
      commission: {percent: "${ inputs.commission }"}

  - for_each: steps.shares.output.transfers        # item, index
    id: pay
    call: ${ event.connection }/transfer.create
    with: {provider: "${ item.provider }", amount: "${ item.amount }", payment: "${ event.data.payment }"}
    retry: {attempts: 8, first: 10s, factor: 3, max: 6h}
    timeout: 30s
    on_error: continue

  - id: receipt
    if: event.data.customer.email
    call: mail/send
    with:
      to: ${ event.data.customer.email }
      template: order-receipt
      data: {order: "${ steps.order.output }", total: "${ format_money(event.data.amount, 'en') }"}

on_failure:
  - call: mail/send
    with: {to: admin@example.com, template: run-failed, data: {run: "${ run.id }", error: "${ run.error }"}}

tests:
  - name: two vendors share 100.00
    event: {type: payment.succeeded, data: {payment: p_1, amount: {minor: 10000, currency: USD}, metadata: {order: o_1}}}
    given: {order: {vendors: [{provider: A, amount: {minor: 6001, currency: USD}}, {provider: B, amount: {minor: 3999, currency: USD}}]}}
    expect:
      status: succeeded
      calls:
        - {step: pay, with: {provider: A, amount: {minor: 5251, currency: USD}}}
        - {step: pay, with: {provider: B, amount: {minor: 3499, currency: USD}}}
"""


def check(steps, context, head=HEAD):
    return check_recipe(f"{head}steps:\n{steps}", "shop.yaml", context)


def codes(steps, context, head=HEAD):
    return [finding.code for finding in check(steps, context, head)]


def test_the_example_of_the_language_page_is_right(context):
    assert check_recipe(EXAMPLE, "shop-split.yaml", context) == []


def applied(text, finding):
    """The text with the finding's fix in its place."""
    lines = LINE_BREAK.split(text)
    before = "\n".join([*lines[: finding.line - 1], lines[finding.line - 1][: finding.column - 1]])
    after = "\n".join([lines[finding.end_line - 1][finding.end_column - 1 :], *lines[finding.end_line :]])
    return before + finding.fix + after


def fixable():
    for recipe in sorted(GOLDEN.glob("*.yaml")):
        text = recipe.read_text(encoding="utf-8")
        for finding in check_recipe(text, recipe.name, installation()):
            if finding.fix is not None:
                yield pytest.param(text, finding, id=f"{recipe.stem}-{finding.line}-{finding.column}")


@pytest.mark.parametrize(("text", "finding"), list(fixable()))
def test_a_fix_mends_what_it_is_offered_for(text, finding, context):
    mended = check_recipe(applied(text, finding), finding.file, context)
    assert not any((one.code, one.line, one.column) == (finding.code, finding.line, finding.column) for one in mended)
    assert finding.code == "yaml" or not any(one.code in {"yaml", "tag"} for one in mended)


def test_many_fixes_are_offered():
    assert len(list(fixable())) > 30


def test_findings_stand_in_the_order_of_their_lines(context):
    found = check(
        '  - set: {a: "${ event.data.x1 }"}\n  - call: hub/lgo\n  - set: {a: "${ event.data.x2 }"}\n', context
    )
    assert [finding.line for finding in found] == [5, 6, 7]


def test_of_several_event_types_a_path_of_any_is_right(context):
    head = "hub: 1\nrecipe: shop\non: {event: [payment.succeeded, invoice.paid]}\n"
    assert codes('  - set: {a: "${ event.data.fee }", b: "${ event.data.number }"}\n', context, head) == []


def test_an_own_events_data_is_open(context):
    head = "hub: 1\nrecipe: shop\non: {event: acme.shipped}\n"
    assert codes('  - set: {a: "${ event.data.parcel.weight }"}\n', context, head) == []
    assert codes('  - set: {a: "${ event.date }"}\n', context, head) == ["unknown_path"]


def test_an_own_events_schema_is_followed(context):
    schema = {"type": "object", "additionalProperties": False, "properties": {"parcel": {"type": "string"}}}
    known = replace(context, vocabulary=VOCABULARY.with_types({"acme.shipped": schema}))
    head = "hub: 1\nrecipe: shop\non: {event: acme.shipped}\n"
    assert codes('  - set: {a: "${ event.data.parcel }"}\n', known, head) == []
    assert codes('  - set: {a: "${ event.data.parcle }"}\n', known, head) == ["unknown_path"]


def test_all_events_have_any_data(context):
    head = "hub: 1\nrecipe: shop\non: {event: '*'}\n"
    assert codes('  - set: {a: "${ event.data.whatever }", b: "${ event.type }"}\n', context, head) == []


def test_a_schedules_tick_is_known(context):
    head = 'hub: 1\nrecipe: shop\non: {schedule: {cron: "0 9 * * MON"}}\n'
    assert codes('  - set: {a: "${ event.data.due_at }"}\n', context, head) == []
    assert codes('  - set: {a: "${ event.data.order }"}\n', context, head) == ["unknown_path"]


def test_a_branchs_steps_can_be_read_after_it(context):
    steps = """
  - if: event.data.order
    then: [{id: a, set: {x: A}}]
    else: [{id: b, set: {x: B}}]
  - set: {x: "${ steps.a.output.x || steps.b.output.x }"}
"""
    assert codes(steps, context) == []


def test_steps_around_a_loop_and_in_it_can_be_read_inside(context):
    steps = """
  - id: order
    call: orders/get
    with: {order: "${ event.data.payment }"}
  - id: each
    for_each: steps.order.output.vendors
    stop_when: steps.label.output.x
    steps:
      - {id: label, set: {x: "${ item.provider }", n: "${ index }", total: "${ steps.order.output.total }"}}
      - {call: hub/log, with: {message: "${ steps.label.output.x }"}}
  - set: {all: "${ steps.each.output[].output.label.x }", first: "${ steps.each.output[0].status }"}
"""
    assert codes(steps, context) == []


def test_a_single_loops_outcome_is_its_own_while_it_stops(context):
    steps = """
  - id: offer
    for_each: event.data.metadata.list || `[]`
    ask: {whom: a@example.com, question: Friday?, answers: [accept, decline], timeout: 4h}
    on_timeout: continue
    stop_when: steps.offer.output == 'accept'
  - set: {who: "${ steps.offer.output[?output == 'accept'] }"}
"""
    assert codes(steps, context) == []


def test_the_event_waited_for_is_the_output(context):
    steps = """
  - id: job
    wait: {event: job.done, match: {data.job: "${ event.data.job }"}, where: steps.job.output.data.provider, timeout: 3d}
    on_timeout: [{call: hub/log, with: {message: "${ steps.job.status }"}}]
  - set: {region: "${ steps.job.output.data.region }"}
  - set: {weather: "${ steps.job.output.data.weather }"}
"""
    found = check(steps, context)
    assert [(finding.code, finding.line) for finding in found] == [("unknown_path", 10)]


def test_on_failure_knows_the_error_and_the_steps(context):
    head = HEAD + 'on_failure: [{call: hub/log, with: {message: "${ run.error.message } ${ steps.a.output.x }"}}]\n'
    assert codes("  - {id: a, set: {x: text}}\n", context, head) == []


def test_on_error_steps_know_the_error(context):
    steps = """
  - id: note
    call: crm/note.add
    with: {body: Hello}
    on_error: [{call: hub/log, with: {message: "${ steps.note.error.message }"}}]
"""
    assert codes(steps, context) == []


def test_the_connection_of_an_input_decides_the_action(context):
    head = HEAD + "inputs: {gateway: {type: string, default: corner-shop}}\n"
    call = "  - call: ${ inputs.gateway }/transfer.create\n    with: {provider: A, amount: {minor: 1, currency: EUR}}\n"
    assert codes(call, context, head) == ["not_offered"]
    assert codes(call, replace(context, inputs={"gateway": "stripe-main"}), head) == []


def test_an_empty_input_names_no_connection(context):
    head = HEAD + 'inputs: {gateway: {type: string, default: ""}}\n'
    call = "  - if: inputs.gateway\n    call: ${ inputs.gateway }/transfer.create\n    with: {provider: A, amount: {minor: 1, currency: EUR}}\n"
    assert codes(call, context, head) == []


def test_any_connection_that_has_the_action_is_enough(context):
    call = (
        "  - call: ${ event.connection }/transfer.create\n    with: {provider: A, amount: {minor: 1, currency: EUR}}\n"
    )
    assert codes(call, context) == []
    assert codes(call.replace("provider: A, ", ""), context) == ["missing_input"]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ('{to: a@example.com, template: "${ event.data.order }"}', []),
        ('{to: "${ event.data.customer.email }", template: order-receipt}', []),
        ('{to: a@example.com, template: welcome, text: "${ event.data.order }"}', ["bad_input"]),
        ('{to: a@example.com, subject: "${ event.data.order }", text: Hello}', []),
        ("{to: [a@example.com], template: welcome}", ["bad_input"]),
        ('{to: "Paid by ${ event.data.amount.minor }", template: welcome}', []),
    ],
)
def test_only_what_is_surely_wrong_with_an_input_is_said(given, found, context):
    assert codes(f"  - call: mail/send\n    with: {given}\n", context) == found


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("{minor: 100, currency: EUR}", []),
        ("{minor: 100, currency: euro}", ["bad_input"]),
        ('{minor: "${ event.data.amount.minor }", currency: EUR}', []),
        ('{minor: "${ event.data.amount }", currency: EUR}', ["wrong_type"]),
        ('"${ event.data.amount }"', []),
        ('"${ event.data.customer }"', ["wrong_type"]),
        ('"${ {minor: event.data.amount.minor} }"', ["wrong_type"]),
        ('"${ steps.nothing.output }"', ["unknown_step"]),
        ('"${ event.data.metadata.amount }"', ["wrong_type"]),
        ('"${ percent(event.data.amount, `10`) }"', []),
        ('"${ event.raw.amount }"', []),
    ],
)
def test_what_expressions_give_must_be_what_the_action_takes(given, found, context):
    call = f"  - call: stripe-main/transfer.create\n    with: {{provider: A, amount: {given}}}\n"
    assert codes(call, context) == found


def test_a_list_over_the_limit_of_loops(context):
    items = ", ".join(["1"] * 10_001)
    steps = f"  - {{id: many, set: {{ids: [{items}]}}}}\n  - {{for_each: steps.many.output.ids, call: hub/log, with: {{message: x}}}}\n"
    assert codes(steps, context) == ["too_many_items"]


def test_schemas_that_double_with_every_step_stay_small(context):
    steps = "".join(
        f'  - {{id: {name}{n}, set: {{x: "${{ {name}_{n} }}", y: "${{ {name}_{n} }}"}}}}\n'.replace(
            f"{name}_{n}", f"steps.{name}{n - 1}.output" if n else "event.data"
        )
        for name in "ab"
        for n in range(60)
    )
    assert codes(steps + '  - set: {z: "${ steps.a59.output || steps.b59.output }"}\n', context) == []


def test_the_limit_of_loops_can_be_configured(context):
    steps = "  - {id: many, set: {ids: [1, 2, 3]}}\n  - {for_each: steps.many.output.ids, call: hub/log, with: {message: x}}\n"
    assert codes(steps, context) == []
    assert codes(steps, replace(context, limits=Limits(loop_items=2))) == ["too_many_items"]


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("whsec_${ event.data.order }", []),
        ("sk_live_x", []),
        ("sk_test_4eC39HqLyjWDarjtT1zdp7dc", ["secret"]),
        ("rk_live_4eC39HqLyjWDarjtT1zdp7dc", ["secret"]),
        ("pat-na1-12345678-1234-1234-1234-123456789012", ["secret"]),
        ("xoxb-123456789012-abcdefghij", ["secret"]),
        ("AKIAIOSFODNN7EXAMPLE", ["secret"]),
        ("-----BEGIN RSA PRIVATE KEY-----", ["secret"]),
        ("https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXX", ["secret"]),
    ],
)
def test_known_secrets(written, found, context):
    assert codes(f'  - call: hub/log\n    with: {{message: "{written}"}}\n', context) == found


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("token", "p_1", []),
        ("token", "order_confirmation_link", []),
        ("token", "${ event.data.payment }", []),
        ("secret", "correcthorse", []),
        ("password", "S3cret!pass", ["secret"]),
        ("client_secret", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", ["secret"]),
        ("Authorization", "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", ["secret"]),
        ("tokens_left", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", []),
    ],
)
def test_values_of_keys_that_are_named_like_secrets(key, value, found, context):
    assert codes(f'  - set: {{{key}: "{value}"}}\n', context) == found


@pytest.mark.parametrize(
    "cron",
    [
        "0 9 * * MON",
        "*/5 * * * *",
        "0 0 1,15 * *",
        "30 8-18 * JAN-MAR 1-5",
        "0 0 29 2 *",
        "0 0 * * MON-SUN",
        "5 4 * * 7",
    ],
)
def test_schedules_that_can_be_followed(cron, context):
    assert (
        check_recipe(f'hub: 1\nrecipe: a\non: {{schedule: {{cron: "{cron}"}}}}\nsteps: [{{stop: {{}}}}]', "", context)
        == []
    )


@pytest.mark.parametrize(
    "cron",
    [
        "",
        "9",
        "60 9 * * *",
        "0 24 * * *",
        "0 9 0 * *",
        "0 9 * 13 *",
        "0 9 * * 8",
        "0 9 * * FOO",
        "@daily",
        "0 9 31 2 *",
        "0 9 31 feb,apr *",
        "0 9 5-1 * *",
        "0 */0 * * *",
        "0 9 * * * *",
        "x 9 * * *",
    ],
)
def test_schedules_that_cannot(cron, context):
    found = check_recipe(
        f'hub: 1\nrecipe: a\non: {{schedule: {{cron: "{cron}"}}}}\nsteps: [{{stop: {{}}}}]', "", context
    )
    assert [finding.line for finding in found] == [3]
    assert found[0].remedy


def test_who_fires_schedules_has_the_last_word(context):
    def refuse(cron, timezone):
        raise RecipeError(f"{cron} {timezone}", remedy="Take another.")

    text = 'hub: 1\nrecipe: a\non: {schedule: {cron: "0 9 * * *"}}\nsteps: [{stop: {}}]'
    found = check_recipe(text, "", replace(context, schedules=refuse))
    assert [(finding.code, finding.message) for finding in found] == [("schedule", "0 9 * * * UTC")]


def emitting(name, on, kind, condition=""):
    step = f"{{{condition}call: hub/emit, with: {{type: {kind}, data: {{}}}}}}"
    return f"hub: 1\nrecipe: {name}\non: {on}\nsteps: [{step}]\n"


@pytest.mark.parametrize(
    ("on", "kind", "condition", "severity"),
    [
        ("{event: acme.a}", "acme.a", "", Severity.ERROR),
        ("{event: acme.*}", "acme.b", "", Severity.ERROR),
        ("{event: '*'}", "acme.b", "", Severity.ERROR),
        ("{event: acme.a}", "acme.a", "if: event.data.x, ", Severity.WARNING),
        ("{event: acme.a, where: event.data.x}", "acme.a", "", Severity.WARNING),
        ("{event: acme.a}", "acme.b", "", None),
        ("{event: acme.a, from: stripe-main}", "acme.a", "", None),
    ],
)
def test_recipes_that_feed_themselves(on, kind, condition, severity, context):
    found = check_recipe(emitting("shop", on, kind, condition), "", replace(context, recipes={}))
    assert [(one.code, one.severity) for one in found] == ([("circle", severity)] if severity else [])


def test_a_circle_through_several_recipes_is_named(context):
    others = {
        name: compile_recipe(emitting(name, f"{{event: acme.{name}}}", f"acme.{to}"))
        for name, to in (("b", "c"), ("c", "a"), ("d", "a"))
    }
    found = check_recipe(emitting("a", "{event: acme.a}", "acme.b"), "", replace(context, recipes=others))
    assert [one.message for one in found] == ["This event starts the recipe again, without end: a → b → c → a."]


def test_tests_are_not_run_when_something_is_wrong_or_nobody_wants_it(context):
    text = EXAMPLE.replace("minor: 5251", "minor: 1")
    assert [one.code for one in check_recipe(text, "", context)] == ["test"]
    assert check_recipe(text, "", replace(context, run_tests=False)) == []
    assert [one.code for one in check_recipe(text.replace("orders/get", "ordrs/get"), "", context)] == [
        "unknown_connection"
    ]


steps = st.lists(st.dictionaries(st.sampled_from(KEYS), values, max_size=4), max_size=3)


@given(steps)
def test_no_document_makes_the_checker_fail(written):
    whole = {"hub": 1, "recipe": "a", "on": {"event": "payment.succeeded"}, "steps": written}
    for finding in check_recipe(json.dumps(whole), "a.yaml", installation()):
        assert finding.message


words = st.sampled_from(
    [
        "event.data.amount",
        "event.data.lines[]",
        "steps.a.output",
        "item.x",
        "index",
        "`1`",
        "'x'",
        "now",
        "inputs.list",
        "run.id",
    ]
)
expressions = st.recursive(
    words,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda both: f"{both[0]} || {both[1]}"),
        st.tuples(inner, inner).map(lambda both: f"{both[0]} == {both[1]}"),
        inner.map(lambda one: f"length({one})"),
        inner.map(lambda one: f"{one}.minor"),
        inner.map(lambda one: f"!{one}"),
        inner.map(lambda one: f"{one}[1:2]"),
        inner.map(lambda one: f"{one}[?x == 'y'].z"),
        inner.map(lambda one: f"{one} | [0]"),
        inner.map(lambda one: f"sort_by({one}, &x)"),
        inner.map(lambda one: f"{{a: {one}}}"),
    ),
    max_leaves=6,
)


@given(st.lists(expressions, min_size=5, max_size=5))
def test_any_expressions_are_judged(written):
    bare = [json.dumps(one) for one in written]
    within = [json.dumps(f"${{ {one} }}") for one in written]
    text = f"""{HEAD}steps:
  - {{id: a, if: {bare[0]}, set: {{x: {within[1]}}}}}
  - for_each: {bare[2]}
    id: b
    steps: [{{call: crm/note.add, with: {{body: {within[3]}}}}}]
  - wait: {{event: job.done, match: {{data.job: {within[4]}}}}}
tests:
  - {{name: t, event: {{type: payment.succeeded, data: {{payment: p, amount: {{minor: 1, currency: EUR}}}}}}, then: [{{after: 2d}}], expect: {{status: waiting}}}}
"""
    for finding in check_recipe(text, "a.yaml", installation()):
        assert finding.line <= 11
