"""The actions of invoices: made from an order or from lines, issued under a number without gaps, mailed, made void."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa
from babel.dates import format_date

from hub.commerce.invoice_payments import OVERDUE, billing, make_void, settle, take_earlier
from hub.commerce.invoice_reading import PAYABLE, due_of, find_invoice, invoice_event, invoice_output
from hub.commerce.order_lines import Line, currency_of, priced
from hub.commerce.order_reading import find_order, lines_of
from hub.commerce.orders import keep_until
from hub.commerce.tax import Reckoned, reckon
from hub.errors import PermanentError
from hub.journal.tables_commerce import catalogue_items, orders
from hub.journal.tables_invoices import invoices
from hub.money import Money
from hub.phrases import DEFAULT_LANGUAGE, phrase

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.journal.book import Book, Row
    from hub.jsontypes import Json, JsonObject
    from hub.office import Action, Office, Timer

DUE_IN_DAYS: Final = 14


def create(office: Office, given: JsonObject) -> JsonObject:
    """``invoices/create``: reckon the lines and their tax, and issue it unless it is a draft; again gives the same one."""
    identity = office.identity("inv")
    url = office.address("i", identity)

    def work(book: Book) -> None:
        if book.find(invoices, identity) is not None:
            return
        named = find_order(book.connection, str(given["order"])) if given.get("order") else None
        order = book.get(orders, named.id) if named is not None else None  # nobody else bills it meanwhile
        if order is not None:
            _refuse_second(book, order)
        included = given.get("tax_included", True) is not False
        lines, currency = _lines(book.connection, given, order)
        reckoned = reckon(lines, currency, included=included or order is not None)
        book.insert(invoices, _row(identity, given, order, reckoned, included=included or order is not None))
        if not given.get("draft"):
            _issue(book, book.get(invoices, identity), url)

    office.change(work)
    return get(office, {"invoice": identity})


def get(office: Office, given: JsonObject) -> JsonObject:
    """``invoices/get``: an invoice by its id or number, as it stands."""
    with office.read() as connection:
        return invoice_output(office, connection, find_invoice(connection, str(given["invoice"])))


def issue(office: Office, given: JsonObject) -> JsonObject:
    """``invoices/issue``: a draft gets its number and can be paid; again changes nothing."""
    identity = _identity(office, given)
    url = office.address("i", identity)

    def work(book: Book) -> None:
        order = book.connection.scalar(sa.select(invoices.c.order).where(invoices.c.id == identity))
        if order is not None:
            book.get(
                orders, order
            )  # before the invoice, as a payment does: else each might wait for the other one's row
        row = book.get(invoices, identity)
        if row.state == "void":
            raise _wrong_state(row, "is void", "Make a new one.")
        if row.state == "draft":
            _issue(book, row, url)

    office.change(work)
    return get(office, {"invoice": identity})


def send(office: Office, given: JsonObject) -> JsonObject:
    """``invoices/send``: mail it as PDF, with the address where it is paid, to the customer or to whom ``to`` says."""
    with office.read() as connection:
        row = find_invoice(connection, str(given["invoice"]))
    if row.state in {"draft", "void"}:
        raise _wrong_state(row, f"is {'a draft' if row.state == 'draft' else 'void'}", "Only issued ones are sent.")
    to = str(given.get("to") or (row.customer or {}).get("email") or "")
    if not to:
        message = f"The invoice {row.number} names no mail address."
        raise PermanentError(message, code="bad_input", remedy="Give `to`, the address to which it is sent.")
    office.call(
        "mail",
        "send",
        {"to": to, **mail_of(row, office.address("i", row.id)), "attachments": [{"invoice": row.id}]},
        "mail",
    )
    office.change(lambda book: book.change(invoices, book.get(invoices, row.id), sent_at=book.now))
    return get(office, {"invoice": row.id})


def void(office: Office, given: JsonObject) -> JsonObject:
    """``invoices/void``: an invoice for which nothing came in is not owed any more; its number stays used."""
    identity = _identity(office, given)
    reason = str(given.get("reason") or "")[:200]

    def work(book: Book) -> None:
        row = book.get(invoices, identity)
        if row.state == "void":
            return
        if row.paid > row.refunded:
            raise _wrong_state(row, "is paid, in part at least", "Refund its payments first.")
        make_void(book, row, reason)

    office.change(work)
    return get(office, {"invoice": identity})


def tell_overdue(office: Office, identity: str) -> None:
    """The timer: an invoice that was not paid by its day is told, once."""
    url = office.address("i", identity)

    def work(book: Book) -> None:
        row = book.find(invoices, identity)
        if row is None or row.state not in PAYABLE or row.overdue_at is not None:
            return
        late = book.change(invoices, row, overdue_at=book.now)
        book.tell("invoice.overdue", f"invoice.overdue:{identity}", invoice_event(late, url))

    office.change(work)


ACTIONS: Final[Mapping[str, Action]] = {"create": create, "get": get, "issue": issue, "send": send, "void": void}
TIMERS: Final[Mapping[str, Timer]] = {OVERDUE: tell_overdue}


def mail_of(row: Row, url: str) -> dict[str, Json]:
    """Subject and text of the mail with an invoice, in its customer's language."""

    def said(name: str, **values: object) -> str:
        return phrase(row.language, f"invoice_mail.{name}", **values)

    total, due = (one.format(row.language) for one in (Money(row.total, row.currency), due_of(row)))
    day = format_date(row.due_at.date(), "long", row.language)
    first = said("due" if row.state in PAYABLE else "paid", number=row.number, total=total, due=due, day=day)
    text = f"{first}\n\n{said('see')}\n{url}\n\n{said('paper')}\n{url}/invoice.pdf"
    return {"subject": said("subject", number=row.number), "text": text}


