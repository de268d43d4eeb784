"""Connectors as the engine calls them: through the registry and the real HTTP client, to a fake on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.connect.http import HttpSettings, Outbound
from hub.connect.registry import Registry

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
