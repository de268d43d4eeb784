"""What Authorize.Net keeps: transactions, batches, customer profiles, subscriptions, and what it has yet to tell."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.fakes.authorize_net_wire import Number, signed, written
from tests.fakes.gateway import FakeGateway, Webhook

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CARD = {"creditCard": {"cardNumber": "XXXX1111", "expirationDate": "XXXX", "cardType": "Visa"}}
BANK = {
    "bankAccount": {
        "accountType": "checking", "routingNumber": "XXXX0000", "accountNumber": "XXXX6789",
        "nameOnAccount": "Ada Lovelace", "echeckType": "WEB",
    }
}  # fmt: skip
SETTLES = {"capturedPendingSettlement": "settledSuccessfully", "refundPendingSettlement": "refundSettledSuccessfully"}
EVENTS = {
    "authCaptureTransaction": "authcapture",
    "authOnlyTransaction": "authorization",
    "captureOnlyTransaction": "capture",
    "refundTransaction": "refund",
}


def amount(value: Any) -> Number:
    return Number(f"{Decimal(str(value)):.2f}")


def stamp(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


class AuthorizeNetBooks(FakeGateway):
    """State and its changes; the wire is in :mod:`tests.fakes.fake_authorize_net`."""

    login, key = "made5Login", "MadeUpKey1234567"
    signature_key = "5A" * 64

    def __init__(self, now: datetime = NOW) -> None:
        super().__init__()
        self.now = now
        self.transactions: dict[str, dict[str, Any]] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.tokens: dict[str, dict[str, Any]] = {}
        self.nonces: dict[str, dict[str, Any]] = {}
        self.profiles: dict[str, dict[str, Any]] = {
            "39931060": {"merchantCustomerId": "cus_9", "payments": {"36223863": CARD}}
        }
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.registered: dict[str, dict[str, Any]] = {}
        self.told: list[dict[str, Any]] = []
        self.unlisted: set[str] = set()
        self.refusals: list[tuple[str, str, str]] = []
        self.has_signature_key = True
        self.details_enabled = True
        self._numbers = 60020981676

    def number(self) -> str:
        self._numbers += 1
        return str(self._numbers)

    # What happens.

    def post(self, request: dict[str, Any], means: dict[str, Any], ref_id: str, **more: Any) -> dict[str, Any]:
        """One charge or refund goes through, or the bank refuses it; it is told."""
        code, reason, text = (
            self.refusals.pop(0) if self.refusals else ("1", "1", "This transaction has been approved.")
        )
        kind = request["transactionType"]
        status = {
            "authOnlyTransaction": "authorizedPendingCapture",
            "refundTransaction": "refundPendingSettlement",
        }.get(kind, "capturedPendingSettlement")
        if code != "1":
            status = {"2": "declined", "3": "generalError", "4": "FDSAuthorizedPendingReview"}[code]
        total = amount(request["amount"])
        made = {
            "transId": self.number(),
            **({"refTransId": request["refTransId"]} if "refTransId" in request else {}),
            "submitTimeUTC": stamp(self.now),
            "submitTimeLocal": stamp(self.now - timedelta(hours=8))[:-1],
            "transactionType": kind,
            "transactionStatus": status,
            "responseCode": int(code),
            "responseReasonCode": int(reason),
            "responseReasonDescription": text,
            "authCode": "LZ6I19" if code == "1" else "",
            "AVSResponse": "Y",
            "order": request.get("order", {}),
            "authAmount": total,
            "settleAmount": total if status in SETTLES else amount(0),
            **({"lineItems": self._items(request)} if "lineItems" in request else {}),
            "payment": means,
            "customer": {"typeSpecified": False, **request.get("customer", {})},
            "billTo": request.get("billTo", {}),
            "recurringBilling": "subscription" in more,
            "marketType": "eCommerce",
            "product": "Card Not Present",
            **more,
        }
        self.transactions[made["transId"]] = made
        self.tell(f"{EVENTS[kind]}.created", made, ref_id)
        if code == "4":
            self.tell("fraud.held", made, ref_id)
        return made

    @staticmethod
    def _items(request: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            {**item, "quantity": amount(item["quantity"]), "unitPrice": amount(item["unitPrice"])}
            for item in request["lineItems"]["lineItem"]
        ]

    def change(self, transaction: str, event: str | None, ref_id: str = "", **changes: Any) -> dict[str, Any]:
        made = self.transactions[transaction]
        made |= changes
        if event:
            self.tell(event, made, ref_id)
        return made

    def tell(self, event: str, made: dict[str, Any], ref_id: str) -> None:
        payload = {
            "responseCode": made["responseCode"],
            "authCode": made["authCode"],
            "avsResponse": made["AVSResponse"],
            "authAmount": made["settleAmount"] if event.startswith("prior") else made["authAmount"],
            **({"merchantReferenceId": ref_id} if ref_id else {}),
            **({"invoiceNumber": made["order"]["invoiceNumber"]} if made["order"].get("invoiceNumber") else {}),
            "entityName": "transaction",
            "id": made["transId"],
        }
        self.notify(f"net.authorize.payment.{event}", payload)

    def notify(self, event_type: str, payload: dict[str, Any]) -> None:
        number = len(self.told) + 1
        self.told.append(
            {
                "notificationId": str(uuid.UUID(int=number, version=4)),
                "eventType": event_type,
                "eventDate": self.now.strftime("%Y-%m-%dT%H:%M:%S.1234567Z"),
                "webhookId": "63d6fea2-aa13-4b1d-a204-f5fbc15942b7",
                "payload": payload,
            }
        )

    def settle(self) -> str:
        """The day's batch is closed; eChecks and cards in one, for short."""
        batch = self.number()
        moved = [
            one for one in self.transactions.values() if one["transactionStatus"] in SETTLES and "batch" not in one
        ]
        for one in moved:
            one |= {"transactionStatus": SETTLES[one["transactionStatus"]], "batch": {"batchId": batch}}
        for one in self.transactions.values():
            if one["transactionStatus"] in {"declined", "voided"} and "batch" not in one:
                one["batch"] = {"batchId": batch}
        self.batches[batch] = {
            "batchId": batch,
            "settlementTimeUTC": stamp(self.now),
            "settlementTimeUTCSpecified": True,
            "settlementState": "settledSuccessfully",
            "paymentMethod": "creditCard",
            "statistics": [],
        }
        return batch

    def come_back(self, transaction: str) -> None:
        """A bank returns an eCheck that had settled."""
        made = self.transactions[transaction]
        made["returnedItems"] = [
            {"id": self.number(), "dateUTC": stamp(self.now), "dateLocal": stamp(self.now)[:-1], "code": "R01", "description": "Insufficient Funds"}
        ]  # fmt: skip
        self._count(made, "returnedItemCount")

    def charge_back(self, transaction: str, status: str = "chargeback") -> str:
        """A payer's bank takes a settled payment back (or gives it up): a transaction of its own in the payment's batch."""
        paid = self.transactions[transaction]
        number = self.number()
        self.transactions[number] = {**paid, "transId": number, "refTransId": transaction, "transactionStatus": status}
        self._count(paid, "chargebackCount")
        return number

    def _count(self, made: dict[str, Any], name: str) -> None:
        statistics = self.batches[made["batch"]["batchId"]]["statistics"]
        statistics.append({"accountType": "Visa", "chargeCount": 1, name: 1})

    def renew(self, subscription: str) -> dict[str, Any]:
        """A subscription's next charge."""
        known = self.subscriptions[subscription]
        known["paid"] += 1
        request = {
            "transactionType": "authCaptureTransaction",
            "amount": known["amount"],
            "order": known.get("order", {}),
        }
        profile = known["profile"]
        means = self.profiles[profile["customerProfileId"]]["payments"][profile["customerPaymentProfileId"]]
        part = {"id": int(subscription), "payNum": known["paid"]}
        made = self.post(request, means, "", subscription=part)
        if made["responseCode"] != 1:
            known["status"] = "suspended"
            attempt = {
                "response": "The credit card has expired.",
                "submitTimeUTC": stamp(self.now)[:-1],
                "payNum": known["paid"],
                "attemptNum": 1,
            }
            known["arbTransactions"] = [attempt]
            self.tell_subscription(subscription, "suspended")
        return made

    def tell_subscription(self, subscription: str, what: str) -> None:
        known = self.subscriptions[subscription]
        profile = {name: int(value) for name, value in known["profile"].items()}
        payload = {
            "entityName": "subscription",
            "id": subscription,
            "name": known["name"],
            "amount": amount(known["amount"]),
            "status": known["status"],
            "profile": profile,
        }
        self.notify(f"net.authorize.customer.subscription.{what}", payload)

    # What the payer does.

    def token_of(self, payment: str) -> dict[str, Any]:
        return next(one for one in self.tokens.values() if one["request"]["order"]["invoiceNumber"] == payment)

    def pay(self, payment: str, means: dict[str, Any] = CARD) -> dict[str, str]:
        if payment.startswith("F"):
            nonce = f"nonce-{len(self.nonces) + 1}"
            self.nonces[nonce] = means
            return {"descriptor": "COMMON.ACCEPT.INAPP.PAYMENT", "value": nonce}
        token = self.token_of(payment)
        more = {}
        profile = token["request"].get("profile", {}).get("customerProfileId")
        if profile:
            number = self.number()
            self.profiles[profile]["payments"][number] = means
            more = {"profile": {"customerProfileId": profile, "customerPaymentProfileId": number}}
        self.post(token["request"], means, token["refId"], **more)
        return {}

    def decline(self, payment: str) -> None:
        self.refusals.append(("2", "2", "This transaction has been declined."))
        if payment.startswith("H"):
            self.pay(payment)

    def webhooks(self, url: str) -> list[Webhook]:
        del url
        told, self.told = self.told, []
        found = []
        for event in told:
            body = written(event)
            headers = {
                "content-type": "application/json; charset=utf-8",
                "x-anet-signature": signed(self.signature_key, body),
            }
            found.append(Webhook(body, {**headers, "x-request-id": event["notificationId"]}))
        return found
