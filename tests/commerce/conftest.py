"""A hub that sells: two connections to a gateway that can do next to nothing, and a clock that only the test moves."""

from __future__ import annotations

import pytest

from hub.journal.entries import Happening
from tests.payments.conftest import Corner
from tests.payments.corner import CornerGateway


class Shop(Corner):
    """The hub, its gateway, and what a shop does."""

    def __init__(self, folder, url, gateway):
        super().__init__(folder, url, gateway)
        self.hub.accounts.create("second", "corner", {"api_base": gateway.url, "api_key": "corner-key"}, "test")

    def office(self, key="key"):
        return self.hub.office(key)

    def happen(self, event_type, source="corner", time=None, **data):
        """A gateway tells of something."""
        about = data.get("refund") or data.get("payment")
        happening = Happening(event_type, source, f"{event_type}:{about}", data, time or self.moment)
        self.hub.recorder.record(happening, self.moment)


@pytest.fixture
def gateway():
    with CornerGateway().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def shop(tmp_path, database_url, gateway):
    made = Shop(tmp_path / "workspace", database_url, gateway)
    yield made
    made.hub.close()
