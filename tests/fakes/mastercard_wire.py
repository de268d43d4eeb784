"""How requests of the Mastercard Gateway and of Mastercard Send must look, as their documentation words it."""

from __future__ import annotations

import base64
import hashlib
import re
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from tests.fakes.server import Answered, ComplaintError, Received

_ADDRESS = {"street": 1, "street2": 1, "city": 1, "stateProvince": 1, "postcodeZip": 1, "country": 1}
_CUSTOMER = {"email": 1, "firstName": 1, "lastName": 1, "phone": 1}
_PAYER = {"customer": _CUSTOMER, "billing": {"address": _ADDRESS}}
_WORDS = {
    "amount": 1,
    "currency": 1,
    "description": 1,
    "reference": 1,
    "invoiceNumber": 1,
    "custom": "texts",
    "certainty": 1,
}
_AGREEMENT = {
    "id": 1, "type": 1, "amountVariability": 1, "expiryDate": 1, "minimumDaysBetweenPayments": 1, "numberOfPayments": 1,
    "paymentFrequency": 1,
}  # fmt: skip
_SOURCE = {"type": 1, "token": 1, "provided": {"card": {"storedOnFile": 1}}}
_PAY = {
    "apiOperation": 1, "order": _WORDS, "sourceOfFunds": _SOURCE, "session": {"id": 1}, "authentication": {"transactionId": 1},
    "transaction": {"source": 1, "reference": 1}, "agreement": _AGREEMENT, **_PAYER,
}  # fmt: skip
_MONEY = {"amount": 1, "currency": 1, "reference": 1}
_CHECKOUT = {
    "apiOperation": 1, "checkoutMode": 1, "order": {"id": 1, **_WORDS}, "agreement": _AGREEMENT, **_PAYER,
    "interaction": {"operation": 1, "merchant": {"name": 1}, "returnUrl": 1, "cancelUrl": 1, "action": {"3DSecure": 1}},
    "paymentLink": {"expiryDateTime": 1, "numberOfAllowedAttempts": 1},
}  # fmt: skip
SHAPES: dict[str, Any] = {
    "INITIATE_CHECKOUT": _CHECKOUT,
    "CREATE_SESSION": {"session": {"authenticationLimit": 1}},
    "UPDATE_SESSION": {
        "order": {"id": 1, **_WORDS},
        "authentication": {"channel": 1, "purpose": 1, "redirectResponseUrl": 1},
        "agreement": _AGREEMENT,
        **_PAYER,
    },
    "TOKEN": {"session": {"id": 1}, "sourceOfFunds": {"type": 1}, "referenceOrderId": 1},
    "PAY": _PAY,
    "AUTHORIZE": _PAY,
    "CAPTURE": {"apiOperation": 1, "transaction": _MONEY},
    "REFUND": {"apiOperation": 1, "transaction": _MONEY},
    "VOID": {"apiOperation": 1, "transaction": {"targetTransactionId": 1}},
}
_PLACES = {"JPY": 0, "KWD": 3}
_NAME = re.compile(r"[A-Za-z0-9]{1,99}")


def gateway_error(status: int, cause: str, explanation: str = "", field: str = "") -> Answered:
    told = {"cause": cause, "explanation": explanation, "field": field}
    return Answered(status, {"error": {name: value for name, value in told.items() if value}, "result": "ERROR"})


def invalid(explanation: str, field: str = "") -> Answered:
    return gateway_error(400, "INVALID_REQUEST", explanation, field)


def check_shape(operation: str, body: Any) -> None:
    """Complain of every member that the operation does not know, and of values that are no text."""
    _check(SHAPES[operation], body, operation)


def _check(shape: Any, value: Any, place: str) -> None:
    if shape == "texts":
        for name, text in value.items():
            if not _NAME.fullmatch(name) or not isinstance(text, str) or not 0 < len(text) <= 250:
                raise ComplaintError(f"{place}.{name}: no custom field", invalid("Invalid custom field", place))
        return
    if isinstance(shape, dict):
        if not isinstance(value, dict) or not value:
            raise ComplaintError(f"{place} is no object, or empty", invalid("Unexpected value", place))
        for name, member in value.items():
            if name not in shape:
                raise ComplaintError(f"{place}.{name} is unknown", invalid("Unexpected parameter", f"{place}.{name}"))
            _check(shape[name], member, f"{place}.{name}")
        return
    wanted = int if place.endswith("authenticationLimit") else str
    if not isinstance(value, wanted) or value == "":
        raise ComplaintError(f"{place} is {value!r}", invalid("Invalid value", place))


