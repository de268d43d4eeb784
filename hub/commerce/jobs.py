"""Jobs: posted, begun, reported done, confirmed, disputed, cancelled. Each step tells its event once.

The steps are in :mod:`hub.commerce.job_states`, who gets a job in :mod:`hub.commerce.job_giving`, its payment in
:mod:`hub.commerce.job_payments`. A step that has happened already changes nothing, whoever repeats it.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from hub.commerce import job_returns, job_states
from hub.commerce.job_reading import find_job, is_held, job_event, job_output
from hub.errors import ExpressionError, PermanentError
from hub.expressions.durations import format_duration, parse_duration
from hub.journal.tables_work import jobs, offers
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from hub.journal.book import Book
    from hub.jsontypes import Json, JsonObject
    from hub.office import Action, Office, Timer

    Row = sa.Row[Any]

OFFERS: Final = "jobs.offers"
CONFIRM: Final = "jobs.confirm"
ANSWER: Final = "jobs.answer"
"""The timers: nobody offered, nobody confirmed, nobody answered."""

NOBODY_LEFT: Final = "nobody_left"
NO_OFFERS: Final = "no_offers"

_DEFAULTS: Final = {"answer_within": "24h", "confirm_within": "3d", "offers_within": "7d"}
_SERIES: Final = "job"
_LAST_ZONE: Final = timedelta(hours=12)


def post(office: Office, given: JsonObject) -> JsonObject:
    """``jobs/post``: there is work to be done; tells ``job.posted``. Again gives the same job."""
    identity = office.identity("job")
    terms = {name: _duration(name, str(given.get(name) or usual)) for name, usual in _DEFAULTS.items()}
    row = _row(identity, given, terms)

    def work(book: Book) -> None:
        if book.find(jobs, identity) is not None:
            return
        _not_over(row["date"], book.now)
        due_at = book.now + terms["offers_within"]
        book.insert(jobs, {**row, "number": book.next_number(_SERIES), "due_at": due_at})
        job = book.get(jobs, identity)
        book.change(jobs, job, search=f"{job.number} {row['search']}")
        book.wake_at(OFFERS, identity, due_at)
        book.tell("job.posted", f"job.posted:{identity}", job_event(book.connection, job))
        job_returns.watch(book, book.get(jobs, identity))

    office.change(work)
    return get(office, {"job": identity})


def get(office: Office, given: JsonObject) -> JsonObject:
    """``jobs/get``: a job by its id or number, as it stands."""
    with office.read() as connection:
        return job_output(office, connection, find_job(connection, str(given["job"])))


def start(office: Office, given: JsonObject) -> JsonObject:
    """``jobs/start``: its provider begins."""

    def work(book: Book, job: Row) -> None:
        if (state := _after(job, "start")) is not None:
            begun = book.change(jobs, job, state=state, due_at=None)
            book.tell("job.started", f"job.started:{job.id}", job_event(book.connection, begun))

    return stepped(office, given, work)


def report_done(office: Office, given: JsonObject) -> JsonObject:
    """``jobs/done``: its provider says that the work is done; the customer confirms it, or time does."""

    def work(book: Book, job: Row) -> None:
        if (state := _after(job, "done")) is not None:
            due_at = book.now + parse_duration(job.terms["confirm_within"])
            done = book.change(jobs, job, state=state, due_at=due_at)
            book.wake_at(CONFIRM, job.id, due_at)
            book.tell("job.done", f"job.done:{job.id}", job_event(book.connection, done, until=due_at.isoformat()))

    return stepped(office, given, work)


def confirm(office: Office, given: JsonObject) -> JsonObject:
    """``jobs/confirm``: the customer is content; also with a disputed job, when no money is held that would settle it."""
    return stepped(office, given, lambda book, job: _confirmed(book, job, _reason(given)))


def dispute(office: Office, given: JsonObject) -> JsonObject:
    """``jobs/dispute``: the customer is not content; nothing is confirmed by itself any more."""

    def work(book: Book, job: Row) -> None:
        if (state := _after(job, "dispute")) is not None:
            disputed = book.change(jobs, job, state=state, reason=_reason(given), due_at=None)
            book.wake_at(CONFIRM, job.id, None)
            book.tell(
                "job.disputed", f"job.disputed:{job.id}", job_event(book.connection, disputed, reason=_reason(given))
            )

    return stepped(office, given, work)


def cancel(office: Office, given: JsonObject) -> JsonObject:
    """``jobs/cancel``: before the work began, or a dispute without held money; what was paid is to be given back.

    Who accepted need not press "start": what ``by_customer`` wishes is refused from the job's day on (``wrong_state``).
    """

    def work(book: Book, job: Row) -> None:
        by_customer = bool(given.get("by_customer"))
        state = _after(job, "cancel") if by_customer else _after_dispute(book, job, "cancel")
        if state is None:
            return
        today = book.now.date().isoformat()
        returned = by_customer and job_returns.was_taken_back(book.connection, job.id)
        if by_customer and not job_states.customer_may_cancel(job.state, job.date, today, returned=returned):
            message = f"The customer cannot cancel the job {job.number} any more: its day has come."
            raise PermanentError(message, code="wrong_state", remedy="Dispute it instead; or the platform cancels it.")
        reason = _reason(given) or "cancelled"
        over = book.change(jobs, job, state=state, awaiting=None, reason=reason, due_at=None)
        pass_over(book, job.id)
        for timer in (OFFERS, ANSWER, CONFIRM):
            book.wake_at(timer, job.id, None)
        book.tell("job.cancelled", f"job.cancelled:{job.id}", job_event(book.connection, over, reason=reason))

    return stepped(office, given, work)


def stepped(office: Office, given: JsonObject, work: Callable[[Book, Row], object]) -> JsonObject:
    """Do a step of a job and give the job as it is then. Raises ``NotFoundError`` and what the step raises."""
    with office.read() as connection:
        identity = find_job(connection, str(given["job"])).id
    office.change(lambda book: work(book, book.get(jobs, identity)))
    return get(office, {"job": identity})


def pass_over(book: Book, job: str, *, chosen: str = "") -> None:
    """Whoever else offered a price or was asked does not get the job."""
    waiting = (offers.c.job == job, offers.c.state.in_(("open", "chosen")), offers.c.id != chosen)
    for row in book.rows(sa.select(offers.c.id).where(*waiting).order_by(offers.c.id)):
        book.change(offers, book.get(offers, row.id), state="passed", due_at=None)


# timers


def confirm_by_itself(office: Office, identity: str) -> None:
    """The timer: the customer said nothing for the days of the terms."""

    def work(book: Book) -> None:
        job = book.find(jobs, identity)
        if job is not None and job.state == "done_reported":
            _confirmed(book, job, "no_answer")

    office.change(work)


def no_offers(office: Office, identity: str) -> None:
    """The timer: nobody offered a price in time. It stays posted, and somebody is told."""

    def work(book: Book) -> None:
        job = book.find(jobs, identity)
        if job is not None and job.state == "posted" and not job.round:
            left = book.change(jobs, job, reason=NO_OFFERS, due_at=None)
            book.tell(
                "job.unfilled", f"job.unfilled:{identity}:offers", job_event(book.connection, left, reason=NO_OFFERS)
            )

    office.change(work)


def _confirmed(book: Book, job: Row, reason: str) -> None:
    if (state := _after_dispute(book, job, "confirm")) is not None:
        confirmed = book.change(jobs, job, state=state, due_at=None)
        book.wake_at(CONFIRM, job.id, None)
        book.tell(
            "job.confirmed", f"job.confirmed:{job.id}", job_event(book.connection, confirmed, reason=reason or None)
        )


def _after(job: Row, step: str) -> str | None:
    return job_states.after(step, job.number, job.state, job.awaiting)


def _after_dispute(book: Book, job: Row, step: str) -> str | None:
    held = is_held(book.connection, job)
    return job_states.after(step, job.number, job.state, job.awaiting, is_held=held)


# what is written


def _row(identity: str, given: JsonObject, terms: Mapping[str, timedelta]) -> dict[str, object]:
    price = Money.from_json(given["price"]) if given.get("price") else None
    if price is not None and price.minor <= 0:
        message = f"A job cannot cost {price}."
        raise PermanentError(message, code="bad_input", remedy="Leave the price out, or name one above zero.")
    if price is None and not given.get("currency") and given.get("pay") in {"escrow", "direct"}:
        message = "It is not clear in which currency the job is paid."
        raise PermanentError(message, code="bad_input", remedy="Name the price, or the currency of the offers.")
    texts = [str(given["title"]), str(given.get("place") or ""), str(given.get("region") or "")]
    customer = cast("Mapping[str, Json]", given.get("customer") or {})
    texts += [value for value in customer.values() if isinstance(value, str)]
    payment = given.get("payment")
    return {
        "id": identity,
        "state": "posted",
        "title": given["title"],
        "kind": str(given.get("kind") or ""),
        "skills": list(cast("list[Json]", given.get("skills") or ())),
        "region": str(given.get("region") or ""),
        "date": _day(given.get("date")),
        "place": str(given.get("place") or ""),
        "description": str(given.get("description") or ""),
        "currency": price.currency if price is not None else given.get("currency"),
        "price": price.minor if price is not None else None,
        "customer": given.get("customer"),
        "metadata": given.get("metadata"),
        "order": given.get("order"),
        "pay": "none" if payment else str(given.get("pay") or "none"),
        "connections": given.get("connections"),
        "connection": given.get("connection") if payment else None,
        "payment": payment,
        "terms": {name: format_duration(span) for name, span in terms.items()},
        "search": " ".join(texts).lower()[:2_000],
    }


def _day(value: Json) -> str | None:
    if not value:
        return None
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        message = f"The date {str(value)[:40]!r} is not a day of the calendar."
        raise PermanentError(message, code="bad_input", remedy="Write it like 2026-11-23.") from None


def is_day_over(day: str, now: datetime) -> bool:
    """Whether a day is over wherever the work may be: the last to begin a day are twelve hours behind UTC."""
    return day < (now - _LAST_ZONE).date().isoformat()


def _not_over(day: object, now: datetime) -> None:
    if day is not None and is_day_over(str(day), now):
        raise PermanentError(f"The day {day} is over.", code="bad_input", remedy="Name today or a day to come.")


def _duration(name: str, text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ExpressionError as error:
        raise PermanentError(f"{name}: {error.message}", code="bad_input", remedy=error.remedy) from error


def _reason(given: JsonObject) -> str:
    return str(given.get("reason") or "")[:500]


ACTIONS: Final[Mapping[str, Action]] = {
    "post": post,
    "get": get,
    "start": start,
    "done": report_done,
    "confirm": confirm,
    "dispute": dispute,
    "cancel": cancel,
}
TIMERS: Final[Mapping[str, Timer]] = {CONFIRM: confirm_by_itself, OFFERS: no_offers}
