from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.payments.calendar import length, period, period_start, remaining_share

MONTH = {"unit": "month", "count": 1}
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (naive bounds)


def days(anchor, interval, count):
    return [period_start(anchor, interval, number).date().isoformat() for number in range(count)]


def test_a_plan_begun_on_the_31st_falls_on_the_last_day_and_comes_back():
    anchor = datetime(2027, 1, 31, 9, tzinfo=UTC)
    assert days(anchor, MONTH, 4) == ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]


def test_a_plan_begun_on_the_leap_day_is_charged_every_year():
    anchor = datetime(2028, 2, 29, tzinfo=UTC)
    assert days(anchor, {"unit": "year"}, 5) == ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]


@pytest.mark.parametrize(
    ("unit", "count", "third"),
    [
        ("day", 1, "2027-01-07"),
        ("day", 10, "2027-01-25"),
        ("week", 1, "2027-01-19"),
        ("week", 2, "2027-02-02"),
        ("month", 3, "2027-07-05"),
        ("year", 2, "2031-01-05"),
    ],
)
def test_counts_of_intervals(unit, count, third):
    assert days(datetime(2027, 1, 5, tzinfo=UTC), {"unit": unit, "count": count}, 3)[2] == third


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"unit": "month"}, {"unit": "month", "count": 1}, True),
        ({"unit": "year"}, {"unit": "month", "count": 12}, True),
        ({"unit": "week", "count": 2}, {"unit": "day", "count": 14}, True),
        ({"unit": "month"}, {"unit": "day", "count": 1}, False),
        ({"unit": "month"}, {"unit": "month", "count": 2}, False),
    ],
)
def test_an_interval_is_the_same_however_it_is_written(one, other, same):
    assert (length(one) == length(other)) is same


@given(MOMENTS, st.sampled_from(["day", "week", "month", "year"]), st.integers(1, 12), st.integers(0, 40))
def test_periods_join_without_a_gap(anchor, unit, count, number):
    interval = {"unit": unit, "count": count}
    start, end = period(anchor, interval, number)
    assert start < end == period(anchor, interval, number + 1)[0]


@given(st.integers(-(10**9), 10**9), MOMENTS, st.integers(1, 400), st.floats(-1, 2))
def test_the_rest_of_a_period_is_never_more_than_the_whole(amount, start, length, where):
    end = start + timedelta(days=length)
    rest = remaining_share(amount, start, end, start + where * (end - start))
    assert abs(rest) <= abs(amount)
    assert rest in (0, amount) or 0 <= where <= 1


def test_half_a_month_of_an_odd_amount_is_rounded_half_to_even():
    start = datetime(2027, 4, 1, tzinfo=UTC)
    assert [
        remaining_share(amount, start, start + timedelta(days=30), start + timedelta(days=15)) for amount in (1, 3, -1)
    ] == [0, 2, 0]


def test_the_rest_of_a_period_is_rounded_to_the_nearest_unit():
    start = datetime(2027, 4, 1, tzinfo=UTC)
    share = [
        remaining_share(amount, start, start + timedelta(days=3), start + timedelta(days=1)) for amount in (100, -100)
    ]
    assert share == [67, -67]
