"""How an order becomes paid: from its payments' events, in the transaction that records them, in any order of arrival.

One order is paid at most once. Money that comes in for an order that is paid or cancelled already goes back by itself: a
timer gives it to the gateway's ``payment.refund``, and ``order.paid_again`` tells the admin.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from hub.commerce import stock, surplus
from hub.commerce.order_reading import begun_for_orders, order_event, payment_identity
from hub.errors import ActionError, ConfigError, NotFoundError, PermanentError, TransientError, UncertainError
from hub.ids import is_order
from hub.journal.tables import payments
from hub.journal.tables_commerce import order_payments, orders
from hub.journal.tables_invoices import invoices
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.journal.book import Book, Row
    from hub.journal.entries import NewEvent
    from hub.jsontypes import JsonObject
    from hub.office import Office, Timer

EXPIRE: Final = "orders.expire"
GIVE_BACK: Final = "orders.give_back"

RETURNED: Final = "payment_returned"
"""Why a paid order is open again, until it is paid again."""

ANOTHER_DAY: Final = timedelta(days=1)
"""How much longer an order lasts whose money is under way, or was taken back."""

_CAME_IN: Final = frozenset({"succeeded", "partially_refunded", "refunded", "disputed"})
_TAKEN: Final = "payment.succeeded"
_BY_HAND: Final = "hub"
_LONGEST: Final = 255


def project(book: Book, events: Sequence[NewEvent]) -> None:
    """What payments' events mean for the orders that they name; the table of payments has them already."""
    told = [one for one in events if one.type.startswith("payment.") and one.source != _BY_HAND and _payment(one)]
    if not told:
        return
    known = begun_for_orders(book.connection, map(_identity, told))
    of_order: dict[str, dict[str, NewEvent]] = {}
    for event in told:
        identity = _identity(event)
        order = event.data.get("order") or (known[identity].order if identity in known else _billed(book, event))
        if is_order(order):
            of_payment = of_order.setdefault(order, {})
            if identity not in of_payment or of_payment[identity].type != _TAKEN:  # which alone says what was taken
                of_payment[identity] = event
    for order, found in book.find_all(orders, of_order).items():
        row = found
        for identity, event in of_order[order].items():
            row = _advance(book, row, identity, event)


def settle(book: Book, order: Row, paid_by: Row | None = None) -> Row:
    """An open order for which enough came in is paid: its stock is sold, ``order.paid`` is told.

    Once for each time: one that is paid again, as the bank had taken a payment back, tells it with that reason.
    """
    if order.state != "open" or order.paid < order.total:
        return order
    again: JsonObject = {"reason": RETURNED} if order.reason == RETURNED else {}
    paid = book.change(orders, order, state="paid", paid_at=book.now, due_at=None, reason=None)
    stock.sell(book, order.id)
    book.wake_at(EXPIRE, order.id, None)
    by: JsonObject = {"payment": paid_by.payment, "connection": paid_by.connection} if paid_by is not None else {}
    once = f"order.paid:{order.id}:{paid_by.id}" if paid_by is not None and again else f"order.paid:{order.id}"
    book.tell("order.paid", once, order_event(book.connection, paid, **by, **again))
    return paid


def give_back(office: Office, identity: str) -> None:
    """The timer: refund a payment too many, once. One that the gateway keeps is told, and waits for a person."""
    with office.read() as connection:
        row = connection.execute(sa.select(order_payments).where(order_payments.c.id == identity)).one()
    if row.state != "surplus":
        return
    given: JsonObject = {"payment": row.payment, "reason": "duplicate"}
    try:
        office.call(row.connection, "payment.refund", given, "refund")
    except (TransientError, UncertainError):
        raise
    except (ActionError, ConfigError, NotFoundError) as error:
        words: JsonObject = {"code": error.code, "message": error.message, "remedy": error.remedy}
        office.change(lambda book: _stuck(book, identity, words))
    else:
        office.change(lambda book: surplus.given_back(book, order_payments, identity))


TIMERS: Final[Mapping[str, Timer]] = {GIVE_BACK: give_back}


def _advance(book: Book, order: Row, identity: str, event: NewEvent) -> Row:
    """One payment of an order has news; gives the order as it is then."""
    row = _row_of(book, order, identity, event)
    place = (payments.c.connection == row.connection, payments.c.payment == row.payment)
    at_gateway = book.connection.execute(sa.select(payments).where(*place)).first()
    if at_gateway is None:
        return order
    if row.state == "begun" and at_gateway.state in _CAME_IN:
        return _came_in(book, order, row, _amount(event, at_gateway))
    if at_gateway.state == "returned" and row.state in {"begun", "taken", "surplus"}:
        book.change(order_payments, row, state="returned")
        return _taken_back(book, order, row) if row.state == "taken" else order
    return order


