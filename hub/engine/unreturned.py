"""Payments that came in for nothing and could not be given back: a person gives them back in another way, and says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

import sqlalchemy as sa

from hub.commerce.job_payments import GIVE_BACK as GIVE_BACK_OF_JOB
from hub.commerce.order_payments import GIVE_BACK as GIVE_BACK_OF_ORDER
from hub.errors import NotFoundError, PermanentError
from hub.journal.owners import names_of
from hub.journal.tables import events, payments, subscriptions
from hub.journal.tables_commerce import order_payments, orders
from hub.journal.tables_escrow import holds
from hub.journal.tables_work import job_payments, jobs
from hub.payments import beside
from hub.payments.holds import Hold
from hub.payments.payment import Facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from typing import Any

    from hub.engine.hub import Hub
    from hub.journal.book import Book
    from hub.jsontypes import JsonObject

_MOST: Final = 200
_NOTED: Final = "given_back:{}"
"""The step of a subscription by which a person said so of a payment."""

_OWNED: Final[Mapping[str, tuple[sa.Table, sa.Table, str, str]]] = {
    "order": (order_payments, orders, "order", GIVE_BACK_OF_ORDER),
    "job": (job_payments, jobs, "job", GIVE_BACK_OF_JOB),
}
"""Of what owns payments: the table of these, its own, the column between them, the timer that gives one back."""


@dataclass(frozen=True, slots=True)
class Unreturned:
    """One payment. ``kind``: order, job, subscription or hold; ``subject``: which; ``name``: what people call it."""

    kind: str
    subject: str
    name: str
    connection: str
    payment: str
    amount: JsonObject
    message: str
    since: datetime


def unreturned(hub: Hub, subject: str = "", payment: tuple[str, str] | None = None) -> list[Unreturned]:
    """Those that nobody settled yet, the oldest first.

    Of all, of one order, job, subscription or hold (``subject``), or of one ``payment``: its connection and number there.
    """
    with hub.database.read() as connection:
        looked = (_of_orders_and_jobs, _of_subscriptions, _of_holds)
        found = [one for look in looked for one in look(connection, subject, payment)]
    return sorted(found, key=lambda one: (one.since, one.payment))


def settle(hub: Hub, kind: str, subject: str, payment: str, *, given_back: bool) -> None:
    """A person gave it back themselves, or the gateway is asked once more.

    Raises ``PermanentError`` (``wrong_state``) when it waits for nobody, ``NotFoundError``, and like an action.
    """
    one = next((one for one in unreturned(hub, subject) if (one.kind, one.payment) == (kind, payment)), None)
    if one is None:
        message = f"The payment {payment} does not wait for anybody any more."
        raise PermanentError(message, code="wrong_state", remedy="Load the page again to see how it stands.")
    if kind in _OWNED:
        hub.recorder.change(lambda book: _settle_owned(book, one, given_back=given_back), hub.now(), (None, None))
        return
    if kind == "hold":
        hub.recorder.change(lambda book: _settle_beside(book, one, given_back=given_back), hub.now(), (None, None))
        return
    row = hub.payments.store.get(subscriptions, subject)
    if given_back:
        known = hub.payments.store.subscription(row)
        hub.payments.store.keep_subscription(row, known, hub.now(), _NOTED.format(payment))
    else:
        hub.charging.give_back_again(row, payment, cast("int", one.amount["minor"]))


def _of_orders_and_jobs(
    connection: sa.Connection, subject: str, payment: tuple[str, str] | None
) -> Iterator[Unreturned]:
    for kind, (table, owners, name, _) in _OWNED.items():
        same = sa.and_(payments.c.connection == table.c.connection, payments.c.payment == table.c.payment)
        mine = [table.c[name] == subject] if subject else []
        if payment is not None:
            mine += [table.c.connection == payment[0], table.c.payment == payment[1]]
        query = (
            sa.select(table, owners.c.number)
            .join(owners, owners.c.id == table.c[name])
            .join(payments, same)
            .where(table.c.state == "stuck", payments.c.refunded < table.c.minor, *mine)
            .order_by(table.c.updated_at)
            .limit(_MOST)
        )
        for row in connection.execute(query):
            amount: JsonObject = {"minor": row.minor, "currency": row.currency}
            yield Unreturned(
                kind, getattr(row, name), str(row.number), row.connection, row.payment, amount,
                str((row.error or {}).get("message", "")), row.updated_at,
            )  # fmt: skip


def _of_subscriptions(connection: sa.Connection, subject: str, payment: tuple[str, str] | None) -> Iterator[Unreturned]:
    told = sa.select(events.c.source, events.c.data, events.c.created_at)
    newest = told.where(events.c.type == "subscription.not_given_back").order_by(events.c.id.desc()).limit(_MOST)
    kept = [
        row
        for row in connection.execute(newest)
        if subject in ("", row.data["subscription"]) and payment in (None, (row.source, row.data["payment"]))
    ]
    if not kept:
        return
    paid = sa.tuple_(payments.c.connection, payments.c.payment).in_([(row.source, row.data["payment"]) for row in kept])
    returned = sa.select(payments.c.connection, payments.c.payment, payments.c.refunded).where(paid)
    refunded = {(row.connection, row.payment): row.refunded for row in connection.execute(returned)}
    owners = subscriptions.c.id.in_({row.data["subscription"] for row in kept})
    steps = sa.select(subscriptions.c.id, subscriptions.c.steps).where(owners)
    noted = {(row.id, step) for row in connection.execute(steps) for step, _ in row.steps}
    for row in kept:
        data = row.data
        is_open = refunded.get((row.source, data["payment"]), 0) < data["amount"]["minor"]
        if is_open and (data["subscription"], _NOTED.format(data["payment"])) not in noted:
            name = str((data.get("customer") or {}).get("name") or data["subscription"])
            yield Unreturned(
                "subscription", data["subscription"], name, row.source, data["payment"], data["amount"],
                data["error"]["message"], row.created_at,
            )  # fmt: skip


def _of_holds(connection: sa.Connection, subject: str, payment: tuple[str, str] | None) -> Iterator[Unreturned]:
    told = sa.select(events.c.data, events.c.created_at).where(events.c.type == beside.TOLD)
    newest = connection.execute(told.order_by(events.c.id.desc()).limit(_MOST)).all()
    kept = {
        (row.data["hold"], row.data["payment"]): row
        for row in reversed(newest)  # the last word of each counts
        if subject in ("", row.data["hold"]) and payment in (None, (row.data["connection"], row.data["payment"]))
    }
    if not kept:
        return
    rows = connection.execute(sa.select(holds).where(holds.c.id.in_({hold for hold, _ in kept}))).all()
    known = {row.id: row for row in rows}
    names = names_of(connection, [row.owner for row in rows])
    places = [(row.data["connection"], row.data["payment"]) for row in kept.values()]
    paid = sa.select(payments.c.connection, payments.c.payment, payments.c.facts).where(
        sa.tuple_(payments.c.connection, payments.c.payment).in_(places)
    )
    here = {(row.connection, row.payment): beside.left(Facts.from_json(row.facts)) for row in connection.execute(paid)}
    for (hold, reference), row in kept.items():
        place, terms = (row.data["connection"], reference), Hold.from_json(known[hold].terms)
        if terms.beside.get(reference, ("", 0))[0] == "stuck" and here.get(place):
            named = names.get(known[hold].owner)
            amount: JsonObject = {"minor": here[place], "currency": row.data["amount"]["currency"]}
            yield Unreturned(
                "hold", hold, hold if named is None else f"for {named.words}", *place, amount,
                row.data["error"]["message"], row.created_at,
            )  # fmt: skip


def _settle_beside(book: Book, one: Unreturned, *, given_back: bool) -> None:
    if not beside.settle(book, one.subject, one.payment, given_back=given_back):
        raise _settled_meanwhile(one)


def _settle_owned(book: Book, one: Unreturned, *, given_back: bool) -> None:
    table, _, _, timer = _OWNED[one.kind]
    place = (table.c.connection == one.connection, table.c.payment == one.payment, table.c.state == "stuck")
    row: sa.Row[Any] | None = book.connection.execute(sa.select(table).where(*place)).one_or_none()
    if row is None:
        raise _settled_meanwhile(one)
    if given_back:
        book.change(table, row, state="refunded")
    else:
        book.change(table, row, state="surplus", error=None)
        book.wake_at(timer, row.id, book.now)


def _settled_meanwhile(one: Unreturned) -> NotFoundError:
    message = f"The payment {one.payment} was settled by somebody else at this very moment."
    return NotFoundError(message, remedy="Load the page again to see how it stands.")
