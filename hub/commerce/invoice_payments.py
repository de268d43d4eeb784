"""How an invoice becomes paid: from its payments' events, in the transaction that records them, in any order of arrival.

Part payments add up; what comes in beyond the total is kept and shown as overpaid, since only a person knows whether it
was meant for the next invoice. Money that cannot be this invoice's (another currency, a void one) is surplus, and told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from hub.commerce.invoice_reading import PAYABLE, invoice_event
from hub.commerce.order_reading import begun_for_orders, payment_identity
from hub.ids import derived_id, is_order
from hub.journal.among import among, these
from hub.journal.tables import payments
from hub.journal.tables_commerce import order_payments
from hub.journal.tables_invoices import invoice_payments, invoices
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from hub.journal.book import Book, Row
    from hub.journal.entries import NewEvent

OVERDUE: Final = "invoices.overdue"

_CAME_IN: Final = frozenset({"succeeded", "partially_refunded", "refunded", "disputed"})
_TELLING: Final = ("payment.", "refund.", "dispute.")
_NOT_OWED: Final = frozenset({"draft", "void"})
_BY_HAND: Final = "hub"
_LONGEST: Final = 255


@dataclass(frozen=True, slots=True)
class _News:
    """Of which payment there is news, and what was taken by it where the news says that."""

    connection: str
    payment: str
    taken: Money | None = None

    @property
    def identity(self) -> str:
        return derived_id("ipy", self.connection, self.payment)

    @property
    def of_order(self) -> str:
        return payment_identity(self.connection, self.payment)


def project(book: Book, events: Sequence[NewEvent]) -> None:
    """What payments' events mean for the invoices that they name; tables of payments and orders have them already."""
    told = [(event, news) for event in events if (news := _news(event)) is not None]
    if not told:
        return
    of_invoice: dict[str, list[_News]] = {}
    for news, invoice in zip((news for _, news in told), _invoices(book.connection, told), strict=True):
        if invoice is not None:
            of_invoice.setdefault(invoice, []).append(news)
    for identity, known in book.find_all(invoices, of_invoice).items():  # others are numbers of somebody's own shop
        row = known
        for news in sorted(
            of_invoice[identity], key=lambda one: one.taken is None
        ):  # who says what was taken comes first
            row = _advance(book, row, news)


def take_earlier(book: Book, invoice: Row) -> Row:
    """What was paid for the order before it was billed is paid for the invoice."""
    query = sa.select(order_payments).where(order_payments.c.order == invoice.order).order_by(order_payments.c.id)
    for row in book.rows(query):
        taken = Money(row.minor, row.currency) if row.minor is not None else None
        invoice = _advance(book, invoice, _News(row.connection, row.payment, taken))
    return invoice


def make_void(book: Book, invoice: Row, reason: str) -> None:
    """It is not owed any more; one that was issued tells it."""
    gone = book.change(invoices, invoice, state="void", reason=reason or None)
    book.wake_at(OVERDUE, gone.id, None)
    if gone.number is not None:
        book.tell("invoice.void", f"invoice.void:{gone.id}", invoice_event(gone, reason=reason or None))


def settle(book: Book, invoice: Row, by: Row | None = None) -> Row:
    """The state that follows from what came in and went back; news is told, with the payment that brought it."""
    if invoice.state in _NOT_OWED:
        return invoice
    taken = book.rows(_taken(invoice.id))
    paid, back = sum(row.minor for row in taken), sum(row.refunded for row in taken)
    state = _state(invoice.total, paid, back)
    if (state, paid, back) == (invoice.state, invoice.paid, invoice.refunded):
        return invoice
    is_settled = state not in PAYABLE
    values = {"state": state, "paid": paid, "refunded": back}
    values["paid_at"] = (invoice.paid_at or book.now) if is_settled else None
    changed = book.change(invoices, invoice, **values)
    if is_settled:
        book.wake_at(OVERDUE, invoice.id, None)
    elif invoice.state not in PAYABLE and invoice.overdue_at is None:
        book.wake_at(OVERDUE, invoice.id, invoice.due_at)
    if paid > invoice.paid or (is_settled and invoice.state in PAYABLE):
        _tell_paid(book, invoice, changed, by)
    return changed


def _tell_paid(book: Book, before: Row, now: Row, by: Row | None) -> None:
    """Once for each payment: paid when it is all there now, part-paid when not; what is too much besides."""
    about = {} if by is None else {"payment": by.payment, "connection": by.connection}
    which = by.id if by is not None else "free"
    if now.state in PAYABLE:
        book.tell("invoice.part_paid", f"invoice.part_paid:{now.id}:{which}", invoice_event(now, **about))
    elif before.state in PAYABLE:
        book.tell("invoice.paid", f"invoice.paid:{now.id}:{which}", invoice_event(now, **about))
    if now.state == "overpaid" and now.paid > before.paid:
        reason = "paid_already" if before.paid >= before.total else "too_much"
        amount = Money(now.paid - max(before.paid, before.total), now.currency)
        _tell_surplus(book, now, by, amount, reason)


def _tell_surplus(book: Book, invoice: Row, by: Row | None, amount: Money, reason: str) -> None:
    assert by is not None  # nothing but a payment brings money
    about = {"payment": by.payment, "connection": by.connection, "amount": amount.to_json(), "reason": reason}
    book.tell("invoice.overpaid", f"invoice.overpaid:{invoice.id}:{by.id}", invoice_event(invoice, **about))


def _state(total: int, paid: int, back: int) -> str:
    """What was refunded of a paid invoice does not make it owed again; only what a bank took back does."""
    if paid < total:
        return "partly_paid" if paid else "open"
    return "overpaid" if paid - back > total else "paid"


