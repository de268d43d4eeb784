"""Payment links of the gateway's own (Hosted Checkout in the mode PAYMENT_LINK).

Sources: the gateway's guide "Payment Links" and its REST reference, operations Initiate Checkout and Delete Payment Link. A
link cannot be changed; it ends with its first payment, at its time, or after its number of attempts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from connectors.mastercard.api import Gateway, object_of, segment
from connectors.mastercard.orders import is_begun
from connectors.mastercard.sessions import PAYMENT_LINK, initiate
from hub.connect.answers import failure

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject


def create(call: Call) -> Json:
    """Make an address that can be sent to somebody (``link.create``). Its reference names order and link."""
    given = call.input
    if given.get("reusable"):
        raise failure(
            "bad_input", "The Mastercard Gateway's links end with their first payment: make one link per payment."
        )
    options = cast("JsonObject", given.get("options") or {})
    attempts = options.get("attempts")
    limits: JsonObject = {
        "expiryDateTime": given.get("expires_at"),
        "numberOfAllowedAttempts": str(attempts) if attempts else None,
    }
    marked = call.with_input({**given, "link": call.reference})
    made = initiate(marked, PAYMENT_LINK, link=limits)
    link = object_of(made.get("paymentLink"))
    if not link.get("url") or not link.get("id"):
        raise failure("bad_answer", "The Mastercard Gateway gave no payment link.")
    reference = f"{call.reference}/{link['id']}"
    _name_in_order(call, made, reference)
    return {
        "link": reference,
        "url": link["url"],
        "status": "active",
        "amount": given["amount"],
        "expires_at": link.get("expiryDateTime") or given.get("expires_at"),
        "gateway": {"name": "mastercard", "id": str(link["id"]), "order": call.reference},
    }


def cancel(call: Call) -> Json:
    """Nobody can pay on it any more (``link.cancel``). One that is gone already is no error; a paid one is."""
    reference = str(call.input["link"])
    order_id, _, link = reference.partition("/")
    gateway = Gateway(call)
    order = gateway.order(order_id) if link else None
    if order is not None and is_begun(order):
        raise failure("wrong_state", f"The link {reference} is paid.")
    gateway.delete(f"/link/{segment(link or order_id)}")
    return {"link": reference, "status": "cancelled", "gateway": {"name": "mastercard", "id": link or order_id}}


def _name_in_order(call: Call, made: JsonObject, reference: str) -> None:
    """Put the link's whole reference into its session, so that the order that comes of it names the link.

    Its beginning, the order's id, stands there from the start: by it the event map knows a link's payment.
    """
    session = object_of(made.get("session")).get("id")
    if session:
        body: JsonObject = {"order": {"custom": {"link": reference}}}
        Gateway(call).answer("PUT", f"/session/{segment(session)}", body)
