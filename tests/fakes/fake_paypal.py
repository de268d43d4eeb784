"""PayPal's REST API as its OpenAPI descriptions word it: OAuth, JSON, keys, and every request and answer held to them."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from tests.fakes.paypal_billing import OFFERED, PayPalBilling
from tests.fakes.paypal_wire import check_answer, check_request, error, link, missing, worded
from tests.fakes.server import Answered, ComplaintError, Received

# Where PayPal-Request-Id is taken (the descriptions' parameters); elsewhere it changes nothing.
_KEYED = (
    "/v2/checkout/orders",
    "/capture",
    "/authorize",
    "/reauthorize",
    "/refund",
    "/v1/catalogs/products",
    "/v1/billing/plans",
    "/v1/billing/subscriptions",
    "/v1/payments/referenced-payouts-items",
)


class FakePayPal(PayPalBilling):
    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[tuple[str, str], tuple[bytes, Answered]] = {}
        self.token = ""
        self.seller = ""

    def handle(self, request: Received) -> Answered:
        if request.path == "/v1/oauth2/token":
            return self._token(request)
        if not self.token or request.headers.get("authorization") != f"Bearer {self.token}":
            words = {"error": "invalid_token", "error_description": "Token signature verification failed"}
            return Answered(401, words)
        self._check_partner(request)
        check_request(request)
        key = request.headers.get("paypal-request-id", "")
        keyed = request.method == "POST" and request.path.endswith(_KEYED)
        if keyed:
            if not 0 < len(key) <= 108:
                raise ComplaintError("no key, or one too long", error(400, "PAYPAL_REQUEST_ID_REQUIRED"))
            earlier = self.keys.get((request.path, key))
            if earlier is not None:
                if earlier[0] != request.body:
                    raise ComplaintError("one key, two bodies", error(422, "DUPLICATE_REQUEST_ID"))
                return earlier[1]
        answer = worded(request, self._route(request))
        answer = Answered(answer.status, json.loads(json.dumps(answer.body)), answer.headers)
        check_answer(request, answer)
        if keyed and answer.status < 400:
            self.keys[request.path, key] = (request.body, answer)
        return answer

    def _token(self, request: Received) -> Answered:
        signed_in = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {signed_in}":
            words = {"error": "invalid_client", "error_description": "Client Authentication failed"}
            return Answered(401, words)
        if parse_qs(request.body.decode()) != {"grant_type": ["client_credentials"]}:
            raise ComplaintError("not a grant", Answered(400, {"error": "unsupported_grant_type"}))
        self.token = self.token or "made-up-token-1"
        return Answered(200, {"access_token": self.token, "token_type": "Bearer", "expires_in": 28800, "scope": "x"})

    def _check_partner(self, request: Received) -> None:
        assertion = request.headers.get("paypal-auth-assertion", "")
        if bool(assertion) != bool(self.seller):
            raise ComplaintError("an assertion for nobody, or none", error(403, "PERMISSION_DENIED"))
        if assertion:
            header, claims, signature = assertion.split(".")
            read = [json.loads(base64.urlsafe_b64decode(one + "==")) for one in (header, claims)]
            if read != [{"alg": "none"}, {"iss": self.client_id, "payer_id": self.seller}] or signature:
                raise ComplaintError(f"assertion {read}", error(403, "PERMISSION_DENIED"))

    def _route(self, request: Received) -> Answered:
        body = request.json() if request.body and "json" in request.headers.get("content-type", "") else {}
        query = dict(parse_qsl(request.query))
        match [request.method, *request.segments]:
            case [method, "v2", "checkout", "orders", *rest]:
                return self._order(method, rest, body)
            case [method, "v2", "payments", kind, identity, *rest]:
                return self._payment(method, kind, identity, rest, body)
            case ["GET", "v3", "vault", "payment-tokens", identity]:
                return self._stored(identity)
            case ["POST", "v1", "catalogs", "products"]:
                return self.create_product(body)
            case [method, "v1", "billing", "plans", *rest]:
                return self._plan(method, rest, body)
            case [method, "v1", "billing", "subscriptions", *rest]:
                return self._subscription(method, rest, body)
            case [_, "v1", "payments", *rest]:
                return self._payout(request, rest, body)
            case [_, "v1", "customer", "disputes", *rest]:
                return self._dispute(request, rest, query)
            case [_, "v1", "notifications", *rest]:
                return self._notifications(request, rest, body, query)
            case ["GET", "v1", "reporting", "transactions"]:
                return self.listed_activities(query)
        raise ComplaintError("no such call", missing())

    def _payout(self, request: Received, rest: list[str], body: dict[str, Any]) -> Answered:
        match [request.method, *rest]:
            case ["POST", "payouts"]:
                return self.create_payout(body)
            case ["GET", "payouts", identity]:
                return self.payout(identity)
            case ["GET", "payouts-item", identity]:
                batch = self.batches.get(identity.removesuffix("I"))
                return Answered(200, self.payout_item(batch)) if batch else missing()
            case ["POST", "referenced-payouts-items"]:
                return self._release(body)
        raise ComplaintError("no such call", missing())

    def _dispute(self, request: Received, rest: list[str], query: dict[str, str]) -> Answered:
        if not rest:
            return self.listed_disputes(query)
        made = self.disputes.get(rest[0])
        if made is None:
            return missing()
        return self.answer_dispute(made, rest[1], request) if rest[1:] else Answered(200, made)

    def _order(self, method: str, rest: list[str], body: dict[str, Any]) -> Answered:
        if not rest:
            return self.create_order(body)
        order = self.orders.get(rest[0])
        if order is None:
            return missing()
        return Answered(200, self.shown(order)) if method == "GET" else self.finish_order(order, rest[1])

    def _payment(self, method: str, kind: str, identity: str, rest: list[str], body: dict[str, Any]) -> Answered:
        if method == "GET":
            return self.found(getattr(self, kind), identity)
        things = self.captures if kind == "captures" else self.authorizations
        thing = things.get(identity)
        if thing is None:
            return missing()
        match rest:
            case ["refund"]:
                return self.refund(thing, body)
            case ["capture"]:
                return self.capture_authorization(thing, body)
            case ["reauthorize"]:
                return self.reauthorize(thing)
        return self.void(thing)

    def _stored(self, identity: str) -> Answered:
        token = self.tokens.get(identity)
        if token is None:
            return error(404, "INVALID_RESOURCE_ID")
        shown = {"card": {"last_digits": "1111", "brand": "VISA"}, "paypal": {"email_address": "ada@example.com"}}
        source = {token["kind"]: shown[token["kind"]]}
        return Answered(
            200,
            {"id": identity, "payment_source": source, "links": [link("self", f"/v3/vault/payment-tokens/{identity}")]},
        )

    def _plan(self, method: str, rest: list[str], body: Any) -> Answered:
        if not rest:
            return self.create_plan(body)
        plan = self.plans.get(rest[0])
        if plan is None:
            return missing()
        if method == "GET":
            return Answered(200, copy.deepcopy(plan))
        return self.patch_plan(plan, body) if method == "PATCH" else self.act_on_plan(plan, rest[1], body)

    def _subscription(self, method: str, rest: list[str], body: Any) -> Answered:
        if not rest:
            return self.create_subscription(body)
        made = self.subscriptions.get(rest[0])
        if made is None:
            return missing()
        if method == "GET":
            shown = self.subscription(made)
            shown.pop("revised", None)
            return Answered(200, shown)
        return (
            self.patch_subscription(made, body) if method == "PATCH" else self.act_on_subscription(made, rest[1], body)
        )

    def _release(self, body: dict[str, Any]) -> Answered:
        if set(body) != {"reference_id", "reference_type"} or body["reference_type"] != "TRANSACTION_ID":
            raise ComplaintError(f"referenced payout {body}", error(400, "INVALID_PARAMETER_VALUE"))
        taken = self.captures.get(body["reference_id"])
        if taken is None:
            return missing()
        state = {"status": "SUCCESS"}
        return Answered(
            201,
            {
                "item_id": f"MADE{next(self._numbers)}R",
                **body,
                "processing_state": state,
                "payout_amount": taken["amount"],
            },
        )

    def _notifications(self, request: Received, rest: list[str], body: Any, query: dict[str, str]) -> Answered:
        match [request.method, *rest]:
            case ["GET", "webhooks"]:
                return Answered(200, {"webhooks": list(self.hooks.values())})
            case ["POST", "webhooks"]:
                return self.create_hook(body)
            case [_, "webhooks", identity]:
                return self.act_on_hook(request, identity)
            case ["GET", "webhooks-event-types"]:
                return Answered(200, {"event_types": [{"name": name} for name in OFFERED]})
            case ["GET", "webhooks-events"]:
                return self.listed_events(query)
            case ["POST", "verify-webhook-signature"]:
                return self.verify(request)
        raise ComplaintError("no such call", missing())
