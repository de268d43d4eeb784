"""Keeps the ledger in step with the events, in the transaction that records them.

For each payment, transfer and payout of which something was told it reckons what the accounts must hold
(:mod:`hub.payments.postings`, :mod:`hub.payments.movements`), and posts the difference to what they have.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final, cast

import sqlalchemy as sa

from hub.ids import derived_id
from hub.journal.among import among, these
from hub.journal.tables import payments
from hub.journal.tables_ledger import refund_parts, reserves, splits
from hub.journal.tables_office import timers
from hub.money import Money
from hub.payments import ledger, moving
from hub.payments.division import OWN, Division, Share
from hub.payments.own_sales import own_sales
from hub.payments.payment import Facts
from hub.payments.postings import KINDS, Account, holdings, missing, provider_holdings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hub.journal.book import Book
    from hub.journal.entries import NewEvent
    from hub.jsontypes import JsonObject
    from hub.payments.postings import Holdings

    Place = tuple[str, str]

RECONCILE: Final = "ledger.reconcile"
"""The timer that compares a day's payments with the gateways (:mod:`hub.payments.reconciliation`)."""
_FAMILIES = ("payment.", "refund.", "dispute.")
_BY_HAND = "hub"


def project(book: Book, events: Sequence[NewEvent]) -> None:
    """Post what follows from new events. Events that a person or a recipe made up move no money."""
    told_of = dict(_places(events))
    if told_of:
        for item in events:
            if item.source != _BY_HAND and item.type == "payment.split":
                _keep_split(book, item)
            if item.source != _BY_HAND and item.type == "refund.divided":
                _keep_parts(book, item)
        settle(book, told_of)
        compare_after(book, book.now.astimezone(UTC).date())
    moving.project(book, events)


def compare_after(book: Book, day: date) -> None:
    """What happened on this day is compared with the gateways once it is over, an hour into the next one (UTC).

    Only inserted, never changed: all processes write here all day, and none shall wait for another one's row.
    """
    due_at = datetime.combine(day + timedelta(days=1), time(1), UTC)
    book.insert(timers, {"kind": RECONCILE, "subject": day.isoformat(), "set_for": due_at, "due_at": due_at})


def _places(events: Iterable[NewEvent]) -> Iterator[tuple[Place, str]]:
    """The payments of which something was told, each with the last event that told it."""
    for item in events:
        payment = item.data.get("payment")
        if not isinstance(payment, str):
            continue
        if item.source != _BY_HAND and item.type.startswith(_FAMILIES):
            yield (item.source, payment[:255]), item.id
        elif item.source == _BY_HAND and item.type == "order.paid":
            yield (str(item.data.get("connection")), payment[:255]), item.id


def settle(book: Book, told_of: Mapping[Place, str]) -> None:
    """Bring the ledger to what is known of these payments. (connection, payment) -> the event that made it necessary."""
    known = accounts(book.connection, told_of)
    have = ledger.posted(book.connection, [subject(*place) for place in known])
    due: list[ledger.Transaction] = []
    for place, account in sorted(known.items()):
        wanted = holdings(account)
        about = subject(*place)
        for kind in KINDS:
            if postings := missing(wanted.get(kind, {}), have.get((about, kind), {})):
                due += transactions(about, kind, postings, told_of[place])
    ledger.post_all(book, due)
    _keep_reserves(book, known)


def subject(connection: str, payment: str) -> str:
    """What a payment's transactions are found by."""
    return f"payment:{connection}/{payment}"


def transactions(about: str, kind: str, postings: Holdings, event: str) -> Iterator[ledger.Transaction]:
    """One transaction for each currency of ``postings``."""
    of_currency: dict[str, list[ledger.Posting]] = defaultdict(list)
    for (account, currency), minor in postings.items():
        of_currency[currency].append(ledger.Posting(account, Money(minor, currency)))
    for currency, found in sorted(of_currency.items()):
        identity = derived_id("txn", about, kind, currency, event)
        yield ledger.Transaction(identity, found, event, about, kind)


