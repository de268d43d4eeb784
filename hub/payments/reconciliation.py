"""Each day the payments of the day before are compared with what their gateways say of them (``payment.get``).

So are disputes, transfers and payouts (:mod:`hub.payments.reconciling_lists`), where gateways list them. What differs is
told (``hub.ledger_difference``) and stays on the page *Reconciliation* until it agrees or a person says why.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from hub.errors import ConflictError, NotFoundError, PermanentError, TransientError
from hub.journal.tables import payments
from hub.journal.tables_ledger import ledger_checks
from hub.journal.tables_office import timers
from hub.payments.accounting import RECONCILE, accounts, compare_after
from hub.payments.comparing import SETTLED, corrected, credited, differences
from hub.payments.comparing_refunds import REFUND_SETTLED, refund_differences, refunds_corrected, refunds_credited
from hub.payments.reconciling_lists import (
    AGREES,
    GIVEN_UP,
    LISTS,
    LONGEST_BACK,
    asked_now,
    begin_lists,
    begin_of,
    check_row,
    compare_list,
    end_earlier,
    found_of,
    known,
    missing_reports,
    says_sums,
)
from hub.payments.unheard import PAYMENT, unheard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hub.journal.book import Book
    from hub.jsontypes import JsonObject
    from hub.office import Office, Timer
    from hub.payments.comparing import Difference
    from hub.payments.taking_over import Report

    Row = sa.Row[Any]

TAKEN: Final = "The gateway's word was taken over."
_AT_ONCE: Final = 20
_KEPT: Final = {"same": timedelta(days=60), "settled": LONGEST_BACK + timedelta(days=10)}
"""State -> how long a comparison is kept: what was put away is known as long as a list may bring it again."""


def compare_day(office: Office, subject: str) -> None:
    """The timer: compare some more payments of a day (UTC), until all of them are. Its subject is the day.

    A gateway that is down holds up its own payments only, which get a timer of their own (day and connection): it is asked
    again for three days, later ever more rarely. Once begun, every day is followed by the next, whether or not anything was
    heard in it.
    """
    day, _, only = subject.partition(" ")
    if only:
        if only in office.connections() and _compare_some(office, day, only):
            office.change(lambda book: book.wake_at(RECONCILE, subject, book.now))
        return
    office.change(lambda book: compare_after(book, begin_of(day).date() + timedelta(days=1)))
    more = False
    for connection in office.connections():
        try:
            more = _compare_some(office, day, connection) or more
        except TransientError:
            office.change(partial(_ask_later, day=day, connection=connection))
    if more:
        office.change(lambda book: book.wake_at(RECONCILE, day, book.now))
        return
    begin_lists(office, day)
    office.change(_forget)


def _compare_some(office: Office, day: str, connection: str) -> bool:
    """Compare some payments of a connection; True when there may be more of them."""
    if "payment.get" not in office.manifest(connection).actions:
        return False
    found = _unchecked(office, connection, day)
    for payment in found:
        _compare(office, day, connection, payment)
    return len(found) == _AT_ONCE


def _ask_later(book: Book, *, day: str, connection: str) -> None:
    book.insert(timers, {"kind": RECONCILE, "subject": f"{day} {connection}", "set_for": book.now, "due_at": book.now})


def _forget(book: Book) -> None:
    table = ledger_checks.c
    for state, kept in _KEPT.items():
        old = (table.state == state, table.created_at < book.now - kept)
        book.connection.execute(sa.delete(ledger_checks).where(*old))


def _unchecked(office: Office, connection: str, day: str) -> Sequence[str]:
    begin = begin_of(day)
    checks = ledger_checks.c
    checked = sa.select(checks.subject).where(
        checks.day == day, checks.connection == connection, checks.kind == PAYMENT
    )
    table = payments.c
    query = sa.select(table.payment).where(
        table.connection == connection,
        table.updated_at >= begin,
        table.updated_at < begin + timedelta(days=1),
        table.payment.not_in(checked),
    )
    with office.read() as reading:
        return reading.scalars(query.order_by(table.payment).limit(_AT_ONCE)).all()


def _compare(office: Office, day: str, connection: str, payment: str) -> None:
    try:
        said = office.call(connection, "payment.get", {"payment": payment}, f"{connection}/{payment}")
    except PermanentError as error:
        _keep_unknown(office, day, connection, payment, error.message)
        return
    except TransientError as error:
        if office.now < begin_of(day) + timedelta(days=1) + GIVEN_UP:
            raise
        _keep_unknown(office, day, connection, payment, error.message)
        return
    office.change(lambda book: _keep(book, day, connection, payment, said))


def _keep_unknown(office: Office, day: str, connection: str, payment: str, why: str) -> None:
    """The gateway does not answer for this payment: a person should look."""
    row = {**_row(day, connection, payment), "state": "differs", "found": [], "why": why}
    office.change(lambda book: book.insert(ledger_checks, row))


def _keep(book: Book, day: str, connection: str, payment: str, said: JsonObject) -> None:
    found = _found(book, connection, payment, said)
    if payment in end_earlier(book, day, PAYMENT, connection, {payment: found}):
        found = []
    row = {**_row(day, connection, payment), "state": "differs" if found else "same", "found": found}
    if book.insert(ledger_checks, row):
        for one in found:
            told = {name: one.get(name) for name in ("account", "expected", "found", "difference", "refund")}
            about = f"{one['account']}:{one['refund']}" if one.get("refund") else one["account"]
            source_id = f"ledger_difference:{row['id']}:{about}"[:200]
            book.tell("hub.ledger_difference", source_id, {"connection": connection, "payment": payment, **told})


def _found(book: Book, connection: str, payment: str, said: JsonObject) -> list[JsonObject]:
    """Where it differs. What no report told of fees and of another currency is told now, under the report's own id."""
    place = (connection, payment)
    account = accounts(book.connection, [place]).get(place)
    if account is None:
        return [one.to_json() for one in _unheard_of(book, connection, payment, said)]
    news = credited(account, said)
    if news is not None:
        book.tell(SETTLED, f"{SETTLED}:{payment}"[:200], news, source=connection)
    for one in refunds_credited(account, said):
        # as the connectors name the gateway's own report of it
        source_id = f"{REFUND_SETTLED}:{str(one['refund']).replace('/', ':')}"[:200]
        book.tell(REFUND_SETTLED, source_id, one, source=connection)
    return [one.to_json() for one in (*differences(account, said), *refund_differences(account, said))]


