"""MoneyGram's API as its documentation and recorded sandbox traffic word it: token by GET, quote, details, commitment."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.fakes.moneygram_books import PARTNER, MoneyGramBooks, price, refusal
from tests.fakes.server import Answered, ComplaintError, Received

COMMON = {"targetAudience": "AGENT_FACING", "agentPartnerId": PARTNER, "userLanguage": "en-US"}
QUOTE = {
    "destinationCountryCode",
    "serviceOptionCode",
    "serviceOptionRoutingCode",
    "beneficiaryTypeCode",
    "sendAmount",
    "receiveAmount",
    "sendCurrencyCode",
    "receiveCurrencyCode",
}
DETAILS = {"sender", "beneficiary", "targetAccount", "receipt", "purpose", "partnerTransactionId"}
NAME = "^([a-zA-Z \\u00C0-\\u017F\\-\\'\\/])*$"
FIELDS = [
    {"field": "receiver.name.firstName", "dataType": "string", "required": True, "fieldLabel": "First/Given Name", "fieldMin": "1", "fieldMax": "20", "regEx": NAME, "helpTextLong": "cannot contain numbers"},
    {"field": "receiver.name.lastName", "dataType": "string", "required": True, "fieldLabel": "Last/Family Name", "fieldMin": "1", "fieldMax": "30", "regEx": NAME},
    {"field": "receiver.mobilePhone.number", "dataType": "string", "required": False, "fieldMin": "5", "fieldMax": "14"},
    {"field": "receiver.address.city", "dataType": "string", "required": False, "regEx": "(broken"},
    {"field": "sendAmount.value", "dataType": "decimal", "required": True},
]  # fmt: skip
ACCOUNT = {
    "field": "targetAccount.accountNumber",
    "dataType": "string",
    "required": True,
    "fieldLabel": "Account number",
}


def wrong(message: str, status: int = 400) -> ComplaintError:
    return ComplaintError(message, refusal(status, "600", message))


class FakeMoneyGram(MoneyGramBooks):
    def handle(self, request: Received) -> Answered:
        if request.path == "/oauth/accesstoken":
            return self._token(request)
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return refusal(401, "G401", "Unauthorized")
        body = self._body(request)
        self._check_request_id(request)
        query = dict(request.params)
        return self._route(request.method, request.path.strip("/").split("/"), body, query)

    def _token(self, request: Received) -> Answered:
        expected = "Basic " + base64.b64encode(":".join(self.client).encode()).decode()
        if request.method != "GET" or request.query != "grant_type=client_credentials" or request.body:
            raise wrong("the token is asked for by GET")
        if request.headers.get("authorization") != expected:
            return Answered(400, {"error": {"category": "Gateway-50000", "code": "G905", "message": "Bad_Request"}})
        token = f"token-made-up-{len(self.tokens) + 1}"
        self.tokens.add(token)
        return Answered(200, {"access_token": token, "token_type": "BearerToken", "expires_in": "3599", "scope": ""})

    def _body(self, request: Received) -> Any:
        if not request.body:
            return None
        if request.headers.get("content-type") != "application/json":
            raise wrong("not JSON")
        return json.loads(request.body, parse_float=Decimal)

    def _check_request_id(self, request: Received) -> None:
        given = request.headers.get("x-mg-clientrequestid", "")
        if str(uuid.UUID(given)) != given:
            raise wrong("X-MG-ClientRequestId is no UUID")
        print_of_it = f"{request.method} {request.path}?{request.query} {request.body.decode()}"
        if self.request_ids.setdefault(given, print_of_it) != print_of_it:
            raise wrong("X-MG-ClientRequestId was used for another request")

    def _route(self, method: str, parts: list[str], body: Any, query: dict[str, str]) -> Answered:
        match method, parts:
            case "POST", ["disbursement", "v1", "transactions", "quote"]:
                return self._quote(self._known(body, QUOTE))
            case "PUT", ["disbursement", "v1", "transactions", reference]:
                return self._details(reference, self._known(body, DETAILS))
            case "PUT", ["disbursement", "v1", "transactions", reference, "commit"]:
                return self._commit(reference, self._known(body, {"partnerTransactionId"}))
            case "GET", ["disbursement", "status", "v1", "transactions", reference]:
                self._known(query, set())
                found = self.status_of(reference)
                return Answered(200, found) if found else refusal(400, "697", "Invalid Transaction ID")
            case "GET", ["disbursement", "refund", "v1", "transactions", reference]:
                self._known(query, {"refundReasonCode"})
                return self._refund_offer(reference)
            case "PUT", ["disbursement", "refund", "v1", "transactions", reference, "commit"]:
                self._known(body, {"refundId"})
                self.move(reference, "REFUNDED")
                number = self.transactions[reference]["number"]
                return Answered(200, {"referenceNumber": number, "expectedPayoutDate": "2026-11-23", "settlement": {}})
            case "GET", ["reference-data", "v1", "service-options"]:
                self._known(query, {"destinationCountryCode"})
                return Answered(200, [self._services(query["destinationCountryCode"])])
            case "GET", ["reference-data", "v1", "transaction-fields-send"]:
                return Answered(200, self._fields(query))
        raise wrong(f"no such call: {method} {parts}", 404)

    def _known(self, given: Any, allowed: set[str]) -> Any:
        if not isinstance(given, dict) or any(given.get(name) != value for name, value in COMMON.items()):
            raise wrong("the common fields are missing")
        if given.keys() - COMMON.keys() - allowed:
            raise wrong(f"unknown fields: {sorted(given.keys() - COMMON.keys() - allowed)}")
        if any(value is None for value in given.values()):
            raise wrong("a null")
        return given

    def _quote(self, body: dict[str, Any]) -> Answered:
        asked = body.get("receiveAmount") or body.get("sendAmount")
        if ("receiveAmount" in body) == ("sendAmount" in body) or set(asked) != {"currencyCode", "value"}:
            raise wrong("one of sendAmount and receiveAmount")
        if isinstance(asked["value"], str) or not isinstance(asked["value"], (int, Decimal)):
            raise wrong("value is no number")
        if body["destinationCountryCode"] == "PRK":
            return Answered(200, {"transactions": []})
        services = [body["serviceOptionCode"]] if "serviceOptionCode" in body else ["WILL_CALL", "BANK_DEPOSIT"]
        quotes = [self.quoted({**body, "serviceOptionCode": service}) for service in services]
        return Answered(200, {"transactions": quotes})

    def _details(self, reference: str, body: dict[str, Any]) -> Answered:
        one = self.transactions.get(reference)
        if one is None:
            return refusal(400, "697", "Invalid Transaction ID")
        if not body["beneficiary"].get("consumer", body["beneficiary"].get("business")):
            raise wrong("nobody receives it")
        if len(body["partnerTransactionId"]) > 50:
            raise wrong("partnerTransactionId is too long")
        one["details"] = body
        in_review = body.get("purpose") == "REVIEW"
        one["ready_at"] = None if in_review else self.now
        return Answered(200, {"transactionId": reference, "readyForCommit": not in_review})

    def _commit(self, reference: str, body: dict[str, Any]) -> Answered:
        one = self.transactions.get(reference)
        if one is None:
            return refusal(400, "697", "Invalid Transaction ID")
        if one["status"] != "UNFUNDED":
            return refusal(400, "622", "The transaction is already committed")
        if one["ready_at"] is None or self.now - one["ready_at"] > timedelta(minutes=30):
            return refusal(400, "621", "The transaction has timed out")
        if body["partnerTransactionId"] != one["details"]["partnerTransactionId"]:
            raise wrong("another partnerTransactionId")
        one["number"] = f"{76_900_000 + len(self.executed)}"
        self.move(reference, "SENT")
        return Answered(200, {"referenceNumber": one["number"], "expectedPayoutDate": "2026-11-23"})

    def _refund_offer(self, reference: str) -> Answered:
        one = self.transactions.get(reference)
        if one is None:
            return refusal(400, "697", "Invalid Transaction ID")
        collected = one["status"] in {"RECEIVED", "DELIVERED", "REFUNDED"}
        send = one["quote"]["sendAmount"]
        offer = {
            "transactionId": reference,
            "refundId": f"refund-of-{reference}",
            "referenceNumber": one["number"],
            "transactionStatus": one["status"],
            "availableForRefund": self.refundable and not collected,
            "refundAmount": {"amount": send["amount"], "fees": send["fees"], "total": send["total"]},
        }
        return Answered(200, offer)

    def _services(self, country: str) -> dict[str, Any]:
        cash = {
            "serviceOptionCode": "WILL_CALL",
            "destinationCurrencyCode": "NGN",
            "serviceOptionName": "10 Minute Service",
        }
        bank = {
            "serviceOptionCode": "BANK_DEPOSIT",
            "destinationCurrencyCode": "NGN",
            "serviceOptionRoutingCode": "74826841",
            "serviceOptionName": "Bank Deposit - All Banks",
            "maxReceiveAmount": "7000000",
        }
        return {"destinationCountryCode": country, "serviceOptions": [cash, bank]}

    def _fields(self, query: dict[str, str]) -> dict[str, Any]:
        wanted = {"destinationCountryCode", "serviceOptionCode", "amount", "sendCurrencyCode", "receiveCurrencyCode"}
        if wanted - query.keys():
            raise wrong(f"missing: {sorted(wanted - query.keys())}")
        self._known(query, wanted | {"serviceOptionRoutingCode"})
        banked = [ACCOUNT] if query["serviceOptionCode"] == "BANK_DEPOSIT" else []
        return {"destinationCountryCode": "NGA", "amount": price(Decimal(1), "USD"), "fieldInfo": [*FIELDS, *banked]}
