"""Payouts and transfers to providers: reserved in the ledger when they are queued, sent once, watched until decided.

A payout's amount is taken off the provider's account in the transaction that queues it, so that it cannot be paid twice; one
that fails puts it back there, where the next run finds it. Its states: queued → sent → paid | failed; ``uncertain`` when
nobody knows whether the gateway did it. Each is sent by a timer of its own, so that a failing one holds up no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from hub.errors import PermanentError, UncertainError
from hub.ids import derived_id
from hub.journal.tables_escrow import payouts
from hub.journal.tables_work import providers
from hub.money import Money
from hub.payments import histories, ledger
from hub.payments.destinations import GatewayAccount
from hub.payments.legal_steps import MARKED, REFUSED
from hub.payments.looking import FIRST_LOOK, next_look
from hub.payments.paid_shares import follow_payout, queue_shares

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hub.journal.book import Book
    from hub.journal.entries import NewEvent
    from hub.jsontypes import Json, JsonObject
    from hub.office import Office, Timer

    Row = sa.Row[Any]

PAYOUT: Final = "payout"
TRANSFER: Final = "transfer"
BANK: Final = "bank"

SEND: Final = "payouts.send"
LOOK: Final = "payouts.look"

OPEN: Final = frozenset({"queued", "sent", "uncertain"})
_BY_HAND: Final = "failed_by_hand"
"""In a payout's origin: a person said that it failed."""
_DECIDED: Final[Mapping[str, str]] = {
    "payout.paid": "paid",
    "transfer.sent": "paid",
    "payout.failed": "failed",
    "transfer.failed": "failed",
}
_STATES: Final[Mapping[str, str]] = {
    "queued": "sent",
    "sent": "sent",
    "paid": "paid",
    "failed": "failed",
    "reversed": "failed",
}
"""A payout's status as gateways' actions name it -> the state here."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Whom a payout goes to, and how: ``way`` with ``connection`` (none for the bank), ``recipient`` as that needs it."""

    provider: str
    way: str
    connection: str | None
    recipient: JsonObject


def identity(*parts: object) -> str:
    """The id of a payout: the same parts always give the same."""
    return derived_id("pyt", *map(str, parts))


def account_at(book: Book, provider: str, connection: str) -> str | None:
    """How a gateway knows a provider: its reference there, or None."""
    row = book.find(providers, provider)
    known = (row.accounts or {}).get(connection) if row is not None else None
    return GatewayAccount.of(known).reference or None


# queueing


def queue(  # noqa: PLR0913 (what makes one payout)
    book: Book,
    payout: str,
    to: Destination,
    money: Money,
    *,
    run: str | None = None,
    origin: JsonObject | None = None,
) -> bool:
    """Take the amount off the provider's account and queue it; False when this payout is there already."""
    row = {
        "id": payout, "run": run, "way": to.way, "provider": to.provider, "connection": to.connection,
        "state": "queued", "currency": money.currency, "amount": money.minor, "recipient": to.recipient,
        "origin": origin or {},
    }  # fmt: skip
    if not book.insert(payouts, row):
        return False
    ledger.post(book, f"payout:{payout}", _postings(to.provider, to.connection, money), payout)
    if run is not None:
        shares = queue_shares(book, payout, to.provider, money.currency)
        if shares:
            made = book.get(payouts, payout)
            book.change(payouts, made, origin={**made.origin, "transfers": shares})
    if to.way != BANK:
        book.wake_at(SEND, payout, book.now)
    return True


def _postings(provider: str, connection: str | None, money: Money) -> list[ledger.Posting]:
    source = ledger.gateway(connection) if connection else ledger.BANK
    return [ledger.Posting(ledger.provider(provider), money), ledger.Posting(source, -money)]


# sending


