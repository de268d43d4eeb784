"""What MoneyGram keeps: transactions from quote to pay-out; and the deliveries that it signs."""

from __future__ import annotations

import base64
import functools
import json
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.fakes.gateway import FakeGateway, Webhook
from tests.fakes.server import Answered

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PARTNER = "75000001"
HOST = "hub.example.com"
RATE = Decimal(740)
"""Naira for a dollar."""


@functools.cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_key(name: str = "moneygram") -> str:
    """As it stands on MoneyGram's page: base64 of the DER form."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(rsa_key(name).public_key().public_bytes(serialization.Encoding.DER, form)).decode()


def signature(body: bytes, *, at: int, host: str = HOST, key: str = "moneygram") -> str:
    text = f"{at}.{host}.".encode() + body
    made = rsa_key(key).sign(text, padding.PKCS1v15(), hashes.SHA256())
    return f"t={at}, s={base64.b64encode(made).decode()}"


def refusal(status: int, code: str, message: str) -> Answered:
    return Answered(status, {"errors": [{"category": "IP-20000", "code": code, "message": message}]})


def price(value: Decimal, currency: str) -> dict[str, Any]:
    return {"value": float(value), "currencyCode": currency}


def side(amount: Decimal, fees: Decimal, currency: str, **more: Any) -> dict[str, Any]:
    parts = {"amount": amount, "fees": fees, "taxes": Decimal(0), "total": amount + fees}
    return {**{name: price(value, currency) for name, value in parts.items()}, **more}


class MoneyGramBooks(FakeGateway):
    def __init__(self) -> None:
        super().__init__()
        self.client = ("client-made-up", "secret-made-up-0123456789")
        self.now = NOW
        self.tokens: set[str] = set()
        self.transactions: dict[str, dict[str, Any]] = {}
        self.request_ids: dict[str, str] = {}
        self.deliveries: list[dict[str, Any]] = []
        self.unknown_until_committed = False
        """Whether the status module knows nothing of what is not committed; else it says UNFUNDED."""
        self.refundable = True

    def fields(self) -> dict[str, Any]:
        return {
            "client_id": self.client[0],
            "client_secret": self.client[1],
            "agent_partner_id": PARTNER,
            "business_name": "Example Relief",
            "business_registration_number": "13-0000000",
            "business_country": "USA",
            "public_key": public_key(),
            "webhook_host": HOST,
            "api_base": self.url,
        }

    def pay(self, payment: str) -> dict[str, str]:
        raise LookupError("MoneyGram takes no payments.")

    def decline(self, payment: str) -> None:
        raise LookupError("MoneyGram takes no payments.")

    @property
    def executed(self) -> list[str]:
        return [reference for reference, one in self.transactions.items() if one["status"] != "UNFUNDED"]

    def quoted(self, body: dict[str, Any]) -> dict[str, Any]:
        """A quote for one service, which is a transaction from now on."""
        reference = str(uuid.uuid4())
        asked = body.get("receiveAmount") or body["sendAmount"]
        currency = body.get("receiveCurrencyCode") or (asked["currencyCode"] if "receiveAmount" in body else "NGN")
        received = asked["value"] if "receiveAmount" in body else asked["value"] * RATE
        sent = asked["value"] if "sendAmount" in body else asked["value"] / RATE
        sent = Decimal(sent).quantize(Decimal("0.01"))
        service = body.get("serviceOptionCode") or "WILL_CALL"
        quote = {
            "transactionId": reference,
            "serviceOptionCode": service,
            "serviceOptionRoutingCode": body.get("serviceOptionRoutingCode"),
            "serviceOptionName": "Bank Deposit" if service == "BANK_DEPOSIT" else "10 Minute Service",
            "estimatedDelivery": "A Few Minutes",
            "sendAmount": side(sent, Decimal("3.00"), "USD"),
            "receiveAmount": side(Decimal(received), Decimal(0), currency, fxRate=740.0, fxRateEstimated=False),
        }
        self.transactions[reference] = {
            "quote": quote,
            "status": "UNFUNDED",
            "ready_at": None,
            "details": None,
            "sub": [],
        }
        return {name: value for name, value in quote.items() if value is not None}

    def status_of(self, reference: str) -> dict[str, Any] | None:
        one = self.transactions.get(reference)
        if one is None or (one["status"] == "UNFUNDED" and self.unknown_until_committed):
            return None
        quote, details = one["quote"], one["details"] or {}
        return {
            "transactionId": reference,
            "referenceNumber": one.get("number"),
            "transactionSendDateTime": "2026-11-23T09:00:00.814",
            "expectedPayoutDate": "2026-11-23",
            "transactionStatus": one["status"],
            "transactionSubStatus": one["sub"],
            "destinationCountryCode": "NGA",
            "serviceOptionCode": quote["serviceOptionCode"],
            "sendAmount": quote["sendAmount"],
            "receiveAmount": quote["receiveAmount"],
            "beneficiary": details.get("beneficiary"),
        }

    def move(self, reference: str, status: str, sub: str | None = None) -> None:
        """What becomes of a transaction, and the delivery that tells it."""
        one = self.transactions[reference]
        one["status"] = status
        one["sub"] = [{"subStatus": "HOLD", "message": sub, "targetCustomer": "RECEIVER"}] if sub else []
        self.deliveries.append(
            {
                "eventId": f"{uuid.uuid4().int % 10**30:030d}",
                "eventDate": "2026-11-23T09:00:00.884026",
                "subscriptionId": "15efa8b3-0000-4000-8000-000000000001",
                "subscriptionType": "TRANSACTION_STATUS_EVENT",
                "eventPayload": {
                    "transactionId": reference,
                    "agentPartnerId": PARTNER,
                    "referenceNumber": one.get("number"),
                    "transactionSendDate": "2026-11-23T09:00:00.007",
                    "transactionStatusDate": "2026-11-23T09:00:00.007",
                    "transactionStatus": status,
                    "transactionSubStatus": one["sub"],
                },
            }
        )

    def webhooks(self, url: str) -> list[Webhook]:
        told, self.deliveries = self.deliveries, []
        return [self.delivery(event) for event in told]

    def delivery(self, event: dict[str, Any]) -> Webhook:
        body = json.dumps(event, separators=(",", ":")).encode()
        at = int(self.now.timestamp())
        return Webhook(body, {"content-type": "application/json", "signature": signature(body, at=at)})

    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
