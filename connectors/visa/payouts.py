"""Payouts to cards through Visa Direct (an original credit, ``/pts/v2/payouts``). What is sent cannot be pulled back.

Sources: the model ``OctCreatePaymentRequest`` and the samples of the SDK 0.0.80. The card is a TMS token: its number
never passes the hub.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from connectors.visa.api import Visa, amount_details, object_of, words
from connectors.visa.errors import decline_code, declined
from connectors.visa.transactions import Transaction, by_code, found
from hub.connect.answers import failure
from hub.errors import ConfigError, UncertainError

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

SERVICE = "ics_oct"
_SENDER = ("business_name", "business_address", "business_city", "business_country")


def create(call: Call) -> Json:
    """Send money to a provider's card (``payout.create``).

    A lost answer is never followed by a blind repeat: the hub looks once, else a person decides.
    """
    visa, given = Visa(call), call.input
    body = _body(call)
    try:
        made = visa.write("POST", "/pts/v2/payouts", body)
    except UncertainError:
        sent = [one for one in by_code(visa, call.reference) if SERVICE in one.wanted]
        if not sent:
            raise
        return output(sent[0], str(given["provider"]))
    if made.get("status") not in {"ACCEPTED", "AUTHORIZED", "PENDING"}:
        raise declined(made)
    return {
        "payout": made.get("id"),
        "status": "sent" if made.get("status") == "PENDING" else "paid",
        "amount": given["amount"],
        "provider": given["provider"],
        "gateway": words(made),
    }


def get(call: Call) -> Json:
    """The payout as Visa lists it now (``payout.get``)."""
    reference = str(call.input["payout"])
    transaction = found(Visa(call), reference)
    if transaction is None or SERVICE not in transaction.wanted:
        raise failure("not_found", f"Visa lists no payout {reference}. A new one is listed after some minutes.")
    return output(transaction, None)


def output(transaction: Transaction, provider: str | None) -> JsonObject:
    """A payout as actions give it."""
    amount = transaction.amount
    reason = transaction.reason
    user = object_of(transaction.data.get("clientReferenceInformation")).get("applicationUser")
    return {
        "payout": transaction.id,
        "status": "paid" if transaction.does({SERVICE}) else "failed",
        "amount": None if amount is None else amount.to_json(),
        "provider": provider or user,
        "reason": decline_code(reason) if reason else None,
        "gateway": words(transaction.data, status=transaction.status or None, code=reason or None),
    }


def _body(call: Call) -> JsonObject:
    given, settings = call.input, call.connection.settings
    missing = [name for name in _SENDER if not settings.get(name)]
    if missing:
        name = call.connection.name
        message = f"Visa names the sender in each payout; the connection {name!r} lacks {', '.join(missing)}."
        raise ConfigError(message, remedy=f"Open Connections, {name}, and fill in the part Payouts.")
    to = cast("JsonObject", given.get("to") or {})
    token = str(to.get("card") or "")
    if not token:
        raise failure("invalid_recipient", "Visa pays out to a stored card: give its TMS token as to.card.")
    customer, _, instrument = token.partition("/")
    address = object_of(to.get("address"))
    sender = {
        "name": settings["business_name"],
        "address1": settings["business_address"],
        "locality": settings["business_city"],
        "administrativeArea": settings.get("business_state"),
        "countryCode": settings["business_country"],
    }
    account = settings.get("payout_account")
    return {
        "clientReferenceInformation": {"code": call.reference, "applicationUser": str(given["provider"])},
        "orderInformation": {"amountDetails": amount_details(given["amount"])},
        "processingInformation": {
            "businessApplicationId": settings.get("payout_purpose") or "FD",
            "commerceIndicator": "internet",
        },
        "merchantInformation": {
            "merchantDescriptor": {
                "name": settings["business_name"],
                "locality": settings["business_city"],
                "administrativeArea": settings.get("business_state"),
                "country": settings["business_country"],
            }
        },
        "senderInformation": {
            **sender,
            "referenceNumber": call.reference.removeprefix("hub-")[:19],
            "account": {"fundsSource": "05", "number": account} if account else {"fundsSource": "05"},
        },
        "recipientInformation": {
            "firstName": to.get("first_name"),
            "lastName": to.get("last_name"),
            "address1": address.get("line1"),
            "locality": address.get("city"),
            "administrativeArea": address.get("state"),
            "postalCode": address.get("postal_code"),
            "country": address.get("country"),
            "phoneNumber": to.get("phone"),
        },
        "paymentInformation": {
            "customer": {"id": customer},
            "paymentInstrument": {"id": instrument} if instrument else None,
        },
    }
