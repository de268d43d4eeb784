"""Each day the disputes, transfers and payouts of the day before are compared with the gateways' lists of them.

What a list has must be known here (:mod:`hub.payments.comparing_lists`), and what became known that day must be listed.
Disputes are looked back on for months, since they end long after they began. A payout that the hub sent is asked about by
itself where the list is of another account.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from hub.errors import PermanentError, TransientError
from hub.ids import derived_id, first_id
from hub.journal.tables import events, payments
from hub.journal.tables_escrow import payouts
from hub.journal.tables_ledger import ledger_checks, ledger_movements
from hub.money import Money
from hub.payments.comparing_lists import (
    DISPUTE,
    FAILED,
    NOT_YET,
    PAYOUT,
    TAKE,
    TRANSFER,
    Standing,
    difference,
    listed,
)
from hub.payments.movements import Movement
from hub.payments.outcomes import tells
from hub.payments.payment import LOST, Facts
from hub.payments.taking_over import reports
from hub.payments.unheard import BACK, PAYMENT, asked, lost, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hub.journal.book import Book
    from hub.jsontypes import JsonObject
    from hub.office import Office
    from hub.payments.comparing import Difference
    from hub.payments.taking_over import Report

LISTS: Final = "ledger.reconcile_lists"
"""The timer that compares one list: its subject is day, kind and connection."""
KINDS: Final = (DISPUTE, TRANSFER, PAYOUT)
GIVEN_UP: Final = timedelta(days=3)
"""After so long a gateway that does not answer is shown as a difference."""

_BACK: Final[Mapping[str, timedelta]] = {
    DISPUTE: timedelta(days=120),
    TRANSFER: timedelta(days=1),
    PAYOUT: timedelta(days=1),
    PAYMENT: BACK,
}
"""How much further back than the day the list is read: for what happened there just before it was told here."""
LONGEST_BACK: Final = max(_BACK.values())
AGREES: Final = "It agrees now."
READ: Final = "It could be read again."
CHANGED: Final = "It differs in another way since."
_OVER: Final = frozenset({AGREES, READ})
_AT_ONCE: Final = 50
_SLACK: Final = timedelta(days=1)
_SENT_STATES: Final[Mapping[str, Mapping[str, str]]] = {
    TRANSFER: {"queued": NOT_YET, "sent": "sent", "paid": "sent", "uncertain": NOT_YET, "failed": FAILED},
    PAYOUT: {"queued": NOT_YET, "sent": NOT_YET, "paid": "paid", "uncertain": NOT_YET, "failed": FAILED},
}
"""How a payout or transfer that the hub sent itself stands, by the state of its row."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known here of one thing. ``payment`` is the one that it belongs to."""

    standing: Standing
    payment: str | None = None


def begin_lists(office: Office, day: str) -> None:
    """Have each list that a connection offers compared now."""
    offered = [
        f"{day} {kind} {connection}"
        for connection in office.connections()
        for kind in (*KINDS, PAYMENT)
        if f"{kind}.list" in office.manifest(connection).actions
    ]

    def work(book: Book) -> None:
        for subject in offered:
            book.wake_at(LISTS, subject, book.now)

    office.change(work)


def compare_list(office: Office, subject: str) -> None:
    """The timer: compare one connection's list of one kind. A gateway that is down is asked again for three days."""
    day, kind, connection = subject.split(" ", 2)
    try:
        more = _find_lost(office, day, connection) if kind == PAYMENT else _compare(office, day, kind, connection)
    except PermanentError as error:
        words = error.message
    except TransientError as error:
        if office.now < begin_of(day) + timedelta(days=1) + GIVEN_UP:
            raise
        words = error.message
    else:
        if more:
            office.change(lambda book: book.wake_at(LISTS, subject, book.now))
        else:
            office.change(lambda book: _end_unread(book, day, kind, connection))
        return
    office.change(lambda book: _keep_unread(book, day, kind, connection, words))