# what is written


def _issue(book: Book, draft: Row, url: str) -> None:
    """Give it its number, in the transaction that issues it: one that fails leaves no gap.

    An order that it bills can be paid as long as it. Raises ``PermanentError`` when that order is over or billed already.
    """
    order = book.get(orders, draft.order) if draft.order is not None else None
    if order is not None:
        _refuse_second(book, order)
    if order is not None and order.state in {"cancelled", "expired"}:
        message = f"The order {order.number} is {order.state}: nothing is owed for it."
        raise PermanentError(message, code="wrong_state", remedy="Place a new order, or bill the lines without one.")
    series = _apart(draft.series or f"{book.now:%Y}")
    number = f"{series}{book.next_number(f'invoice {series}'):04}"
    due_at = datetime.combine(book.now.date() + timedelta(days=draft.due_in_days), time(23, 59, 59), UTC)
    row = book.change(invoices, draft, state="open", number=number, issued_at=book.now, due_at=due_at)
    book.wake_at(OVERDUE, row.id, due_at)
    book.tell("invoice.issued", f"invoice.issued:{row.id}", invoice_event(row, url))
    if order is not None:
        keep_until(book, order, due_at)
        row = take_earlier(book, row)
    settle(book, row)  # one that costs nothing is paid


def _apart(series: str) -> str:
    """A series whose end cannot be taken for the beginning of a number: `A1` and 0001 are not the 10001st of `A`."""
    return f"{series}-" if series[-1].isdigit() else series


def _lines(connection: sa.Connection, given: JsonObject, order: Row | None) -> tuple[list[Line], str]:
    if order is not None:
        return lines_of(connection, order), order.currency
    lines = cast("Sequence[JsonObject]", given.get("lines") or ())
    if not lines:
        message = "An invoice needs lines, or the order that it bills."
        raise PermanentError(message, code="bad_input", remedy="Give `lines` or `order`.")
    named = sorted({str(line["item"]) for line in lines if line.get("item")})
    query = sa.select(catalogue_items).where(catalogue_items.c.id.in_(named))
    items = {row.id: row for row in connection.execute(query)}
    currency = currency_of(given, items)
    return priced(lines, items, currency), currency


def _row(
    identity: str, given: JsonObject, order: Row | None, reckoned: Reckoned, *, included: bool
) -> dict[str, object]:
    customer = cast(
        "Mapping[str, Json]", given.get("customer") or (order.customer if order is not None else None) or {}
    )
    words = [*(str(value) for value in customer.values() if isinstance(value, str))]
    words += [str(line["title"]) for line in reckoned.lines]
    taxes = [{**asdict(one), "net": one.net.minor, "tax": one.tax.minor} for one in reckoned.taxes]
    return {
        "id": identity,
        "series": str(given.get("series") or ""),
        "state": "draft",
        "currency": reckoned.total.currency,
        "lines": list(reckoned.lines),
        "taxes": taxes,
        "tax_included": included,
        "total": reckoned.total.minor,
        "order": order.id if order is not None else None,
        "customer": dict(customer) or None,
        "metadata": given.get("metadata") or (order.metadata if order is not None else None),
        "connections": given.get("connections") or (order.connections if order is not None else None),
        "note": str(given.get("note") or ""),
        "language": str(given.get("language") or DEFAULT_LANGUAGE),
        "due_in_days": given.get("due_in_days", DUE_IN_DAYS),
        "search": " ".join(words).lower()[:2_000],
    }


def _identity(office: Office, given: JsonObject) -> str:
    with office.read() as connection:
        return str(find_invoice(connection, str(given["invoice"])).id)


def _refuse_second(book: Book, order: Row) -> None:
    """One order is billed by one invoice at a time; drafts do not count."""
    other = billing(book.connection, order.id)
    if other is not None:
        message = f"The order {order.number} is billed already, by the invoice {book.get(invoices, other).number}."
        raise PermanentError(message, code="wrong_state", remedy="Make that one void first, or send it again.")


def _wrong_state(row: sa.Row[Any], how: str, remedy: str) -> PermanentError:
    return PermanentError(f"The invoice {row.number or row.id} {how}.", code="wrong_state", remedy=remedy)
