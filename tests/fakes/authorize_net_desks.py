"""Authorize.Net's subscriptions (ARB), and the REST API of its webhooks."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.fakes.authorize_net_books import CARD, AuthorizeNetBooks, amount
from tests.fakes.authorize_net_wire import EVENT_TYPES, answer, credentials, needs, refuse
from tests.fakes.server import Answered, ComplaintError

if TYPE_CHECKING:
    from tests.fakes.server import Received


class AuthorizeNetDesks(AuthorizeNetBooks):
    # Subscriptions.

    def _arb_create_subscription(self, body: dict[str, Any]) -> Answered:
        given = body["subscription"]
        needs(given, "name", "paymentSchedule", "amount", "profile")
        needs(given["paymentSchedule"], "interval", "startDate", "totalOccurrences")
        profile = given["profile"]
        if (
            profile["customerPaymentProfileId"]
            not in self.profiles.get(profile["customerProfileId"], {"payments": {}})["payments"]
        ):
            return refuse("E00040", "The record cannot be found.")
        if given["paymentSchedule"]["startDate"] < self.now.date().isoformat():
            return refuse("E00017", "The start date cannot occur in the past.")
        for number, known in self.subscriptions.items():
            if known.get("order") == given.get("order") and known["amount"] == given["amount"]:
                return refuse(
                    "E00012",
                    f"You have submitted a duplicate of Subscription {number}. A duplicate subscription will not be created.",
                )
        number = self.number()
        self.subscriptions[number] = {**given, "status": "active", "paid": 0}
        self.tell_subscription(number, "created")
        return answer("", {"subscriptionId": number, "profile": profile}, body)

    def _arb_update_subscription(self, body: dict[str, Any]) -> Answered:
        known = self.subscriptions.get(body["subscriptionId"])
        if known is None:
            return refuse("E00035", "The subscription cannot be found.")
        changes = dict(body["subscription"])
        schedule = changes.pop("paymentSchedule", {})
        if "interval" in schedule:
            return refuse("E00034", "The interval information cannot be changed.")
        if known["status"] not in {"active", "suspended"}:
            return refuse("E00037", "The subscription cannot be updated.")
        known |= changes
        known["paymentSchedule"] = {**known["paymentSchedule"], **schedule}
        self.tell_subscription(body["subscriptionId"], "updated")
        return answer("", {"profile": known["profile"]}, body)

    def _arb_cancel_subscription(self, body: dict[str, Any]) -> Answered:
        known = self.subscriptions.get(body["subscriptionId"])
        if known is None:
            return refuse("E00035", "The subscription cannot be found.")
        if known["status"] not in {"active", "suspended"}:
            return refuse("E00038", "The subscription cannot be canceled.")
        known["status"] = "canceled"
        self.tell_subscription(body["subscriptionId"], "cancelled")
        return answer("", {}, body)

    def _arb_get_subscription(self, body: dict[str, Any]) -> Answered:
        known = self.subscriptions.get(body["subscriptionId"])
        if known is None:
            return refuse("E00035", "The subscription cannot be found.")
        profile = known["profile"]
        payer = {"email": "ada@example.com", "customerProfileId": profile["customerProfileId"],
                 "paymentProfile": {"billTo": {"firstName": "Ada", "lastName": "Lovelace"},
                                    "customerPaymentProfileId": profile["customerPaymentProfileId"], "payment": CARD}}  # fmt: skip
        shown = {**known, "amount": amount(known["amount"]), "profile": payer}
        shown.pop("paid")
        if not body.get("includeTransactions"):
            shown.pop("arbTransactions", None)
        return answer("", {"subscription": shown}, body)

    def _arb_get_subscription_list(self, body: dict[str, Any]) -> Answered:
        if body["searchType"] != "subscriptionActive":
            raise ComplaintError(body["searchType"], refuse("E00013", "The search type is invalid."))
        shown = [
            {"id": int(number), "name": one["name"], "status": one["status"], "invoice": one.get("order", {}).get("invoiceNumber"),
             "amount": amount(one["amount"]), "customerProfileId": int(one["profile"]["customerProfileId"])}
            for number, one in sorted(self.subscriptions.items(), reverse=True) if one["status"] in {"active", "suspended"}
        ]  # fmt: skip
        size, page = int(body["paging"]["limit"]), int(body["paging"]["offset"])
        shown = shown[(page - 1) * size : page * size]
        return answer("", {"totalNumInResultSet": len(shown), "subscriptionDetails": shown}, body)

    # Webhooks' REST API.

    def rest(self, request: Received) -> Answered:
        if credentials(request.headers.get("authorization", "")) != (self.login, self.key):
            return _rest_error(401, "INCORRECT_CREDENTIALS", "The credentials are not valid.")
        kind, *rest = request.segments[2:]
        if kind == "eventtypes":
            return Answered(200, [{"name": name} for name in EVENT_TYPES])
        if kind == "notifications":
            return Answered(200, {"notifications": []})
        if kind != "webhooks":
            raise ComplaintError("no such resource", _rest_error(404, "RESOURCE_NOT_FOUND", "No such resource."))
        if not rest:
            if request.method == "GET":
                return Answered(200, list(self.registered.values()))
            return self._register(request.json())
        known = self.registered.get(rest[0])
        if known is None:
            return _rest_error(404, "RESOURCE_NOT_FOUND", "The webhook was not found.")
        if request.method == "DELETE":
            del self.registered[rest[0]]
            return Answered(200)
        known |= self._judged(request.json())
        return Answered(200, known)

    def _register(self, given: dict[str, Any]) -> Answered:
        if not self.has_signature_key:
            return _rest_error(400, "INVALID_DATA", "Please generate a signature key using Merchant Interface.")
        if urlsplit(given["url"]).scheme != "https":
            return _rest_error(400, "INVALID_DATA", "The url must be https.")
        number = str(uuid.UUID(int=len(self.registered) + 1, version=4))
        made = {"_links": {"self": {"href": f"/rest/v1/webhooks/{number}"}}, "webhookId": number, **self._judged(given)}
        self.registered[number] = made
        return Answered(200, made)

    def _judged(self, given: dict[str, Any]) -> dict[str, Any]:
        strange = set(given) - {"name", "url", "eventTypes", "status"} or set(given.get("eventTypes", [])) - set(
            EVENT_TYPES
        )
        if strange or not given.get("eventTypes"):
            raise ComplaintError(
                f"not known: {strange}", _rest_error(400, "INVALID_DATA", "The event types are invalid.")
            )
        return given


def _rest_error(status: int, reason: str, message: str) -> Answered:
    body = {"status": status, "reason": reason, "message": message, "correlationId": "made-up", "details": []}
    return Answered(status, body)
