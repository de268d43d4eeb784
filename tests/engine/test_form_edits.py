"""The designer's changes of a form's text: only the lines in question change, and the value is exactly what was meant."""

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.engine.form_edits import add_field, move_field, remove_field, set_key, set_value
from hub.errors import ConfigError
from hub.recipes.document import parse_document

TEXT = """\
# Our form
form: 1
name: join
title: Join   # the heading
fields:
  # Who it is.
  - name: name
    type: text    # one line
    required: true

  - {name: size, type: choice, choices: [S, M]}   # of the shirt
  # Where to write.
  - name: email
    type: email
    title:
      en: Mail
      de: E-Mail

# Afterwards
after: {thanks: Thanks}
"""
COMMENTS = ("# Our form", "# the heading", "# Afterwards")


def fields(text):
    return parse_document(text).value["fields"]


def changed(before, after):
    return [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-"]


def test_a_field_is_added_in_a_line_of_its_own():
    done = add_field(TEXT, {"name": "day", "type": "date", "title": "A day: which?"})
    assert changed(TEXT, done) == ['+   - {name: day, type: date, title: "A day: which?"}']
    assert fields(done)[-1] == {"name": "day", "type": "date", "title": "A day: which?"}


@pytest.mark.parametrize(
    "text", ["form: 1\n", "form: 1\nfields: []\n", "form: 1\nfields: []  # none yet\nafter: {}", "form: 1\nfields:\n"]
)
def test_the_first_field_is_added(text):
    assert fields(add_field(text, {"name": "a", "type": "text"})) == [{"name": "a", "type": "text"}]


def test_fields_in_brackets_become_lines():
    done = add_field(
        "form: 1\nfields: [{name: a, type: text}, {name: b, type: date}]\nafter: {}\n", {"name": "c", "type": "text"}
    )
    assert (
        done
        == "form: 1\nfields:\n  - {name: a, type: text}\n  - {name: b, type: date}\n  - {name: c, type: text}\nafter: {}\n"
    )


def test_a_field_goes_with_the_comments_above_it():
    done = remove_field(TEXT, 0)
    assert changed(TEXT, done) == [
        "-   # Who it is.", "-   - name: name", "-     type: text    # one line", "-     required: true", "- ",
    ]  # fmt: skip
    assert fields(remove_field(remove_field(remove_field(TEXT, 0), 0), 0)) == []


def test_a_field_moves_with_its_comments():
    done = move_field(TEXT, 2, 0)
    assert [one["name"] for one in fields(done)] == ["email", "name", "size"]
    assert done.index("# Where to write.") < done.index("name: email") < done.index("# Who it is.")
    assert sorted(done.split()) == sorted(TEXT.split())


@pytest.mark.parametrize(
    ("number", "key", "value", "lines"),
    [
        (0, "type", "lines", ["-     type: text    # one line", "+     type: lines    # one line"]),
        (0, "title", "Your name", ["+     title: Your name"]),
        (0, "required", None, ["-     required: true"]),
        (0, "name", None, ["-   - name: name", "-     type: text    # one line", "+   - type: text    # one line"]),
        (2, "title", "Mail: yours", ['+     title: "Mail: yours"', "-     title:", "-       en: Mail", "-       de: E-Mail"]),
        (2, "title", None, ["-     title:", "-       en: Mail", "-       de: E-Mail"]),
    ],
)  # fmt: skip
def test_a_key_changes_only_its_own_lines(number, key, value, lines):
    assert [one for one in changed(TEXT, set_key(TEXT, number, key, value)) if one[0] != "?"] == lines


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("choices", ["S", "M", "L, XL"], '- {name: size, type: choice, choices: [S, M, "L, XL"]}   # of the shirt'),
        ("required", True, "- {name: size, type: choice, choices: [S, M], required: true}   # of the shirt"),
        ("choices", None, "- {name: size, type: choice}   # of the shirt"),
        ("name", None, "- {type: choice, choices: [S, M]}   # of the shirt"),
    ],
)
def test_a_field_in_brackets_stays_in_them(key, value, line):
    assert f"\n  {line}\n" in set_key(TEXT, 1, key, value)


def test_what_cannot_be_changed_safely_is_left_alone():
    for text in ("fields: &all\n  - &a {name: a, type: text}\n  - *a\n", "form: [", "- a list\n", "fields: text\n"):
        with pytest.raises(ConfigError, match="cannot change it safely"):
            set_key(text, 1, "name", "b")


PAID = """\
form: 1
name: give   # its address
title: Give
fields: []
pay:
  # Who takes the money.
  by: corner
  amount: {EUR: {fixed: "49.00"}}   # the price
after: {thanks: Welcome!}
"""


@pytest.mark.parametrize(
    ("holder", "key", "value", "lines"),
    [
        (("pay",), "coupons", True, ["+   coupons: true"]),
        (("pay", "amount", "EUR"), "fixed", "59.00", [
            '-   amount: {EUR: {fixed: "49.00"}}   # the price', '+   amount: {EUR: {fixed: "59.00"}}   # the price',
        ]),
        ((), "title", "Give now", ["- title: Give", "+ title: Give now"]),
        ((), "submit", "Give", ["+ submit: Give"]),
        (("after",), "thanks", None, ["- after: {thanks: Welcome!}"]),
        (("other", "part"), "key", "x", ["+ other: {part: {key: x}}"]),
        (("other",), "key", None, []),
    ],
)  # fmt: skip
def test_a_part_beside_the_fields_changes_only_its_own_lines(holder, key, value, lines):
    assert [one for one in changed(PAID, set_value(PAID, holder, key, value)) if one[0] != "?"] == lines


def test_a_part_that_is_taken_away_leaves_the_rest():
    text = set_value(PAID, ("pay",), "coupons", True)
    assert set_value(text, ("pay",), "coupons", None) == PAID


NAMES = st.from_regex(r"[a-z]{1,6}", fullmatch=True)
VALUES = st.one_of(
    st.text(max_size=30).filter(lambda one: one.isprintable() and one),
    st.lists(NAMES, min_size=1, max_size=3),
    st.booleans(),
)
EDITS = st.one_of(
    st.tuples(st.just("add"), NAMES, VALUES),
    st.tuples(st.just("remove"), st.integers(0, 2), st.none()),
    st.tuples(st.just("move"), st.integers(0, 2), st.integers(0, 2)),
    st.tuples(
        st.just("set"), st.integers(0, 2), st.tuples(st.sampled_from(["title", "hint", "type"]), VALUES | st.none())
    ),
)


@given(st.lists(EDITS, max_size=6))
def test_any_edits_leave_a_form_that_says_what_was_meant_and_its_comments(edits):
    text, wanted = TEXT, [dict(one) for one in fields(TEXT)]
    for what, one, other in edits:
        if what == "add":
            text = add_field(text, {"name": one, "title": other})
            wanted.append({"name": one, "title": other})
        elif one >= len(wanted) or (what == "move" and other >= len(wanted)):
            continue
        elif what == "remove":
            text = remove_field(text, one)
            wanted.pop(one)
        elif what == "move":
            text = move_field(text, one, other)
            wanted.insert(other, wanted.pop(one))
        else:
            text = set_key(text, one, *other)
            wanted[one] = {**wanted[one], other[0]: other[1]} if other[1] is not None else {
                key: value for key, value in wanted[one].items() if key != other[0]
            }  # fmt: skip
        assert fields(text) == wanted
    assert all(comment in text for comment in COMMENTS)