def _advance(book: Book, invoice: Row, news: _News) -> Row:
    """One payment of an invoice has news; gives the invoice as it is then."""
    place = (payments.c.connection == news.connection, payments.c.payment == news.payment)
    at_gateway = book.connection.execute(sa.select(payments).where(*place)).first()
    if at_gateway is None or not _is_for_its_order(book, invoice, news):
        return invoice
    row = _row_of(book, invoice, news)
    if at_gateway.state == "returned" and row.state in {"begun", "taken", "surplus"}:
        book.change(invoice_payments, row, state="returned")
    elif row.state == "begun" and at_gateway.state in _CAME_IN:
        money = news.taken or Money(at_gateway.amount, at_gateway.currency)
        row = _came_in(book, invoice, row, money, at_gateway.refunded)
    elif row.state == "taken" and row.refunded != at_gateway.refunded:
        book.change(invoice_payments, row, refunded=at_gateway.refunded)
    else:
        return invoice
    return settle(book, invoice, row)


def _came_in(book: Book, invoice: Row, row: Row, money: Money, refunded: int) -> Row:
    values = {"currency": money.currency, "minor": money.minor, "refunded": refunded}
    reason = {"void": "void", "draft": "not_issued"}.get(invoice.state, "")
    if not reason and money.currency != invoice.currency:
        reason = "other_currency"
    if not reason:
        return book.change(invoice_payments, row, state="taken", **values)
    row = book.change(invoice_payments, row, state="surplus", reason=reason, **values)
    _tell_surplus(book, invoice, row, money, reason)
    return row


def _is_for_its_order(book: Book, invoice: Row, news: _News) -> bool:
    """An order gives back what it does not need: that money is not the invoice's either."""
    if invoice.order is None:
        return True
    row = book.find(order_payments, news.of_order)
    return row is None or row.order != invoice.order or row.state in {"begun", "taken", "returned"}


def _row_of(book: Book, invoice: Row, news: _News) -> Row:
    row = {"id": news.identity, "invoice": invoice.id, "connection": news.connection, "payment": news.payment}
    book.insert(invoice_payments, {**row, "state": "begun"})
    known = book.get(invoice_payments, news.identity)
    if known.state == "begun" and known.invoice != invoice.id:  # that one is void, and this one bills the order now
        return book.change(invoice_payments, known, invoice=invoice.id)
    return known


def _taken(invoice: str) -> sa.Select[tuple[object, ...]]:
    table = invoice_payments.c
    return sa.select(invoice_payments).where(table.invoice == invoice, table.state == "taken")


def _invoices(connection: sa.Connection, told: Sequence[tuple[NewEvent, _News]]) -> list[str | None]:
    """The invoice that each is about: as is known of its payment, as it says, or the one that bills its order.

    What an order took while the invoice that it was begun for is void is for the invoice that bills the order now, if any.
    """
    identities = these(news.identity for _, news in told)
    known = {row.id: row for row in connection.execute(_KNOWN, identities)}
    named = [_named(event, known.get(news.identity)) for event, news in told]
    asked = {invoice for invoice in named if invoice}
    not_owed = set(connection.scalars(_OF_NOTHING_OWED, these(asked))) if asked else set()
    begun = begun_for_orders(connection, (news.of_order for _, news in told))
    orders = [_order(event, begun.get(news.of_order)) for event, news in told]
    billed = billing_all(connection, {order for order in orders if order})
    found: list[str | None] = []
    for (_, news), invoice, order in zip(told, named, orders, strict=True):
        row, of_order = known.get(news.identity), begun.get(news.of_order)
        is_elsewhere = invoice in not_owed and of_order is not None and of_order.state == "taken"
        is_decided = row is not None and row.state != "begun"
        found.append(invoice if is_decided or (invoice and not is_elsewhere) else billed.get(order))
    return found


def _named(event: NewEvent, known: Row | None) -> str:
    return str(known.invoice) if known is not None else str(event.data.get("invoice") or "")


def _order(event: NewEvent, begun: Row | None) -> str:
    order = event.data.get("order")
    if isinstance(order, str):
        return order if is_order(order) else ""
    return begun.order if begun is not None else ""


def billing(connection: sa.Connection, order: str) -> str | None:
    """The id of the invoice that bills an order, None when there is none, or it is a draft or void."""
    return billing_all(connection, [order]).get(order)


def billing_all(connection: sa.Connection, orders: Collection[str]) -> dict[str, str]:
    """Orders -> the invoice that bills each, as :func:`billing`; those without one are left out."""
    return {row.order: row.id for row in connection.execute(_BILLING, these(orders))} if orders else {}


_KNOWN = sa.select(invoice_payments).where(among(invoice_payments.c.id))
_OF_NOTHING_OWED = sa.select(invoices.c.id).where(among(invoices.c.id), invoices.c.state.in_(_NOT_OWED))
_BILLING = (
    sa.select(invoices.c.order, invoices.c.id)
    .where(among(invoices.c.order), invoices.c.state.not_in(_NOT_OWED))
    .order_by(invoices.c.created_at.desc())  # of several of an order, the oldest
)


def _news(event: NewEvent) -> _News | None:
    payment = event.data.get("payment")
    if not event.type.startswith(_TELLING) or event.source == _BY_HAND or not isinstance(payment, str):
        return None
    said = event.data.get("captured") or event.data.get("amount")
    taken = Money.from_json(said) if event.type == "payment.succeeded" and isinstance(said, dict) else None
    return _News(event.source, payment[:_LONGEST], taken)