def _came_in(book: Book, order: Row, row: Row, money: Money) -> Row:
    """Money came in: it is taken for the order, or goes back."""
    reason = _why_not(book, order, money)
    values = {"currency": money.currency, "minor": money.minor}
    if reason:
        book.change(order_payments, row, state="surplus", reason=reason, **values)
        book.wake_at(GIVE_BACK, row.id, book.now)
        about = {"payment": row.payment, "connection": row.connection, "amount": money.to_json(), "reason": reason}
        book.tell("order.paid_again", f"order.paid_again:{row.id}", order_event(book.connection, order, **about))
        return order
    taken = book.change(order_payments, row, state="taken", **values)
    now_open = {}
    if order.state == "expired":
        now_open = {"state": "open", "reason": None, "due_at": book.now + ANOTHER_DAY}
    order = book.change(orders, order, paid=order.paid + money.minor, **now_open)
    return settle(book, order, taken)


def _why_not(book: Book, order: Row, money: Money) -> str:
    """Why money is not taken for an order; empty when it is. An order that has expired takes its stock again first."""
    if money.currency != order.currency:
        return "other_currency"
    if order.state == "cancelled":
        return "cancelled"
    if order.paid >= order.total:
        return "paid_already"
    if order.state == "expired":
        try:
            with book.connection.begin_nested():
                stock.hold_again(book, order.id, book.now + ANOTHER_DAY)
        except PermanentError:
            return "sold_out"
    return ""


def _taken_back(book: Book, order: Row, row: Row) -> Row:
    """The bank took back what was paid (a debit that failed afterwards): it is to be paid again.

    One that money kept from expiring lasts a day more, and expires then unless some of it is left.
    """
    left = order.paid - row.minor
    about: JsonObject = {
        "payment": row.payment,
        "connection": row.connection,
        "amount": Money(row.minor, order.currency).to_json(),
        "due": Money(max(order.total - left, 0), order.currency).to_json(),
    }
    told = order_event(book.connection, order, **about)
    book.tell("order.payment_returned", f"order.payment_returned:{row.id}", told)
    if order.due_at is not None:
        due_at = max(order.due_at, book.now + ANOTHER_DAY)
        stock.keep_until(book, order.id, due_at)
        book.wake_at(EXPIRE, order.id, due_at)
        return book.change(orders, order, paid=left, due_at=due_at)
    is_open = order.state == "paid" and left < order.total
    values = {"state": "open", "reason": RETURNED, "paid_at": None} if is_open else {}
    return book.change(orders, order, paid=left, **values)


def _row_of(book: Book, order: Row, identity: str, event: NewEvent) -> Row:
    row = {
        "id": identity,
        "order": order.id,
        "connection": event.source,
        "payment": _payment(event)[:_LONGEST],
        "state": "begun",
    }
    book.insert(order_payments, row)
    return book.get(order_payments, identity)


def _stuck(book: Book, identity: str, error: JsonObject) -> None:
    if (done := surplus.kept(book, order_payments, identity, error)) is not None:
        row, about = done
        data = order_event(book.connection, book.get(orders, row.order), **about)
        book.tell("order.not_given_back", f"order.not_given_back:{row.id}", data)


def _amount(event: NewEvent, at_gateway: Row) -> Money:
    """What was taken: as this event says, else as the table of payments has it."""
    said = event.data.get("captured") or event.data.get("amount")
    if event.type == _TAKEN and isinstance(said, dict):
        return Money.from_json(said)
    return Money(at_gateway.amount, at_gateway.currency)


def _billed(book: Book, event: NewEvent) -> str | None:
    """The order that is billed by the invoice which a payment names alone."""
    invoice = event.data.get("invoice")
    if not isinstance(invoice, str):
        return None
    bills = (invoices.c.id == invoice, invoices.c.state.not_in(["draft", "void"]))
    order: str | None = book.connection.scalar(sa.select(invoices.c.order).where(*bills))
    return order


def _payment(event: NewEvent) -> str:
    payment = event.data.get("payment")
    return payment if isinstance(payment, str) else ""


def _identity(event: NewEvent) -> str:
    return payment_identity(event.source, _payment(event))
