"""The writer's waiting: one outcome for each item, all of a caller's items together, errors as errors."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from hub.errors import ConflictError, UnavailableError
from hub.journal.database import Database
from hub.journal.entries import StaleEpochError
from hub.journal.writer import Writer


def doubled(_transaction, items):
    if 13 in items:
        raise ConflictError("Thirteen is not written.", remedy="")
    return [StaleEpochError() if item == 7 else item * 2 for item in items]


@pytest.fixture
def writer(tmp_path):
    database = Database.open(f"sqlite:///{tmp_path / 'hub.db'}")
    writer = Writer(database)
    yield writer
    writer.close()
    database.close()


def test_a_caller_gets_the_outcomes_of_its_items_in_their_order(writer):
    assert writer.write_all(doubled, [3, 1, 2]) == [6, 2, 4]
    assert writer.write_all(doubled, []) == []


def test_a_bad_item_fails_its_caller_and_no_other(writer):
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(writer.write, doubled, number) for number in range(8, 18)]
    assert [one.exception() is None for one in asked] == [number != 13 for number in range(8, 18)]
    with pytest.raises(ConflictError):
        writer.write_all(doubled, [1, 13])


def test_an_outcome_that_is_an_error_in_name_only_is_given_not_raised(writer):
    assert isinstance(writer.write(doubled, 7), StaleEpochError)


def test_who_does_not_wait_hears_all_outcomes_at_once(writer):
    heard = []
    writer.submit_all(doubled, [1, 13, 3], heard.append)
    writer.close()
    ((first, refused, third),) = heard
    assert (first, third) == (2, 6)
    assert isinstance(refused, ConflictError)


def test_a_writer_that_stopped_says_so(writer):
    writer.close()
    with pytest.raises(UnavailableError):
        writer.write(doubled, 1)


def test_under_load_items_share_commits(writer):
    with ThreadPoolExecutor(32) as threads:
        list(threads.map(lambda number: writer.write(doubled, 100 + number), range(640)))
    assert writer.statistics.items == 640
    assert writer.statistics.commits < 320
