"""What comes in by forms: kept with the event that tells it, then the payer is led on, and what became of it is noted.

One-time payments go by an order of the hub's, so that whoever pays twice gets the second payment back by itself. What
recurs begins as a subscription at the gateway, on a plan that is made once for each offer and price; a plan that costs
otherwise by now is none of that price any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from hub.commerce import paying
from hub.commerce.forms import words
from hub.commerce.order_reading import find_order
from hub.errors import NotFoundError
from hub.ids import derived_id
from hub.journal.book import found
from hub.journal.tables_billing import told_plans, value
from hub.journal.tables_forms import form_plans, submissions
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from hub.commerce.form_fields import Answers
    from hub.commerce.forms import Form, Offer
    from hub.journal.book import Book
    from hub.journal.entries import NewEvent
    from hub.jsontypes import Json, JsonObject
    from hub.office import Office

STATES: Final = ("sent", "paying", "paid", "active", "ended")
"""How far a submission has come, each further than those before: news that come late change nothing."""

PAGE: Final = "s"
"""The kind of the address at which a visitor sees what became of a submission."""

_MEANS: Final = {
    "payment.succeeded": "paid",
    "subscription.started": "active",
    "subscription.renewed": "active",
    "subscription.cancelled": "ended",
    "subscription.ended": "ended",
}
_LONGEST_DESCRIPTION: Final = 200
_LONGEST_PLAN_NAME: Final = 120


@dataclass(frozen=True, slots=True)
class Reduction:
    """What a coupon does for a submission: ``redeem`` takes the code inside the submission's transaction.

    ``amount`` is what stands for the price: less for what is paid once, the same for what recurs, which ``discount`` is for.
    """

    code: str
    amount: Money
    discount: JsonObject | None
    redeem: Callable[[Book], object]


def submit(office: Office, form: Form, answers: Answers, language: str, reduction: Reduction | None = None) -> str:
    """Keep a submission and tell ``form.submitted``, in one transaction; the same submission again changes nothing.

    Its coupon is redeemed in that transaction too. Raises what ``redeem`` raises, and nothing is kept then.
    """
    identity = office.identity("sbm")
    amount = reduction.amount if reduction is not None else answers.amount
    row: JsonObject = {
        "id": identity,
        "form": form.name,
        "state": "sent",
        "answers": answers.values,
        "customer": answers.customer,
        "offer": answers.offer.name if answers.offer is not None else None,
        "connection": connection_of(form, answers),
        "currency": amount.currency if amount is not None else None,
        "minor": amount.minor if amount is not None else None,
        "coupon": reduction.code if reduction is not None else None,
        "discount": reduction.discount if reduction is not None else None,
        "language": language,
        "search": " ".join([identity, *_texts(answers.customer)]).lower()[:2_000],
    }

    def work(book: Book) -> None:
        if not book.insert(submissions, row):
            return
        if reduction is not None:
            reduction.redeem(book)
        book.tell("form.submitted", f"form.submitted:{identity}", _event(form, row, answers))

    office.change(work)
    return identity


def connection_of(form: Form, answers: Answers) -> str | None:
    """The connection by which is paid, where that is known before the payer sees an order."""
    if form.pay is None:
        return None
    return answers.connection or (form.pay.connections[0] if len(form.pay.connections) == 1 else None)


def _event(form: Form, row: JsonObject, answers: Answers) -> JsonObject:
    offer = answers.offer
    return {
        "form": form.name,
        "submission": row["id"],
        "values": answers.values,
        "customer": answers.customer or None,
        "language": row["language"],
        "amount": {"minor": row["minor"], "currency": row["currency"]} if row["minor"] is not None else None,
        "coupon": row["coupon"],
        "offer": offer.name if offer is not None and form.pay is not None and len(form.pay.offers) > 1 else None,
    }


def _texts(customer: JsonObject) -> list[str]:
    return [value for value in customer.values() if isinstance(value, str)]


# leading the payer on


def begin(office: Office, form: Form, identity: str) -> str | None:
    """Where the payer goes on to pay; None where nothing is to be paid (any more).

    May be asked again: an open checkout is the same, one that failed is begun anew. Raises like an action.
    """
    row = get(office, identity)
    offer = form.pay.offer(row.offer) if form.pay is not None and row.offer else None
    if offer is None or row.minor is None or row.state not in {"sent", "paying"}:
        return None
    about = office.about(identity)
    return _subscribe(about, form, offer, row) if offer.is_recurring else _order(about, form, offer, row)


def is_called_off(office: Office, row: sa.Row[Any]) -> bool:
    """Whether the order of a submission was cancelled, so that nothing can be paid for it any more."""
    return _is_called_off(office, str(row.order)) if row.order else False


def _is_called_off(office: Office, order: str) -> bool:
    with office.read() as connection:
        return str(find_order(connection, order).state) == "cancelled"


def _order(office: Office, form: Form, offer: Offer, row: sa.Row[Any]) -> str | None:
    amount, description = Money(row.minor, row.currency), _description(form, offer, row)
    assert form.pay is not None
    page = office.address(PAGE, row.id)
    given: JsonObject = {
        "lines": [{"title": description, "quantity": 1, "price": amount.to_json()}],
        "currency": amount.currency,
        "connections": [row.connection] if row.connection else list(form.pay.connections),
        "description": description,
        "metadata": _metadata(form, row),
        "return_url": page,
        **({"customer": row.customer} if row.customer else {}),
    }
    order = office.call("orders", "create", given, "order")
    url = str(order["url"])
    _note(office, row.id, order=str(order["order"]), url=url)
    if _is_called_off(office, str(order["order"])):
        return None
    if row.connection:
        return paying.begin(
            office,
            row.connection,
            amount,
            {"order": str(order["order"])},
            description=description,
            customer=row.customer or None,
            return_url=f"{page}?back=1",
            metadata=_metadata(form, row),
        )
    return url


def _subscribe(office: Office, form: Form, offer: Offer, row: sa.Row[Any]) -> str:
    page = office.address(PAGE, row.id)
    plan = offer.plan or _plan(office, form, offer, row)
    given: JsonObject = {
        "plan": plan,
        "customer": row.customer,
        "metadata": _metadata(form, row),
        "return_url": f"{page}?back=1",
        "cancel_url": page,
        **({"trial_days": offer.trial_days} if offer.trial_days else {}),
        **({"discount": row.discount} if row.discount is not None else {}),
    }
    output = office.call(row.connection, "subscription.create", given, "subscribe")
    url = str(output.get("checkout_url") or page)
    _note(office, row.id, subscription=str(output["subscription"]), url=url)
    return url


def _plan(office: Office, form: Form, offer: Offer, row: sa.Row[Any]) -> str:
    """The plan of an offer at this price, which is made when the first one wants it."""
    terms = _terms(offer, Money(row.minor, row.currency))
    with office.read() as connection:
        identity, known = _find_plan(connection, form, offer, terms, row.connection)
    if known is not None:
        return known
    name = f"{words(form.title, 'en')}: {words(offer.title, 'en')}"[:_LONGEST_PLAN_NAME]
    carries = office.manifest(str(row.connection)).capabilities["plan_create"].limits.get("metadata") is not False
    about: JsonObject = {"metadata": {"form": form.name, "offer": offer.name}} if carries else {}
    given: JsonObject = {"name": name, **terms, **about}
    plan = str(office.about(identity).call(row.connection, "plan.create", given, "plan")["plan"])
    made = {"id": identity, "form": form.name, "offer": offer.name, "connection": row.connection, "terms": terms}
    office.change(lambda book: book.insert(form_plans, {**made, "plan": plan}))
    return plan


def known_plan(connection: sa.Connection, form: Form, offer: Offer, price: Money, by: str) -> str | None:
    """The plan at the gateway on which an offer is at this price; None where there is none (yet)."""
    if offer.plan or offer.every is None:
        return offer.plan or None
    return _find_plan(connection, form, offer, _terms(offer, price), by)[1]


def _terms(offer: Offer, price: Money) -> JsonObject:
    return {"price": price.to_json(), "interval": offer.every}


def _find_plan(
    connection: sa.Connection, form: Form, offer: Offer, terms: JsonObject, by: str
) -> tuple[str, str | None]:
    """The plan of an offer that has these terms now, if any, and the identity under which the next one is made.

    The price of a plan may have been changed since: then it is none for its first price any more, but for the new one.
    """
    price, every = cast("JsonObject", terms["price"]), cast("JsonObject", terms["interval"])
    interval = f"{every['count']} {every['unit']}"
    identity = derived_id("fpl", by, form.name, offer.name, str(price["minor"]), str(price["currency"]), interval)
    while (row := connection.execute(_plans(form_plans.c.id == identity)).first()) is not None:
        if _terms_now(row) == terms:
            return identity, row.plan
        identity = derived_id("fpl", identity, row.plan)
    where = (form_plans.c.form == form.name, form_plans.c.offer == offer.name, form_plans.c.connection == by)
    moved = (row.plan for row in connection.execute(_plans(*where)) if _terms_now(row) == terms)
    return identity, next(moved, None)


def _plans(*where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Plans that forms made, the oldest first, each with what the gateway told of it since, if anything."""
    of = form_plans.c
    same = (told_plans.c.connection == of.connection) & (told_plans.c.plan == of.plan)
    query = sa.select(of.plan, of.terms, told_plans.c.data).select_from(form_plans.outerjoin(told_plans, same))
    return query.where(*where).order_by(of.created_at, of.id)


