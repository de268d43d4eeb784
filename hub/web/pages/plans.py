"""Payment plans: those that are there, a new one, another price for the next period, and retiring one."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, cast

import sqlalchemy as sa
from flask import flash, redirect, render_template, request, url_for

from hub.engine.form_desk import FormDesk
from hub.errors import ActionError, NotFoundError
from hub.journal.tables_billing import told_plans as table
from hub.journal.tables_billing import told_subscriptions, value
from hub.journal.tables_forms import form_plans
from hub.money import Money
from hub.payments.histories import Thing
from hub.web.access import Pages, Role
from hub.web.acting import act_once, form_key, offered, offering
from hub.web.csv_files import csv_file
from hub.web.entries import Pressed, button_of, read_amount, read_whole, too_long, typed_in, wrong_currency
from hub.web.odd_news import odd_among, odd_of
from hub.web.sessions import the_hub

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from flask.typing import ResponseReturnValue

    from hub.jsontypes import Json, JsonObject

pages = Pages("plans", __name__)

UNITS: Final = ("day", "week", "month", "year")
STATES: Final = ("active", "retired")
_NEWEST = 200
_EXPORTED = 100_000
_HEADER: Final = ("connection", "plan", "name", "state", "currency", "price", "count", "unit", "subscriptions")
_FIELDS = ("connection", "name", "amount", "currency", "unit", "count", "trial_days", "cycles", "description")
_WHOLE: Final[Mapping[str, tuple[int, int]]] = {"count": (1, 365), "trial_days": (0, 730), "cycles": (1, 1200)}
_LENGTHS: Final[Mapping[str, int]] = {"name": 120, "description": 1000}


@pages.page("/plans", Role.VIEWER)
def index() -> ResponseReturnValue:
    """The newest plans that fit, with how many members each has."""
    asked, rows = _wanted(_NEWEST)
    connections = [row.name for row in the_hub().store.connections()]
    return render_template(
        "plans.html",
        rows=rows,
        members=_members(),
        odd=odd_among(rows, lambda row: Thing("plan", row.connection, row.plan)),
        value=value,
        most=_NEWEST,
        asked=asked,
        states=STATES,
        connections=connections,
    )


@pages.page("/plans.csv", Role.VIEWER)
def export() -> ResponseReturnValue:
    """The plans that fit, as a file."""
    return csv_file("plans.csv", _HEADER, _exported(_wanted(_EXPORTED)[1]))


def _wanted(most: int) -> tuple[dict[str, str], Sequence[sa.Row[Any]]]:
    """What is asked for, and the plans that fit: their names stand among what was told, which no query looks into."""
    asked = {name: request.args.get(name, "").strip() for name in ("state", "connection", "text")}
    where = [table.c[name] == asked[name] for name in ("state", "connection") if asked[name]]
    order = (table.c.state, table.c.created_at.desc(), table.c.plan)
    query, text = sa.select(table).where(*where).order_by(*order), asked["text"].casefold()
    with the_hub().database.read() as connection:
        if not text:
            return asked, connection.execute(query.limit(most)).all()
        rows = connection.execute(query.limit(_EXPORTED))
        found = (row for row in rows if row.plan == asked["text"] or text in str(value(row.data, "name")).casefold())
        return asked, list(islice(found, most))


def _exported(rows: Sequence[sa.Row[Any]]) -> Iterator[Sequence[object]]:
    members = _members()
    for row in rows:
        price = Money.from_json(told) if (told := value(row.data, "price")) else None
        interval = cast("JsonObject", value(row.data, "interval") or {})
        yield (
            *(row.connection, row.plan, value(row.data, "name"), row.state),
            *((price.currency, price.to_decimal_text()) if price is not None else (None, None)),
            *(interval.get("count"), interval.get("unit")),
            sum(members.get((row.connection, row.plan), {}).values()),
        )


@pages.page("/plans/new", Role.EDITOR)
def new() -> ResponseReturnValue:
    """The form of a new plan."""
    typed = {**dict.fromkeys(_FIELDS, ""), "unit": "month", "count": "1", "connection": request.args.get("for", "")}
    return _form(typed, {}, None)


@pages.page("/plans/new", Role.EDITOR, method="POST")
def create() -> ResponseReturnValue:
    """Make it, or say at each field what is wrong; what was typed stays."""
    typed = typed_in(_FIELDS)
    given, wrong = read_plan(typed)
    if typed["connection"] not in offering("plan.create"):
        wrong["connection"] = "Choose the gateway that charges the plan."
    if wrong:
        return _form(typed, wrong, None), 422
    try:
        made = act_once(typed["connection"], "plan.create", given)
    except ActionError as error:
        return _form(typed, {}, error), 422
    flash(f"The plan {typed['name']} is there. A form or a recipe can start subscriptions on it.", "success")
    return redirect(url_for("plans.show", connection=typed["connection"], plan=str(made["plan"])), 303)


@pages.page("/plans/<connection>/<path:plan>", Role.VIEWER)
def show(connection: str, plan: str) -> ResponseReturnValue:
    """One plan: its price, its members, the forms that ask for another price, and what can be done."""
    return _page(_row(connection, plan), Pressed())


@pages.page("/plans/<connection>/<path:plan>", Role.EDITOR, method="POST")
def act(connection: str, plan: str) -> ResponseReturnValue:
    """Give it another price from the next period, or retire it."""
    row = _row(connection, plan)
    if button_of("do", ("retire", "reprice")) == "retire":
        pressed = _retire(row)
    else:
        plan, pressed = _reprice(row)
    if not pressed.is_right:
        return _page(row, pressed), 422
    known = _find(connection, plan) is not None
    return redirect(url_for("plans.show", connection=connection, plan=plan if known else row.plan), 303)


def _retire(row: sa.Row[Any]) -> Pressed:
    try:
        act_once(row.connection, "plan.cancel", {"plan": row.plan})
    except ActionError as error:
        return Pressed("retire", error=error)
    flash("Nobody can start on it any more; who is a member stays one.", "success")
    return Pressed()


def _reprice(row: sa.Row[Any]) -> tuple[str, Pressed]:
    """Set another price; give the plan that has it: where plans are fixed, another takes its place."""
    price = cast("JsonObject", value(row.data, "price") or {})
    typed, wrong = typed_in(("amount", "existing")), dict[str, str]()
    amount = _price(typed["amount"], str(price.get("currency", "")), wrong)
    if wrong:
        return row.plan, Pressed("reprice", typed, wrong)
    existing = "move" if typed["existing"] == "move" else "keep"
    try:
        output = act_once(row.connection, "plan.update", {"plan": row.plan, "price": amount, "existing": existing})
    except ActionError as error:
        return row.plan, Pressed("reprice", typed, error=error)
    flash("The new price holds.", "success")
    return str(output["plan"]), Pressed()


def read_plan(typed: Mapping[str, str]) -> tuple[JsonObject, dict[str, str]]:
    """The input of ``plan.create``, and by field what is wrong with what was typed."""
    wrong = {**too_long(typed, _LENGTHS), **wrong_currency(typed["currency"])}
    given: dict[str, Json] = {name: typed[name] for name in _LENGTHS if typed[name]}
    if not typed["name"]:
        wrong["name"] = "Give it a name; members read it."
    if not typed["currency"]:
        wrong["currency"] = "Write its three letters, such as USD."
    if "currency" not in wrong:
        given["price"] = _price(typed["amount"], typed["currency"].upper(), wrong)
    numbers: dict[str, Json] = {
        name: read_whole(typed[name], *_WHOLE[name], wrong, name) for name in _WHOLE if typed[name]
    }
    if typed["unit"] not in UNITS:
        wrong["unit"] = "Choose day, week, month or year."
    given["interval"] = {"unit": typed["unit"], "count": numbers.pop("count", 1)}
    return {**given, **numbers}, wrong


def _price(text: str, currency: str, wrong: dict[str, str]) -> JsonObject | None:
    """A price above zero as Money; None, and in ``wrong`` what to say at it, when it is none."""
    money = read_amount(text, currency, wrong)
    if money is not None and money.minor <= 0:
        wrong["amount"] = "A price is above zero."
    return money.to_json() if money is not None else None


def _form(typed: Mapping[str, str], wrong: Mapping[str, str], error: ActionError | None) -> str:
    where = offering("plan.create")
    return render_template(
        "plan_new.html", typed=typed, wrong=wrong, error=error, connections=where, units=UNITS, key=form_key()
    )


def _page(row: sa.Row[Any], pressed: Pressed) -> str:
    possible = offered(row.connection, ("plan.update", "plan.cancel")) if row.state == "active" else frozenset()
    return render_template(
        "plan.html",
        row=row,
        oddities=odd_of("plan", row.connection, row.plan),
        value=value,
        members=_members((told_subscriptions.c.connection == row.connection, told_subscriptions.c.plan == row.plan)),
        possible=possible,
        asking=_asking_otherwise(row),
        pressed=pressed,
        key=form_key(),
    )


def _asking_otherwise(row: sa.Row[Any]) -> list[tuple[str, Money]]:
    """The forms that made the plan and ask for another price than it has now, each with that price."""
    price, desk = value(row.data, "price"), FormDesk(the_hub())
    query = sa.select(form_plans).where(form_plans.c.connection == row.connection, form_plans.c.plan == row.plan)
    with the_hub().database.read() as connection:
        made = [one for one in connection.execute(query) if one.form in desk.texts()]
    found = []
    for one in made:
        pay = desk.get(one.form).pay
        offer = pay.offer(one.offer) if pay is not None else None
        asked = offer.prices.get(one.terms["price"]["currency"]) if offer is not None else None
        if asked is not None and asked.fixed is not None and asked.fixed.to_json() != price:
            found.append((one.form, asked.fixed))
    return found


def _row(connection: str, plan: str) -> sa.Row[Any]:
    row = _find(connection, plan)
    if row is None:
        message = f"Nothing was told of a plan {plan!r} of {connection}."
        raise NotFoundError(message, remedy="The page Plans lists those that are known.")
    return row


def _find(connection: str, plan: str) -> sa.Row[Any] | None:
    query = sa.select(table).where(table.c.connection == connection, table.c.plan == plan)
    with the_hub().database.read() as reading:
        return reading.execute(query).one_or_none()


def _members(where: tuple[sa.ColumnElement[bool], ...] = ()) -> dict[tuple[str, str], dict[str, int]]:
    """By connection and plan: how many subscriptions stand in which state."""
    of = told_subscriptions.c
    query = sa.select(of.connection, of.plan, of.state, sa.func.count()).where(*where)
    found: dict[tuple[str, str], dict[str, int]] = {}
    with the_hub().database.read() as connection:
        for place, plan, state, count in connection.execute(query.group_by(of.connection, of.plan, of.state)):
            found.setdefault((place, plan), {})[state] = count
    return found
