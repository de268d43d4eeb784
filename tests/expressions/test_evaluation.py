import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jmespath.exceptions import JMESPathError

from hub.expressions import EvaluationError, ExpressionSyntaxError, compile_expression, is_true
from hub.jsontypes import Json

names = st.sampled_from(["a", "b", "c", "data"])
scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b"]) | st.sampled_from([0.5, 2.0])
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=12
)
scopes = st.dictionaries(names, values, min_size=1, max_size=4)


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(inner, inner)
    return st.one_of(
        st.builds("{}.{}".format, inner, names),
        inner.map("{}[*]".format),
        inner.map("{}[]".format),
        inner.map("{}.*".format),
        inner.map("{}[0]".format),
        inner.map("{}[1:]".format),
        inner.map("({})".format),
        inner.map("!({})".format),
        inner.map("[{}]".format),
        inner.map("{{k: {}}}".format),
        pair.map(lambda two: f"{two[0]}[?{two[1]}]"),
        pair.map(lambda two: f"{two[0]} | {two[1]}"),
        pair.map(lambda two: f"{two[0]} || {two[1]}"),
        pair.map(lambda two: f"{two[0]} && {two[1]}"),
        st.tuples(inner, st.sampled_from(["==", "!=", "<", ">="]), inner).map(" ".join),
        st.tuples(
            st.sampled_from(["length", "keys", "sort", "sum", "type", "to_array", "to_string", "max"]), inner
        ).map(lambda two: f"{two[0]}({two[1]})"),
        pair.map(lambda two: f"sort_by({two[0]}, &{two[1]})"),
        pair.map(lambda two: f"map(&{two[1]}, {two[0]})"),
    )


expressions = st.recursive(names | st.sampled_from(["@", "`1`", "'a'", "`null`"]), _grown, max_leaves=6)


@given(st.lists(names, min_size=1, max_size=5).map(".".join), scopes)
def test_the_fast_way_for_plain_paths_gives_what_jmespath_gives(path: str, value: dict[str, Json]) -> None:
    expression = compile_expression(path)
    assert expression.path is not None
    assert expression.evaluate(value) == jmespath.search(path, value)


@given(expressions, scopes)
def test_jmespath_s_own_language_is_evaluated_exactly_as_the_package_does(text: str, scope: dict[str, Json]) -> None:
    refusal = None
    ours: Json = None
    try:
        ours = compile_expression(text).evaluate(scope)
    except (EvaluationError, ExpressionSyntaxError) as error:
        refusal = error
    if refusal is None:
        theirs = jmespath.search(text, scope)
        assert ours == theirs
        assert repr(ours) == repr(theirs)
    else:
        with pytest.raises((JMESPathError, TypeError)):
            jmespath.search(text, scope)


@given(st.text(alphabet="ab.[]*?&|!=<>(){},:@`'\"1 -", max_size=25))
def test_any_text_is_compiled_or_refused_with_a_place_inside_it(text: str) -> None:
    position: int | None = 0
    try:
        compile_expression(text)
    except ExpressionSyntaxError as error:
        position = error.position
    assert position is None or 0 <= position <= len(text)


@pytest.mark.parametrize("text", ['event."order-id"', "event . data", "a.b.c.d.e", "now"])
def test_plain_paths_take_the_fast_way_however_they_are_written(text: str) -> None:
    assert compile_expression(text).path is not None


def test_the_same_text_is_compiled_once() -> None:
    assert compile_expression("event.data.payment") is compile_expression("event.data.payment")


def test_every_name_and_literal_in_the_tree_knows_its_offset() -> None:
    text = "a.b[?c == 'x'].{k: lower(d)} | [0]"
    found = []
    waiting = [compile_expression(text).ast]
    while waiting:
        node = waiting.pop()
        waiting.extend(node["children"])
        if "start" in node:
            found.append(text[node["start"] : node["start"] + node["length"]])
    assert sorted(found) == sorted(["a", "b", "c", "'x'", "k", "lower", "d"])


