"""Payment links: Stripe's own, or a Checkout Session where the link has to expire within a day."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from connectors.stripe.api import Stripe, amount_form, segment, time_of, words
from connectors.stripe.carried import FLOW_CHECKOUT, carried
from connectors.stripe.payments import checkout, expire
from hub.connect.answers import failure

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

LONGEST_SESSION = timedelta(hours=24)
"""A Checkout Session stays open for 30 minutes to 24 hours; Stripe's payment links have no end."""


def create(call: Call) -> Json:
    """Make an address that can be sent to somebody (``link.create``)."""
    given = call.input
    expires_at = cast("str | None", given.get("expires_at"))
    if expires_at is None:
        return _payment_link(call)
    if given.get("reusable") or _is_too_far(call, expires_at):
        raise failure(
            "bad_input",
            "Stripe's payment links do not expire, and a single checkout lasts 30 minutes to 24 hours. Leave expires_at "
            "out and close the link with link.cancel when its time has come.",
        )
    session = checkout(call, given)
    return {
        "link": session.get("id"),
        "url": session.get("url"),
        "status": "active",
        "amount": given["amount"],
        "expires_at": time_of(session.get("expires_at")),
        "gateway": words(session),
    }


def cancel(call: Call) -> Json:
    """Nobody can pay on it any more (``link.cancel``)."""
    stripe, link = Stripe(call), str(call.input["link"])
    if link.startswith("cs_"):
        session = stripe.get(f"/v1/checkout/sessions/{segment(link)}")
        if session.get("status") == "complete":
            raise failure("wrong_state", f"The link {link} is paid.")
        closed = expire(stripe, link, session)
    else:
        closed = stripe.post(f"/v1/payment_links/{segment(link)}", {"active": False})
    return {"link": link, "status": "cancelled", "gateway": words(closed)}


def _payment_link(call: Call) -> JsonObject:
    stripe, given = Stripe(call), call.input
    metadata = carried(given, flow=FLOW_CHECKOUT)
    amount = amount_form(given["amount"])
    product = {"name": given.get("description") or given.get("order") or "Payment"}
    price_form = {"currency": amount["currency"], "unit_amount": amount["amount"], "product_data": product}
    price = stripe.post("/v1/prices", price_form, part="price")
    return_url = given.get("return_url") or call.connection.settings.get("return_url")
    form: dict[str, Json] = {
        "line_items": [{"price": price["id"], "quantity": 1}],
        "after_completion": {"type": "redirect", "redirect": {"url": return_url}} if return_url else None,
        "restrictions": None if given.get("reusable") else {"completed_sessions": {"limit": 1}},
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata, "description": given.get("description")},
    }
    made = stripe.post("/v1/payment_links", form)
    return {
        "link": made.get("id"),
        "url": made.get("url"),
        "status": "active" if made.get("active", True) else "cancelled",
        "amount": given["amount"],
        "gateway": words(made),
    }


def _is_too_far(call: Call, expires_at: str) -> bool:
    """Whether it lies beyond a session's longest life."""
    return datetime.fromisoformat(expires_at) - call.now > LONGEST_SESSION
