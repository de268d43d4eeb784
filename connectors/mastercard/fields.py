"""Hosted Session: the gateway's card fields in a page of ours, with 3-D Secure; the payment itself is made by the server.

Sources: the gateway's guides "Hosted Session" and "3DS with the 3DS JavaScript API", its references of ``session.js`` and
``threeDS.js``, and the REST reference, version 100. Amount and order are put into the session by the server; the browser
adds card fields and nothing else, and the payment takes both from the session.

The order's id says how it is to be paid: ``hub-…-f``, then ``a`` to authorise only, then ``s`` to keep the card.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, cast

from connectors.mastercard.api import Gateway, amount_text, object_of, segment
from connectors.mastercard.carried import order_words, payer
from connectors.mastercard.errors import declined
from connectors.mastercard.orders import entry_of, is_begun
from connectors.mastercard.sessions import agreement, demands_three_d_secure, origin, return_address, session_id
from hub.connect.answers import failure

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

THREE_D_SECURE_SCRIPT = "/static/threeDS/1.3.0/three-ds.min.js"
ATTEMPTS = 25
"""How often a session may be used to authenticate a payer; the gateway's own default is 5, its most 25."""

_ORDER = re.compile(r".+-f(a?)(s?)")
_SESSION = re.compile(r"SESSION[0-9A-Za-z]{1,40}")
_AUTHENTICATION = re.compile(r"[0-9A-Za-z-]{1,40}")


def order_id(call: Call) -> str:
    """The order's id of a payment by fields."""
    given = call.input
    manual, save = given.get("capture") == "manual", given.get("save_method") is True
    return f"{call.reference}-f{'a' if manual else ''}{'s' if save else ''}"


def is_by_fields(payment: str) -> bool:
    """Whether a payment is one whose card is entered in the gateway's fields."""
    return _ORDER.fullmatch(payment) is not None


def mint(call: Call) -> tuple[str, JsonObject]:
    """A session that holds order and amount: the payment's reference, and what the page's script needs."""
    gateway, given = Gateway(call), call.input
    payment = order_id(call)
    back = return_address(call)
    if back is None:
        raise failure("bad_input", "3-D Secure needs return_url: give it in the step, or in the connection for all.")
    session = session_id(gateway.answer("POST", "/session", {"session": {"authenticationLimit": ATTEMPTS}}))
    body: JsonObject = {
        "order": {"id": payment, **amount_text(given["amount"]), **order_words(given)},
        "authentication": {
            "channel": "PAYER_BROWSER",
            "purpose": "PAYMENT_TRANSACTION",
            "redirectResponseUrl": f"{back}{'&' if '?' in back else '?'}session={session}",
        },
        "agreement": {**agreement(call), "id": payment} if given.get("save_method") else None,
        **payer(given),
    }
    gateway.answer("PUT", f"/session/{segment(session)}", body)
    profile = f"version/{gateway.version}/merchant/{segment(gateway.merchant)}"
    return payment, {
        "kind": "mastercard.session",
        "session": session,
        "order": payment,
        "merchant": gateway.merchant,
        "api_version": str(gateway.version),
        "script_url": f"{gateway.base}/form/{profile}/session.js",
        "three_d_secure_url": f"{gateway.base}{THREE_D_SECURE_SCRIPT}",
        "origins": [origin(gateway.base)],
    }


def pay(call: Call, payment: str, order: JsonObject | None) -> None:
    """Pay with the card that the payer put into the session, unless the order is paid or being paid already.

    The session must be the one that was made for this very payment (``bad_return``), so neither amount nor order can be
    swapped; an authentication must not have failed (``authentication_required``). One authentication makes one payment,
    however often the browser comes back. Raises like an action.
    """
    parameters = cast("JsonObject", call.input.get("parameters") or {})
    session = str(parameters.get("session") or "")
    if not session or (order is not None and is_begun(order)):
        return
    gateway = Gateway(call)
    version = _check_session(gateway, session, payment)
    authentication = str(parameters.get("authentication") or parameters.get("transaction.id") or "")
    _check_authentication(call, order, authentication)
    found = _ORDER.fullmatch(payment)
    authorise, save = (found[1], found[2]) if found else ("", "")
    body: dict[str, Json] = {
        "apiOperation": "AUTHORIZE" if authorise else "PAY",
        "session": {"id": session},
        "authentication": {"transactionId": authentication or None},
        "transaction": {"source": "INTERNET"},
    }
    if save:
        token = gateway.answer("POST", "/token", {"session": {"id": session}, "sourceOfFunds": {"type": "CARD"}})
        stored: JsonObject = {"card": {"storedOnFile": "TO_BE_STORED"}}
        body["sourceOfFunds"] = {"type": "CARD", "token": token.get("token"), "provided": stored}
    attempt = hashlib.sha256(f"{session}:{authentication or version}".encode()).hexdigest()[:20]
    entry = gateway.put_transaction(payment, f"pay-{attempt}", body)
    if entry.get("result") == "FAILURE":
        raise declined(entry)


def _check_session(gateway: Gateway, session: str, payment: str) -> str:
    """The session's version, once it is proved to be this payment's own."""
    if _SESSION.fullmatch(session) is None:
        raise failure("bad_return", "What came back names no session.")
    held = gateway.answer("GET", f"/session/{segment(session)}")
    if object_of(held.get("order")).get("id") != payment:
        raise failure("bad_return", "The session that came back was made for another payment.")
    return str(object_of(held.get("session")).get("version") or "")


def _check_authentication(call: Call, order: JsonObject | None, authentication: str) -> None:
    if not authentication:
        if demands_three_d_secure(call):
            raise failure(
                "authentication_required", "The payer was not asked for 3-D Secure, which this connection demands."
            )
        return
    if _AUTHENTICATION.fullmatch(authentication) is None:
        raise failure("bad_return", "What came back names no authentication.")
    entry = entry_of(order, authentication) if order is not None else None
    if entry is None:
        raise failure("bad_return", "The gateway knows no authentication of this name.")
    recommendation = str(object_of(entry.get("response")).get("gatewayRecommendation") or "PROCEED")
    if recommendation != "PROCEED":
        status = str(object_of(entry.get("transaction")).get("authenticationStatus") or recommendation)
        raise failure("authentication_required", f"The Mastercard Gateway says {status}.", gateway_code=status)
