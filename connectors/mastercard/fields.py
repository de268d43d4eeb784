"""Hosted Session: the gateway's card fields in a page of ours, with 3-D Secure; the payment itself is made by the server.

Sources: the gateway's guides "Hosted Session" and "3DS with the 3DS JavaScript API", its references of ``session.js`` and
``threeDS.js``, and the REST reference, version 100. Whoever knows a session's id may change what is in it, and the payer's
browser does. So nothing in it is believed: the amount stands in the order's id, which only the hub keeps, and is sent again
with the payment (a request's values win over the session's); references are sealed with a keyed hash.

The order's id says how it is to be paid: ``hub-…-f``, ``a`` to authorise only, ``s`` to keep the card, a dot, the amount in
minor units to the base 36, the currency.
"""

from __future__ import annotations

import hmac
import json
import re
from typing import TYPE_CHECKING, cast

from connectors.mastercard.api import Gateway, amount_text, object_of, segment
from connectors.mastercard.carried import PROOF, order_words, payer
from connectors.mastercard.errors import declined
from connectors.mastercard.orders import PAYING, entries, entry_of, is_begun, transaction_of
from connectors.mastercard.sessions import agreement, demands_three_d_secure, origin, return_address, session_id
from hub.connect.answers import failure
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

THREE_D_SECURE_SCRIPT = "/static/threeDS/1.3.0/three-ds.min.js"
ATTEMPTS = 25
"""How often a session may be used to authenticate a payer; the gateway's own default is 5, its most 25."""

_LONGEST_REFERENCE = 40
_ORDER = re.compile(r"hub-[0-9a-f]{20}-f(a?)(s?)\.([0-9a-z]{1,8})([A-Z]{3})")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_MOST = 36**8 - 1
_SEALED = ("description", "reference", "invoiceNumber")
_SESSION = re.compile(r"SESSION[0-9A-Za-z]{1,40}")
_AUTHENTICATION = re.compile(r"[0-9A-Za-z-]{1,40}")


def order_id(call: Call) -> str:
    """The order's id of a payment by fields. Raises ``bad_input`` for an amount that it cannot hold."""
    given = call.input
    money = Money.from_json(given["amount"])
    if not 0 < money.minor <= _MOST:
        raise failure("bad_input", f"{money} cannot be paid by card fields.")
    manual, save = given.get("capture") == "manual", given.get("save_method") is True
    flags = f"{'a' if manual else ''}{'s' if save else ''}"
    return f"{call.reference}-f{flags}.{_base36(money.minor)}{money.currency}"


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
    words = order_words(given)
    seal = _seal(call.connection.secret("api_password"), payment, words)
    custom = {**object_of(words["custom"]), PROOF: seal}
    body: JsonObject = {
        "order": {"id": payment, **amount_text(given["amount"]), **words, "custom": custom},
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
        "any_bank": True,
    }


def pay(call: Call, payment: str, order: JsonObject | None) -> None:
    """Pay with the card that the payer put into the session, unless the order is paid or being paid already.

    The session must be the one that was made for this very payment, unchanged (``bad_return``); an authentication must not
    have failed (``authentication_required``). Each attempt has the number after the order's last one: of two tabs that pay
    at once, one is refused. One authentication is one attempt, however often the browser comes back: its name is the
    transaction's reference. Raises like an action.
    """
    parameters = cast("JsonObject", call.input.get("parameters") or {})
    session = str(parameters.get("session") or "")
    found = _ORDER.fullmatch(payment)
    if found is None or not session or (order is not None and is_begun(order)):
        return
    gateway, (authorise, save, minor, currency) = Gateway(call), found.groups()
    version = _check_session(call, gateway, session, payment)
    authentication = str(parameters.get("authentication") or parameters.get("transaction.id") or "")
    _check_authentication(call, order, authentication)
    attempt = (authentication or f"session-{version}")[:_LONGEST_REFERENCE]
    tried = [one for one in entries(order or {}) if transaction_of(one).get("type") in PAYING]
    for entry in tried:
        if transaction_of(entry).get("reference") == attempt:
            raise declined(entry)
    body: dict[str, Json] = {
        "apiOperation": "AUTHORIZE" if authorise else "PAY",
        "session": {"id": session},
        "order": amount_text(Money(int(minor, 36), currency).to_json()),
        "authentication": {"transactionId": authentication or None},
        "transaction": {"source": "INTERNET", "reference": attempt},
    }
    if save:
        token = gateway.answer("POST", "/token", {"session": {"id": session}, "sourceOfFunds": {"type": "CARD"}})
        stored: JsonObject = {"card": {"storedOnFile": "TO_BE_STORED"}}
        body["sourceOfFunds"] = {"type": "CARD", "token": token.get("token"), "provided": stored}
    entry = gateway.put_transaction(payment, f"pay-{len(tried) + 1}", body)
    if entry.get("result") == "FAILURE":
        raise declined(entry)


def _check_session(call: Call, gateway: Gateway, session: str, payment: str) -> str:
    """The session's version, once it is proved to be this payment's own and to name what it named at first."""
    if _SESSION.fullmatch(session) is None:
        raise failure("bad_return", "What came back names no session.")
    held = gateway.answer("GET", f"/session/{segment(session)}")
    order = object_of(held.get("order"))
    if order.get("id") != payment:
        raise failure("bad_return", "The session that came back was made for another payment.")
    given = str(object_of(order.get("custom")).get(PROOF) or "")
    seals = [_seal(secret, payment, order) for secret in call.connection.secret_versions("api_password")]
    if not any([hmac.compare_digest(seal.encode(), given.encode()) for seal in seals]):  # noqa: C419
        raise failure("bad_return", "The session's references were changed after it was made.")
    return str(object_of(held.get("session")).get("version") or "")


def _seal(secret: str, payment: str, order: Mapping[str, Json]) -> str:
    """A keyed hash over what a session says of its order, the amount aside."""
    told = {name: order[name] for name in _SEALED if order.get(name)}
    custom = {name: value for name, value in object_of(order.get("custom")).items() if name != PROOF}
    text = json.dumps([payment, told, custom], sort_keys=True)
    return hmac.digest(secret.encode(), text.encode(), "sha256").hex()


def _base36(number: int) -> str:
    return (_base36(number // 36) if number >= 36 else "") + _DIGITS[number % 36]  # noqa: PLR2004


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