def begin_of(day: str) -> datetime:
    """When a day (2026-11-23) begins, UTC."""
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def _compare(office: Office, day: str, kind: str, connection: str) -> bool:
    """Compare all that is listed, then what is not; True when there is more of the latter than one turn takes."""
    with office.read() as reading:
        told = _told(reading, kind, connection, day)
    seen: set[str] = set()
    for items in _pages(office, connection, kind, day):
        page = {str(one[kind]): one for one in items}
        seen |= page.keys()
        _keep(office, day, kind, connection, page)
    missing = sorted(told - seen)
    with office.read() as reading:
        done = _compared(reading, day, kind, connection, missing)
    left = [one for one in missing if one not in done]
    if kind == PAYOUT and office.manifest(connection).offered("payout.get") is not None:
        for reference in left[:_AT_ONCE]:
            _keep(office, day, kind, connection, {reference: _asked(office, connection, reference)})
        return len(left) > _AT_ONCE
    _keep(office, day, kind, connection, dict.fromkeys(left))
    return False


def _find_lost(office: Office, day: str, connection: str) -> bool:
    """Show the payments that were paid there and never heard of; those that are known are asked about one by one."""
    end = begin_of(day) + timedelta(days=1)
    for page in _pages(office, connection, PAYMENT, day):
        with office.read() as reading:
            listed = lost(reading, connection, page, end)
        found = asked(office, connection, listed)
        office.change(partial(_keep_lost, day=day, connection=connection, listed=found))
    return False


def _keep_lost(book: Book, *, day: str, connection: str, listed: Mapping[str, Difference]) -> None:
    found = {one: [said.to_json()] for one, said in unknown(book.connection, connection, listed).items()}
    shown = end_earlier(book, day, PAYMENT, connection, found)
    for payment in sorted(found.keys() - shown):
        row = {**check_row(day, PAYMENT, connection, payment), "state": "differs", "found": found[payment]}
        if book.insert(ledger_checks, row):
            _tell(book, {**row, "payment": payment}, found[payment][0])


def _pages(office: Office, connection: str, kind: str, day: str) -> Iterator[Sequence[JsonObject]]:
    """The pages of a list as it is compared for a day."""
    begin = begin_of(day)
    until = min(office.now, begin + timedelta(days=2))
    given: JsonObject = {"since": (begin - _BACK[kind]).isoformat(), "until": until.isoformat()}
    number = 0
    before: list[JsonObject] = []
    while True:
        answer = office.call(connection, f"{kind}.list", given, f"{connection}/{kind}s/{number}")
        items = cast("list[JsonObject]", answer["items"])
        if items and items == before:
            message = f"The gateway gives the same page of its {kind}s again and again."
            raise PermanentError(message, code="bad_answer", remedy="Look the list up on the gateway's own pages.")
        yield items
        if not answer.get("next"):
            return
        before = items
        given, number = {**given, "after": answer["next"]}, number + 1


def asked_now(office: Office, connection: str, kind: str, day: str, subject: str) -> JsonObject | None:
    """What the gateway's list says of one thing now; None when it is not in it, and for no thing: the list can be read."""
    items = (item for page in _pages(office, connection, kind, day) for item in page)
    found = next((item for item in items if item[kind] == subject), None)
    return _asked(office, connection, subject) if found is None and subject and kind == PAYOUT else found


def _asked(office: Office, connection: str, payout: str) -> JsonObject | None:
    try:
        return office.call(connection, "payout.get", {"payout": payout}, f"{connection}/payout/{payout}")
    except PermanentError as error:
        if error.code != "not_found":
            raise
        return None


# what is known here


def known(connection: sa.Connection, kind: str, gateway: str, subjects: Iterable[str], day: str) -> Mapping[str, Known]:
    """How these things of a connection stand here: the gateway's reference -> what is known; unknown ones are left out."""
    wanted = sorted(set(subjects))
    if kind == DISPUTE:
        return _disputes(connection, gateway, set(wanted), begin_of(day) - _BACK[kind])
    ids = {f"{kind}:{gateway}/{one}"[:400]: one for one in wanted}
    found: dict[str, Known] = {}
    for row in connection.execute(sa.select(ledger_movements).where(ledger_movements.c.id.in_(ids))):
        movement = Movement.from_json(row.facts)
        state = "failed" if movement.failed else "sent" if kind == TRANSFER else "paid"
        found[ids[row.id]] = Known(Standing(Money(movement.left, row.currency), state), row.payment)
    for row in connection.execute(sa.select(payouts).where(*_ours(kind, gateway), payouts.c.reference.in_(wanted))):
        if row.reference not in found or kind == PAYOUT:
            standing = Standing(Money(row.amount, row.currency), _SENT_STATES[kind][row.state])
            found[row.reference] = Known(standing, (row.origin or {}).get("payment"))
    return found


