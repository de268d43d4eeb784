"""A connector made of an OpenAPI description alone: it keeps the rules, and its actions work."""

from __future__ import annotations

import json

import pytest

from hub.connect.api import Connection
from hub.connect.conformance import check_connector
from hub.connect.http import HttpSettings, Outbound
from hub.connect.openapi import connector_from_openapi
from hub.connect.registry import Registry
from hub.errors import ConfigError, PermanentError
from tests.contract.desk import Desk
from tests.fakes.fake_hubspot import FakeHubSpot
from tests.fakes.openapi import SPECS

SHOP = {
    "openapi": "3.0.3",
    "info": {"title": "Shop", "description": "A <b>small</b> shop. It sells things."},
    "servers": [{"url": "https://shop.example.com/api"}],
    "components": {
        "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
        "schemas": {
            "Item": {
                "allOf": [
                    {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "nullable": True}}},
                    {"properties": {"parent": {"$ref": "#/components/schemas/Item"}}},
                ]
            }
        },
    },
    "paths": {
        "/v2/items": {
            "get": {
                "parameters": [{"name": "page", "in": "query", "schema": {"type": "integer"}}],
                "responses": {"200": {"content": {"application/json": {"schema": {"type": "object", "properties": {
                    "items": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}}}}}}}},
            },
            "post": {
                "operationId": "createItem",
                "parameters": [{"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}}},
                "responses": {"201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}}}},
            },
        },
        "/v2/items/{itemId}": {
            "parameters": [{"name": "itemId", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {"responses": {"404": {"content": {"application/json": {"schema": {"properties": {"error": {}, "detail": {}}}}}}}},
            "delete": {"responses": {"204": {"description": "Gone"}}},
        },
    },
}  # fmt: skip


def made(folder, name, document):
    for path, text in connector_from_openapi(name, document).items():
        file = folder / name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return Registry.load([folder]).get(name)


def test_operations_become_actions_with_their_repeats_paging_and_errors(tmp_path):
    manifest = made(tmp_path, "shop", SHOP).manifest
    assert check_connector(manifest.folder) == []
    assert {name: spec.idempotent.value for name, spec in manifest.actions.items()} == {
        "items.list": "nature", "items.create": "key", "items.get": "nature", "items.delete": "nature",
    }  # fmt: skip
    assert manifest.summary == "A small shop."
    assert manifest.actions["items.list"].rest["paging"] == {
        "style": "page",
        "items": "answer.items",
        "parameter": "page",
    }
    assert manifest.actions["items.create"].rest["headers"] == {"Idempotency-Key": "${ key }"}
    assert manifest.actions["items.get"].rest["path"] == "/v2/items/${ input.item_id }"
    assert manifest.api["errors"] == {"code": "answer.error", "message": "answer.detail"}
    assert manifest.api["auth"] == {"type": "header", "header": "X-Key", "token": "api_key"}
    body = manifest.actions["items.create"].input["properties"]["body"]
    assert body["required"] == ["name"]
    assert body["properties"]["name"]["type"] == ["string", "null"]


@pytest.mark.parametrize("provider", ["hubspot", "paypal"])
def test_every_official_description_becomes_a_connector_that_keeps_the_rules(tmp_path, provider):
    files = sorted((SPECS / provider).glob("*.json"))
    assert files, f"the descriptions are expected at {SPECS}"
    for file in files:
        connector = made(tmp_path, f"x_{file.stem}", json.loads(file.read_text()))
        assert check_connector(connector.manifest.folder) == [], file.name
        assert connector.manifest.actions


@pytest.fixture
def contacts(tmp_path):
    """HubSpot's contacts by a connector made of the official description, to a fake that holds requests against it."""
    connector = made(tmp_path, "contacts", json.loads((SPECS / "hubspot" / "contacts.json").read_text()))
    outbound = Outbound(HttpSettings(allowed=("127.0.0.0/8",), read_timeout=5))
    with FakeHubSpot().running() as fake:
        connection = Connection("c", "contacts", {"api_base": fake.url}, {"token": (fake.token,)})
        yield Desk(connector, outbound, connection)
    outbound.close()
    assert fake.complaints == []


def create(desk, number):
    body = {"properties": {"email": f"p{number}@example.com", "firstname": "P"}, "associations": []}
    return desk.run("contacts.create", {"body": body}, key=f"create-{number}")


def test_a_record_is_made_read_changed_and_found_page_by_page(contacts):
    first = create(contacts, 1)
    contacts.run("contacts.update", {"contact_id": first["id"], "body": {"properties": {"firstname": "Ada"}}})
    assert contacts.run("contacts.get", {"contact_id": first["id"]})["properties"]["firstname"] == "Ada"
    for number in range(2, 6):
        create(contacts, number)
    found = contacts.run("contacts.list", {"limit": 2})
    assert len(found["items"]) == 5


def test_errors_come_in_the_hubs_words_with_the_providers_own(contacts):
    with pytest.raises(PermanentError) as caught:
        contacts.run("contacts.get", {"contact_id": "999"})
    assert caught.value.code == "not_found"
    with pytest.raises(PermanentError) as caught:
        contacts.run("contacts.create", {"body": {"properties": "none"}})
    assert caught.value.code == "bad_input"


@pytest.mark.parametrize("document", [{}, {"openapi": "3.1.0"}, {"swagger": "2.0", "paths": {}}])
def test_what_is_no_description_is_refused(document):
    with pytest.raises(ConfigError, match="no OpenAPI 3 description"):
        connector_from_openapi("shop", document)
