"""How a job is paid: begun on the customer's page, and noted from its payments' events, in any order of arrival.

``escrow`` holds the money by ``payments/hold`` until the work is done, ``direct`` takes it at once. A job is paid at most
once: what comes in beside goes back by itself. What becomes of the held money decides the job's last state.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from hub.commerce import job_returns, job_states, paying, surplus
from hub.commerce.job_giving import go_on
from hub.commerce.job_reading import job_event, price_of
from hub.commerce.job_returns import is_to_pay
from hub.commerce.jobs import CONFIRM, pass_over
from hub.connect.holding import holding_mode
from hub.errors import ActionError, ConfigError, NotFoundError, PermanentError, TransientError, UncertainError
from hub.expressions.durations import parse_duration
from hub.journal.among import among, these
from hub.journal.tables import payments
from hub.journal.tables_escrow import holds
from hub.journal.tables_work import job_payments, jobs
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.journal.book import Book
    from hub.journal.entries import NewEvent
    from hub.jsontypes import JsonObject
    from hub.office import Office, Timer

    Row = sa.Row[Any]

GIVE_BACK: Final = "jobs.give_back"

_SURELY: Final = timedelta(days=1)
_WITHOUT_A_DAY: Final = timedelta(days=30)
_CAME_IN: Final = frozenset({"authorized", "succeeded", "partially_refunded", "refunded", "disputed"})
_LONGEST: Final = 255


# paying


def ways_to_pay(office: Office, job: Row) -> Sequence[paying.Option]:
    """The connections by which the customer can pay; for escrow those whose gateway can hold money so long."""
    price = price_of(job)
    if price is None:
        return ()
    found = paying.options(office, price, job.connections)
    until = needed_until(job, office.now)
    return [one for one in found if job.pay != "escrow" or _can_hold(office, one.connection, until)]


def _can_hold(office: Office, connection: str, until: datetime) -> bool:
    try:
        holding_mode(office.manifest(connection), until, office.now)
    except PermanentError:
        return False
    return True


def pay(office: Office, job: Row, connection: str, return_url: str) -> str:
    """Begin to pay a job; gives the address where the customer pays, and comes back from to ``return_url``.

    Raises as :func:`hub.commerce.paying.begin`.

    The amount is the one of the offer that was chosen; no browser names it.
    """
    price = price_of(job)
    if price is None or not is_to_pay(job):
        message = f"The job {job.number} is not to be paid now."
        raise PermanentError(message, code="wrong_state", remedy="Load the page again to see how it stands.")
    terms: JsonObject | None = None
    if job.pay == "escrow":
        terms = {"needed_until": needed_until(job, office.now).isoformat()}
    return paying.begin(
        office,
        connection,
        price,
        {"job": job.id},
        description=job.title,
        customer=job.customer,
        return_url=return_url,
        metadata=job.metadata,
        hold=terms,
    )


def needed_until(job: Row, now: datetime) -> datetime:
    """Until when the money must surely be held: the day of the work, the days to confirm it, and one more."""
    day = datetime.fromisoformat(f"{job.date}T23:59:59+00:00") if job.date else now + _WITHOUT_A_DAY
    return max(day, now) + parse_duration(job.terms["confirm_within"]) + _SURELY


# what follows from events


def project(book: Book, events: Sequence[NewEvent]) -> None:
    """What payments' and holds' events mean for the jobs that they name; the tables of both have them already."""
    job_returns.paid_with_order(book, events)
    told = [one for one in events if one.type.startswith("payment.") and one.source != "hub" and _payment(one)]
    known = _known(book, told)
    of_job: dict[str, list[tuple[str, NewEvent]]] = {}
    for event in told:
        identity = _identity(event)
        job = event.data.get("job") or known.get(identity)
        if isinstance(job, str):
            of_job.setdefault(job, []).append((identity, event))
    for event in events:
        if event.type.startswith("escrow.") and isinstance(event.data.get("job"), str):
            of_job.setdefault(str(event.data["job"]), []).append(("", event))
    for identity in sorted(of_job):  # one order for all writers, so that two never wait for each other
        job_row = book.find(jobs, identity)
        if job_row is None:
            continue  # the number of somebody's own portal
        for payment, event in of_job[identity]:
            job_row = _paid(book, job_row, payment, event) if payment else _held(book, job_row, event)


def _paid(book: Book, job: Row, identity: str, event: NewEvent) -> Row:
    """One payment of a job has news; gives the job as it is then."""
    row = {"id": identity, "job": job.id, "connection": event.source, "payment": _payment(event), "state": "begun"}
    book.insert(job_payments, row)
    known = book.get(job_payments, identity)
    place = (payments.c.connection == known.connection, payments.c.payment == known.payment)
    at_gateway = book.connection.execute(sa.select(payments).where(*place)).first()
    if at_gateway is None:
        return job
    if known.state == "begun" and at_gateway.state in _CAME_IN:
        return _came_in(book, job, known, Money(at_gateway.amount, at_gateway.currency))
    if known.state == "taken" and at_gateway.state in job_returns.GONE:
        return job_returns.taken_back(book, job, known, at_gateway.state)
    return job


def _came_in(book: Book, job: Row, row: Row, money: Money) -> Row:
    values = {"currency": money.currency, "minor": money.minor}
    reason = _why_not(job, row, money)
    if reason:
        book.change(job_payments, row, state="surplus", reason=reason, **values)
        book.wake_at(GIVE_BACK, row.id, book.now)
        return job
    book.change(job_payments, row, state="taken", **values)
    paid = book.change(jobs, job, connection=row.connection, payment=row.payment)
    if paid.state == "assigned" and paid.awaiting == job_states.PAYMENT:
        paid = go_on(book, paid)
        pass_over(book, paid.id, chosen=paid.offer or "")
    if paid.pay != "escrow":  # there the money is not here before it is held
        job_returns.confirmed_again(book, paid, row.id)
    return paid


def _why_not(job: Row, row: Row, money: Money) -> str:
    """Why money is not taken for a job; empty when it is."""
    if job.payment is not None:
        return "" if (job.connection, job.payment) == (row.connection, row.payment) else "paid_already"
    if job.state == "cancelled":
        return "cancelled"
    return "" if price_of(job) == money else "other_amount"


def _held(book: Book, job: Row, event: NewEvent) -> Row:
    """Held money has news: the job knows its hold, and ends as the hold ends."""
    hold = book.find(holds, str(event.data["hold"]))
    if hold is None or (job.payment is not None and hold.payment != job.payment):
        return job  # of a payment that goes back
    if job.hold != hold.id:
        job = book.change(jobs, job, hold=hold.id)
        if hold.state == "held":
            job_returns.confirmed_again(book, job, hold.id)
    ends = {"released": "release", "settled": "settle"}
    step = ends.get(hold.state)
    if step is None or not job_states.can(step, job.state):
        return job
    over = book.change(jobs, job, state=job_states.STEPS[step].to, due_at=None)
    book.wake_at(CONFIRM, job.id, None)
    if step == "release":
        book.tell("job.released", f"job.released:{job.id}", job_event(book.connection, over))
    return over


# what came in beside


def give_back(office: Office, identity: str) -> None:
    """The timer: a payment that its job does not need goes back, once. One that the gateway keeps waits for a person."""
    with office.read() as connection:
        row = connection.execute(sa.select(job_payments).where(job_payments.c.id == identity)).one()
        place = (holds.c.connection == row.connection, holds.c.payment == row.payment)
        hold = connection.execute(sa.select(holds).where(*place)).first()
    if row.state != "surplus":
        return
    try:
        if hold is None:
            given: JsonObject = {"payment": row.payment, "reason": "duplicate"}
            office.call(row.connection, "payment.refund", given, "refund")
        elif hold.state in {"requested", "held", "frozen"}:
            office.call("payments", "cancel", {"hold": hold.id, "reason": row.reason}, "cancel")
    except (TransientError, UncertainError):
        raise
    except (ActionError, ConfigError, NotFoundError) as error:
        words: JsonObject = {"code": error.code, "message": error.message, "remedy": error.remedy}
        office.change(lambda book: _stuck(book, identity, words))
    else:
        office.change(lambda book: surplus.given_back(book, job_payments, identity))


def _stuck(book: Book, identity: str, error: JsonObject) -> None:
    if (done := surplus.kept(book, job_payments, identity, error)) is not None:
        row, about = done
        data = job_event(book.connection, book.get(jobs, row.job), **about)
        book.tell("job.not_given_back", f"job.not_given_back:{row.id}", data)


def _known(book: Book, events: Sequence[NewEvent]) -> dict[str, str]:
    """The jobs of payments that named theirs when they began."""
    identities = these(map(_identity, events))
    return {row.id: row.job for row in book.rows(_JOBS, identities)} if events else {}


_JOBS = sa.select(job_payments.c.id, job_payments.c.job).where(among(job_payments.c.id))


def _payment(event: NewEvent) -> str:
    return str(event.data.get("payment") or "")[:_LONGEST]


def _identity(event: NewEvent) -> str:
    return job_returns.payment_identity(event.source, _payment(event))


TIMERS: Final[Mapping[str, Timer]] = {GIVE_BACK: give_back}
