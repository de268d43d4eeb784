"""Registers webhooks by Authorize.Net's REST API. The signature key must exist before; the API never tells it.

Sources: AuthorizeNet/webhooks-sample-app, samples of stymiee/authnetjson (answers of ``/rest/v1/webhooks``).
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from connectors.authorize_net.api import REST, AuthorizeNet, listed, object_of
from hub.connect.api import Endpoint
from hub.connect.manifest import load_manifest
from hub.errors import PermanentError

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

PATH = f"{REST}/webhooks"


class AuthorizeNetEndpoints:
    """Implements :class:`hub.connect.api.Endpoints`."""

    def list(self, call: Call) -> tuple[Endpoint, ...]:
        """The webhooks that the account has."""
        return tuple(_endpoint(one) for one in listed(AuthorizeNet(call).rest("GET", PATH)))

    def create(self, call: Call, url: str) -> Endpoint:
        """Register ``url`` for the event map's types. Without a signature key at Authorize.Net it is refused."""
        api = AuthorizeNet(call)
        body: JsonObject = {"name": "Connector Hub", "url": url, "eventTypes": _offered(api), "status": "active"}
        return _endpoint(object_of(api.rest("POST", PATH, body=body)))

    def enable(self, call: Call, endpoint: str) -> Endpoint:
        """Switch one on again, with the events of today. Authorize.Net switches one off after ten failed repeats."""
        api = AuthorizeNet(call)
        body: JsonObject = {"eventTypes": _offered(api), "status": "active"}
        return _endpoint(object_of(api.rest("PUT", f"{PATH}/{quote(endpoint, safe='')}", body=body)))

    def delete(self, call: Call, endpoint: str) -> None:
        """Take one away; one that is gone already is no error."""
        try:
            AuthorizeNet(call).rest("DELETE", f"{PATH}/{quote(endpoint, safe='')}")
        except PermanentError as error:
            if error.code != "not_found":
                raise


@functools.cache
def known_types() -> tuple[str, ...]:
    """The types of webhooks that the manifest's event map names."""
    manifest = load_manifest(Path(__file__).parent)
    named = [name for rule in manifest.events for name in rule.raw if name.startswith("net.authorize.")]
    return tuple(dict.fromkeys(named))


def _offered(api: AuthorizeNet) -> list[Json]:
    """The event map's types that this account may hear: one unknown type would have the whole webhook refused."""
    offered = {str(one.get("name")) for one in listed(api.rest("GET", f"{REST}/eventtypes"))}
    return [name for name in known_types() if name in offered]


def _endpoint(row: JsonObject) -> Endpoint:
    return Endpoint(
        id=str(row.get("webhookId") or ""),
        url=str(row.get("url") or ""),
        enabled=row.get("status") == "active",
        events=tuple(cast("list[str]", row.get("eventTypes") or [])),
    )
