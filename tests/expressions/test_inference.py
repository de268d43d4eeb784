import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # no stubs among the requirements

from hub.expressions import EvaluationError, compile_expression
from hub.expressions.inference import Finding, Inference, infer
from hub.expressions.shapes import of_value
from hub.jsontypes import Json, JsonSchema, canonical_json
from hub.vocabulary import event_types, samples, schema_of

MONEY: JsonSchema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["minor", "currency"],
    "properties": {"minor": {"type": "integer"}, "currency": {"type": "string"}},
}
LINE: JsonSchema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"vendor": {"type": "string"}, "quantity": {"type": "integer"}, "total": {"$ref": "#/$defs/Money"}},
}
SCOPE: JsonSchema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "event": schema_of("payment.succeeded"),
        "now": {"type": "string"},
        "index": {"type": "integer"},
        "steps": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "order": {
                    "type": "object",
                    "properties": {
                        "output": {
                            "$defs": {
                                "Money": MONEY,
                                "Line": LINE,
                                "Tree": {"properties": {"child": {"$ref": "#/$defs/Tree"}}},
                            },
                            "type": "object",
                            "additionalProperties": False,
                            "properties": {
                                "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
                                "pair": {"prefixItems": [{"type": "string"}, {"$ref": "#/$defs/Money"}]},
                                "table": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Money"}},
                                "tree": {"$ref": "#/$defs/Tree"},
                                "loop": {"$ref": "#/$defs/Missing"},
                                "state": {"enum": ["open", "paid"]},
                                "either": {"anyOf": [{"$ref": "#/$defs/Money"}, {"type": "null"}]},
                                "variant": {
                                    "properties": {"kind": {"type": "string"}},
                                    "oneOf": [
                                        {"properties": {"card": {"type": "string"}}},
                                        {"properties": {"bank": True}},
                                    ],
                                },
                                "all": {
                                    "allOf": [{"properties": {"a": {}}}, {"properties": {"b": {"type": "string"}}}]
                                },
                                "maybe": {"type": ["string", "null"]},
                                "anything": {},
                                "patterned": {
                                    "type": "object",
                                    "patternProperties": {"^x": {}},
                                    "additionalProperties": False,
                                },
                            },
                        }
                    },
                    "additionalProperties": False,
                },
                "crm": {
                    "type": "object",
                    "properties": {"output": {"type": "object", "properties": {"id": {"type": "string"}}}},
                },
            },
        },
    },
}


def inferred(text: str, scope: JsonSchema = SCOPE) -> Inference:
    return infer(compile_expression(text), scope)


def findings(text: str) -> tuple[Finding, ...]:
    return inferred(text).findings


def kind(text: str) -> Json:
    return inferred(text).schema.get("type")


@pytest.mark.parametrize(
    "text",
    [
        "event.data.amount.minor > `1000`",
        "event.data.metadata.anything",
        "event.raw.any.thing[0].at.all",
        "event.data.customer.address.city || 'nowhere'",
        "steps.order.output.lines[?vendor == 'A'].total.minor | [0]",
        "steps.order.output.lines[*].[vendor, quantity]",
        "steps.order.output.lines[].{v: vendor, t: total.currency}",
        "steps.order.output.lines[-1].total",
        "steps.order.output.lines[1:].vendor",
        "steps.order.output.pair[1].minor",
        "steps.order.output.table.USD.minor",
        "steps.order.output.table.*.minor",
        "steps.order.output.tree.child.child.child",
        "steps.order.output.loop.any.thing",
        "steps.order.output.either.minor",
        "steps.order.output.variant.card",
        "steps.order.output.variant.kind",
        "steps.order.output.all.[a, b]",
        "steps.order.output.anything.x.y",
        "steps.order.output.patterned.x",
        "steps.order.output.state == 'paid'",
        "steps.order.output.state == `null`",
        "steps.order.output.maybe == 'x'",
        "add(steps.order.output.lines[].total).minor",
        "sort_by(steps.order.output.lines, &quantity)[0].vendor",
        "max_by(steps.order.output.lines, &quantity).vendor",
        "map(&total.minor, steps.order.output.lines)",
        "group_by(steps.order.output.lines, &vendor).A[].quantity",
        "{a: event.data.amount}.a.minor",
        "[event.data.amount, now][0].minor",
        "merge({a: now}, {b: index}).b",
        "values(steps.order.output.table)[].minor",
        "zip(steps.order.output.lines, steps.order.output.lines)[0][1].vendor",
        "to_array(event.data.amount)[0].minor",
        "not_null(event.data.fee, event.data.amount).minor",
        "lookup(steps.order.output.table, 'USD').minor",
        "from_json(now).any.thing",
        "share(event.data.amount, `[1, 2]`)[].minor",
        "event.data.amount && event.data.payment",
        '`{"a": [1]}`.a[0]',
        "!(event.data.customer.email)",
        "!now",
        "now < '2026-11-23T09:00:00Z'",
        "type(event.data) == 'object'",
        "@",
        "*",
    ],
)
def test_what_is_right_gives_no_findings(text: str) -> None:
    assert findings(text) == ()


