"""Visa Acceptance's REST API as its SDK and guides word it: tokens per request, decimal text, declines with HTTP 201."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.fakes.server import Answered, ComplaintError, Received
from tests.fakes.visa_books import DECLINES, KEY_ID, NOW, WEBHOOK_ID, WEBHOOK_KEY, VisaBooks
from tests.fakes.visa_wire import check_fields, check_http_signature, check_token, refused, seal, token, unseal

if TYPE_CHECKING:
    from datetime import datetime

LIBRARY = "https://testup.cybersource.com/uc/v1/assets/0.26.0/SecureAcceptance.js"
INTEGRITY = "sha256-bWFkZSB1cCBpbnRlZ3JpdHkgb2YgdGhlIGxpYnJhcnk="


class FakeVisa(VisaBooks):
    def __init__(self, now: datetime = NOW) -> None:
        super().__init__(now)
        self.public_key: Any = None
        """For tokens that are signed by certificate."""
        self.request_key: Any = None
        """Visa's private key for encrypted requests."""
        self.answer_keys: dict[str, Any] = {}
        """Key id -> public key, for answers that are to be encrypted."""
        self._jtis: set[str] = set()

    def handle(self, request: Received) -> Answered:
        claims: dict[str, Any] = {}
        if "authorization" in request.headers:
            claims = check_token(request, self.key_id, self.secret, self.public_key, self._jtis)
            if claims.get("v-c-merchant-id") != self.merchant:
                return Answered(401, {"response": {"rmsg": "Authentication Failed"}})
        elif "signature" not in request.headers or not check_http_signature(request, self.key_id, self.secret):
            return Answered(401, {"response": {"rmsg": "Authentication Failed"}})
        body = self._body(request)
        answer = self._route(request, request.segments, body)
        wanted = claims.get("v-c-response-mle-kid")
        if wanted and answer.body is not None:
            sealed = seal(json.dumps(answer.body).encode(), self.answer_keys[wanted], wanted)
            return Answered(answer.status, {"encryptedResponse": sealed}, answer.headers)
        return answer

    def _body(self, request: Received) -> dict[str, Any]:
        if request.method not in {"POST", "PUT", "PATCH"}:
            if request.body:
                raise ComplaintError("a body where none belongs", refused(400, "INVALID_DATA"))
            return {}
        if request.headers.get("content-type") != "application/json":
            raise ComplaintError("not JSON", Answered(415))
        body = request.json()
        if self.request_key is not None:
            if set(body) != {"encryptedRequest"}:
                raise ComplaintError("the request is not encrypted", refused(400, "INVALID_DATA"))
            body = json.loads(unseal(body["encryptedRequest"], self.request_key))
        return dict(body)

    def _route(self, request: Received, parts: list[str], body: dict[str, Any]) -> Answered:
        match (request.method, *parts):
            case ("POST", "tss", "v2", "searches"):
                return self._search(body)
            case ("GET", "tss", "v2", "transactions", own):
                known = self.transactions.get(own)
                if known is None or own in self.unlisted:
                    return Answered(404, {"response": {"rmsg": "The requested resource is not found."}})
                return Answered(200, self.detail(known))
            case ("POST", "up", "v1", "capture-contexts"):
                return self._context(request, body)
            case ("POST", "pts", "v2", what):
                return self._money(what, body)
            case ("POST", "pts", "v2", _, own, what):
                return self._follow(own, what, body)
            case (_, "ipl", "v2", "payment-links", *rest):
                return self._link(request, rest, body)
            case (_, "rbs", "v1", "plans", *rest):
                return self._plan(request, rest, body)
            case (_, "rbs", "v1", "subscriptions", *rest):
                return self._subscription(request, rest, body)
            case (_, "tms", "v2", "customers", customer, "payment-instruments", *rest):
                return self._instruments(request, customer, rest, body)
            case ("GET", "reporting", "v3", "chargeback-details"):
                known = dict(request.params)
                rows = [one for one in self.chargebacks if known["startTime"] <= one["time"] <= known["endTime"]]
                answer = {"organizationId": self.merchant, "chargebackDetails": rows}
                return Answered(200, answer) if rows else Answered(404)
            case (_, "notification-subscriptions" | "kms", *rest):
                return self._notifications(request, rest, body)
        raise ComplaintError("no such resource", refused(404, "NOT_FOUND"))

    def _notifications(self, request: Received, rest: list[str], body: dict[str, Any]) -> Answered:
        match rest:
            case ["v2", "products", _]:
                names = [
                    {"eventName": name} for name in ("payments.payments.accept", "payments.refunds.accept", "other")
                ]
                return Answered(200, [{"productId": "cardProcessing", "eventTypes": names}])
            case ["v2", "webhooks", *own]:
                return self._hook(request, own, body)
        check_fields("keys-sym", body)
        return Answered(201, {"status": "SUCCESS", "keyInformation": {"keyId": KEY_ID, "key": WEBHOOK_KEY}})

    def _search(self, body: dict[str, Any]) -> Answered:
        check_fields("searches", body)
        found = sorted(self.found(body["query"]), key=lambda one: one["submitTimeUTC"])
        page = [self.summary(one) for one in found[body["offset"] : body["offset"] + body["limit"]]]
        answer = {"searchId": "made-up", "count": len(page), "totalCount": len(found)}
        return Answered(201, {**answer, "_embedded": {"transactionSummaries": page}} if page else answer)

    def _context(self, request: Received, body: dict[str, Any]) -> Answered:
        check_fields("capture-contexts", body)
        if request.headers.get("accept") != "application/jwt" or not body["targetOrigins"][0].startswith(
            ("https://", "http://127.0.0.1", "http://localhost")
        ):
            raise ComplaintError("no JWT wanted, or a target origin without https", refused(400, "INVALID_DATA"))
        self.contexts[body["data"]["clientReferenceInformation"]["code"]] = body
        data = {"clientLibrary": LIBRARY, "clientLibraryIntegrity": INTEGRITY, "targetOrigins": body["targetOrigins"]}
        context = token(
            {"ctx": [{"type": "gda-0.26", "data": data}], "iss": "Flex API", "exp": int(self.now.timestamp()) + 900}
        )
        return Answered(201, context, {"Content-Type": "application/jwt"})

    def _known_attempt(self, body: dict[str, Any]) -> dict[str, Any] | None:
        wanted = body["clientReferenceInformation"].get("transactionId")
        if not wanted:
            raise ComplaintError("money moves without a transactionId", refused(400, "MISSING_FIELD"))
        attempts = [
            one
            for one in self.transactions.values()
            if one["clientReferenceInformation"].get("transactionId") == wanted
        ]
        return attempts[0] if attempts else None

    def _money(self, what: str, body: dict[str, Any]) -> Answered:
        check_fields(what, body)
        if what in {"voids", "reversals"}:
            return self._timeout_void(what, body)
        if what == "payouts":
            return self._payout(body)
        if self._known_attempt(body):
            return refused(400, "DUPLICATE_REQUEST")
        customer = body["paymentInformation"]["customer"]["id"]
        initiator = body["processingInformation"]["authorizationOptions"]["initiator"]
        if initiator.get("type") != "merchant" or initiator.get("storedCredentialUsed") is not True:
            raise ComplaintError("a stored means without its initiator", refused(400, "MISSING_FIELD"))
        if customer == "TOKENUNKNOWN":
            return refused(
                400, "INVALID_DATA", details=[{"field": "paymentInformation.customer.id", "reason": "INVALID_DATA"}]
            )
        reason, captured = DECLINES.get(customer), body["processingInformation"]["capture"]
        extra = {"customer": {"id": customer}}
        return Answered(201, self.sale(body, captured=captured, reason=reason, payment_information=extra))

    def _timeout_void(self, what: str, body: dict[str, Any]) -> Answered:
        known = self._known_attempt(body)
        if known is None:
            return refused(400, "NOT_VOIDABLE")
        is_reversal = what == "reversals"
        service, status = ("ics_auth_reversal", "REVERSED") if is_reversal else ("ics_void", "VOIDED")
        reference = {"code": body["clientReferenceInformation"]["code"], "comments": known["id"]}
        made = self.book(service, {"clientReferenceInformation": reference}, root=known["rootId"])
        return Answered(201, {"id": made["id"], "status": status})

    def _payout(self, body: dict[str, Any]) -> Answered:
        customer = body["paymentInformation"]["customer"]["id"]
        reason = DECLINES.get(customer)
        made = self.book("ics_oct", body, reason=reason)
        answer = {
            "id": made["id"],
            "status": "DECLINED" if reason else "ACCEPTED",
            "submitTimeUtc": made["submitTimeUTC"],
        }
        return Answered(201, {**answer, **({"errorInformation": made["errorInformation"]} if reason else {})})

    def _follow(self, own: str, what: str, body: dict[str, Any]) -> Answered:
        check_fields(what, body)
        known = self.transactions.get(own)
        if known is None:
            return refused(404, "NOT_FOUND")
        if what in {"captures", "refunds"} and self._known_attempt(body):
            return refused(400, "DUPLICATE_REQUEST")
        code = body["clientReferenceInformation"]["code"]
        if what == "captures":
            made = self.book("ics_bill", body, root=known["rootId"])
            data = {"id": made["id"], "status": "PENDING", "orderInformation": body["orderInformation"]}
            self.tell("payments.captures.accept", {**data, "clientReferenceInformation": {"code": code}})
            return Answered(201, data)
        if what == "refunds":
            amount = body["orderInformation"]["amountDetails"]
            made = self.book("ics_credit", body, root=known["rootId"])
            details = {"refundAmount": amount["totalAmount"], "currency": amount["currency"]}
            data = {"id": made["id"], "status": "PENDING", "refundAmountDetails": details}
            self.tell("payments.refunds.accept", {**data, "clientReferenceInformation": {"code": code}})
            return Answered(201, data)
        service, status, kind = {
            "voids": ("ics_void", "VOIDED", "payments.voids.accept"),
            "reversals": ("ics_auth_reversal", "REVERSED", "payments.reversals.accept"),
        }[what]
        if any(
            service in str(one["applicationInformation"]) and one["rootId"] == known["rootId"]
            for one in self.transactions.values()
        ):
            return refused(400, "AUTH_ALREADY_REVERSED" if what == "reversals" else "NOT_VOIDABLE")
        made = self.book(
            service, {**body, "clientReferenceInformation": body["clientReferenceInformation"]}, root=known["rootId"]
        )
        data = {"id": made["id"], "status": status, "clientReferenceInformation": {"code": code}}
        amount = known["orderInformation"]["amountDetails"]
        name = "voidAmountDetails" if what == "voids" else "reversalAmountDetails"
        inner = "voidAmount" if what == "voids" else "reversedAmount"
        self.tell(kind, {**data, name: {inner: amount["totalAmount"], "currency": amount["currency"]}})
        return Answered(201, data)

    def _link(self, request: Received, rest: list[str], body: dict[str, Any]) -> Answered:
        if body:
            check_fields("payment-links", body)
        if request.method == "POST":
            number = body["purchaseInformation"]["purchaseNumber"]
            if not number.isalnum() or len(number) > 20 or "@" in json.dumps(body):
                raise ComplaintError(f"purchase number {number} or data of a person", refused(400, "INVALID_DATA"))
            if number in self.links:
                return refused(400, "DUPLICATE_REQUEST")
            purchase = {"purchaseNumber": number, "paymentLink": f"https://businesscenter.example/pbl/{number}"}
            self.links[number] = {**body, "id": number, "status": "ACTIVE", "purchaseInformation": purchase}
            return self._shown(self.links[number], 201)
        if not rest:
            wanted = dict(request.params)
            listed = [one for one in self.links.values() if one["status"] == wanted.get("status", one["status"])]
            start = int(wanted["offset"])
            return Answered(200, {"totalLinks": len(listed), "links": listed[start : start + int(wanted["limit"])]})
        known = self.links.get(rest[0])
        if known is None:
            return refused(404, "NOT_FOUND")
        if request.method == "PATCH":
            known["status"] = body["status"]
        return self._shown(known)

    def _shown(self, link: dict[str, Any], status: int = 200) -> Answered:
        """Visa shows a link's amounts as numbers."""
        text = json.loads(json.dumps(link))
        details = text["orderInformation"]["amountDetails"]
        plain = json.dumps(text).replace(f'"{details["totalAmount"]}"', str(Decimal(details["totalAmount"])))
        return Answered(status, plain)

    def _instruments(self, request: Received, customer: str, rest: list[str], body: dict[str, Any]) -> Answered:
        """The cards of a customer token; of them one is the default."""
        cards = self.cards.get(customer)
        if cards is None:
            return refused(404, "NOT_FOUND")
        if request.method == "GET":
            return Answered(200, {"_embedded": {"paymentInstruments": cards}, "count": len(cards)})
        check_fields("payment-instruments", body)
        if request.method == "POST":
            cards.append({"id": f"INSTRUMENT{self.number()}", **body})
        changed = cards[-1] if request.method == "POST" else next(one for one in cards if one["id"] == rest[0])
        changed |= body
        if changed["default"]:
            for one in cards:
                one["default"] = one is changed
        return Answered(201 if request.method == "POST" else 200, changed)

    def _plan(self, request: Received, rest: list[str], body: dict[str, Any]) -> Answered:
        return self._recurring("plans", "planInformation", self.plans, request, rest, body)

    def _subscription(self, request: Received, rest: list[str], body: dict[str, Any]) -> Answered:
        if request.method == "POST" and not rest:
            information = body["subscriptionInformation"]
            plan = self.plans.get(information["planId"])
            if plan is None or plan["planInformation"]["status"] != "ACTIVE":
                return refused(404, "NOT_FOUND")
        return self._recurring("subscriptions", "subscriptionInformation", self.subscriptions, request, rest, body)

    def _recurring(
        self, kind: str, member: str, kept: dict[str, Any], request: Received, rest: list[str], body: dict[str, Any]
    ) -> Answered:
        if body:
            check_fields(kind, body)
        if request.method == "POST" and not rest:
            made = {"id": self.number(), **json.loads(json.dumps(body))}
            made[member].setdefault("status", "ACTIVE")
            kept[made["id"]] = made
            if kind == "subscriptions":
                plan = self.plans[made[member]["planId"]]
                made.setdefault("orderInformation", plan["orderInformation"])
                cycles = {**plan["planInformation"].get("billingCycles", {}), "current": "1"}
                made["planInformation"] = {**plan["planInformation"], "billingCycles": cycles}
            own = {name: made[member][name] for name in ("code", "status")}
            return Answered(201, {"id": made["id"], "status": "COMPLETED", member: own})
        if not rest:
            wanted = dict(request.params).get("code")
            return Answered(200, {kind: [one for one in kept.values() if one[member]["code"] == wanted]})
        known = kept.get(rest[0])
        if known is None:
            return refused(404, "NOT_FOUND")
        if request.method == "PATCH":
            for name, value in body.items():
                for inner, new in value.items():
                    before = known.setdefault(name, {}).get(inner)
                    known[name][inner] = {**before, **new} if isinstance(before, dict) else new
        if len(rest) > 1:
            states = {"deactivate": "INACTIVE", "suspend": "SUSPENDED", "activate": "ACTIVE", "cancel": "CANCELLED"}
            known[member]["status"] = states[rest[1]]
        return Answered(200, known)

    def _hook(self, request: Received, rest: list[str], body: dict[str, Any]) -> Answered:
        if request.method == "POST":
            check_fields("webhooks", body)
            made = {**body, "webhookId": WEBHOOK_ID, "status": "INACTIVE"}
            self.hooks[WEBHOOK_ID] = made
            return Answered(201, made)
        if not rest:
            assert dict(request.params)["organizationId"] == self.merchant
            return Answered(200, list(self.hooks.values())) if self.hooks else Answered(404)
        known = self.hooks.get(rest[0])
        if known is None:
            return refused(404, "NOT_FOUND")
        if request.method == "DELETE":
            del self.hooks[rest[0]]
            return Answered(200)
        if request.method == "PUT":
            known["status"] = body["status"]
        return Answered(200, known)
