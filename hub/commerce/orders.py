"""Orders: placed with prices of the catalogue, payable for a while, cancelled or expired with their stock given back.

How an order becomes paid stands in :mod:`hub.commerce.order_payments`, how one is read in :mod:`hub.commerce.order_reading`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from hub.commerce import stock
from hub.commerce.invoice_payments import billing, make_void
from hub.commerce.order_lines import Line, currency_of, priced, total_of, wanted
from hub.commerce.order_payments import ANOTHER_DAY, EXPIRE, settle
from hub.commerce.order_reading import find_order, order_event, order_output, payments_of
from hub.errors import ExpressionError, PermanentError
from hub.expressions.durations import parse_duration
from hub.journal.tables_commerce import catalogue_items, order_lines, orders
from hub.journal.tables_invoices import invoices

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from hub.journal.book import Book
    from hub.jsontypes import Json, JsonObject
    from hub.money import Money
    from hub.office import Action, Office, Timer

PAYABLE_FOR: Final = "3d"
"""How long an order can be paid when nobody says otherwise."""

_SERIES: Final = "order"


def create(office: Office, given: JsonObject) -> JsonObject:
    """``orders/create``: reckon the lines, take their stock, and tell ``order.placed``; again gives the same order."""
    identity = office.identity("ord")
    lasts = duration("expires_in", str(given.get("expires_in") or PAYABLE_FOR))
    office.change(lambda book: place(book, identity, given, book.now + lasts))
    return get(office, {"order": identity})


def place(book: Book, identity: str, given: JsonObject, due_at: datetime | None, *, link: str | None = None) -> None:
    """Write an order under an id of the caller's, in the caller's change; one that is there already stays as it is.

    ``given``: as for ``orders/create``. ``due_at``: until when it can be paid, None for ever. ``link``: the payment link
    that it is for. Raises ``PermanentError`` for lines that cannot be ordered.
    """
    if book.find(orders, identity) is not None:
        return
    items = _items(book.connection, cast("Sequence[JsonObject]", given["lines"]))
    currency = currency_of(given, items)
    lines = priced(cast("Sequence[JsonObject]", given["lines"]), items, currency)
    row = _row(identity, given, lines, total_of(lines, currency), due_at)
    if not book.insert(orders, {**row, "link": link, "number": book.next_number(_SERIES)}):
        return  # another process placed it at this very moment
    for position, line in enumerate(lines, 1):
        book.insert(order_lines, _line_row(identity, position, line))
    stock.hold(book, identity, wanted(lines), due_at)
    book.wake_at(EXPIRE, identity, due_at)
    order = book.get(orders, identity)
    book.tell("order.placed", f"order.placed:{identity}", order_event(book.connection, order))
    settle(book, order)  # one that costs nothing is paid


def get(office: Office, given: JsonObject) -> JsonObject:
    """``orders/get``: an order by its id or number, as it stands."""
    with office.read() as connection:
        row = find_order(connection, str(given["order"]))
        return order_output(office, connection, row)


def cancel(office: Office, given: JsonObject) -> JsonObject:
    """``orders/cancel``: an order that is not paid is over, with its stock given back and its invoice void; once."""
    with office.read() as connection:
        identity = find_order(connection, str(given["order"])).id
    reason = str(given.get("reason") or "cancelled")
    office.change(lambda book: call_off(book, identity, reason))
    return get(office, {"order": identity})


def call_off(book: Book, identity: str, reason: str) -> None:
    """Cancel an order in the caller's change. Raises ``PermanentError`` (``wrong_state``) when something was paid for it."""
    row = book.get(orders, identity)
    if row.state in {"cancelled", "expired"}:
        return
    if row.state == "paid" or row.paid:
        message = f"The order {row.number} is paid{'' if row.state == 'paid' else ' in part'}."
        raise PermanentError(message, code="wrong_state", remedy="Refund its payment instead.")
    _end(book, row, "cancelled", reason)


def expire(office: Office, identity: str) -> None:
    """The timer: an order that nobody paid in time is over.

    One whose payment is under way, or whose invoice can be paid still, is given another day.
    """

    def work(book: Book) -> None:
        row = book.find(orders, identity)
        if row is None or row.state != "open" or row.paid:
            return
        if is_pending(book.connection, identity) or billing(book.connection, identity) is not None:
            book.wake_at(EXPIRE, identity, book.now + ANOTHER_DAY)
            return
        _end(book, row, "expired", "expired")

    office.change(work)


def is_pending(connection: sa.Connection, identity: str) -> bool:
    """Whether a payment of the order is under way at a gateway, and may succeed without anybody doing anything."""
    return "pending" in {row.at_gateway for row in payments_of(connection, identity)}


def keep_until(book: Book, order: sa.Row[Any], moment: datetime) -> None:
    """An open order is kept until then at least: what bills it can be paid so long."""
    if order.state == "open" and order.due_at is not None and order.due_at < moment:
        book.change(orders, order, due_at=moment)
        stock.keep_until(book, order.id, moment)
        book.wake_at(EXPIRE, order.id, moment)


ACTIONS: Final[Mapping[str, Action]] = {"create": create, "get": get, "cancel": cancel}
TIMERS: Final[Mapping[str, Timer]] = {EXPIRE: expire}


# what is written


def _row(
    identity: str, given: JsonObject, lines: Sequence[Line], total: Money, due_at: datetime | None
) -> dict[str, object]:
    customer = cast("Mapping[str, Json]", given.get("customer") or {})
    words = [*(str(value) for value in customer.values() if isinstance(value, str)), *(line.title for line in lines)]
    words += [line.item for line in lines if line.item]
    return {
        "id": identity,
        "state": "open",
        "currency": total.currency,
        "total": total.minor,
        "customer": given.get("customer"),
        "metadata": given.get("metadata"),
        "connections": given.get("connections"),
        "description": str(given.get("description") or ""),
        "return_url": given.get("return_url"),
        "due_at": due_at,
        "search": " ".join(words).lower()[:2_000],
    }


def _line_row(order: str, position: int, line: Line) -> dict[str, object]:
    return {
        "id": f"{order}_{position}",
        "order": order,
        "position": position,
        "item": line.item,
        "title": line.title,
        "vendor": line.vendor,
        "quantity": line.quantity,
        "price": line.price.minor,
        "total": line.total.minor,
        "tax_rate": line.tax_rate,
        "tax": line.tax.minor,
    }


def _end(book: Book, row: sa.Row[Any], state: str, reason: str) -> None:
    ended = book.change(orders, row, state=state, reason=reason[:200], due_at=None)
    stock.release(book, row.id)
    book.wake_at(EXPIRE, row.id, None)
    invoice = billing(book.connection, row.id)
    if invoice is not None:
        make_void(book, book.get(invoices, invoice), reason[:200])
    book.tell("order.cancelled", f"order.cancelled:{row.id}", order_event(book.connection, ended, reason=reason[:200]))


def _items(connection: sa.Connection, lines: Sequence[JsonObject]) -> dict[str, sa.Row[Any]]:
    named = sorted({str(line["item"]) for line in lines if line.get("item")})
    query = sa.select(catalogue_items).where(catalogue_items.c.id.in_(named))
    return {row.id: row for row in connection.execute(query)}


def duration(field: str, text: str) -> timedelta:
    """The span that a field of an input says. Raises ``PermanentError`` (``bad_input``) that names the field."""
    try:
        return parse_duration(text)
    except ExpressionError as error:
        raise PermanentError(f"{field}: {error.message}", code="bad_input", remedy=error.remedy) from error
