from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sandbox.server.calendar import step


def day(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("anchor", "unit", "count", "expected"),
    [
        ("2027-01-31T09:00", "month", 1, "2027-02-28T09:00"),
        ("2027-01-31T09:00", "month", 2, "2027-03-31T09:00"),
        ("2028-01-31T09:00", "month", 1, "2028-02-29T09:00"),
        ("2028-02-29T09:00", "year", 1, "2029-02-28T09:00"),
        ("2028-02-29T09:00", "year", 4, "2032-02-29T09:00"),
        ("2026-12-15T09:00", "month", 1, "2027-01-15T09:00"),
        ("2026-10-24T09:00", "day", 2, "2026-10-26T09:00"),
        ("2026-11-23T09:00", "week", 3, "2026-12-14T09:00"),
    ],
)
def test_a_step_of_the_calendar(anchor, unit, count, expected):
    assert step(day(anchor), unit, count) == day(expected)


moments = st.integers(946684800, 3786912000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(moments, st.integers(0, 400))
def test_months_keep_the_day_or_take_the_last_one(anchor, count):
    end = step(anchor, "month", count)
    assert (end.year * 12 + end.month) - (anchor.year * 12 + anchor.month) == count
    assert end.day == anchor.day or (end.day < anchor.day and (end + timedelta(days=1)).day == 1)


@given(moments, st.sampled_from(["day", "week", "month", "year"]), st.integers(0, 40))
def test_later_steps_lie_later(anchor, unit, count):
    assert step(anchor, unit, count) < step(anchor, unit, count + 1)
