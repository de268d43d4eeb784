"""Registers webhooks at Razorpay. The secret is ours to choose, and a change of it needs no new webhook.

An account of a partner has the documented address ``/v2/accounts/{account}/webhooks``. For the own account Razorpay's SDKs
call ``/v1/webhooks``, where events are written as an object of switches and nothing is deleted: a webhook is switched off.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from connectors.razorpay.api import Razorpay, list_of, object_of, segment
from hub.connect.api import Endpoint
from hub.errors import PermanentError

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

EVENTS: Final = (
    *("payment.authorized", "payment.captured", "payment.failed", "payment.pending", "order.paid"),
    *("payment_link.paid", "payment_link.partially_paid", "payment_link.expired", "payment_link.cancelled"),
    *("invoice.paid", "invoice.partially_paid", "invoice.expired"),
    *("refund.created", "refund.processed", "refund.failed"),
    *("payment.dispute.created", "payment.dispute.won", "payment.dispute.lost", "payment.dispute.closed"),
    *("subscription.activated", "subscription.charged", "subscription.pending", "subscription.halted"),
    *("subscription.updated", "subscription.paused", "subscription.resumed"),
    *("subscription.cancelled", "subscription.completed"),
    *("transfer.processed", "transfer.failed", "settlement.processed"),
)
"""What the event map reads of the gateway's own events; RazorpayX has its one webhook in a dashboard of its own."""


class RazorpayEndpoints:
    """Implements :class:`hub.connect.api.Endpoints`."""

    def list(self, call: Call) -> tuple[Endpoint, ...]:
        """The webhooks of the account, in one page: Razorpay allows 30."""
        listing = Razorpay(call).get(_path(call), {"count": "100"})
        return tuple(_endpoint(one) for one in list_of(listing.get("items")))

    def create(self, call: Call, url: str) -> Endpoint:
        """Register ``url`` under a new secret; one that is registered already gets the secret and today's events."""
        secret = secrets.token_urlsafe(32)
        known = next((one for one in self.list(call) if one.url == url), None)
        if known is not None:
            return _endpoint(_change(call, known.id, {**_wanted(call), "url": url, "secret": secret}), secret)
        body = {
            **_wanted(call),
            "url": url,
            "secret": secret,
            "alert_email": call.connection.settings.get("alert_email"),
        }
        return _endpoint(Razorpay(call).post(_path(call), body), secret)

    def enable(self, call: Call, endpoint: str) -> Endpoint:
        """Switch one on again that Razorpay disabled after a day of failures, with the events of today."""
        known = next((one for one in self.list(call) if one.id == endpoint), None)
        url = {"url": known.url} if known is not None else {}
        return _endpoint(_change(call, endpoint, {**_wanted(call), **url}))

    def delete(self, call: Call, endpoint: str) -> None:
        """Take one away, or switch it off where nothing is deleted; one that is gone already is no error."""
        try:
            if call.connection.settings.get("account"):
                razorpay = Razorpay(call)
                response = razorpay.send("DELETE", f"{_path(call)}/{segment(endpoint)}", repeatable=True)
                razorpay.judge(response, repeatable=True)
            else:
                known = next((one for one in self.list(call) if one.id == endpoint), None)
                if known is not None:
                    _change(call, endpoint, {**_wanted(call), "url": known.url, "active": False})
        except PermanentError as error:
            if error.code != "not_found":
                raise


def _path(call: Call) -> str:
    account = call.connection.settings.get("account")
    return f"/v2/accounts/{segment(account)}/webhooks" if account else "/v1/webhooks"


def _wanted(call: Call) -> dict[str, Json]:
    if call.connection.settings.get("account"):
        return {"active": True, "events": list(EVENTS)}
    return {"active": True, "events": dict.fromkeys(EVENTS, "1")}


def _change(call: Call, endpoint: str, body: JsonObject) -> JsonObject:
    razorpay, path = Razorpay(call), f"{_path(call)}/{segment(endpoint)}"
    if call.connection.settings.get("account"):
        return razorpay.patch(path, body)
    response = razorpay.send("PUT", path, json=body, repeatable=True)
    razorpay.judge(response, repeatable=True)
    return object_of(response.json())


def _endpoint(made: JsonObject, secret: str = "") -> Endpoint:
    events = made.get("events")
    named = [name for name, on in events.items() if on not in {False, "0"}] if isinstance(events, dict) else events
    return Endpoint(
        id=str(made["id"]),
        url=str(made["url"]),
        enabled=made.get("active") in {True, "1"} and not made.get("disabled_at"),
        events=tuple(str(name) for name in named) if isinstance(named, list) else (),
        secrets={"webhook_secret": secret} if secret else {},
    )
