"""What payers, their banks and Stripe itself do to what stands in Stripe's books."""

from __future__ import annotations

from typing import Any

from tests.fakes.stripe_books import StripeBooks
from tests.fakes.stripe_forms import DECLINES, NOW

MONTH = 30 * 86400


class StripePayers(StripeBooks):
    def pay(self, payment: str, *, delayed: bool = False) -> dict[str, str]:
        """Pay on the page, by the link or in the form; ``delayed``: by a bank debit that is still on its way.

        Stripe's pages lead back with nothing that would have to be proved.
        """
        thing = self.objects[payment]
        if thing["object"] == "payment_intent":
            self._charge(thing)
        else:
            self._complete(self._session_of_link(thing) if thing["object"] == "payment_link" else thing, delayed)
        return {}

    def decline(self, payment: str) -> None:
        """The payer's bank refuses the card; the page or form stays open."""
        thing = self.objects[payment]
        intent = thing if thing["object"] == "payment_intent" else self._intent_of(thing)
        self.refuse_card(intent, "pm_declined")

    def refuse_card(self, intent: dict[str, Any], means: str) -> dict[str, str]:
        """A card of :data:`DECLINES` is tried on an intent; gives the error."""
        code, decline_code, words = DECLINES[means]
        problem = {"code": code, "message": words, **({"decline_code": decline_code} if decline_code else {})}
        intent["last_payment_error"] = {"type": "card_error", **problem}
        self.tell("payment_intent.payment_failed", intent)
        return problem

    def settle(self, session_id: str) -> None:
        """The bank debit of a session arrives."""
        session = self.objects[session_id]
        self._charge(self.objects[session["payment_intent"]])
        session["payment_status"] = "paid"
        self.tell("checkout.session.async_payment_succeeded", session)

    def renew(self, subscription: str) -> None:
        """The next period of a subscription is charged."""
        for item in self.objects[subscription]["items"]["data"]:
            item["current_period_start"] = item["current_period_end"]
            item["current_period_end"] += MONTH
        self.bill(self.objects[subscription], "subscription_cycle")

    def send(self, payout: str, account: str) -> None:
        """The bank has the money of a payout."""
        made = self.objects[payout]
        made["status"] = "paid"
        self.tell("payout.paid", made, account=account)

    def dispute(self, intent: str, reason: str = "product_not_received") -> str:
        """The payer complains to their bank about all of a payment; gives the dispute."""
        charge = self.objects[self.objects[intent]["latest_charge"]]
        made = self._new("disputes", {"amount": charge["amount_captured"], "currency": charge["currency"]})
        made |= {"charge": charge["id"], "payment_intent": intent, "reason": reason, "status": "needs_response"}
        made |= {"evidence_details": {"due_by": NOW + 7 * 86400, "has_evidence": False}, "is_charge_refundable": False}
        charge["disputed"] = True
        self.tell("charge.dispute.created", made)
        return str(made["id"])

    def decide(self, dispute: str, status: str) -> None:
        """The bank decides: ``won`` or ``lost``."""
        self.objects[dispute]["status"] = status
        self.tell("charge.dispute.closed", self.objects[dispute])

    def lapse(self, intent: str) -> None:
        """Nobody captured in time: the bank lets the money go."""
        held = self.objects[intent]
        charge = self.objects[held["latest_charge"]]
        charge["refunded"] = True
        held |= {"status": "canceled", "cancellation_reason": "automatic", "amount_capturable": 0, "canceled_at": NOW}
        self.tell("charge.expired", charge)
        self.tell("payment_intent.canceled", held)

    def _session_of_link(self, link: dict[str, Any]) -> dict[str, Any]:
        """The session that Stripe opens for whoever opens a link."""
        price = self.objects[link["line_items"][0]["price"]]
        session = self._new("checkout/sessions", {"object": "checkout.session", "mode": "payment"})
        session |= {"amount_total": price["unit_amount"], "currency": price["currency"], "expires_at": NOW + 86400}
        session |= {"payment_link": link["id"], "metadata": link["metadata"], "client_reference_id": None}
        return session | {"payment_intent_data": link.get("payment_intent_data", {}), "subscription": None}

    def _complete(self, session: dict[str, Any], delayed: bool) -> None:
        payer = {"email": session.get("customer_email") or "ada@example.com", "name": "Ada Lovelace"}
        session |= {"status": "complete", "customer_details": payer}
        if session["mode"] == "subscription":
            subscription = self._new("subscriptions", {**session.get("subscription_data", {}), "customer": "cus_made"})
            item = session["line_items"][0]
            self._subscription(subscription, [{"price": item["price"], "quantity": int(item.get("quantity", 1))}])
            session |= {"subscription": subscription["id"], "payment_status": "paid"}
            session["invoice"] = subscription["latest_invoice"]
            if subscription["status"] == "active":
                self.bill(subscription, "subscription_create")
        else:
            intent = self._intent_of(session)
            if delayed:
                intent["status"] = "processing"
                self.tell("payment_intent.processing", intent)
            else:
                self._charge(intent)
                session["payment_status"] = "paid" if intent["status"] == "succeeded" else "unpaid"
        self.tell("checkout.session.completed", session)

    def _intent_of(self, session: dict[str, Any]) -> dict[str, Any]:
        if session.get("payment_intent"):
            return self.objects[session["payment_intent"]]
        data = session.get("payment_intent_data", {})
        intent = self._new("payment_intents", {"amount": session["amount_total"], "currency": session["currency"]})
        intent |= {"metadata": data.get("metadata", {}), "capture_method": data.get("capture_method", "automatic")}
        intent |= {"amount_received": 0, "last_payment_error": None, "latest_charge": None}
        session |= {"payment_intent": intent["id"], "payment_status": "unpaid"}
        return intent

    def bill(self, subscription: dict[str, Any], reason: str) -> None:
        """Stripe charges one period and tells it by the invoice."""
        item = subscription["items"]["data"][0]
        amount = self._discounted(subscription, item["price"]["unit_amount"] * item["quantity"], reason)
        intent = self._new("payment_intents", {"amount": amount, "currency": item["price"]["currency"]})
        line = {
            "period": {"start": item["current_period_start"], "end": item["current_period_end"]},
            "pricing": {"price_details": {"price": item["price"]["id"]}, "type": "price_details"},
        }
        details = {"metadata": subscription["metadata"], "subscription": subscription["id"]}
        invoice = self._new("invoices", {"amount_paid": amount, "amount_due": amount, "billing_reason": reason})
        invoice |= {"currency": item["price"]["currency"], "customer": subscription["customer"], "status": "paid"}
        invoice |= {"attempt_count": 1, "lines": {"object": "list", "data": [line]}}
        invoice |= {"parent": {"subscription_details": details, "type": "subscription_details"}}
        invoice["payments"] = {"data": [{"payment": {"payment_intent": intent["id"], "type": "payment_intent"}}]}
        subscription["latest_invoice"] = invoice["id"]
        self.tell("invoice.paid", invoice)

    def _discounted(self, subscription: dict[str, Any], amount: int, reason: str) -> int:
        """What a coupon leaves of it; one for once holds for the first invoice."""
        for discount in subscription.get("discounts") or []:
            coupon = self.objects[discount["coupon"]]
            if coupon["duration"] == "once" and reason != "subscription_create":
                continue
            if "amount_off" in coupon:
                return max(amount - int(coupon["amount_off"]), 0)
            return amount - round(amount * float(coupon["percent_off"]) / 100)
        return amount
