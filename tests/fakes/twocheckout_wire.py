"""How 2Checkout signs and words things, as its pages and its PHP library have it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from decimal import Decimal
from typing import Any
from urllib.parse import quote_plus

from tests.fakes.server import Answered, ComplaintError

NOW = "2026-11-23 09:00:00"
ALGORITHMS = {"sha3-256": hashlib.sha3_256, "sha256": hashlib.sha256, "md5": hashlib.md5}
SIGNED_BY = {"SIGNATURE_SHA3_256": "sha3-256", "SIGNATURE_SHA2_256": "sha256", "HASH": "md5"}
AUTHENTICATION = re.compile(
    r'code="([A-Za-z0-9]+)" date="(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)" hash="([0-9a-f]{64})" algo="(sha3-256|sha256)"'
)

ADDRESS = {"Address1", "Address2", "City", "State", "Zip", "CountryCode", "Phone", "Company", "FirstName", "LastName"}
FIELDS = {
    "order": {
        "Currency", "Country", "Language", "CustomerIP", "ExternalReference", "Source", "LocalTime", "BillingDetails",
        "DeliveryDetails", "Items", "PaymentDetails", "Promotions", "MachineId", "WSOrder", "Affiliate",
    },
    "billing": {"Email", *ADDRESS},
    "item": {
        "Code", "Name", "Description", "Quantity", "IsDynamic", "Tangible", "PurchaseType", "Price", "PriceOptions",
        "RecurringOptions", "ExternalReference",
    },
    "payment": {"Type", "Currency", "CustomerIP", "PaymentMethod"},
    "refund": {"amount", "comment", "reason", "items"},
    "refund_item": {"LineItemReference", "Quantity", "Amount"},
    "product": {
        "AvangateId", "ProductCode", "ProductType", "ProductName", "ProductVersion", "Enabled", "GeneratesSubscription",
        "ShortDescription", "LongDescription", "SubscriptionInformation", "PricingConfigurations", "GroupName",
    },
    "pricing": {
        "Name", "Code", "Default", "BillingCountries", "PricingSchema", "PriceType", "DefaultCurrency", "Prices", "PriceOptions",
    },
    "search": {
        "ApproveStatus", "Newer", "Status", "StartDate", "EndDate", "PartnerOrders", "ExternalRefNo", "IncludeTestOrders",
        "Page", "Limit",
    },
    "link": {
        "merchant", "dynamic", "prod", "price", "qty", "type", "tangible", "currency", "lock", "return-url", "return-type",
        "expiration", "order-ext-ref", "item-ext-ref", "customer-ext-ref", "language", "test", "src", "name", "email",
        "phone", "address", "address2", "city", "state", "zip", "country",
    },
    "cart": {"merchant", "dynamic", "lock", "currency", "reference", "products", "return-method", "test", "expiration"},
    "subscription": {
        "SubscriptionReference", "StartDate", "ExpirationDate", "RecurringEnabled", "SubscriptionEnabled", "Product",
        "EndUser", "SKU", "DeliveryInfo", "ReceiveNotifications", "Lifetime", "PartnerCode", "AvangateCustomerReference",
        "ExternalCustomerReference", "TestSubscription", "Type", "ExternalSubscriptionReference",
    },
}  # fmt: skip
REASONS = {"Other", "Duplicate purchase", "Fraud", "Unwanted auto-renewal"}


def error(status: int, code: str, message: str) -> Answered:
    return Answered(status, {"error_code": code, "message": message})


def wrong(message: str, code: str = "INVALID_DATA") -> ComplaintError:
    return ComplaintError(message, error(400, code, message))


def known(thing: Any, kind: str) -> dict[str, Any]:
    if not isinstance(thing, dict):
        raise wrong(f"{kind} is no object")
    unknown = sorted(set(thing) - FIELDS[kind])
    if unknown:
        raise wrong(f"{kind} has the unknown field {unknown[0]}")
    return thing


def number(value: Any, what: str) -> Decimal:
    """An amount as the API wants it: a JSON number, of two decimals at most."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise wrong(f"{what} is no number", "ORDER_PRODUCT_PRICE_AMOUNT_INVALID")
    return Decimal(value)


def read(body: bytes) -> Any:
    return json.loads(body, parse_float=Decimal)


def written(value: Any) -> bytes:
    """JSON in which decimals are numbers with their own digits."""

    def marked(one: Any) -> Any:
        if isinstance(one, dict):
            return {name: marked(member) for name, member in one.items()}
        if isinstance(one, list):
            return [marked(member) for member in one]
        return f"@number {one}" if isinstance(one, Decimal) else one

    return re.sub(r'"@number (-?[0-9.]+)"', r"\1", json.dumps(marked(value))).encode()


def lengths(*values: str | bytes) -> bytes:
    found = b""
    for value in values:
        raw = value if isinstance(value, bytes) else value.encode()
        found += b"%d%s" % (len(raw), raw)
    return found


def mac(key: str, message: bytes, algorithm: str) -> str:
    return hmac.new(key.encode(), message, ALGORITHMS[algorithm]).hexdigest()


def notification(fields: dict[str, Any], key: str, algorithms: tuple[str, ...] = tuple(SIGNED_BY)) -> bytes:
    """A form as 2Checkout posts it, its signatures last."""
    values, pairs = [], []
    for name, held in fields.items():
        for value in held if isinstance(held, list) else [held]:
            values.append(value)
            pairs.append((f"{name}[]" if isinstance(held, list) else name, value))
    text = lengths(*values)
    pairs += [(name, mac(key, text, SIGNED_BY[name])) for name in ("HASH", "SIGNATURE_SHA2_256", "SIGNATURE_SHA3_256")
              if name in algorithms]  # fmt: skip
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs).encode()


def is_receipt(answer: bytes, key: str, *values: str) -> bool:
    """Whether an answer holds the read receipt over these values and its own date."""
    found = re.search(rb'<sig algo="(sha256|sha3-256)" date="(\d{14})">([0-9a-f]{64})</sig>', answer)
    if found is None:
        return False
    algorithm, date, digest = (part.decode() for part in found.groups())
    return digest == mac(key, lengths(*values, date), algorithm)


def claims_of(token: str, word: str) -> dict[str, Any] | None:
    """What a merchant token says; None when it is not signed with HS512 and the secret word."""
    try:
        head, body, signature = token.split(".")
        expected = hmac.new(word.encode(), f"{head}.{body}".encode(), hashlib.sha512).digest()
        if json.loads(_unpadded(head)) != {"typ": "JWT", "alg": "HS512"} or _unpadded(signature) != expected:
            return None
        return json.loads(_unpadded(body))
    except ValueError:
        return None


def returned(parameters: dict[str, str], word: str) -> dict[str, str]:
    """What the payer's browser brings back from ConvertPlus: all parameters, signed."""
    text = lengths(*[parameters[name] for name in sorted(parameters)])
    return {**parameters, "signature": mac(word, text, "sha256")}


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
