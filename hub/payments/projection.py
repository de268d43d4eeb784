"""Keeps the table of payments in step with the events: written in the very transaction that records them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from hub.journal.among import among, these
from hub.journal.tables import checkouts, payments
from hub.payments.looking import FIRST_LOOK
from hub.payments.payment import FINAL, Facts, told
from hub.payments.plans import FIRST_VISIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hub.journal.book import Book
    from hub.journal.entries import NewEvent
    from hub.journal.writer import Transaction
    from hub.jsontypes import JsonObject

_FAMILIES = ("payment.", "refund.", "dispute.")
_BY_HAND = "hub"
"""Events that a person or a recipe made up stand for no payment of a gateway."""

RETURNED_TIMER: Final = "subscriptions.returned"
"""The timer for a payment that the bank took back; its subject is the event that told it first."""

_WON = frozenset({"succeeded", "authorized", "partially_refunded", "refunded", "disputed", "returned"})


def project(book: Book, items: Sequence[NewEvent]) -> None:
    """Fold new events into their payments, and tell the visits to pay that they belong to."""
    tx = book.tx
    told_of: dict[tuple[str, str], list[NewEvent]] = {}
    for item in items:
        if item.source != _BY_HAND and item.type.startswith(_FAMILIES) and isinstance(item.data.get("payment"), str):
            told_of.setdefault((item.source, str(item.data["payment"])[:255]), []).append(item)
    if not told_of:
        return
    known = _known(tx, told_of)
    rows = [_row(place, told_of[place], known.get(place)) for place in sorted(told_of)]
    _write(tx, rows)
    pages = {place: page for place, told in told_of.items() if (page := _page(told)) is not None}
    _forget_pages(tx, pages)
    _tell_checkouts(tx, rows, pages)
    for place, row in zip(sorted(told_of), rows, strict=True):
        before = known.get(place)
        if row["state"] == "returned" and (before is None or before.state != "returned"):
            book.wake_at(RETURNED_TIMER, str(row["last_event"]), book.now)


def _page(items: Sequence[NewEvent]) -> str | None:
    """The gateway's page on which it was paid, where that has a reference of its own (a Checkout Session at Stripe)."""
    for item in items:
        gateway = item.data.get("gateway")
        page = gateway.get("checkout") if isinstance(gateway, dict) else None
        if isinstance(page, str) and page != item.data["payment"]:
            return page[:255]
    return None


def _forget_pages(tx: Transaction, pages: Mapping[tuple[str, str], str]) -> None:
    """A page became a payment, which has a row of its own now."""
    if pages:
        rows = [{"of": connection, "page": page} for (connection, _), page in sorted(pages.items())]
        tx.connection.execute(_FORGET, rows)


_OF_PAGE = (payments.c.connection == sa.bindparam("of"), payments.c.payment == sa.bindparam("page"))
_FORGET = sa.delete(payments).where(*_OF_PAGE)


_PLACE = (payments.c.connection, payments.c.payment)
_KNOWN = sa.select(payments).where(among(*_PLACE)).order_by(*_PLACE)
_KNOWN_LOCKED = _KNOWN.with_for_update()


def _known(tx: Transaction, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], sa.Row[Any]]:
    rows = tx.connection.execute(_KNOWN if tx.is_sqlite else _KNOWN_LOCKED, these(places))
    return {(row.connection, row.payment): row for row in rows}


def _row(place: tuple[str, str], items: Sequence[NewEvent], known: sa.Row[Any] | None) -> dict[str, object]:
    facts = Facts.from_json(known.facts) if known is not None else Facts()
    for item in items:
        facts = told(facts, item.type, _stamp(item.time), item.data)
    amount = cast("JsonObject | None", facts.value("amount"))
    last, state = items[-1], facts.state
    begun = min(item.time for item in items)
    unfinished = state not in FINAL
    look_at = known.look_at if known is not None else last.received + FIRST_LOOK
    return {
        "connection": place[0],
        "payment": place[1],
        "state": state,
        "currency": amount["currency"] if amount else None,
        "amount": amount["minor"] if amount else None,
        "refunded": facts.refunded,
        "facts": facts.to_json(),
        "begun": min(begun, known.begun) if known is not None else begun,
        "look_at": look_at if unfinished else None,
        "looks": known.looks if known is not None else 0,
        "last_event": last.id,
        "created_at": known.created_at if known is not None else last.received,
        "updated_at": last.received,
    }


def _write(tx: Transaction, rows: Sequence[dict[str, object]]) -> None:
    tx.connection.execute(_upsert(tx.is_sqlite, tuple(rows[0])), rows)


@cache
def _upsert(is_sqlite: bool, columns: tuple[str, ...]) -> sqlite.Insert | postgresql.Insert:  # noqa: FBT001
    insert = sqlite.insert(payments) if is_sqlite else postgresql.insert(payments)
    changed = {name: insert.excluded[name] for name in columns if name not in {"connection", "payment", "created_at"}}
    return insert.on_conflict_do_update(index_elements=["connection", "payment"], set_=changed)


# Comparisons and no IN: a list of values cannot be given for many rows at once.
_PAID_LATE = (
    checkouts.c.state == "closed",
    checkouts.c.purpose == FIRST_VISIT,
    sa.bindparam("to_state", type_=sa.String) == "paid",
)
_TELL = (
    sa.update(checkouts)
    .where(
        checkouts.c.connection == sa.bindparam("of_connection"),
        sa.or_(checkouts.c.payment == sa.bindparam("of_payment"), checkouts.c.payment == sa.bindparam("of_page")),
        sa.or_(checkouts.c.state == "open", checkouts.c.state == "failed", sa.and_(*_PAID_LATE)),
    )
    .values(
        state=sa.case((checkouts.c.state == "closed", "closed"), else_=sa.bindparam("to_state", type_=sa.String)),
        due_at=sa.bindparam("moment"),
        updated_at=sa.bindparam("moment"),
    )
)


def _tell_checkouts(tx: Transaction, rows: Sequence[dict[str, object]], pages: Mapping[tuple[str, str], str]) -> None:
    """A visit whose payment was decided has news for its owner; the clock brings it there.

    One that was closed stays so, and its owner hears that it was paid all the same.
    """
    decided = [row for row in rows if row["state"] in _WON or row["state"] in FINAL]
    if not decided:
        return
    tx.connection.execute(
        _TELL,
        [
            {
                "of_connection": row["connection"],
                "of_payment": row["payment"],
                "of_page": pages.get((str(row["connection"]), str(row["payment"]))),
                "to_state": "paid" if row["state"] in _WON else "failed",
                "moment": row["updated_at"],
            }
            for row in decided
        ],
    )


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
