"""Razorpay's API as its documentation words it: JSON both ways, Basic sign-in, keys on refunds and payouts only."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.fakes.razorpay_books import RazorpayBooks
from tests.fakes.razorpay_wire import check_amount, error, known, needs, wrong
from tests.fakes.server import Answered, ComplaintError, Received

NO_ID = "The id provided does not exist"
NO_SUCH = error(404, "The requested URL was not found on the server.")


class FakeRazorpay(RazorpayBooks):
    def handle(self, request: Received) -> Answered:
        payouts = request.segments[:2] == ["v1", "payouts"]
        if request.headers.get("authorization") != self.authorization(payouts=payouts):
            return error(401, "Authentication failed")
        body = None
        if request.method in {"POST", "PATCH", "PUT"}:
            if request.headers.get("content-type") != "application/json":
                raise ComplaintError("not JSON", error(400, "Please send JSON."))
            body = request.json()
        answer = self._route(request, body)
        return Answered(answer.status, json.loads(json.dumps(answer.body)), answer.headers)

    def _route(self, request: Received, body: Any) -> Answered:
        version, *parts = request.segments
        query = dict(request.params)
        if version == "v2" and parts[0] == "accounts" and parts[2] == "webhooks":
            return self._webhook(request.method, parts[3:], body, v2=True)
        if version != "v1":
            raise ComplaintError("no such version", NO_SUCH)
        match request.method, parts:
            case _, ["webhooks", *rest]:
                return self._webhook(request.method, rest, body, v2=False)
            case "GET", [kind]:
                return self._listed(kind, query)
            case "POST", ["payments", "create", "recurring"]:
                return self._recurring(known(body, "recurring"))
            case "POST", [kind]:
                return getattr(self, f"_new_{kind}", self._nowhere)(body, request)
            case _, [_, reference, *rest]:
                thing = self.objects.get(reference)
                if thing is None:
                    return error(400, NO_ID)
                name = "_".join([request.method.lower(), thing["entity"], *rest])
                return getattr(self, f"_{name}", self._nowhere)(thing, body, request)
        raise ComplaintError("no such call", NO_SUCH)

    def _nowhere(self, *given: Any) -> Answered:
        raise ComplaintError("no such call", NO_SUCH)

    # reading

    def _read(self, thing: dict[str, Any], body: Any, request: Received) -> Answered:
        return Answered(200, self._public(thing))

    _get_order = _get_payment = _get_customer = _get_plan = _get_subscription = _get_payment_link = _read
    _get_transfer = _get_dispute = _get_refund = _get_payout = _read

    def _public(self, thing: dict[str, Any]) -> dict[str, Any]:
        """A thing as the API gives it: empty notes are a list, and how an order captures is not told."""
        shown = {name: value for name, value in thing.items() if name != "payment_capture"}
        return {**shown, "notes": shown["notes"] or []} if "notes" in shown else shown

    def _collection(self, things: list[dict[str, Any]], name: str = "items") -> Answered:
        return Answered(
            200, {"entity": "collection", "count": len(things), name: [self._public(one) for one in things]}
        )

    def _listed(self, kind: str, query: dict[str, str]) -> Answered:
        singular = {"payment_links": "payment_link"}.get(kind, kind.rstrip("s"))
        count, skip = int(query.pop("count", 10)), int(query.pop("skip", 0))
        if not 1 <= count <= 100:
            raise wrong("The count may not be greater than 100.", field="count")
        things = self.of_kind(singular)
        if kind == "payouts" and query.pop("account_number", None) != self.payout_account:
            return error(400, "The RazorpayX Account number is invalid.")
        start, end = int(query.pop("from", 0)), int(query.pop("to", 1 << 40))
        things = [one for one in things if start <= one["created_at"] <= end]
        for name in ("receipt", "plan_id", "reference_id"):
            if name in query:
                wanted = query.pop(name)
                things = [one for one in things if one.get(name) == wanted]
        if query:
            raise wrong(f"{next(iter(query))} is/are not required and should not be sent")
        name = "payment_links" if kind == "payment_links" else "items"
        return self._collection(things[skip : skip + count], name)

    def _get_order_payments(self, order: dict[str, Any], body: Any, request: Received) -> Answered:
        return self._collection(self.payments_of(order["id"]))

    def _get_payment_transfers(self, payment: dict[str, Any], body: Any, request: Received) -> Answered:
        return self._collection([one for one in self.of_kind("transfer") if one["source"] == payment["id"]])

    def _get_transfer_reversals(self, transfer: dict[str, Any], body: Any, request: Received) -> Answered:
        return self._collection([one for one in self.of_kind("reversal") if one["transfer_id"] == transfer["id"]])

    # payments

    def _new_orders(self, body: Any, request: Received) -> Answered:
        known(body, "orders")
        refused = check_amount(body)
        if refused:
            return refused
        if len(body.get("receipt", "")) > 40:
            raise wrong("The receipt may not be greater than 40 characters.", field="receipt")
        settings = body.pop("payment")
        capture, options = settings["capture"], settings["capture_options"]
        if capture not in {"automatic", "manual"} or options["refund_speed"] not in {"normal", "optimum"}:
            raise wrong("The selected capture is invalid.", field="capture")
        if not 12 <= options.get(f"{capture}_expiry_period", 0) <= 7200:
            raise wrong(f"The {capture} expiry period must be between 12 and 7200.", field="capture_options")
        body.pop("token", None)
        return Answered(200, self._public(self.new_order(payment_capture=capture, **body)))

    def _new_customers(self, body: Any, request: Received) -> Answered:
        known(body, "customers")
        twin = next((one for one in self.of_kind("customer") if one["email"] == body["email"]), None)
        if twin is not None:
            return Answered(200, twin) if body.get("fail_existing") == "0" else error(400, "Customer already exists")
        return Answered(200, self.new("customer", **body))

    def _recurring(self, body: dict[str, Any]) -> Answered:
        needs(body, "email", "contact", "amount", "currency", "order_id", "customer_id", "token", "recurring")
        order = self.objects[body["order_id"]]
        if order["status"] == "paid":
            return error(400, "Payment cannot be made: the order is already paid.")
        if body["token"] == "token_broken":
            failed = self.attempt(order["id"], customer_id=body["customer_id"], token_id=body["token"])
            failed |= {"status": "failed", "error_reason": "insufficient_funds", "error_code": "BAD_REQUEST_ERROR"}
            words = "Your payment failed due to insufficient balance."
            return error(400, words, reason="insufficient_funds", step="payment_authorization")
        paid = self.attempt(
            order["id"], customer_id=body["customer_id"], token_id=body["token"], method="card", vpa=None
        )
        self.authorize(paid["id"])
        self.capture(paid["id"])
        return Answered(200, {"razorpay_payment_id": paid["id"], "razorpay_order_id": order["id"]})

    def _post_payment_capture(self, payment: dict[str, Any], body: Any, request: Received) -> Answered:
        known(body, "capture")
        if payment["status"] == "captured":
            return error(400, "This payment has already been captured")
        if payment["status"] != "authorized":
            return error(
                400,
                "Only payments which have been authorized and not yet captured can be captured: status should be authorized",
            )
        if body != {"amount": payment["amount"], "currency": payment["currency"]}:
            return error(400, "Capture amount must be equal to the amount authorized")
        self.capture(payment["id"])
        return Answered(200, self._public(payment))

    def _post_payment_refund(self, payment: dict[str, Any], body: Any, request: Received) -> Answered:
        known(body, "refund")
        key = request.headers.get("x-refund-idempotency", "")
        if not re.fullmatch(r"[A-Za-z0-9_-]{10,}", key):
            raise wrong("The idempotency key is not valid.")
        return self._once(f"refund {key}", request, lambda: self._refund(payment, body))

    def _refund(self, payment: dict[str, Any], body: dict[str, Any]) -> Answered:
        if not payment["captured"]:
            return error(400, "The payment status should be captured for action to be taken")
        left = payment["amount"] - payment["amount_refunded"]
        if not left:
            return error(400, "The payment has been fully refunded already")
        amount = body.get("amount", left)
        if amount > left:
            return error(400, "The total refund amount is greater than the refund payment amount")
        if amount > self.balance:
            return error(400, "Your account does not have enough balance to carry out the refund operation.")
        whole = amount == left
        payment |= {
            "amount_refunded": payment["amount_refunded"] + amount,
            "refund_status": "full" if whole else "partial",
        }
        if whole:
            payment["status"] = "refunded"
        back = {"payment_id": payment["id"], "amount": amount, "currency": payment["currency"], "status": "processed"}
        back |= self.taken
        made = self.new("refund", **back, notes=body.get("notes", {}), receipt=body.get("receipt"))
        self.tell("refund.created", refund=made, payment=payment)
        self.tell("refund.processed", refund=made, payment={"id": payment["id"]})
        return Answered(200, self._public(made))

    def _once(self, key: str, request: Received, work: Any) -> Answered:
        """The same key gives the first answer again; another body under it is refused."""
        if key in self.keys:
            earlier, answer = self.keys[key]
            if earlier != request.body.decode():
                return error(400, "Different request with the same idempotency key has already been processed.")
            return Answered(200, answer)
        made = work()
        if made.status == 200:
            self.keys[key] = (request.body.decode(), json.loads(json.dumps(made.body)))
        return made

    # links, plans, subscriptions

    def _new_payment_links(self, body: Any, request: Received) -> Answered:
        known(body, "payment_links")
        refused = check_amount(body)
        if refused:
            return refused
        if any(one["reference_id"] == body["reference_id"] for one in self.of_kind("payment_link")):
            return error(400, f"payment link with given reference_id ({body['reference_id']}) already exists")
        if "expire_by" in body and body["expire_by"] < self.now + 900:
            return error(
                400, "expire_by should be at least 15 minutes after current time", reason="input_validation_failed"
            )
        if ("callback_url" in body) != ("callback_method" in body):
            raise wrong("The callback method field is required when callback url is present.")
        made = self.new("payment_link", **{"expire_by": 0, **body, "status": "created", "amount_paid": 0})
        made["short_url"] = f"https://rzp.example/i/{made['id'][-6:]}"
        return Answered(200, self._public(made))

    def _post_payment_link_cancel(self, link: dict[str, Any], body: Any, request: Received) -> Answered:
        if link["status"] != "created":
            return error(400, f"Payment Link cannot be cancelled as it is already {link['status']}.")
        link |= {"status": "cancelled", "cancelled_at": self.now}
        self.tell("payment_link.cancelled", payment_link=link)
        return Answered(200, self._public(link))

    def _new_plans(self, body: Any, request: Received) -> Answered:
        known(body, "plans")
        needs(body, "period", "interval", "item")
        check_amount(body["item"])
        if body["period"] == "daily" and body["interval"] < 7:
            raise wrong("Interval for daily plans must be at least 7.")
        item = {"id": f"item_Made{len(self.objects):010d}", "active": True, **body["item"]}
        return Answered(200, self._public(self.new("plan", **{**body, "item": item})))

    def _new_subscriptions(self, body: Any, request: Received) -> Answered:
        known(body, "subscriptions")
        needs(body, "plan_id", "total_count")
        if body["plan_id"] not in self.objects:
            return error(400, NO_ID)
        blank = {"status": "created", "paid_count": 0, "current_start": None, "current_end": None, "ended_at": None}
        made = self.new("subscription", **{**blank, "customer_id": None, "notes": {}, **body})
        made["short_url"] = f"https://rzp.example/s/{made['id'][-6:]}"
        return Answered(200, self._public(made))

    def _patch_subscription(self, subscription: dict[str, Any], body: Any, request: Received) -> Answered:
        known(body, "subscription_change")
        if subscription["status"] not in {"authenticated", "active"}:
            return error(400, f"Subscription cannot be updated when it is in {subscription['status']} state.")
        if subscription.get("payment_method") == "upi":
            return error(400, "Subscriptions cannot be updated when payment mode is UPI.")
        subscription |= {name: body[name] for name in ("plan_id", "quantity") if name in body}
        subscription["schedule_change_at"] = body["schedule_change_at"]
        self.tell("subscription.updated", subscription=subscription)
        return Answered(200, self._public(subscription))

    def _post_subscription_pause(self, subscription: dict[str, Any], body: Any, request: Received) -> Answered:
        return self._switch(subscription, {"pause_at": "now"}, body, "active", "paused")

    def _post_subscription_resume(self, subscription: dict[str, Any], body: Any, request: Received) -> Answered:
        return self._switch(subscription, {"resume_at": "now"}, body, "paused", "resumed")

    def _switch(self, subscription: dict[str, Any], wanted: Any, body: Any, before: str, what: str) -> Answered:
        if body != wanted:
            raise wrong("The body is not as documented.")
        if subscription["status"] != before:
            return error(400, f"Subscription is not in {before} state.")
        subscription["status"] = "paused" if what == "paused" else "active"
        self.tell(f"subscription.{what}", subscription=subscription)
        return Answered(200, self._public(subscription))

    def _post_subscription_cancel(self, subscription: dict[str, Any], body: Any, request: Received) -> Answered:
        if set(body) != {"cancel_at_cycle_end"}:
            raise wrong("The body is not as documented.")
        if subscription["status"] in {"cancelled", "completed", "expired"}:
            return error(400, f"Subscription is not cancellable in {subscription['status']} status.")
        if not body["cancel_at_cycle_end"] or subscription["status"] != "active":
            subscription |= {"status": "cancelled", "ended_at": self.now}
            self.tell("subscription.cancelled", subscription=subscription)
        return Answered(200, self._public(subscription))

    # where the money goes

    def _post_payment_transfers(self, payment: dict[str, Any], body: Any, request: Received) -> Answered:
        if not payment["captured"]:
            return error(400, "The payment status should be captured for action to be taken")
        if payment["amount_refunded"]:
            return error(400, "Transfers cannot be made of a payment of which something was refunded.")
        moved = sum(one["amount"] for one in self.of_kind("transfer") if one["source"] == payment["id"])
        parts = [known(part, "transfer") for part in body["transfers"]]
        if moved + sum(part["amount"] for part in parts) > payment["amount"]:
            return error(400, "The sum of amount requested for transfer is greater than the captured amount")
        return self._collection([self._transfer(part, payment["id"]) for part in parts])

    def _new_transfers(self, body: Any, request: Received) -> Answered:
        known(body, "transfer")
        if body["amount"] > self.balance:
            return error(400, "Account does not have sufficient balance to carry out transfer operation")
        return Answered(200, self._public(self._transfer(body, self.account_id)))

    def _transfer(self, part: dict[str, Any], source: str) -> dict[str, Any]:
        needs(part, "account", "amount", "currency")
        if part["currency"] != "INR":
            raise wrong("Transfers are made in INR.", field="currency")
        held = {"on_hold": part.get("on_hold", False), "on_hold_until": part.get("on_hold_until")}
        state = {
            "status": "processed",
            "amount_reversed": 0,
            "settlement_status": "on_hold" if held["on_hold"] else "pending",
        }
        amount = {"amount": part["amount"], "currency": part["currency"], "notes": part.get("notes", {})}
        made = self.new("transfer", **amount, **state, **held, source=source, recipient=part["account"])
        self.tell("transfer.processed", transfer=made)
        return made

    def _patch_transfer(self, transfer: dict[str, Any], body: Any, request: Received) -> Answered:
        known(body, "hold")
        if transfer["settlement_status"] == "settled":
            return error(400, "The transfer cannot be modified: it is settled.")
        transfer |= {"on_hold": bool(body["on_hold"]), "on_hold_until": body.get("on_hold_until")}
        transfer["settlement_status"] = "on_hold" if transfer["on_hold"] else "pending"
        return Answered(200, self._public(transfer))

    def _post_transfer_reversals(self, transfer: dict[str, Any], body: Any, request: Received) -> Answered:
        known(body, "reversals")
        left = transfer["amount"] - transfer["amount_reversed"]
        amount = body.get("amount", left)
        if amount > left or not left:
            return error(400, "The reversal amount exceeds the amount available for reversal.")
        transfer["amount_reversed"] += amount
        made = {"transfer_id": transfer["id"], "amount": amount, "currency": "INR", "notes": body.get("notes", {})}
        return Answered(200, self._public(self.new("reversal", **made)))

    def _new_payouts(self, body: Any, request: Received) -> Answered:
        known(body, "payouts")
        key = request.headers.get("x-payout-idempotency", "")
        if not 4 <= len(key) <= 36:
            raise wrong("X-Payout-Idempotency is mandatory and has 4 to 36 characters.")
        needs(body, "account_number", "amount", "currency", "mode", "purpose")
        if ("fund_account_id" in body) == ("fund_account" in body):
            raise wrong("Either fund_account_id or fund_account is required.")
        if not re.fullmatch(r"[A-Za-z0-9 ]{1,30}", body.get("narration", "x")):
            raise wrong("The narration format is invalid.", field="narration")
        return self._once(f"payout {key}", request, lambda: self._payout(body))

    def _payout(self, body: dict[str, Any]) -> Answered:
        if body["account_number"] != self.payout_account:
            return error(400, "The RazorpayX Account number is invalid.")
        ifsc = body.get("fund_account", {}).get("bank_account", {}).get("ifsc", "HDFC0000001")
        if not re.fullmatch(r"[A-Z]{4}0[A-Z0-9]{6}", ifsc):
            return error(400, "The ifsc format is invalid.", field="ifsc")
        if body["amount"] > self.balance and not body["queue_if_low_balance"]:
            return error(400, "Your account does not have enough balance to carry out the payout operation.")
        fund = body.pop("fund_account", None)
        reference = body.pop("fund_account_id", None) or self.new("fund_account", **(fund or {}))["id"]
        waits = body["amount"] > self.balance
        state = {
            "status": "queued" if waits else "processing",
            "fees": 590,
            "tax": 90,
            "utr": None,
            "status_details": None,
        }
        return Answered(200, self._public(self.new("payout", **{**body, **state, "fund_account_id": reference})))

    def send(self, payout: str, status: str = "processed") -> None:
        """The bank has done it, or has not."""
        self.objects[payout]["status"] = status
        self.tell(f"payout.{status}", payout=self.objects[payout])

    # disputes

    def _post_dispute_accept(self, dispute: dict[str, Any], body: Any, request: Received) -> Answered:
        if dispute["status"] != "open":
            return error(400, "Dispute cannot be accepted in its current status.")
        dispute["status"] = "lost"
        return Answered(200, dispute)

    def _patch_dispute_contest(self, dispute: dict[str, Any], body: Any, request: Received) -> Answered:
        known(body, "contest")
        needs(body, "action")
        dispute["evidence"] = {name: value for name, value in body.items() if name != "action"}
        if body["action"] == "submit":
            dispute["status"] = "under_review"
        return Answered(200, dispute)

    # webhooks

    def _webhook(self, method: str, rest: list[str], body: Any, *, v2: bool) -> Answered:
        if method == "GET":
            return self._collection(self.of_kind("webhook"))
        thing = self.objects.get(rest[0]) if rest else None
        if rest and thing is None:
            return error(400, NO_ID)
        if method == "DELETE" and v2:
            del self.objects[rest[0]]
            return Answered(200, [])
        if (method, bool(rest), v2) not in {("POST", False, v2), ("PATCH", True, True), ("PUT", True, False)}:
            raise ComplaintError("no such call", NO_SUCH)
        known(body, "webhooks")
        if not isinstance(body["events"], list if v2 else dict):
            raise wrong("The events are not in the form of this version.", field="events")
        if thing is None:
            thing = self.new("webhook", disabled_at=0)
        thing |= {**body, **({"disabled_at": 0} if body.get("active") else {})}
        return Answered(
            200, {name: value for name, value in thing.items() if name != "secret"} | {"secret_exists": True}
        )
