"""What PayPal keeps of orders: what payers do with them, captures, authorisations, refunds, and the events of all that."""

from __future__ import annotations

import copy
import itertools
import json
from abc import abstractmethod
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.fakes.gateway import FakeGateway, Webhook
from tests.fakes.paypal_wire import CERTIFICATE_URL, NOW, WHOLE, Signing, check_amount, error, link, missing
from tests.fakes.server import Answered, ComplaintError

PAYER = {
    "email_address": "ada@example.com",
    "payer_id": "QYR5Z8XDVJNXQ",
    "name": {"given_name": "Ada", "surname": "Lovelace"},
    "address": {"country_code": "GB"},
}
EXPIRES = "2026-12-22T09:00:00Z"


class PayPalBooks(FakeGateway):
    def __init__(self) -> None:
        super().__init__()
        self.client_id = "made-up-client-id"
        self.client_secret = "made-up-client-secret"
        self.webhook_id = "4JH86294D6297924G"
        self.signing = Signing()
        self.orders: dict[str, dict[str, Any]] = {}
        self.captures: dict[str, dict[str, Any]] = {}
        self.authorizations: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.tokens: dict[str, dict[str, Any]] = {}
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.hooks: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.outcomes: dict[str, str] = {}
        """Order -> how its next capture ends: ``PENDING``, ``DECLINED`` (a status) or ``INSTRUMENT_DECLINED`` (a refusal)."""
        self.account: tuple[str, str] | None = None
        """The account's currency and the rate to it, where payments are in another one."""
        self.refund_terms: list[tuple[str, str]] = []
        """For the next refunds out of an account in another currency: the rate, and what is given back of the fee."""
        self._sent = 0
        self._numbers = itertools.count(1)

    def fields(self) -> dict[str, Any]:
        return {
            "mode": "test",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "webhook_id": self.webhook_id,
            "api_base": self.url,
        }

    # What payers and PayPal itself do.

    def pay(self, payment: str) -> dict[str, str]:
        if payment in self.subscriptions:
            return self.agree(payment)
        order = self.orders[payment]
        order |= {
            "status": "APPROVED",
            "payer": PAYER,
            "update_time": f"2026-11-23T09:{next(self._numbers) % 60:02d}:00Z",
        }
        source = order.setdefault("payment_source", {"paypal": {}})
        wallet = next(iter(source.values()))
        if "paypal" in source:
            wallet |= {"email_address": PAYER["email_address"], "account_id": PAYER["payer_id"], "name": PAYER["name"]}
        self.tell("CHECKOUT.ORDER.APPROVED", "checkout-order", self.shown(order))
        return {"token": payment, "PayerID": PAYER["payer_id"]}

    def decline(self, payment: str) -> None:
        order = self.orders[payment]
        self.outcomes[payment] = "DECLINED"
        order |= {"status": "APPROVED", "payer": PAYER}
        self.take(order)

    def settle(self, capture: str, status: str = "COMPLETED") -> None:
        """What was pending is decided."""
        taken = self.captures[capture]
        taken["status"] = status
        taken.pop("status_details", None)
        kind = {"COMPLETED": "PAYMENT.CAPTURE.COMPLETED", "DECLINED": "PAYMENT.CAPTURE.DENIED"}[status]
        self.tell(kind, "capture", taken)

    def lapse(self, authorization: str) -> None:
        held = self.authorizations[authorization]
        held |= {"status": "VOIDED", "update_time": EXPIRES}
        self.tell("PAYMENT.AUTHORIZATION.VOIDED", "authorization", held)

    @abstractmethod
    def agree(self, subscription: str) -> dict[str, str]:
        """The payer agrees to a subscription."""

    def tell(self, kind: str, resource_type: str, resource: dict[str, Any], version: str = "2.0") -> dict[str, Any]:
        identity = f"WH-MADEUP{next(self._numbers):06d}"
        event = {
            "id": identity,
            "event_version": "1.0",
            "create_time": "2026-11-23T09:00:00.123Z",
            "resource_type": resource_type,
            "resource_version": version,
            "event_type": kind,
            "summary": f"It happened: {kind}",
            "resource": copy.deepcopy(resource),
            "links": [link("self", f"/v1/notifications/webhooks-events/{identity}")],
        }
        self.events.append(event)
        return event

    def webhooks(self, url: str) -> list[Webhook]:
        new, self._sent = self.events[self._sent :], len(self.events)
        registered = next((one["id"] for one in self.hooks.values() if one["url"] == url), self.webhook_id)
        return [self.signed(event, registered) for event in new]

    def signed(self, event: dict[str, Any], webhook_id: str | None = None, time: str = NOW) -> Webhook:
        # PayPal writes slashes with a backslash, which no re-written body has.
        body = json.dumps(event).replace("/", "\\/").encode()
        transmission = f"{event['id'].lower()}-11ee-9bd1"
        headers = self.signing.headers(body, transmission, webhook_id or self.webhook_id, time)
        return Webhook(body, headers, fetches={CERTIFICATE_URL: self.signing.certificate})

    # Orders.

    def create_order(self, body: dict[str, Any]) -> Answered:
        unit = body["purchase_units"][0]
        check_amount(unit["amount"])
        reference = self.new_id()
        source = copy.deepcopy(body.get("payment_source"))
        order = {
            "id": reference,
            "intent": body["intent"],
            "status": "CREATED",
            "purchase_units": [{"reference_id": "default", **unit}],
            "create_time": NOW,
        }
        unit = order["purchase_units"][0]
        unit["payee"] = {"email_address": "shop@example.com", "merchant_id": "7NZFKPDR3PYGE", **unit.get("payee", {})}
        if any(
            unit.get("invoice_id")
            and one["purchase_units"][0].get("invoice_id") == unit["invoice_id"]
            and one["status"] == "COMPLETED"
            for one in self.orders.values()
        ):
            return error(422, "DUPLICATE_INVOICE_ID")
        stored = next((one["vault_id"] for one in (source or {}).values() if "vault_id" in one), None)
        if stored is not None:
            return self._charge(order, stored, next(iter(source or {})))
        self.orders[reference] = order
        if source:
            name, details = next(iter(source.items()))
            for needed in ("return_url", "cancel_url"):
                if needed not in details.get("experience_context", {}):
                    raise ComplaintError(f"no {needed}", error(422, needed.upper() + "_REQUIRED"))
            kept = details.pop("attributes", None)
            details.pop("experience_context")
            if kept:
                details["attributes"] = {"vault": {"id": self._vault(name), "status": "VAULTED"}}
            order |= {"payment_source": source, "status": "PAYER_ACTION_REQUIRED"}
        return Answered(201 if not source else 200, self.shown(order))

    def _vault(self, kind: str) -> str:
        identity = f"{next(self._numbers)}vault{len(self.tokens)}"
        self.tokens[identity] = {"id": identity, "kind": kind}
        return identity

    def _charge(self, order: dict[str, Any], stored: str, kind: str) -> Answered:
        token = self.tokens.get(stored)
        if token is None:
            return error(422, "TOKEN_ID_NOT_FOUND")
        if token["kind"] != kind:
            raise ComplaintError("stored means of another kind", error(422, "MISMATCHED_VAULT_ID_TO_PAYMENT_SOURCE"))
        shown = (
            {"last_digits": "1111", "brand": "VISA"} if kind == "card" else {"email_address": PAYER["email_address"]}
        )
        order |= {"payment_source": {kind: shown}, "payer": PAYER, "status": "APPROVED"}
        if token.get("refuses"):
            return error(422, token["refuses"])
        self.orders[order["id"]] = order
        if token.get("outcome"):
            self.outcomes[order["id"]] = token["outcome"]
        if token.get("outcome") == "PAYER_ACTION_REQUIRED":
            order["status"] = "PAYER_ACTION_REQUIRED"
            return Answered(201, self.shown(order))
        self.take(order, token.get("response"))
        return Answered(201, self.shown(order))

    def finish_order(self, order: dict[str, Any], what: str) -> Answered:
        intent = "AUTHORIZE" if what == "authorize" else "CAPTURE"
        if order["intent"] != intent:
            raise ComplaintError("action does not match intent", error(422, "ACTION_DOES_NOT_MATCH_INTENT"))
        if order["status"] == "COMPLETED":
            return error(422, "ORDER_ALREADY_AUTHORIZED" if what == "authorize" else "ORDER_ALREADY_CAPTURED")
        if order["status"] != "APPROVED":
            return error(422, "ORDER_NOT_APPROVED")
        if self.outcomes.get(order["id"]) == "INSTRUMENT_DECLINED":
            del self.outcomes[order["id"]]
            return error(422, "INSTRUMENT_DECLINED")
        self.take(order)
        return Answered(201, self.shown(order))

    def take(self, order: dict[str, Any], response: str | None = None) -> None:
        """Take or authorise what a payer approved."""
        unit, reference = order["purchase_units"][0], order["id"]
        order["status"] = "COMPLETED"
        payments = unit.setdefault("payments", {})
        common = {"amount": _plain(unit["amount"]), "custom_id": unit.get("custom_id")}
        outcome = self.outcomes.pop(reference, "COMPLETED")
        if order["intent"] == "AUTHORIZE":
            status = "CREATED" if outcome == "COMPLETED" else outcome
            held = self._transaction(
                "authorizations", reference, {**common, "status": status, "expiration_time": EXPIRES}
            )
            self.authorizations[held["id"]] = held
            payments["authorizations"] = [held]
            self.tell("PAYMENT.AUTHORIZATION.CREATED", "authorization", held)
            return
        payments.setdefault("captures", []).append(self.new_capture(reference, common, outcome, response=response))

    def new_capture(
        self,
        order: str,
        common: dict[str, Any],
        status: str = "COMPLETED",
        *,
        final: bool = True,
        response: str | None = None,
    ) -> dict[str, Any]:
        taken = self._transaction("captures", order, {**common, "status": status, "final_capture": final})
        if status == "PENDING":
            taken["status_details"] = {"reason": "ECHECK"}
        if status == "DECLINED":
            taken["processor_response"] = {"response_code": response or "5100"}
        if status == "COMPLETED":
            fee = {
                "currency_code": taken["amount"]["currency_code"],
                "value": "1" if taken["amount"]["currency_code"] in WHOLE else "0.98",
            }
            taken["seller_receivable_breakdown"] = self._breakdown(taken["amount"], fee)
        self.captures[taken["id"]] = taken
        self.tell(f"PAYMENT.CAPTURE.{status}", "capture", taken)
        return taken

    def _breakdown(self, gross: dict[str, Any], fee: dict[str, Any]) -> dict[str, Any]:
        """What PayPal credits: net of its fee, and converted where the account is in another currency."""
        currency = gross["currency_code"]
        net = Decimal(gross["value"]) - Decimal(fee["value"])
        known = {
            "gross_amount": gross,
            "paypal_fee": fee,
            "net_amount": {"currency_code": currency, "value": f"{net:f}"},
        }
        if self.account is None or self.account[0] == currency:
            return known
        target, rate = self.account
        credited = _at(net * Decimal(rate), target)
        return {
            **known,
            "receivable_amount": {"currency_code": target, "value": credited},
            "exchange_rate": {"source_currency": currency, "target_currency": target, "value": rate},
        }

    def _transaction(self, kind: str, order: str, fields: dict[str, Any]) -> dict[str, Any]:
        identity = self.new_id()
        links = [link("self", f"/v2/payments/{kind}/{identity}"), link("up", f"/v2/checkout/orders/{order}")]
        made = {"id": identity, **fields, "create_time": NOW, "update_time": NOW, "links": links}
        made["supplementary_data"] = {"related_ids": {"order_id": order}}
        return {name: value for name, value in made.items() if value is not None}

    def shown(self, order: dict[str, Any]) -> dict[str, Any]:
        shown = copy.deepcopy(order)
        path = f"/v2/checkout/orders/{order['id']}"
        shown["links"] = [link("self", path)]
        if order["status"] in {"CREATED", "PAYER_ACTION_REQUIRED"}:
            rel = "approve" if order["status"] == "CREATED" else "payer-action"
            shown["links"].append(
                {"href": f"https://www.sandbox.paypal.com/checkoutnow?token={order['id']}", "rel": rel, "method": "GET"}
            )
        return shown

    # Captures, authorisations, refunds.

    def capture_authorization(self, held: dict[str, Any], body: dict[str, Any]) -> Answered:
        if held["status"] in {"VOIDED", "CAPTURED"}:
            return error(
                422, "AUTHORIZATION_VOIDED" if held["status"] == "VOIDED" else "AUTHORIZATION_ALREADY_CAPTURED"
            )
        amount = body.get("amount") or held["amount"]
        check_amount(amount)
        order = held["supplementary_data"]["related_ids"]["order_id"]
        payments = self.orders[order]["purchase_units"][0]["payments"]
        taken = sum((Decimal(one["amount"]["value"]) for one in payments.get("captures", [])), Decimal(0))
        if taken + Decimal(amount["value"]) > Decimal(held["amount"]["value"]) * Decimal("1.15"):
            return error(422, "MAX_CAPTURE_AMOUNT_EXCEEDED")
        final = body.get("final_capture", False)
        held["status"] = "CAPTURED" if final else "PARTIALLY_CAPTURED"
        common = {"amount": amount, "custom_id": held.get("custom_id")}
        made = self.new_capture(order, common, self.outcomes.pop(order, "COMPLETED"), final=final)
        payments.setdefault("captures", []).append(made)
        return Answered(201, made)

    def reauthorize(self, held: dict[str, Any]) -> Answered:
        order = held["supplementary_data"]["related_ids"]["order_id"]
        fields = {
            "amount": held["amount"],
            "custom_id": held.get("custom_id"),
            "status": "CREATED",
            "expiration_time": EXPIRES,
        }
        made = self._transaction("authorizations", order, fields)
        self.authorizations[made["id"]] = made
        self.orders[order]["purchase_units"][0]["payments"]["authorizations"].append(made)
        return Answered(201, made)

    def void(self, held: dict[str, Any]) -> Answered:
        if held["status"] in {"VOIDED", "CAPTURED"}:
            return error(422, "PREVIOUSLY_VOIDED" if held["status"] == "VOIDED" else "PREVIOUSLY_CAPTURED")
        held |= {"status": "VOIDED", "update_time": NOW}
        self.tell("PAYMENT.AUTHORIZATION.VOIDED", "authorization", held)
        return Answered(200, held)

    def refund(self, taken: dict[str, Any], body: dict[str, Any]) -> Answered:
        amount = body.get("amount")
        if taken["status"] == "PENDING":
            return error(422, "PENDING_CAPTURE")
        if taken["status"] == "REFUNDED":
            return error(422, "CAPTURE_FULLY_REFUNDED")
        back = sum(
            (Decimal(one["amount"]["value"]) for one in self.refunds.values() if one["of"] == taken["id"]), Decimal(0)
        )
        currency = taken["amount"]["currency_code"]
        rest = Decimal(taken["amount"]["value"]) - back
        amount = amount or {"currency_code": currency, "value": f"{rest:f}"}
        check_amount(amount)
        if amount["currency_code"] != currency:
            return error(422, "REFUND_CAPTURE_CURRENCY_MISMATCH")
        if Decimal(amount["value"]) > rest:
            return error(422, "REFUND_AMOUNT_EXCEEDED")
        total = {"currency_code": currency, "value": f"{back + Decimal(amount['value']):f}"}
        taken["status"] = "REFUNDED" if Decimal(amount["value"]) == rest else "PARTIALLY_REFUNDED"
        identity = self.new_id()
        made = {
            "id": identity,
            "status": "COMPLETED",
            "amount": amount,
            **{name: body[name] for name in ("custom_id", "invoice_id", "note_to_payer") if name in body},
            "seller_payable_breakdown": {**self._payable(amount), "total_refunded_amount": total},
            "create_time": "2026-11-23T01:00:00-08:00",
            "update_time": "2026-11-23T01:00:00-08:00",
            "links": [
                link("self", f"/v2/payments/refunds/{identity}"),
                link("up", f"/v2/payments/captures/{taken['id']}"),
            ],
        }
        self.refunds[identity] = {**made, "of": taken["id"]}
        order = taken.get("supplementary_data", {}).get("related_ids", {}).get("order_id")
        if order:
            self.orders[order]["purchase_units"][0]["payments"].setdefault("refunds", []).append(made)
        self.tell("PAYMENT.CAPTURE.REFUNDED", "refund", made)
        return Answered(201, made)

    def _payable(self, gross: dict[str, Any]) -> dict[str, Any]:
        """What is debited for a refund: net of what is given back of the fee, and converted where that is agreed."""
        if not self.refund_terms:
            return {"gross_amount": gross}
        rate, fee = self.refund_terms.pop(0)
        currency = gross["currency_code"]
        net = {"currency_code": currency, "value": f"{Decimal(gross['value']) - Decimal(fee):f}"}
        known = {"gross_amount": gross, "paypal_fee": {"currency_code": currency, "value": fee}, "net_amount": net}
        if self.account is None or self.account[0] == currency:
            return known
        target = self.account[0]
        debited = _at(Decimal(net["value"]) * Decimal(rate), target)
        item = {
            "payable_amount": {"currency_code": target, "value": debited},
            "converted_amount": net,
            "exchange_rate": {"source_currency": currency, "target_currency": target, "value": rate},
        }
        return {**known, "net_amount_breakdown": [item]}

    def new_id(self) -> str:
        return f"{next(self._numbers):03d}MADEUP{next(self._numbers):07d}T"

    def found(self, things: dict[str, dict[str, Any]], identity: str) -> Answered:
        return Answered(200, things[identity]) if identity in things else missing()


def _plain(amount: dict[str, Any]) -> dict[str, Any]:
    return {"currency_code": amount["currency_code"], "value": amount["value"]}


def _at(value: Decimal, currency: str) -> str:
    return f"{value.quantize(Decimal(1) if currency in WHOLE else Decimal('0.01'), ROUND_HALF_UP):f}"
