from datetime import UTC, datetime, timedelta

from hub.ids import first_id, id_time, new_id

NOW = datetime(2026, 11, 23, 12, 0, 0, 123000, tzinfo=UTC)


def test_ids_of_one_millisecond_sort_in_the_order_in_which_they_were_made():
    made = [new_id("evt", NOW) for _ in range(1000)]
    assert made == sorted(set(made))


def test_an_id_tells_its_moment_and_sorts_by_it():
    earlier, later = new_id("evt", NOW), new_id("evt", NOW + timedelta(milliseconds=1))
    assert first_id("evt", NOW) <= earlier < first_id("evt", NOW + timedelta(milliseconds=1)) <= later
    assert id_time(earlier) == NOW


def test_an_id_is_a_uuid_of_version_seven():
    digits = new_id("evt", NOW).removeprefix("evt_")
    assert (len(digits), digits[12], digits[16] in "89ab") == (32, "7", True)