def _disputes(connection: sa.Connection, gateway: str, wanted: set[str], since: datetime) -> Mapping[str, Known]:
    """The disputes as their payments tell them; which payment it is, and the currency, their events say."""
    of: dict[str, tuple[str, str]] = {}
    for row in connection.execute(_events(DISPUTE, gateway, since)):
        if row.data.get("dispute") in wanted:
            of[str(row.data["dispute"])] = (str(row.data["payment"])[:255], str(row.data["amount"]["currency"]))
    table, mine = payments.c, {payment for payment, _ in of.values()}
    rows = connection.execute(
        sa.select(table.payment, table.facts).where(table.connection == gateway, table.payment.in_(mine))
    )
    facts = {row.payment: Facts.from_json(row.facts) for row in rows}
    found: dict[str, Known] = {}
    for dispute, (payment, currency) in of.items():
        state = facts[payment].disputes.get(dispute, "open") if payment in facts else "open"
        minor = facts[payment].disputed.get(dispute, 0) if payment in facts else 0
        word = "lost" if state in LOST else state
        found[dispute] = Known(Standing(Money(minor, currency), word), payment)
    return found


def _told(connection: sa.Connection, kind: str, gateway: str, day: str) -> set[str]:
    """The references of what began on the day, as far as anybody told: the gateway's events, and what the hub sent."""
    begin = begin_of(day)
    end = begin + timedelta(days=1)
    found: set[str] = set()
    if kind != PAYOUT:
        first = "dispute.opened" if kind == DISPUTE else "transfer.sent"
        rows = connection.execute(_events(kind, gateway, begin))
        found |= {str(row.data[kind]) for row in rows if row.type == first and begin <= row.time < end}
    if kind != DISPUTE:
        table = payouts.c
        that_day = (table.created_at >= begin, table.created_at < end, table.reference.is_not(None))
        found |= set(connection.scalars(sa.select(table.reference).where(*_ours(kind, gateway), *that_day)))
    return found


def _events(kind: str, gateway: str, since: datetime) -> sa.Select[Any]:
    """The gateway's own events of a kind that were recorded since a moment, or soon before it."""
    types = ("dispute.opened", "dispute.closed") if kind == DISPUTE else ("transfer.sent",)
    table = events.c
    place = (table.type.in_(types), table.id >= first_id("evt", since - _SLACK), table.source == gateway)
    return sa.select(table.type, table.time, table.data).where(*place)


def _ours(kind: str, gateway: str) -> tuple[sa.ColumnElement[bool], ...]:
    return payouts.c.connection == gateway, payouts.c.way == kind


# what is kept of it


def _compared(connection: sa.Connection, day: str, kind: str, gateway: str, subjects: Sequence[str]) -> set[str]:
    ids = {check_id(day, kind, gateway, one): one for one in subjects}
    rows = connection.scalars(sa.select(ledger_checks.c.id).where(ledger_checks.c.id.in_(ids)))
    return {ids[row] for row in rows}


def check_id(day: str, kind: str, connection: str, subject: str) -> str:
    """The id of the comparison of one thing on one day."""
    return derived_id("chk", day, f"{connection}/{kind}/{subject}")


def check_row(day: str, kind: str, connection: str, subject: str) -> dict[str, object]:
    """The row of a comparison, still without what was found."""
    identity = check_id(day, kind, connection, subject)
    return {"id": identity, "day": day, "connection": connection, "kind": kind, "subject": subject, "why": ""}


def _keep(office: Office, day: str, kind: str, connection: str, page: Mapping[str, JsonObject | None]) -> None:
    if page:
        sums = says_sums(office, connection)
        office.change(lambda book: _keep_page(book, day, kind, connection, page, sums=sums))


def _keep_page(  # noqa: PLR0913 (what makes one page of a list)
    book: Book, day: str, kind: str, connection: str, page: Mapping[str, JsonObject | None], *, sums: bool
) -> None:
    here = known(book.connection, kind, connection, page, day)
    followed = {*here, *(row.subject for row in _not_same(book, kind, connection, page) if row.state == "differs")}
    found = {
        subject: found_of(kind, connection, here.get(subject), item, sums=sums)
        for subject, item in page.items()
        if _is_due(day, item, is_known=subject in followed)
    }
    shown = end_earlier(book, day, kind, connection, found)
    for subject, one in found.items():
        item = page[subject]
        if subject in shown or not (one or _is_of(day, item)):
            continue
        payment = here[subject].payment if subject in here else item and item.get("payment")
        said = {"payment": payment, "state": "differs" if one else "same", "found": one}
        row = {**check_row(day, kind, connection, subject), **said}
        if book.insert(ledger_checks, row) and one:
            _tell(book, row, one[0])


