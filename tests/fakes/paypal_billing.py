"""What PayPal keeps beside orders: plans and subscriptions, payouts, disputes, webhooks and their events, activities."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timedelta
from email.parser import BytesParser
from typing import Any

from tests.fakes.paypal_books import PAYER, PayPalBooks
from tests.fakes.paypal_wire import NOW, check_amount, error, link, missing
from tests.fakes.server import Answered, ComplaintError, Received

OFFERED = [
    "CHECKOUT.ORDER.APPROVED",
    "CHECKOUT.PAYMENT-APPROVAL.REVERSED",
    "PAYMENT.AUTHORIZATION.CREATED",
    "PAYMENT.AUTHORIZATION.VOIDED",
    "PAYMENT.CAPTURE.COMPLETED",
    "PAYMENT.CAPTURE.DENIED",
    "PAYMENT.CAPTURE.PENDING",
    "PAYMENT.CAPTURE.REFUNDED",
    "PAYMENT.SALE.COMPLETED",
    "CUSTOMER.DISPUTE.CREATED",
    "CUSTOMER.DISPUTE.RESOLVED",
    "BILLING.SUBSCRIPTION.ACTIVATED",
    "BILLING.SUBSCRIPTION.CANCELLED",
]


class PayPalBilling(PayPalBooks):
    def __init__(self) -> None:
        super().__init__()
        self.products: dict[str, dict[str, Any]] = {}
        self.plans: dict[str, dict[str, Any]] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.disputes: dict[str, dict[str, Any]] = {}
        self.answers: list[tuple[str, str, Any]] = []
        self.activities: list[dict[str, Any]] = []
        self.searches = True
        """Whether the app may search the account's activities."""
        self.page = 10

    # Plans and subscriptions.

    def create_product(self, body: dict[str, Any]) -> Answered:
        made = {"id": f"PROD-MADE{next(self._numbers):04d}", **body, "create_time": NOW}
        self.products[made["id"]] = made
        return Answered(201, made)

    def create_plan(self, body: dict[str, Any]) -> Answered:
        if body["product_id"] not in self.products:
            return missing()
        for cycle in body["billing_cycles"]:
            if "pricing_scheme" in cycle:
                check_amount(cycle["pricing_scheme"]["fixed_price"])
        identity = f"P-MADE{next(self._numbers):08d}"
        made = {"id": identity, **body, "create_time": NOW, "links": [link("self", f"/v1/billing/plans/{identity}")]}
        self.plans[identity] = made
        self.tell("BILLING.PLAN.CREATED", "plan", made)
        return Answered(201, made)

    def patch_plan(self, plan: dict[str, Any], operations: list[dict[str, Any]]) -> Answered:
        for one in operations:
            if one["op"] != "replace" or one["path"] not in {"/name", "/description"}:
                raise ComplaintError(f"not patchable: {one}", error(422, "INVALID_PATCH_OPERATION"))
            plan[one["path"][1:]] = one["value"]
        self.tell("BILLING.PLAN.UPDATED", "plan", plan)
        return Answered(204)

    def act_on_plan(self, plan: dict[str, Any], what: str, body: Any) -> Answered:
        if what == "deactivate":
            if plan["status"] == "INACTIVE":
                return error(422, "PLAN_STATUS_INVALID")
            plan["status"] = "INACTIVE"
            self.tell("BILLING.PLAN.DEACTIVATED", "plan", plan)
            return Answered(204)
        for change in body["pricing_schemes"]:
            cycle = next(one for one in plan["billing_cycles"] if one["sequence"] == change["billing_cycle_sequence"])
            check_amount(change["pricing_scheme"]["fixed_price"])
            cycle["pricing_scheme"] = change["pricing_scheme"]
        self.tell("BILLING.PLAN.PRICING-CHANGE.ACTIVATED", "plan", plan)
        return Answered(204)

    def create_subscription(self, body: dict[str, Any]) -> Answered:
        if body["plan_id"] not in self.plans:
            return missing()
        identity = f"I-MADE{next(self._numbers):08d}"
        made = {
            "id": identity,
            "status": "APPROVAL_PENDING",
            "status_update_time": NOW,
            "plan_id": body["plan_id"],
            "quantity": body.get("quantity", "1"),
            "start_time": body.get("start_time", NOW),
            "subscriber": body.get("subscriber", {}),
            **({"custom_id": body["custom_id"]} if "custom_id" in body else {}),
            "create_time": NOW,
        }
        self.subscriptions[identity] = made
        self.tell("BILLING.SUBSCRIPTION.CREATED", "subscription", made)
        return Answered(201, self.subscription(made))

    def subscription(self, made: dict[str, Any]) -> dict[str, Any]:
        approve = {
            "href": f"https://www.sandbox.paypal.com/webapps/billing/subscriptions?ba_token=BA-{made['id']}",
            "rel": "approve",
            "method": "GET",
        }
        links = [link("self", f"/v1/billing/subscriptions/{made['id']}")]
        return {**copy.deepcopy(made), "links": [approve, *links] if made["status"] == "APPROVAL_PENDING" else links}

    def agree(self, subscription: str) -> dict[str, str]:
        made = self.subscriptions[subscription]
        price = self.price_of(made)
        made |= {
            "status": "ACTIVE",
            "subscriber": {
                "email_address": PAYER["email_address"],
                "payer_id": PAYER["payer_id"],
                "name": PAYER["name"],
            },
            "billing_info": {
                "outstanding_balance": {"currency_code": price["currency_code"], "value": "0.00"},
                "cycle_executions": [{"tenure_type": "REGULAR", "sequence": 1, "cycles_completed": 1}],
                "last_payment": {"amount": price, "time": NOW},
                "next_billing_time": "2026-12-23T10:00:00Z",
                "failed_payments_count": 0,
            },
        }
        self.tell("BILLING.SUBSCRIPTION.ACTIVATED", "subscription", made)
        self.renew(subscription, NOW)
        return {"subscription_id": subscription, "ba_token": f"BA-{subscription}", "token": f"EC-{subscription}"}

    def price_of(self, subscription: dict[str, Any]) -> dict[str, Any]:
        cycles = self.plans[subscription["plan_id"]]["billing_cycles"]
        return next(one["pricing_scheme"]["fixed_price"] for one in cycles if one["tenure_type"] == "REGULAR")

    def renew(self, subscription: str, time: str = "2026-12-23T10:00:04Z", *, told: bool = True) -> str:
        """PayPal charges a period; ``told=False``: and tells nobody."""
        price = self.price_of(self.subscriptions[subscription])
        identity = self.new_id()
        due = self.subscriptions[subscription].get("billing_info", {})
        if "next_billing_time" in due:
            year, month = divmod(int(time[:4]) * 12 + int(time[5:7]), 12)
            due["next_billing_time"] = f"{year}-{month + 1:02}-{time[8:10]}T10:00:00Z"
        sale = {
            "id": identity,
            "state": "completed",
            "amount": {"total": price["value"], "currency": price["currency_code"]},
            "billing_agreement_id": subscription,
            "create_time": time,
        }
        self.captures[identity] = {"id": identity, "status": "COMPLETED", "amount": price, "create_time": time}
        info = {
            "transaction_id": identity,
            "paypal_reference_id": subscription.replace("-", ""),
            "paypal_reference_id_type": "SUB",
            "transaction_event_code": "T0002",
            "transaction_initiation_date": time,
            "transaction_amount": price,
            "transaction_status": "S",
        }
        self.activities.append({"transaction_info": info})
        if told:
            self.tell("PAYMENT.SALE.COMPLETED", "sale", sale, version="1.0")
        return identity

    def act_on_subscription(self, made: dict[str, Any], what: str, body: dict[str, Any]) -> Answered:
        allowed = {"suspend": {"ACTIVE"}, "activate": {"SUSPENDED"}, "cancel": {"ACTIVE", "SUSPENDED"}}
        if what == "revise":
            made["revised"] = body
            approve = {
                "href": f"https://www.sandbox.paypal.com/webapps/billing/subscriptions/update?ba_token=BA-{made['id']}",
                "rel": "approve",
                "method": "GET",
            }
            return Answered(200, {"plan_id": body.get("plan_id", made["plan_id"]), "links": [approve]})
        if made["status"] not in allowed[what]:
            return error(422, "SUBSCRIPTION_STATUS_INVALID")
        status, kind = {
            "suspend": ("SUSPENDED", "SUSPENDED"),
            "activate": ("ACTIVE", "RE-ACTIVATED"),
            "cancel": ("CANCELLED", "CANCELLED"),
        }[what]
        made |= {"status": status, "status_change_note": body["reason"], "status_update_time": NOW}
        if what == "cancel":
            made["billing_info"].pop("next_billing_time", None)
        self.tell(f"BILLING.SUBSCRIPTION.{kind}", "subscription", made)
        return Answered(204)

    def patch_subscription(self, made: dict[str, Any], operations: list[dict[str, Any]]) -> Answered:
        for one in operations:
            if one["path"] != "/custom_id":
                raise ComplaintError(f"not patchable: {one}", error(422, "INVALID_PATCH_OPERATION"))
            made["custom_id"] = one["value"]
        return Answered(204)

    # Payouts.

    def create_payout(self, body: dict[str, Any]) -> Answered:
        header, (item,) = body["sender_batch_header"], body["items"]
        check_amount(item["amount"], "currency")
        known = next((one for one in self.batches.values() if one["sender"] == header["sender_batch_id"]), None)
        if known is not None:
            detail = {
                "field": "SENDER_BATCH_ID",
                "location": "body",
                "issue": "Batch with given sender_batch_id already exists",
                "link": [link("self", f"/v1/payments/payouts/{known['id']}")],
            }
            words = {
                "name": "USER_BUSINESS_ERROR",
                "message": "User business error.",
                "debug_id": "made01",
                "details": [detail],
            }
            return Answered(400, words)
        identity = f"MADE{next(self._numbers):09d}"
        batch = {
            "id": identity,
            "sender": header["sender_batch_id"],
            "header": header,
            "item": item,
            "status": "PENDING",
            "state": None,
        }
        self.batches[identity] = batch
        header_shown = {"payout_batch_id": identity, "batch_status": "PENDING", "sender_batch_header": header}
        return Answered(
            201, {"batch_header": header_shown, "links": [link("self", f"/v1/payments/payouts/{identity}")]}
        )

    def end_payout(self, identity: str, state: str) -> None:
        batch = self.batches[identity]
        batch |= {"status": "SUCCESS", "state": state}
        kind = {"SUCCESS": "SUCCEEDED"}.get(state, state)
        self.tell(f"PAYMENT.PAYOUTS-ITEM.{kind}", "payouts_item", self.payout_item(batch), version="1.0")

    def payout_item(self, batch: dict[str, Any]) -> dict[str, Any]:
        shown = {"payout_item_id": f"{batch['id']}I", "payout_batch_id": batch["id"], "payout_item": batch["item"]}
        shown["payout_item_fee"] = {"currency": batch["item"]["amount"]["currency"], "value": "0.35"}
        if batch["state"]:
            shown["transaction_status"] = batch["state"]
        if batch["state"] == "FAILED":
            shown["errors"] = {
                "name": "RECEIVER_UNREGISTERED",
                "message": "Receiver is unregistered",
                "debug_id": "made01",
            }
        return shown

    def payout(self, identity: str) -> Answered:
        batch = self.batches.get(identity)
        if batch is None:
            return error(404, "INVALID_RESOURCE_ID")
        header = {"payout_batch_id": identity, "batch_status": batch["status"], "sender_batch_header": batch["header"]}
        return Answered(
            200, {"batch_header": {**header, "amount": batch["item"]["amount"]}, "items": [self.payout_item(batch)]}
        )

    # Disputes.

    def dispute(self, capture: str, amount: dict[str, Any]) -> str:
        identity = f"PP-D-{next(self._numbers)}"
        made = {
            "dispute_id": identity,
            "create_time": NOW,
            "update_time": NOW,
            "disputed_transactions": [{"seller_transaction_id": capture, "buyer": {"name": "Ada Lovelace"}}],
            "reason": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
            "status": "WAITING_FOR_SELLER_RESPONSE",
            "dispute_amount": amount,
            "dispute_life_cycle_stage": "CHARGEBACK",
            "dispute_channel": "INTERNAL",
            "seller_response_due_date": "2026-12-07T23:59:59Z",
            "links": [
                link(rel, f"/v1/customer/disputes/{identity}/{rel}", "POST")
                for rel in ("provide_evidence", "accept_claim")
            ],
        }
        self.disputes[identity] = made
        self.tell("CUSTOMER.DISPUTE.CREATED", "dispute", made, version="1.0")
        return identity

    def resolve(self, identity: str, outcome: str) -> None:
        made = self.disputes[identity]
        made |= {"status": "RESOLVED", "dispute_outcome": {"outcome_code": outcome}}
        made["links"] = (
            [link("appeal", f"/v1/customer/disputes/{identity}/appeal", "POST")]
            if outcome == "RESOLVED_BUYER_FAVOUR"
            else [link("self", f"/v1/customer/disputes/{identity}")]
        )
        self.tell("CUSTOMER.DISPUTE.RESOLVED", "dispute", made, version="1.0")

    def answer_dispute(self, made: dict[str, Any], what: str, request: Received) -> Answered:
        kind = request.headers.get("content-type", "")
        form = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + request.body)
        parts = {str(one.get_param("name", header="content-disposition")): one for one in form.get_payload()}  # type: ignore[union-attr, arg-type]
        if set(parts) != {"input"} or parts["input"].get_content_type() != "application/json":
            raise ComplaintError(f"not the form that it takes: {sorted(parts)}", error(400, "INVALID_PARAMETER_SYNTAX"))
        if what.replace("-", "_") not in {one["rel"] for one in made["links"]}:
            return error(422, "ACTION_NOT_ALLOWED")
        sent = json.loads(parts["input"].get_payload(decode=True))
        self.answers.append((made["dispute_id"], what, sent))
        if what == "accept-claim":
            made |= {"status": "RESOLVED", "dispute_outcome": {"outcome_code": "ACCEPTED"}}
        else:
            evidences = [{**one, "source": "SUBMITTED_BY_SELLER"} for one in sent["evidences"]]
            made["evidences"] = [*made.get("evidences", []), *evidences]
            made["status"] = "UNDER_REVIEW"
        made |= {"links": [link("self", f"/v1/customer/disputes/{made['dispute_id']}")]}
        return Answered(200, {"links": made["links"]})

    def listed_disputes(self, query: dict[str, str]) -> Answered:
        if {"start_time", "disputed_transaction_id"} <= query.keys():
            raise ComplaintError("both start_time and disputed_transaction_id", error(400, "INVALID_REQUEST"))
        of, since = query.get("disputed_transaction_id"), query.get("start_time", "")
        found = [
            one for one in reversed(self.disputes.values())
            if one["create_time"] >= since
            and of in {None, one["disputed_transactions"][0]["seller_transaction_id"]}
        ]  # fmt: skip
        size, start = int(query.get("page_size", 10)), int(query.get("next_page_token", 0))
        kept = ("dispute_id", "reason", "status", "dispute_amount", "create_time", "update_time")
        items = [{name: one[name] for name in kept} for one in found[start : start + size]]
        links = [link("self", "/v1/customer/disputes")]
        if len(found) > start + size:
            links.append(link("next", f"/v1/customer/disputes?page_size={size}&next_page_token={start + size}"))
        return Answered(200, {"links": links, **({"items": items} if items else {})})

    # Webhooks.

    def create_hook(self, body: dict[str, Any]) -> Answered:
        if any(one["url"] == body["url"] for one in self.hooks.values()):
            name = "WEBHOOK_URL_ALREADY_EXISTS"
            return Answered(400, {"name": name, "message": "Webhook URL already exists", "debug_id": "made01"})
        unknown = {one["name"] for one in body["event_types"]} - {*OFFERED, "*"}
        if unknown:
            raise ComplaintError(f"event types that are not offered: {unknown}", error(400, "INVALID_PARAMETER_VALUE"))
        identity = f"{next(self._numbers)}MADEHOOK"
        self.hooks[identity] = {"id": identity, **body}
        return Answered(201, self.hooks[identity])

    def act_on_hook(self, request: Received, identity: str) -> Answered:
        hook = self.hooks.get(identity)
        if hook is None:
            return missing()
        if request.method == "DELETE":
            del self.hooks[identity]
            return Answered(204)
        if request.method == "PATCH":
            for one in request.json():
                hook[one["path"][1:]] = one["value"]
        return Answered(200, hook)

    def verify(self, request: Received) -> Answered:
        asked = request.json()
        mark = b'"webhook_event": '
        raw_event = request.body[request.body.index(mark) + len(mark) : -1]
        is_known = asked["webhook_id"] == self.webhook_id or asked["webhook_id"] in self.hooks
        right = is_known and self.signing.confirms(asked, raw_event)
        return Answered(200, {"verification_status": "SUCCESS" if right else "FAILURE"})

    def listed_events(self, query: dict[str, str]) -> Answered:
        start, end = (datetime.fromisoformat(query[name]) for name in ("start_time", "end_time"))
        if end - start > timedelta(days=30):
            raise ComplaintError("more than 30 days", error(400, "INVALID_PARAMETER_VALUE"))
        # A clock that stands still: what happened after `end` was told at that very second.
        found = [
            one
            for one in self.events
            if start <= datetime.fromisoformat(one["create_time"]).replace(microsecond=0) <= end
            and query.get("event_type") in {None, one["event_type"]}
        ]
        size, first = min(int(query.get("page_size", 10)), self.page), int(query.get("after", 0))
        page = found[first : first + size]
        links = [link("self", "/v1/notifications/webhooks-events")]
        if first + size < len(found):
            after = (
                f"start_time={query['start_time']}&end_time={query['end_time']}&page_size={size}&after={first + size}"
            )
            links.append(link("next", f"/v1/notifications/webhooks-events?{after}"))
        return Answered(200, {"events": page, "count": len(page), "links": links})

    def listed_activities(self, query: dict[str, str]) -> Answered:
        if not self.searches:
            return Answered(
                403,
                {
                    "name": "NOT_AUTHORIZED",
                    "message": "Authorization failed due to insufficient permissions.",
                    "debug_id": "made01",
                },
            )
        start, end = (datetime.fromisoformat(query[name]) for name in ("start_date", "end_date"))
        if end - start > timedelta(days=31) or query["transaction_type"] != "T0002":
            raise ComplaintError(f"search {query}", error(400, "INVALID_PARAMETER_VALUE"))
        shown = {"total_items": len(self.activities), "total_pages": 1, "page": 1}
        return Answered(200, {**({"transaction_details": self.activities} if self.activities else {}), **shown})