def amount_of(money: dict[str, Any], place: str) -> Decimal:
    """The amount of a request: text in major units with exactly the currency's decimals, at most 14 characters."""
    text, currency = money["amount"], money["currency"]
    places = _PLACES.get(currency, 2)
    pattern = r"[0-9]+" if not places else rf"[0-9]+\.[0-9]{{{places}}}"
    if not re.fullmatch(pattern, text) or len(text) > 14:
        raise ComplaintError(f"{place}.amount {text} {currency}", invalid("Invalid amount", f"{place}.amount"))
    return Decimal(text)


def number(value: Decimal) -> int | float:
    """An amount as an answer writes it: a JSON number."""
    return int(value) if value == value.to_integral_value() else float(value)


# Mastercard Send: OAuth 1.0a with RSA-SHA256 over method, address, query and the hash of the body.


def check_oauth(request: Received, base: str, consumer_key: str, public_key: Any, nonces: set[str], now: int) -> None:
    header = request.headers.get("authorization", "")
    if not header.startswith("OAuth "):
        raise ComplaintError("not signed", send_error(401, "AUTHENTICATION_FAILED", "OAuth"))
    given = dict(re.findall(r'(oauth_[a-z_]+)="([^"]*)"', header))
    signature = base64.b64decode(unquote(given.pop("oauth_signature", "")))
    if given.get("oauth_consumer_key") != consumer_key:
        raise ComplaintError("another consumer key", send_error(401, "AUTHENTICATION_FAILED", "oauth_consumer_key"))
    expected = base64.b64encode(hashlib.sha256(request.body).digest()).decode()
    wrong = [
        given.get("oauth_body_hash") != expected,
        given.get("oauth_signature_method") != "RSA-SHA256",
        given.get("oauth_version") != "1.0",
        len(given.get("oauth_nonce", "")) != 16,
        given.get("oauth_nonce") in nonces,
        abs(int(given.get("oauth_timestamp", "0")) - now) > 300,
    ]
    if any(wrong):
        raise ComplaintError(f"OAuth parameters are wrong: {given}", send_error(401, "AUTHENTICATION_FAILED", "OAuth"))
    nonces.add(given["oauth_nonce"])
    pairs = sorted(f"{name}={value}" for name, value in [*parse_qsl(request.query), *given.items()])
    signed = "&".join(quote(part, safe="") for part in (request.method, base + request.path, "&".join(pairs)))
    try:
        public_key.verify(signature, signed.encode(), PKCS1v15(), SHA256())
    except InvalidSignature:
        raise ComplaintError("the signature is wrong", send_error(401, "AUTHENTICATION_FAILED", "OAuth")) from None


def send_error(status: int, reason: str, source: str, words: str = "", recoverable: str = "false") -> Answered:
    told = {"RequestId": "rqst_made_up", "Source": source, "ReasonCode": reason, "Description": words or reason}
    return Answered(status, {"Errors": {"Error": [{**told, "Recoverable": recoverable}]}})


DISBURSEMENT = {
    "disbursement_reference": r"[A-Za-z0-9*,\-._~]{6,40}", "payment_type": r"[A-Z0-9]{3}", "amount": r"[1-9][0-9]*",
    "currency": r"[A-Z]{3}", "sender_account_uri": r"[a-z-]+:.+", "recipient_account_uri": r"[a-z-]+:.+",
    "additional_message": r".{1,65}", "funding_source": r"[A-Z]+", "transaction_purpose": r".+", "participation_id": r".+",
}  # fmt: skip
_PERSON = {"first_name": 1, "last_name": 1, "address": {"line1": 1, "line2": 1, "city": 1, "country_subdivision": 1, "postal_code": 1, "country": 1}}  # fmt: skip


def check_disbursement(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict) or set(body) != {"payment_disbursement"}:
        raise ComplaintError(
            "no payment_disbursement", send_error(400, "MISSING_REQUIRED_INPUT", "payment_disbursement")
        )
    made = dict(body["payment_disbursement"])
    for name in ("disbursement_reference", "payment_type", "amount", "currency", "sender", "recipient_account_uri"):
        if name not in made:
            raise ComplaintError(f"{name} is missing", send_error(400, "MISSING_REQUIRED_INPUT", name))
    for name, value in made.items():
        if name in {"sender", "recipient"}:
            _check(_PERSON, value, name)
        elif name not in DISBURSEMENT or not re.fullmatch(DISBURSEMENT[name], value):
            raise ComplaintError(f"{name} is {value!r}", send_error(400, "INVALID_INPUT_VALUE", name))
    return made
