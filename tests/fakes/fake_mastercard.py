"""The Mastercard Gateway's REST API, version 100, and Mastercard Send's disbursements, in their documented wire format."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

from tests.fakes.mastercard_books import DECLINES, NOW
from tests.fakes.mastercard_reports import MastercardReports
from tests.fakes.mastercard_wire import (
    amount_of,
    check_disbursement,
    check_oauth,
    check_shape,
    gateway_error,
    invalid,
    send_error,
)
from tests.fakes.server import Answered, ComplaintError, Received

VOIDS = {
    "AUTHORIZATION": "VOID_AUTHORIZATION",
    "PAYMENT": "VOID_PAYMENT",
    "CAPTURE": "VOID_CAPTURE",
    "REFUND": "VOID_REFUND",
}


class FakeMastercard(MastercardReports):
    def handle(self, request: Received) -> Answered:
        if request.segments[0] == "send":
            return self._send(request, request.segments[1:])
        if request.segments[0] == "history":
            return self.report(request)
        expected = base64.b64encode(f"merchant.{self.merchant}:{self.password}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            return gateway_error(401, "INVALID_REQUEST", "Invalid credentials.")
        if request.segments[:6] != ["api", "rest", "version", "100", "merchant", self.merchant]:
            raise ComplaintError("no such address", Answered(404))
        body = None
        if request.method in {"POST", "PUT"}:
            if request.headers.get("content-type") != "application/json":
                raise ComplaintError("not JSON", invalid("Content-Type"))
            body = request.json()
        return self._route(request, request.segments[6:], body)

    def _route(self, request: Received, parts: list[str], body: Any) -> Answered:
        match (request.method, *parts):
            case ("GET", "paymentOptionsInquiry"):
                return Answered(200, {"merchant": self.merchant, "result": "SUCCESS", "transactionMode": "PURCHASE"})
            case ("POST", "session"):
                return self._new_session(body)
            case ("GET" | "PUT", "session", session):
                return self._session(request.method, session, body)
            case ("POST", "token"):
                return self._token(body)
            case ("DELETE", "token", token):
                known = self.tokens.pop(token, None)
                return Answered(200, {"result": "SUCCESS"}) if known else invalid("Token not found", "token")
            case ("DELETE", "link", link):
                if self.links.pop(link, None) is None:
                    return invalid(f"Payment link '{link}' not found")
                return Answered(200, {"merchant": self.merchant, "result": "SUCCESS"})
            case ("GET", "order", order):
                if order not in self.orders:
                    return invalid(f"Unable to find order '{order}' for merchant '{self.merchant}'")
                return Answered(200, self.order_answer(order))
            case ("GET", "order", order, "transaction", transaction):
                known = self.orders.get(order, {"transaction": []})
                if not any(one["transaction"]["id"] == transaction for one in known["transaction"]):
                    return invalid(f"Unable to find transaction '{transaction}' for order '{order}'")
                return Answered(200, self.transaction_answer(order, transaction))
            case ("PUT", "order", order, "transaction", transaction):
                return self._put(order, transaction, body, request.body)
        raise ComplaintError("no such operation", Answered(404))

    # Sessions, tokens, links

    def _new_session(self, body: Any) -> Answered:
        if body.get("apiOperation") != "INITIATE_CHECKOUT":
            check_shape("CREATE_SESSION", body)
            made = self._keep_session({})
            return Answered(201, {"merchant": self.merchant, "result": "SUCCESS", "session": made})
        check_shape("INITIATE_CHECKOUT", body)
        amount_of(body["order"], "order")
        interaction, mode = body["interaction"], body["checkoutMode"]
        if interaction["operation"] not in {"PURCHASE", "AUTHORIZE", "VERIFY"} or mode not in {
            "WEBSITE",
            "PAYMENT_LINK",
        }:
            raise ComplaintError("an unknown operation or mode", invalid("Invalid value", "interaction.operation"))
        if ("paymentLink" in body) and mode != "PAYMENT_LINK":
            raise ComplaintError("paymentLink without a link", invalid("Unexpected parameter", "paymentLink"))
        if not 1 <= len(body["order"]["id"]) <= 40 or not 1 <= len(body["order"]["description"]) <= 127:
            raise ComplaintError("order.id or description", invalid("Invalid length", "order.id"))
        operation = "AUTHORIZE" if interaction["operation"] == "AUTHORIZE" else "PAY"
        made = self._keep_session({**body, "operation": operation, "indicator": self._id("indicator")})
        indicator = self.sessions[made["id"]]["indicator"]
        answer = {
            "checkoutMode": mode,
            "merchant": self.merchant,
            "result": "SUCCESS",
            "session": made,
            "successIndicator": indicator,
        }
        if mode == "PAYMENT_LINK":
            link = f"LINK{made['id'][-6:]}"
            self.links[link] = body["order"]["id"]
            answer["paymentLink"] = {
                **body.get("paymentLink", {}),
                "id": link,
                "url": f"{self.url}/checkout/pay/link/{link}",
            }
        return Answered(201, answer)

    def _keep_session(self, held: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        identity = f"SESSION{self._number:024d}"
        self.sessions[identity] = {**held, "id": identity, "version": self._id("v")}
        return {"id": identity, "updateStatus": "SUCCESS", "version": self.sessions[identity]["version"]}

    def _session(self, method: str, identity: str, body: Any) -> Answered:
        held = self.sessions.get(identity)
        if held is None:
            return invalid(f"Unable to find session '{identity}'")
        if method == "PUT":
            check_shape("UPDATE_SESSION", body)
            order = {**held.get("order", {}), **body.get("order", {})}
            custom = {**held.get("order", {}).get("custom", {}), **body.get("order", {}).get("custom", {})}
            held |= {**body, "order": {**order, **({"custom": custom} if custom else {})}, "version": self._id("v")}
        session = {"id": identity, "updateStatus": "SUCCESS", "version": held["version"]}
        shown = {name: held[name] for name in ("order", "customer", "agreement", "authentication") if name in held}
        return Answered(200, {"merchant": self.merchant, "session": session, **shown})

    def _token(self, body: Any) -> Answered:
        check_shape("TOKEN", body)
        if "referenceOrderId" in body:
            order = self.orders.get(body["referenceOrderId"])
            card = order["card"] if order else None
            if card is None or order["status"] not in {"CAPTURED", "AUTHORIZED", "CANCELLED"}:
                return invalid("The order has no card that could be stored", "referenceOrderId")
        else:
            card = self.sessions[body["session"]["id"]]["card"]
        token = f"900000000000{len(self.tokens):04d}"
        self.tokens[token] = card
        return Answered(201, {"result": "SUCCESS", "status": "VALID", "token": token, "repositoryId": "MADEUP"})

    # Transactions

    def _put(self, order_id: str, transaction: str, body: Any, raw: bytes) -> Answered:
        if not 1 <= len(order_id) <= 40 or not 1 <= len(transaction) <= 40:
            raise ComplaintError("ids have 1 to 40 characters", invalid("Invalid length", "order.id"))
        known = self.put.get((order_id, transaction))
        if known is not None:
            return known[1] if known[0] == raw else invalid("Duplicate transaction with other values", "transaction.id")
        operation = body.get("apiOperation")
        if operation not in {"PAY", "AUTHORIZE", "CAPTURE", "REFUND", "VOID"}:
            raise ComplaintError(f"operation {operation}", invalid("Unsupported operation", "apiOperation"))
        check_shape(operation, body)
        handler = self._begin if operation in {"PAY", "AUTHORIZE"} else getattr(self, f"_{operation.lower()}")
        refusal = handler(order_id, transaction, body)
        answer = refusal or Answered(201, self.transaction_answer(order_id, transaction))
        if refusal is None:
            self.put[order_id, transaction] = (raw, answer)
        return answer

    def _begin(self, order_id: str, transaction: str, body: Any) -> Answered | None:
        source: dict[str, Any] = {**body, "operation": body["apiOperation"]}
        token = body.get("sourceOfFunds", {}).get("token")
        if order_id in self.orders and self.orders[order_id]["status"] in {"CAPTURED", "AUTHORIZED"}:
            raise ComplaintError("the order is paid already", invalid("Order has already been paid"))
        if "session" in body:
            held = self.sessions.get(body["session"]["id"])
            if held is None or "card" not in held:
                raise ComplaintError("a session without a card", invalid("Missing card", "session.id"))
            source |= {name: held[name] for name in ("customer", "agreement") if name in held}
            source["order"] = {**held["order"], **body.get("order", {})}
            card = held["card"]
            if held["order"]["id"] != order_id:
                raise ComplaintError("another order's session", invalid("Value conflicts with the session", "order.id"))
        else:
            amount_of(body["order"], "order")
            if token not in self.tokens:
                return invalid("Unable to find token", "sourceOfFunds.token")
            if (body["transaction"]["source"] == "MERCHANT") != ("agreement" in body):
                raise ComplaintError("source and agreement do not fit", invalid("Invalid value", "transaction.source"))
            card = self.tokens[token]
        code = self.sessions[body["session"]["id"]].get("declines") if "session" in body else DECLINES.get(token or "")
        code = code or "APPROVED"
        result = "SUCCESS" if code == "APPROVED" else "FAILURE"
        self.begin(
            order_id,
            source,
            card,
            result,
            code,
            transaction=transaction,
            token=token,
            told=body["transaction"],
        )
        return None

    def _capture(self, order_id: str, transaction: str, body: Any) -> Answered | None:
        order = self.orders[order_id]
        value = amount_of(body["transaction"], "transaction")
        if order["captured"] + value > order["authorised"]:
            raise ComplaintError("more than is authorised", invalid("Requested capture exceeds", "transaction.amount"))
        order["captured"] += value
        order["status"] = "CAPTURED" if order["captured"] == order["authorised"] else "PARTIALLY_CAPTURED"
        self.enter(order_id, "CAPTURE", transaction, value)
        return None

    def _refund(self, order_id: str, transaction: str, body: Any) -> Answered | None:
        order = self.orders[order_id]
        value = amount_of(body["transaction"], "transaction")
        if order["refunded"] + value > order["captured"]:
            raise ComplaintError("more than was taken", invalid("Requested refund exceeds", "transaction.amount"))
        order["refunded"] += value
        order["status"] = "REFUNDED" if order["refunded"] == order["captured"] else "PARTIALLY_REFUNDED"
        self.enter(order_id, "REFUND", transaction, value, reference=body["transaction"].get("reference"))
        return None

    def _void(self, order_id: str, transaction: str, body: Any) -> Answered | None:
        order = self.orders[order_id]
        target = body["transaction"]["targetTransactionId"]
        last = order["transaction"][-1]
        if last["transaction"]["id"] != target:
            raise ComplaintError(
                "only the last transaction can be voided", invalid("Invalid target", "transaction.targetTransactionId")
            )
        order |= {"status": "CANCELLED", "authorised": Decimal(0), "captured": Decimal(0)}
        kind = VOIDS[last["transaction"]["type"]]
        self.enter(order_id, kind, transaction, last["value"], targetTransactionId=target)
        return None

    # Mastercard Send

    def _send(self, request: Received, parts: list[str]) -> Answered:
        check_oauth(request, self.url, self.consumer_key, self.key.public_key(), self.nonces, NOW)
        if parts[:4] != ["v1", "partners", self.partner, "disbursements"]:
            raise ComplaintError("no such address", send_error(404, "RESOURCE_UNKNOWN", "uri"))
        match (request.method, *parts[4:]):
            case ("POST", "payment"):
                return self._disburse(request)
            case ("GET",):
                wanted = dict(request.params)["ref"]
                found = [one for one in self.disbursements.values() if one["disbursement_reference"] == wanted]
                return Answered(
                    200, {"disbursements": {"item_count": str(len(found)), "data": {"disbursement": found}}}
                )
            case ("GET", identity):
                known = self.disbursements.get(identity)
                return Answered(200, {"disbursement": known}) if known else send_error(404, "RESOURCE_UNKNOWN", "id")
        raise ComplaintError("no such operation", send_error(404, "RESOURCE_UNKNOWN", "uri"))

    def _disburse(self, request: Received) -> Answered:
        if (
            dict(request.params) != {"decline_details": "true"}
            or request.headers.get("content-type") != "application/json"
        ):
            raise ComplaintError("decline_details or content type", send_error(400, "INVALID_INPUT_FORMAT", "request"))
        body = check_disbursement(request.json())
        known = [
            one
            for one in self.disbursements.values()
            if one["disbursement_reference"] == body["disbursement_reference"]
        ]
        if known and request.headers.get("repeat-flag") != "true":
            raise ComplaintError(
                "a repeat that does not say so", send_error(400, "DUPLICATE_REFERENCE", "disbursement_reference")
            )
        if known:
            return Answered(201, {"disbursement": known[0]})
        status, code = self.send_status, {"DECLINED": "54"}.get(self.send_status, "00")
        history = {
            "item_count": "1",
            "data": {"transaction": [{"network_status_code": code, "network_status_description": "Expired card"}]},
        }
        made = {
            "id": f"disb_made_up_{len(self.disbursements):04d}", "disbursement_reference": body["disbursement_reference"],
            "status": status, "disbursement_amount": {"value": body["amount"], "currency": body["currency"]},
            "recipient_account_uri": "pan:************0014", "transaction_history": history,
        }  # fmt: skip
        self.disbursements[made["id"]] = made
        return Answered(201, {"disbursement": made})
