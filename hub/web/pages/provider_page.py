"""What providers see without a log-in: how to register, their own pages, and each job that they are asked about.

Their addresses are signed and mailed to them only. What is wrong is said at its field, and nothing typed is lost.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
import structlog
from babel.dates import format_date
from flask import render_template, request, url_for

from hub.bank_accounts import PARTS, TYPES
from hub.commerce import providers as people
from hub.commerce.assigning import Candidate, Wanted, fits
from hub.commerce.job_reading import FOR_PROVIDER, find_job, price_of, provider_address
from hub.commerce.job_states import OPEN
from hub.commerce.provider_forms import (
    ACCOUNT_FIELDS,
    ACCOUNT_KIND,
    ACCOUNT_WORDS,
    read_account,
    read_days,
    read_offer,
    read_registration,
    registration,
    shown_account,
)
from hub.commerce.providers import PORTAL, find_provider
from hub.errors import NotFoundError, PermanentError
from hub.ids import derived_id
from hub.journal.tables_escrow import payouts
from hub.journal.tables_work import jobs, offers
from hub.money import Money
from hub.payments import ledger
from hub.secrets import LinkError
from hub.web.access import Pages, Role
from hub.web.pages.form_page import LANGUAGE, told
from hub.web.pages.job_page import day_words, moment_words
from hub.web.sessions import the_hub
from hub.web.speech import say, speak, visitor_language
from hub.web.visitors import form_key, found_filled_in, leads_nowhere, new_key

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from typing import Any

    from flask import Response
    from flask.typing import ResponseReturnValue

    from hub.commerce.form_amounts import Said
    from hub.jsontypes import JsonObject

log = structlog.get_logger(__name__)

pages = Pages("provider_page", __name__)
pages.register_error_handler(LinkError, leads_nowhere)
pages.register_error_handler(NotFoundError, leads_nowhere)

_OWN_WORDS: Final = ACCOUNT_WORDS | {"skills"}
_STEPS: Final = frozenset({"accept", "decline", "start", "done"})
_WEEKS: Final = 8
_MOST: Final = 50


# registering


@pages.page("/register", Role.PUBLIC, limit="60 per minute")
def register() -> ResponseReturnValue:
    """The form for who wants to work."""
    return _registration(request.form.to_dict(), {})


@pages.page("/register", Role.PUBLIC, method="POST", limit="10 per minute", cross_site=True, again=register)
def do_register() -> ResponseReturnValue:
    """Keep the registration. Who is known already gets the address of their pages by mail; both are told the same."""
    entered = request.form.to_dict()
    if entered.get("do") == LANGUAGE:
        return _registration(entered, {})
    values, problems = read_registration(entered)
    if problems:
        return _registration(entered, problems), 422
    hub = the_hub()
    identity = people.identity_of(str(values["email"]))
    with hub.database.read() as connection:
        is_known = people.is_registered(connection, identity)
    office = hub.office(f"register {identity} {form_key(entered.get('key', ''))}")
    if is_known:
        mail = {"provider": identity, "subject": say("provider.mail_subject"), "text": say("provider.mail_text")}
        office.call("providers", "notify", mail, "known")
    else:
        office.call("providers", "register", {**values, "language": visitor_language()}, "register")
    return render_template("register.html", is_sent=True)


def _registration(entered: Mapping[str, str], problems: Mapping[str, Said]) -> Response:
    page = render_template(
        "register.html",
        is_sent=False,
        fields=registration().fields,
        entered=entered,
        problems=_told(problems),
        key=form_key(entered.get("key", "")),
        post_to=url_for("provider_page.do_register", lang=request.args.get("lang")),
    )
    return found_filled_in(page)


# a provider's own pages


@pages.page("/p/<token>", Role.PUBLIC, limit="120 per minute")
def portal(token: str) -> ResponseReturnValue:
    """Jobs, calendar, account, and what is due."""
    return _portal(token, request.form.to_dict(), {})


@pages.page("/p/<token>", Role.PUBLIC, method="POST", limit="30 per minute", cross_site=True, again=portal)
def keep(token: str) -> ResponseReturnValue:
    """Keep the calendar, or the account: it is told by mail, so that nobody else can redirect the money unseen."""
    hub, identity, entered = the_hub(), _identity(PORTAL, token), request.form.to_dict()
    office = hub.office(f"provider {identity} {form_key(entered.get('key', ''))}")
    if entered.get("do") == "calendar":
        with hub.database.read() as connection:
            known = find_provider(connection, identity).calendar
        days = read_days(request.form.getlist("day"), [day.isoformat() for day in _shown_days()], known, _today())
        people.keep_calendar(office, identity, days)
        return _portal(token, {}, {}, kept="calendar")
    values, problems = read_account(entered)
    if problems:
        return _portal(token, entered, problems), 422
    people.keep_account(office, identity, values, language=visitor_language())
    return _portal(token, {}, {}, kept="account")


def _portal(token: str, entered: Mapping[str, str], problems: Mapping[str, Said], *, kept: str = "") -> str:
    hub = the_hub()
    identity = _identity(PORTAL, token)
    with hub.database.read() as connection:
        row = find_provider(connection, identity)
        speak(row.language)
        mine = connection.execute(
            sa.select(jobs).where(jobs.c.provider == identity).order_by(jobs.c.updated_at.desc()).limit(_MOST)
        ).all()
        open_for = _open_for(connection, row) if row.state == "approved" else []
        due = [one for one in ledger.balances(connection, ledger.provider(identity)) if one.minor]
        sent = connection.execute(
            sa.select(payouts).where(payouts.c.provider == identity).order_by(payouts.c.created_at.desc()).limit(_MOST)
        ).all()
    office = hub.office("portal")

    def listed(one: sa.Row[Any]) -> tuple[sa.Row[Any], str, str, str]:
        """A job with its day, the address of its page, and how it stands for this provider."""
        return one, day_words(one.date), provider_address(office, one.id, identity), _standing(one, row, None)

    known = shown_account(row.bank)
    is_calendar = entered.get("do") == "calendar"
    return render_template(
        "provider.html",
        row=row,
        jobs=sorted((listed(one) for one in mine), key=lambda entry: entry[3] != "asked"),
        open_jobs=[listed(one) for one in open_for],
        weeks=_weeks(),
        due=[Money(-one.minor, one.currency).to_json() for one in due if one.account == ledger.provider(identity)],
        sent=[(one, Money(one.amount, one.currency).to_json(), moment_words(one.created_at)) for one in sent],
        fields=ACCOUNT_FIELDS,
        kind_input=ACCOUNT_KIND,
        kinds=tuple(PARTS),
        account_types=TYPES,
        entered=entered if entered and not is_calendar else known,
        busy=request.form.getlist("day") if is_calendar else row.calendar,
        problems=_told(problems),
        kept=kept,
        key=new_key(),
        token=token,
        post_to=url_for("provider_page.keep", token=token, lang=request.args.get("lang")),
    )


def _open_for(connection: sa.Connection, row: sa.Row[Any]) -> list[sa.Row[Any]]:
    """Jobs that ask for offers and that this provider could do."""
    asking = (jobs.c.state.in_(sorted(OPEN)), jobs.c.price.is_(None), jobs.c.currency.is_not(None))
    found = connection.execute(sa.select(jobs).where(*asking).order_by(jobs.c.created_at.desc()).limit(_MOST)).all()
    candidate = Candidate(row.id, tuple(row.skills), row.region, row.calendar)
    return [one for one in found if fits(candidate, Wanted(tuple(one.skills), one.region, one.date or ""))]


def _today() -> str:
    return the_hub().now().date().isoformat()


def _shown_days() -> list[date]:
    monday = the_hub().now().date()
    monday -= timedelta(days=monday.weekday())
    return [monday + timedelta(days=number) for number in range(7 * _WEEKS)]


def _weeks() -> list[list[tuple[str, str, str]]]:
    """The next weeks: each day with its short and its full words."""
    days, language = _shown_days(), visitor_language()
    said = [(day.isoformat(), format_date(day, "d MMM", language), format_date(day, "full", language)) for day in days]
    return [said[number : number + 7] for number in range(0, len(said), 7)]


# one job


@pages.page("/j/<token>", Role.PUBLIC, limit="120 per minute")
def job(token: str) -> ResponseReturnValue:
    """A job as one provider sees it."""
    return _job_page(token, request.form.to_dict(), {})


@pages.page("/j/<token>", Role.PUBLIC, method="POST", limit="30 per minute", cross_site=True, again=job)
def answer(token: str) -> ResponseReturnValue:
    """Accept, decline, offer a price, start or report done. A click that comes too late or twice is explained."""
    reference, _, provider = _identity(FOR_PROVIDER, token).partition(":")
    entered, do = request.form.to_dict(), request.form.get("do", "")
    office = the_hub().office(f"job {reference} {provider} {do} {form_key(entered.get('key', ''))}")
    try:
        if do == "offer":
            return _offer(token, reference, provider, entered)
        if do in _STEPS:
            _check_own(reference, provider)
            office.call("jobs", do, _given(reference, provider, do), do)
    except PermanentError as error:
        log.info("job_step_refused", job=reference, provider=provider, do=do, reason=str(error))
        return _job_page(token, {}, {}, is_late=True), 409
    return _job_page(token, {}, {})


def _given(reference: str, provider: str, do: str) -> dict[str, str]:
    return {"job": reference, **({"provider": provider} if do in {"accept", "decline"} else {})}


def _check_own(reference: str, provider: str) -> None:
    """Raises ``PermanentError`` when the job is somebody else's (by now)."""
    with the_hub().database.read() as connection:
        if find_job(connection, reference).provider != provider:
            message = "This job is somebody else's."
            raise PermanentError(message, code="wrong_state", remedy="Look at the page again.")


