"""A hub with the corner gateway, its pages, and a clock that only the test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from hub.config import load_settings
from hub.engine.hub import Hub, Role
from hub.errors import ActionError
from hub.journal.queries import EventFilter
from hub.web.app import create_app
from tests.payments.books import Books
from tests.payments.corner import plant
from tests.payments.market import Market

EUR = {"minor": 4900, "currency": "EUR"}
ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}


class Corner:
    """The hub, its gateway and its visitors."""

    def __init__(self, folder, url, gateway, **limits):
        self.gateway = gateway
        self.moment = datetime(2027, 1, 31, 9, tzinfo=UTC)
        plant(folder, **limits)
        database = {} if url.startswith("sqlite") else {"database_url": url}
        settings = load_settings(
            {},
            workspace=folder,
            sandbox="off",
            allow_private_addresses=["127.0.0.0/8"],
            public_url="https://hub.example.com",
            **database,
        )
        self.hub = Hub.open(settings, Role.TOOL, lambda: self.moment)
        self.hub.accounts.create("corner", "corner", {"api_base": gateway.url, "api_key": "corner-key"}, "test")
        self.client = create_app(self.hub).test_client()

    def act(self, action, given, key="step-1"):
        return self.hub.payments.act("corner", action, key.encode().hex().ljust(40, "0")[:40], given)

    def forward(self, **length):
        """Let time pass, a step at a time, and do what becomes due."""
        end = self.moment + timedelta(**length)
        while self.moment < end:
            self.moment = min(self.moment + timedelta(hours=6), end)
            self.run_due()

    def run_due(self):
        while self.hub.payment_clock.run_due():
            pass

    def visit(self, address, method="GET", **options):
        """Open an address of the hub's as a payer's browser would, without following where it leads."""
        parts = urlsplit(address)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return self.client.open(path, method=method, base_url="https://hub.example.com", **options)

    def pay(self, checkout_url):
        """The payer pays on the gateway's page and comes back to the hub."""
        number = checkout_url.rpartition("/")[2]
        return self.visit(self.gateway.pay(f"c_{number}"))

    def told(self, prefix=""):
        """The types of all events so far, oldest first."""
        found = [
            one.type for one in self.hub.queries.events(EventFilter(), limit=200).items if one.type.startswith(prefix)
        ]
        return found[::-1]

    def event(self, event_type):
        summary = next(one for one in self.hub.queries.events(EventFilter(type=event_type), limit=200).items)
        return self.hub.queries.event(summary.id).data

    def state(self, payment):
        return self.hub.payments.store.payment("corner", payment).state

    def refused(self, action, given, key="refused"):
        with pytest.raises(ActionError) as caught:
            self.act(action, given, key)
        return caught.value.code


@pytest.fixture
def corner(tmp_path, database_url, gateway):
    made = Corner(tmp_path / "workspace", database_url, gateway)
    yield made
    made.hub.close()


@pytest.fixture
def corner_by_link(tmp_path, gateway):
    made = Corner(tmp_path / "workspace", "sqlite:///", gateway, mode="link")
    yield made
    made.hub.close()


@pytest.fixture
def corner_without_keys(tmp_path, gateway):
    """The gateway takes no keys and cannot be asked: a lost answer leaves nobody knowing."""
    made = Corner(tmp_path / "workspace", "sqlite:///", gateway, idempotent="no")
    yield made
    made.hub.close()


@pytest.fixture
def books(tmp_path, database_url):
    made = Books(tmp_path / "workspace", database_url)
    yield made
    made.close()


@pytest.fixture
def market(tmp_path, database_url):
    made = Market(tmp_path / "workspace", database_url)
    yield made
    made.close()


@pytest.fixture
def quick(tmp_path):
    """The same on SQLite alone, for what the database cannot change."""
    made = Market(tmp_path / "workspace", "sqlite:///")
    yield made
    made.close()
