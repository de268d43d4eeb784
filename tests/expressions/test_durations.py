from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import ExpressionError
from hub.expressions.durations import LONGEST, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10),
        ("5m", 300),
        ("2h", 7200),
        ("3d", 259_200),
        ("1w", 604_800),
        ("1h30m", 5400),
        ("72h", 259_200),
        ("0s", 0),
    ],
)
def test_durations_are_read(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "5 m", "m", "-5m", "1.5h", "30m1h", "1h1h", "5M", "٣d", "1y", "99999999999999s", 5, None]
)
def test_what_is_no_duration_is_refused_with_the_right_form(text: object) -> None:
    with pytest.raises(ExpressionError, match=r"is not a duration\. Write 10s, 5m, 2h, 3d or 1w") as refused:
        parse_duration(text)  # type: ignore[arg-type]
    assert refused.value.code == "duration"


def test_more_than_ten_years_is_refused() -> None:
    with pytest.raises(ExpressionError, match="longer than ten years"):
        parse_duration("999999999w")


@given(st.timedeltas(min_value=timedelta(0), max_value=LONGEST))
def test_a_formatted_duration_reads_back_to_the_second(span: timedelta) -> None:
    assert parse_duration(format_duration(span)) == timedelta(seconds=int(span.total_seconds()))


def test_a_span_into_the_past_is_shown_with_a_minus() -> None:
    assert format_duration(timedelta(minutes=-90)) == "-1h30m"