def _terms_now(row: sa.Row[Any]) -> JsonObject:
    told = value(row.data, "price") if row.data is not None else None
    return {**row.terms, "price": told or row.terms["price"]}


def _description(form: Form, offer: Offer, row: sa.Row[Any]) -> str:
    """What the payer reads, in the language of the form that was filled in."""
    assert form.pay is not None
    said = words(form.pay.purpose or form.title, row.language)
    title = words(offer.title, row.language) if len(form.pay.offers) > 1 else ""
    return (f"{said}: {title}" if title else said)[:_LONGEST_DESCRIPTION]


def _metadata(form: Form, row: sa.Row[Any]) -> JsonObject:
    """What travels through the gateway and comes back in its events: the form's hidden fields too."""
    hidden: JsonObject = {field.name: field.value for field in form.fields if field.type == "hidden"}
    return {**hidden, "form": row.form, "submission": row.id, "offer": row.offer, "language": row.language}


def _note(office: Office, identity: str, **values: object) -> None:
    """Write down where the payer was led; what became of it meanwhile is kept."""

    def work(book: Book) -> None:
        row = book.get(submissions, identity)
        if row.state not in {"sent", "paying"} and row.subscription is not None:
            values.pop("subscription", None)
        state = "paying" if row.state == "sent" else row.state
        book.change(submissions, row, state=state, **values)

    office.change(work)


