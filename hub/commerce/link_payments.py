"""How a payment link becomes paid, expired or cancelled: it stands as its order does, in the transaction that changes that.

The order is what is paid, and gives back what comes in twice or too late. A link that many may pay has an order for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from hub.commerce.link_reading import link_event
from hub.commerce.order_reading import begun_for_orders, payment_identity
from hub.ids import is_order
from hub.journal.tables_commerce import orders
from hub.journal.tables_links import payment_links

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.journal.book import Book, Row
    from hub.journal.entries import NewEvent
    from hub.jsontypes import JsonObject

REMIND: Final = "links.remind"
MAIL: Final = "links.mail"

_STATES: Final = {"open": "active", "paid": "paid", "expired": "expired", "cancelled": "cancelled"}
"""How a link stands that is for one payment, by the state of its order."""


def project(book: Book, events: Sequence[NewEvent]) -> None:
    """What news of orders and payments means for links; the tables of orders have it already."""
    told = [event for event in events if event.type.startswith(("order.", "payment."))]
    known = begun_for_orders(book.connection, (_identity(event) for event in told if _names_payment_alone(event)))
    of_order = {order: event for event in told if (order := _order(event, known)) is not None}
    of_link: dict[str, list[tuple[Row, NewEvent]]] = {}
    for identity, row in book.find_all(orders, of_order).items():
        if row.link:
            of_link.setdefault(row.link, []).append((row, of_order[identity]))
    for identity, link in book.find_all(payment_links, of_link).items():
        _advance(book, link, of_link[identity])


def quiet(book: Book, link: str) -> None:
    """No mail about it goes out any more by itself."""
    for kind in (MAIL, REMIND):
        book.wake_at(kind, link, None)


def _advance(book: Book, link: Row, news: Sequence[tuple[Row, NewEvent]]) -> None:
    """Some of a link's orders have news, each with the event that told it."""
    order = news[-1][0]
    state = link.state if link.reusable else _STATES[order.state]
    paid = (orders.c.link == link.id, orders.c.state == "paid")
    payments: int = book.connection.execute(sa.select(sa.func.count()).select_from(orders).where(*paid)).scalar_one()
    if (state, payments) == (link.state, link.payments):
        return
    is_paid = payments > link.payments
    when = {"paid_at": book.now} if is_paid else {} if payments else {"paid_at": None}
    changed = book.change(payment_links, link, state=state, payments=payments, **when)
    if state not in {"active", link.state}:
        quiet(book, link.id)
    if is_paid:
        for one, event in news:
            if one.state == "paid" and one.paid_at == book.now:
                _tell_paid(book, changed, one, event)
    elif state in {"expired", "cancelled"}:
        reason = order.reason if state == "cancelled" else None
        book.tell(f"link.{state}", f"link.{state}:{link.id}", link_event(changed, reason=reason))


def _tell_paid(book: Book, link: Row, order: Row, event: NewEvent) -> None:
    payment = event.data.get("payment")
    about: JsonObject = {"payment": payment, "connection": _connection(event), "order": order.id}
    book.tell("link.paid", f"link.paid:{link.id}:{order.id}:{payment or 'free'}", link_event(link, **about))


def _connection(event: NewEvent) -> str | None:
    said = event.data.get("connection") if event.type.startswith("order.") else event.source
    return said if isinstance(said, str) else None


def _order(event: NewEvent, known: Mapping[str, Row]) -> str | None:
    """The order that an event is about."""
    if _names_payment_alone(event):
        row = known.get(_identity(event))
        return row.order if row is not None else None
    order = event.data.get("order")
    return order if is_order(order) else None


def _names_payment_alone(event: NewEvent) -> bool:
    return isinstance(event.data.get("payment"), str) and not isinstance(event.data.get("order"), str)


def _identity(event: NewEvent) -> str:
    return payment_identity(event.source, str(event.data["payment"]))
