"""What the fake of Visa keeps: transactions as TSS lists them, links, and the events that it tells."""

from __future__ import annotations

import copy
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.fakes.gateway import FakeGateway, Webhook
from tests.fakes.visa_wire import seal, sign_webhook, token

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KEY_ID = "00000000-0000-4000-8000-00000000aaaa"
WEBHOOK_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
WEBHOOK_ID = "00000000-0000-4000-8000-00000000bbbb"
DECLINES = {
    "TOKENDECLINED": "PROCESSOR_DECLINED",
    "TOKENNOFUNDS": "INSUFFICIENT_FUND",
    "TOKENEXPIRED": "EXPIRED_CARD",
    "TOKENCHALLENGE": "CONSUMER_AUTHENTICATION_REQUIRED",
    "TOKENRISK": "DECISION_PROFILE_REJECT",
}


def card_in_vault(number: int) -> dict[str, Any]:
    """A payment instrument, the default of its customer token."""
    return {
        "id": f"INSTRUMENT{number:04}",
        "default": True,
        "card": {"expirationMonth": "12", "expirationYear": str(2030 + number), "type": "001"},
        "billTo": {"firstName": "Ada", "lastName": "Lovelace"},
        "instrumentIdentifier": {"id": f"IDENTIFIER{number:04}"},
    }


