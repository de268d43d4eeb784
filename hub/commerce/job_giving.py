"""Who gets a job: assigned by rule or name and accepted or declined in time, or chosen by the customer among offers.

The rule stands in :mod:`hub.commerce.assigning`. Who was asked and does not answer in time is passed over, and the next one
is asked; when nobody is left, ``job.unfilled`` is told and a person decides.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from hub.commerce import job_states
from hub.commerce.assigning import Candidate, Wanted, ranked
from hub.commerce.job_reading import job_event
from hub.commerce.job_states import ACCEPTANCE, PAYMENT
from hub.commerce.jobs import ANSWER, NOBODY_LEFT, OFFERS, pass_over, stepped
from hub.errors import ExpressionError, PermanentError
from hub.expressions.durations import parse_duration
from hub.ids import derived_id
from hub.journal.tables_work import jobs, offers, providers
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.journal.book import Book
    from hub.jsontypes import JsonObject
    from hub.office import Action, Office, Timer

    Row = sa.Row[Any]

LATELY: Final = timedelta(days=90)
"""Jobs of this time count when it is asked who has the fewest."""


# assigned


def assign(office: Office, given: JsonObject) -> JsonObject:
    """``jobs/assign``: ask the provider who is named, else the first by the rule; ``job.unfilled`` when nobody is left."""

    def work(book: Book, job: Row) -> None:
        named = str(given.get("provider") or "")
        if job.state in {"assigned", "accepted"} and named in {"", job.provider}:
            return  # it is given to them already
        if job.state == "assigned" and job.awaiting == ACCEPTANCE:
            job = _taken_from(book, job, "passed")
        job_states.after("assign", job.number, job.state, job.awaiting)
        terms = dict(job.terms)
        if given.get("answer_within"):
            terms["answer_within"] = _checked(str(given["answer_within"]))
        job = book.change(jobs, job, terms={**terms, "only": bool(named and given.get("only"))})
        _ask(book, job, _named(book, named) if named else _next(book, job))

    return stepped(office, given, work)


def _named(book: Book, provider: str) -> str:
    row = book.get(providers, provider)
    if row.state != "approved":
        message = f"{row.name} is not approved as a provider."
        raise PermanentError(message, code="wrong_state", remedy="Approve them on their page first.")
    return provider


def _next(book: Book, job: Row) -> str | None:
    """Whom the rule asks next; None when nobody is left."""
    wanted = Wanted(tuple(job.skills), job.region, job.date or "")
    asked = {row.provider for row in book.rows(sa.select(offers.c.provider).where(offers.c.job == job.id))}
    for one in ranked(wanted, _candidates(book.connection, job), asked):
        row = book.find(providers, one.id)  # nobody else gives them a job meanwhile
        if row is not None and row.state == "approved" and not (job.date and _is_busy(book, one.id, job.date)):
            return one.id
    return None


def _candidates(connection: sa.Connection, job: Row) -> Sequence[Candidate]:
    busy = set(connection.execute(_busy(job.date)).scalars()) if job.date else set()
    since = job.created_at - LATELY
    counted = sa.select(jobs.c.provider, sa.func.count()).where(
        jobs.c.provider.is_not(None), jobs.c.state != "cancelled", jobs.c.created_at >= since
    )
    rows = connection.execute(counted.group_by(jobs.c.provider)).all()
    count = {row[0]: int(row[1]) for row in rows}
    query = sa.select(providers).where(providers.c.state == "approved").order_by(providers.c.created_at, providers.c.id)
    return [
        Candidate(row.id, tuple(row.skills), row.region, row.calendar, count.get(row.id, 0), row.rating)
        for row in connection.execute(query)
        if row.id not in busy
    ]


def _busy(day: str) -> sa.Select[Any]:
    taken = (jobs.c.date == day, jobs.c.state.in_(sorted(job_states.TAKEN)), jobs.c.provider.is_not(None))
    return sa.select(jobs.c.provider).where(*taken)


def _is_busy(book: Book, provider: str, day: str) -> bool:
    return book.connection.execute(_busy(day).where(jobs.c.provider == provider).limit(1)).first() is not None


def _ask(book: Book, job: Row, provider: str | None) -> Row:
    """Ask a provider, with a time to answer; or tell that nobody is left."""
    book.wake_at(OFFERS, job.id, None)
    number = job.round + 1
    if provider is None:
        left = book.change(jobs, job, reason=NOBODY_LEFT, due_at=None, round=number)
        book.wake_at(ANSWER, job.id, None)
        book.tell(
            "job.unfilled", f"job.unfilled:{job.id}:{number}", job_event(book.connection, left, reason=NOBODY_LEFT)
        )
        return left
    due_at = book.now + parse_duration(job.terms["answer_within"])
    _keep_offer(book, job.id, provider, kind="asked", state="open", due_at=due_at)
    values = {"awaiting": ACCEPTANCE, "provider": provider, "offer": None, "reason": None}
    given = book.change(jobs, job, state="assigned", due_at=due_at, round=number, **values)
    book.wake_at(ANSWER, job.id, due_at)
    book.tell(
        "job.assigned", f"job.assigned:{job.id}:{number}", job_event(book.connection, given, until=due_at.isoformat())
    )
    return given


def _keep_offer(book: Book, job: str, provider: str, **values: object) -> Row:
    identity = derived_id("off", job, provider)
    row = {"id": identity, "job": job, "provider": provider, **values}
    if book.insert(offers, row):
        return book.get(offers, identity)
    return book.change(offers, book.get(offers, identity), **values)


def _taken_from(book: Book, job: Row, state: str) -> Row:
    """Whoever had the job does not have it any more; how their offer ended is its ``state``."""
    offer = book.get(offers, derived_id("off", job.id, job.provider))
    book.change(offers, offer, state=state, due_at=None)
    return book.change(jobs, job, state="posted", awaiting=None, provider=None, due_at=None)


# answered


def accept(office: Office, given: JsonObject) -> JsonObject:
    """``jobs/accept``: the provider who was asked takes it. Raises ``PermanentError`` (``wrong_state``) for any other."""

    def work(book: Book, job: Row) -> None:
        _only_provider(job, given)
        if job_states.after("accept", job.number, job.state, job.awaiting) is None or job.awaiting == PAYMENT:
            return
        if job.due_at is not None and job.due_at <= book.now:
            raise _too_late(job)
        offer = book.get(offers, derived_id("off", job.id, job.provider))
        book.change(offers, offer, state="accepted", due_at=None)
        book.wake_at(ANSWER, job.id, None)
        go_on(book, book.change(jobs, job, awaiting=None, due_at=None))
        pass_over(book, job.id, chosen=offer.id)

    return stepped(office, given, work)


def decline(office: Office, given: JsonObject) -> JsonObject:
    """``jobs/decline``: the provider who was asked does not take it; the next one is asked."""

    def work(book: Book, job: Row) -> None:
        _only_provider(job, given)
        if job.state == "assigned" and job.awaiting == PAYMENT:
            raise job_states.refused("decline", job.number, job.state, job.awaiting)
        job_states.after("decline", job.number, job.state, job.awaiting)
        reason = str(given.get("reason") or "")[:500]
        told = job_event(book.connection, job, reason=reason or None)
        book.tell("job.declined", f"job.declined:{job.id}:{job.round}", told)
        _go_to_next(book, _taken_from(book, job, "declined"))

    return stepped(office, given, work)


def lapse(office: Office, identity: str) -> None:
    """The timer: whoever was asked has not answered in time; the next one is asked."""

    def work(book: Book) -> None:
        job = book.find(jobs, identity)
        if job is None or job.state != "assigned" or job.awaiting != ACCEPTANCE:
            return
        if job.due_at is not None and job.due_at > book.now:
            book.wake_at(ANSWER, identity, job.due_at)
            return
        book.tell(
            "job.declined", f"job.declined:{job.id}:{job.round}", job_event(book.connection, job, reason="no_answer")
        )
        _go_to_next(book, _taken_from(book, job, "lapsed"))

    office.change(work)


def _go_to_next(book: Book, job: Row) -> None:
    _ask(book, job, None if job.terms.get("only") else _next(book, job))


def go_on(book: Book, job: Row) -> Row:
    """A job that has its provider, and is paid or need not be here, can begin; else its customer pays first."""
    waits = job.pay != "none" and job.payment is None
    state, awaiting = ("assigned", PAYMENT) if waits else ("accepted", None)
    job = book.change(jobs, job, state=state, awaiting=awaiting)
    if not waits or job.offer is None:
        book.tell("job.accepted", f"job.accepted:{job.id}:{job.round}", job_event(book.connection, job))
    return job


# offered and chosen


def offer(office: Office, given: JsonObject) -> JsonObject:
    """``jobs/offer``: a provider names a price, or another one than before; the same price again changes nothing."""
    price = Money.from_json(given["price"])
    if price.minor <= 0:
        message = f"{price} is no price."
        raise PermanentError(message, code="bad_input", remedy="Name a price above zero.")

    def work(book: Book, job: Row) -> None:
        provider = _named(book, str(given["provider"]))
        state = job_states.after("offer", job.number, job.state, job.awaiting)
        if job.currency is not None and price.currency != job.currency:
            message = f"The job {job.number} is paid in {job.currency}, not in {price.currency}."
            raise PermanentError(message, code="currency_unsupported", remedy=f"Name a price in {job.currency}.")
        note = str(given.get("note") or "")[:500]
        known = book.find(offers, derived_id("off", job.id, provider))
        same = {"kind": "offer", "state": "open", "currency": price.currency, "minor": price.minor, "note": note}
        if known is not None and all(getattr(known, name) == value for name, value in same.items()):
            return
        made = _keep_offer(book, job.id, provider, **same)
        changed = book.change(jobs, job, state=state, currency=price.currency, reason=None)
        told = job_event(book.connection, changed, provider=provider, offer=made.id, price=price.to_json())
        book.tell("job.offered", f"job.offered:{made.id}:{made.version}", told)

    return stepped(office, given, work)


def choose(office: Office, given: JsonObject) -> JsonObject:
    """``jobs/choose``: the customer takes an offer; until it is paid another one may be chosen instead."""

    def work(book: Book, job: Row) -> None:
        chosen = book.get(offers, str(given["offer"]))
        if job.offer == chosen.id and job.state not in job_states.OPEN | {"cancelled"}:
            return
        if job.state == "assigned" and job.awaiting != PAYMENT:
            raise job_states.refused("choose", job.number, job.state, job.awaiting)
        job_states.after("choose", job.number, job.state, job.awaiting)
        if chosen.job != job.id or chosen.kind != "offer" or chosen.state != "open":
            message = f"This is no open offer for the job {job.number}."
            raise PermanentError(
                message, code="wrong_state", remedy="Load the page again and choose one that is there."
            )
        if given.get("price") and Money.from_json(given["price"]) != Money(chosen.minor, chosen.currency):
            message = f"The offer for the job {job.number} was changed."
            raise PermanentError(message, code="wrong_state", remedy="Look at its price, and choose again.")
        _named(book, chosen.provider)
        if job.offer:
            book.change(offers, book.get(offers, job.offer), state="open")
        book.change(offers, chosen, state="chosen")
        book.wake_at(OFFERS, job.id, None)
        values = {"provider": chosen.provider, "offer": chosen.id, "price": chosen.minor, "currency": chosen.currency}
        given_to = book.change(
            jobs, job, state="assigned", awaiting=PAYMENT, round=job.round + 1, due_at=None, **values
        )
        book.tell("job.chosen", f"job.chosen:{job.id}:{given_to.round}", job_event(book.connection, given_to))
        if go_on(book, given_to).state == "accepted":
            pass_over(book, job.id, chosen=chosen.id)

    return stepped(office, given, work)


def _only_provider(job: Row, given: JsonObject) -> None:
    named = given.get("provider")
    if named and named != job.provider:
        message = f"The job {job.number} went to somebody else."
        raise PermanentError(message, code="wrong_state", remedy="Answer sooner the next time.")


def _too_late(job: Row) -> PermanentError:
    message = f"The time to answer for the job {job.number} is over."
    return PermanentError(message, code="wrong_state", remedy="It goes to the next one.")


def _checked(text: str) -> str:
    try:
        parse_duration(text)
    except ExpressionError as error:
        raise PermanentError(f"answer_within: {error.message}", code="bad_input", remedy=error.remedy) from error
    return text


ACTIONS: Final[Mapping[str, Action]] = {
    "assign": assign,
    "accept": accept,
    "decline": decline,
    "offer": offer,
    "choose": choose,
}
TIMERS: Final[Mapping[str, Timer]] = {ANSWER: lapse}
