"""Where the payer pays: Authorize.Net's own page (Accept Hosted), or its form in a page of ours (Accept.js).

The page is opened by posting a token that the server got for amount and references; it lives 15 minutes and works once. The
form gives the browser a one-time token for the means of payment; amount and references stay on the server's side in terms
that it sealed, and it charges when they come back (``payment.complete``). Sources: Authorize.Net's pages
"Accept Hosted" and "Accept.js".
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from connectors.authorize_net.api import AuthorizeNet, address, currency_of, decimal, object_of, words
from connectors.authorize_net.carried import FORM, PAGE, line_items, sealed, timed_reference
from connectors.authorize_net.transactions import order_of
from hub.connect.answers import failure
from hub.errors import PermanentError

if TYPE_CHECKING:
    from hub.connect.api import Call, Connection
    from hub.jsontypes import Json, JsonObject

PAGE_LIFE = timedelta(minutes=15)
"""How long a page's token can be used."""
FORM_LIFE = timedelta(hours=24)
"""How long the hub takes what a form brings back; the form's own token lives 15 minutes."""
_MEANS = frozenset({"card", "bank"})
_KNOWN_PROFILE = re.compile(r"ID (\d+) already exists")


def page(call: Call) -> Json:
    """A page of Authorize.Net's for one payment (``payment.create``)."""
    return_url = call.input.get("return_url") or call.connection.settings.get("return_url")
    if not return_url:
        message = "Authorize.Net needs return_url: give it in the step, or in the connection for all of them."
        raise failure("bad_input", message)
    cancel_url = call.input.get("cancel_url")
    back: JsonObject = {"showReceipt": False, "url": return_url, "urlText": "Continue"}
    if cancel_url:
        back = {**back, "cancelUrl": cancel_url, "cancelUrlText": "Cancel"}
    made, end, token = _token(call, {"hostedPaymentReturnOptions": back})
    return {
        **_begun(call, made, end),
        "client": {"kind": "form_post", "action": _form_address(call.connection), "fields": {"token": token}},
    }


def form(call: Call) -> Json:
    """A payment in Authorize.Net's form in the hub's page or yours (``payment.create``)."""
    made, end, client = _form(call)
    return {**_begun(call, made, end), "client": client}


def embed(call: Call) -> Json:
    """What a page needs to show a form of Authorize.Net's (``form.embed``)."""
    options = object_of(call.input.get("options"))
    made, end, client = _frame(call, options) if options.get("ui") == "frame" else _form(call)
    embedded: JsonObject = {
        "payment": made,
        "client": client,
        "origins": client["origins"],
        "expires_at": end.isoformat().replace("+00:00", "Z"),
        "gateway": words(made),
    }
    return {**embedded, "script_url": client["script_url"]} if "script_url" in client else embedded


def order_and_payer(given: JsonObject, made: str) -> dict[str, Json]:
    """``order`` to ``billTo`` of a transaction's request, in the schema's order."""
    customer = object_of(given.get("customer"))
    # Who keeps a means gets a customer profile, and no two of those may be the same.
    own_id = made if given.get("save_method") is True else None
    return {
        "order": order_of(made, given),
        "lineItems": line_items(given),
        "customer": {"id": own_id, "email": customer.get("email")},
        "billTo": bill_to(customer),
    }


def bill_to(customer: JsonObject) -> Json:
    """A payer as ``customerAddressType`` has them, each part cut to its length; null when nothing is known."""
    place = object_of(customer.get("address"))
    first, _, last = str(customer.get("name") or "").rpartition(" ")
    street = " ".join(str(place[line]) for line in ("line1", "line2") if place.get(line))
    parts = {
        "firstName": (first or last)[:50],
        "lastName": (last if first else "")[:50],
        "address": street[:60],
        "city": str(place.get("city") or "")[:40],
        "state": str(place.get("state") or "")[:40],
        "zip": str(place.get("postal_code") or "")[:20],
        "country": str(place.get("country") or ""),
        "phoneNumber": str(customer.get("phone") or "")[:25],
    }
    return {name: value for name, value in parts.items() if value} or None


def transaction_type(given: JsonObject) -> str:
    """Take the amount now, or authorise it for a capture."""
    return "authOnlyTransaction" if given.get("capture") == "manual" else "authCaptureTransaction"


def _begun(call: Call, made: str, end: datetime) -> dict[str, Json]:
    return {
        "payment": made,
        "status": "created",
        "amount": call.input["amount"],
        "metadata": call.input.get("metadata"),
        "expires_at": end.isoformat().replace("+00:00", "Z"),
        "gateway": words(made),
    }


