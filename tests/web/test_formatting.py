from datetime import UTC, datetime, timedelta

import pytest

from hub.web import formatting
from hub.web.fields import read_field

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def reader(app):
    """Enters a request of a reader with this language and time zone."""
    contexts = []

    def enter(language="en", zone="Europe/Berlin"):
        context = app.test_request_context("/", headers={"Accept-Language": language, "Cookie": f"hub_zone={zone}"})
        context.push()
        contexts.append(context)

    yield enter
    for context in reversed(contexts):
        context.pop()


def test_times_are_in_the_readers_zone(reader):
    reader("de")
    assert "13:00:00" in formatting.full_time(AT)
    assert formatting.clock(AT) == "13:00:00"


def test_a_zone_that_is_none_is_utc(reader):
    reader("en", "../../etc/passwd")
    assert formatting.reader_zone().key == "UTC"


@pytest.mark.parametrize("language", ["", "*", "xx-yy-zz", "de-DE;q=0.8, en", "\x00", "zh-Hant-TW"])
def test_any_language_header_gives_a_locale(app, language):
    with app.test_request_context("/", headers={"Accept-Language": language.replace("\x00", "?")}):
        assert formatting.number(1234.5)


@pytest.mark.parametrize(
    ("distance", "said"),
    [
        (timedelta(), ">now<"),
        (timedelta(minutes=-5), "5 minutes ago"),
        (timedelta(hours=3), "in 3 hours"),
        (timedelta(days=-3), "20 Nov 2026"),
    ],
)
def test_how_long_ago_is_said_within_a_day(reader, distance, said):
    reader("en-GB")
    assert said in formatting.when(AT + distance)


def test_never_is_said_in_words(reader):
    reader()
    assert "never" in formatting.when(None)
    assert "not yet" in formatting.when(None, "not yet")


def test_numbers_and_money_are_written_as_the_reader_writes_them(reader):
    reader("de")
    assert formatting.number(1234567) == "1.234.567"
    assert formatting.money({"minor": 123456, "currency": "EUR"}) == "1.234,56\xa0€"
    assert formatting.money({"minor": 500, "currency": "JPY"}) == "500\xa0¥"
    assert formatting.money({"minor": 1}) == formatting.money("nonsense") == ""


@pytest.mark.parametrize(("seconds", "said"), [(0.004, "4 ms"), (2.25, "2.2 s"), (75, "1 minute"), (7200, "2 hours")])
def test_lengths_of_time_are_short(reader, seconds, said):
    reader("en")
    assert formatting.duration(AT, AT + timedelta(seconds=seconds)) == said


def test_json_is_marked_and_escaped():
    marked = formatting.json_markup({"a": ["<b>", 1, None], "empty": {}, "none": []})
    assert "<b>" not in marked
    assert marked.striptags().replace(" ", "") == '{"a":["&lt;b&gt;",1,null],"empty":{},"none":[]}'.replace(
        "&lt;", "<"
    ).replace("&gt;", ">")


def test_a_huge_value_is_cut(reader):
    reader()
    assert len(formatting.json_markup(["x" * 100] * 5000)) < 300_000


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "string"}, " a ", "a"),
        ({"type": "string"}, "", None),
        ({"type": "integer"}, "12", 12),
        ({"type": "number"}, "12.5", 12.5),
        ({"type": "number"}, "12", 12),
        ({"type": "boolean"}, "true", True),
        ({"type": "boolean"}, "on", True),
        ({"type": "boolean"}, "false", False),
        ({"type": "boolean"}, "", None),
        ({"enum": [1, "two"]}, "1", 1),
        ({"enum": [1, "two"]}, "two", "two"),
        ({"type": "array", "items": {"type": "string"}}, "a\n b \n\n", ["a", "b"]),
        ({"type": "array", "items": {"type": "integer"}}, "[1]", [1]),
        ({"type": "object"}, '{"a": 1}', {"a": 1}),
    ],
)
def test_fields_give_what_their_schema_wants(schema, text, value):
    wrong = {}
    assert read_field(schema, text, "field", wrong) == value
    assert wrong == {}


@pytest.mark.parametrize(
    ("schema", "text", "said"),
    [
        ({"type": "integer"}, "1.5", "not a whole number"),
        ({"type": "integer"}, "१२", "not a whole number"),
        ({"type": "integer"}, "9" * 30, "not a whole number"),
        ({"type": "integer", "minimum": 1}, "0", "At least 1"),
        ({"type": "number"}, "a", "a number like 12.5"),
        ({"type": "number"}, "NaN", "a number like 12.5"),
        ({"type": "number"}, "1e3", "a number like 12.5"),
        ({"type": "object"}, "{", "not JSON"),
        ({"enum": [1, "two"], "description": "One of two."}, "other", "One of two."),
        ({"type": "string", "maxLength": 3}, "four", "At most 3 characters"),
    ],
)
def test_what_a_field_cannot_take_is_said_at_it(schema, text, said):
    wrong = {}
    assert read_field(schema, text, "port", wrong) is None
    assert said in wrong["port"]
