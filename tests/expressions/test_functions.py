import jmespath.functions
import pytest

from hub.expressions import FUNCTIONS, EvaluationError, compile_expression
from hub.jsontypes import Json, JsonObject

DOLLARS: dict[str, Json] = {"minor": 10000, "currency": "USD"}
SCOPE: JsonObject = {
    "amount": DOLLARS,
    "euros": {"minor": 5, "currency": "EUR"},
    "amounts": [DOLLARS, DOLLARS],
    "now": "2026-11-23T09:00:00Z",
    "text": "a-b-c",
    "nothing": None,
}


def give(expression: str, scope: JsonObject = SCOPE) -> Json:
    return compile_expression(expression).evaluate(scope)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_does_what_its_example_says(name: str) -> None:
    example = FUNCTIONS[name].example
    assert f"{name}(" in example.expression
    result = compile_expression(example.expression).evaluate(example.scope)
    assert result == example.result
    assert type(result) is type(example.result)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_a_sentence(name: str) -> None:
    doc = FUNCTIONS[name].doc
    assert doc.endswith(".")
    assert doc[0].isupper()
    assert "\n" not in doc


def test_all_of_jmespath_s_own_functions_are_described() -> None:
    own = {name for name, function in FUNCTIONS.items() if function.group == "jmespath"}
    assert own == jmespath.functions.Functions.FUNCTION_TABLE.keys()


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("money('-1.50', 'USD')", {"minor": -150, "currency": "USD"}),
        ("money('100', 'JPY')", {"minor": 100, "currency": "JPY"}),
        ("add(amounts, amount)", {"minor": 30000, "currency": "USD"}),
        ("sub(amount, amount, amount)", {"minor": -10000, "currency": "USD"}),
        ("percent(amount, '12.345')", {"minor": 1235, "currency": "USD"}),
        ("share(amount, amounts)", [{"minor": 5000, "currency": "USD"}] * 2),
        ("share(amount, `[0.5, 0, 1.5]`)[].minor", [2500, 0, 7500]),
        ("format_money(amount, 'de')", "100,00\xa0$"),
        ("plus(`1`, `2`, `3`)", 6),
        ("plus(`12345678901234567890`, `1`)", 12345678901234567891),
        ("minus(`0.3`, `0.1`)", 0.2),
        ("minus(`2.5`, `0.5`)", 2),
        ("times(`19.99`, `100`)", 1999),
        ("divide(`9`, `3`)", 3),
        ("divide(`1`, `3`)", 0.3333333333333333),
        ("round(`2.5`)", 3),
        ("round(`-2.5`)", -3),
        ("round(`1.005`, `2`)", 1.01),
        ("trim('--x--', '-')", "x"),
        ("split('a', ',')", ["a"]),
        ("split(text, '-', `1`)", ["a-b-c"]),
        ("matches(text, 'b')", True),
        ("matches(text, '^b')", False),
        ("slug('  Straße № 5 ')", "strasse-no-5"),
        ("mask('abc')", "**c"),
        ("mask('', `2`)", ""),
        ("mask('secret', `0`)", "******"),
        ("parse_time('2026-03-29T01:30:00.250+01:00')", "2026-03-29T00:30:00.25Z"),
        ("parse_time(`0`)", "1970-01-01T00:00:00Z"),
        ("parse_time('2026-07-01', 'Europe/Berlin')", "2026-06-30T22:00:00Z"),
        ("add_time(now, '-1w')", "2026-11-16T09:00:00Z"),
        ("add_time('2024-02-28T23:00:00-02:00', '1d1h')", "2024-03-01T02:00:00Z"),
        ("before(now, now)", False),
        ("format_time(now, 'yyyy-MM-dd')", "2026-11-23"),
        ("default(nothing, `0`)", 0),
        ("default('', 'x')", ""),
        ("lookup({a: 'x'}, 'b', `null`)", None),
        ('unique(`[1, true, 1.0, {"a": 1}, {"a": 1}]`)', [1, True, 1.0, {"a": 1}]),
        ('group_by(`[{"k": 1}, {"k": 1}]`, &k)', {"1": [{"k": 1}, {"k": 1}]}),
        ("zip(`[1]`, `[2]`, `[3]`)", [[1, 2, 3]]),
        ("hash('')", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("hash(`[]`) == hash('[]')", True),
    ],
)
def test_what_functions_give(expression: str, result: Json) -> None:
    given = give(expression)
    assert given == result
    assert type(given) is type(result)


