"""The button by which a payer begins: its payload says what is paid, and is signed here, without a call.

Amazon makes a checkout session of the payload when the payer presses the button (Amazon Pay's page "End of checkout
placement"). Until the payer comes back nobody knows that session's id, so the hub's own reference stands for the payment: it
travels as ``merchantReferenceId`` and ends with the time, in hexadecimal unix seconds, until which the payer may pay.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

from connectors.amazon_pay.api import AmazonPay, compact, environment, object_of, price, time_of
from connectors.amazon_pay.carried import merchant_metadata
from connectors.amazon_pay.signing import V2, setting, signature
from hub.connect.answers import failure
from hub.connect.mapping import without_nulls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call, Connection
    from hub.jsontypes import Json, JsonObject

OPEN_FOR: Final = timedelta(hours=24)
"""How long a payer may take where the step does not say; a checkout session lives as long."""
GRACE: Final = timedelta(minutes=30)
"""How much later a payer may come back who began in time."""

SCRIPTS: Final[Mapping[str, str]] = {
    "na": "https://static-na.payments-amazon.com",
    "eu": "https://static-eu.payments-amazon.com",
    "jp": "https://static-fe.payments-amazon.com",
}
"""Where a region's script ``checkout.js`` comes from."""
_ORIGINS: Final[Mapping[str, tuple[str, ...]]] = {
    "na": ("https://payments.amazon.com", "https://apay-us.amazon.com"),
    "eu": ("https://payments.amazon.co.uk", "https://payments.amazon.de", "https://payments-eu.amazon.com"),
    "jp": ("https://payments.amazon.co.jp", "https://payments-fe.amazon.com"),
}
_IMAGES: Final = "https://m.media-amazon.com"

_LEDGERS: Final[Mapping[str, str]] = {"na": "USD", "eu": "EUR", "jp": "JPY"}
_LANGUAGES: Final[Mapping[str, str]] = {"na": "en_US", "eu": "en_GB", "jp": "ja_JP"}
_VARIABLE: Final[Mapping[str, str]] = {"unit": "Variable", "value": "0"}
"""The frequency of charges that come when they come: the hub keeps the clock."""


def prepare(call: Call) -> JsonObject:
    """Sign a payload for an input of ``payment.create`` or ``form.embed``; give reference, client and end of the payment."""
    given = call.input
    ends = _end(given, call.now)
    reference = f"{call.reference}-{int(ends.timestamp()):x}"
    return {
        "payment": reference,
        "amount": given["amount"],
        "client": client(call, compact(without_nulls(_payload(call, reference)))),
        "expires_at": time_of(ends.isoformat()),
        "gateway": {"name": "amazon_pay", "id": reference},
    }


def client(call: Call, payload: str) -> JsonObject:
    """What the page's script is started with. ``payloadJSON`` is byte for byte what was signed."""
    connection = call.connection
    settings, amazon = connection.settings, AmazonPay(call)
    algorithm = setting(settings, "algorithm", V2)
    made: JsonObject = {
        "payloadJSON": payload,
        "signature": signature(connection.secret("private_key"), algorithm, payload),
        "algorithm": algorithm,
    }
    is_old = not amazon.public_key_id.startswith(("SANDBOX-", "LIVE-"))
    script = SCRIPTS[amazon.region]
    return {
        "kind": "amazon_pay.button",
        "merchantId": settings["merchant_id"],
        "publicKeyId": None if is_old else amazon.public_key_id,
        "sandbox": True if is_old and environment(connection) == "test" else None,
        "ledgerCurrency": ledger(connection),
        "checkoutLanguage": setting(settings, "language", _LANGUAGES[amazon.region]),
        "createCheckoutSessionConfig": {**made, "publicKeyId": amazon.public_key_id} if is_old else made,
        "script_url": f"{script}/checkout.js",
        "origins": [script, *_ORIGINS[amazon.region], _IMAGES],
    }


def is_prepared(reference: str) -> bool:
    """Whether a reference stands for a payment that the payer has not come back from."""
    return reference.startswith("hub-")


def end_of(reference: str) -> datetime:
    """Until when the payer may pay. Raises ``PermanentError`` (``not_found``) for a reference that is none of ours."""
    try:
        return datetime.fromtimestamp(int(reference.rpartition("-")[2], 16), tz=UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise failure("not_found", f"{reference!r} is no payment of this connection.") from error


def is_over(reference: str, now: datetime) -> bool:
    """Whether the payer comes too late."""
    return now > end_of(reference) + GRACE


def ledger(connection: Connection) -> str:
    """The currency that the account is kept in."""
    return setting(connection.settings, "ledger_currency", _LEDGERS[setting(connection.settings, "region", "na")])


def _end(given: JsonObject, now: datetime) -> datetime:
    wished = given.get("expires_at")
    if not isinstance(wished, str):
        return now + OPEN_FOR
    ends = datetime.fromisoformat(wished)
    if ends <= now:
        raise failure("bad_input", f"expires_at, {wished}, has passed.")
    return ends


def _payload(call: Call, reference: str) -> JsonObject:
    given, connection = call.input, call.connection
    settings = connection.settings
    back = given.get("return_url") or settings.get("return_url")
    if not back:
        raise failure("bad_input", "Amazon Pay needs return_url: give it in the step, or in the connection for all.")
    amount = price(given["amount"], setting(settings, "region", "na"))
    return {
        "webCheckoutDetails": {
            "checkoutMode": "ProcessOrder",
            "checkoutResultReturnUrl": back,
            "checkoutCancelUrl": given.get("cancel_url") or back,
        },
        "storeId": settings["store_id"],
        "scopes": ["name", "email"],
        **_permission(given),
        "paymentDetails": {
            "paymentIntent": "Authorize" if given.get("capture") == "manual" else "AuthorizeWithCapture",
            "canHandlePendingAuthorization": settings.get("pending_authorization") is True,
            "chargeAmount": amount,
            "presentmentCurrency": amount["currencyCode"] if amount["currencyCode"] != ledger(connection) else None,
        },
        "merchantMetadata": merchant_metadata(given, reference, settings.get("store_name")),
    }


def _permission(given: JsonObject) -> JsonObject:
    """What the payer is asked to allow for later: nothing, or charges at a frequency."""
    if given.get("save_method") is not True:
        return {}
    options = object_of(given.get("options"))
    if options.get("permission") == "on_file":
        return {"chargePermissionType": "PaymentMethodOnFile", "paymentMethodOnFileMetadata": {"setupOnly": False}}
    wished = cast("JsonObject | None", options.get("frequency"))
    frequency: Json = {"unit": wished["unit"], "value": str(wished.get("value", 1))} if wished else dict(_VARIABLE)
    return {"chargePermissionType": "Recurring", "recurringMetadata": {"frequency": frequency}}