def _unheard_of(book: Book, connection: str, payment: str, said: JsonObject) -> Sequence[Difference]:
    """That the payment is not known here at all; nothing where it is, and no amount of it was told yet."""
    place = (payments.c.connection == connection, payments.c.payment == payment)
    is_known = book.connection.execute(sa.select(payments.c.payment).where(*place)).first() is not None
    one = None if is_known else unheard(connection, said)
    return [one] if one is not None else []


def _row(day: str, connection: str, payment: str) -> dict[str, object]:
    return {**check_row(day, PAYMENT, connection, payment), "payment": payment}


# what people do about it


def compare_again(office: Office, check: str, said: JsonObject, actor: str, why: str = AGREES) -> bool:
    """Compare a payment once more with what the gateway says now; True when it agrees, and the matter is over."""

    def work(book: Book) -> bool:
        row = _open(book, check)
        return _compared_again(book, row, _found(book, row.connection, row.subject, said), actor, why)

    return office.change(work)


def take_payment_over(office: Office, check: str, said: JsonObject, tell: Callable[[], object], actor: str) -> bool:
    """Take over what the gateway says now of a payment, and compare again; True when it agrees then.

    ``tell`` records what the answer tells of the payment itself; where reports of it or of a refund named another fee or
    sum, that is told here. Raises as :func:`take_over` does.
    """

    def look(book: Book) -> bool:
        row = _open(book, check)
        found = _found(book, row.connection, row.subject, said)
        _takes(row, found, is_told=any(one.get("reports") for one in found))
        return bool(found)

    def correct(book: Book) -> None:
        row = _open(book, check)
        place = (row.connection, row.subject)
        account = accounts(book.connection, [place]).get(place)
        if account is None:
            return
        news = corrected(account, said)
        if news is not None:
            book.tell(SETTLED, f"{SETTLED}:{row.subject}:{office.key}"[-200:], news, source=row.connection)
        for one in refunds_corrected(account, said):
            source_id = f"{REFUND_SETTLED}:{one['refund']}:{office.key}"[-200:]
            book.tell(REFUND_SETTLED, source_id, one, source=row.connection)

    if not office.change(look):
        return compare_again(office, check, said, actor)
    tell()
    office.change(correct)
    return compare_again(office, check, said, actor, TAKEN)


def compare_listed_again(office: Office, check: str, actor: str) -> bool:
    """Read the gateway's list once more; True when it agrees now, and the matter is over. Raises like an action."""
    find = _listed_now(office, check)

    def work(book: Book) -> bool:
        row, found, _ = find(book)
        return _compared_again(book, row, found, actor)

    return office.change(work)


