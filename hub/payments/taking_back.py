"""A lost dispute or a returned debit: what it takes of shares that were passed on at the gateway is taken back there.

What to take back is decided in the transaction that records the news; a timer for each transfer then asks the gateway, once.
Whatever cannot be taken back is owed by the provider, and set off against what they get next.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from hub.errors import PermanentError, TransientError
from hub.journal.tables_ledger import ledger_movements
from hub.money import Money
from hub.payments import moving
from hub.payments.accounting import accounts
from hub.payments.payment import LOST
from hub.payments.refunding import given_up

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.journal.book import Book
    from hub.journal.entries import NewEvent
    from hub.jsontypes import JsonObject
    from hub.office import Office, Timer
    from hub.payments.postings import Account

TIMER: Final = "transfers.take_back"
EMPTY: Final = "balance_too_low"
"""The provider has taken the money out of the account at the gateway already; waiting brings nothing back."""

_RETURNED: Final = "returned"
_MOST_CHARACTERS: Final = 120


def project(book: Book, events: Sequence[NewEvent]) -> None:
    """Plan what a dispute that was lost, or a debit that came back, takes of the transfers of its payment."""
    for place, causes in _causes(events).items():
        account = accounts(book.connection, [place]).get(place)
        if account is None or not account.paid:
            continue
        for cause in reversed(causes):  # of several that are told at once, each takes what those before it left
            before = _without(account, cause)
            for one in moving.to_take_back(book.connection, *place, given_up(before, account)):
                _plan(book, place[0], one, cause)
            account = before


def _causes(events: Sequence[NewEvent]) -> Mapping[tuple[str, str], Sequence[str]]:
    """What takes money back of which payments (connection, payment), in the order in which it was told."""
    found: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for item in events:
        cause = ""
        if item.type == "payment.returned":
            cause = _RETURNED
        elif item.type == "dispute.closed" and item.data.get("outcome") in LOST:
            cause = str(item.data["dispute"])
        if cause and item.source != "hub":
            found[item.source, str(item.data["payment"])[:255]][cause] = None
    return {place: list(causes) for place, causes in found.items()}


def _without(account: Account, cause: str) -> Account:
    """The account as if this had never been told."""
    facts = account.facts
    if cause == _RETURNED:
        told = {name: when for name, when in facts.told.items() if name != _RETURNED}
        return replace(account, facts=replace(facts, told=told))
    return replace(account, facts=replace(facts, disputes={**facts.disputes, cause: "won"}))


def _plan(book: Book, connection: str, part: moving.Part, cause: str) -> None:
    """The timer's subject holds all that is needed; one that is too long is left to be set off."""
    words = (str(part.minor), connection, part.transfer, cause)
    if len(" ".join(words)) <= _MOST_CHARACTERS and not any(" " in word for word in words):
        book.wake_at(TIMER, " ".join(words), book.now)


def take_back(office: Office, subject: str) -> None:
    """The timer: ask the gateway for a part of a transfer, once for each cause, where it passes shares on itself."""
    minor, connection, transfer, cause = subject.split(" ")
    action = office.manifest(connection).offered("transfer.reverse")
    if action is None or action.by_hub:
        return
    with office.read() as reading:
        mine = ledger_movements.c.id == f"{moving.TRANSFER}:{connection}/{transfer}"
        currency = reading.execute(sa.select(ledger_movements.c.currency).where(mine)).scalar_one()
    reason = "payment_returned" if cause == _RETURNED else "dispute_lost"
    given: JsonObject = {"transfer": transfer, "amount": Money(int(minor), currency).to_json(), "reason": reason}
    try:
        office.about(f"{cause} {connection}/{transfer}").call(connection, "transfer.reverse", given, "reverse")
    except PermanentError:
        return  # it is set off
    except TransientError as error:
        if error.code != EMPTY:
            raise


TIMERS: Final[Mapping[str, Timer]] = {TIMER: take_back}
