"""Reads and writes what the hub keeps of payments. Every write goes through the writer and is durable when it returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import sqlalchemy as sa

from hub.errors import ConflictError, NotFoundError
from hub.journal.inserting import insert_ignoring
from hub.journal.tables import charges, checkouts, links, payments, plans, subscriptions, transfers
from hub.money import Money
from hub.payments.subscription import OVER, Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from hub.journal.database import Database
    from hub.journal.store import Store
    from hub.journal.writer import Transaction
    from hub.jsontypes import JsonObject
    from hub.payments.subscription import Tale

Row = sa.Row[Any]
_STEPS_KEPT = 50
PAID: Final = ("succeeded", "partially_refunded", "refunded", "disputed")
"""States of payments that brought money in."""

_NAMES: Mapping[sa.Table, str] = {
    links: "payment link",
    plans: "plan",
    subscriptions: "subscription",
    transfers: "transfer",
    checkouts: "payment page",
}


class Begun(NamedTuple):
    """A charge that is to be made. ``is_repeated``: it was tried before; ``is_recovered``: and nobody heard the end."""

    charge: Row
    is_repeated: bool
    is_recovered: bool


class PaymentStore:
    """The tables of payments. Reads raise ``UnavailableError`` when the database is gone, writes too."""

    def __init__(self, database: Database, store: Store) -> None:
        self._database = database
        self._store = store

    # what all tables share

    def add(self, table: sa.Table, row: Mapping[str, object], now: datetime) -> Row:
        """Insert a row unless one of its id is there already (an attempt before this one made it); give what is there."""

        def change(tx: Transaction) -> Row:
            tx.connection.execute(insert_ignoring(tx, table), {**row, "created_at": now, "updated_at": now})
            return tx.connection.execute(sa.select(table).where(table.c.id == row["id"])).one()

        return cast("Row", self._store.change(change))

    def find(self, table: sa.Table, identity: str) -> Row | None:
        """A row by its id, or None."""
        with self._database.read() as connection:
            return connection.execute(sa.select(table).where(table.c.id == identity)).first()

    def get(self, table: sa.Table, identity: str, connection: str | None = None) -> Row:
        """A row by its id. Raises ``NotFoundError``, also when it belongs to another connection than the one named."""
        row = self.find(table, identity)
        if row is None or (connection is not None and row.connection != connection):
            message = f"There is no {_NAMES[table]} {identity!r} of the hub's here."
            raise NotFoundError(message, remedy="Check the reference, and that it was made with this connection.")
        return row

    def totals(self, *where: sa.ColumnElement[bool]) -> list[tuple[int, Money, Money]]:
        """By currency, of the payments that fit: how many were paid, what was paid, what of it was given back."""
        sums = (sa.func.count(), sa.func.sum(payments.c.amount), sa.func.sum(payments.c.refunded))
        paid = (payments.c.state.in_(PAID), payments.c.currency.is_not(None), payments.c.amount.is_not(None))
        query = sa.select(payments.c.currency, *sums).where(*where, *paid).group_by(payments.c.currency)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(sums[0].desc(), payments.c.currency)).all()
        return [
            (count, Money(int(in_all), currency), Money(int(back), currency)) for currency, count, in_all, back in rows
        ]

    def change(self, table: sa.Table, row: Row, now: datetime, **values: object) -> Row:
        """Change a row that has a version; give it as it is then.

        Raises :class:`ConflictError` when somebody else changed it since it was read.
        """
        return cast("Row", self._store.change(lambda tx: _changed(tx, table, row, now, values)))

    def due(self, table: sa.Table, now: datetime, limit: int) -> Sequence[Row]:
        """The rows whose ``due_at`` has come, the longest due first."""
        query = sa.select(table).where(table.c.due_at <= now).order_by(table.c.due_at).limit(limit)
        with self._database.read() as connection:
            return connection.execute(query).all()

    def list(self, table: sa.Table, *where: sa.ColumnElement[bool], limit: int = 200) -> Sequence[Row]:
        """The newest rows for which all of ``where`` holds."""
        query = sa.select(table).where(*where).order_by(table.c.created_at.desc()).limit(limit)
        with self._database.read() as connection:
            return connection.execute(query).all()

    def claim(self, table: sa.Table, row: Row, until: datetime) -> bool:
        """Put a due row off, so that no other process takes it up meanwhile; False when one already has.

        Should this process die, the row is due again at ``until``.
        """

        def change(tx: Transaction) -> bool:
            same = (table.c.id == row.id, table.c.due_at == row.due_at)
            return tx.connection.execute(sa.update(table).where(*same).values(due_at=until)).rowcount == 1

        return bool(self._store.change(change))

    # visits to pay

    def change_checkout(self, identity: str, now: datetime, **values: object) -> None:
        """Change a visit's columns. One that was decided meanwhile keeps its state, unless ``state`` is given."""

        def change(tx: Transaction) -> None:
            update = sa.update(checkouts).where(checkouts.c.id == identity)
            tx.connection.execute(update.values(**values, updated_at=now))

        self._store.change(change)

    def close_checkouts(self, owner: str, purpose: str, now: datetime) -> None:
        """Nobody can begin these visits any more; what is paid all the same their owner hears of."""
        mine = (checkouts.c.owner == owner, checkouts.c.purpose == purpose, checkouts.c.state.in_(("open", "failed")))
        update = sa.update(checkouts).where(*mine).values(state="closed", updated_at=now)
        self._do(lambda tx: tx.connection.execute(update))

    def count_attempt(self, link: str, seen: int, now: datetime) -> bool:
        """Take the next attempt of a link; False when another click took it first."""

        def change(tx: Transaction) -> bool:
            same = (links.c.id == link, links.c.attempts == seen)
            update = sa.update(links).where(*same).values(attempts=seen + 1, updated_at=now)
            return tx.connection.execute(update).rowcount == 1

        return bool(self._store.change(change))

    def settle_link(self, link: str, now: datetime, *, reusable: bool) -> None:
        """A payment of the link succeeded. Whoever read it before, to let it expire or cancel it, changes it no more."""
        values: dict[str, object] = {
            "payments": links.c.payments + 1,
            "version": links.c.version + 1,
            "updated_at": now,
        }
        if not reusable:
            values |= {"state": "paid", "due_at": None}
        self._do(lambda tx: tx.connection.execute(sa.update(links).where(links.c.id == link).values(**values)))

    def open_link(self, link: str, now: datetime) -> bool:
        """The link was opened; True the first time."""

        def change(tx: Transaction) -> bool:
            first = (links.c.id == link, links.c.opened_at.is_(None))
            return tx.connection.execute(sa.update(links).where(*first).values(opened_at=now)).rowcount == 1

        return bool(self._store.change(change))

    # payments

    def payment(self, connection: str, reference: str) -> Row | None:
        """The row of a payment, or None when nothing was told of it."""
        mine = (payments.c.connection == connection, payments.c.payment == reference)
        with self._database.read() as reader:
            return reader.execute(sa.select(payments).where(*mine)).first()

    def payments_to_look_at(self, now: datetime, limit: int) -> Sequence[Row]:
        """Unfinished payments whose turn to be asked about has come."""
        query = sa.select(payments).where(payments.c.look_at <= now).order_by(payments.c.look_at).limit(limit)
        with self._database.read() as reader:
            return reader.execute(query).all()

    def claim_look(self, row: Row, look_at: datetime | None) -> bool:
        """Set the next look before this one is taken; False when another process took it."""
        same = (payments.c.connection == row.connection, payments.c.payment == row.payment,
                payments.c.look_at == row.look_at)  # fmt: skip

        def change(tx: Transaction) -> bool:
            update = sa.update(payments).where(*same).values(look_at=look_at, looks=row.looks + 1)
            return tx.connection.execute(update).rowcount == 1

        return bool(self._store.change(change))

    def forget_payment(self, connection: str, reference: str) -> None:
        """Take the row of a page away that turned out to be another payment."""
        mine = (payments.c.connection == connection, payments.c.payment == reference)
        self._do(lambda tx: tx.connection.execute(sa.delete(payments).where(*mine)))

    # subscriptions and their charges

    def subscription(self, row: Row) -> Subscription:
        """The subscription of a row."""
        return Subscription.from_json(row.terms)

    def keep_subscription(
        self,
        row: Row,
        known: Subscription,
        now: datetime,
        step: str = "",
        tales: Sequence[Tale] = (),
        **values: object,
    ) -> Row:
        """Write a subscription as it is now. Raises :class:`ConflictError` when somebody else changed it.

        ``step`` (an idempotency key) and what it told are remembered, so that a repeat of it does nothing. ``values`` are
        further columns.
        """
        return self.change(subscriptions, row, now, **_kept(row, known, step, tales), **values)

    def keep_new_price(self, row: Row, known: Subscription, now: datetime) -> Row:
        """Write that another price holds from the charge that is to be made now, by the process that has claimed it.

        Raises :class:`ConflictError` when somebody else changed it.
        """
        return self.change(subscriptions, row, now, plan=known.plan_id, terms=known.to_json())

    def refuse_changed(self, row: Row) -> None:
        """Raises :class:`ConflictError` when somebody else changed a subscription since its ``row`` was read."""
        if self.get(subscriptions, row.id).version != row.version:
            raise _conflict(subscriptions, row)

    def keep_between_charges(
        self, row: Row, known: Subscription, now: datetime, step: str, tales: Sequence[Tale], **values: object
    ) -> Row:
        """The same for what a charge under way must not meet: another means of payment under the same key.

        Raises :class:`ConflictError` also while nobody knows the end of the present charge.
        """
        before = self.subscription(row)
        place = _at({"subscription": known.id, "cycle": before.cycle, "attempt": before.attempt})
        moved = ("uncertain", "succeeded") if (known.cycle, known.attempt) != (before.cycle, before.attempt) else ()

        def change(tx: Transaction) -> Row:
            kept = _changed(tx, subscriptions, row, now, {**_kept(row, known, step, tales), **values})
            under_way = sa.select(charges.c.cycle).where(*place, charges.c.state.in_(("started", "ready", *moved)))
            if tx.connection.execute(under_way).first() is not None:
                message = f"The subscription {row.id} is being charged at this very moment."
                raise ConflictError(message, remedy="Do it again when the charge is decided.")
            return kept

        return cast("Row", self._store.change(change))

    def keep_reopened(self, row: Row, known: Subscription, now: datetime, step: str, tales: Sequence[Tale]) -> Row:
        """The same where what had paid a period was taken back: its next charge must not have begun meanwhile.

        Raises :class:`ConflictError` also when it has.
        """
        before = self.subscription(row)

        def change(tx: Transaction) -> Row:
            kept = _changed(tx, subscriptions, row, now, _kept(row, known, step, tales))
            mine = (charges.c.subscription == before.id, charges.c.cycle == before.cycle)
            if tx.connection.execute(sa.select(charges.c.cycle).where(*mine)).first() is not None:
                raise _conflict(subscriptions, row)
            return kept

        return cast("Row", self._store.change(change))

    def charges_paid_by(self, payment: str) -> Sequence[Row]:
        """The charges, of whatever connection, that became this payment."""
        with self._database.read() as connection:
            return connection.execute(sa.select(charges).where(charges.c.payment == payment)).all()

    def subscriptions_of(self, plan: str, states: Iterable[str]) -> Sequence[Row]:
        """The subscriptions on a plan that are in one of these states."""
        chosen = (subscriptions.c.plan == plan, subscriptions.c.state.in_(sorted(states)))
        with self._database.read() as connection:
            return connection.execute(sa.select(subscriptions).where(*chosen).order_by(subscriptions.c.id)).all()

    def begin_charge(self, row: Row, known: Subscription, now: datetime) -> Begun:
        """Write the intent to charge; give the charge as it is then, and whether it was begun before.

        Raises :class:`ConflictError` when somebody else changed the subscription since its ``row`` was read.
        """
        place: JsonObject = {"subscription": known.id, "cycle": known.cycle, "attempt": known.attempt}
        intent = {**place, "state": "started", "amount": known.charge, "currency": known.currency}
        same = sa.select(subscriptions.c.id).where(subscriptions.c.id == row.id, subscriptions.c.version == row.version)

        def change(tx: Transaction) -> Begun:
            if tx.connection.execute(same if tx.is_sqlite else same.with_for_update()).first() is None:
                raise _conflict(subscriptions, row)
            insert = insert_ignoring(tx, charges).returning(charges.c.cycle)
            new = tx.connection.execute(insert, {**intent, "created_at": now, "updated_at": now}).first() is not None
            again = sa.update(charges).where(*_at(place), charges.c.state == "ready").values(state="started")
            resumed = tx.connection.execute(again).rowcount == 1
            found = tx.connection.execute(sa.select(charges).where(*_at(place))).one()
            return Begun(found, is_repeated=not new, is_recovered=not new and not resumed)

        return cast("Begun", self._store.change(change))

    def end_charge(self, charge: Row, now: datetime, state: str, **values: object) -> None:
        """What came of a charge: waiting, succeeded, failed or uncertain; ``ready`` when it is to be tried again."""
        place = {"subscription": charge.subscription, "cycle": charge.cycle, "attempt": charge.attempt}
        update = sa.update(charges).where(*_at(place)).values(state=state, updated_at=now, **values)
        self._do(lambda tx: tx.connection.execute(update))

    def charges_of(self, subscription: str) -> Sequence[Row]:
        """All charges of a subscription, newest first."""
        query = sa.select(charges).where(charges.c.subscription == subscription)
        with self._database.read() as connection:
            return connection.execute(query.order_by(charges.c.cycle.desc(), charges.c.attempt.desc())).all()

    def _do(self, change: Callable[[Transaction], object]) -> None:
        self._store.change(change)


