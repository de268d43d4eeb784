"""Split payments by the hub: a provider's share is kept as an amount due, which a payout pays later."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hub.errors import PermanentError
from hub.journal.tables import transfers
from hub.money import Money
from hub.payments.desk import own_words, references

if TYPE_CHECKING:
    from typing import Any

    import sqlalchemy as sa

    from hub.jsontypes import Json, JsonObject
    from hub.payments.desk import Desk


def create_transfer(desk: Desk, given: JsonObject) -> JsonObject:
    """``transfer.create``: the share is due to the provider from now on; it is ``queued`` until it is paid out."""
    amount = Money.from_json(given["amount"])
    if amount.minor <= 0:
        message = f"A share of {amount} cannot be passed on."
        raise PermanentError(message, code="amount_too_small", remedy="Pass on amounts above zero only.")
    row = {
        "id": desk.identity("trf"),
        "connection": desk.connection,
        "provider": given["provider"],
        "payment": given.get("payment"),
        "currency": amount.currency,
        "amount": amount.minor,
        "state": "due",
        "input": given,
    }
    return _output(desk, desk.store.add(transfers, row, desk.now))


def reverse_transfer(desk: Desk, given: JsonObject) -> JsonObject:
    """``transfer.reverse``: what was not paid out yet is due no more."""
    row = desk.store.get(transfers, str(given["transfer"]), desk.connection)
    reversal = desk.identity("trr")
    if reversal not in _reversals(row):
        row = _reverse(desk, row, given, reversal)
    data = {**_event(row), "amount": _reversals(row)[reversal], "reason": given.get("reason")}
    told = cast("JsonObject", {name: value for name, value in data.items() if value is not None})
    desk.happened("transfer.reversed", f"transfer.reversed:{reversal}", told)
    return {**_output(desk, row), "reversal": reversal}


def _reverse(desk: Desk, row: sa.Row[Any], given: JsonObject, reversal: str) -> sa.Row[Any]:
    rest = Money(row.amount - row.reversed, row.currency)
    amount = Money.from_json(given["amount"]) if "amount" in given else rest
    _judge(row, amount, rest)
    kept = {**row.input, "reversals": {**_reversals(row), reversal: amount.to_json()}}
    state = "reversed" if amount == rest else "due"
    return desk.store.change(transfers, row, desk.now, reversed=row.reversed + amount.minor, state=state, input=kept)


def _reversals(row: sa.Row[Any]) -> JsonObject:
    return cast("JsonObject", row.input.get("reversals") or {})


def _judge(row: sa.Row[Any], amount: Money, rest: Money) -> None:
    if row.state not in {"due", "reversed"}:
        message = f"The share {row.id} was paid out already."
        raise PermanentError(message, code="balance_too_low", remedy="Set it off against the provider's next shares.")
    if amount.currency != rest.currency or not 0 < amount.minor <= rest.minor:
        message = f"{amount} cannot be taken back of {rest} that is left of the share {row.id}."
        raise PermanentError(message, code="amount_exceeds_rest", remedy="Take back at most what is left.")


def _event(row: sa.Row[Any]) -> JsonObject:
    return {"transfer": row.id, "provider": row.provider, **_payment(row), **references(row.input)}


def _payment(row: sa.Row[Any]) -> JsonObject:
    return {"payment": row.payment} if row.payment else {}


def _output(desk: Desk, row: sa.Row[Any]) -> JsonObject:
    amount: Json = {"minor": row.amount - row.reversed, "currency": row.currency}
    status = {"due": "queued", "paid": "sent"}.get(row.state, row.state)
    words = own_words(desk, row.id, row.state)
    return {
        "transfer": row.id, "status": status, "amount": amount, "provider": row.provider, **_payment(row), "gateway": words,
    }  # fmt: skip
