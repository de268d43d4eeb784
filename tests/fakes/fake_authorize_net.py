"""Authorize.Net on loopback: the JSON API behind one address, the REST API of webhooks."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.fakes.authorize_net_books import amount, stamp
from tests.fakes.authorize_net_desks import AuthorizeNetDesks
from tests.fakes.authorize_net_wire import (
    PAGE_SETTINGS,
    ROOTS,
    answer,
    checked,
    needs,
    refuse,
)
from tests.fakes.server import Answered, ComplaintError, Received

DESCRIPTOR = "COMMON.ACCEPT.INAPP.PAYMENT"
VOIDABLE = {
    "authorizedPendingCapture",
    "capturedPendingSettlement",
    "refundPendingSettlement",
    "FDSAuthorizedPendingReview",
}


class FakeAuthorizeNet(AuthorizeNetDesks):
    def fields(self) -> dict[str, Any]:
        return {
            "mode": "test",
            "api_login_id": self.login,
            "transaction_key": self.key,
            "signature_key": self.signature_key,
            "currency": "USD",
            "api_base": self.url,
            "form_base": self.url,
            "script_base": self.url,
        }

    def handle(self, request: Received) -> Answered:
        if request.path.startswith("/rest/v1/"):
            return self.rest(request)
        if (request.method, request.path) != ("POST", "/xml/v1/request.api"):
            raise ComplaintError("no such address", Answered(404, "Not found", {"Content-Type": "text/plain"}))
        if request.headers.get("content-type") != "application/json":
            raise ComplaintError("not JSON", refuse("E00002", "The content-type specified is not supported."))
        given = request.json()
        if len(given) != 1 or next(iter(given)) not in ROOTS:
            raise ComplaintError(
                f"no such operation: {list(given)}",
                refuse("E00004", "The name of the requested API method is invalid."),
            )
        root, body = next(iter(given.items()))
        if next(iter(body), "") != "merchantAuthentication":
            raise ComplaintError("merchantAuthentication is not first", refuse("E00003", "Parse error."))
        signed_in = body.pop("merchantAuthentication")
        if signed_in != {"name": self.login, "transactionKey": self.key}:
            return refuse("E00007", "User authentication failed due to invalid authentication values.")
        checked(body, {"refId": 20, **ROOTS[root]}, root)
        if "Transaction" in root and root.startswith("get") and not self.details_enabled:
            return refuse("E00011", "Access denied. You do not have permissions to call the Transaction Details API.")
        name = re.sub(r"(?<!^)(?=[A-Z][a-z])", "_", root.removesuffix("Request").replace("ARB", "arb")).lower()
        return getattr(self, f"_{name}")(body)

    # Accounts and pages.

    def _get_merchant_details(self, body: dict[str, Any]) -> Answered:
        return answer("", {"isTestMode": False, "merchantName": "Lamps Ltd", "gatewayId": "565697", "currencies": ["USD"],
                           "publicClientKey": "made-up-public-client-key"}, body)  # fmt: skip

    def _authenticate_test(self, body: dict[str, Any]) -> Answered:
        return answer("", {}, body)

    def _get_hosted_payment_page(self, body: dict[str, Any]) -> Answered:
        request = body["transactionRequest"]
        needs(request, "transactionType", "amount")
        settings = {
            one["settingName"]: json.loads(one["settingValue"]) for one in body["hostedPaymentSettings"]["setting"]
        }
        if set(settings) - PAGE_SETTINGS:
            raise ComplaintError(
                f"unknown settings {settings.keys()}", refuse("E00013", "The setting name is invalid.")
            )
        back = settings["hostedPaymentReturnOptions"]
        if "hostedPaymentIFrameCommunicatorUrl" not in settings and not back.get("url"):
            raise ComplaintError("no way back", refuse("E00013", "hostedPaymentReturnOptions is invalid."))
        token = f"token-{len(self.tokens) + 1}"
        self.tokens[token] = {"request": request, "settings": settings, "refId": body.get("refId", "")}
        return answer("", {"token": token}, body)

    def _create_customer_profile(self, body: dict[str, Any]) -> Answered:
        known = body["profile"].get("merchantCustomerId")
        for number, profile in self.profiles.items():
            if profile["merchantCustomerId"] == known:
                return refuse("E00039", f"A duplicate record with ID {number} already exists.")
        number = self.number()
        self.profiles[number] = {**body["profile"], "payments": {}}
        return answer("", {"customerProfileId": number, "customerPaymentProfileIdList": []}, body)

    # Transactions.

    def _create_transaction(self, body: dict[str, Any]) -> Answered:
        request = body["transactionRequest"]
        kind = request.get("transactionType")
        if kind == "voidTransaction":
            return self._void(request, body)
        needs(request, "amount")
        if not re.fullmatch(r"[0-9]+\.[0-9]{2}", str(request["amount"])):
            raise ComplaintError(f"amount {request['amount']!r}", refuse("E00003", "The amount is invalid."))
        if kind == "priorAuthCaptureTransaction":
            return self._take(request, body)
        needs(request, "currencyCode", "order")
        if request["currencyCode"] != "USD":
            return self._refused(body, "3", "39", "The supplied currency code is either invalid or not supported.")
        if kind == "refundTransaction":
            return self._give_back(request, body)
        return self._charge(request, body)

    def _charge(self, request: dict[str, Any], body: dict[str, Any]) -> Answered:
        means, profile = self._means(request)
        if means is None:
            return (
                refuse("E00114", "Invalid OTS Token.")
                if "payment" in request
                else refuse("E00040", "The record cannot be found.")
            )
        if self._is_repeat(request):
            return self._refused(body, "3", "11", "A duplicate transaction has been submitted.")
        made = self.post(request, means, body.get("refId", ""), **({"profile": profile} if profile else {}))
        members = {"transactionResponse": _response(made)}
        if request.get("profile", {}).get("createProfile") and made["responseCode"] == 1:
            needs(request, "customer")
            number, payment = self.number(), self.number()
            self.profiles[number] = {"merchantCustomerId": request["customer"].get("id"), "payments": {payment: means}}
            made["profile"] = {"customerProfileId": number, "customerPaymentProfileId": payment}
            members["profileResponse"] = {
                "messages": {"resultCode": "Ok", "message": [{"code": "I00001", "text": "Successful."}]},
                "customerProfileId": number, "customerPaymentProfileIdList": [payment], "customerShippingAddressIdList": [],
            }  # fmt: skip
        if made["responseCode"] == 3:
            return answer("", members, body, "E00027", "The transaction was unsuccessful.")
        return answer("", members, body)

    def _means(self, request: dict[str, Any]) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        data = request.get("payment", {}).get("opaqueData")
        if data:
            return (self.nonces.pop(data["dataValue"], None) if data["dataDescriptor"] == DESCRIPTOR else None), None
        profile = request.get("profile", {})
        customer, payment = profile.get("customerProfileId"), profile.get("paymentProfile", {}).get("paymentProfileId")
        means = self.profiles.get(customer, {"payments": {}})["payments"].get(payment)
        return means, {"customerProfileId": customer, "customerPaymentProfileId": payment}

    def _is_repeat(self, request: dict[str, Any]) -> bool:
        settings = {
            one["settingName"]: one["settingValue"] for one in request.get("transactionSettings", {}).get("setting", [])
        }
        window = timedelta(seconds=int(settings.get("duplicateWindow", "120")))
        return any(
            one["order"].get("invoiceNumber") == request["order"]["invoiceNumber"]
            and one["authAmount"] == amount(request["amount"])
            and one["transactionStatus"] not in {"declined", "generalError"}
            and self.now - datetime.fromisoformat(one["submitTimeUTC"]) < window
            for one in self.transactions.values()
        )

    def _take(self, request: dict[str, Any], body: dict[str, Any]) -> Answered:
        held = self.transactions.get(request["refTransId"])
        if held is None:
            return self._refused(body, "3", "16", "The transaction cannot be found.")
        if held["transactionStatus"] != "authorizedPendingCapture":
            return self._refused(body, "3", "311", "This transaction has already been captured.")
        if Decimal(request["amount"]) > Decimal(held["authAmount"]):
            return self._refused(
                body,
                "3",
                "47",
                "The amount requested for settlement cannot be greater than the original amount authorized.",
            )
        changes = {"transactionStatus": "capturedPendingSettlement", "settleAmount": amount(request["amount"])}
        made = self.change(held["transId"], "priorAuthCapture.created", body.get("refId", ""), **changes)
        return answer("", {"transactionResponse": _response(made)}, body)

    def _void(self, request: dict[str, Any], body: dict[str, Any]) -> Answered:
        held = self.transactions.get(request["refTransId"])
        if held is None:
            return self._refused(body, "3", "16", "The transaction cannot be found.")
        if held["transactionStatus"] == "voided":
            return self._refused(body, "3", "310", "This transaction has already been voided.")
        if held["transactionStatus"] not in VOIDABLE:
            return self._refused(body, "3", "16", "The transaction cannot be found.")
        made = self.change(
            held["transId"], "void.created", body.get("refId", ""), transactionStatus="voided", settleAmount=amount(0)
        )
        return answer("", {"transactionResponse": _response(made)}, body)

    def _give_back(self, request: dict[str, Any], body: dict[str, Any]) -> Answered:
        needs(request, "payment", "refTransId")
        paid = self.transactions.get(request["refTransId"])
        if paid is None:
            return self._refused(body, "3", "16", "The transaction cannot be found.")
        if self._is_repeat(request):
            return self._refused(body, "3", "11", "A duplicate transaction has been submitted.")
        age = self.now - datetime.fromisoformat(paid["submitTimeUTC"])
        if paid["transactionStatus"] != "settledSuccessfully" or age > timedelta(days=180):
            return self._refused(
                body, "3", "54", "The referenced transaction does not meet the criteria for issuing a credit."
            )
        card = request["payment"].get("creditCard")
        if card and (
            card["cardNumber"] != paid["payment"]["creditCard"]["cardNumber"][-4:] or card["expirationDate"] != "XXXX"
        ):
            raise ComplaintError(
                f"the refund names another card: {card}", refuse("E00027", "The transaction was unsuccessful.")
            )
        given = sum(
            Decimal(one["authAmount"])
            for one in self.transactions.values()
            if one.get("refTransId") == paid["transId"] and one["transactionStatus"].startswith("refund")
        )
        if given + Decimal(request["amount"]) > Decimal(paid["settleAmount"]):
            return self._refused(
                body,
                "3",
                "55",
                "The sum of credits against the referenced transaction would exceed original debit amount.",
            )
        made = self.post(request, paid["payment"], body.get("refId", ""))
        return answer("", {"transactionResponse": _response(made)}, body)

    def _refused(self, body: dict[str, Any], code: str, reason: str, text: str) -> Answered:
        response = {"responseCode": code, "transId": "0", "refTransID": "", "accountNumber": "XXXX1111", "accountType": "Visa",
                    "errors": [{"errorCode": reason, "errorText": text}]}  # fmt: skip
        return answer("", {"transactionResponse": response}, body, "E00027", "The transaction was unsuccessful.")

    def _update_held_transaction(self, body: dict[str, Any]) -> Answered:
        wish = body["heldTransactionRequest"]
        held = self.transactions[wish["refTransId"]]
        taken = held["transactionType"] == "authCaptureTransaction"
        if wish["action"] == "approve":
            status = "capturedPendingSettlement" if taken else "authorizedPendingCapture"
            changes = {"transactionStatus": status, "responseCode": 1, "settleAmount": held["authAmount"]}
            made = self.change(held["transId"], "fraud.approved", **changes)
        else:
            made = self.change(held["transId"], "fraud.declined", transactionStatus="failedReview")
        return answer("", {"transactionResponse": _response(made)}, body)

    # Reports.

    def _get_transaction_details(self, body: dict[str, Any]) -> Answered:
        found = self.transactions.get(body["transId"])
        if found is None or body["transId"] in self.unlisted:
            return refuse("E00040", "The record cannot be found.")
        return answer("", {"transaction": found}, body)

    def _get_unsettled_transaction_list(self, body: dict[str, Any]) -> Answered:
        return self._summaries([one for one in self.transactions.values() if "batch" not in one], body)

    def _get_transaction_list(self, body: dict[str, Any]) -> Answered:
        listed = [one for one in self.transactions.values() if one.get("batch", {}).get("batchId") == body["batchId"]]
        return self._summaries(listed, body)

    def _summaries(self, found: list[dict[str, Any]], body: dict[str, Any]) -> Answered:
        found = [one for one in found if one["transId"] not in self.unlisted]
        found.sort(key=lambda one: (one["submitTimeUTC"], one["transId"]), reverse=body["sorting"]["orderDescending"])
        size, page = int(body["paging"]["limit"]), int(body["paging"]["offset"])
        if not (1 <= size <= 1000 and 1 <= page <= 100000):
            raise ComplaintError(f"paging {body['paging']}", refuse("E00013", "The paging is invalid."))
        shown = [_summary(one) for one in found[(page - 1) * size : page * size]]
        if not shown:
            return answer("", {"totalNumInResultSet": len(found)}, body, "I00004", "No records found.")
        return answer("", {"transactions": shown, "totalNumInResultSet": len(found)}, body)

    def _get_settled_batch_list(self, body: dict[str, Any]) -> Answered:
        first, last = (datetime.fromisoformat(body[name]) for name in ("firstSettlementDate", "lastSettlementDate"))
        if last - first > timedelta(days=31):
            raise ComplaintError("more than 31 days", refuse("E00013", "The date range is invalid."))
        shown = [one for one in self.batches.values() if stamp(first) <= one["settlementTimeUTC"] <= stamp(last)]
        if not shown:
            return answer("", {}, body, "I00004", "No records found.")
        return answer("", {"batchList": shown}, body)


def _response(made: dict[str, Any]) -> dict[str, Any]:
    card = made["payment"].get("creditCard")
    code = str(made["responseCode"])
    words = {"code": str(made["responseReasonCode"]), "description": made["responseReasonDescription"]}
    error = {"errorCode": words["code"], "errorText": words["description"]}
    return {
        "responseCode": code,
        "authCode": made["authCode"],
        "avsResultCode": "Y",
        "transId": made["transId"],
        "refTransID": made.get("refTransId", ""),
        "testRequest": "0",
        "accountNumber": card["cardNumber"] if card else made["payment"]["bankAccount"]["accountNumber"],
        "accountType": card["cardType"] if card else "eCheck",
        **({"messages": [words]} if code in {"1", "4"} else {"errors": [error]}),
    }


def _summary(made: dict[str, Any]) -> dict[str, Any]:
    card = made["payment"].get("creditCard")
    return {
        "transId": made["transId"],
        "submitTimeUTC": made["submitTimeUTC"],
        "submitTimeLocal": made["submitTimeLocal"],
        "transactionStatus": made["transactionStatus"],
        **({"invoiceNumber": made["order"]["invoiceNumber"]} if made["order"].get("invoiceNumber") else {}),
        "accountType": card["cardType"] if card else "eCheck",
        "accountNumber": "XXXX1111",
        "settleAmount": made["settleAmount"],
        "marketType": "eCommerce",
        **({"hasReturnedItems": True} if made.get("returnedItems") else {}),
        **({"subscription": made["subscription"]} if "subscription" in made else {}),
    }
