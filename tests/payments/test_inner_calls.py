"""What the hub does in a gateway's place: its calls have keys of their own, and know how far an attempt before them came."""

from dataclasses import replace

import pytest

from hub.engine.gateway_calls import Attempt
from hub.errors import PermanentError, TransientError
from tests.payments.conftest import EUR

KEY = "a" * 40


@pytest.fixture
def inner(corner, monkeypatch):
    """Calls the gateway as a part of an action by the hub; gives the calls that arrived."""
    _, connector, call = corner.hub.payments.call("corner", KEY, {})
    arrived, failing = [], []

    def run(self, action, call):
        arrived.append(call)
        if failing:
            raise failing.pop()
        return {"payment": "c_1", "status": "succeeded", "amount": EUR}

    monkeypatch.setattr(type(connector), "run", run)

    def part(name, previous=None, error=None):
        failing[:] = [error] if error else []
        attempt = Attempt(replace(call, previous=previous), connector, [])
        return corner.hub.gateway_calls.desk(attempt, attempt.call).gateway.run("payment.get", {"payment": "c_1"}, name)

    return part, arrived


def test_a_part_that_failed_half_way_hears_in_the_next_attempt_what_was_done(inner):
    part, arrived = inner
    with pytest.raises(TransientError) as caught:
        part("first", error=TransientError("Down.", details={"taken": 100}))
    part("first", previous=caught.value.details)
    part("second", previous=caught.value.details)
    assert [call.previous for call in arrived] == [None, {"taken": 100}, None]
    assert arrived[0].key == arrived[1].key != arrived[2].key


def test_an_error_without_details_says_nothing_of_its_part(inner):
    part, _ = inner
    with pytest.raises(PermanentError) as caught:
        part("first", error=PermanentError("No."))
    assert caught.value.details is None
