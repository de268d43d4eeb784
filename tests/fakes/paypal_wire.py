"""PayPal's wire: its descriptions held strictly, the words of its errors, its signatures and its certificate."""

from __future__ import annotations

import base64
import functools
import json
import re
import zlib
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from tests.fakes.openapi import SPECS, described
from tests.fakes.server import Answered, ComplaintError, Received

NOW = "2026-11-23T09:00:00Z"
HOST = "https://api.sandbox.paypal.com"
CERTIFICATE_URL = f"{HOST}/v1/notifications/certs/CERT-360caa42-made0up0-a5cafa77"
WHOLE = {"HUF", "JPY", "TWD"}

_APIS = (
    ("/v2/checkout/orders", "checkout_orders_v2"),
    ("/v2/payments/", "payments_payment_v2"),
    ("/v3/vault/", "vault_payment_tokens_v3"),
    ("/v1/catalogs/", "catalogs_products_v1"),
    ("/v1/billing/", "billing_subscriptions_v1"),
    ("/v1/payments/payouts", "payments_payouts_batch_v1"),
    ("/v1/customer/disputes", "customer_disputes_v1"),
    ("/v1/notifications/", "notifications_webhooks_v1"),
    ("/v1/reporting/", "reporting_transactions_v1"),
)
# What no request can satisfy: a default ("Current date and time") that its own pattern refuses, and an event to be sent whose
# members are all read-only. Their members' names are checked all the same.
_SELF_CONTRADICTING = ("/v1/customer/disputes", "/v1/notifications/verify-webhook-signature")
_MESSAGES = {
    400: ("INVALID_REQUEST", "Request is not well-formed, syntactically incorrect, or violates schema."),
    403: ("NOT_AUTHORIZED", "Authorization failed due to insufficient permissions."),
    404: ("RESOURCE_NOT_FOUND", "The specified resource does not exist."),
    422: (
        "UNPROCESSABLE_ENTITY",
        "The requested action could not be performed, semantically incorrect, or failed business validation.",
    ),
}


def api_of(path: str) -> str | None:
    """Which description speaks of a path."""
    return next((name for prefix, name in _APIS if path.startswith(prefix)), None)


@functools.cache
def _document(api: str) -> dict[str, Any]:
    file = SPECS / "paypal" / f"{api}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def error(status: int, issue: str) -> Answered:
    name, message = _MESSAGES[status]
    details = [{"issue": issue, "description": "It cannot be done."}]
    return Answered(status, {"name": name, "message": message, "debug_id": "made0000000001", "details": details})


def worded(request: Received, answer: Answered) -> Answered:
    """A refusal in the very words that the call's description has for its issue."""
    api = api_of(request.path)
    if answer.status < 400 or not api or not _document(api) or not answer.body or not answer.body.get("details"):
        return answer
    described_as = _operation(api, request)["responses"].get(str(answer.status), {})
    for detail in answer.body["details"]:
        detail["description"] = _words(api, described_as, detail["issue"]) or detail.get("description", "")
    return answer


def _words(api: str, node: Any, issue: str) -> str | None:
    node = _resolved(api, node)
    if isinstance(node, list):
        return next((found for one in node if (found := _words(api, one, issue))), None)
    if not isinstance(node, dict):
        return None
    named, text = node.get("issue"), node.get("description")
    if isinstance(named, dict) and isinstance(text, dict) and issue in named.get("enum", ()) and "enum" in text:
        return str(text["enum"][0])
    return next((found for one in node.values() if (found := _words(api, one, issue))), None)


def missing() -> Answered:
    return error(404, "INVALID_RESOURCE_ID")


def check_request(request: Received) -> None:
    """Complain about what the description does not allow, and about every member that it does not name."""
    api = api_of(request.path)
    descriptions = described("paypal")
    if api is None or descriptions is None:
        return
    if request.path not in _SELF_CONTRADICTING:
        problem = descriptions[api].problem_with_request(request, _path(request))
        if problem:
            raise ComplaintError(problem, error(400, "INVALID_PARAMETER_VALUE"))
    operation = _operation(api, request)
    content = _resolved(api, operation.get("requestBody") or {}).get("content") or {}
    if request.headers.get("content-type", "").startswith("application/json") and request.body:
        schemas = [one.get("schema") for kind, one in content.items() if kind.startswith("application/json")]
        if not schemas:
            raise ComplaintError("a body where none is taken", error(400, "MALFORMED_REQUEST_JSON"))
        unknown = _unknown(api, schemas[0], request.json(), "")
        if unknown:
            raise ComplaintError(f"unknown members: {', '.join(unknown)}", error(400, "INVALID_PARAMETER_SYNTAX"))


