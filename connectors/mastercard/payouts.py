"""Payouts through Mastercard Send (Disbursements): money to a card or account, by a programme that a bank sponsors.

Sources: Mastercard's documentation of Send Disbursements: "Disbursement API" (create, retrieve by id or reference),
"Disbursement Status", "Decline Details", "Exception Management" (wait 40 seconds, then send the same again with
``Repeat-Flag``), "Error Codes". Amounts are whole minor units as text. Each payout has a reference of ours, by which it is
looked for before a repeat.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from connectors.mastercard.api import object_of, read_json
from connectors.mastercard.oauth import Signer, new_nonce, read_key
from connectors.mastercard.sending import declined, failure_of
from hub.connect.answers import failure
from hub.connect.encoding import with_query
from hub.connect.mapping import without_nulls
from hub.errors import ConfigError, PermanentError, TransientError
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call, HttpResponse
    from hub.jsontypes import Json, JsonObject

BASE = "https://api.mastercard.com/send"
WAIT_BEFORE_REPEAT = 40.0
"""Seconds after which a payout without an answer may be asked for and sent again."""

_STATUS: Mapping[str, str] = {"APPROVED": "paid", "DECLINED": "failed", "PENDING": "sent", "UNKNOWN": "sent"}
_SENDER = ("send_sender_name", "send_sender_street", "send_sender_city", "send_sender_country")


class Send:
    """The API for one call. Raises :class:`ConfigError` when the connection has no part of it."""

    def __init__(self, call: Call) -> None:
        settings, connection = call.connection.settings, call.connection
        missing = [name for name in ("send_partner_id", "send_consumer_key") if not settings.get(name)]
        if missing:
            message = f"The connection {connection.name!r} is not set up for Mastercard Send: {', '.join(missing)}."
            raise ConfigError(message, remedy=f"Open Connections, {connection.name}, and fill in the part Payouts.")
        passwords = connection.secret_versions("send_key_password")
        key = read_key(connection.secret("send_signing_key"), passwords[0] if passwords else None)
        base = str(settings.get("send_api_base") or BASE).rstrip("/")
        self._call = call
        self._signer = Signer(str(settings["send_consumer_key"]), key)
        self._disbursements = f"{base}/v1/partners/{quote(str(settings['send_partner_id']), safe='')}/disbursements"

    def create(self, body: JsonObject) -> JsonObject:
        """Send a disbursement; a further attempt says that it is one. Raises like an action; a lost answer is transient."""
        repeats = {"Repeat-Flag": "true"} if self._call.attempt > 1 else {}
        url = with_query(f"{self._disbursements}/payment", {"decline_details": "true"})
        content = json.dumps(without_nulls({"payment_disbursement": body}), separators=(",", ":")).encode()
        try:
            response = self._send("POST", url, content, repeats)
        except TransientError as error:
            error.retry_after = max(error.retry_after or 0.0, WAIT_BEFORE_REPEAT)
            raise
        return _disbursement(self._judged(response))

    def by_id(self, identity: str) -> JsonObject:
        """A disbursement by its id. Raises like an action."""
        return _disbursement(self._judged(self._send("GET", f"{self._disbursements}/{quote(identity, safe='')}")))

    def by_reference(self, reference: str) -> JsonObject | None:
        """A disbursement by our reference; None when there is none. Raises like an action."""
        url = with_query(self._disbursements, {"ref": reference})
        try:
            found = _disbursement(self._judged(self._send("GET", url)))
        except PermanentError as error:
            if error.code == "not_found":
                return None
            raise
        return found if found.get("id") else None

    def _send(
        self, method: str, url: str, content: bytes | None = None, more: Mapping[str, str] | None = None
    ) -> HttpResponse:
        signed = self._signer.authorization(method, url, content or b"", self._call.now, new_nonce())
        typed = {"Content-Type": "application/json"} if content is not None else {}
        headers = {**typed, **(more or {}), "Accept": "application/json", "Authorization": signed}
        # A repeat is looked up first, and says that it is one: no payout is made twice.
        return self._call.http.request(method, url, headers=headers, body=content, repeatable=True)

    def _judged(self, response: HttpResponse) -> JsonObject:
        if response.status >= 300:  # noqa: PLR2004
            raise failure_of(response, self._call.now)
        answer = read_json(response.body)
        if not isinstance(answer, dict):
            raise failure("bad_answer", "Mastercard Send answered with something else than an object.")
        return answer


def create(call: Call) -> Json:
    """Send money to a provider's card or account (``payout.create``)."""
    return _output(Send(call).create(_body(call)), call.input)


