"""On PostgreSQL two processes may get the same repeated request at one moment: one of them takes its key."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from hub.config import load_settings
from hub.engine.api_answers import ApiAnswers
from hub.engine.hub import Hub, Role
from hub.errors import ConflictError
from hub.journal.tables_api import api_requests

WAITING = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)


@pytest.fixture
def hubs(tmp_path, postgres_url):
    settings = load_settings({}, workspace=tmp_path / "workspace", sandbox="off", database_url=postgres_url)
    made = [Hub.open(settings, Role.TOOL, lambda: NOW) for _ in range(2)]
    yield made
    for hub in made:
        hub.close()


def begin(hub):
    try:
        return ApiAnswers(hub, "tok_1", "a").begin("print")
    except ConflictError as error:
        return error.code


def test_of_two_processes_that_repeat_what_failed_at_once_one_does_it(hubs):
    assert begin(hubs[0]) is None
    ApiAnswers(hubs[0], "tok_1", "a").free()
    engine = hubs[0].database.engine
    with ThreadPoolExecutor(2) as threads, engine.connect() as other, engine.connect() as watcher:
        other.execute(sa.select(api_requests).with_for_update())
        begun = [threads.submit(begin, hub) for hub in hubs]
        while watcher.scalar(WAITING) < 2:
            assert not any(one.done() for one in begun)
        other.rollback()
        assert sorted(str(one.result()) for one in begun) == ["None", "in_progress"]
