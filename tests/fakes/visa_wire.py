"""Visa's wire format as the fake speaks it: who signed a request, how bodies are encrypted, which fields there are."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.fakes.server import Answered, ComplaintError, Received

OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)

PARTS = "code transactionId comments applicationUser"
# What each call takes, as `member: names` of the objects that the hub fills; anything else is a complaint.
TAKES: dict[str, dict[str, str]] = {
    "payments": {
        "clientReferenceInformation": PARTS,
        "processingInformation": "capture commerceIndicator authorizationOptions",
        "paymentInformation": "customer paymentInstrument",
        "orderInformation": "amountDetails billTo",
        "merchantDefinedInformation": "",
    },
    "captures": {
        "clientReferenceInformation": PARTS,
        "processingInformation": "captureOptions",
        "orderInformation": "amountDetails",
        "merchantDefinedInformation": "",
    },
    "refunds": {
        "clientReferenceInformation": PARTS,
        "orderInformation": "amountDetails",
        "merchantDefinedInformation": "",
    },
    "voids": {"clientReferenceInformation": PARTS},
    "reversals": {"clientReferenceInformation": PARTS, "reversalInformation": "amountDetails reason"},
    "payouts": {
        "clientReferenceInformation": PARTS,
        "orderInformation": "amountDetails",
        "processingInformation": "businessApplicationId commerceIndicator",
        "merchantInformation": "merchantDescriptor",
        "senderInformation": "name address1 locality administrativeArea countryCode referenceNumber account",
        "recipientInformation": "firstName lastName address1 locality administrativeArea postalCode country phoneNumber",
        "paymentInformation": "customer paymentInstrument",
    },
    "searches": dict.fromkeys(["save", "name", "timezone", "query", "offset", "limit", "sort"], ""),
    "capture-contexts": {
        "clientVersion": "",
        "targetOrigins": "",
        "allowedCardNetworks": "",
        "allowedPaymentTypes": "",
        "country": "",
        "locale": "",
        "captureMandate": "billingType requestEmail requestPhone requestShipping showAcceptedNetworkIcons requestSaveCard",
        "completeMandate": "type decisionManager consumerAuthentication tms",
        "data": "clientReferenceInformation orderInformation merchantDefinedInformation",
    },
    "payment-links": {
        "processingInformation": "linkType",
        "purchaseInformation": "purchaseNumber",
        "orderInformation": "amountDetails lineItems",
        "status": "",
    },
    "payment-instruments": {
        "default": "",
        "card": "expirationMonth expirationYear type",
        "billTo": "firstName lastName address1 locality administrativeArea postalCode country email",
        "instrumentIdentifier": "id",
    },
    "plans": {
        "planInformation": "code name description status billingPeriod billingCycles",
        "processingInformation": "subscriptionBillingOptions",
        "orderInformation": "amountDetails",
    },
    "subscriptions": {
        "clientReferenceInformation": "code",
        "processingInformation": "commerceIndicator authorizationOptions",
        "planInformation": "billingCycles",
        "subscriptionInformation": "code planId name startDate",
        "paymentInformation": "customer",
        "orderInformation": "amountDetails",
    },
    "webhooks": dict.fromkeys(
        [
            "name",
            "description",
            "organizationId",
            "products",
            "webhookUrl",
            "healthCheckUrl",
            "notificationScope",
            "retryPolicy",
            "securityPolicy",
        ],
        "",
    ),
    "keys-sym": {
        "clientRequestAction": "",
        "keyInformation": "provider tenant keyType organizationId expiryDuration",
    },
}


def refused(status: int, reason: str, message: str = "Made up.", **more: Any) -> Answered:
    body = {"submitTimeUtc": "2026-11-23T09:00:00Z", "status": "INVALID_REQUEST", "reason": reason, "message": message}
    return Answered(status, {**body, **more})


def check_fields(kind: str, body: dict[str, Any]) -> None:
    """Complain of fields that the description does not know, and of nulls and numbers where text is wanted."""
    known = TAKES[kind]
    for name, value in body.items():
        if name not in known:
            raise ComplaintError(f"{kind}: unknown field {name}", refused(400, "INVALID_DATA"))
        names = known[name].split()
        if names and isinstance(value, dict):
            unknown = set(value) - set(names)
            if unknown:
                raise ComplaintError(f"{kind}.{name}: unknown {sorted(unknown)}", refused(400, "INVALID_DATA"))
    text = json.dumps(body)
    if re.search(r"[:\[,] ?null", text):
        raise ComplaintError(f"{kind}: a null", refused(400, "INVALID_DATA"))
    for found in re.findall(r'"(?:totalAmount|billingAmount|unitPrice)": ?([^,}]+)', text):
        if not re.fullmatch(r'"\d+(\.\d+)?"', found.strip()):
            raise ComplaintError(f"{kind}: the amount {found} is no decimal text", refused(400, "INVALID_DATA"))
    for field in body.get("merchantDefinedInformation", []):
        if not 0 <= int(field["key"]) <= 100 or not 0 < len(field["value"]) <= 255 or "@" in field["value"]:
            raise ComplaintError(f"{kind}: merchant-defined field {field}", refused(400, "INVALID_DATA"))


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")


def token(claims: dict[str, Any], header: dict[str, Any] | None = None) -> str:
    """A signed-looking token of the gateway's; nobody here proves it."""
    return ".".join(
        [
            b64(json.dumps(header or {"alg": "RS256", "kid": "made-up"}).encode()),
            b64(json.dumps(claims).encode()),
            "c2ln",
        ]
    )