# what became of it


def project(book: Book, events: Sequence[NewEvent]) -> None:
    """What events of payments and subscriptions mean for the submissions that began them."""
    told: dict[str, list[NewEvent]] = {}
    for event in events:
        metadata = event.data.get("metadata")
        identity = metadata.get("submission") if isinstance(metadata, dict) else None
        if event.type in _MEANS and isinstance(identity, str) and not _ends_later(event):
            told.setdefault(identity, []).append(event)
    for identity in sorted(told):  # in one order for all writers, so that two never wait for each other
        row = book.find(submissions, identity)
        if row is None:
            continue  # the metadata of somebody else's
        values = _news(row, told[identity])
        if values:
            book.change(submissions, row, **values)


def _ends_later(event: NewEvent) -> bool:
    """Whether a subscription was cancelled for a time to come: it runs until then."""
    cancel_at = event.data.get("cancel_at")
    later = isinstance(cancel_at, str) and datetime.fromisoformat(cancel_at) > event.time
    return event.type == "subscription.cancelled" and later


def _news(row: sa.Row[Any], events: Sequence[NewEvent]) -> dict[str, object]:
    values: dict[str, object] = {}
    furthest = max((row.state, *(_MEANS[event.type] for event in events)), key=STATES.index)
    if furthest != row.state:
        values["state"] = furthest
    payment = _first(events, "payment")
    if row.payment is None and payment is not None:
        values["payment"] = payment
    # Until the payer has agreed, gateways may name another reference: what the subscription's own news say holds.
    own = _first([one for one in events if one.type.startswith("subscription.")], "subscription")
    subscription = own or row.subscription or _first(events, "subscription")
    if subscription != row.subscription:
        values["subscription"] = subscription
    return values


