"""Processes are killed for good at random instants under load: what was accepted is kept, and happens once."""

from __future__ import annotations

import http.server
import json
import os
import random
import socket
import threading
import time
from collections import defaultdict

import pytest

from hub.bench.load import Plan, webhook
from hub.bench.measures import environment_of, free_port, prepared
from hub.bench.yardsticks import SECRET
from hub.config import load_settings
from hub.engine.hub import Hub, Role
from hub.journal.queries import RunFilter

from .processes import PATIENCE, Process

KILLS = int(os.environ.get("HUB_FAULT_KILLS", "50")) // 2
RECIPE = """\
hub: 1
recipe: three-calls
title: Three calls outside
on: {event: payment.succeeded}
steps:
  - {id: one, call: sink/request, with: {method: POST, url: "URL", json: {payment: "${ event.data.payment }", step: one}}}
  - {id: two, call: sink/request, with: {method: POST, url: "URL", json: {payment: "${ event.data.payment }", step: two}}}
  - {id: three, call: sink/request, with: {method: POST, url: "URL", json: {payment: "${ event.data.payment }", step: three}}}
"""


class Outside:
    """The world outside: it notes under which key it was asked for what."""

    def __init__(self):
        self.keys = defaultdict(set)
        outside = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outside.keys[body["payment"], body["step"]].add(self.headers["Idempotency-Key"])
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                """Nothing to say."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class Sender(threading.Thread):
    """Posts webhooks as fast as they are answered; notes which were accepted, and repeats what was not, as gateways do."""

    def __init__(self, port, prefix):
        super().__init__(daemon=True)
        self._plan = Plan(port, "/hooks/stripe", SECRET, 1, 0, 600, prefix)
        self.accepted = []
        self._enough = threading.Event()

    def run(self):
        number = 0
        while not self._enough.is_set():
            if self._send(number):
                self.accepted.append(f"pi_{self._plan.prefix}{number}")
                number += 1
                self._enough.wait(0.01)
            else:
                self._enough.wait(0.05)

    def _send(self, number):
        try:
            with socket.create_connection(("127.0.0.1", self._plan.port), timeout=10) as connection:
                connection.sendall(webhook(self._plan, number))
                return connection.recv(4096).split(b" ")[1:2] == [b"200"]
        except OSError:
            return False

    def finish(self):
        self._enough.set()
        self.join(20)


@pytest.fixture
def outside():
    world = Outside()
    yield world
    world.close()


def test_nothing_accepted_is_lost_and_nothing_is_done_twice(database_url, tmp_path, outside):
    chance = random.Random(20261123)
    url = "" if database_url.startswith("sqlite") else database_url
    port = free_port()
    inner = f"127.0.0.1:{outside.port}"
    recipe = RECIPE.replace("URL", f"http://{inner}/")
    settings = prepared(tmp_path / "data", url, port, recipe, allow_private_addresses=(inner,))
    environment = {**environment_of(settings), "HUB_LEASE_SECONDS": "2"}
    commands = ["web", "worker", "worker"] if url else ["run"]
    processes = [Process(command, environment, port) for command in commands]
    try:
        accepted = kill_under_load(processes, port, chance)
        judge(accepted, environment, outside)
    finally:
        for process in processes:
            process.end()


def kill_under_load(processes, port, chance):
    """Send webhooks, kill whatever chance says, start it again; give the payments that were accepted."""
    processes[0].wait_until_it_listens()
    senders = [Sender(port, f"s{number}x") for number in range(4)]
    for sender in senders:
        sender.start()
    for _ in range(KILLS):
        processes[0].wait_until_it_listens()
        wait_for_one_more(senders)
        time.sleep(chance.uniform(0.0, 0.5))
        victim = chance.choice(processes)
        victim.kill()
        victim.start()
    processes[0].wait_until_it_listens()
    for sender in senders:
        sender.finish()
    return {payment for sender in senders for payment in sender.accepted}


def wait_for_one_more(senders):
    """Until something was accepted since: on a busy machine a hub would be killed before it took anything in."""
    before, end = sum(len(sender.accepted) for sender in senders), time.monotonic() + PATIENCE
    while sum(len(sender.accepted) for sender in senders) == before:
        assert time.monotonic() < end, f"nothing was accepted within {PATIENCE} s"
        time.sleep(0.01)


def judge(accepted, environment, outside):
    """Every accepted payment has one run, which succeeded; every step was done under one key and recorded once."""
    assert len(accepted) >= KILLS
    hub = Hub.open(load_settings(environment), Role.TOOL)
    try:
        runs = wait_until_ended(hub)
        assert accepted <= set(runs)
        assert {run.status for run in runs.values()} == {"succeeded"}
        for payment, run in runs.items():
            steps = hub.queries.run(run.id).steps
            done = [step.path for step in steps if step.state == "succeeded"]
            assert sorted(done) == ["one", "three", "two"], payment
            assert len({step.key for step in steps}) == 3
        for asked, keys in outside.keys.items():
            assert len(keys) == 1, asked
        assert {(payment, step) for payment in runs for step in ("one", "two", "three")} == set(outside.keys)
    finally:
        hub.close()


def wait_until_ended(hub):
    """All runs by the payment they are about, once none is under way; one run for each payment."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found, after = [], None
        while True:
            page = hub.queries.runs(RunFilter(), after, 500)
            found += page.items
            after = page.next
            if after is None:
                break
        if found and all(run.ended for run in found):
            assert len({run.subject for run in found}) == len(found)
            return {run.subject: run for run in found}
        time.sleep(0.3)
    standing = defaultdict(int)
    for run in found:
        standing[run.status] += 1
    raise AssertionError(f"runs are still under way: {dict(standing)}")
