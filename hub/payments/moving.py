"""Transfers and payouts that gateways tell of, and what they do to providers' accounts in the ledger."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from hub.ids import derived_id
from hub.journal.tables_escrow import payouts
from hub.journal.tables_ledger import ledger_movements
from hub.money import Money
from hub.payments import ledger
from hub.payments.movements import Movement, told
from hub.payments.postings import missing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.journal.book import Book
    from hub.journal.entries import NewEvent
    from hub.jsontypes import JsonObject
    from hub.payments.division import Share
    from hub.payments.postings import Holdings

    Row = sa.Row[Any]

TRANSFER: Final = "transfer"
PAYOUT: Final = "payout"
PLATFORM: Final = "platform"
"""Stands for the platform itself where a gateway names whom a payout goes to."""

_TYPES: Final = frozenset(
    {"transfer.sent", "transfer.failed", "transfer.reversed", "payout.paid", "payout.failed"},
)

_IN_FULL: Final = frozenset({"transfer.sent", "payout.paid"})
"""Events that say whose the money is and where it comes from."""


def project(book: Book, events: Sequence[NewEvent]) -> None:
    """Fold new events into their transfers and payouts, and post what follows."""
    for item in events:
        if item.source != "hub" and item.type in _TYPES and not _is_by_hub(item):
            row, is_new_to_party = _fold(book, item)
            _post(book, row, item.id)
            if is_new_to_party and row.kind == TRANSFER:
                _withdraw_payouts(book, row, item.id)


def _is_by_hub(item: NewEvent) -> bool:
    """Whether it is a share that the hub keeps in the gateway's place: a split of its payment says what is due of it."""
    return cast("JsonObject", item.data.get("gateway") or {}).get("by") == "hub"


def _fold(book: Book, item: NewEvent) -> tuple[Row, bool]:
    """The movement with one more event, and whether this is the first that its party hears of it."""
    kind = item.type.partition(".")[0]
    identity = f"{kind}:{item.source}/{_reference(item, kind)}"[:400]
    known = book.find(ledger_movements, identity)
    movement = Movement.from_json(known.facts) if known is not None else Movement()
    movement = replace(movement, ours=movement.ours or _is_ours(book, item, kind))
    amount, taken = cast("JsonObject", item.data["amount"]), cast("JsonObject", item.data.get("reversed") or {})
    so_far = cast("int | None", taken.get("minor"))
    movement = told(movement, item.type, item.source_id, cast("int", amount["minor"]), so_far)
    row = {**_row(item, kind), "facts": movement.to_json()}
    if known is None:
        book.insert(ledger_movements, {**row, "id": identity})
        return book.get(ledger_movements, identity), True
    if item.type in _IN_FULL:
        row["payment"] = row["payment"] or known.payment
    else:  # what is told of its end may not say whose it was, and may come before it
        row |= {"party": known.party, "provider": known.provider, "payment": known.payment or row["payment"]}
    same = ledger_movements.c.id == identity
    book.connection.execute(sa.update(ledger_movements).where(same).values(**row, updated_at=book.now))
    return book.get(ledger_movements, identity), row["party"] != known.party


def _row(item: NewEvent, kind: str) -> dict[str, object]:
    party = str(item.data["provider"])[:255]
    metadata = cast("JsonObject", item.data.get("metadata") or {})
    payment = item.data.get("payment")
    return {
        "connection": item.source,
        "party": party,
        "provider": str(metadata.get("provider") or party)[:255],
        "payment": payment[:255] if isinstance(payment, str) else None,
        "kind": kind,
        "currency": cast("JsonObject", item.data["amount"])["currency"],
    }


def _reference(item: NewEvent, kind: str) -> str:
    return str(item.data[kind])[:255]


def _is_ours(book: Book, item: NewEvent, kind: str) -> bool:
    """Whether the hub sent it itself: then it stands in the ledger since it was queued."""
    metadata = cast("JsonObject", item.data.get("metadata") or {})
    mine = sa.and_(payouts.c.connection == item.source, payouts.c.reference == _reference(item, kind))
    known = payouts.c.id == str(metadata.get("hub_payout") or "")
    return book.connection.scalar(sa.select(payouts.c.id).where(sa.or_(mine, known)).limit(1)) is not None


def _post(book: Book, row: Row, event: str) -> None:
    have = ledger.posted(book.connection, [row.id]).get((row.id, row.kind), {})
    postings = missing(_holdings(book, row), have)
    if postings:
        whole = [ledger.Posting(account, Money(minor, row.currency)) for (account, _), minor in postings.items()]
        identity = derived_id("txn", row.id, event)
        ledger.post_all(book, [ledger.Transaction(identity, whole, event, row.id, row.kind)])


def _holdings(book: Book, row: Row) -> Holdings:
    """What a movement's accounts must hold.

    A payout to the platform itself goes to its bank. A provider whom the gateway keeps an account for, to which it passes
    shares on, is paid out of that account, which is not ours any more.
    """
    moved = Movement.from_json(row.facts).moved
    to = ledger.provider(row.provider)
    if row.kind == PAYOUT:
        if row.party == PLATFORM:
            to = ledger.BANK
        elif _has_account(book, row):
            moved = 0
    return {(to, row.currency): moved, (ledger.gateway(row.connection), row.currency): -moved}


def _has_account(book: Book, row: Row) -> bool:
    table = ledger_movements.c
    same = (table.connection == row.connection, table.party == row.party, table.kind == TRANSFER)
    return book.connection.scalar(sa.select(table.id).where(*same).limit(1)) is not None


def _withdraw_payouts(book: Book, row: Row, event: str) -> None:
    """A payout that was told before the first transfer to its account came out of that account after all."""
    table = ledger_movements.c
    same = (table.connection == row.connection, table.party == row.party, table.kind == PAYOUT)
    for other in book.rows(sa.select(ledger_movements).where(*same)):
        _post(book, other, event)


def of_payment(connection: sa.Connection, gateway: str, payment: str) -> Mapping[str, Sequence[tuple[str, int]]]:
    """The transfers of a payment that a provider still has something of: provider -> (transfer, minor units)."""
    table = ledger_movements.c
    mine = (table.connection == gateway, table.payment == payment, table.kind == TRANSFER)
    found: dict[str, list[tuple[str, int]]] = {}
    for row in connection.execute(sa.select(ledger_movements).where(*mine).order_by(table.created_at, table.id)):
        left = Movement.from_json(row.facts).left
        if left:
            reference = row.id.removeprefix(f"{TRANSFER}:{gateway}/")
            found.setdefault(row.provider, []).append((reference, left))
    return found


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a transfer that a provider gives back, in minor units."""

    transfer: str
    provider: str
    minor: int


def to_take_back(connection: sa.Connection, gateway: str, payment: str, shares: Sequence[Share]) -> Sequence[Part]:
    """What to take back at the gateway of the transfers that the providers got of a payment, for what they give up of it.

    What a transfer does not cover is owed by the provider, and set off against what they get next.
    """
    passed_on = of_payment(connection, gateway, payment)
    found: list[Part] = []
    for share in shares:
        left = share.amount
        for transfer, rest in passed_on.get(share.provider, ()):
            minor = min(left, rest)
            if minor > 0:
                found.append(Part(transfer, share.provider, minor))
                left -= minor
    return found
