"""What all tests share: databases, a browser, and the rule that nothing is skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import sync_playwright

from scripts.test_programs import find_chromium
from tests.payments.corner import CornerGateway
from tests.postgres import PostgresServer
from tests.quick import be_quick

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

be_quick()
# A busy machine fails no test: speed is what `make bench` is for.
settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A run that skipped anything, or expected a failure, has failed: what a test needs must be there."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and any(reporter.stats.get(outcome) for outcome in ("skipped", "xfailed", "xpassed")):
        reporter.write_line("A test was skipped or was expected to fail. That counts as a failure here.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL of this test process. A test that stops it must start it again."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of a PostgreSQL database with the hub's tables and nothing in them."""
    yield from postgres_server.ready_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database that holds nothing: the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'hub.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def gateway() -> Iterator[CornerGateway]:
    """A gateway that can do next to nothing, so that the hub does the rest."""
    with CornerGateway().running() as fake:
        yield fake
    assert fake.complaints == []


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The browser's program, for ``playwright.chromium.launch(executable_path=…)``."""
    found = find_chromium()
    if found is None:
        message = "There is no Chromium. Run: make test, or: apt-get install chromium, or set HUB_TEST_CHROMIUM."
        raise RuntimeError(message)
    return str(found)


@pytest.fixture(scope="session")
def chromium(chromium_path: str) -> Iterator[Browser]:
    """The browser of this test process: Playwright takes no second one in it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield browser
        browser.close()
