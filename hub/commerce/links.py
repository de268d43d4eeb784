"""The actions of payment links: made for one payment or for many, mailed, reminded of, cancelled.

Each payment on a link is an order of one line, so that who pays chooses among the gateways, pays at most once, and gets back
what came in too late. How a link becomes paid stands in :mod:`hub.commerce.link_payments`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa
from babel.dates import format_date

from hub.commerce import orders
from hub.commerce.link_payments import MAIL, REMIND, quiet
from hub.commerce.link_reading import PAGE, asked_of, find_link, link_event, link_output
from hub.errors import ActionError, PermanentError, TransientError, UncertainError
from hub.expressions.durations import parse_duration
from hub.journal.tables_commerce import orders as order_table
from hub.journal.tables_links import payment_links
from hub.phrases import DEFAULT_LANGUAGE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.journal.book import Book, Row
    from hub.jsontypes import Json, JsonObject
    from hub.office import Action, Office, Timer

PAYABLE_FOR: Final = "30d"
"""How long a link can be paid when nobody says otherwise."""

_EXPIRE: Final = "links.expire"
_LOOK_AGAIN: Final = timedelta(days=1)
_ASKING: Final = "payment-link"
_REMINDING: Final = "payment-reminder"


def create(office: Office, given: JsonObject) -> JsonObject:
    """``links/create``: make a link, and have it mailed when ``send`` says so; again gives the same one."""
    identity = office.identity("plk")
    office.change(lambda book: make(book, identity, given, office.address(PAGE, identity)))
    return get(office, {"link": identity})


def make(book: Book, identity: str, given: JsonObject, url: str, *, batch: str | None = None) -> None:
    """Write a link under an id of the caller's, in the caller's change; one that is there already stays as it is.

    ``given``: as for ``links/create``. ``batch``: the table of recipients that it is of. Raises ``PermanentError``.
    """
    if book.find(payment_links, identity) is not None:
        return
    row = _row(identity, given, book.now)
    if given.get("send") and not row["recipient"].get("email"):
        message = "The link cannot be mailed: its recipient has no mail address."
        raise PermanentError(message, code="bad_input", remedy="Give the recipient's `email`, or leave out `send`.")
    book.insert(payment_links, {**row, "batch": batch})
    link = book.get(payment_links, identity)
    if link.reusable:
        book.wake_at(_EXPIRE, identity, link.due_at)
    else:
        orders.place(book, link.order, _order_of(link), link.due_at, link=identity)
    book.tell("link.created", f"link.created:{identity}", link_event(link, url))
    if given.get("send"):
        book.change(payment_links, book.get(payment_links, identity), mail="waiting")
        book.wake_at(MAIL, identity, book.now)


def get(office: Office, given: JsonObject) -> JsonObject:
    """``links/get``: a link as it stands."""
    with office.read() as connection:
        return link_output(office, find_link(connection, str(given["link"])))


def send(office: Office, given: JsonObject) -> JsonObject:
    """``links/send``: mail it to its recipient, or to whom ``to`` says, now; a reminder follows when it says so."""
    return _mailed(office, given, _ASKING)


def remind(office: Office, given: JsonObject) -> JsonObject:
    """``links/remind``: mail a reminder now."""
    return _mailed(office, given, _REMINDING)


def cancel(office: Office, given: JsonObject) -> JsonObject:
    """``links/cancel``: nobody can pay on it any more; a payment that comes all the same goes back."""
    reason = str(given.get("reason") or "cancelled")[:200]

    def work(book: Book) -> None:
        row = book.get(payment_links, str(given["link"]))
        if not row.reusable:
            orders.call_off(book, row.order, reason)
        elif row.state == "active":
            _end(book, row, "cancelled", reason)

    office.change(work)
    return get(office, given)


def open_link(office: Office, identity: str) -> Row:
    """The link that somebody opened; the first time is told. Raises ``NotFoundError``."""

    def work(book: Book) -> Row:
        row = book.get(payment_links, identity)
        if row.opened_at is not None or row.state != "active":
            return row
        opened = book.change(payment_links, row, opened_at=book.now)
        book.tell("link.opened", f"link.opened:{identity}", link_event(opened))
        return opened

    return office.change(work)


def order_for(office: Office, identity: str) -> str:
    """The id of the order that somebody who pays on a link is led to; for a reusable one a new order for each key.

    Raises ``PermanentError`` (``wrong_state``) for a reusable link that is over.
    """
    order = office.identity("ord", identity)

    def work(book: Book) -> str:
        row = book.get(payment_links, identity)
        if not row.reusable:
            return str(row.order)
        if row.state != "active":
            message = "This link takes no payment any more."
            raise PermanentError(message, code="wrong_state", remedy="Ask who sent it for a new one.")
        lasts = book.now + parse_duration(orders.PAYABLE_FOR)
        due_at = min(lasts, row.due_at) if row.due_at is not None else lasts
        orders.place(book, order, _order_of(row), due_at, link=identity)
        return order

    return office.change(work)


def mail_now(office: Office, identity: str) -> None:
    """The timer: mail a link that waits for it. What the mail server refuses for good is kept and shown."""
    with office.read() as connection:
        row = find_link(connection, identity)
    if row.state == "active" and row.mail == "waiting":
        _mail_by_itself(office, row, _ASKING)


def remind_now(office: Office, identity: str) -> None:
    """The timer: remind of a link that was mailed and not paid, once."""
    with office.read() as connection:
        row = find_link(connection, identity)
    if row.state != "active" or row.payments or row.reminded_at is not None:
        return
    if _is_being_paid(office, row):
        office.change(lambda book: book.wake_at(REMIND, identity, book.now + _LOOK_AGAIN))
    else:
        _mail_by_itself(office, row, _REMINDING)


def expire(office: Office, identity: str) -> None:
    """The timer: a reusable link's time is over; one for a single payment ends with its order."""

    def work(book: Book) -> None:
        row = book.find(payment_links, identity)
        if row is not None and row.state == "active":
            _end(book, row, "expired", None)

    office.change(work)