def send(office: Office, payout: str) -> None:
    """The timer that sends a queued payout or transfer. Raises ``TransientError``: it is tried again later."""
    row = _read(office, payout)
    if row.state != "queued":
        return
    action = "transfer.create" if row.way == TRANSFER else "payout.create"
    try:
        output = office.about(payout).call(row.connection, action, _given(row), "send")
    except UncertainError as error:
        words = f"{error.message} {error.remedy}"
        office.change(lambda book: _unless_decided(book, payout, state="uncertain", reason=words))
        return
    except PermanentError as error:
        reason = error.message
        office.change(lambda book: _refused(book, payout, reason))
        return
    office.change(lambda book: _sent(book, payout, output))


def _given(row: Row) -> JsonObject:
    about = {name: str(value) for name, value in row.origin.items() if name in {"hold", "job", "order"} and value}
    given: dict[str, Json] = {
        "amount": Money(row.amount, row.currency).to_json(),
        "metadata": {**about, "provider": row.provider, "hub_payout": row.id},
        **row.recipient,
    }
    if row.way == TRANSFER and row.origin.get("payment"):
        given["payment"] = row.origin["payment"]
    return given


def _refused(book: Book, payout: str, reason: str) -> None:
    """A refusal decides nothing that the gateway told otherwise meanwhile."""
    row = book.get(payouts, payout)
    _note(book, row, REFUSED)
    if row.state in OPEN:
        decide(book, row, "failed", reason)


def _sent(book: Book, payout: str, output: JsonObject) -> None:
    """The gateway took it on; what it decides later is watched."""
    row = book.get(payouts, payout)
    reference = str(output.get("payout") or output.get("transfer") or "")[:255] or None
    if row.state != "queued":
        if row.reference is None:
            book.change(payouts, row, reference=reference)
        return
    status = str(output.get("status") or "sent")
    state = _STATES.get(status, "sent")
    if row.way == TRANSFER and status != "failed":
        state = "paid"
    row = book.change(payouts, row, state="sent", reference=reference)
    if state != "sent":
        decide(book, row, state, str(output.get("reason") or ""))
    else:
        book.wake_at(LOOK, payout, book.now + FIRST_LOOK)


# watching


def look(office: Office, payout: str) -> None:
    """The timer that asks the gateway how a payout goes on, ever more rarely, until it is decided."""
    row = _read(office, payout)
    if row.state != "sent" or not row.reference or office.manifest(row.connection).offered("payout.get") is None:
        return
    output = office.about(payout).call(row.connection, "payout.get", {"payout": row.reference}, f"look{row.looks}")
    state = _STATES.get(str(output.get("status")), "sent")
    reason = str(output.get("reason") or "")
    office.change(lambda book: _looked(book, payout, state, reason))


def _looked(book: Book, payout: str, state: str, reason: str) -> None:
    row = book.get(payouts, payout)
    if row.state != "sent":
        return
    if state != "sent":
        decide(book, row, state, reason)
        return
    book.change(payouts, row, looks=row.looks + 1)
    book.wake_at(LOOK, payout, next_look(row.created_at, book.now, row.looks + 1))


def project(book: Book, events: Sequence[NewEvent]) -> None:
    """What gateways tell of payouts and transfers that the hub sent."""
    for item, row in _ours(book, [item for item in events if item.type in _DECIDED]):
        state = _DECIDED[item.type]
        # A gateway's failure is final, whenever its success is told. That a call was refused is our own word only, and
        # so is what a person said.
        failed_there = row.state == "failed" and row.reference and not row.origin.get(_BY_HAND)
        known = row
        reference = _reference(item)
        if row.reference is None and reference not in {"", row.id}:  # the answer is lost, or not here yet
            known = book.change(payouts, row, reference=reference)
        if state == "failed" or not failed_there:
            decide(book, known, state, str(item.data.get("reason") or ""), told=True)


def _ours(book: Book, events: Sequence[NewEvent]) -> Iterable[tuple[NewEvent, Row]]:
    for item in events:
        metadata = cast("JsonObject", item.data.get("metadata") or {})
        known = str(metadata.get("hub_payout") or "")
        reference = _reference(item)
        named = sa.or_(payouts.c.id == known, payouts.c.reference == reference)
        query = sa.select(payouts.c.id).where(payouts.c.connection == item.source, named)
        found = book.connection.scalar(query.limit(1))
        if found is not None:
            yield item, book.get(payouts, found)


