"""How a payout stands, in the hub's words. Pure but for :func:`status_of`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connectors.moneygram.api import MoneyGram, money_of, plain, segment, text_of, thing_of, things_of, time_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.moneygram.api import Thing, Value
    from hub.connect.api import Connection
    from hub.jsontypes import Json, JsonObject

STATUS_PATH: Final = "/disbursement/status/v1/transactions"

STATUS: Final[Mapping[str, str]] = {
    "UNFUNDED": "queued",
    "SENT": "sent",
    "PROCESSING": "sent",
    "IN_TRANSIT": "sent",
    "AVAILABLE": "sent",
    "RECEIVED": "paid",
    "DELIVERED": "paid",
    "REJECTED": "failed",
    "CLOSED": "failed",
    "REFUNDED": "reversed",
}
"""MoneyGram's states; the first one is of a transaction that is staged and not executed."""


def state_of(value: Value) -> str:
    """MoneyGram's word for the state in one spelling: IN TRANSIT is also written IN_TRANSIT."""
    return str(value or "").strip().upper().replace(" ", "_")


def look_up(moneygram: MoneyGram, transaction: str) -> Thing | None:
    """The transaction as MoneyGram has it now; None for one that it does not know. Raises like an action."""
    return moneygram.find(f"{STATUS_PATH}/{segment(transaction)}")


def is_executed(found: Thing | None) -> bool:
    """Whether a transaction was committed: an uncommitted one is unknown to the status module, or UNFUNDED."""
    return found is not None and state_of(found.get("transactionStatus")) not in {"", "UNFUNDED"}


def amount_of(found: Thing, connection: Connection) -> Json:
    """What the payout is of: what the recipient gets, or what is sent where the connection says so."""
    side = "sendAmount" if connection.settings.get("amounts") == "send" else "receiveAmount"
    return money_of(thing_of(found.get(side)).get("amount"))


def sub_status(found: Thing) -> str | None:
    """What holds the transaction up, in MoneyGram's words: a HOLD wants papers from a person."""
    told = [
        text_of(one.get("message")) or text_of(one.get("subStatus"))
        for one in things_of(found.get("transactionSubStatus"))
    ]
    return "; ".join(one for one in told if one) or None


def payout_output(found: Thing, connection: Connection, **more: Json) -> JsonObject:
    """A transaction as a payout."""
    state = state_of(found.get("transactionStatus"))
    status = STATUS.get(state, "sent")
    output: JsonObject = {
        "payout": text_of(found.get("transactionId")),
        "status": status,
        "amount": amount_of(found, connection),
        "fee": money_of(thing_of(found.get("sendAmount")).get("fees")),
        "expected_at": time_of(found.get("expectedPayoutDate")),
        "reason": (sub_status(found) or state.lower()) if status in {"failed", "reversed"} else sub_status(found),
        "gateway": words(found, state),
    }
    return {**output, **{name: value for name, value in more.items() if value is not None}}


def words(found: Thing, state: str) -> JsonObject:
    """The ``gateway`` member: what MoneyGram calls it, and the number with which cash is collected."""
    own: JsonObject = {
        "name": "moneygram",
        "id": text_of(found.get("transactionId")),
        "status": state or None,
        "message": sub_status(found),
        "reference_number": text_of(found.get("referenceNumber")),
        "sub_status": plain(found.get("transactionSubStatus") or None),
        "total": money_of(thing_of(found.get("sendAmount")).get("total")),
    }
    return {name: value for name, value in own.items() if value is not None}