ACTIONS: Final[Mapping[str, Action]] = {
    "create": create,
    "get": get,
    "send": send,
    "remind": remind,
    "cancel": cancel,
}
TIMERS: Final[Mapping[str, Timer]] = {_EXPIRE: expire, MAIL: mail_now, REMIND: remind_now}


# mails


def _mailed(office: Office, given: JsonObject, template: str) -> JsonObject:
    with office.read() as connection:
        row = find_link(connection, str(given["link"]))
    if row.state != "active":
        message = f"The link {row.id} is {row.state}."
        raise PermanentError(message, code="wrong_state", remedy="Only links that can be paid are mailed.")
    to = str(given.get("to") or row.recipient.get("email") or "")
    if not to:
        message = f"The link {row.id} names no mail address."
        raise PermanentError(message, code="bad_input", remedy="Give `to`, the address to which it is mailed.")
    _mail(office, row, template, to)
    return get(office, {"link": row.id})


def _mail(office: Office, row: Row, template: str, to: str) -> None:
    """Mail it and keep that it was. Raises like ``mail/send``."""
    brand = cast("JsonObject", office.fact("brand") or {})
    until = format_date(row.due_at.date(), "long", row.language) if row.due_at is not None else None
    data: dict[str, Json] = {
        "amount": asked_of(row).format(row.language),
        "purpose": row.purpose,
        "url": office.address(PAGE, row.id),
        "note": row.note,
        "name": row.recipient.get("name"),
        "sender": brand.get("name"),
        "until": until,
    }
    data = {name: value for name, value in data.items() if value}
    spoken = template if row.language == DEFAULT_LANGUAGE else f"{template}-{row.language}"
    office.call("mail", "send", {"to": to, "template": spoken, "data": data}, template)
    office.change(lambda book: _went_out(book, row.id, template))