def _token(call: Call, settings: dict[str, JsonObject]) -> tuple[str, datetime, Json]:
    """A reference for the payment, until when it can be paid, and a fresh token for the page with these settings."""
    given, connection = call.input, call.connection
    end = call.now + PAGE_LIFE
    made = timed_reference(PAGE, call, end)
    api = AuthorizeNet(call)
    amount = decimal(given["amount"], connection)
    save = given.get("save_method") is True
    # Settings with no counterpart in the step keep Authorize.Net's defaults.
    settings = {
        **settings,
        "hostedPaymentPaymentOptions": {"cardCodeRequired": True, **_means(given, connection)},
        "hostedPaymentOrderOptions": {"show": True, **_merchant(connection)},
        "hostedPaymentCustomerOptions": {"showEmail": False, "requiredEmail": False, "addPaymentProfile": save},
    }
    request: dict[str, Json] = {
        "transactionType": transaction_type(given),
        "amount": amount,
        "currencyCode": currency_of(connection),
        "profile": {"customerProfileId": _customer_profile(api, call)} if save else None,
        **order_and_payer(given, made),
    }
    setting: list[Json] = [
        {"settingName": name, "settingValue": json.dumps(value, separators=(",", ":"))}
        for name, value in settings.items()
    ]
    members: JsonObject = {"transactionRequest": request, "hostedPaymentSettings": {"setting": setting}}
    answer = api.ask("getHostedPaymentPageRequest", members)
    return made, end, answer.get("token")


def _form(call: Call) -> tuple[str, datetime, dict[str, Json]]:
    """A reference for the payment, and what starts Authorize.Net's form (AcceptUI) with terms that the server sealed."""
    given, connection = call.input, call.connection
    decimal(given["amount"], connection)
    line_items(given)
    wished = given.get("expires_at")
    end = min(datetime.fromisoformat(wished), call.now + FORM_LIFE) if isinstance(wished, str) else call.now + FORM_LIFE
    made = timed_reference(FORM, call, end)
    kept = (
        "amount",
        "customer",
        "description",
        "capture",
        "save_method",
        "metadata",
        "order",
        "invoice",
        "link",
        "job",
    )
    terms: JsonObject = {"payment": made, **{name: given[name] for name in kept if given.get(name) is not None}}
    origin = address(connection, "script_base")
    client: dict[str, Json] = {
        "kind": "authorize_net.accept",
        "api_login_id": connection.settings["api_login_id"],
        "client_key": _client_key(call),
        "terms": sealed(terms, connection),
        "means": _means(given, connection),
        "script_url": f"{origin}/v3/AcceptUI.js",
        # The script and its frame are of one origin; the frame's answers come from the API's.
        "origins": [origin, address(connection, "api_base")],
    }
    return made, end, client


def _frame(call: Call, options: JsonObject) -> tuple[str, datetime, dict[str, Json]]:
    """Authorize.Net's page in a frame of a page of yours. It tells how it ended by a page of yours, its communicator."""
    communicator = options.get("communicator_url")
    if not communicator:
        message = (
            "The frame needs options.communicator_url: a page of yours, on the same site as the page with the frame."
        )
        raise failure("bad_input", message)
    settings: dict[str, JsonObject] = {
        "hostedPaymentReturnOptions": {"showReceipt": False},
        "hostedPaymentIFrameCommunicatorUrl": {"url": communicator},
    }
    made, end, token = _token(call, settings)
    action = _form_address(call.connection)
    origin = address(call.connection, "form_base")
    return made, end, {"kind": "authorize_net.frame", "action": action, "fields": {"token": token}, "origins": [origin]}


def _form_address(connection: Connection) -> str:
    return f"{address(connection, 'form_base')}/payment/payment"


def _means(given: JsonObject, connection: Connection) -> JsonObject:
    """Which means the payer may choose from. Raises ``method_unavailable`` for one that there is not."""
    wished = cast("list[str]", given.get("methods") or [])
    strange = [one for one in wished if one not in _MEANS]
    if strange:
        raise failure("method_unavailable", f"Authorize.Net offers card and bank, not {', '.join(strange)}.")
    if not wished:
        return {"showCreditCard": True, "showBankAccount": connection.settings.get("bank_accounts") is True}
    return {"showCreditCard": "card" in wished, "showBankAccount": "bank" in wished}


def _merchant(connection: Connection) -> JsonObject:
    name = connection.settings.get("merchant_name")
    return {"merchantName": name} if name else {}


def _client_key(call: Call) -> str:
    """The public key for pages: the connection's own, else the account's."""
    own = call.connection.settings.get("client_key")
    if own:
        return str(own)
    key = AuthorizeNet(call).ask("getMerchantDetailsRequest").get("publicClientKey")
    if not key:
        message = "The account has no public client key: make one under Account, Manage Public Client Key."
        raise failure("not_enabled", message)
    return str(key)


def _customer_profile(api: AuthorizeNet, call: Call) -> str:
    """The payer's customer profile, made when there is none: the page can keep a means of payment only in one."""
    customer = object_of(call.input.get("customer"))
    known = str(customer.get("id") or customer.get("email") or call.key)
    profile: JsonObject = {
        "merchantCustomerId": hashlib.sha256(known.encode()).hexdigest()[:20],
        "description": str(customer.get("name") or "")[:255] or None,
        "email": customer.get("email"),
    }
    try:
        answer = api.ask("createCustomerProfileRequest", {"profile": profile}, repeatable=True)
    except PermanentError as error:
        # The same customer id again is refused, and the words name the profile that has it.
        named = _KNOWN_PROFILE.search(error.message) if error.gateway_code == "E00039" else None
        if named is None:
            raise
        return named[1]
    return str(answer.get("customerProfileId"))
