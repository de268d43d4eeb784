"""Connectors that are no gateways, before a system that answers with all that it was sent: no secret comes through.

Gateways are walked by ``tests/stories/test_every_secret.py``; mail's password is in ``tests/connectors/mail``.
"""

from __future__ import annotations

import json
from urllib.parse import unquote

import pytest

from hub.connect.api import Connection
from hub.connect.manifest import Kind
from hub.connect.registry import Registry
from hub.errors import ActionError
from tests.contract.desk import Desk
from tests.fakes.server import Answered, FakeServer

TOKEN, OTHER = "planted-token-0123456789", "planted-secret-9876543210"
CARD = "4111 1111 1111 1111"
ADA = {"email": "ada@example.com"}

CASES = {
    "hubspot": ({"api_base": "URL"}, {"access_token": TOKEN, "client_secret": OTHER}, "contact.upsert", ADA),
    "salesforce": (
        {"my_domain": "URL", "client_id": "consumer"}, {"client_secret": OTHER}, "record.get",
        {"object": "Contact", "id": "003000000000001"},
    ),
    "slack": ({}, {"webhook_url": "URL/services/planted-token-0123456789"}, "message.post", {"text": "Hello"}),
    "http": ({"auth": "bearer"}, {"token": TOKEN}, "request", {"method": "POST", "url": "URL/x", "json": {"a": 1}}),
    "sandbox_crm": ({"api_base": "URL"}, {"token": TOKEN}, "contact.upsert", ADA),
}  # fmt: skip


class Echo(FakeServer):
    """Answers every request with everything that it knows of it, under a status of one's choice."""

    status = 400

    def handle(self, request):
        sent = json.dumps([dict(request.headers), request.path, request.body.decode("utf-8", "replace")])
        words = f"You sent {TOKEN}, {OTHER} and {CARD}: {unquote(sent)}"
        return Answered(self.status, {"error": {"code": words, "message": words}, "message": words, "category": words})


@pytest.fixture
def echo():
    with Echo().running() as fake:
        yield fake


def filled(value, url):
    return json.loads(json.dumps(value).replace("URL", url))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 200])
@pytest.mark.parametrize("name", CASES)
def test_no_secret_comes_through_in_errors_and_outputs(name, status, echo, registry, outbound):
    echo.status = status
    settings, secrets, action, given = filled(CASES[name], echo.url)
    held = {key: (value,) for key, value in secrets.items()}
    desk = Desk(registry.get(name), outbound, Connection("main", name, settings, held))
    try:
        shown = json.dumps(desk.run(action, given))
    except ActionError as error:
        shown = f"{error!r} {error.message} {error.remedy} {error.gateway_code} {json.dumps(error.details)}"
        assert CARD not in shown
    assert echo.received, "it was asked"
    for planted in (TOKEN, OTHER, *secrets.values()):
        if any(planted in secret for secret in secrets.values()):
            assert planted not in shown


def test_every_connector_that_calls_others_is_walked_somewhere():
    systems = {one.name for one in Registry.load().manifests() if one.kind not in {Kind.GATEWAY, Kind.HUB}}
    assert systems == {*CASES, "mail"}
