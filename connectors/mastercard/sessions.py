"""Checkout sessions: the gateway's page (Hosted Checkout), the same page within ours, and payment links.

Sources: the gateway's guide "Hosted Checkout" (Establishing a Session, Payment Links, Credential on File) and its REST
reference, version 100, operation Initiate Checkout. A session moves no money: it may be made twice for one order, and the
order is paid once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from connectors.mastercard.api import Gateway, amount_text, object_of, segment
from connectors.mastercard.carried import order_words, payer
from hub.connect.answers import failure

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import JsonObject

WEBSITE = "WEBSITE"
PAYMENT_LINK = "PAYMENT_LINK"


def initiate(call: Call, mode: str, *, link: JsonObject | None = None) -> JsonObject:
    """Make a checkout session for the order ``call.reference``; give the gateway's answer. Raises like an action.

    ``link`` says how long a payment link lives.
    """
    gateway, given, settings = Gateway(call), call.input, call.connection.settings
    _check_methods(given)
    manual = given.get("capture") == "manual"
    body: JsonObject = {
        "apiOperation": "INITIATE_CHECKOUT",
        "checkoutMode": mode,
        "interaction": {
            "operation": "AUTHORIZE" if manual else "PURCHASE",
            "merchant": {"name": str(settings.get("merchant_name") or gateway.merchant)[:40]},
            "returnUrl": return_address(call),
            "cancelUrl": given.get("cancel_url"),
            "action": {"3DSecure": "MANDATORY" if demands_three_d_secure(call) else None},
        },
        "order": {"id": call.reference, **amount_text(given["amount"]), **order_words(given)},
        "agreement": agreement(call) if given.get("save_method") else None,
        "paymentLink": link,
        **payer(given),
    }
    return gateway.answer("POST", "/session", body)


def page_address(call: Call, session: JsonObject) -> str:
    """The address of the gateway's page for a session. Raises ``bad_answer`` when there is no session."""
    return f"{Gateway(call).base}/checkout/pay/{segment(session_id(session))}?checkoutVersion=1.0.0"


def session_id(answer: JsonObject) -> str:
    """The id of the session that an answer gives. Raises ``TransientError`` (``bad_answer``)."""
    identity = object_of(answer.get("session")).get("id")
    if not identity:
        raise failure("bad_answer", "The Mastercard Gateway gave no session.")
    return str(identity)


def checkout_client(call: Call, session: JsonObject) -> JsonObject:
    """What the page's script needs to show Hosted Checkout within a page of ours."""
    base = Gateway(call).base
    return {
        "kind": "mastercard.checkout",
        "session": session_id(session),
        "script_url": f"{base}/static/checkout/checkout.min.js",
        "origins": [origin(base)],
    }


def return_address(call: Call) -> str | None:
    """Where the payer goes afterwards: the step's word, else the connection's."""
    address = call.input.get("return_url") or call.connection.settings.get("return_url")
    return str(address) if address else None


def demands_three_d_secure(call: Call) -> bool:
    """Whether every payer's bank is asked, whatever the merchant profile says. Maestro is refused without."""
    return (call.connection.settings.get("three_d_secure") or "mandatory") == "mandatory"


def agreement(call: Call) -> JsonObject:
    """The agreement to later payments, named after the order that it is made in.

    Recurring when a subscription of the hub's begins, else unscheduled; ``options.agreement`` says more.
    """
    metadata = cast("JsonObject", call.input.get("metadata") or {})
    recurring: JsonObject = {"type": "RECURRING", "amountVariability": "VARIABLE"}
    usual: JsonObject = recurring if metadata.get("hub_subscription") else {"type": "UNSCHEDULED"}
    options = cast("JsonObject", call.input.get("options") or {})
    return {**usual, **object_of(options.get("agreement")), "id": call.reference}


def origin(address: str) -> str:
    """The origin of an address, for a page's content security policy."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _check_methods(given: JsonObject) -> None:
    methods = cast("list[str] | None", given.get("methods"))
    if methods and "card" not in methods:
        raise failure(
            "bad_input", "Which means the Mastercard Gateway's page offers beside cards is set in the merchant profile."
        )