def find_created(call: Call) -> Json:
    """Whether this step's payout was made: its output, or None."""
    found = Send(call).by_reference(call.reference)
    return None if found is None else _output(found, call.input)


def get(call: Call) -> Json:
    """The payout as Mastercard Send has it now (``payout.get``)."""
    return payout_output(Send(call).by_id(str(call.input["payout"])))


def payout_output(made: JsonObject) -> JsonObject:
    """A disbursement as actions give it."""
    if not made.get("id"):
        raise failure("bad_answer", "Mastercard Send gave no disbursement.")
    own = str(made.get("status") or "")
    code = _network_code(made)
    return {
        "payout": made["id"],
        "status": _STATUS.get(own, "sent"),
        "amount": _money(made),
        "reason": declined(made).code if own == "DECLINED" else None,
        "gateway": {
            "name": "mastercard",
            "id": made["id"],
            "status": own,
            "code": code,
            "reference": made.get("disbursement_reference"),
        },
    }


def _output(made: JsonObject, given: JsonObject) -> JsonObject:
    if made.get("status") == "DECLINED":
        raise declined(made)
    output = payout_output(made)
    return {**output, "amount": output["amount"] or given["amount"], "provider": given["provider"]}


def _body(call: Call) -> JsonObject:
    given, settings = call.input, call.connection.settings
    missing = [name for name in _SENDER if not settings.get(name)]
    if missing:
        name = call.connection.name
        message = (
            f"Mastercard Send names the sender in each payout; the connection {name!r} lacks {', '.join(missing)}."
        )
        raise ConfigError(message, remedy=f"Open Connections, {name}, and fill in the part Payouts.")
    to, options = object_of(given.get("to")), object_of(given.get("options"))
    account = str(to.get("account") or "")
    if ":" not in account:
        hint = "give it as to.account, in the form scheme:value (pan:…;exp=YYYY-MM, iban:…, acct-ref:…)."
        raise failure("invalid_recipient", f"Mastercard Send needs the recipient's account: {hint}")
    money, accounts = Money.from_json(given["amount"]), call.connection.secret_versions("send_sender_account")
    return {
        "disbursement_reference": call.reference,
        "payment_type": options.get("payment_type") or settings.get("send_payment_type") or "BDB",
        "amount": str(money.minor),
        "currency": money.currency,
        "sender_account_uri": accounts[0] if accounts else None,
        "sender": {
            **_names(str(settings["send_sender_name"])),
            "address": {
                "line1": settings["send_sender_street"],
                "city": settings["send_sender_city"],
                "country_subdivision": settings.get("send_sender_state"),
                "postal_code": settings.get("send_sender_postal_code"),
                "country": settings["send_sender_country"],
            },
        },
        "recipient_account_uri": account,
        "recipient": {**_names(str(to.get("name") or "")), "address": _address(object_of(to.get("address")))},
        "additional_message": given.get("description"),
        **{name: options.get(name) for name in ("funding_source", "transaction_purpose", "participation_id")},
    }


def _names(name: str) -> dict[str, Json]:
    first, _, last = name.rpartition(" ")
    return {"first_name": first or None, "last_name": last or None}


def _address(address: JsonObject) -> JsonObject:
    return {
        "line1": address.get("line1"),
        "line2": address.get("line2"),
        "city": address.get("city"),
        "country_subdivision": address.get("state"),
        "postal_code": address.get("postal_code"),
        "country": address.get("country"),
    }


def _disbursement(answer: JsonObject) -> JsonObject:
    """The disbursement in an answer: alone, or the first of a list that was asked for by reference."""
    for name in ("disbursement", "payment_disbursement"):
        if isinstance(answer.get(name), dict):
            return cast("JsonObject", answer[name])
    listed = object_of(object_of(answer.get("disbursements")).get("data")).get("disbursement")
    if isinstance(listed, list):
        return object_of(listed[0]) if listed else {}
    return object_of(listed) if listed is not None else answer


def _network_code(made: JsonObject) -> str | None:
    """``network_status_code`` of the last transaction of a disbursement, or its own."""
    history = object_of(object_of(made.get("transaction_history")).get("data")).get("transaction")
    last = object_of(history[-1]) if isinstance(history, list) and history else {}
    code = last.get("network_status_code") or made.get("network_status_code")
    return str(code) if code else None


def _money(made: JsonObject) -> Json:
    amount = object_of(made.get("disbursement_amount")) or object_of(made.get("payment_amount")) or made
    value, currency = amount.get("value") or amount.get("amount"), amount.get("currency")
    if not isinstance(value, (str, int)) or not str(value).isdecimal() or not isinstance(currency, str):
        return None
    return cast("Json", Money(int(value), currency).to_json())
