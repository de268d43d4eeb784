"""Payments that came in beside the one that a hold keeps: they go back by themselves; one that a gateway keeps waits.

Those of an order or job that the hub knows are that order's or job's to give back (:mod:`hub.commerce.surplus`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from hub.errors import PermanentError, TransientError
from hub.journal.owners import names_of
from hub.journal.tables import payments
from hub.journal.tables_escrow import holds
from hub.money import Money
from hub.payments import holds as rules
from hub.payments.dividing import keep
from hub.payments.holds import Hold
from hub.payments.payment import UNPAID, Facts
from hub.payments.refunds import give_back

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.journal.book import Book
    from hub.journal.entries import NewEvent
    from hub.jsontypes import JsonObject
    from hub.office import Office, Timer

    Row = sa.Row[Any]

GIVE_BACK: Final = "holds.give_back_beside"
TOLD: Final = "escrow.not_given_back"
_REASON: Final = "duplicate"
_HERE_AGAIN: Final[Mapping[str, frozenset[str]]] = {
    "let_go": frozenset({"payment.succeeded"}),
    "refunded": frozenset({"dispute.closed"}),
    "stuck": frozenset({"payment.succeeded", "dispute.closed"}),
}
"""How a payment stood -> the news after which it may be here again, and goes back once more."""


def came_in(book: Book, row: Row, payment: str, items: Sequence[NewEvent]) -> None:
    """News of another payment than the one that the hold keeps: what came in by it goes back."""
    known = Hold.from_json(row.terms)
    facts = _facts(book.connection, row.connection, payment)
    here = left(facts)
    if facts is None or not here or _is_owned(book.connection, facts):
        return
    state = known.beside.get(payment, ("", 0))[0]
    heard = {item.type for item in items}
    amount = {"payment": payment, "connection": row.connection, "amount": _amount(known, facts, here)}
    if not state:
        known, tales = rules.beside(known, payment, "surplus", [("escrow.paid_again", amount)])
    elif state == "refunded" and "refund.failed" in heard:
        error = {
            "code": "wrong_state",
            "message": "The payer's bank did not take it back.",
            "remedy": "Give it back in another way.",
        }
        known, tales = rules.beside(known, payment, "stuck", [(TOLD, {**amount, "error": error})])
    elif heard & _HERE_AGAIN.get(state, frozenset()):
        known, tales = rules.beside(known, payment, "surplus", [])
    else:
        return
    keep(book, row, known, tales)
    if known.beside[payment][0] == "surplus":
        book.wake_at(GIVE_BACK, row.id, book.now)


def left(facts: Facts | None) -> int:
    """What is here of a payment, in minor units: taken and not gone back, or authorised."""
    if facts is None or facts.state in UNPAID:
        return 0
    if "succeeded" in facts.told:
        return max((facts.paid or 0) - facts.gone, 0)
    return (facts.paid or 0) if facts.state == "authorized" else 0


def _facts(connection: sa.Connection, gateway: str, payment: str) -> Facts | None:
    same = (payments.c.connection == gateway, payments.c.payment == payment)
    facts = connection.scalar(sa.select(payments.c.facts).where(*same))
    return None if facts is None else Facts.from_json(facts)


def _is_owned(connection: sa.Connection, facts: Facts) -> bool:
    named = [str(facts.value(name)) for name in ("job", "order") if facts.value(name)]
    return bool(names_of(connection, named))


def _amount(known: Hold, facts: Facts, minor: int) -> JsonObject:
    money = facts.value("amount")
    currency = str(money["currency"]) if isinstance(money, dict) else known.currency
    return Money(minor, currency).to_json()


# giving back


def give_all_back(office: Office, hold: str) -> None:
    """The timer: each payment that came in beside goes back, once. One that its gateway keeps waits for a person."""
    with office.read() as connection:
        row = connection.execute(sa.select(holds).where(holds.c.id == hold)).one()
    later: TransientError | None = None
    for payment, (state, tries) in sorted(Hold.from_json(row.terms).beside.items()):
        if state != "surplus":
            continue
        try:
            after, error = _given_back(office.about(f"{hold} {payment} {tries}"), row.connection, payment)
        except TransientError as failed:
            later = failed  # the others need not wait for it
        else:
            _ended(office, hold, payment, after, error)
    if later is not None:
        raise later


def _given_back(office: Office, gateway: str, payment: str) -> tuple[str, JsonObject | None]:
    with office.read() as connection:
        facts = _facts(connection, gateway, payment)
    if facts is None or facts.state != "authorized":
        error = give_back(office, gateway, payment, _REASON) if left(facts) else None
        return ("refunded" if error is None else "stuck"), error
    manifest = office.manifest(gateway)
    if manifest.offered("payment.void") is None:
        message = f"{manifest.title} cannot let go of an authorisation; this one lapses by itself."
        return "stuck", {"code": "not_offered", "message": message, "remedy": "Let go of it at the gateway."}
    try:
        office.call(gateway, "payment.void", {"payment": payment, "reason": _REASON}, "void")
    except PermanentError as error:
        return "stuck", {"code": error.code, "message": error.message, "remedy": error.remedy}
    return "let_go", None


def _ended(office: Office, hold: str, payment: str, state: str, error: JsonObject | None) -> None:
    def work(book: Book) -> None:
        row = book.get(holds, hold)
        known, facts = Hold.from_json(row.terms), _facts(book.connection, row.connection, payment)
        if known.beside[payment][0] != "surplus" or facts is None:
            return  # it was decided meanwhile
        amount = _amount(known, facts, left(facts))
        about: JsonObject = {"payment": payment, "connection": row.connection, "amount": amount, "error": error}
        came_late = state == "let_go" and "succeeded" in facts.told
        after = "surplus" if came_late else state
        keep(book, row, *rules.beside(known, payment, after, [(TOLD, about)] if error is not None else []))
        if came_late:
            book.wake_at(GIVE_BACK, hold, book.now)

    office.change(work)


def settle(book: Book, hold: str, payment: str, *, given_back: bool) -> bool:
    """A person gave it back themselves, or wants it tried once more; False where it does not wait for anybody."""
    row = book.get(holds, hold)
    known = Hold.from_json(row.terms)
    if known.beside.get(payment, ("", 0))[0] != "stuck":
        return False
    keep(book, row, *rules.beside(known, payment, "by_hand" if given_back else "surplus", []))
    if not given_back:
        book.wake_at(GIVE_BACK, hold, book.now)
    return True


TIMERS: Final[Mapping[str, Timer]] = {GIVE_BACK: give_all_back}
