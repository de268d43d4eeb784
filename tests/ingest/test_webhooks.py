"""The webhook endpoint: 2xx only for what is proved, read and kept; every refusal says why and is counted."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING

import pytest
from werkzeug.test import Client

from hub.bench.measures import prepared
from hub.bench.yardsticks import SECRET
from hub.engine.hub import Hub, Role
from hub.errors import ConfigError
from hub.journal.queries import EventFilter
from hub.serve import build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from werkzeug.test import TestResponse

LIMIT = 20_000
PAYMENT = {"id": "pi_1", "object": "payment_intent", "amount": 1999, "amount_received": 1999, "currency": "eur"}


class Gateway:
    """Sends signed deliveries to a hub, and sees what the hub kept of them."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.client = Client(build(hub))

    def send(self, body: bytes, *, secret: str = SECRET, age: int = 0, **given: str) -> TestResponse:
        at = int(time.time()) - age
        signature = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"Stripe-Signature": f"t={at},v1={signature}", **given}
        return self.client.post("/hooks/stripe", data=body, headers=headers, content_type="application/json")

    def kept(self) -> list[tuple[str, str]]:
        return [(one.type, one.source) for one in self.hub.queries.events(EventFilter()).items]

    def refused(self) -> dict[object, object]:
        return {row["reason"]: row["count"] for row in self.hub.store.refusals()}


def event(kind: str = "payment_intent.succeeded", identity: str = "evt_1") -> bytes:
    envelope = {"id": identity, "object": "event", "api_version": "2026-06-24.dahlia", "created": int(time.time())}
    payment = {**PAYMENT, "status": "succeeded", "receipt_email": "ada@example.com", "metadata": {}}
    return json.dumps({**envelope, "livemode": False, "type": kind, "data": {"object": payment}}).encode()


@pytest.fixture
def gateway(database_url: str, tmp_path: Path) -> Iterator[Gateway]:
    sqlite = database_url.startswith("sqlite")
    settings = prepared(tmp_path / "data", "" if sqlite else database_url, 8080, webhook_body_bytes=LIMIT)
    hub = Hub.open(settings, Role.TOOL)
    yield Gateway(hub)
    hub.close()


def test_a_signed_delivery_is_kept_as_it_came(gateway: Gateway) -> None:
    body = event()
    assert gateway.send(body).status_code == 200
    (one,) = gateway.hub.queries.events(EventFilter()).items
    detail = gateway.hub.queries.event(one.id)
    assert (one.type, one.source, detail.raw) == ("payment.succeeded", "stripe", body)
    assert detail.data["amount"] == {"minor": 1999, "currency": "EUR"}
    assert gateway.refused() == {}


def test_a_repeated_delivery_is_accepted_and_kept_once(gateway: Gateway) -> None:
    body = event()
    assert [gateway.send(body).status_code for _ in range(3)] == [200, 200, 200]
    (one,) = gateway.hub.queries.events(EventFilter()).items
    assert one.duplicates == 2


def test_an_event_without_a_canonical_meaning_is_kept_under_the_connectors_name(gateway: Gateway) -> None:
    assert gateway.send(event("payment_intent.created")).status_code == 200
    assert gateway.kept() == [("stripe.payment_intent.created", "stripe")]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"body": event(), "secret": "whsec_of_somebody_else"}, 401),
        ({"body": event(), "age": 3_600}, 401),
        ({"body": b"paid!"}, 400),
        ({"body": b'{"id": "\xff\xfe"}'}, 400),
        ({"body": b"[" * 5_000}, 400),
        ({"body": b"x" * (LIMIT + 1)}, 413),
        ({"body": event(), "X-Padding": "x" * 100_000}, 431),
    ],
    ids=["forged", "stale", "no JSON", "not UTF-8", "too deep", "too large", "too many headers"],
)
def test_what_is_not_proved_or_readable_is_refused_and_counted(gateway: Gateway, sent: dict, status: int) -> None:
    answer = gateway.send(**sent)
    assert answer.status_code == status
    assert gateway.kept() == []
    assert gateway.refused() == {answer.get_json()["error"]: 1}


def test_a_delivery_without_a_signature_is_refused(gateway: Gateway) -> None:
    assert gateway.client.post("/hooks/stripe", data=event()).status_code == 401
    assert gateway.refused() == {"no_signature": 1}


def test_another_method_is_refused_and_counted(gateway: Gateway) -> None:
    assert gateway.client.put("/hooks/stripe", data=event()).status_code == 405
    assert gateway.refused() == {"wrong_method": 1}


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_gateway_may_ask_whether_anybody_takes_webhooks_here(gateway: Gateway, method: str) -> None:
    ask = getattr(gateway.client, method)
    assert [(answer.status_code, answer.data) for answer in (ask("/hooks/stripe"), ask("/hooks/stripe?a=1"))] == [
        (200, b""),
        (200, b""),
    ]
    assert ask("/hooks/nobody").status_code == 404
    assert gateway.refused() == {}


def test_a_connection_without_its_secret_asks_for_the_delivery_later_and_says_why(
    gateway: Gateway, monkeypatch
) -> None:
    def incomplete(*_given: object) -> None:
        message = "The connection 'stripe' has no 'webhook_secret'."
        raise ConfigError(message, remedy="Fill it in.")

    monkeypatch.setattr(gateway.hub.registry.get("stripe"), "receive", incomplete)
    answer = gateway.send(event())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert gateway.kept() == []
    (refusal,) = gateway.hub.store.refusals()
    assert "webhook_secret" in str(refusal["last_message"])


def test_a_connection_that_takes_no_webhooks_says_so_and_the_admin_sees_who_sent_one(gateway: Gateway) -> None:
    gateway.hub.accounts.create("post", "mail", {}, "test")
    answers = [gateway.client.open("/hooks/post", method=method, data=b"{}") for method in ("POST", "GET")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert gateway.refused() == {"no_webhook": 1}


def test_an_unknown_connection_is_not_found_and_not_counted(gateway: Gateway) -> None:
    assert gateway.client.post("/hooks/nobody", data=event()).status_code == 404
    assert gateway.client.put("/hooks/nobody", data=event()).status_code == 404
    assert gateway.refused() == {}
