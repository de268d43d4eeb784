"""Amazon Pay's API, version 2, as its documentation words it: signed requests, keys on every POST, states that move later."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.fakes.amazon_pay_books import MERCHANT, NOW, AmazonPayBooks, details, price, refusal, value
from tests.fakes.amazon_pay_sns import rsa_key
from tests.fakes.server import Answered, ComplaintError, Received

SALTS = {"AMZN-PAY-RSASSA-PSS": 20, "AMZN-PAY-RSASSA-PSS-V2": 32}
ALWAYS_SIGNED = {"accept", "content-type", "x-amz-pay-date", "x-amz-pay-host", "x-amz-pay-region"}
LARGEST = {"JPY": 10_000_000}

PAYLOAD = {
    "webCheckoutDetails",
    "storeId",
    "scopes",
    "paymentDetails",
    "merchantMetadata",
    "chargePermissionType",
    "recurringMetadata",
    "paymentMethodOnFileMetadata",
}
WEB_CHECKOUT = {"checkoutMode", "checkoutResultReturnUrl", "checkoutCancelUrl"}
PAYMENT = {"paymentIntent", "canHandlePendingAuthorization", "chargeAmount", "presentmentCurrency"}
MERCHANT_FIELDS = {"merchantReferenceId", "merchantStoreName", "noteToBuyer", "customInformation"}
CHARGE = {
    "chargePermissionId",
    "chargeAmount",
    "captureNow",
    "canHandlePendingAuthorization",
    "merchantMetadata",
    "softDescriptor",
}


def verified(algorithm: str, text: str, signature: str) -> bool:
    """Whether the merchant's key signed a canonical request or a payload."""
    signed = f"{algorithm}\n{hashlib.sha256(text.encode()).hexdigest()}".encode()
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), SALTS[algorithm])
    try:
        rsa_key("merchant").public_key().verify(base64.b64decode(signature), signed, scheme, hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def wrong(message: str, code: str = "InvalidParameterValue", status: int = 400) -> ComplaintError:
    return ComplaintError(message, refusal(status, code, message))


def only(body: Any, allowed: set[str], what: str) -> Any:
    if not isinstance(body, dict) or body.keys() - allowed:
        raise wrong(
            f"{what} has fields that Amazon does not know: {sorted(set(body or ()) - allowed)}", "UnrecognizedField"
        )
    if any(one is None for one in body.values()):
        raise wrong(f"{what} has a null")
    return body


def check_price(given: Any, *, largest: bool = True) -> dict[str, str]:
    only(given, {"amount", "currencyCode"}, "the amount")
    form = r"\d+" if given["currencyCode"] == "JPY" else r"\d+\.\d\d"
    if not isinstance(given["amount"], str) or not re.fullmatch(form, given["amount"]):
        raise wrong(f"{given} is not written as an amount")
    if largest and value(given) > LARGEST.get(given["currencyCode"], 150_000):
        raise wrong(f"{given} is too much")
    return given


class FakeAmazonPay(AmazonPayBooks):
    def press(self, client: dict[str, Any]) -> str:
        """The payer presses the button: Amazon proves the payload and opens a session of it."""
        config = client["createCheckoutSessionConfig"]
        assert client["merchantId"] == MERCHANT
        assert (config.get("publicKeyId") or client["publicKeyId"]) == self.key_id
        assert verified(config["algorithm"], config["payloadJSON"], config["signature"])
        payload = only(json.loads(config["payloadJSON"]), PAYLOAD, "the payload")
        only(payload["webCheckoutDetails"], WEB_CHECKOUT, "webCheckoutDetails")
        only(payload["merchantMetadata"], MERCHANT_FIELDS, "merchantMetadata")
        check_price(only(payload["paymentDetails"], PAYMENT, "paymentDetails")["chargeAmount"])
        return self.open_session(payload)

    def handle(self, request: Received) -> Answered:
        self._check_signature(request)
        body = json.loads(request.body) if request.body else None
        prefix = "" if self.key_id.startswith(("SANDBOX-", "LIVE-")) else "/sandbox"
        if not request.path.startswith(f"{prefix}/v2/"):
            raise wrong(f"{request.path} is not below {prefix}/v2", "ResourceNotFound", 404)
        parts = request.path.removeprefix(f"{prefix}/v2/").split("/")
        if request.method != "POST":
            return self._stored(self._route(request.method, parts, body, dict(request.params)))
        key = request.headers["x-amz-pay-idempotency-key"]
        print_of_it = f"{request.path} {request.body.decode()}"
        if key in self.keys:
            earlier, answer = self.keys[key]
            return answer if earlier == print_of_it else refusal(400, "DuplicateIdempotencyKey")
        answer = self._stored(self._route("POST", parts, body, {}))
        self.keys[key] = (print_of_it, answer)
        return answer

    def _stored(self, answer: Answered) -> Answered:
        """The answer as it is now, whatever becomes of its things later."""
        return Answered(answer.status, json.loads(json.dumps(answer.body)), answer.headers)

    def _check_signature(self, request: Received) -> None:
        form = r"(\S+) PublicKeyId=([^,]+), SignedHeaders=([^,]+), Signature=(\S+)"
        match = re.fullmatch(form, request.headers.get("authorization", ""))
        if match is None:
            raise wrong("no authorization", "InvalidAuthentication", 401)
        algorithm, key_id, names, signature = match.groups()
        signed = names.split(";")
        if key_id != self.key_id:
            raise wrong("another key", "InvalidAuthentication", 401)
        needed = ALWAYS_SIGNED | ({"x-amz-pay-idempotency-key"} if request.method == "POST" else set())
        if signed != sorted(signed) or not needed <= set(signed):
            raise wrong(f"the signed headers are {names}", "InvalidRequestSignature", 401)
        lines = "".join(f"{name}:{request.headers[name]}\n" for name in signed)
        digest = hashlib.sha256(request.body).hexdigest()
        text = f"{request.method}\n{request.path}\n{request.query}\n{lines}\n{names}\n{digest}"
        if not verified(algorithm, text, signature):
            raise wrong("the signature does not match", "InvalidRequestSignature", 401)
        self._check_headers(request)

    def _check_headers(self, request: Received) -> None:
        headers = request.headers
        if not re.fullmatch(r"\d{8}T\d{6}Z", headers["x-amz-pay-date"]):
            raise wrong("x-amz-pay-date", "InvalidHeaderValue")
        if headers["x-amz-pay-region"] != self.region or headers["x-amz-pay-host"] != headers["host"]:
            raise wrong("x-amz-pay-region or -host", "InvalidHeaderValue")
        if headers["accept"] != "application/json" or headers["content-type"] != "application/json":
            raise wrong("accept or content-type", "InvalidHeaderValue")
        key = headers.get("x-amz-pay-idempotency-key")
        if request.method == "POST" and not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", key or ""):
            raise wrong("x-amz-pay-idempotency-key", "InvalidHeaderValue")

    def _route(self, method: str, parts: list[str], body: Any, query: dict[str, str]) -> Answered:
        match method, parts:
            case "GET", [kind, reference]:
                books = {
                    "checkoutSessions": self.sessions,
                    "chargePermissions": self.permissions,
                    "charges": self.charges,
                    "refunds": self.refunds,
                    "disputes": self.disputes,
                }
                found = books[kind].get(reference)
                return Answered(200, found) if found else refusal(404, "ResourceNotFound")
            case "GET", ["reports"]:
                return Answered(200, {"reports": [], "nextToken": None, "asked": query})
            case "POST", ["checkoutSessions", reference, "complete"]:
                return self._complete(self.sessions[reference], only(body, {"chargeAmount"}, "the completion"))
            case "POST", ["charges"]:
                return self._charge(only(body, CHARGE, "the charge"))
            case "POST", ["charges", reference, "capture"]:
                return self._capture(self.charges[reference], only(body, {"captureAmount", "softDescriptor"}, "it"))
            case "DELETE", ["charges", reference, "cancel"]:
                return self._cancel(self.charges[reference], only(body, {"cancellationReason"}, "the cancellation"))
            case "POST", ["refunds"]:
                return self._refund(only(body, {"chargeId", "refundAmount", "softDescriptor"}, "the refund"))
            case "POST", ["disputes", reference, "contest"]:
                return self._contest(self.disputes[reference], only(body, {"merchantEvidences"}, "the answer"))
            case "DELETE", ["chargePermissions", reference, "close"]:
                only(body, {"closureReason", "cancelPendingCharges"}, "the closure")
                self.close_permission(reference, "MerchantClosed")
                return Answered(200, self.permissions[reference])
        raise wrong(f"no such call: {method} {parts}", "ResourceNotFound", 404)

    def _complete(self, session: dict[str, Any], body: dict[str, Any]) -> Answered:
        payment = session["paymentDetails"]
        if session["statusDetails"]["state"] != "Open":
            return refusal(422, "InvalidCheckoutSessionStatus")
        if check_price(body["chargeAmount"]) != payment["chargeAmount"]:
            return refusal(400, "AmountMismatch")
        declined = self.declines.pop(session["checkoutSessionId"], None)
        if declined:
            session["statusDetails"] = details("Canceled", "Declined", "The payment was declined.")
            return refusal(422, "CheckoutSessionCanceled", declined)
        permission = self.new_permission(session)
        pending = payment["canHandlePendingAuthorization"]
        capture = payment["paymentIntent"] == "AuthorizeWithCapture"
        amount = payment["chargeAmount"]
        charge = self.new_charge(permission, amount, capture=capture, pending=pending, merchant=None)
        session["statusDetails"] = details("Completed")
        session |= {"chargeId": charge["chargeId"], "chargePermissionId": permission["chargePermissionId"]}
        return Answered(202 if pending else 200, session)

    def _charge(self, body: dict[str, Any]) -> Answered:
        permission = self.permissions.get(body["chargePermissionId"])
        if permission is None:
            return refusal(404, "ResourceNotFound")
        if permission["chargePermissionType"] == "OneTime" or permission["statusDetails"]["state"] != "Chargeable":
            return refusal(422, "InvalidChargePermissionStatus")
        only(body["merchantMetadata"], MERCHANT_FIELDS, "merchantMetadata")
        amount = check_price(body["chargeAmount"])
        reason = self.declines.pop(permission["chargePermissionId"], None)
        if reason == "SoftDeclined":
            return refusal(422, "SoftDeclined", "The payment was declined.")
        pending = body["canHandlePendingAuthorization"]
        merchant = body["merchantMetadata"]
        charge = self.new_charge(permission, amount, capture=body["captureNow"], pending=pending, merchant=merchant)
        if reason:
            charge |= {"statusDetails": details("Declined", reason, "The payment was declined."), "captureAmount": None}
        return Answered(201, charge)

    def _capture(self, charge: dict[str, Any], body: dict[str, Any]) -> Answered:
        if charge["statusDetails"]["state"] != "Authorized":
            return refusal(422, "InvalidChargeStatus")
        if value(check_price(body["captureAmount"])) > value(charge["chargeAmount"]):
            return refusal(400, "TransactionAmountExceeded")
        charge |= {"captureAmount": body["captureAmount"], "statusDetails": details("Captured")}
        self.note("CHARGE", charge["chargeId"], charge["chargePermissionId"])
        return Answered(200, charge)

    def _cancel(self, charge: dict[str, Any], body: dict[str, Any]) -> Answered:
        if charge["statusDetails"]["state"] not in {"Authorized", "Pending"}:
            return refusal(422, "InvalidChargeStatus")
        charge["statusDetails"] = details("Canceled", "MerchantCanceled", body["cancellationReason"])
        self.note("CHARGE", charge["chargeId"], charge["chargePermissionId"])
        return Answered(200, charge)

    def _refund(self, body: dict[str, Any]) -> Answered:
        charge = self.charges.get(body["chargeId"])
        if charge is None:
            return refusal(404, "ResourceNotFound")
        if charge["statusDetails"]["state"] not in {"Captured", "Completed"}:
            return refusal(422, "InvalidChargeStatus")
        refunded = value(charge["refundedAmount"]) + value(check_price(body["refundAmount"], largest=False))
        if refunded * 100 > value(charge["captureAmount"]) * 115:
            return refusal(400, "TransactionAmountExceeded")
        charge["refundedAmount"] = price(refunded, body["refundAmount"]["currencyCode"])
        refund_id = f"{charge['chargeId'].replace('-C', '-R')[:-1]}{len(self.refunds)}"
        self.refunds[refund_id] = {
            "refundId": refund_id,
            "chargeId": charge["chargeId"],
            "refundAmount": body["refundAmount"],
            "statusDetails": details("RefundInitiated"),
            "creationTimestamp": NOW,
        }
        self.note("REFUND", refund_id, charge["chargePermissionId"])
        return Answered(201, self.refunds[refund_id])

    def _contest(self, dispute: dict[str, Any], body: dict[str, Any]) -> Answered:
        if dispute["statusDetails"]["state"] != "ActionRequired":
            return refusal(422, "InvalidDisputeStatus")
        for evidence in body["merchantEvidences"]:
            only(evidence, {"evidenceType", "fileId", "evidenceText"}, "the evidence")
        dispute["merchantEvidences"] = body["merchantEvidences"]
        dispute["statusDetails"] = {**details("UnderReview"), "resolution": None}
        return Answered(200, dispute)