def take_over(office: Office, check: str, actor: str) -> bool:
    """Tell what the gateway's missing reports would have told of a dispute, transfer or payout, and compare again.

    True when it agrees then, and the matter is over. The gateway is asked first: what agrees by now is settled and nothing
    told. Raises like an action; ``ConflictError`` when it is not open any more or differs in another way than the page said,
    ``PermanentError`` (``wrong_state``) where no report would settle it.
    """
    find = _listed_now(office, check)

    def tell(book: Book) -> str:
        row, found, missing = find(book)
        if not found:
            return AGREES
        _takes(row, found, is_told=bool(missing))
        for report in missing:
            book.tell(report.type, report.source_id, report.data, source=row.connection)
        return TAKEN

    def settle_it(book: Book) -> bool:
        row, found, _ = find(book)
        return _compared_again(book, row, found, actor, why)

    why = office.change(tell)
    return office.change(settle_it)


def _takes(row: Row, found: Sequence[JsonObject], *, is_told: bool) -> None:
    """Raises where what differs is not what the page said, or where nothing that could be told would settle it."""
    if found and found != row.found:
        message = f"The {row.kind} {row.subject} differs in another way by now."
        raise ConflictError(message, remedy="Press Compare again, look at what it says, and take that over.")
    if found and not is_told:
        message = f"No report of the gateway's would settle the {row.kind} {row.subject}."
        raise PermanentError(message, code="wrong_state", remedy=str(found[0]["proposal"]))


def _listed_now(office: Office, check: str) -> Callable[[Book], tuple[Row, Sequence[JsonObject], Sequence[Report]]]:
    """Read the gateway's list; gives what finds the open comparison, where it differs now, and what reports are missing."""
    with office.read() as reading:
        row = check_of(reading, check)
    kind, connection, subject, day = row.kind, row.connection, row.subject, row.day
    item, sums = asked_now(office, connection, kind, day, subject), says_sums(office, connection)

    def find(book: Book) -> tuple[Row, Sequence[JsonObject], Sequence[Report]]:
        row, here = _open(book, check), known(book.connection, kind, connection, [subject], day).get(subject)
        found = found_of(kind, connection, here, item, sums=sums)
        return row, found, missing_reports(kind, here, item, sums=sums)

    return find


def _compared_again(book: Book, row: Row, found: Sequence[JsonObject], actor: str, why: str = AGREES) -> bool:
    state, by = ("differs", "") if found else ("settled", actor)
    book.change(ledger_checks, row, state=state, found=found, why="" if found else why, settled_by=by)
    return not found


def settle(office: Office, check: str, why: str, actor: str) -> None:
    """A person says why it differs; it is off the list. Raises ``PermanentError`` without a reason."""
    if not why.strip():
        message = "Nobody can see later why this difference was put away."
        raise PermanentError(message, code="bad_input", remedy="Write the reason in a few words.")
    office.change(
        lambda book: book.change(ledger_checks, _open(book, check), state="settled", why=why, settled_by=actor)
    )


def _open(book: Book, check: str) -> Row:
    row = book.get(ledger_checks, check)
    if row.state != "differs":
        message = f"This difference of {row.subject or row.connection} is not open any more."
        raise ConflictError(message, remedy="Load the page anew.")
    return row


def checked(connection: sa.Connection, limit: int) -> tuple[Sequence[Row], Sequence[Row]]:
    """For the page: what differs and the newest that were settled; and for each of the last days how many were compared."""
    table = ledger_checks.c
    first = sa.case((table.state == "differs", 0), else_=1)
    told = sa.select(ledger_checks).where(table.state != "same").order_by(first, table.created_at.desc())
    count, open_ones = sa.func.count().label("compared"), sa.func.sum(1 - first).label("differ")
    days = sa.select(table.day, count, open_ones).group_by(table.day).order_by(table.day.desc()).limit(14)
    return connection.execute(told.limit(limit)).all(), connection.execute(days).all()


def check_of(connection: sa.Connection, check: str) -> Row:
    """One comparison. Raises ``NotFoundError``."""
    row = connection.execute(sa.select(ledger_checks).where(ledger_checks.c.id == check)).first()
    if row is None:
        message = f"There is no comparison {check!r}."
        raise NotFoundError(message, remedy="Load the page anew.")
    return row


TIMERS: Final[Mapping[str, Timer]] = {RECONCILE: compare_day, LISTS: compare_list}
