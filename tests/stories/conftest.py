"""A whole hub behind a real server on loopback, with a clock that can be set forward."""

from __future__ import annotations

import threading
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import requests
from werkzeug.serving import make_server

from hub.bench.measures import free_port
from hub.config import load_settings
from hub.engine.first_start import prepare
from hub.engine.hub import Hub, Role
from hub.journal.queries import EventFilter, RunFilter
from hub.serve import build
from tests.prepared import begin

PATIENCE = 60.0


class Clock:
    """The real time and an offset."""

    def __init__(self):
        self.offset = timedelta()

    def __call__(self):
        return datetime.now(UTC) + self.offset

    def forward(self, **parts):
        self.offset += timedelta(**parts)


class LiveHub:
    """A hub with everything, as `hub run` starts it, in this process."""

    def __init__(self, workspace, **fields):
        self.port = free_port()
        self.clock = Clock()
        if "database_url" not in fields:
            begin(workspace)
        settings = load_settings({}, workspace=workspace, port=self.port, **fields)
        self.hub = Hub.open(settings, Role.RUN, self.clock)
        prepare(self.hub)
        self.application = build(self.hub)
        self._server = make_server("127.0.0.1", self.port, self.application, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self.hub.start()
        self.address = settings.address
        self.sandbox_key = self.hub.accounts.get("sandbox").secret("api_key")

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        # Its thread would go on looking into a database that is gone.
        self._server.app._mounts["/sandbox"].extensions["sandbox"].close()
        self.hub.close()

    def sandbox(self, method, path, body=None):
        headers = {"Authorization": f"Bearer {self.sandbox_key}"}
        answer = requests.request(method, f"{self.address}/sandbox/v1{path}", json=body, headers=headers, timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def crm(self, path, method="GET", body=None):
        token = self.hub.accounts.get("crm").secret("token")
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid.uuid4().hex}
        address = f"{self.address}/sandbox/crm/v1{path}"
        answer = requests.request(method, address, json=body, headers=headers, timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def pay(self, email, name="Ada Lovelace", amount=4900, currency="EUR", **more):
        """A customer pays; gives the payment's id."""
        body = {"amount": amount, "currency": currency, "customer": {"email": email, "name": name}, **more}
        payment = self.sandbox("POST", "/payments", body)["id"]
        self.sandbox("POST", f"/test/payments/{payment}/choose", {"choice": "pay"})
        return payment

    def run_of(self, payment, recipe):
        """The run that the payment's event started, once it is there."""
        return self.until(lambda: next(iter(self.runs(text=payment, recipe=recipe)), None))

    def runs(self, **parts):
        return list(self.hub.queries.runs(RunFilter(**parts)).items)

    def events(self, **parts):
        return list(self.hub.queries.events(EventFilter(**parts)).items)

    def status(self, run_id):
        return self.hub.queries.run(run_id).summary.status

    def until(self, look):
        """Wait until ``look`` gives something, and give it."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = look()
            if found:
                return found
            time.sleep(0.02)
        raise AssertionError(f"{look} gave nothing within {PATIENCE} s")


@pytest.fixture
def live(tmp_path):
    """A fresh hub."""
    hub = LiveHub(tmp_path / "data")
    yield hub
    hub.close()