def accounts(connection: sa.Connection, places: Iterable[Place]) -> Mapping[Place, Account]:
    """Everything that decides what the accounts of payments hold; payments without a known amount are left out."""
    wanted = these(places)
    facts = {(row.connection, row.payment): Facts.from_json(row.facts) for row in connection.execute(_FACTS, wanted)}
    divided: dict[Place, dict[str, Division]] = defaultdict(dict)
    for row in connection.execute(_SPLITS, wanted):
        divided[row.connection, row.payment][row.id] = Division.from_json(row.division)
    named: dict[Place, dict[str, Mapping[str, int]]] = defaultdict(dict)
    refunded = [place for place, one in facts.items() if one.refunds]
    for row in connection.execute(_PARTS, these(refunded)) if refunded else ():
        named[row.connection, row.payment][row.refund] = row.parts
    sales = own_sales(connection, {place: one for place, one in facts.items() if place not in divided})
    return {
        place: Account(*place, one, divided.get(place, {}), named.get(place, {}), sales.get(place, 0))
        for place, one in facts.items()
        if isinstance(one.value("amount"), dict)
    }


def _of(table: sa.Table) -> sa.Select[tuple[object, ...]]:
    return sa.select(table).where(among(table.c.connection, table.c.payment)).order_by(table.c.id)


_FACTS = sa.select(payments.c.connection, payments.c.payment, payments.c.facts).where(
    among(payments.c.connection, payments.c.payment)
)
_SPLITS, _PARTS, _RESERVES = _of(splits), _of(refund_parts), _of(reserves)


# what events tell of divisions


def division_of(data: JsonObject) -> Division:
    """The division that ``payment.split`` tells: parts of providers, and those of the platform itself."""
    shares: list[Share] = []
    sales = commission = 0
    for part in cast("list[JsonObject]", data.get("parts") or []):
        amount, due, fee = (_minor(part, name) for name in ("amount", "commission", "fee"))
        if part.get("provider"):
            shares.append(Share(str(part["provider"]), amount, due, fee))
        elif not part.get("customer"):
            sales, commission = sales + amount, commission + due
    return Division(tuple(shares), sales, commission)


def _minor(part: JsonObject, name: str) -> int:
    money = part.get(name)
    return cast("int", money["minor"]) if isinstance(money, dict) else 0


def split_id(connection: str, source_id: str) -> str:
    """The id of the split that an event tells of."""
    return derived_id("spl", connection, source_id)


def _keep_split(book: Book, item: NewEvent) -> None:
    """A split that another part of the hub tells of; one that ``payments/split`` made is there already."""
    row = {
        "id": split_id(item.source, item.source_id),
        "connection": item.source,
        "payment": str(item.data["payment"])[:255],
        "division": division_of(item.data).to_json(),
        "output": {},
    }
    book.insert(splits, row)


def _keep_parts(book: Book, item: NewEvent) -> None:
    parts: dict[str, int] = defaultdict(int)
    for part in cast("list[JsonObject]", item.data.get("parts") or []):
        parts[str(part.get("provider") or OWN)] += _minor(part, "amount")
    refund = str(item.data["refund"])[:255]
    row = {
        "id": derived_id("rfp", item.source, refund),
        "connection": item.source,
        "payment": str(item.data["payment"])[:255],
        "refund": refund,
        "parts": dict(parts),
    }
    book.insert(refund_parts, row)


def _keep_reserves(book: Book, known: Mapping[Place, Account]) -> None:
    """Of a share that was taken back nothing more need be held back."""
    divided = [place for place, account in known.items() if account.splits]
    for row in book.rows(_RESERVES, these(divided)) if divided else ():
        owed = -provider_holdings(known[row.connection, row.payment]).get(row.provider, 0)
        kept = min(row.minor, max(owed, 0))
        if kept != row.kept:
            book.connection.execute(sa.update(reserves).where(reserves.c.id == row.id).values(kept=kept))