@pytest.mark.parametrize(
    ("text", "severity", "place", "suggestion", "words"),
    [
        ("event.data.paymnt", "error", "paymnt", "payment", "event.data has no paymnt. Is payment meant?"),
        ("event.payment", "error", "payment", "data.payment", "event has no payment. Is data.payment meant?"),
        ("evnt.data", "error", "evnt", "event", "This expression has no evnt. Is event meant?"),
        ("event.data.colour", "error", "colour", None, "event.data has no colour. It has payment, amount, "),
        ('lower(event.data."e mail")', "error", '"e mail"', None, "event.data has no e mail"),
        (
            "steps.crm.output.ident",
            "warning",
            "ident",
            None,
            "may have no ident: its schema does not list it. It has id.",
        ),
        ("event.data.gateway.stauts", "warning", "stauts", "status", "Is status meant?"),
        ("steps.order.output.variant.colour", "warning", "colour", None, "may have no colour"),
        ("steps.order.output.tree.chld", "warning", "chld", "child", "Is child meant?"),
        ("steps.oder.output", "error", "oder", "order", "steps has no oder"),
        ("steps.order.output.lines[].totl.minor", "error", "totl", "total", "steps.order.output.lines[] has no totl"),
        ("steps.order.output.lines[?vendr == 'A']", "error", "vendr", "vendor", "lines[] has no vendr"),
        ("sort_by(steps.order.output.lines, &quantty)", "error", "quantty", "quantity", "has no quantty"),
        ("{a: event.data.amount}.b", "error", "b", None, "has no b. It has a."),
        (
            "event.data.fee.amount || 'x'",
            "error",
            "amount",
            None,
            "event.data.fee has no amount. It has minor, currency.",
        ),
        ("steps.order.output.either.major", "error", "major", "minor", "has no major"),
        ("percent(event.data.amount, `5`).minr", "error", "minr", "minor", "The value has no minr"),
    ],
)
def test_an_unknown_path_is_found_at_its_place_with_the_nearest_name(
    text: str, severity: str, place: str, suggestion: str | None, words: str
) -> None:
    (finding,) = findings(text)
    assert (finding.code, finding.severity) == ("unknown_path", severity)
    assert text[finding.offset : finding.offset + finding.length] == place
    assert finding.suggestion == suggestion
    assert words in finding.message