def _went_out(book: Book, identity: str, template: str) -> None:
    row = book.get(payment_links, identity)
    if template == _REMINDING:
        book.change(payment_links, row, reminded_at=book.now)
        book.wake_at(REMIND, identity, None)
        return
    book.change(payment_links, row, mail="sent", mail_error=None, sent_at=book.now)
    book.wake_at(MAIL, identity, None)
    remind_at = book.now + orders.duration("remind_in", row.remind_in) if row.remind_in else None
    if remind_at is not None and (row.due_at is None or remind_at < row.due_at):
        book.wake_at(REMIND, identity, remind_at)


def _mail_by_itself(office: Office, row: Row, template: str) -> None:
    try:
        _mail(office, row, template, str(row.recipient["email"]))
    except (TransientError, UncertainError):
        raise
    except ActionError as error:
        words: JsonObject = {"code": error.code, "message": error.message, "remedy": error.remedy}
        office.change(lambda book: _did_not_go_out(book, row.id, words))


def _did_not_go_out(book: Book, identity: str, error: JsonObject) -> None:
    book.change(payment_links, book.get(payment_links, identity), mail="failed", mail_error=error)


def _is_being_paid(office: Office, row: Row) -> bool:
    """Whether a payment is under way: who has just paid by a slow way is not reminded."""
    begun = sa.select(order_table.c.id).where(order_table.c.link == row.id, order_table.c.state == "open")
    with office.read() as connection:
        return any(orders.is_pending(connection, order) for order in connection.execute(begun).scalars().all())


# what is written


def _row(identity: str, given: JsonObject, now: datetime) -> dict[str, Any]:
    amount = cast("JsonObject", given["amount"])
    if cast("int", amount["minor"]) <= 0:
        message = "A link asks for an amount above zero."
        raise PermanentError(message, code="bad_input", remedy="Give an amount above zero.")
    recipient = cast("Mapping[str, Json]", given.get("recipient") or {})
    reusable = given.get("reusable") is True
    words = [str(given["purpose"]), *(str(value) for value in recipient.values() if isinstance(value, str))]
    if given.get("remind_in"):
        orders.duration("remind_in", str(given["remind_in"]))
    lasts = str(given.get("expires_in") or PAYABLE_FOR)
    return {
        "id": identity,
        "state": "active",
        "currency": amount["currency"],
        "minor": amount["minor"],
        "purpose": given["purpose"],
        "recipient": dict(recipient),
        "connections": given.get("connections"),
        "reusable": reusable,
        "order": None if reusable else f"ord_{identity.removeprefix('plk_')}",
        "language": str(given.get("language") or DEFAULT_LANGUAGE),
        "note": str(given.get("note") or ""),
        "metadata": given.get("metadata"),
        "return_url": given.get("return_url"),
        "remind_in": given.get("remind_in"),
        "due_at": now + orders.duration("expires_in", lasts),
        "search": " ".join(words).lower()[:2_000],
    }


def _order_of(link: Row) -> JsonObject:
    """What ``orders/create`` is given for one payment on a link."""
    given: JsonObject = {
        "lines": [{"title": link.purpose, "quantity": 1, "price": asked_of(link).to_json()}],
        "description": link.purpose,
        "customer": link.recipient or None,
        "metadata": link.metadata,
        "connections": link.connections,
        "return_url": link.return_url,
    }
    return {name: value for name, value in given.items() if value is not None}


def _end(book: Book, row: Row, state: str, reason: str | None) -> None:
    """A reusable link is over, and what was begun on it and not paid.

    At its expiry a payment that is under way is waited for: the order's own timer ends it should nothing come.
    """
    ended = book.change(payment_links, row, state=state)
    book.wake_at(_EXPIRE, row.id, None)
    quiet(book, row.id)
    begun = sa.select(order_table.c.id).where(order_table.c.link == row.id, order_table.c.state == "open")
    for order in book.rows(begun.where(order_table.c.paid == 0).order_by(order_table.c.id)):
        if state == "cancelled" or not orders.is_pending(book.connection, order.id):
            orders.call_off(book, order.id, reason or "expired")
    book.tell(f"link.{state}", f"link.{state}:{row.id}", link_event(ended, reason=reason))
