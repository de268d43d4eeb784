"""Registers webhooks at Stripe: API "Webhook endpoints". The signing secret is told once, when the endpoint is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from connectors.stripe.api import Stripe, segment
from hub.connect.api import Endpoint
from hub.errors import PermanentError

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import JsonObject

EVENTS: Final = (
    *("payment_intent.succeeded", "payment_intent.processing", "payment_intent.amount_capturable_updated"),
    *("payment_intent.payment_failed", "payment_intent.canceled"),
    *("checkout.session.completed", "checkout.session.expired"),
    *("checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed"),
    *(
        "charge.succeeded",
        "charge.updated",
        "charge.pending",
        "charge.captured",
        "charge.failed",
        "charge.expired",
        "charge.refunded",
    ),
    *("charge.refund.updated", "charge.dispute.created", "charge.dispute.closed"),
    *("refund.created", "refund.updated", "refund.failed"),
    *("invoice.paid", "invoice.payment_failed", "invoice.payment_action_required"),
    *("customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted"),
    *("customer.subscription.paused", "customer.subscription.resumed", "subscription_schedule.canceled"),
    *("price.created", "price.updated", "price.deleted"),
    *("transfer.created", "transfer.reversed", "payout.paid", "payout.failed", "payout.canceled"),
)
"""What the event map reads; plan.* and invoice.payment_succeeded only repeat what price.* and invoice.paid tell."""


class StripeEndpoints:
    """Implements :class:`hub.connect.api.Endpoints`."""

    def list(self, call: Call) -> tuple[Endpoint, ...]:
        """All webhook endpoints of the account."""
        return tuple(_endpoint(one) for one in Stripe(call).listed("/v1/webhook_endpoints", {}))

    def create(self, call: Call, url: str) -> Endpoint:
        """Make one for ``url`` in the API version that the connection pins; its signing secret comes with it."""
        stripe = Stripe(call)
        form = {
            "url": url,
            "enabled_events": list(EVENTS),
            "api_version": stripe.version,
            "description": "Connector Hub",
        }
        made = stripe.post("/v1/webhook_endpoints", cast("JsonObject", form), part="endpoint")
        return _endpoint(made, str(made["secret"]))

    def enable(self, call: Call, endpoint: str) -> Endpoint:
        """Switch one on again that was disabled, with the events of today."""
        form: JsonObject = {"disabled": False, "enabled_events": list(EVENTS)}
        return _endpoint(Stripe(call).post(f"/v1/webhook_endpoints/{segment(endpoint)}", form, part="enable"))

    def delete(self, call: Call, endpoint: str) -> None:
        """Take one away; one that is gone already is no error."""
        try:
            Stripe(call).delete(f"/v1/webhook_endpoints/{segment(endpoint)}")
        except PermanentError as error:
            if error.code != "not_found":
                raise


def _endpoint(made: JsonObject, secret: str = "") -> Endpoint:
    return Endpoint(
        id=str(made["id"]),
        url=str(made["url"]),
        enabled=made.get("status") == "enabled",
        events=tuple(cast("list[str]", made.get("enabled_events") or [])),
        secrets={"webhook_secret": secret} if secret else {},
    )