@pytest.mark.parametrize(
    ("text", "code", "severity", "place", "words"),
    [
        ("formatmoney(event.data.amount)", "unknown_function", "error", "formatmoney", "Is format_money meant?"),
        ("zzz(now)", "unknown_function", "error", "zzz", "There is no function zzz()."),
        (
            "percent(event.data.amount)",
            "bad_argument",
            "error",
            "percent",
            "percent() takes 2 arguments, not 1: percent(amount",
        ),
        (
            "lower(event.data.amount)",
            "bad_argument",
            "error",
            "event.data.amount",
            "must be text; event.data.amount is money",
        ),
        ("plus(event.data.amount, `1`)", "bad_argument", "error", "event.data.amount", "For money there are add, sub"),
        ("format_money(event.data.customer, 'en')", "bad_argument", "error", "event.data.customer", "must be money"),
        ("add(`5`)", "bad_argument", "error", "`5`", "must be money or a list of amounts; this is a number"),
        ("group_by(steps.order.output.lines, 'x')", "bad_argument", "error", "'x'", "must be an expression (&…)"),
        ("lower(&now)", "bad_argument", "error", "now", "must be text; this is an expression"),
        ("event.data.amount > `1000`", "always_null", "error", "event.data.amount", "Compare event.data.amount.minor"),
        ("now > `5`", "bad_argument", "error", "now > `5`", "Text and a number cannot be ordered"),
        ("event.data.payment.id", "always_null", "error", "id", "event.data.payment is text and has no id."),
        (
            "steps.order.output.lines.total",
            "always_null",
            "error",
            "total",
            "write lines[].total for all of it, lines[0].total",
        ),
        (
            "event.data.amount[0]",
            "always_null",
            "error",
            "amount",
            "event.data.amount is money {minor, currency}, so [0] gives null",
        ),
        ("event.data[*].amount", "always_null", "error", "data", "event.data is an object, so [*] gives null"),
        ("event.data[?amount]", "always_null", "error", "event.data", "gives null"),
        ("event.data.payment[]", "always_null", "error", "event.data.payment", "so [] gives null"),
        ("!event.data.payment", "always_null", "error", "data", "true or false and has no data"),
        ("now.*", "always_null", "error", "now", "now is text, so * gives null"),
        ("now[1:]", "always_null", "error", "now", "gives null"),
        (
            "event.type == 'payment.suceeded'",
            "never_equal",
            "warning",
            "'payment.suceeded'",
            "it is 'payment.succeeded'",
        ),
        ("'opn' != steps.order.output.state", "never_equal", "warning", "'opn'", "it is 'open' or 'paid'"),
        ("event.data.amount == `5`", "never_equal", "warning", "`5`", "Compare event.data.amount.minor"),
        ("index == '1'", "never_equal", "warning", "'1'", "index is a number and never equals text"),
    ],
)
def test_what_can_never_work_is_found(text: str, code: str, severity: str, place: str, words: str) -> None:
    found = findings(text)
    assert [(finding.code, finding.severity) for finding in found] == [(code, severity)]
    start = found[0].offset
    marked = text[start : start + found[0].length]
    assert marked == place
    assert words in found[0].message


def test_the_nearest_listed_value_is_offered() -> None:
    assert findings("event.type == 'payment.suceeded'")[0].suggestion == "'payment.succeeded'"


def test_findings_come_in_the_order_of_the_text() -> None:
    found = findings("nope(event.x) && event.y")
    assert [finding.offset for finding in found] == sorted(finding.offset for finding in found)
    assert len(found) == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("event.data.payment", "string"),
        ("event.data.amount.minor", "integer"),
        ("steps.order.output.lines[*].vendor", "array"),
        ("length(now) > `5`", "boolean"),
        ("!now", "boolean"),
        ("slug(now)", "string"),
        ("plus(index, `1`)", "number"),
        ("`1.5`", "number"),
        ("{a: now}", "object"),
        ("[now]", "array"),
        ("event.data.metadata.x", "string"),
        ("event.raw", None),
    ],
)
def test_the_schema_says_what_the_expression_gives(text: str, expected: Json) -> None:
    assert kind(text) == expected


def test_the_schema_of_a_part_stands_alone_and_can_be_walked_again() -> None:
    schema = inferred("{lines: steps.order.output.lines, first: steps.order.output.lines[0].total}").schema
    Draft202012Validator.check_schema(schema)
    assert inferred("lines[].total.minor", schema).findings == ()
    assert inferred("first.minor", schema).findings == ()
    assert [finding.code for finding in inferred("lines[].total.major", schema).findings] == ["unknown_path"]


