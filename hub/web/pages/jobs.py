"""Jobs: the board, one job with its offers and what happened, and what a person does with it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from flask import flash, redirect, render_template, request, url_for

from hub.commerce.job_reading import FOR_CUSTOMER, find_job, is_held, offers_of, payments_of, price_of
from hub.commerce.job_returns import unpaid_again
from hub.commerce.job_states import OVER, STEPS, can
from hub.commerce.jobs import is_day_over
from hub.engine.unreturned import unreturned
from hub.errors import ActionError, ConfigError, MoneyError
from hub.journal.queries import EventFilter
from hub.journal.tables_work import jobs as table
from hub.journal.tables_work import providers
from hub.money import Money
from hub.payments.payout_runs import provider_names
from hub.web.access import Pages, Role
from hub.web.acting import act_once, form_key
from hub.web.entries import Pressed, misfits, press, typed_in, wrong_address, wrong_currency
from hub.web.sessions import the_hub

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from flask.typing import ResponseReturnValue

    from hub.jsontypes import Json, JsonObject

pages = Pages("jobs", __name__)

COLUMNS: Final[Sequence[tuple[str, frozenset[str]]]] = (
    ("Needs you", frozenset({"disputed"})),
    ("Posted", frozenset({"posted", "offered"})),
    ("Given, not begun", frozenset({"assigned", "accepted"})),
    ("In progress", frozenset({"in_progress"})),
    ("To be confirmed", frozenset({"done_reported"})),
    ("To be paid out", frozenset({"confirmed"})),
    ("Over", frozenset({"released", "settled", "cancelled"})),
)
_TEXTS: Final = ("title", "kind", "region", "date", "place", "description")
_FIELDS: Final = (*_TEXTS, "skills", "price", "currency", "name", "email", "how")
_PLACES: Final = {
    **{name: name for name in (*_TEXTS, "skills", "currency", "price")},
    "customer.name": "name",
    "customer.email": "email",
}
_IN_A_COLUMN: Final = 50
_ACTS: Final = ("assign", "start", "done", "confirm", "dispute", "cancel")
_TYPED: Final = {"assign": ("provider",), "dispute": ("reason",), "cancel": ("reason",)}
"""What is entered beside a button."""


@pages.page("/jobs", Role.VIEWER)
def index() -> ResponseReturnValue:
    """The board: each column the newest that fit."""
    text = request.args.get("text", "").strip()
    where = [table.c.search.contains(word, autoescape=True) for word in text.lower().split()]
    with the_hub().database.read() as connection:
        columns = [(title, _column(connection, title, states, where)) for title, states in COLUMNS]
        names = provider_names(connection, {row.provider for _, rows in columns for row in rows if row.provider})
    return render_template("jobs.html", columns=columns, names=names, text=text, most=_IN_A_COLUMN)


def _column(
    connection: sa.Connection, title: str, states: frozenset[str], where: Sequence[sa.ColumnElement[bool]]
) -> Sequence[sa.Row[Any]]:
    unfilled = sa.and_(table.c.state == "posted", table.c.reason.is_not(None))
    one = table.c.state.in_(sorted(states))
    needs = sa.or_(unfilled, unpaid_again())
    chosen = sa.or_(one, needs) if title == COLUMNS[0][0] else sa.and_(one, sa.not_(needs))
    query = sa.select(table).where(chosen, *where).order_by(table.c.updated_at.desc(), table.c.number.desc())
    return connection.execute(query.limit(_IN_A_COLUMN)).all()


@pages.page("/jobs/new", Role.EDITOR)
def new() -> ResponseReturnValue:
    """The form of a job that is posted by hand."""
    return _form({**dict.fromkeys(_FIELDS, ""), "how": "assign"}, {}, None)


@pages.page("/jobs/new", Role.EDITOR, method="POST")
def post() -> ResponseReturnValue:
    """Post it, or say at each field what is wrong; what was typed stays."""
    typed = typed_in(_FIELDS, ("description",))
    given, wrong = read_job(typed)
    wrong = {**misfits("jobs", "post", given, _PLACES), **wrong}
    if "date" in given and "date" not in wrong and is_day_over(str(given["date"]), the_hub().now()):
        wrong["date"] = "This day is over. Name today or a day to come."
    if wrong:
        return _form(typed, wrong, None), 422
    try:
        made = act_once("jobs", "post", given)
        if typed["how"] == "assign":
            act_once("jobs", "assign", {"job": made["job"]})
    except (ActionError, ConfigError) as error:
        return _form(typed, {}, error), 422
    flash(f"Job {made['number']} is posted.", "success")
    return redirect(url_for("jobs.show", reference=str(made["job"])), 303)


def read_job(typed: Mapping[str, str]) -> tuple[JsonObject, dict[str, str]]:
    """The input of ``jobs/post``, and by field what is wrong."""
    wrong = {**wrong_currency(typed["currency"]), **wrong_address(typed["email"])}
    given: dict[str, Json] = {name: typed[name] for name in _TEXTS if typed[name]}
    if not typed["title"]:
        wrong["title"] = "Write what is to be done."
    if typed["date"] and not _is_day(typed["date"]):
        wrong["date"] = f"{typed['date'][:40]!r} is not a day of the calendar. Write it like 2026-11-23."
    currency = typed["currency"].upper()
    if typed["how"] == "offers":
        given |= {"pay": "escrow", "currency": currency}
        if not currency:
            wrong["currency"] = "Say in which currency prices are offered."
    elif typed["price"]:
        if not currency:
            wrong["currency"] = "Say in which currency the price is."
        elif "currency" not in wrong:
            price, said = _price(typed["price"], currency)
            given |= {"price": price} if price else {}
            wrong |= {"price": said} if said else {}
    skills = [one.strip() for one in typed["skills"].split(",") if one.strip()]
    customer: JsonObject = {name: typed[name] for name in ("name", "email") if typed[name]}
    return {**given, **({"skills": skills} if skills else {}), **({"customer": customer} if customer else {})}, wrong


def _price(text: str, currency: str) -> tuple[JsonObject | None, str]:
    """The price that was typed, or what is wrong with it."""
    try:
        price = Money.parse(text, currency)
    except MoneyError as error:
        return None, str(error)
    return (price.to_json(), "") if price.minor > 0 else (None, "Leave the price out, or write one above zero.")


def _is_day(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False


@pages.page("/jobs/<reference>", Role.VIEWER)
def show(reference: str) -> ResponseReturnValue:
    """One job."""
    return _page(reference, Pressed())


@pages.page("/jobs/<reference>", Role.EDITOR, method="POST")
def act(reference: str) -> ResponseReturnValue:
    """Assign, start, report done, confirm, dispute or cancel for somebody; a double click is one act."""
    do = request.form.get("do", "")
    if do not in _ACTS:
        return _page(reference, Pressed()), 422
    pressed = press(do, "jobs", do, {"job": reference}, _TYPED.get(do, ()))
    if not pressed.is_right:
        return _page(reference, pressed), 422
    flash("Done.", "success")
    return redirect(url_for("jobs.show", reference=reference), 303)


def _form(typed: Mapping[str, str], wrong: Mapping[str, str], error: Exception | None) -> str:
    return render_template("job_new.html", typed=typed, wrong=wrong, error=error, key=form_key())


def _page(reference: str, pressed: Pressed) -> str:
    hub = the_hub()
    with hub.database.read() as connection:
        row = find_job(connection, reference)
        offers, begun = offers_of(connection, row.id), payments_of(connection, row.id)
        held = is_held(connection, row)
        approved = sa.select(providers).where(providers.c.state == "approved").order_by(providers.c.name)
        people = connection.execute(approved).all()
    price = price_of(row)
    possible = {name for name in _ACTS if name in STEPS and can(name, row.state, is_held=held)}
    if row.state == "assigned" and row.awaiting == "acceptance":
        possible |= {"assign"}
    return render_template(
        "job.html",
        row=row,
        price=price.to_json() if price is not None else None,
        offers=offers,
        payments=begun,
        is_held=held,
        taken_back=row.payment is None and row.state not in OVER and any(one.state == "returned" for one in begun),
        people=people,
        names={one.id: one.name for one in people} | {one.provider: one.name for one in offers},
        possible=possible,
        address=hub.office("job").address(FOR_CUSTOMER, row.id),
        told=hub.queries.events(EventFilter(text=row.id), limit=100).items,
        unreturned=unreturned(hub, row.id),
        pressed=pressed,
        key=form_key(),
    )