@pytest.mark.parametrize(
    ("text", "position", "fix", "words"),
    [
        ("event.data.x = '5'", 13, "==", "Equality is written =="),
        ("a == 1000", 5, "`1000`", "backticks"),
        ("a and b", 2, "&&", "written &&"),
        ("not a", 0, "!", "written !"),
        ("`text`", 0, "'text'", "text stands in single quotes"),
        ("`NaN`", 0, None, "`NaN` is not JSON"),
        ("a.b[", 4, None, "ends too early"),
        ("a ]", 2, None, "] is not expected here"),
        ("lower('a", 6, None, "A ' is opened and not closed"),
        ("", 0, None, "The expression is empty"),
        ("  ", 0, None, "The expression is empty"),
        ("a # b", 2, None, "# is not expected here"),
        ('"a"(b)', 0, None, "not expected here"),
    ],
)
def test_what_does_not_parse_is_refused_with_place_and_right_form(
    text: str, position: int, fix: str | None, words: str
) -> None:
    with pytest.raises(ExpressionSyntaxError) as refused:
        compile_expression(text)
    assert (refused.value.position, refused.value.fix) == (position, fix)
    assert words in str(refused.value)


def test_an_expression_that_is_no_text_is_refused() -> None:
    with pytest.raises(ExpressionSyntaxError, match="An expression is text, not the number 5"):
        compile_expression(5)


@pytest.mark.parametrize(
    "text",
    ["(" * 1000 + "a" + ")" * 1000, "!" * 2000 + "a", "[*]" * 1300, "a" + "||a" * 200, "[" * 100 + "a" + "]" * 100],
)
def test_deep_nesting_is_refused(text: str) -> None:
    with pytest.raises(ExpressionSyntaxError, match="nested more than 64 levels"):
        compile_expression(text)


def test_an_expression_longer_than_4_kib_is_refused() -> None:
    compile_expression("a" * 4096)
    with pytest.raises(ExpressionSyntaxError, match="4096 bytes"):
        compile_expression("a" * 4097)
    with pytest.raises(ExpressionSyntaxError, match="4096 bytes"):
        compile_expression("'" + "é" * 2048 + "'")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[@,@][]" + "|[@,@][]" * 40, "16 MiB|larger than"),
        ("[@,@]" + "|[@,@]" * 60, "larger than|MiB"),
        ("[@,@]" + "|[@,@]" * 60 + "|to_string(@)", "larger than|MiB"),
        ("[@,@] | " * 60 + "[0] == [1]", "larger than|MiB"),
        ("join('', [a,a])" + "|join('', [@,@])" * 40, "larger than|MiB"),
        ("[a,a,a,a,a,a,a,a,a,a,a]", "larger than 1024 KiB"),
    ],
)
def test_what_would_explode_is_refused(text: str, words: str) -> None:
    with pytest.raises(EvaluationError, match=words):
        compile_expression(text).evaluate({"a": "x" * 100_000})


def test_an_evaluation_that_never_seems_to_end_is_stopped() -> None:
    scope: dict[str, Json] = {"rows": [[[0] * 100] * 100] * 200}
    with pytest.raises(EvaluationError, match="more than 1,000,000 steps"):
        compile_expression("rows[*][*][*].[a]").evaluate(scope)


@pytest.mark.parametrize("text", ["&a", "[&a]", "{k: &a}", "&a || b"])
def test_a_reference_is_never_a_result(text: str) -> None:
    with pytest.raises(EvaluationError, match="a reference"):
        compile_expression(text).evaluate({})


def test_a_number_beyond_json_is_never_a_result() -> None:
    with pytest.raises(EvaluationError, match="too large or is not a number"):
        compile_expression("to_number('nan')").evaluate({})


def test_ordering_text_against_a_number_is_refused() -> None:
    with pytest.raises(EvaluationError, match="text and a number cannot be ordered"):
        compile_expression("a < `1`").evaluate({"a": "x"})


@pytest.mark.parametrize("value", [None, False, "", [], {}])
def test_these_values_are_false(value: Json) -> None:
    assert not is_true(value)


@pytest.mark.parametrize("value", [True, 0, 0.0, 1, "false", " ", [None], {"a": None}])
def test_all_other_values_are_true_zero_too(value: Json) -> None:
    assert is_true(value)


@given(values)
def test_truth_is_jmespath_s(value: Json) -> None:
    assert is_true(value) == (jmespath.search("[?@] | length(@)", [value]) == 1)
