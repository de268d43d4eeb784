"""Payments of jobs that the bank takes back: the job is told of, and is to be paid again, also while its work goes on.

A job that came with its order's payment watches that payment, and takes the one by which the order is paid again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from hub.commerce import job_states
from hub.commerce.job_reading import job_event
from hub.ids import derived_id
from hub.journal.tables import payments
from hub.journal.tables_work import job_payments, jobs
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.journal.book import Book
    from hub.journal.entries import NewEvent

    Row = sa.Row[Any]

GONE: Final = frozenset({"returned", "voided", "expired"})
"""States of a payment whose money is not there any more, though it was taken for a job."""

_GOES_ON: Final = frozenset({"in_progress", "done_reported", "confirmed"})
_LONGEST: Final = 255


def payment_identity(connection: str, payment: str) -> str:
    """The id of a payment's row in ``job_payments``, by its connection and the gateway's reference."""
    return derived_id("jpy", connection, payment[:_LONGEST])


def is_to_pay(job: Row) -> bool:
    """Whether the customer is to pay now, on the job's page: before the work begins, or again when it has begun."""
    if job.state == "assigned":
        return bool(job.awaiting == job_states.PAYMENT)
    return job.pay != "none" and job.payment is None and job.state in _GOES_ON


def unpaid_again() -> sa.ColumnElement[bool]:
    """The jobs that go on though their payment was taken back: a person decides whether the work does."""
    back = sa.select(job_payments.c.job).where(job_payments.c.state == "returned")
    waits = sa.and_(jobs.c.state == "assigned", jobs.c.awaiting == job_states.PAYMENT)
    goes_on = jobs.c.state.not_in(sorted(job_states.OVER))  # by the few that were returned, not by the many states
    return sa.and_(goes_on, sa.not_(waits), jobs.c.payment.is_(None), jobs.c.id.in_(back))


def watch(book: Book, job: Row) -> Row:
    """A job that came with its payment hears what becomes of that. Gives the job as it is then.

    A payment that was given to several jobs is watched for the first of them.
    """
    if job.payment is None or job.connection is None:
        return job
    identity = payment_identity(job.connection, job.payment)
    place = (payments.c.connection == job.connection, payments.c.payment == job.payment)
    at_gateway = book.connection.execute(sa.select(payments).where(*place)).first()
    money = {"currency": at_gateway.currency, "minor": at_gateway.amount} if at_gateway is not None else {}
    row = {"id": identity, "job": job.id, "connection": job.connection, "payment": job.payment, "state": "taken"}
    if book.insert(job_payments, {**row, **money}) and at_gateway is not None and at_gateway.state in GONE:
        return taken_back(book, job, book.get(job_payments, identity), at_gateway.state)
    return job


def taken_back(book: Book, job: Row, row: Row, how: str) -> Row:
    """The bank took it back, or an authorisation lapsed: ``job.payment_returned``. ``how``: the payment's state, as reason.

    Before the work begins it is to be paid again first; later it goes on, and can be paid again on its page.
    """
    book.change(job_payments, row, state="returned")
    if (job.connection, job.payment) != (row.connection, row.payment) or job.state in job_states.OVER:
        return job
    again = job.state == "accepted" and job.pay != "none"
    values = {"state": "assigned", "awaiting": job_states.PAYMENT} if again else {}
    unpaid = book.change(jobs, job, connection=None, payment=None, **values)
    about = {"payment": row.payment, "connection": row.connection, "reason": how}
    amount = {"amount": Money(row.minor, row.currency).to_json()} if row.minor is not None else {}
    told = job_event(book.connection, unpaid, **about, **amount)
    book.tell("job.payment_returned", f"job.payment_returned:{row.id}", told)
    return unpaid


def paid_with_order(book: Book, events: Sequence[NewEvent]) -> None:
    """An order was paid again: its jobs that lost their payment are paid by that one."""
    for event in events:
        payment, source, order = (event.data.get(name) for name in ("payment", "connection", "order"))
        if event.type != "order.paid" or not (isinstance(payment, str) and isinstance(source, str)):
            continue
        lost = (jobs.c.order == order, jobs.c.pay == "none", unpaid_again())
        for one in book.rows(sa.select(jobs.c.id).where(*lost).order_by(jobs.c.id)):
            paid = watch(book, book.change(jobs, book.get(jobs, one.id), connection=source, payment=payment))
            confirmed_again(book, paid, payment_identity(source, payment))


def confirmed_again(book: Book, job: Row, by: str) -> None:
    """A job that was confirmed while its payment was gone has money now: ``job.confirmed`` once more, for who pays it out.

    ``by``: what brought the money, for which it is told once.
    """
    if job.state == "confirmed" and job.payment is not None:
        told = job_event(book.connection, job, reason="payment_returned")
        book.tell("job.confirmed", f"job.confirmed:{job.id}:{by}", told)


def was_taken_back(connection: sa.Connection, job: str) -> bool:
    """Whether a bank took a payment of the job back, or an authorisation lapsed."""
    back = sa.select(job_payments.c.id).where(job_payments.c.job == job, job_payments.c.state == "returned")
    return connection.execute(back.limit(1)).first() is not None