def seal(plain: bytes, public_key: Any, key_id: str = "made-up") -> str:
    """A compact JWE: RSA-OAEP-256 and A256GCM."""
    head = b64(json.dumps({"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": key_id}).encode())
    content_key, nonce = os.urandom(32), os.urandom(12)
    sealed = AESGCM(content_key).encrypt(nonce, plain, head.encode())
    return ".".join(
        [head, b64(public_key.encrypt(content_key, OAEP)), b64(nonce), b64(sealed[:-16]), b64(sealed[-16:])]
    )


def unseal(text: str, private_key: Any) -> bytes:
    head, key, nonce, sealed, tag = text.split(".")
    header = json.loads(unb64(head))
    assert (header["alg"], header["enc"]) == ("RSA-OAEP-256", "A256GCM")
    assert header["kid"]
    content_key = private_key.decrypt(unb64(key), OAEP)
    return AESGCM(content_key).decrypt(unb64(nonce), unb64(sealed) + unb64(tag), head.encode())


def sign_webhook(key: str, key_id: str, milliseconds: int, body: bytes) -> str:
    mac = hmac.new(base64.b64decode(key), str(milliseconds).encode() + b"." + body, hashlib.sha256).digest()
    return f"t={milliseconds};keyId={key_id};sig={base64.b64encode(mac).decode()}"


def check_token(request: Received, key_id: str, secret: str, public_key: Any, used: set[str]) -> dict[str, Any]:
    """The claims of a request's token when it is good. Raises ComplaintError for one that Visa would refuse."""
    answer = Answered(401, {"response": {"rmsg": "Authentication Failed"}})

    def complain(words: str) -> None:
        raise ComplaintError(words, answer)

    head, claims_text, signature = request.headers["authorization"].removeprefix("Bearer ").split(".")
    header, claims = json.loads(unb64(head)), json.loads(unb64(claims_text))
    signed = f"{head}.{claims_text}".encode()
    if header.get("alg") == "HS256":
        expected = hmac.new(base64.b64decode(secret), signed, hashlib.sha256).digest()
        if header.get("kid") != key_id or not hmac.compare_digest(expected, unb64(signature)):
            return {}
    elif header.get("alg") == "RS256" and public_key is not None:
        public_key.verify(unb64(signature), signed, padding.PKCS1v15(), hashes.SHA256())
    else:
        complain(f"unknown algorithm {header}")
    target = request.path + (f"?{request.query}" if request.query else "")
    wanted = {
        "request-method": request.method,
        "request-host": request.headers["host"],
        "request-resource-path": target,
    }
    wanted |= {"v-c-jwt-version": "2", "exp": claims.get("iat", 0) + 120}
    if request.method in {"POST", "PUT", "PATCH"}:
        digest = base64.b64encode(hashlib.sha256(request.body).digest()).decode()
        wanted |= {"digest": digest, "digestAlgorithm": "SHA-256"}
    for name, value in wanted.items():
        if claims.get(name) != value:
            complain(f"claim {name}: {claims.get(name)!r}, not {value!r}")
    if claims.get("jti") in used or not claims.get("iss"):
        complain("the token was used before, or has no issuer")
    used.add(claims["jti"])
    return dict(claims)


def check_http_signature(request: Received, key_id: str, secret: str) -> bool:
    """The signature of old: host, date, request-target, digest, v-c-merchant-id."""
    parts = dict(re.findall(r'(\w+)="([^"]*)"', request.headers["signature"]))
    target = request.path + (f"?{request.query}" if request.query else "")
    values = {
        "host": request.headers["host"],
        "date": request.headers["date"],
        "request-target": f"{request.method.lower()} {target}",
        "digest": "SHA-256=" + base64.b64encode(hashlib.sha256(request.body).digest()).decode(),
        "v-c-merchant-id": request.headers["v-c-merchant-id"],
    }
    names = parts["headers"].split()
    wanted = [name for name in values if name != "digest" or request.method in {"POST", "PUT", "PATCH"}]
    if names != wanted or request.headers.get("digest", values["digest"]) != values["digest"]:
        raise ComplaintError(f"signed headers {names}", Answered(401, {"response": {"rmsg": "Authentication Failed"}}))
    text = "\n".join(f"{name}: {values[name]}" for name in names)
    expected = base64.b64encode(hmac.new(base64.b64decode(secret), text.encode(), hashlib.sha256).digest()).decode()
    return parts["keyid"] == key_id and parts["algorithm"] == "HmacSHA256" and parts["signature"] == expected
