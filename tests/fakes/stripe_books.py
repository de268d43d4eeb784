"""What Stripe keeps: objects, and the events that tell of them."""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.request
from typing import Any

from tests.fakes.gateway import FakeGateway, Webhook
from tests.fakes.server import Answered, ComplaintError
from tests.fakes.stripe_forms import NOW, PREFIX, error


class StripeBooks(FakeGateway):
    def __init__(self, key: str = "sk_test_made_up", webhook_secret: str = "whsec_made_up_secret") -> None:
        super().__init__()
        self.key = key
        self.webhook_secret = webhook_secret
        self.objects: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.keys: dict[str, tuple[str, Answered]] = {}
        self.balance: tuple[str, int, int] | None = None
        """Currency, amount and fee of the balance transaction of what is paid, which is there a moment later then."""
        self.taken: list[tuple[int, int]] = []
        """What is taken of that balance for the next refunds, and the fee; what is not here is known later."""
        self.refusing: dict[str, int] = {}
        """What cannot be read now, or not with this key, and the status that says so."""
        self._number = 0
        self._told = 0

    def fields(self) -> dict[str, Any]:
        return {
            "secret_key": self.key,
            "webhook_secret": self.webhook_secret,
            "publishable_key": "pk_test_made_up",
            "return_url": "https://shop.example.com/thanks",
            "api_base": self.url,
        }

    def tell(self, kind: str, thing: dict[str, Any], **more: Any) -> dict[str, Any]:
        event = {
            "id": self._id("events"),
            "object": "event",
            "api_version": "2026-06-24.dahlia",
            "created": NOW,
            "data": {"object": json.loads(json.dumps(thing))},
            "livemode": False,
            "type": kind,
            **more,
        }
        self.events.append(event)
        return event

    def signed(self, event: dict[str, Any], at: int = NOW) -> tuple[bytes, dict[str, str]]:
        """Body and headers of a delivery."""
        body = json.dumps(event, indent=2).encode()
        digest = hmac.new(self.webhook_secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"content-type": "application/json; charset=utf-8", "stripe-signature": f"t={at},v1={digest},v0=00"}
        return body, headers

    def webhooks(self, url: str) -> list[Webhook]:
        news, self._told = self.events[self._told :], len(self.events)
        return [Webhook(*self.signed(event)) for event in news]

    def deliver(self, event: dict[str, Any], url: str, at: int) -> int:
        """Post a delivery and give the status of the answer."""
        body, headers = self.signed(event, at)
        request = urllib.request.Request(url, data=body, headers=headers, method="POST")
        with urllib.request.urlopen(request, timeout=10) as response:
            return int(response.status)

    def _charge(self, intent: dict[str, Any]) -> None:
        manual = intent.get("capture_method") == "manual"
        card = {
            "brand": "visa",
            "country": "US",
            "last4": "4242",
            "capture_before": NOW + 7 * 86400 if manual else None,
        }
        charge = self._new(
            "charges", {"amount": intent["amount"], "currency": intent["currency"], "status": "succeeded"}
        )
        charge |= {"amount_captured": 0 if manual else intent["amount"], "amount_refunded": 0, "refunded": False}
        charge |= {"captured": not manual, "paid": True, "disputed": False, "payment_intent": intent["id"]}
        charge |= {"metadata": intent.get("metadata", {}), "payment_method_details": {"type": "card", "card": card}}
        charge |= {
            "billing_details": {"email": "ada@example.com", "name": "Ada Lovelace", "phone": None},
            "customer": None,
        }
        if self.balance or manual:
            charge["balance_transaction"] = None
        else:
            self._credit(charge, charge["currency"], charge["amount"], 320)
        intent |= {"latest_charge": charge["id"], "status": "requires_capture" if manual else "succeeded"}
        self.tell("charge.succeeded", charge)
        if manual:
            intent["amount_capturable"] = intent["amount"]
            self.tell("payment_intent.amount_capturable_updated", intent)
        else:
            intent["amount_received"] = intent["amount"]
            self.tell("payment_intent.succeeded", intent)
            self._settle(charge)

    def _settle(self, charge: dict[str, Any]) -> None:
        """What Stripe keeps and credits is known a moment after the money was taken."""
        if self.balance:
            self._credit(charge, *self.balance)
            self.tell("charge.updated", charge)

    def _credit(self, charge: dict[str, Any], currency: str, amount: int, fee: int) -> None:
        """The balance transaction of a charge: in the currency of the balance, whatever the payer paid in."""
        charge["balance_transaction"] = self._booked(charge, "charge", currency, amount, fee)

    def _booked(self, of: dict[str, Any], kind: str, currency: str, amount: int, fee: int) -> str:
        made = self._new(
            "balance_transactions", {"amount": amount, "currency": currency, "fee": fee, "net": amount - fee}
        )
        made |= {"source": of["id"], "type": kind, "reporting_category": kind}
        made["exchange_rate"] = None if currency == of["currency"] else abs(amount) / of["amount"]
        return str(made["id"])

    def _debit(self, refund: dict[str, Any]) -> None:
        """The balance transaction of a refund, below zero; that of a converted payment only where it is known by now."""
        refund |= {"balance_transaction": None, "failure_balance_transaction": None}
        if self.balance is None:
            refund["balance_transaction"] = self._booked(refund, "refund", refund["currency"], -refund["amount"], 0)
        elif self.taken:
            amount, fee = self.taken.pop(0)
            refund["balance_transaction"] = self._booked(refund, "refund", self.balance[0], -amount, fee)

    def debit(self, reference: str, amount: int, fee: int = 0) -> None:
        """It becomes known what was taken for a refund."""
        refund = self.objects[reference]
        assert self.balance is not None
        refund["balance_transaction"] = self._booked(refund, "refund", self.balance[0], -amount, fee)
        self.tell("refund.updated", refund)

    def fail_refund(self, reference: str, back: int | None = None) -> None:
        """The payer's bank does not take it; what was taken for it comes back to the balance."""
        refund = self.objects[reference]
        charge = self.objects[refund["charge"]]
        charge["amount_refunded"] -= refund["amount"]
        charge["refunded"] = False
        refund |= {"status": "failed", "failure_reason": "expired_or_canceled_card"}
        if back is not None:
            currency = self.balance[0] if self.balance else refund["currency"]
            refund["failure_balance_transaction"] = self._booked(refund, "refund_failure", currency, back, 0)
        self.tell("refund.failed", refund)

    def _subscription(self, made: dict[str, Any], items: list[dict[str, Any]]) -> None:
        period = {"current_period_start": NOW, "current_period_end": NOW + 30 * 86400}
        data = [
            {"id": f"si_{made['id']}", "price": self.objects[item["price"]], "quantity": item["quantity"], **period}
            for item in items
        ]
        made |= {
            "items": {"object": "list", "data": data},
            "status": "active",
            "cancel_at": None,
            "pause_collection": None,
        }
        made |= {"cancel_at_period_end": False, "latest_invoice": self._invoice(made["id"])["id"]}
        if "trial_period_days" in made or "trial_end" in made:
            made["status"] = "trialing"

    def _invoice(self, subscription: str) -> dict[str, Any]:
        secret = {"client_secret": f"{subscription}_secret_made", "type": "payment_intent"}
        return self._new("events", {"object": "invoice", "confirmation_secret": secret})

    def _id(self, kind: str) -> str:
        self._number += 1
        return f"{PREFIX[kind]}_made{self._number:04d}"

    def _new(self, kind: str, fields: dict[str, Any]) -> dict[str, Any]:
        made = {"object": kind.rstrip("s"), "created": NOW, "livemode": False, "metadata": {}, **fields}
        made["id"] = self._id(kind)
        self.objects[made["id"]] = made
        return made

    def _expanded(self, thing: Any, paths: list[str]) -> Any:
        thing = json.loads(json.dumps(thing))
        for path in paths:
            if path.count(".") > 3:
                raise ComplaintError(
                    "expands too deeply", error(400, "You cannot expand more than 4 levels of a property.")
                )
            holder = thing
            for name in path.split("."):
                if not isinstance(holder, dict) or holder.get(name) is None:
                    break
                if isinstance(holder[name], str):
                    holder[name] = json.loads(json.dumps(self.objects.get(holder[name], holder[name])))
                holder = holder[name]
        return thing