def _offer(token: str, reference: str, provider: str, entered: Mapping[str, str]) -> ResponseReturnValue:
    with the_hub().database.read() as connection:
        row = find_job(connection, reference)
    if row.price is not None or row.currency is None:
        message = f"The job {row.number} asks for no prices."
        raise PermanentError(message, code="wrong_state", remedy="Look at the page again.")
    price, note, problems = read_offer(entered, row.currency)
    if price is None or problems:
        return _job_page(token, entered, problems), 422
    office = the_hub().office(f"offer {reference} {provider} {form_key(entered.get('key', ''))} {price}")
    given: JsonObject = {
        "job": reference,
        "provider": provider,
        "price": price.to_json(),
        **({"note": note} if note else {}),
    }
    office.call("jobs", "offer", given, "offer")
    return _job_page(token, {}, {}, kept=True)


def _job_page(
    token: str, entered: Mapping[str, str], problems: Mapping[str, Said], *, is_late: bool = False, kept: bool = False
) -> str:
    hub = the_hub()
    reference, _, provider = _identity(FOR_PROVIDER, token).partition(":")
    with hub.database.read() as connection:
        row, person = find_job(connection, reference), find_provider(connection, provider)
        speak(person.language)
        query = sa.select(offers).where(offers.c.id == derived_id("off", reference, provider))
        mine = connection.execute(query).first()
    price = price_of(row)
    own = Money(mine.minor, mine.currency) if mine is not None and mine.minor is not None else None
    return render_template(
        "job_provider.html",
        job=row,
        price=price.to_json() if price is not None else None,
        own=own.to_json() if own is not None else None,
        standing=_standing(row, person, mine),
        entered=entered or ({"price": own.to_decimal_text(), "f-note": mine.note} if own is not None and mine else {}),
        problems=_told(problems),
        is_late=is_late,
        kept=kept,
        day=day_words(row.date),
        until=moment_words(row.due_at),
        portal=hub.office("read").address(PORTAL, provider),
        key=new_key(),
        token=token,
        post_to=url_for("provider_page.answer", token=token, lang=request.args.get("lang")),
    )


def _standing(row: sa.Row[Any], person: sa.Row[Any], mine: sa.Row[Any] | None) -> str:
    """What the page says: ``asked``, ``offer``, ``gone`` …, or the state of a job that is theirs."""
    if row.provider == person.id:
        if row.state == "assigned":
            return "asked" if row.awaiting == "acceptance" else "unpaid"
        return str(row.state)
    if row.state in OPEN and row.price is None and row.currency is not None and person.state == "approved":
        return "offer"
    if row.state == "cancelled":
        return "cancelled"
    return str(mine.state) if mine is not None and mine.state in {"declined", "lapsed"} else "gone"


def _told(problems: Mapping[str, Said]) -> dict[str, str]:
    """What is wrong, in the visitor's language."""
    return {
        name: say(f"provider.wrong_{one.name}", **one.values) if one.name in _OWN_WORDS else told(one)
        for name, one in problems.items()
    }


def _identity(kind: str, token: str) -> str:
    return the_hub().pages.identity(kind, token)