def _changed(tx: Transaction, table: sa.Table, row: Row, now: datetime, values: Mapping[str, object]) -> Row:
    same = (table.c.id == row.id, table.c.version == row.version)
    update = sa.update(table).where(*same).values(**values, version=row.version + 1, updated_at=now)
    if tx.connection.execute(update).rowcount != 1:
        raise _conflict(table, row)
    return tx.connection.execute(sa.select(table).where(table.c.id == row.id)).one()


def _conflict(table: sa.Table, row: Row) -> ConflictError:
    message = f"The {_NAMES[table]} {row.id} was changed by somebody else at this very moment."
    return ConflictError(message, remedy="Do it again.")


def _kept(row: Row, known: Subscription, step: str, tales: Sequence[Tale]) -> dict[str, object]:
    """The columns of a subscription as it is now; ``step`` and what it told are remembered when given.

    A step that moves no date leaves it to the process that has claimed it: that one is charging it at this moment. One that
    ends the subscription does so too, so that the clock looks once more at what became of that charge.
    """
    values: dict[str, object] = {"plan": known.plan_id, "state": known.state, "terms": known.to_json()}
    column, before = subscriptions.c.due_at, Subscription.from_json(row.terms).due_at
    if step and known.due_at is None and known.state in OVER:
        values["due_at"] = sa.case((column == before, None), else_=column)
    elif not step or known.due_at != before:
        values["due_at"] = known.due_at
    if step:
        values["steps"] = [*row.steps, [step, [list(tale) for tale in tales]]][-_STEPS_KEPT:]
    return values


def _at(place: JsonObject) -> tuple[sa.ColumnElement[bool], ...]:
    return tuple(charges.c[name] == value for name, value in place.items())