@pytest.mark.parametrize(
    ("expression", "function", "argument", "words"),
    [
        ("percent(`100`, `5`)", "percent", 1, "must be money, not the number 100. A number is never money"),
        ("percent(nothing, `5`)", "percent", 1, "It is missing here: check the path"),
        ("percent({minor: '5', currency: 'USD'}, `5`)", "percent", 1, "Money is {minor: whole number"),
        ("percent(amount, '5 %')", "percent", 2, "must be a plain number such as '12.5'"),
        ("percent(amount)", "percent", None, "percent() takes 2 arguments, not 1"),
        ("round()", "round", None, "round() takes 1 to 2 arguments, not 0"),
        ("plus()", "plus", None, "plus() takes at least 1 argument, not 0"),
        ("add(amount, euros)", "add", None, "Amounts in USD and EUR cannot be put together"),
        ("add(`[]`)", "add", 1, "must hold at least one amount"),
        ("sub(amount, euros)", "sub", None, "USD and EUR"),
        ("share(amount, `[]`)", "share", None, "Nothing can be divided"),
        ("share(amount, `[0]`)", "share", None, "Nothing can be divided"),
        ("share(amount, [amount, euros])", "share", None, "USD and EUR"),
        ("money('1.005', 'USD')", "money", None, "USD has 2 decimals"),
        ("money(`10`, 'USD')", "money", 1, "must be text, not the number 10. Turn it into text with to_string(…)."),
        ("format_money(amount, 'xx')", "format_money", None, "is not a locale"),
        ("plus('1', `2`)", "plus", 1, "Turn it into a number with to_number(…)."),
        ("plus(amount, `2`)", "plus", 1, "For money there are add, sub, percent and share."),
        ("plus(`true`, `2`)", "plus", 1, "must be a number, not true"),
        ("divide(`1`, `0`)", "divide", 2, "must not be zero"),
        ("times(`1e30`, `1e30`)", "times", None, "more than 40 digits"),
        ("round(`1`, `99`)", "round", 2, "must be 0 to 20"),
        ("replace(text, '', 'x')", "replace", 2, "must not be empty"),
        ("split(text, '')", "split", 2, "must not be empty"),
        ("split(text, '-', `0`)", "split", 3, "must be 1 or more"),
        ("matches(text, '(')", "matches", 2, "must be a regular expression (RE2)"),
        ("matches(text, '(?=a)')", "matches", 2, "Look-ahead"),
        ("lower(amount)", "lower", 1, "must be text, not an object {minor, currency}"),
        ("mask(text, `-1`)", "mask", 2, "must be 0 or more"),
        ("parse_time('yesterday')", "parse_time", 1, "must be a time, not 'yesterday'"),
        ("parse_time('2026-02-30')", "parse_time", 1, "must be a time that exists"),
        ("parse_time('2026-02-01', 'Berlin')", "parse_time", 2, "must be a time zone"),
        ("parse_time('2026-02-01', '../x')", "parse_time", 2, "must be a time zone"),
        ("parse_time(`99999999999999999999`)", "parse_time", 1, "must be a time that exists"),
        ("add_time('2026-11-23', '3d')", "add_time", 1, "parse_time(…) reads other forms"),
        ("add_time(now, '3 days')", "add_time", 2, "must be a duration"),
        ("add_time('9999-12-31T00:00:00Z', '1w')", "add_time", None, "beyond the years"),
        ("before(now, nothing)", "before", 2, "must be text, not null"),
        ("format_time(now, '')", "format_time", 2, "must be short, medium"),
        ("format_time(now, 'medium', 'UTC', 'xx')", "format_time", 4, "must be a locale"),
        ("lookup({a: 'x'}, 'b')", "lookup", 2, "must be one of the table's names, not text 'b'"),
        ("group_by(`[{}]`, &k)", "group_by", 2, "gives null for item 0"),
        ("group_by(`[{}]`, 'k')", "group_by", 2, "must be an expression (&…), not text 'k'"),
        ("zip(`[1]`, `[]`)", "zip", None, "equally long, but have 1, 0 items"),
        ("from_json('{')", "from_json", 1, "must be JSON"),
        ("hash('a', 'crc32')", "hash", 2, "must be one of sha256"),
        ("hash(`18446744073709551616`)", "hash", 1, "at most 64 bits"),
        ("to_string(&a)", "to_string", 1, "must be a value, not an expression (&…)"),
        ("contains('a', `1`)", "contains", None, "cannot be done with text 'a', the number 1"),
        ('sort(`[1, "a"]`)', "sort", 1, "must be a list of numbers or a list of texts"),
        ('sort_by(`[{"a": 1}, {}]`, &a)', "sort_by", None, "null"),
        ("nope(amount)", "nope", None, "there is no function nope()"),
        ("formatmoney(amount)", "formatmoney", None, "Is format_money meant?"),
    ],
)
def test_a_refusal_names_expression_function_argument_and_remedy(
    expression: str, function: str, argument: int | None, words: str
) -> None:
    with pytest.raises(EvaluationError) as refused:
        give(expression)
    assert refused.value.expression == expression
    assert (refused.value.function, refused.value.argument) == (function, argument)
    assert words in str(refused.value)
    assert str(refused.value).startswith(f"In {expression}: ")


def test_values_in_messages_are_shortened() -> None:
    with pytest.raises(EvaluationError) as refused:
        give("plus(long)", {"long": "x" * 100_000})
    assert len(str(refused.value)) < 300


def test_replace_cannot_make_a_text_explode() -> None:
    with pytest.raises(EvaluationError, match="longer than 1024 KiB"):
        give("replace(text, 'a', text)", {"text": "a" * 10_000})


def test_split_cannot_make_a_list_explode() -> None:
    with pytest.raises(EvaluationError, match="would be cut into 200001 parts"):
        give("split(text, ',')", {"text": "," * 200_000})


def test_a_pattern_that_makes_other_engines_hang_is_answered_at_once() -> None:
    assert give("matches(text, '^(a+)+$')", {"text": "a" * 50_000 + "b"}) is False


def test_a_very_long_pattern_is_refused() -> None:
    with pytest.raises(EvaluationError, match="at most 1024 characters"):
        give("matches(text, pattern)", {"text": "a", "pattern": "a" * 2000})


def test_json_text_that_nests_too_deep_is_refused() -> None:
    with pytest.raises(EvaluationError, match="64 levels deep"):
        give("from_json(text)", {"text": "[" * 100 + "]" * 100})
