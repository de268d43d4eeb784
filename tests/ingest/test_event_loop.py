"""The server's event loop: webhooks answered without a thread of their own, pages carried to threads."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from hub.bench.measures import prepared
from hub.bench.yardsticks import SECRET
from hub.engine.hub import Hub, Role
from hub.journal.operations import record_events
from hub.journal.queries import EventFilter
from hub.serve import build
from hub.web.bridge import MOST_BYTES, serve_in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

LIMIT = 100_000
INTENT = {"id": "pi_1", "object": "payment_intent", "amount": 1999, "currency": "eur", "status": "succeeded"}


def run(work):
    """In a thread of its own: that of the tests has a loop already where a browser is open."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


class Scope:
    """A request as Granian gives it to an RSGI application."""

    proto, http_version, scheme, authority = "http", "1.1", "http", None
    client, server = "192.0.2.7:5000", "127.0.0.1:8080"

    def __init__(self, method: str, path: str, headers: list[tuple[str, str]], query: str = "") -> None:
        self.method, self.path, self.query_string, self._headers = method, path, query, headers

    @property
    def headers(self) -> Scope:
        return self

    def items(self) -> list[tuple[str, str]]:
        return self._headers


class Protocol:
    """Gives the body in pieces, and keeps the answer."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.status, self.headers, self.content = 0, {}, b""

    async def __call__(self) -> bytes:
        return self._body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._body), 50_000):
            yield self._body[start : start + 50_000]

    def response_bytes(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.status, self.headers, self.content = status, dict(headers), content


class Server:
    """Sends signed deliveries through the event loop."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.application = build(hub)

    def ask(self, *requests: tuple[Scope, bytes]) -> list[Protocol]:
        async def serve() -> list[Protocol]:
            protocols = [Protocol(body) for _, body in requests]
            await asyncio.gather(
                *(
                    self.application.__rsgi__(scope, protocol)
                    for (scope, _), protocol in zip(requests, protocols, strict=True)
                )
            )
            return protocols

        return run(serve())

    def send(self, *bodies: bytes, secret: str = SECRET, method: str = "POST", announce: bool = True) -> list[int]:
        now = int(time.time())
        requests = []
        for body in bodies:
            signature = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
            headers = [("stripe-signature", f"t={now},v1={signature}"), ("content-type", "application/json")]
            if announce:
                headers.append(("content-length", str(len(body))))
            requests.append((Scope(method, "/hooks/stripe", headers), body))
        return [protocol.status for protocol in self.ask(*requests)]

    def kept(self) -> int:
        return len(self.hub.queries.events(EventFilter()).items)

    def refused(self) -> dict[object, object]:
        return {row["reason"]: row["count"] for row in self.hub.store.refusals()}


def event(number: int = 1, filler: int = 0) -> bytes:
    intent = {**INTENT, "id": f"pi_{number}", "metadata": {"filler": "x" * filler}}
    return json.dumps(
        {"id": f"evt_{number}", "object": "event", "type": "payment_intent.succeeded", "data": {"object": intent}}
    ).encode()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    begun = datetime.now(UTC)  # the hub's time stands still: what it knows of a connection does not age in a slow test
    hub = Hub.open(prepared(tmp_path / "data", "", 8080, webhook_body_bytes=LIMIT), Role.TOOL, lambda: begun)
    yield Server(hub)
    hub.close()


def test_deliveries_are_durable_when_they_are_answered(server: Server) -> None:
    assert server.send(event(0)) == [200]
    assert server.send(*(event(number) for number in range(1, 20))) == [200] * 19
    assert server.kept() == 20


def test_deliveries_of_one_moment_share_commits(server: Server) -> None:
    server.send(event(0))
    before = server.hub.writer.statistics.commits
    server.send(*(event(number) for number in range(1, 41)))
    assert server.hub.writer.statistics.commits - before < 20


def test_deliveries_and_commits_are_measured(server: Server) -> None:
    server.send(event(0))
    server.send(event(1), event(1))
    server.hub.outbound.on_answer("crm", 201)
    server.hub.outbound.on_answer("crm", None)
    read = server.hub.metrics.registry.get_sample_value
    assert read("hub_receive_seconds_count") == 3
    assert read("hub_writer_batch_items_sum") == server.hub.writer.statistics.items
    assert read("hub_writer_commit_seconds_count") == server.hub.writer.statistics.commits
    assert read("hub_outgoing_requests_total", {"connection": "crm", "status": "201"}) == 1
    assert read("hub_outgoing_requests_total", {"connection": "crm", "status": "none"}) == 1
    assert read("hub_events_repeated_total", {"connection": "stripe"}) == 1


def test_a_repeated_delivery_is_kept_once(server: Server) -> None:
    assert server.send(event(), event(), event()) == [200, 200, 200]
    assert server.kept() == 1