def check_answer(request: Received, answer: Answered) -> None:
    """Hold an answer of the fake's own to the description."""
    api = api_of(request.path)
    descriptions = described("paypal")
    if api is None or descriptions is None:
        return
    problem = descriptions[api].problem_with_answer(request, _path(request), answer)
    if problem:
        raise ComplaintError(f"the fake's own answer: {problem}", answer)


def _path(request: Received) -> str:
    """The path as the description has it: one of them names its base twice."""
    return f"/v1/reporting{request.path}" if request.path.startswith("/v1/reporting/") else request.path


def _operation(api: str, request: Received) -> dict[str, Any]:
    for template, operations in _document(api)["paths"].items():
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
        if re.fullmatch(pattern, request.path) and request.method.lower() in operations:
            return operations[request.method.lower()]
    raise ComplaintError("no such call", missing())


def _resolved(api: str, node: Any) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        found: Any = _document(api)
        for part in node["$ref"].split("/")[1:]:
            found = found[part]
        node = found
    return node


def _members(api: str, schema: Any) -> dict[str, Any] | None:
    """The members that a schema names; None where it names none and so takes any."""
    schema = _resolved(api, schema)
    members = dict(schema.get("properties") or {})
    for part in [*schema.get("allOf", []), *schema.get("oneOf", []), *schema.get("anyOf", [])]:
        members |= _members(api, part) or {}
    return members or None


def _unknown(api: str, schema: Any, value: Any, path: str) -> list[str]:
    schema = _resolved(api, schema)
    if isinstance(value, list):
        return [name for one in value for name in _unknown(api, schema.get("items") or {}, one, f"{path}[]")]
    if not isinstance(value, dict):
        return []
    members = _members(api, schema)
    if members is None:
        return []
    unknown = [f"{path}.{name}" for name in value if name not in members]
    for name, one in value.items():
        if name in members:
            unknown += _unknown(api, members[name], one, f"{path}.{name}")
    return unknown


def check_amount(amount: dict[str, Any], name: str = "currency_code") -> None:
    decimals = amount["value"].partition(".")[2]
    if len(decimals) != (0 if amount[name] in WHOLE else 2):
        raise ComplaintError(f"decimals of {amount}", error(422, "DECIMAL_PRECISION"))


class Signing:
    """PayPal's key and certificate, and what it signs with them."""

    def __init__(self, name: str = "messageverificationcerts.sandbox.paypal.com") -> None:
        self._key = _key()
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
        builder = builder.public_key(self._key.public_key()).serial_number(1)
        builder = builder.not_valid_before(datetime(2026, 1, 1, tzinfo=UTC)).not_valid_after(
            datetime(2027, 12, 31, tzinfo=UTC)
        )
        self.certificate = builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM)

    def headers(self, body: bytes, transmission: str, webhook_id: str, time: str = NOW) -> dict[str, str]:
        signed = f"{transmission}|{time}|{webhook_id}|{zlib.crc32(body)}".encode()
        return {
            "content-type": "application/json",
            "user-agent": "PayPal/AUHD-214.0-58843665",
            "correlation-id": "made0000000002",
            "paypal-transmission-id": transmission,
            "paypal-transmission-time": time,
            "paypal-transmission-sig": base64.b64encode(self._key.sign(signed, PKCS1v15(), SHA256())).decode(),
            "paypal-cert-url": CERTIFICATE_URL,
            "paypal-auth-algo": "SHA256withRSA",
            "paypal-auth-version": "v2",
        }

    def confirms(self, asked: dict[str, Any], raw_event: bytes) -> bool:
        signed = (
            f"{asked['transmission_id']}|{asked['transmission_time']}|{asked['webhook_id']}|{zlib.crc32(raw_event)}"
        )
        expected = base64.b64encode(self._key.sign(signed.encode(), PKCS1v15(), SHA256())).decode()
        return asked["transmission_sig"] == expected and asked["cert_url"] == CERTIFICATE_URL


@functools.cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def link(rel: str, path: str, method: str = "GET") -> dict[str, str]:
    return {"href": f"{HOST}{path}", "rel": rel, "method": method}


def tail(address: str) -> str:
    return urlsplit(address).path.rsplit("/", 1)[-1]
