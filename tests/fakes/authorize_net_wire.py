"""Authorize.Net's wire format: the schema's members in their order, a byte order mark before answers, numbers with two places."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from typing import Any

from tests.fakes.server import Answered, ComplaintError

BOM = b"\xef\xbb\xbf"
SETTINGS = {"setting": {"settingName": None, "settingValue": None}}
ADDRESS = dict.fromkeys(
    (
        "firstName",
        "lastName",
        "company",
        "address",
        "city",
        "state",
        "zip",
        "country",
        "phoneNumber",
        "faxNumber",
        "email",
    )
)
ORDER = {"invoiceNumber": 20, "description": 255}
TRANSACTION = {
    "transactionType": None,
    "amount": None,
    "currencyCode": None,
    "payment": {
        "creditCard": {"cardNumber": None, "expirationDate": None},
        "bankAccount": dict.fromkeys(("accountType", "routingNumber", "accountNumber", "nameOnAccount", "echeckType")),
        "opaqueData": {"dataDescriptor": None, "dataValue": None},
    },
    "profile": {"createProfile": None, "customerProfileId": None, "paymentProfile": {"paymentProfileId": None}},
    "refTransId": None,
    "order": ORDER,
    "lineItems": {
        "lineItem": {"itemId": 31, "name": 31, "description": 255, "quantity": None, "unitPrice": None, "taxable": None}
    },
    "poNumber": 25,
    "customer": {"type": None, "id": 20, "email": 255},
    "billTo": ADDRESS,
    "shipTo": ADDRESS,
    "customerIP": None,
    "transactionSettings": SETTINGS,
    "userFields": None,
    "processingOptions": dict.fromkeys(
        ("isFirstRecurringPayment", "isFirstSubsequentAuth", "isSubsequentAuth", "isStoredCredentials")
    ),
}
SORTED = {"sorting": {"orderBy": None, "orderDescending": None}, "paging": {"limit": None, "offset": None}}
SUBSCRIPTION = {
    "name": 50,
    "paymentSchedule": {
        "interval": {"length": None, "unit": None}, "startDate": None, "totalOccurrences": None, "trialOccurrences": None,
    },
    "amount": None,
    "trialAmount": None,
    "order": ORDER,
    "customer": {"type": None, "id": 20, "email": 255},
    "profile": {"customerProfileId": None, "customerPaymentProfileId": None, "customerAddressId": None},
}  # fmt: skip
ROOTS: dict[str, dict[str, Any]] = {
    "authenticateTestRequest": {},
    "getMerchantDetailsRequest": {},
    "createTransactionRequest": {"transactionRequest": TRANSACTION},
    "getHostedPaymentPageRequest": {"transactionRequest": TRANSACTION, "hostedPaymentSettings": SETTINGS},
    "getTransactionDetailsRequest": {"transId": None},
    "getUnsettledTransactionListRequest": {"status": None, **SORTED},
    "getTransactionListRequest": {"batchId": None, **SORTED},
    "getSettledBatchListRequest": {"includeStatistics": None, "firstSettlementDate": None, "lastSettlementDate": None},
    "createCustomerProfileRequest": {"profile": {"merchantCustomerId": 20, "description": 255, "email": 255}},
    "ARBCreateSubscriptionRequest": {"subscription": SUBSCRIPTION},
    "ARBUpdateSubscriptionRequest": {"subscriptionId": None, "subscription": SUBSCRIPTION},
    "ARBCancelSubscriptionRequest": {"subscriptionId": None},
    "ARBGetSubscriptionRequest": {"subscriptionId": None, "includeTransactions": None},
    "ARBGetSubscriptionListRequest": {"searchType": None, **SORTED},
    "updateHeldTransactionRequest": {"heldTransactionRequest": {"action": None, "refTransId": None}},
}
PAGE_SETTINGS = {
    "hostedPaymentReturnOptions", "hostedPaymentButtonOptions", "hostedPaymentOrderOptions", "hostedPaymentPaymentOptions",
    "hostedPaymentStyleOptions", "hostedPaymentSecurityOptions", "hostedPaymentCustomerOptions",
    "hostedPaymentBillingAddressOptions", "hostedPaymentShippingAddressOptions", "hostedPaymentIFrameCommunicatorUrl",
}  # fmt: skip
EVENT_TYPES = [
    *(f"net.authorize.payment.{name}" for name in (
        "authcapture.created", "authorization.created", "capture.created", "priorAuthCapture.created", "refund.created",
        "void.created", "fraud.held", "fraud.approved", "fraud.declined")),
    *(f"net.authorize.customer.subscription.{name}" for name in (
        "created", "updated", "suspended", "failed", "terminated", "cancelled", "expiring", "expired")),
    *(f"net.authorize.customer.{name}" for name in ("created", "updated", "deleted")),
    *(f"net.authorize.customer.paymentProfile.{name}" for name in ("created", "updated", "deleted")),
]  # fmt: skip


class Number(str):
    """A decimal that is written as a number, all its places kept: ``10.00``."""

    __slots__ = ()


def written(value: Any) -> bytes:
    """JSON with numbers as Authorize.Net writes them."""
    marked = json.dumps(_marked(value), separators=(",", ":"))
    return re.sub(r'"~([0-9.]+)~"', r"\1", marked).encode()


def _marked(value: Any) -> Any:
    if isinstance(value, Number):
        return f"~{value}~"
    if isinstance(value, dict):
        return {name: _marked(member) for name, member in value.items()}
    return [_marked(one) for one in value] if isinstance(value, list) else value


def answer(
    root: str, members: dict[str, Any], request: dict[str, Any], code: str = "I00001", text: str = "Successful."
) -> Answered:
    """An answer of the JSON API: always HTTP 200, with a byte order mark."""
    del root
    body = {
        **members,
        "refId": request.get("refId", ""),
        "messages": {
            "resultCode": "Ok" if code.startswith("I") else "Error",
            "message": [{"code": code, "text": text}],
        },
    }
    return Answered(200, BOM + written(body), {"Content-Type": "application/json; charset=utf-8"})


def refuse(code: str, text: str, members: dict[str, Any] | None = None) -> Answered:
    return answer("", members or {}, {}, code, text)


def checked(given: Any, schema: dict[str, Any], place: str) -> None:
    """Members are known, stand in the schema's order, hold something, and are not too long."""
    if not isinstance(given, dict):
        raise _malformed(f"{place} is no object")
    unknown = [name for name in given if name not in schema]
    if unknown:
        raise _malformed(f"{place} has an invalid child element '{unknown[0]}'")
    if list(given) != [name for name in schema if name in given]:
        raise _malformed(f"the members of {place} are not in the schema's order: {list(given)}")
    for name, value in given.items():
        rule = schema[name]
        if value is None or value in ({}, []):
            raise _malformed(f"{place}.{name} is empty")
        if isinstance(rule, int) and len(str(value)) > rule:
            raise _malformed(f"{place}.{name} is longer than {rule}")
        if isinstance(rule, dict):
            for one in value if isinstance(value, list) else [value]:
                checked(one, rule, f"{place}.{name}")


def _malformed(words: str) -> ComplaintError:
    return ComplaintError(words, refuse("E00003", words))


def signed(key: str, body: bytes) -> str:
    """The header ``X-ANET-Signature``: the key is taken as the text it is."""
    return "sha512=" + hmac.new(key.encode("ascii"), body, hashlib.sha512).hexdigest().upper()


def credentials(header: str) -> tuple[str, str]:
    """Login and key of a Basic header."""
    kind, _, text = header.partition(" ")
    name, _, key = base64.b64decode(text).decode().partition(":") if kind == "Basic" else ("", "", "")
    return name, key


def needs(given: dict[str, Any], *names: str) -> None:
    missing = [name for name in names if name not in given]
    if missing:
        raise ComplaintError(f"{missing} is missing", refuse("E00014", f"{missing[0]} is required."))
