"""Payouts: a quote, its details, and the commitment, which moves the money within 30 minutes (developer.moneygram.com).

A quote is a transaction, and a second quote that is committed is a second payout. So once a commitment was sent, the same
transaction is looked up and, where it is not executed, committed again; another quote is asked for only when the time to
commit has passed and the look-up still shows nothing. What one attempt did is told to the next by the details of its error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

from connectors.moneygram import quotes
from connectors.moneygram.api import MoneyGram, money_of, segment, text_of, thing_of
from connectors.moneygram.standing import is_executed, look_up, payout_output, state_of
from hub.connect.answers import failure
from hub.errors import ActionError, PermanentError, TransientError
from hub.money import Money

if TYPE_CHECKING:
    from connectors.moneygram.api import Thing, Value
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

WINDOW: Final = timedelta(minutes=30)
"""How long a transaction may be committed after its details were accepted."""
MARGIN: Final = timedelta(minutes=2)
"""A commitment is not begun so shortly before the window's end; none counts as lost so shortly after it."""
LONGEST_PARTNER_ID: Final = 50

_PATH: Final = "/disbursement/v1/transactions"
_REFUNDS: Final = "/disbursement/refund/v1/transactions"


@dataclass(frozen=True, slots=True)
class Progress:
    """What was done of a payout. ``committing``: a commitment was sent, and nobody knows yet what became of it."""

    transaction: str
    ready_at: datetime | None = None
    committing: bool = False

    def to_json(self) -> JsonObject:
        """For the details of an error."""
        ready = self.ready_at.isoformat() if self.ready_at else None
        return {"transaction": self.transaction, "ready_at": ready, "committing": self.committing}

    @classmethod
    def from_json(cls, details: Json) -> Progress | None:
        """What an earlier attempt told; None when it told nothing."""
        given = details if isinstance(details, dict) else {}
        transaction, ready = given.get("transaction"), given.get("ready_at")
        if not isinstance(transaction, str):
            return None
        at = datetime.fromisoformat(ready) if isinstance(ready, str) else None
        return cls(transaction, at, given.get("committing") is True)


def create(call: Call) -> Json:
    """Pay out (``payout.create``). Raises ``uncertain`` when a commitment was lost and cannot be looked up now."""
    moneygram = MoneyGram(call)
    chosen = _chosen(call)
    known = Progress.from_json(call.previous) or (Progress(chosen) if chosen else None)
    if known is not None:
        found = _looked_up(moneygram, known)
        if is_executed(found):
            return _output(call, cast("Thing", found))
        if known.committing and not _has_closed(known, call.now):
            return _commit(call, moneygram, known)
    return _pay(call, moneygram, chosen)


def get(call: Call) -> Json:
    """The payout as MoneyGram has it now (``payout.get``)."""
    transaction = str(call.input["payout"])
    found = look_up(MoneyGram(call), transaction)
    if found is None:
        raise failure("not_found", f"MoneyGram knows no transaction {transaction}.")
    return payout_output({"transactionId": transaction, **found}, call.connection)


def recall(call: Call) -> Json:
    """Take a payout back that nobody collected (``payout.recall``)."""
    moneygram, transaction = MoneyGram(call), str(call.input["payout"])
    path, reason = f"{_REFUNDS}/{segment(transaction)}", str(call.input.get("reason") or "TECH_PROB")
    offer = thing_of(moneygram.get(path, {"refundReasonCode": reason}))
    if offer.get("availableForRefund") is not True:
        state = state_of(offer.get("transactionStatus"))
        raise failure("wrong_state", f"MoneyGram does not take {transaction} back ({state}).", gateway_code=state)
    done = moneygram.put(f"{path}/commit", {"refundId": offer.get("refundId")}, part="recall")
    refund = thing_of(offer.get("refundAmount"))
    found = find_recalled(call)
    return {
        **(found or {"payout": transaction, "status": "sent"}),
        "returned": money_of(refund.get("total")),
        "fee_returned": money_of(refund.get("fees")),
        "gateway": {
            "name": "moneygram",
            "id": transaction,
            "refund": text_of(offer.get("refundId")),
            "reference_number": text_of(done.get("referenceNumber")),
        },
    }


def find_recalled(call: Call) -> JsonObject | None:
    """The payout, if it was taken back already."""
    transaction = str(call.input["payout"])
    found = look_up(MoneyGram(call), transaction)
    if found is None or state_of(found.get("transactionStatus")) != "REFUNDED":
        return None
    return payout_output({"transactionId": transaction, **found}, call.connection)


def _pay(call: Call, moneygram: MoneyGram, chosen: str | None) -> JsonObject:
    """All steps of a payout: those before the commitment move no money and may be repeated."""
    body = _details(call)
    if call.connection.settings.get("check_fields") is not False:
        quotes.check(quotes.field_info(call, moneygram), body)
    transaction = chosen or _quoted(call, moneygram)
    accepted = moneygram.put(f"{_PATH}/{segment(transaction)}", body, part=f"details:{transaction}")
    if accepted.get("readyForCommit") is not True:
        message = "MoneyGram does not take the payout yet: its answer says that details are missing or in review."
        raise failure("invalid_request", message, details={"transaction": transaction})
    return _commit(call, moneygram, Progress(transaction, call.now))


