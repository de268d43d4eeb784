"""Registering webhooks at PayPal: up to ten for an app, each with an id that its signatures are made over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from connectors.paypal.api import PayPal, list_of, segment
from hub.connect.api import Endpoint
from hub.connect.manifest import load_manifest
from hub.errors import PermanentError

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import JsonObject

_PATH = "/v1/notifications/webhooks"


class Webhooks:
    """Implements :class:`hub.connect.api.Endpoints`."""

    def list(self, call: Call) -> tuple[Endpoint, ...]:
        """The webhooks of the app."""
        return tuple(_endpoint(one) for one in list_of(PayPal(call).get(_PATH).get("webhooks")))

    def create(self, call: Call, url: str) -> Endpoint:
        """Register ``url`` for what the map names and PayPal knows; one that is there already is taken."""
        paypal = PayPal(call)
        try:
            return _endpoint(paypal.post(_PATH, {"url": url, "event_types": _types(paypal)}))
        except PermanentError as error:
            found = (
                next((one for one in self.list(call) if one.url == url), None) if error.code == "duplicate" else None
            )
            if found is None:
                raise
            return found

    def enable(self, call: Call, endpoint: str) -> Endpoint:
        """Subscribe a webhook anew to all that the map names. PayPal itself switches none off."""
        paypal = PayPal(call)
        path = f"{_PATH}/{segment(endpoint)}"
        paypal.patch(path, {"event_types": _types(paypal)})
        return _endpoint(paypal.get(path))

    def delete(self, call: Call, endpoint: str) -> None:
        """Take a webhook away; one that is not there any more is no error."""
        paypal = PayPal(call)
        response = paypal.send("DELETE", f"{_PATH}/{segment(endpoint)}")
        if response.status != 404:  # noqa: PLR2004
            paypal.judge(response)


def _types(paypal: PayPal) -> list[JsonObject]:
    """The types of the map that PayPal offers: one unknown name would have the whole registration refused."""
    offered = paypal.get("/v1/notifications/webhooks-event-types")
    names = {str(one.get("name")) for one in list_of(offered.get("event_types"))}
    manifest = load_manifest(Path(__file__).parent)
    return [{"name": name} for rule in manifest.events for name in rule.raw if name in names]


def _endpoint(webhook: JsonObject) -> Endpoint:
    identity = str(webhook.get("id"))
    types = tuple(str(one.get("name")) for one in list_of(webhook.get("event_types")))
    return Endpoint(
        id=identity,
        url=str(webhook.get("url")),
        events=() if types == ("*",) else types,
        settings={"webhook_id": identity},
    )
