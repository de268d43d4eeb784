"""What the API keeps, on both databases: answers by key, messages in order, lists page by page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from hub.config import load_settings
from hub.engine.api_answers import KEPT, ApiAnswers, Kept
from hub.engine.hub import Hub, Role
from hub.engine.outgoing import KEPT as KEPT_MESSAGES
from hub.engine.outgoing import Outgoing, forget
from hub.engine.timers import expire_claims
from hub.engine.tokens import Tokens
from hub.errors import ConflictError, PermanentError
from hub.journal.retention import REMEMBERED
from hub.journal.tables_api import api_requests, outgoing_attempts, outgoing_messages
from hub.web.api.listings import LISTINGS, listed
from tests.web.api.receiver import messages


class Clock:
    def __init__(self):
        self.moment = datetime(2026, 11, 26, 9, tzinfo=UTC)

    def __call__(self):
        return self.moment


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def hub(tmp_path, database_url, clock):
    database = {} if database_url.startswith("sqlite") else {"database_url": database_url}
    made = Hub.open(load_settings({}, workspace=tmp_path / "workspace", sandbox="off", **database), Role.TOOL, clock)
    yield made
    made.close()


def listing(resource):
    return next(one for one in LISTINGS if one.resource == resource)


def test_a_request_that_died_with_the_only_process_can_be_sent_again_when_it_starts(hub):
    answers = ApiAnswers(hub, "tok_1", "a")
    answers.begin("print")
    expire_claims(hub)
    assert answers.begin("print") is None


def test_a_key_is_taken_by_one_answered_once_and_forgotten_in_time(hub, clock):
    answers = ApiAnswers(hub, "tok_1", "a")
    assert answers.begin("print") is None
    with pytest.raises(ConflictError):
        answers.begin("print")
    answers.free()
    assert answers.begin("print") is None
    answers.keep(200, b'{"done": true}')
    assert answers.begin("print") == Kept(200, b'{"done": true}')
    with pytest.raises(PermanentError, match="another request"):
        answers.begin("other print")
    assert ApiAnswers(hub, "tok_2", "a").begin("print") is None
    clock.moment += KEPT
    hub.payment_clock.run_due()
    with hub.database.read() as connection:
        assert connection.execute(sa.select(api_requests.c.status, api_requests.c.answer)).all() == [(None, None)] * 2
    with pytest.raises(PermanentError, match="another request"):
        answers.begin("other print")
    assert answers.begin("print") is None
    clock.moment += REMEMBERED
    hub.payment_clock.run_due()
    with hub.database.read() as connection:
        assert connection.execute(sa.select(api_requests)).all() == []


def test_a_secret_finds_its_token(hub):
    _, secret = Tokens(hub).create("Portal", ["orders:read"], None, "test")
    assert Tokens(hub).of_secret(secret).scopes == frozenset({"orders:read"})


def test_messages_wait_in_the_order_of_their_events_with_the_events_themselves(hub, clock):
    outgoing = Outgoing(hub)
    identity, _ = outgoing.create("key", "Portal", "http://127.0.0.1:9/", ["acme.*"], "test")
    events = [hub.runs.record("acme.shipped", {"n": number}, "test")[0] for number in range(3)]
    hub.runs.record("other.thing", {}, "test")
    assert [one.event for one in messages(outgoing, identity)][::-1] == events
    hub.payment_clock.run_due()
    first = messages(outgoing, identity)[-1]
    assert [one.attempts for one in messages(outgoing, identity)] == [0, 0, 1]
    assert (first.state, first.due_at) == ("waiting", clock.moment + timedelta(seconds=6))
    assert outgoing.get(identity).failing_since == clock.moment
    outgoing.delete(identity, "test")
    with hub.database.read() as connection:
        assert connection.execute(sa.select(outgoing_messages)).all() == []


def test_messages_are_forgotten_in_time_but_none_that_waits(hub, clock, monkeypatch):
    outgoing = Outgoing(hub)
    identity, _ = outgoing.create("key", "Portal", "http://127.0.0.1:9/", ["acme.*"], "test")
    monkeypatch.setattr("hub.engine.outgoing.PAUSES", ())  # given up after the first failure
    hub.runs.record("acme.shipped", {"n": 1}, "test")
    hub.payment_clock.run_due()
    assert [one.state for one in messages(outgoing, identity)] == ["failed"]
    clock.moment += KEPT_MESSAGES - timedelta(days=1)
    with hub.database.read() as connection:
        assert len(connection.execute(sa.select(outgoing_attempts)).all()) == 1
    clock.moment += timedelta(days=1)
    hub.payment_clock.run_due()
    assert messages(outgoing, identity) == ()
    with hub.database.read() as connection:
        assert connection.execute(sa.select(outgoing_attempts)).all() == []
    hub.runs.record("acme.shipped", {"n": 2}, "test")
    clock.moment += KEPT_MESSAGES * 2
    forget(hub.office("forget"), "all")
    assert [one.state for one in messages(outgoing, identity)] == ["waiting"]


def test_a_list_is_read_to_its_end_whatever_was_made_at_the_same_moment(hub, clock):
    made = [hub.runs.record("acme.shipped", {"n": number}, "test")[0] for number in range(5)]
    found, asked = [], {"limit": "2", "type": "acme.shipped"}
    while True:
        page = listed(hub.database, listing("events"), asked)
        found += [one["event"] for one in page["data"]]
        if page["next"] is None:
            break
        asked = {**asked, "cursor": str(page["next"])}
    assert found == made[::-1]


@pytest.mark.parametrize("one", LISTINGS, ids=lambda one: one.resource)
def test_every_list_can_be_read_and_filtered(hub, one):
    asked = dict.fromkeys(one.filters, "1")
    fixed = dict.fromkeys(one.where, "x")
    assert listed(hub.database, one, asked, fixed) == {"data": [], "next": None}
