import pytest

from hub.expressions import compile_expression, slips


def mended(text: str) -> str:
    for slip in reversed(slips(text)):
        assert slip.fix is not None
        text = text[: slip.offset] + slip.fix + text[slip.offset + slip.length :]
    return text


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("event.data.amount.minor > 1000", "event.data.amount.minor > `1000`"),
        ("percent(event.data.amount, 12.5)", "percent(event.data.amount, `12.5`)"),
        ("{a: 1, b: -2}", "{a: `1`, b: `-2`}"),
        ("[1, 2]", "[`1`, `2`]"),
        ('event.type == "payment.failed"', "event.type == 'payment.failed'"),
        ('"a" == event.type', "'a' == event.type"),
        ('contains(event.data.tags, "vip")', "contains(event.data.tags, 'vip')"),
        ('lower("ABC")', "lower('ABC')"),
        ('event.data.lines[?vendor == "A"]', "event.data.lines[?vendor == 'A']"),
        ("event.type = 'x'", "event.type == 'x'"),
        ("event.data.a and event.data.b", "event.data.a && event.data.b"),
        ("event.data.a OR event.data.b", "event.data.a || event.data.b"),
        ("not event.data.a", "!(event.data.a)"),
        ("not item", "!item"),
        ("!event.data.a", "!(event.data.a)"),
        (
            "!event.data.a && !event.data.lines[?quantity].item",
            "!(event.data.a) && !(event.data.lines[?quantity].item)",
        ),
        ("!!event.data", "!!(event.data)"),
        ('!steps."a b".output == `1`', '!(steps."a b".output) == `1`'),
        ("!event.data.{a: {b: type}}", "!(event.data.{a: {b: type}})"),
        ("!to_array(event).a", "!(to_array(event).a)"),
        ("!item[]", "!(item[])"),
        ("not (event.data.a)", "!(event.data.a)"),
        ("event.data.a == null", "event.data.a == `null`"),
        ("event.data.a == True", "event.data.a == `true`"),
        ("default(event.data.a, false)", "default(event.data.a, `false`)"),
        ("`USD`", "'USD'"),
        ("event.data['order']", "event.data.order"),
        ("event.data.metadata['order-id'].x", 'event.data.metadata."order-id".x'),
        ("event.type == ‘x’", "event.type == 'x'"),
        ('not a = 1 and "b" == null', "!a == `1` && 'b' == `null`"),
    ],
)
def test_a_slip_is_known_and_its_fix_gives_the_right_form(text: str, right: str) -> None:
    assert mended(text) == right
    assert slips(right) == []
    compile_expression(right)


@pytest.mark.parametrize(
    "text",
    [
        "event.data.lines[0].item",
        "event.data.lines[-1:]",
        "event.data.lines[::2]",
        'event.data.metadata."order-id"',
        "event.data.lines[?\"order-id\" == 'x']",
        'event.data.{"a b": type}',
        'sort_by(event.data.lines, &"unit price")',
        "{true: event.type, null: now, or: now}",
        "event.data.true",
        "event.data.metadata.not",
        "steps.and.output",
        "event.data.lines[?quantity > `1`] | length(@) > `0`",
        '`"and or = 5"`',
        "'1 = 2 and \"x\"'",
        "['a', 'b']",
        "event.data.*",
        "*",
        "!(event.data.a)",
        "!item",
        "!item[0]",
        "!item[*].a",
        "!item[1:].a",
        "!contains(event.data.tags, 'vip')",
        "!(event.a) && event.b",
    ],
)
def test_what_is_right_has_no_slips(text: str) -> None:
    compile_expression(text)
    assert slips(text) == []


@pytest.mark.parametrize("text", ["a + b", "a / b", "a - b", "a * b"])
def test_arithmetic_is_explained_without_a_fix(text: str) -> None:
    found = slips(text)
    assert found[0].fix is None
    assert "write" in found[0].message


def test_in_a_connector_s_event_map_a_quoted_root_field_is_right() -> None:
    assert slips('"order-id"', roots=None) == []
    assert slips('"order-id"')[0].fix == "'order-id'"


def test_slips_that_change_the_meaning_are_told_from_those_that_do_not_parse() -> None:
    assert [slip.breaks for slip in slips("a = null")] == [True, False]
