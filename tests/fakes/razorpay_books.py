"""What Razorpay keeps: orders, payments and what became of them, the events of it, and both kinds of signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from tests.fakes.gateway import FakeGateway, Webhook
from tests.fakes.razorpay_wire import NOW

PREFIXES = {
    "order": "order", "payment": "pay", "refund": "rfnd", "customer": "cust", "token": "token", "payment_link": "plink",
    "plan": "plan", "item": "item", "subscription": "sub", "transfer": "trf", "reversal": "rvrsl", "payout": "pout", "fund_account": "fa",
    "dispute": "disp", "webhook": "hook", "settlement": "setl",
}  # fmt: skip


class RazorpayBooks(FakeGateway):
    key_id = "rzp_test_made_up"
    key_secret = "made_up_key_secret"
    webhook_secret = "made_up_webhook_secret"
    payout_key = "rzp_test_made_up_x"
    payout_secret = "made_up_payout_secret"
    payout_account = "7878780080316316"
    account_id = "acc_MadeUp00000001"

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.keys: dict[str, tuple[str, Any]] = {}
        self.now = NOW
        self.balance = 10_000_000
        self.converted: dict[str, Any] = {}
        """What payments in another currency than the account's are converted to: ``base_amount``, ``base_currency``."""
        self.taken: dict[str, Any] = {}
        """The same of refunds, which no page of Razorpay's shows with it."""
        self._told = 0

    def fields(self) -> dict[str, Any]:
        return {
            "key_id": self.key_id,
            "key_secret": self.key_secret,
            "webhook_secret": self.webhook_secret,
            "api_base": self.url,
            "business_name": "Acme",
            "payout_account": self.payout_account,
            "payout_key_id": self.payout_key,
            "payout_key_secret": self.payout_secret,
        }

    # things

    def new(self, kind: str, **members: Any) -> dict[str, Any]:
        reference = f"{PREFIXES[kind]}_Made{len(self.objects) + 1:010d}"
        self.objects[reference] = {"id": reference, "entity": kind, "created_at": self.now, **members}
        return self.objects[reference]

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """Newest first, as listings give them."""
        return [one for one in reversed(self.objects.values()) if one["entity"] == kind]

    def payments_of(self, order: str) -> list[dict[str, Any]]:
        return [one for one in self.of_kind("payment") if one["order_id"] == order]

    # events

    def tell(self, event: str, **entities: dict[str, Any]) -> None:
        body = {
            "entity": "event",
            "account_id": self.account_id,
            "event": event,
            "contains": list(entities),
            "payload": {name: {"entity": entity} for name, entity in entities.items()},
            "created_at": self.now,
        }
        self.events.append(json.loads(json.dumps(body)))

    def signed(self, event: dict[str, Any], number: int = 0, secret: str | None = None) -> Webhook:
        body = json.dumps(event, separators=(",", ":")).encode()
        digest = hmac.new((secret or self.webhook_secret).encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "content-type": "application/json",
            "x-razorpay-signature": digest,
            "x-razorpay-event-id": f"MadeEvent{number:07d}",
            "user-agent": "Razorpay-Webhook/v1",
        }
        return Webhook(body, headers)

    def webhooks(self, url: str) -> list[Webhook]:
        numbered = list(enumerate(self.events))[self._told :]
        self._told = len(self.events)
        return [self.signed(event, number) for number, event in numbered]

    def proof(self, *parts: str) -> str:
        """What Checkout gives to the browser, signed with the key secret."""
        return hmac.new(self.key_secret.encode(), "|".join(parts).encode(), hashlib.sha256).hexdigest()

    def authorization(self, *, payouts: bool = False) -> str:
        pair = f"{self.payout_key}:{self.payout_secret}" if payouts else f"{self.key_id}:{self.key_secret}"
        return "Basic " + base64.b64encode(pair.encode()).decode()

    # the payer

    def pay(self, payment: str, **members: Any) -> dict[str, str]:
        if payment.startswith("plink_"):
            return self._pay_link(payment)
        if payment.startswith("sub_"):
            return self.agree(payment)
        paid = self.attempt(payment, **members)
        order = self.objects[payment]
        signature = self.proof(payment, paid["id"])
        self.authorize(paid["id"])
        if order["payment_capture"] == "automatic":
            self.capture(paid["id"])
        return {"razorpay_payment_id": paid["id"], "razorpay_order_id": payment, "razorpay_signature": signature}

    def decline(self, payment: str) -> None:
        failed = self.attempt(payment)
        why = {
            "error_code": "BAD_REQUEST_ERROR",
            "error_description": "Your payment could not be completed due to insufficient account balance.",
            "error_source": "customer",
            "error_step": "payment_authorization",
            "error_reason": "insufficient_funds",
        }
        failed |= {"status": "failed", **why}
        self.tell("payment.failed", payment=failed)

    def attempt(self, order_id: str, **members: Any) -> dict[str, Any]:
        """A payment that was tried and of which the bank has said nothing yet."""
        order = self.objects[order_id]
        order["attempts"] += 1
        order["status"] = "attempted"
        payer = {"email": "payer@example.com", "contact": "+919000090000"}
        nothing = dict.fromkeys(
            (
                "error_code",
                "error_description",
                "error_source",
                "error_step",
                "error_reason",
                "fee",
                "tax",
                "wallet",
                "bank",
            )
        )
        # Whatever the payer's browser put into the notes, it is no word of the server's.
        forged = {"order": "somebody_elses"}
        entity = {
            **nothing, **payer, "amount": order["amount"], "currency": order["currency"], "status": "created",
            "order_id": order_id, "method": "upi", "vpa": "ada@examplebank", "captured": False, "amount_refunded": 0, "refund_status": None,
            "notes": forged, "international": False, "invoice_id": None, "description": None,
        }  # fmt: skip
        if order.get("customer_id"):
            token = self.new("token", customer_id=order["customer_id"], recurring=True)
            entity |= {"customer_id": order["customer_id"], "token_id": token["id"]}
        return self.new("payment", **{**entity, **members})

    def authorize(self, payment: str) -> None:
        """The bank agreed, at once or days later."""
        self.objects[payment] |= {"status": "authorized", "error_code": None, "error_reason": None}
        self.tell("payment.authorized", payment=self.objects[payment])

    def capture(self, payment: str) -> None:
        paid = self.objects[payment]
        order = self.objects[paid["order_id"]]
        paid |= {"status": "captured", "captured": True, "fee": 2360, "tax": 360, **self.converted}
        order |= {"status": "paid", "amount_paid": paid["amount"], "amount_due": order["amount"] - paid["amount"]}
        self.tell("payment.captured", payment=paid)
        self.tell("order.paid", payment=paid, order=order)

    def lapse(self, payment: str) -> None:
        """Nobody captured in time: it goes back by itself."""
        paid = self.objects[payment]
        back = self.new(
            "refund", payment_id=payment, amount=paid["amount"], currency=paid["currency"], notes=[], status="processed"
        )
        paid |= {"status": "refunded", "amount_refunded": paid["amount"], "refund_status": "full"}
        self.tell("refund.created", refund=back, payment=paid)

    def dispute(self, payment: str) -> str:
        """The payer complains to their bank about all of a payment; gives the dispute."""
        paid = self.objects[payment]
        made = self.new(
            "dispute", payment_id=payment, amount=paid["amount"], currency=paid["currency"], amount_deducted=0,
            reason_code="goods_or_services_not_received_or_partially_received", reason_description="",
            respond_by=self.now + 7 * 86400, status="open", phase="chargeback",
        )  # fmt: skip
        self.tell("payment.dispute.created", payment=paid, dispute=made)
        return str(made["id"])

    def decide(self, dispute: str, status: str) -> None:
        """The bank decides: ``won`` or ``lost``."""
        made = self.objects[dispute]
        made |= {"status": status, "amount_deducted": made["amount"] if status == "lost" else 0}
        self.tell(f"payment.dispute.{status}", payment=self.objects[made["payment_id"]], dispute=made)

    def _pay_link(self, reference: str) -> dict[str, str]:
        link = self.objects[reference]
        order = self.new_order(amount=link["amount"], currency=link["currency"], receipt=link["reference_id"], notes=[])
        link |= {"order_id": order["id"], "status": "paid", "amount_paid": link["amount"]}
        paid = self.attempt(order["id"], notes=[])
        self.authorize(paid["id"])
        self.capture(paid["id"])
        self.tell("payment_link.paid", payment=paid, order=order, payment_link=link)
        return {
            "razorpay_payment_id": paid["id"],
            "razorpay_payment_link_id": reference,
            "razorpay_payment_link_reference_id": link["reference_id"],
            "razorpay_payment_link_status": "paid",
            "razorpay_signature": self.proof(reference, link["reference_id"], "paid", paid["id"]),
        }

    def agree(self, reference: str) -> dict[str, str]:
        """The payer gives the mandate and the first period is charged."""
        subscription = self.objects[reference]
        subscription |= {"status": "authenticated", "customer_id": self.new("customer")["id"]}
        self.tell("subscription.authenticated", subscription=subscription)
        paid = self.charge(reference)
        signature = self.proof(paid["id"], reference)
        return {
            "razorpay_payment_id": paid["id"],
            "razorpay_subscription_id": reference,
            "razorpay_signature": signature,
        }

    def change_card(self, reference: str) -> dict[str, str]:
        """The payer gives another card in Checkout: a small amount proves it and goes back by itself."""
        proof = self.new(
            "payment", amount=500, currency="INR", status="refunded", method="card", created_at=self.now, notes=[],
            order_id=None, captured=False, amount_refunded=500,
        )  # fmt: skip
        self.objects[reference] |= {"status": "active", "payment_method": "card"}
        return {
            "razorpay_payment_id": proof["id"],
            "razorpay_subscription_id": reference,
            "razorpay_signature": self.proof(proof["id"], reference),
        }

    def charge(self, reference: str) -> dict[str, Any]:
        subscription = self.objects[reference]
        item = self.objects[subscription["plan_id"]]["item"]
        order = self.new_order(
            amount=item["amount"] * subscription["quantity"], currency=item["currency"], receipt=None, notes=[]
        )
        given = dict(subscription["notes"] or {}).get("hub_email")  # the payer writes the same address again
        paid = self.attempt(order["id"], method="card", vpa=None, **({"email": given} if given else {}))
        self.authorize(paid["id"])
        self.capture(paid["id"])
        subscription |= {"status": "active", "paid_count": subscription["paid_count"] + 1}
        start = subscription["current_end"] or self.now
        subscription |= {"current_start": start, "current_end": start + 2592000}
        if subscription["paid_count"] == 1:
            self.tell("subscription.activated", subscription=subscription)
        self.tell("subscription.charged", subscription=subscription, payment=paid)
        return paid

    def new_order(self, **members: Any) -> dict[str, Any]:
        blank = {
            "amount_paid": 0,
            "amount_due": members["amount"],
            "status": "created",
            "attempts": 0,
            "offer_id": None,
        }
        return self.new("order", **{**blank, "payment_capture": "automatic", "notes": [], **members})