class VisaBooks(FakeGateway):
    """State and events; :class:`tests.fakes.fake_visa.FakeVisa` is its HTTP side."""

    def __init__(self, now: datetime = NOW) -> None:
        super().__init__()
        self.merchant = "hub_sample"
        self.key_id = "00000000-0000-4000-8000-00000000cccc"
        self.secret = "bWFkZS11cC1zaGFyZWQtc2VjcmV0LTAwMDE="
        self.now = now
        self.transactions: dict[str, dict[str, Any]] = {}
        self.unlisted: set[str] = set()
        """Transactions that happened and that searches do not list yet."""
        self.contexts: dict[str, dict[str, Any]] = {}
        self.links: dict[str, dict[str, Any]] = {}
        self.plans: dict[str, dict[str, Any]] = {}
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.hooks: dict[str, dict[str, Any]] = {}
        self.chargebacks: list[dict[str, Any]] = []
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.sent_webhooks = 0
        self.webhook_certificate: Any = None
        """Public key for encrypted payment events; none: they come open."""
        self.cards = {"TOKENMADEUP0001": [card_in_vault(1)]}
        """Customer token -> its cards."""
        self.saved = 0
        """How many cards payers had kept; each gets the next token, from 0001 on."""
        self._number = 0

    def fields(self) -> dict[str, Any]:
        return {
            "merchant_id": self.merchant,
            "mode": "test",
            "sign_in": "jwt_shared_secret",
            "key_id": self.key_id,
            "shared_secret": self.secret,
            "webhook_key": f"{KEY_ID}:{WEBHOOK_KEY}",
            "api_base": self.url,
            "origin": "https://shop.example",
            "business_name": "Hub Sample",
            "business_address": "1 Sample Street",
            "business_city": "Sampleton",
            "business_state": "CA",
            "business_country": "US",
        }

    def number(self) -> str:
        self._number += 1
        return f"79500000000000{self._number:08}"

    def book(self, services: str, body: dict[str, Any], **more: Any) -> dict[str, Any]:
        """One transaction as TSS lists it. ``reason``: it was declined."""
        reason = more.pop("reason", None)
        own = self.number()
        when = (self.now + timedelta(seconds=self._number)).strftime("%Y-%m-%dT%H:%M:%SZ")
        flags = {"reasonCode": "203", "rFlag": "DCARDREFUSED"} if reason else {"reasonCode": "100", "rFlag": "SOK"}
        information = {name: value for name, value in body["clientReferenceInformation"].items() if name != "partner"}
        made = {
            "id": own,
            "rootId": more.pop("root", own),
            "submitTimeUTC": when,
            "merchantId": self.merchant,
            "applicationInformation": {"applications": [{"name": name, **flags} for name in services.split()]},
            "clientReferenceInformation": information,
            "merchantDefinedInformation": body.get("merchantDefinedInformation", []),
            **more,
        }
        if "orderInformation" in body:
            made["orderInformation"] = copy.deepcopy(body["orderInformation"])
        if reason:
            made["errorInformation"] = {"reason": reason, "message": "Decline - made up."}
        self.transactions[own] = made
        return made

    def summary(self, transaction: dict[str, Any]) -> dict[str, Any]:
        """A search's short form: no root, no relations, no comments, no transactionId."""
        short = {
            name: value for name, value in transaction.items() if name not in {"rootId", "_links", "submitTimeUTC"}
        }
        short["submitTimeUtc"] = transaction["submitTimeUTC"]
        kept = {"code", "applicationName", "applicationUser"}
        reference = {k: v for k, v in transaction["clientReferenceInformation"].items() if k in kept}
        return {**short, "clientReferenceInformation": reference}

    def detail(self, transaction: dict[str, Any]) -> dict[str, Any]:
        reference = {k: v for k, v in transaction["clientReferenceInformation"].items() if k != "transactionId"}
        related = [
            {"href": f"{self.url}/tss/v2/transactions/{other['id']}", "method": "GET"}
            for other in self.transactions.values()
            if other["rootId"] == transaction["rootId"] and other["id"] != transaction["id"]
        ]
        return {**transaction, "clientReferenceInformation": reference, "_links": {"relatedTransactions": related}}

    def found(self, query: str) -> list[dict[str, Any]]:
        """What a search's query finds. Only the forms that the hub uses are understood."""
        code = re.search(r"clientReferenceInformation\.code:(\S+)", query)
        span = re.search(r"submitTimeUtc:\[(\S+) TO (\S+)\]", query)
        assert span, query
        found = [one for one in self.transactions.values() if one["id"] not in self.unlisted]
        if code:
            return [one for one in found if one["clientReferenceInformation"]["code"] == code[1]]
        if span[1].startswith("NOW"):
            return found
        return [one for one in found if span[1] <= one["submitTimeUTC"] <= span[2]]

    def sale(self, body: dict[str, Any], *, captured: bool, reason: str | None = None, **more: Any) -> dict[str, Any]:
        amount = body["orderInformation"]["amountDetails"]
        if reason is None:
            amount = {**amount, "authorizedAmount": amount["totalAmount"]}
        body = {**body, "orderInformation": {**body["orderInformation"], "amountDetails": amount}}
        card = {"card": {"type": "001", "suffix": "1111"}, **more.pop("payment_information", {})}
        made = self.book(
            "ics_auth ics_bill" if captured else "ics_auth", body, reason=reason, paymentInformation=card, **more
        )
        links = {} if reason else {"void": {}, "refund": {}} if captured else {"capture": {}, "authReversal": {}}
        event = {
            "id": made["id"],
            "status": "DECLINED" if reason else "AUTHORIZED",
            "submitTimeUtc": made["submitTimeUTC"],
            "clientReferenceInformation": {"code": made["clientReferenceInformation"]["code"]},
            "orderInformation": made["orderInformation"],
            "paymentInformation": card,
            "_links": {name: {"method": "POST", "href": f"/pts/v2/payments/{made['id']}/{name}s"} for name in links},
        }
        if reason:
            event["errorInformation"] = made["errorInformation"]
        self.tell(f"payments.payments.{'reject' if reason else 'accept'}", event)
        return event

    def tell(self, kind: str, data: dict[str, Any]) -> None:
        self.told.append((kind, copy.deepcopy(data)))

    def save_card(self) -> str:
        """A new customer token with one card."""
        self.saved += 1
        self.cards[f"TOKENMADEUP{self.saved:04}"] = [card_in_vault(self.saved)]
        return f"TOKENMADEUP{self.saved:04}"

    def pay(self, payment: str) -> dict[str, str]:
        """In the form: Visa completes what the capture context says. On a page or link: a sale by the link's number."""
        if payment in self.contexts:
            context = self.contexts[payment]
            mandate = context["completeMandate"]
            extra = {"customer": {"id": self.save_card()}} if mandate.get("tms") else {}
            data = {name: value for name, value in context["data"].items() if value}
            made = self.sale(data, captured=mandate["type"] == "CAPTURE", payment_information=extra)
            return {"completion": token({"id": made["id"], "status": made["status"], "outcome": made["status"]})}
        link = self.links[payment]
        assert link["status"] == "ACTIVE", "the page is closed"
        bill = {"firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.com"}
        order = {"amountDetails": link["orderInformation"]["amountDetails"], "billTo": bill}
        self.sale({"clientReferenceInformation": {"code": payment}, "orderInformation": order}, captured=True)
        amount = link["orderInformation"]["amountDetails"]
        self.tell(
            "payByLink.merchant.payment",
            {"id": payment, "amount": Decimal(amount["totalAmount"]), "currency": amount["currency"]},
        )
        return {}

    def decline(self, payment: str) -> None:
        if payment in self.contexts:
            data = {name: value for name, value in self.contexts[payment]["data"].items() if value}
        else:
            order = {"amountDetails": self.links[payment]["orderInformation"]["amountDetails"]}
            data = {"clientReferenceInformation": {"code": payment}, "orderInformation": order}
        self.sale(data, captured=True, reason="PROCESSOR_DECLINED")

    def webhooks(self, url: str) -> list[Webhook]:
        fresh, self.sent_webhooks = self.told[self.sent_webhooks :], len(self.told)
        return [self.webhook(kind, data) for kind, data in fresh]

    def webhook(self, kind: str, data: dict[str, Any], retry: int = 0, **more: Any) -> Webhook:
        """One delivery, signed; payment events are encrypted where the account has a certificate."""
        envelope = {
            "eventType": kind,
            "webhookId": WEBHOOK_ID,
            "productId": "cardProcessing",
            "organizationId": self.merchant,
            "eventDate": self.now.strftime("%Y-%m-%dT%H:%M:%S"),
            "transactionTraceId": f"00000000-0000-4000-9000-{len(self.told):08}{retry:04}",
            "requestType": "RETRY" if retry else "NEW",
            "retryNumber": retry,
            "payload": [{"data": data}],
            **more,
        }
        body = written(envelope).encode()
        if self.webhook_certificate is not None and kind.startswith("payments."):
            body = json.dumps({"encryptedRequest": seal(body, self.webhook_certificate)}).encode()
        milliseconds = int(self.now.timestamp() * 1000)
        headers = {
            "content-type": "application/json",
            "v-c-signature": sign_webhook(WEBHOOK_KEY, KEY_ID, milliseconds, body),
            "v-c-event-type": kind,
            "v-c-webhook-id": WEBHOOK_ID,
            "v-c-retry-count": str(retry),
        }
        return Webhook(body, headers)


def written(value: Any) -> str:
    """JSON in which Visa's amounts may be numbers with their decimals kept (10.00)."""
    marked = json.dumps(value, default=lambda number: f"\x00{number}\x00")
    return re.sub(r'"\\u0000([0-9.]+)\\u0000"', r"\1", marked)
