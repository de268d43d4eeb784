"""Connectors as the engine calls them: through the registry and the real HTTP client, to a fake on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.connect.api import Connection
from hub.connect.http import HttpSettings, Outbound
from hub.connect.registry import Registry
from tests.contract.desk import Desk
from tests.fakes.fake_stripe import FakeStripe

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def registry() -> Registry:
    return Registry.load()


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    made = Outbound(HttpSettings(allowed=("127.0.0.0/8",), read_timeout=5, breaker_failures=1000))
    yield made
    made.close()


@pytest.fixture
def impatient() -> Iterator[Outbound]:
    """A client that gives up on an answer after a moment."""
    made = Outbound(HttpSettings(allowed=("127.0.0.0/8",), read_timeout=0.2, breaker_failures=1000))
    yield made
    made.close()


@pytest.fixture
def stripe():
    with FakeStripe().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture
def stripe_desk(stripe, registry, outbound):
    secrets = {"secret_key": (stripe.key,), "webhook_secret": (stripe.webhook_secret,)}
    settings = {"api_base": stripe.url, "api_version": "2026-06-24.dahlia", "publishable_key": "pk_test_made_up"}
    return Desk(registry.get("stripe"), outbound, Connection("stripe-main", "stripe", settings, secrets))
