"""The designer's changes of a form's text: only the lines in question change, and the value is exactly what was meant."""

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.engine.form_edits import (
    add_field,
    add_item,
    add_part,
    move_field,
    move_item,
    remove_field,
    remove_item,
    set_key,
    set_value,
)
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


OFFERS = """\
form: 1
name: club
fields:   # what is asked
  # Who it is.
  - {name: name, type: text, title: Your name}
pay:
  by: sandbox   # for now
  # Two ways to pay.
  offers:
    # Once and for all.
    - name: once
      title: Once
      amount: {EUR: {fixed: "49.00"}}   # the fee

    # Every month.
    - {name: monthly, title: Monthly, every: month}
    - {name: yearly, title: Yearly, every: year}   # the best
  purpose: The club
after: {thanks: Welcome!}
"""
PATH = ("pay", "offers")
ONCE = [
    "    # Once and for all.",
    "    - name: once",
    "      title: Once",
    '      amount: {EUR: {fixed: "49.00"}}   # the fee',
]
MONTHLY = ["    # Every month.", "    - {name: monthly, title: Monthly, every: month}"]
YEARLY = ["    - {name: yearly, title: Yearly, every: year}   # the best"]
NEW = {"name": "trial", "title": "Try it"}


def offers(text):
    return [one["name"] for one in parse_document(text).value["pay"]["offers"]]


def lines_of_offers(text):
    """The lines between the list's key and the key that follows it, without empty ones."""
    lines = [line for line in text.splitlines() if line]
    return lines[lines.index("  offers:") + 1 : lines.index("  purpose: The club")]


def test_an_item_is_added_at_the_end_of_a_list_further_in():
    assert changed(OFFERS, add_item(OFFERS, PATH, NEW)) == ["+     - {name: trial, title: Try it}"]


@pytest.mark.parametrize(
    ("text", "path", "added"),
    [
        (PAID, PATH, ["+   offers:", "+     - {name: trial, title: Try it}"]),
        (PAID, ("embed",), ["+ embed:", "+   - {name: trial, title: Try it}"]),
        ("form: 1\npay: {by: corner}  # ours\n", PATH, [
            "- pay: {by: corner}  # ours", "+ pay: {by: corner, offers: [{name: trial, title: Try it}]}  # ours",
        ]),
        ("form: 1\npay:\n  offers: [{name: a}]   # one\n  by: corner\n", PATH, [
            "-   offers: [{name: a}]   # one", "+   offers:   # one", "+     - {name: a}", "+     - {name: trial, title: Try it}",
        ]),
    ],
    ids=["no list", "no list of the form's own", "around it brackets", "in brackets"],
)  # fmt: skip
def test_the_first_item_makes_its_list_where_there_is_none(text, path, added):
    assert [one for one in changed(text, add_item(text, path, NEW)) if one[0] != "?"] == added


@pytest.mark.parametrize(
    ("number", "left"),
    [(0, MONTHLY + YEARLY), (1, ONCE + YEARLY), (2, ONCE + MONTHLY)],
    ids=["first", "middle", "last"],
)
def test_an_item_goes_with_its_comments_and_no_other_line_changes(number, left):
    done = remove_item(OFFERS, PATH, number)
    assert lines_of_offers(done) == left
    assert {one[2:] for one in changed(OFFERS, done)} <= {*ONCE, *MONTHLY, *YEARLY, ""}


def test_the_last_item_further_in_takes_its_list_along():
    text = OFFERS
    for _ in range(3):
        text = remove_item(text, PATH, 0)
    assert list(parse_document(text).value["pay"]) == ["by", "purpose"]
    assert "by: sandbox   # for now" in text


def test_the_last_item_of_the_forms_own_list_leaves_it_empty_with_its_comment():
    done = remove_item(OFFERS, ("fields",), 0)
    assert "\nfields: []   # what is asked\npay:\n" in done
    assert fields(done) == []
    assert "fields:   # what is asked\n  - {name: trial, title: Try it}\npay:" in add_item(done, ("fields",), NEW)


@pytest.mark.parametrize(
    ("number", "to", "order"),
    [
        (0, 1, MONTHLY + ONCE + YEARLY),
        (0, 2, MONTHLY + YEARLY + ONCE),
        (1, 0, MONTHLY + ONCE + YEARLY),
        (1, 2, ONCE + YEARLY + MONTHLY),
        (2, 0, YEARLY + ONCE + MONTHLY),
        (2, 1, ONCE + YEARLY + MONTHLY),
        (1, 1, ONCE + MONTHLY + YEARLY),
    ],
)
def test_an_item_moves_with_its_comments_and_what_is_around_stays(number, to, order):
    done = move_item(OFFERS, PATH, number, to)
    assert lines_of_offers(done) == order
    assert sorted(done.splitlines()) == sorted(OFFERS.splitlines())
    assert done.partition("  offers:")[0] == OFFERS.partition("  offers:")[0]
    assert done.partition("  purpose:")[2] == OFFERS.partition("  purpose:")[2]


def test_items_in_brackets_within_brackets_stay_in_them():
    text = "form: 1\npay: {by: corner, offers: [{name: a}, {name: b}], purpose: x}   # ours\n"
    assert move_item(text, PATH, 1, 0) == text.replace("{name: a}, {name: b}", "{name: b}, {name: a}")
    assert remove_item(text, PATH, 0) == text.replace("{name: a}, ", "")
    assert offers(add_item(text, PATH, NEW)) == ["a", "b", "trial"]


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: remove_item(text, PATH, 3),
        lambda text: remove_item(text, ("nothing",), 0),
        lambda text: remove_item(text, ("pay", "nothing"), 0),
        lambda text: remove_item(text, ("name",), 0),
        lambda text: move_item(text, PATH, 3, 0),
        lambda text: move_item(text, ("nothing",), 0, 1),
        lambda text: add_item(text, ("name",), NEW),
        lambda text: add_item(text, ("nothing", 0, "offers"), NEW),
        lambda text: add_part(text, "pay", NEW),
    ],
)
def test_an_item_that_is_not_there_changes_nothing(edit):
    with pytest.raises(ConfigError, match="cannot change it safely"):
        edit(OFFERS)


@pytest.mark.parametrize("end", ["", "\n", "\n# Afterwards\n"], ids=["no break", "a break", "a comment"])
def test_a_part_is_added_in_lines_of_its_own_at_the_end(end):
    part = {"by": "corner", "amount": {"EUR": {"fixed": "49.00"}}}
    text = f"form: 1\nname: club  # its address{end}"
    done = add_part(text, "pay", part)
    assert done.startswith(text)
    assert done.endswith('\npay:\n  by: corner\n  amount: {EUR: {fixed: "49.00"}}\n')
    assert list(parse_document(done).value.items()) == [("form", 1), ("name", "club"), ("pay", part)]


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
