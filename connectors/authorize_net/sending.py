"""Sending transactions once: no idempotency key, so each has an invoice number of its step, and a long duplicate window."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from connectors.authorize_net.api import object_of
from connectors.authorize_net.carried import PAGE, TAKEN_BACK, end_of, kind_of
from connectors.authorize_net.pages import FORM_LIFE, PAGE_LIFE
from connectors.authorize_net.transactions import Transaction, by_invoice, details, standing
from hub.connect.answers import error_codes, failure

if TYPE_CHECKING:
    from connectors.authorize_net.api import AuthorizeNet
    from hub.connect.api import Call
    from hub.errors import ActionError, PermanentError
    from hub.jsontypes import Json, JsonObject

DUPLICATE_WINDOW = "28800"
"""Seconds: the longest in which Authorize.Net refuses the same transaction again."""
LOOK_BACK = timedelta(days=7)
"""How far back a repeated step is looked for."""
SETTLED_WITHIN = timedelta(days=29)
"""In which a payment has come into a settled batch: an authorisation may be taken late, and 31 days are listed at once."""


def settings() -> JsonObject:
    """``transactionSettings``: the whole amount or nothing, and within eight hours nothing twice with one invoice number,
    amount and means.
    """
    named = {"allowPartialAuth": "false", "duplicateWindow": DUPLICATE_WINDOW}
    return {"setting": [{"settingName": name, "settingValue": value} for name, value in named.items()]}


def sent(api: AuthorizeNet, members: JsonObject, *, repeatable: bool = False, mark: str | None = None) -> JsonObject:
    """One transaction's request; ``transactionResponse`` of its answer. Raises like an action, declines too.

    ``mark`` is a reference that its webhook gives back, instead of the step's.
    """
    asked: JsonObject = {**({"refId": mark} if mark else {}), "transactionRequest": members}
    return object_of(api.ask("createTransactionRequest", asked, repeatable=repeatable).get("transactionResponse"))


def void_transaction(api: AuthorizeNet, held: Transaction) -> None:
    """Void what is not settled. The mark says whether money goes back: a report of it names only what was begun."""
    taken = held.raw_status == "capturedPendingSettlement"
    members: JsonObject = {"transactionType": "voidTransaction", "refTransId": held.id}
    sent(api, members, repeatable=True, mark=f"{TAKEN_BACK}{held.id}"[:20] if taken else None)


def found_after_all(found: Json, error: PermanentError) -> Json:
    """What was refused as a repeat and is found is what was wanted; what is not listed yet is for a person."""
    if found is not None:
        return found
    message = "Authorize.Net refused it as a repeat, but does not list it yet."
    raise failure("uncertain", message, gateway_code=error.gateway_code) from error


def wrong_state(held: Transaction, why: str) -> ActionError:
    """The error for what does not fit the state of a transaction."""
    return failure(
        "wrong_state", f"The transaction {held.id} is {held.raw_status}: {why}", gateway_code=held.raw_status
    )


# Looking for what was sent.


def by_step(api: AuthorizeNet, call: Call, invoice: str, otherwise: str) -> Transaction | None:
    """The transaction that a step made, by its invoice number. Raises why it was refused.

    None when there is none, or one that failed on its way and may be tried again.
    """
    found = standing(by_invoice(api, invoice, call.now - LOOK_BACK, call.now))
    if found is None:
        return None
    made = details(api, str(found.get("transId")))
    if made.status != "failed":
        return made
    if made.reason and error_codes()[made.reason].transient:
        return None
    text, code = made.data.get("responseReasonDescription"), made.data.get("responseReasonCode")
    raise failure(made.reason or otherwise, f"{text} ({code})", gateway_code=str(code))


def payment_of(api: AuthorizeNet, reference: str) -> Transaction:
    """A payment by the id of its transaction, or of a refund of it."""
    found = details(api, reference)
    return details(api, found.original) if found.is_refund and found.original != found.id else found


def transaction_of(api: AuthorizeNet, call: Call) -> str:
    """The transaction of a payment. Raises ``wrong_state`` while nobody paid on its page."""
    reference = str(call.input["payment"])
    if not kind_of(reference):
        return reference
    found = on_page(api, call, reference)
    if found is None:
        raise failure("wrong_state", f"Nobody has paid {reference} yet.")
    return found.id


def on_page(api: AuthorizeNet, call: Call, reference: str) -> Transaction | None:
    """The transaction that a payer made on a page or in a form; None while there is none."""
    life = PAGE_LIFE if kind_of(reference) == PAGE else FORM_LIFE
    since = end_of(reference) - life - timedelta(minutes=5)
    until = min(call.now, end_of(reference) + SETTLED_WITHIN)
    found = standing(by_invoice(api, reference, since, until))
    return None if found is None else details(api, str(found.get("transId")))