def _first(events: Sequence[NewEvent], name: str) -> str | None:
    """The first reference of this name that the events tell."""
    return next((str(one.data[name]) for one in events if isinstance(one.data.get(name), str)), None)


# reading


def get(office: Office, identity: str) -> sa.Row[Any]:
    """A submission. Raises ``NotFoundError``."""
    with office.read() as connection:
        return found(submissions, identity, connection.execute(_one(identity)).first())


def _one(identity: str) -> sa.Select[Any]:
    return sa.select(submissions).where(submissions.c.id == identity)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which submissions of a form: of a state, for an offer, with words in name, address or reference, ``after`` an id.

    ``page``: the ids of the newest and the oldest, of which :func:`pages_of` gives one pair for each page.
    """

    form: str
    state: str = ""
    text: str = ""
    after: str = ""
    offer: str = ""
    page: tuple[str, str] | None = None


_NEWEST: Final = (submissions.c.created_at.desc(), submissions.c.id.desc())


def listed(connection: sa.Connection, wanted: Wanted, limit: int | None) -> Sequence[sa.Row[Any]]:
    """Submissions, newest first. Raises ``NotFoundError`` when there is none with an id that ``wanted`` names."""
    query = sa.select(submissions).where(*_chosen(wanted))
    place = sa.tuple_(submissions.c.created_at, submissions.c.id)
    if wanted.after:
        query = query.where(place < _place(connection, wanted.after))
    if wanted.page is not None:
        newest, oldest = wanted.page
        query = query.where(place <= _place(connection, newest), place >= _place(connection, oldest))
    return connection.execute(query.order_by(*_NEWEST).limit(limit)).all()


def pages_of(connection: sa.Connection, wanted: Wanted, size: int) -> list[tuple[str, str]]:
    """The submissions cut into pages: the ids of the newest and the oldest of each. What comes in later is in none."""
    number, count = sa.func.row_number().over(order_by=_NEWEST), sa.func.count().over()
    numbered = (
        sa.select(submissions.c.id, number.label("number"), count.label("count")).where(*_chosen(wanted)).subquery()
    )
    begins = numbered.c.number % size == 1 % size
    ends = sa.or_(numbered.c.number % size == 0, numbered.c.number == numbered.c.count)
    query = sa.select(numbered.c.id, begins.label("begins"), ends.label("ends")).where(sa.or_(begins, ends))
    rows = connection.execute(query.order_by(numbered.c.number)).all()
    newest, oldest = ([row.id for row in rows if getattr(row, edge)] for edge in ("begins", "ends"))
    return list(zip(newest, oldest, strict=True))


def _chosen(wanted: Wanted) -> Iterator[sa.ColumnElement[bool]]:
    yield submissions.c.form == wanted.form
    if wanted.state:
        yield submissions.c.state == wanted.state
    if wanted.offer:
        yield submissions.c.offer == wanted.offer
    if wanted.text:
        yield submissions.c.search.contains(wanted.text.lower(), autoescape=True)


def _place(connection: sa.Connection, identity: str) -> sa.Tuple:
    row = connection.execute(_one(identity)).first()
    if row is None:
        message = f"There is no submission {identity!r}."
        raise NotFoundError(message, remedy="Begin at the newest.")
    return sa.tuple_(sa.literal(row.created_at, submissions.c.created_at.type), sa.literal(row.id))


def counts(connection: sa.Connection) -> Mapping[str, int]:
    """How many submissions each form has."""
    query = sa.select(submissions.c.form, sa.func.count()).group_by(submissions.c.form)
    return {form: count for form, count in connection.execute(query)}  # noqa: C416 (rows are no pairs to the type checker)


def amount_json(row: sa.Row[Any]) -> Json:
    """What the submission is to pay, as Money; None for nothing."""
    return Money(row.minor, row.currency).to_json() if row.minor is not None else None