def test_a_fully_open_scope_gives_no_findings() -> None:
    assert inferred("any.thing[].at.all", {}).findings == ()
    assert inferred("any.thing", {"type": "object"}).findings == ()


names = st.sampled_from(["a", "b", "c"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(alphabet="xyz", max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(names, values, min_size=1), st.lists(names, min_size=1, max_size=4))
def test_a_plain_path_is_found_wrong_exactly_when_it_leads_nowhere(scope: dict[str, Json], path: list[str]) -> None:
    there: Json = scope
    exists = True
    for name in path:
        exists = exists and isinstance(there, dict) and name in there
        there = there[name] if exists and isinstance(there, dict) else None
    found = infer(compile_expression(".".join(path)), of_value(scope).schema).findings
    assert (not found) == exists


@given(
    st.dictionaries(names, values, min_size=1),
    st.sampled_from(
        [
            "{}[*].{}",
            "{}[].{}",
            "{}.{}[0]",
            "{}[?{}]",
            "{}.*.{}",
            "[{}, {}]",
            "{{x: {}, y: {}}}",
            "{} || {}",
            "{} && !{}",
            "to_array({}) | [0].{}",
            "default({}, {})",
            "not_null({}, {})",
            "map(&{1}, {0})",
            "sort_by({}, &{})",
            "unique({})[].{}",
            "merge({}, {})",
            "zip({}, {})",
        ]
    ),
    names,
    names,
)
def test_what_an_expression_gives_satisfies_the_schema_that_was_inferred(
    scope: dict[str, Json], form: str, first: str, second: str
) -> None:
    expression = compile_expression(form.format(first, second))
    inference = infer(expression, of_value(scope).schema)
    try:
        result = expression.evaluate(scope)
    except EvaluationError:
        return
    # The schema speaks of paths that are there; null stands for those that are not.
    if b"null" not in canonical_json(result) and not inference.findings:
        assert Draft202012Validator(inference.schema).is_valid(result)


@pytest.mark.parametrize("name", event_types())
def test_every_leaf_of_every_sample_is_a_known_path(name: str) -> None:
    scope: JsonSchema = {"type": "object", "properties": {"event": schema_of(name)}, "additionalProperties": False}

    def walk(value: Json, path: str) -> None:
        if isinstance(value, dict):
            for key, member in value.items():
                walk(member, f"{path}.{key}")
        elif isinstance(value, list):
            walk(value[0], f"{path}[0]")
        else:
            assert infer(compile_expression(path), scope).findings == ()

    walk(samples(name)[0], "event")


@pytest.mark.parametrize(
    "text",
    [
        "@[0]",
        "*.*",
        "[*].*[]",
        "&event",
        "[&now]",
        "[0:1][?a].b",
        "{a: @}.a.event",
        "`[]`[0].a",
        "`{}`.a",
        "map(&@, now)",
        "sort_by()",
        "zip()",
        "sort_by(&a, &b)",
        "lookup(now)",
        "merge(event.raw, now)",
        "max(`[]`).a",
        "!(event)",
        "event[?@ == `1`]",
        "'x'.a",
        "`null`.a",
        "`1` < `2`",
    ],
)
def test_odd_expressions_are_followed_without_failing(text: str) -> None:
    for finding in findings(text):
        assert 0 <= finding.offset <= finding.offset + finding.length <= len(text)
    assert isinstance(inferred(text).schema, dict)


def test_references_that_go_in_circles_end() -> None:
    scope: JsonSchema = {"$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}, "$ref": "#/$defs/A"}
    assert inferred("a.b", scope).findings == ()
    everything: JsonSchema = {
        "$defs": {"A": {"anyOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/A"}]}},
        "$ref": "#/$defs/A",
    }
    assert inferred("a.b", everything).findings == ()
