"""What the hub is measured against, in the same run on the same disk.

* the disk: one-row durable commits a second, one after the other;
* the bare server: the same HTTP server answering 204, and checking the signature before it does;
* the script: what a developer would write instead, Flask with a commit per event and the CRM's call inside the request;
* the plain journal: three-step runs recorded with group commit, without a language or schemas.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import queue
import sqlite3
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from flask import Flask, Response, request

from hub.connect.api import WebhookRequest
from hub.connect.signatures import Pairs, Scheme, verify
from hub.errors import SignatureError
from hub.ingest.webhooks import joined_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from granian.rsgi import HTTPProtocol, Scope  # type: ignore[attr-defined]  # granian names no exports

SECRET = "whsec_bench_only"  # noqa: S105 (made up, for loopback)


def disk_commits(folder: Path, seconds: float = 2.0) -> float:
    """Durable one-row commits a second on SQLite (WAL, synchronous=FULL), one after the other."""
    connection = _database(folder / "disk.db")
    connection.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT)")
    done, until = 0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        connection.execute("INSERT INTO rows (text) VALUES ('x')")
        connection.commit()
        done += 1
    connection.close()
    return done / seconds


def plain_journal(  # noqa: C901 (a small program in itself)
    folder: Path, runs: int = 2_000, threads: int = 64
) -> float:
    """Three-step runs a second: every step durable before the next begins, commits shared by all that wait."""
    connection = _database(folder / "journal.db")
    connection.execute("CREATE TABLE runs (id TEXT PRIMARY KEY, event TEXT, status TEXT)")
    connection.execute("CREATE TABLE steps (run TEXT, n INTEGER, output TEXT, PRIMARY KEY (run, n))")
    inbox: queue.SimpleQueue[tuple[str, tuple[object, ...], threading.Event] | None] = queue.SimpleQueue()

    def write() -> None:
        while (first := inbox.get()) is not None:
            batch = [first]
            while not inbox.empty() and (following := inbox.get()) is not None:
                batch.append(following)
            for statement, values, _ in batch:
                connection.execute(statement, values)
            connection.commit()
            for _, _, durable in batch:
                durable.set()

    def durably(statement: str, *values: object) -> None:
        durable = threading.Event()
        inbox.put((statement, values, durable))
        durable.wait()

    def work(numbers: Iterable[int]) -> None:
        for number in numbers:
            run = f"run_{number}"
            durably("INSERT INTO runs VALUES (?, ?, 'running')", run, json.dumps({"id": number, "data": "x" * 500}))
            for n in range(3):
                durably("INSERT INTO steps VALUES (?, ?, ?)", run, n, json.dumps({"ok": n}))
            durably("UPDATE runs SET status = 'succeeded' WHERE id = ?", run)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    workers = [threading.Thread(target=work, args=(range(n, runs, threads),)) for n in range(threads)]
    begun = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    seconds = time.perf_counter() - begun
    inbox.put(None)
    writer.join()
    connection.close()
    return runs / seconds


class BareServer:
    """The hub's own server (Granian, RSGI, one event loop) answering 204 to everything."""

    async def __rsgi__(self, _scope: Scope, protocol: HTTPProtocol) -> None:
        """Answer one request."""
        await protocol()
        protocol.response_bytes(204, [], b"")


class SignatureServer:
    """The same server doing the hub's own check of the signature, and nothing else."""

    _SCHEME = Scheme(
        "Stripe-Signature", signed="{timestamp}.{body}", pairs=Pairs(signature="v1", timestamp="t"), tolerance=300
    )

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Answer one request."""
        body = await protocol()
        delivery = WebhookRequest("POST", scope.path, scope.query_string, joined_headers(scope), body)
        try:
            verify(self._SCHEME, delivery, (SECRET,), datetime.now(UTC))
        except SignatureError:
            protocol.response_bytes(401, [], b"")
        else:
            protocol.response_bytes(204, [], b"")


def signed(header: str, body: bytes) -> bool:
    """Whether the header is a right Stripe signature of the body."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    expected = hmac.new(SECRET.encode(), parts.get("t", "").encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, parts.get("v1", ""))


def script_server() -> Flask:
    """The script: Flask, a commit per event, and (where HUB_BENCH_SINK names one) the CRM's call inside the request."""
    app = Flask("script")
    file = os.environ["HUB_BENCH_SCRIPT_DB"]
    sink = os.environ.get("HUB_BENCH_SINK", "")
    with _database(Path(file)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, body TEXT)")

    @app.post("/hooks/stripe")
    def take() -> Response:
        body = request.get_data()
        if not signed(request.headers.get("Stripe-Signature", ""), body):
            return Response(status=401)
        event = json.loads(body)
        connection = _database(Path(file))
        with connection:
            connection.execute("INSERT OR IGNORE INTO events VALUES (?, ?)", (event["id"], body.decode()))
        connection.close()
        if sink:
            email = event["data"]["object"]["receipt_email"]
            requests.post(sink, json={"email": email}, timeout=10).raise_for_status()
        return Response(status=204)

    return app


def sink_server() -> Callable[[WSGIEnvironment, StartResponse], list[bytes]]:
    """A CRM that takes everything at once; counts in a file's length, a byte a call, so that another process can see."""
    tally = os.open(os.environ["HUB_BENCH_TALLY"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        environ["wsgi.input"].read()
        os.write(tally, b".")
        body = b'{"id": "1"}'
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return application


def _database(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, check_same_thread=False, timeout=30)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection
