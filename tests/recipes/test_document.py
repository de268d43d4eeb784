import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.recipes.document import parse_document
from hub.recipes.findings import FindingsError, Span


def refused(text):
    with pytest.raises(FindingsError) as error:
        parse_document(text, "f.yaml")
    return error.value.findings[-1]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("No", "No"),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-7", -7),
        ("012", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2026-11-23", "2026-11-23"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1.", 1.0),
        ("'12'", "12"),
        ('"true"', "true"),
        ("1.2.3", "1.2.3"),
        ("+", "+"),
        ("0x", "0x"),
    ],
)
def test_values_mean_what_yaml_1_2_says(written, value):
    found = parse_document(f"a: {written}\n").value["a"]
    assert found == value
    assert type(found) is type(value)


def test_on_is_a_key():
    assert parse_document("on: {event: x.y}\n").value == {"on": {"event": "x.y"}}


def test_every_key_and_value_has_its_place():
    document = parse_document("a:\n  - b: 'x'\n    c: 12\n", "f")
    assert document.key_span(("a", 0, "c")) == Span(3, 5, 3, 6)
    assert document.value_span(("a", 0, "c")) == Span(3, 8, 3, 10)
    assert document.value_span(("a", 0, "b")) == Span(2, 8, 2, 11)
    assert document.value_span(("a", 0)) == Span(2, 5, 2, 11)
    assert document.value_span(("a", 0, "d")) == document.value_span(("a", 0))


@pytest.mark.parametrize(
    ("written", "offset", "column"),
    [
        ("a: one two", 4, 8),
        ("a: 'it''s two'", 5, 11),
        ('a: "x\\ty\\u00e9z"', 4, 15),
        ("a: |\n  one two", 4, 7),
    ],
)
def test_characters_inside_of_texts_have_their_places(written, offset, column):
    document = parse_document(f"{written}\n")
    place = document.place(("a",))
    span = place.span_of(offset, 1)
    assert span.column == column
    assert document.lines[span.line - 1][column - 1] == place.text[offset]


def test_a_doubled_key_is_said_and_the_first_one_counts():
    document = parse_document("a: 1\nb: 2\na: {c: 3}\n")
    assert document.value == {"a": 1, "b": 2}
    assert [(one.code, one.line) for one in document.findings] == [("doubled_key", 3)]


def test_aliases_stand_for_their_values():
    assert parse_document("a: &x {b: 1}\nc: *x\nd: [*x, *x]\n").value["d"] == [{"b": 1}, {"b": 1}]


def test_a_hundred_aliases_are_enough():
    text = "a: &x 1\nb:\n" + "  - *x\n" * 100
    assert len(parse_document(text).value["b"]) == 100
    assert refused(text + "  - *x\n").code == "too_many_aliases"


def test_aliases_cannot_explode():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert refused("\n".join(lines)).code == "too_large"


def test_a_long_text_cannot_be_repeated_without_end():
    assert refused(f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 50)}]\n").code == "too_large"


def test_aliases_cannot_nest_without_end():
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 80)]
    assert refused("\n".join(lines)).code == "too_deep"


def test_an_alias_inside_its_own_anchor_is_unknown():
    assert refused("a: &x [*x]\n").code == "unknown_alias"


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 70, "- " * 70 + "x", "a: " + "[" * 70])
def test_depth_has_its_bound(text):
    assert refused(text).code == "too_deep"


def test_size_has_its_bound():
    assert refused("a: " + "x" * 256 * 1024).code == "too_large"
    assert refused("a: " + "é" * 130 * 1024).code == "too_large"


@pytest.mark.parametrize("text", ["!!python/object:os.system {}", "a: !!str 1", "!x [a]", "a: !<tag:x> b"])
def test_tags_are_refused(text):
    assert refused(text).code == "tag"


@pytest.mark.parametrize("text", ["a: \x01", "a: \x00", "a: \ud800", "\ufeff\ufeffa: 1\x7f"])
def test_characters_that_cannot_be_seen_are_refused(text):
    assert refused(text).code == "invisible_character"


def test_a_byte_order_mark_does_no_harm():
    assert parse_document("\ufeffa: 1\n").value == {"a": 1}


yaml_signs = st.text(alphabet="ab:-[]{}'\"&*!|>#%@`,? \n\t$12.", max_size=120)


@given(st.one_of(st.text(max_size=300), yaml_signs))
def test_any_text_is_read_or_refused_with_a_place(text):
    try:
        refused, findings = False, parse_document(text).findings
    except FindingsError as error:
        refused, findings = True, error.findings
    assert findings or not refused
    assert all(finding.line >= 1 and finding.column >= 1 and finding.message for finding in findings)
