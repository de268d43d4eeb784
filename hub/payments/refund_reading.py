"""Refunds of the hub's own, as events, outputs and pages show them, and what is left to give back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from hub.journal.tables_ledger import refund_requests
from hub.money import Money
from hub.payments.accounting import accounts
from hub.payments.refunding import with_refund

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hub.jsontypes import Json, JsonObject
    from hub.payments.postings import Account

    Row = sa.Row[Any]

UNDERWAY: Final = ("asked", "ready", "uncertain", "pending", "issued")
"""States in which a refund takes up what is left of its payment."""


def event_of(row: Row) -> JsonObject:
    """What the events of a refund of the hub's say."""
    parts: list[Json] = [
        {**({"provider": name} if name else {}), "amount": Money(minor, row.currency).to_json()}
        for name, minor in sorted(row.parts.items())
    ]
    return {
        "refund": row.id,
        "payment": row.payment,
        "amount": Money(row.minor, row.currency).to_json(),
        "reason": row.reason or None,
        "lines": row.lines or None,
        "parts": parts,
    }


def output_of(row: Row) -> JsonObject:
    """What ``payments/refund`` gives."""
    output = row.output or {}
    status = {"asked": "needs_approval", "ready": "pending"}.get(row.state, row.state)
    return {
        "refund": row.refund or row.id,
        "request": row.id,
        "status": status,
        "payment": row.payment,
        "connection": row.connection,
        "amount": Money(row.minor, row.currency).to_json(),
        "parts": output.get("parts") or [],
    }


def of_payment(connection: sa.Connection, gateway: str, payment: str) -> Sequence[Row]:
    """The refunds of a payment that the hub makes or made, oldest first."""
    table = refund_requests.c
    same = (table.connection == gateway, table.payment == payment)
    return connection.execute(sa.select(refund_requests).where(*same).order_by(table.created_at, table.id)).all()


def rest_of(connection: sa.Connection, gateway: str, payment: str) -> Money | None:
    """What can still be given back of a payment; None when it brought nothing in."""
    account = accounts(connection, [(gateway, payment)]).get((gateway, payment))
    if account is None or not account.paid:
        return None
    account = with_underway(account, of_payment(connection, gateway, payment))
    return Money(account.rest, account.currency)


def with_underway(account: Account, rows: Iterable[Row]) -> Account:
    """The account as if the refunds that are underway had been told."""
    for row in rows:
        if row.state in UNDERWAY and (row.refund is None or row.refund not in account.facts.refunds):
            account = with_refund(account, row.id, row.minor, row.parts)
    return account
