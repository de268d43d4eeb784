"""A hub with its sandbox behind a real server, and programs that call its API with tokens."""

from __future__ import annotations

import pytest

from hub.engine.tokens import SCOPES, Tokens
from hub.web.app import create_app
from tests.stories.conftest import LiveHub


class Program:
    """Calls the API with a token."""

    def __init__(self, client, secret):
        self.client = client
        self.headers = {"Authorization": f"Bearer {secret}"} if secret else {}

    def get(self, path, **query):
        return self.client.get(f"/api/v1{path}", query_string=query, headers=self.headers)

    def post(self, path, body=None, key=None):
        headers = {**self.headers, **({"Idempotency-Key": key} if key else {})}
        return self.client.post(f"/api/v1{path}", json={} if body is None else body, headers=headers)

    def done(self, path, body=None, key=None):
        answer = self.post(path, body, key)
        assert answer.status_code == 200, answer.text
        return answer.json


@pytest.fixture
def program(app, hub):
    """Makes programs whose token has these scopes."""

    def make(*scopes, expires_at=None, title="Portal"):
        _, secret = Tokens(hub).create(title, scopes or SCOPES, expires_at, "admin@example.com")
        return Program(app.test_client(), secret)

    return make


@pytest.fixture
def anyone(app):
    return Program(app.test_client(), "")


@pytest.fixture
def portal(program):
    """A program that may everything."""
    return program()


@pytest.fixture
def live(tmp_path):
    found = LiveHub(tmp_path / "data", allow_private_addresses=["127.0.0.1"])
    yield found
    found.close()


@pytest.fixture
def live_portal(live):
    """A program that may everything, at a hub with a sandbox."""
    _, secret = Tokens(live.hub).create("Portal", SCOPES, None, "admin@example.com")
    return Program(create_app(live.hub).test_client(), secret)
