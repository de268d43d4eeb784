"""The database is gone or full: deliveries get 503 and leave nothing behind; once it is back the hub goes on by itself."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time

import pytest
import sqlalchemy as sa
from werkzeug.test import Client

from hub.bench.measures import prepared
from hub.bench.yardsticks import SECRET
from hub.engine.hub import Hub, Role
from hub.journal.queries import EventFilter, RunFilter
from hub.serve import build

PATIENCE = 30.0
RECIPE = """\
hub: 1
recipe: note
title: Note a payment
on: {event: payment.succeeded}
steps:
  - {id: note, call: hub/log, with: {message: "${ event.data.payment }"}}
"""


def send(client, number, padding=0):
    """One signed payment; the endpoint's status."""
    at = int(time.time())
    payment = {"id": f"pi_{number}", "object": "payment_intent", "amount": 100, "amount_received": 100}
    payment |= {"currency": "eur", "status": "succeeded", "receipt_email": "ada@example.com"}
    event = {"id": f"evt_{number}", "object": "event", "api_version": "2026-06-24.dahlia", "created": at}
    event |= {"livemode": False, "type": "payment_intent.succeeded"}
    body = json.dumps(
        {**event, "data": {"object": {**payment, "metadata": {"filler": secrets.token_hex(padding)}}}}
    ).encode()
    signature = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={at},v1={signature}"}
    return client.post("/hooks/stripe", data=body, headers=headers, content_type="application/json").status_code


def sent_until_taken(client, number):
    """Repeat a delivery as a gateway does, until it is accepted."""
    end = time.monotonic() + PATIENCE
    while (status := send(client, number)) != 200:
        assert status == 503
        assert time.monotonic() < end, "the hub does not recover"
        time.sleep(0.1)


def succeeded(hub, count):
    """The payments of the runs that ended well, once there are as many as ``count``."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        runs = hub.queries.runs(RunFilter()).items
        if len(runs) >= count and all(run.status == "succeeded" for run in runs):
            return sorted(run.subject for run in runs)
        time.sleep(0.05)
    raise AssertionError([(run.subject, run.status) for run in runs])


@pytest.fixture
def started(tmp_path):
    hubs = []

    def start(url=""):
        hub = Hub.open(prepared(tmp_path / "data", url, 8080, RECIPE), Role.WORKER if url else Role.RUN)
        hubs.append(hub)
        hub.start()
        return hub, Client(build(hub))

    yield start
    for hub in hubs:
        hub.close()


def test_while_postgresql_is_gone_nothing_is_accepted_and_afterwards_all_goes_on(
    postgres_server, postgres_url, started
):
    hub, client = started(postgres_url)
    assert send(client, 1) == 200
    succeeded(hub, 1)
    postgres_server.stop()
    try:
        assert [send(client, 2), send(client, 3)] == [503, 503]
    finally:
        postgres_server.start()
    sent_until_taken(client, 3)
    assert succeeded(hub, 2) == ["pi_1", "pi_3"]


def test_while_the_disk_is_full_nothing_is_half_written_and_afterwards_all_goes_on(started):
    hub, client = started()
    assert send(client, 1) == 200
    succeeded(hub, 1)

    def limit_to(pages):
        # by the writer itself: the limit belongs to its connection
        hub.store.change(lambda tx: tx.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}") and None)

    limit_to(1)  # SQLite never goes below what the file has: from now on it cannot grow
    assert send(client, 2, padding=200_000) == 503
    assert [one.subject for one in hub.queries.events(EventFilter(source="stripe")).items] == ["pi_1"]
    limit_to(1_000_000)
    sent_until_taken(client, 2)
    assert succeeded(hub, 2) == ["pi_1", "pi_2"]
    with hub.database.read() as connection:
        assert connection.scalar(sa.text("PRAGMA integrity_check")) == "ok"
