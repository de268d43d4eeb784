"""Split payments by the hub: a provider's share of a payment is due in the ledger, and payout runs pay it.

What a split of the payment gave the provider already is due to them by that; a transfer of it makes nothing due twice. The
rest of a transfer divides what nobody got of the payment yet. A share's states: due → queued → paid, due again when its
payout fails, reversed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

import sqlalchemy as sa

from hub.errors import PermanentError
from hub.journal.tables import transfers
from hub.journal.tables_ledger import splits
from hub.journal.tables_work import providers
from hub.money import Money
from hub.payments import ledger
from hub.payments.accounting import settle, split_id
from hub.payments.desk import own_words, references
from hub.payments.destinations import GatewayAccount
from hub.payments.division import Division, Share
from hub.payments.paid_shares import COVERED
from hub.payments.splits import account_of, lock_payment, refuse_held, split_event

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from hub.journal.book import Book
    from hub.jsontypes import Json, JsonObject
    from hub.payments.desk import Desk
    from hub.payments.postings import Account

    Row = sa.Row[Any]

_STATUS: Final[Mapping[str, str]] = {"due": "queued", "queued": "queued", "paid": "sent", "reversed": "reversed"}


def create_transfer(desk: Desk, given: JsonObject) -> JsonObject:
    """``transfer.create``: the share is due to the provider from now on; it is ``queued`` until it is paid out.

    Raises ``PermanentError``: ``amount_exceeds_rest`` beyond what nobody got of the payment yet.
    """
    amount = Money.from_json(given["amount"])
    if amount.minor <= 0:
        message = f"A share of {amount} cannot be passed on."
        raise PermanentError(message, code="amount_too_small", remedy="Pass on amounts above zero only.")
    return desk.office.change(lambda book: _output(desk, _created(book, desk, given, amount)))


def _created(book: Book, desk: Desk, given: JsonObject, amount: Money) -> Row:
    identity = desk.identity("trf")
    known = book.find(transfers, identity)
    if known is not None:
        return known
    if not given.get("payment"):
        message = "Nobody says of which payment this share is."
        raise PermanentError(message, code="bad_input", remedy="Give the payment that it comes from.")
    account = account_of(book, desk.connection, str(given["payment"]))
    refuse_held(book, account.connection, account.payment)
    provider = _provider(book, desk.connection, given)
    ledger.keep_still(book, ledger.provider(provider))
    covered = min(amount.minor, _got_by_splits(book, account, provider))
    new, left = amount.minor - covered, _undivided(account)
    sales = _own_goods(book, account)
    if amount.currency != account.currency or new > left + sum(sales.values()):
        most = Money(covered + left + sum(sales.values()), account.currency)
        message = f"{amount} cannot be passed on: {most} of the payment is left for the provider {provider}."
        raise PermanentError(message, code="amount_exceeds_rest", remedy="Pass on at most what is left.")
    row = {
        "id": identity, "connection": account.connection, "provider": provider, "payment": account.payment,
        "currency": amount.currency, "amount": amount.minor, "state": "due", "input": {**given, COVERED: covered},
    }  # fmt: skip
    if book.insert(transfers, row) and new:
        drawn = max(new - left, 0)
        _draw(book, account, sales, drawn)
        _divide(book, account, identity, Share(provider, new), left - new + drawn, drawn)
    return book.get(transfers, identity)


def _provider(book: Book, connection: str, given: JsonObject) -> str:
    """The provider as the ledger knows them: by the hub's number, or by their account at the gateway."""
    named = (cast("JsonObject", given.get("metadata") or {})).get("provider") or given["provider"]
    if book.rows(sa.select(providers.c.id).where(providers.c.id == named)):
        return str(named)
    rows = book.rows(sa.select(providers.c.id, providers.c.accounts).order_by(providers.c.id))
    accounts = ((str(row.id), GatewayAccount.of((row.accounts or {}).get(connection))) for row in rows)
    return next((provider for provider, one in accounts if one.reference == named), str(named))


def _got_by_splits(book: Book, account: Account, provider: str) -> int:
    """What splits gave the provider of the payment, less what was taken back and what transfers stand for already."""
    table = transfers.c
    mine = (table.connection == account.connection, table.payment == account.payment, table.provider == provider)
    rows = book.rows(sa.select(transfers).where(*mine))
    ours = {_split_id(row) for row in rows}
    theirs = [share for name, one in account.splits.items() if name not in ours for share in one.shares]
    got = sum(share.amount for share in theirs if share.provider == provider)
    taken = account.taken.shares.get(provider, Share(provider, 0)).amount
    stood_for = sum(min(_covered(row), int(row.amount) - int(row.reversed)) for row in rows)
    return max(got - taken - stood_for, 0)


def _undivided(account: Account) -> int:
    """What nobody got yet of a payment, and did not go back either."""
    if not account.splits:
        return account.rest
    division, taken = account.division, account.taken
    back = sum(share.whole for share in taken.shares.values()) + taken.sales + taken.commission
    return max(min(account.paid - division.total, account.rest - (division.total - back)), 0)


def _covered(row: Row) -> int:
    return int(row.input.get(COVERED) or 0)


def _made_due(row: Row) -> int:
    """What a transfer itself made due and was not taken back; of that is taken back first."""
    return max(int(row.amount) - int(row.reversed) - _covered(row), 0)


def _source_id(transfer: str) -> str:
    return f"payment.split:{transfer}"