def _reference(item: NewEvent) -> str:
    """The gateway's own of the payout or transfer; the hub's number in what the hub tells of one that has none."""
    return str(item.data.get("payout") or item.data.get("transfer") or "")[:255]


# deciding


def decide(  # noqa: PLR0913 (what is decided, and who says so)
    book: Book, row: Row, state: str, reason: str = "", *, told: bool = False, by_hand: bool = False
) -> Row:
    """It was paid, or it failed and its amount is due again; a failure may come after success, and success after failure.

    ``told``: the gateway's own event says it already; ``by_hand``: a person says it.
    """
    if row.state == state:
        return row
    money = Money(row.amount, row.currency)
    if state == "failed":
        back = _postings(row.provider, row.connection, -money)
        ledger.post(book, f"payout:{row.id}:failed:{row.version}", back, row.id)
    elif row.state == "failed":
        ledger.post(book, f"payout:{row.id}:paid:{row.version}", _postings(row.provider, row.connection, money), row.id)
    origin = {**row.origin, _BY_HAND: True} if by_hand and state == "failed" else row.origin
    changed = book.change(payouts, row, state=state, reason=reason, origin=origin)
    follow_payout(book, changed, state)
    if not told:
        _tell(book, changed, state, reason)
    return changed


def _tell(book: Book, row: Row, state: str, reason: str) -> None:
    """Under the id that the gateway's own report of it has where its events carry the payout's number."""
    if row.way == TRANSFER and state == "paid":
        return  # each gateway that passes shares on reports it
    event = f"transfer.{state}" if row.way == TRANSFER else f"payout.{state}"
    reference = row.reference or row.id
    name = "transfer" if row.way == TRANSFER else "payout"
    data = {
        name: reference,
        "provider": row.provider,
        "amount": Money(row.amount, row.currency).to_json(),
        "reason": reason or None,
        "metadata": {"hub_payout": row.id},
        **{key: row.origin.get(key) for key in ("payment", "job", "order")},
    }
    book.tell(event, f"{event}:{reference}", data, source=row.connection or "hub")


def mark(office: Office, payout: str, state: str, reason: str = "") -> Row:
    """A person says what became of it: ``paid`` or ``failed``; of an uncertain one also ``queued``: send it again.

    Raises ``PermanentError`` (``wrong_state``) when it is decided already.
    """

    def work(book: Book) -> Row:
        row = book.get(payouts, payout)
        if state == "queued" and row.state == "uncertain":
            book.wake_at(SEND, payout, book.now)
            return book.change(payouts, row, state="queued", reason="")
        if row.state not in OPEN or state not in {"paid", "failed"}:
            message = f"This payout is {row.state} already."
            raise PermanentError(message, code="wrong_state", remedy="Load the page again to see how it stands.")
        if state == "failed":
            _note(book, row, MARKED)
        return decide(book, row, state, reason, by_hand=True)

    return office.change(work)


def _note(book: Book, row: Row, word: str) -> None:
    """Keep what the hub or a person knows of a payout beside the gateway's reports, which may say otherwise one day."""
    if row.connection is not None:
        kind = TRANSFER if row.way == TRANSFER else PAYOUT
        histories.note(book, histories.Thing(kind, row.connection, row.id), {word: True})


def _unless_decided(book: Book, payout: str, **values: object) -> None:
    row = book.get(payouts, payout)
    if row.state in OPEN:
        book.change(payouts, row, **values)


def _read(office: Office, payout: str) -> Row:
    with office.read() as connection:
        return connection.execute(sa.select(payouts).where(payouts.c.id == payout)).one()


TIMERS: Final[Mapping[str, Timer]] = {SEND: send, LOOK: look}
