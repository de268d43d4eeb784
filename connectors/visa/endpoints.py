"""Registers webhooks by Visa's API: a signing key first, then the subscription to all that the account may hear.

Sources: the SDK's models and samples ``SaveSymEgressKey``, ``CreateWebhook`` (v2), ``UpdateStatus``, 0.0.80.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.visa.api import Visa, object_of, objects_of, segment
from hub.connect.answers import failure
from hub.connect.api import Endpoint
from hub.connect.manifest import load_manifest

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

PATH = "/notification-subscriptions/v2/webhooks"
KEY_PATH = "/kms/egress/v2/keys-sym"
KEY_DAYS = "365"


class VisaEndpoints:
    """Webhooks of the connection's organisation."""

    def list(self, call: Call) -> tuple[Endpoint, ...]:
        """The webhooks that the organisation has."""
        visa = Visa(call)
        answer = visa.send("GET", PATH, query={"organizationId": organization(call)})
        if answer.status == 404:  # noqa: PLR2004
            return ()
        listed = visa.judged(answer).json()
        rows = listed if isinstance(listed, list) else object_of(listed).get("webhooks")
        return tuple(_endpoint(one) for one in objects_of(rows))

    def create(self, call: Call, url: str) -> Endpoint:
        """Make a signing key and subscribe ``url`` to every event of the map that the account may hear."""
        visa, owner = Visa(call), organization(call)
        products = _products(visa, owner)
        if not products:
            raise failure("not_enabled", "Visa offers this account no events of those that the hub understands.")
        key_id, key = _new_key(visa, owner)
        body: JsonObject = {
            "name": "Connector Hub",
            "description": f"Events for {url}"[:255],
            "organizationId": owner,
            "products": products,
            "webhookUrl": url,
            "healthCheckUrl": url,
            "notificationScope": "SELF",
            "retryPolicy": {
                "algorithm": "ARITHMETIC",
                "firstRetry": 1,
                "interval": 1,
                "numberOfRetries": 3,
                "deactivateFlag": "true",
                "repeatSequenceCount": 3,
                "repeatSequenceWaitTime": 30,
            },
            "securityPolicy": {"securityType": "KEY", "config": {"additionalConfig": {"keyId": key_id}}},
        }
        made = _endpoint(visa.write("POST", PATH, body))
        settings, secrets = {"organization_id": owner}, {"webhook_key": f"{key_id}:{key}"}
        return Endpoint(made.id, made.url or url, made.enabled, _types(products), settings, secrets)

    def enable(self, call: Call, endpoint: str) -> Endpoint:
        """Switch a webhook on (again)."""
        visa, path = Visa(call), f"{PATH}/{segment(endpoint)}"
        visa.write("PUT", f"{path}/status", {"status": "ACTIVE"}, repeatable=True)
        return _endpoint(visa.get(path))

    def delete(self, call: Call, endpoint: str) -> None:
        """Take a webhook away."""
        visa = Visa(call)
        answer = visa.send("DELETE", f"{PATH}/{segment(endpoint)}")
        if answer.status != 404:  # noqa: PLR2004
            visa.judged(answer)


def organization(call: Call) -> str:
    """The organisation whose events are meant: the connection's own, else the merchant."""
    settings = call.connection.settings
    return str(settings.get("organization_id") or settings["merchant_id"])


@functools.cache
def known_types() -> frozenset[str]:
    """The raw types that the manifest's event map names."""
    manifest = load_manifest(Path(__file__).parent)
    return frozenset(name for rule in manifest.events for name in rule.raw)


def _products(visa: Visa, owner: str) -> list[JsonObject]:
    """What the account may hear, cut to what the hub understands."""
    listed = visa.judged(visa.send("GET", f"/notification-subscriptions/v2/products/{segment(owner)}")).json()
    rows = listed if isinstance(listed, list) else object_of(listed).get("products")
    products: list[JsonObject] = []
    for row in objects_of(rows):
        offered = row.get("eventTypes")
        names = [
            str(one.get("eventName") or one.get("eventType")) if isinstance(one, dict) else str(one)
            for one in (offered if isinstance(offered, list) else [])
        ]
        wanted = [name for name in names if name in known_types()]
        if wanted:
            products.append({"productId": row.get("productId"), "eventTypes": wanted})
    return products


def _new_key(visa: Visa, owner: str) -> tuple[str, str]:
    body: JsonObject = {
        "clientRequestAction": "CREATE",
        "keyInformation": {
            "provider": "nrtd",
            "tenant": owner,
            "keyType": "sharedSecret",
            "organizationId": owner,
            "expiryDuration": KEY_DAYS,
        },
    }
    made = object_of(visa.write("POST", KEY_PATH, body).get("keyInformation"))
    key_id, key = made.get("keyId"), made.get("key")
    if not isinstance(key_id, str) or not isinstance(key, str):
        raise failure("bad_answer", "Visa made no signing key.")
    return key_id, key


def _endpoint(row: JsonObject) -> Endpoint:
    products = objects_of(row.get("products"))
    return Endpoint(
        str(row.get("webhookId") or row.get("id") or ""),
        str(row.get("webhookUrl") or ""),
        row.get("status") == "ACTIVE",
        _types(products),
    )


def _types(products: list[JsonObject]) -> tuple[str, ...]:
    names: list[Json] = []
    for product in products:
        offered = product.get("eventTypes")
        names += offered if isinstance(offered, list) else []
    return tuple(str(name) for name in names)
