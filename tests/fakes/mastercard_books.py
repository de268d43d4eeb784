"""What the Mastercard Gateway and Mastercard Send keep, and what happens to it when somebody pays."""

from __future__ import annotations

import functools
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.fakes.gateway import FakeGateway, Webhook
from tests.fakes.mastercard_wire import amount_of, number

if TYPE_CHECKING:
    from tests.fakes.server import Answered

TIME = "2026-11-23T09:00:00.000Z"
NOW = 1795424400
DECLINES = {"9000000000000002": "DECLINED", "9000000000000010": "INSUFFICIENT_FUNDS", "9000000000000028": "EXPIRED_CARD", "9000000000000036": "TIMED_OUT"}  # fmt: skip
BAD_CARD = "DECLINED"


@functools.cache
def signing_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class MastercardBooks(FakeGateway):
    def __init__(self) -> None:
        super().__init__()
        self.merchant, self.password = "TESTMADEUP", "made-up-api-password-0123456789ab"
        self.secret = "0123456789ABCDEF0123456789ABCDEF"
        self.reporting = "made-up-reporting-password-0123456789"
        self.partner, self.consumer_key = "ptnr_made_up", "made-up-consumer-key!0123456789abcdef"
        self.key = signing_key()
        self.sessions: dict[str, dict[str, Any]] = {}
        self.orders: dict[str, dict[str, Any]] = {}
        self.links: dict[str, str] = {}
        self.tokens: dict[str, dict[str, Any]] = {"9000000000000001": {"brand": "MASTERCARD", "last4": "0008"}}
        self.tokens |= {token: {"brand": "VISA", "last4": "1111"} for token in DECLINES}
        self.put: dict[tuple[str, str], tuple[bytes, Answered]] = {}
        self.disbursements: dict[str, dict[str, Any]] = {}
        self.send_status = "APPROVED"
        self.nonces: set[str] = set()
        self.keeps_tokens = True
        """Whether Hosted Checkout gives a token of an agreed payment (Credential on File is switched on)."""
        self._number = 0
        self._told = 0
        self.happened: list[tuple[str, str]] = []

    def fields(self) -> dict[str, Any]:
        pem = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return {
            "merchant_id": self.merchant, "api_password": self.password, "api_base": self.url, "api_version": 100,
            "webhook_secret": self.secret, "reporting_password": self.reporting, "merchant_name": "Made Up Lamps", "return_url": "https://shop.example.com/thanks",
            "three_d_secure": "mandatory", "embedded_ui": "checkout",
            "send_api_base": f"{self.url}/send", "send_partner_id": self.partner, "send_consumer_key": self.consumer_key,
            "send_signing_key": pem, "send_sender_account": "acct-ref:made-up-account", "send_sender_name": "Made Up Lamps",
            "send_sender_street": "1 Made Up Street", "send_sender_city": "Dublin", "send_sender_country": "IRL",
        }  # fmt: skip

    # What a payer, the payer's bank or the gateway itself does.

    def pay(self, payment: str, brand: str = "MASTERCARD", *, pending: bool = False) -> dict[str, str]:
        """Pay on the page, in the frame or by the link of an order; with fields, enter the card and pass 3-D Secure."""
        session = self._session_of(payment)
        self._authenticate(payment, session)
        if "operation" not in session:
            session["card"] = {"brand": brand, "last4": "0008"}
            session["version"] = self._id("v")
            return {
                "session": session["id"],
                "authentication": self.orders[payment]["transaction"][-1]["transaction"]["id"],
            }
        result = ("PENDING", "SUBMITTED") if pending else ("SUCCESS", "APPROVED")
        self.begin(payment, session, {"brand": brand, "last4": "0008"}, *result, transaction=str(self._count(payment)))
        return {"resultIndicator": session["indicator"], "sessionVersion": session["version"]}

    def decline(self, payment: str, code: str = BAD_CARD) -> None:
        """The payer's bank refuses the card, or refuses to authenticate its holder."""
        session = self._session_of(payment)
        if "operation" not in session:
            self._authenticate(payment, session, "AUTHENTICATION_FAILED")
            return
        self._authenticate(payment, session)
        self.begin(
            payment, session, {"brand": "VISA", "last4": "1111"}, "FAILURE", code, transaction=str(self._count(payment))
        )

    def settle(self, payment: str) -> None:
        """The bank debit of an order arrives."""
        order = self.orders[payment]
        entry = next(one for one in order["transaction"] if one["result"] == "PENDING")
        entry["result"], entry["response"]["gatewayCode"] = "SUCCESS", "APPROVED"
        order |= {"status": "CAPTURED", "captured": entry["value"], "authorised": entry["value"]}
        self.happened.append((payment, entry["transaction"]["id"]))

    def charge_back(self, payment: str) -> None:
        """The payer's bank takes the money back."""
        order = self.orders[payment]
        order["status"] = "CHARGEBACK_PROCESSED"
        self.enter(payment, "CHARGEBACK", "cb-1", order["value"], reference="4853")

    def webhooks(self, url: str) -> list[Webhook]:
        news, self._told = self.happened[self._told :], len(self.happened)
        return [self.notification(*one) for one in news]

    def notification(self, order: str, transaction: str) -> Webhook:
        body = json.dumps(self.transaction_answer(order, transaction)).encode()
        headers = {"content-type": "application/json", "x-notification-secret": self.secret}
        return Webhook(body, {**headers, "x-notification-id": self._id("note"), "x-notification-attempt": "1"})

    # How the books are kept.

    def begin(
        self, order_id: str, source: dict[str, Any], card: dict[str, Any], result: str, code: str, *, transaction: str,
        token: str | None = None, told: dict[str, Any] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Enter a payment or authorisation that was made or tried."""
        words = source["order"]
        value, operation = amount_of(words, "order"), source["operation"]
        order = self.orders.setdefault(order_id, self._empty(order_id, words, source))
        order["card"], order["agreement"] = card, source.get("agreement")
        if token or (source.get("agreement") and self.keeps_tokens and result == "SUCCESS"):
            order["token"] = token or "9000000000000001"
        kind = "AUTHORIZATION" if operation == "AUTHORIZE" else "PAYMENT"
        order["value"] = value
        if result == "SUCCESS":
            order["authorised"] = value
            order["captured"] = value if kind == "PAYMENT" else Decimal(0)
            order["status"] = "CAPTURED" if kind == "PAYMENT" else "AUTHORIZED"
        else:
            order["status"] = {"PENDING": "PENDING", "FAILURE": "FAILED"}.get(result, "PENDING")
        more = (
            {"authorizationResponse": {"autoExpiry": "2026-11-30T18:00:00Z"}} if order["status"] == "AUTHORIZED" else {}
        )
        return self.enter(order_id, kind, transaction, value, result, code, more=more, **(told or {}))

    def enter(
        self, order_id: str, kind: str, transaction: str, value: Decimal, result: str = "SUCCESS", code: str = "APPROVED", *,
        reference: str | None = None, source: str = "INTERNET", more: dict[str, Any] | None = None,
        advice: str | None = None, **own: Any,
    ) -> dict[str, Any]:  # fmt: skip
        order = self.orders[order_id]
        told = {
            "id": transaction,
            "type": kind,
            "amount": number(value),
            "currency": order["currency"],
            "source": source,
        }
        told |= {"reference": reference or order["reference"], "receipt": "632709000101", **own}
        response = {"gatewayCode": code, **({"gatewayRecommendation": advice} if advice else {})}
        entry = {"result": result, "response": response, "transaction": told, "value": value}
        entry |= {"timeOfRecord": TIME, "timeOfLastUpdate": TIME, "merchant": self.merchant, **(more or {})}
        order["transaction"].append(entry)
        self.happened.append((order_id, transaction))
        return entry

    def order_answer(self, order_id: str) -> dict[str, Any]:
        order = self.orders[order_id]
        entries = [{**self._entry(one), "order": self._summary(order)} for one in order["transaction"]]
        return {
            **self._summary(order),
            **self._beside(order),
            "merchant": self.merchant,
            "result": "SUCCESS",
            "transaction": entries,
        }

    def transaction_answer(self, order_id: str, transaction: str) -> dict[str, Any]:
        order = self.orders[order_id]
        entry = next(one for one in order["transaction"] if one["transaction"]["id"] == transaction)
        return {**self._entry(entry), **self._beside(order), "order": self._summary(order), "version": "100"}

    def _entry(self, entry: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in entry.items() if name != "value"}

    def _beside(self, order: dict[str, Any]) -> dict[str, Any]:
        card = order["card"]
        beside: dict[str, Any] = {"customer": order["customer"]} if order["customer"] else {}
        if order["agreement"]:
            beside["agreement"] = order["agreement"]
        if card:
            shown = {
                "brand": card["brand"],
                "scheme": card["brand"],
                "number": f"512345xxxxxx{card['last4']}",
                "fundingMethod": "CREDIT",
            }
            beside["sourceOfFunds"] = {"type": "CARD", "provided": {"card": shown}}
            if order["token"]:
                beside["sourceOfFunds"]["token"] = order["token"]
        return beside

    def _summary(self, order: dict[str, Any]) -> dict[str, Any]:
        paid = order["status"] not in {
            "FAILED",
            "AUTHENTICATION_INITIATED",
            "AUTHENTICATED",
            "AUTHENTICATION_UNSUCCESSFUL",
        }
        shown = {name: order[name] for name in ("id", "currency", "status", "reference", "description", "custom", "invoiceNumber") if name in order}  # fmt: skip
        return {
            **shown, "amount": number(order["value"]) if paid else 0, "creationTime": TIME, "lastUpdatedTime": TIME,
            "totalAuthorizedAmount": number(order["authorised"]), "totalCapturedAmount": number(order["captured"]),
            "totalRefundedAmount": number(order["refunded"]), "authenticationStatus": order["authentication"],
        }  # fmt: skip

    def _empty(self, order_id: str, words: dict[str, Any], source: dict[str, Any]) -> dict[str, Any]:
        kept = {name: words[name] for name in ("currency", "description", "custom", "invoiceNumber") if name in words}
        return {
            **kept, "id": order_id, "reference": words.get("reference", order_id), "customer": source.get("customer"),
            "transaction": [], "card": None, "token": None, "agreement": None, "value": Decimal(0), "status": "INITIATED",
            "authorised": Decimal(0), "captured": Decimal(0), "refunded": Decimal(0), "authentication": "AUTHENTICATION_NOT_IN_EFFECT",
        }  # fmt: skip

    def _authenticate(self, payment: str, session: dict[str, Any], status: str = "AUTHENTICATION_SUCCESSFUL") -> None:
        order = self.orders.setdefault(payment, self._empty(payment, session["order"], session))
        went_well = status == "AUTHENTICATION_SUCCESSFUL"
        order["authentication"] = status
        order["status"] = "AUTHENTICATED" if went_well else "AUTHENTICATION_UNSUCCESSFUL"
        code, advice = ("APPROVED", "PROCEED") if went_well else ("DECLINED", "DO_NOT_PROCEED")
        result = "SUCCESS" if went_well else "FAILURE"
        name = self._id("auth")
        self.enter(
            payment, "AUTHENTICATION", name, Decimal(0), result, code, advice=advice, authenticationStatus=status
        )

    def _session_of(self, payment: str) -> dict[str, Any]:
        return next(one for one in reversed(self.sessions.values()) if one.get("order", {}).get("id") == payment)

    def _count(self, payment: str) -> int:
        entries = self.orders[payment]["transaction"] if payment in self.orders else []
        return 1 + sum(1 for one in entries if one["transaction"]["type"] != "AUTHENTICATION")

    def _id(self, prefix: str) -> str:
        self._number += 1
        return f"{prefix}-{self._number:04d}"