@pytest.mark.parametrize("announce", [True, False])
def test_a_large_body_is_taken_and_a_larger_one_refused(server: Server, announce: bool) -> None:
    assert server.send(event(1, 80_000), event(2, LIMIT), announce=announce) == [200, 413]
    assert (server.kept(), server.refused()) == (1, {"too_large": 1})


def test_what_is_refused_is_counted_once(server: Server) -> None:
    assert server.send(event(0)) == [200]  # the connection is in memory now
    assert server.send(event(1), secret="whsec_of_somebody_else") == [401]
    assert server.send(b"paid!") == [400]
    assert server.send(event(1), method="PUT") == [405]
    assert server.refused() == {"bad_signature": 1, "not_json": 1, "wrong_method": 1}


def test_an_address_below_hooks_that_is_none_is_not_found(server: Server) -> None:
    answers = server.ask((Scope("POST", "/hooks/nobody", []), b""), (Scope("POST", "/hooks/a/b", []), b""))
    assert [answer.status for answer in answers] == [404, 404]


def test_what_the_writer_could_not_keep_is_tried_once_more_and_then_refused_with_503(server, monkeypatch) -> None:
    server.send(event(0))
    real, tried = server.hub.writer.submit, []

    def full(operation, item, on_done=None):
        if operation is not record_events:
            return real(operation, item, on_done)
        tried.append(item)
        from hub.errors import UnavailableError

        on_done(UnavailableError("The disk is full.", remedy=""))
        return None

    monkeypatch.setattr(server.hub.writer, "submit", full)
    assert server.send(event(1)) == [503]
    assert (len(tried), server.kept()) == (2, 1)


def test_a_fault_in_a_connectors_code_is_answered_and_stops_nobody(server, monkeypatch) -> None:
    server.send(event(0))
    connector = server.hub.registry.get("stripe")
    with monkeypatch.context() as broken:
        broken.setattr(connector, "map", lambda *_: 1 / 0)
        assert server.send(event(1)) == [500]
    assert server.send(event(1)) == [200]


def test_what_a_connector_must_fetch_first_is_fetched_by_a_thread(server, monkeypatch) -> None:
    server.send(event(0))
    connector, fetched = server.hub.registry.get("stripe"), []
    receive = connector.receive

    def fetching(request, connection, now, fetch):
        try:
            fetch("https://gateway.example/certificate")
        except ValueError:
            fetched.append("asked")
        return receive(request, connection, now, fetch)

    def guarded(url, *_arguments, **_options):
        raise ValueError(url)

    monkeypatch.setattr(connector, "receive", fetching)
    monkeypatch.setattr("hub.connect.http.Client.request", guarded)
    assert server.send(event(1)) == [200]
    assert fetched == ["asked"]


def test_pages_are_served_by_threads(server: Server) -> None:
    health, missing = server.ask(
        (Scope("GET", "/healthz", [("host", "127.0.0.1:8080")]), b""),
        (Scope("GET", "/nothing-here", [("host", "127.0.0.1:8080")]), b""),
    )
    assert (health.status, missing.status) == (200, 404)
    assert health.headers["content-type"].startswith(("text/", "application/"))


def carried(scope: Scope, body: bytes) -> tuple[dict[str, object], bytes]:
    seen: dict[str, object] = {}

    def application(environ, start_response):
        seen.update(environ)
        seen["body"] = environ["wsgi.input"].read()
        start_response("200 OK", [("X-Kept", "yes")])
        return iter([b"a", b"b"])

    async def serve() -> Protocol:
        protocol = Protocol(body)
        with ThreadPoolExecutor(1) as threads:
            await serve_in_thread(application, scope, protocol, threads)
        return protocol

    answer = run(serve())
    assert (answer.status, answer.headers, answer.content) == (200, {"x-kept": "yes"}, b"ab")
    return seen


def test_the_bridge_gives_the_request_as_wsgi_describes_it() -> None:
    headers = [("host", "hub.example"), ("content-type", "text/plain"), ("x-a", "1"), ("x-a", "2")]
    seen = carried(Scope("POST", "/café", [*headers, ("cookie", "a=1"), ("cookie", "b=2")], "q=%20"), b"hello")
    assert (seen["PATH_INFO"].encode("latin-1").decode(), seen["QUERY_STRING"]) == ("/café", "q=%20")
    assert (seen["HTTP_HOST"], seen["CONTENT_TYPE"], seen["CONTENT_LENGTH"]) == ("hub.example", "text/plain", "5")
    assert (seen["HTTP_X_A"], seen["HTTP_COOKIE"], seen["REMOTE_ADDR"]) == ("1,2", "a=1; b=2", "192.0.2.7")
    assert seen["body"] == b"hello"


def test_the_bridge_stops_reading_a_body_that_is_too_large_and_says_so() -> None:
    seen = carried(Scope("POST", "/", []), b"x" * (MOST_BYTES + 100_000))
    assert int(seen["CONTENT_LENGTH"]) > MOST_BYTES