def _split_id(row: Row) -> str:
    return split_id(row.connection, _source_id(row.id))


def _own_goods(book: Book, account: Account) -> Mapping[str, int]:
    """What the splits of transfers left for goods of the platform's own, which may be passed on too: split -> minor units.

    Nothing once a part of it went back: a refund that was spread over all parts is not spread anew.
    """
    if account.taken.sales:
        return {}
    mine = (splits.c.connection == account.connection, splits.c.payment == account.payment)
    rows = book.rows(sa.select(splits).where(*mine).order_by(splits.c.id))
    return {row.id: row.division["sales"] for row in rows if row.output.get("transfer")}


def _draw(book: Book, account: Account, sales: Mapping[str, int], minor: int) -> None:
    """Take what is passed on of goods of the platform's own off its sales."""
    for name, there in sales.items():
        part = min(minor, there)
        minor -= part
        if part:
            less = replace(account.splits[name], sales=there - part)
            _change(book, name, division=less.to_json())


def _change(book: Book, name: str, **values: object) -> None:
    book.connection.execute(sa.update(splits).where(splits.c.id == name).values(**values))


def _divide(book: Book, account: Account, transfer: str, share: Share, rest: int, drawn: int) -> None:  # noqa: PLR0913
    """A share as a split gives it; goods of the platform's own stay its sales, as far as the rest reaches.

    ``drawn``: what of the share was of those goods in the splits before.
    """
    sales = 0 if account.splits else min(account.sales, rest)
    if not account.splits:
        drawn = min(account.sales, rest + share.amount) - sales
    division = Division((share,), sales=sales)
    source_id = _source_id(transfer)
    row = {
        "id": split_id(account.connection, source_id), "connection": account.connection, "payment": account.payment,
        "division": division.to_json(), "output": {"transfer": transfer, "drawn": drawn},
    }  # fmt: skip
    book.insert(splits, row)
    told = split_event(account, Money(division.total, account.currency), division)
    book.tell("payment.split", source_id, told, source=account.connection)


# taking back


def reverse_transfer(desk: Desk, given: JsonObject) -> JsonObject:
    """``transfer.reverse``: what was not paid out yet is due no more, but for what a split gave: that stays due."""
    known = desk.store.get(transfers, str(given["transfer"]), desk.connection)
    reversal = desk.identity("trr")

    def work(book: Book) -> JsonObject:
        lock_payment(book, known.connection, known.payment or "")
        ledger.keep_still(book, ledger.provider(known.provider))
        row = book.get(transfers, known.id)
        if reversal not in _reversals(row):
            row = _reverse(book, row, given, reversal)
        part: JsonObject = {"amount": _reversals(row)[reversal], "reason": given.get("reason")}
        words: JsonObject = {"gateway": own_words(desk, row.id, row.state)}
        told = {**_event(row), **part, **words}
        book.tell("transfer.reversed", f"transfer.reversed:{reversal}", told, source=row.connection)
        return {**_output(desk, row), "reversal": reversal}

    return desk.office.change(work)


def _reverse(book: Book, row: Row, given: JsonObject, reversal: str) -> Row:
    rest = Money(row.amount - row.reversed, row.currency)
    amount = Money.from_json(given["amount"]) if "amount" in given else rest
    _judge(row, amount, rest)
    kept = {**row.input, "reversals": {**_reversals(row), reversal: amount.to_json()}}
    state = "reversed" if amount == rest else "due"
    changed = book.change(transfers, row, reversed=row.reversed + amount.minor, state=state, input=kept)
    _undivide(book, changed, _made_due(row) - _made_due(changed), reversal)
    return changed


def _undivide(book: Book, row: Row, back: int, reversal: str) -> None:
    """Take it off the share; goods of the platform's own that it had been made of are sales again."""
    known = book.find(splits, _split_id(row))
    if known is None or not back:
        return
    division = Division.from_json(known.division)
    (share,) = division.shares
    drawn = min(known.output["drawn"], back)
    less = replace(division, shares=(replace(share, amount=share.amount - back),), sales=division.sales + drawn)
    output = {**known.output, "drawn": known.output["drawn"] - drawn}
    _change(book, known.id, division=less.to_json(), output=output)
    settle(book, {(row.connection, row.payment): reversal})


def _reversals(row: Row) -> JsonObject:
    return cast("JsonObject", row.input.get("reversals") or {})


def _judge(row: Row, amount: Money, rest: Money) -> None:
    if row.state not in {"due", "reversed"}:
        message = f"The share {row.id} was paid out already, or is on its way."
        raise PermanentError(message, code="balance_too_low", remedy="Set it off against the provider's next shares.")
    if amount.currency != rest.currency or not 0 < amount.minor <= rest.minor:
        message = f"{amount} cannot be taken back of {rest} that is left of the share {row.id}."
        raise PermanentError(message, code="amount_exceeds_rest", remedy="Take back at most what is left.")


def _event(row: Row) -> JsonObject:
    return {"transfer": row.id, "provider": row.provider, **_payment(row), **references(row.input)}


def _payment(row: Row) -> JsonObject:
    return {"payment": row.payment} if row.payment else {}


def _output(desk: Desk, row: Row) -> JsonObject:
    amount: Json = {"minor": row.amount - row.reversed, "currency": row.currency}
    words = own_words(desk, row.id, row.state)
    return {
        "transfer": row.id, "status": _STATUS[row.state], "amount": amount, "provider": row.provider, **_payment(row),
        "gateway": words,
    }  # fmt: skip
