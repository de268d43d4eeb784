"""Unified Checkout: Visa's fields in a page of ours. The amount and all references are fixed in the capture context, here.

Sources: the SDK's model ``GenerateUnifiedCheckoutCaptureContextRequest`` (0.0.80) and its sample; Visa's guide "Unified
Checkout" (client-side set-up). ``completeMandate`` lets Visa do the payment with what the context says, so that the page
never sends an amount; the hub then re-reads the transaction.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from connectors.visa.api import Visa, amount_details, objects_of
from connectors.visa.carried import FORM, carried, made_reference, to_fields
from connectors.visa.jose import JoseError, claims_of
from hub.connect.answers import failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

CLIENT_VERSION = "0.26"
"""The version of the browser library that the SDK's sample of 0.0.80 asks for."""

NETWORKS = "VISA MASTERCARD AMEX DISCOVER DINERSCLUB JCB MAESTRO"
_TRUSTED = (".cybersource.com", ".visaacceptance.com", ".visa.com")
_ORIGINS = (
    "https://*.cybersource.com",
    "https://*.visaacceptance.com",
    "https://*.visa.com",
    "https://*.cardinalcommerce.com",
)
"""The library, its frames, Click to Pay and the card holder's authentication."""

_MEANS: Mapping[str, tuple[str, ...]] = {
    "card": ("PANENTRY", "CLICKTOPAY"),
    "wallet": ("GOOGLEPAY", "APPLEPAY", "PAZE"),
    "bank": ("CHECK",),
}


def embed(call: Call) -> Json:
    """What a page needs to show Visa's fields (``form.embed``)."""
    made, client = _minted(call)
    return {
        "payment": made,
        "client": client,
        "script_url": client["script_url"],
        "origins": client["origins"],
        "expires_at": _end(str(client["capture_context"])),
        "gateway": {"name": "visa", "id": made},
    }


def start(call: Call) -> Json:
    """A payment in a page of ours or the hub's (``payment.create``)."""
    made, client = _minted(call)
    return {
        "payment": made,
        "status": "created",
        "amount": call.input["amount"],
        "client": client,
        "expires_at": _end(str(client["capture_context"])),
        "metadata": call.input.get("metadata"),
        "gateway": {"name": "visa", "id": made},
    }


def bill_to(given: JsonObject) -> Json:
    """The payer as Visa takes them; null when nobody is named."""
    customer = cast("JsonObject", given.get("customer") or {})
    address = cast("JsonObject", customer.get("address") or {})
    first, _, last = str(customer.get("name") or "").rpartition(" ")
    named = {
        "firstName": first or last or None,
        "lastName": last if first else None,
        "email": customer.get("email"),
        "phoneNumber": customer.get("phone"),
        "address1": address.get("line1"),
        "address2": address.get("line2"),
        "locality": address.get("city"),
        "administrativeArea": address.get("state"),
        "postalCode": address.get("postal_code"),
        "country": address.get("country"),
    }
    return {name: value for name, value in named.items() if value} or None


def _networks(call: Call) -> list[Json]:
    """The card networks of the step, else the connection's."""
    options = cast("JsonObject", call.input.get("options") or {})
    named = options.get("card_networks") or str(call.connection.settings.get("card_networks") or NETWORKS).split()
    return cast("list[Json]", named)


def _minted(call: Call) -> tuple[str, dict[str, Json]]:
    """A reference for the payment, and the client's part of a fresh capture context."""
    settings, given = call.connection.settings, call.input
    made = made_reference(FORM, call)
    manual = given.get("capture") == "manual"
    save = given.get("save_method") is True
    token_types: JsonObject = {
        "tokenCreate": True,
        "tokenTypes": ["customer", "paymentInstrument", "instrumentIdentifier"],
    }
    body: JsonObject = {
        "clientVersion": settings.get("client_version") or CLIENT_VERSION,
        "targetOrigins": [_target_origin(call)],
        "allowedCardNetworks": _networks(call),
        "allowedPaymentTypes": _payment_types(call),
        "country": settings.get("country") or "US",
        "locale": settings.get("locale") or "en_US",
        "captureMandate": {
            "billingType": "FULL" if settings.get("ask_address") else "NONE",
            "requestEmail": not cast("JsonObject", given.get("customer") or {}).get("email"),
            "requestPhone": False,
            "requestShipping": False,
            "showAcceptedNetworkIcons": True,
            "requestSaveCard": True if save else None,
        },
        "completeMandate": {
            "type": "AUTH" if manual else "CAPTURE",
            "decisionManager": bool(settings.get("decision_manager")),
            "consumerAuthentication": settings.get("payer_authentication", True) is True,
            "tms": token_types if save else None,
        },
        "data": {
            "clientReferenceInformation": {"code": made},
            "orderInformation": {"amountDetails": amount_details(given["amount"]), "billTo": bill_to(given)},
            "merchantDefinedInformation": to_fields(carried(given), call.connection),
        },
    }
    visa = Visa(call)
    answer = visa.judged(visa.send("POST", "/up/v1/capture-contexts", body=body, extra={"Accept": "application/jwt"}))
    return made, _client(visa, answer.body.decode("ascii", "replace").strip().strip('"'))


def _client(visa: Visa, context: str) -> dict[str, Json]:
    """What the page's script is started with: the context, and the library that it names, with its integrity hash."""
    try:
        contexts = objects_of(claims_of(context).get("ctx"))
    except JoseError as error:
        raise failure("bad_answer", "Visa gave no capture context.") from error
    data = cast("JsonObject", (contexts or [{}])[0].get("data") or {})
    library = str(data.get("clientLibrary") or "")
    host = urlsplit(library).hostname or ""
    if not host.endswith(_TRUSTED) and _origin(library) != _origin(visa.base):
        raise failure("bad_answer", f"The capture context names a library that is not Visa's: {library or 'none'}.")
    client: dict[str, Json] = {
        "kind": "visa.unified_checkout",
        "capture_context": context,
        "script_url": library,
        "origins": list(dict.fromkeys([_origin(library), *_ORIGINS])),
    }
    integrity = data.get("clientLibraryIntegrity")
    return {**client, **({"integrity": integrity} if integrity else {})}


def _end(context: str) -> Json:
    """Until when the form can be used, as the capture context says."""
    end = claims_of(context).get("exp")
    if not isinstance(end, int):
        return None
    return datetime.fromtimestamp(end, tz=UTC).isoformat().replace("+00:00", "Z")


def _target_origin(call: Call) -> str:
    """The origin of the page that shows the form. Raises ``bad_input`` when nothing names it."""
    for name in ("origin", "return_url"):
        if call.input.get(name):
            return _origin(str(call.input[name]))
    own = call.connection.settings.get("origin")
    if own:
        return _origin(str(own))
    raise failure(
        "bad_input", "Visa needs the origin of the page: give origin or return_url, or set it in the connection."
    )


def _payment_types(call: Call) -> Json:
    methods = cast("list[str] | None", call.input.get("methods"))
    if not methods:
        return str(call.connection.settings.get("payment_types") or "PANENTRY CLICKTOPAY").split()
    return [kind for method in methods for kind in _MEANS.get(method, (method,))]


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
