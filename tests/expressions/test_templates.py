import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.expressions import (
    EvaluationError,
    ExpressionSyntaxError,
    Literal,
    Slot,
    Template,
    compile_template,
    split_template,
)
from hub.jsontypes import Json

DATA: dict[str, Json] = {
    "n": 5,
    "f": 12.50,
    "big": 1e22,
    "t": "x",
    "list": [1],
    "object": {"a": "é"},
    "yes": True,
    "none": None,
}
SCOPE: dict[str, Json] = {"event": {"data": DATA}}


def render(value: Json) -> Json:
    return compile_template(value).render(SCOPE)


@pytest.mark.parametrize("name", ["n", "f", "t", "list", "object", "yes", "none", "missing"])
def test_a_value_that_is_one_expression_keeps_its_type(name: str) -> None:
    assert render(f"${{ event.data.{name} }}") == DATA.get(name)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("n=${event.data.n}", "n=5"),
        ("${event.data.f} ", "12.5 "),
        ("${event.data.big}.", "10000000000000000000000."),
        ("<${ event.data.t }${event.data.n}>", "<x5>"),
        ("is ${event.data.yes}", "is true"),
        ("l ${event.data.list}", "l [1]"),
        ("o ${event.data.object}", 'o {"a":"é"}'),
        ("$${ event.data.n }", "${ event.data.n }"),
        ("$${x} ${event.data.n}", "${x} 5"),
        ("$$${x}", "$${x}"),
        ("cost $5 {a} $", "cost $5 {a} $"),
        ("${ event.data.{a: n, b: {c: t}} }", {"a": 5, "b": {"c": "x"}}),
        ("${ '}' }", "}"),
        ("${ '${' }-", "${-"),
        ("${ 'it\\'s }' }", "it's }"),
        ('${ `{"a": "}"}`.a }!', "}!"),
        ('${ event.data."t" }!', "x!"),
        ("${\n  event.data.n\n}", 5),
    ],
)
def test_expressions_inside_text(text: str, result: Json) -> None:
    assert render(text) == result


def test_null_inside_text_is_an_error_that_names_the_expression_and_the_place() -> None:
    with pytest.raises(EvaluationError) as refused:
        render({"to": ["Dear ${ event.data.none }"]})
    assert refused.value.path == ("to", 0)
    assert "In event.data.none (at to[0]): it gives null" in str(refused.value)
    assert "default(event.data.none, '')" in str(refused.value)


def test_a_refusal_in_a_whole_value_names_the_place() -> None:
    with pytest.raises(EvaluationError, match=r"\(at a\.b\): lower\(\), argument 1"):
        render({"a": {"b": "${ lower(event.data.n) }"}})


def test_expressions_are_listed_with_path_and_offset() -> None:
    template = compile_template({"a": ["x ${ event.data.n } ${now}", "static"], "b": "${run.id}"})
    assert [(path, offset, expression.text) for path, offset, expression in template.expressions] == [
        (("a", 0), 5, "event.data.n"),
        (("a", 0), 22, "now"),
        (("b",), 2, "run.id"),
    ]
    assert not template.is_static


def test_a_template_without_expressions_is_static_and_resolves_escapes() -> None:
    template = compile_template({"a": ["$${x}", 1, None], "b": {"c": True}})
    assert template.is_static
    assert template.render({}) == {"a": ["${x}", 1, None], "b": {"c": True}}


def test_escapes_beside_expressions_are_resolved() -> None:
    assert render({"a": "$${x}", "b": "${event.data.n}", "c": ["$${y}"]}) == {"a": "${x}", "b": 5, "c": ["${y}"]}


@pytest.mark.parametrize(
    ("value", "path", "position", "words"),
    [
        ({"a": "x ${ event.data = 'y' }"}, ("a",), 16, "Equality is written =="),
        ({"a": ["${ event.data.n"]}, ("a", 0), 0, "the ${ is never closed"),
        ({"a": "b ${ 'its }"}, ("a",), 5, "A ' is opened and not closed"),
        ("${ }", (), 3, "The expression is empty"),
        ("ok ${event.x == 1000}", (), 16, "`1000`"),
        ({"a": {"${x}": 1}}, ("a",), None, "only values can"),
    ],
)
def test_a_wrong_expression_is_refused_with_path_and_offset_in_the_whole_string(
    value: Json, path: tuple[str | int, ...], position: int | None, words: str
) -> None:
    with pytest.raises(ExpressionSyntaxError) as refused:
        compile_template(value)
    assert refused.value.path == path
    assert refused.value.position == position
    assert words in str(refused.value)


def test_the_parts_of_a_string_can_be_had_without_compiling() -> None:
    assert split_template("a ${ b = } c") == [Literal("a "), Slot("b =", 5), Literal(" c")]


@given(st.text(alphabet="ab ${}'`\"\\", max_size=30))
def test_any_text_either_compiles_or_is_refused(text: str) -> None:
    position = None
    template: Template | None = None
    try:
        template = compile_template(text)
    except ExpressionSyntaxError as error:
        position = error.position
    if template is None:
        assert position is None or 0 <= position <= len(text)
    elif template.is_static:
        assert template.render({}) == text.replace("$${", "${")


@given(st.text(max_size=30))
def test_escaped_text_renders_as_it_was(text: str) -> None:
    assert compile_template(text.replace("${", "$${")).render({}) == text


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(alphabet="abc{}", max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet="ab{}", max_size=3), inner, max_size=3)
        ),
    )
)
def test_plain_values_render_as_they_are(value: Json) -> None:
    assert compile_template(value).render({}) == value


def test_a_rendered_text_cannot_be_larger_than_the_limit() -> None:
    template = compile_template("${a}${a}")
    with pytest.raises(EvaluationError, match="longer than 1024 KiB"):
        template.render({"a": "x" * 600_000})
