"""Orders: the list, one order with its lines and payments, a new one made by hand, and cancelling one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from flask import flash, redirect, render_template, request, url_for

from hub.commerce.order_reading import due_of, find_order, lines_of, payments_of
from hub.engine.unreturned import unreturned
from hub.errors import ActionError, ConflictError, MoneyError
from hub.journal.queries import EventFilter
from hub.journal.tables_commerce import orders as table
from hub.money import Money
from hub.web.access import Pages, Role
from hub.web.acting import act_once, form_key
from hub.web.codes import code_picture
from hub.web.csv_files import csv_file
from hub.web.entries import Pressed, misfits, press, typed_in, wrong_address, wrong_currency
from hub.web.line_refunds import form_of, press_lines, refund_said, taken_for
from hub.web.sessions import the_hub
from hub.web.sums import sums

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from flask.typing import ResponseReturnValue

    from hub.jsontypes import Json, JsonObject

pages = Pages("orders", __name__)

STATES: Final = ("open", "paid", "cancelled", "expired")
_FIELDS: Final = ("lines", "currency", "name", "email", "description")
_PLACES: Final = {
    "lines": "lines",
    "currency": "currency",
    "customer.name": "name",
    "customer.email": "email",
    "description": "description",
}
_NEWEST: Final = 200
_EXPORTED: Final = 100_000
_HEADER: Final = ("number", "order", "state", "currency", "total", "paid", "customer", "placed", "paid_at")


@pages.page("/orders", Role.VIEWER)
def index() -> ResponseReturnValue:
    """The newest orders that fit, and what they come to in each currency."""
    asked, where = _wanted()
    query = sa.select(table).where(*where).order_by(table.c.created_at.desc(), table.c.number.desc()).limit(_NEWEST)
    with the_hub().database.read() as connection:
        rows = connection.execute(query).all()
        in_all = sums(connection, table.c.currency, table.c.total, table.c.paid, where)
    return render_template("orders.html", rows=rows, in_all=in_all, asked=asked, states=STATES, most=_NEWEST)


@pages.page("/orders.csv", Role.VIEWER)
def export() -> ResponseReturnValue:
    """The orders that fit, as a file."""
    return csv_file("orders.csv", _HEADER, _exported(_wanted()[1]))


@pages.page("/orders/new", Role.EDITOR)
def new() -> ResponseReturnValue:
    """The form of an order that is made by hand."""
    return _form(dict.fromkeys(_FIELDS, ""), {}, None)


@pages.page("/orders/new", Role.EDITOR, method="POST")
def create() -> ResponseReturnValue:
    """Place it, or say at each field what is wrong; what was typed stays."""
    typed = typed_in(_FIELDS, ("lines",))
    given, wrong = read_order(typed)
    wrong = {**misfits("orders", "create", given, _PLACES), **wrong}
    if wrong:
        return _form(typed, wrong, None), 422
    try:
        made = act_once("orders", "create", given)
    except ActionError as error:
        wrong = refused_at(error)
        return _form(typed, wrong, None if wrong else error), 422
    flash(f"Order {made['number']} is placed. Send its address to the customer, who pays there.", "success")
    return redirect(url_for("orders.show", reference=str(made["order"])), 303)


@pages.page("/orders/<reference>", Role.VIEWER)
def show(reference: str) -> ResponseReturnValue:
    """One order: lines, payments, what happened."""
    return _page(reference, Pressed())


@pages.page("/orders/<reference>/cancel", Role.EDITOR, method="POST")
def cancel(reference: str) -> ResponseReturnValue:
    """Nobody can pay it any more; its stock goes back."""
    pressed = press("cancel", "orders", "cancel", {"order": reference}, ("reason",))
    if not pressed.is_right:
        return _page(reference, pressed), 422
    flash("The order is cancelled; what it held is in stock again.", "success")
    return redirect(url_for("orders.show", reference=reference), 303)


@pages.page("/orders/<reference>/refund", Role.EDITOR, method="POST")
def refund(reference: str) -> ResponseReturnValue:
    """Give lines back that were paid, or say what they come to."""
    with the_hub().database.read() as connection:
        order = find_order(connection, reference)
    paid_by = taken_for(order.id)
    if paid_by is None:
        message = "Nothing was paid for this order that could be given back by line."
        raise ConflictError(message, remedy="Look at its payments for what came in.")
    pressed, output = press_lines(paid_by.connection, paid_by.payment)
    if output is None:
        return _page(reference, pressed), 200 if pressed.is_right else 422
    flash(refund_said(output), "success")
    return redirect(url_for("orders.show", reference=reference), 303)


def read_order(typed: Mapping[str, str]) -> tuple[JsonObject, dict[str, str]]:
    """The input of ``orders/create``, and by field what is wrong. A line: ``2 TEA-01``, or ``1 Delivery = 4.90``."""
    wrong = {**wrong_currency(typed["currency"]), **wrong_address(typed["email"])}
    lines: list[Json] = []
    for number, text in enumerate((one.strip() for one in typed["lines"].splitlines()), start=1):
        if text:
            try:
                lines.append(_line(text, typed["currency"].upper()))
            except MoneyError as error:
                wrong["lines"] = f"Line {number}: {error}"
    if not lines:
        wrong.setdefault("lines", "Write a line for each thing that is ordered.")
    customer: JsonObject = {name: typed[name] for name in ("name", "email") if typed[name]}
    given: dict[str, Json] = {"lines": lines}
    if typed["currency"]:
        given["currency"] = typed["currency"].upper()
    if customer:
        given["customer"] = customer
    if typed["description"]:
        given["description"] = typed["description"]
    return given, wrong


def refused_at(error: ActionError) -> dict[str, str]:
    """At which field a refusal belongs; nothing when it belongs to none. What is said of a line names it."""
    if error.code in {"not_found", "out_of_stock", "currency_unsupported"} or error.message.startswith("Line "):
        return {"lines": str(error)}
    if error.code == "bad_input" and error.message.startswith("The order: "):
        return {"currency" if error.remedy == "Give the currency." else "lines": str(error)}
    return {}


def _line(text: str, currency: str) -> JsonObject:
    first, _, rest = text.partition(" ")
    quantity, what = (int(first), rest.strip()) if first.isascii() and first.isdigit() and rest else (1, text)
    title, divided, price = what.partition("=")
    if not divided:
        return {"item": what, "quantity": quantity}
    if not currency:
        message = "a price needs the currency of the order."
        raise MoneyError(message, remedy="Choose the currency below.")
    money = Money.parse(price.strip(), currency)
    return {"title": title.strip(), "quantity": quantity, "price": money.to_json()}


def _form(typed: Mapping[str, str], wrong: Mapping[str, str], error: ActionError | None) -> str:
    return render_template("order_new.html", typed=typed, wrong=wrong, error=error, key=form_key())


def _page(reference: str, pressed: Pressed) -> str:
    hub = the_hub()
    with hub.database.read() as connection:
        row = find_order(connection, reference)
        lines, begun = lines_of(connection, row), payments_of(connection, row.id)
    paid_by = taken_for(row.id)
    line_form = None
    if paid_by is not None:
        line_form, pressed = form_of(paid_by.connection, paid_by.payment, pressed)
    address = hub.office("order").address("o", row.id)
    return render_template(
        "order_admin.html",
        row=row,
        lines=lines,
        payments=begun,
        due=due_of(row).to_json(),
        address=address,
        code=code_picture(address, "The page of the order"),
        told=hub.queries.events(EventFilter(text=row.id), limit=100).items,
        unreturned=unreturned(hub, row.id),
        line_form=line_form,
        pressed=pressed,
        key=form_key(),
    )


def _wanted() -> tuple[dict[str, str], list[sa.ColumnElement[bool]]]:
    asked = {name: request.args.get(name, "").strip() for name in ("text", "state")}
    where = [table.c.search.contains(word, autoescape=True) for word in asked["text"].lower().split()]
    if asked["state"]:
        where.append(table.c.state == asked["state"])
    return asked, where


def _exported(where: Sequence[sa.ColumnElement[bool]]) -> Iterator[Sequence[object]]:
    query = sa.select(table).where(*where).order_by(table.c.created_at.desc()).limit(_EXPORTED)
    with the_hub().database.read() as connection:
        rows = connection.execute(query).all()
    for row in rows:
        customer = row.customer or {}
        amounts = [Money(minor, row.currency).to_decimal_text() for minor in (row.total, row.paid)]
        who = customer.get("email") or customer.get("name")
        paid_at = row.paid_at.isoformat() if row.paid_at else None
        yield row.number, row.id, row.state, row.currency, *amounts, who, row.created_at.isoformat(), paid_at
