"""What Instamojo keeps: payment requests, payments, refunds, payouts; and how it signs its webhooks."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.fakes.gateway import FakeGateway, Webhook

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class InstamojoBooks(FakeGateway):
    client_id = "made_up_client_id"
    client_secret = "made_up_client_secret"
    salt = "made_up_salt_0123456789"
    hook = "https://hub.example.com/hooks/imojo"

    def __init__(self) -> None:
        super().__init__()
        self.requests: dict[str, dict[str, Any]] = {}
        self.payments: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.payouts: dict[str, dict[str, Any]] = {}
        self.tokens: dict[str, datetime] = {}
        self.merchants = {"ada": "made_up_password"}
        self.now = NOW
        self.numbers = False
        """Whether amounts are answered as JSON numbers, as the Java SDK reads them."""
        self.tells_failures = False
        self.lists_links = False
        """Whether listed payment requests have links to their payments."""
        self._deliveries: list[Webhook] = []

    def fields(self) -> dict[str, Any]:
        return {
            "mode": "test",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "salt": self.salt,
            "webhook_url": self.hook,
            "api_base": self.url,
        }

    def stamp(self, later: timedelta = timedelta()) -> str:
        return (self.now + later).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def link(self, kind: str, reference: str) -> str:
        return f"https://api.instamojo.example/v2/{kind}/{reference}/"

    # the payer

    def pay(self, payment: str) -> dict[str, str]:
        made = self.attempt(payment, status=True, fees="50.00", instrument_type="UPI")
        request = self.requests[payment]
        request["status"] = "Completed"
        self.deliver(made, "Credit")
        return self.returned(made, "Credit")

    def decline(self, payment: str) -> None:
        why = {"reason": "INSUFFICIENT_FUNDS", "message": "There is not enough money on the account."}
        made = self.attempt(payment, status=False, failure=why, instrument_type="CARD")
        if self.tells_failures:
            self.deliver(made, "Failed")

    def wait(self, payment: str) -> str:
        """The bank has not decided yet."""
        return str(self.attempt(payment, status=None, instrument_type="NETBANKING")["id"])

    def decide(self, payment: str) -> None:
        """The bank agreed at last."""
        made = self.payments[payment]
        made |= {"status": True, "fees": "50.00"}
        self.requests[made["request"]]["status"] = "Completed"
        self.deliver(made, "Credit")

    def attempt(self, request_id: str, **members: Any) -> dict[str, Any]:
        request = self.requests[request_id]
        reference = f"MOJO6b23005J{len(self.payments) + 1:08d}"
        payer = {
            "name": request["buyer_name"] or "A Payer",
            "email": request["email"] or "payer@example.com",
            "phone": None,
        }
        self.payments[reference] = {
            "id": reference, "request": request_id, "currency": "INR", "amount": request["amount"], "fees": None, "failure": None,
            "cases": [], "created_at": self.stamp(), **payer, **members,
        }  # fmt: skip
        return self.payments[reference]

    def returned(self, payment: dict[str, Any], status: str) -> dict[str, str]:
        """What the browser brings back; nothing of it is signed."""
        return {"payment_id": payment["id"], "payment_status": status, "payment_request_id": payment["request"]}

    # webhooks

    def deliver(self, payment: dict[str, Any], status: str) -> None:
        request = self.requests[payment["request"]]
        fields = {
            "payment_id": payment["id"], "status": status, "shorturl": "", "longurl": request["longurl"], "purpose": request["purpose"],
            "amount": request["amount"], "fees": payment["fees"] or "0.00", "currency": "INR", "buyer": payment["email"],
            "buyer_name": payment["name"], "buyer_phone": payment["phone"] or "", "payment_request_id": payment["request"],
        }  # fmt: skip
        self._deliveries.append(self.signed(fields, urlsplit(request["webhook"]).query))

    def signed(self, fields: dict[str, str], query: str = "", salt: str | None = None) -> Webhook:
        values = [fields[name] for name in sorted(fields, key=str.lower)]
        mac = hmac.new((salt or self.salt).encode(), "|".join(values).encode(), hashlib.sha1).hexdigest()
        body = urlencode({**fields, "mac": mac}).encode()
        return Webhook(body, {"content-type": "application/x-www-form-urlencoded"}, query)

    def webhooks(self, url: str) -> list[Webhook]:
        waiting, self._deliveries = self._deliveries, []
        return waiting

    # people at Instamojo

    def review(self, refund: str, status: str) -> None:
        self.refunds[refund]["status"] = status

    def pay_out(self, amount: str) -> str:
        reference = f"PO{len(self.payouts) + 1:07d}"
        more = {"status": True, "currency": "INR", "paid_amount": amount, "paid_out_at": self.stamp()}
        self.payouts[reference] = {"id": reference, "recipient": "made-up", **more}
        return reference