def _quoted(call: Call, moneygram: MoneyGram) -> str:
    """The transaction of a fresh quote that is not dearer than the step allows."""
    quote = quotes.ask(call, moneygram)[0]
    most = thing_of(cast("Value", call.input.get("options") or {})).get("most")
    total = money_of(thing_of(quote.get("sendAmount")).get("total"))
    if most is not None and total is not None:
        limit, cost = Money.from_json(cast("Json", most)), Money.from_json(total)
        if limit.currency != cost.currency or cost.minor > limit.minor:
            raise failure("limit_exceeded", f"The payout would cost {cost}, and the step allows {limit}.")
    return str(quote["transactionId"])


def _commit(call: Call, moneygram: MoneyGram, known: Progress) -> JsonObject:
    """Move the money. Whatever becomes of the answer, the transaction is known to the next attempt."""
    sent = replace(known, committing=True)
    body: Thing = {"partnerTransactionId": partner_id(call)}
    path = f"{_PATH}/{segment(known.transaction)}/commit"
    try:
        done = moneygram.put(path, body, part=f"commit:{known.transaction}")
    except (TransientError, PermanentError) as error:
        if isinstance(error, PermanentError) and not known.committing:
            raise  # refused at the first time: nothing happened
        found = _looked_up(moneygram, sent)
        if is_executed(found):
            return _output(call, cast("Thing", found))
        error.details = {**sent.to_json(), "answer": cast("Json", error.details)}
        raise
    found = _seen(moneygram, known.transaction)
    status = found.get("transactionStatus") if is_executed(found) else "SENT"
    return _output(call, {"transactionId": known.transaction, **found, **done, "transactionStatus": status})


def _seen(moneygram: MoneyGram, transaction: str) -> Thing:
    """The committed transaction, for its fees and amounts; empty when MoneyGram cannot be asked now."""
    try:
        return look_up(moneygram, transaction) or {}
    except ActionError:
        return {}


def _looked_up(moneygram: MoneyGram, known: Progress) -> Thing | None:
    """The transaction of an earlier attempt. When it cannot be looked up and may be executed, nobody can say."""
    try:
        found = look_up(moneygram, known.transaction)
    except ActionError as error:
        if not known.committing:
            raise
        message = (
            f"MoneyGram did not answer when the payout was committed, and the transaction {known.transaction} cannot be "
            f"looked up: {error.message} To try again is safe: it is looked up first."
        )
        raise failure("uncertain", message, details=known.to_json()) from error
    return None if found is None else {"transactionId": known.transaction, **found}


def _has_closed(known: Progress, now: datetime) -> bool:
    """Whether a transaction can be committed no more, so that one which is not executed never will be."""
    return known.ready_at is None or now - known.ready_at > WINDOW + MARGIN


def _details(call: Call) -> Thing:
    """Who sends and who receives, and what the corridor wants beside it."""
    destination, settings = quotes.destination_of(call), call.connection.settings
    beneficiary = thing_of(destination.get("beneficiary"))
    if not beneficiary:
        raise failure("invalid_recipient", "Give to.beneficiary: {consumer: {name: {firstName, lastName}}}.")
    business: Thing = {
        "businessName": cast("Value", settings.get("business_name")),
        "businessRegistrationNumber": cast("Value", settings.get("business_registration_number")),
        "businessCountryOfRegistration": cast("Value", settings.get("business_country")),
    }
    is_named = any(value is not None for value in business.values())
    sender: Thing = {
        "businessInfo": business if is_named else None,
        "businessProfileId": cast("Value", settings.get("business_profile_id")),
    }
    return {
        "sender": sender if is_named or sender["businessProfileId"] else None,
        "beneficiary": beneficiary,
        "targetAccount": destination.get("account"),
        **thing_of(destination.get("fields")),
        "partnerTransactionId": partner_id(call),
    }


def partner_id(call: Call) -> str:
    """Our own key, which MoneyGram keeps with the transaction: the step's reference and, where it fits, the provider."""
    longer = f"{call.reference}_{call.input['provider']}"
    fits = len(longer) <= LONGEST_PARTNER_ID and re.fullmatch(r"[A-Za-z0-9_-]+", longer)
    return longer if fits else call.reference


def _chosen(call: Call) -> str | None:
    """The quote that the step names."""
    return text_of(thing_of(cast("Value", call.input.get("options") or {})).get("transaction"))


def _output(call: Call, found: Thing) -> JsonObject:
    output = payout_output(found, call.connection, provider=call.input["provider"])
    return {**output, "amount": output.get("amount") or call.input["amount"]}
