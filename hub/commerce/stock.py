"""What is left to sell: held for an order, sold once it is paid, given back when it is not. Never below zero.

All of it runs inside a change (:class:`hub.journal.book.Book`), so that stock and orders are one transaction.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hub.errors import PermanentError
from hub.ids import derived_id
from hub.journal.tables_commerce import catalogue_items, reservations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from hub.journal.book import Book, Row

RELEASE = "catalogue.release"
"""The timer that gives a reservation's stock back."""


def hold(book: Book, owner: str, wanted: Iterable[tuple[str, int]], due_at: datetime | None = None) -> None:
    """Take stock away for ``owner``, the first time: pairs of SKU and quantity, all or nothing.

    Raises ``PermanentError`` (``out_of_stock``) that says of which item how much is left.
    """
    quantities = Counter[str]()
    for item, quantity in wanted:
        quantities[item] += quantity
    # one order for all, so that two writers never wait for each other
    for number, (item, quantity) in enumerate(sorted(quantities.items()), 1):
        row = {
            "id": derived_id("rsv", owner, str(number)),
            "item": item,
            "quantity": quantity,
            "owner": owner,
            "state": "held",
            "due_at": due_at,
        }
        if book.insert(reservations, row):
            _take(book, item, quantity)


def hold_again(book: Book, owner: str, due_at: datetime) -> None:
    """Take away anew what was given back of ``owner``'s, all or nothing, under the names that the items have now.

    Raises ``PermanentError``: ``out_of_stock``, or ``not_found`` when an item is not sold any more.
    """
    for row in _of(book, owner, "released"):
        _take(book, row.item, row.quantity)
        book.change(reservations, row, state="held", due_at=due_at)


def keep_until(book: Book, owner: str, due_at: datetime) -> None:
    """What is held for ``owner`` is held until then."""
    for row in _of(book, owner, "held"):
        book.change(reservations, row, due_at=due_at)


def release(book: Book, owner: str) -> None:
    """Give back what is held for ``owner``; nothing when it was sold or given back already."""
    for row in _of(book, owner, "held"):
        book.change(reservations, row, state="released", due_at=None)
        item = catalogue_items.c
        more = {"stock": item.stock + row.quantity, "version": item.version + 1, "updated_at": book.now}
        chosen = (item.id == row.item, item.stock.is_not(None))
        book.connection.execute(sa.update(catalogue_items).where(*chosen).values(**more))


def sell(book: Book, owner: str) -> None:
    """What is held for ``owner`` is gone for good."""
    for row in _of(book, owner, "held"):
        book.change(reservations, row, state="sold", due_at=None)


def shortages(connection: sa.Connection, wanted: Mapping[str, int]) -> Mapping[str, int]:
    """The items of which less is left than wanted: SKU -> how much there is."""
    item = catalogue_items.c
    query = sa.select(item.id, item.stock).where(item.id.in_(sorted(wanted)), item.stock.is_not(None))
    return {row.id: row.stock for row in connection.execute(query) if row.stock < wanted[row.id]}


def _take(book: Book, item: str, quantity: int) -> None:
    column = catalogue_items.c
    enough = (column.id == item, sa.or_(column.stock.is_(None), column.stock >= quantity))
    less = {"stock": column.stock - quantity, "version": column.version + 1, "updated_at": book.now}
    if book.connection.execute(sa.update(catalogue_items).where(*enough).values(**less)).rowcount == 1:
        return
    row = book.connection.execute(sa.select(column.title, column.stock).where(column.id == item)).first()
    if row is None:
        message = f"The catalogue has no item {item!r}."
        raise PermanentError(message, code="not_found", remedy="Check the SKU on the page Catalogue.")
    left = "none is" if not row.stock else f"only {row.stock} {'is' if row.stock == 1 else 'are'}"
    message = f"{row.title} ({item}): {quantity} wanted, {left} left."
    remedy = "Order fewer, or raise the stock on the item's page."
    details = {"item": item, "title": row.title, "wanted": quantity, "left": row.stock}
    raise PermanentError(message, code="out_of_stock", remedy=remedy, details=details)


def _of(book: Book, owner: str, state: str) -> Iterable[Row]:
    """An owner's reservations in this state, in the order in which :func:`hold` takes their items."""
    chosen = (reservations.c.owner == owner, reservations.c.state == state)
    locked = book.locking(
        sa.select(reservations).where(*chosen).order_by(reservations.c.id)
    )  # no item is renamed meanwhile
    return sorted(book.rows(locked), key=lambda row: (row.item, row.id))