def _is_due(day: str, item: JsonObject | None, *, is_known: bool) -> bool:
    """What began before the day is compared when it is known or was shown, and what began after it on its own day."""
    if item is None or _is_of(day, item):
        return True
    return is_known and datetime.fromisoformat(str(item["created_at"])) < begin_of(day)


def _is_of(day: str, item: JsonObject | None) -> bool:
    """Whether it began on the day; what the gateway's answer does not date is asked about because of the day."""
    if item is None or "created_at" not in item:
        return True
    begin = begin_of(day)
    return begin <= datetime.fromisoformat(str(item["created_at"])) < begin + timedelta(days=1)


def found_of(
    kind: str, connection: str, here: Known | None, item: JsonObject | None, *, sums: bool
) -> list[JsonObject]:
    """Where the two differ, as it is kept; empty when they agree. ``sums`` as for :func:`reports`."""
    there = listed(kind, item) if item is not None else None
    one = difference(connection, here.standing if here else None, there)
    if one is None:
        return []
    missing = tuple(report.type for report in missing_reports(kind, here, item, sums=sums))
    return [(replace(one, proposal=TAKE, reports=missing) if missing else one).to_json()]


def missing_reports(kind: str, here: Known | None, item: JsonObject | None, *, sums: bool) -> Sequence[Report]:
    """The gateway's reports that would settle a difference; none where a person must look."""
    standing, payment = (here.standing, here.payment) if here is not None else (None, None)
    return reports(kind, standing, item, payment, sums=sums)


def says_sums(office: Office, connection: str) -> bool:
    """Whether the gateway reports by itself what is taken back of transfers, and how much it is in all."""
    return tells(office.manifest(connection), "transfer.reversed")


def end_earlier(
    book: Book, day: str, kind: str, connection: str, found: Mapping[str, Sequence[JsonObject]]
) -> set[str]:
    """End what is open of earlier days where it agrees by now or differs in another way.

    Gives those of which the same is open, or was put away: it is not shown again.
    """
    shown = set()
    for row in _not_same(book, kind, connection, found):
        now = found[row.subject]
        if now and row.found == now:
            shown.add(row.subject)
        elif row.state == "differs" and row.day < day:
            book.change(ledger_checks, row, state="settled", found=[], why=CHANGED if now else AGREES)
    return shown


def _not_same(book: Book, kind: str, connection: str, subjects: Iterable[str]) -> Sequence[sa.Row[Any]]:
    table = ledger_checks.c
    place = (table.connection == connection, table.kind == kind, table.subject.in_(list(subjects)))
    query = sa.select(ledger_checks).where(*place, table.state != "same").order_by(table.id)
    return book.rows(book.locking(query))


def _end_unread(book: Book, day: str, kind: str, connection: str) -> None:
    """The list was read: that it could not be is over, and the next time is news."""
    for row in _not_same(book, kind, connection, [""]):
        if row.state == "differs" and row.day < day:
            book.change(ledger_checks, row, state="settled", why=READ)
        elif row.state == "settled" and row.why not in _OVER:
            book.change(ledger_checks, row, state="same")


def _keep_unread(book: Book, day: str, kind: str, connection: str, why: str) -> None:
    """Nobody could read the list: a person should look, once."""
    if any(row.why not in _OVER for row in _not_same(book, kind, connection, [""])):
        return
    row = check_row(day, kind, connection, "")
    book.insert(ledger_checks, {**row, "state": "differs", "found": [], "why": why})


def _tell(book: Book, row: Mapping[str, object], found: JsonObject) -> None:
    told = {name: found.get(name) for name in ("account", "expected", "found", "difference", "here", "there")}
    about = {str(row["kind"]): row["subject"], "payment": row["payment"], "connection": row["connection"]}
    source_id = f"ledger_difference:{row['id']}:{found['account']}"[:200]
    book.tell("hub.ledger_difference", source_id, cast("JsonObject", {**told, **about}))
